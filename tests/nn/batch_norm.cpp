// A forward in stages: the micro-batches of a batch share BatchNorm's statistics, between two
// Linear layers.
#include "check.hpp"

#include <spat/nn/activation.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/linear.hpp>

#include <deque>
#include <vector>

namespace batch_norm_tests {

using spat::Arena;
using spat::BatchNorm;
using spat::Caches;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;
using Cut = std::vector<std::size_t>;

static_assert(spat::Layer<BatchNorm<double>> &&
              spat::Layer<BatchNorm<float, 4>, spat::Rows<const float, 4>>);

namespace {

/// y = W_2 GELU(BN(W_1 x)), written as a model with batch statistics: one method per stage.
class Net {
 public:
  using Value = double;

  Net(std::size_t in, std::size_t width, std::size_t out)
      : first(in, width), norm(width), second(width, out) {}

  spat::Linear<double> first;
  BatchNorm<double> norm;
  spat::Gelu<double> gelu;
  spat::Linear<double> second;

  struct Cache {
    spat::Linear<double>::Cache first, second;
    BatchNorm<double>::Cache norm;
    spat::Gelu<double>::Cache gelu;
    RowsOfDouble hidden, dhidden;  // between the stages

    void lay_out(Arena& arena, const Net& net, std::size_t rows) {
      first.lay_out(arena, net.first, rows);
      norm.lay_out(arena, net.norm, rows);
      gelu.lay_out(arena, rows, net.first.outputs());
      second.lay_out(arena, net.second, rows);
    }
  };

  void forward_1(const Pass& pass, RowsOfDouble x, Cache& cache) const {
    cache.hidden = first.forward(pass, x, cache.first);
    norm.observe(pass, cache.hidden, cache.norm);
  }
  RowsOfDouble forward_2(const Pass& pass, Cache& cache) const {
    return second.forward(
        pass, gelu.forward(pass, norm.forward(pass, cache.hidden, cache.norm), cache.gelu),
        cache.second);
  }
  void backward_1(const Pass& pass, RowsOfDouble dy, Cache& cache) const {
    cache.dhidden =
        gelu.backward_input(pass, second.backward_input(pass, dy, cache.second), cache.gelu);
    norm.backward_observe(pass, cache.dhidden, cache.norm);
  }
  RowsOfDouble backward_2(const Pass& pass, Cache& cache) const {
    return first.backward_input(pass, norm.backward_input(pass, cache.dhidden, cache.norm),
                                cache.first);
  }
  void backward_weights(const Pass& pass, Caches<Cache> caches, Net& gradients,
                        Share& share) const {
    first.backward_weights(pass, caches.of(&Cache::first), gradients.first, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    second.backward_weights(pass, caches.of(&Cache::second), gradients.second, share);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    spat::Linear<double>::for_each(self.first, name + "first.", list);
    BatchNorm<double>::for_each(self.norm, name + "norm.", list);
    spat::Linear<double>::for_each(self.second, name + "second.", list);
  }
};

/// A batch in micro-batches: the team runs each stage over all of them, with a reduction between
/// two stages.
class Batch {
 public:
  Batch(const Cut& cut, std::size_t workers) : team_(workers), blocks_(cut.size()) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < cut.size(); ++i) {
      blocks_[i].first_row = first, blocks_[i].rows = cut[i];
      norms_.push_back(blocks_[i].cache.norm);
      first += cut[i];
    }
  }

  std::vector<double> forward(const Net& net, RowsOfDouble x) {
    for (Block& block : blocks_)
      prepare(block.arena, Purpose::training, block.cache, net, block.rows);
    each([&](Block& block) {
      net.forward_1(pass, x.middle_rows(block.first_row, block.rows), block.cache);
    });
    net.norm.reduce(norms_);
    std::vector<double> y(x.rows() * net.second.outputs());
    each([&](Block& block) {
      const auto out = net.forward_2(pass, block.cache).flat();
      std::ranges::copy(
          out, y.begin() + static_cast<std::ptrdiff_t>(block.first_row * net.second.outputs()));
    });
    return y;
  }

  std::vector<double> backward(const Net& net, RowsOfDouble dy, Net& gradients) {
    each([&](Block& block) {
      net.backward_1(pass, dy.middle_rows(block.first_row, block.rows), block.cache);
    });
    net.norm.reduce_backward(norms_);
    std::vector<double> dx(dy.rows() * net.first.inputs());
    each([&](Block& block) {
      const auto part = net.backward_2(pass, block.cache).flat();
      std::ranges::copy(
          part, dx.begin() + static_cast<std::ptrdiff_t>(block.first_row * net.first.inputs()));
    });
    team_.for_each_worker(
        // Weights are divided into tasks, each over all micro-batches in order.
        [&](std::size_t worker) {
          Share share(worker, team_.size());
          Caches<Net::Cache> caches;
          for (Block& block : blocks_) caches.push_back(block.cache);
          net.backward_weights(pass, caches, gradients, share);
        });
    return dx;
  }

  void commit(Net& net) { net.norm.commit(blocks_.front().cache.norm, 0.1); }

  Pass pass{.training = true};

 private:
  struct Block {
    std::size_t first_row = 0, rows = 0;
    Arena arena;
    Net::Cache cache;
  };

  template <class Stage>
  void each(Stage&& stage) {
    team_.for_shares(blocks_.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) stage(blocks_[i]);
    });
  }

  spat::Team team_;
  std::deque<Block> blocks_;
  Caches<BatchNorm<double>::Cache> norms_;
};

constexpr std::size_t rows = 12, in = 3, width = 5, out = 2;
const std::vector<Cut> cuts{{12}, {6, 6}, {5, 7}, {1, 4, 7}, {1, 2, 1, 2, 1, 2, 1, 2}};

Net random_net() {
  Net net(in, width, out);
  randomize(net);
  for (double& value : net.norm.running_variance.flat()) value = std::abs(value) + 0.5;
  return net;
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = larger(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE(
    "Batch statistics over any division into micro-batches agree with central differences of the "
    "whole batch",
    "[nn]") {
  for (const Cut& cut : cuts) {
    INFO("blocks " << cut.size() << ", the first of " << cut[0]);
    Net net = random_net();
    auto x = random_tensor(rows, in, 1);
    const auto dy = random_tensor(rows, out, 2);
    Batch whole({rows}, 1), batch(cut, 1);
    batch.forward(net, x.view());
    Net gradients = spat::zeros_like(net);
    const auto dx = batch.backward(net, dy.view(), gradients);
    const auto loss = [&] {
      return dot(dy.flat(), std::span<const double>(whole.forward(net, x.view())));
    };
    check_input("x", x.flat(), dx, loss);
    check_parameters(net, gradients, loss);
    CHECK(std::ranges::all_of(gradients.norm.running_mean.flat(), [](double g) { return g == 0; }));
  }
}

TEST_CASE(
    "Any division gives the results of the whole batch up to rounding, and the same bytes on every "
    "team",
    "[nn]") {
  const Net net = random_net();
  const auto x = random_tensor(rows, in, 1), dy = random_tensor(rows, out, 2);
  Batch whole({rows}, 1);
  const auto whole_y = whole.forward(net, x.view());
  Net whole_gradients = spat::zeros_like(net);
  const auto whole_dx = whole.backward(net, dy.view(), whole_gradients);
  for (const Cut& cut : cuts) {
    Batch alone(cut, 1);
    const auto y = alone.forward(net, x.view());
    Net gradients = spat::zeros_like(net);
    const auto dx = alone.backward(net, dy.view(), gradients);
    CHECK(largest_difference(y, whole_y) < 1e-12);
    CHECK(largest_difference(dx, whole_dx) < 1e-12);
    for (const std::size_t workers : std::initializer_list<std::size_t>{2, 3, 5}) {
      INFO("blocks " << cut.size() << ", workers " << workers);
      Batch shared(cut, workers);
      CHECK(same_bits(shared.forward(net, x.view()), y));
      Net shared_gradients = spat::zeros_like(net);
      CHECK(same_bits(shared.backward(net, dy.view(), shared_gradients), dx));
      CHECK(same_parameters(shared_gradients, gradients));
    }
  }
}

TEST_CASE("Normalized features of a batch have mean zero and variance one, for any micro-batches",
          "[nn]") {
  for (const Cut& cut : cuts) {
    const BatchNorm<double> norm(width);
    const auto x = random_tensor(rows, width, 1);
    std::deque<BatchNorm<double>::Cache> caches(cut.size());
    std::deque<Arena> arenas(cut.size());
    Caches<BatchNorm<double>::Cache> blocks;
    std::size_t first = 0;
    const Pass pass{.training = true};
    std::vector<RowsOfDouble> pieces;
    for (std::size_t i = 0; i < cut.size(); ++i) {
      prepare(arenas[i], Purpose::training, caches[i], norm, cut[i]);
      pieces.push_back(RowsOfDouble(x.view()).middle_rows(first, cut[i]));
      norm.observe(pass, pieces[i], caches[i]);
      blocks.push_back(caches[i]);
      first += cut[i];
    }
    norm.reduce(blocks);
    std::vector<double> mean(width), square(width);
    for (std::size_t i = 0; i < cut.size(); ++i) {
      const auto y = norm.forward(pass, pieces[i], caches[i]);
      for (std::size_t r = 0; r < y.rows(); ++r)
        for (std::size_t c = 0; c < width; ++c)
          mean[c] += y.row(r)[c] / rows, square[c] += y.row(r)[c] * y.row(r)[c] / rows;
    }
    for (std::size_t c = 0; c < width; ++c) {
      CHECK(std::abs(mean[c]) < 1e-14);
      CHECK(square[c] == Approx(1).epsilon(1e-4));
    }
  }
}

TEST_CASE(
    "A commit moves the running statistics once a step: a tenth of the way, the variance unbiased",
    "[nn]") {
  for (const Cut& cut : cuts) {
    Net net = random_net();
    const Net before = net;
    const auto x = random_tensor(rows, in, 1);
    Batch batch(cut, 2);
    batch.forward(net, x.view());
    CHECK(same_bits(net.norm.running_mean.flat(),
                    before.norm.running_mean.flat()));  // forward does not change them
    batch.commit(net);
    for (std::size_t c = 0; c < width; ++c) {
      std::vector<double> hidden(rows, before.first.bias.data()[c]);
      double mean = 0, squares = 0;
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < in; ++i)
          hidden[r] += x.view().row(r)[i] * before.first.weight.view().row(c)[i];
        mean += hidden[r] / rows;
      }
      for (const double h : hidden) squares += (h - mean) * (h - mean);
      CHECK(net.norm.running_mean.data()[c] ==
            Approx(0.9 * before.norm.running_mean.data()[c] + 0.1 * mean));
      CHECK(net.norm.running_variance.data()[c] ==
            Approx(0.9 * before.norm.running_variance.data()[c] + 0.1 * squares / (rows - 1)));
    }
  }
}

TEST_CASE(
    "Outside training BatchNorm uses the running statistics, needs no first stage and is "
    "independent of the batch",
    "[nn]") {
  const Net net = random_net();
  const auto x = random_tensor(rows, width, 1);
  BatchNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, net.norm, rows);
  const auto y = net.norm.forward(Pass{}, x.view(), cache);
  const std::vector<double> all(y.flat().begin(), y.flat().end());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < width; ++c) {
      const double n = (x.view().row(r)[c] - net.norm.running_mean.data()[c]) /
                       std::sqrt(net.norm.running_variance.data()[c] + 1e-5);
      CHECK(all[r * width + c] == Approx(net.norm.gain.data()[c] * n + net.norm.bias.data()[c]));
    }
    CHECK(
        same_bits(net.norm.forward(Pass{}, RowsOfDouble(x.view()).middle_rows(r, 1), cache).flat(),
                  std::span(all).subspan(r * width, width)));
  }
}

TEST_CASE("Running statistics are buffers: saved and copied, not learned", "[nn]") {
  Net net = random_net();
  const auto list = spat::parameters(net);
  CHECK(spat::find_parameter(list, "norm.running_mean")->kind == spat::ParameterKind::buffer);
  CHECK(spat::find_parameter(list, "norm.running_var")->kind == spat::ParameterKind::buffer);
  CHECK(spat::find_parameter(list, "norm.num_batches_tracked")->kind ==
        spat::ParameterKind::counter);
  CHECK(spat::find_parameter(list, "norm.weight")->kind == spat::ParameterKind::weight);
  CHECK(spat::parameter_count(list) == width * in + width + 2 * width + out * width + out);
}

TEST_CASE("Outside training BatchNorm's gradient treats the running statistics as constants",
          "[nn]") {
  BatchNorm<double> norm(width);
  randomize(norm);
  for (double& value : norm.running_variance.flat()) value = std::abs(value) + 0.5;
  auto x = random_tensor(rows, width, 1);
  const auto dy = random_tensor(rows, width, 2);
  BatchNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, norm, rows);
  const auto loss = [&] { return dot(dy.flat(), norm.forward(Pass{}, x.view(), cache).flat()); };
  loss();
  auto gradients = spat::zeros_like(norm);
  const auto found = spat::backward(norm, Pass{}, RowsOfDouble(dy.view()), cache, gradients);
  const std::vector<double> dx(found.flat().begin(), found.flat().end());
  check_input("x", x.flat(), dx, loss);
  CHECK(spat::gradient_error(norm.gain.flat(), gradients.gain.flat(), loss) < tolerance);
  CHECK(spat::gradient_error(norm.bias.flat(), gradients.bias.flat(), loss) < tolerance);
}

TEST_CASE("BatchNorm leaves nothing in its memory for the next step", "[nn]") {
  const Net net = random_net();
  const auto x = random_tensor(rows, in, 1), dy = random_tensor(rows, out, 2);
  Batch batch({5, 7}, 1);
  Net first(in, width, out), second = first;
  const auto y = batch.forward(net, x.view());
  const auto dx = batch.backward(net, dy.view(), first);
  CHECK(same_bits(batch.backward(net, dy.view(), second), dx));
  CHECK(same_parameters(first, second));
  BatchNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, BatchNorm<double>(in), rows);
  BatchNorm<double>(in).observe(batch.pass, x.view(), cache);
  const std::vector<double> mean(cache.mean.begin(), cache.mean.end()),
      squares(cache.squares.begin(), cache.squares.end());
  std::ranges::fill(cache.mean, 1e6);  // as another batch may have left it
  BatchNorm<double>(in).observe(batch.pass, x.view(), cache);
  CHECK((same_bits(cache.mean, mean) && same_bits(cache.squares, squares)));
}

TEST_CASE("BatchNorm loses nothing to many rows", "[nn]") {
  double worst = 0;
  constexpr std::size_t features = 3;
  for (const std::size_t count : {20u, 4000u, 100000u})
    for (const double level : {0.0, 10.0, 1e3}) {
      std::vector<float> x(count * features);
      spat::Random random(6, count);
      for (float& value : x) value = static_cast<float>(level + random.normal());
      const BatchNorm<float> layer(features);
      BatchNorm<float>::Cache cache;
      Arena arena;
      prepare(arena, Purpose::training, cache, layer, count);
      const Pass pass{.training = true};
      layer.observe(pass, {x.data(), count, features}, cache);
      Caches<BatchNorm<float>::Cache> caches;
      caches.push_back(cache);
      layer.reduce(caches);
      for (std::size_t c = 0; c < features; ++c) {
        const auto [mean, variance] = exact_moments(std::span(x).subspan(c), count, features);
        CHECK(std::abs(double(cache.batch_mean[c]) - mean) < 1e-7 * (1 + level));
        worst = std::max(worst, std::abs(double(cache.batch_variance[c]) / variance - 1));
      }
    }
  CHECK(worst < 5e-5);
}

}  // namespace batch_norm_tests
