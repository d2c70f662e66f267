// The data of a command: the series, its windows and time marks, and the description of the
// training data in a model file.
#pragma once

#include "tool.hpp"

#include <spat/data/data_description.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/pipeline/data_choices.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace tool {

/// The options that choose the data.
struct DataOptions {
  std::string path;
  bool synthetic = false;
  std::size_t rows = 4000;
  std::string protocol = "custom", target, marks = "h";
  std::optional<double> missing_code;
  bool strict_times = false;
  std::size_t stride = 1;       // rows between the windows of training and validation
  std::size_t test_stride = 1;  // rows between the windows of the test part

  void add_to(CLI::App& command);
};

/// A series and the windows of its three parts, in scaled units.
struct Data {
  std::string name;  // "ETTh1" of "data/ETTh1.csv"
  spat::Series series;
  spat::Protocol protocol;
  spat::StandardScaler scaler;
  spat::WindowOptions window;
  std::size_t stride = 1;  // rows between the windows of training and validation
  std::unique_ptr<spat::WindowDataset<float>> training, validation, test;
};
/// Reads the series and shows its warnings. `columns` selects columns of a file, in this order;
/// empty: all.
spat::Series read(const DataOptions& options, const std::vector<std::string>& columns = {});
/// The frequency of the time marks; nothing if the series has no dates.
std::optional<spat::Frequency> marks_of(const spat::Series& series, const std::string& name);
/// Reads the series and makes its windows: sizes from `window`, time marks from the options.
Data load(const DataOptions& options, spat::WindowOptions window,
          const std::vector<std::string>& columns = {});

/// What a run chose of its data.
spat::DataChoices choices_of(const Data& data);

/// Loads other series to test on, as the training data `like`: its protocol, marks, and columns by
/// name. Each is FILE, or FILE:PROTOCOL if its rows are split in another way. Each is scaled by its
/// own training part. Throws ConfigError, with the first difference, for a series that cannot be
/// read in that way.
std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like);

/// The library's description of the data.
spat::DataDescription description_of(const Data& data);

/// The metadata entry "spat.data" of a model file: the columns and their scaler.
std::string describe(const Data& data);
/// A model file's description of its model and its training data.
struct Described {
  std::string file, model;
  std::string run;  // the hash of its run's description; empty in an older file
  spat::DataChoices choices;
  spat::DataDescription data;  // without marks, which also depend on the series
};
/// Reads the description from a model file.
Described described(const spat::SafetensorsFile& file);
/// Loads the data as the model was trained on it: its columns by name, its windows, its marks, and
/// its protocol unless the user has given another. Throws ConfigError, with the first difference,
/// for data or options that do not give the model what it reads.
Data load_as(const Described& about, DataOptions options, bool protocol_given, bool marks_given);

}  // namespace tool
