// nn. The parts of a post-norm block that also attends to a memory. Either attention may have been
// pruned.
#pragma once

#include <spat/nn/attention.hpp>
#include <spat/nn/residual_branch.hpp>
#include <spat/nn/residual_feed_forward.hpp>

namespace spat::inline SPAT_ABI {

/// The base of blocks with self-attention, attention to a memory, and feed-forward, each a residual
/// branch with its norm. A block derives from it and says what attends to what.
///
/// Two prunable modules: 0 is `self_attention.mixer`, 1 is `cross_attention.mixer`. The dropouts
/// are sites first_site .. first_site + 5 (probabilities and branch of self, then of cross, hidden
/// units, feed-forward branch), even if an attention was pruned.
template <std::floating_point Scalar, BlockMask kept, std::size_t Width, std::size_t FfnWidth,
          std::size_t Heads>
class MemoryBlock {
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;

 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using SelfAttention = ResidualBranch<Slot<Attention, kept.presence(0)>, Scalar, Width>;
  using CrossAttention = ResidualBranch<Slot<Attention, kept.presence(1)>, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, FfnWidth>;
  static constexpr std::size_t modules = 2, sites = 6;

  SelfAttention self_attention;
  CrossAttention cross_attention;
  FeedForwardHalf feed_forward;

  /// Sets one rate for all six dropouts. Sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    self_attention.set_dropout(rate, first_site);
    cross_attention.set_dropout(rate, first_site + 2);
    feed_forward.set_dropout(rate, first_site + 4);
  }

  /// The caches of the parts. A block's Cache derives from it.
  struct PartCaches {
    typename SelfAttention::Cache self_attention;
    typename CrossAttention::Cache cross_attention;
    typename FeedForwardHalf::Cache feed_forward;
  };

  void backward_weights(const Pass& pass, Caches<PartCaches> caches, MemoryBlock& gradients,
                        Share& share) const {
    self_attention.backward_weights(pass, caches.of(&PartCaches::self_attention),
                                    gradients.self_attention, share);
    cross_attention.backward_weights(pass, caches.of(&PartCaches::cross_attention),
                                     gradients.cross_attention, share);
    feed_forward.backward_weights(pass, caches.of(&PartCaches::feed_forward),
                                  gradients.feed_forward, share);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    SelfAttention::for_each_of_mixer(self.self_attention, name + "self_attention.", list);
    CrossAttention::for_each_of_mixer(self.cross_attention, name + "cross_attention.", list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list);
    Norm::for_each(self.self_attention.norm, name + "norm1.", list);
    Norm::for_each(self.cross_attention.norm, name + "norm2.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm3.", list);
  }

 protected:
  /// Bit 0 of `keeps`: the self-attention. Bit 1: the cross-attention.
  MemoryBlock(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(make_slot<Attention, kept.presence(0)>(keeps.keeps(0), width, heads), width),
        cross_attention(make_slot<Attention, kept.presence(1)>(keeps.keeps(1), width, heads),
                        width),
        feed_forward(width, ffn_width) {}

  /// The gradient through the cross-attention `mixer`: returns its query's, and *adds* its memory's
  /// to `dmemory`.
  static Tokens backward_mixer(const auto& mixer, const auto& pass, Tokens dbranch, auto& cache,
                               Rows<Scalar, Width> dmemory) {
    const auto through = mixer.backward_input(pass, dbranch, cache);
    kernels::add<Scalar>(dmemory.flat(), through.memory.flat(), dmemory.flat());
    return through.query;
  }
};

}  // namespace spat
