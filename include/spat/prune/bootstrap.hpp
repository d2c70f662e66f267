// prune. How certain a ranking is: the spread of mean scores over resampled steps.
#pragma once

#include <spat/core/random.hpp>
#include <spat/prune/ranks.hpp>

#include <cstdint>
#include <utility>

namespace spat::inline SPAT_ABI {

/// What resampling the steps shows about the modules' mean scores. A module without a score in any
/// step is NaN everywhere.
struct ScoreSpread {
  /// [module]; the error is NaN with fewer than two resamples.
  std::vector<double> mean = {}, standard_error = {};
  /// [i][j]: the share of resamples in which i's mean is below j's; a tie counts half.
  std::vector<std::vector<double>> below = {};
  /// Mean of Kendall's tau between a resample's ranking and that of all steps; NaN if nothing is
  /// ordered.
  double mean_tau = 0;
  std::size_t resamples = 0, block = 0;

  /// The pairs i < j whose order by `mean` holds in fewer than `level` of the resamples, or that no
  /// step scored together. Throws ConfigError unless 0 < level <= 1.
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> indistinguishable(
      double level = 0.95) const {
    if (!(level > 0 && level <= 1))
      throw ConfigError(message("a level of certainty must lie in (0, 1], found ", level));
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < mean.size(); ++i)
      for (std::size_t j = i + 1; j < mean.size(); ++j) {
        if (std::isnan(mean[i]) || std::isnan(mean[j])) continue;
        if (const double holds = mean[i] <= mean[j] ? below[i][j] : below[j][i]; !(holds >= level))
          pairs.emplace_back(i, j);
      }
    return pairs;
  }
};

namespace detail {

/// A sum over weighted steps; a NaN adds nothing.
struct WeightedSum {
  double sum = 0, weight = 0;

  void add(double w, double x) {
    if (std::isnan(x)) return;
    sum = multiply_add(w, x, sum);
    weight += w;
  }
  [[nodiscard]] double mean() const { return sum / weight; }  // NaN if nothing was added
};

using StepScores = std::vector<std::vector<double>>;  // [step][module]

[[nodiscard]] inline std::vector<double> column_means(const StepScores& steps,
                                                      const std::vector<double>& weights) {
  std::vector<WeightedSum> sums(steps[0].size());
  for (std::size_t t = 0; t < steps.size(); ++t)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add(weights[t], steps[t][i]);
  std::vector<double> means;
  for (const WeightedSum& sum : sums) means.push_back(sum.mean());
  return means;
}

/// How often each step occurs in a moving-block resample: blocks of neighbouring steps drawn from
/// anywhere, `count` steps in all.
[[nodiscard]] inline std::vector<double> block_resample(std::size_t count, std::size_t block,
                                                        Random& random) {
  std::vector<double> weights(count, 0);
  for (std::size_t drawn = 0; drawn < count;) {
    const auto first = static_cast<std::size_t>(random.below(count - block + 1));
    for (std::size_t t = first; t < first + block && drawn < count; ++t, ++drawn) ++weights[t];
  }
  return weights;
}

inline void check_steps(const StepScores& steps, std::size_t resamples, std::size_t block) {
  if (steps.empty()) throw ConfigError("no step to resample: score at least one step of training");
  if (resamples == 0) throw ConfigError("a bootstrap needs at least one resample, found 0");
  if (block > steps.size())
    throw ConfigError(
        message("a block of ", block, " steps is longer than the ", steps.size(), " there are"));
  for (std::size_t t = 0; t < steps.size(); ++t) {
    if (steps[t].size() != steps[0].size())
      throw ShapeError(
          message("step ", t, " scores ", steps[t].size(), " modules, step 0 ", steps[0].size()));
    for (std::size_t i = 0; i < steps[t].size(); ++i)
      if (std::isinf(steps[t][i]))
        throw NumericError(message("the score of module ", i, " in step ", t, " is infinite"));
  }
}

}  // namespace detail

/// Moving-block bootstrap of mean scores.
///
/// steps[t][i] is the score of module i in step t, or NaN if the module was not scored. A resample
/// draws as many steps as there are, in blocks of neighbours, because neighbouring steps of a
/// training are correlated. All modules share a resample. Two modules are compared by
///
///     sum_t w_t (x_ti - x_tj) < 0
///
/// over the steps that score both, so what moves all modules alike leaves their order certain.
/// block = 0 means round(cbrt(steps)). The result is a function of the arguments; resample r is the
/// same whatever their number. Time grows with resamples x steps x modules^2.
///
/// Throws ConfigError for no steps, no resamples, or a block longer than the steps; ShapeError for
/// rows of different lengths; NumericError for an infinite score. Kunsch, "The jackknife and the
/// bootstrap for general stationary observations", Annals of Statistics 17 (1989).
[[nodiscard]] inline ScoreSpread bootstrap(const std::vector<std::vector<double>>& steps,
                                           std::uint64_t seed, std::size_t resamples = 200,
                                           std::size_t block = 0) {
  detail::check_steps(steps, resamples, block);
  const std::size_t modules = steps[0].size();
  if (block == 0)
    block = static_cast<std::size_t>(std::lround(std::cbrt(static_cast<double>(steps.size()))));
  ScoreSpread spread{.resamples = resamples, .block = block};
  spread.mean = detail::column_means(steps, std::vector<double>(steps.size(), 1));
  detail::StepScores means;  // [resample][module]
  detail::WeightedSum tau;
  std::vector<std::vector<detail::WeightedSum>> below(modules,
                                                      std::vector<detail::WeightedSum>(modules));
  for (std::size_t r = 0; r < resamples; ++r) {
    Random random(seed, r);
    const std::vector<double> weights = detail::block_resample(steps.size(), block, random);
    means.push_back(detail::column_means(steps, weights));
    tau.add(1, kendall_tau(means.back(), spread.mean));
    for (std::size_t i = 0; i < modules; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        detail::WeightedSum difference;
        for (std::size_t t = 0; t < steps.size(); ++t)
          difference.add(weights[t], steps[t][i] - steps[t][j]);
        if (difference.weight == 0) continue;
        below[i][j].add(1, difference.sum < 0 ? 1 : difference.sum > 0 ? 0 : 0.5);
        below[j][i].add(1, difference.sum > 0 ? 1 : difference.sum < 0 ? 0 : 0.5);
      }
  }
  spread.mean_tau = tau.mean();
  const std::vector<double> centre = detail::column_means(means, std::vector<double>(resamples, 1));
  for (std::size_t i = 0; i < modules; ++i) {
    detail::WeightedSum squares;
    for (const std::vector<double>& mean : means)
      squares.add(1, (mean[i] - centre[i]) * (mean[i] - centre[i]));
    spread.standard_error.push_back(
        squares.weight < 2 ? std::nan("") : std::sqrt(squares.sum / (squares.weight - 1)));
    std::vector<double>& row = spread.below.emplace_back();
    for (const detail::WeightedSum& part : below[i]) row.push_back(part.mean());
  }
  return spread;
}

/// Standard errors of the mean scores by batch means. Neighbouring steps form floor(sqrt(steps))
/// blocks, whose means m_b are nearly independent:
///
///     sqrt(sum_b (m_b - mean)^2 / (b (b - 1)))
///
/// Cheap enough for every epoch. Empty for fewer than four steps, NaN for a module without a score.
/// Source: Alexopoulos and Seila, "Output data analysis", in: Handbook of Simulation, 1998.
[[nodiscard]] inline std::vector<double> batch_means_errors(
    const std::vector<std::vector<double>>& steps) {
  const std::size_t modules = steps.size() < 4 ? 0 : steps[0].size();
  const auto blocks = static_cast<std::size_t>(std::sqrt(static_cast<double>(steps.size())));
  std::vector<double> errors;
  for (std::size_t i = 0; i < modules; ++i) {
    detail::WeightedSum centre, squares;
    std::vector<double> means;
    for (std::size_t b = 0; b < blocks; ++b) {
      detail::WeightedSum block;
      for (std::size_t t = b * steps.size() / blocks; t < (b + 1) * steps.size() / blocks; ++t)
        block.add(1, steps[t][i]);
      means.push_back(block.mean());
      centre.add(1, means.back());
    }
    for (const double mean : means) squares.add(1, (mean - centre.mean()) * (mean - centre.mean()));
    errors.push_back(squares.weight < 2
                         ? std::nan("")
                         : std::sqrt(squares.sum / (squares.weight * (squares.weight - 1))));
  }
  return errors;
}

}  // namespace spat
