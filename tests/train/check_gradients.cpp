// The check of a model's gradients finds what a careless backward does.
#include <spat/models/patchtst.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/train/check_gradients.hpp>

#include <tests/models/gradients.hpp>
#include <tests/support/catch.hpp>

namespace check_gradients_tests {

using namespace spat;

namespace {

/// y = W_2 (W_1 x), one channel. Careless: the output gradient of the first map takes the place of
/// that of the second, which is still to be read.
template <bool careless>
struct TwoMaps {
  using Value = double;
  static constexpr std::size_t lookback = 6, horizon = 6;

  Linear<double> first{lookback, horizon}, second{horizon, horizon};

  struct Cache {
    Arena arena;
    Linear<double>::Cache first, second;
    Rows<double> dy;
  };
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.first.lay_out(arena, first, samples, Linear<double>::Dx::none);
      cache.second.lay_out(arena, second, samples);
      arena.take(cache.dy, samples, horizon);
    });
  }
  Rows<const double> forward(const Pass& pass, const WindowBatch<double>& batch,
                             Cache& cache) const {
    const auto hidden =
        first.forward(pass, {batch.history.data(), batch.samples, lookback}, cache.first);
    const auto y = second.forward(pass, hidden, cache.second);
    return {y.data(), batch.samples * horizon, 1};
  }
  void backward_input(const Pass& pass, Rows<const double> dforecast, Cache& cache) const {
    std::ranges::copy(dforecast.flat(), cache.dy.data());
    const auto dhidden = second.backward_input(pass, cache.dy, cache.second);
    if (careless) {
      std::ranges::copy(dhidden.flat(), cache.dy.data());
      first.skip_input(cache.dy, cache.first);
    } else {
      first.skip_input(dhidden, cache.first);
    }
  }
  void backward_weights(const Pass& pass, Caches<Cache> caches, TwoMaps& gradients,
                        Share& share) const {
    first.backward_weights(pass, caches.of(&Cache::first), gradients.first, share);
    second.backward_weights(pass, caches.of(&Cache::second), gradients.second, share);
  }
  [[nodiscard]] std::size_t multiply_adds(std::size_t) const { return 2 * horizon * horizon; }
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }
  [[nodiscard]] std::size_t activation_size(std::size_t) const { return horizon; }
  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Linear<double>::for_each(self.first, prefix + "first.", list);
    Linear<double>::for_each(self.second, prefix + "second.", list);
  }
};
constexpr RLinearConfig window{.channels = 1, .lookback = 6, .horizon = 6};

}  // namespace

TEST_CASE("a reused gradient buffer is found, by the tensor that it spoils") {
  const example::RandomBatch<double> data(window, 5);
  TwoMaps<false> right;
  initialize(parameters(right), 1);
  CHECK(check_gradients(right, data.batch).error < 1e-6);
  TwoMaps<true> wrong;
  initialize(parameters(wrong), 1);
  const GradientCheck found = check_gradients(wrong, data.batch);
  CHECK(found.error > 0.1);
  CHECK(found.tensor.starts_with("second."));
}

TEST_CASE("the gradients of models with dropout and batch statistics are right") {
  const auto before = example::made<ITransformer<double>>({example::small}, 2, 0.2);
  auto model = before;
  const example::RandomBatch<double> data(example::small, 4);
  CHECK(check_gradients(model, data.batch, tests::coarser).error < 1e-6);
  CHECK(example::same_parameters(model, before));
  constexpr PatchTSTConfig patches{.channels = 2,
                                   .lookback = 8,
                                   .horizon = 3,
                                   .width = 4,
                                   .ffn_width = 4,
                                   .heads = 2,
                                   .depth = 1,
                                   .patch = 4,
                                   .stride = 4};
  auto normalized = example::made<PatchTST<double>>({patches}, 2, 0.1);
  const example::RandomBatch<double> windows(patches, 4);
  CHECK(check_gradients(normalized, windows.batch, tests::coarser).error < 1e-6);
}

}  // namespace check_gradients_tests
