// spat export: writes a saved model in another form: ONNX, C, C++, or smaller weights.
#include "export.hpp"

#include "effects.hpp"

#include <spat/io/path.hpp>
#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace tool {

namespace {

/// Throws ConfigError if a file to write is the model's own, or another one to write.
void expect_different_files(const ExportOptions& o) {
  using Path = std::filesystem::path;
  const auto place = [](const Path& path) {
    std::error_code unknown;
    const Path found = std::filesystem::weakly_canonical(path, unknown);
    return unknown ? path : found;
  };
  std::vector<std::pair<const char*, Path>> written{{"--onnx", spat::utf8_path(o.onnx)},
                                                    {"--c", spat::utf8_path(o.c)},
                                                    {"--header", spat::utf8_path(o.header)},
                                                    {"--out", spat::utf8_path(o.out)}};
  if (!o.c.empty()) written.push_back({"--c", spat::utf8_path(o.c).replace_extension(".h")});
  std::vector<Path> files{place(spat::utf8_path(o.model))};
  for (const auto& [option, file] : written) {
    if (file.empty()) continue;
    const bool taken = std::ranges::any_of(files, [&, &file = file](const Path& other) {
      std::error_code absent;  // two names of one file, as m.c and M.C on Windows
      return place(file) == other || std::filesystem::equivalent(file, other, absent);
    });
    if (taken)
      throw spat::ConfigError(message(option, ": ", spat::utf8_text(file),
                                      " is the model file, or another file to write"));
    files.push_back(place(file));
  }
}

}  // namespace

Command add_export(CLI::App& app) {
  struct All {
    ExportOptions options;
    std::string weights = "f32";
  };
  const auto all = std::make_shared<All>();
  ExportOptions& o = all->options;
  CLI::App& command = *app.add_subcommand(
      "export", "Write a saved model as ONNX, as C, as a C++ header, or with smaller weights");
  command.add_option("model", o.model, "Model file")->required();
  command.add_option("--onnx", o.onnx, "ONNX file to write");
  command.add_option("--c", o.c, "C file to write, beside it its header");
  command.add_option("--header", o.header, "C++ header to write");
  command.add_option("--out", o.out, "Model file to write, with weights of another type");
  command.add_option("--weights", all->weights, "Type of the weights: f32, bf16, f16, int8")
      ->capture_default_str();
  command.add_option("--name", o.name,
                     "Name of the C function or the C++ namespace; default: the file's");
  command.add_flag("--scaled", o.scaled, "Leave the scaler out: input and output are scaled");
  command.add_flag("--verify", o.verify,
                   "Run the ONNX file in ONNX Runtime, if there is one, and compare forecasts");
  command.add_flag("--quiet", o.quiet, "Print no table");
  return [all, &command] {
    ExportOptions& options = all->options;
    if (options.onnx.empty() && options.c.empty() && options.header.empty() && options.out.empty())
      throw spat::ConfigError("nothing to write: --onnx, --c, --header or --out says what");
    expect_effects(
        command,
        {{"--weights", !options.c.empty() || !options.out.empty(), "--c or --out"},
         {"--name", !options.c.empty() || !options.header.empty(), "--c or --header"},
         {"--scaled", !options.onnx.empty() || !options.c.empty() || !options.header.empty(),
          "--onnx, --c or --header"},
         {"--verify", !options.onnx.empty(), "--onnx"}});
    options.weights = spat::parse_name("type of weights", all->weights, spat::weight_types);
    expect_different_files(options);
    const spat::SafetensorsFile file(options.model);
    const Architecture& model = architecture(file.metadata(spat::model_key));
    if (!options.onnx.empty()) export_onnx(options, file, model);
    if (!options.c.empty()) export_c(options, file, model);
    if (!options.header.empty()) export_header(options, file, model);
    if (!options.out.empty()) export_weights(options, file, model);
  };
}

}  // namespace tool
