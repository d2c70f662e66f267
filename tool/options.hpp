// Groups of options that several commands share, and what they mean to the library.
#pragma once

#include "architecture.hpp"

#include <spat/criteria/any_criterion.hpp>
#include <spat/prune/schedules.hpp>

namespace tool {

/// Which model, of what sizes.
struct ModelOptions {
  std::string name = "itransformer", features = "M";
  std::vector<Setting> settings;  // of its configuration
  std::vector<std::string> fields;
  double dropout = 0.1;

  void add_to(CLI::App& command);
  /// The model, its whole configuration, and the data.
  struct Loaded {
    const Architecture* architecture;
    Configuration configuration;
    Data data;
    std::string marks;  // what --marks came to
  };
  [[nodiscard]] Loaded load(DataOptions data) const;
};

/// How it is trained.
struct TrainOptions {
  spat::TrainingOptions training;
  std::string schedule = "type1", averaging = "none";
  std::size_t threads = 1;
  bool quiet = false;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::TrainingOptions options() const;
};

/// Fine-tuning of a model that stands.
struct TuneOptions {
  std::size_t epochs = 3, patience = 3;
  double rate = 0;  // 0: an eighth of the training's
  double distillation = 0;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::TrainingOptions options(const spat::TrainingOptions& training) const;
};

/// Which criterion, with its own options.
struct CriterionChoice {
  std::string name = "send", variant = "signed_sum", dynamics = "step_average", reduction = "mean";
  bool normalized = false;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::AnyCriterion<float> make(std::uint64_t seed) const;
  /// "send, absolute_mean, loss summed".
  [[nodiscard]] std::string text() const;
};

/// What has to go, and when.
struct BudgetChoice {
  std::optional<std::size_t> drop;
  std::optional<double> drop_ratio, drop_below, reduce_macs, reduce_parameters, latency_ms,
      loss_increase;
  std::optional<std::string> keep;
  std::string when = "one-shot";
  std::size_t origins = 5, latest_epoch = 0;

  void add_to(CLI::App& command);
  /// The mask that --keep gives.
  [[nodiscard]] std::optional<spat::ModuleMask> kept(std::size_t modules,
                                                     spat::ModuleMask guard) const;
  /// Throws ConfigError for what cannot be asked of this model: that is said before an hour of
  /// training, not after.
  [[nodiscard]] spat::Budget budget(const Architecture& model, std::size_t modules,
                                    spat::ModuleMask guard) const;
  [[nodiscard]] std::string text() const;

 private:
  /// `usual` modules go if no option says otherwise.
  [[nodiscard]] spat::Budget asked(std::size_t usual) const;
};

}  // namespace tool
