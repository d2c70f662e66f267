// The static and the dynamic form of the models without modules.
#include <spat/models/dlinear.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/tsmixer.hpp>

#include "identity.hpp"

int main() {
  constexpr spat::DLinearConfig decomposed{.channels = 3, .lookback = 36, .horizon = 12};
  constexpr spat::RLinearConfig normalized{.channels = 3, .lookback = 36, .horizon = 12};
  constexpr spat::TSMixerConfig mixed{.channels = 3, .lookback = 36, .horizon = 12, .width = 24};
  return identity::check_all_masks<spat::DLinear, decomposed>() |
         identity::check_all_masks<spat::RLinear, normalized>() |
         identity::check_all_masks<spat::TSMixer, mixed>();
}
