// Guarantees of every forecaster besides its gradients: bytes that depend only on the window, the
// same training with any number of workers, files, and surgery.
#pragma once

#include <spat/criteria/any_criterion.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace tests {

template <template <class, class> class ModelOf, class Scalar, class Config>
using DynamicModel = ModelOf<Scalar, spat::Dynamic<Config>>;

/// A window's forecast has the same bytes alone, in any batch, with any number of workers, and in
/// the static form.
template <template <class, class> class ModelOf, auto config>
void check_forecasts() {
  using namespace spat;
  using Config = std::remove_const_t<decltype(config)>;
  using Model = DynamicModel<ModelOf, float, Config>;
  using Fixed = ModelOf<float, Static<config>>;
  static_assert(Forecaster<Model> && PrunableModel<Model> && PrunableModel<Fixed>);
  constexpr std::size_t samples = 21;
  const auto model = example::made<Model>({config}, 3, 0.2);
  const auto fixed = converted<Fixed>(model);
  const example::RandomBatch<float> data(config, samples);
  const std::size_t size = config.horizon * config.channels;
  std::vector<float> alone;
  Predictor<Model> one_by_one(model);
  for (std::size_t b = 0; b < samples; ++b)
    for (const float value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
      alone.push_back(value);
  for (const std::size_t workers : {0u, 1u, 2u, 3u}) {
    Team team(std::max<std::size_t>(workers, 1));
    Predictor<Model> predictor(model, workers ? &team : nullptr);
    Predictor<Fixed> fixed_predictor(fixed, workers ? &team : nullptr);
    for (const std::size_t batch : {1u, 2u, 5u, 21u}) {
      INFO(workers << " workers, " << batch << " samples");
      const auto expected = std::span(alone).subspan((samples - batch) * size, batch * size);
      const auto rows = data.batch.middle(samples - batch, batch);
      CHECK(example::same_bits(predictor.forecast(rows).flat(), expected));
      CHECK(example::same_bits(fixed_predictor.forecast(rows).flat(), expected));
    }
  }
}

/// Steps of training with dropout and clipping give the same bytes without a team and with 1 and 3
/// workers, and lower the loss.
template <template <class, class> class ModelOf, class Config>
void check_training(const Config& config) {
  using namespace spat;
  using Model = DynamicModel<ModelOf, float, Config>;
  const example::RandomBatch<float> data(config, 21);
  const auto trained = [&](std::size_t workers) {
    Team team(std::max<std::size_t>(workers, 1));
    auto model = example::made<Model>({config}, 7, 0.1);
    Trainer<Model> trainer(model, {.seed = 7, .clip_norm = 0.5}, workers ? &team : nullptr);
    NoObserver nobody;
    const double first = trainer.step(data.batch, 1e-2, nobody);
    double last = 0;
    for (int step = 0; step < 5; ++step) last = trainer.step(data.batch, 1e-2, nobody);
    CHECK(last < first);
    return model;
  };
  const Model one = trained(0);
  CHECK_FALSE(example::same_parameters(one, example::made<Model>({config}, 7, 0.1)));
  for (const std::size_t workers : {1u, 3u}) {
    INFO(workers << " workers");
    CHECK(example::same_parameters(trained(workers), one));
  }
}

/// A step from which LayerDrop removes modules is a step of the model without them: the same loss,
/// and the same gradients and scores of the remaining modules. Tensors of the removed modules have
/// no gradient, and a criterion receives none of their events.
template <template <class, class> class ModelOf, class Config>
void check_layer_drop(const Config& config, std::size_t samples = 5) {
  using namespace spat;
  using Model = DynamicModel<ModelOf, double, Config>;
  using TestedPruner = Pruner<Model, AnyCriterion<double>>;
  const example::RandomBatch<double> data(config, samples);
  auto model = example::made<Model>({config}, 1, 0.1);
  std::size_t skipped = 0;
  for (std::uint64_t number = 1; number <= 12; ++number) {
    const Pass pass{.training = true, .seed = 7, .step = number, .layer_drop = 0.5};
    ModuleMask mask = model.form.kept();
    for (std::size_t i = 0; i < model.form.modules(); ++i)
      if (mask.keeps(i) && pass.at(i).skips_module()) mask = mask.without(i), ++skipped;
    INFO(Model::name << ", step " << number << ", left " << to_string(mask, model.form.modules()));
    auto fewer = converted<Model>(
        model, model.form.with_kept(mask));  // regardless of the guard: a step may leave it out
    for (const char* criterion : {"send", "block_influence"}) {
      INFO(criterion);
      const auto stepped = [&](const Model& of, const Pass& as, Model& gradients) {
        TestedPruner pruner(of, make_criterion<double>(criterion), 0);
        TrainingStep<Model> step;
        const double loss = step(of, as, data.batch, gradients, pruner);
        pruner.end_step();
        return std::pair(loss, pruner.scores());
      };
      Model all = zeros_like(model), left = zeros_like(fewer);
      const auto dropped = stepped(model, pass, all),
                 without = stepped(fewer, Pass{.seed = 7, .step = number}, left);
      CHECK(dropped.first == without.first);
      for (std::size_t i = 0; i < dropped.second.size(); ++i)
        CHECK((mask.keeps(i) ? dropped.second[i] == without.second[i]
                             : std::isnan(dropped.second[i]) && std::isnan(without.second[i])));
      const auto survivors = parameters(left);
      for (const auto& gradient : parameters(all)) {
        INFO(gradient.name);
        const auto found = find_parameter(survivors, gradient.name);
        if (found == survivors.end())
          CHECK(std::ranges::count(gradient.values, 0.0) ==
                static_cast<std::ptrdiff_t>(gradient.values.size()));
        else
          CHECK(std::ranges::equal(gradient.values, found->values));
      }
    }
  }
  const std::size_t places = 12 * model.form.kept().count();
  CHECK((skipped > places / 5 && skipped < places - places / 5));
}

/// After a step of training, every criterion that receives events scores every kept module, and no
/// other.
template <template <class, class> class ModelOf, class Config>
void check_scores(const Config& config) {
  using namespace spat;
  using Model = DynamicModel<ModelOf, float, Config>;
  const example::RandomBatch<float> data(config, 5);
  for (const CriterionInfo& info : criterion_infos()) {
    if (info.losses) continue;
    INFO(Model::name << ", " << info.name << ", kept " << to_string(config.kept, config.modules()));
    auto model = example::made<Model>({config});
    Trainer<Model> trainer(model, {});
    Pruner<Model, AnyCriterion<float>> pruner(model, make_criterion<float>(info.name), 0);
    trainer.step(data.batch, 1e-3, pruner);
    const auto scores = pruner.scores();
    REQUIRE(scores.size() == config.modules());
    for (std::size_t i = 0; i < scores.size(); ++i)
      CHECK(std::isfinite(scores[i]) == model.form.kept().keeps(i));
  }
}

/// A saved model is restored to the last bit, in its dynamic and its static form.
template <template <class, class> class ModelOf, auto config>
void check_files() {
  using namespace spat;
  using Model = DynamicModel<ModelOf, float, std::remove_const_t<decltype(config)>>;
  using Fixed = ModelOf<float, Static<config>>;
  const TemporaryFolder folder;
  const auto model = example::made<Model>({config}, 3, 0.25);
  save_model(folder / "model", model);
  const auto back = load_model<Model>(folder / "model");
  CHECK(back.config() == model.config());
  CHECK(back.dropout() == 0.25);
  CHECK(example::same_parameters(back, model));
  const auto fixed = load_model<Fixed>(folder / "model");
  CHECK(example::same_parameters(converted<Model>(fixed, {config}), model));
  save_model(folder / "fixed", fixed);
  CHECK(content_of(folder / "fixed") == content_of(folder / "model"));
}

/// Pruning does not change a model without modules: every mask is the empty one.
template <template <class, class> class ModelOf, auto config>
void check_without_modules() {
  using namespace spat;
  static_assert(config.modules() == 0 && ModuleMask::first(0).bits == 0);
  using Model = DynamicModel<ModelOf, float, std::remove_const_t<decltype(config)>>;
  using Fixed = ModelOf<float, Static<config>>;
  static_assert(std::is_same_v<typename Fixed::template Pruned<ModuleMask{}>,
                               typename Fixed::template Pruned<ModuleMask::first(0)>>);
  auto model = example::made<Model>({keeping(config, ModuleMask::all())});
  CHECK(model.form.modules() == 0);
  CHECK(model.form.kept().bits == 0);
  CHECK(example::same_parameters(detail::pruned_as_it_is(model, ModuleMask::all()), model));
  const auto fixed = converted<Fixed>(model);
  std::visit([&](const auto& same) { CHECK(example::same_parameters(same, fixed)); },
             detail::pruned_as_it_is(fixed, ModuleMask{}));
  CHECK_THROWS_AS((void)detail::pruned_as_it_is(model, ModuleMask{1}), ConfigError);

  const example::RandomBatch<float> data(config, 4);
  Team team(2);
  Trainer<Model> trainer(model, {}, &team);
  Pruner<Model> pruner(model);
  trainer.step(data.batch, 1e-3, pruner);
  pruner.end_epoch();
  CHECK(pruner.scores().empty());
  CHECK(pruner.choose(DropLowest{0}).bits == 0);
  CHECK(pruner.choose(DropRatio{1}).bits == 0);
  CHECK_THROWS_AS((void)pruner.choose(DropLowest{1}), ConfigError);
  CHECK(example::same_parameters(detail::pruned_as_it_is(model, pruner.choose(DropRatio{0.5})),
                                 model));
  Pruner<Model> restored(model);
  restored.restore(pruner.state());
  CHECK(restored.trajectory() == pruner.trajectory());
}

/// Checks that the configuration's count of parameters equals the model's.
template <template <class, class> class ModelOf, class Config>
void check_count(const Config& config) {
  const DynamicModel<ModelOf, float, Config> model({config});
  CHECK(config.parameters() == static_cast<double>(spat::parameter_count(spat::parameters(model))));
}

/// The error text for a configuration with impossible sizes.
template <template <class, class> class ModelOf, class Config, class Change>
std::string refused(Config config, Change&& change) {
  change(config);
  CHECK_FALSE(is_valid(config));
  return message_of<spat::ConfigError>([&] { DynamicModel<ModelOf, float, Config>({config}); });
}

/// The error text for a batch of another configuration.
template <template <class, class> class ModelOf, class Config, class Change>
std::string refused_batch(const Config& config, Change&& change) {
  auto other = config;
  change(other);
  const auto model = example::made<DynamicModel<ModelOf, float, Config>>({config});
  spat::Predictor predictor(model);
  const example::RandomBatch<float> good(config, 2), bad(other, 2);
  const std::string text =
      message_of<spat::ShapeError>([&] { (void)predictor.forecast(bad.batch); });
  // The predictor still works.
  CHECK(predictor.forecast(good.batch).rows() == 2 * config.horizon);
  return text;
}

}  // namespace tests
