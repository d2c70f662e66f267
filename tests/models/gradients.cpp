// Every parameter of a whole model against central differences, in double.
#include <spat/autograd/gradient_check.hpp>
#include <spat/models/concepts.hpp>

#include <tests/catch.hpp>
#include <tests/models/example.hpp>

using namespace spat;

namespace {

void check_gradients(const ITransformerConfig& config, double dropout) {
  INFO("kept " << to_string(config.kept, config.depth) << ", marks " << config.marks << ", dropout " << dropout);
  using Model = ITransformer<double>;
  auto model = example::made<Model>({config}, 11, dropout);
  Random random(3);
  for (const auto& parameter : parameters(model))  // gains and biases of norms away from one and zero
    for (double& value : parameter.values) value += 0.2 * random.normal();
  model.pack();
  const example::RandomBatch<double> data(config, 3);
  Model::Cache cache;
  model.prepare(cache, Purpose::training, 3, config.channels);
  const Run run{.training = true, .seed = 9, .step = 4, .first_sample = 2};
  const auto loss = [&] {
    model.pack();
    const auto y = model.forward(run, data.batch, cache);
    return squared_error<double>(y, data.batch.target, 1) / static_cast<double>(y.size());
  };
  loss();
  const auto y = model.forward(run, data.batch, cache);
  Tensor<double> dy(y.rows(), y.cols());
  squared_error<double>(y, data.batch.target, static_cast<double>(y.size()), dy.view());
  Model gradients = zeros_like(model);
  backward_pass(model, run, dy, cache, gradients);
  const auto weights = parameters(model), slopes = parameters(gradients);
  for (std::size_t p = 0; p < weights.size(); ++p) {
    INFO(weights[p].name);
    CHECK(gradient_error(weights[p].values, slopes[p].values, loss, 1, 1e-5, 1e-7) < 1e-6);
    double largest = 0;
    for (const double slope : slopes[p].values) largest = std::max(largest, std::abs(slope));
    // A softmax row does not feel the bias of its keys; everything else is felt.
    if (weights[p].name.ends_with("key_projection.bias"))
      CHECK(largest < 1e-12);
    else
      CHECK(largest > 1e-5);
  }
}

}  // namespace

TEST_CASE("iTransformer's gradients agree with central differences in every parameter") {
  check_gradients(example::small.with_kept(ModuleMask<>{0b101}), 0.2);
  check_gradients(example::small, 0);
  auto plain = example::small;
  plain.marks = 0, plain.instance_norm = false, plain.depth = 1, plain.kept = {1};
  check_gradients(plain, 0);
  check_gradients(example::small.with_kept(ModuleMask<>{}), 0.2);
}
