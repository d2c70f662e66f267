// nn. The linear map of an embedding, with its dropout.
#pragma once

#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// The base of embeddings whose tokens are Drop(W values + ...): one linear map of values that the
/// embedding collects, and a dropout.
template <std::floating_point Scalar, std::size_t Inputs, std::size_t Width,
          Bias bias = Bias::learned>
class ValueEmbedding {
 public:
  using Value = Scalar;
  using Embedding = Linear<Scalar, Inputs, Width, bias>;

  Embedding value_embedding;
  Dropout<Scalar> dropout;

  /// The caches of the parts. An embedding's Cache derives from it.
  struct PartCaches {
    typename Embedding::Cache value_embedding;
    typename Dropout<Scalar>::Cache dropout;
  };

  /// Replaces backward_input if dx is not needed.
  void skip_input(const Pass& pass, Rows<const Scalar, Width> dy, PartCaches& cache) const {
    value_embedding.skip_input(dropout.backward_input(pass, dy, cache.dropout),
                               cache.value_embedding);
  }

  void backward_weights(const Pass& pass, Caches<PartCaches> caches, ValueEmbedding& gradients,
                        Share& share) const {
    value_embedding.backward_weights(pass, caches.of(&PartCaches::value_embedding),
                                     gradients.value_embedding, share);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Embedding::for_each(self.value_embedding, name + "value_embedding.", list);
  }

 protected:
  ValueEmbedding(std::size_t inputs, std::size_t width) : value_embedding(inputs, width) {}

  /// The gradient with respect to the values.
  Rows<const Scalar, Inputs> backward_values(const Pass& pass, Rows<const Scalar, Width> dy,
                                             PartCaches& cache) const {
    return value_embedding.backward_input(pass, dropout.backward_input(pass, dy, cache.dropout),
                                          cache.value_embedding);
  }
};

}  // namespace spat
