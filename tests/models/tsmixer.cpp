// TSMixer: gradients, forecasts, training, files, and refused sizes.
#include <spat/models/tsmixer.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>

namespace tsmixer_tests {

using namespace spat;

namespace {

constexpr TSMixerConfig small{.channels = 3, .lookback = 11, .horizon = 5, .width = 9, .depth = 2};
constexpr TSMixerConfig wide{
    .channels = 7, .lookback = 48, .horizon = 13, .width = 200, .depth = 2};

}  // namespace

TEST_CASE("TSMixer's gradients agree with central differences in every parameter") {
  tests::check_model_gradients<TSMixer>(small, 0);
  tests::check_model_gradients<TSMixer>(small, 0.2);
}

TEST_CASE("a window's forecast by TSMixer depends only on the window") {
  tests::check_forecasts<TSMixer, small>();
  tests::check_forecasts<TSMixer, wide>();
}

TEST_CASE("TSMixer trains to the same bytes on any number of workers") {
  tests::check_training<TSMixer>(wide);
}

TEST_CASE("TSMixer is restored from files, and pruning does not change it") {
  tests::check_files<TSMixer, small>();
  tests::check_without_modules<TSMixer, small>();
}

TEST_CASE("a TSMixer's configuration counts its parameters and refuses what does not fit") {
  tests::check_count<TSMixer>(small);
  tests::check_count<TSMixer>(wide);
  CHECK(tests::refused<TSMixer>(small, [](auto& c) { c.width = 0; }) ==
        "width must be positive: width 0");
  CHECK(tests::refused<TSMixer>(small, [](auto& c) { c.depth = 65; }) ==
        "too few or too many layers: layers 65, least 1, most 64");
  CHECK(tests::refused_batch<TSMixer>(small, [](auto& c) { c.channels = 4; }) ==
        "TSMixer: channels: expected 3, found 4");
  CHECK(tests::refused_batch<TSMixer>(small, [](auto& c) {
          c.lookback = 12;
        }).find("lookback: expected") != std::string::npos);
}

}  // namespace tsmixer_tests
