// Makes the commands' Architecture from a model's type. A file in models/ includes this header and
// its model, and defines
//
//     static const tool::Registered<spat::ITransformer<float>> itransformer(
//         {.source = "Liu et al., ICLR 2024", .without_attention = "a perceptron ..."});
#pragma once

#include "backtest_of.hpp"
#include "compare_of.hpp"
#include "export_of.hpp"
#include "import_of.hpp"
#include "latency_of.hpp"
#include "run_of.hpp"
#include "update_of.hpp"

#include <spat/models/forecast.hpp>

namespace tool {

template <class Model>
Summary summary(const Configuration& configuration) {
  const Model model({config_of<typename Model::Config>(configuration)});
  const std::size_t inputs = model.config().channels;
  const Model bare(model.form.with_kept({}));
  const spat::Cost cost = spat::cost_of(model, inputs);
  const double rest =
      static_cast<double>(bare.multiply_adds(inputs)) / static_cast<double>(cost.macs);
  return {cost, model.form.modules(), 1 - rest};
}

template <class Model>
spat::Metrics evaluate(const std::string& file, const spat::WindowDataset<float>& windows,
                       std::size_t threads) {
  const Model model = spat::load_model<Model>(file);
  spat::Team team(threads);
  return spat::evaluate(model, windows, &team);
}

template <class Model>
std::vector<spat::Coverage> coverage(const std::string& file,
                                     const spat::ConformalIntervals& intervals,
                                     const spat::WindowDataset<float>& windows,
                                     std::size_t threads) {
  spat::Team team(threads);
  return spat::coverage_of(spat::load_model<Model>(file), intervals, windows, &team);
}

template <class Model>
std::vector<spat::Series> forecast(const std::string& file, const Data& data,
                                   const spat::KnownFuture& known) {
  spat::Predictor<Model> predictor(spat::load_model<Model>(file));
  std::vector<spat::Series> futures;
  for (std::size_t s = 0; s < data.series.size(); ++s)
    futures.push_back(spat::forecast(predictor, data.description_of(s), data.series[s], known));
  return futures;
}

template <class Model>
constexpr ModelTraits traits_of() {
  ModelTraits traits;
  if constexpr (requires { Model::channels_alone; }) traits.channels_alone = Model::channels_alone;
  if constexpr (requires { Model::takes_known_covariates; })
    traits.takes_known_covariates = Model::takes_known_covariates;
  if constexpr (requires { Model::has_dropout; }) traits.has_dropout = Model::has_dropout;
  if constexpr (requires { Model::needs_marks; }) traits.needs_marks = Model::needs_marks;
  return traits;
}

template <class Model>
Inspection inspect(const std::string& file) {
  const Model model = spat::load_model<Model>(file);
  Inspection found{.configuration = configuration_of(model.config()),
                   .dropout = model.dropout(),
                   .cost = spat::cost_of(model, model.config().channels),
                   .kept = model.form.kept(),
                   .modules = {},
                   .dead_parts = model.dead_parts()};
  for (std::size_t i = 0; i < model.form.modules(); ++i)
    found.modules.push_back(model.module_name(i));
  return found;
}

/// Registers a model under its name when it is constructed.
template <class Model>
struct Registered {
  explicit Registered(const Texts& texts) {
    add({.name = Model::name,
         .texts = texts,
         .scored = spat::has_scored_modules<Model>(),
         .traits = traits_of<Model>(),
         .configuration = [] { return configuration_of(typename Model::Config{}); },
         .summary = summary<Model>,
         .run = run<Model>,
         .compare = compare<Model>,
         .latency = latency<Model>,
         .prune = prune<Model>,
         .evaluate = evaluate<Model>,
         .coverage = coverage<Model>,
         .forecast = forecast<Model>,
         .backtest = backtest<Model>,
         .update = update<Model>,
         .inspect = inspect<Model>,
         .forecast_windows = forecast_windows<Model>,
         .graph = graph<Model>,
         .convert = convert<Model>,
         .header = header<Model>,
         .plan_import = spat::plan_import<Model>,
         .import_checkpoint = import_checkpoint<Model>});
  }
};

}  // namespace tool
