// The encoder-decoder Transformer against PyTorch: every file of the fixtures folder that holds
// one.
#include <spat/models/transformer.hpp>

#include <tests/models/parity.hpp>

namespace transformer_parity_tests {

using namespace spat;

namespace {

TransformerConfig config_of(const SafetensorsFile& file) {
  using fixtures::number;
  return {.channels = number(file, "C"),
          .marks = number(file, "marks"),
          .lookback = number(file, "L"),
          .horizon = number(file, "T"),
          .label = number(file, "label_len"),
          .width = number(file, "d"),
          .ffn_width = number(file, "ff"),
          .heads = number(file, "heads"),
          .depth = number(file, "layers"),
          .decoder_depth = number(file, "d_layers")};
}

}  // namespace

TEST_CASE(
    "Transformer agrees with PyTorch: output, loss, gradients, A, dA, SEND and pruned outputs",
    "[parity]") {
  parity::check_files<Transformer>({"Transformer"}, config_of);
}

TEST_CASE("a Transformer's decoder begins with the steps and marks that PyTorch's was given",
          "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    if (!parity::holds(file, {"Transformer"})) continue;
    INFO(fixtures::name_of(path));
    Transformer<float> model({config_of(file)});
    load_tensors(model, file);
    const parity::FixtureBatch<float> data(file);
    Transformer<float>::Cache cache;
    model.prepare(cache, Purpose::training, data.batch.samples, data.batch.channels());
    model.forward(Pass{}, data.batch, cache);
    CHECK(std::ranges::equal(cache.steps.flat(), file.read<float>("fixture.x_dec")));
    CHECK(std::ranges::equal(cache.step_marks.flat(), file.read<float>("fixture.x_mark_dec")));
  }
}

}  // namespace transformer_parity_tests
