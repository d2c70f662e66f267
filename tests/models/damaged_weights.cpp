// Model files with weights of 16 or 8 bits that contradict themselves, or have one thing wrong.
#include <tests/models/low_precision.hpp>
#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/damage.hpp>
#include <tests/support/errors.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace damaged_weights_tests {

using namespace spat;
using namespace low_precision;

namespace {

using Model = ITransformer<float>;
constexpr const char* matrix = "projection.weight";

/// The file after `change(name, dtype, numbers, shape)` saw each tensor; one without a name is left
/// out.
template <class Change>
std::string changed(const std::string& bytes, Change&& change) {
  const std::size_t data = damage::header_end(bytes);
  const auto file = open(bytes);
  std::string header = "{\"__metadata__\":{", body;
  for (const auto& [key, text] : file.metadata())
    header +=
        (header.back() == '{' ? "" : ",") + detail::json_text(key) + ":" + detail::json_text(text);
  header += "}";
  for (const TensorInfo& tensor : file.tensors()) {
    std::string name = tensor.name, dtype(dtype_name(tensor.dtype)),
                numbers = bytes.substr(data + tensor.begin, tensor.end - tensor.begin);
    auto shape = tensor.shape;
    change(name, dtype, numbers, shape);
    if (name.empty()) continue;
    header += message(",", detail::json_text(name), ":{\"dtype\":\"", dtype,
                      "\",\"shape\":", shape_text(shape), ",\"data_offsets\":[", body.size(), ",",
                      body.size() + numbers.size(), "]}");
    body += numbers;
  }
  header += "}";
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{header.size()});
  return std::string(length.begin(), length.end()) + header + body;
}

/// The error for a model's file of this type, changed, from load_model().
template <class Refusal, class Change>
std::string refusal(WeightType type, Change&& change) {
  const Model model = small::made<Model>();
  const std::string bytes = changed(file_of(model, type), change);
  const std::string text = message_of<Refusal>([&] { (void)loaded<Model>(bytes); });
  // load_tensors() leaves the model as it is.
  Model other = small::made<Model>();
  set_zero(parameters(other));
  const Model before = other;
  try {
    (void)load_tensors(other, open(bytes));
  } catch (const Error&) {
    CHECK(tests::same_parameters(other, before));
  }
  return text;
}

std::string bytes_of(auto number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

}  // namespace

TEST_CASE("8-bit integers and their scales must belong together") {
  const std::string scale = std::string(matrix) + ".scale",
                    of_matrix = message("given: tensor \"", matrix, "\": "),
                    of_scale = message("given: tensor \"", scale, "\": ");
  constexpr WeightType int8 = WeightType::int8;
  const auto as_it_is = [](auto&...) {};
  CHECK(refusal<FileError>(int8, as_it_is) == "nothing was thrown");

  CHECK(refusal<FileError>(int8,
                           [&](std::string& name, auto&...) {
                             if (name == scale) name.clear();
                           }) == message(of_matrix,
                                         "is I8, and its scales are missing: expected a tensor \"",
                                         scale, "\" of shape [2]"));
  CHECK(refusal<FileError>(int8, [&](std::string& name, auto& dtype, auto& numbers, auto&) {
          if (name == matrix) dtype = "F32", numbers.resize(numbers.size() * 4);
        }) == message(of_scale, "holds scales, but \"", matrix, "\" is F32; expected I8"));
  // Scales are no numbers of the model.
  CHECK(refusal<ShapeError>(int8, [&](std::string& name, auto&...) {
          if (name == matrix) name.clear();
        }) == "given: its configuration asks for 59 numbers, its tensors hold 57");
  CHECK(refusal<FileError>(int8,
                           [&](std::string& name, auto&...) {
                             if (name == scale) name = "projection.bias.scale";
                           }) == message(of_matrix,
                                         "is I8, and its scales are missing: expected a tensor \"",
                                         scale, "\" of shape [2]"));
  CHECK(contains(refusal<FileError>(int8,
                                    [&](std::string& name, auto&...) {
                                      if (name == "encoder.norm.weight") name += ".scale";
                                    }),
                 "\"encoder.norm.weight\" is missing"));

  CHECK(refusal<FileError>(int8, [&](std::string& name, auto& dtype, auto& numbers, auto&) {
          if (name == scale) dtype = "F64", numbers = std::string(16, '\0');
        }) == message(of_scale, "expected scales in F32, found F64"));
  CHECK(refusal<ShapeError>(int8, [&](std::string& name, auto&, auto& numbers, auto& shape) {
          if (name == scale) shape = {3}, numbers.resize(12);
        }) == message(of_scale, "expected shape [2], found [3]"));
  CHECK(refusal<ShapeError>(int8, [&](std::string& name, auto&, auto&, auto& shape) {
          if (name == scale) shape = {2, 1};
        }) == message(of_scale, "expected shape [2], found [2, 1]"));
  const auto with_scale = [&](float second) {
    return refusal<FileError>(int8, [&](std::string& name, auto&, auto& numbers, auto&) {
      if (name == scale) numbers.replace(4, 4, bytes_of(second));
    });
  };
  const std::string bad =
      message(of_scale, "number 1: expected a finite scale of at least 0, found ");
  CHECK(with_scale(-1) == bad + "-1");
  CHECK(with_scale(-1e-45f).starts_with(bad + "-1"));
  CHECK(with_scale(std::numeric_limits<float>::infinity()) == bad + "inf");
  CHECK(with_scale(std::nanf("")) == bad + "nan");
  CHECK(with_scale(0) == "nothing was thrown");
  // 127 times the scale is too large for a float.
  CHECK(contains(with_scale(3e38f), "is not finite: "));
  const auto with_integer = [&](std::int8_t third) {
    return refusal<FileError>(int8, [&](std::string& name, auto&, auto& numbers, auto&) {
      if (name == matrix) numbers[2] = static_cast<char>(third);
    });
  };
  CHECK(with_integer(-128) ==
        message(of_matrix, "number 2 is -128; expected -127 to 127, of one size on both sides"));
  CHECK(with_integer(-127) == "nothing was thrown");
}

TEST_CASE("a tensor of another small type than the file's is refused") {
  const auto as = [](const std::string& type, WeightType of) {
    const Model model = small::made<Model>();
    auto writer = detail::model_writer(model, {}, false, of);
    writer.set_metadata(weights_key, type);
    return message_of<FileError>([&] { (void)loaded<Model>(writer.to_bytes()); });
  };
  CHECK(as("f16", WeightType::f16) == "nothing was thrown");
  const std::string first = R"(given: tensor "enc_embedding.value_embedding.weight": is )";
  CHECK(as("bf16", WeightType::f16) == first + "F16 in a file of bf16 weights");
  CHECK(as("int8", WeightType::bf16) == first + "BF16 in a file of int8 weights");
  CHECK(as("f16", WeightType::int8) == first + "I8 in a file of f16 weights");
  CHECK(as("f32", WeightType::bf16) == first + "BF16 in a file of f32 weights");
  CHECK(as("int4", WeightType::bf16) ==
        "given: metadata \"spat.weights\": unknown type of weights \"int4\"; "
        "expected f32, bf16, f16 or int8");
}

TEST_CASE("a configuration needs its numbers, and scales are none") {
  Model model({{.channels = 3,
                .lookback = 4,
                .horizon = 2,
                .width = 1,
                .ffn_width = 1,
                .heads = 1,
                .depth = 8,
                .kept = ModuleMask{0}}});
  initialize(parameters(model), 3);
  const std::string bytes = file_of(model, WeightType::int8);
  std::size_t all = 0;
  const auto file = open(bytes);
  for (const TensorInfo& tensor : file.tensors()) all += tensor.size();
  // One layer more has fewer numbers than there are scales.
  auto longer = model.config();
  longer.depth = 9;
  REQUIRE(longer.parameters() > model.config().parameters());
  REQUIRE(static_cast<double>(all) > longer.parameters());
  Fields config = config_fields(Model({longer}));
  config.set("dropout", 0.0);
  auto writer = detail::model_writer(model, {}, true, WeightType::int8);
  writer.set_metadata(config_key, to_json(config));
  writer.set_metadata(kept_key, "000000000");
  CHECK(contains(message_of<ShapeError>([&] { (void)loaded<Model>(writer.to_bytes()); }),
                 "its configuration asks for"));
  CHECK_NOTHROW(loaded<Model>(bytes));
}

TEMPLATE_LIST_TEST_CASE("a file of smaller weights that is cut off or longer is refused", "",
                        small::Models) {
  for (const WeightType type : small_types) {
    const std::string bytes = file_of(small::made<TestType>(), type);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_THROWS_AS(loaded<TestType>(bytes.substr(0, size)), Error);
    CHECK_THROWS_AS(loaded<TestType>(bytes + '\0'), Error);
  }
}

TEMPLATE_LIST_TEST_CASE("a wrong bit in a file of smaller weights is refused or honest", "",
                        small::Models) {
  const TestType model = small::made<TestType>();
  for (const WeightType type : small_types) {
    const std::string bytes = file_of(model, type);
    const auto expected = loaded<TestType>(bytes);
    std::size_t others = 0;
    damage::each_place_of_header(bytes, [&](const std::string& damaged) {
      try {
        const auto found = loaded<TestType>(damaged);
        if (!tests::same_parameters(found, expected)) FAIL("other numbers");
        if (found.config() != model.config()) ++others;
      } catch (const Error&) {
      }
    });
    CHECK(others < 150);
  }
}

TEMPLATE_LIST_TEST_CASE("a wrong bit in the data of smaller weights changes one number, or a row",
                        "", small::Models) {
  const TestType model = small::made<TestType>();
  for (const WeightType type : small_types) {
    const std::string bytes = file_of(model, type);
    const auto expected = loaded<TestType>(bytes);
    std::size_t changed_files = 0;
    damage::each_byte(bytes, damage::header_end(bytes), bytes.size(),
                      [&](const std::string& damaged) {
                        try {
                          const auto found = loaded<TestType>(damaged);
                          std::size_t tensors = 0, numbers = 0, most = 1;
                          const auto a = parameters(expected), b = parameters(found);
                          for (std::size_t i = 0; i < a.size(); ++i) {
                            std::size_t different = 0;
                            for (std::size_t k = 0; k < a[i].values.size(); ++k)
                              different += a[i].values[k] != b[i].values[k];
                            tensors += different > 0;
                            numbers += different;
                            if (different > 1) most = a[i].values.size() / a[i].shape.front();
                          }
                          if (tensors > 1 || numbers > most) FAIL(numbers << " numbers changed");
                          changed_files += tensors;
                        } catch (const Error&) {
                        }
                      });
    CHECK(changed_files > 0);
  }
}

}  // namespace damaged_weights_tests
