// For tests of what is printed as text.
#pragma once

#include <string>

/// The line that begins with `start`, without its line end.
inline std::string line_of(const std::string& text, const std::string& start) {
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    if (text.substr(at).starts_with(start)) return text.substr(at, text.find('\n', at) - at);
  return "no such line";
}
