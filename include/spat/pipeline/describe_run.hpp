// pipeline. Describes a run: its model, training, criterion and pruning. describe_data.hpp
// describes its data.
#pragma once

#include <spat/criteria/options.hpp>
#include <spat/models/config.hpp>
#include <spat/pipeline/describe_data.hpp>
#include <spat/pipeline/job_options.hpp>
#include <spat/pipeline/run_description.hpp>

namespace spat::inline SPAT_ABI {

/// The fields of a training, or of a fine-tuning, with names that begin with `prefix`. Hooks of
/// one's own are no options: name them in further fields.
[[nodiscard]] inline RunDescription describe(const TrainingOptions& options,
                                             const std::string& prefix) {
  RunDescription run;
  const auto set = [&](const char* name, const auto& value) {
    run.set(message(prefix, ".", name), value);
  };
  set("seed", options.seed);
  set("epochs", options.epochs);
  set("batch_size", options.batch_size);
  set("patience", options.patience);
  set("rate", options.rate);
  set("schedule", name_of(rate_schedules, options.schedule));
  set("clip_norm", options.clip_norm);
  set("drop_last", options.drop_last);
  set("optimizer", name_of(optimizer_rules, options.optimizer.rule));
  set("beta1", options.optimizer.beta1);
  set("beta2", options.optimizer.beta2);
  set("epsilon", options.optimizer.epsilon);
  set("weight_decay", options.optimizer.weight_decay);
  set("momentum", options.optimizer.momentum);
  set("loss", name_of(loss_rules, options.loss.rule));
  set("loss_delta", options.loss.delta);
  set("loss_level", options.loss.level);
  set("layer_drop", options.layer_drop);
  set("averaging", name_of(averagings, options.averaging.kind));
  set("average_decay", options.averaging.decay);
  set("average_from", options.averaging.first_epoch);
  set("distillation", options.distillation);
  return run;
}

/// The fields of a criterion of the library.
[[nodiscard]] inline RunDescription describe(std::string_view criterion,
                                             const CriterionOptions& options) {
  RunDescription run;
  run.set("criterion", criterion);
  run.set("criterion.variant",
          options.variant == SendVariant::signed_sum ? "signed_sum" : "absolute_mean");
  run.set("criterion.dynamics", options.dynamics == SendDynamics::epoch ? "epoch" : "step_average");
  run.set("criterion.reduction", options.reduction == LossReduction::sum ? "sum" : "mean");
  run.set("criterion.normalized", options.normalized);
  run.set("criterion.decay", options.decay);
  run.set("criterion.seed", options.seed);
  return run;
}

namespace detail {

/// A budget by its rule and its number. A report's words for it are rounded.
inline void describe_budget(RunDescription& run, const Budget& budget) {
  const auto set = [&](const char* rule, auto value) {
    run.set("pruning.budget", rule);
    run.set("pruning.budget_value", value);
  };
  struct Rules {
    const decltype(set)& to;
    void operator()(DropLowest b) const { to("lowest", b.count); }
    void operator()(DropRatio b) const { to("ratio", b.ratio); }
    void operator()(DropBelow b) const { to("below", b.threshold); }
    void operator()(ReduceMacs b) const { to("macs", b.by); }
    void operator()(ReduceParameters b) const { to("parameters", b.by); }
    void operator()(LatencyAtMost b) const { to("latency_ms", b.milliseconds); }
    void operator()(LossAtMost b) const { to("loss", b.increase); }
  };
  std::visit(Rules{set}, budget);
}

}  // namespace detail

/// The fields of a model before its training: its name, sizes, modules and dropout.
template <class Model>
[[nodiscard]] RunDescription describe_model(const Model& model) {
  RunDescription run;
  if constexpr (requires { std::string(Model::name); }) run.set("model", std::string(Model::name));
  if constexpr (requires { model.config(); })
    for_each_field(model.config(), [&](const char* field, const auto& value) {
      run.set(message("model.", field), value);
    });
  run.set("model.kept", to_string(model.form.kept(), model.form.modules()));
  if constexpr (requires { model.dropout(); }) run.set("model.dropout", model.dropout());
  return run;
}

/// Describes what a job does with a model: the model, training, pruning and fine-tuning. What the
/// report alone shows (search, latencies, other test data) decides no number of a model and is left
/// out. Add describe() of the criterion and of the data.
template <class Model>
[[nodiscard]] RunDescription describe_run(const Model& model, const JobOptions& options) {
  RunDescription run = describe_model(model);
  run.add(describe(options.training, "training"));
  run.set("pruning.schedule", name_of(pruning_schedules, options.schedule));
  if (options.keep)
    run.set("pruning.keep", to_string(*options.keep, model.form.modules()));
  else
    detail::describe_budget(run, options.pruning.budget);
  run.set("pruning.scores_of_best_epoch", options.scores_of_best_epoch);
  run.set("pruning.latest_epoch", options.pruning.latest_epoch);
  run.set("pruning.stability_window", options.pruning.stability.window);
  run.set("pruning.stability_threshold", options.pruning.stability.threshold);
  run.set("pruning.origins", options.pruning.measures.origins);
  run.set("pruning.latency_batch", options.pruning.measures.latency_batch);
  run.set("pruning.measures_seed", options.pruning.measures.seed);
  run.set("pruning.fine_tunes", options.pruning.fine_tunes);
  if (options.pruning.fine_tunes) run.add(describe(options.pruning.fine_tuning, "fine_tuning"));
  return run;
}

}  // namespace spat
