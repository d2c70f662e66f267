// The report of a backtest: its verdict, and the same figures as text, CSV and JSON.
#include <spat/io/csv.hpp>
#include <spat/report/backtest_text.hpp>

#include <nlohmann/json.hpp>

#include <tests/report/backtest_example.hpp>
#include <tests/report/lines.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <cmath>
#include <limits>
#include <sstream>

namespace backtest_report_tests {

using namespace spat;
using namespace backtest_report_example;
using nlohmann::json;

TEST_CASE("the first sentence says whether the model beats the seasonal naive") {
  BacktestReport report = full();
  CHECK(headline(report) ==
        "iTransformer beats the seasonal naive (season 24): MASE 0.71 against 0.93, 24 % lower.");
  CHECK(verdict_of(report.backtest).beats());
  CHECK(to_text(report).starts_with(headline(report)));
  mase_of(report, 0) = 0.98;
  CHECK(headline(report) ==
        "iTransformer does not beat the seasonal naive (season 24): MASE 0.98 against 0.93, 5 % "
        "higher.");
  CHECK_FALSE(verdict_of(report.backtest).beats());
  CHECK(to_text(report).starts_with(headline(report)));
  mase_of(report, 0) = 0.93;
  CHECK(contains(headline(report),
                 "does not beat the seasonal naive (season 24): MASE 0.93 "
                 "against 0.93, no difference."));
  mase_of(report, 0) = 0.9299;
  CHECK(contains(headline(report), " beats "));
  CHECK(contains(headline(report), "MASE 0.9299 against 0.9300, less than 1 % lower."));
  mase_of(report, 0) = 0, report.model.clear();
  CHECK(contains(headline(report), "The model beats"));
  CHECK(contains(headline(report), "100 % lower."));

  // without a season, the naive
  report = full();
  report.backtest.season = 1;
  report.backtest.methods.erase(report.backtest.methods.begin() + 2);
  CHECK(headline(report) == "iTransformer beats the naive: MASE 0.71 against 1.20, 41 % lower.");

  // without a MASE, sMAPE; without numbers, nothing
  report = full();
  for (std::size_t m = 0; m < 4; ++m) mase_of(report, m) = std::nan("");
  CHECK(headline(report) ==
        "iTransformer beats the seasonal naive (season 24): sMAPE 7.10 against 9.30, 24 % lower.");
  report.backtest.methods[0].errors.cells.back().smape = std::nan("");
  CHECK(contains(headline(report), "no numbers to compare"));
  CHECK(contains(headline(BacktestReport(Backtest{})), "no numbers to compare"));
}

TEST_CASE("the text has one line for each method, and what is needed to read it") {
  const std::string text = to_text(full());
  CHECK(line_of(text, "Its MAE") == "Its MAE is lower in 2 of 2 channels and at 2 of 2 steps.");
  CHECK(line_of(text, "origins") == "origins    3 from 2024-01-05 to 2024-01-07, every 24 rows");
  CHECK(line_of(text, "window") == "window     lookback 96, horizon 2");
  CHECK(line_of(text, "trained") == "trained    anew before 2 origins");
  CHECK(line_of(text, "method ") ==
        "method                              MASE     sMAPE %         MAE        RMSE");
  CHECK(line_of(text, "iTransformer  ") ==
        "iTransformer                       0.710        7.10       15.20       21.30");
  CHECK(line_of(text, "seasonal naive") ==
        "seasonal naive (season 24)         0.930        9.30       19.60       27.90");
  CHECK(line_of(text, "drift") ==
        "drift                              2.500       25.00       51.00       75.00");
  CHECK(line_of(text, "     80 %") == "     80 %     72.0 %       48.00");
  CHECK(line_of(text, "     95 %") == "     95 %     87.0 %       55.50");
  CHECK(contains(text,
                 "MASE is the MAE divided by the mean error of a seasonal naive forecast "
                 "(season 24) on the rows before the first origin; of all channels, the mean "
                 "over those that have one."));
  CHECK(
      contains(text, "MAE and RMSE of all channels are over all numbers, in units of the series"));
  CHECK(contains(text, "1 number to forecast that the file does not have counts in no figure."));
  CHECK_FALSE(contains(text, "nan"));
}

TEST_CASE("what is not as usual is told") {
  BacktestReport report = full();
  report.backtest.scales[1] = std::nan("");
  report.backtest.left_out = 2, report.backtest.filled = 3, report.backtest.long_season = 168;
  report.backtest.season = 1;
  std::string text = to_text(report);
  CHECK(contains(text, "1 of 2 channels has none: constant before the first origin"));
  CHECK(contains(text, "2 origins whose windows hold cells without a number are left out."));
  CHECK(contains(text, "3 numbers to forecast that the file does not have count in no figure."));
  CHECK(contains(text, "The calendar's season of 168 rows is longer than"));
  CHECK(contains(text, "the mean error of a forecast by the row before on"));
  CHECK(contains(text, "No forecast reads a row at or after its origin."));
  report.backtest.known_covariates = true;
  CHECK(contains(to_text(report), "No forecast reads the target at or after its origin;"));
  CHECK(json::parse(to_json(report))["known_covariates"] == true);
  BacktestReport small = full(example({"one"}));
  small.backtest.origins = {100}, small.backtest.first_time.clear();
  small.backtest.retrained.clear(), small.backtest.filled = 0;
  text = to_text(small);
  CHECK(line_of(text, "origins") == "origins    1, row 100");
  CHECK(line_of(text, "Its MAE") == "Its MAE is lower at 2 of 2 steps.");
  for (const char* words : {"trained", "no figure", "all channels", "left out"})
    CHECK_FALSE(contains(text, words));
}

TEST_CASE("MAE and RMSE have the digits of their size") {
  using detail::UnitText;
  CHECK(UnitText({12345.6, 3})(12345.6) == "12345.600");
  CHECK(UnitText({1234567, 8e8})(1234567) == "1234567");
  CHECK(UnitText({0.01234, 5})(0.01234) == "0.01234");
  CHECK(UnitText({2e10, 1})(2e10) == "2.000e+10");
  CHECK(UnitText({2e-5})(2e-5) == "2.000e-05");
  CHECK(UnitText({0, std::nan("")})(0) == "0.000");
}

TEST_CASE("the CSV has a line for each method, channel and step, and reads back") {
  BacktestReport report = full();
  report.backtest.methods[0].errors.cells[0].mase = std::nan("");
  report.backtest.intervals[1].found.cells[0].mean_width = std::numeric_limits<double>::infinity();
  const std::string csv = to_csv(report);
  CHECK(
      csv.starts_with("method,channel,step,mae,rmse,smape,mase,forecasts,coverage_80,"
                      "mean_width_80,coverage_95,mean_width_95\n"
                      "model,\"load, MW\",1,14.2,"));
  std::istringstream stream(csv);
  CsvReader table(stream, "csv");
  CHECK(table.names().size() == 12);
  std::size_t lines = 0, alls = 0;
  do {
    const std::size_t m = lines / 9, c = lines / 3 % 3, t = lines % 3;
    const BacktestErrors& errors = report.backtest.methods[m].errors.at(c, t);
    CAPTURE(lines);
    CHECK(table.cell(0) == report.backtest.methods[m].name);
    CHECK(table.cell(1) == (c == 2 ? "all" : report.backtest.channels[c]));
    CHECK(table.cell(2) == (t == 2 ? "all" : std::to_string(t + 1)));
    CHECK(table.try_number(3) == errors.mae);
    CHECK(table.try_number(4) == errors.rmse);
    CHECK(table.try_number(5) == errors.smape);
    if (lines > 0) CHECK(table.try_number(6) == errors.mase);
    CHECK(table.try_number(7) == static_cast<double>(errors.forecasts));
    if (m == 0) {
      CHECK(table.try_number(8) == report.backtest.intervals[0].found.at(c, t).coverage);
      CHECK(table.try_number(9) == report.backtest.intervals[0].found.at(c, t).mean_width);
      CHECK(table.try_number(10) == report.backtest.intervals[1].found.at(c, t).coverage);
    } else {
      CHECK((table.cell(8).empty() && table.cell(11).empty()));
    }
    if (lines == 0) CHECK((table.cell(6).empty() && table.cell(11).empty()));
    if (c == 2 && t == 2) ++alls;
    ++lines;
  } while (table.next());
  CHECK((lines == 4 * 3 * 3 && alls == 4));
}

TEST_CASE("each figure is in the JSON") {
  BacktestReport report = full();
  report.backtest.scales[1] = std::nan("");
  json j = json::parse(to_json(report));
  CHECK(j["headline"] == headline(report));
  CHECK(j["verdict"] == json::parse(R"({"measure": "MASE", "model": 0.71, "baseline":
                          "seasonal naive", "baseline_error": 0.93, "beats": true})"));
  CHECK((j["model"] == "iTransformer" && j["data"] == "plant.csv" && j["frequency"] == "h"));
  CHECK((j["command"] == report.command && j["scaler"] == report.scaler));
  CHECK((j["units"] == "units of the series" && j["season"] == 24 && j["step"] == 24));
  CHECK((j["lookback"] == 96 && j["horizon"] == 2 && j["origins"] == 3 && j["filled"] == 1));
  CHECK(j["first_origin"] == json::parse(R"({"row": 100, "time": "2024-01-05"})"));
  CHECK(j["last_origin"] == json::parse(R"({"row": 148, "time": "2024-01-07"})"));
  CHECK(j["retrained"] == json::parse("[100, 148]"));
  CHECK(j["scales"] == json::parse("[2.0, null]"));
  CHECK((j["methods"].size() == 4 && j["intervals"].size() == 2));
  for (std::size_t m = 0; m < 4; ++m) {
    const json& method = j["methods"][m];
    const auto& errors = report.backtest.methods[m].errors;
    CHECK(method["name"] == report.backtest.methods[m].name);
    const auto check = [&](const json& found, const BacktestErrors& e) {
      CHECK((found["mae"] == e.mae && found["rmse"] == e.rmse && found["smape"] == e.smape));
      CHECK((found["mase"] == e.mase && found["forecasts"] == e.forecasts));
    };
    check(method["all_channels"], errors.overall());
    check(method["all_channels"]["steps"][1], errors.of_step(1));
    REQUIRE(method["channels"].size() == 2);
    CHECK((method["channels"][1]["name"] == "price" && method["channels"][1]["channel"] == 1));
    check(method["channels"][1], errors.of_channel(1));
    check(method["channels"][1]["steps"][0], errors.at(1, 0));
    CHECK(method["channels"][1]["steps"].size() == 2);
  }
  CHECK(j["intervals"][1]["level"] == 0.95);
  const auto& found = report.backtest.intervals[1].found;
  CHECK(j["intervals"][1]["all_channels"]["coverage"] == found.overall().coverage);
  CHECK(j["intervals"][1]["channels"][0]["steps"][1]["mean_width"] == found.at(0, 1).mean_width);

  mase_of(report, 0) = 1, report.model = "a\xFF\"";
  CHECK(json::parse(to_json(report))["verdict"]["beats"] == false);
  j = json::parse(to_json(BacktestReport(Backtest{})));
  CHECK(j["verdict"]["beats"].is_null());
  CHECK((j["methods"] == json::array() && j["origins"] == 0));
}

}  // namespace backtest_report_tests
