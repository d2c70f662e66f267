// train. Averages of the weights over the steps of a training.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/core/names.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// How weights are averaged.
///
///   none  not at all
///   ema   a <- d a + (1 - d) w after each step, d = min(decay, (1 + t) / (10 + t)): the first
///         steps are soon forgotten
///   swa   the plain mean of all steps (Izmailov et al., "Averaging weights leads to wider optima",
///         UAI 2018)
enum class Averaging { none, ema, swa };

/// The names of the averagings.
inline constexpr std::array<Named<Averaging>, 3> averagings{
    {{"none", Averaging::none}, {"ema", Averaging::ema}, {"swa", Averaging::swa}}};
/// The averaging of this name. Throws ConfigError for a name that is not in averagings.
[[nodiscard]] inline Averaging parse_averaging(std::string_view name) {
  return parse_name("averaging", name, averagings);
}

/// How weights are averaged, and from when on.
struct AveragingOptions {
  Averaging kind = Averaging::none;
  double decay = 0.999;  // of ema
  // the first epoch whose steps count; until then the weights are their own average
  std::size_t first_epoch = 1;
};

/// The averages of a list's weights, by position. Buffers (running statistics, counters) are not
/// averaged.
template <class Scalar>
class WeightAverage {
 public:
  WeightAverage(const ParameterList<Scalar>& weights, const AveragingOptions& options)
      : options_(options) {
    for (const auto& weight : weights)
      averages_.emplace_back(options.kind != Averaging::none && weight.kind == ParameterKind::weight
                                 ? weight.values.size()
                                 : std::size_t{0});
  }

  /// Whether there are averages, which may differ from the weights.
  [[nodiscard]] bool active() const { return steps_ > 0; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }
  /// The average of tensor p of the list; empty if nothing is averaged.
  [[nodiscard]] std::span<Scalar> average(std::size_t p) { return averages_[p]; }

  /// Adds the weights after a step of `epoch`. Each number is averaged alone, so the bytes do not
  /// depend on the workers.
  void add(const ParameterList<Scalar>& weights, std::size_t epoch, Team* team = nullptr) {
    if (options_.kind == Averaging::none || epoch < options_.first_epoch) return;
    const double t = static_cast<double>(++steps_);
    const double share =
        options_.kind == Averaging::swa
            ? 1 / t
            : (steps_ == 1 ? 1.0 : 1 - std::min(options_.decay, (1 + t) / (10 + t)));
    const auto weight = static_cast<Scalar>(share);
    const auto move = [&](Share mine) {
      for (std::size_t p = 0; p < averages_.size(); ++p) {
        if (!mine.takes()) continue;
        const Scalar* const w = weights[p].values.data();
        Scalar* const a = averages_[p].data();
        for (std::size_t i = 0; i < averages_[p].size(); ++i)
          a[i] = multiply_add(weight, w[i] - a[i], a[i]);
      }
    };
    if (team)
      team->for_each_worker([&](std::size_t worker) { move(Share(worker, team->size())); });
    else
      move(Share());
  }

  /// Exchanges weights and averages; a second call restores both. Does nothing while there are no
  /// averages.
  void swap(const ParameterList<Scalar>& weights) {
    if (!active()) return;
    for (std::size_t p = 0; p < averages_.size(); ++p)
      std::swap_ranges(averages_[p].begin(), averages_[p].end(), weights[p].values.begin());
  }

 private:
  AveragingOptions options_;
  std::vector<AlignedBuffer<Scalar>> averages_;
  std::uint64_t steps_ = 0;
};

/// Puts the averages in place of the weights during its lifetime. Then the weights are as they
/// were, and so are the buffers, which may be changed meanwhile.
template <class Scalar>
class AveragesInPlace {
 public:
  AveragesInPlace(const ParameterList<Scalar>& weights, WeightAverage<Scalar>& average)
      : weights_(weights), average_(average) {
    for (const auto& weight : weights_)
      if (weight.kind != ParameterKind::weight)
        buffers_.emplace_back(weight.values.begin(), weight.values.end());
    average_.swap(weights_);
  }
  AveragesInPlace(const AveragesInPlace&) = delete;
  AveragesInPlace& operator=(const AveragesInPlace&) = delete;
  ~AveragesInPlace() {
    average_.swap(weights_);
    auto buffer = buffers_.begin();
    for (const auto& weight : weights_)
      if (weight.kind != ParameterKind::weight) std::ranges::copy(*buffer++, weight.values.begin());
  }

 private:
  const ParameterList<Scalar>& weights_;
  WeightAverage<Scalar>& average_;
  std::vector<std::vector<Scalar>> buffers_;
};

}  // namespace spat
