// kernels. Matrix products. Whatever their form, partition or number of threads, every element is
// one chain of fused multiply-adds over k, in order.
#pragma once

#include <spat/kernels/tile.hpp>

#include <cstring>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// What happens to the value that is already in the result.
enum class Store { overwrite, add };

namespace detail {

/// The size of a block of B [panel_depth x block_panels panels] that is copied at once, row after
/// row in memory order. It fits a second-level cache; one panel fits half of a first-level cache.
inline constexpr std::size_t panel_depth = 128, block_panels = 4;
/// The distance between copied panels or strips of A: one cache line more than their size, so that
/// they do not compete for one set of a cache.
template <class Scalar>
inline constexpr std::size_t panel_size = panel_depth* panel_width<Scalar> +
                                          alignment / sizeof(Scalar);
template <class Scalar>
inline constexpr std::size_t strip_size = panel_depth* tile_rows + alignment / sizeof(Scalar);
/// The fewest rows for which copying a panel of B pays. With fewer, copying would cost as much as
/// the product, so B is read in place.
inline constexpr std::size_t rows_worth_copying = 2 * tile_rows + 1;

/// Copies rows [k, k + depth) and columns [column, column + cols) of b into zero-padded panels
/// [panel_depth x panel_width].
template <class Scalar>
inline void copy_panels(Strided<const Scalar> b, std::size_t k, std::size_t depth,
                        std::size_t column, std::size_t cols, Scalar* panels) {
  constexpr std::size_t width = panel_width<Scalar>, lane = lanes<Scalar>;
  for (std::size_t i = 0; i < depth; ++i) {
    const Scalar* const row = b.row(k + i) + column;
    for (std::size_t j = 0; j < cols; j += lane) {
      Scalar* const to = panels + j / width * panel_size<Scalar> + i * width + j % width;
      store(to, j + lane <= cols ? load(row + j) : load_part(row + j, cols - j));
    }
  }
}

/// Writes the four rows at `from` as four columns at `to`.
template <class Scalar>
inline void transpose_4x4(const Scalar* from, std::size_t from_stride, Scalar* to,
                          std::size_t to_stride) {
#if defined(__GNUC__)
  using Four [[gnu::vector_size(4 * sizeof(Scalar))]] = Scalar;
  Four a, b, c, d;
  std::memcpy(&a, from, sizeof a);
  std::memcpy(&b, from + from_stride, sizeof a);
  std::memcpy(&c, from + 2 * from_stride, sizeof a);
  std::memcpy(&d, from + 3 * from_stride, sizeof a);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Four columns[4] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
                           __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
                           __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
                           __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (std::size_t i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &columns[i], sizeof a);
#else
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) to[i * to_stride + j] = from[j * from_stride + i];
#endif
}

/// Copies rows [o, o + outputs) and columns [k, k + depth) of b, transposed and zero-padded: [depth
/// x panel_width].
template <class Scalar>
inline void copy_panel_transposed(Strided<const Scalar> b, std::size_t k, std::size_t depth,
                                  std::size_t o, std::size_t outputs, Scalar* panel) {
  constexpr std::size_t width = panel_width<Scalar>;
  if (outputs < width && depth > 0) std::memset(panel, 0, depth * width * sizeof(Scalar));
  // Columns at a time: one or two lines of each row stay in the first-level cache.
  constexpr std::size_t block = 16;
  for (std::size_t i = 0; i < depth; i += block) {
    const std::size_t end = std::min(i + block, depth), whole = i + (end - i) / 4 * 4;
    std::size_t j = 0;
    for (; j + 4 <= outputs; j += 4)
      for (std::size_t n = i; n < whole; n += 4)
        transpose_4x4(b.row(o + j) + k + n, b.stride, panel + n * width + j, width);
    for (std::size_t r = 0; r < outputs; ++r)
      for (std::size_t n = r < j ? whole : i; n < end; ++n)
        panel[n * width + r] = b.row(o + r)[k + n];
  }
}

/// Copies a [depth x rows] into strips [depth x tile_rows]. Elements after the last column of a are
/// not written.
template <class Scalar>
inline void copy_strips(Strided<const Scalar> a, Scalar* strips) {
  for (std::size_t i = 0; i < a.rows; ++i) {
    Scalar* to = strips + i * tile_rows;
    std::size_t r = 0;
    for (; r + tile_rows <= a.cols; r += tile_rows, to += strip_size<Scalar>)
      std::memcpy(to, a.row(i) + r, tile_rows * sizeof(Scalar));
    std::copy(a.row(i) + r, a.row(i) + a.cols, to);
  }
}

/// Prefetches the tile of c at (row, column), whose sums so far may lie far away in memory.
template <class Scalar>
inline void prefetch([[maybe_unused]] Strided<Scalar> c, [[maybe_unused]] std::size_t row,
                     [[maybe_unused]] std::size_t column) {
#if defined(__GNUC__)
  for (std::size_t i = row; i < std::min(row + tile_rows, c.rows); ++i) {
    __builtin_prefetch(c.row(i) + column, 1);
    __builtin_prefetch(c.row(i) + column + lanes<Scalar>, 1);
  }
#endif
}

/// The products that copy B, one block of c after another. copy(k, depth, column, cols, panels)
/// makes the panels of a block. With Walk::columns, a [depth x rows] is also copied, into strips.
template <Walk walk, class Scalar, class Copy>
inline void multiply_copied(Strided<const Scalar> a, std::size_t depth, Strided<Scalar> c,
                            Store mode, Copy&& copy) {
  constexpr std::size_t width = panel_width<Scalar>, block = block_panels * width;
  constexpr std::size_t strip_count = walk == Walk::columns ? 8 : 0,
                        strip_rows = strip_count * tile_rows;
  alignas(alignment) Scalar panels[block_panels * panel_size<Scalar>],
      strips[strip_count * strip_size<Scalar> + 1];
  for (std::size_t left = 0; left < c.cols; left += block) {
    const std::size_t cols = std::min(block, c.cols - left);
    std::size_t k = 0;
    do {  // at least once: a product over an empty depth is zero
      const std::size_t deep = std::min(panel_depth, depth - k);
      copy(k, deep, left, cols, panels);
      const auto tile_of = [&](std::size_t row, std::size_t j) {
        return TileArguments<Scalar>{a.data,
                                     a.stride,
                                     panels + j / width * panel_size<Scalar>,
                                     width,
                                     deep,
                                     c.row(row) + left + j,
                                     c.stride,
                                     std::min(width, cols - j),
                                     mode == Store::add || k > 0,
                                     nullptr};
      };
      if constexpr (walk == Walk::rows) {
        for (std::size_t j = 0; j < cols; j += width) {
          auto tile = tile_of(0, j);
          tile.a += k;
          multiply_panel<walk>(tile, c.rows);
        }
      } else {
        for (std::size_t top = 0; top < c.rows; top += strip_rows) {
          const std::size_t rows = std::min(strip_rows, c.rows - top);
          copy_strips(a.part(k, deep, top, rows), strips);
          for (std::size_t j = 0; j < cols; j += width)
            for (std::size_t r = 0; r < rows; r += tile_rows) {
              auto tile = tile_of(top + r, j);
              if (tile.continues) prefetch(c, top + r + tile_rows, left + j);
              tile.a = strips + r / tile_rows * strip_size<Scalar>;
              tile.a_stride = tile_rows;
              multiply_panel<walk>(tile, std::min(tile_rows, rows - r));
            }
        }
      }
      k += deep;
    } while (k < depth);
  }
}

}  // namespace detail

/// A matrix B [depth x cols] as panels of panel_width columns, each [depth x panel_width],
/// zero-padded.
template <std::floating_point Scalar>
class Panels {
 public:
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] const Scalar* panel(std::size_t column) const {
    return values_.data() + column * depth_;
  }
  void clear() { *this = Panels(); }

  void resize(std::size_t depth, std::size_t cols) {
    depth_ = depth;
    cols_ = cols;
    values_.resize((cols + panel_width<Scalar> - 1) / panel_width<Scalar> * panel_width<Scalar> *
                   depth);
  }

  /// B = W^T: columns [first, last), from the rows of W. They begin at a panel, and end at a panel
  /// or the end of W.
  void take_transposed(Strided<const Scalar> w, std::size_t first, std::size_t last) {
    assert(w.rows == cols_ && w.cols == depth_ && first % panel_width<Scalar> == 0);
    for (std::size_t column = first; column < last; column += panel_width<Scalar>)
      detail::copy_panel_transposed(w, 0, depth_, column,
                                    std::min(panel_width<Scalar>, last - column),
                                    values_.data() + column * depth_);
  }
  /// B = W: rows [first, last).
  void take(Strided<const Scalar> w, std::size_t first, std::size_t last) {
    assert(w.rows == depth_ && w.cols == cols_);
    for (std::size_t row = first; row < last; ++row)
      for (std::size_t column = 0; column < cols_; column += lanes<Scalar>) {
        const Scalar* from = w.row(row) + column;
        const std::size_t left = cols_ - column,
                          panel = column / panel_width<Scalar> * panel_width<Scalar>;
        store(values_.data() + panel * depth_ + row * panel_width<Scalar> + column - panel,
              left < lanes<Scalar> ? load_part(from, left) : load(from));
      }
  }

 private:
  AlignedBuffer<Scalar> values_;
  std::size_t depth_ = 0, cols_ = 0;
};

/// A weight W [outputs x inputs] laid out for y = x W^T and, while training, for dx = dy W. It is
/// not a parameter. A copy, and what is left after an assignment, is not in force: a packed form
/// never outlives the numbers that it was made from.
template <std::floating_point Scalar>
class PackedWeight {
 public:
  PackedWeight() = default;
  PackedWeight(const PackedWeight&) noexcept {}
  PackedWeight& operator=(const PackedWeight&) noexcept {
    in_force_ = false;
    return *this;
  }

  void pack(Strided<const Scalar> weight, bool with_backward = false) {
    resize(weight.rows, weight.cols, with_backward);
    take(weight, 0, weight.rows);
    set_in_force(true);
  }

  /// pack() in parts: resize(), take() of all rows, set_in_force(). After the first time nothing is
  /// allocated.
  void resize(std::size_t outputs, std::size_t inputs, bool with_backward) {
    in_force_ = false;
    forward.resize(inputs, outputs);
    if (with_backward)
      backward.resize(outputs, inputs);
    else
      backward.clear();
  }
  /// Takes rows [first, last) of the weight. `first` is a multiple of panel_width, and so is `last`
  /// unless it is the end.
  void take(Strided<const Scalar> weight, std::size_t first, std::size_t last) {
    forward.take_transposed(weight, first, last);
    if (!backward.empty()) backward.take(weight, first, last);
  }
  void set_in_force(bool whether) { in_force_ = whether; }

  /// Whether products may read it in place of the weight.
  [[nodiscard]] bool in_force() const { return in_force_; }

  Panels<Scalar> forward, backward;

 private:
  bool in_force_ = false;
};

/// The epilogue that does nothing. An epilogue is called for each finished tile of c while the tile
/// is in the first-level cache.
struct NoFinish {
  void operator()(std::size_t /*row*/, std::size_t /*rows*/, std::size_t /*column*/,
                  std::size_t /*cols*/) const {}
};

/// c[:, first..last) (+)= a B, + bias at the end;  first is a multiple of panel_width.
///
/// finish(row, rows, column, cols) is called for each tile of c that has been written. Depth is the
/// number of rows of B if the type knows it.
template <std::size_t Depth = dynamic, std::floating_point Scalar, class Finish = NoFinish>
inline void multiply_panels(Strided<const Scalar> a, const Panels<Scalar>& b, Strided<Scalar> c,
                            Store mode, const Scalar* bias, std::size_t first, std::size_t last,
                            const Finish& finish = {}) {
  assert(a.cols == b.depth() && c.cols == b.cols() && first % panel_width<Scalar> == 0);
  constexpr std::size_t width = panel_width<Scalar>;
  for (std::size_t column = first; column < last; column += width) {
    const std::size_t cols = std::min(width, last - column);
    detail::multiply_panel<detail::Walk::rows, Depth>(
        detail::TileArguments<Scalar>{a.data, a.stride, b.panel(column), width, a.cols,
                                      c.data + column, c.stride, cols, mode == Store::add,
                                      bias ? bias + column : nullptr},
        c.rows, [&](std::size_t row, std::size_t rows) { finish(row, rows, column, cols); });
  }
}

/// c[:, first..last) = a W^T + bias, for outputs [first, last).
template <std::floating_point Scalar>
inline void multiply_packed(Strided<const Scalar> a, const PackedWeight<Scalar>& weight,
                            Strided<Scalar> c, const Scalar* bias, std::size_t first,
                            std::size_t last) {
  multiply_panels(a, weight.forward, c, Store::overwrite, bias, first, last);
}

/// c (+)= a b,  a [M x K], b [K x N]: dx = dy W.
template <std::floating_point Scalar>
inline void multiply_nn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.cols == b.rows && c.rows == a.rows && c.cols == b.cols);
  using namespace detail;
  constexpr std::size_t width = panel_width<Scalar>;
  const std::size_t direct = c.rows < rows_worth_copying ? c.cols / width * width : 0;
  for (std::size_t column = 0; column < direct; column += width)
    multiply_panel<Walk::rows>(
        TileArguments<Scalar>{a.data, a.stride, b.data + column, b.stride, b.rows, c.data + column,
                              c.stride, width, mode == Store::add, nullptr},
        c.rows);
  if (direct == c.cols) return;
  multiply_copied<Walk::rows, Scalar>(
      a, b.rows, c.part(0, c.rows, direct, c.cols - direct), mode,
      [&](std::size_t k, std::size_t depth, std::size_t column, std::size_t cols, Scalar* panels) {
        copy_panels(b, k, depth, direct + column, cols, panels);
      });
}

/// c (+)= a b^T,  a [M x K], b [N x K].
template <std::floating_point Scalar>
inline void multiply_nt(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.cols == b.cols && c.rows == a.rows && c.cols == b.rows);
  using namespace detail;
  constexpr std::size_t width = panel_width<Scalar>;
  multiply_copied<Walk::rows, Scalar>(
      a, b.cols, c, mode,
      [&](std::size_t k, std::size_t depth, std::size_t column, std::size_t cols, Scalar* panels) {
        for (std::size_t j = 0; j < cols; j += width)
          copy_panel_transposed(b, k, depth, column + j, std::min(width, cols - j),
                                panels + j / width * panel_size<Scalar>);
      });
}

/// c (+)= a^T b,  a [K x M], b [K x N]: the weight gradient dW += dy^T x, row after row.
template <std::floating_point Scalar>
inline void multiply_tn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                        Store mode = Store::overwrite) {
  assert(a.rows == b.rows && c.rows == a.cols && c.cols == b.cols);
  using namespace detail;
  multiply_copied<Walk::columns, Scalar>(
      a, b.rows, c, mode,
      [&](std::size_t k, std::size_t depth, std::size_t column, std::size_t cols, Scalar* panels) {
        copy_panels(b, k, depth, column, cols, panels);
      });
}

}  // namespace kernels
}  // namespace spat
