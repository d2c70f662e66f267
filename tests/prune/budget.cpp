// The modules that a budget removes.
#include <spat/prune/budget.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>

namespace budget_tests {

using namespace spat;

namespace {

constexpr ModuleMask four = ModuleMask::first(4);
const std::vector<double> scores{0.3, 0.1, 0.4, 0.2};

std::string kept_by(const Budget& budget, const std::vector<double>& of = scores,
                    ModuleMask from = four) {
  return to_string(choose(from, of, budget), of.size());
}
std::string refused_by(const Budget& budget, const std::vector<double>& of = scores,
                       ModuleMask from = four) {
  return message_of<ConfigError>([&] { (void)choose(from, of, budget); });
}

}  // namespace

TEST_CASE("the lowest scores are removed first") {
  CHECK(kept_by(DropLowest{0}) == "1111");
  CHECK(kept_by(DropLowest{1}) == "1011");
  CHECK(kept_by(DropLowest{2}) == "1010");
  CHECK(kept_by(DropLowest{3}) == "0010");
  CHECK(kept_by(DropLowest{4}) == "0000");
}

TEST_CASE("a ratio is rounded to whole modules, halves up") {
  CHECK(kept_by(DropRatio{0}) == "1111");
  CHECK(kept_by(DropRatio{0.12}) == "1111");
  CHECK(kept_by(DropRatio{0.125}) == "1011");
  CHECK(kept_by(DropRatio{0.37}) == "1011");
  CHECK(kept_by(DropRatio{0.375}) == "1010");
  CHECK(kept_by(DropRatio{0.5}) == "1010");
  CHECK(kept_by(DropRatio{1}) == "0000");
}

TEST_CASE("a threshold drops what lies below it, and not what lies on it") {
  CHECK(kept_by(DropBelow{0.1}) == "1111");
  CHECK(kept_by(DropBelow{0.2}) == "1011");
  CHECK(kept_by(DropBelow{0.25}) == "1010");
  CHECK(kept_by(DropBelow{9}) == "0000");
  CHECK(kept_by(DropBelow{-1}) == "1111");
}

TEST_CASE("of equal scores the deeper module is removed first") {
  CHECK(kept_by(DropLowest{1}, {0.2, 0.2, 0.2, 0.2}) == "1110");
  CHECK(kept_by(DropLowest{2}, {0.2, 0.2, 0.9, 0.2}) == "1010");
  CHECK(kept_by(DropLowest{3}, {0.2, 0.2, 0.9, 0.2}) == "0010");
}

TEST_CASE("removed modules neither count nor come back") {
  const double nan = std::nan("");
  const ModuleMask three{0b1011};
  CHECK(kept_by(DropLowest{1}, {0.3, 0.4, nan, 0.2}, three) == "1100");
  CHECK(kept_by(DropRatio{0.5}, {0.3, 0.4, nan, 0.2}, three) == "0100");  // round(1.5) of three
  CHECK(kept_by(DropBelow{9}, {0.3, 0.4, nan, 0.2}, three) == "0000");
  CHECK(contains(refused_by(DropLowest{4}, {0.3, 0.4, nan, 0.2}, three),
                 "4 modules: the model has 3"));
}

TEST_CASE("a budget that cannot be met, or scores that are none, are errors") {
  CHECK(contains(refused_by(DropLowest{5}), "cannot drop 5"));
  for (const double ratio : {-0.01, 1.01, std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK(contains(refused_by(DropRatio{ratio}), "[0, 1]"));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK(contains(message_of<NumericError>([&] {
                     (void)choose(four, {0.1, 0.2, bad, 0.3}, DropLowest{1});
                   }),
                   "module 2"));
}

TEST_CASE(
    "the last module that is left of the guard is passed over, and the next lowest goes in its "
    "place") {
  const ModuleMask guard{0b1010};  // modules 1 and 3, of scores 0.1 and 0.2
  const auto guarded = [&](const Budget& budget, ModuleMask from = four) {
    return to_string(choose(from, scores, budget, guard), 4);
  };
  CHECK(guarded(DropLowest{1}) == "1011");
  CHECK(guarded(DropLowest{2}) == "0011");  // without the guard 1010
  CHECK(guarded(DropLowest{3}) == "0001");
  CHECK(guarded(DropRatio{0.5}) == "0011");
  CHECK(guarded(DropRatio{0.75}) == "0001");
  CHECK(guarded(DropBelow{0.15}) == "1011");
  CHECK(guarded(DropBelow{0.25}) == "1011");  // no other module is removed instead of module 3
  CHECK(guarded(DropBelow{9}) == "0001");
  CHECK(guarded(DropLowest{2}, ModuleMask{0b0111}) ==
        "0100");  // module 1 is the last of the guard from the start
  CHECK(guarded(DropLowest{2}, ModuleMask{0b0101}) == "0000");  // none of the guard was left anyway
}

TEST_CASE("of equal scores the deeper module of the guard is removed first as well") {
  CHECK(to_string(choose(four, {0.2, 0.2, 0.2, 0.2}, DropLowest{3}, ModuleMask{0b1100}), 4) ==
        "0010");
}

TEST_CASE("a budget that leaves none of the guard is an error that names the guard") {
  const auto refused = [](const Budget& budget, ModuleMask from = four) {
    return message_of<ConfigError>([&] { (void)choose(from, scores, budget, ModuleMask{0b1010}); });
  };
  CHECK(refused(DropLowest{4}) ==
        "cannot drop 4 modules: the model has 4 and has to keep one of those numbered 1, 3");
  CHECK(refused(DropRatio{1}) ==
        "cannot drop 4 modules: the model has 4 and has to keep one of those numbered 1, 3");
  CHECK(refused(DropLowest{3}, ModuleMask{0b0111}) ==
        "cannot drop 3 modules: the model has 3 and has to keep one of those numbered 1");
  CHECK(contains(refused_by(DropLowest{5}), "the model has 4"));
  CHECK_FALSE(contains(refused_by(DropLowest{5}), "has to keep"));
}

namespace {

/// Costs of masks of four modules of 10, 20, 30 and 40, besides a rest of 100.
double toy(ModuleMask mask) {
  double total = 100;
  for (std::size_t i = 0; i < 4; ++i)
    if (mask.keeps(i)) total += 10 * static_cast<double>(i + 1);
  return total;
}
const Measures toys{.macs = toy,
                    .parameters = [](ModuleMask mask) { return 2 * toy(mask); },
                    .latency = [](ModuleMask mask) { return toy(mask) / 100; },
                    .loss_change =
                        [](ModuleMask mask) {
                          return Estimate{(200 - toy(mask)) / 1000, 0.005};
                        }};

std::string met_by(const Budget& budget, const std::vector<double>& errors = {}) {
  return to_string(choose(four, scores, budget, {}, errors, toys), 4);
}
std::string unmet_by(const Budget& budget, ModuleMask guard = {}) {
  return message_of<ConfigError>([&] { (void)choose(four, scores, budget, guard, {}, toys); });
}

}  // namespace

TEST_CASE("a budget of costs drops the lowest scores until it is met, and no more") {
  // In the order of the scores 1, 3, 0, 2 the figure falls 200, 180, 140, 130, 100.
  CHECK(met_by(ReduceMacs{0}) == "1111");
  CHECK(met_by(ReduceMacs{0.1}) == "1011");
  CHECK(met_by(ReduceMacs{0.11}) == "1010");
  CHECK(met_by(ReduceMacs{0.3}) == "1010");
  CHECK(met_by(ReduceParameters{0.31}) == "0010");
  CHECK(met_by(ReduceParameters{0.5}) == "0000");
  CHECK(met_by(LatencyAtMost{2}) == "1111");
  CHECK(met_by(LatencyAtMost{1.5}) == "1010");
  CHECK(met_by(LatencyAtMost{1}) == "0000");
}

TEST_CASE("a budget of losses drops while the loss and its error fit") {
  // Changes 0.02, 0.06, 0.07, 0.1, each with an error of 0.005.
  CHECK(met_by(LossAtMost{0.0}) == "1111");
  CHECK(met_by(LossAtMost{0.024}) == "1111");
  CHECK(met_by(LossAtMost{0.026}) == "1011");
  CHECK(met_by(LossAtMost{0.076}) == "0010");
  CHECK(met_by(LossAtMost{1}) == "0000");
}

TEST_CASE("the error of a budget that no mask meets names the best that can be reached") {
  CHECK(unmet_by(ReduceMacs{0.6}) ==
        "no mask meets MACs -60.0 %: the best that dropping modules reaches is MACs -50.0 %; the "
        "model has 4");
  CHECK(unmet_by(ReduceParameters{0.5}, {0b1100}) ==
        "no mask meets parameters -50.0 %: the best that dropping modules reaches is parameters "
        "-35.0 %; the model has "
        "4 and "
        "has to keep one of those numbered 2, 3");
  CHECK(unmet_by(LatencyAtMost{0.9}) ==
        "no mask meets a latency of 0.9 ms: the best that dropping modules reaches is a latency of "
        "1 ms; the model has "
        "4");
  CHECK(unmet_by(LossAtMost{-0.05}) == "no mask meets a loss of -5.0 %: at best it is +0.0 %");
  CHECK(contains(unmet_by(LatencyAtMost{0}), "must be positive"));
  CHECK(contains(unmet_by(LossAtMost{-1}), "must be above -1"));
  CHECK(contains(unmet_by(ReduceMacs{1.5}), "a reduction of MACs must lie in [0, 1]"));
}

TEST_CASE("a budget whose measure is missing says so") {
  for (const Budget& budget : {Budget(ReduceMacs{0.1}), Budget(ReduceParameters{0.1}),
                               Budget(LatencyAtMost{1}), Budget(LossAtMost{0.1})})
    CHECK(contains(refused_by(budget), "measures_of()"));
}

TEST_CASE("of scores that cannot be told apart the deeper module is removed") {
  // Scores 0.3, 0.1, 0.4, 0.2: within 0.1 of module 1 lies module 3, within 0.2 of it also module
  // 0.
  const auto order = [](double error) {
    return drop_order(four, scores, {}, std::vector<double>(4, error));
  };
  CHECK(order(0) == std::vector<std::size_t>{1, 3, 0, 2});
  CHECK(order(0.0999) == std::vector<std::size_t>{1, 3, 0, 2});
  CHECK(order(0.11) == std::vector<std::size_t>{3, 1, 2, 0});
  CHECK(order(1) == std::vector<std::size_t>{3, 2, 1, 0});
  CHECK(met_by(DropLowest{1}, {0, 0.11, 0, 0}) == "1110");
  CHECK(met_by(DropLowest{1}, {0.2, 0, 0.2, 0.2}) ==
        "1011");  // it is the lowest one's own error that counts
}

TEST_CASE("every module below a threshold is removed, but for the last of the guard") {
  const ModuleMask guard{0b1010};
  const auto left = [&](double threshold, double error) {
    return to_string(
        choose(four, scores, DropBelow{threshold}, guard, std::vector<double>(4, error)), 4);
  };
  // Module 3 of score 0.2 cannot be told from module 1 of score 0.1, and stays above the threshold.
  for (const double error : {0.0, 0.05, 0.15, 9.0}) {
    INFO("error " << error);
    CHECK(left(0.15, error) == "1011");
    CHECK(left(0.1, error) == "1111");
  }
  CHECK(left(0.25, 0) == "1011");     // the lowest one goes, the last of the guard stays
  CHECK(left(0.25, 0.15) == "1110");  // of two that cannot be told apart the deeper one goes
  CHECK(left(9, 9) == "0100");
  // All pairs of guards, thresholds and errors.
  for (std::uint64_t bits = 0; bits < 16; ++bits)
    for (const double threshold : {0.05, 0.15, 0.25, 0.35, 0.45})
      for (const double error : {0.0, 0.12, 1.0}) {
        const ModuleMask mask = choose(four, scores, DropBelow{threshold}, ModuleMask{bits},
                                       std::vector<double>(4, error));
        std::size_t kept_below = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          if (!(scores[i] < threshold)) CHECK(mask.keeps(i));
          if (scores[i] < threshold && mask.keeps(i)) {
            ++kept_below;
            CHECK_FALSE(may_remove(mask, i, ModuleMask{bits}));
          }
        }
        CHECK(kept_below <= 1);
      }
}

TEST_CASE("what no training changes is checked of a budget, with the value and the rule") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const auto refused = [](const Budget& budget, ModuleMask guard = {}) {
    return message_of<ConfigError>([&] { check(budget, four, guard); });
  };
  CHECK(refused(DropLowest{99}) == "cannot drop 99 modules: the model has 4");
  CHECK(refused(DropLowest{4}, {0b1010}) ==
        "cannot drop 4 modules: the model has 4 and has to keep one of those numbered 1, 3");
  CHECK(refused(DropRatio{-0.5}) == "a ratio of modules to drop must lie in [0, 1], found -0.5");
  CHECK(contains(refused(DropRatio{1}, {0b1}), "cannot drop 4 modules"));
  CHECK(refused(DropBelow{nan}) == "a threshold of scores must be a number, found nan");
  CHECK(refused(ReduceMacs{1.5}) == "a reduction of MACs must lie in [0, 1], found 1.5");
  CHECK(refused(ReduceParameters{-1}) == "a reduction of parameters must lie in [0, 1], found -1");
  CHECK(refused(LatencyAtMost{-5}) == "a latency must be positive and finite, found -5 ms");
  for (const double bad : {nan, inf, -1.0})
    CHECK(contains(refused(LossAtMost{bad}), "the change of a loss must be above -1 and finite"));
  for (const double bad : {nan, inf, 0.0}) CHECK(contains(refused(LatencyAtMost{bad}), "positive"));
  for (const double bad : {nan, inf, -0.1}) {
    CHECK(contains(refused(ReduceMacs{bad}), "[0, 1]"));
    CHECK(contains(refused(ReduceParameters{bad}), "[0, 1]"));
    CHECK(contains(refused(DropRatio{bad}), "[0, 1]"));
  }
  for (const Budget& good :
       {Budget(DropLowest{4}), Budget(DropRatio{1}), Budget(DropBelow{-1}), Budget(DropBelow{inf}),
        Budget(ReduceMacs{1}), Budget(LossAtMost{-0.5}), Budget(ReduceParameters{0}),
        Budget(LatencyAtMost{1e-9})})
    check(good, four);
  // With measures also what no mask meets, whichever module of the guard stays.
  const auto unmet = [](const Budget& budget, ModuleMask guard = {}) {
    return message_of<ConfigError>([&] { check(budget, four, guard, toys); });
  };
  CHECK(unmet(ReduceMacs{0.6}) ==
        "no mask meets MACs -60.0 %: the best that dropping modules reaches is MACs -50.0 %; the "
        "model has 4");
  CHECK(contains(unmet(ReduceMacs{0.46}, {0b1001}), "is MACs -45.0 %"));
  CHECK(contains(unmet(LatencyAtMost{0.9}), "is a latency of 1 ms"));
  check(ReduceMacs{0.45}, four, {0b1001}, toys);
  check(ReduceMacs{0.5}, four, {}, toys);
}

TEST_CASE("a ratio that amounts to a half is rounded up, whatever its digits") {
  for (std::size_t count = 1; count <= 64; ++count) {
    const std::vector<double> equal(count, 1.0);
    for (std::size_t twice = 0; twice <= 2 * count; ++twice) {
      const double ratio = static_cast<double>(twice) / static_cast<double>(2 * count);
      CHECK(choose(ModuleMask::first(count), equal, DropRatio{ratio}).count() ==
            count - (twice + 1) / 2);
    }
  }
  CHECK(choose(ModuleMask::first(25), std::vector<double>(25, 1), DropRatio{0.58}).count() == 10);
}

TEST_CASE("where the scores were not followed, the pair and the reason are named") {
  const auto pairs = [](const Budget& budget, double error, ModuleMask guard = {}) {
    const std::vector<double> errors(4, error);
    const ModuleMask left = choose(four, scores, budget, guard, errors);
    return out_of_order(four, left, scores, guard);
  };
  using Pairs = std::vector<OutOfOrder>;
  CHECK(pairs(DropLowest{2}, 0).empty());
  CHECK(pairs(DropLowest{1}, 0.11) == Pairs{{3, 1, false}});
  CHECK(pairs(DropLowest{2}, 0.11).empty());  // both are gone
  CHECK(pairs(DropLowest{1}, 1) == Pairs{{3, 1, false}});
  CHECK(pairs(DropLowest{2}, 1) == Pairs{{2, 1, false}, {3, 1, false}});
  CHECK(pairs(DropLowest{2}, 0, {0b0010}) == Pairs{{0, 1, true}, {3, 1, true}});
  CHECK(pairs(DropBelow{0.15}, 1).empty());
  CHECK(out_of_order(four, {0b0011}, {0.1, 0.2, 0.3, 0.4}, {0b0001}) ==
        Pairs{{2, 0, true}, {3, 0, true}});
}

}  // namespace budget_tests
