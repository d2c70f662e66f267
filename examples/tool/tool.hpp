// What the tool's commands share: their entry points, the data they read and how they talk to the user.
#pragma once

#include <spat/spat.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace tool {

using spat::detail::message;  // appends its parts: text, numbers

/// Each command adds itself to the command line; what it returns runs it.
using Command = std::function<void()>;
Command add_run(CLI::App& app, const std::string& command_line);
Command add_evaluate(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_forecast(CLI::App& app);

/// Which series, and how it is cut and marked.
struct DataOptions {
  std::string path;
  bool synthetic = false;
  std::size_t rows = 4000;
  std::string protocol = "custom", target, marks = "h";
  std::optional<double> missing_code;
  bool strict_times = false;

  void add_to(CLI::App& command);
};

/// The series read, its warnings shown, and the windows of its three parts in scaled units.
struct Data {
  spat::Series series;
  spat::Protocol protocol;
  spat::StandardScaler scaler;
  spat::WindowOptions window;
  std::unique_ptr<spat::WindowDataset<float>> training, validation, test;
};
spat::Series read(const DataOptions& options, const std::vector<std::string>& columns = {});
/// The frequency of the time marks: none where the series has no dates.
std::optional<spat::Frequency> marks_of(const spat::Series& series, const std::string& name);
Data load(const DataOptions& options, std::size_t lookback, std::size_t horizon,
          const std::vector<std::string>& columns = {});

/// What a model file says about the data it was trained on, in metadata entry "spat.data".
std::string describe(const Data& data, const std::string& marks);
struct Described {
  std::string protocol, marks;
  std::vector<std::string> names;
  spat::StandardScaler scaler;
};
Described described(const spat::SafetensorsFile& file);

/// Progress on standard error: one line on a terminal, a line an epoch in a log, none when quiet.
spat::ProgressCallback progress(const std::string& what, bool quiet);
/// A line on standard error.
void say(const std::string& text);

/// Calls use.template operator()<Model>() with the model of that name; ConfigError for another. A new model is one line here.
template <class Use>
auto with_model(const std::string& name, Use&& use) {
  if (name == spat::ITransformer<float>::name) return use.template operator()<spat::ITransformer<float>>();
  throw spat::ConfigError(message("unknown model \"", name, "\"; expected itransformer"));
}

}  // namespace tool
