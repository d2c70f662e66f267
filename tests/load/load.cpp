// Forecasts at full speed on all cores while newer models are put into service and another one is
// trained: every forecast is that of one of the models, and memory stays what it was.
//
//     load SECONDS [GROWTH]
//
// GROWTH bounds the resident memory at most, in those of a quarter of the time. Not given, memory
// is not judged: the sanitizers keep what is freed.
#include <spat/models/itransformer.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/prune/surgery.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/example.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace {

using namespace spat;
using Model = ITransformer<float>;
constexpr ITransformerConfig config{.channels = 7,
                                    .lookback = 48,
                                    .horizon = 12,
                                    .width = 32,
                                    .ffn_width = 64,
                                    .heads = 4,
                                    .depth = 3,
                                    .kept = ModuleMask{0b111}};

/// Resident memory in MiB.
double resident() {
  std::size_t pages = 0, ignored = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &ignored, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * 4096 / (1 << 20);
}

/// The predictor in service, with the number of its model.
class Service {
 public:
  explicit Service(const Predictor<Model>& first) : predictor_(first) {}
  void put(const Predictor<Model>& predictor, std::size_t model) {
    const std::lock_guard lock(mutex_);
    predictor_ = predictor;
    model_ = model;
  }
  /// Replaces `mine` if another model is in service than `known`.
  void renew(Predictor<Model>& mine, std::size_t& known) {
    const std::lock_guard lock(mutex_);
    if (model_ == known) return;
    mine = predictor_;
    known = model_;
  }

 private:
  std::mutex mutex_;
  Predictor<Model> predictor_;
  std::size_t model_ = 0;
};

int run(double seconds, double growth) {
  const example::RandomBatch<float> data(config, 9);
  std::vector<Predictor<Model>> predictors;
  std::vector<std::vector<float>> expected;
  const auto dense = example::made<Model>({config}, 3, 0.1);
  for (std::uint64_t mask = 0; mask < 8; ++mask) {
    predictors.emplace_back(pruned(dense, ModuleMask{mask}));
    const auto y = predictors.back().forecast(data.batch).flat();
    expected.emplace_back(y.begin(), y.end());
  }
  Service service(predictors[0]);
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> forecasts = 0, wrong = 0, swaps = 0, steps = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(2u, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back([&, t] {
      std::size_t known = 0;
      Predictor<Model> mine = predictors[0];
      for (std::size_t i = t; !stop; ++i) {
        service.renew(mine, known);
        const std::size_t samples = i % 3 == 0 ? 9 : 1;
        const auto y = mine.forecast(data.batch.middle(0, samples)).flat();
        wrong += !std::equal(y.begin(), y.end(), expected[known].begin());
        ++forecasts;
      }
    });
  threads.emplace_back([&] {  // training beside serving
    Team team(2);
    while (!stop) {
      auto model = dense;
      Trainer<Model> trainer(model, {}, &team);
      Pruner<Model> pruner(model);
      for (int step = 0; step < 50 && !stop; ++step, ++steps)
        (void)trainer.step(data.batch, 1e-3, pruner);
    }
  });
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double warm = 0, most = 0;
  for (std::size_t i = 1; elapsed() < seconds; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    service.put(predictors[i % 8], i % 8);
    ++swaps;
    if (warm == 0 && elapsed() > seconds / 4) warm = resident();
    most = std::max(most, resident());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  std::printf(
      "%.0f s, %zu threads: %zu forecasts, %zu of them wrong, %zu swaps, %zu training steps; "
      "resident %.1f MiB after a quarter, %.1f at most\n",
      elapsed(), threads.size(), forecasts.load(), wrong.load(), swaps.load(), steps.load(), warm,
      most);
  return wrong == 0 && forecasts > 0 && steps > 0 && most <= growth * warm + 1 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  return run(count > 1 ? std::atof(arguments[1]) : 5, count > 2 ? std::atof(arguments[2]) : 1e9);
}
