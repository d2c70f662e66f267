// A file as a stream: every way to read and to move gives the bytes of its place.
#include <spat/io/file_buffer.hpp>
#include <spat/io/path.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/temporary.hpp>

#include <cerrno>
#include <iterator>
#include <string>

namespace file_buffer_tests {

using namespace spat;

std::string text_of(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i >> 5);
  return text;
}

TEST_CASE("A stream of a file has its bytes, one by one, in pieces and at once") {
  const TemporaryFolder folder;
  for (const std::size_t size : {0u, 1u, 16383u, 16384u, 16385u, 100000u}) {
    CAPTURE(size);
    const std::string text = text_of(size);
    const auto path = utf8_path(folder.put("file", text));
    detail::FileStream one_by_one(path), at_once(path), pieces(path);
    CHECK((std::string(std::istreambuf_iterator<char>(one_by_one), {}) == text));
    std::string found(size + 7, ' ');
    CHECK_FALSE(at_once.read(found.data(), static_cast<std::streamsize>(found.size())));
    CHECK(static_cast<std::size_t>(at_once.gcount()) == size);
    CHECK((found.substr(0, size) == text));
    CHECK(at_once.eof());
    CHECK_FALSE(at_once.bad());
    found.clear();
    for (std::streamsize piece = 1; pieces; piece = piece * 3 + 1) {
      std::string part(static_cast<std::size_t>(piece), ' ');
      pieces.read(part.data(), piece);
      found.append(part, 0, static_cast<std::size_t>(pieces.gcount()));
      if (pieces && pieces.peek() != std::char_traits<char>::eof())
        found.push_back(static_cast<char>(pieces.get()));
    }
    CHECK((found == text));
  }
}

TEST_CASE("A stream of a file goes to any place, and knows where it is") {
  const TemporaryFolder folder;
  const std::string text = text_of(70000);
  detail::FileStream stream(utf8_path(folder.put("file", text)));
  const auto here = [&](std::streamoff place) {
    CAPTURE(place);
    CHECK(stream.tellg() == std::streampos(place));
    CHECK(stream.get() ==
          std::char_traits<char>::to_int_type(text[static_cast<std::size_t>(place)]));
    CHECK(stream.tellg() == std::streampos(place + 1));
  };
  here(0);
  here(1);
  stream.seekg(60000);
  here(60000);
  stream.seekg(-50000, std::ios::cur);
  here(10001);
  stream.seekg(100, std::ios::cur);
  here(10102);
  stream.seekg(-1, std::ios::end);
  here(69999);
  CHECK(stream.get() == std::char_traits<char>::eof());
  stream.clear();
  stream.seekg(0, std::ios::end);
  CHECK(stream.tellg() == std::streampos(70000));
  stream.seekg(5);
  here(5);
  stream.seekg(-1);  // no such place: it stays where it was
  CHECK(stream.fail());
  stream.clear();
  here(6);
}

TEST_CASE("A stream closes its file") {
  const TemporaryFolder folder;
  const auto path = utf8_path(folder.put("file", "text"));
  const auto lowest_free = [&] {  // which is what a new handle gets
    const int handle = detail::system::open(path);
    REQUIRE(detail::system::close(handle) == 0);
    return handle;
  };
  const int before = lowest_free();
  { const detail::FileStream stream(path); }
  CHECK(lowest_free() == before);
}

TEST_CASE("A file that cannot be opened leaves a bad stream, and the reason") {
  const TemporaryFolder folder;
  errno = 0;
  const detail::FileStream stream(utf8_path(folder / "absent"));
  CHECK(errno == ENOENT);
  CHECK(stream.bad());
}

}  // namespace file_buffer_tests
