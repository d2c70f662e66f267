// pipeline. A training that saves its state after each epoch and can be resumed.
#pragma once

#include <spat/pipeline/run_description.hpp>
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
  RunDescription run = {};     // saved with the state, and must be equal to resume
  bool resume = false;         // resumes from the file
  std::size_t stop_after = 0;  // stops after this epoch, to be resumed later; 0: never
};

/// The description in a training's state. Throws FileError for a state without one.
[[nodiscard]] inline RunDescription run_of_state(const SafetensorsFile& file) {
  const Fields fields = fields_from_json(file.metadata(detail::training_key), file.path());
  return RunDescription::parse(fields.get<std::string>("about"), file.path());
}

/// Runs the epochs that are due and saves the state after each. Returns whether training is over:
/// false if it stopped as `file` requires. Throws ConfigError, with the first differing field and
/// both values, if the state is of another run. Errors: also those of restore_training() and of the
/// trainer.
template <ResumableTraining Training>
bool run_training(Training& training, const TrainingFile& file,
                  const ProgressCallback& progress = {}) {
  const std::string about = file.run.empty() ? std::string() : file.run.text();
  if (file.resume) {
    file.run.expect_same(run_of_state(SafetensorsFile(file.path)), file.path);
    training.restore(file.path, about);
  }
  while (training.unfinished()) {
    if (file.stop_after > 0 && training.history().size() >= file.stop_after) return false;
    training.run_epoch(progress);
    if (!file.path.empty()) training.save(file.path, about);
  }
  return true;
}

}  // namespace spat
