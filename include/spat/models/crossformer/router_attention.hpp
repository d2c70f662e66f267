// models. Attention among the variates of each segment through a few learned routers.
#pragma once

#include <spat/nn/attention.hpp>
#include <spat/nn/positions.hpp>

namespace spat::inline SPAT_ABI {

/// Attention among variates through routers, for each sample b and segment i, over the C variates
/// (Crossformer, Zhang and Yan, 2023):
///
///     buffer = MHA_send(router(i), x, x),   y = MHA_recv(x, buffer, buffer)
///
/// Shapes, with s segments and c routers:
///
///     x, y [B * C * s x D]   router [s * c x D]   buffer [B * s * c x D]
///
/// Its cost grows with C c, not with C^2. Counts as one module: the receiver reports as part 0 of
/// the pass, the sender as part 1.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t Heads = dynamic>
class RouterAttention {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;
  static constexpr std::size_t sites = 2;

  RouterAttention(std::size_t segment_count, std::size_t routers, std::size_t width,
                  std::size_t heads)
      : segments(segment_count), router(segment_count * routers, width), dim_sender(width, heads),
        dim_receiver(width, heads) {}

  std::size_t segments;
  LearnedPositions<Scalar, Width> router;
  Attention dim_sender, dim_receiver;

  [[nodiscard]] std::size_t routers() const { return router.table.rows() / segments; }

  void set_dropout(double rate, std::size_t first_site) {
    dim_sender.dropout = {rate, first_site};
    dim_receiver.dropout = {rate, first_site + 1};
  }

  struct Cache {
    typename LearnedPositions<Scalar, Width>::Cache router;
    typename Attention::Cache dim_sender, dim_receiver;
    Rows<Scalar, Width> y, dx;              // [B * C * s x D]
    Rows<Scalar, Width> turned, dy_turned;  // [B * s * C x D]
    Rows<Scalar, Width> dx_turned;
    std::size_t channels = 0;

    void lay_out(Arena& arena, const RouterAttention& layer, std::size_t samples,
                 std::size_t channel_count) {
      channels = channel_count;
      const std::size_t s = layer.segments, c = layer.routers(), rows = samples * s * channels;
      const std::size_t width = layer.dim_sender.width();
      arena.take(y, rows, width);
      arena.temporarily([&] {
        arena.take(turned, rows, width);
        router.lay_out(arena, layer.router, samples * s * c);
        dim_sender.lay_out(arena, layer.dim_sender, samples * s, c, channels);
        dim_receiver.lay_out(arena, layer.dim_receiver, samples * s, channels, c);
      });
      if (!arena.training()) return;
      for (auto* view : {&dx, &dy_turned, &dx_turned}) arena.take(*view, rows, width);
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache) const {
    const auto receiving = pass.folded(segments), sending = receiving.at(pass.module, 1);
    turn(pass, x, cache.channels, segments, cache.turned);
    const auto buffer = dim_sender.forward(sending, router.repeat(pass, cache.router), cache.turned,
                                           cache.dim_sender);
    turn(pass, dim_receiver.forward(receiving, cache.turned, buffer, cache.dim_receiver), segments,
         cache.channels, cache.y);
    return cache.y;
  }

  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache) const {
    const auto receiving = pass.folded(segments), sending = receiving.at(pass.module, 1);
    turn(pass, dy, cache.channels, segments, cache.dy_turned);
    const auto received =
        dim_receiver.backward_input(receiving, cache.dy_turned, cache.dim_receiver);
    const auto sent = dim_sender.backward_input(sending, received.memory, cache.dim_sender);
    router.backward_input(pass, sent.query, cache.router);
    kernels::add<Scalar>(received.query.flat(), sent.memory.flat(), cache.dx_turned.flat());
    turn(pass, cache.dx_turned, segments, cache.channels, cache.dx);
    return cache.dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, RouterAttention& gradients,
                        Share& share) const {
    router.backward_weights(pass, caches.of(&Cache::router), gradients.router, share);
    dim_sender.backward_weights(pass, caches.of(&Cache::dim_sender), gradients.dim_sender, share);
    dim_receiver.backward_weights(pass, caches.of(&Cache::dim_receiver), gradients.dim_receiver,
                                  share);
  }

  /// Multiply-adds per sample. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return segments * (dim_sender.multiply_adds(routers(), channels) +
                       dim_receiver.multiply_adds(channels, routers()));
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    self.router.for_each(self.router, name + "router", list,
                         {self.segments, self.routers(), self.dim_sender.width()});
    Attention::for_each(self.dim_sender, name + "dim_sender.", list);
    Attention::for_each(self.dim_receiver, name + "dim_receiver.", list);
  }

 private:
  /// Sets y(b, j, i) = x(b, i, j) for i < outer and j < inner, with one token per element.
  static void turn(const Pass& pass, Tokens x, std::size_t outer, std::size_t inner,
                   Rows<Scalar, Width> y) {
    pass.for_shares(x.rows() / inner, x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r)
        for (std::size_t j = 0; j < inner; ++j) {
          const std::size_t b = r / outer, i = r % outer;
          std::copy_n(x.row(r * inner + j), x.cols(), y.row((b * inner + j) * outer + i));
        }
    });
  }
};

}  // namespace spat
