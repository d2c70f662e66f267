// spat models: lists the architectures, their costs, and what remains of each without its modules.
#include "architecture.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace tool {

namespace {

constexpr std::size_t channels = 7, marks = 4, steps = 96;

/// Formats 6903904 as "6,903,904".
std::string grouped(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

using Row = std::array<std::string, 7>;

Row row_of(const Architecture& model) {
  Configuration configuration = model.configuration();
  set(configuration, "channels", channels);
  set(configuration, "marks", marks);
  set(configuration, "lookback", steps);
  set(configuration, "horizon", steps);
  const Summary summary = model.summary(configuration);
  char share[16] = "-";
  if (summary.modules > 0) std::snprintf(share, sizeof share, "%.1f %%", 100 * summary.share);
  return {model.name,
          grouped(summary.cost.parameters),
          grouped(summary.cost.macs),
          std::to_string(summary.modules).append(summary.modules > 0 && !model.scored ? "*" : ""),
          share,
          model.texts.without_attention,
          model.texts.source};
}

void show_table(bool markdown) {
  std::vector<Row> rows{{"model", "parameters", "MACs per window", "modules", "their share",
                         "without them", "source"}};
  for (const auto& [_, model] : architectures()) rows.push_back(row_of(model));
  Row rule;
  for (std::size_t column = 0; column < rule.size(); ++column) {
    std::size_t widest = 0;
    for (const Row& row : rows) widest = std::max(widest, row[column].size());
    const bool number = column >= 1 && column <= 4;
    for (Row& row : rows)
      row[column].insert(number ? 0 : row[column].size(), widest - row[column].size(), ' ');
    rule[column] = std::string(widest, '-');
    if (number) rule[column].back() = ':';
  }
  if (markdown) rows.insert(rows.begin() + 1, rule);
  std::printf(
      "Default configurations at %zu channels, %zu time marks if they are read, lookback "
      "%zu, "
      "horizon %zu.\n\n",
      channels, marks, steps, steps);
  for (const Row& row : rows) {
    std::string line(markdown ? "|" : "");
    for (const std::string& cell : row)
      line.append(markdown       ? " "
                  : line.empty() ? ""
                                 : "  ")
          .append(cell)
          .append(markdown ? " |" : "");
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
  if (std::ranges::any_of(rows, [](const Row& row) { return row[3].ends_with('*'); }))
    std::printf("\n%s No criterion scores them: remove them by number, with --keep.\n",
                markdown ? "\\*" : "*");
}

}  // namespace

Command add_models(CLI::App& app) {
  struct Options {
    std::string name;
    bool markdown = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "models", "List the models, or the fields of one model with their defaults");
  auto* name =
      command.add_option("name", options->name, "Model whose fields to list, as taken by --set");
  command
      .add_flag("--markdown", options->markdown,
                "Print the table in Markdown, as in docs/models.md")
      ->excludes(name);
  return [options] {
    if (options->name.empty()) return show_table(options->markdown);
    for (const Field& field : architecture(options->name).configuration())
      std::printf("%s\n", comes_from_data(field.name)
                              ? message(field.name, ": from the data").c_str()
                              : text(field).c_str());
  };
}

}  // namespace tool
