// io. Reads a zip archive of stored entries, as torch.save writes them, and nothing laxer.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/bytes.hpp>
#include <spat/io/encoding.hpp>
#include <spat/io/input_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// One entry of an archive. `begin` is the offset of its bytes in the file. Method 0 stores them as
/// they are, another one compresses.
struct ZipEntry {
  std::string name;
  std::uint64_t begin = 0, bytes = 0;
  std::uint32_t checksum = 0;
  std::uint16_t method = 0;
};

/// The entries of a zip archive. The stream must outlive it.
///
/// Opening throws FileError unless every byte of the file belongs to exactly one entry, the
/// directory or the end of the archive, each entry has no encryption and
/// a name of its own in UTF-8, and its two headers agree. A comment, bytes before or after
/// the archive and archives in several parts are refused. The extension for large files (zip64) is
/// read. Reading an entry throws FileError if it is compressed or its checksum is wrong.
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
class ZipArchive {
 public:
  /// The bytes that a directory may have. What is kept of it takes up to six times its size.
  static constexpr std::uint64_t most_directory_bytes = 8'000'000;

  ZipArchive(std::istream& stream, const std::string& origin) : stream_(&stream), origin_(origin) {
    size_ = detail::stream_size(stream, origin);
    read_end();
    read_directory();
    check_places();
    sort_names();
  }
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;
  ~ZipArchive() = default;

  /// The entries in the order of the file.
  [[nodiscard]] std::span<const ZipEntry> entries() const { return entries_; }
  /// The entry of that name, or null if there is none.
  [[nodiscard]] const ZipEntry* find(std::string_view name) const {
    const auto found = std::ranges::lower_bound(
        by_name_, name, {}, [this](std::size_t i) { return std::string_view(entries_[i].name); });
    if (found == by_name_.end() || entries_[*found].name != name) return nullptr;
    return &entries_[*found];
  }
  /// The bytes of an entry.
  [[nodiscard]] std::string read(const ZipEntry& entry) const {
    if (entry.method != 0) {
      refuse_entry(entry.name, "is compressed (method ", entry.method,
                   "), which torch.save never does; save the file again with torch.save");
    }
    std::string bytes = text_at(entry.begin, entry.bytes);
    if (detail::crc32(bytes) != entry.checksum) {
      refuse_entry(entry.name, "its checksum is wrong: the file was damaged, or saved without; ",
                   "copy it again, or save it after set_crc32_options(True)");
    }
    return bytes;
  }

 private:
  static constexpr std::uint16_t descriptor_follows = 0x0008, utf8_name = 0x0800;
  static constexpr std::uint32_t in_zip64 = 0xFFFFFFFFu;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw FileError(message(origin_, ": ", parts...));
  }
  template <class... Parts>
  [[noreturn]] void refuse_entry(std::string_view name, const Parts&... parts) const {
    refuse("entry ", in_quotes(name), ": ", parts...);
  }
  /// The bytes [offset, offset + count), which must lie within the file.
  [[nodiscard]] std::string text_at(std::uint64_t offset, std::uint64_t count) const {
    std::string bytes(detail::memory_size(count, origin_), '\0');
    detail::read_at(*stream_, origin_, offset, bytes.data(), bytes.size());
    return bytes;
  }

  void read_end() {
    if (size_ < 22) refuse("is too short for a zip archive: ", size_, " bytes");
    const std::string end = text_at(size_ - 22, 22);
    if (!end.starts_with("PK\5\6") || detail::number_at<std::uint16_t>(end, 20) != 0) {
      refuse(
          "does not end as a zip archive does: it was cut off, or bytes were added; copy it "
          "again");
    }
    directory_end_ = size_ - 22;
    count_ = detail::number_at<std::uint16_t>(end, 10);
    directory_bytes_ = detail::number_at<std::uint32_t>(end, 12);
    directory_ = detail::number_at<std::uint32_t>(end, 16);
    if (detail::number_at<std::uint32_t>(end, 4) != 0 ||
        detail::number_at<std::uint16_t>(end, 8) != count_)
      refuse("is a part of a zip archive in several files");
    const std::string locator =
        size_ >= 22 + 20 + 56 ? text_at(size_ - 42, 20) : std::string(20, '\0');
    if (locator.starts_with("PK\6\7")) read_end64(locator);
    if (directory_bytes_ > most_directory_bytes) {
      refuse("a zip directory of ", directory_bytes_, " bytes is larger than the ",
             most_directory_bytes, " allowed");
    }
    if (directory_ > directory_end_ || directory_bytes_ != directory_end_ - directory_) {
      refuse("the zip directory of ", directory_bytes_, " bytes at byte ", directory_,
             " does not end where the archive ends, at byte ", directory_end_);
    }
  }
  /// The end of a zip64 archive, which lies right before its locator.
  void read_end64(const std::string& locator) {
    const std::uint64_t at = size_ - 42 - 56;
    const std::string end = text_at(at, 56);
    const std::uint64_t count = detail::number_at<std::uint64_t>(end, 32);
    if (detail::number_at<std::uint64_t>(locator, 8) != at || !end.starts_with("PK\6\6") ||
        detail::number_at<std::uint64_t>(end, 4) != 44 ||
        detail::number_at<std::uint32_t>(locator, 4) != 0 ||
        detail::number_at<std::uint32_t>(locator, 16) != 1 ||
        detail::number_at<std::uint64_t>(end, 16) != 0 ||
        detail::number_at<std::uint64_t>(end, 24) != count)
      refuse("the end of the zip64 archive is broken");
    const auto agree = [&](std::uint64_t narrow, std::uint64_t wide, std::uint64_t most) {
      if (narrow != wide && narrow != most)
        refuse("the two ends of the zip64 archive differ: ", narrow, " and ", wide);
      return wide;
    };
    count_ = agree(count_, count, 0xFFFF);
    directory_bytes_ = agree(directory_bytes_, detail::number_at<std::uint64_t>(end, 40), in_zip64);
    directory_ = agree(directory_, detail::number_at<std::uint64_t>(end, 48), in_zip64);
    directory_end_ = at;
  }

  void read_directory() {
    const std::string bytes = text_at(directory_, directory_bytes_);
    if (count_ > bytes.size() / 46) refuse("the zip directory is too short for its entries");
    entries_.reserve(static_cast<std::size_t>(count_));
    std::string_view rest = bytes;
    for (std::uint64_t i = 0; i < count_; ++i) rest.remove_prefix(read_record(rest));
    if (!rest.empty()) refuse("the zip directory has ", rest.size(), " bytes too many");
  }
  /// Reads one record of the directory and returns its length.
  std::size_t read_record(std::string_view rest) {
    if (rest.size() < 46 || !rest.starts_with("PK\1\2"))
      refuse("record ", entries_.size() + 1, " of the zip directory is broken");
    const std::size_t name = detail::number_at<std::uint16_t>(rest, 28),
                      extra = detail::number_at<std::uint16_t>(rest, 30),
                      length = 46 + name + extra + detail::number_at<std::uint16_t>(rest, 32);
    if (length > rest.size()) refuse("the zip directory is cut off");
    Record record{{.name = std::string(rest.substr(46, name)), .begin = 0, .bytes = 0}};
    record.flags = detail::number_at<std::uint16_t>(rest, 8);
    record.method = detail::number_at<std::uint16_t>(rest, 10);
    record.checksum = detail::number_at<std::uint32_t>(rest, 16);
    record.bytes = detail::number_at<std::uint32_t>(rest, 20);
    record.unpacked = detail::number_at<std::uint32_t>(rest, 24);
    std::uint64_t header = detail::number_at<std::uint32_t>(rest, 42);
    take_zip64(rest.substr(46 + name, extra), record.name,
               {&record.unpacked, &record.bytes, &header});

    if (record.name.empty() || !detail::is_utf8(record.name) ||
        record.name.find('\0') != record.name.npos)
      refuse_entry(record.name, "its name is empty, not UTF-8, or has a zero byte");
    if ((record.flags & 0x2041) != 0) refuse_entry(record.name, "is encrypted");
    if ((record.flags & ~(descriptor_follows | utf8_name)) != 0)
      refuse_entry(record.name, "flags ", record.flags, " are not supported");
    if (record.method == 0 && record.unpacked != record.bytes)
      refuse_entry(record.name, "is stored, but in ", record.bytes, " bytes, not ",
                   record.unpacked);
    if (detail::number_at<std::uint16_t>(rest, 34) != 0)
      refuse_entry(record.name, "lies in another file");
    read_header(record, header);
    entries_.push_back(static_cast<const ZipEntry&>(record));
    places_.push_back({header, end_of(record), entries_.size() - 1});
    return length;
  }
  struct Record : ZipEntry {
    std::uint16_t flags = 0;
    std::uint64_t unpacked = 0;
  };
  /// Takes the numbers that did not fit into 4 bytes from the extra field of zip64.
  void take_zip64(std::string_view extra, std::string_view name,
                  std::array<std::uint64_t*, 3> numbers) const {
    std::string_view wide;
    while (extra.size() >= 4) {
      const std::size_t length = detail::number_at<std::uint16_t>(extra, 2);
      if (length > extra.size() - 4) break;
      if (detail::number_at<std::uint16_t>(extra, 0) == 1) wide = extra.substr(4, length);
      extra.remove_prefix(4 + length);
    }
    for (std::uint64_t* const number : numbers) {
      if (number == nullptr || *number != in_zip64) continue;
      if (wide.size() < 8) refuse_entry(name, "its size in zip64 is missing");
      *number = detail::number_at<std::uint64_t>(wide, 0);
      wide.remove_prefix(8);
    }
  }

  /// Finds the bytes of an entry behind its local header, and compares that with the directory.
  void read_header(Record& record, std::uint64_t at) const {
    if (directory_ < 30 || at > directory_ - 30)
      refuse_entry(record.name, "its header lies outside the file");
    const std::string header = text_at(at, 30);
    const std::size_t name = detail::number_at<std::uint16_t>(header, 26),
                      extra = detail::number_at<std::uint16_t>(header, 28);
    if (!header.starts_with("PK\3\4") || name + extra > directory_ - at - 30)
      refuse_entry(record.name, "its header is broken");
    const std::string rest = text_at(at + 30, name + extra);
    if (rest.compare(0, name, record.name) != 0)
      refuse_entry(record.name, "is named ", in_quotes(rest.substr(0, name)), " in its own header");
    if (detail::number_at<std::uint16_t>(header, 6) != record.flags ||
        detail::number_at<std::uint16_t>(header, 8) != record.method)
      refuse_entry(record.name, "its flags or its method differ from the directory's");
    std::uint64_t packed = detail::number_at<std::uint32_t>(header, 18),
                  bytes = detail::number_at<std::uint32_t>(header, 22);
    take_zip64(std::string_view(rest).substr(name), record.name, {&bytes, &packed});
    const std::uint32_t checksum = detail::number_at<std::uint32_t>(header, 14);
    const bool later = (record.flags & descriptor_follows) != 0;
    const auto agrees = [&](std::uint64_t here, std::uint64_t there) {
      return here == there || (later && here == 0);
    };
    if (!agrees(bytes, record.unpacked) || !agrees(packed, record.bytes) ||
        !agrees(checksum, record.checksum))
      refuse_entry(record.name, "its size or its checksum differs from the directory's");
    record.begin = at + 30 + name + extra;
    if (record.bytes > directory_ - record.begin)
      refuse_entry(record.name, "its ", record.bytes, " bytes reach beyond the entries");
  }
  /// The offset behind an entry and the copy of its sizes, if one follows.
  [[nodiscard]] std::uint64_t end_of(const Record& record) const {
    const std::uint64_t end = record.begin + record.bytes, room = directory_ - end;
    if ((record.flags & descriptor_follows) == 0) return end;
    const std::string copy = text_at(end, std::min<std::uint64_t>(room, 24));
    const auto agrees = [&](std::size_t length, auto number) {
      using Size = decltype(number);
      return copy.size() >= length && copy.starts_with("PK\7\10") &&
             detail::number_at<std::uint32_t>(copy, 4) == record.checksum &&
             detail::number_at<Size>(copy, 8) == record.bytes &&
             detail::number_at<Size>(copy, 8 + sizeof(Size)) == record.unpacked;
    };
    if (agrees(24, std::uint64_t{})) return end + 24;
    if (agrees(16, std::uint32_t{})) return end + 16;
    refuse_entry(record.name, "the sizes after its bytes differ from the directory's");
  }

  /// Refuses gaps and overlaps, and brings the entries into the order of the file.
  void check_places() {
    std::sort(places_.begin(), places_.end(),
              [](const Place& a, const Place& b) { return a.begin < b.begin; });
    std::uint64_t covered = 0;
    std::vector<ZipEntry> ordered;
    ordered.reserve(entries_.size());
    for (const Place& place : places_) {
      ZipEntry& entry = entries_[place.entry];
      if (place.begin < covered)
        refuse_entry(entry.name, "overlaps entry ", in_quotes(ordered.back().name));
      if (place.begin > covered)
        refuse("bytes [", covered, ", ", place.begin, ") belong to no entry of the archive");
      covered = place.end;
      ordered.push_back(std::move(entry));
    }
    if (covered != directory_)
      refuse("bytes [", covered, ", ", directory_, ") belong to no entry of the archive");
    entries_ = std::move(ordered);
    places_ = {};
  }
  void sort_names() {
    by_name_.resize(entries_.size());
    std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
    const auto name = [this](std::size_t entry) { return std::string_view(entries_[entry].name); };
    std::ranges::sort(by_name_, {}, name);
    const auto twice = std::ranges::adjacent_find(by_name_, {}, name);
    if (twice != by_name_.end()) refuse("entry ", in_quotes(name(*twice)), ": occurs twice");
  }
  struct Place {
    std::uint64_t begin, end;
    std::size_t entry;
  };

  std::istream* stream_;
  std::string origin_;
  std::uint64_t size_ = 0, directory_ = 0, directory_bytes_ = 0, directory_end_ = 0, count_ = 0;
  std::vector<ZipEntry> entries_;
  std::vector<Place> places_;
  std::vector<std::size_t> by_name_;
};

}  // namespace spat
