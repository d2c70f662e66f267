// One attention module and its loss, twice: run by the library with a criterion as its listener,
// and as plain loops in double.
#pragma once

#include <spat/core/random.hpp>
#include <spat/nn/attention.hpp>

#include <cmath>
#include <vector>

namespace tests {

struct AttendedCase {
  const char* name;
  std::size_t samples = 5, lq = 4, lk = 4, width = 6, heads = 2;
  bool self = true, causal = false, masked = false;
};

/// The loss is the mean of (y - t)^2 over samples, queries and columns; y = MultiHeadAttention(x,
/// memory).
template <class Scalar>
struct Attended {
  using Attention = spat::MultiHeadAttention<Scalar>;
  using Case = AttendedCase;

  Case shape;
  Attention layer;
  spat::Tensor<Scalar> x, memory, target;
  std::vector<unsigned char> mask;  // sample 0 sees one key, sample 1 none

  explicit Attended(const Case& c, std::uint64_t stream = 1)
      : shape(c), layer(c.width, c.heads), x(c.samples * c.lq, c.width),
        memory(c.self ? 0 : c.samples * c.lk, c.width), target(c.samples * c.lq, c.width),
        mask(c.masked ? c.samples * c.lk : 0) {
    spat::Random random(17, stream);
    const auto fill = [&](auto&& values) {
      for (Scalar& value : values) value = static_cast<Scalar>(0.7 * random.normal());
    };
    layer.causal = c.causal;
    for (const auto& parameter : spat::parameters(layer)) fill(parameter.values);
    fill(x.flat()), fill(memory.flat()), fill(target.flat());
    for (std::size_t i = 0; i < mask.size(); ++i) {
      const std::size_t sample = i / c.lk, key = i % c.lk;
      mask[i] = sample == 0 ? key == 0 : sample != 1 && (sample + key) % 3 != 0;
    }
  }

  [[nodiscard]] std::size_t loss_terms() const { return target.flat().size(); }

  /// Forward and backward of samples [first, first + count).
  template <class Criterion>
  void tell(Criterion& criterion, std::size_t first, std::size_t count,
            spat::Team* team = nullptr) const {
    const spat::Pass pass{.training = true,
                          .first_sample = first,
                          .batch_samples = shape.samples,
                          .loss_terms = loss_terms(),
                          .team = team};
    const spat::ScoredPass<Criterion> scored(pass, criterion);
    spat::Arena arena;
    typename Attention::Cache cache;
    arena.prepare(spat::Purpose::training,
                  [&](spat::Arena& a) { cache.lay_out(a, layer, count, shape.lq, shape.lk); });
    spat::AttentionInputs<Scalar> inputs;
    if (shape.masked) inputs.key_mask = {mask.data() + first * shape.lk, count, shape.lk};
    const auto queries = x.view().middle_rows(first * shape.lq, count * shape.lq);
    const auto keys =
        shape.self ? queries : memory.view().middle_rows(first * shape.lk, count * shape.lk);
    const auto y = layer.forward(scored, queries, keys, cache, inputs);
    spat::Tensor<Scalar> dy(y.rows(), y.cols());
    for (std::size_t i = 0; i < y.size(); ++i)
      dy.flat()[i] = 2 * (y.data()[i] - target.view().row(first * shape.lq)[i]) /
                     static_cast<Scalar>(loss_terms());
    layer.backward_input(scored, dy.view(), cache);
  }
  template <class Criterion>
  void tell(Criterion& criterion) const {
    tell(criterion, 0, shape.samples);
  }

  [[nodiscard]] bool sees(std::size_t sample, std::size_t i, std::size_t j) const {
    return (!shape.causal || j <= i) && (!shape.masked || mask[sample * shape.lk + j] != 0);
  }

  /// A of one sample, [H * Lq x Lk].
  [[nodiscard]] std::vector<double> a(std::size_t sample) const {
    const auto q = projected(layer.query_projection, queries(sample), shape.lq);
    const auto k = projected(layer.key_projection, keys(sample), shape.lk);
    const std::size_t size = shape.width / shape.heads;
    std::vector<double> all(shape.heads * shape.lq * shape.lk, 0);
    for (std::size_t h = 0; h < shape.heads; ++h)
      for (std::size_t i = 0; i < shape.lq; ++i) {
        double* const row = all.data() + (h * shape.lq + i) * shape.lk;
        double total = 0;
        for (std::size_t j = 0; j < shape.lk; ++j) {
          double score = 0;
          for (std::size_t d = h * size; d < (h + 1) * size; ++d)
            score += q[i * shape.width + d] * k[j * shape.width + d];
          if (sees(sample, i, j))
            total += row[j] = std::exp(score / std::sqrt(static_cast<double>(size)));
        }
        for (std::size_t j = 0; j < shape.lk; ++j)
          if (total > 0) row[j] /= total;
      }
    return all;
  }
  /// The branch of one sample for these probabilities, [Lq x D].
  [[nodiscard]] std::vector<double> branch(std::size_t sample, const std::vector<double>& a) const {
    const auto v = projected(layer.value_projection, keys(sample), shape.lk);
    const std::size_t size = shape.width / shape.heads;
    std::vector<double> o(shape.lq * shape.width, 0);
    for (std::size_t h = 0; h < shape.heads; ++h)
      for (std::size_t i = 0; i < shape.lq; ++i)
        for (std::size_t j = 0; j < shape.lk; ++j)
          for (std::size_t d = h * size; d < (h + 1) * size; ++d)
            o[i * shape.width + d] += a[(h * shape.lq + i) * shape.lk + j] * v[j * shape.width + d];
    return projected(layer.out_projection, o.data(), shape.lq);
  }
  /// The mean squared error of one sample for these probabilities.
  [[nodiscard]] double own_loss(std::size_t sample, const std::vector<double>& a) const {
    const auto y = branch(sample, a);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double error = y[i] - static_cast<double>(target.view().row(sample * shape.lq)[i]);
      sum += error * error / static_cast<double>(y.size());
    }
    return sum;
  }

  /// d own_loss / d gate, where the gate multiplies entries [first, last) of A. The loss is
  /// quadratic in the gate, so a central difference of any width is exact.
  [[nodiscard]] double slope(std::size_t sample, const std::vector<double>& a, std::size_t first,
                             std::size_t last) const {
    const auto at = [&](double gate) {
      auto gated = a;
      for (std::size_t e = first; e < last; ++e) gated[e] *= gate;
      return own_loss(sample, gated);
    };
    return at(1.5) - at(0.5);
  }
  /// Slopes of a gate on each head of one sample.
  [[nodiscard]] std::vector<double> head_slopes(std::size_t sample) const {
    const auto all = a(sample);
    const std::size_t size = shape.lq * shape.lk;
    std::vector<double> slopes;
    for (std::size_t h = 0; h < shape.heads; ++h)
      slopes.push_back(slope(sample, all, h * size, (h + 1) * size));
    return slopes;
  }
  /// Slope of a gate on the whole branch except its bias.
  [[nodiscard]] double gate_slope(std::size_t sample) const {
    const auto all = a(sample);
    return slope(sample, all, 0, all.size());
  }
  /// S[h, i, j]: slopes of the batch's loss, each of a gate on one connection.
  [[nodiscard]] std::vector<double> sensitivities() const {
    std::vector<double> s(shape.heads * shape.lq * shape.lk, 0);
    for (std::size_t b = 0; b < shape.samples; ++b) {
      const auto all = a(b);
      for (std::size_t e = 0; e < s.size(); ++e)
        s[e] += slope(b, all, e, e + 1) / static_cast<double>(shape.samples);
    }
    return s;
  }

 private:
  [[nodiscard]] const Scalar* queries(std::size_t sample) const {
    return x.view().row(sample * shape.lq);
  }
  [[nodiscard]] const Scalar* keys(std::size_t sample) const {
    return shape.self ? queries(sample) : memory.view().row(sample * shape.lk);
  }
  template <class Projection, class Number>
  [[nodiscard]] std::vector<double> projected(const Projection& linear, const Number* rows,
                                              std::size_t count) const {
    std::vector<double> y;
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t out = 0; out < shape.width; ++out) {
        double sum = static_cast<double>(linear.bias.flat()[out]);
        for (std::size_t in = 0; in < shape.width; ++in)
          sum += static_cast<double>(linear.weight.view().row(out)[in]) *
                 static_cast<double>(rows[r * shape.width + in]);
        y.push_back(sum);
      }
    return y;
  }
};

}  // namespace tests
