// pipeline. What a run reads, as a part of its description.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/pipeline/run_description.hpp>

namespace spat::inline SPAT_ABI {

/// The fields "data.*" of a run: how its data is read, and a digest that tells its series from any
/// other.
[[nodiscard]] inline RunDescription describe(const DataDescription& data) {
  RunDescription run;
  run.set("data.columns", data.names.size());
  run.set("data.target", data.names.empty() ? "" : data.names.back());
  run.set("data.features", name_of(feature_choices, data.window.features));
  run.set("data.marks", data.window.marks ? frequency_name(*data.window.marks) : "none");
  run.set("data.protocol", protocol_name(data.protocol));
  run.set("data.stride", data.window.stride);
  run.set("data.frequency", to_text(data.calendar));
  run.set("data.missing_code", data.missing_code ? message(*data.missing_code) : "none");
  run.set("data.missing", name_of(missing_rules, data.missing));
  run.set("data.known_covariates", data.window.known_covariates);
  run.set("data.long", data.long_columns ? data.alone ? "alone" : "aligned" : "no");
  run.set("data.rows", data.rows);
  run.set("data.digest", data.digest);
  return run;
}

}  // namespace spat
