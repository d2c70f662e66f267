// What all of the tool's files share: the commands' entry points and how they talk to the user.
#pragma once

#include <spat/core/error.hpp>

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace tool {

using spat::message;  // appends its parts: text, numbers

/// Each command adds itself to the command line; what it returns runs it.
using Command = std::function<void()>;
Command add_run(CLI::App& app, const std::string& command_line);
Command add_prune(CLI::App& app, const std::string& command_line);
Command add_compare(CLI::App& app, const std::string& command_line);
Command add_evaluate(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_forecast(CLI::App& app);
Command add_models(CLI::App& app);
Command add_latency(CLI::App& app);

/// A line on standard error.
void say(const std::string& text);
/// Throws FileError if the folder cannot be made.
void make_folder(const std::string& folder);

}  // namespace tool
