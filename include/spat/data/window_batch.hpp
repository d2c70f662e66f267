// data. The input of every forecaster: a batch of windows, as views.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/view.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace spat::inline SPAT_ABI {

/// A batch of B samples, each with L known rows and T rows to forecast; C channels, M time marks
/// per row, C_out target channels.
///
///   history        [B*L x C]      in scaled units
///   history_marks  [B*L x M]      or empty
///   future_marks   [B*T x M]      or empty
///   target         [B*T x C_out]  or empty if only a forecast is wanted
///   filled         [B*T x C_out]  1 where the file has no number for the target, which then counts
///                                 in no error; or empty
///
/// Storage is row-major: sample, then time, then channel, without gaps. Row b*L + l of the history
/// is time l of sample b. The batch owns nothing; the numbers must outlive it.
template <class Scalar>
struct WindowBatch {
  std::size_t samples = 0, lookback = 0, horizon = 0;
  Rows<const Scalar> history = {}, history_marks = {}, future_marks = {}, target = {};
  Rows<const std::uint8_t> filled = {};

  [[nodiscard]] std::size_t channels() const { return history.cols(); }
  [[nodiscard]] std::size_t marks() const { return history_marks.cols(); }
  [[nodiscard]] std::size_t target_channels() const { return target.cols(); }
  /// Whether a number of the target, by its place in storage, counts in errors.
  [[nodiscard]] bool counts(std::size_t place) const {
    return filled.rows() == 0 || filled.data()[place] == 0;
  }

  /// Throws ShapeError unless every view has the rows that samples, lookback and horizon ask for,
  /// and memory behind them. All views but the history may be empty. Every call that takes a batch
  /// from a user checks it once, as a whole: parts of it are cut by these numbers.
  void check() const {
    if (samples == 0 && history.rows() == 0) {  // nothing to forecast
      if (history_marks.rows() + future_marks.rows() + target.rows() + filled.rows() > 0)
        throw ShapeError("a batch of no samples has no rows of marks or of a target");
      return;
    }
    if (lookback == 0 || horizon == 0)
      throw ShapeError(message("a batch has a lookback and a horizon of at least 1: lookback ",
                               lookback, ", horizon ", horizon));
    if (history.cols() == 0 && samples > 0) throw ShapeError("the history has no channels");
    check_view("history", history, "lookback", lookback, false);
    check_view("history marks", history_marks, "lookback", lookback, true);
    check_view("future marks", future_marks, "horizon", horizon, true);
    check_view("target", target, "horizon", horizon, true);
    check_view("filled cells", filled, "horizon", horizon, true);
    if (filled.rows() > 0 && filled.cols() != target.cols())
      throw ShapeError(message("the filled cells of ", filled.cols(), " channels, the target has ",
                               target.cols()));
  }

  /// Samples [first, first + count).
  [[nodiscard]] WindowBatch middle(std::size_t first, std::size_t count) const {
    assert(first + count <= samples);
    const auto cut = [&]<class Value>(Rows<const Value> rows, std::size_t steps) {
      return rows.rows() == 0 ? rows
                              : Rows<const Value>(rows.middle_rows(first * steps, count * steps));
    };
    return {.samples = count,
            .lookback = lookback,
            .horizon = horizon,
            .history = cut(history, lookback),
            .history_marks = cut(history_marks, lookback),
            .future_marks = cut(future_marks, horizon),
            .target = cut(target, horizon),
            .filled = cut(filled, horizon)};
  }

 private:
  /// Divides where a product could overflow.
  template <class Value>
  void check_view(const char* name, const Rows<const Value>& view, const char* steps_name,
                  std::size_t steps, bool may_be_empty) const {
    if (view.rows() == 0 && may_be_empty) return;
    if (view.rows() % steps != 0 || view.rows() / steps != samples)
      throw ShapeError(message(name, ": expected samples times ", steps_name, ", ", samples,
                               " times ", steps, ", rows, found ", view.rows()));
    if (view.size() > 0 && view.data() == nullptr)
      throw ShapeError(message(name, ": there are no numbers behind the view"));
  }
};

}  // namespace spat
