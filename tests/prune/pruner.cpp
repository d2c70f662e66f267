// The observer of a training: warm-up, trajectory, steps, scores of modules of different size,
// blocks, weights and losses, and its error if a score is not finite.
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/timexer.hpp>
#include <spat/prune/measures.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/example.hpp>
#include <tests/support/attention_maps.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace pruner_tests {

using namespace spat;

namespace {

using Model = ITransformer<float>;

/// Counts steps instead of measuring anything; its bound is that of its module.
struct Counting {
  double seen = 0, total = 0, limit = 0;
  void hear(const BackwardEvent<float>& event) {
    seen += 1, limit = static_cast<double>(event.module + 1);
  }
  void merge(Counting& other) {
    seen += other.seen, limit = std::max(limit, other.limit), other.seen = 0;
  }
  void end_step(Team*) { total += std::min(seen, 1.0), seen = 0; }
  void end_epoch() {}
  [[nodiscard]] double score() const { return total; }
  [[nodiscard]] std::vector<double> state() const { return {total}; }
  void restore(const std::vector<double>& numbers) { total = numbers.at(0); }
};
struct Bounded : Counting {
  [[nodiscard]] double bound() const { return limit; }
};
static_assert(Criterion<Counting, float> && Criterion<Bounded, float> &&
              Criterion<Send<float>, float> && Criterion<Send<double>, double>);

struct Training {
  example::RandomBatch<float> data{example::small, 6};
  Model model;
  Trainer<Model> trainer;

  explicit Training(ITransformerConfig config = example::small)
      : model(example::made<Model>({config})), trainer(model, {}) {}

  template <class TestedPruner>
  void epoch(TestedPruner& pruner, std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) trainer.step(data.batch, 1e-3, pruner);
    pruner.end_epoch();
  }
};

}  // namespace

TEST_CASE("warm-up epochs are forgotten as soon as a later one has a step") {
  for (const std::size_t warm_up : {0u, 1u, 2u}) {
    Training training;
    Pruner<Model, Counting> pruner(training.model, {}, warm_up);
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
  Pruner<Model> pruner(training.model);
  CHECK(std::isnan(pruner.scores()[0]));
  CHECK(message_of<NumericError>([&] { (void)pruner.choose(DropLowest{1}); }).find("module 0") !=
        std::string::npos);
  training.epoch(pruner, 2);
  Training twin;
  Pruner<Model> ignored(twin.model), late(twin.model, {}, 0);
  twin.epoch(ignored, 2);
  training.epoch(pruner, 3), twin.epoch(late, 3);
  CHECK(pruner.scores() == late.scores());
}

TEST_CASE("scores are divided by their bounds only if the bounds differ") {
  {
    Training training;
    Pruner<Model, Bounded> pruner(training.model, {}, 0);
    training.epoch(pruner, 6);
    CHECK(pruner.scores() == std::vector<double>{6, 3, 2});
    CHECK(pruner.choose(DropLowest{1}).bits == 0b011);
  }
  {
    Training training(keeping(example::small, ModuleMask{0b010}));  // one bound is no difference
    Pruner<Model, Bounded> pruner(training.model, {}, 0);
    training.epoch(pruner, 6);
    CHECK(pruner.scores()[1] == 6);
  }
  Training training;
  Pruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 1);
  for (const double score : pruner.scores())
    CHECK((score > 0 && score < 0.4));  // SEND, and not SEND / bound: one Lk for all
}

TEST_CASE("attention to one key has score 0 beside attentions to more, and is removed first") {
  Training training;
  Pruner<Model> pruner(training.model);
  const std::vector<float> a(9, 0.5f), da{1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (std::size_t i = 0; i < 3; ++i) {
    AttentionCall call;
    call.module = i, call.samples = 1, call.heads = 1, call.query_tokens = 3,
    call.memory_tokens = 3 - i;
    tests::tell(pruner.listener(0), call, a.data(), da.data());
  }
  pruner.end_step();
  const auto scores = pruner.scores();
  CHECK(scores[2] == 0);
  CHECK((scores[0] > 0 && scores[1] > 0));
  CHECK(pruner.choose(DropLowest{1}).bits == 0b011);
}

TEST_CASE("a module that was pruned has no score and no vote") {
  Training training(keeping(example::small, ModuleMask{0b101}));
  Pruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 2);
  const auto scores = pruner.scores();
  CHECK(std::isnan(scores[1]));
  CHECK((scores[0] > 0 && scores[2] > 0));
  const Model smaller = pruned(training.model, pruner.choose(DropLowest{1}));
  CHECK(smaller.form.kept().bits == (scores[0] < scores[2] ? 0b100u : 0b001u));
  CHECK_THROWS_AS((void)pruner.choose(DropLowest{3}), ConfigError);
}

TEST_CASE("a sensitivity that is not finite is reported with its module") {
  Training training;
  for (std::size_t module = 0; module < 3; ++module) {
    Pruner<Model> pruner(training.model);
    std::vector<float> a(2 * 2, 0.5f), da(2 * 2, 1.0f);
    for (std::size_t i = 0; i < 3; ++i) {
      AttentionCall call;
      call.module = i, call.samples = 1, call.heads = 1, call.query_tokens = 2,
      call.memory_tokens = 2;
      da[3] = i == module ? std::numeric_limits<float>::infinity() : 1.0f;
      tests::tell(pruner.listener(0), call, a.data(), da.data());
    }
    const std::string text = message_of<NumericError>([&] { pruner.end_step(); });
    CHECK(text.find("module " + std::to_string(module)) != std::string::npos);
  }
}

TEST_CASE("the static and the dynamic form of a model are scored to the same bits") {
  const auto scores_of = [&]<class M>(std::type_identity<M>, typename M::Form shape,
                                      std::size_t workers) {
    Team team(workers);
    auto model = example::made<M>(shape, 5, 0.1);
    Trainer<M> trainer(model, {}, &team);
    Pruner<M> pruner(model, {}, 0);
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
                                       .kept = ModuleMask{mask}};  // 4 samples per micro-batch
    const auto one = scores_of(std::type_identity<Model>{}, {fixed}, 1);
    const auto two = scores_of(std::type_identity<Model>{}, {fixed}, 2);
    const auto in_type = scores_of(std::type_identity<ITransformer<float, Static<fixed>>>{}, {}, 2);
    CHECK(example::same_bits(one, in_type));  // bits: a pruned module's score is NaN
    CHECK(example::same_bits(one, two));
  };
  same(std::integral_constant<std::uint64_t, 0b111>{});
  same(std::integral_constant<std::uint64_t, 0b101>{});
}

TEST_CASE("a pruner of a static model prunes it into one of its types") {
  constexpr ITransformerConfig all = keeping(example::small, ModuleMask::all());
  using Fixed = ITransformer<float, Static<all>>;
  auto model = example::made<Fixed>();
  Trainer<Fixed> trainer(model, {});
  Pruner<Fixed> pruner(model, {}, 0);
  const example::RandomBatch<float> data(all, 6);
  trainer.step(data.batch, 1e-3, pruner);
  const ModuleMask chosen = pruner.choose(DropLowest{2});
  CHECK((chosen.bits & 0b111) == chosen.bits);
  CHECK(chosen.count() == 1);
  std::visit([&](const auto& smaller) { CHECK(smaller.form.kept() == chosen); },
             pruned(model, pruner.choose(DropLowest{2})));
}

TEST_CASE("a pruner's state comes back, and what is missing in it is an error") {
  Training training;
  Pruner<Model> pruner(training.model), resumed = pruner;
  training.epoch(pruner, 2), training.epoch(pruner, 2);
  resumed.restore(pruner.state());
  CHECK(resumed.state() == pruner.state());
  CHECK(resumed.scores() == pruner.scores());
  CHECK(resumed.trajectory() == pruner.trajectory());
  for (const char* name :
       {"epochs", "heard", "module.1", "trajectory.1", "errors.0", "steps", "step_ends"}) {
    auto state = pruner.state();
    state.erase(name);
    CHECK(message_of<ConfigError>([&] { resumed.restore(state); }) ==
          message("the state has no row \"", name, "\""));
  }
}

TEST_CASE(
    "a pruner keeps what each step of the latest epoch gave, and how sure the scores are of it") {
  Training training;
  Pruner<Model, Cosine<float>> pruner(training.model, Cosine<float>({.decay = 1}), 0);
  CHECK(pruner.step_scores().empty());
  CHECK_FALSE(pruner.spread());
  training.epoch(pruner, 2);
  const auto first = pruner.step_scores();
  training.epoch(pruner, 3);
  const auto steps = pruner.step_scores();
  REQUIRE((first.size() == 2 && steps.size() == 3 && steps[0].size() == 3));
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = 0;
    for (const auto* epoch : {&first, &steps})
      for (const auto& step : *epoch) sum += step[i];
    CHECK(pruner.scores()[i] ==
          Approx(sum / 5).epsilon(1e-12));  // a decay of 1: the mean of all steps
  }
  // The error is of the mean of all steps, as the score is.
  auto all = first;
  all.insert(all.end(), steps.begin(), steps.end());
  const ScoreSpread expected = bootstrap(all, 4), spread = pruner.spread(4).value();
  CHECK(spread.mean == expected.mean);
  CHECK(spread.standard_error == expected.standard_error);
  CHECK(spread.below == expected.below);
}

TEST_CASE("steps are divided by the bounds that scores are divided by") {
  struct Stepping : Bounded {
    [[nodiscard]] double step_score() const { return 6; }
  };
  Training training;
  Pruner<Model, Stepping> pruner(training.model, {}, 0);
  training.epoch(pruner, 2);
  CHECK(pruner.step_scores() == std::vector<std::vector<double>>(2, {6, 3, 2}));
}

TEST_CASE("a criterion without scores of steps gives no steps, by its own type or by name") {
  Training training;
  Pruner<Model, Magnitude<float>> own(training.model);
  Pruner<Model, AnyCriterion<float>> named(training.model, make_criterion<float>("magnitude"));
  training.epoch(own, 2), training.epoch(named, 2);
  CHECK(own.step_scores().empty());
  CHECK(named.step_scores().empty());
  CHECK_FALSE(own.spread());
  CHECK_FALSE(named.spread());
}

TEST_CASE(
    "restored, a pruner has the steps of its state, and forgets those of the training it had "
    "watched") {
  Training training;
  Pruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 4);
  const auto state = pruner.state();
  const auto steps = pruner.step_scores();
  training.epoch(pruner, 3);
  pruner.restore(state);
  CHECK(pruner.step_scores() == steps);
  CHECK(pruner.state() == state);
  training.epoch(pruner, 2);
  CHECK(pruner.step_scores().size() == 2);
}

TEST_CASE("what is no state of a pruner is refused, and the pruner stays as it was") {
  Training training;
  Pruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 4);
  const auto state = pruner.state();
  const auto refused = [&](const char* row, const std::vector<double>& numbers) {
    auto other = state;
    other[row] = numbers;
    INFO(row);
    // more epochs than rows: the row that is missing is named
    CHECK(message_of<ConfigError>([&] { pruner.restore(other); }).find("the state") !=
          std::string::npos);
    if (numbers.size() != 2 || numbers[0] != 2)
      CHECK(message_of<ConfigError>([&] {
              pruner.restore(other);
            }).starts_with(message("row \"", row, "\" of the state")));
    CHECK(pruner.state() == state);
  };
  const double nan = std::nan("");
  refused("epochs", {nan, 0}), refused("epochs", {-1, 0}), refused("epochs", {1e300, 0}),
      refused("epochs", {2, 0});
  refused("epochs", {1.5, 0}), refused("epochs", {1});
  refused("module.1", {1, 2}), refused("module.1", {}), refused("module.1", {1, nan, 1, 2}),
      refused("module.1", {1, 2, nan, 2});
  refused("module.1", {1, 2, 1, -2}), refused("module.1", {nan, 2, 1, 2});
  refused("steps", {1, 2}), refused("steps", {}), refused("trajectory.0", {1});
  refused("errors.0", {1}), refused("heard", {1, 1}), refused("step_ends", {1, 2});
}

TEST_CASE("modules that LayerDrop leaves out of a step are silent, and the step does not count") {
  for (const char* name : {"send", "cosine", "block_influence", "taylor2", "snip", "entropy"}) {
    INFO(name);
    const double decay = 0.9;
    const example::RandomBatch<float> data(example::small, 6);
    auto model = example::made<Model>({example::small});
    const TrainingOptions options{.seed = 3, .layer_drop = 0.4};
    Trainer<Model> trainer(model, options);
    Pruner<Model, AnyCriterion<float>> pruner(model, make_criterion<float>(name, {.decay = decay}),
                                              0);
    constexpr std::size_t steps = 12;
    for (std::size_t t = 0; t < steps; ++t) trainer.step(data.batch, 1e-3, pruner);
    pruner.end_epoch();
    const auto heard = pruner.step_scores();
    REQUIRE(heard.size() == steps);
    std::size_t silent = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      double average = 0, counted = 0;
      for (std::size_t t = 0; t < steps; ++t) {
        const Pass pass{.training = true, .seed = 3, .step = t + 1, .layer_drop = 0.4};
        const bool skips = pass.at(i).skips_module();
        CHECK(std::isnan(heard[t][i]) == skips);
        silent += skips;
        if (!skips) average = decay * average + (1 - decay) * heard[t][i], ++counted;
      }
      average /= 1 - std::pow(decay, counted);
      // Taylor-2 is the size of an average of signed steps.
      CHECK(
          pruner.scores()[i] ==
          Approx(std::string_view(name) == "taylor2" ? std::abs(average) : average).epsilon(1e-10));
    }
    CHECK((silent > 5 && silent < 30));
  }
}

TEMPLATE_TEST_CASE(
    "a block's influence is how far it turns its tokens, in each model by its own blocks", "",
    ITransformer<double>, OfficialPatchTST<double>, TimeXer<double>, Crossformer<double>) {
  typename TestType::Config config{};
  config.channels = 2, config.lookback = 19, config.horizon = 5, config.width = 6,
  config.ffn_width = 10;
  config.heads = 3, config.depth = 3;
  if constexpr (requires { config.patch; }) config.patch = 4;
  if constexpr (requires { config.segment; }) config.segment = 4;
  if constexpr (requires { config.marks; }) config.marks = 0;
  if constexpr (requires { config.targets; }) config.targets = 2;
  struct Recorder {
    std::vector<double> sums, rows;
    std::vector<std::vector<double>> outputs;  // by module
    std::size_t linked = 0;  // blocks whose tokens are those that the one before it made
    Recorder& listener(std::size_t) { return *this; }
    void hear(const BlockEvent<double>& event) {
      REQUIRE(
          (event.input.rows() == event.output.rows() && event.input.cols() == event.output.cols()));
      for (std::size_t r = 0; r < event.input.rows(); ++r) {
        double xx = 0, yy = 0, xy = 0;
        for (std::size_t c = 0; c < event.input.cols(); ++c) {
          const double x = event.input.row(r)[c], y = event.output.row(r)[c];
          xx += x * x, yy += y * y, xy += x * y;
        }
        sums[event.module] += 1 - xy / std::sqrt(xx * yy), ++rows[event.module];
      }
      const std::vector<double> input(event.input.flat().begin(), event.input.flat().end());
      linked += std::ranges::count(outputs, input) > 0;
      outputs.emplace_back(event.output.flat().begin(), event.output.flat().end());
    }
  };
  const auto model = example::made<TestType>({config}, 4, 0.1);
  const std::size_t modules = config.modules();
  const example::RandomBatch<double> data(config, 4);
  auto gradients = zeros_like(model);
  Recorder recorder{std::vector<double>(modules), std::vector<double>(modules), {}, 0};
  Pruner<TestType, BlockInfluence<double>> pruner(model, BlockInfluence<double>(), 0);
  TrainingStep<TestType> step;
  const Pass pass{.seed = 2, .step = 1};
  step(model, pass, data.batch, gradients, recorder);
  step(model, pass, data.batch, gradients, pruner);
  pruner.end_step();
  for (std::size_t i = 0; i < modules; ++i) {
    CHECK(recorder.rows[i] > 0);
    CHECK(pruner.scores()[i] == Approx(recorder.sums[i] / recorder.rows[i]).epsilon(1e-12));
    CHECK(pruner.scores()[i] > 1e-3);
  }
  if constexpr (std::is_same_v<TestType, Crossformer<double>>) {
    // Segments of two variates and four samples: 5, merged to 3 and 2; of the forecast 2.
    CHECK(recorder.rows == std::vector<double>{40, 40, 24, 24, 16, 16, 16, 16, 16, 16, 16, 16, 16,
                                               16, 16, 16, 16, 16});
  } else {
    const std::size_t of_block = modules / config.depth;
    CHECK(recorder.linked == modules - of_block);  // all but the first
  }
}

TEST_CASE("a pruned module is silent although its block reports events") {
  const auto model = example::made<Model>({keeping(example::small, ModuleMask{0b101})});
  auto watched = model;
  Trainer<Model> trainer(watched, {});
  Pruner<Model, BlockInfluence<float>> pruner(watched, BlockInfluence<float>(), 0);
  const example::RandomBatch<float> data(example::small, 6);
  for (int step = 0; step < 2; ++step) trainer.step(data.batch, 1e-3, pruner);
  for (const auto& step : pruner.step_scores())
    CHECK((std::isfinite(step[0]) && std::isnan(step[1]) && std::isfinite(step[2])));
  const auto dense = example::made<Model>({example::small});
  pruner.go_on_with(dense);
  CHECK(std::isnan(pruner.scores()[1]));
}

TEST_CASE("a pruner continues with a smaller model, and keeps the scores of its modules") {
  Training training;
  Pruner<Model> pruner(training.model, {}, 0);
  training.epoch(pruner, 3);
  const auto before = pruner.scores();
  auto fewer = pruned(training.model, {0b101});
  pruner.go_on_with(fewer);
  const auto between = pruner.scores();
  CHECK((between[0] == before[0] && std::isnan(between[1]) && between[2] == before[2]));
  Trainer<Model> trainer(fewer, {});
  trainer.step(training.data.batch, 1e-3, pruner);
  CHECK(pruner.scores()[0] != before[0]);
  pruner.go_on_with(training.model);
  CHECK(pruner.scores()[1] == before[1]);
}

TEST_CASE("criteria of weights look at the model as it is when they are asked") {
  Training training;
  Pruner<Model, Magnitude<float>> pruner(training.model);
  const auto by_hand = [&](std::size_t module) {
    double norms = 0, count = 0;
    for (const auto& parameter : parameters(training.model)) {
      const std::string attention = message("encoder.attn_layers.", module, ".attention.");
      if (!parameter.name.starts_with(attention) || !parameter.name.ends_with("weight")) continue;
      double squares = 0;
      for (const float value : parameter.values) squares += double(value) * double(value);
      norms += std::sqrt(squares), count += 12 * 12;
    }
    CHECK(count == 4 * 12 * 12);
    return norms / count;
  };
  for (int time = 0; time < 2; ++time) {
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(pruner.scores()[i] == Approx(by_hand(i)).epsilon(1e-6));
    training.model.encoder.blocks[1].attention.mixer->query_projection.weight.flat()[0] += 3;
  }
  Pruner<Model, DropLast<float>> control(training.model);
  CHECK(control.scores() == std::vector<double>{2, 1, 0});
  CHECK(control.choose(DropLowest{1}).bits == 0b011);
}

TEST_CASE(
    "criteria of losses hear what the loss becomes without each module, but for the last of the "
    "guard") {
  constexpr CrossformerConfig config{.channels = 2,
                                     .lookback = 8,
                                     .horizon = 4,
                                     .width = 4,
                                     .ffn_width = 4,
                                     .heads = 1,
                                     .depth = 1,
                                     .segment = 4,
                                     .routers = 1,
                                     .kept = ModuleMask{0b1001'1101}};  // 4 and 7 are guarded
  const auto asked_of = [](const Crossformer<float>& model, auto& pruner) {
    std::vector<std::uint64_t> asked;
    pruner.hear_losses([&](ModuleMask mask) {
      asked.push_back(mask.bits);
      return 10 - static_cast<double>(mask.bits) / 16;
    });
    CHECK(asked[0] == model.form.kept().bits);
    return asked;
  };
  const auto model = example::made<Crossformer<float>>({config});
  using TestedPruner = Pruner<Crossformer<float>, LeaveOneOut<float>>;
  TestedPruner pruner(model);
  CHECK(asked_of(model, pruner) == std::vector<std::uint64_t>{0b1001'1101, 0b1001'1100, 0b1001'1001,
                                                              0b1001'0101, 0b1000'1101,
                                                              0b0001'1101});
  const auto scores = pruner.scores();
  for (std::size_t i = 0; i < 8; ++i)
    if (config.kept.keeps(i))
      CHECK(scores[i] == Approx(std::pow(2.0, static_cast<double>(i)) / 16));
    else
      CHECK(std::isnan(scores[i]));
  CHECK(pruner.choose(DropLowest{3}).bits == 0b1001'0000);

  const auto one = example::made<Crossformer<float>>({keeping(config, {0b0001'0001})});
  TestedPruner of_one(one);
  CHECK(asked_of(one, of_one) == std::vector<std::uint64_t>{0b0001'0001, 0b0001'0000});
  CHECK(std::isnan(of_one.scores()[4]));
  CHECK(of_one.choose(DropLowest{1}).bits == 0b0001'0000);

  Pruner<Crossformer<float>> deaf(model);
  deaf.hear_losses([](ModuleMask) -> double { throw std::logic_error("nobody needs it"); });
  Pruner<Crossformer<float>, AnyCriterion<float>> named(model,
                                                        make_criterion<float>("leave_one_out"));
  asked_of(model, named);
  CHECK(example::same_bits(named.scores(), scores));
}

TEST_CASE("a pruner of a model that is gone, or of another one, is an error") {
  auto first = std::make_unique<Model>(example::made<Model>({example::small}));
  Pruner<Model> pruner(*first, {}, 0);
  const example::RandomBatch<float> data(example::small, 6);
  auto other = *first;
  Trainer<Model> trainer(other, {}), of_first(*first, {});
  CHECK(message_of<ConfigError>([&] { trainer.step(data.batch, 1e-3, pruner); }) ==
        "the Pruner of this training observes another model");
  of_first.step(data.batch, 1e-3, pruner);
  const Measures measures = [&] {
    static const example::SyntheticWindows<float> windows(example::small, 4);
    return measures_of(*first, windows.training, windows.validation);
  }();
  const Model moved = std::move(*first);
  for (int round = 0; round < 2; ++round) {  // moved from, then destroyed
    const std::string gone = "is gone: it was destroyed, moved from or moved into";
    CHECK(message_of<ConfigError>([&] { (void)pruner.scores(); }).find(gone) != std::string::npos);
    CHECK_THROWS_AS((void)pruner.choose(DropLowest{1}), ConfigError);
    CHECK_THROWS_AS((void)measures.macs(ModuleMask{1}), ConfigError);
    CHECK(message_of<ConfigError>([&] { of_first.step(data.batch, 1e-3, pruner); }).find(gone) !=
          std::string::npos);
    first.reset();
  }
  pruner.go_on_with(moved);
  CHECK(pruner.scores().size() == 3);
}

TEST_CASE("masks of modules that the model does not have are errors") {
  const auto model = example::made<Model>({example::small});
  CHECK_THROWS_WITH((void)pruned(model, ModuleMask{0b1000}),
                    "a mask names module 3, the model has 3 modules, from 0 on");
  CHECK(pruned(model, ModuleMask::all().without(1)).form.kept() == ModuleMask{0b101});
  CHECK_THROWS_AS(Model({keeping(example::small, ModuleMask{0b1001})}), ConfigError);
}

}  // namespace pruner_tests
