// io. The tensors of a PyTorch file: what their elements are, which storage they view, and how.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/pickle_graph.hpp>
#include <spat/io/safetensors_header.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What a PyTorch file may have. Beyond it, it is refused before memory is taken for it.
struct TorchLimits {
  PickleLimits pickle{};
  std::size_t nesting = 64;        // dicts, lists and objects inside each other
  std::size_t visits = 1'000'000;  // values that are looked at, a shared one once per path
  std::size_t name = 1'000;        // bytes of a tensor's name
  std::size_t scalars = 2'000;     // numbers and texts that come out; further ones do not
  std::size_t text = 1'000;        // bytes of a text that comes out
  std::uint64_t sharing = 16;      // bytes of tensors per byte of the file
};

namespace detail {

/// The elements of a storage, by the storage's class. A `problem` says why they make no tensor.
struct TorchElement {
  std::string_view storage;
  std::size_t bytes;
  Dtype dtype;
  std::string_view problem;
};
inline constexpr std::array<TorchElement, 18> torch_elements{{
    {"FloatStorage", 4, Dtype::f32, {}},
    {"DoubleStorage", 8, Dtype::f64, {}},
    {"HalfStorage", 2, Dtype::f16, {}},
    {"BFloat16Storage", 2, Dtype::bf16, {}},
    {"LongStorage", 8, Dtype::i64, {}},
    {"IntStorage", 4, Dtype::i32, {}},
    {"ShortStorage", 2, Dtype::i16, {}},
    {"CharStorage", 1, Dtype::i8, {}},
    {"ByteStorage", 1, Dtype::u8, {}},
    {"BoolStorage", 1, Dtype::boolean, {}},
    {"ComplexFloatStorage", 8, Dtype::u8, "its elements are complex numbers"},
    {"ComplexDoubleStorage", 16, Dtype::u8, "its elements are complex numbers"},
    {"QInt8Storage", 1, Dtype::u8, "it is quantized"},
    {"QUInt8Storage", 1, Dtype::u8, "it is quantized"},
    {"QInt32Storage", 4, Dtype::u8, "it is quantized"},
    {"QUInt4x2Storage", 1, Dtype::u8, "it is quantized"},
    {"QUInt2x4Storage", 1, Dtype::u8, "it is quantized"},
    {"UntypedStorage", 1, Dtype::u8, "its storage has no type"},
}};

/// A storage as a pickle refers to it: ('storage', class, key, device, number of elements).
struct TorchStorage {
  std::string_view key;
  const TorchElement* element = nullptr;
  std::uint64_t elements = 0;

  /// At most 2^63 elements of 16 bytes: nothing if they are more than a file can have.
  [[nodiscard]] std::optional<std::uint64_t> bytes() const {
    if (elements > std::numeric_limits<std::uint64_t>::max() / element->bytes) return std::nullopt;
    return elements * element->bytes;
  }
};

/// A storage from the node that refers to it; nothing if that refers to something else. `element`
/// is null if the storage's class is not known.
[[nodiscard]] inline std::optional<TorchStorage> torch_storage(const PickleGraph& graph,
                                                               PickleGraph::Node node) {
  if (graph.kind(node) != PickleKind::persistent) return std::nullopt;
  const PickleGraph::Node reference = graph.reference(node);
  if (graph.kind(reference) != PickleKind::tuple) return std::nullopt;
  const std::span<const PickleGraph::Node> parts = graph.tuple(reference);
  if (parts.size() < 5 || graph.kind(parts[0]) != PickleKind::text ||
      graph.text(parts[0]) != "storage" || graph.kind(parts[1]) != PickleKind::global ||
      graph.kind(parts[2]) != PickleKind::text || graph.kind(parts[4]) != PickleKind::integer)
    return std::nullopt;
  if (parts.size() > 5 && graph.kind(parts[5]) != PickleKind::none) return std::nullopt;
  const std::optional<std::int64_t> elements = graph.integer(parts[4]);
  if (!elements || *elements < 0) return std::nullopt;
  TorchStorage storage{.key = graph.text(parts[2]),
                       .element = nullptr,
                       .elements = static_cast<std::uint64_t>(*elements)};
  const PickleGraph::Global type = graph.global(parts[1]);
  const auto known = std::ranges::find(torch_elements, type.name, &TorchElement::storage);
  if (known != torch_elements.end() && (type.module == "torch" || type.module == "torch.storage"))
    storage.element = &*known;
  return storage;
}

/// A tensor: element i, j, ... is element offset + i * strides[0] + j * strides[1] + ... of its
/// storage.
struct TorchTensor {
  std::string name;
  PickleGraph::Node storage = 0;
  std::uint64_t offset = 0;
  std::vector<std::size_t> shape, strides;
};

/// Whether a node is a call that makes a tensor.
[[nodiscard]] inline bool makes_torch_tensor(const PickleGraph& graph, PickleGraph::Node node) {
  if (graph.kind(node) != PickleKind::call) return false;
  const PickleGraph::Node callee = graph.callee(node);
  if (graph.kind(callee) != PickleKind::global) return false;
  const PickleGraph::Global function = graph.global(callee);
  return (function.module == "torch._utils" || function.module == "torch._tensor") &&
         function.name.starts_with("_rebuild");
}

/// Makes tensors from the calls that PyTorch would make them with.
class TorchTensors {
 public:
  using Node = PickleGraph::Node;

  TorchTensors(const PickleGraph& graph, const std::string& origin)
      : graph_(&graph), origin_(origin) {}

  /// The tensor of a call for which makes_torch_tensor() holds; nothing, and the reason in
  /// `problem`, if it is none of plain numbers. Throws FileError if it views what its storage does
  /// not have.
  [[nodiscard]] std::optional<TorchTensor> tensor(Node call, const std::string& name,
                                                  std::string& problem) const {
    Node callee = graph_->callee(call);
    std::span<const Node> arguments = graph_->tuple(graph_->arguments(call));
    for (int depth = 0; depth < 4; ++depth) {
      const std::string_view function = graph_->global(callee).name;
      if (function == "_rebuild_tensor" || function == "_rebuild_tensor_v2")
        return view(arguments, name, problem);
      if (function.starts_with("_rebuild_parameter") && !arguments.empty() &&
          makes_torch_tensor(*graph_, arguments[0])) {
        callee = graph_->callee(arguments[0]);
        arguments = graph_->tuple(graph_->arguments(arguments[0]));
      } else if (function == "_rebuild_from_type_v2" && arguments.size() >= 3 &&
                 graph_->kind(arguments[0]) == PickleKind::global &&
                 graph_->global(arguments[0]).module == "torch._utils" &&
                 graph_->kind(arguments[2]) == PickleKind::tuple) {
        callee = arguments[0];
        arguments = graph_->tuple(arguments[2]);
      } else {
        problem = message("it is made by ", function, ", which is no plain tensor");
        return std::nullopt;
      }
    }
    problem = "it is a tensor of a tensor of a tensor";
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<TorchTensor> view(std::span<const Node> arguments,
                                                const std::string& name,
                                                std::string& problem) const {
    const auto refuse = [&](const auto&... parts) {
      throw FileError(message(origin_, ": tensor ", in_quotes(name), ": ", parts...));
    };
    if (arguments.size() < 4) refuse("expected a storage, offset, shape and strides");
    const std::optional<TorchStorage> storage = torch_storage(*graph_, arguments[0]);
    if (!storage) refuse("does not refer to a storage in the way of torch.save");
    TorchTensor tensor{.name = name, .storage = arguments[0], .shape = {}, .strides = {}};
    const std::optional<std::size_t> offset = number(arguments[1]);
    if (!offset || !numbers(arguments[2], tensor.shape) || !numbers(arguments[3], tensor.strides) ||
        tensor.shape.size() != tensor.strides.size() ||
        tensor.shape.size() > SafetensorsHeader::most_dimensions)
      refuse("its offset, shape or strides are broken");
    tensor.offset = *offset;
    if (storage->element == nullptr)
      problem = "the class of its storage is not known";
    else if (!storage->element->problem.empty())
      problem = storage->element->problem;
    else if (arguments.size() > 6 && !is_empty(arguments[6]))
      problem = "it is a conjugate or negative view";
    if (!problem.empty()) return std::nullopt;

    const std::string text = message("shape ", shape_text(tensor.shape), ", strides ",
                                     shape_text(tensor.strides), " and offset ", tensor.offset);
    const std::optional<std::uint64_t> bytes = bytes_of(tensor.shape, storage->element->bytes);
    const std::optional<std::uint64_t> end = end_of(tensor);
    if (!bytes || !end || *end > storage->elements) {
      refuse(text, " reach beyond the ", storage->elements, " elements of storage ",
             in_quotes(storage->key));
    }
    if (*bytes / storage->element->bytes > storage->elements) {
      refuse(text, " repeat elements of storage ", in_quotes(storage->key), ", which has only ",
             storage->elements, "; save tensor.contiguous()");
    }
    return tensor;
  }
  /// The place behind the last element that a tensor views; nothing if there is no such number.
  [[nodiscard]] static std::optional<std::uint64_t> end_of(const TorchTensor& tensor) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (std::ranges::find(tensor.shape, std::size_t{0}) != tensor.shape.end()) return 0;
    std::uint64_t last = tensor.offset;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      const std::uint64_t steps = tensor.shape[i] - 1, stride = tensor.strides[i];
      if (stride != 0 && steps > (most - last) / stride) return std::nullopt;
      last += steps * stride;
    }
    if (last == most) return std::nullopt;
    return last + 1;
  }
  [[nodiscard]] std::optional<std::size_t> number(Node node) const {
    if (graph_->kind(node) != PickleKind::integer) return std::nullopt;
    const std::optional<std::int64_t> value = graph_->integer(node);
    if (!value || !std::in_range<std::size_t>(*value)) return std::nullopt;
    return static_cast<std::size_t>(*value);
  }
  [[nodiscard]] bool numbers(Node node, std::vector<std::size_t>& values) const {
    if (graph_->kind(node) != PickleKind::tuple) return false;
    const std::span<const Node> elements = graph_->tuple(node);
    if (elements.size() > SafetensorsHeader::most_dimensions) return false;
    for (const Node element : elements) {
      const std::optional<std::size_t> value = number(element);
      if (!value) return false;
      values.push_back(*value);
    }
    return true;
  }
  /// Whether the flags of a view, a dict of names and truths, are missing or all false.
  [[nodiscard]] bool is_empty(Node node) const {
    if (graph_->kind(node) == PickleKind::none) return true;
    bool empty = graph_->kind(node) == PickleKind::dict;
    if (empty) {
      graph_->for_each_item(node, [&](Node, Node value) {
        empty = empty && graph_->kind(value) == PickleKind::truth && !graph_->truth(value);
      });
    }
    return empty;
  }

  const PickleGraph* graph_;
  std::string origin_;
};

/// Copies the elements of a tensor, one after another, from the bytes of its storage.
inline void copy_torch_tensor(const TorchTensor& tensor, std::size_t element,
                              std::string_view storage, std::span<char> to) {
  if (to.empty()) return;
  const std::size_t dimensions = tensor.shape.size();
  // Dimensions from `inner` on lie in the storage as they do in the result.
  std::size_t inner = dimensions, run = 1;
  while (inner > 0 && (tensor.shape[inner - 1] == 1 || tensor.strides[inner - 1] == run))
    run *= tensor.shape[--inner];
  const std::size_t bytes = run * element;
  std::vector<std::size_t> place(inner, 0);
  std::uint64_t at = tensor.offset;
  for (std::size_t done = 0; done < to.size(); done += bytes) {
    std::memcpy(to.data() + done, storage.data() + at * element, bytes);
    for (std::size_t i = inner; i-- > 0;) {
      at += tensor.strides[i];
      if (++place[i] < tensor.shape[i]) break;
      at -= place[i] * tensor.strides[i];
      place[i] = 0;
    }
  }
}

}  // namespace detail

}  // namespace spat
