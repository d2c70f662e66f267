// Losses, optimizers, rate schedules, observers and cancellation: the library's and a user's own.
#include <spat/autograd/gradient_check.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace hooks_tests {

using namespace spat;

namespace {

using Model = OfficialPatchTST<float>;  // with batch statistics
constexpr OfficialPatchTSTConfig config{.channels = 3,
                                        .lookback = 16,
                                        .horizon = 6,
                                        .width = 8,
                                        .ffn_width = 8,
                                        .heads = 2,
                                        .depth = 2,
                                        .patch = 4,
                                        .stride = 4,
                                        .kept = ModuleMask{0b11}};

const example::SyntheticWindows<float>& windows() {
  static const example::SyntheticWindows<float> all(config, 8);
  return all;
}

TrainingOptions options(std::size_t epochs = 2) {
  return {.epochs = epochs, .rate = 2e-3, .schedule = RateSchedule::constant, .clip_norm = 1};
}

/// A trained model, with the scores of its modules.
struct Trained {
  Model model;
  std::vector<double> scores;
  std::vector<EpochRecord> history;
};

/// Trains with a pruner; set_up(trainer) may set hooks.
template <class SetUp>
Trained trained(const TrainingOptions& with, SetUp&& set_up, Team* team = nullptr) {
  auto model = example::made<Model>({config}, 3, 0.1);
  Trainer<Model> trainer(model, with, team);
  set_up(trainer);
  Pruner<Model> pruner(model);
  trainer.fit(windows().training, windows().validation, pruner);
  return {model, pruner.scores(), trainer.history()};
}
Trained trained(const TrainingOptions& with) {
  return trained(with, [](auto&) {});
}

bool same(const Trained& a, const Trained& b) {
  return example::same_parameters(a.model, b.model) && a.scores == b.scores;
}

/// Gradient descent with momentum, written by a user, with its state.
struct Descent {
  float momentum = 0.5f;
  std::vector<std::vector<float>> moments = {};

  void operator()(const ParameterList<float>& weights, const ParameterList<float>& gradients,
                  double rate, Team*) {
    moments.resize(weights.size());
    for (std::size_t p = 0; p < weights.size(); ++p) {
      if (weights[p].kind != ParameterKind::weight) continue;
      moments[p].resize(weights[p].values.size());
      for (std::size_t i = 0; i < moments[p].size(); ++i) {
        float& m = moments[p][i];
        m = multiply_add(momentum, m, gradients[p].values[i]);
        weights[p].values[i] = multiply_add(-static_cast<float>(rate), m, weights[p].values[i]);
      }
    }
  }
  [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
    std::map<std::string, std::vector<double>> rows;
    for (std::size_t p = 0; p < moments.size(); ++p)
      rows[std::to_string(p)].assign(moments[p].begin(), moments[p].end());
    return rows;
  }
  void restore(const std::map<std::string, std::vector<double>>& rows) {
    moments.assign(rows.size(), {});
    for (const auto& [p, row] : rows) moments.at(std::stoul(p)).assign(row.begin(), row.end());
  }
};

constexpr LossRule rules[] = {LossRule::mse, LossRule::mae, LossRule::huber, LossRule::quantile};

}  // namespace

TEST_CASE("the gradient of every loss is its slope, whatever part of a batch it sees") {
  std::vector<double> y(24), target(24), dy(24);
  Random random(4, 1);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = random.normal(), target[i] = random.normal();
  for (const LossRule rule : rules) {
    INFO(name_of(loss_rules, rule));
    const auto loss = LossOptions{.rule = rule, .delta = 0.7, .level = 0.8}.function<double>();
    const auto mean = [&] { return loss({y.data(), 6, 4}, {target.data(), 6, 4}, 24, {}) / 24; };
    const double part = loss({y.data(), 2, 4}, {target.data(), 2, 4}, 24, {dy.data(), 2, 4});
    const double rest =
        loss({y.data() + 8, 4, 4}, {target.data() + 8, 4, 4}, 24, {dy.data() + 8, 4, 4});
    CHECK((part + rest) / 24 == Approx(mean()).epsilon(1e-14));
    CHECK(gradient_error(y, dy, mean) < 1e-8);
  }
  const auto value = [](const LossOptions& how, double y_value) {
    const double zero = 0;
    return how.function<double>()({&y_value, 1, 1}, {&zero, 1, 1}, 1, {});
  };
  CHECK(value({LossRule::mae}, -3) == 3);
  CHECK(value({LossRule::huber, 2}, 1) == 0.5);
  CHECK(value({LossRule::huber, 2}, -5) == 8);
  CHECK(value({LossRule::quantile, 1, 0.9}, -2) == Approx(1.8));
  CHECK(value({LossRule::quantile, 1, 0.9}, 2) == Approx(0.2));
  CHECK_THROWS_AS(LossOptions{.delta = 0}.check(), ConfigError);
  CHECK_THROWS_AS(LossOptions{.level = 1}.check(), ConfigError);
  CHECK(parse_loss("huber") == LossRule::huber);
}

TEST_CASE("training lowers the loss that it is given, and that loss chooses the best epoch") {
  for (const LossRule rule : rules) {
    INFO(name_of(loss_rules, rule));
    auto with = options(3);
    with.loss = {.rule = rule, .delta = 0.5, .level = 0.9};
    const auto result = trained(with);
    const auto loss = with.loss.function<float>();
    CHECK(result.history.back().training_loss < result.history.front().training_loss);
    double best = 1e9;
    for (const EpochRecord& epoch : result.history) best = std::min(best, epoch.validation_loss);
    CHECK(validate(result.model, windows().validation, loss).loss == Approx(best).epsilon(1e-6));
    if (rule == LossRule::mse)
      for (const EpochRecord& epoch : result.history)
        CHECK(epoch.validation_loss == epoch.validation_mse);
    if (rule == LossRule::mae)
      CHECK(result.history[0].validation_loss == Approx(result.history[0].validation_mae));
  }
}

TEST_CASE("a loss of one's own trains to the bytes of the library's, and SEND hears it") {
  auto with = options();
  with.loss.rule = LossRule::mae;
  const auto expected = trained(with), squared = trained(options());
  const auto own = [](auto& trainer) {
    trainer.set_loss(loss_of<float>([](double y, double target) {
      return LossTerm{std::abs(y - target), y > target ? 1.0 : y < target ? -1.0 : 0.0};
    }));
  };
  CHECK(same(trained(options(), own), expected));
  Team team(3);
  CHECK(same(trained(options(), own, &team), expected));
  CHECK(expected.scores != squared.scores);
}

TEST_CASE("AdamW and gradient descent are the textbook's loops") {
  const std::size_t size = 20'003;
  for (const auto rule : {OptimizerRule::adam, OptimizerRule::adamw, OptimizerRule::sgd})
    for (const double momentum : {0.0, 0.7}) {
      INFO(name_of(optimizer_rules, rule) << ", momentum " << momentum);
      const double rate = 1e-2, decay = 0.1, scale = 0.5;
      std::vector<double> weight(size), slope(size);
      Random random(2, 1);
      for (double& w : weight) w = random.normal();
      std::vector<double> expected = weight, m(size), v(size);
      const auto named = [](std::vector<double>& values) {
        return ParameterList<double>{{{.shape = {values.size()}}, "w", values}};
      };
      Optimizer<double> optimizer(named(weight),
                                  {.rule = rule, .weight_decay = decay, .momentum = momentum});
      for (int t = 1; t <= 5; ++t) {
        for (std::size_t i = 0; i < size; ++i) {
          slope[i] = random.normal();
          double g = scale * slope[i];
          if (rule == OptimizerRule::adamw)
            expected[i] *= 1 - rate * decay;
          else
            g += decay * expected[i];
          if (rule == OptimizerRule::sgd) {
            m[i] = momentum * m[i] + g;
            expected[i] -= rate * m[i];
          } else {
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            expected[i] -= rate * m[i] / (1 - std::pow(0.9, t)) /
                           (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
          }
        }
        optimizer.step(named(weight), named(slope), rate, scale);
      }
      double worst = 0;
      for (std::size_t i = 0; i < size; ++i)
        worst = std::max(worst, std::abs(weight[i] - expected[i]));
      CHECK(worst < 1e-13);
    }
}

TEST_CASE("an optimizer of one's own trains to the bytes of the library's, on any team") {
  auto with = options();
  with.optimizer = {.rule = OptimizerRule::sgd, .momentum = 0.5};
  with.rate = 0.05;
  const auto expected = trained(with);
  with.optimizer = {};
  Team team(2);
  for (Team* workers : {static_cast<Team*>(nullptr), &team}) {
    const auto own = trained(
        with, [](auto& trainer) { trainer.set_optimizer(Descent{}); }, workers);
    CHECK(same(own, expected));
  }
}

TEST_CASE("a training with hooks resumes to the same bytes") {
  for (const bool own : {false, true}) {
    auto with = options(3);
    with.optimizer = {.rule = own ? OptimizerRule::adam : OptimizerRule::sgd, .momentum = 0.5};
    with.loss.rule = LossRule::huber;
    const auto hook = [&](Trainer<Model>& trainer) {
      if (own) trainer.set_optimizer(Descent{});
    };
    auto model = example::made<Model>({config}, 3, 0.1), twin = model;
    Trainer<Model> whole(model, with);
    hook(whole);
    NoObserver nobody;
    whole.run_epoch(windows().training, windows().validation, nobody);
    const TemporaryFolder folder;
    save_training(folder / "state", whole, nobody);
    whole.fit(windows().training, windows().validation);

    Trainer<Model> resumed(twin, with);
    hook(resumed);
    restore_training(folder / "state", resumed, nobody);
    resumed.fit(windows().training, windows().validation);
    CHECK(example::same_parameters(model, twin));
    CHECK(whole.history()[1].validation_loss == resumed.history()[1].validation_loss);

    for (const char* changed : {"optimizer", "loss", "beta1"}) {
      auto other = with;
      if (changed == std::string("optimizer")) other.optimizer.rule = OptimizerRule::adamw;
      if (changed == std::string("loss")) other.loss.rule = LossRule::mse;
      if (changed == std::string("beta1")) other.optimizer.beta1 = 0.8;
      Trainer<Model> refused(twin, other);
      if (own && changed != std::string("optimizer")) hook(refused);
      CHECK(message_of<ConfigError>([&] {
              restore_training(folder / "state", refused, nobody);
            }).find(changed) != std::string::npos);
    }
  }
}

TEST_CASE("a rate schedule of one's own is asked for each step") {
  std::vector<RatePoint> asked;
  const auto expected = trained(options());
  const auto own = trained(options(), [&](auto& trainer) {
    trainer.set_rate_schedule([&](const RatePoint& at) {
      asked.push_back(at);
      return 2e-3;
    });
  });
  CHECK(same(own, expected));
  const std::size_t steps = asked.size() / 2;
  REQUIRE(asked.size() == 2 * divide_up<std::size_t>(windows().training.size(), 32));
  CHECK((asked[0].epoch == 1 && asked[0].step == 1 && asked[0].epochs == 2));
  CHECK((asked.back().epoch == 2 && asked.back().step == steps && asked.back().steps == steps));
  CHECK_THROWS_AS(trained(options(),
                          [](auto& trainer) {
                            trainer.set_rate_schedule([](const RatePoint&) { return NAN; });
                          }),
                  NumericError);
}

TEST_CASE("a cancelled training is as after its last whole step, and goes on to the same bytes") {
  const auto expected = trained(options());
  const std::size_t steps = divide_up<std::size_t>(windows().training.size(), 32);
  for (const std::size_t at : {std::size_t{1}, steps - 1, steps, steps + 2}) {
    INFO("after step " << at << " of " << steps << " an epoch");
    StopSource source;
    auto with = options();
    with.stop = source.get_token();
    auto model = example::made<Model>({config}, 3, 0.1);
    Trainer<Model> trainer(model, with);
    Pruner<Model> pruner(model);
    std::size_t done = 0;
    const auto progress = [&](const Progress& now) {
      if (!now.finished && ++done == at) source.request_stop();
    };
    const std::string said = message_of<Cancelled>(
        [&] { trainer.fit(windows().training, windows().validation, pruner, progress); });
    CHECK(said.find("asked to stop") != std::string::npos);
    CHECK(done == at);
    CHECK(trainer.within_epoch() == (at % steps != 0));
    const TemporaryFolder folder;
    if (trainer.within_epoch())
      CHECK_THROWS_AS(save_training(folder / "state", trainer, pruner), ConfigError);
    CHECK_THROWS_AS(trainer.fit(windows().training, windows().validation, pruner), Cancelled);
    trainer.set_stop({});
    trainer.fit(windows().training, windows().validation, pruner);
    CHECK(same({model, pruner.scores(), {}}, expected));
    CHECK(trainer.history()[0].training_loss == expected.history[0].training_loss);
  }
}

TEST_CASE("observers have what they need and no more; a named function is progress") {
  struct Epochs {
    std::vector<double> losses = {};
    void end_epoch(const EpochRecord& epoch) { losses.push_back(epoch.validation_loss); }
  } epochs;
  struct Steps {
    std::size_t count = 0;
    void end_step() { ++count; }
  } steps;
  auto model = example::made<Model>({config}, 3, 0.1);
  Trainer<Model> trainer(model, options());
  trainer.run_epoch(windows().training, windows().validation, epochs);
  trainer.run_epoch(windows().training, windows().validation, steps);
  REQUIRE(epochs.losses.size() == 1);
  CHECK(epochs.losses[0] == trainer.history()[0].validation_loss);
  CHECK(steps.count == divide_up<std::size_t>(windows().training.size(), 32));

  std::size_t finished = 0;
  auto progress = [&](const Progress& now) { finished += now.finished != nullptr; };
  auto again = example::made<Model>({config}, 3, 0.1);
  Trainer<Model>(again, options()).fit(windows().training, windows().validation, progress);
  CHECK(finished == 2);
}

TEST_CASE("a training that diverges says so, with its numbers") {
  auto with = options(5);
  with.optimizer.rule = OptimizerRule::sgd;
  with.rate = 3e3;
  with.clip_norm = 0;
  const std::string said = message_of<NumericError>([&] { (void)trained(with); });
  CHECK((said.find("diverged") != std::string::npos || said.find("finite") != std::string::npos));
  with.optimizer.rule = OptimizerRule::adam;
  with.rate = 1e5;
  const std::string loss = message_of<NumericError>([&] { (void)trained(with); });
  CHECK(loss.find("smaller learning rate") != std::string::npos);
}

TEST_CASE("targets of zero, or far below one, are no divergence") {
  Series series = synthetic_series(300);
  const Splits rows = split_rows(Protocol::custom, series.rows(), config.lookback, config.horizon);
  const std::size_t channels = series.channels();
  const StandardScaler unscaled(std::vector<double>(channels, 0), std::vector<double>(channels, 1));
  const WindowOptions window{.lookback = config.lookback, .horizon = config.horizon};
  for (const double scale : {0.0, 1e-9})
    for (const LossRule rule : {LossRule::mse, LossRule::mae}) {
      Series small = series;
      for (double& value : small.values) value *= scale;
      const WindowDataset<float> training(small, unscaled, rows.train, window),
          validation(small, unscaled, rows.validation, window);
      auto sizes = config;
      sizes.channels = channels, sizes.instance_norm = false;
      auto model = example::made<Model>({sizes});
      auto with = options(1);
      with.loss.rule = rule;
      CHECK_NOTHROW(Trainer<Model>(model, with).fit(training, validation));
    }
}

TEST_CASE("validation of averaged weights has batch statistics of averaged weights") {
  auto with = options(1);
  with.averaging = {.kind = Averaging::swa};
  auto model = example::made<Model>({config}, 3, 0.1);
  Trainer<Model> trainer(model, with);
  NoObserver nobody;
  trainer.run_epoch(windows().training, windows().validation, nobody);
  const auto trained_on = model;
  trainer.with_averages(windows().training, [&] {
    auto expected = trained_on;  // the averages, with statistics of their own
    const auto to = parameters(expected), from = parameters(model);
    for (std::size_t p = 0; p < to.size(); ++p)
      if (to[p].kind == ParameterKind::weight)
        std::ranges::copy(from[p].values, to[p].values.begin());
    reestimate_statistics(expected, windows().training, with.seed);
    CHECK(example::same_parameters(model, expected));
    CHECK(evaluate(model, windows().validation).mse == trainer.history()[0].validation_mse);
  });
  CHECK(example::same_parameters(model, trained_on));
}

}  // namespace hooks_tests
