// The body of `spat compare` for one model: one training that all criteria watch, then every mask
// with the same fine-tuning.
#pragma once

#include "compare.hpp"
#include "prune_of.hpp"

#include <spat/autograd/initialize.hpp>
#include <spat/prune/pruner_panel.hpp>

namespace tool {

template <class Model>
void compare(const CompareOptions& o, const Configuration& configuration, const Data& data,
             const std::vector<Data>& others) {
  if constexpr (!scored<Model>()) {
    throw spat::ConfigError(
        message("nothing scores the modules of ", Model::name, ": there is nothing to compare"));
  } else {
    Model dense({config_of<typename Model::Config>(configuration)});
    spat::initialize(spat::parameters(dense), o.training.seed);
    dense.set_dropout(o.dropout);
    spat::pack(dense);
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
    std::vector<AnyPruner<Model>> pruners;
    for (const NamedCriterion& one : criteria) pruners.emplace_back(dense, one.criterion);
    spat::PrunerPanel<AnyPruner<Model>> panel(std::move(pruners));
    const double start = processor_seconds();
    {
      spat::Trainer<Model> trainer(dense, o.training, &team);
      trainer.fit(*data.training, *data.validation, panel, progress("train", o.quiet));
      found.epochs = trainer.history().size();
    }
    found.training_seconds = processor_seconds() - start;

    const spat::PruningData<float> windows{*data.training, *data.validation, &team};
    for (std::size_t c = 0; c < criteria.size(); ++c) {
      AnyPruner<Model>& pruner = panel.pruners[c];
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
      Model model = spat::pruned_with_statistics(dense, mask, windows, o.training.seed);
      ComparedMask row{.mask = mask, .cost = spat::cost_of(model, data.training->channels())};
      row.removed_validation = spat::evaluate(model, *data.validation, &team);
      if (mask == dense.form.kept())
        row.removed_test = spat::evaluate(model, *data.test, &team),
        row.removed_others = on_others(model);
      const double before = processor_seconds();
      if (o.tune.epochs > 0) {
        spat::NoObserver nobody;
        typename spat::Trainer<Model>::Teacher teacher;
        if (o.tune.distillation > 0)
          teacher = [predictor = std::make_shared<spat::Predictor<Model>>(dense, &team)](
                        const auto& batch) { return predictor->forecast(batch); };
        (void)spat::fine_tune(model, windows, o.tune.options(o.training), nobody, teacher);
      }
      row.seconds = processor_seconds() - before;
      row.validation = spat::evaluate(model, *data.validation, &team);
      row.test = spat::evaluate(model, *data.test, &team), row.others = on_others(model);
      if (o.latency_seconds > 0)
        row.latency = spat::measure_latency(model, *data.test, &team, o.latency_seconds);
      found.masks.push_back(std::move(row));
    }
    finish(o, data.name, Model::name, found);
  }
}

}  // namespace tool
