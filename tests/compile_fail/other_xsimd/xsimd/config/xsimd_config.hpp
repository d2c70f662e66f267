// In place of xsimd's own file: its version comes from the command line.
