// The context of a call: its place, its workers, its listener; and the shares of a list of tasks.
#include <spat/nn/attention_events.hpp>
#include <tests/support/catch.hpp>

#include <atomic>
#include <vector>

namespace pass_tests {

using spat::Pass;
using spat::Share;

static_assert(!spat::is_scored<Pass> && spat::is_scored<spat::ScoredPass<int>>);
static_assert(std::is_convertible_v<spat::ScoredPass<int>&, const Pass&>);

TEST_CASE("A pass at a module keeps everything else, and so does a scored one", "[autograd]") {
  spat::Team team(2);
  const Pass pass{.training = true, .seed = 1, .step = 2, .first_sample = 3, .team = &team};
  const Pass there = pass.at(5);
  CHECK(there.module == 5);
  CHECK(pass.module == 0);
  CHECK((there.training && there.seed == 1 && there.step == 2 && there.first_sample == 3 &&
         there.team == &team));
  int listener = 0;
  const spat::ScoredPass<int> scored(pass, listener);
  CHECK(scored.at(7).module == 7);
  CHECK(&scored.at(7).listener == &listener);
  CHECK(scored.at(7).step == 2);
}

TEST_CASE("A folded pass counts the samples that are called, and leaves the loss as it is",
          "[autograd]") {
  const Pass pass{.seed = 1, .first_sample = 4, .batch_samples = 10, .loss_terms = 70, .module = 2};
  int listener = 0;
  const spat::ScoredPass<int> scored(pass, listener);
  for (const Pass& folded : {pass.folded(3), static_cast<Pass>(scored.folded(3))}) {
    CHECK(folded.first_sample == 12);
    CHECK(folded.batch_samples == 30);
    CHECK((folded.loss_terms == 70 && folded.seed == 1 && folded.module == 2));
  }
  CHECK(&scored.folded(3).listener == &listener);
}

TEST_CASE("A pass wakes its team for much work, and does little work, or one piece, itself",
          "[autograd]") {
  spat::Team team(3);
  const auto pieces = [&](const Pass& pass, std::size_t count, std::size_t work) {
    std::atomic<std::size_t> calls = 0, covered = 0;
    pass.for_shares(count, work,
                    [&](std::size_t first, std::size_t last) { ++calls, covered += last - first; });
    CHECK(covered == count);
    return calls.load();
  };
  const Pass with{.team = &team}, without;
  CHECK(pieces(with, 12, 1'000'000) == 3);
  CHECK(pieces(with, 12, 10) == 1);
  CHECK(pieces(with, 1, 1'000'000) == 1);
  CHECK(pieces(with, 0, 1'000'000) == 0);
  CHECK(pieces(without, 12, 1'000'000) == 1);
  CHECK(pieces(without, 0, 1'000'000) == 0);
}

TEST_CASE("Shares take every task once, whatever their number", "[autograd]") {
  for (std::size_t count = 1; count <= 9; ++count)
    for (std::size_t tasks = 0; tasks < 25; ++tasks) {
      std::vector<int> taken(tasks);
      for (std::size_t index = 0; index < count; ++index) {
        Share share(index, count);
        for (int& task : taken) task += share.takes();
      }
      CHECK(taken == std::vector<int>(tasks, 1));
    }
  Share all;
  CHECK((all.takes() && all.takes() && all.takes()));
}

TEST_CASE("A call says which keys a query sees", "[autograd]") {
  const std::vector<unsigned char> mask{1, 0, 1, 0, 1, 1};
  spat::AttentionCall call;
  call.samples = 2, call.query_tokens = call.memory_tokens = 3;
  CHECK(call.sees(1, 0, 2));
  call.causal = true;
  CHECK(call.sees(1, 2, 2));
  CHECK_FALSE(call.sees(1, 0, 1));
  call.key_mask = {mask.data(), 2, 3};
  CHECK_FALSE(call.sees(0, 2, 1));
  CHECK_FALSE(call.sees(1, 2, 0));
  CHECK(call.sees(1, 2, 1));
  CHECK_FALSE(call.sees(1, 0, 1));
}

}  // namespace pass_tests
