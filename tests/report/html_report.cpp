// The report as HTML: well-formed, escaped, self-contained, and clear about what pruning did.
#include <spat/report/html_report.hpp>

#include <tests/report/example.hpp>
#include <tests/report/markup.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>

namespace html_report_tests {

using namespace spat;

namespace {

/// The page without the style sheet, which contains words of its own.
std::string page_of(const PruningReport& report) {
  const std::string html = to_html(report);
  CAPTURE(fault_of_markup(html));
  CHECK(fault_of_markup(html).empty());
  CHECK(count_of("nan", html.substr(html.find("</style>"))) == 0);
  return html.substr(html.find("</style>"));
}

}  // namespace

TEST_CASE("the checker of markup finds faults") {
  const auto fault = [](const std::string& body) {
    return fault_of_markup("<!DOCTYPE html>" + body);
  };
  CHECK(fault("<p class='a'>x &amp; y<wbr></p><line x='1'/>").empty());
  CHECK(fault("<style>a > b {}</style>").empty());
  for (const char* bad : {"<p>", "</p>", "<p><b></p></b>", "a < b", "a > b", "a & b",
                          "<p class=a></p>", "<p class='a></p>", "<p class='<'></p>",
                          "<p class='&'></p>", "<p hidden></p>", "<style>", "<p"})
    CHECK_FALSE(fault(bad).empty());
  CHECK_FALSE(fault_of_markup("<p></p>").empty());
}

TEST_CASE("a full report has all of its sections") {
  const std::string html = page_of(full_report());
  for (const char* title : {"Before and after", "Modules", "Scores during training", "Training",
                            "Loss against latency", "Forecasts", "Error by step",
                            "Other test sets, without training on them", "How to reproduce"})
    CHECK(count_of(std::string("<h2>").append(title).append("</h2>"), html) == 1);
  CHECK(count_of("<svg", html) == 10);  // five charts, each wide and narrow
  CHECK(contains(html, "<h1>iTransformer · ETTh1</h1>"));
  CHECK(contains(html, "SEND, signed sum · MACs -35 % · one-shot · seed 7"));
  CHECK(contains(
      html,
      "Modules 0 and 1 cannot be told apart: their order is as ranked with probability 0.61."));
  CHECK(contains(html,
                 "<p>Module 1 was removed in place of module 0, whose score is lower: the two "
                 "lie within the standard error of the lower score"));
  CHECK(contains(html,
                 "<p>Module 1 was removed in place of module 2, whose score is lower: one of "
                 "its kind has to stay, and it is the last one.</p>"));
  CHECK(contains(html,
                 "Scores are those after epoch 7 of the training, weights those of epoch 4, "
                 "the best one.</p>"));
  CHECK(contains(html, "One was removed and the other kept"));
  CHECK(contains(html, "No longer reaches the forecast: time marks."));
  CHECK(contains(html, "score in 10⁻⁶"));
  CHECK(contains(html, "101: 1.500 ms, loss 0.5100"));
  CHECK(contains(html, "MSE of this window: dense, fine-tuned 0.5, pruned 0.5"));
  CHECK(contains(html, "<small class='bad'>+10.0&#160;%</small>"));   // before fine-tuning
  CHECK(contains(html, "<small class='good'>−25.0&#160;%</small>"));  // latency
  CHECK(contains(html, "<span class='even'>+0.0&#160;%</span>"));     // zero-shot MAE
  CHECK(contains(html, "spat run --seed 7"));
  CHECK(contains(html, "<p>Seed 7, run 00ff. The same build"));
}

TEST_CASE("an empty report is a page without charts") {
  const std::string html = page_of({});
  CHECK(contains(html, "Nothing was removed"));
  CHECK(count_of("<h2>", html) == 2);
  CHECK(count_of("<svg", html) == 0);
}

TEST_CASE("nothing comes from elsewhere, and nothing runs") {
  const std::string html = to_html(full_report());
  for (const char* part :
       {"http:", "https:", "//", "url(", "@import", "<script", "<link", "<img", "src=", "xmlns"})
    CHECK_FALSE(contains(html, part));
}

TEST_CASE("names and the command are escaped everywhere") {
  const std::string evil = "<b>&\"'\xFF\x01", safe = "&lt;b&gt;&amp;&quot;&#39;ÿ\uFFFD";
  PruningReport report = full_report();
  for (std::string* text :
       {&report.command, &report.model, &report.data, &report.criterion, &report.budget,
        &report.schedule, &report.modules[0].name, &report.dead_parts[0],
        &report.forecasts[0].channel, &report.zero_shot[0].name})
    *text = evil;
  const std::string html = page_of(report);
  CHECK_FALSE(contains(html, "<b>&"));
  // Model and data appear in title and heading; the channel as a heading and as the title of two
  // charts.
  CHECK(count_of(safe, to_html(report)) == 2 * 2 + 3 + 1 + 1 + 1 + 3 + 1);
}

TEST_CASE("a report of numbers that are none is a page") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  PruningReport report = full_report();
  report.dense.mse = report.pruned.mse = report.pruned.latency.median = nan;
  for (ReportModule& module : report.modules) module.score = module.error = infinity;
  report.ties[0].probability = nan;
  for (auto& scores : report.trajectory) scores.assign(3, nan);
  report.stability = {nan};
  report.epochs = {{epoch_record(1, nan, infinity), false, {}}};
  report.candidates = {{{{1}, nan, 1}}, {{{2}, 1, infinity}}};
  report.forecasts = {{"OT", {nan}, {nan}, {}, {infinity}}, {"empty", {}, {}, {}, {}}};
  report.error_by_step = {{nan}, {}};
  report.zero_shot = {{"x", nan, nan, nan, nan}};
  const std::string html = page_of(report);
  CHECK(contains(html, "cannot be told apart."));
  CHECK_FALSE(contains(html, "<h2>Loss against latency</h2>"));  // no candidate has both numbers
  CHECK_FALSE(contains(html, "The test MSE is"));
}

TEST_CASE("the page compares with the reference alone, and says which it is") {
  PruningReport report = full_report();  // 0.40 as trained, 0.39 fine-tuned, 0.3861 pruned
  std::string html = page_of(report);
  CHECK_FALSE(contains(detail::rows_table(report), "3.5"));
  CHECK(contains(html, ">dense, fine-tuned (reference)</th>"));
  CHECK(contains(html,
                 "<p class='note'>Reference: dense, fine-tuned (validation loss 0.5200 as trained, "
                 "0.5100 after 5 epochs of fine-tuning; the pruned model had 6 epochs). Less is"));
  CHECK(contains(html, "<p class='note'>Reference: dense, fine-tuned.</p>"));  // zero-shot
  CHECK(contains(detail::zero_shot_table(report), "<th>reference MSE</th>"));
  const auto names = [&](const Chart& chart) {
    std::string text;
    for (const ChartSeries& line : chart.series) text.append(line.name).append("|");
    return text;
  };
  const std::string name = detail::reference_name(report);
  CHECK(names(detail::step_chart(report.error_by_step, name)) == "dense, fine-tuned|pruned|");
  CHECK(names(detail::forecast_chart(report.forecasts[0], name)) ==
        "history|truth|dense, fine-tuned|pruned|");

  report.reference.model = DenseModel::as_trained;
  html = page_of(report);
  CHECK(contains(detail::rows_table(report), "3.5"));
  CHECK(contains(html, ">dense (reference)</th>"));
  CHECK(contains(html, "MSE of this window: dense, as trained 0.5"));
  CHECK(contains(html, "<p class='note'>Reference: dense, as trained.</p>"));
  CHECK_FALSE(contains(html, "Reference: dense, fine-tuned"));
  report.dense_tuned.reset();
  CHECK(contains(page_of(report),
                 "Reference: dense, as trained, because the pruned model was not fine-tuned eith"));

  report.reference = {}, report.zero_shot.clear(), report.forecasts.clear();
  report.dense.mse = report.dense.mae = std::nan("");
  html = page_of(report);
  CHECK(contains(html, "Reference: none, because modules were removed during the training"));
  CHECK_FALSE(contains(html, "(reference)"));
  CHECK_FALSE(contains(html, "against the dense model as trained"));
}

TEST_CASE("a page without removals compares nothing") {
  PruningReport report = full_report();
  report.modules[1].before = false;
  report.dense_tuned.reset(), report.pruned_only.reset(), report.zero_shot.clear();
  report.forecasts.clear(), report.error_by_step = {};
  const std::string html = page_of(report);
  CHECK(contains(html, "Nothing was removed"));
  CHECK(contains(html, "<td class='left'>removed earlier</td>"));
  for (const char* words : {"before fine-tuning</th>", "eference", "−100.0"})
    CHECK_FALSE(contains(html, words));
}

TEST_CASE("bars of errors lie inside the chart of scores") {
  PruningReport report = full_report();
  report.trajectory_errors = {{3e-6, 5e-6, std::nan("")}, {1e-7, std::nan(""), 1}};
  const auto chart = detail::trajectory_chart(report);
  for (const double end : {4e-6 + 3e-6, 4e-6 - 3e-6, 3e-6 + 5e-6, 3e-6 - 5e-6}) {
    CHECK(chart.y.place(end) >= 0);
    CHECK(chart.y.place(end) <= 1);
  }
  CHECK(chart.y.place(1e-4) > 1);  // the error bar of a missing score widens nothing
}

TEST_CASE("one epoch, one candidate, one step and constants are drawn") {
  PruningReport report = full_report();
  report.trajectory = {{1, 1, 1}};
  report.epochs = {{epoch_record(1, 0.5, 0.5), false, {0}}};
  report.candidates = {{{{0b101}, 0.5, 1, true}, true}};
  report.forecasts = {{"OT", {2}, {2}, {2}, {2}}};
  report.error_by_step = {{0.3}, {0.3}};
  CHECK(count_of("<svg", page_of(report)) == 10);
}

TEST_CASE("a page says first that a model does not beat the naive forecast") {
  PruningReport report = full_report();
  CHECK(contains(to_html(report), "<th class='left' scope='row'>seasonal naive (season 24)</th>"));
  CHECK(contains(to_html(report), "0.3 % have no number in the file"));
  CHECK(contains(to_html(report), "scaled by the training part"));
  CHECK_FALSE(contains(to_html(report), "does not beat"));
  report.naive->mse = 0.38;
  CHECK(contains(
      to_html(report),
      "<p class='headline'>The pruned model does not beat the seasonal naive (season 24)"));
}

TEST_CASE("the first sentence says what was removed, what it cost and what it won") {
  using detail::headline;
  PruningReport report = full_report();
  CHECK(headline(report) ==
        "1 of 3 modules was removed (1). The test MSE is 1.0&#160;% lower than the dense model’s "
        "after as much fine-tuning "
        "(0.3900 → 0.3861). A forecast takes 35.0&#160;% fewer MACs; as measured, it takes "
        "25.0&#160;% less time "
        "(2.000 → 1.500&#160;ms).");
  report.reference.model = DenseModel::as_trained;
  CHECK(contains(headline(report), "is 3.5&#160;% lower than the dense model’s (0.4000 → 0.3861)"));
  report.pruned.mse = 0.40001;
  CHECK(contains(headline(report), "The test MSE is the same as the dense model’s"));
  report.pruned.mse = 0.42;
  CHECK(contains(headline(report),
                 "That made the forecasts worse: the test MSE is 5.0&#160;% higher than"));
  CHECK_FALSE(contains(headline(report), "nothing was won"));
  report.pruned.latency.median = 2.1;
  CHECK(contains(headline(report), "it takes 5.0&#160;% more time"));
  CHECK(contains(headline(report), "On this machine nothing was won by it."));
  report.pruned.latency = {};
  CHECK(contains(headline(report), "its latency was not measured."));
}

TEST_CASE("no test error decides which dense model the reference is") {
  PruningReport report = full_report();
  CHECK(report.reference_row().mse == 0.39);
  report.dense_tuned->mse = 0.41;
  CHECK(report.reference_row().mse == 0.41);
  report.reference.model = DenseModel::as_trained;
  CHECK(report.reference_row().mse == 0.40);
}

}  // namespace html_report_tests
