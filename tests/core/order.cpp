// Orders by a key: ascending, equal keys as they came.
#include <spat/core/order.hpp>
#include <spat/core/random.hpp>

#include <tests/support/catch.hpp>

#include <string>
#include <vector>

namespace order_tests {

using namespace spat;

TEST_CASE("An order is by key, and by place where keys are equal") {
  using Order = std::vector<std::size_t>;
  const std::vector<std::string> names{"b", "a", "b", "", "a"};
  CHECK(detail::order_by(names.size(), [&](std::size_t i) { return names[i]; }) ==
        Order{3, 1, 4, 0, 2});
  CHECK(detail::order_by(0, [](std::size_t i) { return i; }).empty());
  CHECK(detail::order_by(3, [](std::size_t i) { return -double(i); }) == Order{2, 1, 0});
  Random random(5);
  std::vector<double> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(static_cast<double>(random() % 7));
  const Order order = detail::order_by(keys.size(), [&](std::size_t i) { return keys[i]; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    REQUIRE(keys[order[i - 1]] <= keys[order[i]]);
    if (keys[order[i - 1]] == keys[order[i]]) REQUIRE(order[i - 1] < order[i]);
  }
}

}  // namespace order_tests
