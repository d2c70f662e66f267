// The form of a column of times, found as it is read.
#include <spat/data/time_column.hpp>

#include <tests/support/catch.hpp>

namespace time_column_tests {

using namespace spat;

namespace {

using Cells = std::vector<std::string>;

std::optional<TimeColumn::Times> read(std::string_view name, const Cells& cells) {
  auto column = TimeColumn::of(name, cells[0]);
  if (!column) return {};
  for (const std::string& cell : cells)
    if (!column->add(cell)) return {};
  return std::move(*column).times();
}
std::string form_of(std::string_view name, const Cells& cells) {
  const auto times = read(name, cells);
  if (!times) return "none";
  if (times->index == TimeIndex::integer) return "index";
  CHECK(format_time(times->format, times->values[0]) == cells[0]);
  return std::string(name_of(time_forms, times->format.form));
}

}  // namespace

TEST_CASE("the form of times is the one that all cells have") {
  CHECK(form_of("x", {"2024-01-01", "2024-01-02"}) == "ymd");
  CHECK(form_of("x", {"13/01/2024", "14/01/2024"}) == "dmy");
  CHECK(form_of("x", {"01/02/2024", "01/13/2024"}) == "mdy");
  CHECK(form_of("x", {"1990-01", "1990-02"}) == "year-month");
  CHECK(form_of("x", {"1990Q1", "1990Q2"}) == "quarter");
  CHECK(form_of("x", {"20240101 10:00", "20240101 11:00"}) == "yyyymmdd");
  CHECK(form_of("date", {"20240101", "20240102"}) == "yyyymmdd");
  CHECK(form_of("Year", {"1600", "1601"}) == "year");
  CHECK(form_of("ts", {"1672531200", "1672534800"}) == "epoch-seconds");
  CHECK(form_of("timestamp", {"1672531200.0", "1672534800.0"}) == "epoch-seconds");
  CHECK(form_of("time", {"1672531200000", "1672534800000"}) == "epoch-milliseconds");
  CHECK(form_of("date", {"44927.0000000", "44927.0416667"}) == "excel");
  CHECK(form_of("date", {"2024-01-01", "2024-01-02x"}) == "none");
}

TEST_CASE("numbers are times by the name of their column alone") {
  CHECK(form_of("x", {"20240101", "20240102"}) == "none");
  CHECK(form_of("load", {"1672531200"}) == "none");
  CHECK(form_of("index", {"2020", "2021"}) == "index");
  CHECK(form_of("", {"2020", "2021"}) == "index");
  CHECK(form_of("time", {"0", "1"}) == "index");
  CHECK(form_of("time", {"0.5", "1.5"}) == "none");
  CHECK(TimeColumn::of("x", "7", {}, /*certain*/ true));
  CHECK(TimeColumn::of("x", "7", TimeForm::year, true));
  CHECK_FALSE(TimeColumn::of("x", "7", TimeForm::year));
  auto column = TimeColumn::of("x", "01/02/2024", TimeForm::mdy);
  REQUIRE(column);
  CHECK(column->add("01/02/2024"));
  CHECK(std::move(*column).times()->format.form == TimeForm::mdy);
}

TEST_CASE("of two forms the one with even steps counts, and none if both have") {
  const Cells months{"01/01/1990", "01/02/1990", "01/03/1990", "01/04/1990"};
  const auto times = read("date", months);
  REQUIRE_FALSE(times);  // days of January, or months
  const Cells more{"01/01/1990", "01/02/1990", "01/03/1990", "01/05/1990"};
  CHECK_FALSE(read("date", more));  // neither is even
  const Cells mixed{"01/11/1990", "01/12/1990", "01/01/1991", "01/02/1991"};
  const auto found = read("date", mixed);
  REQUIRE(found);
  CHECK(found->found_by_step);
  CHECK(found->format.form == TimeForm::dmy);
}

TEST_CASE("times are in the zone of the first of them, and have the clock of any") {
  const auto times = read("t", {"2024-03-31 00:00+01:00", "2024-03-31 03:00+02:00"});
  REQUIRE(times);
  CHECK(times->values[1] - times->values[0] == 7200);
  const auto midnight = read("t", {"2024-03-31", "2024-03-31 01:00"});
  REQUIRE(midnight);
  CHECK(format_time(midnight->format, midnight->values[0]) == "2024-03-31 00:00");
  const auto finer = read("date", {"45382", "45382.25"});
  REQUIRE(finer);
  CHECK(format_time(finer->format, finer->values[1]) == "45382.25");
  const auto seconds = read("t", {"2024-03-31 00:00", "2024-03-31 00:00:30", "2024-03-31 00:01"});
  REQUIRE(seconds);
  CHECK(format_time(seconds->format, seconds->values[1]) == "2024-03-31 00:00:30");
}

TEST_CASE("digits of hours, days and months are padded if those of all times are") {
  const auto last = [](const Cells& cells) {
    const auto times = read("date", cells);
    return format_time(times->format, times->values.back());
  };
  CHECK(last({"2013/10/11 10:00", "2013/1/2 9:00"}) == "2013/1/2 9:00");
  CHECK(last({"2013/10/11 9:00", "2013/11/12 10:00", "2014/10/10 0:00"}) == "2014/10/10 0:00");
  CHECK(last({"2013-10-11 09:00", "2013-10-11 10:00"}) == "2013-10-11 10:00");
  CHECK(last({"2024-01-01 03:00 AM", "2024-01-01 04:00 AM"}) == "2024-01-01 04:00 AM");
  CHECK(last({"2024-01-01 03:00 PM", "2024-01-01 4:00 PM"}) == "2024-01-01 4:00 PM");
}

}  // namespace time_column_tests
