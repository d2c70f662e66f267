// MultiHeadAttention in full generality: compared to plain loops and central differences, and its
// guarantees about masks, scores, dropout, threads and the division of a batch.
#include "check.hpp"

#include <spat/nn/attention.hpp>
#include <tests/kernels/reference.hpp>

#include <tests/support/attention_maps.hpp>

#include <memory>
#include <ostream>
#include <vector>

namespace attention_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using Attention = spat::MultiHeadAttention<double>;
using Numbers = std::vector<double>;
using RowsOfDouble = spat::Rows<const double>;

namespace {

/// One way to call attention.
struct Case {
  const char* name;
  std::size_t samples = 2, lq = 3, lk = 3, width = 6, heads = 2;
  bool self = true, causal = false, masked = false, previous = false, hands_on = false;
  double dropout = 0;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const std::vector<Case> cases{
    {.name = "self"},
    {.name = "one head, one token", .samples = 3, .lq = 1, .lk = 1, .heads = 1},
    {.name = "every head one wide", .lq = 4, .lk = 4, .heads = 6},
    {.name = "memory longer than query", .lq = 2, .lk = 5, .self = false},
    {.name = "query longer than memory", .lq = 5, .lk = 2, .self = false},
    {.name = "causal", .lq = 4, .lk = 4, .causal = true},
    {.name = "causal with another memory", .lq = 4, .lk = 4, .self = false, .causal = true},
    {.name = "key mask", .samples = 3, .lq = 3, .lk = 5, .self = false, .masked = true},
    {.name = "causal and key mask", .samples = 3, .lq = 5, .lk = 5, .causal = true, .masked = true},
    {.name = "previous scores", .lq = 2, .lk = 4, .self = false, .previous = true},
    {.name = "hands on scores", .lq = 4, .lk = 4, .hands_on = true},
    {.name = "previous scores, handed on, masked",
     .samples = 3,
     .lq = 4,
     .lk = 4,
     .masked = true,
     .previous = true,
     .hands_on = true},
    {.name = "dropout", .lq = 4, .lk = 4, .dropout = 0.4},
    {.name = "everything",
     .samples = 3,
     .lq = 4,
     .lk = 4,
     .self = false,
     .causal = true,
     .masked = true,
     .previous = true,
     .hands_on = true,
     .dropout = 0.3},
};

/// The inputs of one call, and the call.
struct Call {
  explicit Call(const Case& c, std::size_t first_sample = 0, spat::Team* team = nullptr)
      : shape(c), layer(c.width, c.heads), x(random_tensor(c.samples * c.lq, c.width, 1)),
        memory(random_tensor(c.samples * c.lk, c.width, 2)),
        previous(random_tensor(c.previous ? c.samples * c.heads * c.lq : 0, c.lk, 3)),
        dy(random_tensor(c.samples * c.lq, c.width, 4)),
        dscores(random_tensor(c.hands_on ? c.samples * c.heads * c.lq : 0, c.lk, 5)),
        mask(c.masked ? c.samples * c.lk : 0) {
    pass = {.training = true, .seed = 21, .step = 4, .first_sample = first_sample, .team = team};
    layer.causal = c.causal, layer.takes_scores = c.previous, layer.hands_on_scores = c.hands_on,
    layer.dropout = {c.dropout, 3};
    randomize(layer);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      const std::size_t sample = i / c.lk, key = i % c.lk;
      mask[i] = sample == 0 ? key == 0
                            : (sample + key) % 3 != 0 || key == 0;  // sample 0 sees one key only
    }
    prepare();
  }

  void prepare(Purpose purpose = Purpose::training) {
    ::prepare(arena, purpose, cache, layer, shape.samples, shape.lq, shape.lk);
  }

  [[nodiscard]] spat::AttentionInputs<double> inputs() const {
    spat::AttentionInputs<double> in;
    if (shape.masked) in.key_mask = {mask.data(), shape.samples, shape.lk};
    if (shape.previous) in.previous_scores = previous.view();
    return in;
  }
  [[nodiscard]] RowsOfDouble x_m() const { return shape.self ? x.view() : memory.view(); }

  template <class PassType>
  RowsOfDouble forward(const PassType& how) {
    return layer.forward(how, x.view(), x_m(), cache, inputs());
  }
  RowsOfDouble forward() { return forward(pass); }

  /// <dy, y> + <dscores, scores passed on>.
  double loss() {
    double sum = dot(dy.flat(), forward().flat());
    if (shape.hands_on) sum += dot(dscores.flat(), cache.scores.flat());
    return sum;
  }

  template <class PassType>
  Attention::InputGradients backward(const PassType& how) {
    return layer.backward_input(how, dy.view(), cache,
                                shape.hands_on ? RowsOfDouble(dscores.view()) : RowsOfDouble());
  }
  /// A and dA of a forward and a backward, for an output gradient of dy.
  tests::AttentionMaps<double> maps() {
    tests::AttentionMaps<double> maps;
    const spat::ScoredPass<tests::AttentionMaps<double>> scored(pass, maps);
    forward(scored);
    backward(scored);
    return maps;
  }
  Attention weights() {
    auto gradients = zeros_like(layer);
    Share all;
    layer.backward_weights(pass, cache, gradients, all);
    return gradients;
  }

  Case shape;
  Attention layer;
  spat::Tensor<double> x, memory, previous, dy, dscores;
  std::vector<unsigned char> mask;
  Pass pass;
  Arena arena;
  Attention::Cache cache;
};

Numbers copy(std::span<const double> values) { return {values.begin(), values.end()}; }

/// The definition, independent of the library except for the dropout mask.
struct Naive {
  Numbers y, scores, a, o;

  explicit Naive(const Call& call) {
    const auto& [name, samples, lq, lk, width, heads, self, causal, masked, previous, hands_on,
                 dropout] = call.shape;
    const double rate = call.pass.training ? dropout : 0;
    const std::size_t size = width / heads;
    const auto project = [width = width](const spat::Linear<double>& linear, const Numbers& x) {
      Numbers out(x.size());
      for (std::size_t r = 0; r < x.size() / width; ++r)
        for (std::size_t i = 0; i < width; ++i) {
          out[r * width + i] = linear.bias.data()[i];
          for (std::size_t j = 0; j < width; ++j)
            out[r * width + i] += linear.weight.data()[i * width + j] * x[r * width + j];
        }
      return out;
    };
    const Numbers q = project(call.layer.query_projection, copy(call.x.flat()));
    const Numbers k = project(call.layer.key_projection, copy(call.x_m().flat()));
    const Numbers v = project(call.layer.value_projection, copy(call.x_m().flat()));
    scores.resize(samples * heads * lq * lk), a.resize(scores.size()),
        o.resize(samples * lq * width);
    for (std::size_t s = 0; s < samples; ++s) {
      const std::size_t group = 32, groups = (lq + group - 1) /
                                             group;  // positions are (head, group, key, query)
      std::vector<unsigned char> keep(heads * groups * lk * group, 1);
      if (rate > 0)
        spat::kernels::reference::dropout<unsigned char>(
            {rate, call.pass.seed, call.pass.step, 3, call.pass.first_sample + s}, 0, 1, 0, keep);
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t i = 0; i < lq; ++i) {
          double total = 0;
          for (std::size_t j = 0; j < lk; ++j) {
            const std::size_t at = ((s * heads + h) * lq + i) * lk + j;
            for (std::size_t d = 0; d < size; ++d)
              scores[at] +=
                  q[(s * lq + i) * width + h * size + d] * k[(s * lk + j) * width + h * size + d];
            scores[at] /= std::sqrt(static_cast<double>(size));
            if (previous) scores[at] += call.previous.data()[at];
            const bool seen = (!causal || j <= i) && (!masked || call.mask[s * lk + j]);
            a[at] = seen ? std::exp(scores[at]) : 0;
            total += a[at];
          }
          for (std::size_t j = 0; j < lk; ++j) {
            const std::size_t at = ((s * heads + h) * lq + i) * lk + j;
            a[at] /= total;
            const double mixed = keep[((h * groups + i / group) * lk + j) * group + i % group]
                                     ? a[at] / (1 - rate)
                                     : 0;
            for (std::size_t d = 0; d < size; ++d)
              o[(s * lq + i) * width + h * size + d] +=
                  mixed * v[(s * lk + j) * width + h * size + d];
          }
        }
    }
    y = project(call.layer.out_projection, o);
  }
};

void check_close(std::span<const double> found, const Numbers& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = larger(worst, std::abs(found[i] - expected[i]));
  CHECK(worst < 1e-12);
}

struct Deaf {};

}  // namespace

TEST_CASE("Attention equals its definition in plain loops", "[nn]") {
  for (const Case& c : cases) {
    INFO(c);
    Call call(c);
    const Naive naive(call);
    check_close(call.forward().flat(), naive.y);
    check_close(call.maps().a, naive.a);
    check_close(call.cache.mixed.flat(), naive.o);
    if (c.hands_on) check_close(call.cache.scores.flat(), naive.scores);

    call.pass.training = false;
    const auto inference = copy(call.forward().flat());
    check_close(inference, Naive(call).y);
    call.prepare(Purpose::inference);  // temporary memory is reused
    CHECK(same_bits(call.forward().flat(), inference));
    if (c.hands_on) check_close(call.cache.scores.flat(), naive.scores);
  }
}

TEST_CASE("Attention agrees with central differences in every tensor and input", "[nn]") {
  for (const Case& c : cases) {
    INFO(c);
    Call call(c);
    call.loss();
    const auto [query, memory, previous] = call.backward(call.pass);
    auto gradients = call.weights();
    Numbers dx = copy(query.flat());
    const Numbers dmemory = copy(memory.flat()), dprevious = copy(previous.flat());
    if (c.self)
      for (std::size_t i = 0; i < dx.size(); ++i) dx[i] += dmemory[i];
    const auto loss = [&] { return call.loss(); };
    if (c.self || c.lk > 1) check_input("x", call.x.flat(), dx, loss);
    if (!c.self) check_input("memory", call.memory.flat(), dmemory, loss);
    if (c.previous) check_input("previous scores", call.previous.flat(), dprevious, loss);
    CHECK(dprevious.empty() == !c.previous);
    check_parameters(call.layer, gradients, loss);
  }
}

TEST_CASE("Attention with sizes in its type gives the bytes of the dynamic one", "[nn]") {
  for (const Case& c : cases) {
    if (c.width != 6 || c.heads != 2) continue;
    INFO(c);
    Call call(c);
    using Fixed = spat::MultiHeadAttention<double, 6, 2>;
    Fixed layer(6, 2);
    layer.causal = c.causal, layer.takes_scores = c.previous, layer.hands_on_scores = c.hands_on,
    layer.dropout = {c.dropout, 3};
    randomize(layer);
    Fixed::Cache cache;
    Arena arena;
    ::prepare(arena, Purpose::training, cache, layer, c.samples, c.lq, c.lk);
    CHECK(same_bits(
        call.forward().flat(),
        layer.forward(call.pass, call.x.view(), call.x_m(), cache, call.inputs()).flat()));
    const auto expected = call.backward(call.pass);
    const auto found =
        layer.backward_input(call.pass, call.dy.view(), cache,
                             c.hands_on ? RowsOfDouble(call.dscores.view()) : RowsOfDouble());
    CHECK(same_bits(expected.query.flat(), found.query.flat()));
    CHECK(same_bits(expected.memory.flat(), found.memory.flat()));
    auto weights = call.weights();
    auto gradients = zeros_like(layer);
    Share all;
    layer.backward_weights(call.pass, cache, gradients, all);
    const auto a = parameters(weights);
    const auto b = parameters(gradients);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(same_bits(a[i].values, b[i].values));
  }
}

TEST_CASE("A hidden key has no influence, to the last bit, and gets no gradient", "[nn]") {
  Call call({.name = "mask", .samples = 3, .lq = 4, .lk = 6, .self = false, .masked = true});
  const Numbers before = copy(call.forward().flat());
  const Numbers dmemory = copy(call.backward(call.pass).memory.flat());
  std::size_t hidden = 0;
  for (std::size_t i = 0; i < call.mask.size(); ++i) {
    if (call.mask[i]) continue;
    ++hidden;
    for (std::size_t d = 0; d < 6; ++d) {
      CHECK(dmemory[i * 6 + d] == 0);
      call.memory.view().row(i)[d] = 100 * static_cast<double>(d);
    }
  }
  CHECK(hidden > 6);
  CHECK(same_bits(call.forward().flat(), before));
  const auto maps = call.maps();
  for (std::size_t i = 0; i < call.mask.size(); ++i)
    for (std::size_t r = 0; r < 8; ++r)
      if (!call.mask[i]) CHECK(maps.rows(maps.a).row((i / 6) * 8 + r)[i % 6] == 0);
}

TEST_CASE("A sample with one seen key mixes only that key's value", "[nn]") {
  Call call({.name = "mask", .samples = 3, .lq = 4, .lk = 5, .self = false, .masked = true});
  const auto maps = call.maps();
  for (std::size_t row = 0; row < 8; ++row)
    for (std::size_t j = 0; j < 5; ++j) CHECK(maps.rows(maps.a).row(row)[j] == (j == 0 ? 1 : 0));
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t d = 0; d < 6; ++d)
      CHECK(call.cache.mixed.row(i)[d] == call.cache.value.y.row(0)[d]);
}

TEST_CASE("A sample that sees no key mixes nothing, and backward stays finite", "[nn]") {
  Call call({.name = "mask", .lq = 3, .lk = 4, .self = false, .masked = true});
  std::fill(call.mask.begin(), call.mask.begin() + 4, static_cast<unsigned char>(0));
  const auto y = call.forward();
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t d = 0; d < 6; ++d)
      CHECK(y.row(i)[d] == call.layer.out_projection.bias.data()[d]);
  const auto gradients = call.backward(call.pass);
  for (std::size_t i = 0; i < 4 * 6; ++i) CHECK(gradients.memory.flat()[i] == 0);
  for (const double g : gradients.query.flat()) CHECK(std::isfinite(g));
}

TEST_CASE("A causal query sees only itself and earlier keys", "[nn]") {
  Call call({.name = "causal", .lq = 5, .lk = 5, .causal = true});
  const Numbers before = copy(call.forward().flat());
  const auto maps = call.maps();
  for (std::size_t row = 0; row < 2 * 2 * 5; ++row)
    for (std::size_t j = 0; j < 5; ++j)
      CHECK((maps.rows(maps.a).row(row)[j] > 0) == (j <= row % 5));
  CHECK(maps.a[0] == 1);
  for (std::size_t changed = 1; changed < 5; ++changed) {
    Call other({.name = "causal", .lq = 5, .lk = 5, .causal = true});
    for (double& value : other.x.view().middle_rows(changed, 5 - changed).flat()) value += 3;
    const auto y = other.forward();
    CHECK(same_bits(y.middle_rows(0, changed).flat(), std::span(before).first(changed * 6)));
    CHECK(y.row(changed)[0] != before[changed * 6]);
  }
}

TEST_CASE("A criterion receives A and dA: A dA sums to <O, dO> in every row and head", "[nn]") {
  for (const Case& c : cases) {
    INFO(c);
    Call call(c, 40);
    tests::AttentionMaps<double> listener;
    const spat::ScoredPass<tests::AttentionMaps<double>> scored(call.pass.at(7), listener);
    const auto y = call.forward(scored);
    REQUIRE(listener.forward.size() == 1);
    REQUIRE(listener.backward.empty());
    call.backward(scored);
    REQUIRE(listener.backward.size() == 1);

    const auto& event = listener.backward[0];
    CHECK(event.module == 7);
    CHECK(event.first_sample == 40);
    CHECK(event.samples == c.samples);
    CHECK(event.heads == c.heads);
    CHECK(event.query_tokens == c.lq);
    CHECK(event.memory_tokens == c.lk);
    CHECK(event.causal == c.causal);
    CHECK(event.output.data() == y.data());
    CHECK(event.input.data() == call.x.data());
    CHECK(listener.forward[0].o.data() == event.o.data());
    CHECK(listener.forward[0].module == 7);
    CHECK(listener.module == 7);
    CHECK(listener.tiles ==
          c.samples * c.heads * spat::divide_up(c.lq, spat::kernels::panel_width<double>));
    const RowsOfDouble a = listener.rows(listener.a), da_found = listener.rows(listener.da);

    const std::size_t size = c.width / c.heads;
    const auto v = call.cache.value.y;
    for (std::size_t s = 0; s < c.samples; ++s)
      for (std::size_t h = 0; h < c.heads; ++h)
        for (std::size_t i = 0; i < c.lq; ++i) {
          const std::size_t row = (s * c.heads + h) * c.lq + i;
          double total = 0, scores = 0, mixing = 0;
          for (std::size_t j = 0; j < c.lk; ++j) {
            total += a.row(row)[j];
            scores += a.row(row)[j] * da_found.row(row)[j];
            if (!event.sees(s, i, j)) CHECK(a.row(row)[j] == 0);
            double da = 0;  // where A enters the mixing: dA = dO V^T
            for (std::size_t d = 0; d < size; ++d)
              da += event.d_o.row(s * c.lq + i)[h * size + d] * v.row(s * c.lk + j)[h * size + d];
            if (event.sees(s, i, j)) CHECK(da_found.row(row)[j] == Approx(da).margin(1e-12));
          }
          for (std::size_t d = h * size; d < (h + 1) * size; ++d)
            mixing += event.o.row(s * c.lq + i)[d] * event.d_o.row(s * c.lq + i)[d];
          CHECK(total == Approx(1));
          if (c.dropout == 0) CHECK(scores == Approx(mixing).margin(1e-12));
        }
  }
}

TEST_CASE("A listener changes no bit, and a criterion may receive one direction or none", "[nn]") {
  const Case& c = cases.back();
  Call plain(c);
  const Numbers y = copy(plain.forward().flat());
  const Numbers dx = copy(plain.backward(plain.pass).query.flat());
  struct OnlyForward {
    int heard = 0;
    void hear(const spat::ForwardEvent<double>&) { ++heard; }
  } only_forward;
  struct OnlyBackward {
    int heard = 0;
    void hear(const spat::BackwardEvent<double>&) { ++heard; }
  } only_backward;
  Deaf deaf;
  const auto check = [&](auto& listener) {
    Call call(c);
    const spat::ScoredPass<std::remove_reference_t<decltype(listener)>> scored(call.pass, listener);
    CHECK(same_bits(call.forward(scored).flat(), y));
    CHECK(same_bits(call.backward(scored).query.flat(), dx));
  };
  check(only_forward), check(only_backward), check(deaf);
  CHECK(only_forward.heard == 1);
  CHECK(only_backward.heard == 1);
}

TEST_CASE("Attention gives the same bytes on teams of one, two and three, and without a team",
          "[nn]") {
  Case c = cases.back();  // large enough that every loop wakes the team
  c.samples = 5, c.lq = c.lk = 24, c.width = 48, c.heads = 4;
  Call alone(c);
  const Numbers y = copy(alone.forward().flat());
  const auto expected = alone.backward(alone.pass);
  auto weights = alone.weights();
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3}) {
    spat::Team team(size);
    Call call(c, 0, &team);
    INFO("workers " << size);
    CHECK(same_bits(call.forward().flat(), y));
    const auto found = call.backward(call.pass);
    CHECK(same_bits(found.query.flat(), expected.query.flat()));
    CHECK(same_bits(found.memory.flat(), expected.memory.flat()));
    CHECK(same_bits(found.previous_scores.flat(), expected.previous_scores.flat()));
    auto gradients = zeros_like(call.layer);
    for (std::size_t i = 0; i < size; ++i) {
      Share share(i, size);
      call.layer.backward_weights(call.pass, call.cache, gradients, share);
    }
    CHECK(same_parameters(gradients, weights));
  }
}

TEST_CASE("A batch in micro-batches gives the bytes of the batch at once, its gradients too",
          "[nn]") {
  Case c = cases.back();
  c.samples = 7, c.lq = c.lk = 5, c.self = true;
  Call whole(c);
  const Numbers y = copy(whole.forward().flat());
  const auto expected = whole.backward(whole.pass);
  auto weights = whole.weights();
  for (const auto& cut :
       std::vector<std::vector<std::size_t>>{{3, 4}, {1, 1, 5}, {1, 1, 1, 1, 1, 1, 1}}) {
    auto gradients = zeros_like(whole.layer);
    std::size_t first = 0;
    for (const std::size_t count : cut) {
      Call block(c, first);
      const std::size_t rows = first * c.lq, score_rows = rows * c.heads, block_rows = count * c.lq;
      ::prepare(block.arena, Purpose::training, block.cache, block.layer, count, c.lq, c.lk);
      spat::AttentionInputs<double> inputs;
      inputs.key_mask = {block.mask.data() + first * c.lk, count, c.lk};
      inputs.previous_scores =
          RowsOfDouble(block.previous.view()).middle_rows(score_rows, block_rows * c.heads);
      const auto x = RowsOfDouble(block.x.view()).middle_rows(rows, block_rows);
      const auto out = block.layer.forward(block.pass, x, x, block.cache, inputs);
      CHECK(same_bits(out.flat(), std::span(y).subspan(rows * c.width, block_rows * c.width)));
      const auto found = block.layer.backward_input(
          block.pass, RowsOfDouble(block.dy.view()).middle_rows(rows, block_rows), block.cache,
          RowsOfDouble(block.dscores.view()).middle_rows(score_rows, block_rows * c.heads));
      CHECK(same_bits(found.query.flat(), expected.query.middle_rows(rows, block_rows).flat()));
      CHECK(same_bits(found.memory.flat(), expected.memory.middle_rows(rows, block_rows).flat()));
      Share all;
      block.layer.backward_weights(block.pass, block.cache, gradients, all);
      first += count;
    }
    CHECK(same_parameters(gradients, weights));
  }
}

TEST_CASE("Heads that do not divide the width are refused, with both numbers", "[nn]") {
  CHECK_THROWS_AS(Attention(6, 4), spat::ConfigError);
  CHECK_THROWS_AS(Attention(6, 0), spat::ConfigError);
  try {
    Attention refused(6, 4);
  } catch (const spat::ConfigError& error) {
    CHECK(std::string(error.what()) == "heads must divide width: heads 4, width 6");
  }
}

TEST_CASE("Attention names its tensors as the reference does", "[nn]") {
  Attention layer(4, 2);
  std::vector<std::string> names;
  for (const auto& parameter : parameters(layer)) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"query_projection.weight", "query_projection.bias",
                                          "key_projection.weight", "key_projection.bias",
                                          "value_projection.weight", "value_projection.bias",
                                          "out_projection.weight", "out_projection.bias"});
}

}  // namespace attention_tests
