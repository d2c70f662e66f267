#include <spat/data/window_batch.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <array>

namespace window_batch_tests {

using namespace spat;

TEST_CASE("Samples cut out of a batch keep their rows, and what is empty stays empty") {
  const std::array<float, 12> history{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const WindowBatch<float> batch{
      .samples = 3, .lookback = 2, .horizon = 5, .history = {history.data(), 6, 2}};
  const WindowBatch<float> last = batch.middle(1, 2);
  CHECK(last.samples == 2);
  CHECK(last.lookback == 2);
  CHECK(last.horizon == 5);
  CHECK(last.history.data() == history.data() + 4);
  CHECK(last.history.rows() == 4);
  CHECK(last.channels() == 2);
  CHECK(last.marks() == 0);
  CHECK(last.target_channels() == 0);
  CHECK(last.future_marks.data() == nullptr);
  CHECK(batch.middle(3, 0).samples == 0);
}

TEST_CASE("A batch's views have the rows that it claims, and one channel is enough") {
  const std::array<float, 40> numbers{};
  const auto rows = [&](std::size_t count) { return Rows<const float>(numbers.data(), count, 1); };
  const WindowBatch<float> good{.samples = 2,
                                .lookback = 3,
                                .horizon = 4,
                                .history = rows(6),
                                .history_marks = rows(6),
                                .future_marks = rows(8),
                                .target = rows(8)};
  CHECK_NOTHROW(good.check());
  CHECK_NOTHROW(WindowBatch<float>{}.check());
  CHECK(message_of<ShapeError>([&] { WindowBatch<float>{.target = rows(8)}.check(); }) ==
        "a batch of no samples has no rows of marks or of a target");
  const auto refused = [&](auto&& change) {
    WindowBatch<float> bad = good;
    change(bad);
    return message_of<ShapeError>([&] { bad.check(); });
  };
  CHECK(refused([&](auto& b) { b.history = rows(5); }) ==
        "history: expected samples times lookback, 2 times 3, rows, found 5");
  CHECK(refused([&](auto& b) { b.history_marks = rows(9); }) ==
        "history marks: expected samples times lookback, 2 times 3, rows, found 9");
  CHECK(refused([&](auto& b) { b.future_marks = rows(4); }) ==
        "future marks: expected samples times horizon, 2 times 4, rows, found 4");
  CHECK(refused([&](auto& b) { b.target = rows(12); }) ==
        "target: expected samples times horizon, 2 times 4, rows, found 12");
  CHECK(refused([&](auto& b) {
          b.target = {nullptr, 8, 1};
        }) == "target: there are no numbers behind the view");
  CHECK(refused([&](auto& b) {
          b.history = {numbers.data(), 6, 0};
        }) == "the history has no channels");
  CHECK(refused([&](auto& b) { b.horizon = 0; }) ==
        "a batch has a lookback and a horizon of at least 1: lookback 3, horizon 0");
}

}  // namespace window_batch_tests
