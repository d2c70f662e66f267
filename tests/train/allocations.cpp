// Nothing allocates in steady state. This program counts every form of operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // these operators are the pair
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/timexer.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/example.hpp>
#include <tests/support/allocations.hpp>
#include <tests/support/catch.hpp>

#include <cstdlib>
#include <new>
#include <numeric>

namespace {

using tests::allocations;

bool fails() noexcept {
  std::size_t left = tests::calls_to_failure.load(std::memory_order_relaxed);
  while (left > 0 && !tests::calls_to_failure.compare_exchange_weak(left, left - 1)) {
  }
  return left == 1;
}

void* counted(std::size_t size, std::size_t alignment) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (fails()) return nullptr;
  if (size == 0) size = 1;
  void* const room =
      alignment == 0
          ? std::malloc(size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (room != nullptr) tests::living.fetch_add(1, std::memory_order_relaxed);
  return room;
}
void* counted_or_throw(std::size_t size, std::size_t alignment = 0) {
  void* const room = counted(size, alignment);
  if (room == nullptr) throw std::bad_alloc();
  return room;
}

/// Not inlined: g++ would see free() beside operator new and warn.
[[gnu::noinline]] void release(void* room) noexcept {
  if (room != nullptr) tests::living.fetch_sub(1, std::memory_order_relaxed);
  std::free(room);
}

}  // namespace

void* operator new(std::size_t n) { return counted_or_throw(n); }
void* operator new[](std::size_t n) { return counted_or_throw(n); }
void* operator new(std::size_t n, std::align_val_t a) {
  return counted_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return counted_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return counted(n, 0); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return counted(n, 0); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { release(p); }

using namespace spat;

namespace {

template <class Action>
std::size_t allocations_of(Action&& action) {
  const std::size_t before = allocations.load();
  action();
  return allocations.load() - before;
}

/// A batch of 26 is one micro-batch of the first model. Of the second it is two waves of
/// micro-batches of two sizes, which one worker meets in turn.
constexpr ITransformerConfig narrow{.channels = 7,
                                    .marks = 4,
                                    .lookback = 48,
                                    .horizon = 8,
                                    .width = 64,
                                    .ffn_width = 64,
                                    .heads = 4,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
constexpr ITransformerConfig wide{.channels = 7,
                                  .marks = 4,
                                  .lookback = 24,
                                  .horizon = 8,
                                  .width = 16,
                                  .ffn_width = 1024,
                                  .heads = 2,
                                  .depth = 2,
                                  .kept = ModuleMask{0b11}};

constexpr TimeXerConfig exogenous{.channels = 7,
                                  .marks = 4,
                                  .targets = 1,
                                  .lookback = 24,
                                  .horizon = 8,
                                  .width = 16,
                                  .ffn_width = 1024,
                                  .heads = 2,
                                  .depth = 1,
                                  .patch = 6,
                                  .kept = ModuleMask{0b11}};

template <class Model, class C = Send<typename Model::Value>>
void check_training(typename Model::Form shape, const typename Model::Config& config,
                    std::size_t workers, const C& criterion = {}) {
  using Scalar = typename Model::Value;
  Team team(std::max<std::size_t>(workers, 1));
  const example::SyntheticWindows<Scalar> windows(config, 4);
  auto model = example::made<Model>(shape, 5, 0.1);
  Trainer<Model> trainer(model, {.clip_norm = 0.1}, workers ? &team : nullptr);
  Pruner<Model, C> pruner(model, criterion);
  WindowBuffer<Scalar> buffer;
  std::vector<std::size_t> indices(26);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  const auto step = [&] { trainer.step(windows.training.gather(indices, buffer), 1e-3, pruner); };
  step(), step();
  CHECK(allocations_of([&] { step(), step(); }) == 0);
  NoObserver nobody;
  CHECK(allocations_of(
            [&] { trainer.step(windows.training.gather(indices, buffer), 1e-3, nobody); }) == 0);
}

template <class Model>
void check_forecasts(typename Model::Form shape, const typename Model::Config& config,
                     std::size_t workers) {
  using Scalar = typename Model::Value;
  Team team(std::max<std::size_t>(workers, 1));
  const auto model = example::made<Model>(shape);
  Predictor<Model> predictor(model, workers ? &team : nullptr);
  const example::RandomBatch<Scalar> data(config, 32);
  const auto forecast = [&](std::size_t samples) {
    const auto y = predictor.forecast(data.batch.middle(0, samples));
    if (y.rows() != samples * config.horizon) throw ShapeError("");
  };
  for (const std::size_t samples : {1u, 32u, 5u}) forecast(samples);
  for (const std::size_t samples : {1u, 32u, 5u, 1u}) {
    INFO(samples << " samples");
    CHECK(allocations_of([&] { forecast(samples); }) == 0);
  }
}

}  // namespace

TEST_CASE("the counter sees every form of operator new") {
  CHECK(allocations_of([] { ::operator delete(::operator new(8)); }) == 1);
  CHECK(allocations_of([] { ::operator delete[](::operator new[](8)); }) == 1);
  CHECK(allocations_of([] {
          ::operator delete (::operator new (8, std::align_val_t{64}), std::align_val_t{64});
        }) == 1);
  CHECK(allocations_of([] { ::operator delete(::operator new(8, std::nothrow)); }) == 1);
  CHECK(allocations_of([] { AlignedBuffer<float> room(100); }) == 1);
}

TEST_CASE("a training step allocates nothing once it has seen a batch of its size") {
  for (const std::size_t workers : {0u, 1u, 2u})
    for (const ITransformerConfig& config : {narrow, wide}) {
      INFO(workers << " workers, ffn " << config.ffn_width);
      check_training<ITransformer<float>>({config}, config, workers);
    }
  check_training<ITransformer<float>>({narrow}, narrow, 2,
                                      Send<float>({.dynamics = SendDynamics::epoch}));
  const auto pruned = keeping(wide, ModuleMask{0b01});
  check_training<ITransformer<float>>({pruned}, pruned, 2);
  check_training<ITransformer<double>>({wide}, wide, 2,
                                       Send<double>({.variant = SendVariant::absolute_mean}));
  check_training<ITransformer<float, Static<wide>>>({}, wide, 2);
  check_training<TimeXer<float>>({exogenous}, exogenous, 2);
}

TEST_CASE("no criterion allocates once it has seen a batch of its size") {
  for (const std::string& name : criterion_names()) {
    INFO(name);
    check_training<ITransformer<float>>({wide}, wide, 2, make_criterion<float>(name));
  }
}

TEST_CASE("no step of a long epoch allocates for its scores, announced or not") {
  const auto model = example::made<ITransformer<float>>({narrow});
  for (const bool announced : {true, false}) {
    Pruner<ITransformer<float>> pruner(model);
    Pruner<ITransformer<float>, AnyCriterion<float>> mean(
        model, make_criterion<float>("cosine", {.decay = 1}));
    if (announced) pruner.begin_epoch(9000), mean.begin_epoch(9000);
    const auto epoch = [&](auto& listening) {
      for (int step = 0; step < 9000; ++step) listening.end_step();
    };
    CHECK(allocations_of([&] { epoch(pruner); }) == 0);
    if (announced) CHECK(allocations_of([&] { epoch(mean); }) == 0);
    pruner.end_epoch();
    CHECK(allocations_of([&] { epoch(pruner); }) == 0);  // the next epoch, too
  }
}

TEST_CASE("a forecast allocates nothing once batches of its size have been seen") {
  for (const std::size_t workers : {0u, 1u, 2u, 3u})
    for (const ITransformerConfig& config : {narrow, wide, keeping(wide, ModuleMask{0b00})}) {
      INFO(workers << " workers, ffn " << config.ffn_width << ", kept "
                   << to_string(config.kept, 2));
      check_forecasts<ITransformer<float>>({config}, config, workers);
    }
  check_forecasts<ITransformer<float, Static<narrow>>>({}, narrow, 2);
  check_forecasts<TimeXer<float>>({exogenous}, exogenous, 2);
}
