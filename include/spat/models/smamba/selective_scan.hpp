// models. The selective scan: a linear state per channel. Its step, input and output depend on the
// token.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/reduce.hpp>
#include <spat/kernels/selective_scan.hpp>

namespace spat::inline SPAT_ABI {

/// Selective scan for each sample and channel i, with a state h_t of S values and h_{-1} = 0 (Gu
/// and Dao, "Mamba", 2023):
///
///     h_t = exp(delta_ti A_i) h_{t-1} + delta_ti u_ti B_t,   y_ti = C_t h_t + D_i u_ti
///     A = -exp(A_log)
///
/// Shapes, where B and C may be columns of a wider matrix:
///
///     u, delta, y [samples * N x I]   B, C [samples * N x S]   A_log [I x S]   D [I]
///
/// `reversed`: a sequence is processed from its last row to its first. The initial A is -1 .. -S in
/// every channel, the initial D is 1. Forward keeps one state. Backward recomputes the states of a
/// sample, one vector of channels at a time.
template <std::floating_point Scalar, std::size_t Channels = dynamic, std::size_t States = dynamic>
class SelectiveScan {
 public:
  using Value = Scalar;
  using Columns = kernels::Strided<const Scalar>;

  SelectiveScan(std::size_t channels, std::size_t states)
      : decay_log(channels, states), skip(1, channels) {
    for (std::size_t i = 0; i < channels; ++i)
      for (std::size_t s = 0; s < states; ++s)
        decay_log.view().row(i)[s] = static_cast<Scalar>(std::log(static_cast<double>(s + 1)));
    std::ranges::fill(skip.flat(), Scalar(1));
  }

  Tensor<Scalar, Channels, States> decay_log;  // A_log
  Tensor<Scalar, 1, Channels> skip;            // D
  bool reversed = false;

  [[nodiscard]] std::size_t channels() const { return decay_log.rows(); }
  [[nodiscard]] std::size_t states() const { return decay_log.cols(); }

  struct Cache {
    Rows<const Scalar, Channels> u, delta, dy;  // the caller's
    Columns b, c;
    Rows<Scalar, Channels> y, du, ddelta;
    /// A^T [S x I]; its gradient from each sample, before the logarithm.
    Rows<Scalar, Channels> a, da;
    Rows<Scalar> rooms;   // one row per group of channels
    Rows<Scalar> db, dc;  // from each group, [groups * rows x S]
    std::size_t tokens = 0;

    void lay_out(Arena& arena, const SelectiveScan& layer, std::size_t samples,
                 std::size_t token_count) {
      tokens = token_count;
      const std::size_t rows = samples * tokens, states = layer.states();
      arena.take(y, rows, layer.channels());
      arena.temporarily([&] {
        arena.take(a, states, layer.channels());
        arena.take(rooms, groups,
                   kernels::ScanRoom<Scalar>::size(arena.training() ? tokens : 0, states));
      });
      if (!arena.training()) return;
      for (auto* view : {&du, &ddelta}) arena.take(*view, rows, layer.channels());
      arena.take(da, samples * states, layer.channels());
      for (auto* view : {&db, &dc}) arena.take(*view, groups * rows, states);
    }
  };

  Rows<const Scalar, Channels> forward(const Pass& pass, Rows<const Scalar, Channels> u,
                                       Rows<const Scalar, Channels> delta, Columns b, Columns c,
                                       Cache& cache) const {
    cache.u = u;
    cache.delta = delta;
    cache.b = b;
    cache.c = c;
    for (std::size_t i = 0; i < channels(); ++i)
      for (std::size_t s = 0; s < states(); ++s)
        cache.a.row(s)[i] = -std::exp(decay_log.view().row(i)[s]);
    for_each_group(pass, cache, [&](std::size_t group, std::size_t sample) {
      const std::size_t first = sample * cache.tokens;
      kernels::selective_scan<Scalar>(scan_of(cache, first), {cache.rooms.row(group), 0, states()},
                                      begin(group), begin(group + 1), part(cache.y, first, cache));
    });
    return cache.y.middle_rows(0, u.rows());
  }

  struct InputGradients {
    Rows<Scalar, Channels> u, delta;
  };

  /// Writes dB and dC to the given matrices. The cache owns the other two gradients.
  InputGradients backward_input(const Pass& pass, Rows<const Scalar, Channels> dy, Cache& cache,
                                kernels::Strided<Scalar> db, kernels::Strided<Scalar> dc) const {
    cache.dy = dy;
    for_each_group(pass, cache, [&](std::size_t group, std::size_t sample) {
      const std::size_t first = sample * cache.tokens, row = group * dy.rows() + first;
      kernels::selective_scan_backward<Scalar>(
          scan_of(cache, first), {cache.rooms.row(group), cache.tokens, states()},
          part(dy, first, cache), begin(group), begin(group + 1),
          {part(cache.du, first, cache), part(cache.ddelta, first, cache),
           cache.da.middle_rows(sample * states(), states()), part(cache.db, row, cache),
           part(cache.dc, row, cache)});
    });
    for (std::size_t r = 0; r < dy.rows(); ++r)
      for (std::size_t s = 0; s < states(); ++s) {
        db.row(r)[s] = cache.db.row(r)[s];
        dc.row(r)[s] = cache.dc.row(r)[s];
        for (std::size_t group = 1; group < groups; ++group) {
          db.row(r)[s] += cache.db.row(group * dy.rows() + r)[s];
          dc.row(r)[s] += cache.dc.row(group * dy.rows() + r)[s];
        }
      }
    return {cache.du.middle_rows(0, dy.rows()), cache.ddelta.middle_rows(0, dy.rows())};
  }

  /// dA_log = A dA,  dD = sum over the rows of dy u.
  void backward_weights(const Pass& /*pass*/, Caches<Cache> caches, SelectiveScan& gradients,
                        Share& share) const {
    // Channels per task. Constant, so that tasks do not depend on the number of workers.
    constexpr std::size_t tile = 64;
    for (std::size_t first = 0; first < channels(); first += tile) {
      if (!share.takes()) continue;
      const std::size_t last = std::min(first + tile, channels());
      for (const Cache& cache : caches) {
        for (std::size_t row = 0; row < cache.dy.rows() / cache.tokens * states(); ++row)
          for (std::size_t i = first; i < last; ++i) {
            Scalar& sum = gradients.decay_log.view().row(i)[row % states()];
            sum = spat::multiply_add(cache.da.row(row)[i], cache.a.row(row % states())[i], sum);
          }
        const kernels::Strided<const Scalar> dy = cache.dy, u = cache.u;
        kernels::add_products<Scalar>(dy.part(0, dy.rows, first, last - first),
                                      u.part(0, u.rows, first, last - first),
                                      gradients.skip.data() + first);
      }
    }
  }

  /// Multiply-adds per sample: updating the state and reading it.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return 2 * tokens * channels() * states();
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    list.add(name + "A_log", self.decay_log, {.initial = Initial::unchanged()});
    list.add(name + "D", self.skip, {.initial = Initial::unchanged()});
  }

 private:
  // Groups of channels with separate sums. Constant, so that the bits do not depend on the number
  // of workers.
  static constexpr std::size_t groups = 4;

  /// The first channel of a group; groups consist of whole vectors.
  [[nodiscard]] std::size_t begin(std::size_t group) const {
    constexpr std::size_t lane = kernels::lanes<Scalar>;
    return std::min(channels(), divide_up(channels(), lane) * group / groups * lane);
  }

  template <class T, std::size_t Cols>
  static kernels::Strided<T> part(View<T, dynamic, Cols> x, std::size_t first, const Cache& cache) {
    return x.middle_rows(first, cache.tokens);
  }
  [[nodiscard]] kernels::Scan<Scalar> scan_of(const Cache& cache, std::size_t first) const {
    return {.u = part(cache.u, first, cache),
            .delta = part(cache.delta, first, cache),
            .b = cache.b.part(first, cache.tokens, 0, states()),
            .c = cache.c.part(first, cache.tokens, 0, states()),
            .a = cache.a,
            .skip = skip.data(),
            .reversed = reversed};
  }
  /// Calls visit(group, sample). Each worker takes groups, and visits all samples of a group in
  /// order.
  template <class Visit>
  void for_each_group(const Pass& pass, const Cache& cache, Visit&& visit) const {
    const std::size_t samples = cache.u.rows() / cache.tokens;
    pass.for_shares(groups, 16 * cache.u.size() * states(),
                    [&](std::size_t first, std::size_t last) {
                      for (std::size_t group = first; group < last; ++group)
                        for (std::size_t sample = 0; sample < samples; ++sample)
                          visit(group, sample);
                    });
  }
};

}  // namespace spat
