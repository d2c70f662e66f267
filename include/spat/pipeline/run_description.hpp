// pipeline. The description of a run: everything that decides its numbers, as text with a hash.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Metadata key of the description in a model file.
inline constexpr const char* run_key = "spat.run";

/// A list of named values in the order in which they were set. describe_run() fills it; states of
/// trainings, model files and reports hold it or its hash. The text is one line per field,
///
///     training.rate=1e-04
///
/// and a last line with the hash of those before it. Numbers have the fewest digits that read back
/// as the same number, so equal runs have equal texts on every machine.
class RunDescription {
 public:
  /// A field that two descriptions do not share. A description without it has no value.
  struct Difference {
    std::string name;
    std::optional<std::string> mine, other;
  };

  /// Replaces the field of that name, or appends one: a text, a number or a truth value. Throws
  /// ConfigError for a name that is empty, is "hash", or has a character that a line cannot hold.
  template <class Value>
  void set(std::string_view name, const Value& value) {
    if (name.empty() || name == hash_name || name.find_first_of("=\n") != std::string_view::npos)
      throw ConfigError(message("a description has no field called ", in_quotes(name)));
    std::string text;
    if constexpr (std::is_same_v<Value, bool>)
      text = value ? "true" : "false";
    else
      detail::append(text, value);
    for (auto& [known, held] : fields_)
      if (known == name) return void(held = std::move(text));
    fields_.emplace_back(name, std::move(text));
  }
  /// Sets all fields of `other`.
  void add(const RunDescription& other) {
    for (const auto& [name, value] : other.fields_) set(name, value);
  }

  [[nodiscard]] bool empty() const { return fields_.empty(); }
  /// The value of a field; null if there is none of that name.
  [[nodiscard]] const std::string* find(std::string_view name) const {
    const auto found = std::ranges::find(fields_, name, [](const auto& f) { return f.first; });
    return found == fields_.end() ? nullptr : &found->second;
  }

  /// The fields as lines, and their hash.
  [[nodiscard]] std::string text() const {
    return lines().append(message(hash_name, "=", hash_text(), "\n"));
  }
  /// The 64-bit FNV-1a hash of the lines: equal for equal descriptions, and no protection against
  /// forgery.
  [[nodiscard]] std::uint64_t hash() const {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : lines()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
  }
  /// The hash as 16 hexadecimal digits.
  [[nodiscard]] std::string hash_text() const {
    const std::uint64_t number = hash();
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4)
      digits.push_back("0123456789abcdef"[(number >> shift) & 15]);
    return digits;
  }

  /// The first field in which `other` differs, in this description's order; then those that it
  /// alone has.
  [[nodiscard]] std::optional<Difference> difference(const RunDescription& other) const {
    for (const auto& [name, value] : fields_) {
      const std::string* const theirs = other.find(name);
      if (!theirs) return Difference{name, value, {}};
      if (*theirs != value) return Difference{name, value, *theirs};
    }
    for (const auto& [name, value] : other.fields_)
      if (!find(name)) return Difference{name, {}, value};
    return {};
  }
  /// Throws ConfigError, with the first differing field and both values, unless `written`, which
  /// the file at `path` holds, is this description.
  void expect_same(const RunDescription& written, std::string_view path) const {
    const auto found = difference(written);
    if (!found) return;
    const auto side = [&](const std::optional<std::string>& value) {
      return value ? message(found->name, "=", cut(*value)) : message("no ", found->name);
    };
    throw ConfigError(message(path, ": was written by a run with ", side(found->other),
                              ", this one has ", side(found->mine)));
  }

  /// Reads the text() of a description; an empty text is an empty one. Throws FileError, starting
  /// with `origin`, for lines that are none and for a hash that is not theirs.
  [[nodiscard]] static RunDescription parse(std::string_view text, std::string_view origin) {
    RunDescription run;
    const auto refuse = [&](const auto&... what) {
      throw FileError(message(origin, ": expected the description of a run, ", what...));
    };
    bool closed = text.empty();
    while (!text.empty()) {
      const std::size_t end = text.find('\n'), sign = text.find('=');
      if (closed || end == std::string_view::npos || sign >= end || sign == 0)
        refuse("found ", in_quotes(text.substr(0, end)));
      const std::string_view name = text.substr(0, sign),
                             value = text.substr(sign + 1, end - sign - 1);
      text.remove_prefix(end + 1);
      closed = name == hash_name;
      if (closed && value != run.hash_text())
        refuse("its hash is ", run.hash_text(), ", found ", in_quotes(value));
      if (closed) continue;
      if (run.fields_.size() == most_fields) refuse("found one field too many");
      if (run.find(name)) refuse("found ", in_quotes(name), " twice");
      run.set(name, unescaped(value));
    }
    if (!closed) refuse("found none of its hash");
    return run;
  }

 private:
  static constexpr std::string_view hash_name = "hash";
  static constexpr std::size_t most_fields = 8192;

  [[nodiscard]] std::string lines() const {
    std::string text;
    for (const auto& [name, value] : fields_)
      text.append(name).append("=").append(escaped_value(value)).append("\n");
    return text;
  }
  [[nodiscard]] static std::string escaped_value(std::string_view value) {
    std::string text;
    for (const char c : value)
      text.append(c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c));
    return text;
  }
  [[nodiscard]] static std::string unescaped(std::string_view value) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool escape = value[i] == '\\' && i + 1 < value.size();
      text.push_back(!escape ? value[i] : value[i + 1] == 'n' ? '\n' : value[i + 1]);
      if (escape) ++i;
    }
    return text;
  }
  /// A number as it is, any other text in quotes: a file may hold anything.
  [[nodiscard]] static std::string cut(const std::string& value) {
    const bool plain = value.size() < 80 && std::ranges::all_of(value, [](char c) {
                         return c > ' ' && c < 0x7F && c != '"';
                       });
    return plain ? value : in_quotes(value);
  }

  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace spat
