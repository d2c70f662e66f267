// Forecasts: the bytes of one window's forecast depend only on that window.
#include <spat/models/predictor.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <atomic>
#include <thread>

namespace predictor_tests {

using namespace spat;

namespace {

/// `layers` is one micro-batch for up to 46 samples, so that a team works inside layers. `blocks`
/// has micro-batches of at most four samples.
constexpr ITransformerConfig layers{.channels = 5,
                                    .marks = 4,
                                    .lookback = 36,
                                    .horizon = 13,
                                    .width = 96,
                                    .ffn_width = 72,
                                    .heads = 4,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
constexpr ITransformerConfig blocks{.channels = 5,
                                    .marks = 4,
                                    .lookback = 17,
                                    .horizon = 13,
                                    .width = 20,
                                    .ffn_width = 1000,
                                    .heads = 4,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};

template <class Scalar>
std::vector<Scalar> copied(Rows<const Scalar> y) {
  return {y.flat().begin(), y.flat().end()};
}

template <class Model>
void check_rows(typename Model::Form shape, const ITransformerConfig& config) {
  using Scalar = typename Model::Value;
  const auto model = example::made<Model>(shape, 3, 0.2);
  const example::RandomBatch<Scalar> data(config, 70);
  const std::size_t size = config.horizon * config.channels;
  std::vector<Scalar> alone;
  Predictor<Model> one_by_one(model);
  for (std::size_t b = 0; b < 70; ++b)
    for (const Scalar value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
      alone.push_back(value);
  for (const std::size_t workers : {0u, 1u, 2u, 3u}) {
    Team team(std::max<std::size_t>(workers, 1));
    Predictor<Model> predictor(model, workers ? &team : nullptr);
    for (const std::size_t batch : {1u, 2u, 3u, 5u, 8u, 13u, 32u, 70u}) {
      INFO(workers << " workers, " << batch << " samples, kept " << to_string(config.kept, 2));
      const std::size_t first = 70 - batch;
      const auto y = predictor.forecast(data.batch.middle(first, batch));
      CHECK((y.rows() == batch * config.horizon && y.cols() == config.channels));
      CHECK(example::same_bits(y.flat(), std::span(alone).subspan(first * size, batch * size)));
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE(
    "a window's forecast has the same bytes alone, in any batch, with any number of workers", "",
    float, double) {
  for (const std::uint64_t mask : {0b11u, 0b01u, 0b00u}) {
    const auto a = keeping(layers, ModuleMask{mask}), b = keeping(blocks, ModuleMask{mask});
    check_rows<ITransformer<TestType>>({a}, a);
    check_rows<ITransformer<TestType>>({b}, b);
  }
  check_rows<ITransformer<TestType, Static<blocks>>>({}, blocks);
}

TEST_CASE("the static and the dynamic form forecast the same bytes") {
  const auto model = example::made<ITransformer<float>>({layers});
  const auto fixed = converted<ITransformer<float, Static<layers>>>(model);
  Predictor a(model);
  Predictor b(fixed);
  const example::RandomBatch<float> data(layers, 9);
  CHECK(example::same_bits(a.forecast(data.batch).flat(), b.forecast(data.batch).flat()));
}

TEST_CASE(
    "time marks that nothing reads are skipped, and the forecast has the bytes of one that "
    "computes them") {
  for (const std::uint64_t mask : {0b00u, 0b10u}) {
    const auto config = keeping(layers, ModuleMask{mask});
    const auto model = example::made<ITransformer<float>>({config});
    const example::RandomBatch<float> data(config, 6);
    ITransformer<float>::Cache cache;
    model.prepare(cache, Purpose::training, 6, config.channels);
    const auto computed = copied(model.forward(Pass{}, data.batch, cache));
    Predictor predictor(model);
    CHECK(example::same_bits(predictor.forecast(data.batch).flat(), computed));

    auto without_marks = data.batch;
    without_marks.history_marks = {};
    if (mask == 0)
      CHECK(example::same_bits(predictor.forecast(without_marks).flat(), computed));
    else
      CHECK_THROWS_AS((void)predictor.forecast(without_marks), ConfigError);
  }
}

TEST_CASE("the dynamic model forecasts any number of channels") {
  const auto model = example::made<ITransformer<float>>({layers});
  Predictor predictor(model);
  for (const std::size_t channels : {1u, 3u, 5u, 40u}) {
    auto config = layers;
    config.channels = channels;
    const example::RandomBatch<float> data(config, 3);
    const auto y = predictor.forecast(data.batch);
    CHECK((y.rows() == 3 * layers.horizon && y.cols() == channels));
  }
  // Variates have no order: a permuted window has a permuted forecast.
  const example::RandomBatch<float> data(layers, 1);
  const auto y = copied(predictor.forecast(data.batch));
  auto turned = data.history;
  for (std::size_t t = 0; t < layers.lookback; ++t)
    std::rotate(turned.begin() + std::ptrdiff_t(t * 5), turned.begin() + std::ptrdiff_t(t * 5 + 1),
                turned.begin() + std::ptrdiff_t(t * 5 + 5));
  auto batch = data.batch;
  batch.history = {turned.data(), layers.lookback, 5};
  const auto z = predictor.forecast(batch);
  for (std::size_t t = 0; t < layers.horizon; ++t)
    for (std::size_t c = 0; c < 5; ++c)
      CHECK(z.row(t)[c] == Approx(y[t * 5 + (c + 1) % 5]).margin(1e-5));
}

TEST_CASE("a batch that the model cannot take is an error in any number of micro-batches") {
  const auto model = example::made<ITransformer<float>>({blocks});
  for (const std::size_t workers : {1u, 2u}) {
    Team team(workers);
    Predictor predictor(model, &team);
    for (const std::size_t samples : {1u, 20u}) {
      const example::RandomBatch<float> good(blocks, samples);
      const auto refused = [&](const auto& change) {
        auto config = blocks;
        change(config);
        const example::RandomBatch<float> bad(config, samples);
        return message_of<ShapeError>([&] { (void)predictor.forecast(bad.batch); });
      };
      CHECK(refused([](auto& c) { c.lookback = 18; }) ==
            message("iTransformer: lookback: expected ", blocks.lookback, ", found 18"));
      CHECK(refused([](auto& c) { c.marks = 3; }).find("time marks: expected 4, found 3") !=
            std::string::npos);
      CHECK(refused([](auto& c) { c.horizon = 12; }).find("12") != std::string::npos);
      CHECK(refused([](auto& c) { c.horizon = 14; }).find("14") != std::string::npos);
      CHECK_THROWS_AS(
          (void)predictor.forecast(WindowBatch<float>{
              .samples = samples, .lookback = blocks.lookback, .horizon = blocks.horizon}),
          ShapeError);
      // The predictor still works.
      CHECK(predictor.forecast(good.batch).rows() == samples * blocks.horizon);
    }
    CHECK(predictor.forecast({}).size() == 0);
  }
}

TEST_CASE("a batch whose views do not have the rows it claims is an error, whatever its size") {
  const auto model = example::made<ITransformer<float>>({blocks});
  Predictor predictor(model);
  for (const std::size_t samples : {1u, 3u, 20u, 300u}) {
    INFO(samples << " samples");
    const example::RandomBatch<float> data(blocks, samples);
    const auto refused = [&](const auto& change) {
      WindowBatch<float> batch = data.batch;
      change(batch);
      return message_of<ShapeError>([&] { (void)predictor.forecast(batch); });
    };
    const auto says = [](const std::string& text, const char* part) {
      return text.find(part) != std::string::npos;
    };
    CHECK(says(refused([](auto& b) { b.history = b.history.middle_rows(0, b.history.rows() - 1); }),
               "history: expected samples times lookback"));
    CHECK(says(refused([](auto& b) { b.samples *= 3; }), "history: expected"));
    CHECK(says(refused([](auto& b) { b.samples = std::size_t{1} << 63; }), "history: expected"));
    CHECK(says(refused([](auto& b) { b.lookback = 0; }), "lookback 0"));
    CHECK(says(refused([](auto& b) { b.horizon = 0; }), "horizon 0"));
    CHECK(says(refused([](auto& b) { b.history_marks = b.history_marks.middle_rows(0, 1); }),
               "history marks: expected"));
    CHECK(says(refused([](auto& b) { b.future_marks = b.future_marks.middle_rows(0, 1); }),
               "future marks: expected"));
    CHECK(
        says(refused([](auto& b) { b.target = b.target.middle_rows(0, 1); }), "target: expected"));
    CHECK(says(refused([](auto& b) {
                 b.history = {nullptr, b.history.rows(), b.history.cols()};
               }),
               "no numbers"));
    CHECK(predictor.forecast(data.batch).rows() == samples * blocks.horizon);
  }
}

TEST_CASE("a predictor forecasts with the model that it was given, whatever happens to that one") {
  auto wide = blocks;
  wide.ffn_width = 1500;
  wide.width = 40;
  const example::RandomBatch<float> data(blocks, 20);
  for (const auto& config : {wide, keeping(blocks, ModuleMask{0b01}), blocks}) {
    auto model = example::made<ITransformer<float>>({keeping(blocks, ModuleMask{})});
    Predictor predictor(model);
    const auto expected = copied<float>(predictor.forecast(data.batch));
    model = example::made<ITransformer<float>>({config}, 8);
    CHECK(copied<float>(predictor.forecast(data.batch)) == expected);
    CHECK(copied<float>(Predictor(model).forecast(data.batch)) != expected);
  }
  Predictor of_temporary(example::made<ITransformer<float>>({blocks}));
  Predictor<ITransformer<float>> of_dead = [] {
    const auto model = example::made<ITransformer<float>>({blocks});
    return Predictor<ITransformer<float>>(model);
  }();
  CHECK(copied<float>(of_temporary.forecast(data.batch)) ==
        copied<float>(of_dead.forecast(data.batch)));
}

TEST_CASE("the forecast is the forward pass of the model itself, changed or not") {
  auto model = example::made<ITransformer<float>>({blocks});
  const example::RandomBatch<float> data(blocks, 2);
  for (int change = 0; change < 3; ++change) {
    for (const auto& parameter : parameters(model))
      for (float& value : parameter.values) value *= 1.25f;
    ITransformer<float>::Cache cache;
    model.prepare(cache, Purpose::inference, 2, blocks.channels);
    CHECK(copied<float>(model.forward(Pass{}, data.batch, cache)) ==
          copied<float>(Predictor(model).forecast(data.batch)));
  }
}

TEST_CASE("copies of a predictor forecast side by side, and a newer model is an assignment") {
  const auto old_model = example::made<ITransformer<float>>({blocks}),
             new_model = example::made<ITransformer<float>>({keeping(blocks, ModuleMask{1})}, 9);
  Predictor predictor(old_model), newer(new_model);
  const example::RandomBatch<float> data(blocks, 20);
  const auto before = copied<float>(predictor.forecast(data.batch)),
             after = copied<float>(newer.forecast(data.batch));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&wrong, &data, &before, &after, &newer, mine = predictor]() mutable {
      for (int i = 0; i < 10; ++i) wrong += copied<float>(mine.forecast(data.batch)) != before;
      Team team(2);
      mine = Predictor(newer, &team);
      for (int i = 0; i < 10; ++i) wrong += copied<float>(mine.forecast(data.batch)) != after;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  predictor = newer;
  CHECK(copied<float>(predictor.forecast(data.batch)) == after);
}

TEST_CASE("a predictor that two threads share is an error, not a wrong forecast") {
  Predictor predictor(example::made<ITransformer<float>>({blocks}));
  const example::RandomBatch<float> data(blocks, 200);
  const auto expected = copied<float>(predictor.forecast(data.batch));
  std::atomic<int> refused{0}, wrong{0}, ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      for (++ready; ready < 2;) std::this_thread::yield();
      for (int i = 0; i < 2000 && refused == 0; ++i) try {
          wrong += predictor.forecast(data.batch).size() != expected.size();
        } catch (const ConcurrencyError&) {
          ++refused;
        }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(refused > 0);
  CHECK(wrong == 0);
  CHECK(copied<float>(predictor.forecast(data.batch)) == expected);
}

}  // namespace predictor_tests
