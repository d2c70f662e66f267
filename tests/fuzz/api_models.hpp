// What tests/fuzz/api.cpp does with models and predictors of one kind, and what has to come of it.
#pragma once

#include <spat/autograd/initialize.hpp>
#include <spat/criteria/any_criterion.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/forecast.hpp>
#include <spat/prune/surgery.hpp>
#include <spat/train/loss.hpp>

#include <tests/fuzz/api_data.hpp>
#include <tests/support/bits.hpp>
#include <tests/support/temporary.hpp>

#include <atomic>
#include <memory>

namespace api {

using fuzz::succeeds;

/// No workers, or two or three.
inline Team* team(Program& program) {
  static Team two(2), three(3);
  Team* const teams[] = {nullptr, nullptr, nullptr, nullptr, &two, &three};
  return program.one_of(teams);
}

/// A team calls each worker once, hands an error on and serves one call at a time.
inline void try_team(Program& program) {
  Team workers(program.count(program.below(4)));
  const std::size_t wrong = program.below(4);
  std::atomic<std::size_t> calls = 0;
  const bool done = succeeds([&] {
    workers.for_each_worker([&](std::size_t worker) {
      ++calls;
      if (worker == wrong) workers.for_shares(2, [](std::size_t, std::size_t) {});
    });
  });
  expect(calls == workers.size() && done == (wrong >= workers.size() || workers.size() == 1));
}

/// The same numbers, zeros of either sign; one that is none may be another one that is none.
template <class A, class B>
void expect_same(const A& a, const B& b) {
  expect(std::ranges::equal(
      a, b, [](auto x, auto y) { return x == y || (std::isnan(x) && std::isnan(y)); }));
}

template <class Model>
[[nodiscard]] std::vector<typename Model::Value> numbers_of(const Model& model) {
  std::vector<typename Model::Value> numbers;
  for (const auto& one : parameters(model))
    numbers.insert(numbers.end(), one.values.begin(), one.values.end());
  return numbers;
}

template <class Model, class Scalar = typename Model::Value>
[[nodiscard]] std::vector<Scalar> forward(const Model& model, const WindowBatch<Scalar>& windows) {
  typename Model::Cache cache;
  model.prepare(cache, Purpose::inference, windows.samples, windows.channels());
  const Rows<const Scalar> y = model.forward(Pass{}, windows, cache);
  return {y.flat().begin(), y.flat().end()};
}

template <class Model>
[[nodiscard]] double mean_squared_error(const Model& model, const WindowBatch<float>& windows) {
  const auto y = forward(model, windows);
  const auto& target = windows.target;
  return squared_error<float>({y.data(), target.rows(), target.cols()}, target, 1) /
         static_cast<double>(target.size());
}

/// What the kinds of models have in common: series, and the bytes of the last file.
struct Shared {
  Data data;
  std::string file;
};

/// Models and predictors of one kind, which live side by side.
template <template <class, class> class Kind, class Config>
class Models {
 public:
  using Model = Kind<float, Dynamic<Config>>;

  explicit Models(Shared& shared) : shared_(shared) {}

 protected:
  using Twin = Kind<double, Dynamic<Config>>;
  /// What a predictor was made of; in double, too, if no number is so large that rounding shows.
  struct Origin {
    Model model;
    std::optional<Twin> twin = {};
  };
  struct Service {
    Predictor<Model> predictor;
    std::shared_ptr<const Origin> origin;  // none if it was moved from
  };

  template <class T>
  using Slots = std::array<std::unique_ptr<T>, 3>;

  template <class T>
  static std::unique_ptr<T>& slot(Slots<T>& slots, Program& program) {
    return slots[program.below(slots.size())];
  }
  /// One that is there, or is made.
  template <class T, class Make>
  static T& any(Slots<T>& slots, Program& program, Make&& make) {
    const std::size_t first = program.below(slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (T* const found = slots[(first + i) % slots.size()].get()) return *found;
    return *(slots[first] = make());
  }
  Model& any_model(Program& program) {
    return any(models_, program, [&] { return new_model(program); });
  }
  Service& any_service(Program& program) {
    return any(services_, program, [&] {
      const Model& model = any_model(program);
      return std::make_unique<Service>(served(model, team(program)));
    });
  }
  [[nodiscard]] static Service served(const Model& model, Team* workers) {
    Origin origin{model};
    if (moderate(numbers_of(model), 4)) origin.twin = converted<Twin>(model, {model.config()});
    return {Predictor<Model>(model, workers), std::make_shared<const Origin>(std::move(origin))};
  }

  [[nodiscard]] const WindowDataset<float>& windows(Program& program) {
    return shared_.data.windows(program);
  }

  void make(Program& program) { slot(models_, program) = new_model(program); }
  [[nodiscard]] static std::unique_ptr<Model> new_model(Program& program) {
    Dynamic<Config> form;
    auto& c = form.value;
    c.channels = program.size(2), c.lookback = program.size(4), c.horizon = program.size(2);
    if constexpr (requires { c.marks; }) c.marks = program.size(1);
    if constexpr (requires { c.targets; }) c.targets = program.size(0);
    if constexpr (requires { c.label; }) c.label = program.size(2);
    if constexpr (requires { c.width; }) c.width = program.size(4);
    if constexpr (requires { c.ffn_width; })
      c.ffn_width = program.one_in(16) ? 512 : program.size(3);
    if constexpr (requires { c.heads; }) c.heads = program.size(2);
    if constexpr (requires { c.depth; }) c.depth = program.count(requires { c.guard(); } ? 1 : 2);
    if constexpr (requires { c.decoder_depth; }) c.decoder_depth = program.count(1);
    if constexpr (requires { c.patch; }) c.patch = program.size(2);
    if constexpr (requires { c.stride; }) c.stride = program.size(1);
    if constexpr (requires { c.kernel; }) c.kernel = program.size(3);
    if constexpr (requires { c.instance_norm; }) c.instance_norm = !program.one_in(4);
    c.kept = program.one_in(4) ? any_mask(program) : ModuleMask::all();
    auto model = std::make_unique<Model>(form);
    const auto list = parameters(*model);
    initialize(list, program.below(4));
    expect(is_valid(c) && model->form.kept() == kept_modules(c));
    expect(static_cast<double>(parameter_count(list)) == c.parameters());
    return model;
  }

  /// Copies, moves, swaps and ends, under whatever looks at the models.
  void exchange(Program& program) {
    auto &to = slot(models_, program), &from = slot(models_, program);
    const std::size_t how = program.below(6);
    if (how == 0) to.reset();
    if (!from) return;
    if (how == 1) to = std::make_unique<Model>(*from);
    if (how == 2) moved_.push_back(std::exchange(from, std::make_unique<Model>(std::move(*from))));
    if (!to || to == from) return;
    if (how == 3) *to = *from;
    if (how == 4) std::swap(*to, *from);
    if (how == 5) *to = std::move(*from), moved_.push_back(std::move(from));
  }

  void change(Program& program) {
    Model& model = any_model(program);
    if (program.one_in(4)) return model.set_dropout(program.number(0.25));
    const auto list = parameters(model);
    const auto& tensor = list[program.below(255) % list.size()];
    if (tensor.kind == ParameterKind::weight && !tensor.values.empty())
      tensor.values[program.below(255) % tensor.values.size()] =
          static_cast<float>(program.number(0.5));
  }

  void store(Program& program) {
    std::string& file = shared_.file;
    static const TemporaryFolder folder;
    const Model& model = any_model(program);
    const std::size_t how = program.below(8);
    if (how < 3 || file.empty()) file = detail::model_writer(model).to_bytes();
    if (how < 7) {
      const auto bytes = SafetensorsFile::from_bytes(file, "memory");
      if (how > 4) {
        Model& to = any_model(program);
        const auto before = numbers_of(to);
        if (!succeeds([&] { (void)load_tensors(to, bytes); })) expect_same(numbers_of(to), before);
        return;
      }
      auto loaded = std::make_unique<Model>(load_model<Model>(bytes));
      expect(detail::model_writer(*loaded).to_bytes() == file);
      slot(models_, program) = std::move(loaded);
    } else {
      save_model(folder / "model", model);
      std::optional<Model> loaded;
      const bool done = succeeds([&] { loaded = load_model<Model>(folder / "model"); });
      expect(done == finite(numbers_of(model)));
      if (!done) return;
      expect(loaded->config() == model.config() && loaded->dropout() == model.dropout());
      expect(tests::same_parameters(*loaded, model));
    }
  }

  void serve(Program& program) {
    auto &to = slot(services_, program), &from = slot(services_, program);
    const Model& model = any_model(program);
    Team* const workers = team(program);
    const std::size_t how = program.below(8);
    if (how < 3) to = std::make_unique<Service>(served(model, workers));
    if (how == 3 && to) *to = served(model, workers);
    if (!from || to == from) return;
    if (how == 4)
      to = std::make_unique<Service>(
          Service{Predictor<Model>(from->predictor, workers), from->origin});
    if (how == 5) to = std::make_unique<Service>(std::move(*from));
    if (how == 6) from.reset();
    if (how == 7 && to) *to = *from;
  }

  void forecast(Program& program) {
    Service& service = any_service(program);
    const auto origin = service.origin;
    const Model& model = origin ? origin->model : any_model(program);
    const Batch<float> asked(program, model.config());
    const auto& batch = asked.windows;
    Rows<const float> y;
    const bool done = succeeds([&] { y = service.predictor.forecast(batch); });
    expect(done ? origin != nullptr : !origin || !asked.right);
    if (!done) return;
    if (batch.samples == 0) return expect(y.size() == 0);
    expect(y.rows() == batch.samples * batch.horizon);
    const std::vector<float> all(y.flat().begin(), y.flat().end());
    expect_same(all, forward(model, batch));
    const std::size_t one = program.below(batch.samples), size = y.size() / batch.samples;
    expect_same(service.predictor.forecast(batch.middle(one, 1)).flat(),
                std::span(all).subspan(one * size, size));
    if (!asked.tame || !origin->twin) return;
    const auto twin = forward(*origin->twin, Batch<double>(asked).windows);
    for (std::size_t i = 0; i < all.size(); ++i)
      expect(std::abs(static_cast<double>(all[i]) - twin[i]) <=
             1e-3 * std::max(1.0, std::abs(twin[i])));
  }

  void forecast_series(Program& program) {
    Service& service = any_service(program);
    const Data& data = shared_.data;
    if (data.series.names.empty()) (void)windows(program);
    const DataDescription about{data.series.names, data.scaler, data.options};
    const Series future = spat::forecast(service.predictor, about, data.series);
    future.check();
    expect(future.rows() == data.options.horizon && future.time_index == data.series.time_index);
  }

  [[nodiscard]] static Model without(const Model& model, ModuleMask mask,
                                     const WindowDataset<float>& training) {
    if constexpr (BatchNormalized<Model>)
      return pruned(model, mask, training);
    else
      return pruned(model, mask);
  }

  void prune(Program& program) {
    const Model& model = any_model(program);
    const ModuleMask mask = any_mask(program), kept = model.form.kept();
    const Model fewer = without(model, mask, windows(program));
    expect(fewer.form.kept() == within(mask, model.form.modules()));
    expect(fewer.form.kept().is_subset_of(kept) && fewer.dropout() == model.dropout());
    const auto weights = parameters(fewer);
    Model silent = model;
    for (const auto& one : parameters(silent)) {
      const auto same = find_parameter(weights, one.name);
      if (same != weights.end() && one.kind != ParameterKind::weight)
        std::ranges::copy(same->values, one.values.begin());
      else if (same != weights.end())
        expect_same(same->values, one.values);
      else if (one.name.find(".out_projection.") != one.name.npos)
        std::ranges::fill(one.values, 0.0f);
    }
    const Batch<float> asked(program, model.config());
    if (asked.right && asked.tame && moderate(numbers_of(model), 4))
      expect_same(forward(fewer, asked.windows), forward(silent, asked.windows));
    slot(models_, program) = std::make_unique<Model>(fewer);
  }

  Shared& shared_;
  Slots<Model> models_;
  std::vector<std::unique_ptr<Model>> moved_;  // still there, and not to be used
  Slots<Service> services_;
};

}  // namespace api
