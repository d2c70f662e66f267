// pipeline. A training that saves its state after each epoch and can be resumed.
#pragma once

#include <spat/train/training_state.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// A training that proceeds epoch by epoch and can be saved in between: DenseTraining or
/// InTrainingPruning.
template <class T>
concept ResumableTraining = requires(T& training, const T& seen, const ProgressCallback& progress,
                                     const std::string& path, std::string_view about) {
  { seen.unfinished() } -> std::convertible_to<bool>;
  { seen.history() } -> std::convertible_to<std::vector<EpochRecord>>;
  training.run_epoch(progress);
  training.save(path, about);
  training.restore(path, about);
};

/// A training that removes nothing, with its observer. The model, windows, team and observer must
/// outlive it.
template <Forecaster Model, class Observer>
class DenseTraining {
 public:
  using Windows = WindowDataset<typename Model::Value>;

  DenseTraining(Model& model, const Windows& training, const Windows& validation,
                const TrainingOptions& options, Observer& observer, Team* team = nullptr)
      : trainer_(model, options, team), observer_(observer), training_(training),
        validation_(validation) {}

  [[nodiscard]] bool unfinished() const { return trainer_.unfinished(); }
  [[nodiscard]] const std::vector<EpochRecord>& history() const { return trainer_.history(); }
  void run_epoch(const ProgressCallback& progress = {}) {
    trainer_.run_epoch(training_, validation_, observer_, progress);
  }
  void save(const std::string& path, std::string_view about = {}) {
    save_training(path, trainer_, observer_, about);
  }
  void restore(const std::string& path, std::string_view about = {}) {
    restore_training(path, trainer_, observer_, about);
  }
  /// Puts the weights of the best epoch into the model.
  void take_best() { trainer_.take_best(); }

 private:
  Trainer<Model> trainer_;
  Observer& observer_;
  const Windows &training_, &validation_;
};

/// The file of a training's state.
struct TrainingFile {
  std::string path = {};       // empty: the state is not saved
  std::string about = {};      // what must be equal to resume, besides the options
  bool resume = false;         // resumes from the file
  std::size_t stop_after = 0;  // stops after this epoch, to be resumed later; 0: never
};

/// Runs the epochs that are due and saves the state after each. Returns whether training is over:
/// false if it stopped as `file` requires. Errors: those of restore_training() and of the trainer.
template <ResumableTraining Training>
bool run_training(Training& training, const TrainingFile& file,
                  const ProgressCallback& progress = {}) {
  if (file.resume) training.restore(file.path, file.about);
  while (training.unfinished()) {
    if (file.stop_after > 0 && training.history().size() >= file.stop_after) return false;
    training.run_epoch(progress);
    if (!file.path.empty()) training.save(file.path, file.about);
  }
  return true;
}

}  // namespace spat
