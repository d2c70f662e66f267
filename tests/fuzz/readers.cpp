// libFuzzer: the small readers, one chosen by the first byte: the header of a safetensors file,
// JSON, .npy files, dates and lists of digits. Whatever the bytes, they end in one of our errors or
// in what is the same after it is written and read again.
#include <spat/core/module_mask.hpp>
#include <spat/data/date_time.hpp>
#include <spat/data/time_features.hpp>
#include <spat/io/fields.hpp>
#include <spat/io/npy.hpp>

#include <tests/fuzz/fuzz.hpp>

#include <sstream>

namespace {

using namespace spat;

/// The first two bytes are the size of the data.
void read_header(std::string_view bytes) {
  if (bytes.size() < 2) return;
  const std::uint64_t size = static_cast<unsigned char>(bytes[0]) % 64u +
                             (static_cast<unsigned char>(bytes[1]) % 4u) * 64u;
  const auto header = SafetensorsHeader::parse(bytes.substr(2), size, "fuzz");
  std::uint64_t covered = 0;
  for (const TensorInfo& tensor : header.tensors) {
    std::uint64_t elements = dtype_size(tensor.dtype);
    for (const std::size_t extent : tensor.shape) elements *= extent;
    fuzz::expect(tensor.end <= size && tensor.end - tensor.begin == elements);
    covered += elements;
  }
  fuzz::expect(covered == size);
}

void read_fields(std::string_view bytes) {
  const Fields fields = fields_from_json(bytes, "fuzz.json");
  for (const auto& field : fields) {
    const std::string& name = field.first;
    fuzz::expect(fields.contains(name));
    fuzz::succeeds([&] { fuzz::expect(std::isfinite(fields.get<double>(name))); });
    fuzz::succeeds([&] { (void)fields.get<std::uint8_t>(name); });
    fuzz::succeeds([&] { (void)fields.get<std::string>(name); });
  }
  fuzz::expect(fields_from_json(to_json(fields), "again") == fields);
}

/// Takes any JSON, and follows how it is nested.
struct AnyJson {
  std::size_t depth = 0;
  bool failed = false;

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_unsigned(std::uint64_t) { return true; }
  bool number_integer(std::int64_t) { return true; }
  bool number_float(double value) {
    fuzz::expect(std::isfinite(value));
    return true;
  }
  bool string(const std::string& text) {
    fuzz::expect(detail::is_utf8(text));
    return true;
  }
  bool key(const std::string& text) { return string(text); }
  bool start_object() { return ++depth <= 16; }
  bool start_array() { return ++depth <= 16; }
  bool end_object() { return depth-- > 0; }
  bool end_array() { return depth-- > 0; }
  void parse_error(std::size_t) { failed = true; }
};
void read_json(std::string_view bytes) {
  AnyJson events;
  const bool done = detail::JsonReader(bytes, events).read();
  fuzz::expect(done != events.failed);
  fuzz::expect(!done || events.depth == 0);
}

/// The file itself, or only its header and data: the bytes before them are then made up.
template <class T>
void read_array(std::string bytes, bool whole) {
  if (!whole) {
    const std::size_t length = std::min(bytes.find('\n'), bytes.size()) % 65536;
    const char start[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
    bytes = std::string(start, sizeof start)
                .append({static_cast<char>(length % 256), static_cast<char>(length / 256)}) +
            bytes;
  }
  std::istringstream stream(bytes);
  const NpyArray<T> array = read_npy<T>(stream, "fuzz.npy");
  std::size_t size = 1;
  for (const std::size_t extent : array.shape) size *= extent;
  fuzz::expect(size == array.values.size() && size * sizeof(T) <= bytes.size());
  const std::string_view end = std::string_view(bytes).substr(bytes.size() - size * sizeof(T));
  fuzz::expect(size == 0 || std::memcmp(end.data(), array.values.data(), end.size()) == 0);
}

void read_date(std::string_view text) {
  const auto date = parse_date_time(text);
  if (!date) return;
  fuzz::expect(date->valid() && to_date_time(date->seconds()) == *date);
  fuzz::expect(parse_date_time(format_date_time(*date)) == date);
  fuzz::expect(date->weekday() < 7 && date->week() >= 1 && date->week() <= 53);
  fuzz::expect(date->day_of_year() >= 1 && date->day_of_year() <= 366);
  for (const Frequency frequency : {Frequency::hourly, Frequency::minutely})
    for (const double mark : time_marks(std::array{date->seconds()}, frequency))
      fuzz::expect(mark >= -0.5 && mark <= 0.5);
}

void read_words(std::string_view text) {
  (void)parse_number<double>(text);
  if (const auto number = parse_number<std::int64_t>(text))
    fuzz::expect(parse_number<std::int64_t>(message(*number)) == number);
  if (const auto mask = parse_module_mask(text, text.size()))
    fuzz::expect(to_string(*mask, text.size()) == text);
  (void)parse_frequency(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes = fuzz::text_of(data + 1, size - 1);
  fuzz::succeeds([&] {
    switch (data[0] % 10) {
      case 0:
      case 1:
        return read_header(bytes);
      case 2:
        return read_fields(bytes);
      case 3:
        return read_json(bytes);
      case 4:
        return read_array<float>(bytes, true);
      case 5:
        return read_array<float>(bytes, false);
      case 6:
        return read_array<double>(bytes, false);
      case 7:
        return read_array<std::int64_t>(bytes, false);
      case 8:
        return read_date(bytes);
      default:
        return read_words(bytes);
    }
  });
  return 0;
}
