// train. The Adam optimizer over a parameter list.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/kernels/adam.hpp>

namespace spat::inline SPAT_ABI {

/// The decay rates of the two moments, and the term that keeps the divisor from zero.
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// Adam with bias correction and without weight decay. Holds two moments per weight, by position in
/// the list; buffers have none and do not move. Source: Kingma and Ba, "Adam: a method for
/// stochastic optimization", ICLR 2015.
template <class Scalar>
class Adam {
 public:
  explicit Adam(const ParameterList<Scalar>& weights, AdamOptions options = {})
      : options_(options) {
    for (const auto& weight : weights) {
      const std::size_t size = weight.kind == ParameterKind::weight ? weight.values.size() : 0;
      first_.emplace_back(size);
      second_.emplace_back(size);
    }
  }

  /// Updates `weights` once, with `scale` times `gradients`. Both lists belong to models of the
  /// type that this was built for. Also sets each gradient to zero while it is in the cache, ready
  /// for the next batch. The workers of `team` share the pieces; each number is updated alone, so
  /// the bytes do not depend on them.
  void step(const ParameterList<Scalar>& weights, const ParameterList<Scalar>& gradients,
            double rate, double scale = 1, Team* team = nullptr) {
    ++steps_;
    const double t = static_cast<double>(steps_);
    const kernels::AdamStep<Scalar> factors{
        static_cast<Scalar>(rate),
        static_cast<Scalar>(options_.beta1),
        static_cast<Scalar>(options_.beta2),
        static_cast<Scalar>(options_.epsilon),
        static_cast<Scalar>(1 - std::pow(options_.beta1, t)),
        static_cast<Scalar>(std::sqrt(1 - std::pow(options_.beta2, t))),
        static_cast<Scalar>(scale)};
    const auto update = [&](Share share) {
      for (std::size_t p = 0; p < weights.size(); ++p) {
        for (std::size_t i = 0; i < first_[p].size(); i += piece) {
          if (!share.takes()) continue;
          const std::size_t count = std::min(piece, first_[p].size() - i);
          Scalar* const gradient = gradients[p].values.data() + i;
          kernels::adam(factors, gradient, first_[p].data() + i, second_[p].data() + i,
                        weights[p].values.data() + i, count);
          std::fill_n(gradient, count, Scalar(0));
        }
      }
    };
    if (team)
      team->for_each_worker([&](std::size_t worker) { update(Share(worker, team->size())); });
    else
      update(Share());
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }
  /// The moments of tensor p of the list; empty for buffers.
  [[nodiscard]] std::span<Scalar> first_moment(std::size_t p) { return first_[p]; }
  [[nodiscard]] std::span<Scalar> second_moment(std::size_t p) { return second_[p]; }

 private:
  static constexpr std::size_t piece = 16384;  // numbers that a worker updates at a time

  AdamOptions options_;
  std::vector<AlignedBuffer<Scalar>> first_, second_;
  std::uint64_t steps_ = 0;
};

}  // namespace spat
