// io. The header of a safetensors file: what each tensor is and where it lies, trusted only after
// every check.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/bytes.hpp>
#include <spat/io/dtype.hpp>
#include <spat/io/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// One tensor of a file. `begin` and `end` are byte offsets from the first byte after the header.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::size_t> shape;
  std::uint64_t begin = 0, end = 0;

  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(end - begin) / dtype_size(dtype);
  }
};

/// The JSON header: the tensors in the order of the text, and the entries of "__metadata__".
///
/// parse() throws FileError unless names are unique, every dtype is known, every byte range lies
/// within the data and has the size that shape and dtype require, and the ranges cover all the data
/// without overlap or gap. Format: https://huggingface.co/docs/safetensors
struct SafetensorsHeader {
  static constexpr std::size_t most_bytes = 100'000'000;
  static constexpr std::size_t most_dimensions = 64;

  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> metadata;

  [[nodiscard]] static SafetensorsHeader parse(std::string_view json, std::uint64_t data_size,
                                               const std::string& origin);
};

namespace detail {

/// Takes the events of a JsonReader and refuses the first thing that is not a safetensors header.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(SafetensorsHeader& header) : header_(header) {}

  std::string problem;

  bool start_object() {
    if (place_ == Place::nowhere) return enter(Place::top);
    if (place_ != Place::top) return fail("nested objects are not allowed");
    if (name_ == "__metadata__") return enter(Place::metadata);
    header_.tensors.push_back({.name = name_, .dtype = {}, .shape = {}});
    has_dtype_ = has_shape_ = false;
    offsets_.clear();
    has_offsets_ = false;
    return enter(Place::tensor);
  }
  bool key(std::string& text) {
    if (place_ == Place::top) {
      name_ = std::move(text);
      return seen_.insert(name_).second ? true : fail("occurs twice");
    }
    key_ = std::move(text);
    if (place_ == Place::metadata) {
      return header_.metadata.contains(key_)
                 ? fail(message("entry ", in_quotes(key_), " occurs twice"))
                 : true;
    }
    bool* const has = key_ == "dtype"          ? &has_dtype_
                      : key_ == "shape"        ? &has_shape_
                      : key_ == "data_offsets" ? &has_offsets_
                                               : nullptr;
    if (has == nullptr) return fail(message("unknown entry ", in_quotes(key_)));
    if (*has) return fail(message("entry ", in_quotes(key_), " occurs twice"));
    return *has = true;
  }
  bool string(std::string& text) {
    if (place_ == Place::metadata) return header_.metadata.emplace(key_, std::move(text)).second;
    if (place_ != Place::tensor || key_ != "dtype") return unexpected("a text");
    const auto known = std::find_if(dtypes.begin(), dtypes.end(),
                                    [&](const DtypeEntry& d) { return d.name == text; });
    if (known == dtypes.end()) return fail(message("unknown dtype ", in_quotes(text)));
    header_.tensors.back().dtype = known->dtype;
    return true;
  }
  bool start_array() {
    if (place_ != Place::tensor || key_ == "dtype") return unexpected("an array");
    return enter(Place::array);
  }
  bool number_unsigned(std::uint64_t value) {
    if (place_ != Place::array) return unexpected("a number");
    if (key_ == "data_offsets") {
      offsets_.push_back(value);
      return offsets_.size() <= 2 ? true : fail("data_offsets are not two numbers");
    }
    auto& shape = header_.tensors.back().shape;
    if (value > std::numeric_limits<std::size_t>::max())
      return fail(message("extent ", value, " is too large"));
    shape.push_back(static_cast<std::size_t>(value));
    return shape.size() <= SafetensorsHeader::most_dimensions ? true : fail("too many dimensions");
  }
  bool end_array() { return enter(Place::tensor); }
  bool end_object() {
    if (place_ == Place::tensor) {
      if (!has_dtype_ || !has_shape_ || !has_offsets_)
        return fail("dtype, shape and data_offsets are needed");
      if (offsets_.size() != 2) return fail("data_offsets are not two numbers");
      header_.tensors.back().begin = offsets_[0];
      header_.tensors.back().end = offsets_[1];
    }
    return enter(place_ == Place::top ? Place::nowhere : Place::top);
  }
  bool number_integer(std::int64_t) { return fail("negative numbers are not allowed"); }
  bool number_float(double) { return unexpected("a fraction"); }
  bool boolean(bool) { return unexpected("true or false"); }
  bool null() { return unexpected("null"); }
  void parse_error(std::size_t position) {
    problem = message("the header is not JSON at byte ", position);
  }

 private:
  enum class Place { nowhere, top, metadata, tensor, array };

  bool enter(Place place) {
    place_ = place;
    return true;
  }
  bool fail(std::string_view what) {
    problem = place_ == Place::nowhere ? std::string(what)
                                       : message("tensor ", in_quotes(name_), ": ", what);
    return false;
  }
  bool unexpected(std::string_view found) {
    if (place_ == Place::nowhere)
      return fail(message("expected an object as header, found ", found));
    return fail(message("unexpected ", found, place_ == Place::top ? "" : " in ",
                        place_ == Place::top ? "" : key_));
  }

  SafetensorsHeader& header_;
  Place place_ = Place::nowhere;
  std::string name_, key_;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  std::vector<std::uint64_t> offsets_;
  std::set<std::string> seen_;
};

/// The size in bytes of a tensor of this shape; nothing on overflow.
[[nodiscard]] inline std::optional<std::uint64_t> bytes_of(std::span<const std::size_t> shape,
                                                           std::size_t element) {
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end()) return 0;
  std::uint64_t bytes = element;
  for (const std::size_t extent : shape) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

}  // namespace detail

/// Reads and checks the header of a file with `data_size` bytes of data.
inline SafetensorsHeader SafetensorsHeader::parse(std::string_view json, std::uint64_t data_size,
                                                  const std::string& origin) {
  SafetensorsHeader header;
  detail::SafetensorsReader reader(header);
  const auto refuse = [&](const auto&... parts) {
    throw FileError(message(origin, ": ", parts...));
  };
  if (json.empty() || json.front() != '{') refuse("the header does not start with '{'");
  if (const std::size_t zero = json.find('\0'); zero != json.npos)
    refuse("the header is not JSON at byte ", zero + 1);
  if (!detail::JsonReader(json, reader).read()) refuse(reader.problem);

  std::vector<const TensorInfo*> by_place;
  for (const TensorInfo& tensor : header.tensors) {
    const auto refuse_tensor = [&](const auto&... parts) {
      refuse("tensor ", in_quotes(tensor.name), ": ", parts...);
    };
    const auto range = message("data_offsets [", tensor.begin, ", ", tensor.end, "]");
    if (tensor.begin > tensor.end) refuse_tensor(range, " end before they begin");
    if (tensor.end > data_size)
      refuse_tensor(range, " reach beyond the ", data_size, " bytes of data");
    const auto bytes = detail::bytes_of(tensor.shape, dtype_size(tensor.dtype));
    const auto shape = shape_text(tensor.shape);
    if (!bytes) refuse_tensor("shape ", shape, " is too large");
    if (*bytes != tensor.end - tensor.begin) {
      refuse_tensor(dtype_name(tensor.dtype), " of shape ", shape, " takes ", *bytes,
                    " bytes, but ", range, " hold ", tensor.end - tensor.begin);
    }
    (void)detail::memory_size(*bytes, message(origin, ": tensor ", in_quotes(tensor.name)));
    by_place.push_back(&tensor);
  }
  std::sort(by_place.begin(), by_place.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  for (std::size_t i = 0; i < by_place.size(); ++i) {
    const TensorInfo& tensor = *by_place[i];
    if (tensor.begin < covered) {
      refuse("tensor ", in_quotes(tensor.name), ": overlaps tensor ",
             in_quotes(by_place[i - 1]->name));
    }
    if (tensor.begin > covered) {
      refuse("bytes [", covered, ", ", tensor.begin, ") of the data belong to no tensor");
    }
    covered = tensor.end;
  }
  if (covered != data_size)
    refuse("bytes [", covered, ", ", data_size, ") of the data belong to no tensor");
  return header;
}

}  // namespace spat
