// models. Two Mambas over one sequence, one from each end.
#pragma once

#include <spat/models/smamba/mamba.hpp>

namespace spat::inline SPAT_ABI {

/// y = Mamba(x) + Mamba_r(x). Mamba_r processes each sequence from its last token to its first.
///
/// Shapes:  x, y [samples * N x D].
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t Inner = dynamic,
          std::size_t States = dynamic>
class BidirectionalMamba {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Direction = Mamba<Scalar, Width, Inner, States>;

  BidirectionalMamba(std::size_t width, std::size_t inner, std::size_t states, std::size_t kernel)
      : ahead(width, inner, states, kernel), back(width, inner, states, kernel, true) {}

  Direction ahead, back;

  struct Cache {
    typename Direction::Cache ahead, back;
    Rows<Scalar, Width> y;

    void lay_out(Arena& arena, const BidirectionalMamba& layer, std::size_t samples,
                 std::size_t tokens) {
      arena.take(y, samples * tokens, layer.ahead.in_proj.inputs());
      arena.temporarily([&] {
        ahead.lay_out(arena, layer.ahead, samples, tokens);
        back.lay_out(arena, layer.back, samples, tokens);
      });
    }
  };

  Tokens forward(const Pass& pass, Tokens x, Cache& cache) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    const auto first = ahead.forward(pass, x, cache.ahead);
    kernels::add<Scalar>(first.flat(), back.forward(pass, x, cache.back).flat(), y.flat());
    return y;
  }

  /// The gradients of the two directions, each with respect to x.
  struct InputGradients {
    Tokens ahead, back;
  };
  InputGradients backward_input(const Pass& pass, Tokens dy, Cache& cache) const {
    const auto first = ahead.backward_input(pass, dy, cache.ahead);
    return {first, back.backward_input(pass, dy, cache.back)};
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, BidirectionalMamba& gradients,
                        Share& share) const {
    ahead.backward_weights(pass, caches.of(&Cache::ahead), gradients.ahead, share);
    back.backward_weights(pass, caches.of(&Cache::back), gradients.back, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return ahead.multiply_adds(tokens) + back.multiply_adds(tokens);
  }

  /// Names the directions attention and attention_r, as the reference does.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Direction::for_each(self.ahead, name + "attention.", list);
    Direction::for_each(self.back, name + "attention_r.", list);
  }
};

}  // namespace spat
