// nn. Position embeddings: a table of positions, fixed or learned, that is added to each sequence.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/elementwise.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// Rows of the fixed table in files, and therefore the most tokens of a sequence.
inline constexpr std::size_t most_positions = 5000;

/// Writes table [rows x cols]: pe(t, 2i) = sin(t / 10000^(2i / cols)), pe(t, 2i + 1) = cos of the
/// same (Vaswani et al., 2017).
template <std::floating_point Scalar>
void sinusoidal_positions(std::span<Scalar> table, std::size_t cols) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::size_t t = i / cols, c = i % cols;
    const double angle =
        static_cast<double>(t) *
        std::exp(-std::log(10000.0) * static_cast<double>(c / 2 * 2) / static_cast<double>(cols));
    table[i] = static_cast<Scalar>(c % 2 == 0 ? std::sin(angle) : std::cos(angle));
  }
}

/// y = x + table: row r of a sequence of N tokens plus row r of the table [N x D]. The table is
/// fixed and computed. Files hold it as the reference does: position_embedding.pe [1, 5000, D].
template <std::floating_point Scalar, std::size_t Width = dynamic>
class SinusoidalPositions {
 public:
  using Value = Scalar;

  SinusoidalPositions(std::size_t tokens, std::size_t width) : table_(tokens, width) {
    sinusoidal_positions(table_.flat(), width);
  }

  /// Epilogue for the product that computes x [sequences * N x D]: adds the positions to each
  /// finished tile, in place. If sequences begin with token `first`, each has N - first rows in x.
  [[nodiscard]] auto follow(Rows<Scalar, Width> x, std::size_t first = 0) const {
    const auto table = table_.view().middle_rows(first, table_.rows() - first);
    return [x, table](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
      for (std::size_t r = row; r < row + rows; ++r) {
        const std::span<Scalar> part{x.row(r) + column, cols};
        kernels::add<Scalar>(part, {table.row(r % table.rows()) + column, cols}, part);
      }
    };
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    list.add_constant(name + "pe", {1, most_positions, self.table_.cols()},
                      [](std::span<Scalar> values, const std::vector<std::size_t>& shape) {
                        sinusoidal_positions(values, shape.back());
                      });
  }

 private:
  Tensor<Scalar, dynamic, Width> table_;
};

/// y = x + W: row r of a sequence of N tokens plus row r of the learned W [N x D].  dW = sum over
/// the sequences of dy.
template <std::floating_point Scalar, std::size_t Width = dynamic>
class LearnedPositions {
 public:
  using Value = Scalar;

  LearnedPositions(std::size_t tokens, std::size_t width) : table(tokens, width) {}

  Tensor<Scalar, dynamic, Width> table;

  struct Cache {
    Rows<const Scalar, Width> dy;  // the caller's
    Rows<Scalar, Width> y;

    void lay_out(Arena& arena, const LearnedPositions& layer, std::size_t rows) {
      arena.take(y, rows, layer.table.cols());
    }
  };

  Rows<const Scalar, Width> forward(const Pass&, Rows<const Scalar, Width> x, Cache& cache) const {
    for (std::size_t r = 0; r < x.rows(); r += table.rows())
      kernels::add<Scalar>(x.middle_rows(r, table.rows()).flat(), table.flat(),
                           cache.y.middle_rows(r, table.rows()).flat());
    return cache.y.middle_rows(0, x.rows());
  }
  /// y = W for each sequence: tokens that consist only of learned numbers. Backward is the same.
  Rows<const Scalar, Width> repeat(const Pass&, Cache& cache) const {
    for (std::size_t r = 0; r < cache.y.rows(); r += table.rows())
      std::ranges::copy(table.flat(), cache.y.row(r));
    return cache.y;
  }
  Rows<const Scalar, Width> backward_input(const Pass&, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    return cache.dy = dy;
  }
  void backward_weights(const Pass&, Caches<Cache> caches, LearnedPositions& gradients,
                        Share& share) const {
    if (!share.takes()) return;
    const std::span<Scalar> sum = gradients.table.flat();
    for (const Cache& cache : caches)
      for (std::size_t r = 0; r < cache.dy.rows(); r += table.rows())
        kernels::add<Scalar>(sum, cache.dy.middle_rows(r, table.rows()).flat(), sum);
  }

  /// Lists the table with the `shape` and `initial` of the reference.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       std::vector<std::size_t> shape = {}, Initial initial = Initial::normal(1)) {
    list.add(name, self.table, {.shape = std::move(shape), .initial = initial});
  }
};

}  // namespace spat
