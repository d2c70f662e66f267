// The series of a program of tests/fuzz/api.cpp, its windows and its scaler.
#pragma once

#include <spat/data/latest_window.hpp>

#include <tests/fuzz/api_program.hpp>

#include <string>

namespace api {

/// A series and the windows of its training and validation part. Right ones fit a model of two
/// channels and one mark that makes two rows of four.
struct Data {
  Series series;
  StandardScaler scaler;
  WindowOptions options;
  Splits splits;
  std::optional<WindowDataset<float>> training, validation;

  /// Throws whatever is wrong with it.
  void make(Program& program) {
    training.reset(), validation.reset();
    series = {};
    const std::size_t channels = program.size(2), rows = 20 + program.size(8);
    for (std::size_t c = 0; c < channels; ++c) series.names.push_back("c" + std::to_string(c));
    series.time_index = program.one_in(8) ? TimeIndex::none : TimeIndex::date;
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t starts[] = {0, 1'500'000'000, -3600, most - 1'000'000'000, -most};
    const std::int64_t start = program.one_of(starts);
    const bool timed = series.time_index != TimeIndex::none;
    const std::size_t times = std::min<std::size_t>(program.count(timed ? rows : 0), 99);
    for (std::size_t r = 0; r < times; ++r)
      series.times.push_back(start + static_cast<std::int64_t>(r) * 864'000);
    const std::size_t kind = program.below(8),
                      cells = std::min<std::size_t>(program.count(rows * channels), 999);
    Random random(program.below(4), 8);
    for (std::size_t i = 0; i < cells; ++i)
      series.values.push_back(kind == 5 ? 3 : kind == 6 ? 1e6 + random.normal() : random.normal());
    if (kind == 7 && cells > 0) series.values[program.below(255) % cells] = program.number(1e30);
    options = {.lookback = program.size(4), .horizon = program.size(2), .stride = program.size(1)};
    if (program.one_in(8))
      options.features = program.one_in(2) ? Features::target : Features::target_from_all;
    if (!program.one_in(8))
      options.marks = program.one_in(8) ? Frequency::hourly : Frequency::monthly;
    splits = split_rows(Protocol::custom, series.rows(), options.lookback, options.horizon,
                        {program.number(0.6), program.number(0.2)});
    scaler = StandardScaler::fit(series.view(), part(program, splits.train));
    for (auto* one : {&training, &validation}) {
      const Split rows_of_part = part(program, one == &training ? splits.train : splits.validation);
      one->emplace(series, scaler, rows_of_part, options);
      const Rows<const float> values = (*one)->values();
      for (std::size_t r = 0; r < values.rows(); ++r)
        for (std::size_t c = channels - values.cols(); c < channels; ++c) {
          const double x = series.view().row(rows_of_part.begin + r)[c];
          expect(values.row(r)[c + values.cols() - channels] ==
                 static_cast<float>(scaler.transform(x, c)));
        }
    }
  }

  /// The windows of one of the two parts. If there are none, usual ones are made.
  [[nodiscard]] const WindowDataset<float>& windows(Program& program) {
    if (Program usual; !validation) make(usual);
    return program.one_in(4) ? *validation : *training;
  }

  void operate(Program& program) {
    switch (program.below(4)) {
      case 0:
        return make(program);
      case 1:
        return gather(program);
      case 2:
        return scale(program);
      default:
        return set(program);
    }
  }

 private:
  static Split part(Program& program, Split right) {
    return {program.count(right.begin), program.count(right.end)};
  }

  /// Each row of a batch is that of its window, each mark one of a date.
  void gather(Program& program) {
    const auto& from = windows(program);
    std::vector<std::size_t> indices(program.below(5));
    for (std::size_t& i : indices) i = program.count(program.below(from.size()));
    WindowBuffer<float> buffer;
    const auto batch = from.gather(indices, buffer);
    batch.check();
    expect(batch.samples == indices.size());
    const auto expect_row = [](Rows<const float> to, std::size_t row, Rows<const float> values,
                               std::size_t at) {
      expect(std::equal(to.row(row), to.row(row) + to.cols(), values.row(at + 1) - to.cols()));
    };
    for (std::size_t b = 0; b < batch.samples; ++b) {
      const std::size_t first = indices[b] * options.stride, l = options.lookback,
                        t = options.horizon;
      for (std::size_t r = 0; r < l; ++r)
        expect_row(batch.history, b * l + r, from.values(), first + r);
      for (std::size_t r = 0; r < t; ++r)
        expect_row(batch.target, b * t + r, from.values(), first + l + r);
    }
    expect(moderate(batch.history_marks.flat(), 0.5) && moderate(batch.future_marks.flat(), 0.5));
    const auto latest = latest_window(series, scaler, options, buffer);
    latest.check();
    expect(latest.samples == 1 && moderate(latest.future_marks.flat(), 0.5));
  }

  /// What is scaled comes back.
  static void scale(Program& program) {
    const std::size_t rows = program.size(5), cols = program.size(2);
    std::vector<double> values(rows * cols);
    const double level = program.number(0), spread = program.number(1);
    Random random(program.below(4), 9);
    for (double& value : values) value = program.number(level + spread * random.normal());
    const Rows<double> table{values.data(), rows, cols};
    const auto scaler = StandardScaler::fit(table, {program.count(0), program.count(rows)});
    for (std::size_t c = 0; c < cols; ++c)
      expect(std::isfinite(scaler.mean()[c]) && std::isfinite(scaler.deviation()[c]) &&
             scaler.deviation()[c] > 0);
    const std::vector<double> before = values;
    const std::size_t first = program.count(0);
    scaler.transform(table, first);
    scaler.inverse(table, first);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (moderate(before, 1e100))
        expect(std::abs(values[i] - before[i]) <=
               1e-12 * std::max(std::abs(before[i]),
                                std::abs(scaler.mean()[i % cols]) + scaler.deviation()[i % cols]));
  }

  /// Masks are sets, and their digits say which.
  static void set(Program& program) {
    const ModuleMask a = any_mask(program), b = any_mask(program);
    const std::size_t modules = program.below(70), i = program.count(program.below(64));
    expect((a & b).is_subset_of(a) && (a - b).is_subset_of(a) && ((a - b) & b).empty());
    const auto parsed = parse_module_mask(to_string(a, modules), modules);
    expect(parsed.has_value() == (modules <= most_modules));
    const ModuleMask all = ModuleMask::first(modules);
    expect(*parsed == (a & all) && a.slice(i, modules).is_subset_of(all));
    expect(subset(a, b.bits).is_subset_of(a) && a.with(i).keeps(i) && !a.without(i).keeps(i));
    expect(within(a, modules).is_subset_of(all) && fits(a, modules));
  }
};

}  // namespace api
