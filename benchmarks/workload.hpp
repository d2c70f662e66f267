// benchmarks. The work that is timed: a model of a known size, one random batch, a team, and the
// library's own calls.
#pragma once

#include <spat/spat.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace benchmarks {

using Config = std::variant<spat::ITransformerConfig, spat::PatchTSTConfig>;

struct NamedConfig {
  std::string_view name;
  Config config;
};

/// Published sizes: the iTransformer on four data sets, PatchTST on ETTh1 as in the
/// Time-Series-Library and (d = 16) with the official dimensions. Horizon 96, no marks; lookback
/// 96, or the number that the name ends with.
inline constexpr std::array<NamedConfig, 8> configs{{
    {"itr_etth1",
     spat::ITransformerConfig{.channels = 7, .width = 256, .ffn_width = 256, .depth = 2}},
    {"itr_weather",
     spat::ITransformerConfig{.channels = 21, .width = 512, .ffn_width = 512, .depth = 3}},
    {"itr_ecl",
     spat::ITransformerConfig{.channels = 321, .width = 512, .ffn_width = 512, .depth = 3}},
    {"itr_traffic",
     spat::ITransformerConfig{.channels = 862, .width = 512, .ffn_width = 512, .depth = 4}},
    {"ptst_96",
     spat::PatchTSTConfig{.channels = 7, .width = 512, .ffn_width = 2048, .heads = 2, .depth = 1}},
    {"ptst_336",
     spat::PatchTSTConfig{
         .channels = 7, .lookback = 336, .width = 512, .ffn_width = 2048, .heads = 2, .depth = 1}},
    {"ptst_small_96",
     spat::PatchTSTConfig{.channels = 7, .width = 16, .ffn_width = 128, .heads = 4, .depth = 3}},
    {"ptst_small_336",
     spat::PatchTSTConfig{
         .channels = 7, .lookback = 336, .width = 16, .ffn_width = 128, .heads = 4, .depth = 3}},
}};

/// The configuration of that name. Throws ConfigError if there is none.
[[nodiscard]] inline Config config_of(std::string_view name) {
  for (const NamedConfig& named : configs)
    if (named.name == name) return named.config;
  throw spat::ConfigError(std::string("no such configuration: ").append(name));
}
[[nodiscard]] inline Config with_kept(Config config, spat::ModuleMask mask) {
  std::visit([&](auto& one) { one.kept = mask; }, config);
  return config;
}
[[nodiscard]] inline std::size_t modules_of(const Config& config) {
  return std::visit([](const auto& one) { return one.modules(); }, config);
}

/// Standard normal numbers, like scaled data.
[[nodiscard]] inline spat::AlignedBuffer<float> random_numbers(std::size_t count,
                                                               std::uint64_t stream) {
  spat::AlignedBuffer<float> numbers(count);
  spat::Random random(7, stream);
  for (float& number : numbers) number = static_cast<float>(random.normal());
  return numbers;
}

/// The calls that a user makes, and nothing else. Dropout is 0, as in the peers.
template <class Model>
class WorkOf {
 public:
  /// config.kept says which modules are kept: ModuleMask{} prunes all.
  WorkOf(const typename Model::Config& config, std::size_t batch, std::size_t threads)
      : team_(threads), model_({config}),
        history_(random_numbers(batch * config.lookback * config.channels, 1)),
        target_(random_numbers(batch * config.horizon * config.channels, 2)),
        batch_{.samples = batch,
               .lookback = config.lookback,
               .horizon = config.horizon,
               .history = {history_.data(), batch * config.lookback, config.channels},
               .target = {target_.data(), batch * config.horizon, config.channels}},
        predictor_(model_, &team_) {
    spat::initialize(spat::parameters(model_), 7);
  }
  WorkOf(const WorkOf&) = delete;
  WorkOf& operator=(const WorkOf&) = delete;

  [[nodiscard]] spat::Rows<const float> predict() { return predictor_.forecast(batch_); }

  double train_step(bool scored) {
    if (!trainer_) {
      trainer_.emplace(model_, spat::TrainingOptions{}, &team_);
      pruner_.emplace(model_);
    }
    return scored ? trainer_->step(batch_, rate, *pruner_) : trainer_->step(batch_, rate, nobody_);
  }

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
  std::optional<spat::Pruner<Model>> pruner_;
  spat::NoObserver nobody_;
};

/// The work of a configuration of any model.
class Workload {
 public:
  Workload(const Config& config, std::size_t batch, std::size_t threads) {
    std::visit(
        [&]<class C>(const C& one) {
          using Model = std::conditional_t<std::is_same_v<C, spat::PatchTSTConfig>,
                                           spat::PatchTST<float>, spat::ITransformer<float>>;
          work_ = std::make_unique<WorkOf<Model>>(one, batch, threads);
        },
        config);
  }

  [[nodiscard]] spat::Rows<const float> predict() {
    return std::visit([](auto& work) { return work->predict(); }, work_);
  }
  /// One training step: zero gradients, forward, loss, backward, Adam, pack. `scored` also computes
  /// SEND. Returns the loss.
  double train_step(bool scored) {
    return std::visit([&](auto& work) { return work->train_step(scored); }, work_);
  }
  /// Floating-point operations of the matrix products of one predict().
  [[nodiscard]] double operations() const {
    return std::visit([](const auto& work) { return work->operations(); }, work_);
  }

 private:
  std::variant<std::unique_ptr<WorkOf<spat::ITransformer<float>>>,
               std::unique_ptr<WorkOf<spat::PatchTST<float>>>>
      work_;
};

}  // namespace benchmarks
