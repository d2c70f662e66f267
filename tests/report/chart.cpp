// Charts: where points and lines are placed.
#include <spat/report/chart.hpp>

#include <tests/report/markup.hpp>
#include <tests/support/catch.hpp>

namespace chart_tests {

using namespace spat;

namespace {

Chart chart_of(std::vector<ChartSeries> series) {
  return {.title = "t",
          .x = {.title = "x", .low = 0, .high = 10},
          .y = {.title = "y", .low = 0, .high = 10},
          .series = std::move(series)};
}
std::string svg_of(std::vector<ChartSeries> series) { return to_svg(chart_of(std::move(series))); }
/// The number after `key` in the last element that begins with `element`.
double number_of(const std::string& svg, const std::string& element, const std::string& key) {
  const std::size_t at = svg.rfind(element);
  REQUIRE(at != std::string::npos);
  return std::stod(svg.substr(svg.find(key, at) + key.size()));
}
bool is_well_formed(const std::string& svg) {
  CAPTURE(svg, fault_of_markup("<!DOCTYPE html>" + svg));
  return fault_of_markup("<!DOCTYPE html>" + svg).empty() && count_of("nan", svg) == 0 &&
         count_of("inf", svg) == 0;
}

}  // namespace

TEST_CASE("a point lies where its numbers say") {
  // Left: the widest tick, "10", 2 x 7.4, and 10; right: 16. Top: 12 for the title, 14 below it.
  const auto at = [](double x, double y) {
    const std::string svg = svg_of({{.x = {x}, .y = {y}, .line = false, .points = true}});
    return std::pair(number_of(svg, "<circle", "cx='"), number_of(svg, "<circle", "cy='"));
  };
  const double left = 24.8, right = 744, top = 26, bottom = 286;
  CHECK(at(0, 0) == std::pair(left, bottom));
  CHECK(at(10, 10) == std::pair(right, top));
  CHECK(at(5, 5) == std::pair((left + right) / 2, (top + bottom) / 2));
}

TEST_CASE("what is not finite breaks a line, and a point alone is a dot") {
  const double nan = std::nan("");
  CHECK(count_of("<polyline", svg_of({{.x = {0, 1, 2, 3}, .y = {1, 2, 3, 4}}})) == 1);
  const std::string broken = svg_of({{.x = {0, 1, 2, 3, 4, 5}, .y = {1, 2, nan, 3, nan, 5}}});
  CHECK(count_of("<polyline", broken) == 1);
  CHECK(count_of("<circle", broken) == 2);
  CHECK(is_well_formed(broken));
  const std::string nothing =
      svg_of({{.name = "a", .x = {nan}, .y = {nan}, .labels = {"l"}}, {.name = "b"}});
  CHECK(count_of("<circle", nothing) + count_of("<polyline", nothing) == 0);
  CHECK(is_well_formed(nothing));
}

TEST_CASE("names stand at the ends of lines where there is room, else in a legend") {
  Chart chart = chart_of({{.name = "first", .x = {0, 10}, .y = {1, 2}},
                          {.name = "second", .x = {0, 10}, .y = {2, 2}}});
  chart.direct = true;
  const std::string direct = to_svg(chart);
  CHECK(count_of("class='label'", direct) == 2);
  CHECK(count_of("class='legend'", direct) == 0);
  CHECK(is_well_formed(direct));
  chart.series[0].name = std::string(40, 'w');
  const std::string legend = to_svg(chart, {340, 200});
  CHECK(count_of("class='label'", legend) == 0);
  CHECK(count_of("class='legend'", legend) == 2);
}

TEST_CASE("charts of one point, of constants and of nothing are drawn") {
  for (const std::vector<double>& values :
       {std::vector<double>{}, {3}, {3, 3, 3}, {0, 0}, {1e-300}, {1e300, -1e300}}) {
    ChartSeries series{.name = "a",
                       .x = values,
                       .y = values,
                       .points = true,
                       .labels = std::vector<std::string>(values.size(), "l")};
    for (const bool logarithmic : {false, true}) {
      const Axis axis = Axis{.title = "t", .logarithmic = logarithmic}.over(values);
      for (const bool direct : {false, true})
        CHECK(is_well_formed(to_svg({.title = "<&>",
                                     .x = axis,
                                     .y = axis,
                                     .series = {series, series},
                                     .rules = {{3, "<r>"}},
                                     .direct = direct})));
    }
  }
}

TEST_CASE("words of rules that would meet stand in rows") {
  Chart chart = chart_of({{.x = {0, 10}, .y = {1, 2}}});
  chart.rules = {{1, "removed"}, {1.2, "removed"}, {9, "removed"}};
  const std::string svg = to_svg(chart);
  CHECK(count_of("y='32'>removed", svg) == 2);
  CHECK(count_of("y='47'>removed", svg) == 1);
  CHECK(is_well_formed(svg));
}

}  // namespace chart_tests
