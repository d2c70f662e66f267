// pipeline. What a run chose of its data, as a part of its description.
#pragma once

#include <spat/data/windows.hpp>
#include <spat/pipeline/run_description.hpp>

#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What a run chose of its data. Names are those that the library parses.
struct DataChoices {
  std::string protocol = {};
  std::string marks = "none";  // the frequency of the time marks
  Features features = Features::all;
  std::size_t stride = 1;  // rows between the windows of training and validation
  std::vector<std::string> columns = {};
};

/// The fields of the data. Those without which a saved model reads something else (features, marks
/// and columns) come first: describe_inputs().
///
/// What a file says of the data itself has its place here, too, as further fields "data.*": how the
/// file was read, the rule for missing values, the calendar.
[[nodiscard]] inline RunDescription describe_inputs(const DataChoices& data) {
  RunDescription run;
  run.set("data.features", name_of(feature_choices, data.features));
  run.set("data.marks", data.marks);
  for (std::size_t c = 0; c < data.columns.size(); ++c)
    run.set(message("data.column.", c), data.columns[c]);
  return run;
}
[[nodiscard]] inline RunDescription describe(const DataChoices& data) {
  RunDescription run = describe_inputs(data);
  run.set("data.protocol", data.protocol);
  run.set("data.stride", data.stride);
  return run;
}
/// The choices that describe() wrote. A field that is missing has its default.
[[nodiscard]] inline DataChoices data_choices_of(const RunDescription& run) {
  DataChoices data;
  if (const std::string* const found = run.find("data.features"))
    data.features = parse_features(*found);
  if (const std::string* const found = run.find("data.marks")) data.marks = *found;
  if (const std::string* const found = run.find("data.protocol")) data.protocol = *found;
  if (const std::string* const found = run.find("data.stride"))
    data.stride = parse_number<std::size_t>(*found).value_or(data.stride);
  while (const std::string* const found = run.find(message("data.column.", data.columns.size())))
    data.columns.push_back(*found);
  return data;
}

}  // namespace spat
