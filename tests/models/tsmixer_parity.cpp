// TSMixer against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/tsmixer.hpp>

#include <tests/models/parity.hpp>

namespace tsmixer_parity_tests {

using namespace spat;

TEST_CASE("TSMixer agrees with PyTorch: output, loss and gradients", "[parity]") {
  parity::check_files<TSMixer>({"TSMixer"}, [](const SafetensorsFile& file) {
    using fixtures::number;
    return TSMixerConfig{.channels = number(file, "C"),
                         .lookback = number(file, "L"),
                         .horizon = number(file, "T"),
                         .width = number(file, "d"),
                         .depth = number(file, "layers")};
  });
}

}  // namespace tsmixer_parity_tests
