// The criteria that receive events of a pass, compared to their formulas in plain loops. Slopes are
// central differences of the loss along gates.
#include <spat/criteria/block_influence.hpp>
#include <spat/criteria/cosine.hpp>
#include <spat/criteria/entropy.hpp>
#include <spat/criteria/fisher.hpp>
#include <spat/criteria/gate.hpp>
#include <spat/criteria/head_importance.hpp>
#include <spat/criteria/send/send.hpp>
#include <spat/criteria/snip.hpp>
#include <spat/criteria/taylor2.hpp>

#include <tests/criteria/attended.hpp>
#include <tests/support/attention_maps.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <numeric>

namespace criteria_tests {

using namespace spat;

namespace {

using Case = tests::AttendedCase;

/// A tile is 8 or 16 queries wide: 19 queries leave columns without a query.
const std::vector<Case> cases{
    {.name = "self"},
    {.name = "one head", .heads = 1},
    {.name = "more queries than lanes", .samples = 2, .lq = 19, .lk = 19, .width = 12, .heads = 3},
    {.name = "memory longer than query", .lq = 3, .lk = 5, .self = false},
    {.name = "one key", .lq = 3, .lk = 1, .self = false},
    {.name = "causal", .causal = true},
    {.name = "key mask", .lq = 3, .lk = 5, .self = false, .masked = true},
    {.name = "causal and key mask", .lq = 5, .lk = 5, .causal = true, .masked = true},
};

/// Relative tolerance for sums without cancellation.
template <class Scalar>
constexpr double tolerance = sizeof(Scalar) == 4 ? 2e-5 : 1e-11;

/// The mean of f over the samples.
template <class F>
double mean_over(std::size_t samples, F&& f) {
  double sum = 0;
  for (std::size_t b = 0; b < samples; ++b) sum += f(b);
  return sum / static_cast<double>(samples);
}

/// The score after one step. Checks that three copies, merged, give the same.
template <class Scalar, class C>
double score_of(const tests::Attended<Scalar>& attended, const C& prototype) {
  C whole = prototype, merged = prototype, places[3] = {prototype, prototype, prototype};
  attended.tell(whole), whole.end_step();
  const std::size_t half = attended.shape.samples / 2;
  for (int step = 0; step < 2; ++step) {  // the copies start anew
    attended.tell(places[0], 0, half),
        attended.tell(places[1], half, attended.shape.samples - half);
    for (C& place : places) merged.merge(place);  // the last one received nothing
    merged.end_step();
    CHECK(merged.step_score() ==
          Approx(whole.step_score()).epsilon(sizeof(Scalar) == 4 ? 1e-5 : 1e-12));
  }
  for (const C* const criterion : {&whole, &merged}) {
    const double step = criterion->step_score();
    CHECK(criterion->score() == Approx(criterion->estimator()({&step, 1})).epsilon(1e-14));
  }
  const auto before = whole.state();
  whole.merge(places[2]), whole.end_step();
  CHECK(whole.state() == before);
  return whole.score();
}

/// Gives one gate slope per sample, from a module of one query and one column.
template <class C>
void tell_slopes(C& criterion, std::vector<double> slopes) {
  const std::vector<double> ones(slopes.size(), 1);
  BackwardEvent<double> event;
  event.samples = event.batch_samples = slopes.size();
  event.loss_terms = 3 * slopes.size();
  event.heads = event.query_tokens = event.memory_tokens = 1;
  event.o = {ones.data(), ones.size(), 1}, event.d_o = {slopes.data(), slopes.size(), 1};
  criterion.hear(event);
}

}  // namespace

TEMPLATE_TEST_CASE("criteria of slopes equal the slopes of gates on the loss", "", float, double) {
  for (const Case& c : cases)
    for (const LossReduction reduction : {LossReduction::mean, LossReduction::sum}) {
      INFO(c.name << (reduction == LossReduction::sum ? ", summed loss" : ", mean loss"));
      const tests::Attended<TestType> attended(c);
      const bool sum = reduction == LossReduction::sum;
      const double batch = sum ? static_cast<double>(c.samples * c.lq * c.width) : 1;
      const double own = sum ? static_cast<double>(c.lq * c.width) : 1;
      const auto approximately = [](double value) {
        return Approx(value).epsilon(tolerance<TestType>);
      };

      const auto g = [&](std::size_t b) { return own * attended.gate_slope(b); };
      CHECK(score_of(attended, Gate<TestType>({.reduction = reduction})) ==
            approximately(batch * std::abs(mean_over(c.samples, [&](std::size_t b) {
                            return attended.gate_slope(b);
                          }))));
      CHECK(score_of(attended, Taylor2<TestType>({.reduction = reduction})) ==
            approximately(std::abs(
                mean_over(c.samples, [&](std::size_t b) { return g(b) - g(b) * g(b) / 2; }))));
      CHECK(score_of(attended, FisherGate<TestType>({.reduction = reduction})) ==
            approximately(mean_over(c.samples, [&](std::size_t b) { return g(b) * g(b); })));
      CHECK(score_of(attended, HeadImportance<TestType>({.reduction = reduction})) ==
            approximately(mean_over(c.samples, [&](std::size_t b) {
              double heads = 0;
              for (const double slope : attended.head_slopes(b)) heads += own * std::abs(slope);
              return heads;
            })));
      const auto s = attended.sensitivities();
      CHECK(score_of(attended, SnipSum<TestType>({.reduction = reduction})) ==
            approximately(std::accumulate(s.begin(), s.end(), 0.0, [&](double total, double x) {
              return total + batch * std::abs(x);
            })));
    }
}

TEST_CASE("slopes of batches: what is signed, squared and absolute, worked out by hand") {
  const auto after = [](auto criterion, const std::vector<std::vector<double>>& steps) {
    for (const auto& slopes : steps) tell_slopes(criterion, slopes), criterion.end_step();
    return criterion.score();
  };
  const auto mean = LossReduction::mean, sum = LossReduction::sum;
  // As parts of the batch's mean: with two samples, each sample's own slope is twice that, and 6
  // times that of a summed loss.
  CHECK(after(Gate<double>({.reduction = mean, .decay = 1}), {{1, -3}, {2, 2}}) == 3);
  CHECK(after(Gate<double>({.reduction = sum, .decay = 1}), {{1, -3}, {2, 2}}) == 18);
  CHECK(after(FisherGate<double>({.reduction = mean, .decay = 1}), {{1, -3}}) == (4 + 36) / 2);
  CHECK(after(FisherGate<double>({.reduction = sum, .decay = 1}), {{1, -3}}) == (36 + 324) / 2);
  CHECK(after(HeadImportance<double>({.reduction = mean, .decay = 1}), {{1, -3}}) == (2 + 6) / 2);
  // g - g^2 / 2 of 1, 1 is 1/2; of 4, 4 it is -4: signed over steps, and absolute at the end.
  Taylor2<double> taylor({.reduction = mean, .decay = 1});
  CHECK(after(taylor, {{0.5, 0.5}}) == 0.5);
  CHECK(after(taylor, {{2, 2}}) == 4);
  CHECK(after(taylor, {{0.5, 0.5}, {2, 2}}) == 1.75);
  tell_slopes(taylor, {2, 2}), taylor.end_step();
  CHECK(taylor.step_score() == -4);  // steps keep their sign
  CHECK(taylor.estimator()(std::vector{0.5, -4.0}) == 1.75);
  CHECK(message_of<NumericError>([&] {
          after(FisherGate<double>(), {{1, std::nan("")}});
        }).find("not finite") != std::string::npos);
}

TEMPLATE_TEST_CASE("SEND of a summed loss is that of S times the terms of the loss", "", float,
                   double) {
  for (const Case& c : cases) {
    if (c.causal || c.masked || c.lk == 1) continue;
    INFO(c.name);
    const tests::Attended<TestType> attended(c);
    auto s = attended.sensitivities();
    for (double& value : s) value *= static_cast<double>(attended.loss_terms());
    const double expected = send<double>({s.data(), s.size() / c.lk, c.lk}, c.heads);
    const CriterionOptions summed{.reduction = LossReduction::sum};
    CHECK(score_of(attended, Send<TestType>(summed)) ==
          Approx(expected).epsilon(tolerance<TestType>));
    CHECK(score_of(attended, Send<TestType>(CriterionOptions{})) != Approx(expected).epsilon(1e-2));

    Send<TestType> epoch({.dynamics = SendDynamics::epoch, .reduction = LossReduction::sum});
    attended.tell(epoch), epoch.end_step();
    CHECK(std::isnan(epoch.step_score()));
    epoch.end_epoch();
    CHECK(epoch.score() == Approx(expected).epsilon(tolerance<TestType>));
  }
}

TEST_CASE("a normalized SEND is SEND over its bound, and its bound is 1") {
  for (const Case& c : cases)
    for (const SendDynamics dynamics : {SendDynamics::step_average, SendDynamics::epoch}) {
      INFO(c.name);
      const tests::Attended<double> attended(c);
      Send<double> plain({.dynamics = dynamics}),
          normalized({.dynamics = dynamics, .normalized = true});
      for (Send<double>* one : {&plain, &normalized})
        attended.tell(*one), one->end_step(), one->end_epoch();
      if (c.lk == 1) {
        CHECK((normalized.score() == 0 && normalized.bound() == 0));
        continue;
      }
      CHECK(normalized.score() == Approx(plain.score() / plain.bound()).epsilon(1e-14));
      CHECK(normalized.bound() == 1);
      CHECK(plain.bound() < 1);
      if (dynamics == SendDynamics::step_average)
        CHECK(normalized.step_score() == Approx(normalized.score()).epsilon(1e-14));
    }
}

TEMPLATE_TEST_CASE("entropy is 1 - H / log n of each row over its own n keys", "", float, double) {
  for (const Case& c : cases) {
    INFO(c.name);
    const tests::Attended<TestType> attended(c);
    double sum = 0, rows = 0;
    for (std::size_t b = 0; b < c.samples; ++b) {
      const auto a = attended.a(b);
      for (std::size_t r = 0; r < c.heads * c.lq; ++r) {
        double h = 0, n = 0;
        for (std::size_t j = 0; j < c.lk; ++j)
          if (attended.sees(b, r % c.lq, j)) h -= a[r * c.lk + j] * std::log(a[r * c.lk + j]), ++n;
        if (n > 1) sum += 1 - h / std::log(n);
        rows += n > 0;
      }
    }
    const double score = score_of(attended, AttentionEntropy<TestType>());
    CHECK(score == Approx(sum / rows).epsilon(tolerance<TestType>).margin(1e-15));
    CHECK((score > 0.01 || c.lk == 1));
    CHECK(score < 1);
  }
}

TEST_CASE(
    "entropy: uniform attention scores 0, a row that attends to one key 1, a row that sees only "
    "one key 0") {
  const auto score = [](std::size_t heads, std::size_t lk, const std::vector<double>& a,
                        bool causal = false) {
    AttentionCall call;
    call.samples = 1, call.heads = heads, call.query_tokens = a.size() / heads / lk,
    call.memory_tokens = lk;
    call.causal = causal;
    AttentionEntropy<double> criterion;
    tests::tell(criterion, call, a.data(), a.data());
    criterion.end_step();
    return criterion.score();
  };
  CHECK(score(1, 4, std::vector<double>(12, 0.25)) == Approx(0).margin(1e-15));
  CHECK(score(1, 4, {0, 1, 0, 0, 1, 0, 0, 0}) == 1);
  CHECK(score(2, 2, {1, 0, 1, 0, 0.5, 0.5, 0.5, 0.5}) ==
        Approx(0.5));  // heads that differ: the mean of both
  CHECK(score(1, 1, {1, 1}) == 0);
  CHECK(score(1, 3, {1, 0, 0, 0.5, 0.5, 0, 1. / 3, 1. / 3, 1. / 3}, true) ==
        Approx(0).margin(1e-15));
  CHECK(score(1, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1}, true) ==
        Approx(2.0 / 3));  // the first row has no choice
  AttentionEntropy<double> nothing;
  nothing.end_step();
  CHECK(std::isnan(nothing.score()));
}

TEST_CASE("tiles of different heads may come at the same time without changing a bit") {
  const tests::Attended<double> attended(  // large enough to wake the team
      {.name = "large", .lq = 24, .lk = 24, .width = 48, .heads = 4});
  Team team(3);
  const auto check = [&](auto alone) {
    auto together = alone;
    attended.tell(alone), attended.tell(together, 0, attended.shape.samples, &team);
    alone.end_step(), together.end_step();
    CHECK(together.score() == alone.score());
  };
  check(AttentionEntropy<double>()), check(SnipSum<double>()), check(Send<double>());
}

TEMPLATE_TEST_CASE("cosine is how far attention turns its query tokens", "", float, double) {
  for (const Case& c : cases) {
    INFO(c.name);
    const tests::Attended<TestType> attended(c);
    const double expected = mean_over(c.samples, [&](std::size_t b) {
      const auto branch = attended.branch(b, attended.a(b));
      return mean_over(c.lq, [&](std::size_t i) {
        long double xx = 0, yy = 0, xy = 0;
        for (std::size_t d = 0; d < c.width; ++d) {
          const auto x = static_cast<long double>(attended.x.view().row(b * c.lq + i)[d]),
                     y = x + static_cast<long double>(branch[i * c.width + d]);
          xx += x * x, yy += y * y, xy += x * y;
        }
        return 1 - static_cast<double>(xy / std::sqrt(xx * yy));
      });
    });
    CHECK(score_of(attended, Cosine<TestType>()) == Approx(expected).epsilon(tolerance<TestType>));
    CHECK(expected > 0.01);
  }
}

TEST_CASE("a zero row is like another zero and like nothing else") {
  const std::vector<double> x{0, 0, 0, 0, 3, 4, 1, 2}, y{0, 0, 1, 1, 0, 0, 2, 4};
  BlockInfluence<double> criterion;
  criterion.hear({0, {x.data(), 4, 2}, {y.data(), 4, 2}});
  criterion.end_step();
  CHECK(criterion.score() == Approx(2.0 / 4));
  const std::vector<double> turned{-4, 3};
  criterion = BlockInfluence<double>();
  criterion.hear({0, {x.data() + 4, 1, 2}, {turned.data(), 1, 2}});
  criterion.end_step();
  CHECK(criterion.score() == 1);
}

}  // namespace criteria_tests
