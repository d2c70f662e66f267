// export. A forecaster whose weights and scaler are constants of the program.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/models/predictor.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

namespace spat::inline SPAT_ABI {

/// The numbers of a model, as a header that `spat export --header` wrote holds them.
struct ModelConstants {
  /// The bits of the model's floats, tensor by tensor in the order of parameters(): two floats per
  /// word, the first one in the lower half.
  std::span<const std::uint64_t> weights = {};
  std::uint64_t digest = 0;  // tensor_digest() of the model that they were taken from
  /// The scaler of the channels; empty: the forecaster works in scaled units.
  std::span<const double> mean = {}, deviation = {};
  std::size_t history_marks = 0, future_marks = 0;  // numbers per row; 0: the model reads none
};

/// A number that tells lists of tensors apart: the 64-bit FNV-1a hash of names and sizes.
template <class Scalar>
[[nodiscard]] std::uint64_t tensor_digest(const ParameterList<Scalar>& list) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3u; };
  for (const auto& parameter : list) {
    for (const char c : parameter.name) add(static_cast<unsigned char>(c));
    add(256 + parameter.values.size());
  }
  return hash;
}

/// The bits of the floats of a list, as ModelConstants holds them.
template <class Scalar>
[[nodiscard]] std::vector<std::uint64_t> weight_words(const ParameterList<Scalar>& list) {
  std::vector<std::uint64_t> words;
  std::size_t place = 0;
  for (const auto& parameter : list)
    for (const Scalar value : parameter.values) {
      const std::uint64_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
      if (place++ % 2 == 0)
        words.push_back(bits);
      else
        words.back() |= bits << 32;
    }
  return words;
}

/// Copies weight_words() into the tensors of a list. Throws ConfigError unless they were taken from
/// the same tensors.
inline void take_weights(const ParameterList<float>& list, const ModelConstants& constants) {
  std::size_t numbers = 0;
  for (const auto& parameter : list) numbers += parameter.values.size();
  if (tensor_digest(list) != constants.digest ||
      divide_up(numbers, std::size_t{2}) != constants.weights.size())
    throw ConfigError(
        message("the constants of a model fit other tensors than those of its type, which has ",
                numbers, " numbers: another version of spat wrote them; export the model again"));
  std::size_t place = 0;
  for (const auto& parameter : list)
    for (float& value : parameter.values) {
      const std::uint64_t word = constants.weights[place / 2];
      value = std::bit_cast<float>(static_cast<std::uint32_t>(place % 2 == 0 ? word : word >> 32));
      ++place;
    }
}

/// Forecasts one window at a time with a static model whose numbers are `constants`.
///
/// The first one of a program takes the weights from the constants; all others share them. Its
/// constructor allocates what it needs and forecasts once, and nothing is allocated afterwards.
/// One thread at a time: a second one receives a ConcurrencyError. A copy is another forecaster.
template <class Model, const ModelConstants& constants>
class ConstantForecaster {
  static_assert(Model::Form::is_static && std::same_as<typename Model::Value, float>,
                "spat: a ConstantForecaster needs a static model of float");
  using Config = typename Model::Config;
  static constexpr Config config = Model::Form::value;

 public:
  ConstantForecaster() : predictor_(shared()), history_(config.lookback * config.channels) {
    const AlignedBuffer<float> marks(std::max(config.lookback * constants.history_marks,
                                              config.horizon * constants.future_marks));
    targets_ = predictor_.forecast(batch(marks.data(), marks.data())).cols();
  }
  ConstantForecaster(const ConstantForecaster&) : ConstantForecaster() {}
  ConstantForecaster& operator=(const ConstantForecaster&) { return *this; }  // all are alike

  /// Writes the forecast of a window.
  ///
  /// Shapes:  history [lookback x C]   history_marks [lookback x M]   future_marks [horizon x M]
  /// result [horizon x C_out].
  /// Without a scaler, history and result are in scaled units. Marks that the model does not read
  /// are empty. Throws ShapeError for other sizes, and DataError for a number that is not finite
  /// in scaled units; the result is then unchanged.
  void forecast(std::span<const float> history, std::span<const float> history_marks,
                std::span<const float> future_marks, std::span<float> result) {
    run(history, history_marks, future_marks, result);
  }
  void forecast(std::span<const double> history, std::span<const float> history_marks,
                std::span<const float> future_marks, std::span<double> result) {
    run(history, history_marks, future_marks, result);
  }

 private:
  static const Predictor<Model>& shared() {
    static const Predictor<Model> predictor = [] {
      Model model;
      take_weights(parameters(model), constants);
      return Predictor<Model>(std::move(model));
    }();
    return predictor;
  }

  [[nodiscard]] WindowBatch<float> batch(const float* history_marks,
                                         const float* future_marks) const {
    const std::size_t past = constants.history_marks, future = constants.future_marks;
    return {.samples = 1,
            .lookback = config.lookback,
            .horizon = config.horizon,
            .history = {history_.data(), config.lookback, config.channels},
            .history_marks = {history_marks, past == 0 ? 0 : config.lookback, past},
            .future_marks = {future_marks, future == 0 ? 0 : config.horizon, future}};
  }

  template <class Number>
  void run(std::span<const Number> history, std::span<const float> history_marks,
           std::span<const float> future_marks, std::span<Number> result) {
    const Exclusive::Hold hold(
        calls_, "a forecaster serves one thread at a time: give each thread one of its own");
    expect("history", history.size(), config.lookback, config.channels);
    expect("history marks", history_marks.size(), config.lookback, constants.history_marks);
    expect("future marks", future_marks.size(), config.horizon, constants.future_marks);
    expect("result", result.size(), config.horizon, targets_);
    expect_finite("history marks", history_marks, constants.history_marks);
    expect_finite("future marks", future_marks, constants.future_marks);
    const bool scales = !constants.mean.empty();
    for (std::size_t i = 0; i < history.size(); ++i) {
      auto z = static_cast<double>(history[i]);  // scaled in double, rounded once
      if (scales)
        z = (z - constants.mean[i % config.channels]) / constants.deviation[i % config.channels];
      history_[i] = static_cast<float>(z);
    }
    expect_finite("history", history_, config.channels);
    const auto y = predictor_.forecast(batch(history_marks.data(), future_marks.data())).flat();
    const std::size_t first = config.channels - targets_;  // the targets are the last channels
    for (std::size_t i = 0; i < y.size(); ++i) {
      auto value = static_cast<double>(y[i]);
      if (scales) {
        const std::size_t channel = first + i % targets_;
        value = multiply_add(value, constants.deviation[channel], constants.mean[channel]);
      }
      result[i] = static_cast<Number>(value);
    }
  }

  static void expect(const char* what, std::size_t found, std::size_t rows, std::size_t cols) {
    if (found != rows * cols)
      throw ShapeError(message(Config::title, ": ", what, ": expected ", rows * cols, " numbers, ",
                               cols == 0 ? 0 : rows, " rows of ", cols, ", found ", found));
  }
  static void expect_finite(const char* what, std::span<const float> numbers, std::size_t cols) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (!std::isfinite(numbers[i]))
        throw DataError(message(Config::title, ": ", what, ": row ", i / cols, ", column ",
                                i % cols, ": ", numbers[i], " is not finite",
                                constants.mean.empty() ? "" : " in scaled units"));
  }

  Predictor<Model> predictor_;
  AlignedBuffer<float> history_;
  std::size_t targets_ = 0;
  Exclusive calls_;
};

}  // namespace spat
