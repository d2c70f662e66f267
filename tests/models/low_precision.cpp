// Model files with weights of 16 or 8 bits: what is written, and what is read.
#include <tests/models/example.hpp>
#include <tests/models/low_precision.hpp>
#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace low_precision_tests {

using namespace spat;
using namespace low_precision;

namespace {

/// The number that a file of this type has in place of `value`; int8: without scales, as f32.
template <class Scalar>
Scalar rounded(Scalar value, WeightType type) {
  return type == WeightType::bf16  ? to_float(to_half<BFloat16>(static_cast<double>(value)))
         : type == WeightType::f16 ? to_float(to_half<Float16>(static_cast<double>(value)))
                                   : value;
}

using Model = ITransformer<float>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("every model is read from a file of smaller weights, as it was rounded", "",
                        small::Models) {
  const TestType model = small::made<TestType>();
  for (const WeightType type : small_types) {
    const std::string bytes = file_of(model, type, {{"note", "kept"}});
    const auto file = open(bytes);
    CHECK(weight_type_of(file) == type);
    CHECK(file.metadata("note") == "kept");
    const auto back = loaded<TestType>(bytes);
    CHECK(back.config() == model.config());
    CHECK(back.dropout() == model.dropout());
    const auto expected = parameters(model), found = parameters(back);
    std::size_t in_8_bits = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& parameter = expected[i];
      INFO(parameter.name);
      if (parameter.kind == ParameterKind::constant) {
        CHECK_FALSE(file.contains(parameter.name));
        continue;
      }
      const Dtype dtype = file.at(parameter.name).dtype;
      if (parameter.kind != ParameterKind::weight) {
        CHECK(dtype == (parameter.kind == ParameterKind::counter ? Dtype::i64 : Dtype::f32));
        CHECK(tests::same_bits(parameter.values, found[i].values));
      } else if (type == WeightType::int8 && dtype == Dtype::i8) {
        ++in_8_bits;
        const std::size_t rows = parameter.shape[0], cols = parameter.values.size() / rows;
        const auto scales = file.template read<float>(parameter.name + ".scale");
        for (std::size_t k = 0; k < parameter.values.size(); ++k) {
          const float scale = scales[k / cols];
          CHECK(std::abs(found[i].values[k] - parameter.values[k]) <= scale * 0.500001f);
          const float whole = found[i].values[k] / scale;
          CHECK(whole == Approx(std::round(whole)).margin(1e-4));
        }
      } else {
        CHECK(dtype == (type == WeightType::bf16  ? Dtype::bf16
                        : type == WeightType::f16 ? Dtype::f16
                                                  : Dtype::f32));
        for (std::size_t k = 0; k < parameter.values.size(); ++k)
          CHECK(found[i].values[k] == rounded(parameter.values[k], type));
      }
    }
    CHECK((in_8_bits > 0) == (type == WeightType::int8));
    // What was read is written to the same bytes, but for scales, which may be rounded again.
    if (type == WeightType::int8) {
      const auto again = open(file_of(back, type));
      for (const TensorInfo& tensor : again.tensors())
        if (tensor.dtype == Dtype::i8)
          CHECK(again.template read<float>(tensor.name) == file.template read<float>(tensor.name));
    } else {
      CHECK(file_of(back, type, {{"note", "kept"}}) == bytes);
    }
  }
}

TEST_CASE("the metadata of weights is that of the type, whatever else is written") {
  const Model model = small::made<Model>();
  const TemporaryFolder folder;
  save_model(folder / "model", model, WeightType::bf16, {{weights_key, "int8"}, {"note", "own"}});
  CHECK(SafetensorsFile(folder / "model").metadata(weights_key) == "bf16");
  CHECK(SafetensorsFile(folder / "model").metadata("note") == "own");
  CHECK(content_of(folder / "model") == file_of(model, WeightType::bf16, {{"note", "own"}}));
  save_model(folder / "model", model, WeightType::f32, {{weights_key, "int8"}});
  CHECK_FALSE(SafetensorsFile(folder / "model").metadata().contains(weights_key));
  CHECK(weight_type_of(SafetensorsFile(folder / "model")) == WeightType::f32);
  save_model(folder / "plain", model);
  CHECK(content_of(folder / "model") == content_of(folder / "plain"));
}

TEST_CASE("only matrices go into 8 bits") {
  Model model = small::made<Model>();
  const auto file = open(file_of(model, WeightType::int8));
  CHECK(file.at("projection.weight").dtype == Dtype::i8);
  CHECK(file.at("projection.bias").dtype == Dtype::f32);
  CHECK(file.at("encoder.norm.weight").dtype == Dtype::f32);
  CHECK(file.at("encoder.attn_layers.0.conv1.weight").dtype == Dtype::i8);
  const auto cross = open(file_of(small::made<Crossformer<float>>(), WeightType::int8));
  for (const TensorInfo& tensor : cross.tensors())
    CHECK((tensor.dtype == Dtype::i8) ==
          (tensor.name.ends_with(".weight") && tensor.shape.size() >= 2));
  CHECK(cross.at("enc_pos_embedding").dtype == Dtype::f32);
}

TEST_CASE("a double model's weights are rounded once, and read as double") {
  ITransformer<double> model({example::small});
  initialize(parameters(model), 3);
  parameters(model)[0].values[0] = 1 + 0x1p-8 + 0x1p-40;  // by way of float it would be even: 1
  for (const WeightType type : small_types) {
    const auto back = loaded<ITransformer<double>>(file_of(model, type));
    if (type == WeightType::bf16) CHECK(parameters(back)[0].values[0] == 1 + 0x1p-7);
  }
}

TEST_CASE("tensors of other programs are read whatever their type, if no number is lost") {
  const Model model = small::made<Model>();
  Model rounded_model = model;
  for (auto& parameter : parameters(rounded_model))
    for (float& value : parameter.values) value = std::round(8 * value);
  const auto written = [&](auto from) {
    SafetensorsWriter writer;
    for (const auto& parameter : parameters(std::as_const(rounded_model))) {
      std::vector<decltype(from)> numbers;
      for (const float value : parameter.values)
        if constexpr (std::is_class_v<decltype(from)>)
          numbers.push_back(to_half<decltype(from)>(static_cast<double>(value)));
        else
          numbers.push_back(static_cast<decltype(from)>(value));
      writer.add(parameter.name, parameter.shape, std::span<const decltype(from)>(numbers));
    }
    return writer.to_bytes();
  };
  for (const std::string& bytes :
       {written(BFloat16{}), written(Float16{}), written(std::int64_t{}), written(float{})}) {
    Model into = small::made<Model>();
    CHECK(load_tensors(into, open(bytes)).empty());
    for (std::size_t i = 0; i < parameters(into).size(); ++i)
      CHECK(std::ranges::equal(parameters(into)[i].values, parameters(rounded_model)[i].values));
  }
  Model into = small::made<Model>();
  CHECK(contains(message_of<FileError>([&] { load_tensors(into, open(written(std::int8_t{}))); }),
                 "is I8, and its scales are missing"));
  CHECK(tests::same_parameters(into, model));
}

TEST_CASE("a number that a type does not hold is refused by the name of its tensor") {
  const auto refused = [](float value, WeightType type, std::size_t tensor = 0) {
    Model model = small::made<Model>();
    parameters(model)[tensor].values[1] = value;
    return message_of<NumericError>([&] { (void)file_of(model, type); });
  };
  const std::string first = R"(tensor "enc_embedding.value_embedding.weight": number 1 is )";
  CHECK(refused(65504, WeightType::f16) == "nothing was thrown");
  CHECK(refused(-70000, WeightType::f16) == first +
                                                "-70000, which f16 does not hold: its largest "
                                                "number is 65504; bf16 and int8 reach farther");
  CHECK(refused(-70000, WeightType::bf16) == "nothing was thrown");
  CHECK(refused(-70000, WeightType::int8) == "nothing was thrown");
  CHECK(contains(refused(3.4e38f, WeightType::bf16), "which bf16 does not hold"));
  CHECK(contains(refused(std::nanf(""), WeightType::bf16), "number 1 is nan, which bf16"));
  for (const WeightType type : small_types)
    CHECK(contains(refused(std::numeric_limits<float>::infinity(), type), "number 1 is inf"));
  CHECK(refused(std::nanf(""), WeightType::f32) == "nothing was thrown");  // as ever

  ITransformer<double> wide({example::small});
  parameters(wide)[0].values[0] = 1e39;
  CHECK(contains(message_of<NumericError>([&] { (void)file_of(wide, WeightType::int8); }),
                 "number 0 is 1e+39, which int8 does not hold"));
}

TEST_CASE("a row of 8-bit integers: nearest, ties to even, zeros, and the same integers again") {
  const std::vector<float> numbers{127, 0.5f, 1.5f, -2.5f, -127, 0, 0, 0, 0, 0, 1e-45f, 0, 0, 0, 0};
  const Int8Rows rows = to_int8_rows(std::span<const float>(numbers), 3);
  CHECK(rows.scales == std::vector<float>{1, 0, 0});
  CHECK(rows.values == std::vector<std::int8_t>{127, 0, 2, -2, -127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(to_int8_rows(std::span<const float>(), 2).scales == std::vector<float>{0, 0});
  // A scale of one subnormal step in place of 1.49 steps: the integer stays in its range.
  const std::vector<float> tiny{190 * 0x1p-149f, -0x1p-149f};
  CHECK(to_int8_rows(std::span<const float>(tiny), 1).values == std::vector<std::int8_t>{127, -1});

  Random random(5);
  std::size_t different = 0, not_full = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<float> row(4);
    const double size = std::pow(10.0, random.uniform(-36, 36));
    for (float& value : row) value = static_cast<float>(size * random.normal());
    const Int8Rows once = to_int8_rows(std::span<const float>(row), 1);
    std::vector<float> back(4);
    for (std::size_t i = 0; i < 4; ++i) back[i] = from_int8(once.values[i], once.scales[0]);
    const Int8Rows twice = to_int8_rows(std::span<const float>(back), 1);
    different += twice.values != once.values;
    not_full += std::abs(*std::ranges::max_element(
                    once.values, {}, [](int value) { return std::abs(value); })) != 127;
    for (std::size_t i = 0; i < 4; ++i)
      different += std::abs(back[i] - row[i]) > once.scales[0] * 0.5001f;
  }
  CHECK(different == 0);
  CHECK(not_full == 0);
}

}  // namespace low_precision_tests
