// io. Reads a pickle of Python as a graph of nodes. Nothing that it names is ever called.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/pickle_graph.hpp>
#include <spat/io/pickle_machine.hpp>
#include <spat/io/pickle_opcodes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Goes through the opcodes of a pickle up to STOP, and follows how many values are on the stack.
/// Throws FileError for what no pickle can do, and beyond the limits.
[[nodiscard]] inline PickleCounts count_pickle(std::string_view pickle, const std::string& origin,
                                               const PickleLimits& limits) {
  const auto refuse = [&](const auto&... parts) {
    throw FileError(message(origin, ": the pickle ", parts...));
  };
  PickleCounts counts;
  std::vector<std::uint32_t> marks;
  std::size_t depth = 0;
  // Numbers of nodes have 24 bits.
  const std::size_t most = std::min<std::size_t>(limits.bytes, 0xFFFF00);
  for (bool stopped = false; !stopped;) {
    const std::size_t at = counts.bytes;
    const PickleStep step = pickle_step(pickle, at, origin);
    const PickleOpcode& opcode = *step.opcode;
    if (step.end > most) refuse("is larger than the ", most, " bytes allowed");
    std::size_t pops = opcode.pops, marked = 0;
    if (opcode.code == '(') {
      if (marks.size() == limits.marks) refuse("has more than ", limits.marks, " marks open");
      marks.push_back(static_cast<std::uint32_t>(depth));
    } else if (opcode.code == '0' && (marks.empty() || marks.back() != depth)) {
      pops = 1;
    } else if (opcode.pops == to_mark || opcode.code == '0') {
      if (marks.empty()) refuse("has ", opcode.name, " at byte ", at, " without a mark");
      marked = depth - marks.back();
      depth = marks.back();
      marks.pop_back();
      pops = opcode.below;
    }
    if (depth - (marks.empty() ? 0 : marks.back()) < pops)
      refuse("has ", opcode.name, " at byte ", at, ", but too few values for it");
    depth = depth - pops + opcode.pushes;
    counts.stack = std::max(counts.stack, depth);
    counts.nodes += opcode.nodes;
    counts.links += opcode.links + (opcode.items == to_mark ? marked : opcode.items);
    if (std::string_view("pqr\x94").find(pickle[at]) != std::string_view::npos) ++counts.memo;
    if (counts.nodes > limits.nodes) refuse("makes more than ", limits.nodes, " objects");
    if (counts.memo > limits.memo) refuse("remembers more than ", limits.memo, " objects");
    counts.bytes = step.end;
    stopped = opcode.code == '.';
  }
  if (depth != 0 || !marks.empty()) refuse("leaves values behind that belong to nothing");
  return counts;
}

}  // namespace detail

/// Reads the pickle at the start of `pickle`; `origin` stands for the file in messages. Classes,
/// functions and their calls become nodes and are never looked up or called.
///
/// Throws FileError for a pickle that is cut off, has an opcode that does not exist or cannot be
/// done, or is beyond the limits. Takes at most 16 times the pickle's bytes, and 16 kB.
[[nodiscard]] inline PickleGraph read_pickle(std::string_view pickle, const std::string& origin,
                                             const PickleLimits& limits = {}) {
  const detail::PickleCounts counts = detail::count_pickle(pickle, origin, limits);
  return detail::PickleMachine(pickle, origin, counts).run();
}

}  // namespace spat
