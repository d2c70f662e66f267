// data. All windows of one split, gathered into batches in reusable memory.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/core/error.hpp>
#include <spat/core/names.hpp>
#include <spat/core/random.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>
#include <spat/data/scaler.hpp>
#include <spat/data/series.hpp>
#include <spat/data/splits.hpp>
#include <spat/data/time_features.hpp>
#include <spat/data/window_batch.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Which channels are read and forecast. all (M): every channel forecasts every channel.
/// target_from_all (MS): every channel forecasts the last one. target (S): the last channel
/// forecasts itself.
enum class Features { all, target_from_all, target };

/// The names of the choices.
inline constexpr std::array<Named<Features>, 3> feature_choices{
    {{"M", Features::all}, {"MS", Features::target_from_all}, {"S", Features::target}}};
/// The choice of this name. Throws ConfigError for a name that is not in `feature_choices`.
[[nodiscard]] inline Features parse_features(std::string_view name) {
  return parse_name("features", name, feature_choices);
}

/// Which windows to cut from a series.
struct WindowOptions {
  std::size_t lookback = 96, horizon = 96;
  std::size_t stride = 1;  // rows from the start of one window to the start of the next
  Features features = Features::all;
  std::optional<Frequency> marks = {};  // time marks; empty for none

  /// The channels that a forecaster sees, the last ones of a series of `channels`.
  [[nodiscard]] std::size_t inputs(std::size_t channels) const {
    return features == Features::target ? 1 : channels;
  }
  /// The channels that it forecasts, the last ones too.
  [[nodiscard]] std::size_t targets(std::size_t channels) const {
    return features == Features::all ? channels : 1;
  }
};

/// The memory of a batch. It grows to the largest batch and keeps that size.
template <std::floating_point Scalar>
struct WindowBuffer {
  AlignedBuffer<Scalar> history, history_marks, future_marks, target;
};

namespace detail {

/// What all windows ask of a series and its scaler. Throws ConfigError or ShapeError.
inline void check_windows(const Series& series, const StandardScaler& scaler,
                          const WindowOptions& options) {
  series.check();
  if (options.lookback == 0 || options.horizon == 0 || options.stride == 0)
    throw ConfigError("lookback, horizon and stride must be at least 1");
  if (scaler.channels() != series.channels())
    throw ShapeError(message("expected a scaler of ", series.channels(), " channels, found ",
                             scaler.channels()));
  if (options.marks && series.time_index != TimeIndex::date)
    throw ConfigError(
        "time marks need a column of dates, which the series lacks; a model that is trained "
        "without "
        "marks needs none");
}

/// Replaces `to` with these rows of a series in scaled units, [rows x options.inputs()]: scaled in
/// double, rounded to Scalar once. Throws DataError for a number that is then not finite.
template <class Scalar>
void scale_rows(const Series& series, const StandardScaler& scaler, Split rows,
                const WindowOptions& options, AlignedBuffer<Scalar>& to) {
  const std::size_t channels = series.channels(), first = channels - options.inputs(channels);
  to.clear();
  to.reserve(rows.size() * options.inputs(channels));
  for (std::size_t r = rows.begin; r < rows.end; ++r)
    for (std::size_t c = first; c < channels; ++c) {
      to.push_back(static_cast<Scalar>(scaler.transform(series.view().row(r)[c], c)));
      if (!std::isfinite(to.back()))
        throw DataError(message("row ", r, ", channel ", in_quotes(series.names[c]), ": ",
                                series.view().row(r)[c], " is not finite in scaled units"));
    }
}

/// Replaces `to` with the marks of these times, [times x M].
template <class Scalar>
void mark_times(std::span<const std::int64_t> times, Frequency frequency,
                AlignedBuffer<Scalar>& to) {
  to.clear();
  for (const double mark : time_marks(times, frequency)) to.push_back(static_cast<Scalar>(mark));
}

}  // namespace detail

/// The windows of the rows of one split, in scaled units: window i is the lookback rows from i *
/// stride on, and the horizon rows after them. It owns a scaled copy of the rows, rounded from
/// double to Scalar once; threads may share it.
///
/// Throws ConfigError for a window of no rows, a stride of 0, or time marks without dates,
/// ShapeError for a scaler with another number of channels, and DataError if the rows do not hold
/// one window.
template <std::floating_point Scalar>
class WindowDataset {
 public:
  WindowDataset(const Series& series, const StandardScaler& scaler, Split rows,
                const WindowOptions& options)
      : options_(options), rows_(rows.size()), channels_(options.inputs(series.channels())) {
    detail::check_windows(series, scaler, options);
    if (rows.begin > rows.end || rows.end > series.rows())
      throw DataError(message("rows [", rows.begin, ", ", rows.end, ") do not lie in a series of ",
                              series.rows()));
    if (options.lookback > rows_ || options.horizon > rows_ - options.lookback)
      throw DataError(message("one window needs ", options.lookback, " + ", options.horizon,
                              " rows, found ", rows_));
    detail::scale_rows(series, scaler, rows, options, values_);
    if (!options.marks) return;
    marks_ = mark_count(*options.marks);
    detail::mark_times(std::span(series.times).subspan(rows.begin, rows_), *options.marks,
                       mark_values_);
  }

  /// The number of windows.
  [[nodiscard]] std::size_t size() const {
    return (rows_ - options_.lookback - options_.horizon) / options_.stride + 1;
  }
  [[nodiscard]] const WindowOptions& options() const { return options_; }
  [[nodiscard]] std::size_t channels() const { return channels_; }
  [[nodiscard]] std::size_t target_channels() const { return options_.targets(channels_); }
  /// The number of marks per row.
  [[nodiscard]] std::size_t marks() const { return marks_; }
  /// The scaled rows of the split, [rows x channels].
  [[nodiscard]] Rows<const Scalar> values() const { return {values_.data(), rows_, channels_}; }

  /// The windows of these indices as one batch, whose views are valid until the buffer's next use.
  /// Allocates nothing once the buffer has held a batch of that size. Throws ShapeError for an
  /// index that is no window.
  [[nodiscard]] WindowBatch<Scalar> gather(std::span<const std::size_t> indices,
                                           WindowBuffer<Scalar>& buffer) const {
    const std::size_t lookback = options_.lookback, horizon = options_.horizon,
                      samples = indices.size();
    const std::size_t skipped = channels_ - target_channels();
    buffer.history.resize(samples * lookback * channels_);
    buffer.target.resize(samples * horizon * target_channels());
    buffer.history_marks.resize(samples * lookback * marks_);
    buffer.future_marks.resize(samples * horizon * marks_);
    for (std::size_t b = 0; b < samples; ++b) {
      if (indices[b] >= size())
        throw ShapeError(message("there is no window ", indices[b], ": the rows hold ", size()));
      const std::size_t first = indices[b] * options_.stride, future = first + lookback;
      copy(values_, channels_, first, lookback, 0, buffer.history, b * lookback);
      copy(values_, channels_, future, horizon, skipped, buffer.target, b * horizon);
      copy(mark_values_, marks_, first, lookback, 0, buffer.history_marks, b * lookback);
      copy(mark_values_, marks_, future, horizon, 0, buffer.future_marks, b * horizon);
    }
    return {
        .samples = samples,
        .lookback = lookback,
        .horizon = horizon,
        .history = {buffer.history.data(), samples * lookback, channels_},
        .history_marks = {buffer.history_marks.data(), marks_ == 0 ? 0 : samples * lookback,
                          marks_},
        .future_marks = {buffer.future_marks.data(), marks_ == 0 ? 0 : samples * horizon, marks_},
        .target = {buffer.target.data(), samples * horizon, target_channels()}};
  }

 private:
  /// Copies rows [first, first + count) of `from`, without their first `skipped` columns, to row
  /// `to_row` of `to`.
  static void copy(const AlignedBuffer<Scalar>& from, std::size_t cols, std::size_t first,
                   std::size_t count, std::size_t skipped, AlignedBuffer<Scalar>& to,
                   std::size_t to_row) {
    const std::size_t kept = cols - skipped;
    if (skipped == 0) {
      std::copy_n(from.data() + first * cols, count * cols, to.data() + to_row * cols);
      return;
    }
    for (std::size_t r = 0; r < count; ++r) {
      std::copy_n(from.data() + (first + r) * cols + skipped, kept,
                  to.data() + (to_row + r) * kept);
    }
  }

  WindowOptions options_;
  std::size_t rows_, channels_, marks_ = 0;
  AlignedBuffer<Scalar> values_, mark_values_;
};

/// The indices 0 .. count - 1 in an order that is a function of (seed, epoch) alone.
[[nodiscard]] inline std::vector<std::size_t> shuffled_indices(std::size_t count,
                                                               std::uint64_t seed,
                                                               std::uint64_t epoch) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  Random random(seed, epoch);
  for (std::size_t left = count; left > 1; --left) {
    std::swap(indices[left - 1], indices[static_cast<std::size_t>(random.below(left))]);
  }
  return indices;
}

}  // namespace spat
