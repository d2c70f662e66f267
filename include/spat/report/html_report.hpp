// report. The pruning report as one self-contained HTML file: no scripts, no fonts, no network.
#pragma once

#include <spat/report/html_style.hpp>
#include <spat/report/html_tables.hpp>
#include <spat/report/report_charts.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The page up to its first headline. `subject` is escaped already.
[[nodiscard]] inline std::string begun_page(const std::string& kind, const std::string& subject) {
  return message(
      "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>",
      kind, subject.empty() ? "" : ": ", subject, "</title>\n<style>", html_style,
      "</style>\n</head>\n<body>\n<main>\n<h1>", subject.empty() ? kind : subject, "</h1>\n");
}
/// A chart with its caption, drawn twice, for wide and for narrow screens: text in SVG shrinks with
/// its drawing.
[[nodiscard]] inline std::string figure(const Chart& chart, const std::string& caption,
                                        double plot_height = 260) {
  return message("<figure><div class='wide'>", to_svg(chart, {800, plot_height}),
                 "</div><div class='narrow'>", to_svg(chart, {340, std::min(plot_height, 220.0)}),
                 "</div>", caption.empty() ? "" : message("<figcaption>", caption, "</figcaption>"),
                 "</figure>\n");
}
[[nodiscard]] inline std::string section(const char* title, const std::string& content) {
  return message("<section><h2>", title, "</h2>\n", content, "</section>\n");
}
/// The parts that are not empty, escaped: a · b · c.
[[nodiscard]] inline std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    if (!part.empty()) text.append(text.empty() ? "" : " · ").append(escaped(part));
  return text;
}

[[nodiscard]] inline double mean_squared_difference(const std::vector<double>& a,
                                                    const std::vector<double>& b) {
  if (a.empty() || a.size() != b.size()) return std::nan("");
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum = multiply_add(a[i] - b[i], a[i] - b[i], sum);
  return sum / static_cast<double>(a.size());
}

[[nodiscard]] inline std::string trajectory_section(const PruningReport& report) {
  std::string html = figure(trajectory_chart(report),
                            "Solid: kept. Dashed: removed. Bars: one standard error, by "
                            "resampled steps. Modules are numbered in forward order.");
  if (report.stability.empty()) return html;
  std::vector<std::string> taus;
  for (const double tau : report.stability) taus.push_back(fixed(tau, 2));
  return html.append(
      message("<p class='note'>Agreement of the ranks of consecutive epochs, Kendall’s tau (1: the "
              "same order): ",
              typeset(joined(taus)), "</p>\n"));
}

[[nodiscard]] inline std::string forecasts_section(const PruningReport& report) {
  std::string html;
  for (const ReportForecast& example : report.forecasts) {
    std::string errors;
    const auto add = [&](const char* name, const std::vector<double>& forecast) {
      const double mse = mean_squared_difference(forecast, example.truth);
      if (std::isfinite(mse))
        errors.append(message(errors.empty() ? "MSE of this window: " : ", ", name, " ",
                              formatted(mse, std::chars_format::general, 3)));
    };
    const std::string reference = reference_name(report);
    add(reference.c_str(), example.reference), add("pruned", example.pruned);
    html.append(message("<h3>", escaped(example.channel), "</h3>\n",
                        figure(forecast_chart(example, reference), errors, 220)));
  }
  return html;
}

[[nodiscard]] inline std::string reproduce_section(const PruningReport& report) {
  std::string html;
  if (!report.command.empty())
    html.append(message("<pre><code>", escaped(report.command), "</code></pre>\n"));
  return html.append(
      message("<p>Seed ", report.seed, report.run.empty() ? "" : ", run ", escaped(report.run),
              ". The same build with the same seed gives the same bytes, on any number of threads."
              " Latency is the median of repeated forecasts of one window.</p>\n"));
}

}  // namespace detail

/// The report as a self-contained HTML page. Sections without data are left out. Names and the
/// command may contain any bytes.
[[nodiscard]] inline std::string to_html(const PruningReport& report) {
  using detail::escaped, detail::figure, detail::joined, detail::section;
  const std::string subject = joined({report.model, report.data});
  std::string html = detail::begun_page("Pruning report", subject);
  const std::string facts =
      joined({report.criterion, report.budget, report.schedule, message("seed ", report.seed),
              report.scaler.empty() ? "" : message("scaled by ", report.scaler)});
  const std::string verdict = detail::naive_verdict(report),
                    naive_sentence = verdict.empty() ? "" : verdict + ". ";
  html.append(message("<p class='facts'>Pruning report · ", facts, "</p>\n<p class='headline'>",
                      naive_sentence, detail::headline(report), "</p>\n"));
  html.append(detail::tiles(report));

  std::string rows = detail::rows_table(report);
  if (report.prunes()) {
    rows.append(message("<p class='note'>", detail::as_sentence(detail::reference_text(report)),
                        " Less is better in every column."));
    if (report.reference.model != DenseModel::none)
      rows.append(
          " All comparisons of the pruned model’s errors on this page are with the reference. All "
          "other changes are against the dense model as trained.");
    if (std::abs(detail::percent_change(report.reference_row().mse, report.pruned.mse)) < 1)
      rows.append(
          " A difference of the MSE below 1&#160;% in a single run may be chance: runs with other "
          "seeds would tell.");
    rows.append("</p>\n");
  }
  if (report.filled_share > 0)
    rows.append(message("<p class='note'>Of the cells of the series, ", detail::filled_text(report),
                        ".</p>\n"));
  html.append(section("Before and after", rows));
  if (!report.modules.empty() || !report.dead_parts.empty()) {
    std::string modules = report.modules.empty() ? "" : detail::modules_table(report);
    for (const std::string& part : report.dead_parts)
      modules.append(message("<p>No longer reaches the forecast: ", escaped(part), ".</p>\n"));
    html.append(section("Modules", modules));
  }
  if (!report.trajectory.empty())
    html.append(section("Scores during training", detail::trajectory_section(report)));
  if (!report.epochs.empty())
    html.append(section("Training", figure(detail::training_chart(report), "")));
  if (const auto chart = detail::candidates_chart(report); !chart.series.empty())
    html.append(section(
        "Loss against latency",
        figure(chart,
               "Losses before fine-tuning. One digit per module, module 0 first: 1 is kept, 0 is "
               "removed.",
               320)));
  if (!report.forecasts.empty())
    html.append(section("Forecasts", detail::forecasts_section(report)));
  const std::string reference = detail::reference_name(report);
  if (!report.error_by_step.reference.empty() || !report.error_by_step.pruned.empty())
    html.append(
        section("Error by step", figure(detail::step_chart(report.error_by_step, reference), "")));
  if (!report.zero_shot.empty())
    html.append(section("Other test sets, without training on them",
                        message(detail::zero_shot_table(report),
                                "<p class='note'>Reference: ", reference, ".</p>\n")));
  html.append(section("How to reproduce", detail::reproduce_section(report)));
  return html.append("</main>\n</body>\n</html>\n");
}

}  // namespace spat
