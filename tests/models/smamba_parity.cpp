// S-Mamba against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/smamba.hpp>

#include <tests/models/parity.hpp>

namespace smamba_parity_tests {

using namespace spat;

namespace {

SMambaConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  return {.channels = number(file, "C"),
          .marks = number(file, "marks"),
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .depth = number(file, "layers"),
          .state = number(file, "d_state"),
          .convolution = number(file, "d_conv"),
          .expand = number(file, "expand")};
}

}  // namespace

TEST_CASE("S-Mamba agrees with PyTorch: output, loss, gradients and pruned outputs", "[parity]") {
  parity::check_files<SMamba>({"S_Mamba"}, config_of);
}

TEST_CASE("an S-Mamba loads from a checkpoint that carries dead tensors, and names them",
          "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    if (!parity::holds(file, {"S_Mamba"})) continue;
    INFO(fixtures::name_of(path));
    SMamba<float> model({config_of(file)});
    std::size_t dead = 0;
    for (const std::string& name : load_tensors(model, file)) {
      if (name.starts_with("fixture.") || name.starts_with("grad.") || name.starts_with("pruned."))
        continue;
      CHECK(file.metadata("unused").find(in_quotes(name)) != std::string::npos);
      ++dead;
    }
    const std::string& unused = file.metadata("unused");
    CHECK(dead == static_cast<std::size_t>(std::ranges::count(unused, '"')) / 2);
  }
}

}  // namespace smamba_parity_tests
