// nn. A residual feed-forward branch with its norm.
#pragma once

#include <spat/nn/feed_forward.hpp>
#include <spat/nn/layer_norm.hpp>

namespace spat::inline SPAT_ABI {

/// Replaces the norm in a block that has none: y = x + branch.
template <std::floating_point Scalar, std::size_t Width = dynamic>
class PlainSum {
 public:
  using Value = Scalar;

  explicit PlainSum(std::size_t width) : width_(width) {}

  struct Cache {
    Rows<Scalar, Width> y;

    void lay_out(Arena& arena, const PlainSum& layer, std::size_t rows) {
      arena.take(y, rows, layer.width_.get());
    }
  };

  Rows<const Scalar, Width> forward(const Pass&, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> branch) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    kernels::add<Scalar>(x.flat(), branch.flat(), y.flat());
    return y;
  }
  /// Returns dy, the gradient of both summands.
  Rows<const Scalar, Width> backward_input(const Pass&, Rows<const Scalar, Width> dy,
                                           Cache&) const {
    return dy;
  }
  void backward_weights(const Pass&, Caches<Cache>, PlainSum&, Share&) const {}

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}

 private:
  [[no_unique_address]] Extent<Width> width_;
};

/// The feed-forward half of a block:  y = LN(x + Drop(FFN(x))), or x + Drop(FFN(x)) if Norm is
/// PlainSum.
///
/// Shapes, with R rows:  x, y [R x D].
///
/// The dropout of the hidden units belongs to `ffn`.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t FfnWidth = dynamic,
          class Norm = LayerNorm<Scalar, Width>, class ActivationType = Gelu<Scalar, FfnWidth>>
class ResidualFeedForward {
 public:
  using Value = Scalar;
  using Perceptron = FeedForward<Scalar, Width, FfnWidth, ActivationType>;

  ResidualFeedForward(std::size_t width, std::size_t ffn_width)
      : ffn(width, ffn_width), norm(width) {}

  Perceptron ffn;
  Dropout<Scalar> dropout;
  [[no_unique_address]] Norm norm;

  /// The dropout of the hidden units is site first_site, that of the branch first_site + 1.
  void set_dropout(double rate, std::size_t first_site) {
    ffn.dropout = {rate, first_site};
    dropout = {rate, first_site + 1};
  }

  struct Cache {
    typename Perceptron::Cache ffn;
    typename Dropout<Scalar>::Cache dropout;
    typename Norm::Cache norm;

    /// `sample_rows` rows of x belong to one sample.
    void lay_out(Arena& arena, const ResidualFeedForward& layer, std::size_t rows,
                 std::size_t sample_rows) {
      lay_out_result(arena, layer, rows);
      arena.temporarily([&] { lay_out_inside(arena, layer, rows, sample_rows); });
    }
    /// lay_out() in two parts, for a block that needs x only while y is computed: lay_out_result()
    /// first, then, temporarily, x and lay_out_inside().
    void lay_out_result(Arena& arena, const ResidualFeedForward& layer, std::size_t rows) {
      norm.lay_out(arena, layer.norm, rows);
    }
    void lay_out_inside(Arena& arena, const ResidualFeedForward& layer, std::size_t rows,
                        std::size_t sample_rows) {
      ffn.lay_out(arena, layer.ffn, rows, sample_rows);
      dropout.lay_out(arena, layer.dropout, rows, layer.ffn.conv1.inputs(), sample_rows);
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const auto branch = dropout.forward(pass, ffn.forward(pass, x, cache.ffn), cache.dropout);
    return norm.forward(pass, x, cache.norm, branch);
  }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto du = norm.backward_input(pass, dy, cache.norm);
    const auto dbranch = dropout.backward_input(pass, du, cache.dropout);
    return ffn.backward_input(pass, dbranch, cache.ffn, du);
  }
  /// The result of backward_input, for a caller that changes it in place.
  [[nodiscard]] static Rows<Scalar, Width> writable_input_gradient(Cache& cache) {
    return Perceptron::writable_input_gradient(cache.ffn);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, ResidualFeedForward& gradients,
                        Share& share) const {
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t rows) const {
    return ffn.multiply_adds(rows);
  }

  /// Lists the maps, then the norm. A block whose file has other tensors in between lists `ffn` and
  /// `norm` itself.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       const FeedForwardNames& names = {}) {
    Perceptron::for_each(self.ffn, name, list, names);
    Norm::for_each(self.norm, name + "norm.", list);
  }
};

}  // namespace spat
