// models. Makes a model of a foreign checkpoint, by a plan.
#pragma once

#include <spat/models/checkpoint.hpp>
#include <spat/models/import/import_plan.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Throws FileError unless a constant of the file has the numbers that the model computes.
template <class Scalar>
void expect_constant(const SafetensorsFile& file, const std::string& theirs,
                     const Parameter<Scalar>& parameter, Narrowing narrowing) {
  using Value = std::remove_const_t<Scalar>;
  const TensorInfo& tensor = file.at(theirs);
  const bool longer = tensor.shape.size() == 3 && parameter.shape.size() == 3 &&
                      tensor.shape[0] == 1 && tensor.shape[2] == parameter.shape[2];
  if (!longer) file.expect_shape(theirs, parameter.shape);
  const auto found = read_finite<Value>(file, theirs, narrowing);
  std::vector<Value> expected(found.size());
  parameter.compute(expected, tensor.shape);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - expected[i]) <= Value(1e-2) * (1 + std::abs(expected[i]))))
      throw FileError(message(file.path(), ": tensor ", in_quotes(theirs), ": number ", i, " is ",
                              found[i], ", the model computes ", expected[i]));
}

/// Throws FileError for a weight of whole numbers: only a counter is one.
inline void expect_floats(const SafetensorsFile& file, const std::string& theirs,
                          ParameterKind kind) {
  const Dtype dtype = file.at(theirs).dtype;
  const bool floats =
      dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
  if (!floats && kind != ParameterKind::counter)
    throw FileError(message(file.path(), ": tensor ", in_quotes(theirs), ": dtype ",
                            dtype_name(dtype), " is none of a weight"));
}

}  // namespace detail

/// Reads the model of a plan; `config` has the sizes of the plan and those that the data say. F16
/// and BF16 become float exactly; F64 is rounded if narrowing is allowed. Allocates no memory for
/// sizes that the file's tensors do not confirm. Throws ConfigError for sizes that do not fit
/// together, ShapeError for a tensor of another shape, and FileError for numbers that are not
/// finite, types that cannot be read, and positions that the model computes in another way.
template <class Model>
[[nodiscard]] Model import_model(const SafetensorsFile& file, const ImportPlan& plan,
                                 typename Model::Config config,
                                 Narrowing narrowing = Narrowing::refused) {
  using Scalar = typename Model::Value;
  plan.expect_complete(file.path());
  config.kept = plan.kept;
  check_rules(config);
  double numbers = 0;
  for (const auto& [ours, theirs] : plan.names)
    numbers += static_cast<double>(file.at(theirs).size());
  if (config.parameters() > 4 * numbers + 1e6)
    throw ShapeError(message(file.path(), ": its sizes ask for ", config.parameters(),
                             " numbers, its tensors hold ", numbers));
  Model model({config});
  const auto list = parameters(model);
  for (const auto& parameter : list)
    if (parameter.kind != ParameterKind::constant)
      file.expect_shape(plan.names.at(parameter.name), parameter.shape);
  for (const auto& parameter : list) {
    const auto name = plan.names.find(parameter.name);
    if (name == plan.names.end()) continue;
    const std::string& theirs = name->second;
    detail::expect_floats(file, theirs, parameter.kind);
    if (file.at(theirs).dtype == Dtype::f64 && narrowing == Narrowing::refused &&
        sizeof(Scalar) < sizeof(double))
      throw FileError(message(file.path(), ": tensor ", in_quotes(theirs),
                              ": F64 loses digits as float, which has to be allowed (--narrow)"));
    if (parameter.kind == ParameterKind::constant) {
      detail::expect_constant<Scalar>(file, theirs, parameter, narrowing);
    } else if (parameter.kind == ParameterKind::counter) {
      parameter.values[0] = static_cast<Scalar>(detail::read_count(file, theirs));
    } else {
      file.read_into(theirs, parameter.values, narrowing);
      detail::expect_finite<Scalar>(file, theirs, parameter.values);
      for (const Scalar value : parameter.values)
        if (static_cast<double>(value) < parameter.least)
          throw FileError(message(file.path(), ": ", theirs, ": expected at least ",
                                  parameter.least, ", found ", value));
    }
  }
  return model;
}

/// The configuration of a plan. Fields that the plan does not know keep their defaults.
template <class Config>
[[nodiscard]] Config planned_config(const ImportPlan& plan) {
  Config config;
  for_each_field(config, [&]<class Value>(const std::string& field, Value& value) {
    if (const auto size = plan.size(field)) value = static_cast<Value>(*size);
  });
  config.kept = plan.kept;
  return config;
}

}  // namespace spat
