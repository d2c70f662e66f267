// Model files: a saved model is restored to the last bit, and a file that does not fit is refused
// with the model unchanged.
#include <spat/models/checkpoint.hpp>
#include <spat/models/patchtst.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace checkpoint_tests {

using namespace spat;

namespace {

/// Writes the model's tensors. `change(name, shape, values)` may change each before it is added.
template <class Model, class Change>
std::string tensors_of(const Model& model, Change&& change) {
  SafetensorsWriter writer;
  for (const auto& parameter : parameters(model)) {
    std::string name = parameter.name;
    auto shape = parameter.shape;
    std::vector<typename Model::Value> values(parameter.values.begin(), parameter.values.end());
    if (change(name, shape, values))
      writer.add(name, shape, std::span<const typename Model::Value>(values));
  }
  return writer.to_bytes();
}

/// Loads into a model of other weights. If loading throws, the model must be unchanged.
template <class Error>
std::string refusal(const std::string& bytes) {
  auto model = example::made<ITransformer<float>>({example::small}, 99);
  auto before = model;
  const std::string text = message_of<Error>(
      [&] { load_tensors(model, SafetensorsFile::from_bytes(bytes, "given.safetensors")); });
  CHECK(example::same_parameters(model, before));
  return text;
}

}  // namespace

TEMPLATE_TEST_CASE("a saved model is restored to the last bit, pruned or not", "", float, double) {
  using Model = ITransformer<TestType>;
  const TemporaryFolder folder;
  for (std::uint64_t mask = 0; mask < 8; ++mask) {
    auto config = keeping(example::small, ModuleMask{mask});
    config.instance_norm = mask % 2 == 0;
    auto model = example::made<Model>({config}, mask, 0.1 + 0.05 * static_cast<double>(mask));
    save_model(folder / "model", model, {{"note", "mask"}});
    auto back = load_model<Model>(folder / "model");
    CHECK(back.config() == model.config());
    CHECK(back.dropout() == model.dropout());
    CHECK(example::same_parameters(back, model));
    const SafetensorsFile file(folder / "model");
    CHECK(file.metadata("note") == "mask");
    CHECK(file.metadata(kept_key) == to_string(ModuleMask{mask}, 3));
    CHECK(file.metadata(version_key) == SPAT_VERSION);

    const example::RandomBatch<TestType> data(config, 2);
    typename Model::Cache cache, other;
    model.prepare(cache, Purpose::inference, 2, config.channels),
        back.prepare(other, Purpose::inference, 2, config.channels);
    CHECK(example::same_bits(model.forward(Pass{}, data.batch, cache).flat(),
                             back.forward(Pass{}, data.batch, other).flat()));
    save_model(folder / "again", back, {{"note", "mask"}});
    CHECK(content_of(folder / "again") == content_of(folder / "model"));
  }
}

TEST_CASE("a static model loads what it was saved as, and no other configuration") {
  static constexpr ITransformerConfig all = keeping(example::small, ModuleMask::all());
  using Model = ITransformer<float, Static<all>>;
  const TemporaryFolder folder;
  auto model = example::made<Model>({}, 3, 0.25);
  save_model(folder / "model", model);
  auto back = load_model<Model>(folder / "model");
  CHECK(example::same_parameters(back, model));
  CHECK(back.dropout() == 0.25);
  auto dynamic_form = load_model<ITransformer<float>>(folder / "model");
  CHECK(dynamic_form.config() == Static<all>::value);
  using Pruned = Model::Pruned<ModuleMask{0b011}>;
  const std::string refused =
      message_of<ShapeError>([&] { (void)load_model<Pruned>(folder / "model"); });
  CHECK(contains(refused, folder / "model"));
  CHECK(contains(refused, "type: kept modules: expected 110, found 111"));
  constexpr ITransformerConfig other = [] {
    ITransformerConfig config = all;
    config.width = 24;
    config.instance_norm = !all.instance_norm;
    return config;
  }();
  CHECK(contains(message_of<ShapeError>([&] {
                   (void)load_model<ITransformer<float, Static<other>>>(folder / "model");
                 }),
                 "type: width: expected 24, found 12; instance_norm: expected false, found true"));
}

TEST_CASE(
    "a state_dict with the official names loads, and what the model does not use is reported") {
  const auto model = example::made<ITransformer<float>>({example::small});
  const auto bytes = tensors_of(model, [](std::string& name, auto&, auto&) {
    if (name.starts_with("projection.")) name.replace(0, 10, "projector");
    return true;
  });
  auto loaded = example::made<ITransformer<float>>({example::small}, 99);
  CHECK(load_tensors(loaded, SafetensorsFile::from_bytes(bytes, "official")).empty());
  CHECK(example::same_parameters(loaded, model));

  auto pruned =
      example::made<ITransformer<float>>({keeping(example::small, ModuleMask{0b101})}, 99);
  const auto unused = load_tensors(pruned, SafetensorsFile::from_bytes(bytes, "official"));
  CHECK(unused.size() == 8);
  for (const std::string& name : unused)
    CHECK(name.starts_with("encoder.attn_layers.1.attention."));
}

TEST_CASE("a loaded model is ready to forecast") {
  const auto model = example::made<ITransformer<float>>({example::small}, 1);
  auto loaded = example::made<ITransformer<float>>({example::small}, 2);
  load_tensors(loaded, SafetensorsFile::from_bytes(
                           tensors_of(model, [](auto&, auto&, auto&) { return true; }), "file"));
  const example::RandomBatch<float> data(example::small, 2);
  ITransformer<float>::Cache a, b;
  model.prepare(a, Purpose::inference, 2, 3), loaded.prepare(b, Purpose::inference, 2, 3);
  CHECK(example::same_bits(model.forward(Pass{}, data.batch, a).flat(),
                           loaded.forward(Pass{}, data.batch, b).flat()));
}

TEST_CASE("double numbers do not slip into a float model, and float ones widen") {
  const auto wide = example::made<ITransformer<double>>({example::small});
  const auto bytes = tensors_of(wide, [](auto&, auto&, auto&) { return true; });
  const std::string text = refusal<FileError>(bytes);
  CHECK(contains(text, "given.safetensors"));
  CHECK(contains(text, "F64"));
  auto narrow = example::made<ITransformer<float>>({example::small}, 99);
  load_tensors(narrow, SafetensorsFile::from_bytes(bytes, "file"), Narrowing::allowed);
  CHECK(narrow.norm.gain.flat()[0] == 1);
  auto expected = converted<ITransformer<float>>(wide, {example::small});
  CHECK(example::same_parameters(narrow, expected));

  // One F64 tensor among floats, the last to be read.
  const auto model = example::made<ITransformer<float>>({example::small});
  SafetensorsWriter writer;
  for (const auto& parameter : parameters(model)) {
    const std::vector<double> values(parameter.values.begin(), parameter.values.end());
    if (parameter.name == "projection.bias")
      writer.add(parameter.name, parameter.shape, std::span<const double>(values));
    else
      writer.add(parameter.name, parameter.shape, std::span<const float>(parameter.values));
  }
  CHECK(contains(refusal<FileError>(writer.to_bytes()), "projection.bias"));
  auto widened = example::made<ITransformer<double>>({example::small}, 99);
  CHECK_NOTHROW(load_tensors(widened, SafetensorsFile::from_bytes(writer.to_bytes(), "mixed")));
}

TEST_CASE(
    "a tensor that is missing or of another shape is named, with what was expected and found") {
  const auto model = example::made<ITransformer<float>>({example::small});
  const std::string missing = refusal<FileError>(tensors_of(
      model, [](const std::string& name, auto&, auto&) { return name != "projection.weight"; }));
  CHECK(contains(missing, "\"projection.weight\""));
  CHECK(contains(missing, "missing"));
  const std::string shape =
      refusal<ShapeError>(tensors_of(model, [](const std::string& name, auto& extents, auto&) {
        // The number of elements stays the same.
        if (name == "projection.weight") std::swap(extents[0], extents[1]);
        return true;
      }));
  CHECK(contains(shape, "given.safetensors"));
  CHECK(contains(shape, "\"projection.weight\""));
  CHECK(contains(shape, "[5, 12]"));
  CHECK(contains(shape, "[12, 5]"));
  const std::string flat =
      refusal<ShapeError>(tensors_of(model, [](const std::string& name, auto& extents, auto&) {
        if (name == "encoder.attn_layers.2.conv1.weight") extents.pop_back();
        return true;
      }));
  CHECK(contains(flat, "[10, 12, 1]"));
}

TEST_CASE("a file that is not this model's is refused") {
  const TemporaryFolder folder;
  const auto model = example::made<ITransformer<float>>({example::small});
  const auto load_with = [&](const std::map<std::string, std::string>& extra) {
    save_model(folder / "model", model, extra);
    return [&] { (void)load_model<ITransformer<float>>(folder / "model"); };
  };
  CHECK_NOTHROW(load_with({})());
  const std::string other = message_of<FileError>(load_with({{model_key, "patchtst"}}));
  CHECK(contains(other, "itransformer"));
  CHECK(contains(other, "patchtst"));
  for (const char* digits : {"", "11", "1111", "1a1", "12 "}) {
    const std::string text = message_of<FileError>(load_with({{kept_key, digits}}));
    CHECK(contains(text, "3 digits"));
    CHECK(contains(text, std::string("\"") + digits + "\""));
  }
}

TEST_CASE("a configuration that is incomplete or impossible is refused") {
  const TemporaryFolder folder;
  const auto model = example::made<ITransformer<float>>({example::small});
  save_model(folder / "model", model);
  const std::string config = SafetensorsFile(folder / "model").metadata(config_key);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = config;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    save_model(folder / "model", model, {{config_key, text.replace(at, from.size(), to)}});
  };
  const auto load = [&] { (void)load_model<ITransformer<float>>(folder / "model"); };
  with("\"heads\":3", "\"heads\":5");
  CHECK(contains(message_of<ConfigError>(load), "heads 5, width 12"));
  with("\"heads\":3", "\"heads\":\"3\"");
  CHECK(contains(message_of<FileError>(load), "heads"));
  with("\"heads\":3", "\"heads\":-3");
  CHECK(contains(message_of<FileError>(load), "heads"));
  with("\"heads\"", "\"heeds\"");
  CHECK(contains(message_of<FileError>(load), "\"heads\""));
  with("\"dropout\"", "\"drop\"");
  CHECK(contains(message_of<FileError>(load), "\"dropout\""));
  with("\"dropout\":0", "\"dropout\":1");
  CHECK(contains(message_of<ConfigError>(load), "[0, 1)"));
  with("\"width\":12", "\"width\":6");
  CHECK(contains(message_of<ShapeError>(load), "[6, 11]"));
  with("\"width\":12", "\"width\":3000000000");  // refused before memory is allocated for it
  CHECK(contains(message_of<ShapeError>(load), "its tensors hold"));
  with("{", "[");
  CHECK_THROWS_AS(load(), FileError);
}

namespace {

constexpr PatchTSTConfig patches{.channels = 2,
                                 .lookback = 13,
                                 .horizon = 5,
                                 .width = 6,
                                 .ffn_width = 10,
                                 .heads = 3,
                                 .depth = 2,
                                 .patch = 4,
                                 .stride = 2,
                                 .kept = ModuleMask{0b10}};

/// A model with running statistics of 41 steps.
template <class Scalar>
PatchTST<Scalar> trained_patchtst() {
  auto model = example::made<PatchTST<Scalar>>({patches}, 4, 0.2);
  Random random(8);
  for (Scalar& value : model.norm.running_mean.flat()) value = static_cast<Scalar>(random.normal());
  for (Scalar& value : model.norm.running_variance.flat())
    value = static_cast<Scalar>(random.uniform(0.5, 2));
  model.norm.batches.data()[0] = 41;
  return model;
}

}  // namespace

TEMPLATE_TEST_CASE("running statistics, their counter and fixed positions are in a model's file",
                   "", float, double) {
  using Model = PatchTST<TestType>;
  const TemporaryFolder folder;
  const auto model = trained_patchtst<TestType>();
  save_model(folder / "model", model);
  auto back = load_model<Model>(folder / "model");
  CHECK(back.config() == model.config());
  CHECK(back.dropout() == 0.2);
  CHECK(back.norm.batches.data()[0] == 41);
  CHECK(example::same_parameters(back, model));

  const example::RandomBatch<TestType> data(patches, 2);
  typename Model::Cache cache, other;
  model.prepare(cache, Purpose::inference, 2, patches.channels);
  back.prepare(other, Purpose::inference, 2, patches.channels);
  CHECK(example::same_bits(model.forward(Pass{}, data.batch, cache).flat(),
                           back.forward(Pass{}, data.batch, other).flat()));
  save_model(folder / "again", back);
  CHECK(content_of(folder / "again") == content_of(folder / "model"));

  const SafetensorsFile file(folder / "model");
  const auto& counter = file.at("encoder.norm.1.num_batches_tracked");
  CHECK((counter.dtype == Dtype::i64 && counter.shape.empty()));
  CHECK(file.read<std::int64_t>("encoder.norm.1.num_batches_tracked") ==
        std::vector<std::int64_t>{41});
  const auto& positions = file.at("patch_embedding.position_embedding.pe");
  CHECK(positions.shape == std::vector<std::size_t>{1, 5000, 6});
  const auto pe = file.read<TestType>("patch_embedding.position_embedding.pe");
  CHECK((pe[0] == 0 && pe[1] == 1));
  CHECK(pe[6 * 7 + 2] == Approx(std::sin(7 / std::pow(10000.0, 2.0 / 6))));

  auto negative = model;
  negative.norm.running_variance.flat()[1] = TestType(-0.5);
  save_model(folder / "negative", negative);
  CHECK(contains(message_of<FileError>([&] { (void)load_model<Model>(folder / "negative"); }),
                 "running_var: expected at least 0, found -0.5"));
}

TEST_CASE(
    "a file may lack the fixed positions, but not have them in another shape, and must have the "
    "counter") {
  using Model = PatchTST<float>;
  const auto model = trained_patchtst<float>();
  const auto bytes = [&](std::vector<std::size_t> positions, bool counted) {
    SafetensorsWriter writer;
    const std::int64_t count = 41;
    for (const auto& parameter : parameters(model))
      if (parameter.kind == ParameterKind::counter && counted)
        writer.add(parameter.name, parameter.shape, std::span(&count, 1));
      else if (parameter.kind == ParameterKind::weight || parameter.kind == ParameterKind::buffer)
        writer.add(parameter.name, parameter.shape, parameter.values);
    const std::vector<float> numbers(positions.empty() ? 0 : positions[1] * 6);
    if (!positions.empty())
      writer.add("patch_embedding.position_embedding.pe", positions,
                 std::span<const float>(numbers));
    return writer.to_bytes();
  };
  const auto load = [](Model& into, const std::string& content) {
    return load_tensors(into, SafetensorsFile::from_bytes(content, "given"));
  };
  auto loaded = example::made<Model>({patches}, 99);
  CHECK(load(loaded, bytes({}, true)).empty());
  CHECK(example::same_parameters(loaded, model));
  CHECK(load(loaded, bytes({1, 5000, 6}, true)).empty());

  auto untouched = example::made<Model>({patches}, 99);
  const auto before = untouched;
  const std::string shape = message_of<ShapeError>([&] {
    load(untouched, bytes({1, 4000, 6}, true));
  });
  CHECK(contains(shape, "position_embedding.pe"));
  CHECK(contains(shape, "[1, 5000, 6]"));
  CHECK(contains(message_of<FileError>([&] { load(untouched, bytes({}, false)); }),
                 "num_batches_tracked"));
  CHECK(example::same_parameters(untouched, before));
}

TEST_CASE("the description of a model's data is in its file, in those of older versions, too") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  const auto model = example::made<ITransformer<float>>({example::small});
  const StandardScaler scaler({1, 2}, {3, 4});
  const DataDescription data{.names = {"a", "b"}, .scaler = scaler, .window = {.lookback = 5}};
  save_model(path, model, data, {{"own", "text"}});
  CHECK(load_data_description(path).names == data.names);
  CHECK(load_data_description(path).window.lookback == 5);
  CHECK(SafetensorsFile(path).metadata("own") == "text");
  save_model(path, model,
             {{data_key, R"({"protocol":"ett-hourly","marks":"h","features":"MS","name.0":"a",)"
                         R"("mean.0":1.0,"deviation.0":3.0,"name.1":"b","mean.1":2.0,)"
                         R"("deviation.1":4.0})"}});
  const DataDescription old = load_data_description(path);
  CHECK((old.names == data.names && old.scaler.mean()[1] == 2 && old.scaler.deviation()[0] == 3));
  CHECK(old.window.lookback == model.config().lookback);
  CHECK(old.window.features == Features::target_from_all);
  CHECK((old.window.marks == Frequency::hourly && old.protocol == Protocol::ett_hourly));
  save_model(path, model);
  CHECK_THROWS_AS(load_data_description(path), FileError);
}

}  // namespace checkpoint_tests
