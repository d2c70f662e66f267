// kernels. The register tile that all matrix products are made of: every element is one chain of
// fused multiply-adds over k.
#pragma once

#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>

#include <array>
#include <utility>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// Columns per panel. A tile is at most 8 x 2 vectors with 32 registers, and 6 x 2 with 16.
template <std::floating_point Scalar>
inline constexpr std::size_t panel_width = 2 * lanes<Scalar>;
#if defined(SPAT_AVX512) || defined(SPAT_NEON)
/// The most rows of a tile.
inline constexpr std::size_t tile_rows = 8;
#else
/// The most rows of a tile.
inline constexpr std::size_t tile_rows = 6;
#endif

namespace detail {

/// How a tile walks through A: along its rows (A itself) or down its columns (A transposed).
enum class Walk { rows, columns };

template <class Scalar>
struct TileArguments {
  const Scalar* a;       // first element of the tile's first row
  std::size_t a_stride;  // of A in memory
  const Scalar* b;       // [depth x whole vectors]
  std::size_t b_stride;
  std::size_t depth;
  Scalar* c;
  std::size_t c_stride;
  std::size_t cols;    // 1 .. panel_width
  bool continues;      // c holds the sum so far
  const Scalar* bias;  // [cols] or none; added last
};

/// c[Rows x cols] (+)= a[Rows x depth] * b[depth x cols] (+ bias), with cols in `Vectors` vectors.
/// Depth is t.depth if the type knows it.
template <std::size_t Rows, std::size_t Vectors, Walk walk, std::size_t Depth, class Scalar>
inline void multiply_tile(const TileArguments<Scalar>& t) {
  using P = Pack<Scalar>;
  constexpr std::size_t width = lanes<Scalar>;
  const std::size_t rest = t.cols - (Vectors - 1) * width;  // columns in the last vector
  const bool full = rest == width;
  const auto for_each = []<std::size_t Count>(std::integral_constant<std::size_t, Count>,
                                              auto&& use) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (use(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<Count>{});
  };
  constexpr std::integral_constant<std::size_t, Rows> rows;
  constexpr std::integral_constant<std::size_t, Vectors> vectors;
  const auto read = [&](const Scalar* row, std::size_t v) {
    return full || v + 1 < Vectors ? load(row + v * width) : load_part(row + v * width, rest);
  };

  std::array<std::array<P, Vectors>, Rows> sum;
  for_each(rows, [&](auto i) {
    for_each(vectors, [&](auto v) {
      sum[i][v] = t.continues ? read(t.c + i * t.c_stride, v) : P(Scalar(0));
    });
  });

  const Scalar *a = t.a, *b = t.b;
  const std::size_t row_step = walk == Walk::rows ? t.a_stride : 1,
                    depth_step = walk == Walk::rows ? 1 : t.a_stride;
  const std::size_t depth = Depth == dynamic ? t.depth : Depth;
  for (std::size_t k = 0; k < depth; ++k, a += depth_step, b += t.b_stride) {
    std::array<P, Vectors> right;
    for_each(vectors, [&](auto v) { right[v] = load(b + v * width); });
    for_each(rows, [&](auto i) {
      const P left(a[i * row_step]);
      for_each(vectors,
               [&](auto v) { sum[i][v] = multiply_add<Scalar>(left, right[v], sum[i][v]); });
    });
  }

  std::array<P, Vectors> bias{};
  if (t.bias) for_each(vectors, [&](auto v) { bias[v] = read(t.bias, v); });
  for_each(rows, [&](auto i) {
    for_each(vectors, [&](auto v) {
      Scalar* const to = t.c + i * t.c_stride + v * width;
      if (t.bias) sum[i][v] += bias[v];
      if (full || v + 1 < Vectors)
        store(to, sum[i][v]);
      else
        store_part(to, sum[i][v], rest);
    });
  });
}

/// The epilogue of a tile that does nothing.
struct NothingFollows {
  void operator()(std::size_t /*row*/, std::size_t /*rows*/) const {}
};

/// Computes all rows of one panel in tiles of nearly equal height. finish(row, rows) is called for
/// each tile while its numbers are in the first-level cache.
template <Walk walk, std::size_t Depth = dynamic, class Scalar, class Finish = NothingFollows>
inline void multiply_panel(TileArguments<Scalar> t, std::size_t rows, const Finish& finish = {}) {
  using Function = void (*)(const TileArguments<Scalar>&);
  static constexpr auto tiles = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::array<Function, 2>, sizeof...(I)>{
        {{&multiply_tile<I + 1, 1, walk, dynamic, Scalar>,
          &multiply_tile<I + 1, 2, walk, Depth, Scalar>}...}};
  }
  (std::make_index_sequence<tile_rows>{});
  const std::size_t vectors = t.cols > lanes<Scalar> ? 2 : 1;
  const std::size_t count = (rows + tile_rows - 1) / tile_rows;
  for (std::size_t tile = 0, done = 0; tile < count; ++tile) {
    const std::size_t now = (rows - done + count - tile - 1) / (count - tile);
    tiles[now - 1][vectors - 1](t);
    finish(done, now);
    t.a += now * (walk == Walk::rows ? t.a_stride : 1);
    t.c += now * t.c_stride;
    done += now;
  }
}

}  // namespace detail
}  // namespace kernels
}  // namespace spat
