// report. A backtest as text for a first look, and as CSV and JSON for programs.
#pragma once

#include <spat/data/series_csv.hpp>
#include <spat/report/backtest_report.hpp>
#include <spat/report/json_report.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A column of numbers of all methods, in the units of the series.
[[nodiscard]] inline UnitText unit_text(const Backtest& backtest, double BacktestErrors::*measure) {
  std::vector<double> numbers;
  for (const BacktestMethod& method : backtest.methods)
    numbers.push_back(method.errors.overall().*measure);
  return UnitText(numbers);
}

inline void append_methods(std::string& text, const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  std::size_t widest = 6;
  for (const BacktestMethod& method : backtest.methods)
    widest = std::max(widest, characters(method_name(report, method)));
  text.append(padded("method", widest + 2, true));
  for (const char* title : {"MASE", "sMAPE %", "MAE", "RMSE"}) text.append(padded(title, 12));
  text.append("\n");
  const UnitText mae = unit_text(backtest, &BacktestErrors::mae),
                 rmse = unit_text(backtest, &BacktestErrors::rmse);
  for (const BacktestMethod& method : backtest.methods) {
    const BacktestErrors& errors = method.errors.overall();
    text.append(padded(method_name(report, method), widest + 2, true));
    for (const std::string& cell :
         {fixed(errors.mase, 3), fixed(errors.smape, 2), mae(errors.mae), rmse(errors.rmse)})
      text.append(padded(cell, 12));
    text.append("\n");
  }
}

inline void append_intervals(std::string& text, const BacktestReport& report) {
  if (report.backtest.intervals.empty()) return;
  text.append("\nintervals      cover  mean width\n");
  std::vector<double> widths;
  for (const BacktestInterval& one : report.backtest.intervals)
    widths.push_back(one.found.overall().mean_width);
  const UnitText width(widths);
  for (const BacktestInterval& one : report.backtest.intervals) {
    const BacktestCoverage& found = one.found.overall();
    text.append(padded(message(std::round(one.level * 1e6) / 1e4, " %"), 9))
        .append(padded(message(fixed(100 * found.coverage, 1), " %"), 11))
        .append(padded(width(found.mean_width), 12))
        .append("\n");
  }
}

/// A number with the fewest digits that read back as the same one; nothing for one that is not
/// finite.
[[nodiscard]] inline std::string csv_number(double value) {
  return std::isfinite(value) ? message(value) : std::string();
}

/// Members for the errors of one cell of the table.
inline void write_figures(JsonWriter& json, const BacktestErrors& errors) {
  json.member("mae", errors.mae);
  json.member("rmse", errors.rmse);
  json.member("smape", errors.smape);
  json.member("mase", errors.mase);
  json.member("forecasts", errors.forecasts);
}
inline void write_figures(JsonWriter& json, const BacktestCoverage& found) {
  json.member("coverage", found.coverage);
  json.member("mean_width", found.mean_width);
}

/// Members for one channel of a table: those over all steps, and an object for each step.
template <class Figures>
void write_channel(JsonWriter& json, const BacktestTable<Figures>& table, std::size_t channel) {
  write_figures(json, table.of_channel(channel));
  json.member("steps", [&] {
    json.array([&] {
      for (std::size_t t = 0; t < table.horizon; ++t)
        json.object([&] { write_figures(json, table.at(channel, t)); });
    });
  });
}
template <class Figures>
void write_table(JsonWriter& json, const std::vector<std::string>& names,
                 const BacktestTable<Figures>& table) {
  json.member("all_channels",
              [&] { json.object([&] { write_channel(json, table, names.size()); }); });
  json.member("channels", [&] {
    json.array([&] {
      for (std::size_t c = 0; c < names.size(); ++c)
        json.object([&] {
          json.member("name", names[c]);
          json.member("channel", c);
          write_channel(json, table, c);
        });
    });
  });
}

inline void write_origin(JsonWriter& json, const char* name, std::size_t row,
                         const std::string& time) {
  json.member(name, [&] {
    json.object([&] {
      json.member("row", row);
      json.member("time", time);
    });
  });
}

}  // namespace detail

/// The report as text: whether the model beats the baseline, where the forecasts were made, and the
/// errors of all methods over all channels and steps.
[[nodiscard]] inline std::string to_text(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  std::string text = headline(report).append("\n");
  if (const std::string wins = wins_text(report); !wins.empty()) text.append(wins).append("\n");
  text.append("\n");
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty()) text.append(padded(name, 11, true)).append(value).append("\n");
  };
  fact("model", report.model), fact("data", report.data), fact("frequency", report.frequency);
  fact("window", message("lookback ", backtest.lookback, ", horizon ", backtest.horizon));
  fact("origins", detail::origins_text(backtest));
  fact("scaler", report.scaler);
  if (const std::size_t times = backtest.retrained.size(); times > 0)
    fact("trained", message("anew before ", times, times == 1 ? " origin" : " origins"));
  text.append("\n");
  detail::append_methods(text, report);
  detail::append_intervals(text, report);
  text.append("\n");
  for (const std::string& note : detail::backtest_notes(report)) text.append(note).append("\n");
  return text;
}

/// The report as CSV: a line for each method, channel and step, "all" for all of them. Steps count
/// from 1. A figure that there is none of is empty; intervals are the model's alone.
[[nodiscard]] inline std::string to_csv(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  std::string csv = "method,channel,step,mae,rmse,smape,mase,forecasts";
  for (const BacktestInterval& interval : backtest.intervals) {
    const std::string level = message(std::round(interval.level * 1e6) / 1e4);
    csv.append(message(",coverage_", level, ",mean_width_", level));
  }
  csv.append("\n");
  const std::size_t channels = backtest.channels.size(), horizon = backtest.horizon;
  for (std::size_t m = 0; m < backtest.methods.size(); ++m)
    for (std::size_t c = 0; c <= channels; ++c)
      for (std::size_t t = 0; t <= horizon; ++t) {
        const BacktestErrors& errors = backtest.methods[m].errors.at(c, t);
        csv.append(
            message(detail::csv_cell(backtest.methods[m].name), ",",
                    c == channels ? std::string("all") : detail::csv_cell(backtest.channels[c]),
                    ",", t == horizon ? std::string("all") : message(t + 1)));
        for (const double figure : {errors.mae, errors.rmse, errors.smape, errors.mase})
          csv.append(",").append(detail::csv_number(figure));
        csv.append(message(",", errors.forecasts));
        for (const BacktestInterval& interval : backtest.intervals) {
          const BacktestCoverage& found = interval.found.at(c, t);
          csv.append(m > 0 ? ",,"
                           : message(",", detail::csv_number(found.coverage), ",",
                                     detail::csv_number(found.mean_width)));
        }
        csv.append("\n");
      }
  return csv;
}

/// The report as JSON: headline; verdict (measure, model, baseline: its name, baseline_error,
/// beats: null if there is nothing to compare); command, model, data, frequency, scaler, units,
/// lookback, horizon, step, season (1: none); origins (their number), first_origin and last_origin
/// (row, time), retrained (rows), known_covariates, left_out, filled; notes: how the figures are to
/// be read; scales (of MASE, by channel); methods and intervals (name or level, all_channels and
/// channels: mae, rmse, smape, mase, forecasts, or coverage, mean_width; and the same as objects in
/// steps). A figure that is not finite is null.
[[nodiscard]] inline std::string to_json(const BacktestReport& report) {
  const Backtest& backtest = report.backtest;
  const BacktestVerdict verdict = verdict_of(backtest);
  detail::JsonWriter json;
  json.object([&] {
    json.member("headline", headline(report));
    json.member("verdict", [&] {
      json.object([&] {
        json.member("measure", verdict.measure);
        json.member("model", verdict.model);
        json.member("baseline",
                    backtest.baseline() == nullptr ? std::string() : backtest.baseline()->name);
        json.member("baseline_error", verdict.baseline);
        if (verdict.possible())
          json.member("beats", verdict.beats());
        else
          json.member("beats", [&] { json.null(); });
      });
    });
    json.member("command", report.command);
    json.member("model", report.model);
    json.member("data", report.data);
    json.member("frequency", report.frequency);
    json.member("scaler", report.scaler);
    json.member("units", report.units);
    json.member("lookback", backtest.lookback);
    json.member("horizon", backtest.horizon);
    json.member("step", backtest.step);
    json.member("season", backtest.season);
    json.member("origins", backtest.origins.size());
    if (!backtest.origins.empty()) {
      detail::write_origin(json, "first_origin", backtest.origins.front(), backtest.first_time);
      detail::write_origin(json, "last_origin", backtest.origins.back(), backtest.last_time);
    }
    json.member("retrained", backtest.retrained);
    json.member("known_covariates", backtest.known_covariates);
    json.member("left_out", backtest.left_out);
    json.member("filled", backtest.filled);
    json.member("notes", detail::backtest_notes(report));
    json.member("scales", backtest.scales);
    detail::write_objects(json, "methods", backtest.methods, [&](const BacktestMethod& method) {
      json.member("name", method.name);
      detail::write_table(json, backtest.channels, method.errors);
    });
    detail::write_objects(json, "intervals", backtest.intervals, [&](const BacktestInterval& one) {
      json.member("level", one.level);
      detail::write_table(json, backtest.channels, one.found);
    });
  });
  return json.text();
}

}  // namespace spat
