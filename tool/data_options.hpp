// The options that choose the data of a command, and how it is read.
#pragma once

#include "tool.hpp"

#include <spat/data/series_reader.hpp>
#include <spat/data/splits.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tool {

/// The options that choose the data. A model's file knows how its data is read; what commands of
/// saved models accept all the same may not contradict it.
struct DataOptions {
  std::string path;
  bool synthetic = false;
  std::size_t rows = 4000;
  std::optional<std::string> protocol, target, marks, frequency, missing, long_columns;
  std::optional<std::string> separator, decimal, thousands, time_column, date_format;
  std::vector<std::string> columns, ignored;
  std::optional<double> missing_code;
  bool header = false, no_header = false, strict_times = false, refit_scaler = false;
  bool known_covariates = false;
  bool season_counts = true;  // --frequency has an effect on series without times, too
  bool quiet = false;      // no progress; or no notes, for commands of saved models that show none
  std::size_t stride = 1;  // rows between the windows of training and validation
  std::size_t test_stride = 1;  // rows between the windows of the test part

  /// All of them, for commands that train.
  void add_training_to(CLI::App& command);
  /// --quiet of commands that train, and of those that only tell how a file is read.
  void add_quiet_to(CLI::App& command, bool with_progress);
  [[nodiscard]] bool tells_notes() const { return trains || !quiet; }
  /// The series, how it is read, and its calendar: what every command has.
  void add_series_to(CLI::App& command);
  /// What the numbers of a series matter for: its length, and the target.
  void add_values_to(CLI::App& command);
  /// Which columns are read, for commands without a saved model.
  void add_columns_to(CLI::App& command);
  /// The parts and their windows.
  void add_parts_to(CLI::App& command);
  void add_stride_to(CLI::App& command);
  void add_test_stride_to(CLI::App& command);
  /// Own scaler of each series, for commands that test a model on others.
  CLI::Option* add_refit_to(CLI::App& command);
  /// Covariates that are known of the rows to forecast.
  void add_known_to(CLI::App& command);

  /// What the options say of a file's form and times, on top of `how`. Throws ConfigError for an
  /// option that has no effect on the synthetic series.
  [[nodiscard]] spat::SeriesOptions reading(spat::SeriesOptions how = {}) const;
  /// "ETTh1" of "data/ETTh1.csv".
  [[nodiscard]] std::string name() const;
  /// The file, for messages.
  [[nodiscard]] std::string origin() const { return synthetic ? "--synthetic" : path; }

 private:
  bool trains = false;

  void add_form_to(CLI::App& command);
  void add_meaning_to(CLI::App& command);
};

/// The rows that `spat evaluate` and `spat backtest` forecast.
struct RangeOptions {
  bool whole = false;
  std::optional<std::string> from, to;

  void add_to(CLI::App& command);
  [[nodiscard]] bool given() const { return whole || from || to; }
  /// The rows to forecast, [begin, end). Throws ConfigError for a time that is none or that the
  /// series does not have.
  [[nodiscard]] spat::Split rows(const spat::Series& series) const;
};

}  // namespace tool
