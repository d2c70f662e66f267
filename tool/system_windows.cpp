// What the tool asks of the operating system, on Windows.
#if defined(_WIN32)

#include "system.hpp"

#include <spat/io/file_calls.hpp>
#include <spat/io/path.hpp>

#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
// needs it before
#include <shellapi.h>
#undef near  // other files of the tool follow in the same unit
#undef far

#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <share.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>

namespace tool {

namespace {

unsigned code_page_before = 0;

/// A word as it stands in a command line: in quotes, as the C library of a program reads them.
std::wstring command_word(const std::wstring& word) {
  std::wstring text = L"\"";
  std::size_t backslashes = 0;  // double before a quote
  for (const wchar_t c : word) {
    if (c == L'"') text.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    text.push_back(c);
  }
  return text.append(backslashes, L'\\').append(1, L'"');
}

/// Lets a standard stream go to a file while it lives.
class Redirection {
 public:
  Redirection(std::FILE* stream, const std::string& path)
      : stream_((std::fflush(stream), stream)), before_(::_dup(::_fileno(stream))) {
    int file = -1;
    const int problem =
        ::_wsopen_s(&file, spat::utf8_path(path).c_str(), _O_WRONLY | _O_CREAT | _O_TRUNC,
                    _SH_DENYNO, _S_IREAD | _S_IWRITE);
    if (problem != 0)
      throw spat::FileError(
          message(path, ": cannot be written: ", spat::detail::error_text(problem)));
    ::_dup2(file, ::_fileno(stream));
    ::_close(file);
  }
  Redirection(const Redirection&) = delete;
  Redirection& operator=(const Redirection&) = delete;
  ~Redirection() {
    if (before_ < 0) return;
    ::_dup2(before_, ::_fileno(stream_));
    ::_close(before_);
  }

 private:
  std::FILE* stream_;
  int before_;
};

}  // namespace

std::vector<std::string> command_words(int count, char** words) {
  ::_setmode(::_fileno(stdout), _O_BINARY);
  ::_setmode(::_fileno(stderr), _O_BINARY);
  code_page_before = ::GetConsoleOutputCP();
  if (code_page_before != 0 && ::SetConsoleOutputCP(CP_UTF8) != 0)
    std::atexit([] { ::SetConsoleOutputCP(code_page_before); });
  int wide_count = 0;
  wchar_t** const wide = ::CommandLineToArgvW(::GetCommandLineW(), &wide_count);
  if (wide == nullptr) return {words, words + count};
  std::vector<std::string> all;
  for (int i = 0; i < wide_count; ++i)
    all.push_back(spat::utf8_text(std::filesystem::path(wide[i])));
  ::LocalFree(wide);
  return all;
}

bool error_is_terminal() {
  constexpr DWORD understands_escapes = 4;  // ENABLE_VIRTUAL_TERMINAL_PROCESSING
  void* const console = ::GetStdHandle(STD_ERROR_HANDLE);
  DWORD mode = 0;
  return ::GetConsoleMode(console, &mode) != 0 &&
         ::SetConsoleMode(console, mode | understands_escapes) != 0;
}

std::string make_temporary_folder() {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();  // the user's own
  std::random_device number;
  std::error_code problem;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::filesystem::path path = folder / message("spat_", number());
    if (std::filesystem::create_directory(path, problem)) return spat::utf8_text(path);
    if (problem) break;
  }
  throw spat::FileError(message(spat::utf8_text(folder), ": no folder can be made in it: ",
                                spat::detail::error_text(spat::detail::error_number(problem))));
}

std::optional<int> run_program(const std::vector<std::string>& words, const std::string& said,
                               const std::string& errors) {
  std::vector<std::wstring> texts;
  for (const std::string& word : words) texts.push_back(spat::utf8_path(word).wstring());
  const std::wstring program = texts[0];
  std::vector<const wchar_t*> arguments;
  for (std::wstring& text : texts) arguments.push_back((text = command_word(text)).c_str());
  arguments.push_back(nullptr);
  const Redirection out(stdout, said), err(stderr, errors);
  const std::intptr_t code = ::_wspawnvp(_P_WAIT, program.c_str(), arguments.data());
  constexpr std::intptr_t offer = 9009;  // Windows' own python.exe: it offers to install one
  if (code == -1 || code == offer) return {};
  return static_cast<int>(code);
}

}  // namespace tool

#endif
