// SEND: its test vectors, bounds and numerics, the criterion's sums, and the reference values of
// every fixture.
#include <spat/models/checkpoint.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_step.hpp>

#include <nlohmann/json.hpp>

#include <tests/models/example.hpp>
#include <tests/support/attention_maps.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/fixtures.hpp>

#include <fstream>
#include <set>

namespace send_tests {

using namespace spat;

namespace {

template <class Scalar>
double send_of(const std::vector<Scalar>& s, std::size_t heads, std::size_t lk,
               const std::vector<unsigned char>& visible = {}) {
  return send<Scalar>({s.data(), s.size() / lk, lk}, heads, visible);
}

/// The literal formula in long double. Accurate if S is not small.
template <class Scalar>
double literal_send(const std::vector<Scalar>& s, std::size_t heads, std::size_t lk) {
  const std::size_t lq = s.size() / heads / lk;
  long double total = 0;
  for (std::size_t i = 0; i < lq; ++i) {
    std::vector<long double> mean(lk, 0);
    for (std::size_t h = 0; h < heads; ++h) {
      long double sum = 0;
      const auto e = [&](std::size_t j) {
        return std::exp(std::abs(static_cast<long double>(s[(h * lq + i) * lk + j])));
      };
      for (std::size_t j = 0; j < lk; ++j) sum += e(j);
      for (std::size_t j = 0; j < lk; ++j) mean[j] += e(j) / sum / static_cast<long double>(heads);
    }
    long double squares = 0;
    for (const long double p : mean)
      squares +=
          (p - 1.0L / static_cast<long double>(lk)) * (p - 1.0L / static_cast<long double>(lk));
    total += std::sqrt(squares / static_cast<long double>(lk));
  }
  return static_cast<double>(total / static_cast<long double>(lq));
}

template <class Scalar>
std::vector<Scalar> random_numbers(std::size_t size, std::uint64_t stream, double scale = 1) {
  std::vector<Scalar> values(size);
  Random random(31, stream);
  for (Scalar& value : values) value = static_cast<Scalar>(scale * random.normal());
  return values;
}

/// A and dA of some samples, as an attention reports them.
template <class Scalar>
struct Event {
  std::vector<Scalar> a, da;
  AttentionCall call;

  Event(std::size_t samples, std::size_t heads, std::size_t lq, std::size_t lk,
        std::uint64_t stream, bool causal = false)
      : a(random_numbers<Scalar>(samples * heads * lq * lk, stream)),
        da(random_numbers<Scalar>(a.size(), stream + 1000)) {
    call.samples = samples, call.heads = heads, call.query_tokens = lq, call.memory_tokens = lk,
    call.causal = causal;
    if (causal)
      for (std::size_t r = 0; r < samples * heads * lq; ++r)
        for (std::size_t j = r % lq + 1; j < lk; ++j) a[r * lk + j] = 0;
  }
  Event(std::vector<Scalar> a_values, std::vector<Scalar> da_values,
        std::span<const std::size_t> shape, bool causal)
      : a(std::move(a_values)), da(std::move(da_values)) {
    call.samples = shape[0], call.heads = shape[1], call.query_tokens = shape[2],
    call.memory_tokens = shape[3];
    call.causal = causal;
  }

  /// Reports samples [first, first + count), or all, to a criterion.
  void tell(Send<Scalar>& criterion, std::size_t first, std::size_t count) const {
    AttentionCall part = call;
    part.samples = count, part.first_sample = first;
    const std::size_t at = first * (a.size() / call.samples);
    tests::tell(criterion, part, a.data() + at, da.data() + at);
  }
  void tell(Send<Scalar>& criterion) const { tell(criterion, 0, call.samples); }

  /// S by the definition, in long double.
  [[nodiscard]] std::vector<double> s(SendVariant variant) const {
    const std::size_t size = a.size() / call.samples;
    std::vector<double> result;
    for (std::size_t i = 0; i < size; ++i) {
      long double sum = 0;
      for (std::size_t b = 0; b < call.samples; ++b) {
        const long double product =
            static_cast<long double>(a[b * size + i]) * static_cast<long double>(da[b * size + i]);
        sum += variant == SendVariant::signed_sum
                   ? product
                   : std::abs(product) / static_cast<long double>(call.samples);
      }
      result.push_back(static_cast<double>(sum));
    }
    return result;
  }
};

/// The score after one step with these micro-batches.
template <class Scalar>
double score_of(const Event<Scalar>& event, SendVariant variant) {
  Send<Scalar> criterion({.variant = variant});
  event.tell(criterion);
  criterion.end_step();
  return criterion.score();
}

}  // namespace

TEMPLATE_TEST_CASE("SEND gives the values that were worked out by hand", "", float, double) {
  using Scalar = TestType;
  const auto ln2 = static_cast<Scalar>(std::log(2.0));
  CHECK(send_of<Scalar>({ln2, 0, 0, ln2}, 1, 2) ==
        Approx(1.0 / 6).epsilon(sizeof(Scalar) == 4 ? 1e-7 : 1e-15));
  CHECK(send_of<Scalar>({-ln2, 0, 0, -ln2}, 1, 2) == send_of<Scalar>({ln2, 0, 0, ln2}, 1, 2));
  const auto huge = static_cast<Scalar>(1e30F);
  std::vector<Scalar> one_hot(16, 0);
  for (std::size_t i = 0; i < 4; ++i) one_hot[i * 4 + (i * 3 + 1) % 4] = huge;
  CHECK(send_of<Scalar>(one_hot, 1, 4) == Approx(std::sqrt(3.0) / 4).epsilon(1e-15));
  CHECK(send_of<Scalar>(std::vector<Scalar>(24, Scalar(0.3)), 2, 4) == 0);
  CHECK(send_of<Scalar>(std::vector<Scalar>(24, 0), 2, 4) == 0);
  CHECK(send_of<Scalar>({Scalar(0.5), Scalar(-7)}, 1, 1) == 0);
  // Two heads that attend to different keys are even on average: heads are averaged before the
  // dispersion.
  CHECK(send_of<Scalar>({huge, 0, 0, huge}, 2, 2) == 0);
}

TEMPLATE_TEST_CASE("SEND agrees with its literal formula in long double", "", float, double) {
  for (const double scale : {0.05, 1.0, 20.0})
    for (const std::size_t heads : {1u, 3u})
      for (const std::size_t lk : {2u, 7u, 33u}) {
        const auto s = random_numbers<TestType>(heads * 5 * lk, heads * 100 + lk, scale);
        CHECK(send_of(s, heads, lk) == Approx(literal_send(s, heads, lk)).epsilon(1e-13));
      }
}

TEMPLATE_TEST_CASE("SEND lies between 0 and sqrt(Lk - 1) / Lk", "", float, double) {
  for (const double scale : {1e-9, 1e-3, 1.0, 1e3, 1e30})
    for (const std::size_t lk : {1u, 2u, 5u, 12u}) {
      const double value = send_of(random_numbers<TestType>(2 * 6 * lk, lk, scale), 2, lk);
      CHECK(value >= 0);
      CHECK(value <=
            std::sqrt(static_cast<double>(lk - 1)) / static_cast<double>(lk) * (1 + 1e-15));
    }
}

TEMPLATE_TEST_CASE("SEND is linear in the scale of small sensitivities", "", float, double) {
  const std::size_t heads = 3, lq = 4, lk = 7;
  const auto unit = random_numbers<TestType>(heads * lq * lk, 3);
  double one = 0;
  for (int exponent = -3; exponent >= -30; --exponent) {
    std::vector<TestType> s = unit;
    const double scale = std::pow(10.0, exponent);
    for (TestType& value : s) value = static_cast<TestType>(static_cast<double>(value) * scale);
    // SEND ~ mean_i std_j(mean_h |S|) / Lk, with an error of the order of |S| itself.
    double limit = 0;
    for (std::size_t i = 0; i < lq; ++i) {
      std::vector<double> row(lk, 0);
      double mean = 0, squares = 0;
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t j = 0; j < lk; ++j)
          row[j] += std::abs(double(s[(h * lq + i) * lk + j])) / double(heads);
      for (const double value : row) mean += value / double(lk);
      for (const double value : row) squares += (value - mean) * (value - mean) / double(lk);
      limit += std::sqrt(squares) / double(lk * lq);
    }
    INFO("scale 1e" << exponent);
    const double value = send_of(s, heads, lk);
    CHECK(std::abs(value / limit - 1) < 2 * scale + 1e-12);
    if (exponent == -8) one = value / scale;
    if (exponent < -8) CHECK(value / scale == Approx(one).epsilon(1e-6));
  }
}

TEMPLATE_TEST_CASE("SEND of a masked matrix is taken over the keys that are seen", "", float,
                   double) {
  const std::size_t heads = 2, l = 6;
  const auto s = random_numbers<TestType>(heads * l * l, 4);
  const auto cut_out = [&](std::size_t i, const std::vector<unsigned char>& visible) {
    std::vector<TestType> row;
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t j = 0; j < l; ++j)
        if (visible[i * l + j]) row.push_back(s[(h * l + i) * l + j]);
    return row;
  };
  SECTION("hidden columns: send of the matrix without them") {
    std::vector<unsigned char> visible(l * l, 1);
    for (std::size_t i = 0; i < l; ++i) visible[i * l + 1] = visible[i * l + 4] = 0;
    std::vector<TestType> rest;
    for (std::size_t r = 0; r < heads * l; ++r)
      for (std::size_t j = 0; j < l; ++j)
        if (j != 1 && j != 4) rest.push_back(s[r * l + j]);
    CHECK(send_of(s, heads, l, visible) == send_of(rest, heads, l - 2));
    CHECK(send_of(s, heads, l, visible) != send_of(s, heads, l));
  }
  SECTION("causal: the mean over rows of each row's own keys") {
    std::vector<unsigned char> visible(l * l, 0);
    double mean = 0;
    for (std::size_t i = 0; i < l; ++i) {
      for (std::size_t j = 0; j <= i; ++j) visible[i * l + j] = 1;
      mean += send_of(cut_out(i, visible), heads, i + 1) / double(l);
    }
    CHECK(send_of(s, heads, l, visible) == Approx(mean).epsilon(1e-14));
  }
  SECTION("a row that sees no key does not count") {
    std::vector<unsigned char> visible(l * l, 1);
    double mean = 0;
    for (std::size_t j = 0; j < l; ++j) visible[2 * l + j] = 0;
    for (std::size_t i = 0; i < l; ++i)
      if (i != 2) mean += send_of(cut_out(i, visible), heads, l) / double(l - 1);
    CHECK(send_of(s, heads, l, visible) == Approx(mean).epsilon(1e-14));
    CHECK(send_of(s, heads, l, std::vector<unsigned char>(l * l, 0)) == 0);
  }
}

TEMPLATE_TEST_CASE("a sensitivity that is not finite is an error, not a score", "", float, double) {
  for (const TestType bad :
       {std::numeric_limits<TestType>::quiet_NaN(), std::numeric_limits<TestType>::infinity(),
        -std::numeric_limits<TestType>::infinity()})
    for (const std::size_t place : {0u, 5u, 11u}) {
      auto s = random_numbers<TestType>(12, 1);
      s[place] = bad;
      CHECK_THROWS_AS(send_of(s, 2, 3), NumericError);
    }
}

TEMPLATE_TEST_CASE("the criterion sums A dA over samples by its variant", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 1e-5 : 1e-13;
  for (const std::size_t samples : {1u, 2u, 9u}) {
    const Event<TestType> event(samples, 2, 4, 5, samples);
    for (const SendVariant variant : {SendVariant::signed_sum, SendVariant::absolute_mean})
      CHECK(score_of(event, variant) ==
            Approx(literal_send(event.s(variant), 2, 5)).epsilon(tolerance));
    if (samples > 1)
      CHECK(score_of(event, SendVariant::signed_sum) !=
            Approx(score_of(event, SendVariant::absolute_mean)).epsilon(1e-3));
  }
}

TEMPLATE_TEST_CASE("micro-batches merged in order equal one micro-batch", "", float, double) {
  const double tolerance = sizeof(TestType) == 4 ? 1e-6 : 1e-13;
  for (const bool causal : {false, true})
    for (const SendVariant variant : {SendVariant::signed_sum, SendVariant::absolute_mean}) {
      const Event<TestType> event(7, 2, 5, 5, 70, causal);
      const double whole = score_of(event, variant);
      Send<TestType> merged({.variant = variant});
      std::vector<Send<TestType>> blocks(4, merged);  // the last one receives nothing
      event.tell(blocks[0], 0, 3);
      event.tell(blocks[1], 3, 1);
      event.tell(blocks[2], 4, 3);
      for (Send<TestType>& block : blocks) merged.merge(block);
      merged.end_step();
      CHECK(merged.score() == Approx(whole).epsilon(tolerance));
      CHECK(merged.bound() > 0);

      // The merge resets the micro-batches' copies: a second step starts anew.
      event.tell(blocks[1], 0, 7);
      for (Send<TestType>& block : blocks) merged.merge(block);
      merged.end_step();
      CHECK(merged.score() == Approx(whole).epsilon(tolerance));
    }
}

TEST_CASE("a step's average is corrected for its start at zero") {
  for (const double decay : {0.0, 0.5, 0.98}) {
    Send<double> criterion({.decay = decay});
    CHECK(std::isnan(criterion.score()));
    double sum = 0, weights = 0;
    for (std::size_t t = 1; t <= 6; ++t) {
      const Event<double> event(2, 2, 3, 4, t);
      event.tell(criterion);
      criterion.end_step();
      sum = decay * sum + (1 - decay) * send_of(event.s(SendVariant::signed_sum), 2, 4);
      weights = decay * weights + (1 - decay);
      CHECK(criterion.score() == Approx(sum / weights).epsilon(1e-12));
    }
    const double before = criterion.score();
    criterion.end_step();   // nothing was received
    criterion.end_epoch();  // no effect on a moving average
    CHECK(criterion.score() == before);
  }
}

TEST_CASE("an epoch's SEND is that of the mean |S| of its steps, and of no earlier epoch") {
  for (const SendVariant variant : {SendVariant::signed_sum, SendVariant::absolute_mean}) {
    Send<double> criterion({.variant = variant, .dynamics = SendDynamics::epoch});
    for (std::size_t epoch = 0; epoch < 2; ++epoch) {
      std::vector<double> mean(2 * 3 * 4, 0);
      for (std::size_t t = 0; t < 3; ++t) {
        const Event<double> event(2, 2, 3, 4, 10 * epoch + t + 1);
        event.tell(criterion);
        criterion.end_step();
        const auto s = event.s(variant);
        for (std::size_t i = 0; i < s.size(); ++i) mean[i] += std::abs(s[i]) / 3;
        if (epoch == 0) CHECK(std::isnan(criterion.score()));
      }
      criterion.end_epoch();
      CHECK(criterion.score() == Approx(send_of(mean, 2, 4)).epsilon(1e-12));
    }
    const double before = criterion.score();
    criterion.end_epoch();  // an epoch without steps
    CHECK(criterion.score() == before);
  }
}

TEST_CASE("the bound of a criterion is the largest SEND its connections allow") {
  for (const bool causal : {false, true}) {
    Event<double> event(1, 1, 5, 5, 1, causal);
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 5; ++j)
        event.a[i * 5 + j] = 1, event.da[i * 5 + j] = i == j ? 1e300 : 0;
    Send<double> criterion;
    CHECK(criterion.bound() == 0);
    event.tell(criterion);
    criterion.end_step();
    CHECK(criterion.score() == Approx(criterion.bound()).epsilon(1e-14));
    if (!causal) CHECK(criterion.bound() == Approx(0.4).epsilon(1e-15));
  }
}

TEST_CASE("a key mask hides keys of the step it belongs to, and of no other") {
  const Event<double> event(2, 1, 3, 4, 8);
  std::vector<unsigned char> mask{1, 1, 0, 1,
                                  1, 0, 0, 1};  // together the two samples see keys 0, 1 and 3
  Event<double> masked = event;
  masked.call.key_mask = {mask.data(), 2, 4};
  Send<double> criterion({.decay = 0});
  const auto s = event.s(SendVariant::signed_sum);
  std::vector<double> seen;
  for (std::size_t i = 0; i < 12; ++i)
    if (i % 4 != 2) seen.push_back(s[i]);
  masked.tell(criterion);
  criterion.end_step();
  CHECK(criterion.score() == Approx(send_of(seen, 1, 3)).epsilon(1e-13));
  CHECK(criterion.bound() == Approx(std::sqrt(2.0) / 3).epsilon(1e-15));
  event.tell(criterion);
  criterion.end_step();
  CHECK(criterion.score() == Approx(send_of(s, 1, 4)).epsilon(1e-13));
  CHECK(criterion.bound() == Approx(std::sqrt(3.0) / 4).epsilon(1e-15));
}

TEST_CASE("a criterion restored between epochs continues as if it had not been interrupted") {
  for (const bool causal : {false, true})
    for (const SendDynamics dynamics : {SendDynamics::step_average, SendDynamics::epoch}) {
      Send<float> criterion({.dynamics = dynamics}), resumed = criterion;
      const auto epoch = [&](Send<float>& one, std::size_t number) {
        for (std::size_t t = 0; t < 3; ++t) {
          Event<float>(2, 2, 4, 4, 10 * number + t, causal).tell(one);
          one.end_step();
        }
        one.end_epoch();
      };
      epoch(criterion, 1);
      resumed.restore(criterion.state());
      CHECK(resumed.score() == criterion.score());
      CHECK(resumed.bound() == criterion.bound());
      CHECK(resumed.state() == criterion.state());
      epoch(criterion, 2), epoch(resumed, 2);
      CHECK(resumed.score() == criterion.score());
      CHECK(resumed.state() == criterion.state());
    }
}

TEST_CASE("token counts may change between steps but not within one") {
  Send<double> criterion({.decay = 0}), block = criterion;
  Event<double>(1, 2, 3, 4, 1).tell(criterion);
  CHECK_THROWS_AS(Event<double>(1, 2, 3, 5, 1).tell(criterion), ShapeError);
  CHECK_THROWS_AS(Event<double>(1, 2, 4, 3, 1).tell(criterion), ShapeError);
  Event<double>(1, 2, 3, 5, 1).tell(block);
  CHECK_THROWS_AS(criterion.merge(block), ShapeError);
  criterion.end_step();
  const Event<double> wider(1, 2, 3, 5, 2);
  Send<double> other({.decay = 0});
  wider.tell(other);
  criterion.merge(other);
  criterion.end_step();
  CHECK(criterion.score() ==
        Approx(literal_send(wider.s(SendVariant::signed_sum), 2, 5)).epsilon(1e-12));
}

TEST_CASE(
    "all connections of a module together are worth what its values and its output projection "
    "are") {
  // sum S = <O, dL/dO> = <W_V, dL/dW_V> (if values have no bias) = <W_O, dL/dW_O>.
  struct Totals {
    std::map<std::size_t, std::array<double, 3>> of;
    void hear(const BackwardEvent<double>& event) {
      for (std::size_t i = 0; i < event.o.size(); ++i)
        of[event.module][2] += event.o.data()[i] * event.d_o.data()[i];
    }
    void hear(const TileEvent<double>& tile) {
      auto& [s, size, o] = of[tile.module];
      for (std::size_t j = 0; j < tile.a.rows; ++j)
        for (std::size_t i = 0; i < tile.a.cols; ++i) {
          const double one = tile.a.row(j)[i] * tile.da.row(j)[i];
          s += one, size += std::abs(one);
        }
    }
  };
  using Model = ITransformer<double>;
  auto model = example::made<Model>({example::small});
  for (const auto& parameter : parameters(model)) {
    for (double& value : parameter.values) value *= 2;
    if (parameter.name.ends_with("value_projection.bias")) std::ranges::fill(parameter.values, 0.0);
  }
  const example::RandomBatch<double> data(example::small, 4);
  Model::Cache cache;
  model.prepare(cache, Purpose::training, 4, example::small.channels);
  Totals totals;
  const ScoredPass pass(Pass{.training = true}, totals);
  const auto y = model.forward(pass, data.batch, cache);
  Tensor<double> dy(y.rows(), y.cols());
  squared_error<double>(y, data.batch.target, static_cast<double>(y.size()), dy.view());
  Model gradients = zeros_like(model);
  backward_pass(model, pass, dy, cache, gradients);
  const auto weights = parameters(model), slopes = parameters(gradients);
  const auto product = [&](const std::string& name) {
    const auto weight = find_parameter(weights, name), slope = find_parameter(slopes, name);
    REQUIRE(weight != weights.end());
    double sum = 0;
    for (std::size_t i = 0; i < weight->values.size(); ++i)
      sum += weight->values[i] * slope->values[i];
    return sum;
  };
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [s, size, o] = totals.of.at(i);
    CHECK(std::abs(s) > 1e-3 * size);  // otherwise rounding noise would be compared
    CHECK(o == Approx(s).epsilon(1e-9));
    CHECK(product(model.module_name(i) + ".value_projection.weight") == Approx(s).epsilon(1e-9));
    CHECK(product(model.module_name(i) + ".out_projection.weight") == Approx(s).epsilon(1e-9));
  }
}

namespace {

const std::map<std::string, SendVariant> variants{{"signed_sum", SendVariant::signed_sum},
                                                  {"absolute_mean", SendVariant::absolute_mean}};

nlohmann::json reference_file() {
  std::ifstream stream(fixtures::folder() + "/send_reference.json");
  return stream ? nlohmann::json::parse(stream) : nlohmann::json{};
}

/// Expected SEND of one module by variant, from send_reference.json or the file's own metadata;
/// null if neither has it.
nlohmann::json expected_of(const nlohmann::json& reference, const SafetensorsFile& file,
                           const std::string& section, const std::string& module) {
  const nlohmann::json::json_pointer place("/" + section + "/" + fixtures::name_of(file.path()) +
                                           "/" + module);
  if (reference.contains(place)) return reference.at(place);
  const auto entry = file.metadata().find("send." + module);
  return section == "eval" && entry != file.metadata().end() ? nlohmann::json::parse(entry->second)
                                                             : nlohmann::json{};
}

/// attn.0 and attn.encoder.attn_layers.0.attention are the same module.
std::string module_of(const std::string& tensor) {
  const bool number = tensor.find_first_not_of("0123456789") == std::string::npos;
  return number ? "encoder.attn_layers." + tensor + ".attention" : tensor;
}

}  // namespace

TEST_CASE("SEND of PyTorch's A and dA agrees with an independent program for every model",
          "[parity]") {
  const auto files = fixtures::files();
  if (files.empty()) WARN("skipped: no fixtures in " << fixtures::folder());
  const nlohmann::json reference = reference_file();
  std::size_t compared = 0;
  for (const std::string& path : files) {
    const SafetensorsFile file(path);
    const auto causal =
        nlohmann::json::parse(file.metadata().contains("causal") ? file.metadata("causal") : "[]")
            .get<std::set<std::string>>();
    std::size_t modules = 0;
    for (const TensorInfo& tensor : file.tensors()) {
      if (!tensor.name.ends_with(".A")) continue;
      const bool train = tensor.name.starts_with("train.attn.");
      if (!train && !tensor.name.starts_with("attn.")) continue;
      const std::string base = tensor.name.substr(0, tensor.name.size() - 2);
      const std::string module = module_of(base.substr(train ? 11 : 5));
      INFO(fixtures::name_of(path) << " " << base);
      REQUIRE(tensor.shape.size() == 4);
      const auto expected = expected_of(reference, file, train ? "train" : "eval", module);
      REQUIRE(expected.is_object());
      ++modules;
      for (const auto& entry : variants) {
        const auto& variant = entry.second;  // clang 14 captures no structured bindings
        const double value = expected.at(entry.first).get<double>();
        const auto error = [&]<class Scalar>(Scalar, bool masked) {
          const Event<Scalar> event(file.read<Scalar>(tensor.name), file.read<Scalar>(base + ".dA"),
                                    tensor.shape, masked);
          return std::abs(score_of(event, variant) / value - 1);
        };
        // The reference masks a causal module: each row over the keys that it sees. All of GPT4TS
        // are causal, and its file does not list them.
        const bool masked = causal.contains(module) || module.starts_with("gpt2.");
        CHECK(error(0.0, masked) < 1e-9);
        CHECK(error(0.0f, masked) < 1e-5);
        if (masked) CHECK(error(0.0, false) > 1e-3);
        ++compared;
      }
    }
    if (modules == 0) WARN("skipped, no attention in it: " << fixtures::name_of(path));
  }
  CHECK((files.empty() || compared > 100));
}

TEST_CASE("a pruner that receives iTransformer's events computes the reference's SEND",
          "[parity]") {
  const nlohmann::json reference = reference_file();
  std::size_t compared = 0;
  const auto files = fixtures::files();
  for (const std::string& path : files) {
    const SafetensorsFile file(path);
    const auto name = file.metadata().find("model");
    if (name == file.metadata().end() || (name->second != "itr" && name->second != "iTransformer"))
      continue;
    INFO(fixtures::name_of(path));
    using fixtures::number;
    using Model = ITransformer<float>;
    const ITransformerConfig c{.channels = number(file, "C"),
                               .marks = number(file, "marks"),
                               .lookback = number(file, "L"),
                               .horizon = number(file, "T"),
                               .width = number(file, "d"),
                               .ffn_width = number(file, "ff"),
                               .heads = number(file, "heads"),
                               .depth = number(file, "layers")};
    Model model({c});
    load_tensors(model, file);
    const std::size_t samples = number(file, "B");
    const auto x = file.read<float>("fixture.x"), y = file.read<float>("fixture.y");
    const auto marks = c.marks ? file.read<float>("fixture.x_mark") : std::vector<float>{};
    const WindowBatch<float> batch{
        .samples = samples,
        .lookback = c.lookback,
        .horizon = c.horizon,
        .history = {x.data(), samples * c.lookback, c.channels},
        .history_marks = {marks.data(), c.marks ? samples * c.lookback : 0, c.marks},
        .target = {y.data(), samples * c.horizon, c.channels}};
    for (const auto& [text, variant] : variants) {
      Pruner<Model> pruner(model, Send<float>({.variant = variant}), 0);
      TrainingStep<Model> step;
      Model gradients = zeros_like(model);
      step(model, Pass{}, batch, gradients, pruner);
      pruner.end_step();
      const auto scores = pruner.scores();
      for (std::size_t i = 0; i < c.depth; ++i) {
        const double expected =
            expected_of(reference, file, "eval", model.module_name(i)).at(text).get<double>();
        CHECK(scores[i] == Approx(expected).epsilon(1e-3));
        ++compared;
      }
    }
  }
  CHECK((files.empty() || compared > 0));
}

}  // namespace send_tests
