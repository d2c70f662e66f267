// DLinear against PyTorch: every file of the fixtures folder that holds one.
#include <spat/models/dlinear.hpp>

#include <tests/models/parity.hpp>

namespace dlinear_parity_tests {

using namespace spat;

TEST_CASE("DLinear agrees with PyTorch: output, loss and gradients", "[parity]") {
  parity::check_files<DLinear>({"DLinear"}, [](const SafetensorsFile& file) {
    using fixtures::number;
    return DLinearConfig{.channels = number(file, "C"),
                         .lookback = number(file, "L"),
                         .horizon = number(file, "T"),
                         .kernel = number(file, "moving_avg")};
  });
}

}  // namespace dlinear_parity_tests
