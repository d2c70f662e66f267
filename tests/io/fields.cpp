#include <spat/io/encoding.hpp>
#include <spat/io/fields.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <spat/core/random.hpp>

#include <cmath>
#include <limits>

namespace fields_tests {

using namespace spat;

TEST_CASE("Fields keep their order, their types and their values in JSON") {
  Fields fields;
  fields.set("model", "iTransformer");
  fields.set("lookback", std::size_t{96});
  fields.set("dropout", 0.1);
  fields.set("whole", 2.0);
  fields.set("normalize", true);
  fields.set("offset", -3);
  const std::string text = to_json(fields);
  CHECK(
      text ==
      R"({"model":"iTransformer","lookback":96,"dropout":0.1,"whole":2.0,"normalize":true,"offset":-3})");

  const Fields back = fields_from_json(text, "model.safetensors");
  CHECK(back == fields);
  CHECK(back.get<std::string>("model") == "iTransformer");
  CHECK(back.get<std::size_t>("lookback") == 96);
  CHECK(back.get<double>("dropout") == 0.1);
  CHECK(back.get<float>("whole") == 2.0f);
  CHECK(back.get<double>("lookback") == 96.0);
  CHECK(back.get<bool>("normalize"));
  CHECK(back.get<int>("offset") == -3);
  CHECK(back.get_or("absent", 7) == 7);
  CHECK(back.get_or("offset", 7) == -3);
  CHECK(back.contains("model"));
  CHECK_FALSE(back.contains("Model"));
  CHECK(back.size() == 6);
}

TEST_CASE("Setting a field again replaces it in its place") {
  Fields fields;
  fields.set("a", 1);
  fields.set("b", 2);
  fields.set("a", "one");
  CHECK(to_json(fields) == R"({"a":"one","b":2})");
  CHECK(to_json(Fields()) == "{}");
}

TEST_CASE("A missing or ill-typed field is named with the file") {
  const Fields fields =
      fields_from_json(R"({"n": -1, "x": 0.5, "s": "abc", "b": false})", "m.json");
  const auto refusal = [](auto&& action) { return message_of<FileError>(action); };
  CHECK(refusal([&] { (void)fields.get<int>("heads"); }) == R"(m.json: field "heads" is missing)");
  CHECK(refusal([&] { (void)fields.get<std::size_t>("n"); }) ==
        R"(m.json: field "n": expected an integer that is not negative, found -1)");
  CHECK(refusal([&] { (void)fields.get<int>("x"); }) ==
        R"(m.json: field "x": expected an integer, found 0.5)");
  CHECK(refusal([&] { (void)fields.get<double>("s"); }) ==
        R"(m.json: field "s": expected a number, found "abc")");
  CHECK(refusal([&] { (void)fields.get<std::string>("b"); }) ==
        R"(m.json: field "b": expected a text, found false)");
  CHECK(refusal([&] { (void)fields.get<bool>("n"); }) ==
        R"(m.json: field "n": expected true or false, found -1)");
  CHECK(refusal([&] { (void)fields.get_or("s", 3); }) ==
        R"(m.json: field "s": expected an integer, found "abc")");
  CHECK(refusal([&] { (void)Fields().get<int>("heads"); }) == R"(field "heads" is missing)");

  Fields large;
  large.set("seed", std::numeric_limits<std::int64_t>::max());
  CHECK(refusal([&] { (void)large.get<int>("seed"); }) ==
        R"(field "seed": expected an integer, found 9223372036854775807)");
}

TEST_CASE("What JSON cannot hold is refused when it is set") {
  Fields fields;
  CHECK(message_of<ConfigError>([&] { fields.set("x", std::nan("")); }) ==
        R"(field "x": nan is not finite)");
  CHECK(message_of<ConfigError>([&] { fields.set("n", ~std::uint64_t{0}); }) ==
        R"(field "n": 18446744073709551615 does not fit into 64 signed bits)");
  fields.set("s", "\xFF");
  CHECK(message_of<ConfigError>([&] { (void)to_json(fields); }) ==
        "a text that goes into JSON is not UTF-8");
}

TEST_CASE("JSON that is not one flat object of fields is refused") {
  const auto refusal = [](std::string_view text) {
    return message_of<FileError>([&] { (void)fields_from_json(text, "m.json"); });
  };
  CHECK(refusal("") == "m.json: not JSON at byte 1");
  CHECK(refusal("{\"a\": 1") == "m.json: not JSON at byte 8");
  CHECK(refusal("{\"a\": 1} x") == "m.json: not JSON at byte 10");
  CHECK(refusal("[1]") == "m.json: expected an object of named fields");
  CHECK(refusal("3") == "m.json: expected an object of named fields");
  CHECK(refusal(R"({"a": [[1]]})") == R"(m.json: field "a": nested lists are not allowed)");
  for (const char* const mixed : {R"([1, "b"])", R"(["b", 1])", "[true]", R"(["b", false])"}) {
    CAPTURE(mixed);
    CHECK(refusal(message(R"({"a": )", mixed, "}")) ==
          R"(m.json: field "a": a list is of numbers or of texts)");
  }
  CHECK(refusal(R"({"a": [null]})") == R"(m.json: field "a": null is not a value)");
  CHECK(refusal(R"({"a": [{}]})") == R"(m.json: field "a": nested objects are not allowed)");
  CHECK(refusal(R"({"a": {"b": 1}})") == R"(m.json: field "a": nested objects are not allowed)");
  CHECK(refusal(R"({"a": null})") == R"(m.json: field "a": null is not a value)");
  CHECK(refusal(R"({"a": 1, "a": 2})") == R"(m.json: field "a": occurs twice)");
  CHECK(refusal(R"({"a": 9223372036854775808})") ==
        R"(m.json: field "a": an integer does not fit into 64 signed bits)");
  CHECK(refusal(R"({"a": 1e999})") == "m.json: not JSON at byte 11");
  CHECK(refusal("{\"a\": \"\xFF\"}") == "m.json: not JSON at byte 8");
  CHECK(refusal(std::string_view("{}\0{", 4)) == "m.json: holds a zero byte");
  CHECK(refusal(std::string(1000000, '[')) == "m.json: expected an object of named fields");

  std::string many("{");
  for (int i = 0; i < 5000; ++i) many.append(message(i == 0 ? "\"" : ",\"", i, "\":1"));
  CHECK(refusal(many + "}") == R"(m.json: field "4096": one field too many)");
}

TEST_CASE("Any finite double and any text survive JSON") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    Fields fields;
    std::string text;
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      text.append(detail::latin1_to_utf8(std::string(1, static_cast<char>(random.below(256)))));
    }
    if (text.find('\0') != text.npos) text.clear();  // escaped in JSON, but kept simple here
    fields.set("text", text);
    const double number = std::bit_cast<double>(std::uint64_t{random()} << 32 | random());
    fields.set("number", std::isfinite(number) ? number : 0.1);
    fields.set("integer", static_cast<std::int64_t>(std::uint64_t{random()} << 32 | random()));
    CHECK(fields_from_json(to_json(fields), "memory") == fields);
  }
}

TEST_CASE("a field can be a list of numbers or of texts, of any length") {
  Fields fields;
  const std::vector<double> numbers{1, -2.5, 1e300};
  const std::vector<std::string> texts{"a", "b, \"c\"", ""};
  fields.set("numbers", numbers);
  fields.set("texts", texts);
  fields.set("none", std::vector<std::string>());
  const std::string json = to_json(fields);
  CHECK(json == R"({"numbers":[1.0,-2.5,1e+300],"texts":["a","b, \"c\"",""],"none":[]})");
  const Fields read = fields_from_json(json, "m.json");
  CHECK(read.get<std::vector<double>>("numbers") == numbers);
  CHECK(read.get<std::vector<std::string>>("texts") == texts);
  CHECK(read.get<std::vector<std::string>>("none").empty());
  CHECK(read.get<std::vector<double>>("none").empty());
  CHECK(fields_from_json(R"({"a": [1, -2, 3.5]})", "m").get<std::vector<double>>("a") ==
        std::vector<double>{1, -2, 3.5});
  CHECK(message_of<FileError>([&] { (void)read.get<std::vector<double>>("texts"); }) ==
        R"(m.json: field "texts": expected a list of numbers, found a list)");
  CHECK(message_of<FileError>([&] { (void)read.get<double>("numbers"); }) ==
        R"(m.json: field "numbers": expected a number, found a list)");
  CHECK_THROWS_AS(fields.set("bad", std::vector<double>{1, std::nan("")}), ConfigError);
  const std::vector<double> many(100000, 0.1);
  fields.set("many", many);
  CHECK(fields_from_json(to_json(fields), "m").get<std::vector<double>>("many") == many);
}

}  // namespace fields_tests
