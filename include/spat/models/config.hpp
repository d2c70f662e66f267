// models. Common parts of the library's configurations: one list of fields, one list of rules, and
// the kept modules.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/module_mask.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace spat::inline SPAT_ABI {

// A configuration of the library is an aggregate of integers and bools, so that it can be a
// template argument. Besides its members it has:
//
//     modules()           the number of its modules
//     parameters()        the number of learned values; a double, because a file may claim any
//                         sizes
//     fields()            all_fields<Config>({{"patch", &Config::patch}, ...}), which names the
//                         members that no other configuration has
//     rules_hold(rule)    rule(holds, "what must hold", "name", value, ...) && ...
//
// The functions below make of them what a model, a file and the tool ask of a configuration. They
// are free functions because g++ 12 warns (-Wextra) of each designated initializer of an aggregate
// that has a base class.

/// A member of a configuration, a size or a flag, with its name in files and on the command line.
template <class Config>
struct ConfigField {
  const char* name = nullptr;
  std::size_t Config::*number = nullptr;
  bool Config::*flag = nullptr;

  constexpr ConfigField() = default;
  constexpr ConfigField(const char* field_name, std::size_t Config::*member)
      : name(field_name), number(member) {}
  constexpr ConfigField(const char* field_name, bool Config::*member)
      : name(field_name), flag(member) {}
};

/// The fields of a configuration, in the order of a file.
template <class Config>
class ConfigFields {
 public:
  constexpr void push_back(const ConfigField<Config>& field) { fields_.at(count_++) = field; }
  [[nodiscard]] constexpr std::size_t size() const { return count_; }
  [[nodiscard]] constexpr auto begin() const { return fields_.begin(); }
  [[nodiscard]] constexpr auto end() const {
    return fields_.begin() + static_cast<std::ptrdiff_t>(count_);
  }

 private:
  std::array<ConfigField<Config>, 16> fields_;
  std::size_t count_ = 0;
};

/// All members of a configuration but `kept`: those sizes that it shares with other configurations,
/// then `own`, then instance_norm.
template <class C>
[[nodiscard]] constexpr ConfigFields<C> all_fields(std::initializer_list<ConfigField<C>> own = {}) {
  ConfigFields<C> fields;
  fields.push_back({"channels", &C::channels});
  if constexpr (requires { &C::marks; }) fields.push_back({"marks", &C::marks});
  if constexpr (requires { &C::targets; }) fields.push_back({"targets", &C::targets});
  fields.push_back({"lookback", &C::lookback});
  fields.push_back({"horizon", &C::horizon});
  if constexpr (requires { &C::label; }) fields.push_back({"label", &C::label});
  if constexpr (requires { &C::width; }) fields.push_back({"width", &C::width});
  if constexpr (requires { &C::ffn_width; }) fields.push_back({"ffn_width", &C::ffn_width});
  if constexpr (requires { &C::heads; }) fields.push_back({"heads", &C::heads});
  if constexpr (requires { &C::depth; }) fields.push_back({"depth", &C::depth});
  for (const ConfigField<C>& field : own) fields.push_back(field);
  if constexpr (requires { &C::instance_norm; })
    fields.push_back({"instance_norm", &C::instance_norm});
  return fields;
}

/// The same configuration with other modules.
template <class Config>
[[nodiscard]] constexpr Config keeping(Config config, ModuleMask mask) {
  config.kept = mask;
  return config;
}

/// The modules that a configuration keeps, without bits beyond its last module.
template <class Config>
[[nodiscard]] constexpr ModuleMask kept_modules(const Config& config) {
  return config.kept & ModuleMask::first(config.modules());
}

namespace detail {

/// The rules of a configuration, and that its mask names modules that it has.
template <class Config, class Rule>
[[nodiscard]] constexpr bool all_rules_hold(const Config& config, const Rule& rule) {
  return config.rules_hold(rule) &&
         rule(config.modules() <= most_modules && fits(config.kept, config.modules()),
              "the kept modules must be modules of the model", "modules", config.modules(), "mask",
              config.kept.bits);
}

}  // namespace detail

/// Whether every rule holds. Stops at the first rule that does not hold, so that a rule may divide
/// by a value that an earlier rule found positive.
template <class Config>
[[nodiscard]] constexpr bool is_valid(const Config& config) {
  return detail::all_rules_hold(config, [](bool holds, const auto&...) { return holds; });
}

namespace detail {

/// Appends ": name value, name value" to `text`.
inline void append_named(std::string&) {}
template <class Value, class... More>
void append_named(std::string& text, std::string_view name, const Value& value,
                  const More&... more) {
  text.append(text.ends_with(':') ? " " : ", ").append(name).append(" ");
  append(text, value);
  append_named(text, more...);
}

}  // namespace detail

/// Throws ConfigError with the first rule that does not hold and its values, as "heads must divide
/// width: heads 8, width 100".
template <class Config>
void check_rules(const Config& config) {
  (void)detail::all_rules_hold(
      config, [](bool holds, std::string_view rule, const auto&... names_and_values) {
        if (holds) return true;
        std::string text(rule);
        text.push_back(':');
        detail::append_named(text, names_and_values...);
        throw ConfigError(text);
      });
}

namespace detail {

template <class Config>
inline constexpr auto fields_of = Config::fields();

}  // namespace detail

/// Calls visit(name, member) for every member that a file needs to rebuild the model, except the
/// kept modules. The members of a const configuration are const.
template <class Config, class Visit>
constexpr void for_each_field(Config& config, Visit&& visit) {
  using Plain = std::remove_const_t<Config>;
  const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    constexpr ConfigField<Plain> field = detail::fields_of<Plain>.begin()[I];
    if constexpr (field.number != nullptr)
      visit(field.name, config.*field.number);
    else
      visit(field.name, config.*field.flag);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (one(std::integral_constant<std::size_t, I>{}), ...);
  }
  (std::make_index_sequence<detail::fields_of<Plain>.size()>{});
}

/// The fields in which two configurations differ, as "width: expected 8, found 16".
template <class Config>
[[nodiscard]] std::string differences(const Config& expected, const Config& found) {
  std::string text;
  const auto yes_no = [](bool flag) { return std::string_view(flag ? "true" : "false"); };
  const auto one = [&](std::string_view name, const auto& a, const auto& b) {
    if (a != b) text += message(text.empty() ? "" : "; ", name, ": expected ", a, ", found ", b);
  };
  for (const ConfigField<Config>& field : detail::fields_of<Config>)
    if (field.number != nullptr)
      one(field.name, expected.*field.number, found.*field.number);
    else
      one(field.name, yes_no(expected.*field.flag), yes_no(found.*field.flag));
  const std::size_t a = expected.modules(), b = found.modules();
  one("kept modules", to_string(expected.kept, a), to_string(found.kept, b));
  return text;
}

/// Rules that several configurations share, for rules_hold().
namespace rules {

/// The window has a channel, and its lookback and horizon are positive.
template <class Config, class Rule>
[[nodiscard]] constexpr bool window(const Config& c, const Rule& rule) {
  return rule(c.channels > 0, "there must be at least one channel", "channels", c.channels) &&
         rule(c.lookback > 0 && c.horizon > 0, "lookback and horizon must be positive", "lookback",
              c.lookback, "horizon", c.horizon);
}

/// Width and feed-forward width are positive.
template <class Config, class Rule>
[[nodiscard]] constexpr bool widths(const Config& c, const Rule& rule) {
  return rule(c.width > 0 && c.ffn_width > 0, "width and ffn width must be positive", "width",
              c.width, "ffn width", c.ffn_width);
}

/// There is at least one layer, and there are at most `most`.
template <class Config, class Rule>
[[nodiscard]] constexpr bool depth(const Config& c, const Rule& rule,
                                   std::size_t most = most_modules) {
  return rule(c.depth > 0 && c.depth <= most, "too few or too many layers", "layers", c.depth,
              "least", std::size_t{1}, "most", most);
}

/// There is at least one head, and the heads divide the width.
template <class Config, class Rule>
[[nodiscard]] constexpr bool heads(const Config& c, const Rule& rule) {
  return rule(c.heads > 0 && c.width % c.heads == 0, "heads must divide width", "heads", c.heads,
              "width", c.width);
}

/// Blocks of attention and feed-forward: their widths, depth and heads.
template <class Config, class Rule>
[[nodiscard]] constexpr bool attention_blocks(const Config& c, const Rule& rule,
                                              std::size_t most = most_modules) {
  return widths(c, rule) && depth(c, rule, most) && heads(c, rule);
}

}  // namespace rules

}  // namespace spat
