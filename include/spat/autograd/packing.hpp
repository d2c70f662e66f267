// autograd. Packed forms of weights: made for the time of one call, or instead of the weights.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/core/arena.hpp>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A weight as the matrix [outputs x inputs] that its layer multiplies with.
template <class Scalar>
[[nodiscard]] kernels::Strided<const Scalar> matrix_of(const Parameter<Scalar>& weight) {
  const std::size_t rows = weight.shape[0], cols = weight.values.size() / rows;
  return {weight.values.data(), rows, cols, cols};
}

}  // namespace detail

/// Packs the weights of a list as long as it lives: products then read the packed forms. The
/// weights must not change meanwhile. The memory stays with the layers, so that packing again
/// allocates nothing.
///
/// Each training step packs the weights that it finds, so no change of a weight between two steps
/// can be missed. The workers of `team` share the work.
template <class Scalar>
class Packing {
 public:
  explicit Packing(const ParameterList<Scalar>& weights, Purpose purpose, Team* team = nullptr)
      : weights_(weights) {
    for (const auto& weight : weights_)
      if (weight.packed) {
        const auto matrix = detail::matrix_of(weight);
        weight.packed->resize(matrix.rows, matrix.cols, purpose == Purpose::training);
      }
    if (team)
      team->for_each_worker([&](std::size_t worker) { take(Share(worker, team->size())); });
    else
      take(Share());
    set_in_force(true);
  }
  ~Packing() { set_in_force(false); }
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

 private:
  /// Pieces of whole panels, about 16384 numbers each.
  void take(Share share) const {
    constexpr std::size_t numbers = 16384, panel = kernels::panel_width<Scalar>;
    for (const auto& weight : weights_) {
      if (!weight.packed) continue;
      const auto matrix = detail::matrix_of(weight);
      const std::size_t piece =
          std::max<std::size_t>(1, numbers / (std::max<std::size_t>(1, matrix.cols) * panel)) *
          panel;
      for (std::size_t first = 0; first < matrix.rows; first += piece)
        if (share.takes()) weight.packed->take(matrix, first, std::min(first + piece, matrix.rows));
    }
  }
  void set_in_force(bool whether) const {
    for (const auto& weight : weights_)
      if (weight.packed) weight.packed->set_in_force(whether);
  }

  const ParameterList<Scalar>& weights_;
};

/// Replaces the weights of a list by their packed forms, one after another, for a model that only
/// forecasts from now on: it then holds one copy of its weights. The spans of the list are no
/// longer valid.
template <class Scalar>
void pack_instead(const ParameterList<Scalar>& weights) {
  for (const auto& weight : weights)
    if (weight.packed) {
      weight.packed->pack(detail::matrix_of(weight));
      weight.release();
    }
}

}  // namespace spat
