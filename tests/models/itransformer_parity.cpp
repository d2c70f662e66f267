// iTransformer against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/itransformer.hpp>

#include <tests/models/parity.hpp>

namespace itransformer_parity_tests {

using namespace spat;

namespace {

ITransformerConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  return {.channels = number(file, "C"),
          .marks = number(file, "marks"),
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .heads = number(file, "heads"),
          .depth = number(file, "layers")};
}

}  // namespace

TEST_CASE(
    "iTransformer agrees with PyTorch: output, loss, gradients, A, dA, SEND and pruned outputs",
    "[parity]") {
  parity::check_files<ITransformer>({"itr", "iTransformer"}, config_of);
}

TEST_CASE("three steps of Adam on an iTransformer agree with PyTorch", "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    if (!parity::holds(file, {"itr", "iTransformer"}) || !file.contains("adam.losses")) continue;
    parity::check_adam<ITransformer<float>>(file, config_of(file));
  }
}

}  // namespace itransformer_parity_tests
