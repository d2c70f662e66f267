// Groups of options that several commands share, and their translation to the library's options.
#pragma once

#include "architecture.hpp"
#include "effects.hpp"
#include "number_rule.hpp"

#include <spat/criteria/any_criterion.hpp>
#include <spat/prune/schedules.hpp>

#include <functional>
#include <optional>

namespace tool {

/// The options that choose a model and its sizes.
struct ModelOptions {
  std::string name = "itransformer", features = "M";
  std::vector<Setting> settings;    // of the configuration, by options of their own
  std::vector<std::string> fields;  // of the configuration, by --set
  double dropout = 0.1;

  void add_to(CLI::App& command);
  void add_dropout_to(CLI::App& command);
  /// The model's configuration, except for what comes from the data. Throws ConfigError for options
  /// that do not belong to it.
  [[nodiscard]] Configuration configuration() const;
  /// The model, its whole configuration, and the data.
  struct Loaded {
    const Architecture* architecture;
    Configuration configuration;
    Data data;
  };
  [[nodiscard]] Loaded load(DataOptions data) const;
};

/// The options of training.
struct TrainOptions {
  spat::TrainingOptions training;
  std::string schedule = "type1", averaging = "none";
  std::size_t threads = 1;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::TrainingOptions options() const;
  [[nodiscard]] std::vector<Effect> effects() const;
};

/// The options of fine-tuning.
struct TuneOptions {
  std::size_t epochs = 3, patience = 3;
  std::optional<double> rate;  // an eighth of the training's
  double distillation = 0;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::TrainingOptions options(const spat::TrainingOptions& training) const;
  [[nodiscard]] std::vector<Effect> effects() const;
};

/// The options that choose a criterion.
struct CriterionChoice {
  std::string name = "send", variant = "signed_sum", dynamics = "step_average", reduction = "mean";
  bool normalized = false;

  void add_to(CLI::App& command);
  [[nodiscard]] spat::CriterionOptions options(std::uint64_t seed) const;
  [[nodiscard]] spat::AnyCriterion<float> make(std::uint64_t seed) const;
  [[nodiscard]] std::vector<Effect> effects() const;
  /// The criterion in words, such as "send, absolute_mean, loss summed".
  [[nodiscard]] std::string text() const;
};

/// The options that choose how much to remove, and when.
struct BudgetChoice {
  std::optional<std::size_t> drop;
  std::optional<double> drop_ratio, drop_below, reduce_macs, reduce_parameters, latency_ms,
      loss_increase;
  std::optional<std::string> keep;
  std::string when = "one-shot";
  std::size_t origins = 5, latest_epoch = 0;

  void add_to(CLI::App& command);
  /// The mask of --keep, if it is given. Throws ConfigError for an invalid mask.
  [[nodiscard]] std::optional<spat::ModuleMask> kept(std::size_t modules,
                                                     spat::ModuleMask guard) const;
  /// The budget for a model of so many modules, which keeps `kept`. Throws ConfigError, with the
  /// option, if no such model can meet it (spat::check), so that the error comes before an hour of
  /// training, not after.
  [[nodiscard]] spat::Budget budget(const Architecture& model, std::size_t modules,
                                    spat::ModuleMask kept, spat::ModuleMask guard) const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::vector<Effect> effects() const;
  /// Whether the options can remove one of so many modules.
  [[nodiscard]] bool removes(std::size_t modules) const;

 private:
  /// The budget, which removes `usual` modules if no option is given.
  [[nodiscard]] spat::Budget asked(std::size_t usual) const;
  /// The option that chooses the budget, with its value.
  [[nodiscard]] std::string option() const;
};

}  // namespace tool
