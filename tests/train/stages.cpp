// A batch whose micro-batches share batch statistics gives the same bytes on any number of workers,
// and the result of one big micro-batch.
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/batch_statistics.hpp>

#include <tests/prune/tiny.hpp>
#include <tests/support/catch.hpp>

namespace stages_tests {

using namespace spat;

namespace {

/// Eight micro-batches of four and three samples.
constexpr std::size_t samples = 27;
template <class Config>
constexpr Config blocks{.channels = 3,
                        .lookback = 13,
                        .horizon = 5,
                        .width = 12,
                        .ffn_width = 700,
                        .heads = 3,
                        .depth = 2,
                        .patch = 4,
                        .stride = 2,
                        .kept = ModuleMask{0b11}};

/// The results of a step.
template <class Model>
struct Outcome {
  double loss;
  Model gradients, committed;
  std::vector<double> scores;
};

template <class Model>
Outcome<Model> step(const Model& model, const WindowBatch<typename Model::Value>& batch,
                    std::size_t workers) {
  Team team(std::max<std::size_t>(workers, 1));
  TrainingStep<Model> training(workers ? &team : nullptr);
  Outcome<Model> outcome{0, zeros_like(model), model, {}};
  Pruner<Model> pruner(model);
  outcome.loss = training(model, Pass{.seed = 5, .step = 2}, batch, outcome.gradients, pruner);
  pruner.end_step(workers ? &team : nullptr);
  outcome.scores = pruner.scores();
  training.commit(outcome.committed, 0.1);
  return outcome;
}

template <template <class, class> class ModelOf, class Config>
void check_workers() {
  using Model = ModelOf<float, Dynamic<Config>>;
  auto model = example::made<Model>({blocks<Config>}, 3, 0.2);
  const example::RandomBatch<float> data(blocks<Config>, samples);
  REQUIRE(MicrobatchPlan(samples, model.activation_size(3), true).microbatches == 8);
  const auto alone = step(model, data.batch, 0);
  CHECK_FALSE(example::same_parameters(alone.committed, model));
  for (const double score : alone.scores) CHECK(std::isfinite(score));
  for (const std::size_t workers : {1u, 2u, 3u}) {
    INFO(Model::name << ", workers " << workers);
    const auto shared = step(model, data.batch, workers);
    CHECK(shared.loss == alone.loss);
    CHECK(shared.scores == alone.scores);
    CHECK(example::same_parameters(shared.gradients, alone.gradients));
    CHECK(example::same_parameters(shared.committed, alone.committed));
  }
}

/// Compares a step in eight micro-batches with forward and backward of the batch as one.
template <template <class, class> class ModelOf, class Config>
void check_one_block() {
  using Model = ModelOf<double, Dynamic<Config>>;
  for (const double dropout : {0.0, 0.3}) {
    auto model = example::made<Model>({blocks<Config>}, 3, dropout);
    const example::RandomBatch<double> data(blocks<Config>, samples);
    const auto in_blocks = step(model, data.batch, 0);

    typename Model::Cache cache;
    model.prepare(cache, Purpose::training, samples, data.batch.channels());
    const Pass pass{.training = true, .seed = 5, .step = 2};
    const auto y = model.forward(pass, data.batch, cache);
    Tensor<double> dy(y.rows(), y.cols());
    const auto size = static_cast<double>(y.size());
    const double loss = squared_error<double>(y, data.batch.target, size, dy.view()) / size;
    Model gradients = zeros_like(model);
    backward_pass(model, pass, dy, cache, gradients);
    model.commit(cache, 0.1);

    INFO(Model::name << ", dropout " << dropout);
    CHECK(in_blocks.loss == Approx(loss).epsilon(1e-13));
    const auto compare = [](const Model& found, const Model& expected) {
      const auto left = parameters(found), right = parameters(expected);
      for (std::size_t i = 0; i < right.size(); ++i) {
        INFO(right[i].name);
        double worst = 0;
        for (std::size_t j = 0; j < right[i].values.size(); ++j)
          worst = std::max(worst, std::abs(left[i].values[j] - right[i].values[j]));
        CHECK(worst < 1e-12);
      }
    };
    compare(in_blocks.gradients, gradients);
    compare(in_blocks.committed, model);
  }
}

}  // namespace

TEST_CASE(
    "a step in stages gives the same bytes on 1, 2 and 3 workers, scores and running statistics "
    "included") {
  check_workers<PatchTST, PatchTSTConfig>();
  check_workers<OfficialPatchTST, OfficialPatchTSTConfig>();
}

TEST_CASE(
    "a step in stages has the loss, gradients and statistics of one big block but for rounding") {
  check_one_block<PatchTST, PatchTSTConfig>();
  check_one_block<OfficialPatchTST, OfficialPatchTSTConfig>();
}

TEST_CASE("re-estimated statistics are the plain mean over batches, whatever they were before") {
  using Model = PatchTST<double>;
  constexpr std::size_t batches = 3, batch_size = 8;
  constexpr PatchTSTConfig config = example::tiny_patches(2);
  const example::SyntheticWindows<double> windows(config, 16);
  const auto before = example::made<Model>({config});
  auto model = before;
  reestimate_statistics(model, windows.training, 9, nullptr, batches, batch_size);

  // A commit of weight 1 leaves the statistics of one batch.
  std::vector<std::vector<double>> means(parameters(before).size());
  const auto order = shuffled_indices(windows.training.size(), 9, 0);
  WindowBuffer<double> buffer;
  for (std::size_t b = 0; b < batches; ++b) {
    auto one = before;
    TrainingStep<Model> step;
    step.observe(
        one, Pass{.seed = 9, .step = b + 1},
        windows.training.gather(std::span(order).subspan(b * batch_size, batch_size), buffer));
    step.commit(one, 1);
    const auto list = parameters(one);
    for (std::size_t p = 0; p < list.size(); ++p) {
      means[p].resize(list[p].values.size());
      for (std::size_t i = 0; i < means[p].size(); ++i)
        means[p][i] += list[p].values[i] / static_cast<double>(batches);
    }
  }
  const auto list = parameters(model);
  std::size_t statistics = 0;
  for (std::size_t p = 0; p < list.size(); ++p) {
    if (list[p].kind != ParameterKind::buffer) continue;
    INFO(list[p].name);
    ++statistics;
    for (std::size_t i = 0; i < means[p].size(); ++i)
      CHECK(list[p].values[i] == Approx(means[p][i]).epsilon(1e-12));
  }
  CHECK(statistics > 0);
}

}  // namespace stages_tests
