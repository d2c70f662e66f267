// prune. Measures what a model's masks cost: multiply-adds, parameters, latency, and the change of
// the validation loss.
#pragma once

#include <spat/core/life.hpp>
#include <spat/models/cost.hpp>
#include <spat/prune/budget.hpp>
#include <spat/prune/surgery.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/evaluate.hpp>

#include <map>
#include <memory>

namespace spat::inline SPAT_ABI {

/// Mean and standard error of the relative change of the loss over `origins` consecutive stretches
/// of neighbouring windows:
///
///     d_k = sum of b over stretch k / sum of a over stretch k - 1
///
/// Windows overlap, so single windows are not independent samples; stretches nearly are. a and b
/// are losses of the same windows, in order. Throws ShapeError for different numbers, and
/// ConfigError for fewer than two origins or more origins than windows.
[[nodiscard]] inline Estimate loss_change(const std::vector<double>& a,
                                          const std::vector<double>& b, std::size_t origins = 5) {
  if (a.size() != b.size())
    throw ShapeError(
        message("losses of the same windows: expected ", a.size(), ", found ", b.size()));
  if (origins < 2 || origins > a.size())
    throw ConfigError(message("rolling origins: at least 2 and at most one per window: origins ",
                              origins, ", windows ", a.size()));
  std::vector<double> changes;
  for (std::size_t k = 0; k < origins; ++k) {
    double before = 0, after = 0;
    for (std::size_t i = k * a.size() / origins; i < (k + 1) * a.size() / origins; ++i) {
      before += a[i];
      after += b[i];
    }
    changes.push_back(after / before - 1);
  }
  const double n = static_cast<double>(origins),
               mean = std::accumulate(changes.begin(), changes.end(), 0.0) / n;
  double squares = 0;
  for (const double change : changes) squares = multiply_add(change - mean, change - mean, squares);
  return {mean, std::sqrt(squares / (n * (n - 1)))};
}

/// How to measure a mask.
struct MeasureOptions {
  std::size_t origins = 5;       // of the loss change
  double latency_seconds = 0.3;  // per mask
  std::size_t latency_batch = 1;
  std::uint64_t seed = 1;  // of the windows from which batch statistics are re-estimated

  /// Throws ConfigError with the rule that is violated.
  void check() const {
    if (origins < 2) throw ConfigError(message("origins must be at least 2, found ", origins));
    if (!(latency_seconds >= 0 && std::isfinite(latency_seconds)))
      throw ConfigError(message("the seconds of a latency must be finite and not negative, found ",
                                latency_seconds));
    if (latency_batch == 0) throw ConfigError("the batch of a latency must be at least 1, found 0");
  }
};

/// Measures the latency of forecasts of `batch` windows, alone on the machine in its present state.
template <Evaluable Model>
[[nodiscard]] Latency measure_latency(const Model& model,
                                      const WindowDataset<typename Model::Value>& windows,
                                      Team* team = nullptr, double seconds = 0.3,
                                      std::size_t batch = 1) {
  WindowBuffer<typename Model::Value> buffer;
  std::vector<std::size_t> indices(std::min(batch, windows.size()));
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  const auto gathered = windows.gather(indices, buffer);
  Predictor<Model> predictor(model, team);
  return measure_alternately({[&] { (void)predictor.forecast(gathered); }}, seconds)[0];
}

/// The measures of `model`. The model, the windows and the team must outlive them; a model of the
/// library that is gone ends in a ConfigError.
///
/// Each mask is measured once, when it is first requested. Do not run anything else at the same
/// time if latency is measured. Nothing is fine-tuned: a loss change is the cost of removal alone,
/// after running statistics are re-estimated.
template <PrunableModel Model>
Measures measures_of(const Model&&, const WindowDataset<typename Model::Value>&,
                     const WindowDataset<typename Model::Value>&, MeasureOptions = {},
                     Team* = nullptr) = delete;  // the measures refer to the model
template <PrunableModel Model>
[[nodiscard]] Measures measures_of(const Model& model,
                                   const WindowDataset<typename Model::Value>& training,
                                   const WindowDataset<typename Model::Value>& validation,
                                   MeasureOptions options = {}, Team* team = nullptr) {
  const Borrowed<const Model> whole(model, "measure");
  const auto once = [](auto measure) {  // measure(mask), remembered
    using Value = std::invoke_result_t<decltype(measure), ModuleMask>;
    return [measure, known = std::make_shared<std::map<ModuleMask, Value>>()](ModuleMask mask) {
      const auto found = known->find(mask);
      return found != known->end() ? found->second
                                   : known->emplace(mask, measure(mask)).first->second;
    };
  };
  const auto cost = once([whole, channels = training.channels()](ModuleMask mask) {
    const Cost of_mask = cost_of(detail::pruned_as_it_is(*whole, mask), channels);
    return std::array{static_cast<double>(of_mask.macs), static_cast<double>(of_mask.parameters)};
  });
  const auto losses = once([whole, &training, &validation, options, team](ModuleMask mask) {
    return error_profile(pruned(*whole, mask, training, options.seed, team), validation, team)
        .by_window;
  });
  return {.macs = [cost](ModuleMask mask) { return cost(mask)[0]; },
          .parameters = [cost](ModuleMask mask) { return cost(mask)[1]; },
          .latency = once([whole, &validation, options, team](ModuleMask mask) {
            const Model fewer = detail::pruned_as_it_is(*whole, mask);
            return measure_latency(fewer, validation, team, options.latency_seconds,
                                   options.latency_batch)
                .median;
          }),
          .loss_change =
              [whole, losses, options](ModuleMask mask) {
                return loss_change(losses(whole->form.kept()), losses(mask), options.origins);
              }};
}

/// The latency of each kept module in milliseconds: how much faster the forecast is without it. It
/// is 0 for a removed module, and for the last remaining module of `guard`, without which there is
/// no model.
[[nodiscard]] inline std::vector<double> module_latencies(ModuleMask kept, std::size_t modules,
                                                          const MaskMeasure& latency,
                                                          ModuleMask guard = {}) {
  std::vector<double> milliseconds(modules, 0);
  for (std::size_t i = 0; i < modules; ++i)
    if (may_remove(kept, i, guard)) milliseconds[i] = latency(kept) - latency(kept.without(i));
  return milliseconds;
}

}  // namespace spat
