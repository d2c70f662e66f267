// io. What a pickle describes: a graph of nodes for its values, and for its calls, which stay
// undone.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/pickle_opcodes.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What a pickle may have. Beyond it, it is refused before memory is taken for it.
struct PickleLimits {
  std::size_t bytes = 16'000'000;
  std::size_t nodes = 4'000'000;  // objects other than none, true, false and the empty tuple
  std::size_t memo = 2'000'000;   // objects that it remembers for later
  std::size_t marks = 1'000;      // open at a time
};

namespace detail {
class PickleMachine;
}

/// The graph of one pickle. It refers to the bytes of the pickle, which must outlive it. Nodes may
/// be shared, and may contain themselves.
///
/// A node takes 8 bytes and a link 4. A pickle of n bytes makes at most 12 n bytes of them, and 4 n
/// bytes of a stack while it is read.
class PickleGraph {
 public:
  using Node = std::uint32_t;

  [[nodiscard]] Node root() const { return root_; }
  /// The number of nodes. They are numbered from 0.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// The bytes of the pickle, up to and with STOP.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] PickleKind kind(Node node) const {
    return static_cast<PickleKind>(nodes_[node].rest >> 24);
  }

  /// Whether a node of kind truth is true.
  [[nodiscard]] bool truth(Node node) const { return nodes_[node].first == 1; }
  /// The number of a node of kind integer; nothing if it does not fit.
  [[nodiscard]] std::optional<std::int64_t> integer(Node node) const {
    const detail::PickleStep step = step_of(node);
    std::string_view bytes = step.argument;
    if (step.opcode->lines > 0) {
      if (bytes.ends_with('L')) bytes.remove_suffix(1);
      return parse_number<std::int64_t>(bytes);
    }
    if (bytes.size() > 8) return std::nullopt;
    const bool is_signed = step.opcode->fixed != 1 && step.opcode->fixed != 2;
    const bool negative = is_signed && !bytes.empty() && (bytes.back() & 0x80) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return static_cast<std::int64_t>(value);
  }
  /// The number of a node of kind real; nothing if its text is no number.
  [[nodiscard]] std::optional<double> real(Node node) const {
    const detail::PickleStep step = step_of(node);
    if (step.opcode->lines > 0) return parse_number<double>(step.argument);
    std::uint64_t bits = 0;  // most significant byte first
    for (const char c : step.argument) bits = bits << 8 | static_cast<unsigned char>(c);
    return std::bit_cast<double>(bits);
  }
  /// The bytes of a node of kind text; perhaps no UTF-8.
  [[nodiscard]] std::string_view text(Node node) const { return step_of(node).argument; }

  /// A class or function, by its module and name.
  struct Global {
    std::string_view module, name;
  };
  [[nodiscard]] Global global(Node node) const {
    const Parts parts = nodes_[node];
    if (parts.second() != 0) return {text(parts.first), text(parts.second())};
    const std::string_view lines = step_of(node).argument;
    const std::size_t end = lines.find('\n');
    return {lines.substr(0, end), lines.substr(end + 1)};
  }
  [[nodiscard]] bool is_global(Node node, std::string_view module, std::string_view name) const {
    if (kind(node) != PickleKind::global) return false;
    const Global found = global(node);
    return found.module == module && found.name == name;
  }

  /// The elements of a tuple.
  [[nodiscard]] std::span<const Node> tuple(Node node) const {
    return std::span(links_).subspan(nodes_[node].first, nodes_[node].second());
  }
  /// What a call calls, and the tuple that it gives to it.
  [[nodiscard]] Node callee(Node call) const { return links_[nodes_[call].first]; }
  [[nodiscard]] Node arguments(Node call) const { return nodes_[call].second(); }
  /// What a persistent reference refers to.
  [[nodiscard]] Node reference(Node node) const { return nodes_[node].first; }

  /// Calls visit(element) for each element of a list, or what was appended to a call's object.
  template <class Visit>
  void for_each_element(Node node, Visit&& visit) const {
    for_each_part(node, Part::elements, [&](std::span<const Node> part) {
      for (const Node element : part) visit(element);
    });
  }
  /// Calls visit(key, value) for each item of a dict, or what was set in a call's object, in the
  /// order of the pickle. A key may occur twice.
  template <class Visit>
  void for_each_item(Node node, Visit&& visit) const {
    for_each_part(node, Part::items, [&](std::span<const Node> part) {
      for (std::size_t i = 0; i + 1 < part.size(); i += 2) visit(part[i], part[i + 1]);
    });
  }
  /// The number of steps in which things were put into a container or a call's object.
  [[nodiscard]] std::size_t parts(Node node) const {
    std::size_t count = 0;
    for (std::uint32_t at = first_part(node); at != 0; at = links_[at]) ++count;
    return count;
  }
  /// The state that was last given to a call's object (BUILD); nothing if none was.
  [[nodiscard]] std::optional<Node> state(Node call) const {
    std::optional<Node> last;
    for_each_part(call, Part::state, [&](std::span<const Node> part) { last = part[0]; });
    return last;
  }

 private:
  friend class detail::PickleMachine;

  struct Parts {
    std::uint32_t first = 0, rest = 0;  // 8 bits of kind and 24 bits of a second number
    [[nodiscard]] std::uint32_t second() const { return rest & 0xFFFFFF; }
  };
  /// What a part of a container holds. A part is a link to the next one, its size with this in the
  /// two top bits, and the nodes.
  enum class Part : std::uint32_t { elements, items, state };

  [[nodiscard]] detail::PickleStep step_of(Node node) const {
    return detail::pickle_step(pickle_, nodes_[node].first, {});
  }
  /// The link that leads to the first part of a container.
  [[nodiscard]] std::uint32_t& head(Node node) {
    Parts& parts = nodes_[node];
    return kind(node) == PickleKind::call ? links_[parts.first + 1] : parts.first;
  }
  [[nodiscard]] bool has_parts(Node node) const {
    return kind(node) == PickleKind::list || kind(node) == PickleKind::dict ||
           kind(node) == PickleKind::call;
  }
  /// Turns the parts of each container around: they were added in front of each other.
  void put_parts_in_order() {
    for (Node node = 0; node < nodes_.size(); ++node) {
      if (!has_parts(node)) continue;
      std::uint32_t ordered = 0;
      for (std::uint32_t part = head(node); part != 0;) {
        const std::uint32_t next = std::exchange(links_[part], ordered);
        ordered = std::exchange(part, next);
      }
      head(node) = ordered;
    }
  }
  [[nodiscard]] std::uint32_t first_part(Node node) const {
    if (!has_parts(node)) return 0;
    const std::uint32_t first = nodes_[node].first;
    return kind(node) == PickleKind::call ? links_[first + 1] : first;
  }
  template <class Visit>
  void for_each_part(Node node, Part wanted, Visit&& visit) const {
    for (std::uint32_t at = first_part(node); at != 0; at = links_[at]) {
      const std::uint32_t size = links_[at + 1];
      if (static_cast<Part>(size >> 30) == wanted)
        visit(std::span(links_).subspan(at + 2, size & 0x3FFFFFFF));
    }
  }

  std::string_view pickle_;
  std::size_t bytes_ = 0;
  Node root_ = 0;
  std::vector<Parts> nodes_;
  std::vector<std::uint32_t> links_;
};

}  // namespace spat
