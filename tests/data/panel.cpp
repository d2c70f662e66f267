// Series of their own lengths and starts, the table that they become, and how they are written.
#include <spat/data/panel.hpp>
#include <spat/data/panel_csv.hpp>
#include <spat/data/read_panel.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace panel_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;
using Bytes = std::vector<std::uint8_t>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
const std::int64_t january = DateTime{2020, 1, 1}.seconds();

/// One row per day; `days` count from 2020-01-01.
Series daily(const std::string& id, const std::vector<std::int64_t>& days, const Values& values) {
  Series series{.names = {id},
                .values = values,
                .time_index = TimeIndex::date,
                .times = {},
                .warnings = {},
                .time_name = "ds",
                .time_format = {}};
  for (const std::int64_t day : days)
    series.times.push_back(january + day * Calendar::seconds_of_day);
  return series;
}
Series numbered(const std::string& id, const std::vector<std::int64_t>& times) {
  Series series{.names = {id}, .values = {}, .times = times, .warnings = {}};
  series.time_index = TimeIndex::integer;
  series.values.assign(times.size(), 1);
  return series;
}
Panel panel_of(std::vector<Series> series) { return {std::move(series), {"id", "ds", "y"}}; }
std::string refusal(const Panel& panel) {
  return message_of<DataError>([&] { (void)to_wide(panel); });
}
/// Equal, where NaN equals NaN.
bool alike(const Values& a, const Values& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace

TEST_CASE("the columns of a long table are named in one text") {
  CHECK(parse_long_columns("id,time,value") == LongColumns{"id", "time", "value"});
  CHECK(parse_long_columns("unique_id, ds ,y") == LongColumns{"unique_id", "ds", "y"});
  const auto refused = [](std::string_view text) {
    return message_of<ConfigError>([&] { (void)parse_long_columns(text); });
  };
  const std::string rest =
      "; expected the names of the columns of ids, times and values, "
      "separated by commas, as in \"id,time,value\"";
  CHECK(refused("") == message("\"\" holds 1 name", rest));
  CHECK(refused("id,time") == message("\"id,time\" holds 2 names", rest));
  CHECK(refused("a,b,c,d") == message("\"a,b,c,d\" holds 4 names", rest));
  CHECK(refused("a, ,c") == message("\"a, ,c\" holds an empty name", rest));
  CHECK(refused("a,b,") == message("\"a,b,\" holds an empty name", rest));
  CHECK(refused("a,b,a") == message("\"a,b,a\" names \"a\" twice", rest));
  CHECK(refused("a,a,b") == message("\"a,a,b\" names \"a\" twice", rest));
  CHECK(refused("a,b,b") == message("\"a,b,b\" names \"b\" twice", rest));
}

TEST_CASE("series of unequal lengths and starts become one table of all their times") {
  Panel panel =
      panel_of({daily("late", {2, 3, 5}, {1, 2, 3}), daily("early", {0, 2, 3}, {4, 5, 6})});
  panel.warnings = {"w"}, panel.notes = {"n"};
  const Series wide = to_wide(panel);
  CHECK_NOTHROW(wide.check());
  CHECK(wide.names == Names{"late", "early"});
  CHECK(wide.times == daily("", {0, 2, 3, 5}, {}).times);
  CHECK(wide.time_index == TimeIndex::date);
  CHECK(wide.time_name == "ds");
  CHECK(wide.time_format == TimeFormat{});
  CHECK((wide.warnings == Names{"w"} && wide.notes == Names{"n"}));
  CHECK(alike(wide.values, {nan, 4, 1, 5, 2, 6, 3, nan}));
  CHECK(wide.filled == Bytes{1, 0, 0, 0, 0, 0, 0, 1});
  CHECK(describe_holes(panel, wide) ==
        "series \"late\" has no row at 2020-01-01; 2 such holes in 2 series");
}

TEST_CASE("a table without holes has no filled cells, and one with a missing value no hole") {
  Panel panel = panel_of({daily("a", {0, 1}, {1, 2}), daily("b", {0, 1}, {3, 4})});
  CHECK(to_wide(panel).filled.empty());
  CHECK(to_wide(panel).values == Values{1, 3, 2, 4});
  CHECK(describe_holes(panel, to_wide(panel)).empty());
  panel.series[1].filled = {0, 1};
  panel.series[1].values[1] = nan;
  CHECK(alike(to_wide(panel).values, {1, 3, 2, nan}));
  CHECK(to_wide(panel).filled == Bytes{0, 0, 0, 1});
  CHECK(describe_holes(panel, to_wide(panel)).empty());
}

TEST_CASE("holes are named in the order of time and in the form of the file") {
  Panel panel =
      panel_of({daily("a", {0, 1, 2, 4}, {1, 1, 1, 1}), daily("b", {0, 2, 3, 4}, {2, 2, 2, 2})});
  for (Series& one : panel.series) one.time_format = {.form = TimeForm::dmy, .separator = "."};
  CHECK(describe_holes(panel, to_wide(panel)) ==
        "series \"b\" has no row at 02.01.2020; 2 such holes in 2 series");
  panel.series.push_back(panel.series[0]);
  panel.series.back().names = {"c"};
  panel.series.erase(panel.series.begin());
  CHECK(describe_holes(panel, to_wide(panel)) ==
        "series \"b\" has no row at 02.01.2020; 2 such holes in 2 series");
  const Panel same =
      panel_of({numbered("a", {1, 2, 3}), numbered("b", {1, 3}), numbered("c", {1, 3})});
  CHECK(describe_holes(same, to_wide(same)) ==
        "series \"b\" has no row at 2; 2 such holes in 2 series");
  const Panel end = panel_of({numbered("a", {1, 2, 3}), numbered("b", {1, 2})});
  CHECK(describe_holes(end, to_wide(end)) == "series \"b\" has no row at 3");
  CHECK(message_of<DataError>([&] { (void)describe_holes(end, end.series[0]); }) ==
        "expected the table of a panel of 2 series, found 1 channels");
  CHECK(message_of<DataError>([&] { (void)describe_holes(panel, to_wide(end)); }) ==
        "expected the table of this panel, found one without a time of series \"b\"");
}

TEST_CASE("what is no table across series is refused with the ids") {
  CHECK(refusal(panel_of({})) == "a panel has at least one series, found none");
  CHECK(refusal(panel_of({daily("x", {9}, {1}), daily("a", {0, 1, 2}, {1, 1, 1}),
                          daily("b", {1, 2, 3, 9}, {1, 1, 1, 1})})) ==
        "series \"x\" starts at 2020-01-10, after series \"a\" has ended at 2020-01-03: a table "
        "across series needs a time that all of them cover; leave out one of them, or forecast "
        "each series alone");
  CHECK_NOTHROW(to_wide(panel_of({daily("a", {0, 2}, {1, 1}), daily("b", {2, 3}, {1, 1})})));
  CHECK(refusal(panel_of({daily("a", {0}, {1}), numbered("b", {0})})) ==
        "series \"b\": its times are whole numbers, those of series \"a\" are dates");
  CHECK(refusal(panel_of({numbered("a", {0}), daily("b", {0}, {1})})) ==
        "series \"b\": its times are dates, those of series \"a\" are whole numbers");
  Series timeless{.names = {"a"}, .values = {1}, .times = {}, .warnings = {}};
  CHECK(refusal(panel_of({timeless})) == "series \"a\": it has no times");
  CHECK(refusal(panel_of({daily("a", {}, {})})) == "series \"a\": it has no rows");
  CHECK(refusal(panel_of({daily("a", {0}, {1}), daily("b", {0}, {1}), daily("a", {0}, {1})})) ==
        "two series are both called \"a\"");
  CHECK(refusal(panel_of({daily("a", {0, 2, 1}, {1, 1, 1})})) ==
        "series \"a\": time 2020-01-02 does not lie after 2020-01-03 of the row before");
  CHECK(contains(refusal(panel_of({numbered("a", {3, 3})})), "time 3 does not lie after 3"));
  Series broad = daily("a", {0}, {1, 2});
  broad.names.push_back("a_80_low");
  CHECK(refusal(panel_of({broad})) == "series \"a\": expected one channel, found 2");
  CHECK(contains(refusal(panel_of({daily("a", {0, 1}, {1})})), "expected 1 times, found 2"));
}

TEST_CASE("the calendar of a panel is the one that most series follow") {
  const Series days = daily("a", {0, 1, 2, 3, 4}, {1, 1, 1, 1, 1});
  const Series weeks = daily("b", {0, 7, 14}, {1, 1, 1});
  const Series single = daily("c", {0}, {1});
  const auto name = [](std::vector<Series> series) {
    return to_text(calendar_of(panel_of(std::move(series))));
  };
  CHECK(name({weeks, days, weeks}) == "W");
  CHECK(name({weeks, days, days}) == "D");
  CHECK(name({weeks, days}) == "D");  // of equals, the one of more rows
  CHECK(name({days, weeks}) == "D");
  const Series more_weeks = daily("d", {0, 7, 14, 21, 28}, {1, 1, 1, 1, 1});
  CHECK(name({days, more_weeks}) == "D");  // then the first one
  CHECK(name({more_weeks, days}) == "W");
  CHECK(name({days, more_weeks, more_weeks, days}) == "D");
  const Series long_days = daily("e", {0, 1, 2, 3, 4, 5, 6, 7}, Values(8, 1));
  CHECK(name({weeks, weeks, long_days}) == "W");
  CHECK(name({single, single, weeks}) == "W");
  CHECK(calendar_of(panel_of({single})) == Calendar{});
  CHECK(calendar_of(panel_of({})) == Calendar{});
}

TEST_CASE("series are written as a long table, with the columns and times of their file") {
  Panel panel = panel_of({daily("b, \"x\"", {0, 1}, {0.1, -2}), daily("007", {4}, {1e300})});
  CHECK(to_long_csv(panel) ==
        "id,ds,y\n\"b, \"\"x\"\"\",2020-01-01,0.1\n\"b, \"\"x\"\"\",2020-01-02,-2\n"
        "007,2020-01-05,1e+300\n");
  panel.columns = {"store, item", "day", "sold"};
  for (Series& one : panel.series)
    one.time_format = {.form = TimeForm::mdy, .separator = "/", .padded = false};
  CHECK(
      to_long_csv(panel).starts_with("\"store, item\",day,sold\n\"b, \"\"x\"\"\",1/1/2020,0.1\n"));
  CHECK(to_long_csv(panel_of({numbered("a", {5, 7})})) == "id,ds,y\na,5,1\na,7,1\n");
  CHECK(to_long_csv(panel_of({})) == "id,ds,y\n");
  const Series timeless{.names = {"a"}, .values = {4, nan}, .times = {}, .warnings = {}};
  CHECK(to_long_csv(panel_of({timeless})) == "id,ds,y\na,1,4\na,2,\n");
}

TEST_CASE("channels after the first one are further columns of the same rows") {
  Series a = daily("a", {0, 1}, {1, 0.5, 2, 2, 1.5, 3});
  a.names = {"a", "80_low", "80, high"};
  Series b = a;
  b.names = {"b", "80_low", "80, high"};
  CHECK(to_long_csv(std::vector{a, b}, {"id", "ds", "y"}) ==
        "id,ds,y,80_low,\"80, high\"\na,2020-01-01,1,0.5,2\na,2020-01-02,2,1.5,3\n"
        "b,2020-01-01,1,0.5,2\nb,2020-01-02,2,1.5,3\n");
  b.names = {"b", "80_low", "95_high"};
  CHECK(message_of<DataError>([&] {
          (void)to_long_csv(std::vector{a, b}, {"id", "ds", "y"});
        }) == "series \"b\" and \"a\": expected the same channels after the first one");
  a.values.pop_back();
  CHECK_THROWS_AS(to_long_csv(std::vector{a}, {"id", "ds", "y"}), DataError);
}

TEST_CASE("long to panel to long gives the same text") {
  const std::string text =
      "store,when,sold\n7,01/02/2023,0.1\n7,13/02/2023,\n"
      "\"a, \"\"b\"\"\",02/02/2023,3\n\"a, \"\"b\"\"\",03/02/2023,4e-300\n";
  std::istringstream stream(text);
  const Panel panel = read_panel(stream, "sold.csv", {.columns = {"store", "when", "sold"}});
  CHECK(to_long_csv(panel) == text);
  const Series wide = to_wide(panel);
  CHECK(wide.names == Names{"7", "a, \"b\""});
  CHECK(alike(wide.values, {0.1, nan, nan, 3, nan, 4e-300, nan, nan}));
  CHECK(describe_holes(panel, wide) ==
        "series \"a, \"b\"\" has no row at 01/02/2023; 4 such holes in 2 series");
}

TEST_CASE("a table that becomes long and wide again is the same table") {
  const Series a = daily("a", {0, 1, 2}, {1, 2, 3}), b = daily("b", {0, 1, 2}, {4, 5, 6});
  const Series wide = to_wide(panel_of({a, b}));
  Panel parts;
  for (const std::string& name : wide.names) parts.series.push_back(select_columns(wide, {name}));
  const Series again = to_wide(parts);
  CHECK((again.values == wide.values && again.times == wide.times && again.names == wide.names));
  CHECK(parts.series[1].values == b.values);
}

}  // namespace panel_tests
