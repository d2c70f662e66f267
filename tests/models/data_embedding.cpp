// TokenEmbedding and DataEmbedding: their definition, central differences, and skipped tokens.
#include <tests/nn/check.hpp>

#include <spat/autograd/initialize.hpp>
#include <spat/models/transformer/data_embedding.hpp>

#include <vector>

namespace data_embedding_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;

static_assert(spat::Layer<spat::TokenEmbedding<double>> &&
              spat::Layer<spat::TokenEmbedding<float, 3, 8>>);

namespace {

Pass training() { return {.training = true, .seed = 11, .step = 3, .first_sample = 2}; }

}  // namespace

TEST_CASE("TokenEmbedding is a circular convolution over each sample's steps", "[nn]") {
  const std::size_t samples = 2, channels = 3, width = 5;
  for (const std::size_t tokens : {1u, 2u, 3u, 7u}) {
    INFO(tokens << " tokens");
    spat::TokenEmbedding<double> layer(channels, width);
    randomize(layer);
    const auto x = random_tensor(samples * tokens, channels, 1);
    spat::TokenEmbedding<double>::Cache cache;
    Arena arena;
    prepare(arena, Purpose::inference, cache, layer, samples, tokens);
    const auto y = layer.forward(Pass{}, x.view(), cache);
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t d = 0; d < width; ++d) {
          double sum = 0;
          for (std::size_t k = 0; k < 3; ++k)
            for (std::size_t c = 0; c < channels; ++c)
              sum += layer.token_conv.weight.view().row(d)[3 * c + k] *
                     x.view().row(s * tokens + (t + tokens + k - 1) % tokens)[c];
          CHECK(y.row(s * tokens + t)[d] == Approx(sum).margin(1e-12));
        }
  }
}

TEST_CASE("TokenEmbedding starts as the reference does: N(0, 2 / (3C)), a convolution in files",
          "[nn]") {
  spat::TokenEmbedding<double> layer(20, 100);
  const auto list = parameters(layer);
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "tokenConv.weight");
  CHECK(list[0].shape == std::vector<std::size_t>{100, 20, 3});
  initialize(list, 4);
  CHECK(dot(list[0].values, list[0].values) / 6000 == Approx(2.0 / 60).epsilon(0.1));
}

TEMPLATE_TEST_CASE_SIG("DataEmbedding agrees with central differences, with and without dropout",
                       "[nn]",
                       ((std::size_t channels, std::size_t marks, std::size_t width), channels,
                        marks, width),
                       (spat::dynamic, spat::dynamic, spat::dynamic), (3, 2, 8)) {
  const std::size_t samples = 2, tokens = 5, c = 3, m = 2;
  using Embedding = spat::DataEmbedding<double, channels, marks, width>;
  for (const double rate : {0.0, 0.3}) {
    INFO("rate " << rate);
    Embedding layer(c, m, tokens, 8);
    layer.dropout = {rate, 1};
    randomize(layer);
    auto x = random_tensor(samples * tokens, c, 1);
    const auto times = random_tensor(samples * tokens, m, 3),
               dy = random_tensor(samples * tokens, 8, 2);
    typename Embedding::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, layer, samples, tokens);
    const auto loss = [&] {
      return dot(dy.flat(), layer.forward(training(), x.view(), times.view(), cache).flat());
    };
    loss();
    auto gradients = zeros_like(layer);
    const auto dx = layer.backward_input(training(), dy.view(), cache);
    Share all;
    layer.backward_weights(training(), cache, gradients, all);
    const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
    check_input("x", x.flat(), kept, loss);
    check_parameters(layer, gradients, loss);

    loss();
    auto skipped = zeros_like(layer);  // the first layer of a model does not compute dx
    Share again;
    layer.skip_input(training(), dy.view(), cache);
    layer.backward_weights(training(), cache, skipped, again);
    CHECK(same_parameters(skipped, gradients));
  }
}

TEST_CASE("DataEmbedding leaves out the first tokens, and the others have the bytes they had",
          "[nn]") {
  const std::size_t samples = 3, tokens = 9, channels = 4, marks = 2, width = 21;
  spat::DataEmbedding<float> layer(channels, marks, tokens, width);
  randomize(layer);
  const auto x = random_tensor<float>(samples * tokens, channels, 1),
             times = random_tensor<float>(samples * tokens, marks, 2);
  spat::DataEmbedding<float>::Cache whole, rest;
  Arena arena, small;
  prepare(arena, Purpose::inference, whole, layer, samples, tokens);
  const auto y = layer.forward(Pass{}, x.view(), times.view(), whole);
  for (const std::size_t skip : {1u, 4u, 8u}) {
    const std::size_t count = tokens - skip;
    spat::Tensor<float> last(samples * count, marks);
    for (std::size_t s = 0; s < samples; ++s)
      std::ranges::copy(times.view().middle_rows(s * tokens + skip, count).flat(),
                        last.view().row(s * count));
    prepare(small, Purpose::inference, rest, layer, samples, tokens, skip);
    const auto part = layer.forward(Pass{}, x.view(), last.view(), rest);
    REQUIRE(part.rows() == samples * count);
    for (std::size_t s = 0; s < samples; ++s)
      CHECK(same_bits(part.middle_rows(s * count, count).flat(),
                      y.middle_rows(s * tokens + skip, count).flat()));
  }
}

}  // namespace data_embedding_tests
