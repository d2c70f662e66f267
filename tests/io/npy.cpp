#include <spat/io/npy.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <array>
#include <sstream>

namespace npy_tests {

using namespace spat;

namespace {

std::string npy_file(const std::string& header, const std::string& data) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(static_cast<char>(header.size() % 256));
  file.push_back(static_cast<char>(header.size() / 256));
  return file + header + data;
}

template <class T = float>
std::string refusal(const std::string& file) {
  std::istringstream stream(file);
  return message_of<FileError>([&] { (void)read_npy<T>(stream, "a.npy"); });
}

const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

}  // namespace

TEMPLATE_TEST_CASE("An array survives .npy with its shape", "", float, double, std::int64_t) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.npy";
  const auto round_trip = [&](std::vector<std::size_t> shape, std::vector<TestType> values) {
    write_npy<TestType>(path, shape, values);
    const auto back = read_npy<TestType>(path);
    CHECK(back.shape == shape);
    CHECK(back.values == values);
    CHECK(content_of(path).find('\n') % 64 == 63);
  };
  round_trip({2, 3}, {1, 2, 3, 4, 5, -6});
  round_trip({3}, {1, 2, 3});
  round_trip({}, {7});
  round_trip({0, 4}, {});
}

TEST_CASE("The header of an .npy file is the one numpy writes") {
  const TemporaryFolder folder;
  write_npy<float>(folder / "a.npy", std::array<std::size_t, 1>{3}, std::array<float, 3>{1, 2, 3});
  const std::string file = content_of(folder / "a.npy");
  CHECK(file.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(file.substr(10).starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }  "));
  CHECK(file.size() == 128 + 12);
}

TEST_CASE("An .npy file that contradicts itself or is of another kind is refused") {
  CHECK(refusal("short") == "a.npy: is too short for an .npy file: 5 bytes");
  CHECK(refusal("this is no numpy file") == "a.npy: is not an .npy file");
  std::string version = npy_file(good, std::string(24, 'x'));
  version[6] = 2;
  CHECK(refusal(version) == "a.npy: version 2 of the format is not supported, only 1");
  std::string length = npy_file(good, "");
  length[9] = 1;
  CHECK(refusal(length) == message("a.npy: a header of ", good.size() + 256,
                                   " bytes does not fit into ", good.size() + 10, " bytes"));
  CHECK(refusal<double>(npy_file(good, std::string(24, 'x'))) ==
        R"(a.npy: expected numbers of type '<f8', found "'<f4'")");
  CHECK(refusal(npy_file(good, std::string(23, 'x'))) ==
        "a.npy: shape [2, 3] of '<f4' does not take 23 bytes");
  const auto header = [](const std::string& order, const std::string& shape) {
    return "{'descr': '<f4', 'fortran_order': " + order + ", 'shape': " + shape + "}";
  };
  CHECK(refusal(npy_file(header("True", "(2, 3)"), "")) == "a.npy: is not in C order");
  CHECK(refusal(npy_file(header("False", "7"), "")) == "a.npy: the header has no shape");
  CHECK(refusal(npy_file(header("False", "(2"), "")) == "a.npy: the header has no shape");
  CHECK(refusal(npy_file(header("False", "(-2, 3)"), "")) ==
        "a.npy: the shape in the header is broken");
  CHECK(refusal(npy_file(header("False", "(1,,2)"), "")) ==
        "a.npy: the shape in the header is broken");
  CHECK(refusal(npy_file(header("False", "(2147483648, 2147483648)"), "")) ==
        "a.npy: shape [2147483648, 2147483648] of '<f4' does not take 0 bytes");
  CHECK(message_of<ShapeError>([] {
          write_npy<float>("never", std::array<std::size_t, 1>{3}, std::array<float, 2>{});
        }) == "never: shape [3] does not hold 2 values");
  CHECK(message_of<FileError>([] { (void)read_npy<float>("absent.npy"); }) ==
        "absent.npy: cannot be opened: No such file or directory");
}

}  // namespace npy_tests
