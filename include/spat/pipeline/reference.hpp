// pipeline. The reference: the dense model that a pruned one is compared with.
#pragma once

#include <spat/prune/schedules.hpp>
#include <spat/report/pruning_report.hpp>

#include <numeric>
#include <optional>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The fine-tuning of a pruned model: its options and teacher, and the epochs of each round.
template <class Model>
struct FineTuning {
  TrainingOptions options = {};
  std::vector<std::size_t> rounds = {};  // one after each removal; empty: there was none
  typename Trainer<Model>::Teacher teacher = {};

  [[nodiscard]] std::size_t epochs() const {
    return std::accumulate(rounds.begin(), rounds.end(), std::size_t{0});
  }
};

/// The dense models that count as a fair comparison for a pruned one, and the reference among them.
///
///   as trained   the model before any removal
///   fine-tuned   the same model after the pruned model's fine-tuning: as many rounds of as many
///                epochs each, with its options, rates, teacher and early stopping, which may end
///                a round sooner
///
/// The reference is the one of lower validation loss, by the loss of the fine-tuning; the model as
/// trained, if both are equal. Test errors decide nothing. Where the pruned model was not
/// fine-tuned, nothing is trained, and the reference is the model as trained.
template <PrunableModel Model>
class Reference {
 public:
  using Scalar = typename Model::Value;

  /// `trained` must outlive the reference. Errors: those of the trainer.
  Reference(const Model& trained, const PruningData<Scalar>& data, const FineTuning<Model>& tuning,
            const ProgressCallback& progress = {})
      : trained_(trained) {
    if (tuning.rounds.empty()) {
      about_.model = DenseModel::as_trained;
      return;
    }
    tuned_.emplace(trained);
    NoObserver nobody;
    for (const std::size_t epochs : tuning.rounds)
      about_.tuned_epochs +=
          fine_tune(*tuned_, data, tuning.options, nobody, tuning.teacher, progress, epochs).size();
    about_.pruned_epochs = tuning.epochs();
    const LossOptions& loss = tuning.options.loss;
    const auto measured = loss.rule == LossRule::mse ? Loss<Scalar>() : loss.function<Scalar>();
    about_.trained_loss = validate(trained_, data.validation, measured, data.team).loss;
    about_.tuned_loss = validate(*tuned_, data.validation, measured, data.team).loss;
    about_.model =
        about_.tuned_loss < about_.trained_loss ? DenseModel::fine_tuned : DenseModel::as_trained;
  }

  /// The reference.
  [[nodiscard]] const Model& model() const {
    return about_.model == DenseModel::fine_tuned ? *tuned_ : trained_;
  }
  /// The dense model after the fine-tuning; null if there was none.
  [[nodiscard]] const Model* tuned() const { return tuned_ ? &*tuned_ : nullptr; }
  /// Which model the reference is, and the losses and epochs behind it.
  [[nodiscard]] const ReportReference& about() const { return about_; }

 private:
  const Model& trained_;
  std::optional<Model> tuned_;
  ReportReference about_;
};

}  // namespace spat
