// kernels. Matrix products by one register-blocked tile; every element is one chain of fused multiply-adds over k, in order.
#pragma once

#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>

#include <array>
#include <cstring>
#include <utility>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// What happens to the value that is already there.
enum class Store { overwrite, add };

/// Columns of a tile, and its most rows: with 32 registers 8 x 2 vectors, with 16 registers 6 x 2.
template <std::floating_point Scalar>
inline constexpr std::size_t panel_width = 2 * lanes<Scalar>;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t tile_rows = 8;
#else
inline constexpr std::size_t tile_rows = 6;
#endif

namespace detail {

/// Numbers of k that go through a panel copied to the stack: [panel_depth x panel_width] is 32 KiB of the widest floats.
inline constexpr std::size_t panel_depth = 256;

/// How a tile walks over A: down its rows (A itself) or along them (A transposed).
enum class Walk { rows, columns };

template <class Scalar>
struct TileArguments {
  const Scalar* a;       // first element of the tile's first row
  std::size_t a_stride;  // of A as it lies in memory
  const Scalar* b;       // [depth x panel_width]
  std::size_t b_stride;
  std::size_t depth;
  Scalar* c;
  std::size_t c_stride;
  std::size_t cols;    // 1 .. panel_width
  bool continues;      // c holds the sum so far
  const Scalar* bias;  // [cols] or none; added last
};

/// c[Rows x cols] (+)= a[Rows x depth] * b[depth x cols] (+ bias).
template <std::size_t Rows, Walk walk, class Scalar>
inline void multiply_tile(const TileArguments<Scalar>& t) {
  using P = Pack<Scalar>;
  constexpr std::size_t width = lanes<Scalar>;
  const bool full = t.cols == panel_width<Scalar>;
  const auto for_rows = [](auto&& use) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (use(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<Rows>{});
  };

  std::array<P, Rows> left, right;
  alignas(alignment) Scalar edge[panel_width<Scalar>];
  for_rows([&](auto i) {
    left[i] = right[i] = P(Scalar(0));
    if (!t.continues) return;
    const Scalar* row = t.c + i * t.c_stride;
    if (!full) {
      std::memset(edge, 0, sizeof edge);
      std::memcpy(edge, row, t.cols * sizeof(Scalar));
      row = edge;
    }
    left[i] = load(row), right[i] = load(row + width);
  });

  const Scalar *a = t.a, *b = t.b;
  const std::size_t row_step = walk == Walk::rows ? t.a_stride : 1, depth_step = walk == Walk::rows ? 1 : t.a_stride;
  for (std::size_t k = 0; k < t.depth; ++k, a += depth_step, b += t.b_stride) {
    const P first = load(b), second = load(b + width);
    for_rows([&](auto i) {
      const P factor(a[i * row_step]);
      left[i] = multiply_add<Scalar>(factor, first, left[i]);
      right[i] = multiply_add<Scalar>(factor, second, right[i]);
    });
  }

  P left_bias(Scalar(0)), right_bias(Scalar(0));
  if (t.bias && full) left_bias = load(t.bias), right_bias = load(t.bias + width);
  if (t.bias && !full) {
    std::memset(edge, 0, sizeof edge);
    std::memcpy(edge, t.bias, t.cols * sizeof(Scalar));
    left_bias = load(edge), right_bias = load(edge + width);
  }
  for_rows([&](auto i) {
    Scalar* const row = t.c + i * t.c_stride;
    if (t.bias) left[i] += left_bias, right[i] += right_bias;
    if (full) {
      store(row, left[i]), store(row + width, right[i]);
    } else {
      store(edge, left[i]), store(edge + width, right[i]);
      std::memcpy(row, edge, t.cols * sizeof(Scalar));
    }
  });
}

/// All rows of one panel: tiles of tile_rows rows, then one of what is left.
template <Walk walk, class Scalar>
inline void multiply_panel(TileArguments<Scalar> t, std::size_t rows) {
  using Tile = void (*)(const TileArguments<Scalar>&);
  static constexpr auto tiles = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Tile, sizeof...(I)>{&multiply_tile<I + 1, walk, Scalar>...};
  }
  (std::make_index_sequence<tile_rows>{});
  for (std::size_t done = 0; done < rows;) {
    const std::size_t now = std::min(tile_rows, rows - done);
    tiles[now - 1](t);
    t.a += now * (walk == Walk::rows ? t.a_stride : 1);
    t.c += now * t.c_stride;
    done += now;
  }
}

/// The loop over panels that all products share. copy(k, depth, column, cols, to) writes a zero-padded panel piece;
/// direct(column) is a panel that can be read where it lies, or null.
template <Walk walk, class Scalar, class Direct, class Copy>
inline void multiply(Strided<const Scalar> a, std::size_t depth, std::size_t b_stride, Strided<Scalar> c, Store mode,
                     const Scalar* bias, Direct&& direct, Copy&& copy) {
  constexpr std::size_t width = panel_width<Scalar>;
  for (std::size_t column = 0; column < c.cols; column += width) {
    const std::size_t cols = std::min(width, c.cols - column);
    TileArguments<Scalar> t{
        a.data, a.stride,           direct(column, cols),          b_stride, depth, c.data + column, c.stride,
        cols,   mode == Store::add, bias ? bias + column : nullptr};
    if (t.b) {
      multiply_panel<walk>(t, c.rows);
      continue;
    }
    alignas(alignment) Scalar panel[panel_depth * width];
    std::size_t k = 0;
    do {  // at least once: a product over nothing is zero
      t.depth = std::min(panel_depth, depth - k);
      copy(k, t.depth, column, cols, panel);
      t.b = panel, t.b_stride = width;
      t.bias = bias && k + t.depth == depth ? bias + column : nullptr;
      multiply_panel<walk>(t, c.rows);
      t.a += t.depth * (walk == Walk::rows ? 1 : t.a_stride);
      k += t.depth;
      t.continues = true;
    } while (k < depth);
  }
}

/// B [depth x cols] as it lies: full panels are read in place, the last, narrow one is copied.
template <Walk walk, class Scalar>
inline void multiply_plain(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c, Store mode) {
  multiply<walk, Scalar>(
      a, b.rows, b.stride, c, mode, nullptr,
      [&](std::size_t column, std::size_t cols) { return cols == panel_width<Scalar> ? b.data + column : nullptr; },
      [&](std::size_t k, std::size_t depth, std::size_t column, std::size_t cols, Scalar* panel) {
        for (std::size_t i = 0; i < depth; ++i, panel += panel_width<Scalar>) {
          std::memcpy(panel, b.row(k + i) + column, cols * sizeof(Scalar));
          std::memset(panel + cols, 0, (panel_width<Scalar> - cols) * sizeof(Scalar));
        }
      });
}

}  // namespace detail

/// A weight W [outputs x inputs] laid out for y = x W^T: panels of panel_width outputs, each [inputs x panel_width],
/// zero-padded. Packed once an optimizer step or once at load; not a parameter.
template <std::floating_point Scalar>
class PackedWeight {
 public:
  void pack(Strided<const Scalar> weight) {
    constexpr std::size_t width = panel_width<Scalar>;
    outputs_ = weight.rows, inputs_ = weight.cols;
    values_.resize((outputs_ + width - 1) / width * width * inputs_);
    for (std::size_t o = 0; o < outputs_; o += width)
      copy(weight, 0, inputs_, o, std::min(width, outputs_ - o), values_.data() + o * inputs_);
  }

  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] const Scalar* panel(std::size_t first_output) const { return values_.data() + first_output * inputs_; }

  /// Rows [o, o + outputs) and columns [k, k + depth) of `from`, transposed into a zero-padded panel.
  static void copy(Strided<const Scalar> from, std::size_t k, std::size_t depth, std::size_t o, std::size_t outputs,
                   Scalar* panel) {
    constexpr std::size_t width = panel_width<Scalar>;
    if (outputs < width && depth > 0) std::memset(panel, 0, depth * width * sizeof(Scalar));
    constexpr std::size_t block = 16;  // columns at a time: one or two lines of each row stay in the first-level cache
    for (std::size_t i = 0; i < depth; i += block)
      for (std::size_t j = 0; j < outputs; ++j) {
        const Scalar* row = from.row(o + j) + k;
        for (std::size_t n = i; n < std::min(i + block, depth); ++n) panel[n * width + j] = row[n];
      }
  }

 private:
  AlignedBuffer<Scalar> values_;
  std::size_t outputs_ = 0, inputs_ = 0;
};

/// c[:, first..last) = a * W^T + bias, for outputs [first, last); first is a multiple of panel_width.
template <std::floating_point Scalar>
inline void multiply_packed(Strided<const Scalar> a, const PackedWeight<Scalar>& weight, Strided<Scalar> c,
                            const Scalar* bias, std::size_t first, std::size_t last) {
  assert(a.cols == weight.inputs() && c.cols == weight.outputs() && first % panel_width<Scalar> == 0);
  detail::multiply<detail::Walk::rows, Scalar>(
      a, weight.inputs(), panel_width<Scalar>, c.part(0, c.rows, first, last - first), Store::overwrite,
      bias ? bias + first : nullptr, [&](std::size_t column, std::size_t) { return weight.panel(first + column); },
      [](auto&&...) {});
}

/// c (+)= a b,  a [M x K], b [K x N].
template <std::floating_point Scalar>
inline void multiply_nn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.cols == b.rows && c.rows == a.rows && c.cols == b.cols);
  detail::multiply_plain<detail::Walk::rows, Scalar>(a, b, c, mode);
}

/// c (+)= a^T b,  a [K x M], b [K x N]: the weight gradient dW += dy^T x, row after row.
template <std::floating_point Scalar>
inline void multiply_tn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.rows == b.rows && c.rows == a.cols && c.cols == b.cols);
  detail::multiply_plain<detail::Walk::columns, Scalar>(a, b, c, mode);
}

/// c (+)= a b^T,  a [M x K], b [N x K]: the scores Q K^T.
template <std::floating_point Scalar>
inline void multiply_nt(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.cols == b.cols && c.rows == a.rows && c.cols == b.rows);
  detail::multiply<detail::Walk::rows, Scalar>(
      a, b.cols, 0, c, mode, nullptr, [](std::size_t, std::size_t) -> const Scalar* { return nullptr; },
      [&](std::size_t k, std::size_t depth, std::size_t column, std::size_t cols, Scalar* panel) {
        PackedWeight<Scalar>::copy(b, k, depth, column, cols, panel);
      });
}

}  // namespace kernels
}  // namespace spat
