// criteria. The dispersion formula of SEND: how unevenly the keys of each query matter. Computed
// over lanes of queries.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/core/error.hpp>
#include <spat/core/team.hpp>
#include <spat/core/view.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/math.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Layout of the sensitivities S[h, i, j] of one module: for each head and group of `width`
/// queries, a tile [Lk x width] with row j for key j and column i - first for query i, as
/// attention's backward produces them. Columns past the last query are unused.
template <std::floating_point Scalar>
struct SensitivityTiles {
  static constexpr std::size_t width = kernels::panel_width<Scalar>;
  std::size_t heads = 0, queries = 0, keys = 0;

  [[nodiscard]] std::size_t blocks() const { return (queries + width - 1) / width; }
  [[nodiscard]] std::size_t size() const { return heads * blocks() * keys * width; }
  /// Offset of the tile of one head and the group that begins with query `first`.
  [[nodiscard]] std::size_t tile(std::size_t head, std::size_t first) const {
    return (head * blocks() + first / width) * keys * width;
  }
  friend bool operator==(const SensitivityTiles&, const SensitivityTiles&) = default;
};

namespace detail {

/// Computes sigma[i] of the queries [first, first + count); 0 for a query that sees no key. `room`
/// holds three tiles.
template <std::floating_point Scalar>
void dispersion_of_block(const Scalar* s, const SensitivityTiles<Scalar>& tiles, Scalar scale,
                         std::span<const unsigned char> visible, std::size_t first,
                         std::size_t count, Scalar* room, Scalar* sigma) {
  using P = kernels::Pack<Scalar>;
  constexpr std::size_t width = SensitivityTiles<Scalar>::width;
  const std::size_t keys = tiles.keys;
  Scalar *const deviation = room, *const x = room + keys * width, *const seen = x + keys * width;
  for (std::size_t j = 0; !visible.empty() && j < keys; ++j)
    for (std::size_t i = 0; i < width; ++i)
      seen[j * width + i] = i < count && visible[(first + i) * keys + j] ? Scalar(1) : Scalar(0);
  const P zero(Scalar(0)), one(Scalar(1)), factor(scale);
  for (std::size_t lane = 0; lane < count; lane += kernels::lanes<Scalar>) {
    const auto weight = [&](std::size_t j) {
      return visible.empty() ? one : kernels::load(seen + j * width + lane);
    };
    /// sum_j term(j) in groups of 16, so that the error grows with the number of groups, not of
    /// keys.
    const auto sum = [&](auto&& term) {
      P total = zero;
      for (std::size_t j = 0; j < keys;) {
        P part = zero;
        for (const std::size_t end = std::min(j + 16, keys); j < end; ++j) part += term(j);
        total += part;
      }
      return total;
    };
    const P seen_keys = sum(weight), number = kernels::max(seen_keys, one);
    for (std::size_t j = 0; j < keys; ++j) kernels::store(deviation + j * width + lane, zero);
    for (std::size_t h = 0; h < tiles.heads; ++h) {
      const Scalar* const tile = s + tiles.tile(h, first) + lane;
      const auto size = [&](std::size_t j) {
        return kernels::abs(kernels::load(tile + j * width)) * factor * weight(j);
      };
      P largest = zero;
      for (std::size_t j = 0; j < keys; ++j) largest = kernels::max(largest, size(j));
      const P mean = kernels::divide(sum([&](std::size_t j) {
                                       const P e = kernels::expm1(size(j) - largest) * weight(j);
                                       kernels::store(x + j * width + lane, e);
                                       return e;
                                     }),
                                     number);
      const P share = kernels::divide(one, number * (one + mean));
      for (std::size_t j = 0; j < keys; ++j) {
        Scalar* const d = deviation + j * width + lane;
        const P centered = (kernels::load(x + j * width + lane) - mean) * weight(j);
        kernels::store(d, kernels::multiply_add<Scalar>(centered, share, kernels::load(d)));
      }
    }
    // Scaled by the largest deviation: the square of 1e-20 underflows in float.
    P largest = zero;
    for (std::size_t j = 0; j < keys; ++j)
      largest = kernels::max(largest, kernels::abs(kernels::load(deviation + j * width + lane)));
    const P inverse = kernels::divide(one, kernels::select<Scalar>(largest == zero, one, largest));
    const P squares = sum([&](std::size_t j) {
      const P d = kernels::load(deviation + j * width + lane) * inverse;
      return d * d;
    });
    const P root = kernels::sqrt(kernels::divide(squares, number)) * largest *
                   P(1 / static_cast<Scalar>(tiles.heads));
    kernels::store(sigma + lane, kernels::select<Scalar>(seen_keys == zero, zero, root));
  }
}

}  // namespace detail

/// Working memory of send(), reused by the next call.
template <std::floating_point Scalar>
struct DispersionRoom {
  AlignedBuffer<Scalar> tiles, sigma;
};

/// Sensitivity Enhanced Normalized Dispersion of one module, from the sensitivities scale S of its
/// connections:
///
///     P[h,i,:] = softmax_j |S[h,i,j]|
///     Sbar = mean_h P
///     sigma_i = sqrt(mean_j (Sbar[i,j] - 1/Lk)^2)
///     SEND = mean_i sigma_i
///
/// 0 <= SEND <= sqrt(Lk - 1) / Lk; larger is more important. Source: Guo et al., "SPAT:
/// Sensitivity-based Multihead-attention Pruning on Time Series Forecasting Models", arXiv
/// 2505.08768; the formula is taken from a secondary restatement, not from the paper's own text.
/// `visible` is [Lq * Lk], or empty if all keys are visible. Rows are taken over their visible
/// keys, the mean over rows that see at least one key.
///
/// |S| is often 1e-6 .. 1e-9, where exp(S) is 1 plus rounding noise, so P - 1/L is computed
/// exactly, without any epsilon:
///
///     m = max_j |S_j|,  x_j = expm1(|S_j| - m),  xbar = mean_j x_j
///     P_j - 1/L = (x_j - xbar) / (L (1 + xbar))
///
/// Workers take groups of queries; the bytes do not depend on the number of workers. Throws
/// NumericError if an entry of S is not finite.
template <std::floating_point Scalar>
[[nodiscard]] double send(const Scalar* s, const SensitivityTiles<Scalar>& tiles, Scalar scale,
                          std::span<const unsigned char> visible, DispersionRoom<Scalar>& room,
                          Team* team = nullptr) {
  constexpr std::size_t width = SensitivityTiles<Scalar>::width;
  const std::size_t workers = team ? team->size() : 1, one_room = 3 * tiles.keys * width,
                    blocks = tiles.blocks();
  room.tiles.resize(workers * one_room), room.sigma.resize(blocks * width);
  const auto work = [&](std::size_t worker) {
    for (std::size_t b = worker * blocks / workers; b < (worker + 1) * blocks / workers; ++b)
      detail::dispersion_of_block(
          s, tiles, scale, visible, b * width, std::min(width, tiles.queries - b * width),
          room.tiles.data() + worker * one_room, room.sigma.data() + b * width);
  };
  if (team)
    team->for_each_worker(work);
  else
    work(0);
  double total = 0;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < tiles.queries; ++i) {
    if (!std::isfinite(room.sigma[i]))
      throw NumericError("the sensitivity of a connection is not finite");
    const auto row =
        visible.subspan(visible.empty() ? 0 : i * tiles.keys, visible.empty() ? 0 : tiles.keys);
    if (!row.empty() &&
        std::ranges::find_if(row, [](unsigned char sees) { return sees != 0; }) == row.end())
      continue;
    total += static_cast<double>(room.sigma[i]);
    ++rows;
  }
  return rows ? total / static_cast<double>(rows) : 0;
}

/// SEND from S [H * Lq x Lk] in row order, computed in double.
template <std::floating_point Scalar>
[[nodiscard]] double send(Rows<const Scalar> s, std::size_t heads,
                          std::span<const unsigned char> visible = {}) {
  const SensitivityTiles<double> tiles{heads, s.rows() / heads, s.cols()};
  AlignedBuffer<double> numbers(tiles.size());
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < tiles.queries; ++i)
      for (std::size_t j = 0; j < tiles.keys; ++j)
        numbers[tiles.tile(h, i) + j * tiles.width + i % tiles.width] =
            static_cast<double>(s.row(h * tiles.queries + i)[j]);
  DispersionRoom<double> room;
  return send<double>(numbers.data(), tiles, 1.0, visible, room);
}

}  // namespace spat
