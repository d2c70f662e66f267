// What a pruner ranks modules by: modules that nobody heard of, errors that are those of the score
// itself, the scores of an earlier epoch, and the room of its steps.
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/prune/pruner_panel.hpp>
#include <spat/train/trainer.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/attention_maps.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace ranking_tests {

using namespace spat;
using scheduled::Model;
using scheduled::Played;

namespace {

using NamedPruner = Pruner<Model, AnyCriterion<float>>;

/// An observer that keeps all events of one module from a pruner.
template <class Watched>
struct WithoutModule {
  struct Listener {
    typename Watched::Listener* to = nullptr;
    std::size_t silent = 0;
    template <class Event>
      requires Hears<typename Watched::Listener, Event>
    void hear(const Event& event) {
      if (event.module != silent) to->hear(event);
    }
  };
  WithoutModule(Watched& watched, std::size_t silent) : pruner(watched) {
    for (std::size_t i = 0; i < listeners.size(); ++i)
      listeners[i] = {&watched.listener(i), silent};
  }
  Listener& listener(std::size_t i) { return listeners[i]; }
  void end_step(Team* team) { pruner.end_step(team); }

  Watched& pruner;
  std::array<Listener, MicrobatchPlan::most_at_once> listeners;
};

/// Says 0 before it hears anything, which a criterion must not.
template <class Event>
struct Zero {
  double total = 0;
  void hear(const Event&) {}
  void merge(Zero&) {}
  void end_step(Team*) {}
  void end_epoch() {}
  [[nodiscard]] double score() const { return total; }
  [[nodiscard]] std::vector<double> state() const { return {total}; }
  void restore(const std::vector<double>& numbers) { total = numbers.at(0); }
};

/// Steps whose scores a test gives: module m of step t is of(m, t).
struct Training {
  example::RandomBatch<float> batch{scheduled::config, 4};
  Model model = example::made<Model>({scheduled::config}, 3, 0.1);
  Trainer<Model> trainer{model, {}};
  template <class Observer>
  void steps(Observer&& observer, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) trainer.step(batch.batch, 1e-4, observer);
  }
};

/// Plays numbers through the moving average of 0.98, signed for Taylor-2's sake.
struct Moving : Played {
  explicit Moving(Of of_step) : Played(of_step) {}
  void end_step(Team* team) {
    const bool heard_now = heard;
    Played::end_step(team);
    heard_now ? average.add(of(module, step - 1)) : average.skip();
  }
  [[nodiscard]] double score() const { return std::abs(average.value()); }
  [[nodiscard]] double step_score() const { return average.last(); }
  [[nodiscard]] StepEstimator estimator() const { return {.decay = 0.98, .absolute = true}; }
  ScoreAverage average{0.98};
};

}  // namespace

TEST_CASE("a module that no event came of has no score, and pruning names it") {
  for (const std::string& name : criterion_names()) {
    INFO(name);
    Training training;
    NamedPruner pruner(training.model, make_criterion<float>(name), 0);
    WithoutModule<NamedPruner> observer(pruner, 1);
    training.steps(observer, 3);
    pruner.end_epoch();
    const CriterionInfo info = criterion_info(name);
    const auto scores = pruner.scores();
    if (info.losses) {
      for (const double score : scores) CHECK(std::isnan(score));
      CHECK(message_of<NumericError>([&] {
              (void)pruner.choose(DropLowest{1});
            }).starts_with("module 0 (encoder.attn_layers.0.attention) has no finite score"));
      continue;
    }
    if (!info.gradients && name != "cosine" && name != "block_influence") {
      // position, chance and weights need no event of a pass
      CHECK(std::isfinite(scores[1]));
      continue;
    }
    CHECK((std::isfinite(scores[0]) && std::isnan(scores[1]) && std::isfinite(scores[2])));
    const std::string text = message_of<NumericError>([&] { (void)pruner.choose(DropLowest{1}); });
    CHECK(text.starts_with(
        "module 1 (encoder.attn_layers.1.attention) has no finite score: no event of it reached"));
    for (const Budget& budget : {Budget(DropBelow{1e9}), Budget(DropRatio{0.5})})
      CHECK(message_of<NumericError>([&] { (void)pruner.choose(budget); }) == text);
  }
}

TEST_CASE("what a backward pass without tiles leaves is no sensitivity of zero") {
  for (const char* name : {"send", "snip", "entropy"})
    for (const SendDynamics dynamics : {SendDynamics::step_average, SendDynamics::epoch}) {
      INFO(name);
      auto criterion = make_criterion<float>(name, {.dynamics = dynamics});
      auto copy = criterion;
      BackwardEvent<float> event;
      event.samples = 2, event.heads = 2, event.query_tokens = event.memory_tokens = 3;
      for (int step = 0; step < 2; ++step) {
        copy.hear(event);
        criterion.merge(copy);
        criterion.end_step();
        CHECK(std::isnan(criterion.step_score()));
      }
      criterion.end_epoch();
      CHECK(std::isnan(criterion.score()));
      // and does not reach into the next step
      const std::vector<float> a(36, 0.3f), da(36, 0.5f);
      auto fresh = make_criterion<float>(name, {.dynamics = dynamics});
      for (auto* to : {&criterion, &fresh}) {
        tests::tell(*to, event, a.data(), da.data());
        to->end_step(), to->end_epoch();
      }
      CHECK(std::isfinite(criterion.score()));
      CHECK(criterion.score() == fresh.score());
    }
}

TEMPLATE_TEST_CASE("a criterion that says 0 before anything has no score either", "",
                   TileEvent<float>, BackwardEvent<float>, BlockEvent<float>) {
  using C = Zero<TestType>;
  Training training;
  Pruner<Model, C> pruner(training.model, C{}, 0);
  CHECK(std::isnan(pruner.scores()[0]));
  WithoutModule<Pruner<Model, C>> observer(pruner, 2);
  training.steps(observer, 1);
  CHECK((pruner.scores()[0] == 0 && pruner.scores()[1] == 0 && std::isnan(pruner.scores()[2])));
  CHECK_THROWS_AS((void)pruner.choose(DropLowest{1}), NumericError);
  pruner.end_epoch();
  Pruner<Model, C> resumed(training.model, C{}, 0);
  resumed.restore(pruner.state());
  CHECK(example::same_bits(resumed.scores(), pruner.scores()));
  // A state that a user's criterion refuses in its own words is a ConfigError.
  auto state = pruner.state();
  state["module.0"].clear();
  CHECK(message_of<ConfigError>([&] {
          resumed.restore(state);
        }).starts_with("row \"module.0\" of the state is not one: "));
}

TEST_CASE("what is heard before the warm-up ends is forgotten as the scores are") {
  using C = Zero<BackwardEvent<float>>;
  Training training;
  Pruner<Model, C> pruner(training.model, C{}, 1);
  training.steps(pruner, 2);
  pruner.end_epoch();
  WithoutModule<Pruner<Model, C>> observer(pruner, 0);
  training.steps(observer, 1);
  CHECK((std::isnan(pruner.scores()[0]) && pruner.scores()[1] == 0));
}

TEST_CASE("errors, ties and trajectory are those of the score, over all steps since the warm-up") {
  const auto noise = [](std::size_t module, std::size_t step) {
    Random random(module + 10, step);
    return (module == 1 ? -1.0 : 1.0) * static_cast<double>(module + 1) + random.normal();
  };
  Training training;
  Pruner<Model, Moving> pruner(training.model, Moving(noise), 1);
  std::vector<std::vector<double>> rows;
  for (std::size_t epoch = 0, step = 0; epoch < 4; ++epoch) {
    for (std::size_t t = 0; t < 20; ++t, ++step) {
      training.steps(pruner, 1);
      if (epoch > 0) rows.push_back({noise(0, t + (epoch - 1) * 20), 0, 0});
    }
    pruner.end_epoch();
    CHECK(pruner.step_scores().size() == 20);
  }
  const StepEstimator estimator{.decay = 0.98, .absolute = true};
  CHECK(pruner.estimator().decay == 0.98);
  const auto spread = pruner.spread().value();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(spread.mean[i] == Approx(pruner.scores()[i]).epsilon(1e-12));
    // sigma = 1, and as many independent steps as an average of 60 amounts to
    CHECK(spread.standard_error[i] ==
          Approx(1 / std::sqrt(estimator.effective_steps(60))).epsilon(0.5));
  }
  CHECK(pruner.trajectory_errors().back() == spread.standard_error);
  CHECK(pruner.ranking().errors == spread.standard_error);
  std::vector<double> column;
  for (const auto& row : rows) column.push_back(row[0]);
  CHECK(column.size() == 60);
  CHECK(spread.mean[0] == Approx(estimator(column)).epsilon(1e-12));
}

TEST_CASE("scores of an earlier epoch come with their errors, and choose by themselves") {
  // Module 0 is the lowest until epoch 3 ends, module 1 afterwards.
  const auto turning = [](std::size_t module, std::size_t step) {
    Random random(module, step);
    const double level = module == 2 ? 9 : step < 8 ? 1.0 + double(module) : 5.0 - double(module);
    return level + 0.01 * random.normal();
  };
  Training training;
  Pruner<Model, Played> pruner(training.model, Played(turning), 1);
  for (int epoch = 0; epoch < 4; ++epoch)
    training.steps(pruner, epoch == 3 ? 40 : 4), pruner.end_epoch();
  CHECK(pruner.scores_after(4) == pruner.scores());
  CHECK(pruner.scores_after(2) == pruner.trajectory()[1]);
  CHECK(pruner.ranking(2).errors == pruner.trajectory_errors()[1]);
  CHECK(pruner.spread_after(2).value().standard_error == pruner.trajectory_errors()[1]);
  CHECK(pruner.spread_after(4).value().standard_error == pruner.spread().value().standard_error);
  CHECK_FALSE(pruner.spread_after(1));  // the warm-up's steps were forgotten
  for (const std::size_t epoch : {0u, 5u})
    CHECK(message_of<ConfigError>([&] { (void)pruner.scores_after(epoch); }) ==
          message("scores after epoch ", epoch, ": there were 4 epochs"));
  CHECK(pruner.choose(DropLowest{1}).bits == 0b101);
  const Ranking early = pruner.ranking(2);
  CHECK(choose({0b111}, early.scores, DropLowest{1}, {}, early.errors).bits == 0b110);
  // and with them the schedule
  const scheduled::Example<Model> data;
  auto options = scheduled::by(DropLowest{1}, false);
  const auto masks = [&] {
    return scheduled::masks_of(prune_one_shot(training.model, pruner, data.data, options).removals);
  };
  CHECK(masks() == std::vector<std::uint64_t>{0b101});
  options.scores_after = 2;
  CHECK(masks() == std::vector<std::uint64_t>{0b110});
  // Weights have one score: the present one.
  Pruner<Model, Magnitude<float>> magnitude(training.model);
  magnitude.end_epoch();
  training.model.encoder.blocks[1].attention.mixer->query_projection.weight.flat()[0] += 3;
  CHECK(magnitude.scores_after(1) == magnitude.scores());
  CHECK(magnitude.ranking(1).errors.empty());
}

TEST_CASE("steps have room: announced, as in epochs before, or at the cost of the oldest ones") {
  const StepEstimator moving{.decay = 0.98};
  const auto add = [](StepHistory& history, std::size_t steps) {
    for (std::size_t t = 0; t < steps; ++t)
      history.add([&](std::size_t i) { return double(t * 10 + i); });
  };
  const auto place = [](const StepHistory& history) { return history.scores().data(); };
  StepHistory announced(3, moving);
  announced.begin_epoch(20000);
  const double* at = place(announced);
  add(announced, 20000);
  CHECK((place(announced) == at && announced.steps() == 20000));
  announced.end_epoch();
  at = place(announced);
  add(announced, 20000);  // as long as the one before
  CHECK((place(announced) == at && announced.steps() == 40000));

  StepHistory surprised(3, moving), copy = surprised;
  at = place(surprised);
  add(surprised, 10000);
  CHECK(place(surprised) == at);
  CHECK(surprised.steps() >= moving.remembered(10000));
  CHECK(surprised.rows(surprised.steps() - 1, surprised.steps())[0] ==
        std::vector<double>{99990, 99991, 99992});
  surprised.end_epoch();
  CHECK(surprised.end_of(1) == surprised.steps());
  at = place(copy);
  add(copy, StepHistory::usual_steps);
  CHECK(place(copy) == at);

  const StepHistory twin = announced;
  CHECK((twin.scores() == announced.scores() && twin.end_of(1) == announced.end_of(1)));
  StepHistory restored(3, moving);
  restored.restore(announced.scores(), {20000, 40000});
  CHECK(restored.scores() == announced.scores());
  at = place(restored);
  add(restored, 20000);  // as long as the longest epoch of the state
  CHECK((place(restored) == at && restored.steps() == 60000));

  StepHistory whole(3, {});  // a plain mean depends on all steps
  add(whole, 10000);
  CHECK(whole.steps() == 10000);
  StepHistory none(0, moving);
  add(none, 10), none.end_epoch();
  CHECK((none.steps() == 0 && none.remembered(0).empty()));
}

TEST_CASE("a panel announces an epoch to all of its pruners") {
  struct Room : Pruner<Model, Played> {
    using Pruner::Pruner;
    std::size_t announced = 0;
    void begin_epoch(std::size_t steps) { announced = steps; }
  };
  const auto model = example::made<Model>({scheduled::config});
  std::vector<Room> rooms(2, Room(model, Played(scheduled::settling)));
  PrunerPanel<Room> panel(std::move(rooms));
  panel.begin_epoch(9000);
  CHECK((panel.pruners[0].announced == 9000 && panel.pruners[1].announced == 9000));
}

}  // namespace ranking_tests
