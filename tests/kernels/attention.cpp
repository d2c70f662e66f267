// Attention of one head and its backward against their scalar twins, inside wider matrices, and
// what is skipped for each query.
#include "guarded.hpp"

#include <tests/kernels/reference.hpp>

#include <algorithm>
#include <ostream>
#include <vector>

namespace attention_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;
using kernels::Strided;

namespace {

constexpr double number(auto value) { return static_cast<double>(value); }

struct Case {
  std::size_t lq, lk, width;
  bool causal = false, masked = false, previous = false;
  bool handed_on = false;  // hands on the scores, which then have a gradient of their own
  double rate = 0, sharpness = 1;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.lq << " x " << c.lk << ", width " << c.width << (c.causal ? ", causal" : "")
             << (c.masked ? ", masked" : "") << (c.previous ? ", previous" : "")
             << (c.handed_on ? ", handed on" : "") << ", dropout " << c.rate << ", sharpness "
             << c.sharpness;
}

/// The middle third of a wider matrix, as the heads lie. Nothing outside may be written.
template <class Scalar>
struct Part {
  Part(std::size_t rows, std::size_t cols, std::uint64_t stream, std::size_t offset = 0)
      : numbers(rows * cols * 3, offset, stream), before(numbers),
        view(numbers.data() + cols, rows, cols, 3 * cols) {}
  Part(const Part&) = delete;

  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
    return number(view.row(i)[j]);
  }
  [[nodiscard]] bool same_row(const Part& other, std::size_t i) const {
    return same_bits(std::span(view.row(i), view.cols), std::span(other.view.row(i), view.cols));
  }
  [[nodiscard]] bool intact() const {
    bool same = numbers.intact();
    for (std::size_t at = 0; at < numbers.read().size(); ++at)
      same = same && (at / view.cols % 3 == 1 || numbers[at] == before[at]);
    return same;
  }

  Guarded<Scalar> numbers, before;
  Strided<Scalar> view;
};

template <class Scalar>
struct Outcome {
  explicit Outcome(const Case& c, std::size_t offset = 0)
      : mixed(c.lq, c.width, 11, offset), scores(c.lq, c.lk, 12, offset),
        dq(c.lq, c.width, 13, offset), dk(c.lk, c.width, 14, offset), dv(c.lk, c.width, 15, offset),
        dprevious(c.lq, c.lk, 16, offset), a(c.lq, c.lk, 17), da(c.lq, c.lk, 18),
        heard(c.lq * c.lk, 0) {}
  Part<Scalar> mixed, scores, dq, dk, dv, dprevious, a, da;
  std::vector<int> heard;  // how often a tile contained (query, key)
};

template <class Scalar>
struct Call {
  explicit Call(const Case& one, std::size_t offset = 0)
      : c(one), q(c.lq, c.width, 1, offset), k(c.lk, c.width, 2, (offset + 3) % offsets),
        v(c.lk, c.width, 3, (offset + 5) % offsets),
        dmixed(c.lq, c.width, 4, (offset + 9) % offsets),
        previous(c.lq, c.lk, 5, (offset + 13) % offsets),
        dscores(c.lq, c.lk, 6, (offset + 1) % offsets), mask(c.lk, 1) {
    for (std::size_t j = 0; c.masked && j < c.lk; j += 3) mask[j] = 0;
  }
  [[nodiscard]] kernels::Head<Scalar> head() const {
    return {.q = q.view,
            .k = k.view,
            .v = v.view,
            .scale = static_cast<Scalar>(c.sharpness / std::sqrt(number(c.width))),
            .causal = c.causal,
            .key_mask = c.masked ? mask.data() : nullptr,
            .previous = c.previous ? previous.view : Strided<const Scalar>(),
            .dropout = {c.rate, 21, 22, 23, 24},
            .index = 2};
  }
  [[nodiscard]] bool sees(std::size_t i, std::size_t j) const {
    return (!c.causal || j <= i) && mask[j];
  }

  /// Computes queries [first, first + count) as if there were no others.
  void run(Outcome<Scalar>& to, std::size_t first = 0, std::size_t most = largest_size) const {
    const std::size_t count = std::min(most, c.lq - first);
    kernels::Head<Scalar> part = head();
    const auto of = [=](auto x) { return x.part(first, count, 0, x.cols); };
    part.q = of(part.q);
    if (part.previous.data) part.previous = of(part.previous);
    const auto given =
        c.handed_on ? of(Strided<const Scalar>(dscores.view)) : Strided<const Scalar>();
    const auto scores = c.handed_on ? of(to.scores.view) : Strided<Scalar>(),
               dprevious = c.previous ? of(to.dprevious.view) : Strided<Scalar>();

    spat::Arena arena;
    kernels::AttentionRoom<Scalar> room;
    arena.prepare(spat::Purpose::training,
                  [&](spat::Arena& a) { room.lay_out(a, 1, c.lk, c.width, c.rate > 0); });
    for (const auto& spoiled :
         {room.queries, room.slopes, room.a, room.da, room.kept, room.factors})
      std::ranges::fill(spoiled, std::numeric_limits<Scalar>::quiet_NaN());
    Guarded<Scalar> largest(count, 3, 1), inverse(count, 5, 1);
    const kernels::SoftmaxOfHead<Scalar> softmax{largest.data(), inverse.data()};
    kernels::attention<Scalar>(part, room, of(to.mixed.view), &softmax, scores);
    const auto hear = [&](const kernels::AttentionTile<Scalar>& tile) {
      for (std::size_t j = 0; j < tile.a.rows; ++j)
        for (std::size_t n = 0; n < tile.a.cols; ++n) {
          const std::size_t i = first + tile.first_query + n;
          to.a.view.row(i)[j] = tile.a.row(j)[n], to.da.view.row(i)[j] = tile.da.row(j)[n];
          ++to.heard.at(i * c.lk + j);
        }
    };
    kernels::attention_backward<Scalar>(part, softmax, room, of(Strided<const Scalar>(dmixed.view)),
                                        given, of(to.dq.view), to.dk.view, to.dv.view, dprevious,
                                        hear);
    for (const auto* output : {&to.mixed, &to.scores, &to.dq, &to.dk, &to.dv, &to.dprevious})
      CHECK(output->intact());
    CHECK((largest.intact() && inverse.intact()));
  }

  Case c;
  Part<Scalar> q, k, v, dmixed, previous, dscores;
  std::vector<unsigned char> mask;
};

/// Compares the kernel with its twin.
///
/// With T_ij = scale sum_w |q_iw k_jw| + |previous_ij|, a score is off by (W + 4) eps T_ij. exp
/// turns the absolute error of s_ij - largest_i into a relative one, so that A_i carries r_i = (2
/// (W + 4) max_j T_ij + Lk + 16) eps. Results computed from A, dA and dS carry the relative errors
/// of their factors, plus n eps for a sum of n terms, times the sum of the terms' sizes, where
/// |dS_ij| is A_ij (f_ij sum_w |do_iw v_jw| + sum_j A_ij f_ij sum_w |do_iw v_jw|) + |dscores_ij|.
template <class Scalar>
void check(const Case& c, std::size_t offset) {
  INFO(c);
  const Call<Scalar> call(c, offset);
  const kernels::Head<Scalar> head = call.head();
  Outcome<Scalar> found(c, (offset + 7) % offsets), twin(c);
  call.run(found);
  Part<Scalar> factors(c.lq, c.lk, 0);
  std::ranges::fill(factors.numbers.span(), Scalar(1));
  for (std::size_t at = 0; c.rate > 0 && at < c.lq * c.lk; ++at) {
    const std::size_t i = at / c.lk,
                      group = head.index * ((c.lq + 31) / 32) + i / 32;  // of 32 queries
    reference::dropout<Scalar>(head.dropout, (group * c.lk + at % c.lk) * 32 + i % 32,
                               static_cast<Scalar>(1 / (1 - c.rate)), 0,
                               {factors.view.row(i) + at % c.lk, 1});
  }
  reference::attention<Scalar>(head, twin.mixed.view, twin.a.view, factors.view);
  reference::attention_backward<Scalar>(head, twin.a.view, call.dmixed.view, twin.dq.view,
                                        twin.dk.view, twin.dv.view, twin.da.view, factors.view);

  Worst worst;
  const Part<Scalar>&q = call.q, &k = call.k, &v = call.v, &dmixed = call.dmixed, &a = twin.a,
        &da = twin.da;
  const double eps = epsilon<Scalar>, tiny = 1e6 * number(std::numeric_limits<Scalar>::min());
  const double width = number(c.width), keys = number(c.lk), queries = number(c.lq),
               scale = number(head.scale);
  const auto sizes = [&](std::size_t rows) { return std::vector<double>(rows * c.width, tiny); };
  std::vector<double> mixed = sizes(c.lq), dq = sizes(c.lq), dk = sizes(c.lk), dv = sizes(c.lk),
                      d(c.lk);
  std::vector<double> more_dq(dq.size()),
      more_dk(dk.size());  // from the gradient of the scores handed on
  for (std::size_t i = 0; i < c.lq; ++i) {
    double largest = 0, mean = 0, terms = 0;
    for (std::size_t j = 0; j < c.lk; ++j) {
      const double before = c.previous ? call.previous(i, j) : 0;
      double score = before, t = std::abs(before);
      d[j] = 0;
      for (std::size_t w = 0; w < c.width; ++w) {
        score += scale * q(i, w) * k(j, w), t += scale * std::abs(q(i, w) * k(j, w));
        d[j] += std::abs(dmixed(i, w) * v(j, w));
      }
      largest = std::max(largest, t);
      mean += a(i, j) * factors(i, j) * da(i, j), terms += a(i, j) * factors(i, j) * d[j];
      if (c.handed_on) worst.see(found.scores(i, j), score, (width + 4) * eps * t);
    }
    const double r = (2 * (width + 4) * largest + keys + 16) * eps,
                 r_ds = 2 * r + (width + keys + 8) * eps;
    for (std::size_t j = 0; j < c.lk; ++j) {
      const int heard = found.heard[i * c.lk + j];
      if (heard > 1 || (heard == 0 && call.sees(i, j))) worst.ratio = 1e302;
      if (heard) worst.see(found.a(i, j), a(i, j), call.sees(i, j) ? r * a(i, j) + tiny : 0);
      if (heard) worst.see(found.da(i, j), da(i, j), (width + 2) * eps * d[j]);
      const double ds = a(i, j) * (factors(i, j) * da(i, j) - mean),
                   more = c.handed_on ? call.dscores(i, j) : 0;
      const double size = a(i, j) * (factors(i, j) * d[j] + terms) + std::abs(more),
                   kept = a(i, j) * factors(i, j);
      if (c.previous) worst.see(found.dprevious(i, j), ds + more, r_ds * size + tiny);
      for (std::size_t w = 0; w < c.width; ++w) {
        const std::size_t query = i * c.width + w, key = j * c.width + w;
        mixed[query] += (r + (keys + 4) * eps) * kept * std::abs(v(j, w));
        dv[key] += (r + (queries + 4) * eps) * kept * std::abs(dmixed(i, w));
        dq[query] += (r_ds + (keys + 4) * eps) * scale * size * std::abs(k(j, w));
        dk[key] += (r_ds + (queries + 4) * eps) * scale * size * std::abs(q(i, w));
        more_dq[query] += scale * more * k(j, w), more_dk[key] += scale * more * q(i, w);
      }
    }
  }
  for (std::size_t w = 0; w < c.width; ++w) {
    for (std::size_t i = 0, at = w; i < c.lq; ++i, at += c.width) {
      worst.see(found.mixed(i, w), twin.mixed(i, w), mixed[at]);
      worst.see(found.dq(i, w), twin.dq(i, w) + more_dq[at], dq[at]);
    }
    for (std::size_t j = 0, at = w; j < c.lk; ++j, at += c.width) {
      worst.see(found.dv(j, w), twin.dv(j, w), dv[at]);
      worst.see(found.dk(j, w), twin.dk(j, w) + more_dk[at], dk[at]);
    }
  }
  CHECK(worst.ratio <= 1);
}

constexpr std::size_t lengths[] = {1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 40, 64, 67};
constexpr std::size_t widths[] = {1, 2, 4, 5, 8, 16, 32, 33, 64};

}  // namespace

TEMPLATE_TEST_CASE("Attention and its backward agree with their twins within n eps of their terms",
                   "[kernels]", float, double) {
  for (std::size_t round = 0, n = 0; round < 4; ++round)  // 13, 9 and 32 have no common factor
    for (const std::size_t lq : lengths)
      for (const std::size_t lk : lengths) {
        const std::size_t bits = n++ * 5 % 32;
        check<TestType>({lq, lk, widths[n % std::size(widths)], bits % 2 != 0, bits / 2 % 2 != 0,
                         bits / 4 % 2 != 0, bits / 8 % 2 != 0, bits / 16 % 2 != 0 ? 0.3 : 0},
                        n % offsets);
      }
}

TEMPLATE_TEST_CASE("Scores in the ten thousands do not overflow", "[kernels]", float, double) {
  for (const std::size_t length : lengths)
    for (const bool causal : {false, true})
      check<TestType>({length, 33, 4, causal, true, true, true, 0.2, 1e4}, 0);
}

TEMPLATE_TEST_CASE("A query's result depends on no other query, and neither does its gradient",
                   "[kernels]", float, double) {
  const Case c{67, 40, 9, false, true, true, true};
  const Call<TestType> call(c);
  Outcome<TestType> all(c);
  call.run(all);
  const auto wrong = [&](const Outcome<TestType>& other) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < c.lq; ++i)
      count += !all.mixed.same_row(other.mixed, i) || !all.scores.same_row(other.scores, i) ||
               !all.dq.same_row(other.dq, i) || !all.dprevious.same_row(other.dprevious, i) ||
               !all.a.same_row(other.a, i) || !all.da.same_row(other.da, i);
    return count;
  };
  for (const std::size_t count : Sizes{1, 2, 5, 16, 17, 33, 66}) {
    Outcome<TestType> some(c);
    for (std::size_t first = 0; first < c.lq; first += count) call.run(some, first, count);
    INFO(count << " queries at a time");
    CHECK(wrong(some) == 0);
  }
  for (std::size_t offset = 1; offset < offsets; ++offset) {  // nor on the address
    Outcome<TestType> moved(c, offset);
    Call<TestType>(c, offset).run(moved);
    CHECK(wrong(moved) == 0);
    for (std::size_t j = 0; j < c.lk; ++j)
      CHECK((all.dk.same_row(moved.dk, j) && all.dv.same_row(moved.dv, j)));
  }
  spat::Arena arena;  // nor on what training keeps
  kernels::AttentionRoom<TestType> room;
  arena.prepare(spat::Purpose::inference,
                [&](spat::Arena& a) { room.lay_out(a, 1, c.lk, c.width, false); });
  Outcome<TestType> inference(c);
  kernels::attention<TestType>(call.head(), room, inference.mixed.view);
  for (std::size_t i = 0; i < c.lq; ++i) CHECK(inference.mixed.same_row(all.mixed, i));
}

TEMPLATE_TEST_CASE(
    "A NaN or +infinity among the scores makes its own query NaN; a hidden one, or -infinity, none",
    "[kernels]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  for (const std::size_t lq : Sizes{1, 7, 33, 67})
    for (const double rate : {0.0, 0.4})
      for (const bool causal : {false, true})
        for (const std::size_t key : Sizes{0, 1, 4, 8}) {
          const Case c{lq, 9, 5, causal, true, true, false, rate};
          Call<TestType> call(c);
          const std::size_t at = lq / 2;
          INFO(c << ", key " << key);
          Outcome<TestType> before(c);
          call.previous.view.row(at)[key] = -Limits::infinity();
          call.run(before);
          for (std::size_t w = 0; w < 5; ++w) CHECK(std::isfinite(before.mixed(at, w)));
          for (const TestType bad : {Limits::quiet_NaN(), Limits::infinity()}) {
            Outcome<TestType> after(c);
            call.previous.view.row(at)[key] = bad;
            call.run(after);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < lq; ++i)
              for (std::size_t w = 0; w < 5; ++w)
                wrong += i == at && call.sees(at, key)
                             ? !std::isnan(after.mixed(i, w)) || !std::isnan(after.dq(i, w))
                             : after.mixed(i, w) != before.mixed(i, w) ||
                                   after.dq(i, w) != before.dq(i, w);
            CHECK(wrong == 0);
          }
        }
}

TEMPLATE_TEST_CASE("A query that sees no key mixes zeros", "[kernels]", float, double) {
  for (const std::size_t lq : lengths)
    for (const bool by_mask : {false, true}) {
      Call<TestType> call({lq, 20, 6, false, by_mask, !by_mask});
      std::ranges::fill(call.mask, static_cast<unsigned char>(!by_mask));
      std::ranges::fill(call.previous.numbers.span(), -std::numeric_limits<TestType>::infinity());
      Outcome<TestType> found(call.c);
      call.run(found);
      std::size_t wrong = 0;
      for (const Part<TestType>* part : {&found.mixed, &found.dq, &found.dk, &found.dv})
        for (std::size_t at = 0; at < part->view.rows * 6; ++at)
          wrong += (*part)(at / 6, at % 6) != 0;
      CHECK(wrong == 0);
    }
}

}  // namespace attention_tests
