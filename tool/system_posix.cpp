// What the tool asks of the operating system, on Linux and macOS.
#if !defined(_WIN32)

#include "system.hpp"

#include <spat/io/file_calls.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace tool {

std::vector<std::string> command_words(int count, char** words) { return {words, words + count}; }

bool error_is_terminal() { return ::isatty(STDERR_FILENO) != 0; }

std::string make_temporary_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "spat_XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr)
    throw spat::FileError(message(path, ": cannot be made: ", spat::detail::error_text(errno)));
  return path;
}

std::optional<int> run_program(const std::vector<std::string>& words, const std::string& said,
                               const std::string& errors) {
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  int handle = STDOUT_FILENO;
  for (const std::string& file : {said, errors})
    ::posix_spawn_file_actions_addopen(&actions, handle++, file.c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char*> arguments;  // posix_spawnp changes none of them
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::pid_t child = 0;
  const int problem =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return {};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return {};
  if (!WIFEXITED(status)) return 128;
  return WEXITSTATUS(status) == 127 ? std::optional<int>() : WEXITSTATUS(status);
}

}  // namespace tool

#endif
