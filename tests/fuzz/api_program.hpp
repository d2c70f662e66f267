// The program that the bytes of an input of tests/fuzz/api.cpp stand for: choices, mostly right
// ones, and what is made of them: batches, options, masks, budgets.
#pragma once

#include <spat/criteria/any_criterion.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/prune/budget.hpp>
#include <spat/train/training_options.hpp>

#include <tests/fuzz/fuzz.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace api {

using namespace spat;
using fuzz::expect;

/// Choices, one byte each, of one operation after another. The bytes of an operation end with 255;
/// after them all choices are 0, the usual one. So a change of its bytes leaves the others alone.
class Program {
 public:
  Program() = default;  // usual choices alone
  Program(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  /// Goes to the next operation that has bytes. Returns whether there is one.
  bool next() {
    if (begun_) at_ = std::find(at_, end_, last);
    begun_ = true;
    while (at_ != end_ && *at_ == last) ++at_;
    return at_ != end_;
  }
  std::size_t below(std::size_t bound) { return byte() % bound; }
  bool one_in(std::size_t count) { return below(count) == count - 1; }
  template <class T, std::size_t N>
  T one_of(const T (&values)[N]) {
    return values[below(N)];
  }

  /// Mostly the usual size, else one of 0 to 15.
  std::size_t size(std::size_t usual) {
    const std::size_t choice = byte();
    return choice < 239 ? usual : choice - 239;
  }
  /// Mostly the usual number, else one that may be none.
  double number(double usual) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const double others[] = {0,     0.5,   1,    -1,    0.25, 0.1,  2,     1e-3,
                             1e-50, 1e-30, 1e30, 1e300, inf,  -inf, -1e-3, std::nan("")};
    const std::size_t choice = byte();
    return choice < 239 ? usual : others[choice - 239];
  }
  /// Mostly the right count, else one that is a little or far off.
  std::size_t count(std::size_t right) {
    constexpr std::size_t far = std::numeric_limits<std::size_t>::max();
    const std::size_t wrong[] = {right + 1, right - 1, right * 2,   right / 2,
                                 0,         far,       far / 2 + 1, far / 3 + right};
    const std::size_t choice = byte();
    return choice < 247 ? right : wrong[choice - 247];
  }

 private:
  static constexpr std::uint8_t last = 255;

  std::size_t byte() { return at_ == end_ || *at_ == last ? 0 : *at_++; }

  const std::uint8_t *at_ = nullptr, *end_ = nullptr;
  bool begun_ = false;
};

/// Whether all numbers are of a size at which no rounding grows out of proportion.
template <class Numbers>
[[nodiscard]] bool moderate(const Numbers& numbers, double most) {
  for (const auto number : numbers)
    if (!(std::abs(static_cast<double>(number)) <= most)) return false;
  return true;
}

template <class Numbers>
[[nodiscard]] bool finite(const Numbers& numbers) {
  return std::ranges::all_of(numbers, [](auto number) { return std::isfinite(number); });
}

/// A batch for a model of some configuration, mostly a right one. Its views have memory of their
/// own for the numbers that they claim, and no more.
template <class Scalar>
struct Batch {
  std::array<std::vector<Scalar>, 4> numbers;
  WindowBatch<Scalar> windows;
  bool right = true, tame = true;

  template <class Config>
  Batch(Program& program, const Config& c) {
    std::size_t marks = 0, targets = c.channels;
    if constexpr (requires { c.marks; }) marks = c.marks;
    if constexpr (requires { c.endogenous(); }) targets = c.endogenous();
    constexpr std::size_t counts[] = {1, 2, 3, 1, 2, 4, 1, 2, 5, 1, 3, 2, 7, 0, 1, 50};
    const std::size_t samples = program.one_of(counts), channels = program.size(c.channels),
                      lookback = program.size(c.lookback), horizon = program.size(c.horizon);
    windows.samples = program.count(samples);
    windows.lookback = program.count(lookback);
    windows.horizon = program.count(horizon);
    right = samples > 0 && channels == c.channels && windows.samples == samples &&
            windows.lookback == c.lookback && windows.horizon == c.horizon &&
            lookback == c.lookback && horizon == c.horizon;
    windows.history = view(program, 0, samples * lookback, channels);
    windows.history_marks = view(program, 1, marks ? samples * lookback : 0, marks);
    windows.future_marks = view(program, 2, marks ? samples * horizon : 0, marks);
    windows.target = view(program, 3, samples * horizon, targets);
    fill(program);
  }
  /// The same batch in another precision.
  template <class Other>
  explicit Batch(const Batch<Other>& other) : right(other.right), tame(other.tame) {
    const auto take = [&](std::size_t i, Rows<const Other> view) {
      numbers[i].assign(other.numbers[i].begin(), other.numbers[i].end());
      return Rows<const Scalar>(numbers[i].data(), view.rows(), view.cols());
    };
    const auto& from = other.windows;
    windows = {.samples = from.samples,
               .lookback = from.lookback,
               .horizon = from.horizon,
               .history = take(0, from.history),
               .history_marks = take(1, from.history_marks),
               .future_marks = take(2, from.future_marks),
               .target = take(3, from.target)};
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

 private:
  Rows<const Scalar> view(Program& program, std::size_t i, std::size_t rows, std::size_t cols) {
    const std::size_t choice = program.below(128), row_count = rows, col_count = cols;
    if (choice == 127) rows += 1;
    if (choice == 126) rows -= rows > 0;
    if (choice == 125) cols += 1;
    if (choice == 124) cols -= cols > 0;
    if (choice == 123) rows = 0;
    if (choice == 122) rows *= 2;
    const bool nowhere = choice == 121 && rows * cols > 0;
    right &= rows == row_count && cols == col_count && !nowhere;
    numbers[i] = std::vector<Scalar>(rows * cols);
    return {nowhere ? nullptr : numbers[i].data(), rows, cols};
  }
  void fill(Program& program) {
    const std::size_t kind = program.below(8);
    Random random(program.below(4), 7);
    for (auto& values : numbers) {
      for (Scalar& value : values)
        value = static_cast<Scalar>(kind == 5   ? 3
                                    : kind == 6 ? 50 + random.normal() / 8
                                                : random.normal());
      if (kind == 7 && !values.empty())
        values[program.below(255) % values.size()] = static_cast<Scalar>(program.number(1e9));
      tame &= moderate(values, 100);
    }
  }
};

[[nodiscard]] inline ModuleMask any_mask(Program& program) {
  const ModuleMask low{program.below(256)};
  constexpr ModuleMask beyond[] = {{}, {}, {}, {~std::uint64_t{255}}, {1ull << 63}, {1ull << 40}};
  return {low.bits | program.one_of(beyond).bits};
}

[[nodiscard]] inline TrainingOptions any_options(Program& program) {
  TrainingOptions options{.epochs = program.size(2),
                          .batch_size = program.size(5),
                          .patience = program.size(2),
                          .rate = program.number(0.01)};
  options.schedule = rate_schedules[program.below(rate_schedules.size())].value;
  options.seed = program.below(4);
  options.clip_norm = program.number(0);
  options.drop_last = program.one_in(4);
  options.optimizer = {.rule = optimizer_rules[program.below(3)].value,
                       .beta1 = program.number(0.9),
                       .beta2 = program.number(0.999),
                       .epsilon = program.number(1e-8),
                       .weight_decay = program.number(0),
                       .momentum = program.number(0)};
  options.loss = {.rule = loss_rules[program.below(loss_rules.size())].value,
                  .delta = program.number(1),
                  .level = program.number(0.5)};
  options.layer_drop = program.number(0);
  options.averaging = {averagings[program.below(3)].value, program.number(0.9), program.size(1)};
  options.distillation = program.number(0);
  return options;
}

[[nodiscard]] inline Budget any_budget(Program& program) {
  switch (program.below(7)) {
    case 0:
      return DropLowest{program.size(1)};
    case 1:
      return DropRatio{program.number(0.5)};
    case 2:
      return DropBelow{program.number(0.01)};
    case 3:
      return ReduceMacs{program.number(0.1)};
    case 4:
      return ReduceParameters{program.number(0.1)};
    case 5:
      return LatencyAtMost{program.number(1000)};
    default:
      return LossAtMost{program.number(0.5)};
  }
}

[[nodiscard]] inline AnyCriterion<float> any_criterion(Program& program) {
  const auto infos = criterion_infos();
  return make_criterion<float>(
      infos[program.below(infos.size())].name,
      {.variant = program.one_in(2) ? SendVariant::absolute_mean : SendVariant::signed_sum,
       .dynamics = program.one_in(4) ? SendDynamics::epoch : SendDynamics::step_average,
       .reduction = program.one_in(4) ? LossReduction::sum : LossReduction::mean,
       .normalized = program.one_in(2),
       .decay = program.number(0.98)});
}

}  // namespace api
