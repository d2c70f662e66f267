// Search over masks: the front compared with brute force, the masks of each method, and errors.
#include <spat/core/random.hpp>
#include <spat/prune/search.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>
#include <map>
#include <set>

namespace search_tests {

using namespace spat;

namespace {

constexpr std::size_t n = 6;
constexpr ModuleMask six = ModuleMask::first(n);
using Masks = std::vector<std::uint64_t>;

/// The sum of a random value per removed module; with interaction one value per mask.
MaskMeasure toy_loss(std::uint64_t stream, double interaction = 0) {
  return [=](ModuleMask mask) {
    Random random(3, stream);
    double loss = 1;
    for (std::size_t i = 0; i < n; ++i) {
      const double effect = random.uniform(-0.2, 0.5);
      if (!mask.keeps(i)) loss += effect;
    }
    return loss + interaction * Random(4, stream * 1000 + mask.bits).uniform();
  };
}
/// The same value for every module, or one per module.
double even_latency(ModuleMask mask) { return 1 + static_cast<double>(mask.count()); }
MaskMeasure uneven_latency(std::uint64_t stream) {
  return [=](ModuleMask mask) {
    Random random(5, stream);
    double latency = 1;
    for (std::size_t i = 0; i < n; ++i) latency += (mask.keeps(i) ? 1 : 0) * random.uniform(0.1, 1);
    return latency;
  };
}

Masks masks_of(const std::vector<Candidate>& candidates, bool front_only = false) {
  Masks masks;
  for (const Candidate& c : candidates)
    if (c.on_front || !front_only) masks.push_back(c.mask.bits);
  return masks;
}
bool dominates(const Candidate& a, const Candidate& b) {
  return a.loss <= b.loss && a.latency <= b.latency && (a.loss < b.loss || a.latency < b.latency);
}
SearchOptions by(SearchMethod method, std::size_t width = 4) {
  return {.method = method, .beam_width = width};
}

constexpr SearchMethod all_methods[]{SearchMethod::automatic, SearchMethod::exhaustive,
                                     SearchMethod::greedy, SearchMethod::beam};

}  // namespace

TEST_CASE("an exhaustive search measures every subset, larger ones first, then by their bits") {
  const auto all =
      search(ModuleMask{0b1101}, 4, even_latency, even_latency, by(SearchMethod::exhaustive));
  CHECK(masks_of(all) == Masks{0b1101, 0b0101, 0b1001, 0b1100, 0b0001, 0b0100, 0b1000, 0b0000});
  CHECK(search(six, n, toy_loss(1), even_latency, by(SearchMethod::exhaustive)).size() == 64);
}

TEST_CASE("the front is what no other mask dominates") {
  for (std::uint64_t stream = 0; stream < 20; ++stream)
    for (const double interaction : {0.0, 0.3})
      for (const SearchMethod method : all_methods) {
        const auto all =
            search(six, n, toy_loss(stream, interaction), uneven_latency(stream), by(method));
        for (const Candidate& c : all)
          CHECK(c.on_front == std::ranges::none_of(all, [&](const Candidate& other) {
                  return dominates(other, c);
                }));
      }
}

TEST_CASE("candidates carry what was measured of their mask") {
  const MaskMeasure loss = toy_loss(1, 0.3), latency = uneven_latency(1);
  for (const SearchMethod method : all_methods)
    for (const Candidate& c : search(six, n, loss, latency, by(method)))
      CHECK((c.loss == loss(c.mask) && c.latency == latency(c.mask)));
}

TEST_CASE("each mask is measured once, by every method") {
  for (const SearchMethod method : all_methods) {
    std::map<std::uint64_t, int> losses, latencies;
    const MaskMeasure inner = toy_loss(2, 0.3);
    const auto all = search(
        six, n, [&](ModuleMask mask) { return ++losses[mask.bits], inner(mask); },
        [&](ModuleMask mask) { return ++latencies[mask.bits], even_latency(mask); }, by(method));
    CHECK((losses.size() == all.size() && latencies.size() == all.size()));
    for (const auto& [bits, count] : losses) CHECK((count == 1 && latencies[bits] == 1));
  }
}

TEST_CASE("greedy search drops, at each size, the module that is missed least") {
  const MaskMeasure loss = toy_loss(3, 0.5);
  const auto all = search(six, n, loss, even_latency, by(SearchMethod::greedy));
  CHECK(all.size() == n * (n + 1) / 2 + 1);
  ModuleMask mask = six;
  Masks expected{mask.bits};
  while (mask.bits) {
    ModuleMask best{};
    double lowest = 1e9;
    Masks level;
    for (std::size_t i = 0; i < n; ++i)
      if (mask.keeps(i)) {
        level.push_back(mask.without(i).bits);
        if (loss(mask.without(i)) < lowest) lowest = loss(mask.without(i)), best = mask.without(i);
      }
    std::sort(level.begin(), level.end());
    expected.insert(expected.end(), level.begin(), level.end());
    mask = best;
  }
  CHECK(masks_of(all) == expected);
}

TEST_CASE("greedy search finds the whole front of an additive loss and equal modules") {
  for (std::uint64_t stream = 0; stream < 30; ++stream) {
    const auto greedy = search(six, n, toy_loss(stream), even_latency, by(SearchMethod::greedy));
    const auto exhaustive =
        search(six, n, toy_loss(stream), even_latency, by(SearchMethod::exhaustive));
    CHECK(masks_of(greedy, true) == masks_of(exhaustive, true));
  }
}

TEST_CASE("a beam of width one is greedy, one as wide as there are subsets is exhaustive") {
  int between = 0;
  for (std::uint64_t stream = 0; stream < 10; ++stream) {
    const auto masks = [&](const SearchOptions& options) {
      return masks_of(search(six, n, toy_loss(stream, 0.5), even_latency, options));
    };
    CHECK(masks(by(SearchMethod::beam, 1)) == masks(by(SearchMethod::greedy)));
    CHECK(masks(by(SearchMethod::beam, 20)) ==
          masks(by(SearchMethod::exhaustive)));  // binomial(6, 3) = 20
    const std::size_t size = masks(by(SearchMethod::beam, 3)).size();
    between += size > masks(by(SearchMethod::greedy)).size() && size < 64;
  }
  CHECK(between == 10);
}

TEST_CASE("a beam extends the masks of lowest loss of each size") {
  const MaskMeasure loss = toy_loss(6, 0.5);
  const auto all = search(six, n, loss, even_latency, by(SearchMethod::beam, 2));
  for (std::size_t size = n; size > 0; --size) {
    std::vector<Candidate> level;
    std::set<std::uint64_t> expected, found;
    for (const Candidate& c : all) {
      if (c.mask.count() == size) level.push_back(c);
      if (c.mask.count() == size - 1) found.insert(c.mask.bits);
    }
    std::ranges::sort(level, {}, &Candidate::loss);
    for (std::size_t k = 0; k < std::min<std::size_t>(2, level.size()); ++k)
      for (std::size_t i = 0; i < n; ++i)
        if (level[k].mask.keeps(i)) expected.insert(level[k].mask.without(i).bits);
    CHECK(found == expected);
  }
}

TEST_CASE("automatic is exhaustive up to a number of modules, then a beam") {
  const auto masks = [](const SearchOptions& options) {
    return masks_of(search(six, n, toy_loss(7, 0.5), even_latency, options));
  };
  CHECK(masks({}).size() == 64);
  CHECK(masks({.most_exhaustive = 5}) == masks(by(SearchMethod::beam)));
  CHECK(masks({.most_exhaustive = 5}).size() < 64);
  const auto five_kept =
      search(six.without(2), n, toy_loss(7), even_latency, {.most_exhaustive = 5});
  CHECK(five_kept.size() == 32);  // what counts is what is kept
}

TEST_CASE("a search has a name, and the error for another name lists all") {
  CHECK(parse_search_method("automatic") == SearchMethod::automatic);
  CHECK(parse_search_method("exhaustive") == SearchMethod::exhaustive);
  CHECK(parse_search_method("greedy") == SearchMethod::greedy);
  CHECK(parse_search_method("beam") == SearchMethod::beam);
  CHECK(message_of<ConfigError>([] { (void)parse_search_method("all"); }) ==
        "unknown search \"all\"; expected automatic, exhaustive, greedy or beam");
}

TEST_CASE("of equal losses the deeper module is removed first") {
  const auto all = search(
      ModuleMask::first(4), 4, [](ModuleMask) { return 1.0; }, even_latency,
      by(SearchMethod::greedy));
  CHECK(masks_of(all) ==
        Masks{0b1111, 0b0111, 0b1011, 0b1101, 0b1110, 0b0011, 0b0101, 0b0110, 0b0001, 0b0010, 0});
  CHECK(masks_of(all, true) == Masks{0});
}

TEST_CASE("one module of the guard stays in every mask, by every method") {
  const ModuleMask guard{0b010010};
  for (const SearchMethod method : all_methods) {
    const auto all = search(six, n, toy_loss(8, 0.3), even_latency, by(method), guard);
    for (const Candidate& c : all) CHECK((c.mask.bits & guard.bits) != 0);
    CHECK(all.back().mask.count() == 1);
    const auto none_kept =
        search(ModuleMask{0b101101}, n, toy_loss(8), even_latency, by(method), guard);
    CHECK(none_kept.back().mask.bits == 0);  // there was none to keep
  }
  CHECK(search(six, n, toy_loss(8), even_latency, by(SearchMethod::exhaustive), guard).size() ==
        64 - 16);
}

TEST_CASE(
    "of candidates equal in both only one is on the front: fewer modules, then without the "
    "deepest") {
  std::vector<Candidate> candidates{{.mask = {0b011}, .loss = 1, .latency = 2},
                                    {.mask = {0b1000}, .loss = 1, .latency = 2},
                                    {.mask = {0b100}, .loss = 1, .latency = 2},
                                    {.mask = {0b111}, .loss = 0.5, .latency = 3},
                                    {.mask = {0b101}, .loss = 1, .latency = 3},
                                    {.mask = {0b110}, .loss = 2, .latency = 2},
                                    {.mask = {0b000}, .loss = 9, .latency = 1, .on_front = false},
                                    {.mask = {0b001}, .loss = 9, .latency = 4, .on_front = true}};
  mark_front(candidates);
  CHECK(masks_of(candidates, true) == Masks{0b100, 0b111, 0b000});
  std::ranges::reverse(candidates);
  mark_front(candidates);
  CHECK(masks_of(candidates, true) == Masks{0b000, 0b111, 0b100});
}

TEST_CASE("the best within a limit is that of brute force, and on the front") {
  for (std::uint64_t stream = 0; stream < 10; ++stream) {
    const auto all = search(six, n, toy_loss(stream, 0.3), uneven_latency(stream));
    for (const Candidate& limit : all) {
      double loss = 1e9, latency = 1e9;
      for (const Candidate& c : all) {
        if (c.latency <= limit.latency) loss = std::min(loss, c.loss);
        if (c.loss <= limit.loss) latency = std::min(latency, c.latency);
      }
      const Candidate within_latency = best_within_latency(all, limit.latency),
                      within_loss = best_within_loss(all, limit.loss);
      CHECK((within_latency.loss == loss && within_latency.latency <= limit.latency &&
             within_latency.on_front));
      CHECK((within_loss.latency == latency && within_loss.loss <= limit.loss &&
             within_loss.on_front));
    }
  }
}

TEST_CASE(
    "of equally good candidates within a limit the better in the other value is taken, then fewer "
    "modules") {
  const std::vector<Candidate> candidates{{.mask = {0b111}, .loss = 1, .latency = 3},
                                          {.mask = {0b110}, .loss = 1, .latency = 2},
                                          {.mask = {0b100}, .loss = 1, .latency = 2},
                                          {.mask = {0b011}, .loss = 2, .latency = 2}};
  CHECK(best_within_latency(candidates, 3).mask.bits == 0b100);
  CHECK(best_within_loss(candidates, 2).mask.bits == 0b100);
}

TEST_CASE("the error for a limit that nothing meets names what is within reach") {
  const std::vector<Candidate> candidates{{.mask = {3}, .loss = 0.25, .latency = 3},
                                          {.mask = {1}, .loss = 0.5, .latency = 1.5}};
  CHECK(message_of<ConfigError>([&] { (void)best_within_latency(candidates, 1); }) ==
        "no mask has a latency of at most 1; the lowest within reach is 1.5");
  CHECK(message_of<ConfigError>([&] { (void)best_within_loss(candidates, 0.125); }) ==
        "no mask has a loss of at most 0.125; the lowest within reach is 0.25");
  CHECK(message_of<ConfigError>([&] {
          (void)best_within_loss(candidates, std::nan(""));
        }).starts_with("no mask"));
  CHECK(message_of<ConfigError>([] { (void)best_within_loss({}, 1); }) ==
        "no candidates to choose from");
}

TEST_CASE("a measure that is not finite is an error that names the mask") {
  const auto bad = [](double value) {
    return [=](ModuleMask mask) { return mask.bits == 0b011 ? value : 1; };
  };
  const ModuleMask three = ModuleMask::first(3);
  CHECK(message_of<NumericError>([&] {
          (void)search(three, 3, bad(std::nan("")), even_latency);
        }) == "the loss of mask 110 is not finite: nan");
  CHECK(message_of<NumericError>([&] {
          (void)search(three, 3, even_latency, bad(std::numeric_limits<double>::infinity()));
        }) == "the latency of mask 110 is not finite: inf");
  std::vector<Candidate> candidates{{.mask = {1}, .loss = std::nan(""), .latency = 2}};
  CHECK(message_of<NumericError>([&] { mark_front(candidates); }) ==
        "a candidate's loss nan or latency 2 is not finite");
}

TEST_CASE("a search that is too large or looks at nothing is an error") {
  const auto refused = [](std::size_t modules, const SearchOptions& options) {
    return message_of<ConfigError>([&] {
      (void)search(ModuleMask::first(modules), modules, even_latency, even_latency, options);
    });
  };
  const std::string too_many =
      "an exhaustive search takes at most 16 modules, found 17; search greedily or with a beam";
  CHECK(refused(17, by(SearchMethod::exhaustive)) == too_many);
  CHECK(refused(17, {.most_exhaustive = 17}) == too_many);
  CHECK(refused(17, {}) == "nothing was thrown");
  CHECK(refused(10, by(SearchMethod::exhaustive)) == "nothing was thrown");
  CHECK(refused(3, by(SearchMethod::beam, 0)) == "a beam must be at least 1 wide, found 0");
}

TEST_CASE("a search of 64 modules, and of none") {
  const auto all =
      search(ModuleMask::all(), 64, even_latency, even_latency, by(SearchMethod::greedy));
  CHECK(all.size() == 64 * 65 / 2 + 1);
  CHECK_THROWS_AS(search(ModuleMask{0b1000}, 3, even_latency, even_latency), ConfigError);
  const auto none = search(ModuleMask{}, 3, even_latency, even_latency);
  REQUIRE(none.size() == 1);
  CHECK((none[0].mask.bits == 0 && none[0].on_front));
}

}  // namespace search_tests
