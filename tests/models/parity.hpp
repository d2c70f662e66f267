// Compares a model to PyTorch by one file of the fixtures folder: output, loss, gradients, A, dA,
// SEND and pruned outputs.
#pragma once

#include <spat/criteria/send/send.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/optimizer.hpp>

#include <tests/support/attention_maps.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>

namespace parity {

using namespace spat;

/// What a scored backward reports of each module, by (module, part).
template <class Scalar>
struct Capture {
  std::map<std::pair<std::size_t, std::size_t>, tests::AttentionMaps<Scalar>> modules;
  void hear(const BackwardEvent<Scalar>& event) { modules[{event.module, event.part}].hear(event); }
  void hear(const TileEvent<Scalar>& tile) { modules.at({tile.module, tile.part}).hear(tile); }
};

/// A file's batch and the numbers that it views. A decoder's marks end with the future ones.
template <class Scalar>
struct FixtureBatch {
  std::vector<Scalar> x, y, x_mark, future_mark;
  WindowBatch<Scalar> batch;

  explicit FixtureBatch(const SafetensorsFile& file)
      : x(file.read<Scalar>("fixture.x")), y(file.read<Scalar>("fixture.y")) {
    const auto& history = file.at("fixture.x").shape;
    const auto& target = file.at("fixture.y").shape;
    const std::size_t samples = history[0], horizon = target[1];
    batch = {.samples = samples,
             .lookback = history[1],
             .horizon = horizon,
             .history = {x.data(), samples * history[1], history[2]},
             .target = {y.data(), samples * horizon, target[2]}};
    if (file.contains("fixture.x_mark")) {
      x_mark = file.read<Scalar>("fixture.x_mark");
      batch.history_marks = {x_mark.data(), samples * history[1],
                             x_mark.size() / (samples * history[1])};
    }
    if (file.contains("fixture.x_mark_dec")) {
      const auto all = file.read<Scalar>("fixture.x_mark_dec");
      const auto& shape = file.at("fixture.x_mark_dec").shape;
      for (std::size_t b = 0; b < samples; ++b)
        future_mark.insert(
            future_mark.end(),
            all.begin() + static_cast<std::ptrdiff_t>(((b + 1) * shape[1] - horizon) * shape[2]),
            all.begin() + static_cast<std::ptrdiff_t>((b + 1) * shape[1] * shape[2]));
      batch.future_marks = {future_mark.data(), samples * horizon, shape[2]};
    }
  }
};

/// Whether a file holds one of these models.
inline bool holds(const SafetensorsFile& file, std::initializer_list<std::string_view> names) {
  const auto model = file.metadata().find("model");
  return model != file.metadata().end() && std::ranges::find(names, model->second) != names.end();
}

/// The key of the attention of (module, part) in the file. The first files number the modules.
inline std::string attention_key(const SafetensorsFile& file, const std::string& prefix,
                                 std::size_t module, const std::string& path) {
  const std::string numbered = prefix + "attn." + std::to_string(module);
  return file.contains(numbered + ".A") ? numbered : prefix + "attn." + path;
}

/// SEND of a module by an independent program, or null.
inline nlohmann::json reference_send(const SafetensorsFile& file, const std::string& path,
                                     bool training) {
  if (const auto found = file.metadata().find("send." + path); found != file.metadata().end())
    return training ? nlohmann::json() : nlohmann::json::parse(found->second);
  std::ifstream stream(fixtures::folder() + "/send_reference.json");
  if (!stream) return {};
  const nlohmann::json all = nlohmann::json::parse(stream),
                       &mode = all[training ? "train" : "eval"];
  const std::string name = fixtures::name_of(file.path());
  return mode.contains(name) && mode[name].contains(path) ? mode[name][path] : nlohmann::json();
}

template <class Scalar>
void check_attention(const SafetensorsFile& file, const std::string& prefix, std::size_t module,
                     const std::string& path, const tests::AttentionMaps<Scalar>& found) {
  const std::string key = attention_key(file, prefix, module, path);
  INFO(key);
  const auto a = file.read<Scalar>(key + ".A");
  auto da = file.read<Scalar>(key + ".dA"), found_da = found.da;
  CHECK(fixtures::relative_error(found.a, a) < 1e-5);
  REQUIRE(da.size() == found_da.size());
  for (std::size_t i = 0; i < da.size(); ++i)
    if (a[i] == 0) da[i] = found_da[i] = 0;  // hidden by a causal mask: not part of the comparison
  CHECK(fixtures::relative_error(found_da, da) < 1e-4);
  const auto send = reference_send(file, path, !prefix.empty());
  if (send.is_null()) return;
  for (const SendVariant variant : {SendVariant::signed_sum, SendVariant::absolute_mean}) {
    Send<Scalar> criterion({.variant = variant});
    tests::tell(criterion, found.backward.back(), found.a.data(), found.da.data());
    criterion.end_step();
    const double expected =
        send[variant == SendVariant::signed_sum ? "signed_sum" : "absolute_mean"];
    CHECK(criterion.score() == Approx(expected).epsilon(2e-5));
  }
}

/// Expectations of a file on a model: the names of its modules' attentions, part by part
/// (module_name() by default), and the tensors whose effect batch statistics cancel in training (an
/// affine map before a BatchNorm). The gradients of those are rounding noise on both sides.
template <class Model>
struct Expected {
  std::function<std::string(const Model&, std::size_t module, std::size_t part)> attention =
      [](const Model& model, std::size_t module, std::size_t) { return model.module_name(module); };
  std::function<bool(const Model&, std::string_view)> normalized_away =
      [](const Model&, std::string_view) { return false; };
};

/// Compares one pass in training mode (prefix "train.") or without (prefix "") to the file. Commits
/// the cache's batch statistics.
template <class Model>
void check_pass(const SafetensorsFile& file, Model& model, const std::string& prefix,
                const Expected<Model>& expected) {
  using Scalar = typename Model::Value;
  INFO((prefix.empty() ? "without training" : "while training"));
  const FixtureBatch<Scalar> data(file);
  typename Model::Cache cache;
  model.prepare(cache, Purpose::training, data.batch.samples, data.batch.channels());
  Capture<Scalar> capture;
  const ScoredPass<Capture<Scalar>> pass(Pass{.training = !prefix.empty()}, capture);
  const auto out = model.forward(pass, data.batch, cache);
  const auto name_of = [&](const char* what) {
    return prefix.empty() ? std::string("fixture.") + what : prefix + what;
  };
  CHECK(fixtures::relative_error(out.flat(), file.read<Scalar>(name_of("out"))) < 1e-5);

  Tensor<Scalar> dy(out.rows(), out.cols());
  const auto size = static_cast<double>(out.size());
  const double loss = squared_error<Scalar>(out, data.batch.target, size, dy.view()) / size;
  CHECK(loss == Approx(file.read<float>(name_of("loss"))[0]).epsilon(1e-5));

  Model gradients = zeros_like(model);
  backward_pass(model, pass, dy, cache, gradients);
  const auto zero_grads = file.metadata().find("zero_grads");
  for (const auto& gradient : parameters(gradients)) {
    if (gradient.kind != ParameterKind::weight) continue;
    INFO(gradient.name);
    const std::string name = detail::name_in_file<Model>(file, gradient.name);
    const bool zero =
        gradient.name.ends_with("key_projection.bias") ||  // a softmax row does not depend on it
        (zero_grads != file.metadata().end() &&
         zero_grads->second.find(in_quotes(name)) != std::string::npos);
    if (zero)
      CHECK(fixtures::largest(gradient.values) < 1e-6);
    else if (const auto other = file.read<Scalar>(prefix + "grad." + name);
             !prefix.empty() && expected.normalized_away(model, gradient.name))
      CHECK(fixtures::relative_error(gradient.values, other) * fixtures::largest(other) < 1e-6);
    else
      CHECK(fixtures::relative_error(gradient.values, other) < 1e-4);
  }
  for (const auto& [at, maps] : capture.modules)
    check_attention(file, prefix, at.first, expected.attention(model, at.first, at.second), maps);

  if constexpr (BatchNormalized<Model>) {
    if (prefix.empty()) return;
    model.commit(cache, Scalar(0.1));
    for (const auto& parameter : parameters(model)) {
      INFO(parameter.name);
      if (parameter.kind == ParameterKind::buffer)
        CHECK(fixtures::relative_error(parameter.values,
                                       file.read<Scalar>("train.after." + parameter.name)) < 1e-5);
      if (parameter.kind == ParameterKind::counter)
        CHECK(static_cast<std::int64_t>(parameter.values[0]) ==
              file.read<std::int64_t>("train.after." + parameter.name)[0]);
    }
  }
}

/// Compares every "pruned.<one digit per module>.out" of the file, laid out for training and for
/// inference. Returns their number.
template <class Model>
std::size_t check_pruned(const SafetensorsFile& file, const Model& model) {
  using Scalar = typename Model::Value;
  const FixtureBatch<Scalar> data(file);
  std::size_t pruned = 0;
  typename Model::Cache cache;
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("pruned.") || !tensor.name.ends_with(".out")) continue;
    const std::string digits = tensor.name.substr(7, model.form.modules());
    INFO(tensor.name);
    ModuleMask mask{};
    for (std::size_t i = 0; i < digits.size(); ++i) mask = digits[i] == '1' ? mask.with(i) : mask;
    const auto smaller = converted<Model>(model, model.form.with_kept(mask));
    for (const Purpose purpose : {Purpose::training, Purpose::inference}) {
      smaller.prepare(cache, purpose, data.batch.samples, data.batch.channels());
      CHECK(fixtures::relative_error(smaller.forward(Pass{}, data.batch, cache).flat(),
                                     file.read<Scalar>(tensor.name)) < 1e-5);
    }
    ++pruned;
  }
  return pruned;
}

/// Compares all of a file, in one precision.
template <class Model>
void check_file(const SafetensorsFile& file, const typename Model::Config& config,
                const Expected<Model>& expected = {}) {
  INFO(fixtures::name_of(file.path())
       << (sizeof(typename Model::Value) == 4 ? ", float" : ", double"));
  Model model(Dynamic<typename Model::Config>{config});
  load_tensors(model, file);
  check_pass(file, model, "", expected);
  const std::size_t pruned = check_pruned(file, model);
  CHECK((pruned > 0 || model.form.modules() == 0));
  if (file.contains("train.out")) check_pass(file, model, "train.", expected);
}

/// Compares every file that holds one of `names`, in float and double. config_of(file) returns its
/// configuration, expected.operator()<Model>() its Expected.
template <template <class, class> class ModelOf, class ConfigOf, class MakeExpected>
void check_files(std::initializer_list<std::string_view> names, const ConfigOf& config_of,
                 const MakeExpected& expected) {
  using Form = Dynamic<std::invoke_result_t<ConfigOf, const SafetensorsFile&>>;
  using Single = ModelOf<float, Form>;
  using Wide = ModelOf<double, Form>;
  std::size_t checked = 0;
  const auto files = fixtures::files();
  if (files.empty()) WARN("skipped: no fixtures in " << fixtures::folder());
  for (const std::string& path : files) {
    const SafetensorsFile file(path);
    if (!holds(file, names)) continue;
    check_file<Single>(file, config_of(file), expected.template operator()<Single>());
    check_file<Wide>(file, config_of(file), expected.template operator()<Wide>());
    ++checked;
  }
  CHECK((files.empty() || checked > 0));
}
template <template <class, class> class ModelOf, class ConfigOf>
void check_files(std::initializer_list<std::string_view> names, const ConfigOf& config_of) {
  check_files<ModelOf>(names, config_of, []<class Model>() { return Expected<Model>(); });
}

/// Compares three steps of Adam in training mode, if the file has them.
template <class Model>
void check_adam(const SafetensorsFile& file, const typename Model::Config& config,
                const Expected<Model>& expected = {}) {
  using Scalar = typename Model::Value;
  INFO(fixtures::name_of(file.path()));
  Model model(Dynamic<typename Model::Config>{config});
  load_tensors(model, file);
  const FixtureBatch<Scalar> data(file);
  Model gradients = zeros_like(model);
  const auto weights = parameters(model), slopes = parameters(gradients);
  Optimizer<Scalar> adam(weights);
  typename Model::Cache cache;
  model.prepare(cache, Purpose::training, data.batch.samples, data.batch.channels());
  const Pass pass{.training = true};
  const auto losses = file.read<float>("adam.losses");
  for (std::size_t step = 0; step < 3; ++step) {
    const auto out = model.forward(pass, data.batch, cache);
    Tensor<Scalar> dy(out.rows(), out.cols());
    const auto size = static_cast<double>(out.size());
    CHECK(squared_error<Scalar>(out, data.batch.target, size, dy.view()) / size ==
          Approx(losses[step]).epsilon(1e-5));
    set_zero(slopes);
    backward_pass(model, pass, dy, cache, gradients);
    adam.step(weights, slopes, 1e-3);
    if constexpr (BatchNormalized<Model>) model.commit(cache, Scalar(0.1));
  }
  for (const auto& weight : weights) {
    if (weight.kind != ParameterKind::weight) continue;
    // Adam amplifies the rounding noise of a zero gradient.
    if (weight.name.ends_with("key_projection.bias") ||
        expected.normalized_away(model, weight.name))
      continue;
    INFO(weight.name);
    const auto after = file.read<float>("adam.after3." + weight.name);
    double worst = 0;
    for (std::size_t i = 0; i < after.size(); ++i)
      worst = fixtures::larger(worst, std::abs(double(weight.values[i]) - double(after[i])));
    CHECK(worst < 1e-5);
  }
}

}  // namespace parity
