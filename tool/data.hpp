// Which series a command reads, how it is cut and marked, and what a model file says about the one
// it was trained on.
#pragma once

#include "tool.hpp"

#include <spat/data/data_description.hpp>
#include <spat/io/safetensors_file.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace tool {

struct DataOptions {
  std::string path;
  bool synthetic = false;
  std::size_t rows = 4000;
  std::string protocol = "custom", target, marks = "h";
  std::optional<double> missing_code;
  bool strict_times = false;
  std::size_t stride = 1,
              test_stride =
                  1;  // rows between the windows of training and validation, and of the test part

  void add_to(CLI::App& command);
};

/// The series read, its warnings shown, and the windows of its three parts in scaled units.
struct Data {
  std::string name;  // "ETTh1" of "data/ETTh1.csv"
  spat::Series series;
  spat::Protocol protocol;
  spat::StandardScaler scaler;
  spat::WindowOptions window;
  std::unique_ptr<spat::WindowDataset<float>> training, validation, test;
};
/// `columns`: of a file only these, in this order; empty for all.
spat::Series read(const DataOptions& options, const std::vector<std::string>& columns = {});
/// The frequency of the time marks: none where the series has no dates.
std::optional<spat::Frequency> marks_of(const spat::Series& series, const std::string& name);
/// The windows are as `window` says, their marks as the options do.
Data load(const DataOptions& options, spat::WindowOptions window,
          const std::vector<std::string>& columns = {});

/// Other series to be tested on: each FILE, or FILE:PROTOCOL where its rows are split in another
/// way; scaled by their own training parts. Throws ConfigError for one of other channels.
std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like);

/// What the library needs to know of it.
spat::DataDescription description_of(const Data& data);

/// What goes into the metadata entry "spat.data" of a model file.
std::string describe(const Data& data, const std::string& marks);
/// What a model file says about its model and the data it was trained on.
struct Described {
  std::string model, protocol, marks;
  spat::DataDescription data;  // without marks: those depend on the series, too
};
Described described(const spat::SafetensorsFile& file);
/// The data as the model knows it: its columns by name, its windows, and, where the user said none,
/// its protocol and marks.
Data load_as(const Described& about, DataOptions options, bool protocol_given, bool marks_given);

}  // namespace tool
