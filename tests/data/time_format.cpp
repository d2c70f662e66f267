// The forms in which files write times.
#include <spat/data/time_format.hpp>

#include <tests/support/catch.hpp>

namespace time_format_tests {

using namespace spat;

namespace {

constexpr std::int64_t leap_day = DateTime{2024, 2, 29}.seconds();

}  // namespace

TEST_CASE("a time is read in its form, and written again as it was") {
  struct Example {
    TimeForm form;
    const char* text;
    std::int64_t seconds;
  };
  using enum TimeForm;
  const auto clock = [](unsigned h, unsigned m, unsigned s = 0) {
    return static_cast<std::int64_t>(leap_day + h * 3600 + m * 60 + s);
  };
  for (const Example& one : {
           Example{ymd, "2024-02-29", leap_day},
           {ymd, "2024/02/29", leap_day},
           {ymd, "2024.02.29", leap_day},
           {ymd, "2024-2-29", leap_day},
           {ymd, "2024-02-29 13:05", clock(13, 5)},
           {ymd, "2024-02-29T13:05:07", clock(13, 5, 7)},
           {ymd, "2024-02-29 13:05:07.000", clock(13, 5, 7)},
           {ymd, "2024-02-29T13:05:07Z", clock(13, 5, 7)},
           {ymd, "2024-02-29 13:05:07+01:00", clock(13, 5, 7)},
           {ymd, "2024-02-29T13:05:07.000-0530", clock(13, 5, 7)},
           {ymd, "2024-02-29 13:05 UTC", clock(13, 5)},
           {dmy, "29.02.2024", leap_day},
           {dmy, "29/2/2024 04:30", clock(4, 30)},
           {mdy, "2/29/2024 1:05 PM", clock(13, 5)},
           {mdy, "02/29/2024 12:05:00 AM", clock(0, 5)},
           {mdy, "02/29/2024 12:05 PM", clock(12, 5)},
           {compact, "20240229", leap_day},
           {compact, "20240229 13:05", clock(13, 5)},
           {year_month, "2024-02", leap_day - 28 * 86400},
           {year_month, "2024/2", leap_day - 28 * 86400},
           {quarter, "2024Q1", leap_day - 59 * 86400},
           {quarter, "2024-Q1", leap_day - 59 * 86400},
           {year, "2024", leap_day - 59 * 86400},
           {epoch_seconds, "1709164800", leap_day},
           {epoch_seconds, "1709164800.0", leap_day},
           {epoch_seconds, "-86400", -86400},
           {epoch_milliseconds, "1709164800000", leap_day},
           {excel, "45351", leap_day},
           {excel, "45351.5416667", clock(13, 0)},
       }) {
    CAPTURE(one.text);
    const auto time = parse_time(one.form, one.text);
    REQUIRE(time);
    CHECK(time->seconds == one.seconds);
    CHECK(format_time(time->format, time->seconds) == one.text);
  }
}

TEST_CASE("the distance from Greenwich is read") {
  CHECK(parse_time(TimeForm::ymd, "2024-02-29 00:00Z")->offset == 0);
  CHECK(parse_time(TimeForm::ymd, "2024-02-29 00:00+05:30")->offset == 19800);
  CHECK(parse_time(TimeForm::ymd, "2024-02-29 00:00 -08")->offset == -28800);
}

TEST_CASE("what is no time of a form is none") {
  using enum TimeForm;
  for (const auto& [form, text] : {std::pair{ymd, "2024-02-30"},
                                   {ymd, "24-02-29"},
                                   {ymd, "2024-02/29"},
                                   {ymd, "2024-02-29x"},
                                   {ymd, "2024-02-29 24:00"},
                                   {ymd, "2024-02-29 1"},
                                   {ymd, "2024-02-29 10:5"},
                                   {ymd, "2024-02-29 10:05:07.5"},
                                   {ymd, "2024-02-29 10:05+15:00"},
                                   {ymd, "2024-02-29 10:05+1"},
                                   {ymd, "2024-02-29 10:05+01:0"},
                                   {ymd, ""},
                                   {ymd, "29.02.2024"},
                                   {dmy, "2/29/2024"},
                                   {mdy, "29/2/2024"},
                                   {dmy, "29.02.24"},
                                   {dmy, "29.02/2024"},
                                   {mdy, "2/29/2024 13:05 PM"},
                                   {mdy, "2/29/2024 0:05 AM"},
                                   {compact, "20240230"},
                                   {compact, "202402291"},
                                   {year_month, "2024-13"},
                                   {year_month, "2024-02-29"},
                                   {quarter, "2024Q5"},
                                   {quarter, "2024Q0"},
                                   {quarter, "2024Q11"},
                                   {year, "24"},
                                   {year, "2024-01"},
                                   {epoch_seconds, "1709164800.5"},
                                   {epoch_milliseconds, "1709164800500"},
                                   {epoch_seconds, "1e300"},
                                   {epoch_seconds, "x"},
                                   {excel, "5000000"}}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(form, text));
  }
}

}  // namespace time_format_tests
