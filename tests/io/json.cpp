// The JSON of files against nlohmann/json: the same texts accepted, refused at the same byte, and
// the same bytes written.
#include <spat/core/random.hpp>
#include <spat/io/json.hpp>
#include <spat/io/json_text.hpp>
#include <tests/support/catch.hpp>

#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>

namespace json_tests {

using namespace spat;

namespace {

/// What a reader tells, one word per event; and where it stopped.
struct Told {
  std::string events;
  std::size_t stopped = 0;

  bool tell(std::string_view word) {
    events.append(word).push_back(' ');
    return true;
  }
  bool null() { return tell("null"); }
  bool boolean(bool value) { return tell(value ? "true" : "false"); }
  bool number_unsigned(std::uint64_t value) { return tell(message(value, "u")); }
  bool number_integer(std::int64_t value) { return tell(message(value, "i")); }
  bool number_float(double value) { return tell(message(std::bit_cast<std::uint64_t>(value))); }
  bool string(std::string& text) { return tell("s" + text); }
  bool start_object() { return tell("{"); }
  bool key(std::string& text) { return tell("k" + text); }
  bool end_object() { return tell("}"); }
  bool start_array() { return tell("["); }
  bool end_array() { return tell("]"); }
  void parse_error(std::size_t position) { stopped = position; }
};
struct ToldByNlohmann : Told {
  bool number_float(double value, const std::string&) { return Told::number_float(value); }
  bool start_object(std::size_t) { return Told::start_object(); }
  bool start_array(std::size_t) { return Told::start_array(); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    stopped = position;
    return false;
  }
};

void compare(const std::string& text) {
  CAPTURE(text);
  Told found;
  const bool accepted = detail::JsonReader(text, found).read();
  ToldByNlohmann expected;
  REQUIRE(accepted == nlohmann::json::sax_parse(text.begin(), text.end(), &expected));
  REQUIRE(found.stopped == expected.stopped);
  if (accepted) REQUIRE(found.events == expected.events);
}

}  // namespace

TEST_CASE("JSON is accepted, read and refused at the same byte as by nlohmann/json") {
  for (const char* text : {"",
                           " ",
                           "{}",
                           "[]",
                           "{\"a\":[1,-2,3.5e3,-0,1E-2],\"b\":{\"c\":null,\"d\":true}}",
                           "[1,]",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "[1 2]",
                           "[1 \"xy\"]",
                           "[1 true]",
                           "01",
                           "-",
                           "1.",
                           "1e",
                           "1e+",
                           "+1",
                           ".5",
                           "tru",
                           "truth",
                           "nul",
                           "\"",
                           "\"\\",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u00e9\\u20AC\\ud83d\\ude00\"",
                           "\"\\ud83d\"",
                           "\"\\ud83dx\"",
                           "\"\\ud83d\\n\"",
                           "\"\\ud83d\\u0041\"",
                           "\"\\ude00\"",
                           "\"\t\"",
                           "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
                           "\"\xC3\"",
                           "\"\xC0\x80\"",
                           "\"\xE0\x80\x80\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xF4\x90\x80\x80\"",
                           "\"\xF0\x9F\x98\"",
                           "\"\xFF\"",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "1e999",
                           "[1e999]",
                           "4.9e-324",
                           "{} x",
                           "{}}",
                           "[}",
                           "{]",
                           "[1}"})
    compare(text);
}

TEST_CASE("JSON damaged at random places is refused as by nlohmann/json") {
  const std::string good =
      R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"__metadata__":{"a\u00e9":"x\n\"é","b":"1.5e-3"},"c":[true,null,-1.25,{"d":[]}]})";
  compare(good);
  constexpr std::string_view bytes = "{}[]:,\"\\ue0123456789-+.tfn aE\x01\x80\xC3\xE2\xF0\xFF";
  Random random(11, 1);
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random.uniform(0, static_cast<double>(n))) % n;
  };
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (std::size_t edits = 1 + below(3); edits-- > 0 && !text.empty();) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = bytes[below(bytes.size())];
          break;
        case 1:
          text.insert(at, 1, bytes[below(bytes.size())]);
          break;
        case 2:
          text.erase(at, 1);
          break;
        default:
          text.resize(at + 1);
      }
    }
    compare(text);
  }
}

TEST_CASE("JSON nested too deeply is refused") {
  Told told;
  const std::string text = std::string(17, '[') + std::string(17, ']');
  CHECK_FALSE(detail::JsonReader(text, told).read());
  CHECK(told.stopped == 17);
  const std::string deepest = std::string(16, '[') + std::string(16, ']');
  CHECK(detail::JsonReader(deepest, told).read());
}

TEST_CASE(
    "Numbers are written with the shortest digits, in the layout of nlohmann/json; texts in its "
    "bytes") {
  std::size_t equal = 0, all_numbers = 0;
  const auto check = [&](double value) {
    if (!std::isfinite(value)) return;
    const std::string text = detail::json_text(value);
    REQUIRE(parse_number<double>(text) == value);
    const std::string other = nlohmann::json(value).dump();  // Grisu2: now and then a digit more
    REQUIRE(text.size() <= other.size());
    if (text.size() == other.size()) REQUIRE(text.find('.') == other.find('.'));
    equal += text == other;
    ++all_numbers;
  };
  for (const double value :
       {0.0, -0.0, 0.1, 1.0, -1.5, 1e-5, 1e-4, 1e15, 1e16, 123456789012345678.0, 5e-324,
        2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 1e23})
    check(value);
  Random random(5, 2);
  for (int i = 0; i < 100000; ++i) {
    const double share = random.uniform(0, 1);
    check(share);
    check(std::ldexp(random.normal(), static_cast<int>(2100 * share) - 1060));
    check(std::round(share * 1e6) / 1e5);
    check(static_cast<float>(share));
  }
  for (int power = -1074; power < 1024; ++power) check(std::ldexp(1.0, power));
  CHECK(static_cast<double>(equal) > 0.99 * static_cast<double>(all_numbers));
  std::string all;
  for (int c = 1; c < 128; ++c) all.push_back(static_cast<char>(c));
  CHECK(detail::json_text(all) == nlohmann::json(all).dump());
  CHECK(detail::json_text("é€😀") == "\"é€😀\"");
  CHECK(detail::json_text(true) == "true");
  CHECK(detail::json_text(std::int64_t{-7}) == "-7");
  CHECK_THROWS_AS(detail::json_text("\xFF"), ConfigError);
}

TEST_CASE("A document is written in the layout of nlohmann/json") {
  detail::JsonWriter writer;
  writer.object([&] {
    writer.member("text", "a\xFF\"\n");
    writer.member("nothing", std::nan(""));
    writer.member("empty", std::vector<double>{});
    writer.member("lists", std::vector<std::vector<double>>{{1, 2.5}, {}});
    writer.member("names", std::vector<std::string>{"x", "y"});
    writer.member("inner", [&] {
      writer.object([&] {
        writer.member("yes", true);
        writer.member("count", std::size_t{3});
      });
    });
    writer.member("bare", [&] { writer.object([] {}); });
  });
  const nlohmann::ordered_json expected{{"text", "a\xEF\xBF\xBD\"\n"},
                                        {"nothing", nullptr},
                                        {"empty", nlohmann::ordered_json::array()},
                                        {"lists", {{1.0, 2.5}, nlohmann::ordered_json::array()}},
                                        {"names", {"x", "y"}},
                                        {"inner", {{"yes", true}, {"count", 3}}},
                                        {"bare", nlohmann::ordered_json::object()}};
  CHECK(writer.text() == expected.dump(2) + "\n");
}

}  // namespace json_tests
