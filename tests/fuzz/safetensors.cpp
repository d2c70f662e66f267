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
    const bool small = dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
    if (small || dtype == Dtype::f64) {
      fuzz::expect(narrow.has_value() == small && narrowed && wide && !whole);
    } else if (dtype == Dtype::boolean || dtype == Dtype::f8_e4m3 || dtype == Dtype::f8_e5m2) {
      fuzz::expect(!narrow && !narrowed && !wide && !whole);
    } else {  // whole numbers: each type that holds all of them, to the last digit
      fuzz::expect(narrow.has_value() == narrowed.has_value() && (!narrow || wide) &&
                   (whole || dtype == Dtype::u64));
      for (std::size_t i = 0; i < tensor.size(); ++i) {
        if (wide && whole) fuzz::expect((*wide)[i] == static_cast<double>((*whole)[i]));
        if (narrow) fuzz::expect(static_cast<double>((*narrow)[i]) == (*wide)[i]);
      }
    }
    if (tensor.name.empty() || (dtype != Dtype::f32 && dtype != Dtype::f64 && dtype != Dtype::i64))
      continue;  // not written again
    const auto add = [&](const auto& values) {
      writer.add(tensor.name, tensor.shape, std::span(values));
    };
    if (dtype == Dtype::f32) add(std::as_const(*narrow));
    if (dtype == Dtype::f64) add(std::as_const(*wide));
    if (dtype == Dtype::i64) add(std::as_const(*whole));
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
  writer.add<std::int8_t>("q", {2, 2}, std::array<std::int8_t, 4>{-127, 0, 1, 127});
  writer.add<BFloat16>("b", {2}, std::array<BFloat16, 2>{});
  writer.add<Float16>("h", {2}, std::array<Float16, 2>{});
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
