// nn. Cuts series into overlapping patches, one token per patch.
#pragma once

#include <spat/autograd/layer.hpp>

namespace spat::inline SPAT_ABI {

/// patch(b, c, p) = x(b, p stride .. p stride + patch, c), with the series continued by `padding`
/// copies of its last value (PatchTST, Nie et al., 2023).
///
/// Shapes, with P = (L + padding - patch) / stride + 1 patches per series:  x [samples * L x C]
/// y [samples * C * P x patch].
///
/// No parameters. Errors: ConfigError unless a patch fits into the continued series.
template <std::floating_point Scalar, std::size_t Patch = dynamic>
class Patches {
 public:
  using Value = Scalar;

  Patches(std::size_t lookback_rows, std::size_t patch_size, std::size_t patch_stride,
          std::size_t padding)
      : lookback(lookback_rows), stride(patch_stride), patch_(patch_size) {
    if (patch_size == 0 || stride == 0 || lookback + padding < patch_size)
      throw ConfigError(message("a patch must fit into the lookback: lookback ", lookback,
                                ", padding ", padding, ", patch ", patch_size, ", stride ",
                                stride));
    count = (lookback + padding - patch_size) / stride + 1;
  }

  std::size_t lookback, stride, count = 0;  // count: P

  [[nodiscard]] std::size_t patch() const { return patch_.get(); }

  struct Cache {
    Rows<Scalar, Patch> y;
    Rows<Scalar> dx;

    void lay_out(Arena& arena, const Patches& layer, std::size_t samples, std::size_t channels) {
      arena.take(y, samples * channels * layer.count, layer.patch());
      if (arena.training()) arena.take(dx, samples * layer.lookback, channels);
    }
  };

  Rows<const Scalar, Patch> forward(const Pass&, Rows<const Scalar> x, Cache& cache) const {
    const std::size_t channels = x.cols(), samples = x.rows() / lookback;
    std::size_t row = 0;
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t p = 0; p < count; ++p, ++row)
          for (std::size_t i = 0; i < patch(); ++i)
            cache.y.row(row)[i] = x.row(s * lookback + std::min(p * stride + i, lookback - 1))[c];
    return cache.y.middle_rows(0, row);
  }

  Rows<const Scalar> backward_input(const Pass&, Rows<const Scalar, Patch> dy, Cache& cache) const {
    const std::size_t channels = cache.dx.cols(), samples = dy.rows() / (channels * count);
    std::ranges::fill(cache.dx.flat(), Scalar(0));
    std::size_t row = 0;
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t p = 0; p < count; ++p, ++row)
          for (std::size_t i = 0; i < patch(); ++i)
            cache.dx.row(s * lookback + std::min(p * stride + i, lookback - 1))[c] +=
                dy.row(row)[i];
    return cache.dx.middle_rows(0, samples * lookback);
  }

  void backward_weights(const Pass&, Caches<Cache>, Patches&, Share&) const {}

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}

 private:
  [[no_unique_address]] Extent<Patch> patch_;
};

}  // namespace spat
