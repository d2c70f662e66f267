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
  bool skip_filled = false;             // leaves out windows that hold a cell without a number
  /// All channels but the target are known for the rows to forecast, as a calendar or another
  /// forecast is: a history holds their rows `horizon` later, up to its last forecast row. Only
  /// with target_from_all.
  bool known_covariates = false;

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
  AlignedBuffer<std::uint8_t> filled;
};

namespace detail {

/// What all windows ask of a series and its scaler. Throws ConfigError or ShapeError.
inline void check_windows(const Series& series, const StandardScaler& scaler,
                          const WindowOptions& options) {
  series.check();
  if (options.lookback == 0 || options.horizon == 0 || options.stride == 0)
    throw ConfigError("lookback, horizon and stride must be at least 1");
  if (options.known_covariates && options.features != Features::target_from_all)
    throw ConfigError("known covariates need features MS: the last channel from all");
  if (scaler.channels() != series.channels())
    throw ShapeError(message("expected a scaler of ", series.channels(), " channels, found ",
                             scaler.channels()));
  if (options.marks && series.time_index != TimeIndex::date)
    throw ConfigError(
        "time marks need a column of dates, which the series lacks; a model that is trained "
        "without marks needs none");
}

/// Appends to `to` these rows of a series in scaled units, [rows x options.inputs()]: scaled in
/// double, rounded to Scalar once. Throws DataError for a number that is then not finite.
template <class Scalar>
void scale_rows(const Series& series, const StandardScaler& scaler, Split rows,
                const WindowOptions& options, AlignedBuffer<Scalar>& to) {
  const std::size_t channels = series.channels(), first = channels - options.inputs(channels);
  to.reserve(to.size() + rows.size() * options.inputs(channels));
  for (std::size_t r = rows.begin; r < rows.end; ++r)
    for (std::size_t c = first; c < channels; ++c) {
      to.push_back(static_cast<Scalar>(scaler.transform(series.view().row(r)[c], c)));
      if (!std::isfinite(to.back()))
        throw DataError(message("row ", r, ", channel ", in_quotes(series.names[c]), ": ",
                                series.view().row(r)[c], " is not finite in scaled units"));
    }
}

/// Appends to `to` the marks of these times, [times x M].
template <class Scalar>
void mark_times(std::span<const std::int64_t> times, Frequency frequency,
                AlignedBuffer<Scalar>& to) {
  for (const double mark : time_marks(times, frequency)) to.push_back(static_cast<Scalar>(mark));
}

}  // namespace detail

/// The windows of the rows of one split, in scaled units: one begins every `stride` rows, and holds
/// the lookback rows from there on and the horizon rows after them. It owns a scaled copy of the
/// rows, rounded from double to Scalar once; threads may share it.
///
/// The constructor and add() throw ConfigError for a window of no rows, a stride of 0, or time
/// marks without dates, ShapeError for a scaler with another number of channels, and DataError if
/// the rows do not hold one window, or none without filled cells if such windows are left out.
template <std::floating_point Scalar>
class WindowDataset {
 public:
  WindowDataset(const Series& series, const StandardScaler& scaler, Split rows,
                const WindowOptions& options)
      : options_(options), channels_(options.inputs(series.channels())) {
    add(series, scaler, rows);
  }

  /// Adds the windows of another series with the same channels, by its own scaler. A window is of
  /// one series. Throws ShapeError for another number of channels.
  void add(const Series& series, const StandardScaler& scaler, Split rows) {
    detail::check_windows(series, scaler, options_);
    if (options_.inputs(series.channels()) != channels_)
      throw ShapeError(
          message("windows of ", channels_, " channels, found a series of ", series.channels()));
    if (rows.begin > rows.end || rows.end > series.rows())
      throw DataError(message("rows [", rows.begin, ", ", rows.end, ") do not lie in a series of ",
                              series.rows()));
    if (options_.lookback > rows.size() || options_.horizon > rows.size() - options_.lookback)
      throw DataError(message("one window needs ", options_.lookback, " + ", options_.horizon,
                              " rows, found ", rows.size()));
    const std::vector<std::size_t> begins = windows_of(series, rows);
    if (begins.empty())
      throw DataError("every window holds a cell without a number, and such windows are left out");
    AlignedBuffer<Scalar> scaled;
    detail::scale_rows(series, scaler, rows, options_, scaled);  // may throw: nothing is added yet
    if (values_.empty())
      values_ = std::move(scaled);
    else
      values_.insert(values_.end(), scaled.begin(), scaled.end());
    add_filled(series, rows);
    for (const std::size_t begin : begins) begins_.push_back(rows_ + begin - rows.begin);
    rows_ += rows.size();
    if (!options_.marks) return;
    marks_ = mark_count(*options_.marks);
    detail::mark_times(std::span(series.times).subspan(rows.begin, rows.size()), *options_.marks,
                       mark_values_);
  }

  /// The number of windows.
  [[nodiscard]] std::size_t size() const { return begins_.size(); }
  [[nodiscard]] const WindowOptions& options() const { return options_; }
  [[nodiscard]] std::size_t channels() const { return channels_; }
  [[nodiscard]] std::size_t target_channels() const { return options_.targets(channels_); }
  /// The number of marks per row.
  [[nodiscard]] std::size_t marks() const { return marks_; }
  /// The scaled rows, [rows x channels].
  [[nodiscard]] Rows<const Scalar> values() const { return {values_.data(), rows_, channels_}; }
  /// The row of values() at which a window begins.
  [[nodiscard]] std::size_t begin_of(std::size_t window) const { return begins_[window]; }
  /// Whether a cell of values() has no number in the file.
  [[nodiscard]] bool is_filled(std::size_t row, std::size_t channel) const {
    return !filled_.empty() && filled_[row * channels_ + channel] != 0;
  }

  /// The windows of these indices as one batch, whose views are valid until the buffer's next use.
  /// Allocates nothing once the buffer has held a batch of that size. Throws ShapeError for an
  /// index that is no window.
  [[nodiscard]] WindowBatch<Scalar> gather(std::span<const std::size_t> indices,
                                           WindowBuffer<Scalar>& buffer) const {
    const std::size_t lookback = options_.lookback, horizon = options_.horizon,
                      samples = indices.size(), targets = target_channels(),
                      skipped = channels_ - targets,
                      ahead = options_.known_covariates ? horizon : 0;
    buffer.history.resize(samples * lookback * channels_);
    buffer.target.resize(samples * horizon * targets);
    buffer.filled.resize(filled_.empty() ? 0 : samples * horizon * targets);
    buffer.history_marks.resize(samples * lookback * marks_);
    buffer.future_marks.resize(samples * horizon * marks_);
    for (std::size_t b = 0; b < samples; ++b) {
      if (indices[b] >= size())
        throw ShapeError(message("there is no window ", indices[b], ": the rows hold ", size()));
      const std::size_t first = begins_[indices[b]], future = first + lookback;
      copy(values_, channels_, first + ahead, lookback, 0, buffer.history, b * lookback);
      for (std::size_t l = 0; l < lookback && ahead > 0; ++l)  // the target's own rows
        buffer.history[(b * lookback + l + 1) * channels_ - 1] =
            values_[(first + l + 1) * channels_ - 1];
      copy(values_, channels_, future, horizon, skipped, buffer.target, b * horizon);
      copy(mark_values_, marks_, first, lookback, 0, buffer.history_marks, b * lookback);
      copy(mark_values_, marks_, future, horizon, 0, buffer.future_marks, b * horizon);
      if (!filled_.empty())
        copy(filled_, channels_, future, horizon, skipped, buffer.filled, b * horizon);
    }
    return {
        .samples = samples,
        .lookback = lookback,
        .horizon = horizon,
        .history = {buffer.history.data(), samples * lookback, channels_},
        .history_marks = {buffer.history_marks.data(), marks_ == 0 ? 0 : samples * lookback,
                          marks_},
        .future_marks = {buffer.future_marks.data(), marks_ == 0 ? 0 : samples * horizon, marks_},
        .target = {buffer.target.data(), samples * horizon, targets},
        .filled = {buffer.filled.data(), filled_.empty() ? 0 : samples * horizon, targets}};
  }

 private:
  /// The rows of the series at which windows begin.
  [[nodiscard]] std::vector<std::size_t> windows_of(const Series& series, Split rows) const {
    std::vector<std::size_t> begins;
    const std::size_t length = options_.lookback + options_.horizon,
                      first = series.channels() - channels_;
    std::size_t free_from = rows.begin;  // no filled cell in rows [free_from, seen)
    for (std::size_t begin = rows.begin, seen = rows.begin; begin + length <= rows.end;
         begin += options_.stride) {
      for (; options_.skip_filled && seen < begin + length; ++seen)
        for (std::size_t c = first; c < series.channels(); ++c)
          if (series.is_filled(seen, c)) free_from = seen + 1;
      if (!options_.skip_filled || free_from <= begin) begins.push_back(begin);
    }
    return begins;
  }
  /// Appends which cells are filled; nothing as long as no series has such cells.
  void add_filled(const Series& series, Split rows) {
    if (series.filled.empty() && filled_.empty()) return;
    filled_.resize(rows_ * channels_);  // of series without filled cells
    for (std::size_t r = rows.begin; r < rows.end; ++r)
      for (std::size_t c = series.channels() - channels_; c < series.channels(); ++c)
        filled_.push_back(series.is_filled(r, c) ? 1 : 0);
  }

  /// Copies rows [first, first + count) of `from`, without their first `skipped` columns, to row
  /// `to_row` of `to`.
  template <class Value>
  static void copy(const AlignedBuffer<Value>& from, std::size_t cols, std::size_t first,
                   std::size_t count, std::size_t skipped, AlignedBuffer<Value>& to,
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
  std::size_t rows_ = 0, channels_, marks_ = 0;
  AlignedBuffer<Scalar> values_, mark_values_;
  AlignedBuffer<std::uint8_t> filled_;  // empty: no cell is
  std::vector<std::size_t> begins_;     // the row of values_ at which each window begins
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
