// Reads the file that the options of a command name, and tells how.
#include "read_data.hpp"

#include "data.hpp"

#include <spat/data/read_panel.hpp>
#include <spat/data/read_series.hpp>
#include <spat/data/season.hpp>
#include <spat/data/synthetic.hpp>

namespace tool {

using spat::Series, spat::in_quotes;

namespace {

/// Prints what was found by looking, and what looks wrong.
void tell(const DataOptions& options, const std::vector<std::string>& notes,
          const std::vector<std::string>& warnings) {
  for (const std::string& note : notes)
    if (options.tells_notes()) say(note);
  for (const std::string& warning : warnings) say(message("warning: ", warning));
}

/// Throws ConfigError for options about times that the series does not have, or not in this form.
void expect_times(const DataOptions& options, const Series& series) {
  const auto refuse = [&](const std::string& option, const std::string& found) {
    throw spat::ConfigError(message(option, ": ", found, " in ", options.path));
  };
  if (series.times.empty() && options.strict_times) refuse("--strict-times", "there are no times");
  if (series.times.empty() && options.frequency && !options.season_counts)
    refuse(message("--frequency ", *options.frequency), "there are no times");
  if (!options.date_format) return;
  const std::string option = message("--date-format ", *options.date_format);
  if (series.time_index != spat::TimeIndex::date) refuse(option, "there are no dates");
  const auto found = spat::name_of(spat::time_forms, series.time_format.form);
  if (found != *options.date_format) refuse(option, message("dates have the form ", found));
}

}  // namespace

std::vector<Series> read_long(const DataOptions& options, const spat::SeriesOptions& how,
                              const spat::LongColumns& columns, bool alone) {
  const auto rule = how.missing_rule();
  spat::PanelOptions form{columns, how};
  form.series.missing = rule;
  spat::Panel panel = spat::read_panel(options.path, form);
  tell(options, panel.notes, panel.warnings);
  const std::size_t season =
      spat::season_of(how.calendar ? *how.calendar : spat::calendar_of(panel));
  if (alone) {
    for (Series& one : panel.series) spat::fill_missing(one, rule, season);
    return std::move(panel.series);
  }
  Series wide = of_file(options.path, [&] { return spat::to_wide(panel); });
  const std::string holes = spat::describe_holes(panel, wide);
  if (!holes.empty() && rule == spat::MissingRule::error)
    throw spat::DataError(message(options.path, ": ", holes,
                                  "; the model reads all series side by side: --missing says what "
                                  "takes the place of such cells"));
  spat::fill_missing(wide, rule, season);
  if (const std::string text = spat::describe_missing(wide, rule); !text.empty())
    say(message("warning: ", options.path, ": ", text));
  std::vector<Series> all;
  all.push_back(std::move(wide));
  return all;
}

Series read_wide(const DataOptions& options, const spat::SeriesOptions& how) {
  if (options.synthetic && options.frequency && !options.season_counts)
    throw spat::ConfigError("--frequency has no effect on --synthetic here");
  if (options.synthetic)
    return spat::select_columns(spat::synthetic_series(options.rows), how.columns, how.target,
                                "--synthetic");
  Series series = spat::read_series(options.path, how);
  expect_times(options, series);
  tell(options, series.notes, series.warnings);
  return series;
}

void expect_data(const DataOptions& options) {
  if (options.path.empty() && !options.synthetic)
    throw spat::ConfigError("--data FILE or --synthetic is needed");
}

void expect_no_contradiction(const DataOptions& options, const spat::DataDescription& trained) {
  const auto check = [](const char* option, const auto& given, const auto& saved, bool same) {
    if (given && !same)
      throw spat::ConfigError(message(option, " ", *given,
                                      " contradicts the model, which was trained with ", option,
                                      " ", saved));
  };
  const std::string none = "none";
  const std::string saved_marks =
      trained.window.marks ? std::string(spat::frequency_name(*trained.window.marks)) : none;
  check("--marks", options.marks, saved_marks,
        options.marks && (*options.marks == none
                              ? saved_marks == none
                              : trained.window.marks == spat::parse_frequency(*options.marks)));
  check("--target", options.target, trained.names.back(), options.target == trained.names.back());
  check("--missing-code", options.missing_code,
        trained.missing_code ? message(*trained.missing_code) : none,
        options.missing_code == trained.missing_code);
  // a model whose series had no hole goes with any rule
  check("--missing", options.missing, spat::name_of(spat::missing_rules, trained.missing),
        trained.missing == spat::MissingRule::error ||
            options.missing == spat::name_of(spat::missing_rules, trained.missing));
  if (options.long_columns && !trained.long_columns)
    throw spat::ConfigError(
        "--long contradicts the model, which was trained on a table with a column per channel");
}

}  // namespace tool
