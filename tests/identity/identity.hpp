// The identity that pruning guarantees: dense with the module's contribution zeroed == dynamic
// pruned == static pruned, bit for bit, in outputs, gradients and one Adam step. Plain programs, so
// that they can be built with several compilers.
#pragma once

#include <spat/autograd/initialize.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/form.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/optimizer.hpp>

#include <tests/models/example.hpp>

#include <cstdio>

namespace identity {

using namespace spat;

inline constexpr std::size_t samples = 6;

/// The results of one training step with dropout: the forecast, and each tensor's gradient and
/// weights after Adam, by name.
template <class Scalar>
struct Outcome {
  std::vector<Scalar> forecast, inference;
  std::vector<std::pair<std::string, std::vector<Scalar>>> gradients, weights;
};

template <class Model, class Data>
Outcome<typename Model::Value> step(Model model, const Data& data) {
  using Scalar = typename Model::Value;
  Outcome<Scalar> outcome;
  typename Model::Cache cache;
  model.prepare(cache, Purpose::inference, samples, model.config().channels);
  const auto plain = model.forward(Pass{}, data.batch, cache);
  outcome.inference.assign(plain.flat().begin(), plain.flat().end());

  model.prepare(cache, Purpose::training, samples, model.config().channels);
  const Pass pass{.training = true, .seed = 11, .step = 3};
  const auto y = model.forward(pass, data.batch, cache);
  outcome.forecast.assign(y.flat().begin(), y.flat().end());
  Tensor<Scalar> dy(y.rows(), y.cols());
  squared_error<Scalar>(y, data.batch.target, static_cast<double>(y.size()), dy.view());
  Model gradients = zeros_like(model);
  backward_pass(model, pass, dy, cache, gradients);
  const auto weights = parameters(model), slopes = parameters(gradients);
  for (const auto& slope : slopes)
    outcome.gradients.emplace_back(slope.name,
                                   std::vector(slope.values.begin(), slope.values.end()));
  Optimizer<Scalar> adam(weights);
  adam.step(weights, slopes, 1e-3);
  if constexpr (BatchNormalized<Model>) model.commit(cache, Scalar(0.1));
  for (const auto& weight : weights)
    outcome.weights.emplace_back(weight.name,
                                 std::vector(weight.values.begin(), weight.values.end()));
  return outcome;
}

template <class Scalar>
bool same_bytes(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0);
}

/// Checks that every tensor of `pruned` has the bytes of the tensor of that name in `other`.
template <class Tensors>
bool same_where_both(const Tensors& pruned, const Tensors& other) {
  for (const auto& tensor : pruned) {
    const auto found = std::find_if(other.begin(), other.end(),
                                    [&](const auto& one) { return one.first == tensor.first; });
    if (found == other.end() || !same_bytes(tensor.second, found->second))
      return std::printf("  differs: %s\n", tensor.first.c_str()), false;
  }
  return !pruned.empty();
}

template <class Scalar>
bool same(const Outcome<Scalar>& pruned, const Outcome<Scalar>& other, const char* what,
          const std::string& mask) {
  const bool equal = same_bytes(pruned.inference, other.inference) &&
                     same_bytes(pruned.forecast, other.forecast) &&
                     same_where_both(pruned.gradients, other.gradients) &&
                     same_where_both(pruned.weights, other.weights);
  if (!equal)
    std::printf("FAIL %s mask %s: %s\n", sizeof(Scalar) == 4 ? "float" : "double", mask.c_str(),
                what);
  return equal;
}

/// A tensor that is zero if module i is switched off in the dense model.
template <class Model>
bool silences(const Model& model, const std::string& tensor, std::size_t i) {
  const std::string module = model.module_name(i);
  const std::string_view name = Model::name;
  if (name == "smamba")  // both directions
    return tensor == module + ".out_proj.weight" || tensor == module + "_r.out_proj.weight";
  if (name == "patchtst_official")  // its output and its scores
    return tensor.starts_with(module + ".W_Q.") || tensor.starts_with(module + ".to_out.0.");
  return tensor.starts_with(module + ".out_projection");
}

/// The dense model, initialized. The modules `off` are switched off by zeros.
template <class Model>
Model dense_model(const typename Model::Config& dense, ModuleMask kept) {
  Model whole(Dynamic<typename Model::Config>{dense});
  initialize(parameters(whole), 5);
  whole.set_dropout(0.2);
  for (const auto& parameter : parameters(whole))
    for (std::size_t i = 0; i < dense.modules(); ++i)
      if (!kept.keeps(i) && silences(whole, parameter.name, i))
        std::ranges::fill(parameter.values, typename Model::Value(0));
  return whole;
}

/// Compares dense with zeros to dynamic pruned.
template <class Model>
bool zeroed_equals_pruned(const typename Model::Config& dense, ModuleMask mask) {
  const example::RandomBatch<typename Model::Value> data(dense, samples, 7);
  const Model whole = dense_model<Model>(dense, ModuleMask::all());
  const auto pruned = step(converted<Model>(whole, {keeping(dense, mask)}), data);
  return same(pruned, step(dense_model<Model>(dense, mask), data),
              "dynamic pruned against zeroed dense", to_string(mask, dense.modules()));
}

/// Compares dynamic pruned to static pruned.
template <template <class, class> class ModelOf, class Scalar, auto dense, std::uint64_t mask>
bool dynamic_equals_static() {
  using Config = std::remove_const_t<decltype(dense)>;
  using Model = ModelOf<Scalar, Dynamic<Config>>;
  using StaticDense = ModelOf<Scalar, Static<dense>>;
  using StaticPruned = typename StaticDense::template Pruned<ModuleMask{mask}>;
  const example::RandomBatch<Scalar> data(dense, samples, 7);
  const Model whole = dense_model<Model>(dense, ModuleMask::all());
  const auto pruned = step(converted<Model>(whole, {keeping(dense, ModuleMask{mask})}), data);
  return same(step(converted<StaticPruned>(whole), data), pruned,
              "static pruned against dynamic pruned", to_string(ModuleMask{mask}, dense.modules()));
}

#ifdef SPAT_FEW_STATIC_FORMS
inline constexpr bool few_static_forms = true;
#else
inline constexpr bool few_static_forms = false;
#endif

/// Checks every mask of up to four modules. Static forms take long to compile, so they are in float
/// only, or of every fifth mask.
template <template <class, class> class ModelOf, auto dense>
int check_all_masks() {
  static_assert(dense.modules() <= 4);
  using Form = Dynamic<std::remove_const_t<decltype(dense)>>;
  int failed = 0;
  const auto check = [&]<std::size_t mask>(std::integral_constant<std::size_t, mask>) {
    failed += !zeroed_equals_pruned<ModelOf<float, Form>>(dense, ModuleMask{mask});
    failed += !zeroed_equals_pruned<ModelOf<double, Form>>(dense, ModuleMask{mask});
    if constexpr (!few_static_forms || mask % 5 == 0)
      failed += !dynamic_equals_static<ModelOf, float, dense, mask>();
  };
  [&]<std::size_t... Mask>(std::index_sequence<Mask...>) {
    (check(std::integral_constant<std::size_t, Mask>{}), ...);
  }
  (std::make_index_sequence<std::size_t{1} << dense.modules()>{});
  failed += !dynamic_equals_static<ModelOf, double, dense, 0>();
  std::printf(
      "%s: %d comparisons differ (dense zeroed, dynamic pruned, static pruned; all masks)\n",
      instruction_set, failed);
  return failed != 0;
}

/// Checks `count` random masks of many modules in float, a few of them in double, and the static
/// forms of `masks`.
template <template <class, class> class ModelOf, auto dense, std::uint64_t... masks>
int check_some_masks(std::size_t count) {
  using Form = Dynamic<std::remove_const_t<decltype(dense)>>;
  int failed = 0;
  Random random(17);
  for (std::size_t i = 0; i < count; ++i) {
    const ModuleMask mask{random.below(std::uint64_t{1} << dense.modules())};
    failed += !zeroed_equals_pruned<ModelOf<float, Form>>(dense, mask);
    if (i % 20 == 0) failed += !zeroed_equals_pruned<ModelOf<double, Form>>(dense, mask);
  }
  for (const std::uint64_t mask : {std::uint64_t{0}, masks...})
    failed += !zeroed_equals_pruned<ModelOf<float, Form>>(dense, ModuleMask{mask});
  failed += (int{!dynamic_equals_static<ModelOf, float, dense, masks>()} + ...);
  std::printf(
      "%s: %d comparisons differ (dense zeroed, dynamic pruned, static pruned; %zu masks)\n",
      instruction_set, failed, count);
  return failed != 0;
}

}  // namespace identity
