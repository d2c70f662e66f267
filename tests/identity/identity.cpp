// The identity that pruning promises: dense with the module's contribution zeroed == dynamic pruned == static pruned, bit for
// bit, in outputs, gradients and one Adam step, for every mask. A plain program, so that it is built with several compilers.
#include <spat/autograd/initialize.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/train/adam.hpp>
#include <spat/train/loss.hpp>

#include <cstdio>
#include <cstring>

using namespace spat;

namespace {

#ifndef SPAT_TEST_WIDTH
#define SPAT_TEST_WIDTH 24
#endif
constexpr ITransformerConfig dense{.channels = 5,
                                   .marks = 4,
                                   .lookback = 36,
                                   .horizon = 12,
                                   .width = SPAT_TEST_WIDTH,
                                   .ffn_width = 40,
                                   .heads = 4,
                                   .depth = 3,
                                   .kept = ModuleMask<>{0b111}};
constexpr std::size_t samples = 6;

template <class Scalar>
struct Data {
  std::vector<Scalar> history, marks, target;
  WindowBatch<Scalar> batch;

  Data()
      : history(samples * dense.lookback * dense.channels), marks(samples * dense.lookback * dense.marks),
        target(samples * dense.horizon * dense.channels) {
    Random random(7);
    for (auto* values : {&history, &marks, &target})
      for (Scalar& value : *values) value = static_cast<Scalar>(random.normal());
    batch = {.samples = samples,
             .lookback = dense.lookback,
             .horizon = dense.horizon,
             .history = {history.data(), samples * dense.lookback, dense.channels},
             .history_marks = {marks.data(), samples * dense.lookback, dense.marks},
             .target = {target.data(), samples * dense.horizon, dense.channels}};
  }
};

/// What one training step with dropout leaves: the forecast, and each tensor's gradient and weights after Adam, by name.
template <class Scalar>
struct Outcome {
  std::vector<Scalar> forecast, inference;
  std::vector<std::pair<std::string, std::vector<Scalar>>> gradients, weights;
};

template <class Model>
Outcome<typename Model::Value> step(Model model, const Data<typename Model::Value>& data) {
  using Scalar = typename Model::Value;
  Outcome<Scalar> outcome;
  typename Model::Cache cache;
  model.prepare(cache, Purpose::inference, samples, dense.channels);
  const auto plain = model.forward(Run{}, data.batch, cache);
  outcome.inference.assign(plain.flat().begin(), plain.flat().end());

  model.prepare(cache, Purpose::training, samples, dense.channels);
  const Run run{.training = true, .seed = 11, .step = 3};
  const auto y = model.forward(run, data.batch, cache);
  outcome.forecast.assign(y.flat().begin(), y.flat().end());
  Tensor<Scalar> dy(y.rows(), y.cols());
  squared_error<Scalar>(y, data.batch.target, static_cast<double>(y.size()), dy.view());
  Model gradients = zeros_like(model);
  backward_pass(model, run, dy, cache, gradients);
  const auto weights = parameters(model), slopes = parameters(gradients);
  for (const auto& slope : slopes)
    outcome.gradients.emplace_back(slope.name, std::vector(slope.values.begin(), slope.values.end()));
  Adam<Scalar> adam(weights);
  adam.step(weights, slopes, 1e-3);
  for (const auto& weight : weights)
    outcome.weights.emplace_back(weight.name, std::vector(weight.values.begin(), weight.values.end()));
  return outcome;
}

template <class Scalar>
bool same_bytes(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0;
}

/// Every tensor of `pruned` has the bytes that `other` has under its name.
template <class Tensors>
bool same_where_both(const Tensors& pruned, const Tensors& other) {
  for (const auto& tensor : pruned) {
    const auto found =
        std::find_if(other.begin(), other.end(), [&](const auto& one) { return one.first == tensor.first; });
    if (found == other.end() || !same_bytes(tensor.second, found->second))
      return std::printf("  differs: %s\n", tensor.first.c_str()), false;
  }
  return !pruned.empty();
}

template <class Scalar>
bool same(const Outcome<Scalar>& pruned, const Outcome<Scalar>& other, const char* what, unsigned mask) {
  const bool equal = same_bytes(pruned.inference, other.inference) && same_bytes(pruned.forecast, other.forecast) &&
                     same_where_both(pruned.gradients, other.gradients) &&
                     same_where_both(pruned.weights, other.weights);
  if (!equal) std::printf("FAIL %s mask %u: %s\n", sizeof(Scalar) == 4 ? "float" : "double", mask, what);
  return equal;
}

template <class Scalar, std::uint64_t mask>
bool identical() {
  const Data<Scalar> data;
  ITransformer<Scalar> whole({dense});
  initialize(parameters(whole), 5);
  whole.set_dropout(0.2);
  whole.pack();

  const auto pruned = step(converted<ITransformer<Scalar>>(whole, {dense.with_kept(ModuleMask<>{mask})}), data);
  using StaticDense = ITransformer<Scalar, Static<dense>>;
  using StaticPruned = typename StaticDense::template Pruned<ModuleMask<>{mask}>;
  const auto fixed = step(converted<StaticPruned>(converted<StaticDense>(whole)), data);

  for (const auto& parameter : parameters(whole))  // the oracle: out_projection = 0 makes the branch +0
    for (std::size_t i = 0; i < dense.depth; ++i)
      if (!(mask >> i & 1) && parameter.name.starts_with(ITransformer<Scalar>::module_name(i) + ".out_projection"))
        std::ranges::fill(parameter.values, Scalar(0));
  whole.pack();
  const auto zeroed = step(whole, data);
  const bool against_static = same(fixed, pruned, "static pruned against dynamic pruned", unsigned{mask});
  return same(pruned, zeroed, "dynamic pruned against zeroed dense", unsigned{mask}) && against_static;
}

template <class Scalar>
int failures() {
  return []<std::size_t... Mask>(std::index_sequence<Mask...>) { return (int{!identical<Scalar, Mask>()} + ...); }
  (std::make_index_sequence<8>{});
}

}  // namespace

int main() {
  const int failed = failures<float>() + failures<double>();
  std::printf("%s: %d of 16 forms differ (dense zeroed, dynamic pruned, static pruned; float and double, 8 masks)\n",
              instruction_set, failed);
  return failed != 0;
}
