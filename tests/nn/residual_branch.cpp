// ResidualBranch: the formula with its mixer kept and pruned, and its gradients, for mixers that
// read x once and twice.
#include "check.hpp"

#include <spat/nn/linear.hpp>
#include <spat/nn/residual_branch.hpp>

#include <optional>
#include <vector>

namespace residual_branch_tests {

using spat::Absent;
using spat::Arena;
using spat::Pass;
using spat::Presence;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;

namespace {

using Map = spat::Linear<double>;

/// A block of one branch whose mixer reads x once, or twice if `reads` is 2.
template <Presence presence>
struct Block {
  using Value = double;
  using Branch = spat::ResidualBranch<spat::Slot<Map, presence>, double>;
  using Cache = typename Branch::Cache;

  Block(bool keeps, std::size_t how_often)
      : branch(spat::make_slot<Map, presence>(keeps, std::size_t{5}, std::size_t{5}), 5),
        reads(how_often) {}

  Branch branch;
  std::size_t reads;

  RowsOfDouble forward(const Pass& pass, RowsOfDouble x, Cache& cache) const {
    return branch.forward(pass, x, cache, [&](const auto& mixer, auto& mine) {
      return mixer.forward(pass, x, mine);
    });
  }
  RowsOfDouble backward_input(const Pass& pass, RowsOfDouble dy, Cache& cache) const {
    if (reads == 1)
      return branch.backward_input(pass, dy, cache,
                                   [&](const auto& mixer, auto& mine, RowsOfDouble dbranch) {
                                     return mixer.backward_input(pass, dbranch, mine);
                                   });
    return branch.backward_input(
        pass, dy, cache, [&](const auto& mixer, auto& mine, RowsOfDouble dbranch) {
          const RowsOfDouble through = mixer.backward_input(pass, dbranch, mine);
          return std::pair{through, through};
        });
  }
  void backward_weights(const Pass& pass, spat::Caches<Cache> caches, Block& gradients,
                        Share& share) const {
    branch.backward_weights(pass, caches, gradients.branch, share);
  }
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Branch::for_each_of_mixer(self.branch, name + "mixer.", list);
    spat::LayerNorm<double>::for_each(self.branch.norm, name + "norm.", list);
  }
};

inline constexpr std::size_t rows = 6, sample_rows = 3;

/// Lays a block out and calls it once.
template <class B>
struct Called {
  Called(const B& block, Purpose purpose, const Pass& pass, RowsOfDouble x) {
    arena.prepare(purpose,
                  [&](Arena& a) { cache.lay_out(a, block.branch, rows, sample_rows, rows); });
    y = block.forward(pass, x, cache);
  }

  Arena arena;
  typename B::Cache cache;
  RowsOfDouble y;
};

Pass training() { return {.training = true, .seed = 5, .step = 9}; }

}  // namespace

TEST_CASE("ResidualBranch is LN(x + Drop(mixer(x))), and LN(x) if the mixer was pruned", "[nn]") {
  const auto x = random_tensor(rows, 5, 1);
  const auto check = [&](auto block, double rate) {
    randomize(block);
    block.branch.set_dropout(rate, 3, 1);
    const Called called(block, Purpose::training, training(), x.view());
    const auto& branch = block.branch;
    CHECK(branch.dropout.site == 4);

    auto u = x;
    spat::if_kept(
        [&](const auto& mixer) {
          Map::Cache mine;
          spat::Dropout<double>::Cache dropped;
          Arena arena;
          arena.prepare(Purpose::training, [&](Arena& a) {
            mine.lay_out(a, mixer, rows);
            dropped.lay_out(a, branch.dropout, rows, 5, sample_rows);
          });
          const auto z = branch.dropout.forward(training(),
                                                mixer.forward(training(), x.view(), mine), dropped);
          for (std::size_t i = 0; i < u.flat().size(); ++i) u.flat()[i] += z.flat()[i];
        },
        branch.mixer);
    spat::LayerNorm<double>::Cache normed;
    Arena arena;
    prepare(arena, Purpose::training, normed, branch.norm, rows);
    const auto y = branch.norm.forward(training(), u.view(), normed);
    for (std::size_t i = 0; i < u.flat().size(); ++i)
      CHECK(called.y.flat()[i] == Approx(y.flat()[i]).margin(1e-13));
  };
  for (const double rate : {0.0, 0.4}) {
    INFO("rate " << rate);
    check(Block<Presence::at_run_time>(true, 1), rate);
    check(Block<Presence::at_run_time>(false, 1), rate);
    check(Block<Presence::always>(true, 1), rate);
    check(Block<Presence::never>(false, 1), rate);
  }
}

TEST_CASE("ResidualBranch agrees with central differences, kept and pruned", "[nn]") {
  const auto check = [](auto block, double rate) {
    randomize(block);
    block.branch.dropout = {rate, 3};
    auto x = random_tensor(rows, 5, 1);
    const auto dy = random_tensor(rows, 5, 2);
    Called called(block, Purpose::training, training(), x.view());
    const auto loss = [&] {
      return dot(dy.flat(), block.forward(training(), x.view(), called.cache).flat());
    };
    auto gradients = spat::zeros_like(block);
    const auto dx =
        spat::backward(block, training(), RowsOfDouble(dy.view()), called.cache, gradients);
    const std::vector<double> found(dx.flat().begin(), dx.flat().end());
    check_input("x", x.flat(), found, loss);
    check_parameters(block, gradients, loss);
  };
  for (const double rate : {0.0, 0.4}) {
    INFO("rate " << rate);
    check(Block<Presence::at_run_time>(true, 1), rate);
    check(Block<Presence::at_run_time>(false, 1), rate);
    check(Block<Presence::never>(false, 1), rate);
  }
}

TEST_CASE("ResidualBranch adds both gradients of a mixer that reads x twice", "[nn]") {
  Block<Presence::always> once(true, 1), twice(true, 2);
  randomize(once);
  randomize(twice);
  const auto x = random_tensor(rows, 5, 1), dy = random_tensor(rows, 5, 2);
  Called first(once, Purpose::training, Pass{}, x.view());
  Called second(twice, Purpose::training, Pass{}, x.view());
  const auto dx = once.backward_input(Pass{}, dy.view(), first.cache);
  const auto both = twice.backward_input(Pass{}, dy.view(), second.cache);
  const auto through = first.cache.mixer.dx.flat(), direct = first.cache.norm.dx.flat();
  for (std::size_t i = 0; i < dx.flat().size(); ++i) {
    CHECK(dx.flat()[i] == direct[i] + through[i]);
    CHECK(both.flat()[i] == (direct[i] + through[i]) + through[i]);
  }
}

TEST_CASE("A pruned ResidualBranch costs nothing but its norm", "[nn]") {
  const Block<Presence::at_run_time> kept(true, 1), pruned(false, 1);
  CHECK(kept.branch.multiply_adds(rows) == rows * 5 * 5);
  CHECK(pruned.branch.multiply_adds(rows) == 0);
  CHECK(sizeof(Block<Presence::never>) < sizeof(Block<Presence::always>));

  Arena with, without;
  Block<Presence::at_run_time>::Cache cache;
  with.prepare(Purpose::training,
               [&](Arena& a) { cache.lay_out(a, kept.branch, rows, sample_rows, rows); });
  without.prepare(Purpose::training,
                  [&](Arena& a) { cache.lay_out(a, pruned.branch, rows, sample_rows, rows); });
  spat::LayerNorm<double>::Cache norm;
  Arena alone;
  prepare(alone, Purpose::training, norm, pruned.branch.norm, rows);
  CHECK(without.size_bytes() == alone.size_bytes());
  CHECK(with.size_bytes() > without.size_bytes());
}

TEST_CASE("What is written into a branch's result is what its next reader gets", "[nn]") {
  Block<Presence::at_run_time> block(true, 1);
  randomize(block);
  const auto x = random_tensor(rows, 5, 1);
  Called called(block, Purpose::inference, Pass{}, x.view());
  const auto writable = block.branch.writable_output(called.cache);
  CHECK(writable.rows() == rows);
  writable.row(2)[1] = 17;
  CHECK(called.y.row(2)[1] == 17);
}

}  // namespace residual_branch_tests
