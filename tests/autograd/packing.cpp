// Packed forms: the same bytes as the weights themselves, and never older than them.
#include <spat/autograd/packing.hpp>
#include <spat/nn/linear.hpp>

#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>

namespace packing_tests {

using spat::Bias, spat::Linear, spat::Packing, spat::Pass, spat::Purpose, spat::Rows, spat::Team;

template <class Scalar>
std::vector<Scalar> normal(std::size_t count, std::uint64_t stream) {
  std::vector<Scalar> numbers(count);
  spat::Random random(5, stream);
  for (Scalar& number : numbers) number = static_cast<Scalar>(random.normal());
  return numbers;
}

/// A layer with one batch of rows, forward and back.
template <class Layer>
class Example {
 public:
  using Scalar = typename Layer::Value;

  Example(std::size_t in, std::size_t out, std::size_t row_count)
      : layer(in, out), rows(row_count), x_(normal<Scalar>(rows * in, 1)),
        dy_(normal<Scalar>(rows * out, 2)) {
    for (const auto& parameter : spat::parameters(layer))
      std::ranges::copy(normal<Scalar>(parameter.values.size(), 3), parameter.values.begin());
  }
  [[nodiscard]] std::vector<Scalar> run(Team* team = nullptr) {
    typename Layer::Cache cache;
    spat::Arena arena;
    arena.prepare(Purpose::training, [&](spat::Arena& a) { cache.lay_out(a, layer, rows); });
    const Pass pass{.team = team};
    const auto y = layer.forward(pass, {x_.data(), rows, layer.inputs()}, cache);
    const auto dx = layer.backward_input(pass, {dy_.data(), rows, layer.outputs()}, cache);
    std::vector<Scalar> all(y.flat().begin(), y.flat().end());
    all.insert(all.end(), dx.flat().begin(), dx.flat().end());
    return all;
  }

  Layer layer;
  std::size_t rows;

 private:
  std::vector<Scalar> x_, dy_;
};

template <class Layer>
void check_same_bytes() {
  Team team(3);
  for (const std::size_t rows : {1u, 3u, 13u, 40u})
    for (const std::size_t in : {1u, 17u, 130u})
      for (const std::size_t out : {1u, 16u, 37u, 300u}) {
        INFO(rows << " rows, " << in << " -> " << out);
        Example<Layer> example(in, out, rows);
        const auto expected = example.run();
        CHECK(tests::same_bits(example.run(&team), expected));
        const auto weights = spat::parameters(example.layer);
        for (Team* packer : {static_cast<Team*>(nullptr), &team})
          for (const Purpose purpose : {Purpose::training, Purpose::inference}) {
            const Packing packing(weights, purpose, packer);
            CHECK(tests::same_bits(example.run(), expected));
            CHECK(tests::same_bits(example.run(&team), expected));
          }
      }
}

TEST_CASE("products by packed weights give the bytes of products by the weights themselves") {
  check_same_bytes<Linear<float>>();
  check_same_bytes<Linear<double>>();
  check_same_bytes<Linear<float, spat::dynamic, spat::dynamic, Bias::none>>();
}

TEST_CASE("a packed form ends with its Packing, and no copy of a layer has it") {
  Example<Linear<float>> example(20, 30, 5), changed(20, 30, 5);
  changed.layer.weight.view().row(3)[4] += 1;
  const auto before = example.run(), after = changed.run();
  REQUIRE(before != after);
  const auto weights = spat::parameters(example.layer);
  {
    const Packing packing(weights, Purpose::training);
    auto copied = example, assigned = changed;
    copied.layer.weight.view().row(3)[4] += 1;
    CHECK(copied.run() == after);
    assigned.layer = example.layer;
    CHECK(assigned.run() == before);
    auto moved = std::move(copied.layer);
    copied.layer = std::move(moved);
    CHECK(copied.run() == after);
  }
  example.layer.weight.view().row(3)[4] += 1;
  CHECK(example.run() == after);
  {  // a layer that is assigned another one while it is packed
    const Packing packing(weights, Purpose::training);
    example.layer = Example<Linear<float>>(20, 30, 5).layer;
    CHECK(example.run() == before);
  }
}

TEST_CASE("weights that are packed instead are freed, and forecast the same bytes") {
  Example<Linear<float>> example(20, 30, 5);
  const auto expected = example.run();
  const std::span<const float> y(expected.data(), 5 * 30);
  spat::pack_instead(spat::parameters(example.layer));
  CHECK(std::as_const(example.layer).weight.view().data() == nullptr);
  CHECK((example.layer.inputs() == 20 && example.layer.outputs() == 30));
  Linear<float>::Cache cache;
  spat::Arena arena;
  arena.prepare(Purpose::inference, [&](spat::Arena& a) { cache.lay_out(a, example.layer, 5); });
  const auto x = normal<float>(5 * 20, 1);
  CHECK(tests::same_bits(example.layer.forward(Pass{}, {x.data(), 5, 20}, cache).flat(), y));
}

}  // namespace packing_tests
