// io. How a table is written: its separator and its decimal sign, found by looking at its first
// lines.
#pragma once

#include <spat/core/text.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The sign between fields, and that between a number's whole part and its fraction.
struct CsvDialect {
  char separator = ',', decimal = '.';
  friend bool operator==(const CsvDialect&, const CsvDialect&) = default;
};

namespace detail {

/// The whole lines of a text without quoted line ends, at most `most`; the only one may be cut.
[[nodiscard]] inline std::vector<std::string_view> first_lines(std::string_view text,
                                                               std::size_t most) {
  std::vector<std::string_view> lines;
  bool quoted = false;
  for (std::size_t at = 0, first = 0; at < text.size() && lines.size() < most; ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted || (text[at] != '\n' && text[at] != '\r')) continue;
    if (at > first) lines.push_back(text.substr(first, at - first));
    first = at + 1;
  }
  if (lines.empty()) lines.push_back(text);
  return lines;
}

/// Calls visit(field) for each field of a line, as it is written.
template <class Visit>
void for_each_field_of(std::string_view line, char separator, Visit&& visit) {
  bool quoted = false;
  std::size_t first = 0;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    if (at < line.size() && line[at] == '"') quoted = !quoted;
    if (at < line.size() && (quoted || line[at] != separator)) continue;
    visit(line.substr(first, at - first));
    first = at + 1;
  }
}

/// Whether a field is a number with this sign before its fraction.
[[nodiscard]] inline bool has_fraction(std::string_view field, char decimal) {
  field = trimmed(field);
  const std::size_t sign = field.find(decimal);
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  };
  if (sign == field.npos) return false;
  std::string_view whole = field.substr(0, sign);
  if (whole.starts_with('-') || whole.starts_with('+')) whole.remove_prefix(1);
  const std::string_view rest = field.substr(sign + 1);
  return digits(whole) && digits(rest.substr(0, rest.find_first_of("eE")));
}

}  // namespace detail

/// Finds the dialect of a table in its first lines. The separator is the first of tab, semicolon,
/// bar and comma that every line has equally often; a comma if none is. The decimal sign is a comma
/// if the separator is another and more fields are numbers with a comma than with a point.
[[nodiscard]] inline CsvDialect find_dialect(std::string_view text) {
  const auto lines = detail::first_lines(text, 100);
  CsvDialect dialect;
  for (const char separator : {'\t', ';', '|', ','}) {
    const auto count = [&](std::string_view line) {
      std::size_t fields = 0;
      detail::for_each_field_of(line, separator, [&](std::string_view) { ++fields; });
      return fields;
    };
    const std::size_t fields = count(lines[0]);
    bool equal = fields > 1;
    for (const std::string_view line : lines) equal = equal && count(line) == fields;
    if (!equal) continue;
    dialect.separator = separator;
    break;
  }
  std::size_t commas = 0, points = 0;
  for (const std::string_view line : lines)
    detail::for_each_field_of(line, dialect.separator, [&](std::string_view field) {
      if (field.size() > 1 && field.starts_with('"')) field = field.substr(1, field.size() - 2);
      if (detail::has_fraction(field, ',')) ++commas;
      if (detail::has_fraction(field, '.')) ++points;
    });
  if (dialect.separator != ',' && commas > points) dialect.decimal = ',';
  return dialect;
}

}  // namespace spat
