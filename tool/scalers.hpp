// The scaler of each series: that of the model, or another one.
#pragma once

#include "data.hpp"

#include <functional>

namespace tool {

/// The rows of a series, by its number.
using RowsOf = std::function<spat::Split(std::size_t series)>;

/// The scalers of these rows of each series; says which columns they cannot scale.
std::vector<spat::StandardScaler> fitted(const std::vector<spat::Series>& series,
                                         const RowsOf& rows);

/// Gives each series its scaler: that of the model, or one that is fitted on its rows.
void choose_scalers(Data& data, const DataOptions& options, const spat::DataDescription& like,
                    FarSeries far, const RowsOf& rows);

}  // namespace tool
