// spat run: the main job. Train dense, watch SEND, prune, fine-tune, report.
#include "tool.hpp"

#include <cstdio>
#include <filesystem>

namespace tool {

namespace {

struct RunOptions {
  DataOptions data;
  std::string model = "itransformer", out = "runs/spat", schedule = "type1", variant = "signed_sum",
              dynamics = "step_average";
  std::size_t lookback = 96, horizon = 96, layers = 2, width = 128, ffn = 128, heads = 8, threads = 1;
  double dropout = 0.1;
  bool no_instance_norm = false, resume = false, quiet = false;
  spat::TrainingOptions training;
  std::size_t drop = 1;
  double drop_ratio = 0, drop_below = 0;
  bool by_ratio = false, by_threshold = false;
  std::size_t stop_after = 0;  // epochs; 0: not before training is done
  std::size_t fine_tune_epochs = 3;
  double fine_tune_rate = 0;  // 0: an eighth of the training's
};

spat::SendOptions send_options(const RunOptions& o) {
  return {.variant = o.variant == "signed_sum" ? spat::SendVariant::signed_sum : spat::SendVariant::absolute_mean,
          .dynamics = o.dynamics == "epoch" ? spat::SendDynamics::epoch : spat::SendDynamics::step_average};
}

spat::Budget budget(const RunOptions& o) {
  if (o.by_ratio) return spat::DropRatio{o.drop_ratio};
  if (o.by_threshold) return spat::DropBelow{o.drop_below};
  return spat::DropLowest{o.drop};
}

template <class Model>
typename Model::Shape shape_of(const RunOptions& o, const Data& data) {
  return {{.channels = data.series.channels(),
           .marks = data.training->marks(),
           .lookback = o.lookback,
           .horizon = o.horizon,
           .width = o.width,
           .ffn_width = o.ffn,
           .heads = o.heads,
           .depth = o.layers,
           .instance_norm = !o.no_instance_norm}};
}

/// Trains, saving the state after each epoch and going on from it where asked to. Returns whether training is done.
template <class Model, class Pruner>
bool train(const RunOptions& o, const Data& data, Model& model, Pruner& pruner, spat::Team& team) {
  spat::Trainer<Model> trainer(model, o.training, &team);
  const std::string state = o.out + "/training.safetensors";
  if (o.resume) spat::TrainingState<Model>::restore(state, trainer, pruner);
  while (trainer.unfinished()) {
    if (o.stop_after > 0 && trainer.history().size() >= o.stop_after) return false;
    trainer.run_epoch(*data.training, *data.validation, pruner, progress("train", o.quiet));
    spat::TrainingState<Model>::save(state, trainer, pruner);
  }
  trainer.take_best();
  return true;
}

template <class Model>
void fine_tune(const RunOptions& o, const Data& data, Model& model, spat::Team& team) {
  if (o.fine_tune_epochs == 0) return;
  spat::TrainingOptions options = o.training;
  options.epochs = o.fine_tune_epochs;
  options.rate = o.fine_tune_rate > 0 ? o.fine_tune_rate : o.training.rate / 8;
  options.schedule = spat::Schedule::constant;
  spat::Trainer<Model> trainer(model, options, &team);
  trainer.consider_start(*data.validation);
  trainer.fit(*data.training, *data.validation, progress("tune ", o.quiet));
}

/// Batch 1, dense and pruned in turn.
template <class Model>
void measure(const Model& dense, const Model& pruned, const Data& data, spat::Team& team, spat::PruningReport& report) {
  spat::WindowBuffer<float> buffer;
  const std::array<std::size_t, 1> first{0};
  const auto window = data.test->gather(first, buffer);
  spat::Predictor<Model> dense_predictor(dense, &team), pruned_predictor(pruned, &team);
  const auto latency = spat::measure_alternately(
      {[&] { (void)dense_predictor.forecast(window); }, [&] { (void)pruned_predictor.forecast(window); }}, 1.0, 50);
  report.dense.latency = latency[0], report.pruned.latency = latency[1];
}

template <class Model>
void run(const RunOptions& o, const std::string& command_line) {
  const Data data = load(o.data, o.lookback, o.horizon);
  Model dense(shape_of<Model>(o, data));
  spat::initialize(spat::parameters(dense), o.training.seed);
  dense.set_dropout(o.dropout);
  dense.pack();
  spat::Team team(o.threads);
  spat::SensitivityPruner<Model> pruner(dense, spat::Send<float>(send_options(o)));
  // A budget that cannot be met is said before an hour of training, not after.
  (void)spat::choose(dense.shape.kept(), std::vector<double>(dense.shape.count(), 1.0), budget(o));
  std::error_code problem;
  std::filesystem::create_directories(o.out, problem);
  if (problem) throw spat::FileError(message(o.out, ": ", problem.message()));
  if (!train(o, data, dense, pruner, team))
    return say(
        message("stopped after epoch ", o.stop_after, "; --resume goes on from ", o.out, "/training.safetensors"));

  spat::PruningReport report{.seed = o.training.seed,
                             .command = command_line,
                             .dense = {},
                             .pruned_only = {},
                             .pruned = {},
                             .modules = {},
                             .trajectory = pruner.trajectory()};
  const std::vector<double> scores = pruner.scores();
  const auto mask = pruner.choose(budget(o));
  spat::Fields send;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    report.modules.push_back({dense.module_name(i), scores[i], mask.keeps(i)});
    send.set(dense.module_name(i), scores[i]);
  }
  const std::map<std::string, std::string> about{{"spat.data", describe(data, o.data.marks)},
                                                 {"spat.send", spat::to_json(send)}};
  spat::save_model(o.out + "/dense.safetensors", dense, about);
  const auto row = [&](const Model& model) {
    const spat::Metrics metrics = spat::evaluate(model, *data.test, &team);
    return spat::ReportRow{metrics.mse, metrics.mae, spat::cost_of(model, data.series.channels()), {}};
  };
  Model pruned = spat::pruned(dense, mask);
  report.dense = row(dense), report.pruned_only = row(pruned);
  fine_tune(o, data, pruned, team);
  spat::save_model(o.out + "/pruned.safetensors", pruned, about);
  report.pruned = row(pruned);
  measure(dense, pruned, data, team, report);
  spat::write_file(o.out + "/report.json", spat::to_json(report));
  std::printf("%s\nwritten: %s/report.json, dense.safetensors, pruned.safetensors\n", spat::to_text(report).c_str(),
              o.out.c_str());
}

}  // namespace

Command add_run(CLI::App& app, const std::string& command_line) {
  const auto options = std::make_shared<RunOptions>();
  RunOptions& o = *options;
  CLI::App& command = *app.add_subcommand("run", "Train, score, prune, fine-tune and report");
  const auto size = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->capture_default_str();
  };
  o.data.add_to(command);
  size("--out", o.out, "Folder for report.json, dense.safetensors, pruned.safetensors, training.safetensors");
  size("--model", o.model, "Architecture: itransformer");
  size("--lookback", o.lookback, "Rows a forecast looks at");
  size("--horizon", o.horizon, "Rows it forecasts");
  size("--layers", o.layers, "Encoder layers, one attention module each");
  size("--width", o.width, "Width of a token (d_model)");
  size("--ffn", o.ffn, "Width of the feed-forward layer (d_ff)");
  size("--heads", o.heads, "Attention heads; must divide the width");
  size("--dropout", o.dropout, "Dropout rate while training");
  command.add_flag("--no-instance-norm", o.no_instance_norm, "Without normalization of each window");
  size("--epochs", o.training.epochs, "Most epochs of training");
  size("--batch", o.training.batch_size, "Windows a step");
  size("--rate", o.training.rate, "Initial learning rate");
  command.add_option("--schedule", o.schedule, "Learning rate by epoch: constant, type1, type3, cosine")
      ->capture_default_str();
  size("--patience", o.training.patience, "Epochs without improvement before training stops; 0: never");
  size("--clip", o.training.clip_norm, "Largest gradient norm; 0: no clipping");
  command.add_flag("--drop-last", o.training.drop_last, "Leave out the last, short batch of an epoch");
  size("--seed", o.training.seed, "Seed of weights, shuffles and dropout");
  size("--threads", o.threads, "Workers; results do not depend on it");
  command.add_option("--send-variant", o.variant, "Samples of a step: signed_sum (literal) or absolute_mean")
      ->check(CLI::IsMember({"signed_sum", "absolute_mean"}))
      ->capture_default_str();
  command.add_option("--send-dynamics", o.dynamics, "SEND over time: step_average or epoch")
      ->check(CLI::IsMember({"step_average", "epoch"}))
      ->capture_default_str();
  auto* count =
      command.add_option("--drop", o.drop, "Remove this many modules, lowest SEND first")->capture_default_str();
  auto* ratio = command.add_option("--drop-ratio", o.drop_ratio, "Or this share of them, 0 to 1")->excludes(count);
  auto* below = command.add_option("--drop-below", o.drop_below, "Or those whose SEND is below this")
                    ->excludes(count)
                    ->excludes(ratio);
  size("--finetune-epochs", o.fine_tune_epochs, "Epochs of fine-tuning after pruning");
  command.add_option("--finetune-rate", o.fine_tune_rate, "Its constant learning rate [an eighth of --rate]");
  command.add_flag("--resume", o.resume, "Go on from training.safetensors in the output folder");
  size("--stop-after", o.stop_after, "Stop after this many epochs, to --resume later; 0: when training is done");
  command.add_flag("--quiet", o.quiet, "No progress");
  return [options, ratio, below, command_line] {
    options->by_ratio = ratio->count() > 0, options->by_threshold = below->count() > 0;
    options->training.schedule = spat::parse_schedule(options->schedule);
    if (!(options->dropout >= 0 && options->dropout < 1)) throw spat::ConfigError("--dropout must lie in [0, 1)");
    if (options->threads == 0) throw spat::ConfigError("--threads must be at least 1");
    with_model(options->model, [&]<class Model>() { run<Model>(*options, command_line); });
  };
}

}  // namespace tool
