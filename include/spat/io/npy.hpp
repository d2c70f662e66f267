// io. NumPy's .npy files, version 1.0: one array of numbers with its shape.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/io/bytes.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/safetensors_header.hpp>

#include <array>
#include <cstddef>
#include <istream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// An array with its shape.
template <TensorValue T>
struct NpyArray {
  std::vector<std::size_t> shape;
  std::vector<T> values;  // row-major
};

namespace detail {

template <TensorValue T>
inline constexpr std::string_view npy_type = std::same_as<T, float>    ? "<f4"
                                             : std::same_as<T, double> ? "<f8"
                                                                       : "<i8";

/// The text after `'key':`, without leading blanks; empty if the key is missing.
[[nodiscard]] inline std::string_view npy_entry(std::string_view header, std::string_view key) {
  const std::string label = message("'", key, "':");
  const std::size_t found = header.find(label);
  return found == header.npos ? std::string_view() : trimmed(header.substr(found + label.size()));
}

[[nodiscard]] inline std::vector<std::size_t> npy_shape(std::string_view header,
                                                        const std::string& origin) {
  std::string_view text = npy_entry(header, "shape");
  const std::size_t close = text.find(')');
  if (!text.starts_with('(') || close == text.npos)
    throw FileError(message(origin, ": the header has no shape"));
  std::vector<std::size_t> shape;
  for (text = text.substr(1, close - 1); !trimmed(text).empty();) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto extent = parse_number<std::size_t>(text.substr(0, comma));
    if (!extent || shape.size() == 64)
      throw FileError(message(origin, ": the shape in the header is broken"));
    shape.push_back(*extent);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return shape;
}

}  // namespace detail

/// Reads a little-endian array in C order of exactly the type T; `origin` stands for the path in
/// messages.
///
/// Throws FileError for anything else, and if the file does not hold as many bytes as its header
/// says. No memory is allocated before that check. Format: numpy.lib.format
template <TensorValue T>
[[nodiscard]] NpyArray<T> read_npy(std::istream& stream, const std::string& origin) {
  const auto refuse = [&](const auto&... parts) {
    throw FileError(message(origin, ": ", parts...));
  };
  const std::uint64_t size = detail::stream_size(stream, origin);
  std::array<char, 10> start{};
  if (size < start.size()) refuse("is too short for an .npy file: ", size, " bytes");
  detail::read_at(stream, origin, 0, start.data(), start.size());
  if (!std::string_view(start.data(), start.size()).starts_with("\x93NUMPY"))
    refuse("is not an .npy file");
  if (start[6] != 1) refuse("version ", int{start[6]}, " of the format is not supported, only 1");
  const std::size_t length = static_cast<unsigned char>(start[8]) +
                             std::size_t{256} * static_cast<unsigned char>(start[9]);
  if (length > size - start.size())
    refuse("a header of ", length, " bytes does not fit into ", size, " bytes");
  std::string header(length, '\0');
  detail::read_at(stream, origin, start.size(), header.data(), header.size());

  const std::string_view type = detail::npy_entry(header, "descr");
  const std::string expected = message("'", detail::npy_type<T>, "'");
  if (!type.starts_with(expected)) {
    refuse("expected numbers of type ", expected, ", found ",
           in_quotes(type.substr(0, type.find(','))));
  }
  if (!detail::npy_entry(header, "fortran_order").starts_with("False")) refuse("is not in C order");
  NpyArray<T> array{.shape = detail::npy_shape(header, origin), .values = {}};
  const std::uint64_t available = size - start.size() - length;
  if (detail::bytes_of(array.shape, sizeof(T)) != available) {
    refuse("shape ", shape_text(array.shape), " of ", expected, " does not take ", available,
           " bytes");
  }
  const std::size_t bytes = detail::memory_size(available, origin);
  array.values.resize(bytes / sizeof(T));
  detail::read_at(stream, origin, start.size() + length, array.values.data(), bytes);
  return array;
}
/// Reads an .npy file. Throws FileError as above.
template <TensorValue T>
[[nodiscard]] NpyArray<T> read_npy(const std::string& path) {
  return read_npy<T>(*detail::open_input(path), path);
}

/// Writes an .npy file. Throws ShapeError if shape and number of values differ, FileError if the
/// file cannot be written.
template <TensorValue T>
void write_npy(const std::string& path, std::span<const std::size_t> shape,
               std::span<const T> values) {
  if (detail::bytes_of(shape, sizeof(T)) != values.size_bytes()) {
    throw ShapeError(
        message(path, ": shape ", shape_text(shape), " does not hold ", values.size(), " values"));
  }
  std::string header =
      message("{'descr': '", detail::npy_type<T>, "', 'fortran_order': False, 'shape': (");
  for (const std::size_t extent : shape)
    header.append(message(extent, ","));  // a tuple of one also ends with a comma
  header.append("), }");
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header.push_back('\n');
  AtomicFile file(path);
  file.write(std::string_view("\x93NUMPY\x01\x00", 8));
  file.write(
      std::string{static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)}
          .append(header));
  file.write(std::as_bytes(values));
  file.commit();
}

}  // namespace spat
