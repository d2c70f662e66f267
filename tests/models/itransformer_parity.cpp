// iTransformer against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/checkpoint.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/train/adam.hpp>
#include <spat/train/loss.hpp>

#include <tests/attention_maps.hpp>
#include <tests/catch.hpp>
#include <tests/fixtures.hpp>

#include <map>

using namespace spat;

namespace {

/// What a scored backward reports of each module.
template <class Scalar>
struct Capture {
  std::map<std::size_t, tests::AttentionMaps<Scalar>> modules;
  void on_backward(const BackwardEvent<Scalar>& event) { modules[event.module].on_backward(event); }
  void on_tile(std::size_t module, const TileEvent<Scalar>& tile) { modules.at(module).on_tile(module, tile); }
};

bool is_itransformer(const SafetensorsFile& file) {
  const auto model = file.metadata().find("model");
  return model != file.metadata().end() && (model->second == "itr" || model->second == "iTransformer");
}

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

/// A fixture's batch, with the numbers it views.
template <class Scalar>
struct FixtureBatch {
  std::vector<Scalar> x, y, x_mark;
  WindowBatch<Scalar> batch;

  FixtureBatch(const SafetensorsFile& file, const ITransformerConfig& c)
      : x(file.read<Scalar>("fixture.x")), y(file.read<Scalar>("fixture.y")) {
    const std::size_t samples = fixtures::number(file, "B");
    batch = {.samples = samples,
             .lookback = c.lookback,
             .horizon = c.horizon,
             .history = {x.data(), samples * c.lookback, c.channels},
             .target = {y.data(), samples * c.horizon, c.channels}};
    if (c.marks) {
      x_mark = file.read<Scalar>("fixture.x_mark");
      batch.history_marks = {x_mark.data(), samples * c.lookback, c.marks};
    }
  }
};

template <class Scalar>
void check_file(const std::string& path) {
  const SafetensorsFile file(path);
  INFO(fixtures::name_of(path) << (sizeof(Scalar) == 4 ? ", float" : ", double"));
  const ITransformerConfig config = config_of(file);
  using Model = ITransformer<Scalar>;
  Model model({config});
  load_tensors(model, file);
  const FixtureBatch<Scalar> data(file, config);

  typename Model::Cache cache;
  model.prepare(cache, Purpose::training, data.batch.samples, config.channels);
  Capture<Scalar> capture;
  const Scored<Capture<Scalar>> run({}, capture);
  const auto out = model.forward(run, data.batch, cache);
  CHECK(fixtures::relative_error(out.flat(), file.read<Scalar>("fixture.out")) < 1e-5);

  Tensor<Scalar> dy(out.rows(), out.cols());
  const double loss = squared_error<Scalar>(out, data.batch.target, static_cast<double>(out.size()), dy.view()) /
                      static_cast<double>(out.size());
  CHECK(loss == Approx(file.read<float>("fixture.loss")[0]).epsilon(1e-5));

  Model gradients = zeros_like(model);
  model.backward_input(run, dy.view(), cache);
  Share all;
  model.backward_weights(run, cache, gradients, all);
  for (const auto& gradient : parameters(gradients)) {
    INFO(gradient.name);
    const auto expected = file.read<Scalar>("grad." + detail::name_in_file<Model>(file, gradient.name));
    const bool zero = gradient.name.ends_with("key_projection.bias");  // a softmax row does not feel it
    if (zero)
      CHECK(fixtures::largest(gradient.values) < 1e-6);
    else
      CHECK(fixtures::relative_error(gradient.values, expected) < 1e-4);
  }
  for (std::size_t l = 0; l < config.depth; ++l) {
    std::string name = "attn." + std::to_string(l);
    if (!file.contains(name + ".A")) name = "attn." + Model::module_name(l);
    INFO(name);
    CHECK(fixtures::relative_error(capture.modules.at(l).a, file.read<Scalar>(name + ".A")) < 1e-5);
    CHECK(fixtures::relative_error(capture.modules.at(l).da, file.read<Scalar>(name + ".dA")) < 1e-4);
  }

  std::size_t pruned = 0;
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("pruned.") || !tensor.name.ends_with(".out")) continue;
    const std::string digits = tensor.name.substr(7, config.depth);
    INFO(tensor.name);
    ModuleMask<> mask{};
    for (std::size_t i = 0; i < config.depth; ++i) mask.bits |= std::uint64_t{digits[i] == '1'} << i;
    const auto smaller = converted<Model>(model, {config.with_kept(mask)});
    for (const Purpose purpose : {Purpose::training, Purpose::inference}) {
      smaller.prepare(cache, purpose, data.batch.samples, config.channels);
      CHECK(fixtures::relative_error(smaller.forward(Run{}, data.batch, cache).flat(), file.read<Scalar>(tensor.name)) <
            1e-5);
    }
    ++pruned;
  }
  CHECK(pruned > 0);
}

}  // namespace

TEST_CASE("iTransformer agrees with PyTorch: output, loss, gradients, A, dA and pruned outputs", "[parity]") {
  std::size_t checked = 0;
  const auto files = fixtures::files();
  if (files.empty()) WARN("skipped: no fixtures in " << fixtures::folder());
  for (const std::string& path : files) {
    if (!is_itransformer(SafetensorsFile(path))) {
      WARN("skipped, another model: " << fixtures::name_of(path));
      continue;
    }
    check_file<float>(path);
    check_file<double>(path);
    ++checked;
  }
  CHECK((files.empty() || checked > 0));
}

TEST_CASE("three steps of Adam agree with PyTorch", "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    if (!is_itransformer(file) || !file.contains("adam.losses")) continue;
    INFO(fixtures::name_of(path));
    using Model = ITransformer<float>;
    const ITransformerConfig config = config_of(file);
    Model model({config});
    load_tensors(model, file);
    const FixtureBatch<float> data(file, config);
    Model gradients = zeros_like(model);
    const auto weights = parameters(model), slopes = parameters(gradients);
    Adam<float> adam(weights);
    Model::Cache cache;
    model.prepare(cache, Purpose::training, data.batch.samples, config.channels);
    const Run run{.training = true};
    const auto losses = file.read<float>("adam.losses");
    for (std::size_t step = 0; step < 3; ++step) {
      const auto out = model.forward(run, data.batch, cache);
      Tensor<float> dy(out.rows(), out.cols());
      const auto size = static_cast<double>(out.size());
      CHECK(squared_error<float>(out, data.batch.target, size, dy.view()) / size == Approx(losses[step]).epsilon(1e-5));
      set_zero(slopes);
      model.backward_input(run, dy.view(), cache);
      Share all;
      model.backward_weights(run, cache, gradients, all);
      adam.step(weights, slopes, 1e-3);
      model.pack();
    }
    for (const auto& weight : weights) {
      if (weight.name.ends_with("key_projection.bias")) continue;  // Adam blows the rounding of a zero gradient up
      INFO(weight.name);
      const auto expected = file.read<float>("adam.after3." + weight.name);
      double worst = 0;
      for (std::size_t i = 0; i < expected.size(); ++i)
        worst = fixtures::larger(worst, std::abs(double(weight.values[i]) - double(expected[i])));
      CHECK(worst < 1e-5);
    }
  }
}
