// autograd. Initial weights, each tensor from its own random stream.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/core/random.hpp>

namespace spat::inline SPAT_ABI {

/// Gives every weight its initial values, as its Initial says.
///
/// `standard` is PyTorch's default for linear maps and convolutions: W and b ~ U(-1/sqrt(fan_in),
/// 1/sqrt(fan_in)), for every weight of two or more dimensions that is named "weight" and for the
/// bias next to it. fan_in is the product of all dimensions of the weight except the first. Other
/// tensors (normalization gains and biases) keep the values from their layer's constructor.
///
/// The numbers of a tensor depend only on (seed, its name), so a pruned model starts like the dense
/// one.
template <class Scalar>
void initialize(const ParameterList<Scalar>& list, std::uint64_t seed) {
  const auto stream = [](std::string_view name) {  // FNV-1a
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
  };
  const auto fill = [&](const Parameter<Scalar>& parameter, Initial initial) {
    Random random(seed, stream(parameter.name));
    for (Scalar& value : parameter.values)
      value = static_cast<Scalar>(initial.rule == Initial::Rule::normal
                                      ? initial.scale * random.normal()
                                      : random.uniform(-initial.scale, initial.scale));
  };
  for (const auto& parameter : list) {
    if (parameter.kind != ParameterKind::weight ||
        parameter.initial.rule == Initial::Rule::unchanged)
      continue;
    if (parameter.initial.rule != Initial::Rule::standard) {
      fill(parameter, parameter.initial);
      continue;
    }
    if (parameter.shape.size() < 2 || !parameter.name.ends_with("weight")) continue;
    const double bound =
        1 / std::sqrt(static_cast<double>(parameter.values.size() / parameter.shape[0]));
    fill(parameter, Initial::uniform(bound));
    const std::string bias = parameter.name.substr(0, parameter.name.size() - 6).append("bias");
    if (const auto beside = find_parameter(list, bias);
        beside != list.end() && beside->initial.rule == Initial::Rule::standard)
      fill(*beside, Initial::uniform(bound));
  }
}

}  // namespace spat
