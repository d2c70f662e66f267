#include <spat/io/zip_archive.hpp>

#include <tests/io/hostile_torch.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace zip_archive_tests {

using namespace spat;
using namespace hostile_torch;

namespace {

/// Opens an archive, reads all of it and returns the error.
std::string refusal(const std::string& bytes) {
  std::istringstream stream(bytes);
  return message_of<FileError>([&] {
    const ZipArchive archive(stream, "a.zip");
    for (const ZipEntry& entry : archive.entries()) (void)archive.read(entry);
  });
}
const std::vector<Entry> two{{.name = "one", .data = "first"}, {.name = "two", .data = ""}};
std::string refusal_of(Entry entry) { return refusal(zip({two[1], std::move(entry)})); }
std::string refusal_of(const End& end) { return refusal(zip(two, end)); }

}  // namespace

TEST_CASE("The entries of a zip archive are listed and read") {
  const bool zip64 = GENERATE(false, true);
  const bool saturated = GENERATE(false, true);
  if (saturated && !zip64) return;
  std::vector<Entry> entries = two;
  entries.push_back({.name = "z/\xC3\xBC",
                     .data = std::string(100000, 'x'),
                     .flags = 0x0800,
                     .local_flags = 0x0800});
  entries.push_back({.name = "wide", .data = "1234", .wide_descriptor = true, .zip64 = zip64});
  std::istringstream stream(zip(entries, {.zip64 = zip64, .saturated = saturated}));
  const ZipArchive archive(stream, "a.zip");
  REQUIRE(archive.entries().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(archive.entries()[i].name == entries[i].name);
    REQUIRE(archive.find(entries[i].name) == &archive.entries()[i]);
    CHECK(archive.read(*archive.find(entries[i].name)) == entries[i].data);
  }
  CHECK(archive.find("tw") == nullptr);
  CHECK(archive.find("zzz") == nullptr);
}

TEST_CASE("An empty zip archive has no entries") {
  std::istringstream stream(zip({}));
  CHECK(ZipArchive(stream, "a.zip").entries().empty());
}

TEST_CASE("The checksum of zip archives") {
  CHECK(detail::crc32("") == 0);
  CHECK(detail::crc32("123456789") == 0xCBF43926u);
}

TEST_CASE("A zip archive that is more than its entries is refused") {
  const std::string cut =
      "a.zip: does not end as a zip archive does: it was cut off, or bytes were "
      "added; copy it again";
  CHECK(refusal("PK\3\4") == "a.zip: is too short for a zip archive: 4 bytes");
  CHECK(refusal_of(End{.comment = "hello"}) == cut);
  CHECK(refusal_of(End{.after = "x"}) == cut);
  CHECK(refusal_of(End{.after = std::string(22, '\0')}) == cut);
  CHECK(refusal_of(End{.before = "MZ"}) == "a.zip: bytes [0, 2) belong to no entry of the archive");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .before = "hidden"}) ==
        "a.zip: bytes [56, 62) belong to no entry of the archive");
  CHECK(refusal_of(End{.disk = 1}) == "a.zip: is a part of a zip archive in several files");
  CHECK(contains(refusal_of(End{.more_offset = 1, .zip64 = false}),
                 "does not end where the archive"));
  CHECK(contains(refusal_of(End{.more_offset = 4000000000u}), "does not end where the archive"));
  CHECK(contains(refusal_of(End{.more_size = 9'000'000}), "is larger than the 8000000 allowed"));
  CHECK(refusal_of(End{.more_in_64 = 1}) ==
        "a.zip: the two ends of the zip64 archive differ: 2 and 3");
  CHECK(refusal_of(End{.saturated = true, .more_in_64 = 1ull << 60}) ==
        "a.zip: the zip directory is too short for its entries");
  CHECK(refusal_of(End{.more_entries = 1}) ==
        "a.zip: the zip directory is too short for its entries");
  CHECK(refusal(zip({{.name = std::string(60, 'n'), .data = ""}}, {.more_entries = 1})) ==
        "a.zip: record 2 of the zip directory is broken");
  CHECK(refusal_of(End{.more_entries = 0xFFFF}) ==
        "a.zip: the zip directory has 49 bytes too many");
}

TEST_CASE("A zip entry that lies is refused") {
  CHECK(refusal_of(Entry{.name = "two", .data = "again"}) == R"(a.zip: entry "two": occurs twice)");
  CHECK(contains(refusal_of(Entry{.name = "b", .data = "", .method = 8, .local_method = 8}),
                 R"(entry "b": is compressed (method 8), which torch.save never does)"));
  CHECK(refusal_of(Entry{.name = "b", .data = "", .flags = 0x0809, .local_flags = 0x0809}) ==
        R"(a.zip: entry "b": is encrypted)");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .flags = 0x2808, .local_flags = 0x2808}) ==
        R"(a.zip: entry "b": is encrypted)");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .flags = 0x0828, .local_flags = 0x0828}) ==
        R"(a.zip: entry "b": flags 2088 are not supported)");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .local_flags = 0x0800}) ==
        R"(a.zip: entry "b": its flags or its method differ from the directory's)");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .local_method = 8}) ==
        R"(a.zip: entry "b": its flags or its method differ from the directory's)");
  CHECK(refusal_of(Entry{.name = "b", .data = "", .local_name = "c"}) ==
        R"(a.zip: entry "b": is named "c" in its own header)");
  CHECK(
      refusal_of(Entry{.name = "b", .data = "12", .wrong_checksum = 1}) ==
      R"(a.zip: entry "b": its checksum is wrong: the file was damaged, or saved without; copy it again, or save it after set_crc32_options(True))");
  CHECK(refusal_of(Entry{.name = "b", .data = "12", .more_bytes = -1}) ==
        R"(a.zip: entry "b": the sizes after its bytes differ from the directory's)");
  CHECK(refusal_of(Entry{.name = "b", .data = "12", .descriptor = false}) ==
        R"(a.zip: entry "b": the sizes after its bytes differ from the directory's)");
  CHECK(contains(refusal_of(Entry{.name = "b", .data = "12", .more_bytes = 1000}),
                 "reach beyond the entries"));
  CHECK(
      contains(refusal_of(Entry{.name = "b", .data = "12", .more_bytes = 1ll << 62, .zip64 = true}),
               "its 4611686018427387906 bytes reach beyond the entries"));
  CHECK(refusal_of(Entry{.name = "b", .data = "12", .more_offset = -56}) ==
        R"(a.zip: entry "b": is named "two" in its own header)");
  CHECK(refusal_of(Entry{.name = "b", .data = "12", .more_offset = 1}) ==
        R"(a.zip: entry "b": its header is broken)");
  CHECK(refusal_of(Entry{.name = "b", .data = "12", .more_offset = 1 << 30}) ==
        R"(a.zip: entry "b": its header lies outside the file)");
  CHECK(contains(refusal_of(Entry{.name = "b\xFF", .data = ""}), "its name is empty, not UTF-8"));
  CHECK(contains(refusal_of(Entry{.name = "", .data = ""}), "its name is empty, not UTF-8"));
  CHECK(contains(refusal_of(Entry{.name = "b\0"s, .data = ""}), "its name is empty, not UTF-8"));
  // An entry within another one, whose bytes are a whole entry.
  const std::string inner =
      zip({{.name = "in", .data = "x", .flags = 0x0800, .local_flags = 0x0800}})
          .substr(0, 30 + 2 + 7 + 1);
  Entry outer{.name = "out", .data = inner, .flags = 0x0800, .local_flags = 0x0800};
  const std::string file = zip({outer,
                                {.name = "in",
                                 .data = "x",
                                 .flags = 0x0800,
                                 .local_flags = 0x0800,
                                 .more_offset = -static_cast<std::int64_t>(inner.size())}});
  CHECK(contains(refusal(file), R"(entry "in": overlaps entry "out")"));
}

}  // namespace zip_archive_tests
