#include <spat/data/date_time.hpp>

#include <tests/support/catch.hpp>

#include <limits>
#include <spat/core/random.hpp>

namespace date_time_tests {

using namespace spat;

static_assert(DateTime{}.seconds() == 0);
static_assert(parse_date_time("2016-07-01")->seconds() == 1467331200);

TEST_CASE("Every usual form of a date is read") {
  const DateTime date{.year = 2016, .month = 7, .day = 1, .hour = 9, .minute = 5, .second = 0};
  for (const char* text :
       {"2016-07-01 09:05:00", "2016-07-01 09:05", "2016-07-01T09:05:00", "2016/7/1 9:05",
        "7/1/2016 9:05", "7/1/2016 9:05:00", "07/01/2016 09:05", "2016-7-1  9:05"}) {
    CAPTURE(text);
    CHECK(parse_date_time(text) == date);
  }
  CHECK(parse_date_time("2016-07-01") == DateTime{.year = 2016, .month = 7, .day = 1});
  CHECK(parse_date_time("12/31/2017") == DateTime{.year = 2017, .month = 12, .day = 31});
}

TEST_CASE("Dates that do not exist and other texts are no dates") {
  for (const char* text : {"",
                           "2016",
                           "2016-13-01",
                           "2016-00-01",
                           "2015-02-29",
                           "2016-02-30",
                           "2016-07-00",
                           "31/12/2017",
                           "2016-07-01 24:00:00",
                           "2016-07-01 00:60",
                           "2016-07-01 00:00:60",
                           "2016-07-01 ",
                           "2016-07-01 1",
                           "2016-07-01 1:2",
                           "2016-07-01x",
                           "2016-07-01 00:00:00Z",
                           "2016-07/01",
                           "16-07-01",
                           "7-1-2016",
                           "7/1/16",
                           "-2016-07-01",
                           "2016-07-01 -1:00",
                           "12345-01-01",
                           "2016--01",
                           "/1/2016"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_date_time(text));
  }
  CHECK(parse_date_time("2016-02-29"));
  CHECK_FALSE(DateTime{.month = 257}.valid());
}

TEST_CASE("Dates know their weekday, their day of the year and their week") {
  const DateTime date = *parse_date_time("2016-07-01 00:00:00");
  CHECK(date.weekday() == 4);
  CHECK(date.day_of_year() == 183);
  CHECK(date.week() == 26);
  CHECK(parse_date_time("2016-12-31")->day_of_year() == 366);
  CHECK(parse_date_time("2017-01-01")->week() == 52);
  CHECK(parse_date_time("2017-01-01")->weekday() == 6);
  CHECK(parse_date_time("2020-12-31")->week() == 53);
  CHECK(parse_date_time("2019-12-30")->week() == 1);
}

TEST_CASE("Seconds and text go back to the same date") {
  Random random(1);
  for (int round = 0; round < 1000; ++round) {
    const auto seconds =
        static_cast<std::int64_t>(random.below(200ull * 366 * 86400)) - 70ll * 366 * 86400;
    const DateTime date = to_date_time(seconds);
    CHECK(date.valid());
    CHECK(date.seconds() == seconds);
    CHECK(parse_date_time(format_date_time(date)) == date);
  }
  CHECK(format_date_time(to_date_time(-1)) == "1969-12-31 23:59:59");
  CHECK(format_date_time(DateTime{.year = 7}) == "0007-01-01 00:00:00");
}

TEST_CASE("The time of any number of seconds has a second of its day") {
  for (const std::int64_t seconds :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    const DateTime date = to_date_time(seconds);
    CHECK((date.hour < 24 && date.minute < 60 && date.second < 60));
  }
}

}  // namespace date_time_tests
