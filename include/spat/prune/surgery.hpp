// prune. Builds the pruned model: the same type without the removed modules, or one of the static
// types.
#pragma once

#include <spat/models/concepts.hpp>
#include <spat/models/form.hpp>
#include <spat/train/batch_statistics.hpp>

#include <array>
#include <variant>

namespace spat::inline SPAT_ABI {

/// The most pruned types among which pruned() may choose at run time. Compile time doubles with
/// each further module.
inline constexpr std::size_t most_static_options = 16;

namespace detail {

/// The result of pruning a dynamic model: the same type, without the removed modules' weights and
/// work.
template <class Model>
struct PrunedTypes {
  using Result = Model;

  [[nodiscard]] static Result make(const Model& model, ModuleMask mask) {
    return converted<Model>(model, model.form.with_kept(mask));
  }
};

/// The result of pruning a static model: a std::variant over the types of all its masks.
template <class Model>
  requires(std::remove_cvref_t<typename Model::Form>::is_static)
struct PrunedTypes<Model> {
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

  [[nodiscard]] static Result make(const Model& model, ModuleMask mask) {
    std::size_t i = 0;
    while (subset(kept, i) != mask) ++i;  // a subset of kept, as pruned() has checked
    return Options::makers[i](model);
  }
};

/// pruned() with the batch statistics of the whole model: for what does not depend on them.
template <Prunable Model>
[[nodiscard]] auto pruned_as_it_is(const Model& model, ModuleMask mask) {
  const ModuleMask kept = model.form.kept(), guard = guard_of(model.form);
  const std::size_t modules = model.form.modules();
  mask = within(mask, modules);
  if (!mask.is_subset_of(kept))
    throw ConfigError(message("a pruned module cannot come back: kept ", to_string(kept, modules),
                              ", asked for ", to_string(mask, modules)));
  if (!satisfies(mask, guard))
    throw ConfigError(message("one of these modules has to stay: ", to_string(guard, modules),
                              ", asked for ", to_string(mask, modules)));
  return PrunedTypes<Model>::make(model, mask);
}

}  // namespace detail

/// The model that keeps the modules of `mask`, with the surviving weights copied: the same type,
/// or, of a static model, a std::variant over the types of all its masks. Throws ConfigError if the
/// mask names a module that the model does not have or no longer has, or keeps none of the modules
/// of which one must stay.
template <Prunable Model>
[[nodiscard]] auto pruned(const Model& model, ModuleMask mask) {
  static_assert(!BatchNormalized<Model>,
                "spat: batch statistics of the whole model do not hold for a pruned one: call "
                "pruned(model, mask, training_windows), which estimates them again");
  return detail::pruned_as_it_is(model, mask);
}

/// The same, ready to be evaluated: batch statistics, if the model has any and modules were
/// removed, are estimated again on random training windows (see reestimate_statistics()).
template <PrunableModel Model>
[[nodiscard]] auto pruned(const Model& model, ModuleMask mask,
                          const WindowDataset<typename Model::Value>& training,
                          std::uint64_t seed = 1, Team* team = nullptr) {
  auto fewer = detail::pruned_as_it_is(model, mask);
  if (within(mask, model.form.modules()) == model.form.kept()) return fewer;
  if constexpr (requires { requires Model::Form::is_static; })
    std::visit([&](auto& one) { reestimate_statistics(one, training, seed, team); }, fewer);
  else
    reestimate_statistics(fewer, training, seed, team);
  return fewer;
}

}  // namespace spat
