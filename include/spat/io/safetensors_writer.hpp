// io. Writes a safetensors file.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/io/fields.hpp>
#include <spat/io/safetensors_header.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Collects tensors and writes them as a safetensors file, in the order in which they were added.
/// The same calls give the same bytes. add() copies.
///
/// The header is padded with blanks to a multiple of 8 bytes, and larger numbers lie before smaller
/// ones, so that every tensor is aligned for readers that map the file.
///
/// Throws ConfigError for a name that is empty, taken or not UTF-8, ShapeError if shape and number
/// of values differ, and FileError if the file cannot be written; an older file of that name is
/// then still intact.
class SafetensorsWriter {
 public:
  template <StoredValue T>
  void add(std::string_view name, std::span<const std::size_t> shape, std::span<const T> values) {
    const auto refusal = [&](const auto&... parts) {
      return message("tensor ", in_quotes(name), ": ", parts...);
    };
    if (name.empty() || name == "__metadata__")
      throw ConfigError(refusal("is not a name for a tensor"));
    if (names_.contains(std::string(name))) throw ConfigError(refusal("was added before"));
    if (detail::bytes_of(shape, sizeof(T)) != values.size_bytes()) {
      throw ShapeError(
          refusal("shape ", shape_text(shape), " does not hold ", values.size(), " values"));
    }
    constexpr Dtype dtype = detail::dtype_of<T>;
    std::string json = message(detail::json_text(name), ":{\"dtype\":\"", dtype_name(dtype),
                               "\",\"shape\":", shape_text(shape), ",\"data_offsets\":[");
    constexpr std::size_t part = 3 - static_cast<std::size_t>(std::countr_zero(sizeof(T)));
    std::string& data = data_[part];
    entries_.push_back({std::move(json), data.size(), values.size_bytes(), part});
    names_.emplace(name);
    if (!values.empty())
      data.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  template <StoredValue T>
  void add(std::string_view name, std::initializer_list<std::size_t> shape,
           std::span<const T> values) {
    add(name, std::span(shape.begin(), shape.size()), values);
  }
  /// Sets a metadata entry; replaces an entry of the same key.
  void set_metadata(const std::string& key, const std::string& text) { metadata_[key] = text; }

  /// The whole file in memory.
  [[nodiscard]] std::string to_bytes() const {
    std::string bytes = header();
    for (const std::string& part : data_) bytes.append(part);
    return bytes;
  }
  void save(const std::string& path) const {
    AtomicFile file(path);
    file.write(header());
    for (const std::string& part : data_) file.write(part);
    file.commit();
  }

 private:
  struct Entry {
    std::string json;          // up to the offsets, which are known last
    std::size_t begin, bytes;  // in its part
    std::size_t part;
  };

  [[nodiscard]] std::string header() const {
    std::string json("{");
    if (!metadata_.empty()) {
      json.append("\"__metadata__\":{");
      for (const auto& [key, text] : metadata_) {
        if (json.back() != '{') json.push_back(',');
        json.append(detail::json_text(key)).append(":").append(detail::json_text(text));
      }
      json.push_back('}');
    }
    for (const Entry& entry : entries_) {
      if (json.size() > 1) json.push_back(',');
      std::size_t begin = entry.begin;
      for (std::size_t part = 0; part < entry.part; ++part) begin += data_[part].size();
      json.append(entry.json).append(message(begin, ",", begin + entry.bytes, "]}"));
    }
    json.push_back('}');
    json.resize((json.size() + 7) / 8 * 8, ' ');
    if (json.size() > SafetensorsHeader::most_bytes) {
      throw ConfigError(
          message("a header of ", json.size(), " bytes is too large for a safetensors file"));
    }
    const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{json.size()});
    return std::string(length.begin(), length.end()).append(json);
  }

  std::vector<Entry> entries_;
  std::set<std::string> names_;
  std::map<std::string, std::string> metadata_;
  std::array<std::string, 4> data_;  // numbers of 8 bytes, then of 4, 2 and 1
};

}  // namespace spat
