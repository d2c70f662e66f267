// Extents, views, tensors and the arithmetic they rest on.
#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/tensor.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace shapes_tests {

using spat::dynamic;
using spat::Extent;
using spat::Tensor;
using spat::View;

// A static extent takes no memory; a view of static shape is a pointer.
static_assert(Extent<7>::get() == 7 && std::is_empty_v<Extent<7>>);
static_assert(sizeof(View<float, 3, 4>) == sizeof(float*));
static_assert(sizeof(View<float, dynamic, dynamic>) == 3 * sizeof(float*));

// Views convert to read-only and dynamic ones, never to writable ones or to another scalar.
static_assert(std::is_convertible_v<View<float, 3, 4>, View<const float, dynamic, 4>>);
static_assert(std::is_convertible_v<View<float, 3, 4>, View<float, dynamic, dynamic>>);
static_assert(!std::is_convertible_v<View<const float, 3, 4>, View<float, 3, 4>>);
static_assert(!std::is_convertible_v<View<float, 3, 4>, View<double, 3, 4>>);
static_assert(std::is_trivially_copyable_v<View<float, dynamic, dynamic>>);

static_assert(spat::divide_up(std::size_t{10}, std::size_t{5}) == 2 &&
              spat::divide_up(std::size_t{11}, std::size_t{5}) == 3);
static_assert(spat::divide_up(std::size_t{0}, std::size_t{5}) == 0);

TEST_CASE("A dynamic extent is the number it was given, zero by default", "[core]") {
  CHECK(Extent<dynamic>().get() == 0);
  CHECK(Extent<dynamic>(9).get() == 9);
  CHECK(Extent<3>(3).get() == 3);
}

TEMPLATE_TEST_CASE("A tensor starts at zero on a 64-byte boundary, whatever its shape", "[core]",
                   float, double) {
  for (std::size_t rows = 1; rows < 20; ++rows)
    for (std::size_t cols = 1; cols < 20; ++cols) {
      const Tensor<TestType> tensor(rows, cols);
      REQUIRE(reinterpret_cast<std::uintptr_t>(tensor.data()) % spat::alignment == 0);
      REQUIRE(tensor.flat().size() == rows * cols);
      REQUIRE(std::ranges::all_of(tensor.flat(), [](TestType value) { return value == 0; }));
    }
}

TEMPLATE_TEST_CASE("Static and dynamic tensors look the same from outside", "[core]", float,
                   double) {
  Tensor<TestType, 3, 4> fixed;
  Tensor<TestType> loose(3, 4);
  CHECK(fixed.rows() == loose.rows());
  CHECK(fixed.cols() == loose.cols());
  CHECK(sizeof(fixed) < sizeof(loose));
  for (std::size_t i = 0; i < 12; ++i) fixed.data()[i] = loose.data()[i] = static_cast<TestType>(i);
  const View<const TestType, dynamic, dynamic> view = fixed.view();
  CHECK(view.rows() == 3);
  CHECK(view.cols() == 4);
  CHECK(view.row(2)[1] == loose.view().row(2)[1]);
  CHECK(Tensor<TestType>().flat().empty());
}

TEST_CASE("A tensor is a value: a copy has numbers of its own, a move takes them along", "[core]") {
  Tensor<double> a(2, 3);
  a.data()[5] = 7;
  Tensor<double> b = a;
  b.data()[5] = 8;
  CHECK(a.data()[5] == 7);
  const double* numbers = b.data();
  const Tensor<double> c = std::move(b);
  CHECK(c.data() == numbers);
  CHECK(c.data()[5] == 8);
  CHECK(c.rows() == 2);
}

TEST_CASE("A view never owns: rows, middle rows and copies look at the same numbers", "[core]") {
  Tensor<int, dynamic, 3> tensor(4, 3);
  for (std::size_t i = 0; i < 12; ++i) tensor.data()[i] = static_cast<int>(i);
  const auto view = tensor.view();
  CHECK(view.size() == 12);
  CHECK(view.row(2)[0] == 6);
  const auto middle = view.middle_rows(1, 2);
  CHECK(middle.rows() == 2);
  CHECK(middle.data() == view.row(1));
  CHECK(middle.flat().size() == 6);
  middle.row(1)[2] = 99;
  CHECK(tensor.data()[8] == 99);
  CHECK(view.middle_rows(4, 0).size() == 0);
  CHECK(View<int, dynamic, dynamic>().size() == 0);
}

TEMPLATE_TEST_CASE("multiply_add rounds once if the target can, else twice", "[core]", float,
                   double) {
  const TestType e = std::numeric_limits<TestType>::epsilon();
  volatile TestType a = 1 + e, b = 1 - e;  // the product is 1 - e^2: lost by a rounding in between
  const TestType found = spat::multiply_add<TestType>(a, b, TestType(-1));
#if defined(SPAT_FMA)
  CHECK(found == -e * e);
#else
  CHECK(found == 0);
#endif
}

TEST_CASE("Everything thrown is a spat::Error and a std::runtime_error with its message",
          "[core]") {
  const auto caught = [](const auto& error) {
    try {
      throw error;
    } catch (const spat::Error& e) {
      return std::string(e.what());
    }
  };
  CHECK(caught(spat::ShapeError("shape")) == "shape");
  CHECK(caught(spat::DataError("data")) == "data");
  CHECK(caught(spat::FileError("file")) == "file");
  CHECK(caught(spat::ConfigError("config")) == "config");
  CHECK(caught(spat::NumericError("numeric")) == "numeric");
  static_assert(std::is_base_of_v<std::runtime_error, spat::Error>);
}

}  // namespace shapes_tests
