// spat export --out: a model's file with weights of another type, and a table of what that changed.
#include "export.hpp"

#include <spat/io/path.hpp>
#include <spat/models/stored_weights.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace tool {

namespace {

/// The largest error of a learned number, as a share of the largest of its row.
struct LargestError {
  double share = 0;
  std::string tensor;
};

/// The numbers of a tensor as a model has them.
std::vector<float> weights(const spat::SafetensorsFile& file, const spat::TensorInfo& tensor) {
  std::vector<float> values(tensor.size());
  spat::detail::read_weight(file, tensor.name, std::span<float>(values), spat::Narrowing::refused);
  return values;
}

LargestError largest_error(const spat::SafetensorsFile& before,
                           const spat::SafetensorsFile& after) {
  LargestError found;
  for (const spat::TensorInfo& tensor : after.tensors()) {
    if (spat::detail::holds_scales(after, tensor) || tensor.dtype == spat::Dtype::i64 ||
        !before.contains(tensor.name))
      continue;
    const std::vector<float> right = weights(before, before.at(tensor.name)),
                             now = weights(after, tensor);
    const std::size_t rows = tensor.shape.size() < 2 ? 1 : tensor.shape.front(),
                      cols = rows == 0 ? 0 : right.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      double largest = 0, error = 0;
      for (std::size_t i = row * cols; i < (row + 1) * cols; ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(right[i])));
        error =
            std::max(error, std::abs(static_cast<double>(now[i]) - static_cast<double>(right[i])));
      }
      if (error > found.share * largest) found = {error / largest, tensor.name};
    }
  }
  return found;
}

/// The bytes of a file by what they hold: each type of number, the header, and the whole file.
std::map<std::string, std::uint64_t> bytes_of(const spat::SafetensorsFile& file) {
  std::map<std::string, std::uint64_t> bytes;
  std::uint64_t numbers = 0;
  for (const spat::TensorInfo& tensor : file.tensors()) {
    bytes[std::string(spat::dtype_name(tensor.dtype))] += tensor.end - tensor.begin;
    numbers += tensor.end - tensor.begin;
  }
  bytes["file"] = std::filesystem::file_size(spat::utf8_path(file.path()));
  bytes["header"] = bytes["file"] - numbers;
  return bytes;
}

}  // namespace

void export_weights(const ExportOptions& o, const spat::SafetensorsFile& file,
                    const Architecture& model) {
  auto before = bytes_of(file);  // the file to write may have the same name
  model.convert(o.model, o.out, o.weights);
  if (o.quiet) return;
  const spat::SafetensorsFile written(o.out);
  auto after = bytes_of(written);
  std::printf("%-8s %14s %14s\n", "bytes", "before", "after");
  for (const char* what : {"F32", "BF16", "F16", "I8", "I64", "header", "file"})
    if (before[what] + after[what] > 0)
      std::printf("%-8s %14llu %14llu\n", what, static_cast<unsigned long long>(before[what]),
                  static_cast<unsigned long long>(after[what]));
  const LargestError error = largest_error(file, written);
  if (error.share == 0)
    std::printf("no weight has changed\n");
  else
    std::printf("largest error of a weight: %.3g %% of the largest of its row, in %s\n",
                100 * error.share, error.tensor.c_str());
}

}  // namespace tool
