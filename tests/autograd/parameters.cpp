// Parameter lists, initial weights, surgery by name, and the gradient check itself.
#include <spat/autograd/gradient_check.hpp>
#include <spat/autograd/initialize.hpp>
#include <spat/autograd/layer.hpp>
#include <tests/support/catch.hpp>

#include <map>
#include <set>

namespace parameters_tests {

using spat::ParameterKind;

namespace {

/// A model with every kind of tensor: weights of one to three dimensions, a gain, a buffer and a
/// constant.
template <class Scalar>
struct Toy {
  using Value = Scalar;
  explicit Toy(bool keeps_middle = true) : keeps(keeps_middle) {
    std::ranges::fill(gain.flat(), Scalar(1));
    std::ranges::fill(running.flat(), Scalar(2));
    std::ranges::fill(position.flat(), Scalar(3));
  }

  bool keeps;
  spat::Tensor<Scalar> first_weight{6, 16}, first_bias{1, 6}, middle_weight{4, 9},
      convolution{4, 9}, gain{1, 6}, running{1, 6}, position{2, 3};

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    list.add(name + "first.weight", self.first_weight);
    list.add(name + "first.bias", self.first_bias);
    if (self.keeps) list.add(name + "middle.weight", self.middle_weight);
    list.add(name + "conv.weight", self.convolution, {.shape = {4, 3, 3}});
    list.add(name + "norm.weight", self.gain);
    list.add(name + "norm.running_mean", self.running, {.kind = ParameterKind::buffer});
    list.add(name + "position", self.position, {.shape = {1, 2, 3}, .kind = ParameterKind::buffer});
  }
};

template <class Scalar>
std::vector<Scalar> values(const spat::ParameterList<Scalar>& list, std::string_view name) {
  const auto found = spat::find_parameter(list, name);
  REQUIRE(found != list.end());
  return {found->values.begin(), found->values.end()};
}

}  // namespace

TEMPLATE_TEST_CASE("A list names every tensor with its file shape, kind and numbers, in order",
                   "[autograd]", float, double) {
  Toy<TestType> toy;
  const auto list = spat::parameters(toy);
  REQUIRE(list.size() == 7);
  CHECK(list[0].name == "first.weight");
  CHECK(list[0].shape == std::vector<std::size_t>{6, 16});
  CHECK(list[1].shape == std::vector<std::size_t>{6});
  CHECK(list[3].shape == std::vector<std::size_t>{4, 3, 3});
  CHECK(list[6].shape == std::vector<std::size_t>{1, 2, 3});
  CHECK(list[4].kind == ParameterKind::weight);
  CHECK(list[5].kind == ParameterKind::buffer);
  CHECK(list[6].kind == ParameterKind::buffer);
  for (const auto& parameter : list) {
    std::size_t size = 1;
    for (const std::size_t extent : parameter.shape) size *= extent;
    CHECK(parameter.values.size() == size);
  }
  list[0].values[7] = TestType(42);
  CHECK(toy.first_weight.data()[7] == 42);
  CHECK(spat::find_parameter(list, "nothing") == list.end());
  CHECK(spat::parameter_count(list) ==
        96 + 6 + 36 + 36 + 6);  // buffers and constants are not learned
}

TEST_CASE("A list of a constant model cannot be written through", "[autograd]") {
  const Toy<float> toy;
  const auto list = spat::parameters(toy);
  static_assert(std::is_same_v<decltype(list), const spat::ParameterList<const float>>);
  CHECK(list[4].values[0] == 1);
}

TEST_CASE("Gradients start at zero, gains too, and leave the model alone", "[autograd]") {
  const Toy<double> toy;
  Toy<double> zeros = spat::zeros_like(toy);
  for (const auto& parameter : spat::parameters(zeros))
    CHECK(std::ranges::all_of(parameter.values, [](double value) { return value == 0; }));
  CHECK(toy.gain.data()[0] == 1);
}

TEST_CASE("A smaller model takes the tensors that survive, by name", "[autograd]") {
  Toy<double> dense;
  spat::initialize(spat::parameters(dense), 3);
  Toy<double> pruned(false);
  spat::take_surviving(spat::parameters(pruned), spat::parameters(dense));
  const auto from = spat::parameters(dense), to = spat::parameters(pruned);
  CHECK(to.size() == from.size() - 1);
  for (const auto& parameter : to)
    CHECK(values(to, parameter.name) == values(from, parameter.name));

  Toy<float> narrow;  // another scalar
  spat::take_surviving(spat::parameters(narrow), spat::parameters(std::as_const(dense)));
  CHECK(narrow.first_weight.data()[5] == static_cast<float>(dense.first_weight.data()[5]));
}

TEST_CASE("A tensor that is missing or of another shape is refused by its name", "[autograd]") {
  Toy<double> pruned(false), dense;
  const auto message = [](const auto& to, const auto& from) -> std::string {
    try {
      spat::take_surviving(to, from);
    } catch (const spat::ShapeError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  CHECK(message(spat::parameters(dense), spat::parameters(pruned)).ends_with("middle.weight"));
  auto list = spat::parameters(dense);
  list[3].shape = {4, 9};  // as many numbers, but another shape
  CHECK(message(spat::parameters(pruned), list).ends_with("conv.weight"));
  CHECK(message(spat::parameters(pruned), spat::parameters(dense)) == "nothing thrown");
}

TEMPLATE_TEST_CASE("Initial weights lie within one over the root of fan-in and fill it",
                   "[autograd]", float, double) {
  Toy<TestType> toy;
  spat::initialize(spat::parameters(toy), 17);
  const auto list = spat::parameters(toy);
  const std::map<std::string, double> fan_in{
      {"first.weight", 16}, {"first.bias", 16}, {"middle.weight", 9}, {"conv.weight", 9}};
  for (const auto& [name, fan] : fan_in) {
    const double bound = 1 / std::sqrt(fan);
    double largest = 0, mean = 0;
    const auto numbers = values(list, name);
    for (const TestType value : numbers) {
      largest = std::max(largest, std::abs(static_cast<double>(value)));
      mean += static_cast<double>(value) / static_cast<double>(numbers.size());
    }
    INFO(name << ": largest " << largest << ", bound " << bound);
    CHECK(largest <= bound * (1 + 1e-7));
    CHECK(largest > 0.5 * bound);
    CHECK(std::abs(mean) < 5 * bound / std::sqrt(3 * static_cast<double>(numbers.size())));
    CHECK(std::set<TestType>(numbers.begin(), numbers.end()).size() == numbers.size());
  }
  CHECK(values(list, "norm.weight") == std::vector<TestType>(6, 1));  // the constructor's values
  CHECK(values(list, "norm.running_mean") == std::vector<TestType>(6, 2));
  CHECK(values(list, "position") == std::vector<TestType>(6, 3));
}

TEST_CASE("Initial weights depend on the seed and the tensor's name alone", "[autograd]") {
  Toy<double> dense, pruned(false), other, reversed;
  spat::initialize(spat::parameters(dense), 5);
  spat::initialize(spat::parameters(pruned), 5);
  spat::initialize(spat::parameters(other), 6);
  auto list = spat::parameters(reversed);
  std::ranges::reverse(list);
  spat::initialize(list, 5);
  const auto all = spat::parameters(dense);
  for (const auto& parameter : spat::parameters(pruned))
    CHECK(values(all, parameter.name) == values(spat::parameters(pruned), parameter.name));
  for (const auto& parameter : all)
    CHECK(values(all, parameter.name) == values(list, parameter.name));
  CHECK(values(all, "first.weight") != values(spat::parameters(other), "first.weight"));
  CHECK(values(all, "middle.weight") != values(all, "conv.weight"));  // same size and fan-in
  CHECK(dense.first_weight.data()[0] != dense.first_bias.data()[0]);
}

TEST_CASE("The gradient check accepts the gradient, restores the values, and detects a wrong one",
          "[autograd]") {
  std::vector<double> x{0.3, -1.2, 2.0, 0.7};
  const std::vector<double> before = x;
  const auto loss = [&] {  // sum of sin(x_i) x_{i+1}
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += std::sin(x[i]) * x[(i + 1) % 4];
    return sum;
  };
  std::vector<double> gradient(4);
  for (std::size_t i = 0; i < 4; ++i)
    gradient[i] = std::cos(x[i]) * x[(i + 1) % 4] + std::sin(x[(i + 3) % 4]);
  CHECK(spat::gradient_error(x, gradient, loss) < 1e-9);
  CHECK(x == before);

  for (std::size_t i = 0; i < 4; ++i) {
    auto wrong = gradient;
    wrong[i] += 1e-4;
    CHECK(spat::gradient_error(x, wrong, loss) > 1e-5);
    wrong = gradient, wrong[i] = -wrong[i];
    CHECK(spat::gradient_error(x, wrong, loss) > 0.1);
  }
  auto doubled = gradient;
  for (double& g : doubled) g *= 2;
  CHECK(spat::gradient_error(x, doubled, loss) == Approx(1));
  // a gradient that was forgotten
  CHECK(spat::gradient_error(x, std::vector<double>(4), loss) == Approx(1));

  auto odd = gradient;
  odd[1] += 1;
  // a stride of 2 checks only every second value
  CHECK(spat::gradient_error(x, odd, loss, 2) < 1e-9);
}

TEST_CASE("The gradient check of a tensor without influence asks for zeros", "[autograd]") {
  std::vector<double> x{1, 2};
  const auto loss = [] { return 3.0; };
  CHECK(spat::gradient_error(x, std::vector<double>{0, 0}, loss) == 0);
  CHECK(spat::gradient_error(x, std::vector<double>{0, 1e-3}, loss) == Approx(1));
  CHECK(spat::gradient_error(x, std::vector<double>{0, 1e-3}, loss, 1, 1e-5, 1) == Approx(1e-3));
}

TEST_CASE("A gradient that is not a number is detected", "[autograd]") {
  std::vector<double> x{1, 2};
  const auto loss = [&] { return x[0] * x[1]; };
  const double error = spat::gradient_error(x, std::vector<double>{2, std::nan("")}, loss);
  CHECK_FALSE(error < 1e-6);
}

}  // namespace parameters_tests
