// The body of `spat compare` for one model: one training that all criteria observe, then every mask
// with the same fine-tuning.
#pragma once

#include "compare.hpp"
#include "run_of.hpp"

#include <spat/prune/pruner_panel.hpp>

namespace tool {

/// Trains, compares and writes the results. Throws ConfigError for a model without scored modules.
template <class Model>
void compare(const CompareOptions& o, const Configuration& configuration, const Data& data,
             const std::vector<Data>& others) {
  if constexpr (!spat::has_scored_modules<Model>()) {
    throw spat::ConfigError(message("no criterion scores the modules of ", Model::name,
                                    ": there is nothing to compare"));
  } else {
    Model dense = fresh_model<Model>(configuration, o.training.seed, o.dropout);
    spat::Team team(o.threads);
    Comparison found{.modules = {},
                     .others = {},
                     .guard = spat::guard_of(dense.form),
                     .criteria = {},
                     .masks = {}};
    for (std::size_t i = 0; i < dense.form.modules(); ++i)
      found.modules.push_back(dense.module_name(i));
    for (const Data& other : others) found.others.push_back(other.name);

    const auto criteria = compared_criteria(o.training.seed);
    using Pruner = spat::Pruner<Model, spat::AnyCriterion<float>>;
    std::vector<Pruner> pruners;
    for (const NamedCriterion& one : criteria) pruners.emplace_back(dense, one.criterion);
    spat::PrunerPanel<Pruner> panel(std::move(pruners));
    const double start = spat::processor_seconds();
    {
      spat::Trainer<Model> trainer(dense, o.training, &team);
      trainer.fit(*data.training, *data.validation, panel, progress("train", o.quiet));
      found.epochs = trainer.history().size();
    }
    found.training_seconds = spat::processor_seconds() - start;

    const spat::PruningData<float> windows{*data.training, *data.validation, &team};
    for (std::size_t c = 0; c < criteria.size(); ++c) {
      Pruner& pruner = panel.pruners[c];
      spat::hear_losses(pruner, dense, windows, o.training.seed);
      const auto spread = pruner.spread(o.training.seed);
      found.criteria.push_back({criteria[c].name, pruner.scores(),
                                spread ? spread->standard_error : std::vector<double>()});
    }

    const auto on_others = [&](const Model& model) {
      std::vector<spat::Metrics> errors;
      for (const Data& other : others) errors.push_back(spat::evaluate(model, *other.test, &team));
      return errors;
    };
    for (const spat::ModuleMask mask : compared_masks(found, o.most_masks)) {
      if (!o.quiet) say(message("mask ", spat::to_string(mask, found.modules.size())));
      Model model = spat::pruned(dense, mask, windows.training, o.training.seed, windows.team);
      ComparedMask row{.mask = mask, .cost = spat::cost_of(model, data.training->channels())};
      row.removed_validation = spat::evaluate(model, *data.validation, &team);
      if (mask == dense.form.kept()) {
        row.removed_test = spat::evaluate(model, *data.test, &team);
        row.removed_others = on_others(model);
      }
      const double before = spat::processor_seconds();
      if (o.tune.epochs > 0) {
        spat::NoObserver nobody;
        typename spat::Trainer<Model>::Teacher teacher;
        if (o.tune.distillation > 0) teacher = spat::teacher_of(dense, &team);
        (void)spat::fine_tune(model, windows, o.tune.options(o.training), nobody, teacher);
      }
      row.seconds = spat::processor_seconds() - before;
      row.validation = spat::evaluate(model, *data.validation, &team);
      row.test = spat::evaluate(model, *data.test, &team);
      row.others = on_others(model);
      if (o.latency_seconds > 0)
        row.latency = spat::measure_latency(model, *data.test, &team, o.latency_seconds);
      found.masks.push_back(std::move(row));
    }
    finish(o, data.name, Model::name, found);
  }
}

}  // namespace tool
