// io. Reads a safetensors file: the header is checked on opening, numbers are read on request.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/safetensors_header.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <istream>
#include <limits>
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

namespace detail {

/// Whether a number of type T has the value of this whole number.
template <class T, std::integral Whole>
[[nodiscard]] constexpr bool holds_exactly(Whole number) {
  if constexpr (std::integral<T>) {
    return std::in_range<T>(number);
  } else {
    const auto bits = static_cast<std::uint64_t>(number);
    const std::uint64_t size = number < 0 ? 0 - bits : bits;
    return size == 0 || (size >> std::countr_zero(size)) >> std::numeric_limits<T>::digits == 0;
  }
}

}  // namespace detail

/// A safetensors file open for reading: 8 bytes of header length (little-endian), the header in
/// JSON, then the data.
///
/// Opening throws FileError for a file that cannot be read or contradicts itself (see
/// SafetensorsHeader). No memory is allocated before the header's length is known to fit the file.
/// Reading throws FileError for a missing tensor or a number without conversion, and ShapeError for
/// another shape or size. One thread at a time: reading moves the file's position.
///
/// F32, F16 and BF16 are read as float or double, F64 as double, and as float, rounded, if that is
/// allowed. Whole numbers (I8, U8, I16, U16, I32, U32, I64, U64) are read as any type that holds
/// each number of the tensor exactly. BOOL and the 8-bit F8_E4M3 and F8_E5M2 are not read, and
/// nothing but whole numbers as std::int64_t. A number may be infinite or NaN.
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
    switch (tensor.dtype) {
      case Dtype::f64:
        return convert<double>(tensor, values);
      case Dtype::f32:
        return convert<float>(tensor, values);
      case Dtype::f16:
        return convert<Float16>(tensor, values);
      case Dtype::bf16:
        return convert<BFloat16>(tensor, values);
      case Dtype::i64:
        return convert<std::int64_t>(tensor, values);
      case Dtype::u64:
        return convert<std::uint64_t>(tensor, values);
      case Dtype::i32:
        return convert<std::int32_t>(tensor, values);
      case Dtype::u32:
        return convert<std::uint32_t>(tensor, values);
      case Dtype::i16:
        return convert<std::int16_t>(tensor, values);
      case Dtype::u16:
        return convert<std::uint16_t>(tensor, values);
      case Dtype::i8:
        return convert<std::int8_t>(tensor, values);
      case Dtype::u8:
        return convert<std::uint8_t>(tensor, values);
      case Dtype::boolean:
      case Dtype::f8_e4m3:
      case Dtype::f8_e5m2:
        assert(false);  // check_dtype has refused them
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
  static constexpr std::string_view name_of_type = std::same_as<T, float>    ? "float"
                                                   : std::same_as<T, double> ? "double"
                                                                             : "64-bit integers";
  template <class T>
  void check_dtype(const TensorInfo& tensor, Narrowing narrowing) const {
    constexpr bool floating = std::floating_point<T>;
    const auto refuse = [&](std::string_view what) {
      throw FileError(message(prefix(tensor.name), ": dtype ", dtype_name(tensor.dtype),
                              " cannot be read as ", name_of_type<T>, what));
    };
    switch (tensor.dtype) {
      case Dtype::boolean:
        return refuse("; write its numbers as U8");
      case Dtype::f8_e4m3:
      case Dtype::f8_e5m2:
        return refuse("; write its numbers as BF16 or F32");
      case Dtype::f64:
        if (std::same_as<T, float> && narrowing == Narrowing::refused)
          return refuse(" unless narrowing is allowed");
        [[fallthrough]];
      case Dtype::f32:
      case Dtype::f16:
      case Dtype::bf16:
        return floating ? void() : refuse("; write its numbers as I64");
      default:
        return;  // whole numbers, one by one
    }
  }
  /// Reads numbers of type From in pieces, and converts each.
  template <class From, class T>
  void convert(const TensorInfo& tensor, std::span<T> values) const {
    if constexpr (std::same_as<From, T>) {
      detail::read_at(*stream_, path_, data_ + tensor.begin, values.data(), values.size_bytes());
    } else if constexpr (std::integral<T> && !std::integral<From>) {
      assert(false);  // check_dtype has refused it
    } else {
      std::array<From, 1024> part{};
      for (std::size_t first = 0; first < values.size(); first += part.size()) {
        const std::size_t count = std::min(part.size(), values.size() - first);
        detail::read_at(*stream_, path_, data_ + tensor.begin + first * sizeof(From), part.data(),
                        count * sizeof(From));
        for (std::size_t i = 0; i < count; ++i)
          values[first + i] = converted<T>(tensor, first + i, part[i]);
      }
    }
  }
  template <class T, class From>
  [[nodiscard]] T converted(const TensorInfo& tensor, std::size_t place, From number) const {
    if constexpr (std::same_as<From, BFloat16> || std::same_as<From, Float16>) {
      return static_cast<T>(to_float(number));
    } else if constexpr (std::integral<From>) {
      if (!detail::holds_exactly<T>(number))
        throw FileError(message(prefix(tensor.name), ": number ", place, " is ", +number,
                                std::same_as<T, float>    ? ", which is no float; write F32"
                                : std::same_as<T, double> ? ", which is no double; write F64"
                                                          : ", too large for 64-bit integers"));
      return static_cast<T>(number);
    } else {
      return static_cast<T>(number);
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
