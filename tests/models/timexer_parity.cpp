// TimeXer against PyTorch: every file of the fixtures folder that holds one, features M and MS.
#include <spat/models/timexer.hpp>

#include <tests/models/parity.hpp>

namespace timexer_parity_tests {

using namespace spat;

namespace {

TimeXerConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  const std::size_t channels = number(file, "C");
  return {.channels = channels,
          .marks = number(file, "marks"),
          .targets = file.metadata("features") == "MS" ? 1 : channels,
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .heads = number(file, "heads"),
          .depth = number(file, "layers"),
          .patch = number(file, "patch_len")};
}

}  // namespace

TEST_CASE("TimeXer agrees with PyTorch: output, loss, gradients, A, dA, SEND and pruned outputs",
          "[parity]") {
  parity::check_files<TimeXer>({"TimeXer"}, config_of);
}

}  // namespace timexer_parity_tests
