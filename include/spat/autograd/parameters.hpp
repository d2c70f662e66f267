// autograd. A model's tensors by name. A layer writes one for_each; saving, counting, optimizing and surgery read the list.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/tensor.hpp>
#include <spat/kernels/gemm.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// weight: optimized. buffer: part of the state, not optimized (running statistics). constant: computable, kept in files.
enum class ParameterKind { weight, buffer, constant };

/// One named tensor, seen from outside. Valid until the model it came from is moved, assigned to or destroyed.
template <class Scalar>
struct Parameter {
  std::string name;  // of the reference's state_dict: encoder.attn_layers.0.attention.query_projection.weight
  std::vector<std::size_t> shape;  // as in a file: [F, D, 1] for a convolution of width one
  ParameterKind kind = ParameterKind::weight;
  std::span<Scalar> values;
  kernels::PackedWeight<std::remove_const_t<Scalar>>* packed = nullptr;  // follows the values, where a layer packs them
};

template <class Scalar>
using ParameterList = std::vector<Parameter<Scalar>>;

/// What a layer calls for each of its tensors. It is compiled once per scalar, not once per model.
///
///     template <class Self, class List>
///     static void for_each(Self& self, const std::string& name, List& list) { list.add(name + "weight", self.weight); }
template <class Scalar>
class ParameterCollector {
 public:
  /// A [rows x cols] tensor; its file shape is [cols] when rows is 1, unless `shape` says otherwise.
  template <class TensorType>
  void add(std::string name, TensorType& tensor, std::vector<std::size_t> shape = {},
           ParameterKind kind = ParameterKind::weight,
           kernels::PackedWeight<std::remove_const_t<Scalar>>* packed = nullptr) {
    if (shape.empty())
      shape = tensor.rows() == 1 ? std::vector{tensor.cols()} : std::vector{tensor.rows(), tensor.cols()};
    list.push_back({std::move(name), std::move(shape), kind, tensor.flat(), packed});
  }

  ParameterList<Scalar> list;
};

/// The only place where a model's type meets a visitor.
template <class Model>
[[nodiscard]] auto parameters(Model& model) {
  using Scalar = std::conditional_t<std::is_const_v<Model>, const typename Model::Value, typename Model::Value>;
  ParameterCollector<Scalar> collector;
  std::remove_const_t<Model>::for_each(model, std::string{}, collector);
  return std::move(collector.list);
}

/// How many numbers are learned.
template <class Scalar>
[[nodiscard]] std::size_t count(const ParameterList<Scalar>& list) {
  std::size_t total = 0;
  for (const auto& parameter : list)
    if (parameter.kind == ParameterKind::weight) total += parameter.values.size();
  return total;
}

template <class Scalar>
[[nodiscard]] auto find(const ParameterList<Scalar>& list, std::string_view name) {
  return std::ranges::find(list, name, &Parameter<Scalar>::name);
}

template <class Scalar>
void set_zero(const ParameterList<Scalar>& list) {
  for (const auto& parameter : list) std::ranges::fill(parameter.values, Scalar(0));
}

/// Copies every tensor of `to` from the tensor of that name; what `to` no longer names is left behind.
/// Throws ShapeError if a tensor is missing or has another shape.
template <class To, class From>
void take_surviving(const ParameterList<To>& to, const ParameterList<From>& from) {
  for (const auto& parameter : to) {
    const auto found = find(from, parameter.name);
    if (found == from.end() || found->shape != parameter.shape)
      throw ShapeError(detail::message("no tensor of this name and shape to take over: ", parameter.name));
    std::ranges::transform(found->values, parameter.values.begin(), [](auto value) { return static_cast<To>(value); });
  }
}

/// The gradient of a model is an object of the model's own type that starts at zero.
template <class Model>
[[nodiscard]] Model zeros_like(const Model& model) {
  Model zeros = model;
  set_zero(parameters(zeros));
  return zeros;
}

}  // namespace spat
