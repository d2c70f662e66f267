// libFuzzer: whatever the bytes, the file of a model is refused with one of our errors, or it is
// the file of the model that is loaded. The first byte says which of the ten models.
#include <spat/models/checkpoint.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>

#include <tests/fuzz/fuzz.hpp>
#include <tests/support/small_models.hpp>

namespace {

using namespace spat;

template <class Model>
void read(const std::string& bytes) {
  const auto model = load_model<Model>(SafetensorsFile::from_bytes(bytes, "fuzz.safetensors"));
  const std::string text = small::file_of(model);
  const auto again = load_model<Model>(SafetensorsFile::from_bytes(text, "again.safetensors"));
  fuzz::expect(again.config() == model.config() && again.dropout() == model.dropout());
  fuzz::expect(small::file_of(again) == text);
  for (const auto& parameter : parameters(model))
    for (const auto value : parameter.values) fuzz::expect(std::isfinite(value));
}

std::string sample(std::uint32_t number) {
  std::string bytes;
  small::with_model(number % small::models, [&]<class Model>(const Model& model) {
    bytes = std::string(1, static_cast<char>(number % small::models)) + small::file_of(model);
  });
  return bytes;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned int random) {
  return fuzz::mutate_safetensors(data, size, most, random, 1, sample);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  small::with_type(data[0] % small::models, [&]<class Model>(std::type_identity<Model>) {
    fuzz::succeeds([&] { read<Model>(fuzz::text_of(data + 1, size - 1)); });
  });
  return 0;
}
