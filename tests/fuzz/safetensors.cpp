// libFuzzer: whatever the bytes, a safetensors file is refused with one of our errors, or all of it
// can be read, and what is read is the same after it is written and read again.
#include <spat/io/safetensors.hpp>

#include <tests/fuzz/fuzz.hpp>

#include <optional>
#include <vector>

namespace {

using namespace spat;

bool same(const auto& a, const auto& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0);
}

/// Reads the tensor as T; nothing if its dtype has no conversion.
template <class T>
std::optional<std::vector<T>> read(const SafetensorsFile& file, const TensorInfo& tensor,
                                   Narrowing narrowing = Narrowing::refused) {
  std::optional<std::vector<T>> values;
  fuzz::succeeds([&] { values = file.read<T>(tensor.name, narrowing); });
  fuzz::expect(!values || values->size() == tensor.size());
  return values;
}

void check(const SafetensorsFile& file, std::size_t bytes) {
  std::size_t total = 0;
  SafetensorsWriter writer;
  for (const TensorInfo& tensor : file.tensors()) {
    total += tensor.size() * dtype_size(tensor.dtype);
    fuzz::expect(file.find(tensor.name) == &tensor);
    const auto narrow = read<float>(file, tensor);
    const auto narrowed = read<float>(file, tensor, Narrowing::allowed);
    const auto wide = read<double>(file, tensor);
    const auto whole = read<std::int64_t>(file, tensor);
    const Dtype dtype = tensor.dtype;
    fuzz::expect(narrow.has_value() == (dtype == Dtype::f32) &&
                 narrowed.has_value() == wide.has_value() &&
                 wide.has_value() == (dtype == Dtype::f32 || dtype == Dtype::f64) &&
                 whole.has_value() == (dtype == Dtype::i64));
    if (tensor.name.empty()) continue;
    const auto add = [&](const auto& values) {
      writer.add(tensor.name, tensor.shape, std::span(values));
    };
    if (narrow) add(std::as_const(*narrow));
    if (dtype == Dtype::f64) add(std::as_const(*wide));
    if (whole) add(std::as_const(*whole));
  }
  fuzz::expect(total <= bytes);
  for (const auto& [key, text] : file.metadata()) writer.set_metadata(key, text);
  const auto again = SafetensorsFile::from_bytes(writer.to_bytes(), "again");
  fuzz::expect(again.metadata() == file.metadata());
  for (const TensorInfo& tensor : again.tensors()) {
    fuzz::expect(file.at(tensor.name).shape == tensor.shape);
    fuzz::expect(file.at(tensor.name).dtype == tensor.dtype);
    if (tensor.dtype == Dtype::i64)
      fuzz::expect(same(*read<std::int64_t>(file, tensor), *read<std::int64_t>(again, tensor)));
    else if (tensor.dtype == Dtype::f32)
      fuzz::expect(same(*read<float>(file, tensor), *read<float>(again, tensor)));
    else
      fuzz::expect(same(*read<double>(file, tensor), *read<double>(again, tensor)));
  }
}

std::string sample(std::uint32_t) {
  static constexpr float numbers[] = {1, 2, 3, 4};
  static constexpr double wide[] = {0.5, -2};
  static constexpr std::int64_t count[] = {7};
  SafetensorsWriter writer;
  writer.add<float>("w", {2, 2}, numbers);
  writer.add<double>("d", {2}, wide);
  writer.add<std::int64_t>("n", {}, count);
  writer.add<float>("none", {0, 3}, {});
  writer.set_metadata("key", "text");
  return writer.to_bytes();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned int random) {
  return fuzz::mutate_safetensors(data, size, most, random, 0, sample);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::succeeds([&] {
    const auto file = SafetensorsFile::from_bytes(fuzz::text_of(data, size), "fuzz.safetensors");
    check(file, size);
  });
  return 0;
}
