// io. Reads a safetensors file: the header is checked on opening, numbers are read on request.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/safetensors_header.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <initializer_list>
#include <istream>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Whether F64 may be rounded to float.
enum class Narrowing { refused, allowed };

/// A safetensors file open for reading: 8 bytes of header length (little-endian), the header in
/// JSON, then the data.
///
/// Opening throws FileError for a file that cannot be read or contradicts itself (see
/// SafetensorsHeader). No memory is allocated before the header's length is known to fit the file.
/// Reading throws FileError for a missing tensor or a dtype without conversion (F32 -> float,
/// double; F64 -> double, and float if allowed; I64 -> std::int64_t), and ShapeError for another
/// shape or size. One thread at a time: reading moves the file's position.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path)
      : SafetensorsFile(detail::open_input(path), path) {}
  /// Reads a file held in memory; `origin` stands for the path in messages.
  [[nodiscard]] static SafetensorsFile from_bytes(std::string bytes, const std::string& origin) {
    return SafetensorsFile(std::make_unique<std::istringstream>(std::move(bytes)), origin);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The tensors in the order of the header.
  [[nodiscard]] std::span<const TensorInfo> tensors() const { return header_.tensors; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }
  /// A metadata entry. Throws FileError if there is no such entry.
  [[nodiscard]] const std::string& metadata(const std::string& key) const {
    const auto entry = header_.metadata.find(key);
    if (entry == header_.metadata.end()) {
      throw FileError(message(path_, ": metadata ", in_quotes(key), " is missing"));
    }
    return entry->second;
  }

  [[nodiscard]] bool contains(std::string_view name) const { return index_.contains(name); }
  /// The tensor of that name, or null if there is none.
  [[nodiscard]] const TensorInfo* find(std::string_view name) const {
    const auto entry = index_.find(name);
    return entry == index_.end() ? nullptr : &header_.tensors[entry->second];
  }
  [[nodiscard]] const TensorInfo& at(std::string_view name) const {
    const TensorInfo* const tensor = find(name);
    if (tensor == nullptr) throw FileError(message(prefix(name), " is missing"));
    return *tensor;
  }

  void expect_shape(std::string_view name, std::span<const std::size_t> shape) const {
    const TensorInfo& tensor = at(name);
    if (std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end())) return;
    throw ShapeError(message(prefix(name), ": expected shape ", shape_text(shape), ", found ",
                             shape_text(tensor.shape)));
  }
  void expect_shape(std::string_view name, std::initializer_list<std::size_t> shape) const {
    expect_shape(name, std::span(shape.begin(), shape.size()));
  }

  template <TensorValue T>
  [[nodiscard]] std::vector<T> read(std::string_view name,
                                    Narrowing narrowing = Narrowing::refused) const {
    check_dtype<T>(at(name), narrowing);
    std::vector<T> values(at(name).size());
    read_into(name, std::span<T>(values), narrowing);
    return values;
  }

  template <TensorValue T>
  void read_into(std::string_view name, std::span<T> values,
                 Narrowing narrowing = Narrowing::refused) const {
    const TensorInfo& tensor = at(name);
    check_dtype<T>(tensor, narrowing);
    if (tensor.size() != values.size()) {
      throw ShapeError(
          message(prefix(name), ": expected ", values.size(), " values, found ", tensor.size()));
    }
    if (tensor.dtype == detail::dtype_of<T>) {
      detail::read_at(*stream_, path_, data_ + tensor.begin, values.data(), values.size_bytes());
    } else if constexpr (std::floating_point<T>) {
      convert<std::conditional_t<std::same_as<T, double>, float, double>>(tensor, values);
    }
  }

 private:
  SafetensorsFile(std::unique_ptr<std::istream> stream, const std::string& path)
      : path_(path), stream_(std::move(stream)) {
    const std::uint64_t size = detail::stream_size(*stream_, path_);
    if (size < 8)
      throw FileError(message(path_, ": is too short for a safetensors file: ", size, " bytes"));
    std::array<unsigned char, 8> bytes{};
    detail::read_at(*stream_, path_, 0, bytes.data(), bytes.size());
    const auto length = std::bit_cast<std::uint64_t>(bytes);
    if (length > SafetensorsHeader::most_bytes) {
      throw FileError(message(path_, ": a header of ", length, " bytes is larger than the ",
                              SafetensorsHeader::most_bytes,
                              " allowed; is this a safetensors file?"));
    }
    if (length > size - 8) {
      throw FileError(
          message(path_, ": a header of ", length, " bytes does not fit into ", size, " bytes"));
    }
    std::string json(static_cast<std::size_t>(length), '\0');
    detail::read_at(*stream_, path_, 8, json.data(), json.size());
    data_ = 8 + length;
    header_ = SafetensorsHeader::parse(json, size - data_, path_);
    // The keys are views of the names, which keep their addresses if the file object is moved.
    for (std::size_t i = 0; i < header_.tensors.size(); ++i)
      index_.emplace(header_.tensors[i].name, i);
  }

  template <class T>
  void check_dtype(const TensorInfo& tensor, Narrowing narrowing) const {
    const bool narrows = std::same_as<T, float> && tensor.dtype == Dtype::f64;
    if (tensor.dtype == detail::dtype_of<T> ||
        (std::same_as<T, double> && tensor.dtype == Dtype::f32))
      return;
    if (narrows && narrowing == Narrowing::allowed) return;
    constexpr std::string_view wanted = std::same_as<T, float>    ? "float"
                                        : std::same_as<T, double> ? "double"
                                                                  : "64-bit integers";
    throw FileError(message(prefix(tensor.name), ": dtype ", dtype_name(tensor.dtype),
                            " cannot be read as ", wanted,
                            narrows ? " unless narrowing is allowed" : ""));
  }
  template <class From, class T>
  void convert(const TensorInfo& tensor, std::span<T> values) const {
    std::array<From, 1024> part{};
    for (std::size_t first = 0; first < values.size(); first += part.size()) {
      const std::size_t count = std::min(part.size(), values.size() - first);
      detail::read_at(*stream_, path_, data_ + tensor.begin + first * sizeof(From), part.data(),
                      count * sizeof(From));
      std::transform(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count),
                     values.data() + first, [](From value) { return static_cast<T>(value); });
    }
  }
  [[nodiscard]] std::string prefix(std::string_view name) const {
    return message(path_, ": tensor ", in_quotes(name));
  }

  std::string path_;
  std::unique_ptr<std::istream> stream_;
  SafetensorsHeader header_;
  std::map<std::string_view, std::size_t> index_;
  std::uint64_t data_ = 0;
};

}  // namespace spat
