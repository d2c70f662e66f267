// spat export --header: writes a saved model as one C++ header.
#include "export.hpp"

#include <spat/export/cpp/cpp_text.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/io/path.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

void export_header(const ExportOptions& o, const spat::SafetensorsFile& file,
                   const Architecture& model) {
  const std::string name =
      o.name.empty() ? spat::utf8_text(spat::utf8_path(o.header).stem()) : o.name;
  spat::expect_cpp_name(name);
  const std::string text = model.header(file.path(), name, o.scaled);
  spat::write_file(o.header, text);
  if (o.quiet) return;
  std::printf("C++ header   %s: %zu bytes\nnamespace    %s\n", o.header.c_str(), text.size(),
              name.c_str());
  std::printf("units        %s\n", o.scaled ? "scaled" : "those of the columns");
}

}  // namespace tool
