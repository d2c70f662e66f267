// Declarations that all files of the tool share: the commands and messages to the user.
#pragma once

#include <spat/core/error.hpp>

#include <functional>
#include <string>

namespace CLI {
class App;
class Option;
}

namespace tool {

using spat::message;  // joins texts and numbers

/// The body of a command. Each function below adds a command to the command line and returns it.
using Command = std::function<void()>;
Command add_run(CLI::App& app, const std::string& command_line);
Command add_prune(CLI::App& app, const std::string& command_line);
Command add_compare(CLI::App& app, const std::string& command_line);
Command add_evaluate(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_forecast(CLI::App& app);
Command add_models(CLI::App& app);
Command add_latency(CLI::App& app);
Command add_backtest(CLI::App& app, const std::string& command_line);
Command add_update(CLI::App& app);
Command add_export(CLI::App& app);
Command add_import(CLI::App& app);

/// Makes the options of the command line and its commands refuse values that CLI11 would take for
/// others: a whole number is decimal digits alone, of at most 63 bits, because CLI11 lets -1 wrap
/// around and reads 010 as 8; a fraction is finite; a flag is true or false. Call it when all
/// options are there.
void read_values_strictly(CLI::App& app);

/// Prints a line on standard error.
void say(const std::string& text);
/// Makes a folder and its parents. Throws FileError if that fails.
void make_folder(const std::string& folder);

}  // namespace tool
