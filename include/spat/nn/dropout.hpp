// nn. Inverted dropout, keyed by position instead of drawn from a stream.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/dropout.hpp>
#include <spat/kernels/elementwise.hpp>

namespace spat::inline SPAT_ABI {

/// While training, y_i = x_i / (1 - rate) with probability 1 - rate, else +0. Otherwise y is x
/// itself.
///
/// Which i are kept is a function of (seed, step, site, sample, position within the sample), so
/// dividing the batch differently, using more threads or pruning a neighbour changes nothing.
/// `site` numbers the dropouts of the unpruned architecture.
template <std::floating_point Scalar>
class Dropout {
 public:
  using Value = Scalar;

  double rate = 0;  // 0 <= rate < 1
  std::size_t site = 0;

  struct Cache {
    Rows<Scalar> y, dx;
    std::span<unsigned char> keep;
    std::size_t sample_rows = 0;

    /// Takes no memory if nothing is dropped. `rows_of_sample` rows of x belong to one sample.
    void lay_out(Arena& arena, const Dropout& layer, std::size_t rows, std::size_t cols,
                 std::size_t rows_of_sample) {
      sample_rows = rows_of_sample;
      if (!arena.training() || layer.rate == 0) return;
      arena.take(y, rows, cols);
      arena.take(dx, rows, cols);
      arena.take(keep, rows * cols);
    }
  };

  Rows<const Scalar> forward(const Pass& pass, Rows<const Scalar> x, Cache& cache) const {
    if (!drops(pass)) return x;
    const std::size_t per_sample = cache.sample_rows * x.cols(), samples = x.size() / per_sample;
    const auto y = cache.y.middle_rows(0, x.rows());
    pass.for_shares(samples, 16 * x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) {
        const auto keep = cache.keep.subspan(s * per_sample, per_sample);
        kernels::dropout<unsigned char>(key(pass, s), 0, 1, 0, keep);
        kernels::select_scaled<Scalar>(x.flat().subspan(s * per_sample, per_sample), keep, scale(),
                                       y.flat().subspan(s * per_sample, per_sample));
      }
    });
    return y;
  }

  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar> dy, Cache& cache) const {
    if (!drops(pass)) return dy;
    const auto dx = cache.dx.middle_rows(0, dy.rows());
    kernels::select_scaled<Scalar>(dy.flat(), cache.keep.first(dy.size()), scale(), dx.flat());
    return dx;
  }

  void backward_weights(const Pass&, Caches<Cache>, Dropout&, Share&) const {}

  /// The key that decides which numbers of one sample are dropped. Its rate is 0 if nothing is.
  [[nodiscard]] kernels::DropoutKey key(const Pass& pass, std::size_t sample) const {
    return {pass.training ? rate : 0, pass.seed, pass.step, site, pass.first_sample + sample};
  }

  [[nodiscard]] bool drops(const Pass& pass) const { return pass.training && rate > 0; }
  [[nodiscard]] Scalar scale() const { return static_cast<Scalar>(1 / (1 - rate)); }

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}
};

}  // namespace spat
