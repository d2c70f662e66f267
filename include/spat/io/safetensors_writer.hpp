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
/// The header is padded with blanks to a multiple of 8 bytes, and 8-byte numbers lie before 4-byte
/// ones, so that every tensor is aligned for readers that map the file.
///
/// Throws ConfigError for a name that is empty, taken or not UTF-8, ShapeError if shape and number
/// of values differ, and FileError if the file cannot be written; an older file of that name is
/// then still intact.
class SafetensorsWriter {
 public:
  template <TensorValue T>
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
    std::string& data = data_[sizeof(T) == 8 ? 0 : 1];
    entries_.push_back({std::move(json), data.size(), values.size_bytes(), sizeof(T) != 8});
    names_.emplace(name);
    if (!values.empty())
      data.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  template <TensorValue T>
  void add(std::string_view name, std::initializer_list<std::size_t> shape,
           std::span<const T> values) {
    add(name, std::span(shape.begin(), shape.size()), values);
  }
  /// Sets a metadata entry; replaces an entry of the same key.
  void set_metadata(const std::string& key, const std::string& text) { metadata_[key] = text; }

  /// The whole file in memory.
  [[nodiscard]] std::string to_bytes() const { return header().append(data_[0]).append(data_[1]); }
  void save(const std::string& path) const {
    AtomicFile file(path);
    file.write(header());
    for (const std::string& part : data_) file.write(part);
    file.commit();
  }

 private:
  struct Entry {
    std::string json;  // up to the offsets, which are known last
    std::size_t begin, bytes;
    bool narrow;
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
      const std::size_t begin = entry.begin + (entry.narrow ? data_[0].size() : 0);
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
  std::array<std::string, 2> data_;  // 8-byte numbers, then 4-byte ones
};

}  // namespace spat
