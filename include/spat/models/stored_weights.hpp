// models. Weights in files in half or a quarter of their bytes, and back. docs/export.md has the
// convention.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/io/half.hpp>
#include <spat/io/int8_rows.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/io/weight_type.hpp>

namespace spat::inline SPAT_ABI {

/// Metadata key of the type of a file's weights. Files of float weights have no such entry.
inline constexpr const char* weights_key = "spat.weights";

/// The type that a model's file says its weights have. Throws FileError for an unknown one.
[[nodiscard]] inline WeightType weight_type_of(const SafetensorsFile& file) {
  const auto entry = file.metadata().find(weights_key);
  if (entry == file.metadata().end()) return WeightType::f32;
  try {
    return parse_name("type of weights", entry->second, weight_types);
  } catch (const ConfigError& error) {
    throw FileError(
        message(file.path(), ": metadata ", in_quotes(weights_key), ": ", error.what()));
  }
}

namespace detail {

/// The name of the tensor that holds the scales of this tensor's rows, and the way back.
[[nodiscard]] inline std::string scales_name(std::string_view name) {
  return message(name, ".scale");
}
[[nodiscard]] inline std::string_view scaled_name(std::string_view scales) {
  return scales.ends_with(".scale") ? scales.substr(0, scales.size() - 6) : std::string_view();
}
/// Whether `tensor` holds the scales of an I8 tensor of the file.
[[nodiscard]] inline bool holds_scales(const SafetensorsFile& file, const TensorInfo& tensor) {
  const TensorInfo* const of = file.find(scaled_name(tensor.name));
  return of != nullptr && of->dtype == Dtype::i8;
}

/// Whether the tensor is the matrix of a linear map or of a convolution, which INT8 makes small:
/// learned, of two or more dimensions, and called "weight". Tables of positions or tokens, biases
/// and norms are not.
template <class Scalar>
[[nodiscard]] bool is_matrix(const Parameter<Scalar>& parameter) {
  return parameter.kind == ParameterKind::weight && parameter.shape.size() >= 2 &&
         (parameter.name == "weight" || parameter.name.ends_with(".weight"));
}

/// Throws NumericError for the first number that is not finite, or larger than `largest`.
template <class Scalar>
void expect_holds(const std::string& name, std::span<Scalar> values, WeightType type,
                  double largest) {
  const auto bad = std::ranges::find_if_not(
      values, [&](auto value) { return std::abs(static_cast<double>(value)) <= largest; });
  if (bad == values.end()) return;
  throw NumericError(message(
      "tensor ", in_quotes(name), ": number ", bad - values.begin(), " is ", *bad, ", which ",
      name_of(weight_types, type), " does not hold: its largest number is ", largest,
      type == WeightType::f16 ? "; bf16 and int8 reach farther" : "; keep this model in f32"));
}

template <class Half, class Scalar>
void add_halves(SafetensorsWriter& writer, const Parameter<Scalar>& parameter, WeightType type) {
  expect_holds(parameter.name, parameter.values, type, Half::largest);
  std::vector<Half> halves(parameter.values.size());
  std::ranges::transform(parameter.values, halves.begin(),
                         [](auto value) { return to_half<Half>(static_cast<double>(value)); });
  writer.add(parameter.name, parameter.shape, std::span<const Half>(halves));
}

/// Adds a learned tensor to a file of weights of this type. Throws NumericError, with its name, for
/// a number that the type does not hold.
template <class Scalar>
void add_weight(SafetensorsWriter& writer, const Parameter<Scalar>& parameter, WeightType type) {
  using Value = std::remove_const_t<Scalar>;
  if (type == WeightType::bf16) return add_halves<BFloat16>(writer, parameter, type);
  if (type == WeightType::f16) return add_halves<Float16>(writer, parameter, type);
  if (type == WeightType::int8 && is_matrix(parameter)) {
    constexpr auto largest = static_cast<double>(std::numeric_limits<float>::max());
    expect_holds(parameter.name, parameter.values, type, largest);
    const Int8Rows rows =
        to_int8_rows(std::span<const Value>(parameter.values), parameter.shape.front());
    writer.add(parameter.name, parameter.shape, std::span<const std::int8_t>(rows.values));
    return writer.add(scales_name(parameter.name), {rows.scales.size()},
                      std::span<const float>(rows.scales));
  }
  writer.add(parameter.name, parameter.shape, std::span<const Value>(parameter.values));
}

/// Throws FileError, with the first number that is not finite, if there is one.
template <class Scalar>
void expect_finite(const SafetensorsFile& file, const std::string& name,
                   std::span<const Scalar> values) {
  const auto bad =
      std::ranges::find_if_not(values, [](Scalar value) { return std::isfinite(value); });
  if (bad != values.end())
    throw FileError(message(file.path(), ": ", name, ": number ", bad - values.begin(),
                            " is not finite: ", *bad));
}

/// Reads a tensor of a model, whose shape has been checked, and multiplies the rows of an I8 tensor
/// by their scales. Throws FileError for an I8 tensor without scales, for scales that are negative
/// or not finite, and for the integer -128, which has no opposite; ShapeError for scales of
/// another shape.
template <class Scalar>
void read_weight(const SafetensorsFile& file, const std::string& name, std::span<Scalar> values,
                 Narrowing narrowing) {
  file.read_into(name, values, narrowing);
  const TensorInfo& tensor = file.at(name);
  if (tensor.dtype != Dtype::i8) return;
  const std::string of = scales_name(name);
  const auto refuse = [&](const std::string& which, const auto&... parts) {
    throw FileError(message(file.path(), ": tensor ", in_quotes(which), ": ", parts...));
  };
  const std::size_t rows = tensor.shape.empty() ? 1 : tensor.shape.front();
  if (!file.contains(of))
    refuse(name, "is I8, and its scales are missing: expected a tensor ", in_quotes(of),
           " of shape ", shape_text(std::span(&rows, 1)));
  if (const Dtype found = file.at(of).dtype; found != Dtype::f32)
    refuse(of, "expected scales in F32, found ", dtype_name(found));
  file.expect_shape(of, {rows});
  const auto scales = file.read<float>(of);
  const std::size_t cols = rows == 0 ? 0 : values.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!(scales[row] >= 0) || std::isinf(scales[row]))
      refuse(of, "number ", row, ": expected a finite scale of at least 0, found ", scales[row]);
    for (std::size_t i = row * cols; i < (row + 1) * cols; ++i) {
      if (values[i] < -127)
        refuse(name, "number ", i, " is -128; expected -127 to 127, of one size on both sides");
      values[i] = static_cast<Scalar>(from_int8(static_cast<std::int8_t>(values[i]), scales[row]));
    }
  }
}

/// Throws FileError if a tensor is stored in another small type than the file's metadata say.
inline void expect_stored_as(const SafetensorsFile& file) {
  if (!file.metadata().contains(weights_key)) return;
  const WeightType type = weight_type_of(file);
  for (const TensorInfo& tensor : file.tensors()) {
    const bool fits = tensor.dtype == Dtype::bf16  ? type == WeightType::bf16
                      : tensor.dtype == Dtype::f16 ? type == WeightType::f16
                      : tensor.dtype == Dtype::i8  ? type == WeightType::int8
                                                   : true;
    if (!fits)
      throw FileError(message(file.path(), ": tensor ", in_quotes(tensor.name), ": is ",
                              dtype_name(tensor.dtype), " in a file of ",
                              name_of(weight_types, type), " weights"));
  }
}

}  // namespace detail

}  // namespace spat
