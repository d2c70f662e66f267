// What the tool asks of the operating system: system_posix.cpp and system_windows.cpp answer.
#pragma once

#include "tool.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tool {

/// The words of the command line in UTF-8, the program's name first; main() calls it once. On
/// Windows it also makes the console UTF-8 until the program ends, and what is printed binary: a
/// line ends with LF on every system, in a file as on standard output.
std::vector<std::string> command_words(int count, char** words);

/// Whether standard error is a terminal on which a line can be written anew.
bool error_is_terminal();

/// Makes a folder among the temporary files that no other user can read, and returns its path.
/// Throws FileError if that fails.
std::string make_temporary_folder();

/// Calls a program of the search path and waits for its end; what it prints goes to two files.
/// Returns its exit code, 128 for a signal, or nothing if there is no such program.
std::optional<int> run_program(const std::vector<std::string>& words, const std::string& said,
                               const std::string& errors);

}  // namespace tool
