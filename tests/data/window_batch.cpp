#include <spat/data/window_batch.hpp>

#include <tests/support/catch.hpp>

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

}  // namespace window_batch_tests
