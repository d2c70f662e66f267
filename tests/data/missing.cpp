#include <spat/data/missing.hpp>
#include <spat/data/read_series.hpp>
#include <spat/data/scaler.hpp>
#include <spat/data/season.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>
#include <sstream>

namespace missing_tests {

using namespace spat;

namespace {

using Values = std::vector<double>;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// A column whose NaN are cells without a number.
Series column(const Values& values) {
  Series series{.names = {"load"}, .values = values};
  for (const double x : values) series.filled.push_back(std::isnan(x) ? 1 : 0);
  return series;
}
Values filled(const Values& values, MissingRule rule, std::size_t season = 1) {
  Series series = column(values);
  fill_missing(series, rule, season);
  return series.values;
}
Series read(const std::string& text, const SeriesOptions& options = {}) {
  std::istringstream stream(text);
  return read_series(stream, "own.csv", options);
}

}  // namespace

TEST_CASE("a filled cell takes its value by the rule") {
  const Values holes{none, 1, none, none, 4, none, 8, none};
  CHECK(filled(holes, MissingRule::previous) == Values{1, 1, 1, 1, 4, 4, 8, 8});
  CHECK(filled(holes, MissingRule::drop_window) == Values{1, 1, 1, 1, 4, 4, 8, 8});
  CHECK(filled(holes, MissingRule::linear) == Values{1, 1, 2, 3, 4, 6, 8, 8});
  // season 3: rows 0, 3, 6; 1, 4, 7; 2, 5 (none of which has a number: the value before)
  CHECK(filled(holes, MissingRule::seasonal, 3) == Values{8, 1, 1, 8, 4, 1, 8, 4});
  CHECK(filled({1, 2, 3, none, none, none, none, none}, MissingRule::seasonal, 3) ==
        Values{1, 2, 3, 1, 2, 3, 1, 2});
  CHECK(filled({none, none, 5}, MissingRule::seasonal, 7) == Values{5, 5, 5});
  CHECK(filled({1, 2}, MissingRule::error) == Values{1, 2});
}

TEST_CASE("a column without numbers, and a hole that nobody wants filled, are refused") {
  for (const auto rule : {MissingRule::previous, MissingRule::linear, MissingRule::seasonal})
    CHECK(message_of<DataError>([&] {
            (void)filled({none, none}, rule);
          }) == R"(column "load": no cell has a number)");
  CHECK(message_of<DataError>([] {
          (void)filled({1, none}, MissingRule::error);
        }) == R"(column "load": row 1 has no number)");
  CHECK(parse_missing_rule("drop-window") == MissingRule::drop_window);
  CHECK_THROWS_AS(parse_missing_rule("zero"), ConfigError);
}

TEST_CASE("cells that are empty, of a usual word or of the code have no number") {
  const std::string text =
      "date,a,b\n2020-01-01,1,7\n2020-01-02,,7\n2020-01-03,NaN,-99\n2020-01-04,-,8\n";
  const Series series = read(text, {.missing_code = -99, .missing = MissingRule::linear});
  CHECK(series.values == Values{1, 7, 1, 7, 1, 7.5, 1, 8});
  CHECK(series.filled == std::vector<std::uint8_t>{0, 0, 1, 0, 1, 1, 1, 0});
  CHECK(series.warnings ==
        std::vector<std::string>{R"(own.csv: 4 of 8 cells (50 %) have no number, most of them, 3, )"
                                 R"(in column "a"; the line between their neighbours fills them)"});
  CHECK(message_of<DataError>([&] { (void)read(text); }) ==
        R"(own.csv:3: column "a": the cell is empty; the missing rule (--missing) says what takes )"
        "its place");
  CHECK(message_of<DataError>([&] { (void)read("a\n1\ninf\n", {.missing_code = 3}); }) ==
        R"(own.csv:3: column "a": "inf" is not finite)");
  CHECK(message_of<DataError>([&] { (void)read("a\n1\nx\n", {.missing = MissingRule::linear}); }) ==
        R"(own.csv:3: column "a": "x" is not a number)");
  for (const char* const word :
       {"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "?", "-", "None", "\"\""})
    CHECK(read(message("a,b\n1,2\n", word, ",3\n5,6\n"), {.missing = MissingRule::linear}).values ==
          Values{1, 2, 3, 3, 5, 6});
}

TEST_CASE("seasonal filling goes by the calendar") {
  std::string text = "date,a\n";
  for (int i = 1; i <= 21; ++i)
    text += message("2023-01-", i < 10 ? "0" : "", i, ",", i == 10 ? "?" : message(i % 7), "\n");
  const Series series = read(text, {.missing = MissingRule::seasonal});
  CHECK(series.values[9] == 3);
  CHECK(series.is_filled(9, 0));
  CHECK_FALSE(series.is_filled(8, 0));
}

TEST_CASE("filled cells do not move a scaler") {
  Series series = column({none, 1, 3, none, 5});
  fill_missing(series, MissingRule::previous);
  const auto scaler = StandardScaler::fit(series, {0, 5}),
             expected = StandardScaler::fit(column({1, 3, 5}), {0, 3});
  CHECK(scaler.mean()[0] == expected.mean()[0]);
  CHECK(scaler.deviation()[0] == expected.deviation()[0]);
  CHECK(scaler.mean()[0] != StandardScaler::fit(series.view(), {0, 5}).mean()[0]);
  CHECK(message_of<DataError>([&] {
          (void)StandardScaler::fit(series, {3, 4});
        }) == "scaler: column 0 has no number");
}

TEST_CASE("columns are chosen with their filled cells") {
  Series series{.names = {"a", "b"}, .values = {1, 2, 3, 4}, .filled = {0, 1, 1, 0}};
  CHECK(select_columns(series, {"b"}).filled == std::vector<std::uint8_t>{1, 0});
  series.filled.pop_back();
  CHECK_THROWS_AS(series.check(), DataError);
}

TEST_CASE("a season is a day, a week or a year of rows") {
  const auto season = [](Calendar::Unit unit, std::int64_t step) {
    return season_of({.unit = unit, .step = step});
  };
  using Unit = Calendar::Unit;
  CHECK(season(Unit::seconds, 900) == 96);
  CHECK(season(Unit::seconds, 3600) == 24);
  CHECK(season(Unit::seconds, 86400) == 7);
  CHECK(season(Unit::seconds, 7 * 86400) == 52);
  CHECK(season(Unit::seconds, 2 * 86400) == 182);
  CHECK(season(Unit::months, 1) == 12);
  CHECK(season(Unit::months, 3) == 4);
  CHECK(season(Unit::months, 12) == 1);
  CHECK(season(Unit::index, 1) == 1);
  CHECK(season(Unit::none, 1) == 1);
  CHECK(season(Unit::seconds, 7000) == 1);
  CHECK(season_of({.unit = Unit::seconds, .step = 86400, .weekdays = business_days}) == 5);
  CHECK(season_of({.unit = Unit::seconds,
                   .step = 1800,
                   .weekdays = business_days,
                   .opens = 9 * 3600,
                   .closes = 15 * 3600 + 1800}) == 14);
}

}  // namespace missing_tests
