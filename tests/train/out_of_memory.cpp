// Every allocation of a job fails once: the error reaches the caller, nothing leaks, files stay
// whole, and what the caller holds can be used again.
#include <spat/data/read_series.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/prune/surgery.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/example.hpp>
#include <tests/support/allocations.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/temporary.hpp>

#include <sstream>

namespace out_of_memory_tests {

using namespace spat;

namespace {

using Model = ITransformer<float>;
constexpr ITransformerConfig config{.channels = 2,
                                    .lookback = 8,
                                    .horizon = 3,
                                    .width = 8,
                                    .ffn_width = 1024,  // several micro-batches
                                    .heads = 2,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};

/// Calls action() with the first allocation failing, then with the second, and so on until it
/// succeeds. After each failure calls after(), and checks that nothing is left. Returns the
/// number of failures.
template <class Action, class After>
std::size_t fail_everywhere(Action&& action, After&& after) {
  {  // what Catch allocates once
    INFO("no failure yet");
    CHECK(true);
    after();
  }
  for (std::size_t n = 1;; ++n) {
    const std::ptrdiff_t before = tests::living;
    bool failed = false;
    tests::calls_to_failure = n;
    try {
      action();
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const Error&) {  // of a stream, which turns a bad_alloc into a state
      failed = true;
    }
    const bool reached = tests::calls_to_failure == 0;
    tests::calls_to_failure = 0;
    if (!reached) {
      CHECK(!failed);
      return n - 1;
    }
    if (failed) {
      INFO("allocation " << n);
      after();
      const std::ptrdiff_t leaked = tests::living - before;
      CHECK(leaked == 0);
    }
  }
}
template <class Action>
std::size_t fail_everywhere(Action&& action) {
  return fail_everywhere(action, [] {});
}

}  // namespace

TEST_CASE("a model that cannot be loaded or saved for want of memory leaves files and memory") {
  const TemporaryFolder folder;
  const auto model = example::made<Model>({config}), other = example::made<Model>({config}, 9);
  save_model(folder / "model", model);
  const std::string old = content_of(folder / "model");
  CHECK(fail_everywhere([&] { (void)load_model<Model>(folder / "model"); }) > 50);
  CHECK(fail_everywhere([&] { save_model(folder / "model", other); },
                        [&] {
                          CHECK(content_of(folder / "model") == old);
                          CHECK(folder.files() == 1);
                        }) > 50);
  CHECK(example::same_parameters(load_model<Model>(folder / "model"), other));
}

TEST_CASE("a forecast that has no memory can be asked for again") {
  const auto model = example::made<Model>({config});
  const example::RandomBatch<float> data(config, 20);
  Predictor reference(model);
  const auto y = reference.forecast(data.batch);
  CHECK(fail_everywhere([&] {
          Team team(2);
          Predictor predictor(model, &team);
          (void)predictor.forecast(data.batch);
        }) > 20);
  std::optional<Predictor<Model>> predictor;
  (void)fail_everywhere(
      [&] {
        predictor.emplace(reference);
        (void)predictor->forecast(data.batch);
        predictor.reset();
      },
      [&] {
        if (predictor) CHECK(example::same_bits(predictor->forecast(data.batch).flat(), y.flat()));
        predictor.reset();
      });
}

TEST_CASE("a training step that has no memory changes no weight, and can be made again") {
  const example::RandomBatch<float> data(config, 20);
  const auto fresh = example::made<Model>({config}, 1, 0.1);
  NoObserver nobody;
  auto expected = fresh;
  Trainer<Model>(expected, {}).step(data.batch, 1e-2, nobody);
  std::optional<Model> model;
  std::optional<Trainer<Model>> trainer;
  CHECK(fail_everywhere(
            [&] {
              model.emplace(fresh);
              trainer.emplace(*model, TrainingOptions{});
              (void)trainer->step(data.batch, 1e-2, nobody);
              trainer.reset();
              model.reset();
            },
            [&] {
              if (trainer) {
                CHECK(example::same_parameters(*model, fresh));
                (void)trainer->step(data.batch, 1e-2, nobody);
                CHECK(example::same_parameters(*model, expected));
              }
              trainer.reset();
              model.reset();
            }) > 100);
}

TEST_CASE("epochs, scores, pruning and states that have no memory leak nothing") {
  constexpr ITransformerConfig tiny{.channels = 7,
                                    .lookback = 12,
                                    .horizon = 3,
                                    .width = 4,
                                    .ffn_width = 4,
                                    .heads = 2,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
  const example::SyntheticWindows<float> windows(tiny, 60);
  const TemporaryFolder folder;
  CHECK(fail_everywhere([&] {
          auto model = example::made<Model>({tiny});
          Trainer<Model> trainer(model, {.epochs = 1, .batch_size = 64});
          Pruner<Model> pruner(model, {}, 0);
          trainer.fit(windows.training, windows.validation, pruner);
          save_training(folder / "state", trainer, pruner);
          restore_training(folder / "state", trainer, pruner);
          (void)pruned(model, pruner.choose(DropLowest{1}));
        }) > 200);
  CHECK(folder.files() == 1);
}

TEST_CASE("a series that has no memory leaks nothing") {
  const std::string text = "date,a,b\n2020-01-01,1,2\n2020-01-02,3,4\n2020-01-03,5,6\n";
  CHECK(fail_everywhere([&] {
          std::istringstream stream(text);
          const Series series = read_series(stream, "memory");
          if (series.rows() != 3) throw std::bad_alloc();  // a stream that hid its failure
        }) > 10);
}

}  // namespace out_of_memory_tests
