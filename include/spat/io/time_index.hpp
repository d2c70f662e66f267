// io. What the times of a table are.
#pragma once

#include <spat/core/abi.hpp>

namespace spat::inline SPAT_ABI {

/// What the time column holds, if there is one: whole numbers, or dates as seconds since 1970.
enum class TimeIndex { none, integer, date };

}  // namespace spat
