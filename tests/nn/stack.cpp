// Loops over the blocks of a stack. A whole stack is tested with its blocks (encoder_layer.cpp).
#include <spat/nn/stack.hpp>

#include <tests/support/catch.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace stack_tests {

TEST_CASE(
    "for_each_block and for_each_block_reversed walk tuples and vectors in the same order, several "
    "side by side",
    "[nn]") {
  std::tuple<int, std::string, double> blocks{1, "two", 3.0};
  std::tuple<int, int, int> marks{0, 0, 0};
  std::vector<std::size_t> order;
  int next = 0;
  spat::for_each_block([&](std::size_t i, auto&, int& mark) { order.push_back(i), mark = ++next; },
                       blocks, marks);
  spat::for_each_block_reversed([&](std::size_t i, auto&) { order.push_back(i); }, blocks);
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 2, 1, 0});
  CHECK(marks == std::tuple{1, 2, 3});

  order.clear();
  std::vector<int> list{4, 5, 6}, copies(3);
  spat::for_each_block(
      [&](std::size_t i, int value, int& copy) { order.push_back(i), copy = value; }, list, copies);
  spat::for_each_block_reversed(
      [&](std::size_t i, int value) {
        order.push_back(i);
        CHECK(value == copies[i]);
      },
      std::as_const(list));
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 2, 1, 0});
  CHECK(copies == list);

  const std::tuple<int, int> constant{7, 8};
  int sum = 0;
  spat::for_each_block([&](std::size_t, const int& value) { sum += value; }, constant);
  CHECK(sum == 15);

  std::tuple<> none;
  std::vector<int> empty;
  spat::for_each_block([](std::size_t, auto&) { FAIL("no block"); }, none);
  spat::for_each_block_reversed([](std::size_t, auto&) { FAIL("no block"); }, empty);
}

}  // namespace stack_tests
