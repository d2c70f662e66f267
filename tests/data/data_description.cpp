// The description of a model's data: made of a series, written and read.
#include <spat/data/data_description.hpp>
#include <spat/data/synthetic.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace data_description_tests {

using namespace spat;

namespace {

DataDescription example() {
  const Series series = synthetic_series(200);
  auto data = describe_series(series, StandardScaler::fit(series.view(), {0, 140}),
                              {.lookback = 24,
                               .horizon = 6,
                               .stride = 2,
                               .features = Features::target_from_all,
                               .marks = Frequency::hourly},
                              Protocol::ett_minute);
  data.missing_code = -999.5;
  data.csv.separator = ';', data.csv.decimal = ',', data.csv.thousands = '.';
  data.csv.header = CsvOptions::Header::absent;
  data.time_column = "a+b", data.date_format = TimeForm::dmy;
  data.missing = MissingRule::linear, data.window.known_covariates = true;
  data.long_columns = LongColumns{"id, too", "time", "value"}, data.alone = true;
  return data;
}
bool same(const DataDescription& a, const DataDescription& b) {
  return a.names == b.names && std::ranges::equal(a.scaler.mean(), b.scaler.mean()) &&
         std::ranges::equal(a.scaler.deviation(), b.scaler.deviation()) &&
         a.window.lookback == b.window.lookback && a.window.horizon == b.window.horizon &&
         a.window.stride == b.window.stride && a.window.features == b.window.features &&
         a.window.marks == b.window.marks && a.protocol == b.protocol &&
         a.missing_code == b.missing_code && a.csv.separator == b.csv.separator &&
         a.csv.decimal == b.csv.decimal && a.csv.thousands == b.csv.thousands &&
         a.csv.header == b.csv.header && a.time_column == b.time_column && a.missing == b.missing &&
         a.long_columns == b.long_columns && a.alone == b.alone &&
         a.window.known_covariates == b.window.known_covariates &&
         a.window.skip_filled == b.window.skip_filled && a.date_format == b.date_format &&
         a.calendar == b.calendar && a.rows == b.rows && a.first_time == b.first_time &&
         a.last_time == b.last_time && a.digest == b.digest;
}
std::string with(std::string json, std::string_view from, std::string_view to) {
  const std::size_t at = json.find(from);
  REQUIRE(at != json.npos);
  return json.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a description is of the series: columns, calendar, rows and times") {
  const DataDescription data = example();
  CHECK(data.names.size() == 7);
  CHECK(to_text(data.calendar) == "h");
  CHECK(data.rows == 200);
  CHECK(data.last_time - data.first_time == 199 * 3600);
  const Series series = synthetic_series(200);
  CHECK(to_text(describe_series(series, data.scaler, {}, {}, parse_calendar("B")).calendar) == "B");
  CHECK_THROWS_AS(describe_series(Series(), {}, {}), DataError);
  Series holes = series;
  holes.filled.resize(holes.values.size(), 0);
  holes.filled[9] = 1;
  fill_missing(holes, MissingRule::seasonal, 24);
  CHECK(describe_series(holes, data.scaler, {}).missing == MissingRule::seasonal);
  CHECK(describe_series(holes, data.scaler, {.skip_filled = true}).missing ==
        MissingRule::drop_window);
}

TEST_CASE("a description that is written is read as it was") {
  const DataDescription data = example();
  CHECK(same(data_description_from_json(to_json(data), "m"), data));
  DataDescription plain = data;
  plain.window.marks = {}, plain.missing_code = {}, plain.calendar = {};
  plain.csv = {}, plain.time_column = {}, plain.date_format = {};
  plain.missing = {}, plain.window.known_covariates = {};
  plain.long_columns = {}, plain.alone = {};
  CHECK(same(data_description_from_json(to_json(plain), "m"), plain));
  DataDescription wide = data;
  const std::vector<double> numbers(100000, 0.1);
  wide.names.assign(numbers.size(), "a column");
  wide.scaler = StandardScaler(numbers, numbers);
  CHECK(same(data_description_from_json(to_json(wide), "m"), wide));
}

TEST_CASE("a description with wrong fields is refused") {
  const std::string json = to_json(example());
  CHECK(message_of<FileError>([] { (void)data_description_from_json("{}", "m"); }) ==
        R"(m: field "columns" is missing)");
  CHECK_THROWS_AS(data_description_from_json(with(json, R"("mean":[)", R"("mean":[0,)"), "m"),
                  ShapeError);
  CHECK_THROWS_AS(data_description_from_json(with(json, "ett-minute\"", "x\""), "m"), ConfigError);
  CHECK_THROWS_AS(
      data_description_from_json(with(json, R"("frequency":"h")", R"("frequency":"x")"), "m"),
      ConfigError);
  CHECK_THROWS_AS(
      data_description_from_json(with(json, R"("separator":";")", R"("separator":";;")"), "m"),
      FileError);
  CHECK_THROWS_AS(
      data_description_from_json(with(json, R"("date_format":"dmy")", R"("date_format":"x")"), "m"),
      ConfigError);
  CHECK(message_of<FileError>([&] {
          (void)data_description_from_json(with(json, R"(,"value"])", "]"), "m");
        }) == "m: expected 3 columns of a long table, found 2");
  CHECK_THROWS_AS(data_description_from_json(with(json, R"("linear")", R"("x")"), "m"),
                  ConfigError);
  // files from before the rule was in the description
  CHECK(data_description_from_json(with(json, R"("missing":"linear",)", ""), "m").missing ==
        MissingRule::previous);
  CHECK_THROWS_AS(data_description_from_json(R"({"columns":[],"mean":[],"deviation":[]})", "m"),
                  ShapeError);
}

TEST_CASE("another file is read as that of the description") {
  DataDescription data = example();
  const SeriesOptions how = reading_options(data);
  CHECK((how.columns == data.names && how.missing_code == -999.5 && how.calendar));
  CHECK((how.csv.separator == ';' && how.time_column == "a+b" && how.date_format));
  Series series = synthetic_series(10);
  series.time_format.form = TimeForm::mdy;
  CHECK(describe_series(series, data.scaler, {}).date_format == TimeForm::mdy);
  CHECK_FALSE(describe_series(synthetic_series(10), data.scaler, {}).date_format);
}

TEST_CASE("the digest tells series apart") {
  const Series series = synthetic_series(50);
  CHECK(digest_of(series) == digest_of(synthetic_series(50)));
  Series other = series;
  other.values[20] = std::nextafter(other.values[20], 0);
  CHECK(digest_of(other) != digest_of(series));
  other = series, other.times[3] += 1;
  CHECK(digest_of(other) != digest_of(series));
  other = series, other.names[0] += "x";
  CHECK(digest_of(other) != digest_of(series));
  other = series, std::swap(other.values[7], other.values[14]);
  CHECK(digest_of(other) != digest_of(series));
}

}  // namespace data_description_tests
