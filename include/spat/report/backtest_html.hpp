// report. A backtest as one self-contained HTML file: no scripts, no fonts, no network.
#pragma once

#include <spat/report/backtest_text.hpp>
#include <spat/report/chart.hpp>
#include <spat/report/html_report.hpp>
#include <spat/report/html_style.hpp>
#include <spat/report/html_tables.hpp>
#include <spat/report/report_charts.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The text without breaks before its percent signs.
[[nodiscard]] inline std::string unbroken(std::string text) {
  for (std::size_t at = text.find(" %"); at != text.npos; at = text.find(" %", at))
    text.replace(at, 1, "&#160;");
  return text;
}

/// The verdict and the model's most important figures, in large print.
[[nodiscard]] inline std::string backtest_tiles(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  const BacktestVerdict verdict = verdict_of(backtest);
  if (!verdict.possible()) return {};
  std::string html = "<div class='tiles'>";
  const auto tile = [&](const std::string& number, const std::string& name) {
    html.append(message("<div class='tile'>", number, "<span>", name, "</span></div>"));
  };
  if (const std::string change = change_html(verdict.baseline, verdict.model, "b"); !change.empty())
    tile(change, message(verdict.measure, " against the ", backtest.baseline()->name));
  const BacktestErrors& errors = backtest.methods.front().errors.overall();
  if (std::isfinite(errors.mase)) tile(message("<b>", fixed(errors.mase, 3), "</b>"), "MASE");
  tile(message("<b>", fixed(errors.smape, 1), "&#160;%</b>"), "sMAPE");
  if (!backtest.intervals.empty()) {
    const auto& last = backtest.intervals.back();
    if (const double share = last.found.overall().coverage; std::isfinite(share))
      tile(message("<b>", fixed(100 * share, 1), "&#160;%</b>"),
           message("in the ", std::round(last.level * 1e6) / 1e4, "&#160;% intervals"));
  }
  return html.append("</div>\n");
}

[[nodiscard]] inline std::string methods_table(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  const UnitText mae = unit_text(backtest, &BacktestErrors::mae),
                 rmse = unit_text(backtest, &BacktestErrors::rmse);
  std::string body;
  for (const BacktestMethod& method : backtest.methods) {
    const BacktestErrors& errors = method.errors.overall();
    body.append(message("<tr><th class='left' scope='row'>", escaped(method_name(report, method)),
                        "</th>", cell(typeset(fixed(errors.mase, 3))),
                        cell(typeset(fixed(errors.smape, 2))), cell(typeset(mae(errors.mae))),
                        cell(typeset(rmse(errors.rmse))), "</tr>\n"));
  }
  return table("Errors of all methods",
               "<th class='left'>method</th><th>MASE</th><th>sMAPE, "
               "%</th><th>MAE</th><th>RMSE</th>",
               body);
}

/// MASE by step, over all channels, of all methods; the MAE if no channel has a MASE.
[[nodiscard]] inline Chart backtest_chart(const BacktestReport& report) {
  constexpr std::array colours{"dense", "m1", "m2", "m3"};
  const Backtest& backtest = report.backtest;
  const bool scaled = scaled_channels(backtest) > 0;
  Chart chart{.title = message(scaled ? "MASE" : "MAE", " of each step of the horizon"),
              .direct = true};
  for (std::size_t m = backtest.methods.size(); m-- > 0;) {  // the model on top
    const BacktestMethod& method = backtest.methods[m];
    ChartSeries line{
        .name = method.name == Backtest::model ? method_name(report, method) : method.name,
        .x = counting(1, backtest.horizon),
        .colour = colours[m % colours.size()],
        .dashed = m > 0,
        .points = backtest.horizon <= 30,
        .radius = 2.5};
    for (std::size_t t = 0; t < backtest.horizon; ++t) {
      const BacktestErrors& errors = method.errors.of_step(t);
      line.y.push_back(scaled ? errors.mase : errors.mae);
      line.titles.push_back(
          message(line.name, ", step ", t + 1, ": ",
                  scaled ? fixed(errors.mase, 3) : UnitText({errors.mae})(errors.mae)));
    }
    chart.series.push_back(line);
  }
  chart.x =
      axis_over({.title = "step of the horizon", .whole = true}, chart.series, &ChartSeries::x);
  Axis y{.title = scaled ? "MASE" : message("MAE, ", report.units)};
  chart.y = axis_over(y, chart.series, &ChartSeries::y, 0.06);
  return chart;
}

/// Errors of the model and MASE of the baseline by channel, of the first `most` channels.
[[nodiscard]] inline std::string channels_table(const BacktestReport& report,
                                                std::size_t most = 50) {
  const Backtest& backtest = report.backtest;
  const std::size_t shown = std::min(most, backtest.channels.size());
  const BacktestMethod &model = backtest.methods.front(), &baseline = *backtest.baseline();
  std::string body;
  for (std::size_t c = 0; c < shown; ++c) {
    const BacktestErrors &a = model.errors.of_channel(c), &b = baseline.errors.of_channel(c);
    const UnitText text({a.mae, a.rmse, b.mae});
    body.append(message("<tr><td class='left name'>", breakable(backtest.channels[c]), "</td>",
                        cell(typeset(fixed(a.mase, 3))), cell(typeset(fixed(b.mase, 3))),
                        cell(change_html(b.mae, a.mae, "span")), cell(typeset(fixed(a.smape, 2))),
                        cell(typeset(text(a.mae))), cell(typeset(text(b.mae))),
                        cell(typeset(text(a.rmse))), "</tr>\n"));
  }
  std::string html = table("Errors by channel",
                           message("<th class='left'>channel</th><th>MASE</th><th>", baseline.name,
                                   "<br/>MASE</th><th>change</th><th>sMAPE, %</th><th>MAE</th><th>",
                                   baseline.name, "<br/>MAE</th><th>RMSE</th>"),
                           body);
  if (shown < backtest.channels.size())
    html.append(message("<p class='note'>The first ", shown, " of ", backtest.channels.size(),
                        " channels. The CSV and JSON reports have all of them.</p>\n"));
  return html;
}

[[nodiscard]] inline std::string coverage_table(const BacktestReport& report) {
  std::vector<double> widths;
  for (const BacktestInterval& one : report.backtest.intervals)
    widths.push_back(one.found.overall().mean_width);
  const UnitText width(widths);
  std::string body;
  for (const BacktestInterval& one : report.backtest.intervals) {
    const BacktestCoverage& found = one.found.overall();
    body.append(message(
        "<tr><th class='left' scope='row'>", std::round(one.level * 1e6) / 1e4, "&#160;%</th>",
        cell(std::isfinite(found.coverage) ? message(fixed(100 * found.coverage, 1), "&#160;%")
                                           : "–"),
        cell(typeset(width(found.mean_width))), "</tr>\n"));
  }
  return table("Intervals", "<th class='left'>level</th><th>covered</th><th>mean width</th>", body)
      .append(message("<p class='note'>Covered: the share of all numbers that lie in their "
                      "intervals. Widths in ",
                      escaped(report.units), ".</p>\n"));
}

/// Where the forecasts were made, as a list of facts.
[[nodiscard]] inline std::string setting_section(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  std::string html = message("<p>Origins: ", escaped(origins_text(backtest)), ". Lookback ",
                             backtest.lookback, ", horizon ", backtest.horizon, ".");
  if (!report.frequency.empty())
    html.append(message(" Frequency ", escaped(report.frequency), "."));
  if (!report.scaler.empty()) html.append(message(" Scaler: ", escaped(report.scaler), "."));
  if (const std::size_t times = backtest.retrained.size(); times > 0)
    html.append(message(" The model was trained anew before ", times,
                        times == 1 ? " origin" : " origins", "."));
  html.append("</p>\n");
  for (const std::string& note : backtest_notes(report))
    html.append(message("<p>", escaped(note), "</p>\n"));
  if (!report.command.empty())
    html.append(message("<pre><code>", escaped(report.command), "</code></pre>\n"));
  return html;
}

}  // namespace detail

/// The report as a self-contained HTML page, in the style of the pruning report. Names and the
/// command may contain any bytes.
[[nodiscard]] inline std::string to_html(const BacktestReport& report) {
  using detail::escaped, detail::section;
  const Backtest& backtest = report.backtest;
  const std::string subject = detail::joined({report.model, report.data});
  std::string html = detail::begun_page("Backtest", subject);
  html.append(message(
      "<p class='facts'>Backtest · origins: ", escaped(detail::origins_text(backtest)),
      " · horizon ", backtest.horizon, "</p>\n<p class='headline'>",
      detail::unbroken(escaped(message(headline(report), " ", wins_text(report)))), "</p>\n"));
  html.append(detail::backtest_tiles(report));
  if (!backtest.methods.empty()) {
    html.append(section("Errors of all methods",
                        detail::methods_table(report).append(message(
                            "<p class='note'>All channels and steps. MAE and RMSE in ",
                            escaped(report.units), ". Less is better in every column.</p>\n"))));
    html.append(section("Error by step", detail::figure(detail::backtest_chart(report), "")));
    if (backtest.channels.size() > 1 && backtest.baseline() != nullptr)
      html.append(section("Channels", detail::channels_table(report)));
  }
  if (!backtest.intervals.empty())
    html.append(section("Intervals", detail::coverage_table(report)));
  html.append(section("How it was computed", detail::setting_section(report)));
  return html.append("</main>\n</body>\n</html>\n");
}

}  // namespace spat
