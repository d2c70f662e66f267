// report. The sentences and tables of the HTML report.
#pragma once

#include <spat/report/naive_text.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/report/reference_text.hpp>
#include <spat/report/score_text.hpp>
#include <spat/report/svg.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The text of a number with the typographic minus and no break before its unit; "–" if there is no
/// number.
[[nodiscard]] inline std::string typeset(const std::string& number) {
  if (number == "-") return "–";
  std::string text = with_minus(number);
  if (const std::size_t blank = text.find(' '); blank != std::string::npos)
    text.replace(blank, 1, "&#160;");
  return text;
}
/// A dotted name, escaped, that may break after its dots.
[[nodiscard]] inline std::string breakable(std::string_view name) {
  std::string text;
  for (const char c : escaped(name)) text.append(1, c).append(c == '.' ? "<wbr>" : "");
  return text;
}
/// The change, signed and coloured: lower is better. Empty if there is nothing to compare with.
[[nodiscard]] inline std::string change_html(double before, double after,
                                             const char* element = "small") {
  const std::string text = change(before, after);
  if (text == "-") return {};
  const char* const css = text == "+0.0 %" ? "even" : text.front() == '-' ? "good" : "bad";
  return message("<", element, " class='", css, "'>", typeset(text), "</", element, ">");
}
[[nodiscard]] inline std::string cell(const std::string& html) {
  return message("<td>", html, "</td>");
}
[[nodiscard]] inline std::string table(const std::string& name, const std::string& head,
                                       const std::string& body) {
  return message("<div class='scroll' role='region' tabindex='0' aria-label='", escaped(name),
                 "'><table><thead><tr>", head, "</tr></thead>\n<tbody>", body,
                 "</tbody></table></div>\n");
}
[[nodiscard]] inline bool measured(const Latency& latency) { return latency.median > 0; }

/// A comparison in words: "0.3&#160;% lower than"; `same` if it rounds to zero.
[[nodiscard]] inline std::string comparison(double from, double to, const char* lower,
                                            const char* higher, const char* same) {
  const std::string size = fixed(std::abs(percent_change(from, to)), 1);
  return size == "0.0" ? std::string(same) : message(size, "&#160;% ", to < from ? lower : higher);
}

/// What was removed, what that cost and what it gained, in plain words, especially if it made
/// things worse.
[[nodiscard]] inline std::string headline(const PruningReport& report) {
  if (!report.prunes())
    return message("Nothing was removed: the dense model’s test MSE is ",
                   fixed(report.dense.mse, 4), ".");
  std::vector<std::size_t> removed;
  for (std::size_t m = 0; m < report.modules.size(); ++m)
    if (report.modules[m].removed()) removed.push_back(m);
  const auto had = std::ranges::count_if(report.modules, &ReportModule::before);
  std::string text = message(removed.size(), " of ", had, " modules ",
                             removed.size() == 1 ? "was" : "were", " removed");
  text.append(removed.size() <= 8 ? message(" (", enumerated(removed), "). ") : ". ");

  const ReportRow &before = report.reference_row(), &after = report.pruned;
  const double loss = percent_change(before.mse, after.mse);
  const bool worse = loss >= 0.05;
  if (std::isfinite(loss))
    text.append(
        message(worse ? "That made the forecasts worse: the test MSE is " : "The test MSE is ",
                comparison(before.mse, after.mse, "lower than", "higher than", "the same as"),
                " the dense model’s", &before == &report.dense ? "" : " after as much fine-tuning",
                " (", fixed(before.mse, 4), " → ", fixed(after.mse, 4), "). "));
  const double macs = static_cast<double>(report.dense.cost.macs),
               fewer = static_cast<double>(after.cost.macs);
  if (macs > 0)
    text.append(message("A forecast takes ", comparison(macs, fewer, "fewer", "more", "as many"),
                        " MACs; "));
  if (!measured(report.dense.latency) || !measured(after.latency))
    return text.append(macs > 0 ? "its" : "Its").append(" latency was not measured.");
  const double time = report.dense.latency.median, shorter = after.latency.median;
  text.append(message(macs > 0 ? "as measured, it takes " : "As measured, a forecast takes ",
                      comparison(time, shorter, "less", "more", "as much"), " time (",
                      fixed(time, 3), " → ", fixed(shorter, 3), "&#160;ms)."));
  return text.append(worse && shorter >= time ? " On this machine nothing was won by it." : "");
}

/// The most important changes, in large print.
[[nodiscard]] inline std::string tiles(const PruningReport& report) {
  if (!report.prunes()) return {};
  const ReportRow &before = report.reference_row(), &after = report.pruned;
  std::string html = "<div class='tiles'>";
  const auto tile = [&](double from, double to, const char* name) {
    if (const std::string text = change_html(from, to, "b"); !text.empty())
      html.append(message("<div class='tile'>", text, "<span>", name, "</span></div>"));
  };
  tile(before.mse, after.mse, "test MSE"), tile(before.mae, after.mae, "test MAE");
  tile(static_cast<double>(before.cost.macs), static_cast<double>(after.cost.macs),
       "MACs per forecast");
  if (measured(after.latency))
    tile(report.dense.latency.median, after.latency.median, "measured latency");
  return html.append("</div>\n");
}

/// A table with one model per row. Changes of the pruned model's errors are relative to
/// the reference, all others to the dense model as trained.
[[nodiscard]] inline std::string rows_table(const PruningReport& report) {
  std::string body;
  const ReportRow& dense = report.dense;
  const auto add = [&](const char* name, const ReportRow& row, bool first) {
    const ReportRow& against = &row == &report.pruned ? report.reference_row() : dense;
    const auto compared = [&](std::string text, double before, double after) {
      return cell(typeset(text).append(first ? "" : change_html(before, after)));
    };
    const auto count = [&](std::size_t Cost::*of) {
      const double before = static_cast<double>(dense.cost.*of),
                   after = static_cast<double>(row.cost.*of);
      return after > 0 ? compared(counted(after), before, after) : cell("–");
    };
    const Latency& time = row.latency;
    const bool reference = report.prunes() && report.reference.model != DenseModel::none &&
                           &row == &report.reference_row();
    body.append(message("<tr><th class='left' scope='row'>", name, reference ? " (reference)" : "",
                        "</th>", compared(fixed(row.mse, 4), against.mse, row.mse),
                        compared(fixed(row.mae, 4), against.mae, row.mae), count(&Cost::parameters),
                        count(&Cost::macs)));
    body.append(measured(time) ? compared(fixed(time.median, 3), dense.latency.median, time.median)
                               : cell("–"));
    body.append(cell(measured(time) ? message(fixed(time.p10, 3), "–", fixed(time.p90, 3)) : "–"))
        .append("</tr>\n");
  };
  add("dense", dense, true);
  if (report.dense_tuned) add("dense, fine-tuned", *report.dense_tuned, false);
  if (report.prunes() && report.pruned_only)
    add("pruned, before fine-tuning", *report.pruned_only, false);
  if (report.prunes()) add("pruned", report.pruned, false);
  if (report.naive)
    body.append(message("<tr><th class='left' scope='row'>", naive_name(report.naive->season),
                        "</th>", cell(fixed(report.naive->mse, 4)),
                        cell(fixed(report.naive->mae, 4)), cell("–"), cell("–"), cell("–"),
                        cell("–"), "</tr>\n"));
  return table("Before and after",
               "<th class='left'>model</th><th>test MSE</th><th>test "
               "MAE</th><th>parameters</th><th>MACs</th>"
               "<th>latency, ms</th><th>p10–p90, ms</th>",
               body);
}

/// A table of scores as bars with their standard errors, and of what happened to each module.
[[nodiscard]] inline std::string modules_table(const PruningReport& report) {
  double low = 0, high = 0;
  bool errors = false;
  for (const ReportModule& m : report.modules) {
    if (!std::isfinite(m.score)) continue;
    const double error = std::isfinite(m.error) ? m.error : 0;
    errors |= std::isfinite(m.error);
    low = std::min(low, m.score - error), high = std::max(high, m.score + error);
  }
  const int exponent = shared_exponent(std::max(-low, high));
  const double unit = std::pow(10.0, exponent);
  const auto share = [&](double size) {
    return fixed(high > low ? 100 * size / (high - low) : 0, 2);
  };
  std::string body;
  for (std::size_t i = 0; i < report.modules.size(); ++i) {
    const ReportModule& m = report.modules[i];
    std::string bar;
    if (std::isfinite(m.score)) {
      bar = message("<i style='left:", share(std::min(m.score, 0.0) - low),
                    "%;width:", share(std::abs(m.score)), "%'></i>");
      if (std::isfinite(m.error))
        bar.append(message("<b style='left:", share(m.score - m.error - low),
                           "%;width:", share(2 * m.error), "%'></b>"));
    }
    body.append(message("<tr", m.kept ? "" : " class='removed'", "><td>", i,
                        "</td><td class='left name'>", breakable(m.name),
                        "</td><td class='bars'><span class='bar'>", bar, "</span></td>",
                        cell(typeset(fixed(m.score / unit, 3)))));
    if (errors)
      body.append(
          cell(std::isfinite(m.error) ? message("±&#160;", fixed(m.error / unit, 3)) : "–"));
    body.append(message("<td class='left'>", fate(m), "</td></tr>\n"));
  }
  std::string html =
      table("Modules",
            message("<th>no.</th><th class='left'>module</th><th></th><th>score",
                    in_powers_of_ten(exponent), "</th>", errors ? "<th>std. error</th>" : "",
                    "<th class='left'>result</th>"),
            body);
  for (const ReportTie& tie : report.ties) {
    html.append(message("<p>Modules ", tie.first, " and ", tie.second, " cannot be told apart"));
    if (std::isfinite(tie.probability))
      html.append(": their order is as ranked with probability ").append(fixed(tie.probability, 2));
    const std::size_t count = report.modules.size();
    const bool split = tie.first < count && tie.second < count &&
                       report.modules[tie.first].kept != report.modules[tie.second].kept;
    html.append(split ? ". One was removed and the other kept: that choice is open to chance.</p>\n"
                      : ".</p>\n");
  }
  for (const OutOfOrder& pair : report.out_of_order)
    html.append(message("<p>", as_sentence(out_of_order_text(pair)), "</p>\n"));
  if (const std::string epochs = epochs_text(report); !epochs.empty())
    html.append(message("<p class='note'>", as_sentence(epochs), "</p>\n"));
  return html;
}

[[nodiscard]] inline std::string zero_shot_table(const PruningReport& report) {
  std::string body;
  for (const ReportZeroShot& set : report.zero_shot)
    body.append(
        message("<tr><th class='left' scope='row'>", escaped(set.name), "</th>",
                cell(typeset(fixed(set.reference_mse, 4))), cell(typeset(fixed(set.pruned_mse, 4))),
                cell(change_html(set.reference_mse, set.pruned_mse, "span")),
                cell(typeset(fixed(set.reference_mae, 4))), cell(typeset(fixed(set.pruned_mae, 4))),
                cell(change_html(set.reference_mae, set.pruned_mae, "span")), "</tr>\n"));
  return table("Other test sets",
               "<th class='left'>test set</th><th>reference MSE</th><th>pruned "
               "MSE</th><th>change</th><th>reference MAE</th>"
               "<th>pruned MAE</th><th>change</th>",
               body);
}

}  // namespace detail

}  // namespace spat
