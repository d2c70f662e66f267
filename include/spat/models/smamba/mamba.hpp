// models. The Mamba block: a gated selective scan of a sequence.
#pragma once

#include <spat/models/smamba/causal_convolution.hpp>
#include <spat/models/smamba/selective_scan.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// Mamba block, applied to each sequence of tokens (Gu and Dao, "Mamba: Linear-Time Sequence
/// Modeling with Selective State Spaces", 2023):
///
///     [v, z] = x W_in^T    u = SiLU(convolution(v))    [r, B, C] = u W_x^T
///     delta = softplus(r W_dt^T + b_dt)    y = (scan(u, delta, B, C) SiLU(z)) W_out^T
///
/// Shapes, with R = ceil(D / 16):
///
///     x, y [samples * N x D]   v, z, u, delta [samples * N x I]
///     r [samples * N x R]   B, C [samples * N x S]
///
/// `reversed`: a sequence is processed from its last token to its first. The initial b_dt makes
/// softplus(b_dt) increase from 0.001 to 0.1 over the channels, evenly in the logarithm. The
/// reference draws it from that distribution.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t Inner = dynamic,
          std::size_t States = dynamic>
class Mamba {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;

  [[nodiscard]] static constexpr std::size_t rank_of(std::size_t width) {
    return divide_up(width, std::size_t{16});
  }

 private:
  static constexpr std::size_t rank = Width == dynamic ? dynamic : rank_of(Width);
  static constexpr std::size_t both = Inner == dynamic ? dynamic : 2 * Inner;
  static constexpr std::size_t selected =
      rank == dynamic || States == dynamic ? dynamic : rank + 2 * States;

 public:
  using InProjection = Linear<Scalar, Width, both, Bias::none>;
  using Selection = Linear<Scalar, Inner, selected, Bias::none>;
  using StepProjection = Linear<Scalar, rank, Inner>;
  using OutProjection = Linear<Scalar, Inner, Width, Bias::none>;

  Mamba(std::size_t width, std::size_t inner, std::size_t states, std::size_t kernel,
        bool from_the_end = false)
      : in_proj(width, 2 * inner), conv1d(inner, kernel),
        x_proj(inner, rank_of(width) + 2 * states), dt_proj(rank_of(width), inner),
        scan(inner, states), out_proj(inner, width) {
    conv1d.reversed = scan.reversed = from_the_end;
    for (std::size_t i = 0; i < inner; ++i) {
      const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(inner);
      const double delta = 0.001 * std::pow(100, place);
      dt_proj.bias.data()[i] = static_cast<Scalar>(std::log(std::expm1(delta)));
    }
  }

  InProjection in_proj;
  CausalConvolution<Scalar, Inner> conv1d;
  Selection x_proj;
  StepProjection dt_proj;
  SelectiveScan<Scalar, Inner, States> scan;
  OutProjection out_proj;

  [[nodiscard]] std::size_t inner() const { return out_proj.inputs(); }

  struct Cache {
    typename InProjection::Cache in_proj;
    typename CausalConvolution<Scalar, Inner>::Cache conv1d;
    typename Selection::Cache x_proj;
    typename StepProjection::Cache dt_proj;
    typename SelectiveScan<Scalar, Inner, States>::Cache scan;
    typename OutProjection::Cache out_proj;
    Rows<Scalar, Inner> u, gated, dscanned;
    Rows<Scalar, rank> step;        // r
    Rows<Scalar, both> dprojected;  // of v and z
    Rows<Scalar, selected> dselected;

    void lay_out(Arena& arena, const Mamba& layer, std::size_t samples, std::size_t tokens) {
      const std::size_t rows = samples * tokens, inner = layer.inner();
      out_proj.lay_out(arena, layer.out_proj, rows);
      arena.temporarily([&] {
        in_proj.lay_out(arena, layer.in_proj, rows);
        conv1d.lay_out(arena, layer.conv1d, samples, tokens);
        arena.take(u, rows, inner);
        x_proj.lay_out(arena, layer.x_proj, rows, Selection::Dx::none);
        arena.take(step, rows, layer.dt_proj.inputs());
        dt_proj.lay_out(arena, layer.dt_proj, rows);
        scan.lay_out(arena, layer.scan, samples, tokens);
        arena.take(gated, rows, inner);
      });
      if (!arena.training()) return;
      arena.take(dscanned, rows, inner);
      arena.take(dprojected, rows, 2 * inner);
      arena.take(dselected, rows, layer.x_proj.outputs());
    }
  };

  Tokens forward(const Pass& pass, Tokens x, Cache& cache) const {
    const std::size_t rows = x.rows(), rank_size = dt_proj.inputs(), states = scan.states();
    const kernels::Strided<const Scalar> projected = in_proj.forward(pass, x, cache.in_proj);
    const auto v = conv1d.forward(pass, projected.part(0, rows, 0, inner()), cache.conv1d);
    each_row(pass, rows, [&](std::size_t r) {
      kernels::silu<Scalar>({v.row(r), inner()}, {cache.u.row(r), inner()});
    });
    const auto u = cache.u.middle_rows(0, rows);
    const kernels::Strided<const Scalar> chosen = x_proj.forward(pass, u, cache.x_proj);
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(chosen.row(r), rank_size, cache.step.row(r));
    const auto softplus = [&](std::size_t row, std::size_t count, std::size_t column,
                              std::size_t cols) {
      for (std::size_t r = row; r < row + count; ++r) {
        const std::span<Scalar> delta{cache.dt_proj.y.row(r) + column, cols};
        kernels::softplus<Scalar>(delta, delta);
      }
    };
    const auto delta =
        dt_proj.forward(pass, cache.step.middle_rows(0, rows), cache.dt_proj, softplus);
    const auto y = scan.forward(pass, u, delta, chosen.part(0, rows, rank_size, states),
                                chosen.part(0, rows, rank_size + states, states), cache.scan);
    each_row(pass, rows, [&](std::size_t r) {
      kernels::gate<Scalar>({y.row(r), inner()}, {projected.row(r) + inner(), inner()},
                            {cache.gated.row(r), inner()});
    });
    return out_proj.forward(pass, cache.gated.middle_rows(0, rows), cache.out_proj);
  }

  Tokens backward_input(const Pass& pass, Tokens dy, Cache& cache) const {
    const std::size_t rows = dy.rows(), rank_size = dt_proj.inputs(), states = scan.states();
    const auto dgated = out_proj.backward_input(pass, dy, cache.out_proj);
    const kernels::Strided<Scalar> dprojected = cache.dprojected.middle_rows(0, rows);
    const kernels::Strided<Scalar> dchosen = cache.dselected.middle_rows(0, rows);
    each_row(pass, rows, [&](std::size_t r) {
      kernels::gate_backward<Scalar>({cache.scan.y.row(r), inner()},
                                     {cache.in_proj.y.row(r) + inner(), inner()},
                                     {dgated.row(r), inner()}, {cache.dscanned.row(r), inner()},
                                     {dprojected.row(r) + inner(), inner()});
    });
    const auto dscan = scan.backward_input(pass, cache.dscanned.middle_rows(0, rows), cache.scan,
                                           dchosen.part(0, rows, rank_size, states),
                                           dchosen.part(0, rows, rank_size + states, states));
    each_row(pass, rows, [&](std::size_t r) {
      const std::span<Scalar> ddelta{dscan.delta.row(r), inner()};
      kernels::softplus_backward<Scalar>({cache.dt_proj.y.row(r), inner()}, ddelta, ddelta);
    });
    const auto dstep = dt_proj.backward_input(pass, dscan.delta, cache.dt_proj);
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(dstep.row(r), rank_size, dchosen.row(r));
    x_proj.add_input_gradient(pass, cache.dselected.middle_rows(0, rows), cache.x_proj, dscan.u);
    each_row(pass, rows, [&](std::size_t r) {
      const std::span<Scalar> du{dscan.u.row(r), inner()};
      kernels::silu_backward<Scalar>({cache.conv1d.y.row(r), inner()}, du, du);
    });
    conv1d.backward_input(pass, dscan.u, cache.conv1d, dprojected.part(0, rows, 0, inner()));
    return in_proj.backward_input(pass, cache.dprojected.middle_rows(0, rows), cache.in_proj);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, Mamba& gradients,
                        Share& share) const {
    in_proj.backward_weights(pass, caches.of(&Cache::in_proj), gradients.in_proj, share);
    conv1d.backward_weights(pass, caches.of(&Cache::conv1d), gradients.conv1d, share);
    x_proj.backward_weights(pass, caches.of(&Cache::x_proj), gradients.x_proj, share);
    dt_proj.backward_weights(pass, caches.of(&Cache::dt_proj), gradients.dt_proj, share);
    scan.backward_weights(pass, caches.of(&Cache::scan), gradients.scan, share);
    out_proj.backward_weights(pass, caches.of(&Cache::out_proj), gradients.out_proj, share);
  }

  /// Multiply-adds per sample: the projections, the convolution and the scan.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return in_proj.multiply_adds(tokens) + conv1d.multiply_adds(tokens) +
           x_proj.multiply_adds(tokens) + dt_proj.multiply_adds(tokens) +
           scan.multiply_adds(tokens) + out_proj.multiply_adds(tokens);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    decltype(self.scan)::for_each(self.scan, name, list);
    InProjection::for_each(self.in_proj, name + "in_proj.", list);
    decltype(self.conv1d)::for_each(self.conv1d, name + "conv1d.", list);
    Selection::for_each(self.x_proj, name + "x_proj.", list);
    StepProjection::for_each(self.dt_proj, name + "dt_proj.", list, 2, {}, Initial::unchanged());
    OutProjection::for_each(self.out_proj, name + "out_proj.", list);
  }

 private:
  template <class Visit>
  void each_row(const Pass& pass, std::size_t rows, Visit&& visit) const {
    pass.for_shares(rows, 16 * rows * inner(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r) visit(r);
    });
  }
};

}  // namespace spat
