// Times spat for compare.py: one slice of timings, the FMA peak, or all masks of a model. Prints
// one JSON line.
#include "../peak.hpp"
#include "../workload.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>

namespace {

constexpr const char* usage =
    "usage: bench_times CONFIG BATCH THREADS predict|train|train_scored none|all SECONDS\n"
    "       bench_times masks CONFIG BATCH THREADS SECONDS\n"
    "       bench_times peak THREADS SECONDS\n"
    "       bench_times about\n"
    "Times one call after another for SECONDS, at least three: dense (none) or with all attention "
    "pruned (all); or a\n"
    "forecast of every mask in turn; or multiply-adds that touch registers alone. SECONDS 0: no "
    "warm-up.\n";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The microseconds of each call.
template <class Call>
std::vector<double> times_of(double seconds, Call&& call) {
  for (const double end = now() + std::min(0.2, seconds / 4); now() < end;) call();
  std::vector<double> times;
  for (const double end = now() + seconds; times.size() < 3 || now() < end;) {
    const double start = now();
    call();
    times.push_back((now() - start) * 1e6);
  }
  return times;
}

/// A line of /proc/self/status such as VmHWM, the largest resident size so far; null if there is
/// none.
nlohmann::json memory_mib(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
  return nullptr;
}

std::size_t count_of(const char* text, const char* what) {
  const std::size_t count = std::strtoul(text, nullptr, 10);
  if (count == 0)
    throw spat::ConfigError(std::string(what).append(" must be a positive number: ").append(text));
  return count;
}

std::string chosen(const std::string& text, std::initializer_list<std::string_view> choices) {
  if (std::ranges::find(choices, text) == choices.end())
    throw spat::ConfigError(std::string("not one of the choices: ").append(text));
  return text;
}

/// The arguments CONFIG BATCH THREADS, with which every measurement of a model begins.
struct Setting {
  explicit Setting(char** words)
      : config(benchmarks::config_of(words[0])), batch(count_of(words[1], "BATCH")),
        threads(count_of(words[2], "THREADS")) {}

  benchmarks::Config config;
  std::size_t batch, threads;
};

std::size_t macs_of(const benchmarks::Workload& work) {
  return static_cast<std::size_t>(work.operations() / 2);
}

nlohmann::json about() {
  nlohmann::json configs;
  for (const auto& named : benchmarks::configs) {
    auto& members = configs[std::string(named.name)];
    members["model"] =
        std::holds_alternative<spat::PatchTSTConfig>(named.config) ? "patchtst" : "itransformer";
    std::visit(
        [&](const auto& config) {
          spat::for_each_field(config,
                               [&](const char* name, auto value) { members[name] = value; });
        },
        named.config);
  }
  return {{"compiler", __VERSION__},
          {"vector_bits", 8 * sizeof(float) * spat::kernels::lanes<float>},
          {"configs", std::move(configs)}};
}

nlohmann::json slice(char** words) {
  const Setting setting(words);
  const std::string task = chosen(words[3], {"predict", "train", "train_scored"}),
                    prune = chosen(words[4], {"none", "all"});
  const nlohmann::json base = memory_mib("VmRSS");
  benchmarks::Workload work(
      prune == "all" ? benchmarks::with_kept(setting.config, {}) : setting.config, setting.batch,
      setting.threads);
  double sum = 0;  // so that no result is unused
  const auto times = times_of(std::strtod(words[5], nullptr), [&] {
    sum += task == "predict" ? static_cast<double>(work.predict().flat()[0])
                             : work.train_step(task == "train_scored");
  });
  if (!std::isfinite(sum)) throw spat::NumericError("a result is not finite");
  return {{"macs", macs_of(work)},
          {"base_rss_mib", base},
          {"peak_rss_mib", memory_mib("VmHWM")},
          {"times_us", times}};
}

/// Measures slices of all masks in turn, in several rounds, so that clock-frequency drift affects
/// all of them equally.
nlohmann::json masks(char** words) {
  constexpr std::size_t turns = 5;
  const Setting setting(words);
  const double seconds = std::strtod(words[3], nullptr) / turns;
  std::deque<benchmarks::Workload> works;
  const std::size_t modules = benchmarks::modules_of(setting.config);
  const auto mask = [modules](std::size_t i) {
    return spat::subset(spat::ModuleMask::first(modules), i);
  };
  for (std::size_t i = 0; i < std::size_t{1} << modules; ++i)
    works.emplace_back(benchmarks::with_kept(setting.config, mask(i)), setting.batch,
                       setting.threads);
  std::vector<std::vector<double>> times(works.size());
  for (std::size_t turn = 0; turn < turns; ++turn)
    for (std::size_t i = 0; i < works.size(); ++i)
      std::ranges::copy(times_of(seconds, [&] { (void)works[i].predict(); }),
                        std::back_inserter(times[i]));
  nlohmann::json all;
  for (std::size_t i = 0; i < works.size(); ++i)
    all.push_back({{"mask", to_string(mask(i), modules)},
                   {"macs", macs_of(works[i])},
                   {"median_us", spat::latency_of(times[i]).median}});
  return {{"masks", std::move(all)}};
}

nlohmann::json peak(char** words) {
  spat::Team team(count_of(words[0], "THREADS"));
  double operations = 0;
  const auto times =
      times_of(std::strtod(words[1], nullptr), [&] { operations = benchmarks::run_at_peak(team); });
  return {{"gflops", operations / spat::latency_of(times).median / 1e3}};
}

nlohmann::json answer(int count, char** words) {
  const std::string_view first = count > 1 ? words[1] : "";
  if (first == "about" && count == 2) return about();
  if (first == "peak" && count == 4) return peak(words + 2);
  if (first == "masks" && count == 6) return masks(words + 2);
  if (count == 7) return slice(words + 1);
  return nullptr;
}

}  // namespace

int main(int count, char** words) try {
  const nlohmann::json line = answer(count, words);
  if (line.is_null()) return std::fputs(usage, stderr), 2;
  std::puts(line.dump().c_str());
  return 0;
} catch (const spat::Error& error) {
  std::fprintf(stderr, "bench_times: %s\n", error.what());
  return 1;
}
