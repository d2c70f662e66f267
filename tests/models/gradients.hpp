// Every parameter of a whole model against central differences, in double.
#pragma once

#include <spat/autograd/gradient_check.hpp>
#include <spat/models/concepts.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>

#include <functional>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPAT_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SPAT_TEST_SANITIZED
#endif

namespace tests {

/// Sanitizers detect misuse of memory, not wrong gradients, so a sample of the numbers is enough
/// for them.
#ifdef SPAT_TEST_SANITIZED
inline constexpr std::size_t coarser = 23;
#else
inline constexpr std::size_t coarser = 1;
#endif

/// Whether a tensor's gradient is analytically zero: a softmax row does not depend on the bias of
/// its keys.
inline bool key_bias(std::string_view name) { return name.ends_with("key_projection.bias"); }

using NamePredicate = std::function<bool(std::string_view)>;
inline bool no_name(std::string_view) { return false; }
using ChangeOfTensor = std::function<void(std::string_view name, std::span<double> values)>;

/// Checks the gradients with training (dropout and batch statistics included) and without, for a
/// batch of one micro-batch. `silent` names the tensors that no loss depends on. All others must
/// have some gradient, except those whose effect batch statistics cancel in training: an affine map
/// before a BatchNorm (`normalized_away`), whose gradient comes from epsilon alone. `change` moves
/// tensors to values where their gradient is large enough to be distinguished from rounding.
template <template <class, class> class ModelOf, class Config>
void check_model_gradients(const Config& config, double dropout,
                           const NamePredicate& silent = key_bias,
                           const NamePredicate& normalized_away = no_name, std::size_t stride = 1,
                           const ChangeOfTensor& change = {}) {
  using namespace spat;
  using Model = ModelOf<double, Dynamic<Config>>;
  for (const bool training : {true, false}) {
    auto model = example::made<Model>(Dynamic<Config>{config}, 11, dropout);
    INFO(Model::name << ", kept " << to_string(model.form.kept(), model.form.modules())
                     << ", dropout " << dropout << ", training " << training);
    Random random(3);
    for (const auto& parameter :
         parameters(model))  // moves gains and biases of norms away from one and zero
      for (double& value : parameter.values)
        if (parameter.kind == ParameterKind::weight)
          value += 0.2 * random.normal();
        else if (parameter.kind == ParameterKind::buffer)
          value += 0.2 * random.uniform(0, 1);
    if (change)
      for (const auto& parameter : parameters(model)) change(parameter.name, parameter.values);
    const example::RandomBatch<double> data(config, 3);
    typename Model::Cache cache;
    model.prepare(cache, Purpose::training, 3, config.channels);
    const Pass pass{.training = training, .seed = 9, .step = 4, .first_sample = 2};
    const auto loss = [&] {
      const auto y = model.forward(pass, data.batch, cache);
      return squared_error<double>(y, data.batch.target, 1) / static_cast<double>(y.size());
    };
    loss();
    const auto y = model.forward(pass, data.batch, cache);
    Tensor<double> dy(y.rows(), y.cols());
    squared_error<double>(y, data.batch.target, static_cast<double>(y.size()), dy.view());
    Model gradients = zeros_like(model);
    backward_pass(model, pass, dy, cache, gradients);
    const auto weights = parameters(model), slopes = parameters(gradients);
    for (std::size_t p = 0; p < weights.size(); ++p) {
      if (weights[p].kind != ParameterKind::weight) continue;
      INFO(weights[p].name);
      const auto error = [&](double floor) {
        return gradient_error(weights[p].values, slopes[p].values, loss, coarser * stride, 1e-5,
                              floor);
      };
      double largest = 0;
      for (const double slope : slopes[p].values) largest = std::max(largest, std::abs(slope));
      if (silent(weights[p].name)) {
        CHECK(error(1) < 1e-9);  // absolute
        CHECK(largest < 1e-12);
      } else if (training && normalized_away(weights[p].name)) {
        CHECK(error(1) < 1e-9);
      } else {
        CHECK(error(1e-7) < 1e-6);
        CHECK(largest > 1e-5);
      }
    }
  }
}

}  // namespace tests
