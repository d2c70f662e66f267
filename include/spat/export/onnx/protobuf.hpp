// export. The wire format of protocol buffers, as far as an ONNX file needs it.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace spat::inline SPAT_ABI {

/// A protocol buffers message: fields behind each other, each a number of its own and a value.
///
/// A field starts with the varint of (number << 3 | kind): kind 0 is a varint, 2 a length and as
/// many bytes. A varint has 7 bits a byte, the lowest first, and bit 7 set in all bytes but the
/// last. Fields are written in the order of the calls. In the order of their numbers they are the
/// bytes that Google's library writes.
class ProtobufMessage {
 public:
  /// A whole number, or an enumeration's; a negative one takes ten bytes.
  ProtobufMessage& integer(std::uint32_t field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  /// A text, or bytes.
  ProtobufMessage& text(std::uint32_t field, std::string_view content) {
    key(field, 2);
    varint(content.size());
    bytes_.append(content);
    return *this;
  }
  /// A message inside this one.
  ProtobufMessage& nested(std::uint32_t field, const ProtobufMessage& inner) {
    return text(field, inner.bytes_);
  }

  [[nodiscard]] const std::string& bytes() const& { return bytes_; }
  [[nodiscard]] std::string bytes() && { return std::move(bytes_); }

 private:
  void byte(std::uint64_t value) { bytes_.push_back(static_cast<char>(value)); }
  void key(std::uint32_t field, std::uint32_t kind) { varint(std::uint64_t{field} << 3 | kind); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte((value & 0x7F) | 0x80);
    byte(value);
  }

  std::string bytes_;
};

}  // namespace spat
