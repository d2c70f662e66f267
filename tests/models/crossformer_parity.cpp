// Crossformer against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/crossformer.hpp>

#include <tests/models/parity.hpp>

namespace crossformer_parity_tests {

using namespace spat;

namespace {

CrossformerConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  return {.channels = number(file, "C"),
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .heads = number(file, "heads"),
          .depth = number(file, "layers"),
          .segment = number(file, "seg_len"),
          .window = number(file, "win"),
          .routers = number(file, "factor")};
}

/// Part 1 of a module is the sender. The module has the receiver's name.
template <class Model>
const parity::Expected<Model> expected{
    .attention = [](const Model& model, std::size_t module, std::size_t part) {
      std::string path = model.module_name(module);
      return part == 0 ? path : path.replace(path.rfind("receiver"), std::string::npos, "sender");
    }};

}  // namespace

TEST_CASE(
    "Crossformer agrees with PyTorch: output, loss, gradients, A, dA, SEND of all attentions, "
    "pruned outputs",
    "[parity]") {
  parity::check_files<Crossformer>({"Crossformer"}, config_of,
                                   []<class Model>() { return expected<Model>; });
}

}  // namespace crossformer_parity_tests
