// models. Cost of a model: parameters, multiply-adds, measured latency.
#pragma once

#include <spat/models/predictor.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Median and deciles of the milliseconds of repeated forecasts.
struct Latency {
  double median = 0, p10 = 0, p90 = 0;
  std::size_t repetitions = 0;
};

/// Median, 10th and 90th percentile of measured times. All zero for an empty list.
[[nodiscard]] inline Latency latency_of(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return {};
  std::ranges::sort(milliseconds);
  const auto at = [&](double q) {
    return milliseconds[std::min(
        milliseconds.size() - 1,
        static_cast<std::size_t>(q * static_cast<double>(milliseconds.size())))];
  };
  return {at(0.5), at(0.1), at(0.9), milliseconds.size()};
}

/// Times each of `calls` in turn, so that clock-frequency drift affects all calls equally. Takes
/// `seconds` in total and at least `least` turns.
[[nodiscard]] inline std::vector<Latency> measure_alternately(
    const std::vector<std::function<void()>>& calls, double seconds = 1, std::size_t least = 20) {
  using Clock = std::chrono::steady_clock;
  for (const auto& call : calls)
    for (int warm_up = 0; warm_up < 3; ++warm_up) call();
  std::vector<std::vector<double>> times(calls.size());
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (std::size_t turn = 0; turn < least || Clock::now() < end; ++turn)
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const auto start = Clock::now();
      calls[i]();
      times[i].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
  std::vector<Latency> result;
  for (auto& one : times) result.push_back(latency_of(std::move(one)));
  return result;
}

/// Parameters and multiply-adds (MACs) of a model. MACs count the matrix products of one window's
/// forecast; FLOPs are twice as many.
struct Cost {
  std::size_t parameters = 0, macs = 0;
};

/// The cost of a forecast from windows of `channels` channels.
template <Evaluable Model>
[[nodiscard]] Cost cost_of(const Model& model, std::size_t channels) {
  return {parameter_count(parameters(model)), model.multiply_adds(channels)};
}

}  // namespace spat
