// The names of an imported checkpoint: prefixes, maps, what is missing, and what is refused.
#include <spat/models/patchtst.hpp>

#include <tests/models/import_checkpoint.hpp>
#include <tests/support/temporary.hpp>

namespace import_names_tests {

using namespace import_example;

TEST_CASE("the prefix with most of the model's tensors counts, and two alike are refused") {
  Checkpoint both = small_dict().under("model.");
  for (const auto& [name, one] : small_dict().tensors) both.tensors["ema." + name] = one;
  CHECK(refusal<ConfigError>(both) ==
        "checkpoint.pth: two prefixes have as many tensors of iTransformer: \"ema.\" and "
        "\"model.\"; --prefix chooses one of them");
  auto options = options_of({{"heads", 3}});
  for (const std::string prefix : {"ema", "ema."}) {
    options.prefix = prefix;
    const ImportPlan plan = plan_of(both, options);
    CHECK(plan.prefix == "ema.");
    CHECK(plan.unused.size() == small_dict().tensors.size());
  }
  options.prefix = "em";
  CHECK(contains(refusal<ConfigError>(both, options),
                 "is under the prefix \"em\"; there are some "
                 "under \"ema.\", \"model.\""));
  both.tensors.erase("ema.encoder.norm.bias");
  CHECK(plan_of(both).prefix == "model.");
  CHECK(contains(refusal<FileError>(Checkpoint{}),
                 "no tensor has a name of iTransformer; the file "
                 "has none at all"));
}

TEST_CASE("tensors beside the model: of a training, and of another variant") {
  Checkpoint dict = small_dict().under("state_dict.model.");
  dict.tensors["optimizer_states.0.state.0.exp_avg"] = {{2}, {1, 2}};
  CHECK(plan_of(dict).unused == std::vector<std::string>{"optimizer_states.0.state.0.exp_avg"});
  dict = small_dict();
  dict.tensors["loss.weight"] = {{2}, {1, 2}};
  CHECK(plan_of(dict).unused == std::vector<std::string>{"loss.weight"});
  dict.tensors["revin.affine_weight"] = {{2}, {1, 2}};
  CHECK(refusal<ConfigError>(dict) ==
        "checkpoint.pth: iTransformer does not know 1 of its tensors, such as "
        "\"revin.affine_weight\" [2]: another variant of the model may forecast other numbers; "
        "--allow-unused leaves them unread");
  auto options = options_of({{"heads", 3}});
  options.allow_unused = true;
  CHECK(plan_of(dict, options).unknown == std::vector<std::string>{"revin.affine_weight"});
  dict = small_dict();
  dict.tensors["encoder.attn_layers.9.norm1.bias"] = {{12}, std::vector(12, 0.f)};
  CHECK(contains(refusal<FileError>(dict), "tensors of iTransformer are missing"));
  dict.tensors.erase("encoder.attn_layers.9.norm1.bias");
  dict.tensors["encoder.attn_layers.99.norm1.bias"] = {{12}, std::vector(12, 0.f)};
  CHECK(contains(refusal<ConfigError>(dict), "does not know 1 of its tensors"));
}

TEST_CASE("a missing tensor is named with the nearest that the file has") {
  Checkpoint dict = small_dict().under("module.");
  dict.tensors["module.encoder.nrm.bias"] = dict.tensors["module.encoder.norm.bias"];
  dict.tensors.erase("module.encoder.norm.bias");
  CHECK(refusal<FileError>(dict) ==
        "checkpoint.pth: 1 of the 54 tensors of iTransformer are missing: \"encoder.norm.bias\" "
        "(nearest: \"module.encoder.nrm.bias\" [12]). The others are under the prefix \"module.\"");
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "abc") == 0);
}

TEST_CASE("a map joins names, whole ones and prefixes, and each line is checked") {
  Checkpoint dict = small_dict(), other;
  for (const auto& [name, one] : dict.tensors)
    other.tensors[name.starts_with("encoder.attn_layers.") ? "my.blocks." + name.substr(20)
                  : name == "projection.bias"              ? std::string("last")
                                                           : "net." + name] = one;
  auto options = options_of({{"heads", 3}});
  options.map = NameMap::parse(
      "# names\r\n\n my.blocks. = encoder.attn_layers. \r\nlast=projection.bias", "names.txt");
  const auto file = other.file(), right = dict.file();
  CHECK(plan_of(other, options).prefix == "net.");
  CHECK(
      tests::same_parameters(imported<ITransformer<float>>(file, options, 3),
                             imported<ITransformer<float>>(right, options_of({{"heads", 3}}), 3)));
  const auto parse = [](const char* text) {
    return message_of<ConfigError>([&] { (void)NameMap::parse(text, "n"); });
  };
  CHECK(
      contains(parse("a = b\na"), "n, line 2: expected \"name in the file = name in the model\""));
  CHECK(contains(parse("= b"), "n, line 1: expected"));
  CHECK(contains(parse("a = b = c"), "n, line 1: expected"));
  CHECK(parse("a. = b") ==
        "n, line 1: a prefix ends with a point on both sides, or none does: \"a. = b\"");
  CHECK(parse("a = b\nc = b") == "n, line 2: \"b\" was named before");
  CHECK(parse("a = b\n\na = c") == "n, line 3: \"a\" was named before");
  options.map = NameMap::parse("encoder.nrm.bias = encoder.norm.bias", "n");
  CHECK(refusal<ConfigError>(dict, options) ==
        "n, line 1: checkpoint.pth has no tensor "
        "\"encoder.nrm.bias\"; nearest: "
        "\"encoder.norm.bias\"");
  options.map = NameMap::parse("encoder. = encodr.", "n");
  CHECK(contains(refusal<ConfigError>(dict, options),
                 "n, line 1: iTransformer has no tensor under "
                 "\"encodr.\""));
  options.map = NameMap::parse("encoder.norm.bias = projection.bias", "n");
  CHECK(contains(refusal<ConfigError>(dict, options), "would be two tensors of iTransformer"));
  const TemporaryFolder folder;
  CHECK(contains(message_of<FileError>([&] { (void)NameMap::read(folder / "none"); }), "none"));
  CHECK(contains(message_of<FileError>(
                     [&] { (void)NameMap::read(folder.put("large", std::string(1 << 21, 'x'))); }),
                 "a map of names of 2097152 bytes, most 1048576"));
  CHECK(NameMap::read(folder.put("empty", "")).lines.empty());
}

TEST_CASE("tensors of other shapes, types and numbers are refused before memory is taken") {
  const auto changed = [](const std::string& name, std::vector<std::size_t> shape,
                          float value = 0) {
    Checkpoint dict = small_dict();
    std::size_t size = 1;
    for (const std::size_t extent : shape) size *= extent;
    dict.tensors[name] = {std::move(shape), std::vector<float>(size, value)};
    return dict;
  };
  CHECK(refusal<ShapeError>(changed("encoder.norm.bias", {11})) ==
        "checkpoint.pth: tensor \"encoder.norm.bias\": expected shape [12], found [11]");
  CHECK(contains(refusal<ShapeError>(changed("projection.weight", {60})),
                 "expected 2 dimensions, found shape [60]"));
  CHECK(refusal<FileError>(changed("encoder.norm.bias", {12}, NAN)) ==
        "checkpoint.pth: encoder.norm.bias: number 0 is not finite: nan");
  CHECK(contains(refusal<ShapeError>(changed("enc_embedding.value_embedding.weight", {99'999, 3})),
                 "its sizes ask for"));
  Checkpoint counted = small_dict();
  counted.tensors["encoder.norm.bias"] = {{}, {1}, true};
  CHECK(contains(refusal<Error>(counted), "encoder.norm.bias"));
  CHECK(contains(refusal<ConfigError>(small_dict(), options_of({{"heads", 5}})),
                 "heads must divide width: heads 5, width 12"));
  CHECK(contains(refusal<ConfigError>(small_dict(), {}), "Missing: heads"));

  SafetensorsWriter writer;
  for (const auto& [name, one] : small_dict().tensors) {
    const std::vector<double> values(one.values.begin(), one.values.end());
    writer.add(name, one.shape, std::span<const double>(values));
  }
  const auto file = SafetensorsFile::from_bytes(writer.to_bytes(), "double.pth");
  const auto plan = plan_import<ITransformer<float>>(file, options_of({{"heads", 3}}));
  auto config = planned_config<ITransformerConfig>(plan);
  config.channels = 3;
  CHECK(contains(
      message_of<FileError>([&] { (void)import_model<ITransformer<float>>(file, plan, config); }),
      "F64 loses digits as float"));
  const auto narrow = import_model<ITransformer<float>>(file, plan, config, Narrowing::allowed);
  CHECK(tests::same_parameters(narrow, random<ITransformer<float>>(small_config())));
}

TEST_CASE("positions of a checkpoint have to be those that the model computes") {
  const auto model = random<PatchTST<float>>({.channels = 1,
                                              .lookback = 8,
                                              .horizon = 2,
                                              .width = 4,
                                              .ffn_width = 4,
                                              .heads = 2,
                                              .depth = 1,
                                              .patch = 4,
                                              .stride = 2});
  Checkpoint dict = Checkpoint::of(model);
  const Given given{{"lookback", 8}, {"heads", 2}};
  const std::string name = "patch_embedding.position_embedding.pe";
  auto& pe = dict.tensors[name];
  pe = {{1, 100, 4}, std::vector<float>(400)};
  sinusoidal_positions(std::span<float>(pe.values), 4);
  const auto import = [&] {
    const auto file = dict.file();
    (void)imported<PatchTST<float>>(file, options_of(given), 1);
  };
  CHECK(message_of<Error>(import) == "nothing was thrown");
  pe.values[37] += 0.1f;
  CHECK(contains(message_of<FileError>(import), "\"" + name + "\": number 37 is"));
  pe = {{100, 4}, std::vector<float>(400)};
  CHECK(contains(message_of<ShapeError>(import), "\"" + name + "\": expected shape [1, 5000, 4]"));
}

}  // namespace import_names_tests
