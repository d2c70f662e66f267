// train. The optimizers: Adam, AdamW and gradient descent with momentum, over a parameter list.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/core/names.hpp>
#include <spat/kernels/adam.hpp>

#include <array>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// How a step changes a weight w with gradient g, learning rate r and weight decay d.
///
///   adam   g <- g + d w, then m, v and w as in kernels::adam() (Kingma and Ba, "Adam: a method for
///          stochastic optimization", ICLR 2015)
///   adamw  w <- (1 - r d) w, then Adam's step (Loshchilov and Hutter, "Decoupled weight decay
///          regularization", ICLR 2019)
///   sgd    g <- g + d w,  m <- momentum m + g,  w <- w - r m
///
/// Each is PyTorch's optimizer of that name.
enum class OptimizerRule { adam, adamw, sgd };

/// The names of the optimizers.
inline constexpr std::array<Named<OptimizerRule>, 3> optimizer_rules{
    {{"adam", OptimizerRule::adam}, {"adamw", OptimizerRule::adamw}, {"sgd", OptimizerRule::sgd}}};
/// The optimizer of this name. Throws ConfigError for a name that is not in optimizer_rules.
[[nodiscard]] inline OptimizerRule parse_optimizer(std::string_view name) {
  return parse_name("optimizer", name, optimizer_rules);
}

/// An optimizer and its factors: the decay rates of Adam's two moments, the term that keeps its
/// divisor from zero, the weight decay, and the momentum of gradient descent.
struct OptimizerOptions {
  OptimizerRule rule = OptimizerRule::adam;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0, momentum = 0;
};

/// Holds up to two moments per weight, by position in the list; buffers have none and do not move.
template <class Scalar>
class Optimizer {
 public:
  /// Throws ConfigError for an epsilon that is not positive in the weights' precision.
  explicit Optimizer(const ParameterList<Scalar>& weights, OptimizerOptions options = {})
      : options_(options) {
    if (!(static_cast<Scalar>(options.epsilon) > 0))
      throw ConfigError(
          message("the epsilon of Adam must be positive in the model's precision, found ",
                  options.epsilon));
    const bool momentum = options.rule != OptimizerRule::sgd || options.momentum != 0;
    for (const auto& weight : weights) {
      const std::size_t size = weight.kind == ParameterKind::weight ? weight.values.size() : 0;
      sizes_.push_back(size);
      first_.emplace_back(momentum ? size : 0);
      second_.emplace_back(options.rule == OptimizerRule::sgd ? 0 : size);
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
      for (std::size_t p = 0; p < weights.size(); ++p)
        for (std::size_t i = 0; i < sizes_[p]; i += piece) {
          if (!share.takes()) continue;
          const std::size_t count = std::min(piece, sizes_[p] - i);
          const std::span<Scalar> weight = weights[p].values.subspan(i, count),
                                  gradient = gradients[p].values.subspan(i, count);
          decay(weight, gradient, factors);
          if (options_.rule == OptimizerRule::sgd)
            descend(weight, gradient, first_[p].empty() ? nullptr : first_[p].data() + i, factors);
          else
            kernels::adam(factors, gradient.data(), first_[p].data() + i, second_[p].data() + i,
                          weight.data(), count);
          std::ranges::fill(gradient, Scalar(0));
        }
    };
    if (team)
      team->for_each_worker([&](std::size_t worker) { update(Share(worker, team->size())); });
    else
      update(Share());
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }
  /// The moments of tensor p of the list: m and v of Adam, m of gradient descent with momentum.
  /// Empty for buffers, and for a moment that the rule does not have.
  [[nodiscard]] std::span<Scalar> first_moment(std::size_t p) { return first_[p]; }
  [[nodiscard]] std::span<Scalar> second_moment(std::size_t p) { return second_[p]; }

 private:
  static constexpr std::size_t piece = 16384;  // numbers that a worker updates at a time

  /// Shrinks the weights (adamw) or adds d w / scale to the gradients, which are scaled later.
  void decay(std::span<Scalar> weight, std::span<Scalar> gradient,
             const kernels::AdamStep<Scalar>& factors) const {
    if (options_.weight_decay == 0) return;
    const auto d = static_cast<Scalar>(options_.weight_decay);
    if (options_.rule == OptimizerRule::adamw) {
      const Scalar left = 1 - factors.rate * d;
      for (Scalar& w : weight) w *= left;
    } else {
      const Scalar unscaled = d / factors.scale;
      for (std::size_t i = 0; i < weight.size(); ++i)
        gradient[i] = multiply_add(unscaled, weight[i], gradient[i]);
    }
  }
  void descend(std::span<Scalar> weight, std::span<const Scalar> gradient, Scalar* moment,
               const kernels::AdamStep<Scalar>& factors) const {
    const auto momentum = static_cast<Scalar>(options_.momentum);
    for (std::size_t i = 0; i < weight.size(); ++i) {
      Scalar g = gradient[i] * factors.scale;
      if (moment) g = moment[i] = multiply_add(momentum, moment[i], g);
      weight[i] = multiply_add(-factors.rate, g, weight[i]);
    }
  }

  OptimizerOptions options_;
  std::vector<std::size_t> sizes_;
  std::vector<AlignedBuffer<Scalar>> first_, second_;
  std::uint64_t steps_ = 0;
};

}  // namespace spat
