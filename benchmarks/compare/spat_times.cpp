// One slice of timings of spat for the comparison with PyTorch; one JSON line.
#include "../workload.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr const char* usage =
    "usage: bench_times CONFIG BATCH THREADS predict|train|train_scored none|all SECONDS\n"
    "       bench_times configs\n"
    "Times one call after another for SECONDS (at least three), dense (none) or with all attention pruned (all).\n";

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

nlohmann::json all_configs() {
  nlohmann::json all;
  for (const auto& named : benchmarks::configs) {
    auto& members = all[std::string(named.name)];
    spat::ITransformerConfig::for_each(named.config, [&](const char* name, auto value) { members[name] = value; });
  }
  return all;
}

std::size_t count_of(const char* text, const char* what) {
  const std::size_t count = std::strtoul(text, nullptr, 10);
  if (count == 0) throw spat::ConfigError(std::string(what).append(" must be a positive number: ").append(text));
  return count;
}

std::string chosen(const std::string& text, std::initializer_list<std::string_view> choices) {
  if (std::ranges::find(choices, text) == choices.end())
    throw spat::ConfigError(std::string("not one of the choices: ").append(text));
  return text;
}

nlohmann::json times(char** arguments) {
  const std::string name = arguments[0], task = chosen(arguments[3], {"predict", "train", "train_scored"}),
                    prune = chosen(arguments[4], {"none", "all"});
  const std::size_t batch = count_of(arguments[1], "BATCH"), threads = count_of(arguments[2], "THREADS");
  const double seconds = std::strtod(arguments[5], nullptr);
  const auto config = benchmarks::config_of(name);
  benchmarks::Workload work(prune == "all" ? config.with_kept({}) : config, batch, threads);
  double sum = 0;  // so that no result is unused
  const auto call = [&] {
    sum += task == "predict" ? work.predict().flat()[0] : work.train_step(task == "train_scored");
  };

  const double warm_up = now() + std::min(0.2, seconds / 4);
  do call();
  while (now() < warm_up);
  std::vector<double> microseconds;
  for (const double end = now() + seconds; microseconds.size() < 3 || now() < end;) {
    const double start = now();
    call();
    microseconds.push_back((now() - start) * 1e6);
  }
  if (!std::isfinite(sum)) throw spat::NumericError("a result is not finite");

  const auto statistics = spat::latency_of(microseconds);
  for (double& one : microseconds) one = std::round(one * 100) / 100;
  return {{"config", name},
          {"batch", batch},
          {"threads", threads},
          {"task", task},
          {"prune", prune},
          {"median_us", statistics.median},
          {"p10", statistics.p10},
          {"p90", statistics.p90},
          {"reps", statistics.repetitions},
          {"compiler", __VERSION__},
          {"vector_bits", 8 * sizeof(float) * spat::kernels::lanes<float>},
          {"times_us", microseconds}};
}

}  // namespace

int main(int count, char** arguments) try {
  const bool lists = count == 2 && std::string_view(arguments[1]) == "configs";
  if (!lists && count != 7) return std::fputs(usage, stderr), 2;
  std::puts((lists ? all_configs() : times(arguments + 1)).dump().c_str());
  return 0;
} catch (const spat::Error& error) {
  std::fprintf(stderr, "bench_times: %s\n", error.what());
  return 1;
}
