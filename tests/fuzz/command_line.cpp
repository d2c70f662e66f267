// libFuzzer: the options of `spat run`, one argument per line. Whatever they are, they end in an
// error of the parser or one of ours, or in options that keep the library's rules. No command runs
// and no file is opened. The first byte chooses a description in a model file instead: of its data,
// or of its run.
#include <tool/architecture.cpp>
#include <tool/data.cpp>
#include <tool/data_options.cpp>
#include <tool/effects.cpp>
#include <tool/number_rule.cpp>
#include <tool/options.cpp>
#include <tool/read_data.cpp>
#include <tool/scalers.cpp>
#include <tool/tool.cpp>

#include <spat/models/patchtst/config.hpp>
#include <spat/pipeline/run_description.hpp>

#include <tests/fuzz/fuzz.hpp>

namespace {

using Config = spat::PatchTSTConfig;

/// A model of which the options need only the fields.
void add_model() {
  tool::Architecture model{};
  model.name = "patchtst";
  model.scored = true;
  model.configuration = [] { return tool::configuration_of(Config{}); };
  tool::add(model);
}

/// The groups of options of `spat run`. The parser is made once, because that takes longer than to
/// parse; clear() gives the options their defaults.
struct CommandLine {
  tool::DataOptions data;
  tool::ModelOptions model;
  tool::TrainOptions train;
  tool::TuneOptions tune;
  tool::CriterionChoice criterion;
  tool::BudgetChoice budget;
  CLI::App app{"fuzz"};

  CommandLine() {
    clear();
    data.add_training_to(app);
    model.add_to(app);
    model.add_dropout_to(app);
    train.add_to(app);
    tune.add_to(app);
    criterion.add_to(app);
    budget.add_to(app);
    tool::read_values_strictly(app);
  }
  void clear() {
    data = {};
    model = {};
    model.name = "patchtst";
    train = {};
    tune = {};
    criterion = {};
    budget = {};
  }
};

void parse(std::vector<std::string> arguments) {
  static CommandLine line;
  line.clear();
  auto& [data, model, train, tune, criterion, budget, app] = line;
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    fuzz::expect(error.get_exit_code() == 0 || error.what()[0] != '\0');
    return;
  }
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  const auto training = train.options();
  fuzz::expect(training.epochs > 0 && training.epochs <= most);
  fuzz::expect(std::isfinite(training.rate) && std::isfinite(training.clip_norm));
  const auto tuning = tune.options(training);
  fuzz::expect(std::isfinite(tuning.rate) && tuning.rate > 0);
  (void)criterion.make(training.seed);
  (void)criterion.text();
  (void)budget.text();
  if (data.protocol) (void)spat::parse_protocol(*data.protocol);
  if (data.frequency) {
    const spat::Calendar calendar = spat::parse_calendar(*data.frequency);
    fuzz::expect(spat::parse_calendar(spat::to_text(calendar)) == calendar);
  }
  fuzz::expect(data.stride > 0 && data.test_stride > 0 && data.rows <= most);
  fuzz::expect(!data.missing_code || std::isfinite(*data.missing_code));
  const auto configuration = model.configuration();
  for (const auto& field : configuration) fuzz::expect(field.value <= most);
  const auto config = tool::config_of<Config>(configuration);
  const std::size_t modules = std::min(config.modules(), spat::most_modules);
  (void)budget.kept(modules, {});
  (void)budget.budget(tool::architecture(model.name), modules, spat::ModuleMask::first(modules),
                      {});
}

/// The description of the data in a model's file, or that of its run.
void describe(const std::string& text, bool run) {
  if (run) {
    const auto read = spat::RunDescription::parse(text, "fuzz");
    return fuzz::expect(!read.difference(spat::RunDescription::parse(read.text(), "")));
  }
  const auto data = spat::data_description_from_json(text, "fuzz");
  fuzz::expect(data.scaler.channels() == data.names.size());
  for (const double deviation : data.scaler.deviation())
    fuzz::expect(std::isfinite(deviation) && deviation > 0);
  const std::string written = spat::to_json(data);
  fuzz::expect(spat::to_json(spat::data_description_from_json(written, "")) == written);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  add_model();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  fuzz::succeeds([&] {
    const std::string text = fuzz::text_of(data + 1, size - 1);
    if (data[0] % 4 == 0) return describe(text, data[0] % 8 == 4);
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      arguments.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    parse(std::move(arguments));
  });
  return 0;
}
