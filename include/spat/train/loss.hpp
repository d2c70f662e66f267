// train. Losses and their gradients.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/names.hpp>
#include <spat/core/view.hpp>

#include <array>
#include <cassert>
#include <concepts>
#include <functional>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// Returns sum (y - target)^2. Unless `dy` is empty, also writes d mean / dy = 2 (y - target) /
/// count.
///
/// `count` is the number of values of the whole batch, so that a batch may arrive in micro-batches:
/// the mean squared error is the sum of the returned values over count. y, target and dy are [rows
/// x C].
template <std::floating_point Scalar>
double squared_error(Rows<const Scalar> y, Rows<const Scalar> target, double count,
                     Rows<Scalar> dy = {}) {
  assert(y.rows() == target.rows() && y.cols() == target.cols());
  const auto factor = static_cast<Scalar>(2 / count);
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Scalar difference = y.data()[i] - target.data()[i];
    const auto wide = static_cast<double>(difference);
    sum = multiply_add(wide, wide, sum);
    if (dy.size()) dy.data()[i] = difference * factor;
  }
  return sum;
}

/// A loss of one forecast number, and its derivative with respect to that number.
struct LossTerm {
  double value = 0, slope = 0;
};

/// A loss as a Trainer calls it: returns the sum of its terms over the rows of a micro-batch and,
/// unless `dy` is empty, writes d (sum / count) / dy. Arguments are those of squared_error().
/// Workers call it at the same time, so it changes nothing that they share.
template <class Scalar>
using Loss = std::function<double(Rows<const Scalar> y, Rows<const Scalar> target, double count,
                                  Rows<Scalar> dy)>;

/// The loss whose terms are term(y, target), a LossTerm per number.
template <class Scalar, class Term>
[[nodiscard]] Loss<Scalar> loss_of(Term term) {
  static_assert(std::convertible_to<std::invoke_result_t<const Term&, double, double>, LossTerm>,
                "spat: the term of a loss is a function of (y, target), both double, and returns a "
                "LossTerm");
  return [term](Rows<const Scalar> y, Rows<const Scalar> target, double count, Rows<Scalar> dy) {
    assert(y.rows() == target.rows() && y.cols() == target.cols());
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const LossTerm one =
          term(static_cast<double>(y.data()[i]), static_cast<double>(target.data()[i]));
      sum += one.value;
      if (dy.size()) dy.data()[i] = static_cast<Scalar>(one.slope / count);
    }
    return sum;
  };
}

/// The losses by name, with e = y - target.
///
///   mse       e^2
///   mae       |e|
///   huber     e^2 / 2 if |e| <= delta, else delta (|e| - delta / 2)   (Huber, 1964)
///   quantile  max(-level e, (1 - level) e): y estimates the quantile `level` of the target
///             (Koenker and Bassett, 1978)
enum class LossRule { mse, mae, huber, quantile };

/// The names of the losses.
inline constexpr std::array<Named<LossRule>, 4> loss_rules{{{"mse", LossRule::mse},
                                                            {"mae", LossRule::mae},
                                                            {"huber", LossRule::huber},
                                                            {"quantile", LossRule::quantile}}};
/// The loss of this name. Throws ConfigError for a name that is not in loss_rules.
[[nodiscard]] inline LossRule parse_loss(std::string_view name) {
  return parse_name("loss", name, loss_rules);
}

/// A loss and its factors.
struct LossOptions {
  LossRule rule = LossRule::mse;
  double delta = 1;    // of huber
  double level = 0.5;  // of quantile

  /// Throws ConfigError with the rule that is violated.
  void check() const {
    if (!(delta > 0))
      throw ConfigError(message("the delta of a Huber loss must be positive, found ", delta));
    if (!(level > 0 && level < 1))
      throw ConfigError(message("the level of a quantile loss must lie in (0, 1), found ", level));
  }
  /// The loss as a function.
  template <class Scalar>
  [[nodiscard]] Loss<Scalar> function() const {
    switch (rule) {
      case LossRule::mae:
        return loss_of<Scalar>([](double y, double target) {
          const double e = y - target;
          return LossTerm{std::abs(e), static_cast<double>((e > 0) - (e < 0))};
        });
      case LossRule::huber:
        return loss_of<Scalar>([d = delta](double y, double target) {
          const double e = y - target, size = std::abs(e);
          return size <= d ? LossTerm{e * e / 2, e} : LossTerm{d * (size - d / 2), e > 0 ? d : -d};
        });
      case LossRule::quantile:
        return loss_of<Scalar>([l = level](double y, double target) {
          const double e = y - target;
          return e > 0 ? LossTerm{(1 - l) * e, 1 - l} : LossTerm{-l * e, e < 0 ? -l : 0};
        });
      case LossRule::mse:
        break;
    }
    return [](Rows<const Scalar> y, Rows<const Scalar> target, double count, Rows<Scalar> dy) {
      return squared_error<Scalar>(y, target, count, dy);
    };
  }
};

}  // namespace spat
