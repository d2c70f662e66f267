// io. The types in which a file may hold the weights of a model.
#pragma once

#include <spat/core/names.hpp>

namespace spat::inline SPAT_ABI {

/// How a weight is stored: as float, in half of its bytes, or in a quarter. docs/export.md has the
/// rules of rounding.
enum class WeightType { f32, bf16, f16, int8 };

/// The types by name.
inline constexpr Named<WeightType> weight_types[] = {{"f32", WeightType::f32},
                                                     {"bf16", WeightType::bf16},
                                                     {"f16", WeightType::f16},
                                                     {"int8", WeightType::int8}};

}  // namespace spat
