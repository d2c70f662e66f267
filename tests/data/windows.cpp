#include <spat/data/calendar_name.hpp>
#include <spat/data/latest_window.hpp>
#include <spat/data/windows.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace windows_tests {

using namespace spat;

namespace {

/// Cell (row, channel) is 10 row + channel; one row per hour.
Series counted(std::size_t rows, std::size_t channels) {
  Series series;
  for (std::size_t c = 0; c < channels; ++c) series.names.push_back(message("c", c));
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < channels; ++c)
      series.values.push_back(static_cast<double>(10 * r + c));
    series.times.push_back(static_cast<std::int64_t>(r) * 3600);
  }
  series.time_index = TimeIndex::date;
  return series;
}
StandardScaler unscaled(std::size_t channels) {
  return {std::vector<double>(channels, 0), std::vector<double>(channels, 1)};
}
template <class Scalar>
std::vector<Scalar> list(Rows<const Scalar> rows) {
  return {rows.flat().begin(), rows.flat().end()};
}

}  // namespace

TEMPLATE_TEST_CASE("A batch holds history, marks and target of the windows asked for", "", float,
                   double) {
  const Series series = counted(12, 2);
  const WindowDataset<TestType> windows(series, unscaled(2), {2, 12},
                                        {.lookback = 3, .horizon = 2, .marks = Frequency::hourly});
  CHECK(windows.size() == 6);
  WindowBuffer<TestType> buffer;
  const std::array<std::size_t, 2> indices{5, 0};
  const WindowBatch<TestType> batch = windows.gather(indices, buffer);
  CHECK(batch.samples == 2);
  CHECK(batch.lookback == 3);
  CHECK(batch.horizon == 2);
  CHECK(batch.channels() == 2);
  CHECK(batch.target_channels() == 2);
  CHECK(list(batch.history) ==
        std::vector<TestType>{70, 71, 80, 81, 90, 91, 20, 21, 30, 31, 40, 41});
  CHECK(list(batch.target) == std::vector<TestType>{100, 101, 110, 111, 50, 51, 60, 61});
  REQUIRE(batch.marks() == 4);
  CHECK(batch.history_marks.rows() == 6);
  CHECK(batch.future_marks.rows() == 4);
  CHECK(batch.history_marks.row(1)[0] == static_cast<TestType>(8 / 23.0 - 0.5));
  CHECK(batch.future_marks.row(2)[0] == static_cast<TestType>(5 / 23.0 - 0.5));

  const WindowBatch<TestType> second = batch.middle(1, 1);
  CHECK(second.samples == 1);
  CHECK(list(second.history) == std::vector<TestType>{20, 21, 30, 31, 40, 41});
  CHECK(list(second.target) == std::vector<TestType>{50, 51, 60, 61});
  CHECK(second.future_marks.row(0)[0] == batch.future_marks.row(2)[0]);
}

TEST_CASE("Features choose the channels that go in and come out") {
  const Series series = counted(6, 3);
  WindowBuffer<double> buffer;
  const std::array<std::size_t, 1> first{0};
  const auto gathered = [&](Features features) {
    const WindowDataset<double> windows(series, unscaled(3), {0, 6},
                                        {.lookback = 2, .horizon = 1, .features = features});
    return windows.gather(first, buffer);
  };
  CHECK(list(gathered(Features::all).target) == std::vector<double>{20, 21, 22});
  CHECK(list(gathered(Features::target_from_all).history) ==
        std::vector<double>{0, 1, 2, 10, 11, 12});
  CHECK(list(gathered(Features::target_from_all).target) == std::vector<double>{22});
  CHECK(list(gathered(Features::target).history) == std::vector<double>{2, 12});
  CHECK(list(gathered(Features::target).target) == std::vector<double>{22});
  CHECK(gathered(Features::target).marks() == 0);
  CHECK(gathered(Features::all).history_marks.rows() == 0);
  CHECK(parse_features("MS") == Features::target_from_all);
  CHECK(message_of<ConfigError>([] { (void)parse_features("SM"); }) ==
        R"(unknown features "SM"; expected M, MS or S)");
}

TEST_CASE("Rows are scaled in double and rounded once") {
  const Series series = counted(10, 2);
  const StandardScaler scaler = StandardScaler::fit(series.view(), {0, 7});
  const WindowDataset<float> windows(series, scaler, {3, 10}, {.lookback = 2, .horizon = 1});
  CHECK(windows.values().row(4)[1] == static_cast<float>(scaler.transform(71, 1)));
}

TEST_CASE("Stride leaves windows out") {
  const Series series = counted(10, 1);
  const WindowDataset<double> windows(series, unscaled(1), {0, 10},
                                      {.lookback = 2, .horizon = 1, .stride = 3});
  CHECK(windows.size() == 3);
  WindowBuffer<double> buffer;
  const std::array<std::size_t, 1> last{2};
  CHECK(list(windows.gather(last, buffer).history) == std::vector<double>{60, 70});
}

TEST_CASE("A buffer is reused once it has seen the largest batch") {
  const Series series = counted(50, 3);
  const WindowDataset<float> windows(series, unscaled(3), {0, 50},
                                     {.lookback = 8, .horizon = 4, .marks = Frequency::daily});
  WindowBuffer<float> buffer;
  const auto indices = shuffled_indices(windows.size(), 1, 0);
  const float* const first = windows.gather(indices, buffer).history.data();
  CHECK(windows.gather(std::span(indices).first(3), buffer).history.data() == first);
  CHECK(windows.gather(indices, buffer).history.data() == first);
}

TEST_CASE("Impossible windows are refused") {
  Series series = counted(10, 2);
  const auto build = [&](Split rows, WindowOptions options) {
    WindowDataset<float>(series, unscaled(2), rows, options);
  };
  CHECK(message_of<DataError>([&] {
          build({0, 10}, {.lookback = 8, .horizon = 3});
        }) == "one window needs 8 + 3 rows, found 10");
  CHECK_NOTHROW(build({0, 10}, {.lookback = 8, .horizon = 2}));
  CHECK(message_of<DataError>([&] {
          build({5, 11}, {.lookback = 2, .horizon = 1});
        }) == "rows [5, 11) do not lie in a series of 10");
  CHECK(message_of<ConfigError>([&] {
          build({0, 10}, {.lookback = 2, .horizon = 0});
        }) == "lookback, horizon and stride must be at least 1");
  series.time_index = TimeIndex::integer;
  CHECK(
      message_of<ConfigError>([&] {
        build({0, 10}, {.lookback = 2, .horizon = 1, .marks = Frequency::hourly});
      }) ==
      "time marks need a column of dates, which the series lacks; a model that is trained without "
      "marks needs none");
  CHECK(message_of<ShapeError>([&] {
          WindowDataset<float>(series, unscaled(3), {0, 10}, {.lookback = 2, .horizon = 1});
        }) == "expected a scaler of 2 channels, found 3");
}

TEST_CASE("A shuffle is a permutation that seed and epoch decide") {
  std::vector<std::size_t> sorted = shuffled_indices(100, 1, 2);
  CHECK(sorted == shuffled_indices(100, 1, 2));
  CHECK(sorted != shuffled_indices(100, 1, 3));
  CHECK(sorted != shuffled_indices(100, 2, 2));
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < 100; ++i) CHECK(sorted[i] == i);
  CHECK(shuffled_indices(0, 1, 1).empty());
  CHECK(shuffled_indices(1, 1, 1) == std::vector<std::size_t>{0});
}

TEST_CASE("A shuffle prefers no order") {
  std::map<std::vector<std::size_t>, int> orders;
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) ++orders[shuffled_indices(3, 1, epoch)];
  REQUIRE(orders.size() == 6);
  for (const auto& [order, count] : orders)
    CHECK(count == Approx(4000).margin(250));  // four standard deviations
}

TEST_CASE("The latest window ends where the series ends and has marks of the time to come") {
  const Series series = counted(10, 2);
  WindowBuffer<double> buffer;
  const WindowOptions options{.lookback = 2, .horizon = 3, .marks = Frequency::hourly};
  const WindowBatch<double> window = latest_window(series, unscaled(2), options, buffer);
  CHECK(list(window.history) == std::vector<double>{80, 81, 90, 91});
  CHECK(window.target.rows() == 0);
  CHECK(window.history_marks.rows() == 2);
  CHECK(window.history_marks.row(1)[0] == 9 / 23.0 - 0.5);
  CHECK(window.future_marks.rows() == 3);
  CHECK(window.future_marks.row(2)[0] == 12 / 23.0 - 0.5);
  CHECK(list(latest_window(series, unscaled(2),
                           {.lookback = 2, .horizon = 3, .features = Features::target}, buffer)
                 .history) == std::vector<double>{81, 91});
  CHECK(message_of<DataError>([&] {
          (void)latest_window(series, unscaled(2), {.lookback = 11}, buffer);
        }) == "a forecast needs 11 rows, found 10");
  CHECK(message_of<ConfigError>([] { (void)future_times(Series(), 1); }) ==
        "future times need a time index of at least two rows");
}

TEST_CASE("Future times end with the numbers of an index") {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                         highest = std::numeric_limits<std::int64_t>::max();
  Series series = counted(3, 1);
  series.time_index = TimeIndex::integer;
  series.times = {highest - 3, highest - 2, highest - 1};
  CHECK(future_times(series, 1) == std::vector<std::int64_t>{highest});
  CHECK_THROWS_AS(future_times(series, 2), DataError);
  series.times = {lowest, 0, highest};
  CHECK_THROWS_AS(future_times(series, 2), DataError);
}

TEST_CASE("Future times and marks follow a calendar that is given") {
  Series series = counted(4, 1);
  series.time_index = TimeIndex::date, series.times.clear();
  for (const unsigned day : {2u, 3u, 4u, 5u})  // Tuesday to Friday
    series.times.push_back(DateTime{2024, 1, day}.seconds());
  const Calendar business = parse_calendar("B");
  const std::int64_t monday = DateTime{2024, 1, 8}.seconds();
  CHECK(future_times(series, 1)[0] == DateTime{2024, 1, 6}.seconds());  // four days show no week
  CHECK(future_times(series, 1, business)[0] == monday);
  WindowBuffer<double> buffer;
  const auto window =
      latest_window(series, unscaled(1), {.lookback = 2, .horizon = 1, .marks = Frequency::daily},
                    buffer, business);
  CHECK(window.future_marks.row(0)[0] == -0.5);  // a Monday
}

TEST_CASE("A window of more rows than a number can count is refused") {
  const Series series = counted(10, 2);
  for (const WindowOptions& huge : {WindowOptions{.lookback = ~std::size_t{0}, .horizon = 2},
                                    WindowOptions{.lookback = 2, .horizon = ~std::size_t{0}}})
    CHECK_THROWS_AS(WindowDataset<float>(series, unscaled(2), {0, 10}, huge), DataError);
}

TEST_CASE("A series that contradicts itself is refused by every window") {
  const auto refused = [](const auto& change) {
    Series series = counted(10, 2);
    change(series);
    const StandardScaler scaler = unscaled(2);
    WindowBuffer<float> buffer;
    const WindowOptions window{.lookback = 2, .horizon = 1};
    const std::string of_all = message_of<DataError>([&] {
      WindowDataset<float>(series, scaler, {0, series.rows()}, window);
    });
    CHECK(message_of<DataError>([&] { (void)latest_window(series, scaler, window, buffer); }) ==
          of_all);
    return of_all;
  };
  CHECK(refused([](Series& s) { s.values.pop_back(); }) ==
        "a series of 2 channels: its 19 values are no whole rows");
  CHECK(refused([](Series& s) { s.times.pop_back(); }) ==
        "a series of 10 rows with a time index: expected 10 times, found 9");
  CHECK(refused([](Series& s) { s.time_index = TimeIndex::none; }) ==
        "a series of 10 rows without a time index: expected 0 times, found 10");
  CHECK(refused([](Series& s) { s.names.clear(); }) ==
        "a series has at least one channel, found no names");
}

TEST_CASE("A number that is not finite is refused by its row and channel") {
  Series series = counted(10, 2);
  series.values[2 * 9 + 1] = std::nan("");
  const WindowOptions window{.lookback = 2, .horizon = 1};
  const std::string said = message_of<DataError>([&] {
    WindowDataset<float>(series, unscaled(2), {0, 10}, window);
  });
  CHECK(said.starts_with("row 9, channel "));
  CHECK_NOTHROW(WindowDataset<float>(series, unscaled(2), {0, 9}, window));
  series.values[2 * 9 + 1] = 1e300;  // beyond float
  CHECK_THROWS_AS(WindowDataset<float>(series, unscaled(2), {0, 10}, window), DataError);
  CHECK_NOTHROW(WindowDataset<double>(series, unscaled(2), {0, 10}, window));
}

TEST_CASE("Windows that hold a filled cell are left out if the options say so") {
  Series series = counted(12, 2);
  series.filled.resize(24);
  series.filled[2 * 5 + 1] = 1;  // row 5
  WindowOptions options{.lookback = 2, .horizon = 1};
  WindowBuffer<double> buffer;
  const std::array<std::size_t, 2> indices{3, 0};
  {
    const WindowDataset<double> all(series, unscaled(2), {0, 12}, options);
    CHECK(all.size() == 10);
    const auto batch = all.gather(indices, buffer);
    CHECK(batch.filled.flat()[1] == 1);  // the target of window 3 is row 5
    CHECK_FALSE(batch.counts(1));
    CHECK((batch.counts(0) && batch.counts(2) && batch.counts(3)));
    CHECK_FALSE(batch.middle(0, 1).counts(1));
    CHECK(batch.middle(1, 1).counts(1));
  }
  options.skip_filled = true;
  const WindowDataset<double> free(series, unscaled(2), {0, 12}, options);
  REQUIRE(free.size() == 7);
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < free.size(); ++i) begins.push_back(free.begin_of(i));
  CHECK(begins == std::vector<std::size_t>{0, 1, 2, 6, 7, 8, 9});
  CHECK(free.gather(indices, buffer).history.row(0)[0] == 60);
  options.features = Features::target;  // column 0 is not read
  series.filled[2 * 5 + 1] = 0, series.filled[2 * 5] = 1;
  CHECK(WindowDataset<double>(series, unscaled(2), {0, 12}, options).size() == 10);
  options.features = Features::all;
  for (auto& cell : series.filled) cell = 1;
  CHECK(message_of<DataError>([&] {
          (void)WindowDataset<double>(series, unscaled(2), {0, 12}, options);
        }) == "every window holds a cell without a number, and such windows are left out");
  series = counted(12, 2);
  series.filled.resize(24);
  series.filled[2 * 11] = 1;
  CHECK_THROWS_AS(latest_window(series, unscaled(2), options, buffer), DataError);
  series.filled[2 * 11] = 0, series.filled[2 * 9] = 1;
  CHECK(latest_window(series, unscaled(2), options, buffer).history.row(0)[0] == 100);
}

TEST_CASE("Windows of several series stay in one series, each in its own units") {
  Series longer = counted(8, 1), shorter = counted(5, 1);
  shorter.filled.resize(5);
  shorter.filled[4] = 1;
  const WindowOptions options{.lookback = 3, .horizon = 1, .marks = Frequency::hourly};
  WindowDataset<double> windows(longer, unscaled(1), {0, 8}, options);
  windows.add(shorter, StandardScaler({0}, {10}), {0, 5});
  CHECK(windows.size() == 5 + 2);
  WindowBuffer<double> buffer;
  const std::array<std::size_t, 3> indices{4, 5, 6};
  const auto batch = windows.gather(indices, buffer);
  CHECK(list(batch.history) == std::vector<double>{40, 50, 60, 0, 1, 2, 1, 2, 3});
  CHECK(list(batch.target) == std::vector<double>{70, 3, 4});
  CHECK(batch.history_marks.row(3)[0] == -0.5);  // midnight
  CHECK((batch.counts(0) && batch.counts(1) && !batch.counts(2)));
  CHECK_THROWS_AS(windows.add(counted(9, 2), unscaled(2), {0, 9}), ShapeError);
  Series endless = counted(9, 1);
  endless.values[8] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(windows.add(endless, unscaled(1), {0, 9}), DataError);
  CHECK(windows.size() == 7);  // nothing was added by halves
  windows.add(longer, unscaled(1), {0, 8});
  const std::array<std::size_t, 1> last{11};
  CHECK(list(windows.gather(last, buffer).target) == std::vector<double>{70});
}

TEST_CASE("Known covariates reach to the end of the forecast") {
  const Series series = counted(9, 3);
  const WindowOptions options{
      .lookback = 3, .horizon = 2, .features = Features::target_from_all, .known_covariates = true};
  const WindowDataset<double> windows(series, unscaled(3), {0, 9}, options);
  WindowBuffer<double> buffer;
  const std::array<std::size_t, 2> indices{4, 0};
  const auto batch = windows.gather(indices, buffer);
  CHECK(list(batch.history) == std::vector<double>{60, 61, 42, 70, 71, 52, 80, 81, 62,  //
                                                   20, 21, 2, 30, 31, 12, 40, 41, 22});
  CHECK(list(batch.target) == std::vector<double>{72, 82, 32, 42});
  // the same window at the end of a series, with the covariates of the last two rows
  const Series known{.names = series.names,
                     .values = {series.values.begin(), series.values.end() - 6},
                     .time_index = series.time_index,
                     .times = {series.times.begin(), series.times.end() - 2}};
  const KnownFuture future{.times = {}, .covariates = {70, 71, 80, 81}};
  CHECK(list(latest_window(known, unscaled(3), options, buffer, {}, future).history) ==
        std::vector<double>{60, 61, 42, 70, 71, 52, 80, 81, 62});
  CHECK(message_of<ConfigError>([&] {
          (void)latest_window(known, unscaled(3), options, buffer);
        }) == "expected 4 numbers of covariates of the rows to forecast, found 0");
  CHECK_THROWS_AS(latest_window(known, unscaled(3), options, buffer, {},
                                {.times = {}, .covariates = {1, 2, 3, std::nan("")}}),
                  DataError);
  WindowOptions other = options;
  other.features = Features::all;
  CHECK_THROWS_AS(WindowDataset<double>(series, unscaled(3), {0, 9}, other), ConfigError);
}

TEST_CASE("Times that are known of the future give its marks") {
  const Series series = counted(5, 1);
  const WindowOptions options{.lookback = 2, .horizon = 1, .marks = Frequency::hourly};
  WindowBuffer<double> buffer;
  const auto mark = [&](const KnownFuture& future) {
    return latest_window(series, unscaled(1), options, buffer, {}, future).future_marks.row(0)[0];
  };
  CHECK(mark({}) == 5 / 23.0 - 0.5);
  CHECK(mark({.times = {23 * 3600}, .covariates = {}}) == 0.5);
  CHECK_THROWS_AS(mark({.times = {1, 2}, .covariates = {}}), ConfigError);
}

}  // namespace windows_tests
