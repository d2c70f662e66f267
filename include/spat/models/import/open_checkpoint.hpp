// models. Opens a checkpoint of PyTorch or a safetensors file, told apart by their content.
#pragma once

#include <spat/io/input_file.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/io/torch_file.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace spat::inline SPAT_ABI {

/// Opens a file of tensors: of safetensors, or of PyTorch, zip or legacy. Tensors and records of a
/// PyTorch file have the names of read_torch_file(). Throws FileError for a file that is neither,
/// and the errors of the two readers.
[[nodiscard]] inline SafetensorsFile open_checkpoint(const std::string& path) {
  std::array<unsigned char, 9> begin{};
  {
    const auto stream = detail::open_input(path);
    const std::uint64_t size = detail::stream_size(*stream, path);
    if (size == 0) throw FileError(message(path, ": is empty"));
    detail::read_at(*stream, path, 0, begin.data(),
                    static_cast<std::size_t>(std::min<std::uint64_t>(size, begin.size())));
  }
  // a header of less than 4 GiB, in JSON
  if (begin[8] == '{' && begin[4] == 0 && begin[5] == 0 && begin[6] == 0 && begin[7] == 0)
    return SafetensorsFile(path);
  const bool zip = begin[0] == 'P' && begin[1] == 'K';
  const bool pickle = begin[0] == 0x80;
  if (zip || pickle) return read_torch_file(path);
  throw FileError(message(path,
                          ": is neither a checkpoint of PyTorch (.pth, .pt, .ckpt), zip or "
                          "legacy, nor a safetensors file"));
}

}  // namespace spat
