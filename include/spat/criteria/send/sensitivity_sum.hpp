// criteria. The S of SEND: the sensitivities of a module's connections, summed over the samples of
// a step from the tiles of A and dA.
#pragma once

#include <spat/core/text.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/score_average.hpp>
#include <spat/criteria/send/dispersion.hpp>
#include <spat/kernels/simd.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The sensitivities S[h, i, j] of one module and step: scale() * sums(), laid out as
/// SensitivityTiles. hear() and merge() are those of a criterion (criteria/criterion.hpp). Throws
/// ShapeError if a step holds samples of different token counts.
template <std::floating_point Scalar>
class SensitivitySum {
 public:
  explicit SensitivitySum(SendVariant variant = SendVariant::signed_sum) : variant_(variant) {}

  /// Begins a micro-batch. The first micro-batch of a step sets the sizes.
  void hear(const BackwardEvent<Scalar>& event) {
    begin_block({event.heads, event.query_tokens, event.memory_tokens});
    samples_ += event.samples;
    loss_terms_ = event.loss_terms;
    if (!event.causal && event.key_mask.size() == 0) return;
    visible_.resize(tiles_.queries * tiles_.keys);
    for (std::size_t b = 0; b < event.samples; ++b)
      for (std::size_t i = 0; i < tiles_.queries; ++i)
        for (std::size_t j = 0; j < tiles_.keys; ++j)
          visible_[i * tiles_.keys + j] |= event.sees(b, i, j);
  }

  /// S += A dA, one multiply-add per entry, while the tile is in the cache. Each head's tiles have
  /// their own memory.
  void hear(const TileEvent<Scalar>& tile) {
    constexpr std::size_t width = SensitivityTiles<Scalar>::width, lanes = kernels::lanes<Scalar>;
    assert(tile.first_query % width == 0 && tile.a.cols <= width);
    Scalar* const sums = sums_.data() + tiles_.tile(tile.head, tile.first_query);
    told_[tile.head] = 1;  // heads may come at the same time: each has a byte of its own
    for (std::size_t j = 0; j < tile.a.rows; ++j)
      for (std::size_t i = 0; i < tile.a.cols; i += lanes) {
        const std::size_t count = std::min(lanes, tile.a.cols - i);
        const auto a = kernels::load_part(tile.a.row(j) + i, count),
                   da = kernels::load_part(tile.da.row(j) + i, count);
        Scalar* const sum = sums + j * width + i;
        kernels::store(sum, variant_ == SendVariant::signed_sum
                                ? kernels::multiply_add<Scalar>(a, da, kernels::load(sum))
                                : kernels::load(sum) + kernels::abs(a * da));
      }
  }

  /// Adds what another copy received in this step and resets it. Call in the order of the copies.
  void merge(SensitivitySum& other) {
    if (other.samples_ == 0) return;
    if (samples_ == 0) {
      std::swap(sums_, other.sums_), std::swap(tiles_, other.tiles_);
      told_.assign(tiles_.heads, 0);
      if (!keeps_visible_) visible_.clear();
    } else {
      begin_block(other.tiles_);
      for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    }
    visible_.resize(std::max(visible_.size(), other.visible_.size()));
    for (std::size_t i = 0; i < other.visible_.size(); ++i) visible_[i] |= other.visible_[i];
    for (std::size_t h = 0; h < told_.size(); ++h) told_[h] |= other.told_[h];
    samples_ += other.samples_;
    loss_terms_ = other.loss_terms_;
    other.samples_ = 0;
  }

  /// Ends a step; the next micro-batch begins a new one. With `keep_visible`, its visible keys are
  /// added to those of earlier steps.
  void end_step(bool keep_visible = false) { samples_ = 0, keeps_visible_ = keep_visible; }

  [[nodiscard]] std::size_t samples() const { return samples_; }  // received in this step
  /// Whether this step has sensitivities. Backward passes without tiles have none.
  [[nodiscard]] bool is_heard() const {
    return samples_ > 0 && std::ranges::count(told_, 0) < std::ranges::ssize(told_);
  }
  [[nodiscard]] const SensitivityTiles<Scalar>& tiles() const { return tiles_; }
  [[nodiscard]] const Scalar* sums() const { return sums_.data(); }
  [[nodiscard]] const std::vector<unsigned char>& visible() const {
    return visible_;
  }  // [Lq x Lk]; empty: all

  [[nodiscard]] Scalar scale(LossReduction reduction = LossReduction::mean) const {
    const Scalar scale =
        variant_ == SendVariant::absolute_mean ? 1 / static_cast<Scalar>(samples_) : Scalar(1);
    return reduction == LossReduction::sum ? scale * static_cast<Scalar>(loss_terms_) : scale;
  }
  /// Calls visit(s) for scale * sums, in the order h, i, j.
  template <class Visit>
  void for_each(Scalar scale, Visit&& visit) const {
    for (std::size_t h = 0; h < tiles_.heads; ++h)
      for (std::size_t i = 0; i < tiles_.queries; ++i)
        for (std::size_t j = 0; j < tiles_.keys; ++j)
          visit(sums_[tiles_.tile(h, i) + j * tiles_.width + i % tiles_.width] * scale);
  }

  /// The state that determines the bound of the last step's connections, for a training checkpoint.
  [[nodiscard]] std::vector<double> state() const {
    std::vector<double> numbers{static_cast<double>(tiles_.heads),
                                static_cast<double>(tiles_.keys)};
    numbers.insert(numbers.end(), visible_.begin(), visible_.end());
    return numbers;
  }
  /// Restores the state. Throws ConfigError if `numbers` is not a state.
  void restore(std::span<const double> numbers) {
    detail::check_state(numbers, 2, true);
    const std::size_t heads = detail::whole_number(numbers[0]),
                      keys = detail::whole_number(numbers[1]);
    if (const std::size_t connections = numbers.size() - 2;
        connections > 0 && (keys == 0 || connections % keys != 0))
      throw ConfigError(message("expected whether each query sees each of ", keys, " keys, found ",
                                connections, " numbers"));
    tiles_.heads = heads;
    tiles_.keys = keys;
    visible_.clear();
    for (const double sees : numbers.subspan(2)) visible_.push_back(sees != 0);
  }

 private:
  void begin_block(const SensitivityTiles<Scalar>& tiles) {
    if (samples_ == 0) {
      tiles_ = tiles;
      if (sums_.size() != tiles.size())
        sums_ = AlignedBuffer<Scalar>(tiles.size());
      else
        std::fill(sums_.begin(), sums_.end(), Scalar(0));
      told_.assign(tiles.heads, 0);
      if (!keeps_visible_) visible_.clear();
    } else if (tiles_ != tiles) {
      const auto text = [](const SensitivityTiles<Scalar>& of) {
        return shape_text(std::array{of.heads, of.queries, of.keys});
      };
      throw ShapeError(
          message("the samples of a step have attention of one shape [heads, queries, keys]: ",
                  text(tiles_), ", then ", text(tiles)));
    }
  }

  SendVariant variant_;
  SensitivityTiles<Scalar> tiles_;
  AlignedBuffer<Scalar> sums_;
  std::vector<unsigned char> visible_, told_;  // told_: heads of which a tile came in this step
  std::size_t samples_ = 0, loss_terms_ = 1;
  bool keeps_visible_ = false;
};

}  // namespace spat
