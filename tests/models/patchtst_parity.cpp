// PatchTST against PyTorch: every file of the fixtures folder that holds one, with running and with
// batch statistics.
#include <spat/models/patchtst.hpp>

#include <tests/models/parity.hpp>

namespace patchtst_parity_tests {

using namespace spat;

namespace {

PatchTSTConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  return {.channels = number(file, "C"),
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .heads = number(file, "heads"),
          .depth = number(file, "layers"),
          .patch = number(file, "patch_len"),
          .stride = number(file, "stride")};
}

/// The last block's second norm precedes the BatchNorm.
bool normalized_away(const auto& model, std::string_view name) {
  return name.starts_with(message("encoder.attn_layers.", model.config().depth - 1, ".norm2."));
}
template <class Model>
const parity::Expected<Model> expected{
    .normalized_away = [](const Model& model, std::string_view name) {
      return normalized_away(model, name);
    }};

}  // namespace

TEST_CASE(
    "PatchTST agrees with PyTorch: output, loss, gradients, A, dA, SEND, statistics and pruned "
    "outputs",
    "[parity]") {
  parity::check_files<PatchTST>({"ptst"}, config_of, []<class Model>() { return expected<Model>; });
}

TEST_CASE("three steps of Adam on a PatchTST agree with PyTorch", "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    if (!parity::holds(file, {"ptst"}) || !file.contains("adam.losses")) continue;
    parity::check_adam<PatchTST<float>>(file, config_of(file), expected<PatchTST<float>>);
  }
}

}  // namespace patchtst_parity_tests
