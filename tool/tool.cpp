// Functions that all commands share.
#include "tool.hpp"

#include <cstdio>
#include <filesystem>

namespace tool {

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

void make_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) throw spat::FileError(message(folder, ": ", problem.message()));
}

}  // namespace tool
