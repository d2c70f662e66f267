// The page of a backtest: well-formed, escaped, and with all of its figures.
#include <spat/report/backtest_html.hpp>

#include <tests/report/backtest_example.hpp>
#include <tests/report/markup.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <cmath>
#include <limits>

namespace backtest_html_tests {

using namespace spat;
using namespace backtest_report_example;

namespace {

/// The page without the style sheet.
std::string page_of(const BacktestReport& report) {
  const std::string html = to_html(report);
  CAPTURE(fault_of_markup(html));
  CHECK(fault_of_markup(html).empty());
  const std::string page = html.substr(html.find("</style>"));
  CHECK_FALSE((contains(page, "nan") || contains(page, "inf<")));
  return page;
}

}  // namespace

TEST_CASE("the page has its sections, and a chart of all methods") {
  const BacktestReport report = full();
  const std::string html = page_of(report);
  for (const char* title :
       {"Errors of all methods", "Error by step", "Channels", "Intervals", "How it was computed"})
    CHECK(count_of(std::string("<h2>").append(title).append("</h2>"), html) == 1);
  CHECK(count_of("<svg", html) == 2);  // wide and narrow
  CHECK(contains(html, "<h1>iTransformer · plant.csv</h1>"));
  CHECK(contains(html,
                 "<p class='headline'>iTransformer beats the seasonal naive (season 24): MASE "
                 "0.71 against 0.93, 24&#160;% lower. Its MAE is lower in 2 of 2 channels"));
  CHECK(contains(html, "Backtest · origins: 3 from 2024-01-05 to 2024-01-07, every 24 rows"));
  CHECK(contains(html, "<b class='good'>−23.7&#160;%</b><span>MASE against the seasonal naive"));
  CHECK(contains(html, "<b>87.0&#160;%</b><span>in the 95&#160;% intervals"));
  CHECK(contains(html, "<th class='left' scope='row'>drift</th><td>2.500</td>"));
  CHECK(contains(html, "<td>72.0&#160;%</td><td>48.00</td>"));
  CHECK(contains(html, "anew before 2 origins"));
  CHECK(contains(html, "spat backtest --data plant.csv"));
  const Chart chart = detail::backtest_chart(report);
  REQUIRE(chart.series.size() == 4);
  CHECK(chart.series.back().name == "iTransformer");
  CHECK(chart.series.back().y == std::vector<double>{0.71, 0.71});
  CHECK(chart.series.front().y == std::vector<double>{2.5, 2.5});
  CHECK(chart.y.title == "MASE");
  BacktestReport unscaled = report;
  unscaled.backtest.scales.assign(2, std::nan(""));
  CHECK(detail::backtest_chart(unscaled).y.title == "MAE, units of the series");
  CHECK(detail::backtest_chart(unscaled).series.back().y[1] ==
        report.backtest.methods[0].errors.of_step(1).mae);
}

TEST_CASE("many channels are cut, one has no table, and no figures are a page") {
  std::vector<std::string> names;
  for (int i = 0; i < 51; ++i) names.push_back("channel_" + std::to_string(i));
  std::string html = page_of(full(example(names)));
  CHECK(contains(html, "channel_49<"));
  CHECK_FALSE(contains(html, "channel_50<"));
  CHECK(contains(html, "The first 50 of 51 channels."));
  names.pop_back();
  CHECK_FALSE(contains(page_of(full(example(names))), "The first 50"));
  html = page_of(full(example({"one"})));
  CHECK_FALSE(contains(html, "<h2>Channels</h2>"));
  html = page_of(BacktestReport(Backtest{}));
  CHECK((contains(html, "<h1>Backtest</h1>") && count_of("<svg", html) == 0));

  BacktestReport none = full();
  for (BacktestMethod& method : none.backtest.methods)
    for (BacktestErrors& cell : method.errors.cells)
      cell = {std::nan(""), std::nan(""), std::nan(""), std::nan(""), 0};
  for (BacktestInterval& interval : none.backtest.intervals)
    for (BacktestCoverage& cell : interval.found.cells)
      cell = {std::nan(""), std::numeric_limits<double>::infinity()};
  none.backtest.scales.assign(2, std::nan(""));
  CHECK(contains(page_of(none), "no numbers to compare"));
  CHECK_FALSE(contains(to_text(none), "nan"));
  CHECK(wins_text(none).empty());
}

TEST_CASE("names and the command are escaped in the page") {
  const std::string evil = "<b>&\"'\xFF", safe = "&lt;b&gt;&amp;&quot;&#39;ÿ";
  BacktestReport report = full();
  for (std::string* text :
       {&report.model, &report.data, &report.command, &report.frequency, &report.scaler,
        &report.units, &report.backtest.channels[0], &report.backtest.first_time})
    *text = evil;
  const std::string html = page_of(report);
  CHECK_FALSE(contains(html, "<b>&"));
  CHECK(count_of(safe, html) > 8);
  for (const char* part : {"http:", "//", "url(", "<script", "src="})
    CHECK_FALSE(contains(to_html(full()), part));
}

}  // namespace backtest_html_tests
