// A program that forecasts holds its weights once: resident memory and its peak, as multiples of
// the model file, which has about 100 MB.
#include <spat/autograd/initialize.hpp>
#include <spat/runtime.hpp>

#include <tests/support/temporary.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace spat;
using Model = ITransformer<float>;
constexpr ITransformerConfig config{
    .channels = 7, .width = 1024, .ffn_width = 2048, .heads = 8, .depth = 3};

/// A line of /proc/self/status in bytes.
double status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return 1024 * std::stod(line.substr(key.size() + 1));
  return 0;
}

int forecast(const char* path) {
  Predictor predictor(load_model<Model>(path));
  const AlignedBuffer<float> history(config.lookback * config.channels, 0.5f);
  (void)predictor.forecast({.samples = 1,
                            .lookback = config.lookback,
                            .horizon = config.horizon,
                            .history = {history.data(), config.lookback, config.channels}});
  const double size = static_cast<double>(std::filesystem::file_size(path)),
               resident = status("VmRSS") / size, peak = status("VmHWM") / size;
  std::printf("file %.1f MB; resident %.2f times the file, at its peak %.2f times\n", size / 1e6,
              resident, peak);
  return resident <= 1.1 && peak <= 1.3 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) return forecast(arguments[1]);
  const TemporaryFolder folder;
  {
    Model model({config});
    initialize(parameters(model), 1);
    save_model(folder / "model", model);
  }
  // a process of its own: this one held the model
  return std::system(message(arguments[0], " ", folder / "model").c_str()) == 0 ? 0 : 1;
}
