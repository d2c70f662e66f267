// Chooses the scaler of each series.
#include "scalers.hpp"

#include <spat/data/describe_panel.hpp>

#include <cmath>

namespace tool {

using spat::Series, spat::Split, spat::StandardScaler, spat::in_quotes;

namespace {

/// How far the levels of columns lie from where a scaler has them, in its deviations, or how much
/// larger their deviations are.
struct Distance {
  static constexpr double far = 3;

  double farthest = 0;
  std::string column;
  std::size_t columns = 0;  // that are far

  /// Adds the columns of a series; returns whether one of them is far.
  bool add(const StandardScaler& trained, const Series& series, Split rows) {
    const auto here = StandardScaler::fit(series, rows);
    const std::size_t before = columns;
    for (std::size_t c = 0; c < series.channels(); ++c) {
      const double distance = std::max(std::abs(trained.transform(here.mean()[c], c)),
                                       here.deviation()[c] / trained.deviation()[c]);
      columns += distance > far ? 1 : 0;
      if (distance > farthest) farthest = distance, column = series.names[c];
    }
    return columns > before;
  }
  void warn(FarSeries what) const {
    if (columns == 0) return;
    say(message(
        "warning: column ", in_quotes(column), " lies ", std::round(farthest * 10) / 10,
        " deviations from that of the data that the model was trained on: ",
        what == FarSeries::refit ? "the scaler is fitted anew" : "it has not learned such numbers",
        columns > 1 ? message(" (", columns - 1, " more lie more than ", far, ")") : ""));
  }
};

}  // namespace

std::vector<StandardScaler> fitted(const std::vector<Series>& series, const RowsOf& rows) {
  std::vector<StandardScaler> scalers;
  std::vector<std::string> constant;
  for (std::size_t s = 0; s < series.size(); ++s) {
    scalers.push_back(StandardScaler::fit(series[s], rows(s)));
    for (const std::size_t c : scalers.back().constant_columns())
      constant.push_back(series[s].names[c]);
  }
  if (!constant.empty())
    say(message("warning: column ", in_quotes(constant[0]),
                constant.size() == 1 ? " is" : message(" and ", constant.size() - 1, " more are"),
                " constant in the training part; a deviation of 1 takes the place of 0"));
  return scalers;
}

void choose_scalers(Data& data, const DataOptions& options, const spat::DataDescription& like,
                    FarSeries far, const RowsOf& rows) {
  Distance distance;
  std::vector<std::size_t> places;  // of the series that get a scaler of their own
  std::size_t known = 0;
  for (std::size_t s = 0; s < data.series.size(); ++s) {
    const auto place =
        like.alone ? spat::place_of(like, data.series[s].names[0]) : std::optional(s);
    data.scalers.push_back(
        !place || !like.alone
            ? like.scaler
            : StandardScaler({like.scaler.mean()[*place]}, {like.scaler.deviation()[*place]}));
    if (place) ++known;
    const bool is_far = place && !options.refit_scaler && far != FarSeries::ignore &&
                        distance.add(data.scalers[s], data.series[s], rows(s));
    if (!place || options.refit_scaler || (is_far && far == FarSeries::refit)) places.push_back(s);
  }
  distance.warn(far);
  std::vector<Series> own;
  for (const std::size_t s : places) own.push_back(data.series[s]);
  const auto scalers = fitted(own, [&](std::size_t i) { return rows(places[i]); });
  for (std::size_t i = 0; i < places.size(); ++i) data.scalers[places[i]] = scalers[i];
  const std::size_t all = data.series.size();
  if (known < all)
    say(message("warning: ", options.path, ": the model was not trained on ", all - known, " of ",
                all, " series, which are scaled by their own rows"));
  data.scaler = places.empty()         ? "the scaler of the model"
                : places.size() == all ? "a scaler fitted on the training part of this series"
                                       : message("the scaler of the model, or its own for ",
                                                 places.size(), " of ", all, " series");
}

}  // namespace tool
