// Random numbers: ranges, moments, independence of streams, and the same bytes everywhere.
#include <spat/core/random.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace random_tests {

using spat::Random;

static_assert(std::uniform_random_bit_generator<Random>);
static_assert(Random(1)() == Random(1)() && Random(1)() != Random(2)() &&
              Random(1, 1)() != Random(1, 2)());

TEST_CASE("The first words of a stream are Philox of its counter", "[core]") {
  Random random(0x299f31d0a4093822, 0x0370734413198a2e);
  const auto block = [](std::uint32_t i) {
    return spat::philox({i, 0, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822);
  };
  for (std::uint32_t i = 0; i < 3; ++i)
    for (const std::uint32_t word : block(i)) CHECK(random() == word);
}

TEST_CASE("A stream depends on seed and stream alone, and streams differ from the start",
          "[core]") {
  const auto draw = [](Random random) {
    std::vector<double> numbers;
    for (int i = 0; i < 50; ++i) numbers.push_back(random.uniform() + random.normal());
    return numbers;
  };
  CHECK(draw(Random(5, 6)) == draw(Random(5, 6)));
  CHECK(draw(Random(5, 6)) != draw(Random(5, 7)));
  CHECK(draw(Random(5, 6)) != draw(Random(6, 6)));
  CHECK(draw(Random(5, 6)) != draw(Random(6, 5)));
  CHECK(draw(Random(5, 1ull << 40)) != draw(Random(5, 0)));
  Random one(9);
  one();
  Random copy = one;  // a value: the copy continues from the same place
  CHECK(one() == copy());
}

TEST_CASE("Uniform numbers lie in [0, 1), or between their bounds, and fill them evenly",
          "[core]") {
  Random random(3);
  const int count = 200'000;
  std::vector<int> cells(20);
  double mean = 0, square = 0;
  for (int i = 0; i < count; ++i) {
    const double value = random.uniform();
    if (!(value >= 0 && value < 1)) FAIL(value);
    mean += value / count, square += value * value / count;
    ++cells[static_cast<std::size_t>(value * 20)];
  }
  CHECK(std::abs(mean - 0.5) < 5 * std::sqrt(1.0 / 12 / count));
  CHECK(std::abs(square - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / count));
  for (const int cell : cells) CHECK(std::abs(cell - count / 20) < 5 * std::sqrt(count / 20.0));
  for (int i = 0; i < 1000; ++i) {
    const double value = random.uniform(-3, -1);
    if (!(value >= -3 && value <= -1)) FAIL(value);
  }
}

TEST_CASE("Normal numbers are finite, with mean zero, variance one and the right tails", "[core]") {
  Random random(4);
  const int count = 200'000;
  double mean = 0, square = 0, fourth = 0, beyond = 0;
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    if (!std::isfinite(value)) FAIL(value);
    mean += value / count, square += value * value / count,
        fourth += value * value * value * value / count;
    beyond += std::abs(value) > 1.959964;
  }
  CHECK(std::abs(mean) < 5 / std::sqrt(count));
  CHECK(std::abs(square - 1) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(fourth - 3) < 5 * std::sqrt(96.0 / count));
  CHECK(std::abs(beyond - 0.05 * count) < 5 * std::sqrt(0.05 * 0.95 * count));
}

TEST_CASE("below is unbiased, also for bounds that do not divide 2^64", "[core]") {
  Random random(5);
  for (const std::size_t bound : std::initializer_list<std::size_t>{1, 2, 3, 7, 10}) {
    const int count = 60'000;
    std::vector<double> cells(bound);
    for (int i = 0; i < count; ++i) {
      const auto value = static_cast<std::size_t>(random.below(bound));
      if (value >= bound) FAIL(value);
      ++cells[value];
    }
    const double p = 1.0 / static_cast<double>(bound);
    for (const double cell : cells)
      CHECK(std::abs(cell - count * p) <= 5 * std::sqrt(count * p * (1 - p)));
  }
  // Two thirds of 2^64: a remainder alone would return the lower half twice as often.
  const std::uint64_t large = 0xAAAAAAAAAAAAAAAA;
  double lower = 0;
  for (int i = 0; i < 20'000; ++i) lower += random.below(large) < large / 2;
  CHECK(std::abs(lower - 10'000) < 5 * std::sqrt(5'000));
  std::vector<int> cards(52);
  for (int i = 0; i < 52; ++i) cards[static_cast<std::size_t>(i)] = i;
  auto shuffled = cards;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  CHECK(shuffled != cards);
  std::ranges::sort(shuffled);
  CHECK(shuffled == cards);
}

}  // namespace random_tests
