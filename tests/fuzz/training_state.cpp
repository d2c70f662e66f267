// libFuzzer: whatever the bytes, the state of a training is refused with one of our errors and
// changes nothing, or it is the state that the trainer then has.
#include <spat/autograd/initialize.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_state.hpp>

#include <tests/fuzz/fuzz.hpp>

#include <memory>

namespace {

using namespace spat;
/// A trainer of a model with few tensors, a pruner of one with two modules, and the state of both.
struct Training {
  RLinear<float> model =
      made<RLinear<float>>(RLinearConfig{.channels = 2, .lookback = 3, .horizon = 2});
  ITransformer<float> scored = made<ITransformer<float>>(ITransformerConfig{
      .channels = 2, .lookback = 3, .horizon = 2, .width = 2, .ffn_width = 1, .heads = 1});
  Pruner<ITransformer<float>> pruner{scored};
  Trainer<RLinear<float>> trainer{model, {.epochs = 3, .averaging = {.kind = Averaging::ema}}};

  template <class Model>
  static Model made(const typename Model::Config& config) {
    Model fresh({config});
    initialize(parameters(fresh), 3);
    return fresh;
  }
  [[nodiscard]] std::string state() {
    return detail::training_writer(trainer, pruner, "fuzz").to_bytes();
  }
  void restore(const std::string& bytes) {
    restore_training(SafetensorsFile::from_bytes(bytes, "fuzz.safetensors"), trainer, pruner,
                     "fuzz");
  }
};

/// The state after one epoch of two steps, with scores.
const std::string& sample() {
  static const std::string bytes = [] {
    Training training;
    const auto parts = training.trainer.parts();
    parts.optimizer.set_steps(2);
    parts.average.set_steps(1);
    parts.stopping.improves(1, 0.5);
    parts.history.push_back({1, 1e-3, 0.75, 0.5, 0.5, 0.25, 0, true});
    Trainer<ITransformer<float>> listened(training.scored, {});
    const std::vector<float> history(4 * 3 * 2, 0.5f), target(4 * 2 * 2, 0.25f);
    for (int step = 0; step < 2; ++step)
      (void)listened.step({.samples = 4,
                           .lookback = 3,
                           .horizon = 2,
                           .history = {history.data(), 4 * 3, 2},
                           .target = {target.data(), 4 * 2, 2}},
                          1e-3, training.pruner);
    training.pruner.end_epoch();
    return training.state();
  }();
  return bytes;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned int random) {
  return fuzz::mutate_safetensors(data, size, most, random, 0,
                                  [](std::uint32_t) { return sample(); });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Training training, other;
  static const std::string start = training.state();
  if (!fuzz::succeeds([&] { training.restore(fuzz::text_of(data, size)); })) {
    fuzz::expect(training.state() == start);
    return 0;
  }
  const std::string state = training.state();
  other.restore(state);
  fuzz::expect(other.state() == state);
  (void)training.pruner.scores();
  (void)training.pruner.step_scores();
  training.restore(start);
  return 0;
}
