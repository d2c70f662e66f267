// Scoring a trained model gives the scores of a training that learns nothing. A model without a
// backward pass is scored by its forward passes.
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/prune/score_windows.hpp>
#include <spat/train/trainer.hpp>

#include <tests/prune/tiny.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace score_windows_tests {

using namespace spat;

namespace {

constexpr ITransformerConfig config = keeping(example::tiny, ModuleMask{0b101});
constexpr PatchTSTConfig patches = example::tiny_patches(2);

/// A user's model without a backward pass.
struct ForwardOnly {
  using Inner = ITransformer<float>;
  using Value = float;
  using Form = Inner::Form;
  using Cache = Inner::Cache;

  explicit ForwardOnly(Form own) : form(own), inner(own) {}
  Form form;
  Inner inner;

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    inner.prepare(cache, purpose, samples, channels);
  }
  template <class PassType>
  Rows<const float> forward(const PassType& pass, const WindowBatch<float>& batch,
                            Cache& cache) const {
    return inner.forward(pass, batch, cache);
  }
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return inner.multiply_adds(channels);
  }
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const {
    return inner.target_channels(channels);
  }
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return inner.activation_size(channels);
  }
  [[nodiscard]] std::string module_name(std::size_t i) const { return inner.module_name(i); }
  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Inner::for_each(self.inner, prefix, list);
  }
};
static_assert(Prunable<ForwardOnly> && !Forecaster<ForwardOnly>);

template <class Model>
auto listening(const Model& model, const char* criterion) {
  return Pruner<Model, AnyCriterion<float>>(model, make_criterion<float>(criterion));
}

/// The same bits in scores, steps and trajectory.
template <class A, class B>
void check_same(const A& a, const B& b) {
  CHECK(example::same_bits(a.scores(), b.scores()));
  const auto steps = a.step_scores(), others = b.step_scores();
  REQUIRE(steps.size() == others.size());
  for (std::size_t t = 0; t < steps.size(); ++t) CHECK(example::same_bits(steps[t], others[t]));
  CHECK(a.trajectory().size() == b.trajectory().size());
}

}  // namespace

TEMPLATE_TEST_CASE("windows are scored as by an epoch of a training that learns nothing", "",
                   ITransformer<float>, PatchTST<float>) {
  const auto own = [] {
    if constexpr (BatchNormalized<TestType>)
      return patches;
    else
      return config;
  }();
  const example::SyntheticWindows<float> windows(own, 6);
  const ScoringOptions options{.batches = 5, .batch_size = 16, .seed = 9};
  const auto model = example::made<TestType>({own}, 3, 0.1);
  for (const char* criterion : {"send", "block_influence", "magnitude"}) {
    INFO(criterion);
    auto pruner = listening(model, criterion);
    score_windows(model, windows.training, pruner, options);

    auto copy = model;
    auto watching = listening(copy, criterion);
    Trainer<TestType> trainer(copy, {.seed = 9});
    const auto order = shuffled_indices(windows.training.size(), 9, 0);
    WindowBuffer<float> buffer;
    for (std::size_t b = 0; b < 5; ++b)
      trainer.step(windows.training.gather(std::span(order).subspan(b * 16, 16), buffer), 0,
                   watching);
    watching.end_epoch();
    check_same(pruner, watching);
    CHECK(pruner.step_scores().size() == (std::string_view(criterion) == "magnitude" ? 0 : 5));

    for (const std::size_t workers : {1u, 3u}) {
      Team team(workers);
      auto shared = listening(model, criterion);
      score_windows(model, windows.training, shared, options, &team);
      check_same(pruner, shared);
    }
  }
}

TEST_CASE("no window is scored twice, and a batch is no larger than the windows") {
  const example::SyntheticWindows<float> windows(config, 6);
  const auto model = example::made<ITransformer<float>>({config});
  const std::size_t count = windows.training.size();
  REQUIRE(count % 16 != 0);
  const auto batches = [&](const ScoringOptions& options) {
    Pruner<ITransformer<float>> pruner(model);
    score_windows(model, windows.training, pruner, options);
    return pruner.step_scores().size();
  };
  CHECK(batches({.batches = 1000, .batch_size = 16}) == count / 16);
  CHECK(batches({.batches = 2, .batch_size = 16}) == 2);
  CHECK(batches({.batches = 7, .batch_size = count + 1}) == 1);
  for (const ScoringOptions& none : {ScoringOptions{.batches = 0}, ScoringOptions{.batch_size = 0}})
    CHECK(message_of<ConfigError>([&] { (void)batches(none); }) ==
          "scoring needs at least one batch of at least one window");
}

TEST_CASE("what was scored twice is two epochs, and the first one is the warm-up") {
  const example::SyntheticWindows<float> windows(config, 6);
  const auto model = example::made<ITransformer<float>>({config});
  Pruner<ITransformer<float>> twice(model), once(model);
  score_windows(model, windows.training, twice, {.batches = 3, .seed = 1});
  score_windows(model, windows.training, twice, {.batches = 3, .seed = 2});
  score_windows(model, windows.training, once, {.batches = 3, .seed = 2});
  CHECK(twice.trajectory().size() == 2);
  CHECK(example::same_bits(twice.scores(), once.scores()));
}

TEST_CASE("a model that can only be evaluated is scored by its forward passes") {
  const example::SyntheticWindows<float> windows(config, 6);
  ForwardOnly model({config});
  model.inner = example::made<ITransformer<float>>({config}, 3, 0.1);
  const ScoringOptions options{.batches = 4, .batch_size = 16};
  REQUIRE(MicrobatchPlan(16, model.activation_size(7)).microbatches ==
          1);  // otherwise sums have another order
  for (const char* criterion : {"cosine", "block_influence", "magnitude", "random"}) {
    INFO(criterion);
    auto pruner = listening(model, criterion);
    auto learner = listening(model.inner, criterion);
    score_windows(model, windows.training, pruner, options);
    score_windows(model.inner, windows.training, learner, options);
    check_same(pruner, learner);
    CHECK((std::isfinite(pruner.scores()[0]) && std::isnan(pruner.scores()[1])));
  }
  Pruner<ForwardOnly, Cosine<float>> pruner(model);  // whose type states its needs
  score_windows(model, windows.training, pruner, options);
  CHECK(example::same_bits(pruner.scores(), [&] {
    auto any = listening(model, "cosine");
    score_windows(model, windows.training, any, options);
    return any.scores();
  }()));
}

TEST_CASE("a criterion that needs gradients does not score a model without a backward pass") {
  const example::SyntheticWindows<float> windows(config, 6);
  const ForwardOnly model({config});
  const auto refuses = [&](auto&& pruner) {
    CHECK(message_of<ConfigError>([&] {
            score_windows(model, windows.training, pruner);
          }).starts_with("this criterion needs gradients, and the model has no backward pass"));
    CHECK(pruner.trajectory().empty());
  };
  for (const CriterionInfo& info : criterion_infos())
    if (info.gradients) refuses(listening(model, info.name));
  refuses(Pruner<ForwardOnly>(model));
  refuses(Pruner<ForwardOnly, FisherGate<float>>(model));
}

}  // namespace score_windows_tests
