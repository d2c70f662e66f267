// The data of a command: the series, its windows in scaled units, and the description that goes
// into a model file.
#pragma once

#include "tool.hpp"

#include <spat/data/data_description.hpp>
#include <spat/io/safetensors_file.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace tool {

/// The options that choose the data. A model's file knows how its data is read; what commands of
/// saved models accept all the same may not contradict it.
struct DataOptions {
  std::string path;
  bool synthetic = false;
  std::size_t rows = 4000;
  std::optional<std::string> protocol, target, marks, frequency;
  std::optional<std::string> separator, decimal, thousands, time_column, date_format;
  std::vector<std::string> columns, ignored;
  std::optional<double> missing_code;
  bool header = false, no_header = false, strict_times = false, refit_scaler = false;
  std::size_t stride = 1;       // rows between the windows of training and validation
  std::size_t test_stride = 1;  // rows between the windows of the test part

  /// All of them, for commands that train.
  void add_training_to(CLI::App& command);
  /// The series, how it is read, and its calendar: what every command has.
  void add_series_to(CLI::App& command);
  /// Which columns are read, for commands without a saved model.
  void add_columns_to(CLI::App& command);
  /// The parts and their windows.
  void add_parts_to(CLI::App& command);
  void add_stride_to(CLI::App& command);
  void add_test_stride_to(CLI::App& command);
  /// Own scaler of each series, for commands that test a model on others.
  void add_refit_to(CLI::App& command);
};

/// A series and the windows of its three parts, in scaled units.
struct Data {
  std::string name;  // "ETTh1" of "data/ETTh1.csv"
  spat::Series series;
  spat::DataDescription description;
  std::unique_ptr<spat::WindowDataset<float>> training, validation, test;
};

/// Reads a series to train on, and makes its windows: sizes from `window`, the rest from the
/// options. The scaler is fitted on the training part. Shows warnings.
Data load(const DataOptions& options, spat::WindowOptions window);

/// Reads a series as the model was trained on one: columns by name, missing code, calendar, marks
/// and scaler are those of the description; so is the protocol unless there is an option. The
/// scaler is fitted anew with --refit-scaler, and if the model `learns` from a series so far from
/// its own that the saved scaler says nothing of it. Throws ConfigError, with both values, for an
/// option that contradicts the description, and DataError for rows of another frequency.
Data load_as(const spat::DataDescription& like, const DataOptions& options, bool learns = false);

/// Loads other series to test on, like load_as(). Each is FILE, or FILE:PROTOCOL if its rows are
/// split in another way.
std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like);

/// Reads a series for a forecast, as the model was trained on one; sets the calendar of the
/// description if an option has another.
spat::Series read_as(spat::DataDescription& like, const DataOptions& options);

}  // namespace tool
