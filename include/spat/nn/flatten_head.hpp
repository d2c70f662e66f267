// nn. Forecasts each series from all its tokens, side by side.
#pragma once

#include <spat/kernels/elementwise.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// forecast(b, c, :) = Drop(W flatten(x(b, c)) + bias), with flatten index d N + n as in the
/// reference (PatchTST, Nie et al., 2023).
///
/// Shapes, with N tokens per series:  x [series * N x D]   y [series x T]   W [T x D N].
template <std::floating_point Scalar, std::size_t Inputs = dynamic, std::size_t Horizon = dynamic,
          std::size_t Width = dynamic>
class FlattenHead {
 public:
  using Value = Scalar;
  using Map = Linear<Scalar, Inputs, Horizon>;

  FlattenHead(std::size_t tokens, std::size_t width, std::size_t horizon)
      : linear(tokens * width, horizon) {}

  Map linear;
  Dropout<Scalar> dropout;

  struct Cache {
    typename Map::Cache linear;
    typename Dropout<Scalar>::Cache dropout;
    Rows<Scalar, Inputs> flat;
    Rows<Scalar, Width> dx;

    /// `series` is the number of series per sample.
    void lay_out(Arena& arena, const FlattenHead& layer, std::size_t samples, std::size_t series,
                 std::size_t tokens) {
      const std::size_t inputs = layer.linear.inputs();
      linear.lay_out(arena, layer.linear, samples * series);
      dropout.lay_out(arena, layer.dropout, samples * series, layer.linear.outputs(), series);
      arena.temporarily([&] { arena.take(flat, samples * series, inputs); });
      if (arena.training()) arena.take(dx, samples * series * tokens, inputs / tokens);
    }
  };

  Rows<const Scalar, Horizon> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                      Cache& cache) const {
    const std::size_t width = x.cols(), tokens = linear.inputs() / width,
                      series = x.rows() / tokens;
    pass.for_shares(series, 2 * x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        kernels::transpose(x.row(i * tokens), tokens, width, cache.flat.row(i));
    });
    const Rows<const Scalar, Inputs> flat = cache.flat.middle_rows(0, series);
    return dropout.forward(pass, linear.forward(pass, flat, cache.linear), cache.dropout);
  }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Horizon> dy,
                                           Cache& cache) const {
    const auto dflat =
        linear.backward_input(pass, dropout.backward_input(pass, dy, cache.dropout), cache.linear);
    const std::size_t width = cache.dx.cols(), tokens = linear.inputs() / width;
    pass.for_shares(dflat.rows(), 2 * dflat.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        kernels::transpose(dflat.row(i), width, tokens, cache.dx.row(i * tokens));
    });
    return cache.dx.middle_rows(0, dflat.rows() * tokens);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, FlattenHead& gradients,
                        Share& share) const {
    linear.backward_weights(pass, caches.of(&Cache::linear), gradients.linear, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t series) const {
    return linear.multiply_adds(series);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Map::for_each(self.linear, name + "linear.", list);
  }
};

}  // namespace spat
