// benchmarks. The work that is timed: a model of a known size, one random batch, a team, and the library's own calls.
#pragma once

#include <spat/spat.hpp>

#include <optional>
#include <string_view>

namespace benchmarks {

struct NamedConfig {
  std::string_view name;
  spat::ITransformerConfig config;
};

/// The published sizes of the iTransformer on four data sets: lookback and horizon 96, no marks.
inline constexpr std::array<NamedConfig, 4> configs{{
    {"itr_etth1", {.channels = 7, .width = 256, .ffn_width = 256, .depth = 2}},
    {"itr_weather", {.channels = 21, .width = 512, .ffn_width = 512, .depth = 3}},
    {"itr_ecl", {.channels = 321, .width = 512, .ffn_width = 512, .depth = 3}},
    {"itr_traffic", {.channels = 862, .width = 512, .ffn_width = 512, .depth = 4}},
}};

/// Throws ConfigError for a name that is not there.
[[nodiscard]] inline spat::ITransformerConfig config_of(std::string_view name) {
  for (const NamedConfig& named : configs)
    if (named.name == name) return named.config;
  throw spat::ConfigError(std::string("no such configuration: ").append(name));
}

/// Normal numbers: scaled data.
[[nodiscard]] inline spat::AlignedBuffer<float> random_numbers(std::size_t count, std::uint64_t stream) {
  spat::AlignedBuffer<float> numbers(count);
  spat::Random random(7, stream);
  for (float& number : numbers) number = static_cast<float>(random.normal());
  return numbers;
}

/// What a user calls, and nothing else. Dropout is 0, as in the peers.
class Workload {
 public:
  using Model = spat::ITransformer<float>;

  /// config.kept says what is pruned: ModuleMask<>{} prunes all.
  Workload(const spat::ITransformerConfig& config, std::size_t batch, std::size_t threads)
      : team_(threads), model_({config}), history_(random_numbers(batch * config.lookback * config.channels, 1)),
        target_(random_numbers(batch * config.horizon * config.channels, 2)),
        batch_{.samples = batch,
               .lookback = config.lookback,
               .horizon = config.horizon,
               .history = {history_.data(), batch * config.lookback, config.channels},
               .target = {target_.data(), batch * config.horizon, config.channels}},
        predictor_(model_, &team_) {
    spat::initialize(spat::parameters(model_), 7);
    model_.pack();
  }
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  [[nodiscard]] spat::Batch<const float> predict() { return predictor_.forecast(batch_); }

  /// Zero gradients, forward, loss, backward, Adam, pack; `scored` also computes SEND. Returns the loss.
  double train_step(bool scored) {
    if (!trainer_) trainer_.emplace(model_, spat::TrainingOptions{}, &team_), pruner_.emplace(model_);
    return scored ? trainer_->step(batch_, rate, *pruner_) : trainer_->step(batch_, rate, nobody_);
  }

  /// Floating-point operations of the matrix products of one predict().
  [[nodiscard]] double operations() const {
    return 2.0 * static_cast<double>(batch_.samples * model_.multiply_adds(batch_.channels()));
  }

 private:
  static constexpr double rate = 1e-4;

  spat::Team team_;
  Model model_;
  spat::AlignedBuffer<float> history_, target_;
  spat::WindowBatch<float> batch_;
  spat::Predictor<Model> predictor_;
  std::optional<spat::Trainer<Model>> trainer_;
  std::optional<spat::SensitivityPruner<Model>> pruner_;
  spat::NoScoring nobody_;
};

}  // namespace benchmarks
