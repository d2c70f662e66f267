// report. What a backtest found, with what a reader has to know of it, and its verdict in words.
#pragma once

#include <spat/core/text.hpp>
#include <spat/report/number_text.hpp>
#include <spat/train/backtest_result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A backtest and where it comes from. Texts may be empty.
struct BacktestReport {
  explicit BacktestReport(Backtest found) : backtest(std::move(found)) {}

  Backtest backtest;
  std::string model = {}, data = {};
  std::string command = {};                   // that makes the backtest again
  std::string frequency = {};                 // the name of the calendar
  std::string scaler = {};                    // whose it is: "that of the model"
  std::string units = "units of the series";  // of MAE, RMSE and widths
};

/// Whether the model forecasts better than the baseline of a backtest: by MASE, or by sMAPE if no
/// channel has a MASE. Both are NaN in a backtest without numbers to compare.
struct BacktestVerdict {
  const char* measure = "MASE";
  double model = 0, baseline = 0;

  [[nodiscard]] bool possible() const { return std::isfinite(model) && std::isfinite(baseline); }
  [[nodiscard]] bool beats() const { return possible() && model < baseline; }
};

[[nodiscard]] inline BacktestVerdict verdict_of(const Backtest& backtest) {
  const BacktestMethod* const baseline = backtest.baseline();
  if (backtest.methods.empty() || baseline == nullptr)
    return {.model = std::nan(""), .baseline = std::nan("")};
  const BacktestErrors &a = backtest.methods.front().errors.overall(),
                       &b = baseline->errors.overall();
  if (std::isfinite(a.mase) && std::isfinite(b.mase)) return {"MASE", a.mase, b.mase};
  return {"sMAPE", a.smape, b.smape};
}

namespace detail {

/// The name of a method for people: that of the model, and the season of the seasonal naive.
[[nodiscard]] inline std::string method_name(const BacktestReport& report,
                                             const BacktestMethod& method) {
  if (method.name == Backtest::model && !report.model.empty()) return report.model;
  if (method.name != Backtest::seasonal_naive) return method.name;
  return message(method.name, " (season ", report.backtest.season, ")");
}

/// Two numbers that are compared, with as many decimals as show which is larger, six at most.
[[nodiscard]] inline std::pair<std::string, std::string> apart(double a, double b) {
  for (int decimals = 2;; ++decimals) {
    const std::string one = fixed(a, decimals), other = fixed(b, decimals);
    if ((one != other && std::min(a, b) >= 0.095) || a == b || decimals == 6) return {one, other};
    if (one != other && decimals >= 4) return {one, other};
  }
}

/// Numbers of a column in the units of a series: `decimals` of them, or digits and an exponent.
class UnitText {
 public:
  /// For these numbers: four digits of the smallest that is not 0.
  explicit UnitText(const std::vector<double>& numbers) {
    double smallest = 0, largest = 0;
    for (const double number : numbers) {
      if (!std::isfinite(number) || number == 0) continue;
      const double size = std::abs(number);
      smallest = smallest == 0 ? size : std::min(smallest, size);
      largest = std::max(largest, size);
    }
    if (smallest == 0) return;
    scientific_ = largest >= 1e9 || largest < 1e-4;
    decimals_ = std::clamp(3 - static_cast<int>(std::floor(std::log10(smallest))), 0, 6);
  }
  [[nodiscard]] std::string operator()(double number) const {
    return scientific_ ? scientific(number, 3) : fixed(number, decimals_);
  }

 private:
  bool scientific_ = false;
  int decimals_ = 3;
};

/// The MAE of the model is lower than the baseline's in so many of the channels, or at so many of
/// the steps.
struct BacktestWins {
  std::size_t channels = 0, of_channels = 0, steps = 0, of_steps = 0;
};
[[nodiscard]] inline BacktestWins wins_of(const Backtest& backtest) {
  BacktestWins wins;
  const BacktestMethod* const baseline = backtest.baseline();
  if (backtest.methods.empty() || baseline == nullptr) return wins;
  const auto &a = backtest.methods.front().errors, &b = baseline->errors;
  const auto count = [](const BacktestErrors& one, const BacktestErrors& other, std::size_t& won,
                        std::size_t& of) {
    if (!std::isfinite(one.mae) || !std::isfinite(other.mae)) return;
    ++of;
    if (one.mae < other.mae) ++won;
  };
  for (std::size_t c = 0; c < a.channels; ++c)
    count(a.of_channel(c), b.of_channel(c), wins.channels, wins.of_channels);
  for (std::size_t t = 0; t < a.horizon; ++t)
    count(a.of_step(t), b.of_step(t), wins.steps, wins.of_steps);
  return wins;
}

/// The number of channels that have a MASE.
[[nodiscard]] inline std::size_t scaled_channels(const Backtest& backtest) {
  return static_cast<std::size_t>(
      std::ranges::count_if(backtest.scales, [](double scale) { return std::isfinite(scale); }));
}

/// "12 origins from 2024-01-01 to 2024-01-12, 24 rows apart"; the rows without times.
[[nodiscard]] inline std::string origins_text(const Backtest& backtest) {
  const std::size_t count = backtest.origins.size();
  if (count == 0) return "none";
  const bool times = !backtest.first_time.empty();
  const auto place = [&](const std::string& time, std::size_t row) {
    return times ? time : message("row ", row);
  };
  if (count == 1) return message("1, ", place(backtest.first_time, backtest.origins.front()));
  return message(count, " from ", place(backtest.first_time, backtest.origins.front()), " to ",
                 place(backtest.last_time, backtest.origins.back()), ", every ",
                 backtest.step == 1 ? "row" : message(backtest.step, " rows"));
}

/// How the figures are to be read, one sentence each.
[[nodiscard]] inline std::vector<std::string> backtest_notes(const BacktestReport& report) {
  const Backtest& found = report.backtest;
  const std::size_t channels = found.channels.size(), scaled = scaled_channels(found);
  const bool many = channels > 1;
  std::vector<std::string> notes;
  std::string mase =
      message("MASE is the MAE divided by the mean error of ",
              found.season > 1 ? message("a seasonal naive forecast (season ", found.season, ")")
                               : "a forecast by the row before",
              " on the rows before the first origin",
              many ? "; of all channels, the mean over those that have one" : "", ".");
  if (scaled < channels)
    mase.append(message(" ", channels - scaled, " of ", channels,
                        channels == 1 ? " channel" : " channels",
                        channels - scaled == 1 ? " has" : " have",
                        " none: constant before the first origin, or too few rows."));
  notes.push_back(mase);
  if (many)
    notes.push_back(
        message("The sMAPE of all channels is the mean over channels. MAE and RMSE of all channels "
                "are over all numbers, in ",
                report.units, ", which may differ between channels."));
  if (found.long_season > 0)
    notes.push_back(message("The calendar's season of ", found.long_season,
                            " rows is longer than what comes before the first origin, so there is "
                            "no seasonal naive forecast."));
  notes.push_back(
      found.known_covariates
          ? "No forecast reads the target at or after its origin; covariates are known, "
            "and those that came are read."
          : "No forecast reads a row at or after its origin.");
  if (found.filled > 0)
    notes.push_back(message(found.filled, found.filled == 1 ? " number" : " numbers",
                            " to forecast that the file does not have count",
                            found.filled == 1 ? "s" : "", " in no figure."));
  if (found.left_out > 0)
    notes.push_back(message(found.left_out, found.left_out == 1 ? " origin" : " origins",
                            " whose windows hold cells without a number ",
                            found.left_out == 1 ? "is" : "are", " left out."));
  return notes;
}

}  // namespace detail

/// The verdict in a sentence: "iTransformer beats the seasonal naive (season 24): MASE 0.71 against
/// 0.93, 24 % lower."
[[nodiscard]] inline std::string headline(const BacktestReport& report) {
  const BacktestVerdict verdict = verdict_of(report.backtest);
  if (!verdict.possible())
    return "There are no numbers to compare the model with a naive forecast by.";
  const BacktestMethod& baseline = *report.backtest.baseline();
  const auto [model, other] = detail::apart(verdict.model, verdict.baseline);
  const double change = detail::percent_change(verdict.baseline, verdict.model);
  std::string text = message(report.model.empty() ? "The model" : report.model,
                             verdict.beats() ? " beats" : " does not beat", " the ",
                             detail::method_name(report, baseline), ": ", verdict.measure, " ",
                             model, " against ", other);
  if (verdict.model == verdict.baseline) return text.append(", no difference.");
  if (std::isfinite(change)) {
    const std::string size = fixed(std::abs(change), 0);
    text.append(size == "0" ? ", less than 1" : message(", ", size));
    text.append(change < 0 ? " % lower" : " % higher");
  }
  return text.append(".");
}

/// In how many channels and at how many steps the MAE of the model is the lower one. Empty with one
/// channel and one step.
[[nodiscard]] inline std::string wins_text(const BacktestReport& report) {
  const detail::BacktestWins wins = detail::wins_of(report.backtest);
  std::string text;
  if (wins.of_channels > 1)
    text.append(message("in ", wins.channels, " of ", wins.of_channels, " channels"));
  if (wins.of_steps > 1)
    text.append(
        message(text.empty() ? "" : " and ", "at ", wins.steps, " of ", wins.of_steps, " steps"));
  return text.empty() ? text : message("Its MAE is lower ", text, ".");
}

}  // namespace spat
