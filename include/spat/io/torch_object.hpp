// io. Finds the tensors, numbers and texts in the object that a PyTorch file holds, by their paths.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/encoding.hpp>
#include <spat/io/json_text.hpp>
#include <spat/io/pickle_graph.hpp>
#include <spat/io/torch_tensor.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// What a PyTorch file holds: tensors in the order of the file, and numbers and texts by path.
struct TorchContent {
  std::vector<TorchTensor> tensors;
  std::map<std::string, std::string> texts;
  std::string skipped;  // a line per value that is left out: its path, and why
};

/// Walks through an object. Dicts, lists, tuples and the states of namespaces are gone into; other
/// objects are stepped over, but for what was put into them as into a dict or list.
class TorchWalk {
 public:
  using Node = PickleGraph::Node;

  TorchWalk(const PickleGraph& graph, const std::string& origin, const TorchLimits& limits)
      : graph_(graph), origin_(origin), limits_(limits), tensors_(graph, origin),
        room_(4 * graph.bytes() + 1'000'000), open_(graph.size(), false) {}

  /// The content of the whole object. Throws FileError if it is a module, has no tensors, has two
  /// values under one path, or is beyond the limits.
  [[nodiscard]] TorchContent run() {
    const Node root = graph_.root();
    if (is_module(root)) refuse_module(class_of(root), "");
    walk(root);
    if (content_.tensors.empty()) {
      if (!module_.empty()) refuse_module(module_, module_path_);
      refuse("holds no tensors", content_.skipped.empty() ? "" : "; left out were:\n",
             content_.skipped);
    }
    std::set<std::string_view> names;
    for (const TorchTensor& tensor : content_.tensors) {
      if (!names.insert(tensor.name).second || content_.texts.contains(tensor.name))
        refuse("holds two values named ", in_quotes(tensor.name));
    }
    return std::move(content_);
  }

 private:
  static constexpr std::size_t most_skipped = 50;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw FileError(message(origin_, ": ", parts...));
  }
  [[noreturn]] void refuse_module(std::string_view name, std::string_view path) const {
    const std::string place = path.empty() ? std::string() : message(" at ", in_quotes(path));
    refuse("holds an object of class ", in_quotes(name), place,
           ", whose code is needed to read it; in Python, save model.state_dict() instead");
  }

  /// Counts what is looked at, because shared values are looked at once per path.
  void look(std::size_t count = 1) {
    if (count > limits_.visits - visits_)
      refuse("holds more than ", limits_.visits, " values, counted once per path");
    visits_ += count;
  }
  void walk(Node node) {
    switch (graph_.kind(node)) {
      case PickleKind::truth:
        return add_text(graph_.truth(node) ? "true" : "false");
      case PickleKind::integer:
        if (const auto value = graph_.integer(node)) add_text(message(*value));
        return;
      case PickleKind::real:
        if (const auto value = graph_.real(node)) add_text(number_text(*value));
        return;
      case PickleKind::text:
        return add_text(graph_.text(node));
      case PickleKind::tuple:
      case PickleKind::list:
      case PickleKind::dict:
      case PickleKind::call:
        return enter(node);
      default:
        return;
    }
  }
  /// Walks through a node that has others in it, unless it is in itself.
  void enter(Node node) {
    if (open_[node]) return;
    if (depth_ == limits_.nesting)
      refuse("value ", in_quotes(path_), " is nested deeper than the ", limits_.nesting,
             " levels allowed");
    look(graph_.parts(node));
    open_[node] = true;
    ++depth_;
    const PickleKind kind = graph_.kind(node);
    if (kind == PickleKind::tuple) {
      std::size_t i = 0;
      for (const Node element : graph_.tuple(node)) child(message(i++), element);
    } else if (makes_torch_tensor(graph_, node)) {
      add_tensor(node);
    } else if (is_module(node)) {
      if (module_.empty()) {
        module_ = class_of(node);
        module_path_ = path_;
      }
      skip(message("it is an object of class ", class_of(node)));
    } else {
      if (kind == PickleKind::call) walk_call(node);
      walk_parts(node);
    }
    --depth_;
    open_[node] = false;
  }
  void walk_parts(Node node) {
    std::size_t i = 0;
    graph_.for_each_element(node, [&](Node element) { child(message(i++), element); });
    graph_.for_each_item(node, [&](Node key, Node value) { item(key, value); });
  }
  /// Goes into the state of a namespace, and into the pairs that an OrderedDict is made of.
  void walk_call(Node call) {
    const Node callee = graph_.callee(call);
    const std::optional<Node> state = graph_.state(call);
    if (state && (graph_.is_global(callee, "argparse", "Namespace") ||
                  graph_.is_global(callee, "types", "SimpleNamespace")))
      graph_.for_each_item(*state, [&](Node key, Node value) { item(key, value); });
    const auto arguments = graph_.tuple(graph_.arguments(call));
    if (graph_.is_global(callee, "collections", "OrderedDict") && arguments.size() == 1 &&
        graph_.kind(arguments[0]) == PickleKind::list) {
      graph_.for_each_element(arguments[0], [&](Node pair) {
        std::vector<Node> parts;
        if (graph_.kind(pair) == PickleKind::tuple && graph_.tuple(pair).size() == 2)
          parts.assign(graph_.tuple(pair).begin(), graph_.tuple(pair).end());
        else if (graph_.kind(pair) == PickleKind::list)
          graph_.for_each_element(pair, [&](Node part) {
            look();
            if (parts.size() < 3) parts.push_back(part);
          });
        if (parts.size() == 2) item(parts[0], parts[1]);
      });
    }
  }
  void item(Node key, Node value) {
    if (graph_.kind(key) == PickleKind::integer && graph_.integer(key))
      return child(message(*graph_.integer(key)), value);
    if (graph_.kind(key) != PickleKind::text) return child({}, value);
    const std::string_view name = graph_.text(key);
    if (name.size() < limits_.name && !is_utf8(name))
      refuse("holds a value in ", in_quotes(path_), " whose name is not UTF-8");
    child(name, value);
  }
  void child(std::string_view name, Node value) {
    look();
    if (name.empty()) return skip("a value in it has a key that is no name");
    if (path_.size() + name.size() >= limits_.name)
      return skip(message("a value in it has a name of more than ", limits_.name, " bytes"));
    const std::size_t size = path_.size();
    if (size > 0) path_.push_back('.');
    path_.append(name);
    walk(value);
    path_.resize(size);
  }

  void add_tensor(Node call) {
    std::string problem;
    const std::string name = path_.empty() ? std::string("tensor") : path_;
    std::optional<TorchTensor> tensor = tensors_.tensor(call, name, problem);
    if (!tensor) return skip(problem);
    if (name == "__metadata__") refuse("a tensor cannot be named ", in_quotes(name));
    const std::size_t size = sizeof(TorchTensor) + name.size() + 16 * tensor->shape.size();
    if (size > room_)
      refuse("holds more tensors under more names than its pickle of ", graph_.bytes(),
             " bytes can describe");
    room_ -= size;
    content_.tensors.push_back(std::move(*tensor));
  }
  void add_text(std::string_view text) {
    const std::size_t size = 128 + path_.size() + text.size();
    if (path_.empty() || path_.starts_with("torch.")) return;
    if (text.size() > limits_.text)
      return skip(message("it is a text of more than ", limits_.text, " bytes"));
    if (!is_utf8(text)) return skip("it is a text that is not UTF-8");
    if (content_.texts.size() == limits_.scalars || size > room_) {
      if (!std::exchange(full_, true))
        skip(message("this and further numbers and texts are more than ", limits_.scalars));
      return;
    }
    room_ -= size;
    if (!content_.texts.emplace(path_, text).second)
      refuse("holds two values named ", in_quotes(path_));
  }
  void skip(std::string_view reason) {
    if (skipped_ == most_skipped) return;
    const std::string_view path = path_.empty() ? std::string_view("the object") : path_;
    if (++skipped_ == most_skipped)
      content_.skipped.append("and more\n");
    else
      content_.skipped.append(message(path, ": ", to_utf8(reason.substr(0, 300)), "\n"));
  }
  [[nodiscard]] static std::string number_text(double value) {
    if (std::isfinite(value)) return json_number(value);
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }

  /// Whether a node is an object with the state of a module of PyTorch.
  [[nodiscard]] bool is_module(Node node) {
    if (graph_.kind(node) != PickleKind::call) return false;
    bool found = false;
    if (const std::optional<Node> state = graph_.state(node)) {
      graph_.for_each_item(*state, [&](Node key, Node) {
        look();
        found = found || (graph_.kind(key) == PickleKind::text &&
                          (graph_.text(key) == "_parameters" || graph_.text(key) == "_modules"));
      });
    }
    return found;
  }
  /// The class of the object that a call makes.
  [[nodiscard]] std::string class_of(Node call) const {
    Node callee = graph_.callee(call);
    const auto arguments = graph_.tuple(graph_.arguments(call));
    if (graph_.is_global(callee, "copyreg", "_reconstructor") && !arguments.empty())
      callee = arguments[0];
    if (graph_.kind(callee) != PickleKind::global) return "unknown";
    const PickleGraph::Global found = graph_.global(callee);
    return message(found.module.substr(0, 200), ".", found.name.substr(0, 200));
  }

  const PickleGraph& graph_;
  const std::string& origin_;
  const TorchLimits& limits_;
  TorchTensors tensors_;
  TorchContent content_;
  std::size_t room_, visits_ = 0, depth_ = 0, skipped_ = 0;
  bool full_ = false;
  std::vector<bool> open_;
  std::string path_, module_, module_path_;
};

}  // namespace detail

}  // namespace spat
