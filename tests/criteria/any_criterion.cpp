// Criteria by name: AnyCriterion gives the results of the criterion inside, and the registry lists
// what each needs.
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/criteria/attended.hpp>
#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <array>
#include <set>

namespace any_criterion_tests {

using namespace spat;

namespace {

static_assert(Criterion<AnyCriterion<float>, float> && Criterion<AnyCriterion<double>, double>);

/// Equal, or both NaN.
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

template <class C>
constexpr bool hears_steps = std::derived_from<C, StepScore>;

/// All events that a criterion can receive in one step, in two micro-batches on two copies. The
/// second one is that of `stream`.
template <class Scalar, class C>
void tell_all(std::array<C, 2>& places, std::uint64_t stream) {
  const tests::Attended<Scalar> attended({.name = "causal", .causal = true}, stream);
  const tests::Attended<Scalar> out({.name = "output"}, stream + 100);
  const BlockEvent<Scalar> block{2, attended.x.view(), out.x.view()};
  ModuleEvent<Scalar> module{2, 5, {}};
  module.weights = parameters(attended.layer);
  for (std::size_t i = 0; i < 2; ++i) {
    attended.tell(places[i], i == 0 ? 0 : 3, i == 0 ? 3 : 2);
    if constexpr (Hears<C, BlockEvent<Scalar>>) places[i].hear(block);
    if constexpr (Hears<C, ModuleEvent<Scalar>>) places[i].hear(module);
    if constexpr (Hears<C, LossEvent>)
      places[i].hear(LossEvent{0.5, 0.5 + static_cast<double>(stream)});
  }
}

template <class Scalar, class C>
void epoch(C& criterion, std::uint64_t stream) {
  std::array<C, 2> places{criterion, criterion};
  for (std::uint64_t step = 0; step < 3; ++step) {
    tell_all<Scalar>(places, stream + step);
    for (C& place : places) criterion.merge(place);
    criterion.end_step();
  }
  criterion.end_epoch();
}

}  // namespace

TEST_CASE("every criterion has a unique name and reports what it needs") {
  const std::vector<std::string> names = criterion_names();
  CHECK(names == std::vector<std::string>{"send", "leave_one_out", "random", "drop_first",
                                          "drop_last", "drop_every_other", "magnitude", "snip",
                                          "gate", "head_importance", "cosine", "block_influence",
                                          "taylor2", "fisher", "entropy"});
  const std::set<std::string> gradients{"send",    "snip",   "gate",   "head_importance",
                                        "taylor2", "fisher", "entropy"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const CriterionInfo info = criterion_info(names[i]);
    INFO(names[i]);
    CHECK(info.name == names[i]);
    CHECK(std::string(info.what).size() > 10);
    CHECK(info.gradients == gradients.contains(names[i]));
    CHECK(info.losses == (names[i] == "leave_one_out"));
    CHECK(make_criterion<float>(names[i]).held().index() == i);
    CHECK(make_criterion<double>(names[i]).held().index() == i);
    CHECK(std::isnan(make_criterion<double>(names[i]).score()));
  }
  CHECK(AnyCriterion<float>().held().index() == 0);
  const std::string message = message_of<ConfigError>([] { (void)make_criterion<float>("sned"); });
  CHECK(message.find("\"sned\"") != std::string::npos);
  for (const std::string& name : names) CHECK(message.find(name) != std::string::npos);
}

TEMPLATE_TEST_CASE("any criterion gives the numbers of the one it holds", "", float, double) {
  const CriterionOptions options{
      .reduction = LossReduction::sum, .normalized = true, .decay = 0.5, .seed = 9};
  for (const std::string& name : criterion_names()) {
    INFO(name);
    const auto made = make_criterion<TestType>(name, options);
    std::visit(
        [&](auto alone) {
          auto any = made;
          epoch<TestType>(any, 1), epoch<TestType>(alone, 1);
          CHECK(std::isfinite(any.score()));
          CHECK(any.score() == alone.score());
          CHECK(any.state() == alone.state());
          double step = std::nan(""), bound = 0;
          if constexpr (requires { alone.step_score(); }) step = alone.step_score();
          if constexpr (requires { alone.bound(); }) bound = alone.bound();
          CHECK(same(any.step_score(), step));
          CHECK(any.bound() == bound);
          CHECK(std::isfinite(any.step_score()) ==
                (name == "send" || hears_steps<decltype(alone)>));
        },
        made.held());
  }
}

TEST_CASE("every criterion restored between epochs continues as if it had not been interrupted") {
  for (const std::string& name : criterion_names()) {
    INFO(name);
    auto criterion = make_criterion<float>(name), resumed = criterion;
    epoch<float>(criterion, 1);
    resumed.restore(criterion.state());
    CHECK(resumed.score() == criterion.score());
    CHECK(resumed.state() == criterion.state());
    epoch<float>(criterion, 10), epoch<float>(resumed, 10);
    CHECK(resumed.score() == criterion.score());
    CHECK(resumed.bound() == criterion.bound());
  }
}

TEST_CASE("options reach the criterion that was asked for") {
  for (const std::string& name : criterion_names()) {
    INFO(name);
    const auto score = [&](const CriterionOptions& options) {
      auto criterion = make_criterion<double>(name, options);
      epoch<double>(criterion, 1);
      return criterion.score();
    };
    const double usual = score({});
    const bool send = name == "send", slopes = criterion_info(name).gradients && name != "entropy";
    const bool steps =
        criterion_info(name).gradients || name == "cosine" || name == "block_influence";
    CHECK((score({.variant = SendVariant::absolute_mean}) != usual) == send);
    CHECK((score({.dynamics = SendDynamics::epoch}) != usual) == send);
    CHECK((score({.normalized = true}) != usual) == send);
    CHECK((score({.reduction = LossReduction::sum}) != usual) == slopes);
    CHECK((score({.decay = 0.1}) != usual) == steps);
    CHECK((score({.seed = 2}) != usual) == (name == "random"));
  }
}

TEST_CASE("steps are averaged, with the weights of a moving average or all alike") {
  for (const std::string& name : criterion_names())
    for (const double decay : {0.5, 1.0}) {
      auto criterion = make_criterion<double>(name, {.decay = decay});
      if (!std::visit(
              [](const auto& c) {
                return requires { c.step_score(); };
              },
              criterion.held()))
        continue;
      const StepEstimator estimator = criterion.estimator();
      CHECK((estimator.decay == decay && estimator.absolute == (name == "taylor2")));
      std::vector<double> steps;
      INFO(name << ", decay " << decay);
      double sum = 0, weights = 0;
      for (std::uint64_t stream = 1; stream < 5; ++stream) {
        std::array<AnyCriterion<double>, 2> places{criterion, criterion};
        tell_all<double>(places, stream);
        auto alone = make_criterion<double>(name, {.decay = decay});
        for (auto& place : places) criterion.merge(place);
        tell_all<double>(places, stream);
        for (auto& place : places) alone.merge(place);
        criterion.end_step(), alone.end_step();
        steps.push_back(alone.step_score());
        CHECK(criterion.step_score() == steps.back());
        sum = decay * sum + steps.back(), weights = decay * weights + 1;
        CHECK(criterion.score() ==
              Approx(estimator.absolute ? std::abs(sum / weights) : sum / weights).epsilon(1e-13));
        CHECK(criterion.score() == estimator(steps));
        const auto before = criterion.state();
        criterion.end_step();  // nothing was received
        CHECK(criterion.state() == before);
      }
    }
}

TEST_CASE(
    "criteria notified of a training by a pruner score every module, with any number of workers") {
  using Model = ITransformer<float>;
  for (const char* name :
       {"send", "snip", "gate", "head_importance", "cosine", "taylor2", "fisher", "entropy"}) {
    INFO(name);
    const auto scores = [&](Team* team) {
      const example::RandomBatch<float> data(example::small, 6);
      auto model = example::made<Model>({example::small});
      Trainer<Model> trainer(model, {}, team);
      Pruner<Model, AnyCriterion<float>> pruner(model, make_criterion<float>(name), 0);
      for (int step = 0; step < 3; ++step) trainer.step(data.batch, 1e-3, pruner);
      pruner.end_epoch();
      return pruner.scores();
    };
    Team team(2);
    const auto alone = scores(nullptr);
    for (const double score : alone) CHECK((std::isfinite(score) && score > 0));
    CHECK(scores(&team) == alone);
  }
}

namespace {

struct ForwardOnly {
  void hear(const ForwardEvent<float>&) {}
};
// No event converts to another: a criterion receives exactly the events that it has a hear() for.
static_assert(Hears<ForwardOnly, ForwardEvent<float>>);
static_assert(!Hears<ForwardOnly, BackwardEvent<float>> && !Hears<ForwardOnly, BlockEvent<float>>);
static_assert(!Hears<Cosine<float>, BackwardEvent<float>> &&
              !Hears<Gate<float>, ForwardEvent<float>>);
static_assert(Hears<AnyCriterion<float>, LossEvent> &&
              Hears<AnyCriterion<float>, TileEvent<float>>);
static_assert(!Hears<AnyCriterion<float>, int>);

}  // namespace

}  // namespace any_criterion_tests
