// prune. How certain a ranking is: the spread of scores over resampled steps.
#pragma once

#include <spat/core/random.hpp>
#include <spat/criteria/score_average.hpp>
#include <spat/prune/ranks.hpp>

#include <cstdint>
#include <utility>

namespace spat::inline SPAT_ABI {

/// What resampling the steps shows about the modules' scores. A module without a score in any step
/// is NaN everywhere.
struct ScoreSpread {
  /// [module]: the score of all steps, and its standard error, which is NaN with fewer than two
  /// resamples or fewer than two steps of the module.
  std::vector<double> mean = {}, standard_error = {};
  /// [i][j]: the share of resamples in which i's score is below j's; a tie counts half.
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

using StepScores = std::vector<std::vector<double>>;  // [step][module], or [module][step]

/// A plain mean; a NaN is not counted. NaN if nothing was added.
struct Mean {
  double sum = 0, count = 0;
  void add(double x) {
    if (!std::isnan(x)) sum += x, ++count;
  }
  [[nodiscard]] double value() const { return sum / count; }
};

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

/// The columns of steps: [module][step].
[[nodiscard]] inline StepScores columns_of(const StepScores& steps) {
  StepScores columns(steps[0].size());
  for (const std::vector<double>& step : steps)
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].push_back(step[i]);
  return columns;
}
/// The scores that steps give: [module].
[[nodiscard]] inline std::vector<double> scores_of(const StepScores& steps,
                                                   const StepEstimator& estimator) {
  std::vector<double> scores;
  for (const std::vector<double>& column : columns_of(steps)) scores.push_back(estimator(column));
  return scores;
}

/// The length of a block of neighbouring steps: the cube root of the number of independent steps
/// that the score amounts to.
[[nodiscard]] inline std::size_t usual_block(const StepEstimator& estimator, std::size_t steps) {
  return static_cast<std::size_t>(std::lround(std::cbrt(estimator.effective_steps(steps))));
}

/// The steps of a resample in the order of time, with repetitions: blocks of neighbours drawn from
/// anywhere, `count` steps in all. The last step's neighbour is the first, so that all steps are
/// drawn equally often.
[[nodiscard]] inline std::vector<std::uint32_t> block_resample(std::size_t count, std::size_t block,
                                                               Random& random) {
  std::vector<std::uint32_t> times(count, 0), steps;
  for (std::size_t drawn = 0; drawn < count;) {
    const auto first = static_cast<std::size_t>(random.below(count));
    for (std::size_t k = 0; k < block && drawn < count; ++k, ++drawn) ++times[(first + k) % count];
  }
  for (std::uint32_t t = 0; t < count; ++t) steps.insert(steps.end(), times[t], t);
  return steps;
}

/// A module's scores in all resamples: its column, resampled, through the estimator.
[[nodiscard]] inline std::vector<double> resampled_scores(
    const std::vector<double>& column, const std::vector<std::vector<std::uint32_t>>& resamples,
    const StepEstimator& estimator) {
  std::vector<double> scores, drawn;
  for (const std::vector<std::uint32_t>& steps : resamples) {
    drawn.clear();
    for (const std::uint32_t t : steps) drawn.push_back(column[t]);
    scores.push_back(estimator(drawn));
  }
  return scores;
}

[[nodiscard]] inline std::vector<std::vector<std::uint32_t>> draw_resamples(std::size_t count,
                                                                            std::uint64_t seed,
                                                                            std::size_t resamples,
                                                                            std::size_t block) {
  std::vector<std::vector<std::uint32_t>> all;
  for (std::size_t r = 0; r < resamples; ++r) {
    Random random(seed, r);
    all.push_back(block_resample(count, block, random));
  }
  return all;
}

/// The standard deviation of a module's resampled scores. NaN if fewer than two resamples, or fewer
/// than two steps of its column, have a score.
[[nodiscard]] inline double deviation(const std::vector<double>& column,
                                      const std::vector<double>& scores) {
  Mean centre, squares;
  for (const double score : scores) centre.add(score);
  for (const double score : scores)
    squares.add((score - centre.value()) * (score - centre.value()));
  const auto silent = std::ranges::count_if(column, [](double x) { return std::isnan(x); });
  return squares.count < 2 || std::ranges::ssize(column) - silent < 2
             ? std::nan("")
             : std::sqrt(squares.sum / (squares.count - 1));
}

/// The share of resamples in which a is below b; a tie counts half. NaN if none scores both.
[[nodiscard]] inline double share_below(const std::vector<double>& a,
                                        const std::vector<double>& b) {
  Mean share;
  for (std::size_t r = 0; r < a.size(); ++r)
    if (!std::isnan(a[r]) && !std::isnan(b[r])) share.add(a[r] < b[r] ? 1 : a[r] > b[r] ? 0 : 0.5);
  return share.value();
}

/// The column a, NaN where b is.
[[nodiscard]] inline std::vector<double> where_both(std::vector<double> a,
                                                    const std::vector<double>& b) {
  for (std::size_t t = 0; t < a.size(); ++t)
    if (std::isnan(b[t])) a[t] = std::nan("");
  return a;
}

}  // namespace detail

/// Block bootstrap of scores, through the estimator that makes a score of steps.
///
/// steps[t][i] is what module i gave in step t, or NaN if the module was not scored. A resample
/// draws as many steps as there are, in blocks of neighbours, because neighbouring steps of a
/// training are correlated; the steps stay in the order of time. The estimator then takes it as it
/// took the steps themselves. A moving average thus forgets in a resample as it did in the
/// training: what a resample varies is how its latest steps came out, not the whole training. In
/// the first order, the error of sum w_t x_t that results is that of independent draws of
///
///     w_t (x_t - a_{t-1})        a_{t-1}: the average before the step
///
/// so that a drift adds to it only by how far the average lags behind.
///
/// All modules share a resample, and two modules are compared over the steps that score both, so
/// what moves all modules alike leaves their order certain. block = 0 means the rounded cube root
/// of estimator.effective_steps(). The result is a function of the arguments; resample r is the
/// same whatever their number. Time grows with resamples x steps x modules, and x modules^2 if
/// modules were silent in different steps.
///
/// Throws ConfigError for no steps, no resamples, or a block longer than the steps; ShapeError for
/// rows of different lengths; NumericError for an infinite score. Kunsch, "The jackknife and the
/// bootstrap for general stationary observations", Annals of Statistics 17 (1989); Politis and
/// Romano, "A circular block-resampling procedure for stationary data", 1992.
[[nodiscard]] inline ScoreSpread bootstrap(const std::vector<std::vector<double>>& steps,
                                           std::uint64_t seed, std::size_t resamples = 200,
                                           std::size_t block = 0,
                                           const StepEstimator& estimator = {}) {
  detail::check_steps(steps, resamples, block);
  if (block == 0) block = detail::usual_block(estimator, steps.size());
  const detail::StepScores columns = detail::columns_of(steps);
  const std::size_t modules = columns.size();
  ScoreSpread spread{.resamples = resamples, .block = block};
  spread.below.assign(modules, std::vector<double>(modules, std::nan("")));
  const auto draws = detail::draw_resamples(steps.size(), seed, resamples, block);
  detail::StepScores scores;  // [module][resample]
  for (const std::vector<double>& column : columns) {
    spread.mean.push_back(estimator(column));
    scores.push_back(detail::resampled_scores(column, draws, estimator));
    spread.standard_error.push_back(detail::deviation(column, scores.back()));
  }
  for (std::size_t i = 0; i < modules; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const auto silent = [](double x) { return std::isnan(x); };
      double below = 0;
      if (std::ranges::equal(columns[i], columns[j], {}, silent, silent))
        below = detail::share_below(scores[i], scores[j]);
      else
        below = detail::share_below(
            detail::resampled_scores(detail::where_both(columns[i], columns[j]), draws, estimator),
            detail::resampled_scores(detail::where_both(columns[j], columns[i]), draws, estimator));
      spread.below[i][j] = below;
      spread.below[j][i] = 1 - below;
    }
  detail::Mean tau;
  for (std::size_t r = 0; r < resamples; ++r) {
    std::vector<double> resample;
    for (const std::vector<double>& module : scores) resample.push_back(module[r]);
    tau.add(kendall_tau(resample, spread.mean));
  }
  spread.mean_tau = tau.value();
  return spread;
}

/// The standard errors of bootstrap() alone: cheap enough for every epoch.
[[nodiscard]] inline std::vector<double> standard_errors(
    const std::vector<std::vector<double>>& steps, std::uint64_t seed, std::size_t resamples = 200,
    std::size_t block = 0, const StepEstimator& estimator = {}) {
  detail::check_steps(steps, resamples, block);
  if (block == 0) block = detail::usual_block(estimator, steps.size());
  const auto draws = detail::draw_resamples(steps.size(), seed, resamples, block);
  std::vector<double> errors;
  for (const std::vector<double>& column : detail::columns_of(steps))
    errors.push_back(detail::deviation(column, detail::resampled_scores(column, draws, estimator)));
  return errors;
}

}  // namespace spat
