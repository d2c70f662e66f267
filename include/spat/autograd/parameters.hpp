// autograd. A model's tensors by name. A layer writes one for_each; saving, counting, optimizing
// and surgery read the resulting list.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/tensor.hpp>
#include <spat/kernels/gemm.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The role of a tensor. weight: optimized. buffer: part of the state but not optimized (running
/// statistics). counter: a buffer of one whole number, a 64-bit integer in files. constant:
/// computed rather than held in memory; written to files for other programs.
enum class ParameterKind { weight, buffer, counter, constant };

/// How initialize() sets a tensor. standard: PyTorch's default for linear maps and convolutions.
/// normal: N(0, scale^2). uniform: U(-scale, scale). unchanged: keeps the values from its layer's
/// constructor.
struct Initial {
  enum class Rule { standard, normal, uniform, unchanged } rule = Rule::standard;
  double scale = 1;

  static constexpr Initial normal(double deviation) { return {Rule::normal, deviation}; }
  static constexpr Initial uniform(double bound) { return {Rule::uniform, bound}; }
  static constexpr Initial unchanged() { return {Rule::unchanged, 0}; }
};

/// What a layer can state about a tensor besides its name and numbers.
template <class Scalar>
struct Traits {
  /// As in a file: [F, D, 1] for a convolution of width one; empty: the tensor's own shape.
  std::vector<std::size_t> shape = {};
  ParameterKind kind = ParameterKind::weight;
  kernels::PackedWeight<Scalar>* packed = nullptr;  // the packed form, if the layer has one
  std::function<void()> release = {};               // frees a weight that has a packed form
  Initial initial = {};
  /// The least number that it can hold: a file with a smaller one is refused. A variance has 0.
  double least = -std::numeric_limits<double>::infinity();
  /// Computes a constant.
  std::function<void(std::span<Scalar> values, const std::vector<std::size_t>& shape)> compute = {};
};

/// One named tensor, as a reference into its model. Valid until that model is moved, assigned to or
/// destroyed.
template <class Scalar>
struct Parameter : Traits<std::remove_const_t<Scalar>> {
  /// The name in the reference's state_dict:
  /// encoder.attn_layers.0.attention.query_projection.weight
  std::string name;
  std::span<Scalar> values;
};

/// The tensors of a model, in the order of its for_each.
template <class Scalar>
using ParameterList = std::vector<Parameter<Scalar>>;

/// Receives each tensor of a layer. It is compiled once per scalar, not once per model.
///
///     template <class Self, class List>
///     static void for_each(Self& self, const std::string& name, List& list) {
///       list.add(name + "weight", self.weight);
///     }
template <class Scalar>
class ParameterCollector {
 public:
  using Traits = spat::Traits<std::remove_const_t<Scalar>>;

  /// Adds a [rows x cols] tensor. Its file shape is [cols] if rows is 1, unless the traits say
  /// otherwise.
  template <class TensorType>
  void add(std::string name, TensorType& tensor, Traits traits = {}) {
    if (traits.shape.empty() && traits.kind != ParameterKind::counter)
      traits.shape = tensor.rows() == 1 ? std::vector{tensor.cols()}
                                        : std::vector{tensor.rows(), tensor.cols()};
    list.push_back({std::move(traits), std::move(name), tensor.flat()});
  }
  /// Adds a tensor that files hold and models compute. An empty shape means one number.
  void add_constant(std::string name, std::vector<std::size_t> shape,
                    decltype(Traits::compute) compute) {
    list.push_back({{.shape = std::move(shape),
                     .kind = ParameterKind::constant,
                     .compute = std::move(compute)},
                    std::move(name),
                    {}});
  }

  ParameterList<Scalar> list;
};

/// Lists the tensors of a model. This is the only place where a model's type meets a visitor.
template <class Model>
[[nodiscard]] auto parameters(Model& model) {
  using Scalar = std::conditional_t<std::is_const_v<Model>, const typename Model::Value,
                                    typename Model::Value>;
  ParameterCollector<Scalar> collector;
  std::remove_const_t<Model>::for_each(model, std::string{}, collector);
  return std::move(collector.list);
}

/// The number of learned numbers.
template <class Scalar>
[[nodiscard]] std::size_t parameter_count(const ParameterList<Scalar>& list) {
  std::size_t total = 0;
  for (const auto& parameter : list)
    if (parameter.kind == ParameterKind::weight) total += parameter.values.size();
  return total;
}

/// An iterator to the tensor of that name, or list.end().
template <class Scalar>
[[nodiscard]] auto find_parameter(const ParameterList<Scalar>& list, std::string_view name) {
  return std::ranges::find(list, name, &Parameter<Scalar>::name);
}

/// Sets all values to zero.
template <class Scalar>
void set_zero(const ParameterList<Scalar>& list) {
  for (const auto& parameter : list) std::ranges::fill(parameter.values, Scalar(0));
}

/// Copies every tensor of `to` from the tensor of that name in `from`; tensors that `to` does not
/// name are not copied. Throws ShapeError if a tensor is missing or has another shape.
template <class To, class From>
void take_surviving(const ParameterList<To>& to, const ParameterList<From>& from) {
  for (const auto& parameter : to) {
    const auto found = find_parameter(from, parameter.name);
    if (found == from.end() || found->shape != parameter.shape)
      throw ShapeError(message("no tensor of this name and shape to take over: ", parameter.name));
    std::ranges::transform(found->values, parameter.values.begin(),
                           [](auto value) { return static_cast<To>(value); });
  }
}

/// An object to accumulate gradients in: the same type as the model, all values zero.
template <class Model>
[[nodiscard]] Model zeros_like(const Model& model) {
  Model zeros = model;
  set_zero(parameters(zeros));
  return zeros;
}

}  // namespace spat
