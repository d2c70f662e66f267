#include <spat/export/cpp/cpp_header.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/small_models.hpp>

#include <array>
#include <bit>
#include <limits>
#include <string>
#include <vector>

namespace cpp_header_tests {

using namespace spat;

namespace {

std::string name_error(const std::string& name) {
  return message_of<ConfigError>([&] { expect_cpp_name(name); });
}

/// The data of a small model: two columns by the hour.
DataDescription description() {
  DataDescription data;
  data.names = {"load", "temperature"};
  data.scaler = StandardScaler({1.5, -2}, {3, 0.1});
  data.window = {.lookback = 4, .horizon = 2};
  data.calendar = parse_calendar("h");
  data.rows = 500;
  data.first_time = 1'700'000'000;
  data.last_time = 1'701'796'400;
  return data;
}
template <class Model>
Model trained() {
  auto model = small::made<Model>();
  initialize(parameters(model), 3);
  return model;
}
template <class Model>
std::string header(const DataDescription& data, const CppHeaderOptions& options = {.name = "m"}) {
  return cpp_header(trained<Model>(), data, options);
}

}  // namespace

TEST_CASE("A name that can name a namespace is accepted, any other refused with the reason") {
  for (const char* name : {"plant", "Plant_2", "x", "forecast", "lookback", "detail", "classes"})
    CHECK_NOTHROW(expect_cpp_name(name));
  const std::string letters = "is not a letter followed by letters, digits and underscores";
  for (const char* name : {"", "2plant", "my-plant", "a b", "a::b", "gr\xC3\xBC", "a\n", "a;"})
    CHECK(contains(name_error(name), letters));
  CHECK(
      name_error("class") ==
      R"(the name of a C++ namespace: "class" is a keyword of C or C++; --name gives another one)");
  for (const char* name : {"co_await", "xor", "requires", "alignas", "and", "int"})
    CHECK(contains(name_error(name), "is a keyword of C or C++"));
  for (const char* name : {"std", "spat", "main", "time", "index", "yn"})
    CHECK(contains(name_error(name), "is a name that another header has"));
  for (const char* name : {"_plant", "__x", "a__b"}) CHECK(contains(name_error(name), "reserved"));
  CHECK(contains(name_error(std::string(101, 'a')), "is longer than 100 letters"));
  CHECK_NOTHROW(expect_cpp_name(std::string(100, 'a')));
}

TEST_CASE("A text becomes a literal of its bytes, without a sign that a compiler takes for more") {
  CHECK(cpp_literal("") == R"("")");
  CHECK(cpp_literal("plain Text 1~") == R"("plain Text 1~")");
  CHECK(cpp_literal(R"(a "b" \n)") == R"("a \"b\" \\n")");
  CHECK(cpp_literal("a?\?/b?\?\?") == R"("a?\?/b?\?\?")");
  CHECK(cpp_literal("\n\t\x7F"
                    "1") == R"("\012\011\1771")");
  CHECK(cpp_literal(std::string_view("\0"
                                     "7",
                                     2)) == R"("\0007")");
  CHECK(cpp_literal("\xC2\xB0") == R"("\302\260")");
  CHECK(cpp_literal("\xFF") == R"("\377")");
}

TEST_CASE("A name is repeated as it is only where it shows as it is") {
  const auto lines = [](const char* name) {
    DataDescription data = description();
    data.names[0] = name;
    return header<RLinear<float>>(data);
  };
  CHECK(contains(lines("T \xC2\xB0"
                       "C"),
                 "    \"T \\302\\260C\",  // \"T \xC2\xB0"
                 "C\"\n"));
  for (const char* hidden :
       {"a\xE2\x80\xAE"
        "b",
        "a\xE2\x81\xA6",
        "\xEF\xBB\xBF"
        "a",
        "\xE2\x80\xA8", "a\nb", "a\\", "a\x7F", "\xC2\x85", "\xD8\x9C", "\xFF", "\xE2\x80\x8B"})
    CHECK(contains(lines(hidden), message("    ", cpp_literal(hidden), ",\n")));
  CHECK(contains(lines("\xE2\x80\x9C"
                       "a"),
                 "  // \"\xE2\x80\x9C"
                 "a\""));  // a quotation mark
}

TEST_CASE("A number's literal has its value and is one of double") {
  for (const double value : {0.0, -0.0, 1.0, -17.0, 0.1, 1e22, 1e-300, 123456789012345680.0,
                             std::numeric_limits<double>::denorm_min()}) {
    const std::string text = cpp_number(value);
    CHECK(std::bit_cast<std::uint64_t>(*parse_number<double>(text)) ==
          std::bit_cast<std::uint64_t>(value));
    CHECK(text.find_first_of(".e") != text.npos);
  }
  CHECK(cpp_number(3) == "3.0");
  CHECK(cpp_word(0) == "0x0");
  CHECK(cpp_word(~std::uint64_t{0}) == "0xffffffffffffffff");
}

TEST_CASE("A header has the model's type, sizes, names, scaler and weights") {
  const std::string text = header<DLinear<float>>(description(), {.name = "plant"});
  for (const char* part :
       {"#include <spat/models/dlinear.hpp>\n", "namespace plant {\n", "}  // namespace plant\n",
        "lookback = 4, horizon = 2, channels = 2, targets = 2;",
        ".channels = 2, .lookback = 4, .horizon = 2, .kernel = 3", "\"load\",\n    \"temperature\"",
        "spat::DLinear<float, spat::Static<configuration>>", "1.5, -2.0", "3.0, 0.1",
        "// data          500 rows from 2023-11-14 22:13:20 to 2023-12-05 17:13:20",
        "// frequency     h", "oldest row first, in the units of the columns"})
    CHECK(contains(text, part));
  CHECK(text == header<DLinear<float>>(description(), {.name = "plant"}));
  auto model = trained<DLinear<float>>();
  for (const std::uint64_t word : weight_words(parameters(model)))
    CHECK(contains(text, message(cpp_word(word), ",")));
  std::size_t widest = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    widest = std::max(widest, end - from);
    from = end + 1;
  }
  CHECK(widest <= 100);

  const std::string scaled = header<DLinear<float>>(description(), {.name = "p", .scaled = true});
  CHECK(!contains(scaled, "mean[]"));
  CHECK(contains(scaled, "oldest row first, in scaled units"));
}

TEST_CASE("The marks that a forecast reads are its arguments") {
  DataDescription data = description();
  data.window.marks = Frequency::monthly;
  const auto arguments = [&](const std::string& text) {
    const std::size_t at = text.find("void forecast(std::span<const float> history") + 44;
    return text.substr(at, text.find(",\n", at) - at);
  };
  CHECK(arguments(header<ITransformer<float>>(data)) == ", Marks history_marks");
  CHECK(arguments(header<Transformer<float>>(data)) == ", Marks history_marks, Marks future_marks");
  CHECK(arguments(header<PatchTST<float>>(data)).empty());
  CHECK(contains(header<ITransformer<float>>(data), "(month - 1)/11, each - 0.5:"));
  CHECK(!contains(header<PatchTST<float>>(data), "each - 0.5"));

  // Dead marks are none: tokens never meet, and the decoder's known steps reach nothing.
  ITransformer<float> apart(trained<ITransformer<float>>().form.with_kept({}));
  CHECK(arguments(cpp_header(apart, data, {.name = "m"})).empty());
  Transformer<float> blind(trained<Transformer<float>>().form.with_kept({}));
  CHECK(arguments(cpp_header(blind, data, {.name = "m"})) == ", Marks future_marks");
}

TEST_CASE(
    "Of a series of which the target alone is read, its column and scaler are in the header") {
  DataDescription data = description();
  data.names.insert(data.names.begin(), "unread");
  data.scaler = StandardScaler({9, 1.5, -2}, {9, 3, 0.1});
  CHECK(contains(message_of<ShapeError>([&] { (void)header<RLinear<float>>(data); }),
                 "the model has 2 channels, its data 3 and a scaler of 3"));
  data.window.features = Features::target;
  RLinear<float> one({{.channels = 1, .lookback = 4, .horizon = 2}});
  const CppModel found = cpp_model(one, data, {.name = "m"});
  CHECK(found.columns == std::vector<std::string>{"temperature"});
  CHECK(found.mean == std::vector<double>{-2});
  CHECK(found.deviation == std::vector<double>{0.1});
}

TEST_CASE("A model that has a scaler for each series, or no end of numbers, is refused") {
  DataDescription data = description();
  data.alone = true;
  data.long_columns = {.id = "meter", .time = "at", .value = "kWh"};
  CHECK(contains(message_of<ConfigError>([&] { (void)header<RLinear<float>>(data); }),
                 "--scaled leaves the scaler out"));
  CHECK(cpp_model(trained<RLinear<float>>(), data, {.name = "m", .scaled = true}).columns ==
        std::vector<std::string>{"kWh"});
  CHECK(contains(message_of<ConfigError>(
                     [&] { (void)header<RLinear<float>>(description(), {.name = "int"}); }),
                 "is a keyword"));
  const DLinear<float> huge({{.channels = 2, .lookback = 4096, .horizon = 2048, .kernel = 3}});
  CHECK(message_of<ConfigError>([&] { (void)cpp_header(huge, description(), {.name = "m"}); }) ==
        "a C++ header holds at most 16000000 numbers, which compilers can read; the model has "
        "16781312");
}

TEST_CASE("Every model of the library has a header") {
  DataDescription data = description();
  for (std::size_t number = 0; number < small::models; ++number)
    small::with_type(number, [&]<class Model>(std::type_identity<Model>) {
      const std::string text = header<Model>(data);
      CHECK(contains(text, message("#include <spat/models/", Model::name, ".hpp>\n")));
      for_each_field(small::made<Model>().config(), [&](const char* field, const auto&) {
        CHECK(contains(text, message(".", field, " = ")));
      });
    });
}

}  // namespace cpp_header_tests
