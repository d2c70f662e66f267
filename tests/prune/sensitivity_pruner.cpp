// The observer of a training: warm-up, trajectory, scores of modules of different size, and what it says when one is not finite.
#include <spat/prune/sensitivity_pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/attention_maps.hpp>
#include <tests/catch.hpp>
#include <tests/errors.hpp>
#include <tests/models/example.hpp>

using namespace spat;

namespace {

using Model = ITransformer<float>;

/// Counts steps instead of measuring anything; its bound is that of its module.
struct Counting {
  double seen = 0, total = 0, limit = 0;
  void on_backward(const BackwardEvent<float>& event) { seen += 1, limit = static_cast<double>(event.module + 1); }
  void merge(Counting& other) { seen += other.seen, limit = std::max(limit, other.limit), other.seen = 0; }
  void end_step() { total += std::min(seen, 1.0), seen = 0; }
  void end_epoch() {}
  [[nodiscard]] double score() const { return total; }
  [[nodiscard]] std::vector<double> state() const { return {total}; }
  void restore(const std::vector<double>& numbers) { total = numbers.at(0); }
};
struct Bounded : Counting {
  [[nodiscard]] double bound() const { return limit; }
};
static_assert(Criterion<Counting, float> && Criterion<Bounded, float> && Criterion<Send<float>, float> &&
              Criterion<Send<double>, double>);

struct Training {
  example::RandomBatch<float> data{example::small, 6};
  Model model;
  Trainer<Model> trainer;

  explicit Training(ITransformerConfig config = example::small)
      : model(example::made<Model>({config})), trainer(model, {}) {}

  template <class Pruner>
  void epoch(Pruner& pruner, std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) trainer.step(data.batch, 1e-3, pruner);
    pruner.end_epoch();
  }
};

}  // namespace

TEST_CASE("warm-up epochs are forgotten as soon as a later one has a step") {
  for (const std::size_t warm_up : {0u, 1u, 2u}) {
    Training training;
    SensitivityPruner<Model, Counting> pruner(training.model, {}, warm_up);
    for (std::size_t epoch = 0; epoch < 4; ++epoch) training.epoch(pruner, epoch + 2);
    std::vector<double> totals;
    for (const auto& scores : pruner.trajectory()) {
      REQUIRE(scores.size() == 3);
      CHECK((scores[0] == scores[1] && scores[1] == scores[2]));
      totals.push_back(scores[0]);
    }
    if (warm_up == 0) CHECK(totals == std::vector<double>{2, 5, 9, 14});
    if (warm_up == 1) CHECK(totals == std::vector<double>{2, 3, 7, 12});
    if (warm_up == 2) CHECK(totals == std::vector<double>{2, 5, 4, 9});
    CHECK(pruner.scores() == pruner.trajectory().back());
  }
}

TEST_CASE("SEND after its warm-up is that of a pruner which began then") {
  Training training;
  SensitivityPruner<Model> pruner(training.model);
  CHECK(std::isnan(pruner.scores()[0]));
  CHECK(message_of<NumericError>([&] { (void)pruner.choose(DropLowest{1}); }).find("module 0") != std::string::npos);
  training.epoch(pruner, 2);
  Training twin;
  SensitivityPruner<Model> ignored(twin.model), late(twin.model, {}, 0);
  twin.epoch(ignored, 2);
  training.epoch(pruner, 3), twin.epoch(late, 3);
  CHECK(pruner.scores() == late.scores());
}

TEST_CASE("scores are divided by their bounds only where the bounds differ") {
  {
    Training training;
    SensitivityPruner<Model, Bounded> pruner(training.model, {}, 0);
    training.epoch(pruner, 6);
    CHECK(pruner.scores() == std::vector<double>{6, 3, 2});
    CHECK(pruner.choose(DropLowest{1}).bits == 0b011);
  }
  {
    Training training(example::small.with_kept(ModuleMask<>{0b010}));  // one bound is no difference
    SensitivityPruner<Model, Bounded> pruner(training.model, {}, 0);
    training.epoch(pruner, 6);
    CHECK(pruner.scores()[1] == 6);
  }
  Training training;
  SensitivityPruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 1);
  for (const double score : pruner.scores())
    CHECK((score > 0 && score < 0.4));  // SEND, and not SEND / bound: one Lk for all
}

TEST_CASE("attention to one key has score 0 beside attentions to more, and goes first") {
  Training training;
  SensitivityPruner<Model> pruner(training.model);
  const std::vector<float> a(9, 0.5f), da{1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (std::size_t i = 0; i < 3; ++i) {
    AttentionCall call;
    call.module = i, call.samples = 1, call.heads = 1, call.query_tokens = 3, call.memory_tokens = 3 - i;
    tests::tell(pruner.slot(0).criteria[i], call, a.data(), da.data());
  }
  pruner.end_step();
  const auto scores = pruner.scores();
  CHECK(scores[2] == 0);
  CHECK((scores[0] > 0 && scores[1] > 0));
  CHECK(pruner.choose(DropLowest{1}).bits == 0b011);
}

TEST_CASE("a module that was pruned has no score and no vote") {
  Training training(example::small.with_kept(ModuleMask<>{0b101}));
  SensitivityPruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 2);
  const auto scores = pruner.scores();
  CHECK(std::isnan(scores[1]));
  CHECK((scores[0] > 0 && scores[2] > 0));
  const Model smaller = pruner.prune(training.model, DropLowest{1});
  CHECK(smaller.shape.kept().bits == (scores[0] < scores[2] ? 0b100u : 0b001u));
  CHECK_THROWS_AS((void)pruner.prune(training.model, DropLowest{3}), ConfigError);
}

TEST_CASE("a sensitivity that is not finite is reported with its module") {
  Training training;
  for (std::size_t module = 0; module < 3; ++module) {
    SensitivityPruner<Model> pruner(training.model);
    std::vector<float> a(2 * 2, 0.5f), da(2 * 2, 1.0f);
    for (std::size_t i = 0; i < 3; ++i) {
      AttentionCall call;
      call.module = i, call.samples = 1, call.heads = 1, call.query_tokens = 2, call.memory_tokens = 2;
      da[3] = i == module ? std::numeric_limits<float>::infinity() : 1.0f;
      tests::tell(pruner.slot(0).criteria[i], call, a.data(), da.data());
    }
    const std::string text = message_of<NumericError>([&] { pruner.end_step(); });
    CHECK(text.find("module " + std::to_string(module)) != std::string::npos);
  }
}

TEST_CASE("the static and the dynamic form of a model are scored to the same bits") {
  const auto scores_of = [&]<class M>(std::type_identity<M>, typename M::Shape shape, std::size_t workers) {
    Team team(workers);
    auto model = example::made<M>(shape, 5, 0.1);
    Trainer<M> trainer(model, {}, &team);
    SensitivityPruner<M> pruner(model, {}, 0);
    const example::RandomBatch<float> data(example::small, 21);
    for (std::size_t i = 0; i < 3; ++i) trainer.step(data.batch, 1e-3, pruner);
    pruner.end_epoch();
    return pruner.scores();
  };
  const auto same = [&]<std::uint64_t mask>(std::integral_constant<std::uint64_t, mask>) {
    constexpr ITransformerConfig fixed{.channels = 3,
                                       .marks = 2,
                                       .lookback = 11,
                                       .horizon = 5,
                                       .width = 12,
                                       .ffn_width = 2000,
                                       .heads = 3,
                                       .depth = 3,
                                       .kept = ModuleMask<>{mask}};  // 4 samples a block
    const auto one = scores_of(std::type_identity<Model>{}, {fixed}, 1);
    const auto two = scores_of(std::type_identity<Model>{}, {fixed}, 2);
    const auto in_type = scores_of(std::type_identity<ITransformer<float, Static<fixed>>>{}, {}, 2);
    CHECK(example::same_bits(one, in_type));  // bits: a pruned module's score is NaN
    CHECK(example::same_bits(one, two));
  };
  same(std::integral_constant<std::uint64_t, 0b111>{});
  same(std::integral_constant<std::uint64_t, 0b101>{});
}

TEST_CASE("a pruner that listens to a static model prunes it into one of its types") {
  constexpr ITransformerConfig all = example::small.with_kept(ModuleMask<>::all());
  using Fixed = ITransformer<float, Static<all>>;
  auto model = example::made<Fixed>();
  Trainer<Fixed> trainer(model, {});
  SensitivityPruner<Fixed> pruner(model, {}, 0);
  const example::RandomBatch<float> data(all, 6);
  trainer.step(data.batch, 1e-3, pruner);
  const ModuleMask<> chosen = pruner.choose(DropLowest{2});
  CHECK((chosen.bits & 0b111) == chosen.bits);
  CHECK(chosen.kept() == 1);
  std::visit([&](const auto& smaller) { CHECK(smaller.shape.kept() == chosen); }, pruner.prune(model, DropLowest{2}));
}

TEST_CASE("a pruner's state comes back, and what is missing in it is an error") {
  Training training;
  SensitivityPruner<Model> pruner(training.model), resumed = pruner;
  training.epoch(pruner, 2), training.epoch(pruner, 2);
  resumed.restore(pruner.state());
  CHECK(resumed.state() == pruner.state());
  CHECK(resumed.scores() == pruner.scores());
  CHECK(resumed.trajectory() == pruner.trajectory());
  for (const char* name : {"epochs", "module.1", "trajectory.1"}) {
    auto state = pruner.state();
    state.erase(name);
    CHECK_THROWS(resumed.restore(state));
  }
}
