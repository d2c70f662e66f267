// Builds pickles, zip archives and PyTorch files byte by byte, right ones and wrong ones.
#pragma once

#include <spat/io/bytes.hpp>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostile_torch {

using namespace std::string_literals;

template <class Number>
std::string little(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

// Pickles.

inline std::string text(std::string_view value) {
  return "X" + little(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline std::string number(std::int64_t value) { return "\x8a\x08" + little(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string pickle("(");
  for (const std::int64_t value : values) pickle += number(value);
  return pickle + "t";
}
inline std::string pickle(const std::string& body) { return "\x80\x02" + body + "."; }

/// A reference to a storage.
inline std::string storage(const std::string& key, std::int64_t elements,
                           const std::string& type = "FloatStorage", const std::string& more = {}) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") +
         number(elements) + more + "tQ";
}
struct TensorView {
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{2}, strides{1};
  std::string more = {};  // arguments after the hooks
};
/// A call that makes a tensor.
inline std::string tensor(const std::string& of_storage, const TensorView& view = {}) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + of_storage + number(view.offset) +
         tuple(view.shape) + tuple(view.strides) + "\x89}" + view.more + "tR";
}
/// The tensor [1, 2], of the storage "0" of 2 floats.
inline std::string good_tensor() { return tensor(storage("0", 2)); }
inline std::string item(const std::string& key, const std::string& value) {
  return text(key) + value;
}
/// A dict of these items.
inline std::string dict(const std::string& items) { return "}(" + items + "u"; }

// Zip archives.

/// One entry, and the lies about it.
struct Entry {
  std::string name, data;
  std::uint16_t flags = 0x0808, method = 0, local_method = 0, local_flags = 0x0808;
  std::string local_name = {};   // if not empty, another one in the entry's own header
  std::int64_t more_bytes = 0;   // that the directory says
  std::int64_t more_offset = 0;  // of the header, in the directory
  std::uint32_t wrong_checksum = 0;
  std::string before = {};  // bytes in front of it
  bool descriptor = true, wide_descriptor = false, zip64 = false;
};

struct End {
  std::string comment = {}, before = {}, after = {};
  std::uint16_t disk = 0, more_entries = 0;
  std::uint32_t more_offset = 0, more_size = 0;
  bool zip64 = true, saturated = false;
  std::uint64_t more_in_64 = 0;
};

inline std::string zip(const std::vector<Entry>& entries, const End& end = {}) {
  std::string file = end.before, directory;
  for (const Entry& entry : entries) {
    file += entry.before;
    const auto offset =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(file.size()) + entry.more_offset);
    const std::uint32_t checksum = spat::detail::crc32(entry.data) ^ entry.wrong_checksum;
    const auto bytes =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.data.size()) + entry.more_bytes);
    const auto narrow = static_cast<std::uint32_t>(bytes);
    const std::string name = entry.local_name.empty() ? entry.name : entry.local_name;
    const bool later = (entry.local_flags & 8) != 0;
    const std::string extra = "FB" + little(std::uint16_t{3}) + "ZZZ";
    file += "PK\3\4" + little(std::uint16_t{0}) + little(entry.local_flags) +
            little(entry.local_method) + little(std::uint32_t{0}) +
            little(later ? std::uint32_t{0} : checksum) +
            little(later ? std::uint32_t{0} : narrow) + little(later ? std::uint32_t{0} : narrow) +
            little(static_cast<std::uint16_t>(name.size())) +
            little(static_cast<std::uint16_t>(extra.size())) + name + extra + entry.data;
    if ((entry.flags & 8) != 0 && entry.descriptor) {
      file += "PK\7\10" + little(checksum);
      file +=
          entry.wide_descriptor ? little(bytes) + little(bytes) : little(narrow) + little(narrow);
    }
    const std::uint32_t full = 0xFFFFFFFFu;
    const std::string wide = entry.zip64 ? little(std::uint16_t{1}) + little(std::uint16_t{24}) +
                                               little(bytes) + little(bytes) + little(offset)
                                         : ""s;
    directory +=
        "PK\1\2" + little(std::uint16_t{0}) + little(std::uint16_t{0}) + little(entry.flags) +
        little(entry.method) + little(std::uint32_t{0}) + little(checksum) +
        little(entry.zip64 ? full : narrow) + little(entry.zip64 ? full : narrow) +
        little(static_cast<std::uint16_t>(entry.name.size())) +
        little(static_cast<std::uint16_t>(wide.size())) + little(std::uint16_t{0}) +
        little(std::uint16_t{0}) + little(std::uint16_t{0}) + little(std::uint32_t{0}) +
        little(entry.zip64 ? full : static_cast<std::uint32_t>(offset)) + entry.name + wide;
  }
  const std::uint64_t at = file.size();
  file += directory;
  const std::uint64_t end64 = file.size();
  const auto count = static_cast<std::uint16_t>(entries.size() + end.more_entries);
  const std::uint64_t size = directory.size() + end.more_size, offset = at + end.more_offset;
  if (end.zip64) {
    file += "PK\6\6" + little(std::uint64_t{44}) + little(std::uint32_t{0}) +
            little(std::uint32_t{0}) + little(std::uint32_t{0}) +
            little(std::uint64_t{count} + end.more_in_64) +
            little(std::uint64_t{count} + end.more_in_64) + little(size) + little(offset);
    file += "PK\6\7" + little(std::uint32_t{0}) + little(end64) + little(std::uint32_t{1});
  }
  file += "PK\5\6" + little(end.disk) + little(end.disk) +
          little(end.saturated ? std::uint16_t{0xFFFF} : count) +
          little(end.saturated ? std::uint16_t{0xFFFF} : count) +
          little(end.saturated ? 0xFFFFFFFFu : static_cast<std::uint32_t>(size)) +
          little(end.saturated ? 0xFFFFFFFFu : static_cast<std::uint32_t>(offset)) +
          little(static_cast<std::uint16_t>(end.comment.size())) + end.comment;
  return file + end.after;
}

// PyTorch files.

inline const std::string two_floats = little(1.0f) + little(2.0f);

/// A zip file with this pickle and the storage "0" of two floats.
inline std::string zip_file(const std::string& body, const std::string& data = two_floats) {
  return zip({{.name = "a/data.pkl", .data = pickle(body)}, {.name = "a/data/0", .data = data}});
}
/// A file of the older format with this pickle and these storages.
struct Stored {
  std::string key;
  std::int64_t elements = 2;
  std::string data = two_floats;
};
inline std::string legacy_file(const std::string& body,
                               const std::vector<Stored>& storages = {{"0"}},
                               const std::string& machine = dict(item("little_endian", "\x88")),
                               const std::string& version = "M\xe9\x03"s) {
  std::string keys("](");
  std::string data;
  for (const Stored& stored : storages) {
    keys += text(stored.key);
    data += little(stored.elements) + stored.data;
  }
  return pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s) + pickle(version) +
         pickle(machine) + pickle(body) + pickle(keys + "e") + data;
}

}  // namespace hostile_torch
