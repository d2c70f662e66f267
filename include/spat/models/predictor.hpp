// models. Forecasts with a trained model: a workspace that is laid out once, micro-batches divided
// among workers.
#pragma once

#include <spat/autograd/microbatch_plan.hpp>
#include <spat/autograd/packing.hpp>
#include <spat/models/cache_layout.hpp>

#include <memory>

namespace spat::inline SPAT_ABI {

/// Forecasts batches of any size. The bytes of a forecast depend only on its own window, not on its
/// batch or on the workers.
///
/// It owns its model, with each weight in the form that products read and in no other: pass
/// std::move(model), or a model that was just loaded, to hold the weights once. A later change of
/// the model that was passed in is not seen.
///
/// One thread at a time; a second one receives a ConcurrencyError. For more threads copy the
/// predictor, one each: copies share the weights and have their own workspaces, and each has a team
/// of its own, or none. A newer model is put into service by assigning its predictor.
///
/// Nothing is allocated after the first batch of a size. A batch of one micro-batch is divided
/// inside its layers, over rows and heads; otherwise each worker forecasts a contiguous range of
/// micro-batches.
template <class Model>
class Predictor {
  static_assert(Evaluable<Model>,
                "spat: a Predictor needs a model: a type that forecasts (concept Evaluable)");

 public:
  using Scalar = typename Model::Value;

  /// The team must outlive the predictor.
  explicit Predictor(Model model, Team* team = nullptr)
      : Predictor(owned(std::move(model)), team) {}
  Predictor(const Predictor& other) : Predictor(other, other.team_) {}
  /// Another predictor of the same model, with its own workspace and team.
  Predictor(const Predictor& other, Team* team) : Predictor(other.model_, team) {}
  Predictor(Predictor&&) noexcept = default;
  Predictor& operator=(Predictor other) noexcept {
    model_ = std::move(other.model_);
    team_ = other.team_;
    works_ = std::move(other.works_);
    out_ = std::move(other.out_);
    return *this;
  }

  /// Returns the forecast [B*T x C_out] in scaled units, valid until the next call. Throws
  /// ShapeError for a batch that the model cannot take.
  [[nodiscard]] Rows<const Scalar> forecast(const WindowBatch<Scalar>& batch) {
    const Exclusive::Hold hold(
        calls_,
        "a Predictor serves one thread at a time: give each thread a copy, which shares the "
        "weights");
    if (!model_) throw ConfigError("a Predictor that was moved from has no model");
    batch.check();
    const MicrobatchPlan plan(batch.samples, model_->activation_size(batch.channels()));
    if (plan.microbatches == 0) return {};
    if (plan.microbatches == 1) return pass(Pass{.team = team_}, batch, *works_[0]);
    const std::size_t cols = model_->target_channels(batch.channels()),
                      sample_size = batch.horizon * cols;
    out_.resize(batch.samples * sample_size);
    const auto deal = [&](std::size_t worker, std::size_t first, std::size_t last) {
      for (std::size_t b = first; b < last; ++b)
        std::ranges::copy(
            pass(Pass{}, batch.middle(plan.first(b), plan.size(b)), *works_[worker]).flat(),
            out_.begin() + static_cast<std::ptrdiff_t>(plan.first(b) * sample_size));
    };
    if (team_)
      team_->for_each_worker([&](std::size_t w) {
        deal(w, w * plan.microbatches / team_->size(), (w + 1) * plan.microbatches / team_->size());
      });
    else
      deal(0, 0, plan.microbatches);
    return {out_.data(), batch.samples * batch.horizon, cols};
  }

 private:
  using Owned = std::shared_ptr<const Model>;

  Predictor(Owned model, Team* team) : model_(std::move(model)), team_(team) {
    for (std::size_t worker = 0; worker < (team ? team->size() : 1); ++worker)
      works_.push_back(std::make_unique<Work>());
  }
  static Owned owned(Model model) {
    const auto result = std::make_shared<Model>(std::move(model));
    pack_instead(parameters(*result));
    return result;
  }

  struct Work {
    typename Model::Cache cache;
    CacheLayout<Model> layout;
  };

  [[nodiscard]] Rows<const Scalar> pass(const Pass& pass, const WindowBatch<Scalar>& batch,
                                        Work& work) {
    const CacheLayout<Model> layout(*model_, batch.samples, batch.channels());
    if (work.layout != layout) {
      work.layout = {};  // if prepare() throws, the cache is laid out for nothing
      model_->prepare(work.cache, Purpose::inference, batch.samples, batch.channels());
      work.layout = layout;
    }
    const auto y = model_->forward(pass, batch, work.cache);
    if (y.rows() != batch.samples * batch.horizon ||
        y.cols() != model_->target_channels(batch.channels()))
      throw ShapeError(message("the forecast has ", y.rows() / batch.samples,
                               " steps, the batch asks for ", batch.horizon));
    return y;
  }

  Owned model_;
  Team* team_;
  std::vector<std::unique_ptr<Work>> works_;
  AlignedBuffer<Scalar> out_;
  Exclusive calls_;
};

}  // namespace spat
