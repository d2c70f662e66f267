// The element types of safetensors files: what each is read as, and what is refused.
#include <spat/io/safetensors.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace safetensors_dtypes_tests {

using namespace spat;

namespace {

/// A file with one tensor "w" of this dtype.
template <class T>
SafetensorsFile file_of(std::string_view dtype, const std::vector<T>& numbers) {
  const std::size_t bytes = numbers.size() * sizeof(T);
  std::string all = message(R"({"w":{"dtype":")", dtype, R"(","shape":[)", numbers.size(),
                            R"(],"data_offsets":[0,)", bytes, "]}}");
  const std::uint64_t length = all.size();
  all.insert(0, std::string(reinterpret_cast<const char*>(&length), 8));
  all.append(reinterpret_cast<const char*>(numbers.data()), bytes);
  return SafetensorsFile::from_bytes(std::move(all), "m");
}

template <class T>
std::string refusal(const SafetensorsFile& file, Narrowing narrowing = Narrowing::refused) {
  return message_of<FileError>([&] { (void)file.read<T>("w", narrowing); });
}

/// Whether float, double and 64-bit integers are read from it as these numbers.
template <class From>
void expect_all(std::string_view dtype, const std::vector<From>& numbers) {
  const SafetensorsFile file = file_of(dtype, numbers);
  INFO(dtype);
  CHECK(file.read<float>("w") == std::vector<float>(numbers.begin(), numbers.end()));
  CHECK(file.read<double>("w") == std::vector<double>(numbers.begin(), numbers.end()));
  CHECK(file.read<std::int64_t>("w") == std::vector<std::int64_t>(numbers.begin(), numbers.end()));
}

const std::string cannot = "m: tensor \"w\": dtype ";

}  // namespace

TEST_CASE("numbers of 16 bits are read as float or double, in pieces, every one of them") {
  std::vector<std::uint16_t> all(0x10000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const auto expect = [&](const SafetensorsFile& file, auto&& value) {
    const auto narrow = file.read<float>("w");
    const auto wide = file.read<double>("w");
    std::size_t different = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const float right = value(all[i]);
      different += std::memcmp(&narrow[i], &right, 4) != 0;
      different += std::isnan(right) ? !std::isnan(wide[i]) : wide[i] != static_cast<double>(right);
    }
    CHECK(different == 0);
  };
  expect(file_of("BF16", all), [](std::uint16_t bits) { return to_float(BFloat16{bits}); });
  expect(file_of("F16", all), [](std::uint16_t bits) { return to_float(Float16{bits}); });
  CHECK(refusal<std::int64_t>(file_of("F16", all)) ==
        cannot + "F16 cannot be read as 64-bit integers; write its numbers as I64");
  CHECK(refusal<std::int64_t>(file_of("BF16", all)) ==
        cannot + "BF16 cannot be read as 64-bit integers; write its numbers as I64");
}

TEST_CASE("whole numbers are read as every type that holds them") {
  expect_all<std::int8_t>("I8", {-128, -1, 0, 127});
  expect_all<std::uint8_t>("U8", {0, 128, 255});
  expect_all<std::int16_t>("I16", {-32768, 0, 32767});
  expect_all<std::uint16_t>("U16", {0, 32768, 65535});
  expect_all<std::int32_t>(
      "I32", {std::numeric_limits<std::int32_t>::min(), -16777216, 0, 16777216, 2147483520});
  expect_all<std::uint32_t>("U32", {0, 16777216, 4294967040});
  expect_all<std::int64_t>(
      "I64", {std::numeric_limits<std::int64_t>::min(), -5, 0, std::int64_t{3} << 50});
  expect_all<std::uint64_t>("U64", {0, std::uint64_t{1} << 62});
  // In pieces: the tensor is longer than one.
  std::vector<std::int32_t> many(5000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::int32_t>(i) - 2500;
  expect_all("I32", many);
  expect_all<std::int16_t>("I16", {});
}

TEST_CASE("a whole number that a type does not hold is named") {
  const auto ints = file_of<std::int32_t>("I32", {5, 16777216, 16777217, 16777219});
  CHECK(refusal<float>(ints) ==
        "m: tensor \"w\": number 2 is 16777217, which is no float; write F32");
  CHECK(ints.read<double>("w")[3] == 16777219);
  CHECK(refusal<float>(file_of<std::int32_t>("I32", {-16777217})) ==
        "m: tensor \"w\": number 0 is -16777217, which is no float; write F32");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(refusal<double>(file_of<std::int64_t>("I64", {1, most})) ==
        "m: tensor \"w\": number 1 is 9223372036854775807, which is no double; write F64");
  CHECK(refusal<double>(file_of<std::int64_t>("I64", {(std::int64_t{1} << 53) + 1})) ==
        "m: tensor \"w\": number 0 is 9007199254740993, which is no double; write F64");
  const auto large = file_of<std::uint64_t>("U64", {7, std::uint64_t{1} << 63});
  CHECK(refusal<std::int64_t>(large) ==
        "m: tensor \"w\": number 1 is 9223372036854775808, too large for 64-bit integers");
  CHECK(large.read<float>("w") == std::vector<float>{7, 0x1p63f});
  CHECK(refusal<double>(file_of<std::uint64_t>("U64", {~std::uint64_t{0}})) ==
        "m: tensor \"w\": number 0 is 18446744073709551615, which is no double; write F64");
  // The number is beyond the first piece.
  std::vector<std::uint32_t> many(3000, 2);
  many[2999] = 4294967295;
  CHECK(refusal<float>(file_of("U32", many)) ==
        "m: tensor \"w\": number 2999 is 4294967295, which is no float; write F32");
}

TEST_CASE("F32 and F64 are no whole numbers, and F64 is no float without leave") {
  const auto narrow = file_of<float>("F32", {1, 2});
  const auto wide = file_of<double>("F64", {1, 0.1, 1e300});
  for (const Narrowing narrowing : {Narrowing::refused, Narrowing::allowed}) {
    CHECK(refusal<std::int64_t>(narrow, narrowing) ==
          cannot + "F32 cannot be read as 64-bit integers; write its numbers as I64");
    CHECK(refusal<std::int64_t>(wide, narrowing) ==
          cannot + "F64 cannot be read as 64-bit integers; write its numbers as I64");
    CHECK(narrow.read<double>("w", narrowing) == std::vector<double>{1, 2});
    CHECK(wide.read<double>("w", narrowing) == std::vector<double>{1, 0.1, 1e300});
  }
  CHECK(refusal<float>(wide) == cannot + "F64 cannot be read as float unless narrowing is allowed");
  const auto narrowed = wide.read<float>("w", Narrowing::allowed);
  CHECK((narrowed[1] == 0.1f && std::isinf(narrowed[2])));
}

TEST_CASE("BOOL and numbers of 8 bits with a point can be looked at, but not read") {
  const std::vector<std::uint8_t> bytes{0, 1, 1};
  const std::map<std::string, std::string> what{
      {"BOOL", "U8"}, {"F8_E4M3", "BF16 or F32"}, {"F8_E5M2", "BF16 or F32"}};
  for (const auto& [dtype, instead] : what) {
    const auto file = file_of(dtype, bytes);
    CHECK(file.at("w").size() == 3);
    CHECK(dtype_name(file.at("w").dtype) == dtype);
    for (const Narrowing narrowing : {Narrowing::refused, Narrowing::allowed}) {
      const std::string end = message("; write its numbers as ", instead);
      CHECK(refusal<float>(file, narrowing) ==
            message(cannot, dtype, " cannot be read as float", end));
      CHECK(refusal<double>(file, narrowing) ==
            message(cannot, dtype, " cannot be read as double", end));
      CHECK(refusal<std::int64_t>(file, narrowing) ==
            message(cannot, dtype, " cannot be read as 64-bit integers", end));
    }
    std::array<float, 3> into{5, 6, 7};
    CHECK_THROWS_AS(file.read_into("w", std::span<float>(into)), FileError);
    CHECK(into == std::array<float, 3>{5, 6, 7});
  }
}

TEST_CASE("numbers of 1, 2, 4 and 8 bytes lie in a file by size, largest first") {
  SafetensorsWriter writer;
  writer.add<std::int8_t>("one", {3}, std::array<std::int8_t, 3>{-1, 2, 3});
  writer.add<BFloat16>("two", {1}, std::array{to_half<BFloat16>(1.5)});
  writer.add<float>("four", {1}, std::array{0.25f});
  writer.add<Float16>("half", {2}, std::array{to_half<Float16>(-2), to_half<Float16>(0.5)});
  writer.add<double>("eight", {1}, std::array{0.125});
  const auto file = SafetensorsFile::from_bytes(writer.to_bytes(), "m");
  const auto place = [&](const char* name) {
    return std::pair(file.at(name).begin, file.at(name).end);
  };
  using Place = std::pair<std::uint64_t, std::uint64_t>;
  CHECK(place("eight") == Place(0, 8));
  CHECK(place("four") == Place(8, 12));
  CHECK(place("two") == Place(12, 14));
  CHECK(place("half") == Place(14, 18));
  CHECK(place("one") == Place(18, 21));
  CHECK(file.tensors()[0].name == "one");
  CHECK(file.at("one").dtype == Dtype::i8);
  CHECK(file.at("two").dtype == Dtype::bf16);
  CHECK(file.at("half").dtype == Dtype::f16);
  CHECK(file.read<float>("one") == std::vector<float>{-1, 2, 3});
  CHECK(file.read<float>("two") == std::vector<float>{1.5f});
  CHECK(file.read<double>("half") == std::vector<double>{-2, 0.5});
  CHECK(file.read<float>("four") == std::vector<float>{0.25f});
  CHECK(file.read<double>("eight") == std::vector<double>{0.125});
  CHECK(message_of<ShapeError>([&] { writer.add<Float16>("x", {3}, std::array<Float16, 2>{}); }) ==
        "tensor \"x\": shape [3] does not hold 2 values");
}

}  // namespace safetensors_dtypes_tests
