// io. Paths of files: UTF-8 text on every system.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/encoding.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>

namespace spat::inline SPAT_ABI {

/// The path that a UTF-8 text names. On Windows, where paths are UTF-16, throws FileError if the
/// text is not UTF-8. Elsewhere a path is the bytes of the text, whatever they are.
[[nodiscard]] inline std::filesystem::path utf8_path(std::string_view text) {
  if constexpr (std::is_same_v<std::filesystem::path::value_type, char>) {
    return text;
  } else {
    if (!detail::is_utf8(text))
      throw FileError(message(in_quotes(text), ": a path is UTF-8 text, and this is none"));
    return std::u8string(text.begin(), text.end());
  }
}

/// The UTF-8 text of a path, which utf8_path() makes a path again.
[[nodiscard]] inline std::string utf8_text(const std::filesystem::path& path) {
  if constexpr (std::is_same_v<std::filesystem::path::value_type, char>) {
    return path.string();
  } else {
    const std::u8string text = path.u8string();
    return {text.begin(), text.end()};
  }
}

}  // namespace spat
