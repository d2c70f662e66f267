// spat export --c: writes a model as one C file and its header.
#include "export.hpp"

#include <spat/export/c/c_source.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/io/path.hpp>
#include <spat/models/checkpoint.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

void export_c(const ExportOptions& o, const spat::SafetensorsFile& file,
              const Architecture& model) {
  const std::filesystem::path path = spat::utf8_path(o.c);
  if (path.extension() != ".c" || path.stem().empty())
    throw spat::ConfigError(message("--c ", o.c,
                                    ": expected a file name that ends in .c; the "
                                    "header beside it ends in .h"));
  const std::filesystem::path header_path = std::filesystem::path(path).replace_extension(".h");
  const std::string header = spat::utf8_text(header_path);
  spat::COptions options{.name = o.name.empty() ? spat::utf8_text(path.stem()) : o.name,
                         .header_file = spat::utf8_text(header_path.filename()),
                         .weights = o.weights,
                         .scaled = o.scaled,
                         .model = model.name};
  spat::expect_c_options(options);
  if (file.metadata().contains(spat::data_key))
    options.data = spat::load_data_description(file);
  else if (!o.scaled)
    throw spat::ConfigError(message(file.path(),
                                    ": has no data description, so that its scaler is "
                                    "unknown: export it with --scaled"));
  const spat::ForecastGraph graph = model.graph(o.model, options.data, o.scaled);
  const spat::CSource source = spat::c_source(graph, options);
  spat::write_file(header, source.header);
  spat::write_file(o.c, source.code);
  if (o.quiet) return;
  std::printf(
      "C file         %s, %zu bytes, and %s\nfunction       %s_forecast\nunits          %s\n%s",
      o.c.c_str(), source.code.size(), header.c_str(), options.name.c_str(),
      o.scaled ? "scaled" : "those of the columns", to_text(source.figures).c_str());
}

}  // namespace tool
