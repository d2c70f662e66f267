// Pruners that observe one training together score as if each had observed it alone.
#include <spat/criteria/any_criterion.hpp>
#include <spat/prune/pruner_panel.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>

namespace pruner_panel_tests {

using namespace spat;

namespace {

using Model = ITransformer<float>;

/// Micro-batches of a few samples, so that a batch has many.
constexpr ITransformerConfig config = [] {
  ITransformerConfig wide = example::small;
  return wide.ffn_width = 1000, wide;
}();

/// Two epochs; workers = 0: without a team.
template <class Observer>
void train(Observer& observer, Model& model, std::size_t workers) {
  Team team(std::max<std::size_t>(workers, 1));
  const example::RandomBatch<float> data(config, 21);
  Trainer<Model> trainer(model, {}, workers ? &team : nullptr);
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int step = 0; step < 2; ++step) trainer.step(data.batch, 1e-3, observer);
    observer.end_epoch();
  }
}

template <class TestedPruner>
void check_same(const TestedPruner& a, const TestedPruner& b) {
  CHECK(example::same_bits(a.scores(), b.scores()));
  REQUIRE(a.trajectory().size() == 2);
  for (std::size_t e = 0; e < 2; ++e)
    CHECK(example::same_bits(a.trajectory()[e], b.trajectory()[e]));
  const auto steps = a.step_scores(), others = b.step_scores();
  REQUIRE(steps.size() == others.size());
  for (std::size_t t = 0; t < steps.size(); ++t) CHECK(example::same_bits(steps[t], others[t]));
}

}  // namespace

TEST_CASE("each pruner of a panel scores as if it had observed alone") {
  using TestedPruner = Pruner<Model, AnyCriterion<float>>;
  const auto start = example::made<Model>({config}, 5, 0.1);
  const auto pruner_of = [](const Model& model, const std::string& name) {
    return TestedPruner(model, make_criterion<float>(name));
  };
  REQUIRE(MicrobatchPlan(21, start.activation_size(3)).microbatches > 1);
  for (const std::size_t workers : {0u, 2u}) {
    auto shared = start;
    std::vector<TestedPruner> members;
    for (const std::string& name : criterion_names()) members.push_back(pruner_of(shared, name));
    PrunerPanel<TestedPruner> panel(std::move(members));
    train(panel, shared, workers);
    for (std::size_t c = 0; c < criterion_names().size(); ++c) {
      INFO(criterion_names()[c] << ", " << workers << " workers");
      auto own = start;
      auto alone = pruner_of(own, criterion_names()[c]);
      train(alone, own, 1);
      check_same(panel.pruners[c], alone);
      CHECK(example::same_parameters(own, shared));
    }
  }
}

TEST_CASE("a panel of one kind of criterion receives the events of that kind, and no others") {
  using TestedPruner = Pruner<Model>;
  const auto start = example::made<Model>({config}, 5, 0.1);
  const CriterionOptions variants[]{
      {}, {.variant = SendVariant::absolute_mean}, {.dynamics = SendDynamics::epoch}};
  auto shared = start;
  std::vector<TestedPruner> members;
  for (const CriterionOptions& options : variants)
    members.emplace_back(shared, Send<float>(options), 0);
  PrunerPanel<TestedPruner> panel(std::move(members));
  train(panel, shared, 0);
  for (std::size_t c = 0; c < 3; ++c) {
    auto own = start;
    TestedPruner alone(own, Send<float>(variants[c]), 0);
    train(alone, own, 0);
    check_same(panel.pruners[c], alone);
  }
  static_assert(!Hears<PrunerPanel<TestedPruner>::Listener, BlockEvent<float>>);
}

}  // namespace pruner_panel_tests
