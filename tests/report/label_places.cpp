// Labels that do not overlap.
#include <spat/report/label_places.hpp>

#include <tests/support/catch.hpp>

namespace label_places_tests {

using namespace spat::detail;

TEST_CASE("labels that are far enough apart stay where they are") {
  CHECK(spread({10, 50, 30}, 15, 0, 100) == std::vector<double>{10, 50, 30});
  CHECK(spread({}, 15, 0, 100).empty());
}

TEST_CASE("labels that touch lie around the middle of where they want to be") {
  CHECK(spread({50, 50}, 10, 0, 100) == std::vector<double>{45, 55});
  CHECK(spread({54, 50}, 10, 0, 100) == std::vector<double>{57, 47});
  CHECK(spread({50, 50, 50}, 10, 0, 100) == std::vector<double>{40, 50, 60});
  CHECK(spread({43, 50, 48}, 10, 0, 100) ==
        std::vector<double>{37, 57, 47});  // the first wants 43, 38 and 30
}

TEST_CASE("labels stay in the frame, in their order, at their distance") {
  CHECK(spread({99, 100}, 10, 0, 100) == std::vector<double>{90, 100});
  CHECK(spread({0, 0, 1}, 10, 0, 100) == std::vector<double>{0, 10, 20});
  const std::vector<double> wished{3, 97, 95, 96, 4, 50, 52, 99, 2, 51};
  const auto places = spread(wished, 9, 0, 100);
  for (std::size_t i = 0; i < wished.size(); ++i) {
    CHECK((places[i] > -1e-9 && places[i] < 100 + 1e-9));
    for (std::size_t j = 0; j < wished.size(); ++j)
      if (wished[i] < wished[j]) CHECK(places[j] - places[i] > 9 - 1e-9);
  }
}

TEST_CASE("a label goes to the first free side of its point, or nowhere") {
  LabelPlaces places({0, 0, 100, 100});
  const auto at = [&](double x, double y) {
    const auto box = places.beside(x, y, 20, 10, 5);
    return box ? std::vector<double>{box->left, box->top} : std::vector<double>{};
  };
  CHECK(at(50, 50) == std::vector<double>{55, 45});  // right
  CHECK(at(50, 50) == std::vector<double>{25, 45});  // left
  CHECK(at(50, 50) == std::vector<double>{40, 35});  // above
  CHECK(at(50, 50) == std::vector<double>{40, 55});  // below
  CHECK(at(98, 20) == std::vector<double>{73, 15});  // left: the frame ends on the right
  places.take({0, 0, 100, 100});
  CHECK(at(50, 80).empty());
}

}  // namespace label_places_tests
