// Calendars: what comes next, their names, and how they are found in times.
#include <spat/data/calendar_name.hpp>
#include <spat/data/infer_calendar.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <filesystem>
#include <fstream>
#include <map>

namespace calendar_tests {

using namespace spat;

namespace {

std::int64_t at(std::string_view text) {
  const auto date = parse_date_time(text);
  if (!date) throw std::runtime_error(message("no date: ", text));
  return date->seconds();
}
std::vector<std::int64_t> all_at(std::initializer_list<std::string_view> texts) {
  std::vector<std::int64_t> times;
  for (const auto text : texts) times.push_back(at(text));
  return times;
}
/// `count` times from `first` on.
std::vector<std::int64_t> made(std::string_view calendar, std::string_view first,
                               std::size_t count) {
  auto times = future_times(parse_calendar(calendar), at(first), count - 1);
  times.insert(times.begin(), at(first));
  return times;
}
CalendarFinding found(std::span<const std::int64_t> times) {
  return infer_calendar(TimeIndex::date, times);
}
std::string name_of(std::span<const std::int64_t> times) { return to_text(found(times).calendar); }
std::string refusal(std::string_view name) {
  return message_of<ConfigError>([&] { (void)parse_calendar(name); });
}

/// The times of each frequency, as Python has them: see calendars.py.
std::map<std::string, std::vector<std::int64_t>> expected_times() {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "calendars.csv");
  std::map<std::string, std::vector<std::int64_t>> times;
  std::string name;
  for (std::string line; std::getline(file, line);)
    if (const auto date = parse_date_time(line))
      times[name].push_back(date->seconds());
    else
      name = line;
  return times;
}

}  // namespace

TEST_CASE("forty years of calendars are those of Python, and are found in their times") {
  const auto all = expected_times();
  REQUIRE(all.size() == 17);
  for (const auto& [name, times] : all) {
    CAPTURE(name);
    const Calendar calendar = parse_calendar(name);
    CHECK(future_times(calendar, times[0], times.size() - 1) ==
          std::vector(times.begin() + 1, times.end()));
    CHECK(to_text(calendar) == name);
    const CalendarFinding finding = found(times);
    CHECK(to_text(finding.calendar) == name);
    CHECK(finding.irregular.empty());
    CHECK(finding.repeated.empty());
    CHECK_FALSE(finding.changed_at);
  }
}

TEST_CASE("a calendar has pandas' names, with anchors and numbers") {
  CHECK(parse_calendar("T") == parse_calendar("min"));
  CHECK(parse_calendar("15T") == parse_calendar("15min"));
  CHECK(parse_calendar("W-SUN") == parse_calendar("7D"));
  CHECK(parse_calendar("QS-OCT") == parse_calendar("3MS"));
  CHECK(parse_calendar("A-DEC") == parse_calendar("12ME"));
  CHECK(parse_calendar(" 2h ").step == 7200);
  CHECK(parse_calendar("3") == Calendar{.unit = Calendar::Unit::index, .step = 3});
  CHECK(to_text(parse_calendar("24h")) == "D");
  CHECK(to_text(parse_calendar("90min")) == "90min");
  CHECK(to_text(parse_calendar("D Mon,Tue,Wed,Thu,Fri")) == "B");
  CHECK(to_text(parse_calendar("MS day 31")) == "ME");
  CHECK(to_text(parse_calendar("h 06:00-23:59:59")) == "h 06:00-23:59:59");
  CHECK(to_text(parse_calendar("1")) == "1");
  CHECK(to_text(Calendar{}) == "none");
}

TEST_CASE("what is no calendar is refused with what is one") {
  CHECK(contains(refusal("fortnight"), "frequency \"fortnight\": expected a number and one of s,"));
  for (const char* const bad : {"", "0h", "-1h", "99999999999999999999h", "1000001s", "h day 3",
                                "MS B", "MS day 32", "MS day 0", "MS day", "h 9-8", "h 15:00-09:00",
                                "h 25:00-26:00", "h Mon,", "h mon", "W-JAN", "h-SUN", "QS-SUN"}) {
    CAPTURE(bad);
    CHECK(contains(refusal(bad), "frequency "));
  }
}

TEST_CASE("the day of the month is the last one of a shorter month, and comes back") {
  const auto times = made("MS day 30", "2023-12-30", 4);
  CHECK(times == all_at({"2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"}));
  CHECK(name_of(times) == "MS day 30");
  CHECK(name_of(all_at({"2023-01-28", "2023-02-28", "2023-03-28"})) == "MS day 28");
  CHECK(name_of(all_at({"2023-02-28", "2023-03-31"})) == "ME");
  CHECK(name_of(all_at({"2023-01-01 06:00", "2023-02-01 06:00"})) == "MS");
  CHECK(name_of(all_at({"2023-01-01 06:00", "2023-02-01 07:00"})) == "745h");
}

TEST_CASE("times end with the year 9999, and an index with its type") {
  CHECK_FALSE(parse_calendar("D").after(at("9999-12-31")));
  CHECK_FALSE(parse_calendar("B").after(at("9999-12-31")));
  CHECK_FALSE(parse_calendar("MS").after(at("9999-12-01")));
  CHECK_FALSE(parse_calendar("h 06:00-07:00").after(at("9999-12-31 07:00")));
  const Calendar index{.unit = Calendar::Unit::index, .step = 2};
  CHECK(index.after(-1) == 1);
  CHECK_FALSE(index.after(std::numeric_limits<std::int64_t>::max() - 1));
  CHECK_THROWS_AS(future_times(Calendar{}, 0, 1), ConfigError);
  CHECK(message_of<DataError>([] {
          (void)future_times(parse_calendar("D"), at("9999-12-30"), 3);
        }) == "no time comes after 9999-12-31 00:00:00");
  // a row that nothing could come before
  CHECK(compare_with(parse_calendar("W"), all_at({"9999-12-30", "9999-12-31"})).irregular.size() ==
        1);
}

TEST_CASE("missing rows are irregular rows and change no calendar") {
  auto times = made("h", "2024-01-01", 100);
  times.erase(times.begin() + 50);
  times.insert(times.begin() + 10, times[10]);
  const CalendarFinding finding = found(times);
  CHECK(to_text(finding.calendar) == "h");
  CHECK(finding.irregular == std::vector<std::size_t>{51});
  CHECK(finding.repeated == std::vector<std::size_t>{11});
  auto days = made("B", "2024-01-01", 60);
  days.erase(days.begin() + 20);  // a holiday
  CHECK(name_of(days) == "B");
  CHECK(found(days).irregular.size() == 1);
  auto months = made("ME", "2020-01-31", 30);
  months.erase(months.begin() + 7);
  CHECK(name_of(months) == "ME");
  CHECK(found(months).irregular == std::vector<std::size_t>{7});
}

TEST_CASE("a step that changed counts from there on") {
  auto times = made("h", "2023-01-01", 40);
  for (const std::int64_t time : future_times(parse_calendar("15min"), times.back(), 9))
    times.push_back(time);
  const CalendarFinding finding = found(times);
  CHECK(to_text(finding.calendar) == "15min");
  CHECK(finding.changed_at == 39);
  CHECK(finding.former_step == 3600);
  CHECK(finding.irregular.empty());
  times.resize(40 + 7);  // too few to know
  CHECK(name_of(times) == "h");
  CHECK(found(times).irregular.size() == 7);
}

TEST_CASE("a clock that was set is no irregular step") {
  // Berlin 2023 by its own clocks: 2:00 does not exist on March 26, and comes twice on October 29
  auto spring = made("h", "2023-03-20", 24 * 12), autumn = made("30min", "2023-10-20", 48 * 14);
  std::erase(spring, at("2023-03-26 02:00"));
  const auto again = std::ranges::find(autumn, at("2023-10-29 03:00"));
  autumn.insert(again, {at("2023-10-29 02:00"), at("2023-10-29 02:30")});
  for (const auto& times : {spring, autumn}) {
    const CalendarFinding finding = found(times);
    CHECK(finding.clock_changes.size() == 1);
    CHECK((finding.irregular.empty() && finding.backwards.empty() && finding.repeated.empty()));
  }
  std::swap(spring[5], spring[6]);
  CHECK(found(spring).backwards == std::vector<std::size_t>{6});
}

TEST_CASE("times that only go backwards have no calendar") {
  for (const auto& times :
       {all_at({"2024-03-01", "2024-02-01"}), all_at({"2024-03-02", "2024-03-01"})}) {
    CHECK(name_of(times) == "none");
    CHECK(found(times).backwards.size() == 1);
  }
}

TEST_CASE("hours and days are closed if rows are missing there as a rule") {
  CHECK(name_of(made("15min B 08:00-20:00", "2024-01-02 08:00", 49 * 15)) == "15min B 08:00-20:00");
  CHECK(name_of(made("h", "2024-01-01 05:00", 24 * 20)) == "h");
  CHECK(name_of(made("h", "2024-01-01 09:00", 8)) == "h");  // one morning says nothing
  CHECK(name_of(made("D", "2024-01-01", 10)) == "D");       // nor do ten days of a week
  CHECK(name_of(all_at({"2024-01-01 00:00", "2024-01-01 00:00"})) == "none");
  CHECK(found({}).calendar == Calendar{});
  CHECK(infer_calendar(TimeIndex::integer, std::vector<std::int64_t>{3, 5, 7}).calendar.step == 2);
}

TEST_CASE("a calendar that is known says where new times do not follow it") {
  const auto times = made("D", "2024-01-05", 4);
  CHECK(compare_with(parse_calendar("D"), times).irregular.empty());
  CHECK(compare_with(parse_calendar("B"), times).irregular == std::vector<std::size_t>{1, 2});
  CHECK(compare_with(Calendar{}, times).irregular.empty());
}

TEST_CASE("times further apart than an index can say are refused") {
  const std::vector<std::int64_t> far{std::numeric_limits<std::int64_t>::min(), 0,
                                      std::numeric_limits<std::int64_t>::max()};
  CHECK_THROWS_AS(infer_calendar(TimeIndex::integer, far), DataError);
}

}  // namespace calendar_tests
