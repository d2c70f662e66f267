// data. The input of every forecaster: a batch of windows, as views.
#pragma once

#include <spat/core/view.hpp>

#include <cassert>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// A batch of B samples, each with L known rows and T rows to forecast; C channels, M time marks
/// per row, C_out target channels.
///
///   history        [B*L x C]      in scaled units
///   history_marks  [B*L x M]      or empty
///   future_marks   [B*T x M]      or empty
///   target         [B*T x C_out]  or empty if only a forecast is wanted
///
/// Storage is row-major: sample, then time, then channel, without gaps. Row b*L + l of the history
/// is time l of sample b. The batch owns nothing; the numbers must outlive it.
template <class Scalar>
struct WindowBatch {
  std::size_t samples = 0, lookback = 0, horizon = 0;
  Rows<const Scalar> history = {}, history_marks = {}, future_marks = {}, target = {};

  [[nodiscard]] std::size_t channels() const { return history.cols(); }
  [[nodiscard]] std::size_t marks() const { return history_marks.cols(); }
  [[nodiscard]] std::size_t target_channels() const { return target.cols(); }

  /// Samples [first, first + count).
  [[nodiscard]] WindowBatch middle(std::size_t first, std::size_t count) const {
    assert(first + count <= samples);
    const auto cut = [&](Rows<const Scalar> rows, std::size_t steps) {
      return rows.rows() == 0 ? rows
                              : Rows<const Scalar>(rows.middle_rows(first * steps, count * steps));
    };
    return {.samples = count,
            .lookback = lookback,
            .horizon = horizon,
            .history = cut(history, lookback),
            .history_marks = cut(history_marks, lookback),
            .future_marks = cut(future_marks, horizon),
            .target = cut(target, horizon)};
  }
};

}  // namespace spat
