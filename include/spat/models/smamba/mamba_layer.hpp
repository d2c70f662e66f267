// models. The post-norm block that mixes tokens by two Mambas, one from each end; both may have
// been pruned.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/models/smamba/bidirectional_mamba.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/layer_norm.hpp>

namespace spat::inline SPAT_ABI {

/// u = x + Mamba(x) + Mamba_r(x), or u = x where the module was pruned;  n = LN_1(u);  y = LN_2(n +
/// Drop(FFN(n)))
/// (S-Mamba, Wang et al., 2024).
///
/// Shapes:  x, y [samples * N x D].  One prunable module: both directions. Its dropouts are sites
/// first_site and first_site + 1
/// (hidden units, feed-forward branch).
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Inner = dynamic, std::size_t States = dynamic>
class MambaLayer {
 public:
  using Value = Scalar;
  using Both = BidirectionalMamba<Scalar, Width, Inner, States>;
  using Mixer = Slot<Both, kept.presence(0)>;
  static constexpr std::size_t modules = 1, sites = 2;

  /// Bit 0 of `keeps`: both Mambas.
  MambaLayer(std::size_t width, std::size_t ffn_width, std::size_t inner, std::size_t states,
             std::size_t kernel, ModuleMask keeps)
      : mixer(make_slot<Both, kept.presence(0)>(keeps.keeps(0), width, inner, states, kernel)),
        ffn(width, ffn_width), norm1(width), norm2(width) {}

  [[no_unique_address]] Mixer mixer;
  FeedForward<Scalar, Width, FfnWidth> ffn;
  LayerNorm<Scalar, Width> norm1, norm2;
  Dropout<Scalar> ffn_dropout;

  void set_dropout(double rate, std::size_t first_site) {
    ffn.dropout = {rate, first_site};
    ffn_dropout = {rate, first_site + 1};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<Mixer> mixer;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache ffn;
    typename LayerNorm<Scalar, Width>::Cache norm1, norm2;
    typename Dropout<Scalar>::Cache ffn_dropout;
    Rows<Scalar, Width> dx;

    void lay_out(Arena& arena, const MambaLayer& layer, std::size_t samples, std::size_t tokens) {
      const std::size_t rows = samples * tokens, width = layer.norm1.gain.cols();
      norm2.lay_out(arena, layer.norm2, rows);
      match_slot(layer.mixer, mixer);
      arena.temporarily([&] {
        norm1.lay_out(arena, layer.norm1, rows);
        if_kept(
            [&](const auto& both, auto& mine) {
              arena.temporarily([&] { mine.lay_out(arena, both, samples, tokens); });
            },
            layer.mixer, mixer);
        ffn.lay_out(arena, layer.ffn, rows, tokens);
        ffn_dropout.lay_out(arena, layer.ffn_dropout, rows, width, tokens);
      });
      if (arena.training()) arena.take(dx, rows, width);
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    Rows<const Scalar, Width> branch;
    if_kept([&](const auto& both, auto& mine) { branch = both.forward(pass, x, mine); }, mixer,
            cache.mixer);
    const auto n = norm1.forward(pass, x, cache.norm1, branch);
    const auto hidden =
        ffn_dropout.forward(pass, ffn.forward(pass, n, cache.ffn), cache.ffn_dropout);
    return norm2.forward(pass, n, cache.norm2, hidden);
  }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto dv = norm2.backward_input(pass, dy, cache.norm2);
    const auto dn = ffn.backward_input(
        pass, ffn_dropout.backward_input(pass, dv, cache.ffn_dropout), cache.ffn, dv);
    Rows<const Scalar, Width> dx = norm1.backward_input(pass, dn, cache.norm1);
    if_kept(
        [&](const auto& both, auto& mine) {
          const auto through = both.backward_input(pass, dx, mine);
          kernels::add<Scalar>(dx.flat(), through.ahead.flat(), through.back.flat(),
                               cache.dx.flat());
          dx = cache.dx;
        },
        mixer, cache.mixer);
    return dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, MambaLayer& gradients,
                        Share& share) const {
    if_kept(
        [&](const auto& both, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.mixer); };
          both.backward_weights(pass, caches.of(part), gradient, share);
        },
        mixer, gradients.mixer);
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
    norm1.backward_weights(pass, caches.of(&Cache::norm1), gradients.norm1, share);
    norm2.backward_weights(pass, caches.of(&Cache::norm2), gradients.norm2, share);
  }

  /// Of one sample of `tokens` tokens.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    std::size_t total = ffn.multiply_adds(tokens);
    if_kept([&](const auto& both) { total += both.multiply_adds(tokens); }, mixer);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    if_kept([&](auto& both) { both.for_each(both, name, list); }, self.mixer);
    FeedForward<Scalar, Width, FfnWidth>::for_each(self.ffn, name, list);
    LayerNorm<Scalar, Width>::for_each(self.norm1, name + "norm1.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm2, name + "norm2.", list);
  }
};

}  // namespace spat
