// io. Reads the files of torch.save (.pth, .pt, .ckpt) without Python. Nothing in them is executed.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/order.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/json_text.hpp>
#include <spat/io/pickle.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/io/torch_object.hpp>
#include <spat/io/torch_source.hpp>
#include <spat/io/torch_tensor.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The header of a safetensors file with these tensors, one after another, and its length.
[[nodiscard]] inline std::string torch_header(const PickleGraph& graph, const TorchContent& content,
                                              std::vector<std::size_t>& places) {
  std::string json("{\"__metadata__\":{");
  for (const auto& [path, text] : content.texts) {
    if (json.back() != '{') json.push_back(',');
    json.append(json_text(path)).append(":").append(json_text(text));
  }
  json.push_back('}');
  std::size_t place = 0;
  for (const TorchTensor& tensor : content.tensors) {
    const TorchElement& element = *torch_storage(graph, tensor.storage)->element;
    places.push_back(place);
    const std::size_t begin = place;
    place += static_cast<std::size_t>(*bytes_of(tensor.shape, element.bytes));
    json.append(message(",", json_text(tensor.name), ":{\"dtype\":\"", dtype_name(element.dtype),
                        "\",\"shape\":", shape_text(tensor.shape), ",\"data_offsets\":[", begin,
                        ",", place, "]}"));
  }
  places.push_back(place);
  json.push_back('}');
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{json.size()});
  return std::string(length.begin(), length.end()).append(json);
}

/// The bytes of a safetensors file with what a PyTorch file holds.
template <class Source>
[[nodiscard]] std::string torch_bytes(Source& source, const std::string& origin,
                                      const TorchLimits& limits) {
  const PickleGraph& graph = source.graph();
  TorchContent content = TorchWalk(graph, origin, limits).run();
  content.texts.emplace("torch.format", Source::name);
  if (!content.skipped.empty()) content.texts.emplace("torch.skipped", content.skipped);

  std::uint64_t total = 0;
  for (const TorchTensor& tensor : content.tensors) {
    const TorchElement& element = *torch_storage(graph, tensor.storage)->element;
    const std::uint64_t bytes = *bytes_of(tensor.shape, element.bytes);
    if (bytes > limits.sharing * source.size() - total) {
      throw FileError(message(origin, ": its tensors share their storages so much that they take ",
                              "more than the ", limits.sharing,
                              " bytes per byte of the file "
                              "allowed; save tensor.clone() of each"));
    }
    total += bytes;
  }
  (void)memory_size(total, origin);
  std::vector<std::size_t> places;
  std::string bytes = torch_header(graph, content, places);
  const std::size_t data = bytes.size();
  bytes.resize(data + places.back());

  // One storage after another is in memory.
  const auto storage_of = [&](std::size_t i) {
    return *torch_storage(graph, content.tensors[i].storage);
  };
  const auto order =
      order_by(content.tensors.size(), [&](std::size_t i) { return storage_of(i).key; });
  std::string storage;
  for (std::size_t n = 0; n < order.size(); ++n) {
    const std::size_t i = order[n];
    const TorchStorage from = storage_of(i);
    if (n == 0 || from.key != storage_of(order[n - 1]).key) {
      storage.clear();
      storage.shrink_to_fit();
      storage = source.read(from, content.tensors[i].name);
    }
    copy_torch_tensor(content.tensors[i], from.element->bytes, storage,
                      std::span(bytes).subspan(data + places[i], places[i + 1] - places[i]));
  }
  return bytes;
}

/// As read_torch_file(), to the bytes of a safetensors file.
[[nodiscard]] inline std::string torch_to_safetensors(std::istream& stream,
                                                      const std::string& origin,
                                                      const TorchLimits& limits) {
  const std::uint64_t size = stream_size(stream, origin);
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(size, 64)), '\0');
  read_at(stream, origin, 0, start.data(), start.size());
  if (start.starts_with("PK\3\4")) {
    TorchZip source(stream, origin, limits);
    return torch_bytes(source, origin, limits);
  }
  if (is_legacy_torch(start)) {
    TorchLegacy source(stream, origin, limits);
    return torch_bytes(source, origin, limits);
  }
  throw FileError(message(origin,
                          ": is no file of torch.save: it starts neither as a zip archive "
                          "nor with the pickle of older versions"));
}

}  // namespace detail

/// Whether a file looks like one of torch.save, by its content: a zip archive that names a data.pkl
/// near its start or end, or the pickle with which older versions start. Throws FileError if the
/// file cannot be read.
[[nodiscard]] inline bool is_torch_file(const std::string& path) {
  const auto stream = detail::open_input(path);
  const std::uint64_t size = detail::stream_size(*stream, path);
  const auto part = [&](std::uint64_t begin, std::uint64_t most) {
    std::string bytes(static_cast<std::size_t>(std::min(most, size - begin)), '\0');
    detail::read_at(*stream, path, begin, bytes.data(), bytes.size());
    return bytes;
  };
  const std::string start = part(0, 4096);
  if (detail::is_legacy_torch(start)) return true;
  if (!start.starts_with("PK\3\4")) return false;
  constexpr std::string_view name = "/data.pkl";
  return start.find(name) != start.npos ||
         part(size - std::min<std::uint64_t>(size, 65536), 65536).find(name) != std::string::npos;
}

/// The tensors of a file of torch.save, as a safetensors file in memory: in the order of the file,
/// contiguous, with the dtype and the bits that torch.load gives them. A tensor is named by its
/// path, "state_dict.encoder.norm.weight", an element of a list or tuple by its number; a file that
/// is one tensor names it "tensor".
///
/// Both formats are read, the zip archive and the older pickles, of all protocols. The pickle is
/// read as a description: nothing that it names is looked up or called. Dicts, lists, tuples and
/// argparse.Namespace are gone into, other objects are stepped over. Numbers and texts become
/// metadata under their paths ("hyper_parameters.n_heads" is "8", true is "true"). Metadata
/// "torch.format" is "zip" or "legacy"; "torch.skipped" has a line per value that is left out, such
/// as complex, quantized and sparse tensors and modules, with the reason.
///
/// Throws FileError for a file that is damaged, contradicts itself, is beyond the limits, holds a
/// whole module or a TorchScript archive, or two values under one name. The graph of the pickle
/// takes at most 16 times its bytes, what comes out beside the tensors 4 times and 1 MB, and the
/// older format up to 20 MB of the file; then come the bytes of the tensors and of the largest
/// storage.
[[nodiscard]] inline SafetensorsFile read_torch_file(const std::string& path,
                                                     const TorchLimits& limits = {}) {
  const auto stream = detail::open_input(path);
  return SafetensorsFile::from_bytes(detail::torch_to_safetensors(*stream, path, limits), path);
}
/// As above, for a file in memory; `origin` stands for the path in messages.
[[nodiscard]] inline SafetensorsFile torch_file_from_bytes(std::string bytes,
                                                           const std::string& origin,
                                                           const TorchLimits& limits = {}) {
  std::istringstream stream(std::move(bytes));
  return SafetensorsFile::from_bytes(detail::torch_to_safetensors(stream, origin, limits), origin);
}

}  // namespace spat
