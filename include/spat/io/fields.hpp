// io. Named fields (a configuration, a mask, a training state) and their flat JSON text.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/json.hpp>
#include <spat/io/json_text.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The value of a field. A list of numbers or of texts is of any length.
using Field = std::variant<bool, std::int64_t, double, std::string, std::vector<double>,
                           std::vector<std::string>>;

/// An ordered list of named values. `origin` (a file, or empty) starts every message.
///
/// Throws FileError if a field is missing or does not have the requested type.
class Fields {
 public:
  explicit Fields(std::string origin = {}) : origin_(std::move(origin)) {}

  /// Replaces the field of that name, or appends one. Throws ConfigError for an integer beyond 64
  /// signed bits or a number that is not finite: JSON has neither.
  template <class T>
  void set(std::string_view name, T&& value) {
    Field field = to_field(name, std::forward<T>(value));
    for (auto& [known, held] : items_) {
      if (known == name) return static_cast<void>(held = std::move(field));
    }
    items_.emplace_back(std::string(name), std::move(field));
  }

  [[nodiscard]] const Field* find(std::string_view name) const {
    const auto item = std::find_if(items_.begin(), items_.end(),
                                   [&](const auto& one) { return one.first == name; });
    return item == items_.end() ? nullptr : &item->second;
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// The value of a field as T: bool, an integer, float, double, std::string, or a std::vector of
  /// double or std::string. An integer field can be read as a floating-point number, but not the
  /// other way round.
  template <class T>
  [[nodiscard]] T get(std::string_view name) const {
    const Field* const field = find(name);
    if (field == nullptr) throw FileError(message(prefix(name), " is missing"));
    if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
      if (const T* const value = std::get_if<T>(field)) return *value;
      wrong(name, std::same_as<T, bool> ? "true or false" : "a text", *field);
    } else if constexpr (is_list<T>) {
      if (const T* const value = std::get_if<T>(field)) return *value;
      if (is_empty_list(*field)) return {};
      wrong(name, std::same_as<T, Numbers> ? "a list of numbers" : "a list of texts", *field);
    } else if constexpr (std::integral<T>) {
      const std::int64_t* const value = std::get_if<std::int64_t>(field);
      if (value != nullptr && std::in_range<T>(*value)) return static_cast<T>(*value);
      wrong(name, std::is_unsigned_v<T> ? "an integer that is not negative" : "an integer", *field);
    } else {
      static_assert(std::floating_point<T>,
                    "a field is a bool, an integer, a floating-point number or a std::string");
      if (const double* const value = std::get_if<double>(field)) return static_cast<T>(*value);
      if (const std::int64_t* const value = std::get_if<std::int64_t>(field))
        return static_cast<T>(*value);
      wrong(name, "a number", *field);
    }
  }
  /// As get(), but a missing field has the value `fallback`. A field of another type still throws.
  template <class T>
  [[nodiscard]] T get_or(std::string_view name, T fallback) const {
    return contains(name) ? get<T>(name) : fallback;
  }

  [[nodiscard]] auto begin() const { return items_.begin(); }
  [[nodiscard]] auto end() const { return items_.end(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] const std::string& origin() const { return origin_; }
  /// Compares names and values in order; the origins may differ.
  friend bool operator==(const Fields& a, const Fields& b) { return a.items_ == b.items_; }

 private:
  using Numbers = std::vector<double>;
  using Texts = std::vector<std::string>;
  template <class T>
  static constexpr bool is_list = std::same_as<T, Numbers> || std::same_as<T, Texts>;

  [[nodiscard]] static bool is_empty_list(const Field& field) {
    const auto* const numbers = std::get_if<Numbers>(&field);
    const auto* const texts = std::get_if<Texts>(&field);
    return (numbers && numbers->empty()) || (texts && texts->empty());
  }
  template <class T>
  [[nodiscard]] Field to_field(std::string_view name, T&& value) const {
    using Plain = std::remove_cvref_t<T>;
    if constexpr (std::same_as<Plain, bool>) {
      return value;
    } else if constexpr (std::integral<Plain>) {
      if (!std::in_range<std::int64_t>(value)) {
        throw ConfigError(message(prefix(name), ": ", value, " does not fit into 64 signed bits"));
      }
      return static_cast<std::int64_t>(value);
    } else if constexpr (std::floating_point<Plain>) {
      if (!std::isfinite(value))
        throw ConfigError(message(prefix(name), ": ", value, " is not finite"));
      return static_cast<double>(value);
    } else if constexpr (std::same_as<Plain, Numbers>) {
      for (const double number : value) (void)to_field(name, number);
      return std::forward<T>(value);
    } else if constexpr (std::same_as<Plain, Texts>) {
      return std::forward<T>(value);
    } else if constexpr (std::same_as<Plain, Field>) {
      return std::visit([&](const auto& held) { return to_field(name, held); }, value);
    } else {
      return std::string(std::forward<T>(value));
    }
  }
  [[nodiscard]] std::string prefix(std::string_view name) const {
    return message(origin_, origin_.empty() ? "field " : ": field ", in_quotes(name));
  }
  [[noreturn]] void wrong(std::string_view name, std::string_view expected,
                          const Field& found) const {
    const std::string text = std::visit(
        [](const auto& value) {
          using T = std::remove_cvref_t<decltype(value)>;
          if constexpr (std::same_as<T, bool>)
            return std::string(value ? "true" : "false");
          else if constexpr (std::same_as<T, std::string>)
            return in_quotes(value);
          else if constexpr (is_list<T>)
            return std::string("a list");
          else
            return message(value);
        },
        found);
    throw FileError(message(prefix(name), ": expected ", expected, ", found ", text));
  }

  std::vector<std::pair<std::string, Field>> items_;
  std::string origin_;
};

namespace detail {

/// Takes one flat object from a JsonReader: bounded memory, duplicates and nesting
/// refused at once. A list is of numbers or of texts.
struct FieldsReader {
  static constexpr std::size_t most_fields = 4096;
  Fields& fields;
  std::optional<std::string> name = {};
  std::string problem = {};

  explicit FieldsReader(Fields& to) : fields(to) {}

  bool take(Field value) {
    if (!name) return fail("expected an object of named fields");
    if (in_list_) return fail("a list is of numbers or of texts");
    fields.set(*name, std::move(value));
    name.reset();
    return true;
  }
  bool fail(std::string_view what) {
    problem = name ? message("field ", in_quotes(*name), ": ", what) : std::string(what);
    return false;
  }
  bool null() { return fail("null is not a value"); }
  bool boolean(bool value) { return take(value); }
  bool number_integer(std::int64_t value) {
    return in_list_ ? number_float(static_cast<double>(value)) : take(value);
  }
  bool number_unsigned(std::uint64_t value) {
    if (in_list_) return number_float(static_cast<double>(value));
    if (!std::in_range<std::int64_t>(value))
      return fail("an integer does not fit into 64 signed bits");
    return take(static_cast<std::int64_t>(value));
  }
  bool number_float(double value) {
    if (!std::isfinite(value)) return fail("a number is not finite");
    if (!in_list_) return take(value);
    if (!texts_.empty()) return fail("a list is of numbers or of texts");
    numbers_.push_back(value);
    return true;
  }
  bool string(std::string& value) {
    if (!in_list_) return take(std::move(value));
    if (!numbers_.empty()) return fail("a list is of numbers or of texts");
    texts_.push_back(std::move(value));
    return true;
  }
  bool start_object() {
    if (name || open_) return fail("nested objects are not allowed");
    open_ = true;
    return true;
  }
  bool key(std::string& value) {
    name = std::move(value);
    if (fields.size() == most_fields) return fail("one field too many");
    return fields.contains(*name) ? fail("occurs twice") : true;
  }
  bool end_object() { return true; }
  bool start_array() {
    if (!name) return fail("expected an object of named fields");
    if (in_list_) return fail("nested lists are not allowed");
    return in_list_ = true;
  }
  bool end_array() {
    in_list_ = false;
    const bool texts = !texts_.empty();
    return take(texts ? Field(std::exchange(texts_, {})) : Field(std::exchange(numbers_, {})));
  }
  void parse_error(std::size_t position) { problem = message("not JSON at byte ", position); }

 private:
  bool open_ = false, in_list_ = false;
  std::vector<double> numbers_;
  std::vector<std::string> texts_;
};

}  // namespace detail

/// The fields as one line of JSON, in their order. Doubles take the shortest form that reads back
/// as the same number.
[[nodiscard]] inline std::string to_json(const Fields& fields) {
  std::string text("{");
  for (const auto& [name, value] : fields) {
    if (text.size() > 1) text.push_back(',');
    text.append(detail::json_text(name)).push_back(':');
    text.append(std::visit([](const auto& held) { return detail::json_text(held); }, value));
  }
  text.push_back('}');
  return text;
}

/// Reads fields from one flat JSON object of bools, numbers, texts and lists of them. Throws
/// FileError, starting with `origin`, for anything else.
[[nodiscard]] inline Fields fields_from_json(std::string_view text, std::string_view origin) {
  Fields fields{std::string(origin)};
  detail::FieldsReader reader(fields);
  if (text.find('\0') != std::string_view::npos) reader.problem = "holds a zero byte";
  if (!reader.problem.empty() || !detail::JsonReader(text, reader).read()) {
    throw FileError(message(origin, origin.empty() ? "" : ": ", reader.problem));
  }
  return fields;
}

}  // namespace spat
