// prune. Builds the pruned model: the same type without the removed modules, or one of the static
// types.
#pragma once

#include <spat/models/concepts.hpp>
#include <spat/models/form.hpp>

#include <array>
#include <variant>

namespace spat::inline SPAT_ABI {

/// The most pruned types among which pruned() may choose at run time. Compile time doubles with
/// each further module.
inline constexpr std::size_t most_static_options = 16;

/// Prunes a dynamic model: the result has the same type, without the removed modules' weights and
/// work.
template <Prunable Model>
struct Surgery {
  using Result = Model;

  [[nodiscard]] static Result keep(const Model& model, ModuleMask mask) {
    check(model, mask);
    return converted<Model>(model, model.form.with_kept(mask));
  }
  static void check(const Model& model, ModuleMask mask) {
    if (!mask.is_subset_of(model.form.kept()))
      throw ConfigError(message("a pruned module cannot come back: kept ",
                                to_string(model.form.kept(), model.form.modules()), ", asked for ",
                                to_string(mask, model.form.modules())));
  }
};

/// Prunes a static model: the result is a std::variant over the types of all its masks.
template <Prunable Model>
requires Model::Form::is_static struct Surgery<Model> {
  static constexpr ModuleMask kept = Model::Form::value.kept;
  static constexpr std::size_t options = std::size_t{1} << kept.count();
  static_assert(
      options <= most_static_options,
      "too many pruned types to choose from at run time: prune the dynamic form, or name the mask: "
      "Model::Pruned<mask>");

  template <class>
  struct All;
  template <std::size_t... I>
  struct All<std::index_sequence<I...>> {
    using Variant = std::variant<typename Model::template Pruned<subset(kept, I)>...>;
    static constexpr std::array<Variant (*)(const Model&), sizeof...(I)> makers{
        [](const Model& model) {
          return Variant(std::in_place_index<I>,
                         converted<std::variant_alternative_t<I, Variant>>(model));
        }...};
  };
  using Options = All<std::make_index_sequence<options>>;
  using Result = typename Options::Variant;

  [[nodiscard]] static Result keep(const Model& model, ModuleMask mask) {
    for (std::size_t i = 0; i < options; ++i)
      if (subset(kept, i) == mask) return Options::makers[i](model);
    throw ConfigError("a pruned module cannot come back");
  }
};

/// The model that keeps `mask`, with the surviving weights copied. Throws ConfigError unless `mask`
/// is a subset of the kept modules, and if it keeps none of the modules of which one must stay.
template <Prunable Model>
[[nodiscard]] typename Surgery<Model>::Result pruned(const Model& model, ModuleMask mask) {
  mask = mask.slice(0, model.form.modules());
  if (const ModuleMask guard = guard_of(model.form); !satisfies(mask, guard))
    throw ConfigError(
        message("one of these modules has to stay: ", to_string(guard, model.form.modules()),
                ", asked for ", to_string(mask, model.form.modules())));
  return Surgery<Model>::keep(model, mask);
}

}  // namespace spat
