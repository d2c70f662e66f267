// Shared by the tests of model files with weights of 16 or 8 bits.
#pragma once

#include <tests/support/small_models.hpp>

#include <map>
#include <string>

namespace low_precision {

/// The bytes of the model's file with weights of this type.
template <class Model>
std::string file_of(const Model& model, spat::WeightType type,
                    const std::map<std::string, std::string>& extra = {}) {
  return spat::detail::model_writer(model, extra, true, type).to_bytes();
}
inline spat::SafetensorsFile open(const std::string& bytes) {
  return spat::SafetensorsFile::from_bytes(bytes, "given");
}
template <class Model>
Model loaded(const std::string& bytes) {
  return spat::load_model<Model>(open(bytes));
}

inline constexpr spat::WeightType small_types[] = {spat::WeightType::bf16, spat::WeightType::f16,
                                                   spat::WeightType::int8};

}  // namespace low_precision
