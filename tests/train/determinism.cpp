// The same seed gives the same bytes: on any number of workers, every time, and after a resume.
// Also the errors of damaged and foreign state files.
#include <spat/models/checkpoint.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace determinism_tests {

using namespace spat;

namespace {

/// A batch of 32 in two waves of unequal micro-batches; the last batch in one wave.
constexpr ITransformerConfig blocks{.channels = 7,
                                    .marks = 4,
                                    .lookback = 24,
                                    .horizon = 8,
                                    .width = 16,
                                    .ffn_width = 1024,
                                    .heads = 2,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
/// Every batch is one micro-batch, divided among workers inside the layers.
constexpr ITransformerConfig layers{.channels = 7,
                                    .marks = 4,
                                    .lookback = 48,
                                    .horizon = 8,
                                    .width = 64,
                                    .ffn_width = 64,
                                    .heads = 4,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
constexpr std::size_t stride = 16;
using Model = ITransformer<float>;
using TestedPruner = Pruner<Model>;

struct Bytes {
  std::string model, state;
  std::vector<std::vector<double>> trajectory;
};

TrainingOptions options_of(const ITransformerConfig& config) {
  return {.epochs = 3,
          .batch_size = config == blocks ? 32u : 4u,
          .rate = 1e-3,
          .seed = 7,
          .clip_norm = 0.5};
}

Bytes bytes_of(Model& model, Trainer<Model>& trainer, const TestedPruner& pruner) {
  const TemporaryFolder folder;
  save_training(folder / "state", trainer, pruner);
  trainer.take_best();
  save_model(folder / "model", model);
  return {content_of(folder / "model"), content_of(folder / "state"), pruner.trajectory()};
}

/// A whole training. If `stop` is not 0, it is stopped after that many epochs and resumed with
/// everything built anew.
Bytes trained(const ITransformerConfig& config, std::size_t workers,
              const CriterionOptions& send = {}, std::size_t stop = 0, std::uint64_t seed = 7) {
  const example::SyntheticWindows<float> windows(config, stride);
  auto options = options_of(config);
  options.seed = seed;
  const TemporaryFolder folder;
  if (stop > 0) {
    Team team(workers);
    auto model = example::made<Model>({config}, seed, 0.1);
    TestedPruner pruner(model, Send<float>(send));
    Trainer<Model> trainer(model, options, &team);
    for (std::size_t epoch = 0; epoch < stop; ++epoch)
      trainer.run_epoch(windows.training, windows.validation, pruner);
    save_training(folder / "state", trainer, pruner);
  }
  Team team(workers);
  // A resumed training takes its weights from the file.
  auto model = example::made<Model>({config}, stop > 0 ? 999 : seed, 0.1);
  TestedPruner pruner(model, Send<float>(send));
  Trainer<Model> trainer(model, options, workers > 0 ? &team : nullptr);
  if (stop > 0) restore_training(folder / "state", trainer, pruner);
  while (trainer.unfinished()) trainer.run_epoch(windows.training, windows.validation, pruner);
  return bytes_of(model, trainer, pruner);
}

bool same(const Bytes& a, const Bytes& b) {
  return a.model == b.model && a.state == b.state && a.trajectory == b.trajectory;
}

}  // namespace

TEST_CASE("1, 2 and 3 workers train the same bytes") {
  for (const ITransformerConfig& config : {blocks, layers}) {
    INFO((config == blocks ? "blocks over workers" : "layers over workers"));
    const Bytes one = trained(config, 1);
    CHECK(one.model.size() > 1000);
    CHECK(one.trajectory.size() == 3);
    CHECK(same(trained(config, 0), one));
    CHECK(same(trained(config, 2), one));
    CHECK(same(trained(config, 3), one));
    CHECK(same(trained(config, 2), one));  // again
  }
}

TEST_CASE("a training that was stopped and resumed has the bytes of one that was not") {
  for (const SendDynamics dynamics : {SendDynamics::step_average, SendDynamics::epoch})
    for (const std::size_t stop : {1u, 2u}) {
      const CriterionOptions send{.dynamics = dynamics};
      const Bytes whole = trained(layers, 2, send), resumed = trained(layers, 2, send, stop);
      CHECK(whole.model == resumed.model);
      CHECK(whole.state == resumed.state);
      CHECK(whole.trajectory == resumed.trajectory);
    }
  CHECK(same(trained(blocks, 2, {}, 1), trained(blocks, 1)));
}

TEST_CASE("another seed trains other bytes, and the criterion leaves the training alone") {
  const Bytes one = trained(layers, 1), seeded = trained(layers, 1, {}, 0, 8);
  CHECK(seeded.model != one.model);
  CHECK(seeded.trajectory != one.trajectory);
  CHECK(trained(layers, 1, {.variant = SendVariant::absolute_mean}).model == one.model);
}

namespace {

/// Saves a training after one epoch; restore() reads the file into another one.
struct Saved {
  const example::SyntheticWindows<float> windows{layers, stride};
  const TemporaryFolder folder;
  std::string path = folder / "state.safetensors";

  explicit Saved(std::size_t epochs = 1) {
    auto model = example::made<Model>({layers}, 7, 0.1);
    TestedPruner pruner(model);
    Trainer<Model> trainer(model, options_of(layers));
    for (std::size_t epoch = 0; epoch < epochs; ++epoch)
      trainer.run_epoch(windows.training, windows.validation, pruner);
    save_training(path, trainer, pruner);
  }

  void restore(const TrainingOptions& options = options_of(layers),
               const ITransformerConfig& config = layers, double dropout = 0.1) const {
    auto model = example::made<Model>({config}, 7, dropout);
    TestedPruner pruner(model);
    Trainer<Model> trainer(model, options);
    restore_training(path, trainer, pruner);
  }
};

}  // namespace

TEST_CASE("a training is not resumed with other options") {
  const Saved saved;
  CHECK_NOTHROW(saved.restore());
  const auto refused = [&](const char* option, const auto& change) {
    auto options = options_of(layers);
    change(options);
    const std::string text = message_of<ConfigError>([&] { saved.restore(options); });
    INFO(option << ": " << text);
    CHECK(contains(text, std::string("another ") + option + " "));
    CHECK(contains(text, saved.path));
  };
  refused("seed", [](auto& options) { ++options.seed; });
  refused("batch_size", [](auto& options) { options.batch_size = 5; });
  refused("epochs", [](auto& options) { options.epochs = 4; });
  refused("schedule", [](auto& options) { options.schedule = RateSchedule::cosine; });
  refused("drop_last", [](auto& options) { options.drop_last = true; });
  refused("patience", [](auto& options) { options.patience = 1; });
  refused("rate", [](auto& options) { options.rate *= 1.0000001; });
  refused("clip_norm", [](auto& options) { options.clip_norm = 0; });
  CHECK(contains(message_of<ConfigError>([&] { saved.restore(options_of(layers), layers, 0.2); }),
                 "dropout"));
}

TEST_CASE("the state of another model is refused") {
  const Saved saved;
  auto wider = layers;
  wider.ffn_width = 65;
  const std::string text =
      message_of<ShapeError>([&] { saved.restore(options_of(layers), wider); });
  CHECK(contains(text, "conv1"));
  auto deeper = layers;
  deeper.depth = 3, deeper.kept = ModuleMask{0b111};
  CHECK_THROWS_AS(saved.restore(options_of(layers), deeper), Error);
  CHECK_THROWS_AS(saved.restore(options_of(layers), keeping(layers, ModuleMask{0b01})), ShapeError);
  auto other = layers;  // of the same tensors
  other.heads *= 2;
  CHECK(contains(message_of<ConfigError>([&] { saved.restore(options_of(layers), other); }),
                 "another heads "));
  other = layers, other.instance_norm = !layers.instance_norm;
  CHECK(contains(message_of<ConfigError>([&] { saved.restore(options_of(layers), other); }),
                 "another instance_norm "));
}

TEST_CASE("a state file that is damaged is refused") {
  const Saved saved;
  const std::string whole = content_of(saved.path);
  const auto refused = [&](const std::string& bytes) {
    (void)saved.folder.put("state.safetensors", bytes);
    CHECK_THROWS_AS(saved.restore(), Error);
  };
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1})
    refused(whole.substr(0, size));
  refused(whole + "x");
  const auto renamed = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    const std::size_t at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    return bytes.replace(at, from.size(), to);
  };
  refused(renamed("spat.training", "spat.trainimg"));
  refused(renamed("weight.encoder", "weighx.encoder"));
  refused(renamed("second.projection.bias", "second.projection.bios"));
  refused(renamed("\"history\"", "\"histery\""));
  refused(renamed("observer.epochs", "observer.epachs"));
  refused(renamed("observer.module.1", "observer.module.7"));
  refused(renamed("observer.trajectory.0", "observer.trajectory.1"));
  refused(renamed("best_loss", "best_lass"));
  (void)saved.folder.put("state.safetensors", whole);
  CHECK_NOTHROW(saved.restore());
}

TEST_CASE("a state without an observer's part cannot resume one with it") {
  const Saved saved;
  auto model = example::made<Model>({layers}, 7, 0.1);
  Trainer<Model> trainer(model, options_of(layers));
  NoObserver nobody;
  CHECK_NOTHROW(restore_training(saved.path, trainer, nobody));
  save_training(saved.path, trainer, nobody);
  CHECK(contains(message_of<FileError>([&] { saved.restore(); }), "observer"));
}

TEST_CASE("a start that counts as epoch 0 still does after a resume") {
  const Saved saved;
  auto model = example::made<Model>({layers}, 7, 0.1);
  NoObserver nobody;
  double best = 0;
  {
    Trainer<Model> trainer(model, options_of(layers));
    trainer.consider_start(saved.windows.training, saved.windows.validation);
    best = trainer.stopping().best;
    save_training(saved.path, trainer, nobody);
  }
  Trainer<Model> trainer(model, options_of(layers));
  CHECK(std::isinf(trainer.stopping().best));
  restore_training(saved.path, trainer, nobody);
  CHECK(trainer.stopping().best == best);
  CHECK(trainer.history().empty());
}

TEST_CASE("a patience that has begun to run out is as far gone after a resume") {
  const Saved saved;
  auto options = options_of(layers);
  options.patience = 2, options.rate = 0.3, options.schedule = RateSchedule::constant;
  auto model = example::made<Model>({layers}, 7, 0.1), resumed_model = model;
  NoObserver nobody;
  Trainer<Model> trainer(model, options), resumed(resumed_model, options);
  trainer.consider_start(saved.windows.training, saved.windows.validation);
  trainer.run_epoch(saved.windows.training, saved.windows.validation, nobody);
  REQUIRE(trainer.stopping().worse == 1);
  save_training(saved.path, trainer, nobody);
  restore_training(saved.path, resumed, nobody);
  CHECK(resumed.stopping().worse == 1);
  resumed.run_epoch(saved.windows.training, saved.windows.validation, nobody);
  CHECK(resumed.history().size() == 2);
  CHECK_FALSE(resumed.unfinished());  // two of three epochs
}

}  // namespace determinism_tests
