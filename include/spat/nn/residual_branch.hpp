// nn. A residual branch that mixes tokens, with its norm. The mixer may have been pruned.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/layer_norm.hpp>

#include <utility>

namespace spat::inline SPAT_ABI {

/// The mixing half of a block:  y = LN(x + Drop(mixer(...))), or LN(x) if the mixer was pruned.
///
/// Shapes, with R rows:  x, y [R x D].
///
/// `Mixer` is a Slot. Blocks call their mixers in different ways (with a memory, with another
/// Pass), so forward and backward_input take the call as a function. It is compiled only if the
/// mixer can be kept.
///
/// The class name does not mention attention, because it appears in programs from which every mixer
/// was pruned.
template <class Mixer, std::floating_point Scalar, std::size_t Width = dynamic>
class ResidualBranch {
 public:
  using Value = Scalar;
  using Gradient = Rows<const Scalar, Width>;

  ResidualBranch(Mixer slot, std::size_t width) : mixer(std::move(slot)), norm(width) {}

  [[no_unique_address]] Mixer mixer;
  Dropout<Scalar> dropout;
  LayerNorm<Scalar, Width> norm;

  /// The mixer has the sites first_site .. first_site + mixer_sites - 1, even if it was pruned. The
  /// branch has the next one.
  void set_dropout(double rate, std::size_t first_site, std::size_t mixer_sites = 1) {
    if_kept(
        [&](auto& part) {
          if constexpr (requires { part.set_dropout(rate, first_site); })
            part.set_dropout(rate, first_site);
          else if constexpr (requires { part.dropout.rate; })
            part.dropout = {rate, first_site};
        },
        mixer);
    dropout = {rate, first_site + mixer_sites};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<Mixer> mixer;
    typename Dropout<Scalar>::Cache dropout;
    typename LayerNorm<Scalar, Width>::Cache norm;
    Rows<Scalar, Width> dx;

    /// `sample_rows` rows of x belong to one sample. `mixer_sizes` are the arguments of the mixer's
    /// own lay_out() after the mixer.
    template <class... Sizes>
    void lay_out(Arena& arena, const ResidualBranch& branch, std::size_t rows,
                 std::size_t sample_rows, Sizes... mixer_sizes) {
      lay_out_result(arena, branch, rows);
      lay_out_inside(arena, branch, rows, sample_rows, mixer_sizes...);
    }
    /// lay_out() in two parts, for a block that needs x only while y is computed: lay_out_result()
    /// first, then, temporarily, x and lay_out_inside().
    void lay_out_result(Arena& arena, const ResidualBranch& branch, std::size_t rows) {
      norm.lay_out(arena, branch.norm, rows);
    }
    template <class... Sizes>
    void lay_out_inside(Arena& arena, const ResidualBranch& branch, std::size_t rows,
                        std::size_t sample_rows, Sizes... mixer_sizes) {
      match_slot(branch.mixer, mixer);
      if_kept(
          [&](const auto& part, auto& mine) {
            const std::size_t width = branch.norm.gain.cols();
            arena.temporarily([&] {
              mine.lay_out(arena, part, mixer_sizes...);
              dropout.lay_out(arena, branch.dropout, rows, width, sample_rows);
            });
            if (arena.training()) arena.take(dx, rows, width);
          },
          branch.mixer, mixer);
    }
  };

  /// `call(mixer, its cache)` returns the mixer's result.
  template <class Call>
  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    const Call& call) const {
    Rows<const Scalar, Width> branch;
    if_kept([&](const auto& part,
                auto& mine) { branch = dropout.forward(pass, call(part, mine), cache.dropout); },
            mixer, cache.mixer);
    return norm.forward(pass, x, cache.norm, branch);
  }
  /// The result of forward, for a caller that changes it in place before anything reads it.
  [[nodiscard]] static Rows<Scalar, Width> writable_output(Cache& cache) {
    return LayerNorm<Scalar, Width>::writable_output(cache.norm);
  }

  /// `call(mixer, its cache, dbranch)` returns the gradient with respect to x through the mixer, or
  /// a std::pair of two, which are added in their order.
  template <class Call>
  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache, const Call& call) const {
    Gradient dx = norm.backward_input(pass, dy, cache.norm);
    if_kept(
        [&](const auto& part, auto& mine) {
          const Gradient dbranch = dropout.backward_input(pass, dx, cache.dropout);
          add(dx, call(part, mine, dbranch), cache.dx);
          dx = cache.dx;
        },
        mixer, cache.mixer);
    return dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, ResidualBranch& gradients,
                        Share& share) const {
    backward_weights_if_kept(mixer, pass, caches.of(&Cache::mixer), gradients.mixer, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
  }

  /// Multiply-adds of the mixer; 0 if it was pruned. `sizes` are the arguments of its own
  /// multiply_adds().
  template <class... Sizes>
  [[nodiscard]] std::size_t multiply_adds(Sizes... sizes) const {
    std::size_t total = 0;
    if_kept([&](const auto& part) { total = part.multiply_adds(sizes...); }, mixer);
    return total;
  }

  /// Lists the mixer's tensors, if it is kept. A block lists those of `norm` separately, in the
  /// order of its file.
  template <class Self, class List>
  static void for_each_of_mixer(Self& self, const std::string& name, List& list) {
    if_kept([&](auto& part) { part.for_each(part, name, list); }, self.mixer);
  }

 private:
  static void add(Gradient a, Gradient b, Rows<Scalar, Width> sum) {
    kernels::add<Scalar>(a.flat(), b.flat(), sum.flat());
  }
  static void add(Gradient a, const std::pair<Gradient, Gradient>& more, Rows<Scalar, Width> sum) {
    kernels::add<Scalar>(a.flat(), more.first.flat(), more.second.flat(), sum.flat());
  }
};

}  // namespace spat
