// train. Errors of a model over all windows of a split.
#pragma once

#include <spat/data/windows.hpp>
#include <spat/models/predictor.hpp>
#include <spat/train/counted_target.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/metrics.hpp>

#include <cmath>
#include <numeric>

namespace spat::inline SPAT_ABI {

/// Calls visit(batch, forecast) once for every window, in order. The forecast is [B*T x C_out],
/// like batch.target. Throws ConfigError for a batch size of 0, and ShapeError if the target has
/// another shape.
template <Evaluable Model, class Visit>
void for_each_forecast(const Model& model, const WindowDataset<typename Model::Value>& windows,
                       Team* team, std::size_t batch_size, Visit&& visit) {
  if (batch_size == 0) throw ConfigError("the batch size must be at least 1");
  Predictor<Model> predictor(model, team);
  WindowBuffer<typename Model::Value> buffer;
  std::vector<std::size_t> indices(windows.size());
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  for (std::size_t first = 0; first < indices.size(); first += batch_size) {
    const auto batch = windows.gather(
        std::span(indices).subspan(first, std::min(batch_size, indices.size() - first)), buffer);
    const auto y = predictor.forecast(batch);
    if (y.size() != batch.target.size())
      throw ShapeError("the windows' target has another shape than the forecast");
    visit(batch, y);
  }
}

namespace detail {

inline void expect_numbers(std::size_t count) {
  if (count == 0) throw DataError("the windows have no numbers to compare forecasts with");
}

}  // namespace detail

/// The errors of a model, and its mean loss.
struct Validation {
  Metrics metrics;
  double loss = 0;
};

/// The errors of a model over all windows, each once, and the mean of `loss` over them. Without one
/// the loss is the mean squared error. Filled cells do not count. Sums are in double in the order
/// of the windows, so neither the batch size nor the workers change the result. Throws NumericError
/// if a forecast is not finite, and DataError if no number counts.
template <Evaluable Model>
[[nodiscard]] Validation validate(const Model& model,
                                  const WindowDataset<typename Model::Value>& windows,
                                  const Loss<typename Model::Value>& loss = {},
                                  Team* team = nullptr, std::size_t batch_size = 64) {
  using Scalar = typename Model::Value;
  double squares = 0, absolutes = 0, losses = 0;
  std::size_t count = 0;
  AlignedBuffer<Scalar> counted;
  for_each_forecast(model, windows, team, batch_size, [&](const auto& batch, const auto& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (!batch.counts(i)) continue;
      ++count;
      const double error =
          static_cast<double>(y.data()[i]) - static_cast<double>(batch.target.data()[i]);
      squares = multiply_add(error, error, squares);
      absolutes += std::abs(error);
    }
    // window by window: the order of the sums does not depend on the batch
    const auto target = loss ? detail::counted_target(batch, y, counted) : batch.target;
    for (std::size_t b = 0; loss && b < batch.samples; ++b)
      losses += loss(y.middle_rows(b * batch.horizon, batch.horizon),
                     target.middle_rows(b * batch.horizon, batch.horizon), 1, Rows<Scalar>());
  });
  detail::expect_numbers(count);
  if (!std::isfinite(squares)) throw NumericError("a forecast is not finite");
  const double total = static_cast<double>(count);
  return {{squares / total, absolutes / total, windows.size()}, (loss ? losses : squares) / total};
}

/// The errors of a model over all windows: those of validate().
template <Evaluable Model>
[[nodiscard]] Metrics evaluate(const Model& model,
                               const WindowDataset<typename Model::Value>& windows,
                               Team* team = nullptr, std::size_t batch_size = 64) {
  return validate(model, windows, {}, team, batch_size).metrics;
}

/// Mean squared errors: one per window (over steps and channels), and one per step (over windows
/// and channels).
struct ErrorProfile {
  std::vector<double> by_window, by_step;
};

/// Like evaluate(), but per window and per step: 0 for a window or a step without numbers that
/// count.
template <Evaluable Model>
[[nodiscard]] ErrorProfile error_profile(const Model& model,
                                         const WindowDataset<typename Model::Value>& windows,
                                         Team* team = nullptr, std::size_t batch_size = 64) {
  ErrorProfile profile;
  std::vector<double> in_window, in_step;  // how many numbers count
  for_each_forecast(model, windows, team, batch_size, [&](const auto& batch, const auto& y) {
    profile.by_step.resize(batch.horizon), in_step.resize(batch.horizon);
    for (std::size_t row = 0; row < y.rows(); ++row) {
      if (row % batch.horizon == 0) profile.by_window.push_back(0), in_window.push_back(0);
      double squares = 0;
      for (std::size_t c = 0; c < y.cols(); ++c) {
        if (!batch.counts(row * y.cols() + c)) continue;
        ++in_window.back(), ++in_step[row % batch.horizon];
        const double error =
            static_cast<double>(y.row(row)[c]) - static_cast<double>(batch.target.row(row)[c]);
        squares = multiply_add(error, error, squares);
      }
      profile.by_window.back() += squares;
      profile.by_step[row % batch.horizon] += squares;
    }
  });
  for (const double squares : profile.by_step)
    if (!std::isfinite(squares)) throw NumericError("a forecast is not finite");
  for (std::size_t i = 0; i < in_window.size(); ++i)
    profile.by_window[i] /= std::max(in_window[i], 1.0);
  for (std::size_t i = 0; i < in_step.size(); ++i) profile.by_step[i] /= std::max(in_step[i], 1.0);
  return profile;
}

}  // namespace spat
