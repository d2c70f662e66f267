// prune. SEND, the sensitivity of an attention module: how unevenly its connections matter to the loss.
#pragma once

#include <spat/autograd/scoring.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/prune/dispersion.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What becomes of the samples of a step. signed_sum: S = sum_b A_b dA_b, the literal gradient of a mask without batch index.
/// absolute_mean: S = mean_b |A_b dA_b|, without cancellation and independent of the batch size.
enum class SendVariant { signed_sum, absolute_mean };

/// step_average: one SEND a step, then a bias-corrected exponential moving average. epoch: |S| averaged over an epoch's steps,
/// then one SEND at its end. The two are never mixed: a deviation is convex in S.
enum class SendDynamics { step_average, epoch };

struct SendOptions {
  SendVariant variant = SendVariant::signed_sum;
  SendDynamics dynamics = SendDynamics::step_average;
  double decay = 0.98;  // of the moving average, a step
};

/// The criterion's state for one module. SEND is linear in the scale of S where S is small: it depends on the loss's reduction
/// (spat's is the mean over all elements) and, as signed_sum, on the batch size.
template <std::floating_point Scalar>
class Send {
 public:
  Send() = default;
  explicit Send(SendOptions options) : options_(options) {}

  /// The first block of a step says its sizes.
  void on_backward(const BackwardEvent<Scalar>& event) {
    begin_block({event.heads, event.query_tokens, event.memory_tokens});
    samples_ += event.samples;
    if (!event.causal && event.key_mask.size() == 0) return;
    visible_.resize(tiles_.queries * tiles_.keys);
    for (std::size_t b = 0; b < event.samples; ++b)
      for (std::size_t i = 0; i < tiles_.queries; ++i)
        for (std::size_t j = 0; j < tiles_.keys; ++j) visible_[i * tiles_.keys + j] |= event.sees(b, i, j);
  }

  /// S += A dA: one multiply-add an entry, while the tile is in the cache. A head's tiles have memory of their own.
  void on_tile(const TileEvent<Scalar>& tile) {
    constexpr std::size_t width = SensitivityTiles<Scalar>::width, lanes = kernels::lanes<Scalar>;
    assert(tile.first_query % width == 0 && tile.a.cols <= width);
    Scalar* const sums = sums_.data() + tiles_.tile(tile.head, tile.first_query);
    for (std::size_t j = 0; j < tile.a.rows; ++j)
      for (std::size_t i = 0; i < tile.a.cols; i += lanes) {
        const std::size_t count = std::min(lanes, tile.a.cols - i);
        const auto a = kernels::load_part(tile.a.row(j) + i, count), da = kernels::load_part(tile.da.row(j) + i, count);
        Scalar* const sum = sums + j * width + i;
        kernels::store(sum, options_.variant == SendVariant::signed_sum
                                ? kernels::multiply_add<Scalar>(a, da, kernels::load(sum))
                                : kernels::load(sum) + kernels::abs(a * da));
      }
  }

  /// Takes over what another place has gathered in this step; the other starts anew. Call in the order of places.
  void merge(Send& other) {
    if (other.samples_ == 0) return;
    if (samples_ == 0) {
      std::swap(sums_, other.sums_), std::swap(tiles_, other.tiles_);
      if (epoch_steps_ == 0) visible_.clear();
    } else {
      begin_block(other.tiles_);
      for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    }
    visible_.resize(std::max(visible_.size(), other.visible_.size()));
    for (std::size_t i = 0; i < other.visible_.size(); ++i) visible_[i] |= other.visible_[i];
    samples_ += other.samples_;
    other.samples_ = 0;
  }

  /// The step's SEND goes into the average. Throws NumericError if S is not finite.
  void end_step(Team* team = nullptr) {
    if (samples_ == 0) return;
    const Scalar scale = options_.variant == SendVariant::absolute_mean ? 1 / static_cast<Scalar>(samples_) : Scalar(1);
    if (options_.dynamics == SendDynamics::step_average) {
      average_ = multiply_add(options_.decay, average_,
                              (1 - options_.decay) * send<Scalar>(sums_.data(), tiles_, scale, visible_, room_, team));
      ++steps_;
    } else {
      if (epoch_steps_ != 0 && epoch_.size() != tiles_.heads * tiles_.queries * tiles_.keys)
        throw ShapeError("SEND: an epoch holds steps of different token counts");
      epoch_.resize(tiles_.heads * tiles_.queries * tiles_.keys);
      std::size_t at = 0;
      for (std::size_t h = 0; h < tiles_.heads; ++h)
        for (std::size_t i = 0; i < tiles_.queries; ++i)
          for (std::size_t j = 0; j < tiles_.keys; ++j)
            epoch_[at++] +=
                std::abs(static_cast<double>(sums_[tiles_.tile(h, i) + j * tiles_.width + i % tiles_.width] * scale));
      ++epoch_steps_;
    }
    samples_ = 0;
  }

  void end_epoch() {
    if (options_.dynamics != SendDynamics::epoch || epoch_steps_ == 0) return;
    for (double& value : epoch_) value /= static_cast<double>(epoch_steps_);
    average_ = send<double>({epoch_.data(), epoch_.size() / tiles_.keys, tiles_.keys}, tiles_.heads, visible_);
    steps_ = 1;
    epoch_.clear(), epoch_steps_ = 0;
  }

  /// NaN before anything was observed.
  [[nodiscard]] double score() const {
    if (steps_ == 0) return std::nan("");
    if (options_.dynamics == SendDynamics::epoch) return average_;
    return average_ / (1 - std::pow(options_.decay, static_cast<double>(steps_)));
  }

  /// The largest value SEND can take: mean over rows of sqrt(Lk - 1) / Lk.
  [[nodiscard]] double bound() const {
    if (tiles_.keys == 0) return 0;
    double total = 0, rows = 0;
    for (std::size_t i = 0; i < (visible_.empty() ? 1 : visible_.size() / tiles_.keys); ++i) {
      double keys = visible_.empty() ? static_cast<double>(tiles_.keys) : 0;
      for (std::size_t j = 0; j < tiles_.keys && !visible_.empty(); ++j) keys += visible_[i * tiles_.keys + j] != 0;
      if (keys > 0) total += std::sqrt(keys - 1) / keys, ++rows;
    }
    return total / std::max(rows, 1.0);
  }

  /// What a training checkpoint keeps between epochs, as numbers.
  [[nodiscard]] std::vector<double> state() const {
    std::vector<double> numbers{average_, static_cast<double>(steps_), static_cast<double>(tiles_.heads),
                                static_cast<double>(tiles_.keys)};
    numbers.insert(numbers.end(), visible_.begin(), visible_.end());
    return numbers;
  }
  void restore(const std::vector<double>& numbers) {
    average_ = numbers.at(0), steps_ = static_cast<std::size_t>(numbers.at(1));
    tiles_.heads = static_cast<std::size_t>(numbers.at(2)), tiles_.keys = static_cast<std::size_t>(numbers.at(3));
    visible_.clear();
    for (std::size_t i = 4; i < numbers.size(); ++i) visible_.push_back(numbers[i] != 0);
  }

 private:
  /// Which keys are seen is a matter of the step, or of the epoch, at hand.
  void begin_block(const SensitivityTiles<Scalar>& tiles) {
    if (samples_ == 0) {
      tiles_ = tiles;
      if (sums_.size() != tiles.size())
        sums_ = AlignedBuffer<Scalar>(tiles.size());
      else
        std::fill(sums_.begin(), sums_.end(), Scalar(0));
      if (epoch_steps_ == 0) visible_.clear();
    } else if (tiles_ != tiles) {
      throw ShapeError("SEND: a step holds samples of different token counts");
    }
  }

  SendOptions options_;
  SensitivityTiles<Scalar> tiles_;
  AlignedBuffer<Scalar> sums_;          // S of the step so far
  std::vector<double> epoch_;           // |S| of the epoch so far, [H * Lq x Lk]
  std::vector<unsigned char> visible_;  // [Lq x Lk]; empty: all
  std::size_t samples_ = 0, steps_ = 0, epoch_steps_ = 0;
  double average_ = 0;
  DispersionRoom<Scalar> room_;
};

}  // namespace spat
