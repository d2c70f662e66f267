// export. The header of a C file: how to call it, in which units, and what it takes.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/export/c/c_weights.hpp>
#include <spat/version.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How a C file is written.
struct COptions {
  std::string name = "model";           // its function is <name>_forecast()
  std::string header_file = "model.h";  // as the C file includes it
  WeightType weights = WeightType::f32;
  bool scaled = false;        // the graph has no scaler
  std::string model = {};     // what it is, for the header's comment
  DataDescription data = {};  // columns, calendar and scaler for the comment; names may be empty
};

/// What a C file takes: bytes, and operations of one forecast. The code and the stack come on top.
struct CFigures {
  CConstantBytes constants = {};
  std::size_t ram = 0, macs = 0, operations = 0;
};

/// The figures as a table, each line after `indent`.
[[nodiscard]] inline std::string to_text(const CFigures& figures, std::string_view indent = {}) {
  const CConstantBytes& constants = figures.constants;
  std::string text;
  const auto line = [&](const char* what, const auto&... parts) {
    text.append(message(indent, padded(what, 15, true), parts..., "\n"));
  };
  line("constants", constants.total(), " bytes of flash: weights ", constants.weights, ", scales ",
       constants.scales, ", other ", constants.other);
  line("RAM", figures.ram, " bytes, static");
  line("multiply-adds", figures.macs);
  line("operations", figures.operations);
  return text;
}

namespace detail {

/// What the macros of a name begin with: "LOAD_" for load.
[[nodiscard]] inline std::string c_macro_prefix(std::string_view name) {
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper.append("_");
}

/// The sizes of a call's arrays, and what the names of their macros begin with.
struct CSizes {
  std::string prefix;
  std::size_t lookback = 0, channels = 0, horizon = 0, targets = 0, marks = 0;
};
[[nodiscard]] inline CSizes c_sizes(const ForecastGraph& graph, std::string_view name) {
  const auto &history = graph.at(graph.inputs[0]).shape, &forecast = graph.at(graph.output).shape;
  CSizes sizes{c_macro_prefix(name), history[0], history[1], forecast[0], forecast[1]};
  for (const GraphId id : graph.inputs)
    if (graph.at(id).name.ends_with("_marks")) sizes.marks = graph.at(id).shape.back();
  return sizes;
}

/// "void <name>_forecast(...)", a parameter per input and one for the forecast.
[[nodiscard]] inline std::string c_signature(const ForecastGraph& graph, std::string_view name) {
  const CSizes sizes = c_sizes(graph, name);
  const std::string& prefix = sizes.prefix;
  std::string text = message("void ", name, "_forecast(");
  const std::string blanks(text.size(), ' ');
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const GraphValue& input = graph.at(graph.inputs[i]);
    std::string extent = message(input.size());
    if (i == 0) extent = message(prefix, "LOOKBACK * ", prefix, "CHANNELS");
    if (input.name == "history_marks") extent = message(prefix, "LOOKBACK * ", prefix, "MARKS");
    if (input.name == "future_marks") extent = message(prefix, "HORIZON * ", prefix, "MARKS");
    text.append(message("const float ", c_input_name(graph, i), "[", extent, "],\n", blanks));
  }
  return text.append(message("float forecast[", prefix, "HORIZON * ", prefix, "TARGETS])"));
}

[[nodiscard]] inline const char* mark_text(Mark mark) {
  switch (mark) {
    case Mark::second:
      return "second / 59 - 0.5";
    case Mark::minute:
      return "minute / 59 - 0.5";
    case Mark::hour:
      return "hour / 23 - 0.5";
    case Mark::weekday:
      return "weekday / 6 - 0.5, Monday is 0";
    case Mark::day:
      return "(day of the month - 1) / 30 - 0.5";
    case Mark::day_of_year:
      return "(day of the year - 1) / 365 - 0.5";
    case Mark::week:
      return "(ISO week - 1) / 52 - 0.5";
    case Mark::month:
      return "(month - 1) / 11 - 0.5";
  }
  return "";
}

/// The last `count` columns of the data with their numbers, a line each; nothing if they are
/// unknown.
[[nodiscard]] inline std::string c_columns(const COptions& options, std::size_t count) {
  const DataDescription& data = options.data;
  std::string text;
  if (data.alone || data.names.size() < count || data.scaler.channels() != data.names.size())
    return text;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t channel = data.names.size() - count + i;
    text.append(message("     ", padded(message(i), 4, true), " ", c_comment(data.names[channel])));
    if (options.scaled)
      text.append(message(", mean ", data.scaler.mean()[channel], ", deviation ",
                          data.scaler.deviation()[channel]));
    text.append("\n");
  }
  return text;
}

/// What the arrays of the call hold.
[[nodiscard]] inline std::string c_meaning(const ForecastGraph& graph, const COptions& options) {
  const CSizes n = c_sizes(graph, options.name);
  const DataDescription& data = options.data;
  std::string text =
      message("   history[row * ", n.prefix, "CHANNELS + channel]: the last ", n.lookback,
              " rows of the series, the latest\n   one last, of ", n.channels,
              n.channels == 1 ? " channel" : " channels", ".\n   forecast[row * ", n.prefix,
              "TARGETS + target]: the ", n.horizon, " rows after them, of ", n.targets,
              n.targets == 1 ? " target" : " targets", ".\n\n");
  text.append(options.scaled
                  ? "   Numbers are in scaled units, (x - mean) / deviation of each column.\n"
                  : "   Numbers are in the units of the columns: the scaler is in the code.\n");
  if (data.alone)
    text.append("   The channel is any series of a long table, by a scaler of its own.\n");
  if (const std::string columns = c_columns(options, n.channels); !columns.empty())
    text.append(message("   Channels of the history:\n", columns));
  if (n.targets == n.channels)
    text.append("   The targets are the channels.\n");
  else
    text.append(n.targets == 1
                    ? std::string("   The target is the last channel.\n")
                    : message("   The targets are the last ", n.targets, " channels.\n"));
  if (data.window.known_covariates)
    text.append(
        message("   The other channels are known beforehand: their rows in the history are those ",
                n.horizon, "\n   rows later, up to the last row of the forecast.\n"));
  if (data.calendar.unit != Calendar::Unit::none)
    text.append(message("   Rows follow each other by frequency ",
                        c_comment(to_text(data.calendar)), ".\n"));
  if (n.marks == 0) return text;
  const auto marks = [&](const char* name, const char* rows) {
    for (const GraphId id : graph.inputs)
      if (graph.at(id).name == name)
        text.append(
            message("   ", name, "[row * ", n.prefix, "MARKS + mark]: the marks of ", rows, ".\n"));
  };
  text.append("\n");
  marks("history_marks", "the rows of the history");
  marks("future_marks", "the rows of the forecast");
  text.append("   Each mark is from -0.5 to 0.5:\n");
  if (data.window.marks && mark_count(*data.window.marks) == n.marks) {
    const FrequencyEntry& entry = frequencies[static_cast<std::size_t>(*data.window.marks)];
    for (std::size_t i = 0; i < entry.count; ++i)
      text.append(
          message("     ", padded(message(i), 4, true), " ", mark_text(entry.marks[i]), "\n"));
  }
  return text;
}

/// A program's lines that call the function.
[[nodiscard]] inline std::string c_example(const ForecastGraph& graph, const COptions& options) {
  const CSizes n = c_sizes(graph, options.name);
  std::string text, arguments;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const std::string name = c_input_name(graph, i);
    text.append(message("     static float ", name, "[", n.prefix));
    text.append(name == "future_marks" ? "HORIZON" : "LOOKBACK").append(" * ").append(n.prefix);
    text.append(name.ends_with("_marks") ? "MARKS];\n" : "CHANNELS];\n");
    arguments.append(name).append(", ");
  }
  return text.append(message("     static float forecast[", n.prefix, "HORIZON * ", n.prefix,
                             "TARGETS];\n     ", options.name, "_forecast(", arguments,
                             "forecast);\n"));
}

/// The header of a C file.
[[nodiscard]] inline std::string c_header(const ForecastGraph& graph, const COptions& options,
                                          const CFigures& figures) {
  const CSizes n = c_sizes(graph, options.name);
  std::string text = message(
      "/* ", options.name, "_forecast(): ", options.model.empty() ? "a forecast" : "a forecast by ",
      c_comment(options.model), ", written by spat ", SPAT_VERSION, ".\n\n",
      c_meaning(graph, options), "\n   Example:\n\n", c_example(graph, options),
      "\n   What it takes, beside the code and the stack:\n\n", to_text(figures, "     "),
      "\n   Values on the way lie in a static buffer, so that one call at a time is allowed. The "
      "arrays\n   of a call do not overlap. No call allocates, prints or fails. */\n");
  const std::string guard = message(n.prefix, "FORECAST_H");
  text.append(message("#ifndef ", guard, "\n#define ", guard, "\n\n"));
  const auto macro = [&](const char* what, std::size_t value) {
    text.append(message("#define ", n.prefix, what, " ", value, "\n"));
  };
  macro("LOOKBACK", n.lookback), macro("CHANNELS", n.channels);
  macro("HORIZON", n.horizon), macro("TARGETS", n.targets);
  if (n.marks > 0) macro("MARKS", n.marks);
  return text.append(message("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
                             c_signature(graph, options.name),
                             ";\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n"));
}

}  // namespace detail

}  // namespace spat
