// The data of a command: the series, their windows in scaled units, and the description that goes
// into a model file.
#pragma once

#include "data_options.hpp"

#include <spat/data/data_description.hpp>
#include <spat/data/windows.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tool {

/// Does something with the data of a file, whose errors then begin with its name.
template <class Action>
auto of_file(const std::string& origin, Action&& action) {
  try {
    return action();
  } catch (const spat::DataError& error) {
    throw spat::DataError(message(origin, ": ", error.what()));
  }
}

/// What a model can make of its data.
struct ModelTraits {
  bool channels_alone = false;  // one model of one channel serves all series of a long table
  bool takes_known_covariates = false;  // see WindowOptions
  bool needs_marks = false;             // cannot do without time marks
  bool has_dropout = true;
};

/// Series and the windows of their three parts, in scaled units. There is one series, or those of a
/// long table that a model forecasts alone.
struct Data {
  std::string name, origin;  // "ETTh1" of "data/ETTh1.csv"; the file, for messages
  std::vector<spat::Series> series;
  std::vector<spat::StandardScaler> scalers;  // one per series
  spat::DataDescription description;
  std::string scaler;  // the one that was used, in words
  std::unique_ptr<spat::WindowDataset<float>> training, validation, test;

  /// The share of cells without a number.
  [[nodiscard]] double filled_share() const;
  /// How each series is read, for a model that forecasts it.
  [[nodiscard]] spat::DataDescription description_of(std::size_t series) const;
};

/// Reads a series to train on, and makes its windows: sizes from `window`, the rest from the
/// options. The scaler is fitted on the training part. Shows warnings.
Data load(const DataOptions& options, spat::WindowOptions window, const ModelTraits& model);

/// Warns that so many series of a long table are left out, the first because of `problem`.
void warn_left_out(const std::string& origin, std::size_t left, std::size_t all,
                   const std::string& problem);

/// What becomes of a scaler on a series far from the one that the model was trained on.
enum class FarSeries { ignore, warn, refit };

/// What a command wants of other data than its model was trained on.
struct Purpose {
  FarSeries far = FarSeries::warn;
  const RangeOptions* range = nullptr;  // the rows to forecast, instead of the test part
};

/// Reads a series as the model was trained on one: columns by name, missing cells, calendar, marks
/// and scaler are those of the description; so is the protocol unless there is an option. The
/// scaler is fitted anew with --refit-scaler, and, if the purpose says so, for a series so far from
/// the model's own that the saved scaler says nothing of it. Throws ConfigError, with both values,
/// for an option that contradicts the description, and DataError for rows of another frequency.
/// With a range there are test windows only.
Data load_as(const spat::DataDescription& like, const DataOptions& options,
             const Purpose& purpose = {});

/// Loads other series to test on, like load_as(). Each is FILE, or FILE:PROTOCOL if its rows are
/// split in another way.
std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like);

/// Reads series for a forecast, as the model was trained on them, with their scalers; sets the
/// calendar of the description if an option has another. There are no windows.
Data load_latest(const spat::DataDescription& like, const DataOptions& options);

}  // namespace tool
