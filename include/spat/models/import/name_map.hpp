// models. A file of lines "theirs = ours": the names that a foreign checkpoint has for a model's
// tensors.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/input_file.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The lines of a map of names. Each side is a whole name, or a prefix that ends with a point:
///
///     # a comment
///     decoder.out.weight = projection.weight
///     blocks. = encoder.attn_layers.
///
/// The left side is the name in the file, with its prefix, the right side the model's.
struct NameMap {
  struct Line {
    std::size_t number = 0;  // in the text, from 1
    std::string theirs = {}, ours = {};

    [[nodiscard]] bool is_prefix() const { return theirs.ends_with('.'); }
  };

  static constexpr std::size_t most_bytes = std::size_t{1} << 20;

  std::string origin = {};  // the file, for messages
  std::vector<Line> lines = {};

  /// The place of a line, for messages: "names.txt, line 3: ".
  [[nodiscard]] std::string place(const Line& line) const {
    return message(origin, ", line ", line.number, ": ");
  }

  /// Throws ConfigError, with the line, unless each line is empty, a comment or two names with one
  /// "=" between them, both whole or both prefixes, and no name stands on its side twice.
  [[nodiscard]] static NameMap parse(std::string_view text, const std::string& origin) {
    NameMap map{.origin = origin};
    std::set<std::string> theirs, ours;
    std::size_t number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view content = text.substr(0, end);
      if (content.ends_with('\r')) content.remove_suffix(1);
      content = trimmed(content);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (content.empty() || content.front() == '#') continue;
      const std::size_t sign = content.find('=');
      Line line{.number = number};
      if (sign != std::string_view::npos) {
        line.theirs = trimmed(content.substr(0, sign));
        line.ours = trimmed(content.substr(sign + 1));
      }
      if (line.theirs.empty() || line.ours.empty() || line.ours.find('=') != std::string::npos)
        throw ConfigError(message(map.place(line),
                                  "expected \"name in the file = name in the "
                                  "model\", found ",
                                  in_quotes(content)));
      if (line.theirs.ends_with('.') != line.ours.ends_with('.'))
        throw ConfigError(message(map.place(line),
                                  "a prefix ends with a point on both sides, or "
                                  "none does: ",
                                  in_quotes(content)));
      for (auto* const names : {&theirs, &ours}) {
        const std::string& name = names == &theirs ? line.theirs : line.ours;
        if (!names->insert(name).second)
          throw ConfigError(message(map.place(line), in_quotes(name), " was named before"));
      }
      map.lines.push_back(std::move(line));
    }
    return map;
  }

  /// Reads a map. Throws FileError for a file that cannot be read or has more than 1 MiB.
  [[nodiscard]] static NameMap read(const std::string& path) {
    const auto stream = detail::open_input(path);
    const std::uint64_t size = detail::stream_size(*stream, path);
    if (size > most_bytes)
      throw FileError(message(path, ": a map of names of ", size, " bytes, most ", most_bytes));
    std::string text(static_cast<std::size_t>(size), '\0');
    if (size > 0) detail::read_at(*stream, path, 0, text.data(), text.size());
    return parse(text, path);
  }
};

}  // namespace spat
