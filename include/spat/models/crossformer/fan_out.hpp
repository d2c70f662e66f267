// models. The gradient of a value that two readers share, either of which may have been pruned.
#pragma once

#include <spat/core/view.hpp>
#include <spat/kernels/elementwise.hpp>

namespace spat::inline SPAT_ABI {

/// Returns a + b, written to `room`, if both are present; the present one if one is absent; zeros,
/// written to `room`, if both are absent.
template <std::floating_point Scalar, std::size_t Width>
[[nodiscard]] Rows<const Scalar, Width> sum_of_gradients(Rows<const Scalar, Width> a,
                                                         Rows<const Scalar, Width> b,
                                                         Rows<Scalar, Width> room) {
  if (a.data() && b.data())
    kernels::add<Scalar>(a.flat(), b.flat(), room.flat());
  else if (a.data() || b.data())
    return a.data() ? a : b;
  else
    std::ranges::fill(room.flat(), Scalar(0));
  return room;
}

}  // namespace spat
