// The library calls of `spat backtest` for one model.
#pragma once

#include "backtest.hpp"
#include "update_of.hpp"

#include <spat/train/backtest_join.hpp>

namespace tool {

/// The rows of a series to forecast: the test part, or those of the range.
inline spat::Split backtested_rows(const BacktestJob& job, const spat::DataDescription& data,
                                   const spat::Series& series) {
  if (job.range.given()) return job.range.rows(series);
  const spat::Split test =
      spat::split_rows(data.protocol, series.rows(), data.window.lookback, data.window.horizon)
          .test;
  return {test.begin + data.window.lookback, test.end};
}

template <class Model>
spat::Backtest backtest(const std::string& file, const BacktestJob& job, const Data& data) {
  const Model model = spat::load_model<Model>(file);
  spat::Team team(job.threads);
  std::vector<spat::Backtest> parts;
  std::size_t left_out = 0;
  std::string problem;
  for (std::size_t s = 0; s < data.series.size(); ++s) try {
      const spat::DataDescription about = data.description_of(s);
      const auto retrain = [&](const Model& last, std::size_t origin) {
        return updated_before(last, about, data.series[s], origin, job.training, team);
      };
      parts.push_back(spat::backtest(model, about, data.series[s],
                                     backtested_rows(job, about, data.series[s]), job.options,
                                     job.intervals, retrain, &team));
    } catch (const spat::DataError& error) {
      if (data.series.size() == 1) throw;
      if (left_out++ == 0)
        problem = message("series ", spat::in_quotes(data.series[s].names[0]), ": ", error.what());
    }
  if (parts.empty()) throw spat::DataError(message("no series can be used: ", problem));
  if (left_out > 0) warn_left_out(data.origin, left_out, data.series.size(), problem);
  return parts.size() == 1 ? parts[0] : spat::joined(parts);
}

}  // namespace tool
