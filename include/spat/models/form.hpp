// models. A model's configuration, at run time or in its type: one implementation serves both.
#pragma once

#include <spat/core/extent.hpp>
#include <spat/models/config.hpp>

#include <functional>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// The run-time form: sizes, depth and kept modules are members, so that every pruned model has the
/// same type.
///
/// Config is a structural type of integers and bools with `modules()`, `kept`, and the rules that
/// models/config.hpp describes.
template <class ModelConfig>
struct Dynamic {
  using Config = ModelConfig;
  static constexpr bool is_static = false;
  template <ModuleMask>
  using Pruned = Dynamic;

  Config value{};

  [[nodiscard]] ModuleMask kept() const { return value.kept; }
  [[nodiscard]] Dynamic with_kept(ModuleMask mask) const { return {keeping(value, mask)}; }
  [[nodiscard]] std::size_t modules() const { return value.modules(); }
  friend bool operator==(const Dynamic&, const Dynamic&) = default;
};

namespace detail {

/// A rule in words, as a template argument: g++ shows it in its error.
struct RuleText {
  char text[120] = {};
};
/// The first rule that a configuration breaks; empty if it breaks none.
template <auto Value>
[[nodiscard]] consteval RuleText broken_rule() {
  RuleText broken;
  (void)all_rules_hold(Value, [&](bool holds, std::string_view rule, const auto&...) {
    if (!holds) rule.copy(broken.text, sizeof broken.text - 1);
    return holds;
  });
  return broken;
}
template <RuleText rule>
struct StaticModelBreaksTheRule;
template <RuleText rule>
  requires(rule.text[0] == '\0')
struct StaticModelBreaksTheRule<rule> {
  static constexpr bool none = true;
};

}  // namespace detail

/// The compile-time form: the whole configuration is in the type.
template <auto Value>
struct Static {
#if defined(__clang__)  // shows no text in a template argument
  static_assert(is_valid(Value),
                "spat: the sizes of a static model do not fit together: check_rules() of the same "
                "configuration says at run time which rule is broken");
#else
  static_assert(detail::StaticModelBreaksTheRule<detail::broken_rule<Value>()>::none);
#endif

  using Config = std::remove_const_t<decltype(Value)>;
  static constexpr bool is_static = true;
  /// Canonical: masks that differ only beyond the last module are the same type.
  static constexpr Config value = keeping(Value, kept_modules(Value));

  template <ModuleMask mask>
  struct WithKept {
    static_assert(mask.is_subset_of(value.kept),
                  "spat: Pruned<mask> keeps a module that this model lacks: a mask names modules "
                  "that are still there");
    using Type = Static<keeping(value, mask)>;
  };
  template <ModuleMask mask>
  using Pruned = typename WithKept<mask>::Type;

  [[nodiscard]] static constexpr ModuleMask kept() { return value.kept; }
  [[nodiscard]] static Dynamic<Config> with_kept(ModuleMask mask) { return {keeping(value, mask)}; }
  [[nodiscard]] static constexpr std::size_t modules() { return value.modules(); }
  friend bool operator==(const Static&, const Static&) = default;
};

/// The modules of which one must stay: those that the configuration's guard() returns, or none.
template <class Form>
[[nodiscard]] constexpr ModuleMask guard_of(const Form& form) {
  if constexpr (requires { form.value.guard(); })
    return form.value.guard();
  else
    return {};
}

/// A size of the configuration as an extent. Member may also be a function, for derived sizes.
template <class Form, auto Member>
[[nodiscard]] consteval std::size_t extent() {
  if constexpr (Form::is_static)
    return std::invoke(Member, Form::value);
  else
    return dynamic;
}

}  // namespace spat
