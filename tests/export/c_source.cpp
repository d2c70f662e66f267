#include <spat/export/c/c_source.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>

namespace c_source_tests {

using namespace spat;

namespace {

std::vector<float> ramp(std::size_t count, float step = 0.25f) {
  std::vector<float> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = step * static_cast<float>(i + 1);
  return numbers;
}
GraphId constant(GraphBuilder& b, const std::string& name, std::vector<std::size_t> shape,
                 const std::vector<float>& numbers) {
  return b.constant(name, std::move(shape), std::span<const float>(numbers));
}

/// A linear map of a history [4 x 3] to a forecast [2 x 3], with GELU and an addition of `shift`.
ForecastGraph small(const std::vector<float>& weight = ramp(8),
                    const std::string& name = "Linear.weight") {
  GraphBuilder b;
  const GraphId x = b.transpose(b.input("history", {4, 3}), {1, 0});
  const GraphId w = constant(b, name, {2, 4}, weight), bias = constant(b, "b", {2}, {1, 2});
  const GraphId y = b.linear(x, w, bias);
  const GraphId z = b.add(b.gelu(y), constant(b, "shift", {2}, {0.5f, -0.f}));
  return std::move(b).finish(b.transpose(z, {1, 0}));
}
DataDescription description(std::vector<std::string> names) {
  DataDescription data;
  const std::size_t count = names.size();
  data.names = std::move(names);
  data.scaler = StandardScaler(std::vector<double>(count, 1.5), std::vector<double>(count, 0.25));
  data.calendar = parse_calendar("15min");
  return data;
}
std::string name_error(const std::string& name) {
  return message_of<ConfigError>([&] { (void)c_source(small(), {.name = name}); });
}
std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++count;
  return count;
}

}  // namespace

TEST_CASE("a C file has what its operations need, and no more") {
  const CSource source = c_source(small(), {.name = "load", .header_file = "load.h"});
  CHECK(contains(source.code, "#include \"load.h\"\n"));
  CHECK(contains(source.code, "#include <math.h>"));
  CHECK(!contains(source.code, "<string.h>"));
  CHECK(!contains(source.code, "<stdint.h>"));
  for (const char* const function : {"transpose", "linear", "gelu", "add"})
    CHECK(count_of(source.code, message("static void ", function, "(")) == 1);
  CHECK(count_of(source.code, "static void ") == 4);
  CHECK(contains(source.code,
                 "static const float c2[8] = {\n  0.25f, 0.5f, 0.75f, 1.f, 1.25f, "
                 "1.5f, 1.75f, 2.f};"));
  CHECK(contains(source.code, "{\n  0.5f, -0.f};"));
  CHECK(contains(source.code, "static float buffer[18];"));
  CHECK(contains(source.code,
                 "void load_forecast(const float history[LOAD_LOOKBACK * "
                 "LOAD_CHANNELS],\n                   float forecast[LOAD_HORIZON * "
                 "LOAD_TARGETS]) {"));
}

TEST_CASE("the figures of a C file are those of its arrays") {
  const auto figures = [](WeightType type) { return c_source(small(), {.weights = type}).figures; };
  const CFigures f32 = figures(WeightType::f32);
  CHECK(f32.constants.weights == 8 * 4);
  CHECK(f32.constants.scales == 0);
  CHECK(f32.constants.other == (2 + 2) * 4);
  CHECK(f32.constants.total() == 48);
  CHECK(f32.ram == 18 * 4);
  CHECK(f32.macs == 3 * 4 * 2);
  CHECK(f32.operations == 5);
  CHECK(figures(WeightType::bf16).constants.weights == 8 * 2);
  CHECK(figures(WeightType::bf16).constants.scales == 0);
  CHECK(figures(WeightType::int8).constants.weights == 8);
  CHECK(figures(WeightType::int8).constants.scales == 2 * 4);
  const CSource source = c_source(small(), {});
  CHECK(
      contains(source.header, "constants      48 bytes of flash: weights 32, scales 0, other 16"));
  CHECK(contains(source.header, "RAM            72 bytes, static"));
  CHECK(source.operations[1].name == "Linear");
  CHECK(source.operations[1].macs == 24);
}

TEST_CASE("int8 weights have a scale per output") {
  const CSource source =
      c_source(small({127, -1, 0.4f, 0.6f, 0, 25.4f, -12.8f, 1}), {.weights = WeightType::int8});
  CHECK(contains(source.code, "int8_t c2[8] = {\n  127, -1, 0, 1, 0, 127, -64, 5};"));
  CHECK(contains(source.code, "float scale2[2] = {\n  1.f, 0.2f};"));
  CHECK(contains(source.code, "linear_int8(buffer + 12, buffer, c2, scale2, c3, 3, 4, 2);"));
  CHECK(contains(source.code, "#include <stdint.h>"));
}

TEST_CASE("bf16 weights are rounded to the nearest, of two the even one") {
  const CSource source = c_source(small({1, -2, 0x1.01p0f, 0x1.03p0f, 0x1.0101p0f, 0, -0.f, 3}),
                                  {.weights = WeightType::bf16});
  CHECK(contains(source.code,
                 "uint16_t c2[8] = {\n  16256, 49152, 16256, 16258, 16257, 0, 32768, "
                 "16448};"));
  CHECK(contains(source.code, "static float widened("));
}

TEST_CASE("a matrix that something else reads, too, stays float") {
  GraphBuilder b;
  const GraphId x = b.input("history", {2, 2}), w = constant(b, "w", {2, 2}, ramp(4)),
                v = constant(b, "v", {2, 2}, ramp(4));
  const GraphId y = b.add(b.linear(b.linear(x, w), v), w);
  const CSource source = c_source(std::move(b).finish(y), {.weights = WeightType::int8});
  CHECK(source.figures.constants.weights == 4 * 4 + 4);
  CHECK(count_of(source.code, "int8_t c") == 1);
  CHECK(count_of(source.code, "  linear(") == 1);
  CHECK(count_of(source.code, "  linear_int8(") == 1);
}

TEST_CASE("a matrix that is a linear map's input, too, stays float") {
  GraphBuilder b;
  const GraphId x = b.input("history", {2, 2}), w = constant(b, "w", {2, 2}, ramp(4));
  const GraphId y = b.add(b.linear(x, w), b.linear(w, w));
  const CSource source = c_source(std::move(b).finish(y), {.weights = WeightType::int8});
  CHECK(!contains(source.code, "int8_t"));
}

TEST_CASE("multiply-adds of attention are those of the keys that a query sees") {
  const auto macs = [](bool causal) {
    GraphBuilder b;
    const GraphId x = b.input("history", {5, 4});
    const GraphId y = b.attention(x, x, x, 2, 1, causal);
    return c_source(std::move(b).finish(y), {}).figures.macs;
  };
  CHECK(macs(false) == 2 * 5 * 5 * 4);
  CHECK(macs(true) == 2 * 15 * 4);
}

TEST_CASE("a literal has exactly the number's value") {
  std::mt19937 random(1);
  std::size_t finite = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    ++finite;
    const std::string text = c_number(value);
    REQUIRE(text.back() == 'f');
    REQUIRE(text.find_first_of(".e") != text.npos);
    REQUIRE(std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)) ==
            std::bit_cast<std::uint32_t>(value));
  }
  CHECK(finite > 19000);
  CHECK(c_number(1) == "1.f");
  CHECK(c_number(1e20f) == "1e+20f");
  CHECK(c_number(std::numeric_limits<float>::denorm_min()) == "1e-45f");
}

TEST_CASE("names of a file end no comment and join no lines") {
  CHECK(c_comment("a*/b") == "a*_b");
  CHECK(c_comment("a/*b") == "a/_b");
  CHECK(c_comment("*/*/") == "*_*_");
  CHECK(c_comment("a\\") == "a_");
  CHECK(c_comment("what?\?/") == "what?_/");
  CHECK(c_comment("W\xC3\xA4rme \xE2\x82\xAC\n\x7F") == "W_rme ___");
  const std::string name = "x */ int main(void) { \n #error ?\?/ \\";
  const CSource source =
      c_source(small(ramp(8), name), {.data = description({"a */ b", "c\n/* d", "\xE4\xBD\xA0"})});
  for (const std::string& text : {source.code, source.header}) {
    CHECK(count_of(text, "/*") == count_of(text, "*/"));
    CHECK(!contains(text, "#error\n"));
    CHECK(!contains(text, "\\"));
    CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
  CHECK(contains(source.header, "0    a *_ b\n     1    c_/_ d\n     2    _\n"));
}

TEST_CASE("the header says what the numbers are") {
  DataDescription data = description({"wind", "sun", "load"});
  const std::string header =
      c_source(small(), {.name = "load", .model = "dlinear", .data = data}).header;
  CHECK(contains(header, "a forecast by dlinear"));
  CHECK(contains(header, "in the units of the columns"));
  CHECK(contains(header,
                 "     0    wind\n     1    sun\n     2    load\n   The targets are the "
                 "channels.\n   Rows follow each other by frequency 15min."));
  CHECK(contains(header,
                 "#define LOAD_LOOKBACK 4\n#define LOAD_CHANNELS 3\n#define LOAD_HORIZON "
                 "2\n#define LOAD_TARGETS 3\n"));
  CHECK(contains(header, "extern \"C\""));
  CHECK(contains(header, "one call at a time"));
  CHECK(!contains(header, "marks"));
  CHECK(!contains(header, "beforehand"));
  data.window.known_covariates = true;
  const std::string scaled =
      c_source(small(), {.name = "load", .scaled = true, .data = data}).header;
  CHECK(contains(scaled, "in scaled units"));
  CHECK(contains(scaled, "0    wind, mean 1.5, deviation 0.25\n"));
  CHECK(contains(scaled, "known beforehand"));
  CHECK(!contains(scaled, "units of the columns"));
  data.alone = true;
  CHECK(contains(c_source(small(), {.scaled = true, .data = data}).header, "any series"));
  CHECK(!contains(c_source(small(), {.scaled = true, .data = data}).header, "wind"));
}

TEST_CASE("the header says what marks are, and which targets there are") {
  GraphBuilder b;
  const GraphId x = b.input("history", {4, 3}), past = b.input("history_marks", {4, 4}),
                future = b.input("future_marks", {2, 4});
  const GraphId targets = b.slice(x, 1, 2, 1),
                sums = b.add(b.slice(targets, 0, 0, 2),
                             b.mean(b.concat({b.slice(past, 0, 0, 2), future}, 1), 1));
  const ForecastGraph graph = std::move(b).finish(sums);
  DataDescription data = description({"wind", "sun", "load"});
  data.window.marks = Frequency::hourly;
  const CSource source = c_source(graph, {.name = "load", .data = data});
  CHECK(contains(source.header, "the marks of the rows of the history"));
  CHECK(contains(source.header, "the marks of the rows of the forecast"));
  CHECK(
      contains(source.header, "0    hour / 23 - 0.5\n     1    weekday / 6 - 0.5, Monday is 0\n"));
  CHECK(contains(source.header, "The target is the last channel."));
  CHECK(contains(source.header, "#define LOAD_MARKS 4\n"));
  CHECK(contains(source.header, "const float history_marks[LOAD_LOOKBACK * LOAD_MARKS],"));
  CHECK(contains(source.header, "const float future_marks[LOAD_HORIZON * LOAD_MARKS],"));
  CHECK(contains(source.header, "load_forecast(history, history_marks, future_marks, forecast);"));
}

TEST_CASE("the same graph gives the same bytes of C") {
  CHECK(c_source(small(), {}).code == c_source(small(), {}).code);
  CHECK(c_source(small(), {}).header == c_source(small(), {}).header);
}

TEST_CASE("what is no name of a C function is refused") {
  for (const char* const name : {"", "1a", "a-b", "a b", "\xC3\xA4", "a\"", "a*/"})
    CHECK(contains(name_error(name), "is not a letter followed by letters, digits"));
  for (const char* const name : {"_a", "a__b", "a_"})
    CHECK(contains(name_error(name), "underscore"));
  for (const char* const name : {"int", "restrict", "class", "typeof"})
    CHECK(contains(name_error(name), message("\"", name, "\" is a keyword of C or C++; --name")));
  CHECK(contains(name_error(std::string(101, 'a')), "is longer than 100 letters"));
  CHECK(name_error("a_1") == "nothing was thrown");
}

TEST_CASE("what C cannot hold is refused") {
  const auto refused = [](const std::vector<float>& weight, WeightType type) {
    return message_of<NumericError>([&] { (void)c_source(small(weight), {.weights = type}); });
  };
  std::vector<float> weight = ramp(8);
  weight[5] = std::numeric_limits<float>::infinity();
  for (const WeightType type : {WeightType::f32, WeightType::bf16, WeightType::int8})
    CHECK(refused(weight, type) ==
          "\"Linear.weight\": number 5 is inf, which no C file can hold: expected finite weights");
  weight[5] = std::numeric_limits<float>::max();
  CHECK(contains(refused(weight, WeightType::bf16), "too large for bf16 weights; --weights f32"));
  CHECK(refused(weight, WeightType::f32) == "nothing was thrown");
  CHECK(contains(
      message_of<ConfigError>([] { (void)c_source(small(), {.weights = WeightType::f16}); }),
      "C99 has no such type"));
  for (const char* const file : {"", "a\".h", "a/b.h", "a\n.h", "\xC3\xA4.h"})
    CHECK(contains(message_of<ConfigError>([&] { (void)c_source(small(), {.header_file = file}); }),
                   "expected letters of ASCII"));
  GraphBuilder b;
  const GraphId x = b.input("history", {4});
  const ForecastGraph flat = std::move(b).finish(b.relu(x));
  CHECK(message_of<ShapeError>([&] { (void)c_source(flat, {}); }) ==
        "C file: expected a history and a forecast of rows, found [4] and [4]");
}

TEST_CASE("an input as the forecast is copied") {
  GraphBuilder b;
  const GraphId x = b.input("history", {4, 3});
  const CSource source = c_source(std::move(b).finish(x), {});
  CHECK(contains(source.code, "copy(forecast, 0, input0, 0, 1, 12);"));
  CHECK(!contains(source.code, "float buffer["));
}

TEST_CASE("a table of indices has the smallest type that holds them") {
  const auto graph = [](std::size_t rows) {
    GraphBuilder b;
    const GraphId x = b.input("history", {rows, 1});
    return std::move(b).finish(b.gather(x, 0, {rows - 1, 0, 1}, {3}));
  };
  const CSource small_one = c_source(graph(65535), {});
  CHECK(contains(small_one.code, "static const uint16_t index0[3] = {\n  65534, 0, 1};"));
  CHECK(small_one.figures.constants.other == 6);
  const CSource large = c_source(graph(65537), {});
  CHECK(contains(large.code, "static const uint32_t index0[3] = {\n  65536, 0, 1};"));
  CHECK(contains(large.code, "const uint32_t *index,"));
  CHECK(large.figures.constants.other == 12);
  CHECK(contains(large.code, "#include <stdint.h>"));
}

}  // namespace c_source_tests
