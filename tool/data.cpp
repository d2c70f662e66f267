// Reads, splits and describes the data of the tool's commands.
#include "data.hpp"

#include <spat/data/synthetic.hpp>
#include <spat/io/fields.hpp>
#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>

namespace tool {

void DataOptions::add_to(CLI::App& command) {
  auto* file = command.add_option(
      "--data", path,
      "CSV file: a date column (or an integer index, or none), then one column per channel");
  auto* made = command.add_flag("--synthetic", synthetic,
                                "Use the embedded synthetic series instead of a file");
  file->excludes(made);
  command.add_option("--rows", rows, "Rows of the synthetic series")
      ->needs(made)
      ->capture_default_str();
  command
      .add_option("--protocol", protocol,
                  "Split of the rows: ett-hourly, ett-minute or custom (70 % / 10 % / 20 %)")
      ->capture_default_str();
  command.add_option("--target", target,
                     "Target column, which is moved to the end as in the reference");
  command
      .add_option("--marks", marks,
                  "Frequency of the time marks: h, t, d, ..., or none; always none without dates")
      ->capture_default_str();
  command.add_option("--missing-code", missing_code,
                     "Replace cells of this value, such as -9999, by the value before");
  command
      .add_option("--window-stride", stride, "Rows between the windows of training and validation")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      .add_option("--test-stride", test_stride, "Rows between test windows; published errors use 1")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_flag("--strict-times", strict_times,
                   "Treat a repeated time stamp or a gap as an error, not as a warning");
}

spat::Series read(const DataOptions& options, const std::vector<std::string>& columns) {
  if (options.path.empty() && !options.synthetic)
    throw spat::ConfigError("--data FILE or --synthetic is needed");
  if (options.synthetic) {
    spat::Series made = spat::synthetic_series(options.rows);
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns.size() != made.channels() || columns[c] != made.names[c])
        throw spat::ConfigError(message("the synthetic series has other columns than the ",
                                        columns.size(), " that the model reads: expected ",
                                        spat::in_quotes(columns[c])));
    return made;
  }
  spat::SeriesOptions how{
      .columns = columns, .target = options.target, .missing_code = options.missing_code};
  if (options.strict_times) how.irregular = spat::SeriesOptions::Irregular::error;
  spat::Series series = spat::read_series(options.path, how);
  for (const std::string& warning : series.warnings) say(message("warning: ", warning));
  return series;
}

std::optional<spat::Frequency> marks_of(const spat::Series& series, const std::string& name) {
  if (name == "none" || series.time_index != spat::TimeIndex::date) return {};
  return spat::parse_frequency(name);
}

Data load(const DataOptions& options, spat::WindowOptions window,
          const std::vector<std::string>& columns) {
  Data data{
      .name = options.synthetic ? "synthetic" : std::filesystem::path(options.path).stem().string(),
      .series = read(options, columns),
      .protocol = spat::parse_protocol(options.protocol),
      .scaler = {},
      .window = window,
      .stride = options.stride,
      .training = {},
      .validation = {},
      .test = {}};
  const auto splits =
      spat::split_rows(data.protocol, data.series.rows(), window.lookback, window.horizon);
  data.scaler = spat::StandardScaler::fit(data.series.view(), splits.train);
  for (const std::size_t c : data.scaler.constant_columns())
    say(message("warning: column \"", data.series.names[c],
                "\" is constant in the training part; its deviation counts as 1"));
  data.window.marks = marks_of(data.series, options.marks);
  const auto windows = [&](spat::Split rows, std::size_t stride) {
    spat::WindowOptions strided = data.window;
    strided.stride = stride;
    return std::make_unique<spat::WindowDataset<float>>(data.series, data.scaler, rows, strided);
  };
  data.training = windows(splits.train, options.stride);
  data.validation = windows(splits.validation, options.stride);
  data.test = windows(splits.test, options.test_stride);
  return data;
}

std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like) {
  std::vector<Data> others;
  for (const std::string& file : files) {
    DataOptions other = options;
    const std::size_t colon = file.rfind(':');
    other.path = file.substr(0, colon);
    other.synthetic = false;
    other.target.clear();  // columns are selected by name, in the order of the training
    const spat::DataChoices choices = choices_of(like);
    other.protocol = colon == std::string::npos ? choices.protocol : file.substr(colon + 1);
    other.marks = choices.marks;
    others.push_back(load(other, like.window, choices.columns));
    if (const auto found =
            describe_inputs(choices_of(others.back())).difference(describe_inputs(choices)))
      throw spat::ConfigError(message("--test-data ", file, ": has ", found->name, "=",
                                      found->mine.value_or("none"), ", the training data ",
                                      found->name, "=", found->other.value_or("none")));
  }
  return others;
}

spat::DataChoices choices_of(const Data& data) {
  return {.protocol = std::string(spat::protocol_name(data.protocol)),
          .marks = std::string(data.window.marks ? spat::frequency_name(*data.window.marks)
                                                 : std::string_view("none")),
          .features = data.window.features,
          .stride = data.stride,
          .columns = data.series.names};
}

spat::DataDescription description_of(const Data& data) {
  return {data.series.names, data.scaler, data.window};
}

std::string describe(const Data& data) {
  spat::Fields fields;
  for (std::size_t c = 0; c < data.series.channels(); ++c) {
    const std::string index = std::to_string(c);
    fields.set(message("name.", index), data.series.names[c]);
    fields.set(message("mean.", index), data.scaler.mean()[c]);
    fields.set(message("deviation.", index), data.scaler.deviation()[c]);
  }
  return spat::to_json(fields);
}

Described described(const spat::SafetensorsFile& file) {
  const spat::Fields fields = spat::fields_from_json(file.metadata("spat.data"), file.path());
  std::vector<double> mean, deviation;
  Described data{.file = file.path(),
                 .model = file.metadata(spat::model_key),
                 .run = {},
                 .choices = {},
                 .data = {}};
  if (const auto text = file.metadata().find(spat::run_key); text != file.metadata().end()) {
    const auto run = spat::RunDescription::parse(text->second, file.path());
    data.run = run.hash_text();
    data.choices = spat::data_choices_of(run);
  } else {  // a file from before runs had a description
    data.choices.protocol = fields.get<std::string>("protocol");
    data.choices.marks = fields.get<std::string>("marks");
    data.choices.features = spat::parse_features(fields.get_or<std::string>("features", "M"));
  }
  const spat::Fields sizes = spat::fields_from_json(file.metadata(spat::config_key), file.path());
  data.data.window = {.lookback = sizes.get<std::size_t>("lookback"),
                      .horizon = sizes.get<std::size_t>("horizon"),
                      .features = data.choices.features};
  for (std::size_t c = 0;; ++c) {
    const std::string index = std::to_string(c), name = message("name.", index);
    if (!fields.contains(name)) break;
    data.data.names.push_back(fields.get<std::string>(name));
    mean.push_back(fields.get<double>(message("mean.", index)));
    deviation.push_back(fields.get<double>(message("deviation.", index)));
  }
  data.data.scaler = spat::StandardScaler(mean, deviation);
  data.choices.columns = data.data.names;
  return data;
}

Data load_as(const Described& about, DataOptions options, bool protocol_given, bool marks_given) {
  if (!protocol_given) options.protocol = about.choices.protocol;
  if (!marks_given) options.marks = about.choices.marks;
  options.target.clear();  // columns are selected by name, in the order of the training
  Data data = load(options, about.data.window, about.data.names);
  spat::DataChoices trained = about.choices;
  if (trained.marks != "none")  // an older file has the user's name of it
    trained.marks = spat::frequency_name(spat::parse_frequency(trained.marks));
  describe_inputs(choices_of(data)).expect_same(describe_inputs(trained), about.file);
  return data;
}

}  // namespace tool
