// Reads the file that the options of a command name.
#pragma once

#include "data_options.hpp"

#include <spat/data/data_description.hpp>

#include <vector>

namespace tool {

/// Throws ConfigError unless there is a file or --synthetic.
void expect_data(const DataOptions& options);
/// Throws ConfigError if an option says something else than the model's file.
void expect_no_contradiction(const DataOptions& options, const spat::DataDescription& trained);

/// Reads the columns of these names in this order; all of a file without them. Shows notes and
/// warnings.
spat::Series read_wide(const DataOptions& options, const spat::SeriesOptions& how);
/// Reads the series of a long table: each by itself, or aligned as the channels of one.
std::vector<spat::Series> read_long(const DataOptions& options, const spat::SeriesOptions& how,
                                    const spat::LongColumns& columns, bool alone);

}  // namespace tool
