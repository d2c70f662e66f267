// libFuzzer: whatever the bytes, a file is refused with one of our errors or all of it can be read.
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude
//   tests/fuzz/safetensors.cpp -o fuzz_tensors
#include <spat/io/fields.hpp>
#include <spat/io/npy.hpp>
#include <spat/io/safetensors.hpp>

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

namespace {

void read_all(const std::string& bytes) {
  const auto file = spat::SafetensorsFile::from_bytes(bytes, "fuzz.safetensors");
  std::size_t total = 0;
  for (const spat::TensorInfo& tensor : file.tensors()) {
    total += tensor.size() * spat::dtype_size(tensor.dtype);
    if (!file.contains(tensor.name)) std::abort();
    if (tensor.dtype == spat::Dtype::f32) (void)file.read<double>(tensor.name);
    if (tensor.dtype == spat::Dtype::f64) (void)file.read<double>(tensor.name);
    if (tensor.dtype == spat::Dtype::i64) (void)file.read<std::int64_t>(tensor.name);
  }
  if (total > bytes.size()) std::abort();
}
template <class Read>
void allow_errors(Read&& read) {
  try {
    read();
  } catch (const spat::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      allow_errors([&] { read_all(bytes); });
      break;
    case 1:  // a header of the right length, so that the JSON behind it is reached
      allow_errors([&] {
        const std::size_t header = bytes.find_last_of('}') + 1;
        std::string file(8, '\0');
        for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header >> 8 * i & 0xFF);
        read_all(file + bytes);
      });
      break;
    case 2:
      allow_errors([&] {
        const spat::Fields fields = spat::fields_from_json(bytes, "fuzz.json");
        if (!(spat::fields_from_json(spat::to_json(fields), "again") == fields)) std::abort();
      });
      break;
    default:
      allow_errors([&] {
        std::istringstream stream(bytes);
        (void)spat::read_npy<float>(stream, "fuzz.npy");
      });
  }
  return 0;
}
