#include <spat/io/atomic_file.hpp>
#include <spat/io/input_file.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#if !defined(_WIN32)
#include <tests/support/file_size_limit.hpp>
#endif

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

TEST_CASE("A folder that is not there, a folder as a file and a device are refused") {
  const TemporaryFolder folder;
  const std::string absent = folder / "absent/model";
  CHECK(message_of<FileError>([&] { write_file(absent, "x"); }) ==
        absent + ": cannot be written: No such file or directory");
  std::filesystem::create_directory(utf8_path(folder / "sub"));
  CHECK(message_of<FileError>([&] { write_file(folder / "sub", "x"); }) ==
        (folder / "sub") + ": is not a regular file");
#if defined(_WIN32)  // not every version finds that the device is there
  CHECK(message_of<FileError>([&] { write_file("NUL", "x"); }).starts_with("NUL: "));
#else
  CHECK(message_of<FileError>([&] { write_file("/dev/null", "x"); }) ==
        "/dev/null: is not a regular file");
#endif
  CHECK(message_of<FileError>([&] { (void)detail::open_input(folder / "sub"); }) ==
        (folder / "sub") + ": is a directory");
  CHECK(message_of<FileError>([&] { (void)detail::open_input(absent); }) ==
        absent + ": cannot be opened: No such file or directory");
  CHECK(folder.files() == 1);
}

TEST_CASE("A stale temporary file is no obstacle, and stays") {
  const TemporaryFolder folder;
  const std::string stale =
      folder.put(message("model.part.", detail::system::process(), ".0"), "stale");
  write_file(folder / "model", "new");
  CHECK(content_of(folder / "model") == "new");
  CHECK(content_of(stale) == "stale");
  CHECK(folder.files() == 2);
}

TEST_CASE("A path is UTF-8 text, whatever the letters") {
  const TemporaryFolder folder;
  for (const char* name : {"\u00e4\u00f6\u00fc \u00df", "\u0434\u0430\u043d\u043d\u044b\u0435",
                           "\u6570\u636e.csv", "\U0001F4C8"}) {
    CAPTURE(name);
    const std::string path = folder / name;
    write_file(path, "old");
    write_file(path, name);
    CHECK(content_of(path) == name);
    std::string text;
    std::getline(*detail::open_input(path), text);
    CHECK(text == name);
    CHECK(utf8_text(utf8_path(path)) == path);
    CHECK(utf8_text(utf8_path(path).filename()) == name);
    // The system has the file by these letters, not by those of some code page.
    bool listed = false;
    for (const auto& entry : std::filesystem::directory_iterator(utf8_path(folder / "")))
      listed = listed || utf8_text(entry.path().filename()) == name;
    CHECK(listed);
  }
  CHECK(folder.files() == 4);
}

TEST_CASE("A path that is not UTF-8 is the file's own bytes, or refused where it can be none") {
  const TemporaryFolder folder;
  const std::string path = (folder / "latin-1 ") + '\xE4';
#if defined(_WIN32)
  const std::string refusal = in_quotes(path) + ": a path is UTF-8 text, and this is none";
  CHECK(message_of<FileError>([&] { write_file(path, "x"); }) == refusal);
  CHECK(message_of<FileError>([&] { (void)detail::open_input(path); }) == refusal);
  CHECK(folder.files() == 0);
#elif defined(__linux__)
  write_file(path, "x");
  CHECK(content_of(path) == "x");
#endif
}

TEST_CASE("Bytes beyond 4 GiB are read where they are") {
  const TemporaryFolder folder;
  const std::string path = folder.put("large", "first");
  const std::uint64_t size = (std::uint64_t{1} << 32) + 5;
  std::error_code refused;
  std::filesystem::resize_file(utf8_path(path), size - 4, refused);
  if (refused) {
    WARN("skipped: no file of 4 GiB can be made here: " << refused.message());
    return;
  }
  std::ofstream(utf8_path(path), std::ios::binary | std::ios::app) << "last";
  const auto stream = detail::open_input(path);
  CHECK(detail::stream_size(*stream, path) == size);
  for (const auto& [offset, text] :
       {std::pair{size - 4, std::string("last")}, std::pair{std::uint64_t{0}, std::string("firs")},
        std::pair{std::uint64_t{1} << 31, std::string(4, '\0')}}) {
    std::string found(4, '?');
    detail::read_at(*stream, path, offset, found.data(), found.size());
    CHECK(found == text);
  }
}

#if defined(_WIN32)

TEST_CASE("A file that is open is not replaced, and stays") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  {
    const auto open = detail::open_input(path);
    CHECK(message_of<FileError>([&] {
            write_file(path, "new");
          }).starts_with(path + ": cannot be written: "));
    CHECK(content_of(path) == "old");
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("A file that is open for a moment is replaced after it") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  auto open = detail::open_input(path);
  std::thread scanner([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    open.reset();
  });
  const std::string said = message_of<FileError>([&] { write_file(path, "new"); });
  scanner.join();
  CHECK(said == "nothing was thrown");
  CHECK(content_of(path) == "new");
}

#else

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

TEST_CASE("A link stays a link, and permissions stay") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("model", folder / "link");
  write_file(folder / "link", "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(content_of(path) == "new");
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(folder.files() == 2);
}

#endif

}  // namespace atomic_file_tests
