#include <spat/io/atomic_file.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/file_size_limit.hpp>
#include <tests/support/temporary.hpp>

#include <string>

namespace atomic_file_tests {

using namespace spat;

TEST_CASE("A file is written as it is, byte for byte") {
  const TemporaryFolder folder;
  const std::string bytes("a\r\n\0\xFF z", 7);
  write_file(folder / "bytes", bytes);
  CHECK(content_of(folder / "bytes") == bytes);
  write_file(folder / "bytes", "");
  CHECK(content_of(folder / "bytes").empty());
  CHECK(folder.files() == 1);
}

TEST_CASE("A file appears only when it is committed") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  {
    AtomicFile out(path);
    out.write("new, ");
    CHECK(content_of(path) == "old");
    out.write("in two parts");
    out.commit();
    CHECK(content_of(path) == "new, in two parts");
    CHECK(message_of<FileError>([&] { out.write("late"); }) == path + ": is closed already");
    CHECK(message_of<FileError>([&] { out.commit(); }) == path + ": is closed already");
  }
  {
    AtomicFile out(path);
    out.write("never committed");
  }
  CHECK(content_of(path) == "new, in two parts");
  CHECK(folder.files() == 1);
}

TEST_CASE("A failed write says why, keeps the old file and leaves no temporary file") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  const std::string large(1 << 20, 'x');
  std::string said;
  {
    const FileSizeLimit limit(4096);
    said = message_of<FileError>([&] { write_file(path, large); });
  }
  CHECK(said == path + ": cannot be written: File too large");
  CHECK(content_of(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("A folder that is not there, a folder as a file and a device are refused") {
  const TemporaryFolder folder;
  const std::string absent = folder / "absent/model";
  CHECK(message_of<FileError>([&] { write_file(absent, "x"); }) ==
        absent + ": cannot be written: No such file or directory");
  std::filesystem::create_directory(folder / "sub");
  CHECK(message_of<FileError>([&] { write_file(folder / "sub", "x"); }) ==
        (folder / "sub") + ": is not a regular file");
  CHECK(message_of<FileError>([&] { write_file("/dev/null", "x"); }) ==
        "/dev/null: is not a regular file");
  CHECK(folder.files() == 1);
}

TEST_CASE("A link stays a link, permissions stay, and a stale temporary file is no obstacle") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("model", folder / "link");
  const std::string stale = folder.put(message("model.part.", ::getpid(), ".0"), "stale");
  write_file(folder / "link", "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(content_of(path) == "new");
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(content_of(stale) == "stale");
  CHECK(folder.files() == 3);
}

}  // namespace atomic_file_tests
