// io. The stack machine that makes the graph of a pickle.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/pickle_graph.hpp>
#include <spat/io/pickle_opcodes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// What a pickle takes, counted before memory is taken for it.
struct PickleCounts {
  std::size_t bytes = 0, nodes = 0, links = 0, stack = 0, memo = 0;
};

/// Makes the graph of a pickle that count_pickle() has passed.
class PickleMachine {
 public:
  PickleMachine(std::string_view pickle, const std::string& origin, const PickleCounts& counts)
      : origin_(origin) {
    graph_.pickle_ = pickle;
    graph_.bytes_ = counts.bytes;
    graph_.nodes_.reserve(counts.nodes + constants);
    graph_.links_.reserve(counts.links + 1);
    graph_.links_.push_back(0);  // no link leads to place 0
    stack_.reserve(counts.stack);
    memo_.assign(counts.memo + 1, absent);
    add(PickleKind::none, 0);
    add(PickleKind::truth, 0);
    add(PickleKind::truth, 1);
    add(PickleKind::tuple, 0);
  }

  [[nodiscard]] PickleGraph run() {
    for (at_ = 0; at_ < graph_.bytes_;) {
      step_ = pickle_step(graph_.pickle_, at_, origin_);
      take();
      at_ = step_.end;
    }
    graph_.put_parts_in_order();
    return std::move(graph_);
  }

 private:
  using Node = PickleGraph::Node;
  using Part = PickleGraph::Part;
  static constexpr Node no = 1, yes = 2;
  static constexpr std::size_t constants = 4;
  static constexpr Node absent = ~Node{0};

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw FileError(
        message(origin_, ": the pickle has ", step_.opcode->name, " at byte ", step_.at, parts...));
  }

  Node add(PickleKind kind, std::size_t first, std::size_t second = 0) {
    graph_.nodes_.push_back(
        {static_cast<std::uint32_t>(first),
         static_cast<std::uint32_t>(kind) << 24 | static_cast<std::uint32_t>(second)});
    return static_cast<Node>(graph_.nodes_.size() - 1);
  }
  Node pop() {
    const Node top = stack_.back();
    stack_.pop_back();
    return top;
  }
  void push(Node node) { stack_.push_back(node); }
  void push_leaf(PickleKind kind) { push(add(kind, step_.at)); }
  /// The values on the stack down to the last mark, which is taken away.
  [[nodiscard]] std::span<const Node> marked() {
    const std::size_t mark = marks_.back();
    marks_.pop_back();
    return std::span<const Node>(stack_).subspan(mark);
  }
  /// Replaces the values at the end of the stack by one, or by none.
  void replace(std::span<const Node> values, std::optional<Node> by = {}) {
    stack_.resize(stack_.size() - values.size());
    if (by) push(*by);
  }

  Node tuple_of(std::span<const Node> values) {
    const std::size_t first = graph_.links_.size();
    graph_.links_.insert(graph_.links_.end(), values.begin(), values.end());
    return add(PickleKind::tuple, first, values.size());
  }
  void push_tuple(std::span<const Node> values) { replace(values, tuple_of(values)); }
  [[nodiscard]] std::span<const Node> last(std::size_t count) const {
    return std::span<const Node>(stack_).last(count);
  }
  [[nodiscard]] Node call(Node callee, Node arguments) {
    const PickleKind kind = graph_.kind(callee);
    if (kind != PickleKind::global && kind != PickleKind::call && kind != PickleKind::other)
      refuse(", which calls what is no function or class");
    if (graph_.kind(arguments) != PickleKind::tuple)
      refuse(", which gives a function no tuple of arguments");
    const std::size_t first = graph_.links_.size();
    graph_.links_.push_back(callee);
    graph_.links_.push_back(0);
    return add(PickleKind::call, first, arguments);
  }

  /// Whether a call makes a tensor, whose content nothing may change later.
  [[nodiscard]] bool makes_tensor(Node node) const {
    if (graph_.kind(node) != PickleKind::call) return false;
    const Node callee = graph_.callee(node);
    return graph_.kind(callee) == PickleKind::global &&
           graph_.global(callee).module.starts_with("torch._") &&
           graph_.global(callee).name.starts_with("_rebuild");
  }
  /// Adds a part to a container, in front of the parts that it has.
  void add_part(Node node, PickleKind kind, Part part, std::span<const Node> values) {
    const PickleKind found = graph_.kind(node);
    if ((found != kind && found != PickleKind::call) || makes_tensor(node))
      refuse(", which puts something into what cannot hold it");
    if (part == Part::items && values.size() % 2 != 0) refuse(" with a key without a value");
    if (values.empty()) return;
    std::vector<Node>& links = graph_.links_;
    const std::size_t place = links.size();
    links.push_back(graph_.head(node));
    links.push_back(static_cast<std::uint32_t>(part) << 30 |
                    static_cast<std::uint32_t>(values.size()));
    links.insert(links.end(), values.begin(), values.end());
    graph_.head(node) = static_cast<std::uint32_t>(place);
  }
  void push_container(PickleKind kind, Part part) {
    const std::span<const Node> values = marked();
    const Node node = add(kind, 0);
    add_part(node, kind, part, values);
    replace(values, node);
  }
  /// Moves the values down to the last mark into the container below that.
  void move_marked(PickleKind kind, Part part) {
    const std::span<const Node> values = marked();
    add_part(stack_[stack_.size() - values.size() - 1], kind, part, values);
    replace(values);
  }

  /// The number in the argument of an opcode of the memo.
  [[nodiscard]] std::size_t memo_place() const {
    std::optional<std::uint64_t> place;
    if (step_.opcode->lines > 0) {
      place = parse_number<std::uint64_t>(step_.argument);
    } else {
      std::uint64_t number = 0;
      std::memcpy(&number, step_.argument.data(), step_.argument.size());
      place = number;
    }
    if (!place || *place >= memo_.size())
      refuse(" with a number beyond the ", memo_.size() - 1, " objects that it remembers");
    return static_cast<std::size_t>(*place);
  }
  void remember(std::size_t place) {
    if (place >= memo_.size()) refuse(" with a number beyond what it remembers");
    if (memo_[place] == absent) ++remembered_;
    memo_[place] = stack_.back();
  }
  void recall() {
    const Node node = memo_[memo_place()];
    if (node == absent) refuse(" of an object that it does not remember");
    push(node);
  }

  void take();

  std::string origin_;
  PickleGraph graph_;
  PickleStep step_;
  std::size_t at_ = 0, remembered_ = 0;
  std::vector<Node> stack_, memo_;
  std::vector<std::size_t> marks_;
};

/// Does what one opcode says.
inline void PickleMachine::take() {
  const char byte = graph_.pickle_[at_];
  switch (step_.opcode->code) {
    case '(':
      return marks_.push_back(stack_.size());
    case '0':
      if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back();
      return static_cast<void>(pop());
    case '1':
      return replace(marked());
    case '2':
      return push(stack_.back());
    case 'N':
    case 0x89:
    case 0x88:
    case ')':
      return push(static_cast<Node>(std::string_view("N\x89\x88)").find(byte)));
    case 'I':
      if (step_.argument == "00" || step_.argument == "01")
        return push(step_.argument == "01" ? yes : no);
      return push_leaf(PickleKind::integer);
    case 'V':  // with escapes only in texts that are no names
      return push_leaf(step_.argument.find('\\') == step_.argument.npos ? PickleKind::text
                                                                        : PickleKind::other);
    case 0x93: {
      const Node name = pop(), module = pop();
      if (graph_.kind(name) != PickleKind::text || graph_.kind(module) != PickleKind::text)
        refuse(" of a name that is no text");
      return push(add(PickleKind::global, module, name));
    }
    case 'Q':
      return push(add(PickleKind::persistent, pop()));
    case 0x85:
    case 0x86:
    case 0x87:
      return push_tuple(last(step_.opcode->items));
    case 't':
      return push_tuple(marked());
    case ']':
      return push(add(PickleKind::list, 0));
    case '}':
      return push(add(PickleKind::dict, 0));
    case 0x8f:
      return push(add(PickleKind::set, 0));
    case 'l':
      return push_container(PickleKind::list, Part::elements);
    case 'd':
      return push_container(PickleKind::dict, Part::items);
    case 0x91:
      return replace(marked(), add(PickleKind::set, 0));
    case 'a':
      add_part(stack_[stack_.size() - 2], PickleKind::list, Part::elements, last(1));
      return replace(last(1));
    case 'e':
      return move_marked(PickleKind::list, Part::elements);
    case 's':
      add_part(stack_[stack_.size() - 3], PickleKind::dict, Part::items, last(2));
      return replace(last(2));
    case 'u':
      return move_marked(PickleKind::dict, Part::items);
    case 0x90:
      replace(marked());
      if (graph_.kind(stack_.back()) != PickleKind::set) refuse(" into what is no set");
      return;
    case 'b':
      add_part(stack_[stack_.size() - 2], PickleKind::call, Part::state, last(1));
      return replace(last(1));
    case 'R':
    case 0x81:
      return replace(last(2), call(last(2)[0], last(2)[1]));
    case 0x92:
      return replace(last(3), call(last(3)[0], last(3)[1]));
    case 'o': {
      const std::span<const Node> values = marked();
      if (values.empty()) refuse(" without a class");
      return replace(values, call(values[0], tuple_of(values.subspan(1))));
    }
    case 'i': {
      const std::span<const Node> values = marked();
      const Node callee = add(PickleKind::global, step_.at);
      return replace(values, call(callee, tuple_of(values)));
    }
    case 'p':
    case 'q':
    case 'r':
      return remember(memo_place());
    case 0x94:
      return remember(remembered_);
    case 'g':
    case 'h':
    case 'j':
      return recall();
    case 0x80:
      if (static_cast<unsigned char>(step_.argument[0]) > 5)
        refuse(" of a protocol that is not known; 0 to 5 are");
      return;
    case 0x95:
      if (number_at<std::uint64_t>(step_.argument, 0) > graph_.pickle_.size() - step_.end)
        refuse(" of a frame beyond its end");
      return;
    case 0x97:
    case 0x98:
      refuse(", which needs bytes that lie outside the file");
    case '.':
      graph_.root_ = pop();
      return;
    default:
      push_leaf(step_.opcode->leaf);
  }
}

}  // namespace detail

}  // namespace spat
