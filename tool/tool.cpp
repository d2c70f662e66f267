// Functions that all commands share.
#include "tool.hpp"

#include <spat/core/text.hpp>
#include <spat/io/file_calls.hpp>
#include <spat/io/path.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

void read_values_strictly(CLI::App& app) {
  const auto must = [](bool (*holds)(const std::string&), const char* what) {
    return CLI::Validator(
        [=](std::string& text) {
          return holds(text) ? std::string()
                             : message("expected ", what, ", found ", spat::in_quotes(text));
        },
        "");
  };
  const auto whole = must(
      [](const std::string& text) {
        return text.find_first_not_of("0123456789") == text.npos &&
               spat::parse_number<std::int64_t>(text).has_value();
      },
      "a whole number");
  const auto seed = must(
      [](const std::string& text) {
        return text.find_first_not_of("0123456789") == text.npos &&
               spat::parse_number<std::uint64_t>(text).has_value();
      },
      "a whole number of at most 64 bits");
  const auto finite = must(
      [](const std::string& text) {
        const auto number = spat::parse_number<double>(text);
        return number && std::isfinite(*number);
      },
      "a finite number");
  const auto flag = must([](const std::string& text) { return text == "true" || text == "false"; },
                         "true or false");
  for (CLI::Option* const option : app.get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("UINT")) option->check(option->check_lname("seed") ? seed : whole);
    if (type.starts_with("FLOAT")) option->check(finite);
    if (option->get_expected_max() == 0)
      option->check(flag)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
  for (CLI::App* const command : app.get_subcommands([](CLI::App*) { return true; }))
    read_values_strictly(*command);
}

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

void make_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(spat::utf8_path(folder), problem);
  if (problem)
    throw spat::FileError(
        message(folder, ": ", spat::detail::error_text(spat::detail::error_number(problem))));
}

}  // namespace tool
