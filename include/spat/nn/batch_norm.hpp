// nn. Batch normalization: normalizes each feature by the statistics of a whole batch, in two
// stages between which the statistics of its micro-batches are combined.
#pragma once

#include <spat/kernels/normalize.hpp>
#include <spat/nn/affine.hpp>

namespace spat::inline SPAT_ABI {

/// Batch normalization over all rows of a batch, for each feature (Ioffe and Szegedy, 2015):
///
///     y = gain n + bias,  n = (x - mean) / sqrt(var + epsilon)
///
/// While training, mean and biased variance are those of the batch; otherwise the running ones.
/// Shapes, with R rows in a micro-batch:  x, y [R x D]   everything else [D].
///
/// While training, a batch consists of micro-batches, each with a Cache. Stage 1 of forward,
/// `observe`, is done for every micro-batch before `reduce` combines their moments in order. Then
/// stage 2, `forward`, normalizes. Backward works likewise: `backward_observe`, `reduce_backward`,
/// `backward_input`. Once per step `commit` updates the running statistics.
template <std::floating_point Scalar, std::size_t Width = dynamic>
class BatchNorm : public Affine<Scalar, Width> {
  using Base = Affine<Scalar, Width>;

 public:
  using Base::gain, Base::bias;

  explicit BatchNorm(std::size_t width)
      : Base(width), running_mean(1, width), running_variance(1, width), batches(1, 1) {
    std::ranges::fill(running_variance.flat(), Scalar(1));
  }

  Tensor<Scalar, 1, Width> running_mean, running_variance;
  Tensor<Scalar, 1, 1> batches;  // commits so far
  Scalar epsilon = Scalar(1e-5);

  struct Cache : Base::RowCache {
    std::size_t rows = 0, batch_rows = 0;  // of this micro-batch, of the batch
    std::span<Scalar> mean, squares;       // of this micro-batch: mean, sum of (x - mean)^2
    std::span<Scalar> batch_mean, batch_variance, inverse_deviation;
    /// Of this micro-batch: sum of dn, sum of dn n, with dn = gain dy.
    std::span<Scalar> sum, along;
    std::span<Scalar> batch_sum, batch_along;
    std::span<Scalar> mean_dn, mean_along;  // the means over the batch, negated

    void lay_out(Arena& arena, const BatchNorm& layer, std::size_t row_count) {
      const std::size_t width = layer.gain.cols();
      rows = row_count;
      Base::RowCache::lay_out_rows(arena, layer, rows);
      arena.take(inverse_deviation, width);
      if (!arena.training()) return;
      for (auto* values : {&mean, &squares, &batch_mean, &batch_variance, &sum, &along, &batch_sum,
                           &batch_along, &mean_dn, &mean_along})
        arena.take(*values, width);
    }
  };

  /// Stage 1: computes the moments of a micro-batch. Does nothing unless training: nothing else
  /// needs them.
  void observe(const Pass& pass, Rows<const Scalar, Width> x, Cache& cache) const {
    if (!pass.training) return;
    const auto rows = static_cast<Scalar>(cache.rows = x.rows());
    std::ranges::fill(cache.mean, Scalar(0));
    std::ranges::fill(cache.squares, Scalar(0));
    std::ranges::fill(cache.sum, Scalar(0));
    kernels::add_rows<Scalar>(x, cache.mean.data());
    for (Scalar& mean : cache.mean) mean /= rows;
    kernels::add_deviations<Scalar>(x, cache.mean.data(), cache.sum.data(), cache.squares.data());
    for (std::size_t c = 0; c < x.cols(); ++c) {  // what the plain sum of many rows lost
      const Scalar shift = cache.sum[c] / rows;
      cache.mean[c] += shift;
      cache.squares[c] = multiply_add(-shift, cache.sum[c], cache.squares[c]);
    }
  }

  /// Between the stages: combines the moments of the micro-batches, in their order, into those of
  /// the batch (Chan et al., 1979).
  void reduce(Caches<Cache> caches) const {
    for (std::size_t c = 0; c < gain.cols(); ++c) {
      std::size_t rows = 0;
      Scalar mean = 0, squares = 0;
      for (const Cache& block : caches) {
        const auto before = static_cast<Scalar>(rows), added = static_cast<Scalar>(block.rows);
        const Scalar d = block.mean[c] - mean, share = added / (before + added);
        squares = multiply_add(d * d, before * share, squares + block.squares[c]);
        mean = multiply_add(d, share, mean);
        rows += block.rows;
      }
      for (Cache& block : caches) {
        block.batch_rows = rows;
        block.batch_mean[c] = mean;
        block.batch_variance[c] = squares / static_cast<Scalar>(rows);
      }
    }
  }

  /// Stage 2: normalizes by the moments of the batch while training, otherwise by the running ones.
  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    const Scalar* mean = pass.training ? cache.batch_mean.data() : running_mean.data();
    const Scalar* variance = pass.training ? cache.batch_variance.data() : running_variance.data();
    for (std::size_t c = 0; c < x.cols(); ++c)
      cache.inverse_deviation[c] = 1 / std::sqrt(variance[c] + epsilon);
    pass.for_shares(x.rows(), 4 * x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r)
        kernels::batch_norm(x.row(r), mean, cache.inverse_deviation.data(), gain.data(),
                            bias.data(), x.cols(),
                            cache.normalized.data() ? cache.normalized.row(r) : nullptr, y.row(r));
    });
    return y;
  }

  /// Stage 1 of backward: computes the sums of a micro-batch. Does nothing unless training.
  void backward_observe(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    if (!pass.training) return;
    std::ranges::fill(cache.sum, Scalar(0));
    std::ranges::fill(cache.along, Scalar(0));
    kernels::add_rows<Scalar>(dy, cache.sum.data());
    kernels::add_products<Scalar>(dy, cache.normalized.middle_rows(0, dy.rows()),
                                  cache.along.data());
    for (std::size_t c = 0; c < dy.cols(); ++c) {
      cache.sum[c] *= gain.data()[c];
      cache.along[c] *= gain.data()[c];
    }
  }

  /// Between the stages: adds up the sums of the micro-batches, in their order.
  void reduce_backward(Caches<Cache> caches) const {
    for (std::size_t c = 0; c < gain.cols(); ++c) {
      Scalar sum = 0, along = 0;
      for (const Cache& block : caches) {
        sum += block.sum[c];
        along += block.along[c];
      }
      for (Cache& block : caches) {
        block.batch_sum[c] = sum;
        block.batch_along[c] = along;
      }
    }
  }

  /// Stage 2: dx = inverse deviation (dn - mean(dn) - n mean(dn n)), both means over the batch.
  /// Running statistics do not depend on x; with them dx = inverse deviation dn.
  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    cache.dy = dy;
    const std::size_t width = dy.cols();
    const Scalar rows = pass.training ? static_cast<Scalar>(cache.batch_rows) : Scalar(1);
    for (std::size_t c = 0; c < width; ++c) {
      cache.mean_dn[c] = pass.training ? -(cache.batch_sum[c] / rows) : Scalar(0);
      cache.mean_along[c] = pass.training ? -(cache.batch_along[c] / rows) : Scalar(0);
    }
    pass.for_shares(dy.rows(), 4 * dy.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r)
        kernels::batch_norm_backward(cache.normalized.row(r), gain.data(),
                                     cache.inverse_deviation.data(), cache.mean_dn.data(),
                                     cache.mean_along.data(), dy.row(r), width, cache.dx.row(r));
    });
    return cache.dx.middle_rows(0, dy.rows());
  }

  /// Updates the running statistics once per step, from any micro-batch of the batch: running = (1
  /// - weight) running + weight batch. The variance is unbiased, as in PyTorch.
  void commit(const Cache& cache, Scalar weight) {
    const auto rows = static_cast<Scalar>(cache.batch_rows);
    const auto move = [weight](Scalar& running, Scalar seen) {
      running = multiply_add(weight, seen - running, running);
    };
    for (std::size_t c = 0; c < gain.cols(); ++c) {
      move(running_mean.data()[c], cache.batch_mean[c]);
      move(running_variance.data()[c],
           cache.batch_variance[c] * rows / std::max(rows - 1, Scalar(1)));
    }
    batches.data()[0] += 1;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Base::for_each(self, name, list);
    list.add(name + "running_mean", self.running_mean, {.kind = ParameterKind::buffer});
    list.add(name + "running_var", self.running_variance,
             {.kind = ParameterKind::buffer, .least = 0});
    list.add(name + "num_batches_tracked", self.batches, {.kind = ParameterKind::counter});
  }
};

}  // namespace spat
