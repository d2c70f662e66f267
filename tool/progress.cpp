// Shows progress on standard error.
#include "run.hpp"
#include "system.hpp"

#include <chrono>
#include <cstdio>

namespace tool {

spat::ProgressCallback progress(const std::string& what, bool quiet) {
  if (quiet) return {};
  using SteadyClock = std::chrono::steady_clock;
  const bool terminal = error_is_terminal();
  return [what, terminal, last = SteadyClock::time_point()](const spat::Progress& p) mutable {
    if (p.finished != nullptr) {
      std::fprintf(
          stderr,
          "%s%s epoch %zu/%zu  loss %.4f  validation MSE %.4f MAE %.4f  rate %.2e  %.1f s%s\n",
          terminal ? "\r\033[K" : "", what.c_str(), p.epoch, p.epochs, p.finished->training_loss,
          p.finished->validation_mse, p.finished->validation_mae, p.finished->rate,
          p.finished->seconds, p.finished->best ? "  best" : "");
    } else if (terminal && SteadyClock::now() - last > std::chrono::milliseconds(200)) {
      last = SteadyClock::now();
      std::fprintf(stderr, "\r\033[K%s epoch %zu/%zu  step %zu/%zu  loss %.4f  %.0f s left",
                   what.c_str(), p.epoch, p.epochs, p.step, p.steps, p.loss, p.seconds_left);
      std::fflush(stderr);
    }
  };
}

spat::JobProgress job_progress(bool quiet) {
  return {progress("train", quiet), progress("tune ", quiet), progress("tune dense", quiet)};
}

}  // namespace tool
