// The report as text.
#include <spat/report/text_report.hpp>

#include <tests/report/example.hpp>
#include <tests/report/lines.hpp>
#include <tests/support/catch.hpp>

namespace text_report_tests {

using namespace spat;

TEST_CASE("columns of the text stand under their titles") {
  const std::string text = to_text(full_report());
  CHECK(line_of(text, "model ") == "model      iTransformer");
  CHECK(line_of(text, "budget") == "budget     MACs -35 %");
  CHECK(line_of(text, "scaled") == "scaled by  the training part");
  CHECK(line_of(text, "cells") ==
        "cells      0.3 % have no number in the file and count in no error");
  CHECK(line_of(text, "naive MSE").starts_with("naive MSE, season 24          0.4500 "));
  CHECK(line_of(text, "module ") == "module           score    std. error");
  CHECK(line_of(text, "layers.0") == "layers.0    3.0000e-06       1.0e-07   kept");
  CHECK(line_of(text, "layers.1") == "layers.1    2.0000e-06       2.0e-07   removed");
  CHECK(line_of(text, "layers.2") == "layers.2             -             -   kept");
  CHECK(line_of(text, "modules 0") ==
        "modules 0 and 1 cannot be told apart: as ranked with probability 0.61");
  CHECK(line_of(text, "module 1 was removed in place of module 0") ==
        "module 1 was removed in place of module 0, whose score is lower: the two lie within the "
        "standard error of the lower score, so they cannot be told apart, and the deeper one goes");
  CHECK(line_of(text, "module 1 was removed in place of module 2") ==
        "module 1 was removed in place of module 2, whose score is lower: one of its kind has to "
        "stay, and it is the last one");
  CHECK(line_of(text, "scores are") ==
        "scores are those after epoch 7 of the training, weights those of epoch 4, the best one");
  CHECK(line_of(text, "no longer") == "no longer reaches the forecast: time marks");
  CHECK(line_of(text, "   ") ==
        "                               dense    fine-tuned        pruned     change");
  CHECK(line_of(text, "test MSE") ==
        "test MSE                      0.4000        0.3900        0.3861     -1.0 %");
  CHECK(line_of(text, "  before") ==
        "  before fine-tuning                                      0.4400    +10.0 %");
  CHECK(line_of(text, "MACs per") ==
        "MACs per window                20000         20000         13000    -35.0 %");
  CHECK(line_of(text, "latency") ==
        "latency ms, median            2.0000                      1.5000    -25.0 %");
  CHECK(line_of(text, "reference") ==
        "reference: dense, fine-tuned (validation loss 0.5200 as trained, 0.5100 after 5 epochs of "
        "fine-tuning; the pruned model had 6 epochs)");
  CHECK(line_of(text, "zero") ==
        "zero-shot           reference MSE     pruned MSE         change  reference MAE     pruned "
        "MAE         change");
  CHECK(line_of(text, "ETTh2") ==
        "ETTh2                      0.3000         0.3300        +10.0 %         0.3500         "
        "0.3500         +0.0 %");
  CHECK(text.ends_with("\nreference: dense, fine-tuned\n"));
}

TEST_CASE("a model that does not beat the naive forecast says so first") {
  PruningReport report = full_report();
  CHECK(to_text(report).starts_with("model "));
  report.naive->mse = 0.38;
  CHECK(to_text(report).starts_with(
      "The pruned model does not beat the seasonal naive (season 24) forecast: its test MSE is "
      "0.3861, that of the naive forecast 0.3800.\n"));
  report.naive->season = 1, report.modules.clear();
  CHECK(to_text(report).starts_with(
      "The model does not beat the naive (last value) forecast: its test MSE is 0.4000"));
}

TEST_CASE("the text compares with the reference alone, and says which it is") {
  PruningReport report = full_report();  // 0.40 as trained, 0.39 fine-tuned, 0.3861 pruned
  report.dense_tuned->mse = 0.45;        // a worse test error decides nothing
  CHECK(line_of(to_text(report), "test MSE").ends_with("    -14.2 %"));
  report.reference.model = DenseModel::as_trained;
  CHECK(line_of(to_text(report), "test MSE").ends_with("     -3.5 %"));
  CHECK(line_of(to_text(report), "test MAE").ends_with("     -2.4 %"));
  CHECK(line_of(to_text(report), "reference").starts_with("reference: dense, as trained (val"));
  CHECK(to_text(report).ends_with("\nreference: dense, as trained\n"));
  report.dense_tuned.reset(), report.pruned_only.reset();
  CHECK(line_of(to_text(report), "reference") ==
        "reference: dense, as trained, because the pruned model was not fine-tuned either");
  CHECK(line_of(to_text(report), "  before") == "no such line");
  report.reference = {};
  report.zero_shot.clear();
  CHECK(line_of(to_text(report), "reference") ==
        "reference: none, because modules were removed during the training and no dense model was "
        "trained; a training without removals has as many epochs in total and can be compared "
        "with");
}

TEST_CASE("a pruned model that loses nothing more is no pruning") {
  PruningReport report = full_report();
  report.modules[1].before = false;
  report.dense_tuned.reset(), report.pruned_only.reset(), report.zero_shot.clear();
  CHECK_FALSE(report.prunes());
  const std::string text = to_text(report);
  CHECK(line_of(text, "layers.1").ends_with("   removed earlier"));
  for (const char* words : {"before fine-tuning", "change", "reference"})
    CHECK(text.find(words) == std::string::npos);
}

TEST_CASE("a model that loses nothing is reported alone") {
  PruningReport report;
  report.dense = {0.4, 0.41, {10, 20}, {}};
  report.modules = {{"layers.0", 0.5}};
  const std::string text = to_text(report);
  CHECK(line_of(text, "module ") == "module           score");
  CHECK(line_of(text, "layers.0") == "layers.0    5.0000e-01   kept");
  CHECK(line_of(text, "test MSE") == "test MSE                      0.4000");
  CHECK(text.find("change") == std::string::npos);
  CHECK(text.find("in place of") == std::string::npos);
  CHECK(text.find("scores are") == std::string::npos);
  CHECK(line_of(to_text({}), "test MSE") == "test MSE                      0.0000");
}

}  // namespace text_report_tests
