// libFuzzer: whatever the bytes, a PyTorch file is refused with one of our errors, or what comes
// out of it is a sound safetensors file that is no larger than the limits say. The first byte
// chooses: the rest is a file, a zip archive with the checksums made right, or a pickle that a file
// of either format holds.
#include <spat/io/torch_file.hpp>

#include <tests/fuzz/fuzz.hpp>
#include <tests/io/hostile_torch.hpp>

#include <optional>
#include <sstream>

namespace {

using namespace spat;

std::optional<std::string> converted(const std::string& bytes) {
  std::optional<std::string> result;
  fuzz::succeeds([&] {
    std::istringstream stream(bytes);
    result = detail::torch_to_safetensors(stream, "fuzz.pth", {});
  });
  return result;
}

void check(const std::string& bytes) {
  const std::optional<std::string> result = converted(bytes);
  if (!result) return;
  const auto file = SafetensorsFile::from_bytes(*result, "converted");
  fuzz::expect(!file.tensors().empty() && file.metadata().contains("torch.format"));
  std::size_t total = 0;
  for (const TensorInfo& tensor : file.tensors()) {
    total += tensor.size() * dtype_size(tensor.dtype);
    fuzz::expect(spat::detail::is_utf8(tensor.name) && tensor.name.size() <= TorchLimits().name);
  }
  fuzz::expect(total <= TorchLimits().sharing * bytes.size());
  fuzz::expect(file.metadata().size() <= TorchLimits().scalars + 2);
  fuzz::expect(converted(bytes) == result);
}

/// The counted bytes of a pickle's graph are within what is promised.
void check_pickle(const std::string& bytes) {
  fuzz::succeeds([&] {
    const auto counts = spat::detail::count_pickle(bytes, "fuzz.pkl", {});
    fuzz::expect(8 * counts.nodes + 4 * (counts.links + counts.stack + counts.memo) <=
                 16 * counts.bytes);
    const PickleGraph graph = read_pickle(bytes, "fuzz.pkl");
    fuzz::expect(graph.size() == counts.nodes + 4 && graph.root() < graph.size());
  });
}

/// The archive with the checksum of each entry put right in its header, behind it and in the
/// directory, if it has the form that torch.save gives it.
std::string with_checksums(std::string bytes) {
  for (std::size_t at = 0; (at = bytes.find("PK\1\2", at)) != bytes.npos; at += 4) {
    if (bytes.size() - at < 46) break;
    const std::size_t header = spat::detail::number_at<std::uint32_t>(bytes, at + 42),
                      size = spat::detail::number_at<std::uint32_t>(bytes, at + 24);
    if (header > bytes.size() || bytes.size() - header < 30) continue;
    const std::size_t data = header + 30 +
                             spat::detail::number_at<std::uint16_t>(bytes, header + 26) +
                             spat::detail::number_at<std::uint16_t>(bytes, header + 28);
    if (data > bytes.size() || size > bytes.size() - data) continue;
    const std::string checksum =
        hostile_torch::little(spat::detail::crc32(std::string_view(bytes).substr(data, size)));
    bytes.replace(at + 16, 4, checksum);
    if (std::string_view(bytes).substr(data + size).starts_with("PK\7\10") &&
        bytes.size() - data - size >= 8)
      bytes.replace(data + size + 4, 4, checksum);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes = fuzz::text_of(data + 1, size - 1);
  const std::string storage(64, '\1');
  if (data[0] % 4 == 0) {
    check(bytes);
  } else if (data[0] % 4 == 1) {
    check(with_checksums(bytes));
  } else {
    check_pickle(bytes);
    check(hostile_torch::zip({{.name = "a/data.pkl", .data = bytes},
                              {.name = "a/data/0", .data = storage},
                              {.name = "a/data/1", .data = storage.substr(0, 8)}}));
    // The pickle of a file of the older format, which is to end where this one does.
    std::string file = hostile_torch::legacy_file("N", {});
    file.resize(file.size() - hostile_torch::pickle("N").size() -
                hostile_torch::pickle("](e").size());
    check(file + bytes + hostile_torch::pickle("](" + hostile_torch::text("0") + "e") +
          hostile_torch::little(std::uint64_t{16}) + storage);
  }
  return 0;
}
