// No call of a bell is missed: each of these tests would not end otherwise.
#include <spat/core/bell.hpp>
#include <spat/core/team.hpp>

#include <tests/support/catch.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace bell_tests {

TEST_CASE("Two threads that wake each other in turns never both sleep", "[core]") {
  constexpr int turns = 20000;
  spat::Bell even, odd;
  std::atomic<int> turn = 0;
  const auto play = [&](spat::Bell& own, spat::Bell& other, int first) {
    for (int mine = first; mine < turns; mine += 2) {
      own.sleep_until([&] { return turn.load() == mine; });
      turn.fetch_add(1);
      other.ring();
    }
  };
  std::thread partner([&] { play(odd, even, 1); });
  play(even, odd, 0);
  partner.join();
  CHECK(turn == turns);
}

TEST_CASE("A bell wakes all who sleep, and those whose condition does not hold sleep on",
          "[core]") {
  spat::Bell bell;
  std::atomic<int> limit = 0, awake = 0;
  std::vector<std::thread> sleepers;
  for (int i = 1; i <= 4; ++i)
    sleepers.emplace_back([&, i] {
      bell.sleep_until([&] { return limit.load() >= i; });
      ++awake;
    });
  limit = 2;
  bell.ring();
  sleepers[0].join(), sleepers[1].join();
  CHECK(awake == 2);
  limit = 4;
  bell.ring();
  sleepers[2].join(), sleepers[3].join();
  CHECK(awake == 4);
}

TEST_CASE("Calls that come as workers fall asleep, and end as the caller does, are heard",
          "[core]") {
  using std::chrono::microseconds;
  using std::chrono::steady_clock;
  const auto pass = [](int time) {
    const auto end = steady_clock::now() + microseconds(time);
    while (steady_clock::now() < end) continue;
  };
  spat::Team team(3);
  std::atomic<int> calls = 0;
  for (int round = 0; round < 6000; ++round) {  // all spin for 50 microseconds, then sleep
    team.for_each_worker([&](std::size_t worker) {
      if (worker != 0) pass(45 + round % 20);
      ++calls;
    });
    pass(45 + round / 20 % 20);
  }
  CHECK(calls == 18000);
}

}  // namespace bell_tests
