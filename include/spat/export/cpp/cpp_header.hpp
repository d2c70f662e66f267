// export. A model as one C++ header: its static type, with weights and scaler as constants.
#pragma once

#include <spat/export/cpp/cpp_model.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The formulas of the marks of a row.
[[nodiscard]] inline std::string mark_formulas(Frequency frequency) {
  static constexpr std::array<std::string_view, 8> formulas{
      "second/59",         "minute/59",
      "hour/23",           "weekday/6 (Monday 0)",
      "(day - 1)/30",      "(day of year - 1)/365",
      "(ISO week - 1)/52", "(month - 1)/11"};
  const FrequencyEntry& entry = frequencies[static_cast<std::size_t>(frequency)];
  std::string text;
  for (std::size_t i = 0; i < entry.count; ++i)
    text.append(i == 0 ? "" : ", ").append(formulas[static_cast<std::size_t>(entry.marks[i])]);
  return text;
}

/// The pieces with commas between them, in lines of at most 100 columns that begin with `margin`.
[[nodiscard]] inline std::string wrapped(const std::vector<std::string>& pieces,
                                         std::string_view margin) {
  constexpr std::size_t widest = 100;
  std::string text, line(margin);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string piece = message(pieces[i], i + 1 < pieces.size() ? "," : "");
    if (line.size() > margin.size() && line.size() + 1 + piece.size() > widest) {
      text.append(line).append("\n");
      line = margin;
    }
    if (line.size() > margin.size()) line.append(" ");
    line.append(piece);
  }
  return text.append(line);
}

/// The time marks among the arguments of a forecast.
struct CppMarks {
  explicit CppMarks(const CppModel& model) {
    for (const auto& [name, marks] : {std::pair("history_marks", model.history_marks),
                                      std::pair("future_marks", model.future_marks)}) {
      if (marks > 0) declared.append(", Marks ").append(name), given.append(", ").append(name);
      passed.append(", ").append(marks > 0 ? name : "{}");
    }
  }
  std::string declared = {}, given = {};  // of a function of the header
  std::string passed = {};                // to a ConstantForecaster
};

/// What the numbers are that a forecast reads and writes, and where the model is from.
[[nodiscard]] inline std::string cpp_head(const CppModel& m) {
  const DataDescription& data = m.data;
  std::string text =
      message("// A forecaster: ", m.title, " with its weights, written by spat ", SPAT_VERSION,
              ".\n// It needs the headers of spat, and no file when it runs.\n//\n");
  const auto line = [&](const char* what, const auto&... parts) {
    text.append(message("// ", padded(what, 14, true), parts..., "\n"));
  };
  if (m.modules > 0) line("modules", to_string(m.kept, m.modules), " (1 = kept)");
  const bool known = data.calendar.unit != Calendar::Unit::none;
  const auto time = [&](std::int64_t value) {
    return data.calendar.unit == Calendar::Unit::index ? message(value)
                                                       : format_date_time(to_date_time(value));
  };
  if (data.rows > 0)
    line("data", data.rows, " rows",
         known ? message(" from ", time(data.first_time), " to ", time(data.last_time)) : "",
         ", digest ", cpp_word(data.digest));
  if (known) line("frequency", to_text(data.calendar));
  const char* const units = m.scaled ? "scaled units" : "the units of the columns";
  line("history", "[", m.lookback, " x ", m.channels, "] oldest row first, in ", units);
  if (data.window.known_covariates)
    line("", "All columns but the last are those of the row ", m.horizon, " later.");
  for (const auto& [name, rows, marks] : {std::tuple("history_marks", m.lookback, m.history_marks),
                                          std::tuple("future_marks", m.horizon, m.future_marks)})
    if (marks > 0) line(name, "[", rows, " x ", marks, "] the time marks of these rows");
  if (data.window.marks && m.history_marks + m.future_marks > 0) {
    line("", mark_formulas(*data.window.marks), ", each - 0.5:");
    line("", "spat::time_marks(times, spat::parse_frequency(\"", frequency_name(*data.window.marks),
         "\")) of spat/data/time_features.hpp");
  }
  line("forecast", "[", m.horizon, " x ", m.targets, "] the rows that follow, in ", units,
       m.targets < m.channels ? ", of the last columns" : "");
  return text.append(message(
      "//\n//     std::vector<float> history(", m.name, "::lookback * ", m.name, "::channels);\n",
      "//     ...\n//     const auto future = ", m.name, "::forecast(history", CppMarks(m).given,
      ");\n//     future[t * ", m.name, "::targets + c]  // row t, target c\n//\n",
      "// The first call copies the weights to where products read them, and the first call of\n",
      "// each thread makes a workspace; afterwards nothing is allocated. The compiler reads all\n",
      "// numbers again in every file that includes this one.\n"));
}

/// The sizes, names and numbers of a header.
[[nodiscard]] inline std::string cpp_constants(const CppModel& m) {
  std::string text = message(
      "namespace ", m.name, " {\n\n", "inline constexpr std::size_t lookback = ", m.lookback,
      ", horizon = ", m.horizon, ", channels = ", m.channels, ", targets = ", m.targets, ";\n\n");
  text.append("/// The names of the channels, of which the last `targets` are forecast.\n");
  text.append("inline constexpr std::array<std::string_view, channels> columns{\n");
  for (const std::string& column : m.columns) {
    const std::string literal = cpp_literal(column);
    text.append("    ").append(literal).append(",");
    if (literal.find('\\') != literal.npos && shows_plainly(column))
      text.append("  // \"").append(column).append("\"");
    text.append("\n");
  }
  text.append("};\n\n");
  text.append(message("inline constexpr spat::", m.type, "Config configuration{\n",
                      wrapped(m.configuration, "    "), ",\n    .kept = spat::ModuleMask{",
                      cpp_word(m.kept.bits), "u}};\n"));
  text.append(message("using Model = spat::", m.type,
                      "<float, spat::Static<configuration>>;\n\nnamespace detail {\n\n"));
  const auto numbers = [&](const char* name, const std::vector<double>& values) {
    std::vector<std::string> pieces;
    for (const double value : values) pieces.push_back(cpp_number(value));
    text.append(
        message("inline constexpr double ", name, "[] = {\n", wrapped(pieces, "    "), "};\n"));
  };
  if (!m.scaled) {
    numbers("mean", m.mean);
    numbers("deviation", m.deviation);
  }
  text.append("// The floats of the weights by their bits, two per word.\n");
  text.append("inline constexpr std::uint64_t weights[] = {\n");
  constexpr std::size_t per_line = 5;
  for (std::size_t i = 0; i < m.weights.size(); ++i)
    text.append(cpp_word(m.weights[i])).append(i % per_line == per_line - 1 ? ",\n" : ",");
  text.append(
      message("};\ninline constexpr spat::ModelConstants constants{\n    .weights = weights,",
              "\n    .digest = ", cpp_word(m.digest), "u,\n",
              m.scaled ? "" : "    .mean = mean,\n    .deviation = deviation,\n",
              "    .history_marks = ", m.history_marks, ",\n    .future_marks = ", m.future_marks,
              "};\n\n}  // namespace detail\n\n"));
  return text;
}

/// Replaces `from`, wherever it is in a text.
inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t i = text.find(from); i != text.npos; i = text.find(from, i + to.size()))
    text.replace(i, from.size(), to);
}

// Patterns of functions: T is float or double; ARGS are the marks that a function takes, GIVEN and
// PASSED those that it hands on.
inline constexpr std::string_view cpp_member_to_span =
    R"(  void forecast(std::span<const T> historyARGS,
                std::span<T> result) {
    held_.forecast(historyPASSED, result);
  }
)";
inline constexpr std::string_view cpp_member_to_array =
    R"(  [[nodiscard]] std::array<T, horizon * targets>
  forecast(std::span<const T> historyARGS) {
    std::array<T, horizon * targets> result{};
    forecast(historyGIVEN, std::span<T>(result));
    return result;
  }
)";
inline constexpr std::string_view cpp_function_to_span =
    R"(inline void forecast(std::span<const T> historyARGS,
                     std::span<T> result) {
  forecaster().forecast(historyGIVEN, result);
}
)";
inline constexpr std::string_view cpp_function_to_array =
    R"([[nodiscard]] inline std::array<T, horizon * targets>
forecast(std::span<const T> historyARGS) {
  return forecaster().forecast(historyGIVEN);
}
)";

/// The class and the functions of a header.
[[nodiscard]] inline std::string cpp_functions(const CppModel& m) {
  const CppMarks marks(m);
  std::string text;
  const auto add = [&](std::string_view pattern) {
    for (const std::string_view type : {"float", "double"}) {
      std::string function(pattern);
      replace_all(function, "<T", message("<", type));
      replace_all(function, "const T", message("const ", type));
      replace_all(function, "ARGS", marks.declared);
      replace_all(function, "GIVEN", marks.given);
      replace_all(function, "PASSED", marks.passed);
      text.append(function);
    }
  };
  if (!marks.declared.empty()) text.append("using Marks = std::span<const float>;\n\n");
  text.append(
      "/// Forecasts one window after the other, for one thread at a time. All forecasters share\n"
      "/// the weights. Throws spat::ShapeError for spans of other sizes, and spat::DataError for\n"
      "/// a number that is not finite.\nclass Forecaster {\n public:\n");
  add(cpp_member_to_span);
  add(cpp_member_to_array);
  text.append(
      "\n private:\n  spat::ConstantForecaster<Model, detail::constants> held_;\n};\n\n"
      "/// The forecaster of this thread, made by its first call.\n"
      "[[nodiscard]] inline Forecaster& forecaster() {\n"
      "  thread_local Forecaster own;\n  return own;\n}\n\n"
      "/// Writes the forecast to `result`, by the forecaster of this thread.\n");
  add(cpp_function_to_span);
  text.append("/// The same, returned.\n");
  add(cpp_function_to_array);
  return text.append(message("\n}  // namespace ", m.name, "\n"));
}

}  // namespace detail

/// The text of a C++ header with a model in it: the same model gives the same bytes. A program that
/// includes it needs spat's headers, or one of the single headers before it, and no file when it
/// runs.
[[nodiscard]] inline std::string cpp_header(const CppModel& model) {
  return message(detail::cpp_head(model),
                 "#pragma once\n\n#if !defined(SPAT_SPAT_HPP) && !defined(SPAT_RUNTIME_HPP)\n",
                 "#include <spat/export/cpp/constant_forecaster.hpp>\n#include <spat/models/",
                 model.file, ".hpp>\n#endif  // without a single header of spat\n\n",
                 "#include <array>\n#include <cstddef>\n#include <cstdint>\n#include <span>\n",
                 "#include <string_view>\n\n", detail::cpp_constants(model),
                 detail::cpp_functions(model));
}
/// The same of a model and the description of its data. Throws the errors of cpp_model().
template <class Model>
[[nodiscard]] std::string cpp_header(const Model& model, const DataDescription& data,
                                     const CppHeaderOptions& options) {
  return cpp_header(cpp_model(model, data, options));
}

}  // namespace spat
