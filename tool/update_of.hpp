// The library calls of `spat update` for one model.
#pragma once

#include "prune_of.hpp"
#include "update.hpp"

namespace tool {

/// The model after a training on the rows before `origin`, of which the last fifth validates.
template <class Model>
Model updated_before(const Model& model, const spat::DataDescription& data,
                     const spat::Series& series, std::size_t origin,
                     const spat::TrainingOptions& training, spat::Team& team) {
  const std::size_t lookback = data.window.lookback, horizon = data.window.horizon,
                    first = std::max(origin - origin / 5, lookback);
  if (origin < first + horizon || first < lookback + horizon)
    throw spat::DataError(
        message("--retrain: ", origin, " rows before the first origin are too few ",
                "to train and validate on windows of ", lookback, " + ", horizon));
  spat::WindowOptions window = data.window;
  window.stride = 1;
  const spat::WindowDataset<float> train(series, data.scaler, {0, first}, window),
      validation(series, data.scaler, {first - lookback, origin}, window);
  Model better = model;
  spat::NoObserver nobody;
  (void)spat::fine_tune(better, {train, validation, &team}, training, nobody);
  return better;
}

/// The body of `spat update`: trains a saved model on newer data, and prints what that changed.
template <class Model>
void update(const UpdateOptions& o, const Data& data) {
  const Model before = spat::load_model<Model>(o.model);
  spat::Team team(o.threads);
  Model model = before;
  spat::NoObserver nobody;
  (void)spat::fine_tune(model, {*data.training, *data.validation, &team}, o.training, nobody, {},
                        progress("update", o.quiet));
  const auto of_model = spat::SafetensorsFile(o.model).metadata();
  spat::RunDescription run = spat::describe(o.training, "training");
  run.add(spat::describe(data.description));
  if (const auto text = of_model.find(spat::run_key); text != of_model.end())
    run.set("of_run", spat::RunDescription::parse(text->second, o.model).hash_text());
  std::map<std::string, std::string> about;
  if (const auto scores = of_model.find("spat.scores"); scores != of_model.end())
    about["spat.scores"] = scores->second;
  save_described(o.out, model, data, run, team, about);
  print_update(
      data, {spat::evaluate(before, *data.validation, &team),
             spat::evaluate(model, *data.validation, &team),
             spat::evaluate(before, *data.test, &team), spat::evaluate(model, *data.test, &team)});
}

}  // namespace tool
