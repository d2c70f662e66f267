// data. How a panel was read for a model that forecasts each of its series alone.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/data/panel.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The description of a panel that a model of one channel is trained on. `scalers` has the scaler
/// of each series. A calendar that is not given is the one that most series follow. Throws
/// DataError for a panel that is none, and ShapeError for another number of scalers.
[[nodiscard]] inline DataDescription describe_panel(const Panel& panel,
                                                    const std::vector<StandardScaler>& scalers,
                                                    const WindowOptions& window,
                                                    Protocol protocol = Protocol::custom,
                                                    const Calendar& calendar = {}) {
  panel.check();
  if (scalers.size() != panel.series.size())
    throw ShapeError(
        message("a panel of ", panel.series.size(), " series, found ", scalers.size(), " scalers"));
  DataDescription data{.window = window,
                       .protocol = protocol,
                       .calendar = calendar,
                       .long_columns = panel.columns,
                       .alone = true};
  if (calendar.unit == Calendar::Unit::none) data.calendar = calendar_of(panel);
  std::vector<double> means, deviations;
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& one = panel.series[s];
    data.names.push_back(one.names[0]);
    means.push_back(scalers[s].mean()[0]), deviations.push_back(scalers[s].deviation()[0]);
    data.rows += one.rows();
    data.digest = data.digest * 0x100000001b3u ^ digest_of(one);
    if (one.times.empty()) continue;
    data.first_time = s == 0 ? one.times.front() : std::min(data.first_time, one.times.front());
    data.last_time = s == 0 ? one.times.back() : std::max(data.last_time, one.times.back());
  }
  data.scaler = StandardScaler(std::move(means), std::move(deviations));
  const TimeFormat& format = panel.series[0].time_format;
  if (panel.series[0].time_index == TimeIndex::date &&
      (format.form == TimeForm::dmy || format.form == TimeForm::mdy))
    data.date_format = format.form;
  data.missing = window.skip_filled ? MissingRule::drop_window : panel.series[0].missing;
  return data;
}

/// The description of one series of a model that forecasts each series alone: its scaler is that of
/// training, or the one given for a series that was not trained on.
[[nodiscard]] inline DataDescription of_series(const DataDescription& data, const std::string& id,
                                               const StandardScaler& scaler) {
  DataDescription one = data;
  one.names = {id};
  one.scaler = scaler;
  return one;
}

/// Whether the model was trained on a series of this id, and its place.
[[nodiscard]] inline std::optional<std::size_t> place_of(const DataDescription& data,
                                                         const std::string& id) {
  const auto found = std::ranges::find(data.names, id);
  if (found == data.names.end()) return {};
  return static_cast<std::size_t>(found - data.names.begin());
}

}  // namespace spat
