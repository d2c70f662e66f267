// The team: who does what, exceptions, many short calls, sleep, and results that do not depend on
// its size.
#include <spat/core/team.hpp>
#include <spat/pipeline/processor_time.hpp>

#include <tests/support/catch.hpp>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace team_tests {

using spat::Team;

static_assert(!std::is_copy_constructible_v<Team>);

TEST_CASE("Every worker is called once per call, the caller among them as worker 0", "[core]") {
  for (std::size_t size = 0; size <= 8; ++size) {
    Team team(size);
    REQUIRE(team.size() == std::max<std::size_t>(1, size));
    std::vector<int> calls(team.size());
    std::vector<std::thread::id> threads(team.size());
    for (int round = 0; round < 20; ++round)
      team.for_each_worker([&](std::size_t worker) {
        ++calls[worker], threads[worker] = std::this_thread::get_id();
      });
    CHECK(calls == std::vector<int>(team.size(), 20));
    CHECK(threads[0] == std::this_thread::get_id());
    for (std::size_t i = 0; i < threads.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) CHECK(threads[i] != threads[j]);
  }
}

TEST_CASE(
    "Shares cover every index once, in pieces that differ by at most one, for any size and count",
    "[core]") {
  for (std::size_t size = 1; size <= 8; ++size) {
    Team team(size);
    for (std::size_t count = 0; count <= 20; ++count) {
      std::vector<int> hits(count);
      std::atomic<std::size_t> pieces = 0, shortest = 1000, longest = 0;
      team.for_shares(count, [&](std::size_t first, std::size_t last) {
        const std::size_t length = last - first;
        ++pieces;
        for (std::size_t seen = shortest;
             length < seen && !shortest.compare_exchange_weak(seen, length);) {
        }
        for (std::size_t seen = longest;
             length > seen && !longest.compare_exchange_weak(seen, length);) {
        }
        for (std::size_t i = first; i < last; ++i) ++hits[i];
      });
      INFO("size " << size << ", count " << count);
      CHECK(hits == std::vector<int>(count, 1));
      CHECK(pieces == std::min(size, count));
      if (count >= size) CHECK(longest - shortest <= 1);
    }
  }
}

TEST_CASE(
    "An exception reaches the caller after all have finished, the lowest worker's first, and the "
    "team goes on",
    "[core]") {
  for (std::size_t size = 1; size <= 4; ++size) {
    Team team(size);
    for (std::size_t thrower = 0; thrower < size; ++thrower) {
      std::atomic<std::size_t> finished = 0;
      std::string caught;
      try {
        team.for_each_worker([&](std::size_t worker) {
          if (worker >= thrower) throw std::runtime_error(std::to_string(worker));
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          ++finished;
        });
      } catch (const std::runtime_error& error) {
        caught = error.what();
      }
      CHECK(caught == std::to_string(thrower));
      CHECK(finished == thrower);
      std::atomic<std::size_t> after = 0;
      CHECK_NOTHROW(team.for_each_worker([&](std::size_t) { ++after; }));
      CHECK(after == size);
    }
  }
}

TEST_CASE("Thousands of short calls in a row lose none", "[core]") {
  for (const std::size_t size : std::initializer_list<std::size_t>{2, 3, 4}) {
    Team team(size);
    std::vector<std::uint64_t> sums(size * 16);
    for (std::uint64_t round = 0; round < 3000; ++round)
      team.for_each_worker([&](std::size_t worker) { sums[worker * 16] += round; });
    for (std::size_t worker = 0; worker < size; ++worker)
      CHECK(sums[worker * 16] == 3000 * 2999 / 2);
  }
}

TEST_CASE("A team wakes from sleep, and may be destroyed while it sleeps or just after it worked",
          "[core]") {
  for (int round = 0; round < 20; ++round) {
    Team team(3);
    std::atomic<int> calls = 0;
    for (int i = 0; i < round % 3; ++i) {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(1));  // far longer than the 50 microseconds of spinning
      team.for_each_worker([&](std::size_t) { ++calls; });
    }
    CHECK(calls == 3 * (round % 3));
    if (round % 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_CASE("An idle team uses no processor time", "[core]") {
  Team team(3);
  team.for_each_worker([](std::size_t) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const double before = spat::processor_seconds();  // of all threads
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(spat::processor_seconds() - before < 0.03);
}

TEST_CASE("Work cut into tasks gives the same bytes on every team", "[core]") {
  std::vector<double> expected;
  for (std::size_t size = 1; size <= 8; ++size) {
    Team team(size);
    std::vector<double> sums(37);
    team.for_shares(sums.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t task = first; task < last; ++task)
        for (int i = 1; i < 100; ++i) sums[task] += 1.0 / (static_cast<double>(task) + i);
    });
    if (size == 1) expected = sums;
    CHECK(sums == expected);
  }
}

TEST_CASE("A team that is called again meanwhile is an error, by another thread and from inside",
          "[core]") {
  Team team(2);
  std::atomic<bool> inside = false, leave = false;
  std::thread first([&] {
    team.for_each_worker([&](std::size_t worker) {
      if (worker != 0) return;
      inside = true;
      while (!leave) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  CHECK_THROWS_AS(team.for_each_worker([](std::size_t) {}), spat::ConcurrencyError);
  leave = true;
  first.join();
  CHECK_THROWS_AS(
      team.for_each_worker([&](std::size_t) { team.for_each_worker([](std::size_t) {}); }),
      spat::ConcurrencyError);
  std::atomic<int> calls = 0;
  team.for_each_worker([&](std::size_t) { ++calls; });
  CHECK(calls == 2);
}

TEST_CASE("A team that cannot be had is an error, and the program goes on", "[core]") {
  CHECK_THROWS_AS(Team(Team::most_workers + 1), spat::ConfigError);
  CHECK_THROWS_AS(Team(~std::size_t{0}), spat::ConfigError);
#if defined(__linux__) && !defined(SPAT_SANITIZED)
  constexpr int unlimited = 2;
  const pid_t child = fork();  // the limit of the address space cannot be raised again
  if (child == 0) {
    const rlimit little{std::size_t{1} << 28, std::size_t{1} << 28};
    setrlimit(RLIMIT_AS, &little);
    if (::operator new (std::size_t{1} << 29, std::nothrow) != nullptr) _exit(unlimited);
    int status = 1;
    try {
      const Team many(Team::most_workers);  // a stack each
    } catch (const spat::ConfigError&) {
      status = 0;
    } catch (const std::bad_alloc&) {
      status = 0;
    }
    _exit(status);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == unlimited)
    WARN("skipped: memory has no limit here, as in an emulator");
  else
    CHECK(status == 0);
#endif
}

}  // namespace team_tests
