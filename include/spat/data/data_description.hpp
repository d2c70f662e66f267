// data. How a series was read for a model: everything that turned its rows into numbers.
#pragma once

#include <spat/data/calendar_name.hpp>
#include <spat/data/panel.hpp>
#include <spat/data/read_series.hpp>
#include <spat/data/scaler.hpp>
#include <spat/data/series.hpp>
#include <spat/data/splits.hpp>
#include <spat/data/windows.hpp>
#include <spat/io/fields.hpp>

#include <bit>
#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Metadata key of the description in a model file.
inline constexpr const char* data_key = "spat.data";

/// What a model was trained on, and how: it makes the same numbers of another file, and forecasts
/// in that file's units and times. describe_series() makes one, save_model() writes it.
struct DataDescription {
  std::vector<std::string> names =
      {};                      // [channels], as the scaler has them; the target is the last
  StandardScaler scaler = {};  // of the training part
  WindowOptions window = {};
  Protocol protocol = Protocol::custom;
  std::optional<double> missing_code = {};
  MissingRule missing = MissingRule::error;
  Calendar calendar = {};  // how rows follow each other; none: as their times show

  /// The columns of a long table, whose ids are the names. `alone`: the model has one channel, and
  /// forecasts each series by itself; else the series are the channels.
  std::optional<LongColumns> long_columns = {};
  bool alone = false;

  // What somebody chose of the file's form; the rest is found by looking, in each file anew.
  CsvOptions csv = {};
  std::string time_column = {};
  std::optional<TimeForm> date_format = {};  // also found: how ambiguous dates are read

  // The series itself: its rows, the times of the first and the last one, and a digest of them all.
  std::size_t rows = 0;
  std::int64_t first_time = 0, last_time = 0;
  std::uint64_t digest = 0;
};

/// A number that tells series apart: the 64-bit FNV-1a hash of names, times and values, bit for
/// bit. It is no protection against forgery.
[[nodiscard]] inline std::uint64_t digest_of(const Series& series) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3u; };
  for (const std::string& name : series.names) {
    for (const char c : name) add(static_cast<unsigned char>(c));
    add(256);  // ends a name
  }
  for (const std::int64_t time : series.times) add(static_cast<std::uint64_t>(time));
  for (const double value : series.values) add(std::bit_cast<std::uint64_t>(value));
  return hash;
}

/// The description of a series that a model is trained on. A calendar that is not given is found in
/// its times. Throws DataError for a series that is none.
[[nodiscard]] inline DataDescription describe_series(const Series& series,
                                                     const StandardScaler& scaler,
                                                     const WindowOptions& window,
                                                     Protocol protocol = Protocol::custom,
                                                     const Calendar& calendar = {}) {
  series.check();
  DataDescription data{.names = series.names,
                       .scaler = scaler,
                       .window = window,
                       .protocol = protocol,
                       .calendar = calendar};
  if (calendar.unit == Calendar::Unit::none)
    data.calendar = infer_calendar(series.time_index, series.times).calendar;
  data.rows = series.rows();
  const TimeForm form = series.time_format.form;
  if (series.time_index == TimeIndex::date && (form == TimeForm::dmy || form == TimeForm::mdy))
    data.date_format = form;
  if (!series.times.empty())
    data.first_time = series.times.front(), data.last_time = series.times.back();
  data.digest = digest_of(series);
  data.missing = window.skip_filled ? MissingRule::drop_window : series.missing;
  return data;
}

/// How read_series() reads another file as that of the description.
[[nodiscard]] inline SeriesOptions reading_options(const DataDescription& data) {
  SeriesOptions how{.csv = data.csv,
                    .columns = data.names,
                    .time_column = data.time_column,
                    .date_format = data.date_format,
                    .missing_code = data.missing_code,
                    .missing = data.missing};
  if (data.calendar.unit != Calendar::Unit::none) how.calendar = data.calendar;
  return how;
}

/// Throws DataError if most of the last `rows` rows do not follow the calendar.
inline void expect_calendar(const Calendar& calendar, const Series& series, std::size_t rows) {
  const auto times = std::span(series.times).last(std::min(rows, series.times.size()));
  if (times.size() < 2 || calendar.unit == Calendar::Unit::none) return;
  const bool index = calendar.unit == Calendar::Unit::index;
  const CalendarFinding found = compare_with(calendar, times);
  const std::size_t others = found.irregular.size() + found.backwards.size();
  if (index == (series.time_index == TimeIndex::integer) && others * 2 < times.size()) return;
  throw DataError(message("the series has frequency ",
                          to_text(infer_calendar(series.time_index, times).calendar),
                          ", the one that the model was trained on ", to_text(calendar)));
}

/// The description as one line of JSON.
[[nodiscard]] inline std::string to_json(const DataDescription& data) {
  Fields fields;
  const auto list = [](std::span<const double> numbers) {
    return std::vector<double>(numbers.begin(), numbers.end());
  };
  fields.set("columns", data.names);
  fields.set("mean", list(data.scaler.mean()));
  fields.set("deviation", list(data.scaler.deviation()));
  fields.set("lookback", data.window.lookback);
  fields.set("horizon", data.window.horizon);
  fields.set("stride", data.window.stride);
  fields.set("features", name_of(feature_choices, data.window.features));
  if (data.window.marks) fields.set("marks", frequency_name(*data.window.marks));
  fields.set("protocol", protocol_name(data.protocol));
  if (data.window.known_covariates) fields.set("known_covariates", true);
  if (data.missing_code) fields.set("missing_code", *data.missing_code);
  fields.set("missing", name_of(missing_rules, data.missing));
  fields.set("frequency", to_text(data.calendar));
  if (const auto& columns = data.long_columns) {
    fields.set("long", std::vector<std::string>{columns->id, columns->time, columns->value});
    fields.set("alone", data.alone);
  }
  const auto sign = [&](const char* name, std::optional<char> value) {
    if (value && *value != 0) fields.set(name, std::string(1, *value));
  };
  sign("separator", data.csv.separator);
  sign("decimal", data.csv.decimal);
  sign("thousands", data.csv.thousands);
  if (data.csv.header != CsvOptions::Header::automatic)
    fields.set("header", data.csv.header == CsvOptions::Header::present);
  if (!data.time_column.empty()) fields.set("time_column", data.time_column);
  if (data.date_format) fields.set("date_format", name_of(time_forms, *data.date_format));
  fields.set("rows", data.rows);
  fields.set("first_time", data.first_time);
  fields.set("last_time", data.last_time);
  fields.set("digest", static_cast<std::int64_t>(data.digest));
  return to_json(fields);
}

/// Reads what to_json() wrote. Throws FileError, starting with `origin`, for fields that are
/// missing or of the wrong kind, and the errors of StandardScaler and of the names' parsers.
[[nodiscard]] inline DataDescription data_description_from_json(std::string_view text,
                                                                std::string_view origin) {
  const Fields fields = fields_from_json(text, origin);
  DataDescription data;
  data.names = fields.get<std::vector<std::string>>("columns");
  data.scaler = StandardScaler(fields.get<std::vector<double>>("mean"),
                               fields.get<std::vector<double>>("deviation"));
  if (data.names.empty() || data.scaler.channels() != data.names.size())
    throw ShapeError(message(origin, ": ", data.names.size(), " columns, but a scaler of ",
                             data.scaler.channels()));
  data.window = {.lookback = fields.get<std::size_t>("lookback"),
                 .horizon = fields.get<std::size_t>("horizon"),
                 .stride = fields.get<std::size_t>("stride"),
                 .features = parse_features(fields.get<std::string>("features"))};
  if (fields.contains("marks"))
    data.window.marks = parse_frequency(fields.get<std::string>("marks"));
  data.protocol = parse_protocol(fields.get<std::string>("protocol"));
  data.window.known_covariates = fields.get_or<bool>("known_covariates", false);
  if (fields.contains("missing_code")) data.missing_code = fields.get<double>("missing_code");
  data.missing = parse_missing_rule(
      fields.get_or<std::string>("missing", data.missing_code ? "previous" : "error"));
  data.window.skip_filled = data.missing == MissingRule::drop_window;
  const auto frequency = fields.get<std::string>("frequency");
  if (frequency != to_text(Calendar{})) data.calendar = parse_calendar(frequency);
  const auto sign = [&](const char* name) -> std::optional<char> {
    if (!fields.contains(name)) return {};
    const auto found = fields.get<std::string>(name);
    if (found.size() != 1)
      throw FileError(message(origin, ": field ", in_quotes(name), ": expected one sign, found ",
                              in_quotes(found)));
    return found[0];
  };
  data.csv.separator = sign("separator");
  data.csv.decimal = sign("decimal");
  data.csv.thousands = sign("thousands").value_or('\0');
  if (fields.contains("header"))
    data.csv.header =
        fields.get<bool>("header") ? CsvOptions::Header::present : CsvOptions::Header::absent;
  if (fields.contains("long")) {
    const auto columns = fields.get<std::vector<std::string>>("long");
    if (columns.size() != 3)
      throw FileError(
          message(origin, ": expected 3 columns of a long table, found ", columns.size()));
    data.long_columns = {.id = columns[0], .time = columns[1], .value = columns[2]};
    data.alone = fields.get<bool>("alone");
  }
  data.time_column = fields.get_or<std::string>("time_column", "");
  if (fields.contains("date_format"))
    data.date_format =
        parse_name("date format", fields.get<std::string>("date_format"), time_forms);
  data.rows = fields.get<std::size_t>("rows");
  data.first_time = fields.get<std::int64_t>("first_time");
  data.last_time = fields.get<std::int64_t>("last_time");
  data.digest = static_cast<std::uint64_t>(fields.get<std::int64_t>("digest"));
  return data;
}

}  // namespace spat
