// Shared by the tests of models, training and pruning: a small iTransformer, random batches,
// windows of the synthetic series.
#pragma once

#include <spat/autograd/initialize.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/data/windows.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/train/loss.hpp>
#include <tests/support/bits.hpp>

#include <cstring>

namespace example {

using tests::same_bits, tests::same_parameters;

/// Three modules, marks; no size is a multiple of a vector.
inline constexpr spat::ITransformerConfig small{.channels = 3,
                                                .marks = 2,
                                                .lookback = 11,
                                                .horizon = 5,
                                                .width = 12,
                                                .ffn_width = 10,
                                                .heads = 3,
                                                .depth = 3,
                                                .kept = spat::ModuleMask{0b111}};

/// Normal numbers, the same for the same stream, and a WindowBatch that views them.
template <class Scalar>
struct RandomBatch {
  std::vector<Scalar> history, marks, future_marks, target;
  spat::WindowBatch<Scalar> batch;

  /// For any model's configuration. The forecast has all channels unless the configuration has a
  /// number of targets.
  template <class Config>
  RandomBatch(const Config& c, std::size_t samples, std::uint64_t stream = 1) {
    std::size_t mark_count = 0, targets = c.channels;
    if constexpr (requires { c.marks; }) mark_count = c.marks;
    if constexpr (requires { c.targets; }) targets = c.targets;
    history.resize(samples * c.lookback * c.channels),
        marks.resize(samples * c.lookback * mark_count);
    target.resize(samples * c.horizon * targets),
        future_marks.resize(samples * c.horizon * mark_count);
    spat::Random random(4711, stream);
    for (auto* values : {&history, &marks, &target, &future_marks})
      for (Scalar& value : *values) value = static_cast<Scalar>(random.normal());
    batch = {
        .samples = samples,
        .lookback = c.lookback,
        .horizon = c.horizon,
        .history = {history.data(), samples * c.lookback, c.channels},
        .history_marks = {marks.data(), mark_count ? samples * c.lookback : 0, mark_count},
        .future_marks = {future_marks.data(), mark_count ? samples * c.horizon : 0, mark_count},
        .target = {target.data(), samples * c.horizon, targets}};
  }
  RandomBatch(const RandomBatch&) = delete;
  RandomBatch& operator=(const RandomBatch&) = delete;
};

/// A model that is initialized from `seed` and packed.
template <class Model>
Model made(typename Model::Form shape = {}, std::uint64_t seed = 5, double dropout = 0) {
  Model model(shape);
  spat::initialize(spat::parameters(model), seed);
  model.set_dropout(dropout);
  return model;
}

/// Training and validation windows of the synthetic series.
template <class Scalar>
struct SyntheticWindows {
  template <class Config>
  static spat::WindowDataset<Scalar> cut(const Config& c, std::size_t stride, bool training) {
    const auto series = spat::synthetic_series(1000);
    const auto splits =
        spat::split_rows(spat::Protocol::custom, series.rows(), c.lookback, c.horizon);
    const auto scaler = spat::StandardScaler::fit(series.view(), splits.train);
    spat::WindowOptions options{.lookback = c.lookback, .horizon = c.horizon, .stride = stride};
    if constexpr (requires { c.marks; })
      if (c.marks) options.marks = spat::Frequency::hourly;
    if constexpr (requires { c.targets; })
      if (c.targets == 1) options.features = spat::Features::target_from_all;
    return {series, scaler, training ? splits.train : splits.validation, options};
  }
  spat::WindowDataset<Scalar> training, validation;

  template <class Config>
  explicit SyntheticWindows(const Config& c, std::size_t stride = 1)
      : training(cut(c, stride, true)), validation(cut(c, stride, false)) {}
};

}  // namespace example
