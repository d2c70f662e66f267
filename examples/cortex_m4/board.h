/* What a program needs of the board. */
#ifndef BOARD_H
#define BOARD_H

void board_start(void); /* begins the program */
void board_print(const char *text);
void board_exit(int code);

#endif
