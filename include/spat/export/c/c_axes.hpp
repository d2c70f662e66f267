// export. The axes of values as the loops of C functions, of which each has three.
#pragma once

#include <spat/core/abi.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A loop around a call, and how far the call's arrays move per step.
struct CLoop {
  std::size_t count = 1;
  std::array<std::size_t, 3> steps = {};  // of the output and up to two inputs
};

/// Three loops inside a function, and those around its call.
struct CLoops {
  std::array<std::size_t, 3> counts = {1, 1, 1};
  std::array<std::size_t, 3> steps = {};  // of the input, for a transpose
  std::vector<CLoop> around = {};
};

/// Loops of an operation on a and b, which is broadcast to the shape of a: b's numbers lie along
/// the middle one.
[[nodiscard]] inline CLoops broadcast_loops(std::span<const std::size_t> a,
                                            std::span<const std::size_t> b) {
  struct Axis {  // neighbours of one kind as one
    std::size_t count = 1;
    bool along = false;  // b has it, too
  };
  std::vector<Axis> axes;
  const std::size_t missing = a.size() - b.size();
  for (std::size_t axis = 0; axis < a.size(); ++axis) {
    if (a[axis] == 1) continue;
    const bool along = axis >= missing && b[axis - missing] > 1;
    if (axes.empty() || axes.back().along != along) axes.push_back({1, along});
    axes.back().count *= a[axis];
  }
  CLoops loops;
  auto& [outer, middle, inner] = loops.counts;
  const auto take = [&](bool along, std::size_t& into) {
    if (axes.empty() || axes.back().along != along) return;
    into = axes.back().count;
    axes.pop_back();
  };
  take(false, inner), take(true, middle), take(false, outer);
  std::size_t step = outer * middle * inner, step_of_b = middle;
  loops.around.resize(axes.size());
  for (std::size_t k = axes.size(); k-- > 0; step *= axes[k].count) {
    loops.around[k] = {axes[k].count, {step, step, axes[k].along ? step_of_b : 0}};
    if (axes[k].along) step_of_b *= axes[k].count;
  }
  return loops;
}

/// Loops over the axes of an output whose axis i is axis `from[i]` of x.
[[nodiscard]] inline CLoops transpose_loops(std::span<const std::size_t> x,
                                            std::span<const std::size_t> from) {
  struct Axis {  // neighbours that are neighbours in x as one
    std::size_t count = 1, step = 0;
  };
  CLoops loops;
  std::vector<Axis> axes;
  for (const std::size_t axis : from) {
    Axis next{x[axis], 1};
    for (std::size_t inner = axis + 1; inner < x.size(); ++inner) next.step *= x[inner];
    if (next.count == 1) continue;
    if (!axes.empty() && axes.back().step == next.count * next.step) {
      next.count *= axes.back().count;
      axes.pop_back();
    }
    axes.push_back(next);
  }
  std::size_t step = 1;
  for (std::size_t k = loops.counts.size(); k-- > 0 && !axes.empty(); axes.pop_back()) {
    loops.counts[k] = axes.back().count, loops.steps[k] = axes.back().step;
    step *= axes.back().count;
  }
  loops.around.resize(axes.size());
  for (std::size_t k = axes.size(); k-- > 0; step *= axes[k].count)
    loops.around[k] = {axes[k].count, {step, axes[k].step, 0}};
  return loops;
}

}  // namespace detail

}  // namespace spat
