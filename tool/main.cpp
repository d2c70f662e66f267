// spat: trains, scores, prunes, fine-tunes and evaluates forecasters from the command line.
#include "system.hpp"
#include "tool.hpp"

#include <spat/kernels/simd.hpp>
#include <spat/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  const std::vector<std::string> words = tool::command_words(argc, argv);
  std::vector<const char*> arguments;
  std::string command_line = "spat";
  for (const std::string& word : words) {
    if (!arguments.empty()) command_line.append(" ").append(word);
    arguments.push_back(word.c_str());
  }

  CLI::App app{"spat: train a forecaster and remove the attention that it does not need"};
  app.set_version_flag("--version", tool::message(SPAT_VERSION, " (", spat::instruction_set, ")"));
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.get_formatter()->column_width(34);
  const std::array commands{std::pair{"run", tool::add_run(app, command_line)},
                            std::pair{"prune", tool::add_prune(app, command_line)},
                            std::pair{"compare", tool::add_compare(app, command_line)},
                            std::pair{"evaluate", tool::add_evaluate(app)},
                            std::pair{"inspect", tool::add_inspect(app)},
                            std::pair{"forecast", tool::add_forecast(app)},
                            std::pair{"models", tool::add_models(app)},
                            std::pair{"latency", tool::add_latency(app)},
                            std::pair{"backtest", tool::add_backtest(app, command_line)},
                            std::pair{"update", tool::add_update(app)},
                            std::pair{"export", tool::add_export(app)},
                            std::pair{"import", tool::add_import(app)}};
  tool::read_values_strictly(app);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
    for (const auto& [name, command] : commands)
      if (app.got_subcommand(name)) command();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::bad_alloc&) {
    tool::say("spat: not enough memory");
  } catch (const std::exception& error) {
    tool::say(tool::message("spat: ", error.what()));
  }
  return 2;
}
