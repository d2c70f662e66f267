#include <spat/io/safetensors.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <spat/core/random.hpp>

#include <array>
#include <bit>
#include <limits>
#include <string>

namespace safetensors_tests {

using namespace spat;

namespace {

std::string length_bytes(std::uint64_t length) {
  const auto bytes = std::bit_cast<std::array<char, 8>>(length);
  return {bytes.begin(), bytes.end()};
}
/// A file with this header and `data` bytes of data.
std::string file_of(const std::string& header, std::size_t data = 0) {
  return length_bytes(header.size()) + header + std::string(data, '\0');
}
SafetensorsFile open(const std::string& bytes) {
  return SafetensorsFile::from_bytes(bytes, "m.safetensors");
}
std::string refusal(const std::string& bytes) {
  return message_of<FileError>([&] { (void)open(bytes); });
}
/// The error for a file with one tensor "w" of 8 bytes whose header entries are `entries`.
std::string refusal_of_tensor(const std::string& entries, std::size_t data = 8) {
  return refusal(file_of(R"({"w":{)" + entries + "}}", data));
}

const std::string good = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

}  // namespace

TEST_CASE("Tensors of every type survive a file, with shape, order and metadata") {
  const TemporaryFolder folder;
  const std::vector<float> weight{1, -2, 3.5f, 0, 1e-45f, 3e38f};
  const std::vector<double> moment{0.1, -0.2};
  const std::int64_t step = 1234567890123;
  SafetensorsWriter writer;
  writer.add<float>("b.weight", {2, 3}, weight);
  writer.add<double>("a.moment", {2}, moment);
  writer.add<std::int64_t>("step", {}, std::span(&step, 1));
  writer.add<float>("empty", {0, 4}, {});
  writer.set_metadata("config", R"({"heads":4})");
  writer.set_metadata("a note",
                      "Gr\xC3\xBC\xC3\x9F"
                      "e");
  writer.save(folder / "m.safetensors");

  const SafetensorsFile file(folder / "m.safetensors");
  REQUIRE(file.tensors().size() == 4);
  CHECK(file.tensors()[0].name == "b.weight");
  CHECK(file.tensors()[1].name == "a.moment");
  CHECK(file.tensors()[0].shape == std::vector<std::size_t>{2, 3});
  CHECK(file.tensors()[2].shape.empty());
  CHECK(file.tensors()[3].size() == 0);
  CHECK(file.read<float>("b.weight") == weight);
  CHECK(file.read<double>("a.moment") == moment);
  CHECK(file.read<std::int64_t>("step") == std::vector<std::int64_t>{step});
  CHECK(file.read<float>("empty").empty());
  CHECK(file.metadata("config") == R"({"heads":4})");
  CHECK(file.metadata("a note") ==
        "Gr\xC3\xBC\xC3\x9F"
        "e");
  CHECK(file.contains("step"));
  CHECK(file.find("stop") == nullptr);
  CHECK(folder.files() == 1);
}

TEST_CASE("The same calls give the same bytes, padded and aligned") {
  SafetensorsWriter writer;
  writer.add<float>("odd", {1}, std::array<float, 1>{1});
  writer.add<double>("wide", {1}, std::array<double, 1>{2});
  const std::string bytes = writer.to_bytes();
  const std::string header = R"({"odd":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                             R"("wide":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})";
  CHECK(bytes.substr(8, header.size()) == header);
  CHECK(bytes.substr(0, 8) == length_bytes((header.size() + 7) / 8 * 8));
  CHECK(bytes.size() % 8 == 4);
  CHECK(writer.to_bytes() == bytes);
  CHECK(open(bytes).read<float>("odd") == std::vector<float>{1});
  CHECK(open(SafetensorsWriter().to_bytes()).tensors().empty());
}

TEST_CASE("float widens into double; double into float only when allowed") {
  SafetensorsWriter writer;
  std::vector<float> many(3000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) * 0.1f;
  writer.add<float>("many", {3000}, many);
  writer.add<double>("wide", {1}, std::array<double, 1>{0.1});
  writer.add<std::int64_t>("step", {1}, std::array<std::int64_t, 1>{3});
  const SafetensorsFile file = open(writer.to_bytes());

  CHECK(file.read<double>("many") == std::vector<double>(many.begin(), many.end()));
  CHECK(file.read<float>("wide", Narrowing::allowed) == std::vector<float>{0.1f});
  CHECK(
      message_of<FileError>([&] { (void)file.read<float>("wide"); }) ==
      R"(m.safetensors: tensor "wide": dtype F64 cannot be read as float unless narrowing is allowed)");
}

TEST_CASE("An absent tensor, another shape and another size are named") {
  SafetensorsWriter writer;
  writer.add<float>("encoder.norm.weight", {8}, std::array<float, 8>{});
  const SafetensorsFile file = open(writer.to_bytes());
  CHECK_NOTHROW(file.expect_shape("encoder.norm.weight", {8}));
  CHECK(message_of<ShapeError>([&] { file.expect_shape("encoder.norm.weight", {16}); }) ==
        R"(m.safetensors: tensor "encoder.norm.weight": expected shape [16], found [8])");
  CHECK(message_of<ShapeError>([&] {
          file.expect_shape("encoder.norm.weight", {8, 1});
        }) == R"(m.safetensors: tensor "encoder.norm.weight": expected shape [8, 1], found [8])");
  CHECK(message_of<FileError>([&] { file.expect_shape("encoder.norm.bias", {8}); }) ==
        R"(m.safetensors: tensor "encoder.norm.bias" is missing)");
  CHECK(message_of<FileError>([&] { (void)file.metadata("config"); }) ==
        R"(m.safetensors: metadata "config" is missing)");
  std::array<float, 4> four{};
  CHECK(message_of<ShapeError>([&] {
          file.read_into("encoder.norm.weight", std::span<float>(four));
        }) == R"(m.safetensors: tensor "encoder.norm.weight": expected 4 values, found 8)");
}

TEST_CASE("The writer refuses names and shapes that make no file") {
  SafetensorsWriter writer;
  const std::array<float, 2> two{};
  writer.add<float>("w", {2}, two);
  CHECK(message_of<ConfigError>([&] { writer.add<float>("w", {2}, two); }) ==
        R"(tensor "w": was added before)");
  CHECK(message_of<ConfigError>([&] { writer.add<float>("", {2}, two); }) ==
        R"(tensor "": is not a name for a tensor)");
  CHECK(message_of<ConfigError>([&] { writer.add<float>("__metadata__", {2}, two); }) ==
        R"(tensor "__metadata__": is not a name for a tensor)");
  CHECK(message_of<ConfigError>([&] { writer.add<float>("\xFF", {2}, two); }) ==
        "a text that goes into JSON is not UTF-8");
  CHECK(message_of<ShapeError>([&] { writer.add<float>("v", {3}, two); }) ==
        R"(tensor "v": shape [3] does not hold 2 values)");
  const std::size_t half = std::numeric_limits<std::size_t>::max() / 2 + 1;
  CHECK(message_of<ShapeError>([&] {
          writer.add<float>("v", {half, half}, {});
        }) == message("tensor \"v\": shape [", half, ", ", half, "] does not hold 0 values"));
  CHECK_NOTHROW(writer.add<float>("v", {2}, two));
}

TEST_CASE("A file that is absent, a folder, or too short is refused") {
  const TemporaryFolder folder;
  CHECK(message_of<FileError>([] { SafetensorsFile file("absent.safetensors"); }) ==
        "absent.safetensors: cannot be opened: No such file or directory");
  CHECK(message_of<FileError>([&] { SafetensorsFile file(folder / ""); }) ==
        (folder / "") + ": is a directory");
  CHECK(refusal("") == "m.safetensors: is too short for a safetensors file: 0 bytes");
  CHECK(refusal("1234567") == "m.safetensors: is too short for a safetensors file: 7 bytes");
}

TEST_CASE("A header with a wrong length is refused before memory is allocated") {
  CHECK(refusal(length_bytes(~std::uint64_t{0}) + "{}") ==
        "m.safetensors: a header of 18446744073709551615 bytes is larger than the 100000000 "
        "allowed; is this a "
        "safetensors file?");
  CHECK(refusal(length_bytes(100000001) + "{}").find("is larger than") != std::string::npos);
  CHECK(refusal(length_bytes(3) + "{}") ==
        "m.safetensors: a header of 3 bytes does not fit into 10 bytes");
  CHECK(refusal(file_of(good, 8).substr(0, 20)) ==
        "m.safetensors: a header of 54 bytes does not fit into 20 bytes");
}

TEST_CASE("A header that is not the expected JSON is refused") {
  CHECK(refusal(file_of("")) == "m.safetensors: the header does not start with '{'");
  CHECK(refusal(file_of("[]")) == "m.safetensors: the header does not start with '{'");
  CHECK(refusal(file_of(R"({"w":)")) == "m.safetensors: the header is not JSON at byte 6");
  CHECK(refusal(file_of("{} {}")) == "m.safetensors: the header is not JSON at byte 4");
  CHECK(refusal(file_of(std::string("{}\0{", 4))) ==
        "m.safetensors: the header is not JSON at byte 3");
  CHECK(refusal(file_of("{\"\xFF\":1}")) == "m.safetensors: the header is not JSON at byte 3");
  CHECK(refusal(file_of(R"({"w":3})")) == R"(m.safetensors: tensor "w": unexpected a number)");
  CHECK(refusal(file_of(R"({"w":[)" + std::string(1000000, '['))) ==
        R"(m.safetensors: tensor "w": unexpected an array)");
  std::string deep = R"({"w":)";
  for (int i = 0; i < 100000; ++i) deep += R"({"shape":)";
  CHECK(refusal(file_of(deep)) == R"(m.safetensors: tensor "w": nested objects are not allowed)");
  CHECK(refusal(file_of(R"({"__metadata__":{"a":1}})")) ==
        R"(m.safetensors: tensor "__metadata__": unexpected a number in a)");
  CHECK(refusal(file_of(R"({"__metadata__":{"a":"1","a":"2"}})")) ==
        R"(m.safetensors: tensor "__metadata__": entry "a" occurs twice)");
  CHECK(refusal(file_of(R"({"__metadata__":{},"__metadata__":{}})")) ==
        R"(m.safetensors: tensor "__metadata__": occurs twice)");
}

TEST_CASE("A tensor whose description is incomplete or odd is refused") {
  const std::string dtype = R"("dtype":"F32")", shape = R"("shape":[2])",
                    offsets = R"("data_offsets":[0,8])";
  const auto description = [](const std::string& problem) {
    return R"(m.safetensors: tensor "w": )" + problem;
  };
  CHECK_NOTHROW(open(file_of(good, 8)));
  CHECK(refusal_of_tensor(shape + "," + offsets) ==
        description("dtype, shape and data_offsets are needed"));
  CHECK(refusal_of_tensor(dtype + "," + offsets) ==
        description("dtype, shape and data_offsets are needed"));
  CHECK(refusal_of_tensor(dtype + "," + shape) ==
        description("dtype, shape and data_offsets are needed"));
  CHECK(refusal_of_tensor(R"("dtype":"F33")") == description(R"(unknown dtype "F33")"));
  CHECK(refusal_of_tensor(R"("dtype":4)") == description("unexpected a number in dtype"));
  CHECK(refusal_of_tensor(R"("shape":"2")") == description("unexpected a text in shape"));
  CHECK(refusal_of_tensor(R"("shape":[[2]])") == description("unexpected an array in shape"));
  CHECK(refusal_of_tensor(R"("shape":[-2])") == description("negative numbers are not allowed"));
  CHECK(refusal_of_tensor(R"("shape":[2.0])") == description("unexpected a fraction in shape"));
  CHECK(refusal_of_tensor(R"("shape":[null])") == description("unexpected null in shape"));
  CHECK(refusal_of_tensor(R"("shape":[true])") == description("unexpected true or false in shape"));
  CHECK(refusal_of_tensor(dtype + "," + dtype) == description(R"(entry "dtype" occurs twice)"));
  CHECK(refusal_of_tensor(R"("strides":[1])") == description(R"(unknown entry "strides")"));
  CHECK(refusal_of_tensor(dtype + "," + shape + R"(,"data_offsets":[0])") ==
        description("data_offsets are not two numbers"));
  CHECK(refusal_of_tensor(R"("data_offsets":[0,8,16])") ==
        description("data_offsets are not two numbers"));
  std::string long_shape("\"shape\":[1");
  for (int i = 0; i < 64; ++i) long_shape += ",1";
  CHECK(refusal_of_tensor(long_shape + "]") == description("too many dimensions"));
}

TEST_CASE("Byte ranges that contradict the header are refused") {
  const auto tensor = [](const std::string& name, const std::string& dtype,
                         const std::string& shape, const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape +
           R"(],"data_offsets":[)" + offsets + "]}";
  };
  const auto one = [&](const std::string& dtype, const std::string& shape,
                       const std::string& offsets) {
    return refusal(file_of("{" + tensor("w", dtype, shape, offsets) + "}", 8));
  };
  const std::string w = R"(m.safetensors: tensor "w": )";
  CHECK(one("F32", "2", "8,0") == w + "data_offsets [8, 0] end before they begin");
  CHECK(one("F32", "4", "0,16") == w + "data_offsets [0, 16] reach beyond the 8 bytes of data");
  CHECK(one("F32", "2", "18446744073709551608,18446744073709551615") ==
        w + "data_offsets [18446744073709551608, 18446744073709551615] reach beyond the 8 bytes of "
            "data");
  CHECK(one("F32", "3", "0,8") ==
        w + "F32 of shape [3] takes 12 bytes, but data_offsets [0, 8] hold 8");
  CHECK(one("F64", "2", "0,8") ==
        w + "F64 of shape [2] takes 16 bytes, but data_offsets [0, 8] hold 8");
  CHECK(one("F32", "", "0,8") ==
        w + "F32 of shape [] takes 4 bytes, but data_offsets [0, 8] hold 8");
  CHECK(one("F32", "2147483648,2147483648", "0,0") ==
        w + "shape [2147483648, 2147483648] is too large");
  CHECK(one("F32", "2147549185,2147418113", "0,8") ==
        w + "shape [2147549185, 2147418113] is too large");
  CHECK(one("F32", "18446744073709551616", "0,8") == w + "unexpected a fraction in shape");
  CHECK(one("F32", "2147483648,0,2147483648", "0,0") ==
        "m.safetensors: bytes [0, 8) of the data belong to no tensor");

  const auto two = [&](const std::string& first, const std::string& second, std::size_t data) {
    return refusal(file_of(
        "{" + tensor("a", "U8", "4", first) + "," + tensor("b", "U8", "4", second) + "}", data));
  };
  CHECK(two("0,4", "2,6", 6) == R"(m.safetensors: tensor "b": overlaps tensor "a")");
  CHECK(two("0,4", "0,4", 4) == R"(m.safetensors: tensor "b": overlaps tensor "a")");
  CHECK(two("6,10", "0,4", 10) == "m.safetensors: bytes [4, 6) of the data belong to no tensor");
  CHECK(two("0,4", "4,8", 9) == "m.safetensors: bytes [8, 9) of the data belong to no tensor");
  CHECK(two("4,8", "0,4", 8) == "nothing was thrown");
  CHECK(refusal(file_of(
            "{" + tensor("a", "U8", "1", "0,1") + "," + tensor("a", "U8", "1", "1,2") + "}", 2)) ==
        R"(m.safetensors: tensor "a": occurs twice)");
}

TEST_CASE("Whatever byte of a file is cut or changed, it is refused or read, never trusted") {
  SafetensorsWriter writer;
  writer.add<float>("w", {2, 2}, std::array<float, 4>{1, 2, 3, 4});
  writer.add<std::int64_t>("step", {}, std::array<std::int64_t, 1>{5});
  writer.set_metadata("config", "{}");
  const std::string bytes = writer.to_bytes();
  const auto try_all = [](const std::string& changed) {
    try {
      const SafetensorsFile file = open(changed);
      for (const TensorInfo& tensor : file.tensors()) {
        if (tensor.dtype == Dtype::f32) (void)file.read<double>(tensor.name);
      }
    } catch (const FileError&) {
    }
  };
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_THROWS_AS(open(bytes.substr(0, length)), FileError);
  }
  Random random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string changed = bytes;
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
      changed[static_cast<std::size_t>(random.below(changed.size()))] =
          static_cast<char>(random.below(256));
    }
    CHECK_NOTHROW(try_all(changed));
  }
}

TEST_CASE("Random tensors survive a file") {
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    SafetensorsWriter writer;
    std::vector<std::vector<float>> narrow;
    std::vector<std::vector<double>> wide;
    const std::uint64_t count = random.below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto rows = static_cast<std::size_t>(random.below(5)),
                 cols = static_cast<std::size_t>(random.below(7));
      narrow.emplace_back(rows * cols);
      wide.emplace_back(rows * cols);
      for (float& x : narrow.back()) x = static_cast<float>(random.normal());
      for (double& x : wide.back()) x = random.normal();
      writer.add<float>(message("narrow.", i), {rows, cols}, narrow.back());
      writer.add<double>(message("wide.", i), {rows, cols}, wide.back());
    }
    const SafetensorsFile file = open(writer.to_bytes());
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      CHECK(file.read<float>(message("narrow.", i)) == narrow[i]);
      CHECK(file.read<double>(message("wide.", i)) == wide[i]);
    }
  }
}

TEST_CASE("A tensor of more bytes than a program can hold is refused") {
  const std::string bytes = message(std::uint64_t{1} << 63);
  const std::string json = message(R"({"w":{"dtype":"F64","shape":[2147483648,536870912],)",
                                   R"("data_offsets":[0,)", bytes, "]}}");
  const std::string bits = message(std::numeric_limits<std::size_t>::digits);
  const std::string most = message(std::numeric_limits<std::ptrdiff_t>::max());
  CHECK(message_of<FileError>([&] {
          (void)SafetensorsHeader::parse(json, std::uint64_t{1} << 63, "m");
        }) == "m: tensor \"w\": " + bytes + " bytes are more than the " + most +
                  " that a program of " + bits + " bits can hold at once");
}

}  // namespace safetensors_tests
