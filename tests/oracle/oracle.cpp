// Trains, scores, prunes and fine-tunes a tiny MODEL in double and writes <prefix>.dense, .pruned
// and .training: scripts/oracle.sh compares their bytes before and after a change. Usage: oracle
// <threads> <prefix>
#include <spat/spat.hpp>

#include <cstdlib>

using namespace spat;

namespace {

namespace tiny {

using itransformer = ITransformer<double>;
using patchtst = PatchTST<double>;
using patchtst_official = OfficialPatchTST<double>;
using crossformer = Crossformer<double>;
using timexer = TimeXer<double>;
using transformer = Transformer<double>;
using dlinear = DLinear<double>;
using rlinear = RLinear<double>;
using tsmixer = TSMixer<double>;
using smamba = SMamba<double>;

}  // namespace tiny

using Model = tiny::MODEL;
using Config = Model::Config;

Config configuration(std::size_t channels, std::size_t marks) {
  Config config;
  const auto set = [&](std::string_view name, std::size_t value) {
    for_each_field(config, [&]<class Value>(const char* field, Value& member) {
      if (name == field) member = static_cast<Value>(value);
    });
  };
  set("channels", channels), set("marks", marks), set("lookback", 24), set("horizon", 8),
      set("width", 16);
  set("ffn_width", 24), set("heads", 2), set("depth", 2), set("patch", 6), set("stride", 3),
      set("segment", 4);
  set("label", 12), set("state", 4);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::string prefix = argv[2];
  Team team(static_cast<std::size_t>(std::atoi(argv[1])));
  const Series series = synthetic_series(500);
  const Splits rows = split_rows(Protocol::custom, series.rows(), 24, 8);
  const StandardScaler scaler = StandardScaler::fit(series.view(), rows.train);
  WindowOptions window{.lookback = 24, .horizon = 8, .stride = 3};
  window.marks = Frequency::hourly;
  const WindowDataset<double> training(series, scaler, rows.train, window),
      validation(series, scaler, rows.validation, window);

  Model dense({configuration(series.channels(), training.marks())});
  initialize(parameters(dense), 1);
  dense.set_dropout(0.1);
  const TrainingOptions options{.epochs = 2, .batch_size = 16};
  const auto fit = [&](Model& model, auto& observer, const std::string& state) {
    Trainer<Model> trainer(model, options, &team);
    trainer.fit(training, validation, observer);
    save_training(state, trainer, observer, "");
  };
  Pruner<Model> pruner(dense);
  fit(dense, pruner, prefix + ".training");
  save_model(prefix + ".dense", dense);
  if (dense.form.modules() == 0) return 0;
  const auto scores = pruner.scores();
  const bool scored = std::isfinite(scores[0]);
  Model small =
      detail::pruned_as_it_is(dense, scored ? pruner.choose(DropLowest{1}) : ModuleMask::first(1));
  NoObserver nobody;
  fit(small, nobody, prefix + ".tuning");
  save_model(prefix + ".pruned", small);
}
