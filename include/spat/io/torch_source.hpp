// io. Where the pickle and the storages of a PyTorch file lie, in each of its two formats.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/bytes.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/pickle.hpp>
#include <spat/io/torch_tensor.hpp>
#include <spat/io/zip_archive.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The storages that a pickle refers to, each once, by key.
class TorchStorages {
 public:
  /// Throws FileError if two references to a storage differ.
  TorchStorages(const PickleGraph& graph, const std::string& origin) : graph_(&graph) {
    for (PickleGraph::Node node = 0; node < graph.size(); ++node) {
      if (torch_storage(graph, node)) by_key_.push_back(node);
    }
    const auto key = [&](PickleGraph::Node node) { return torch_storage(graph, node)->key; };
    std::ranges::sort(by_key_, {}, key);
    const auto differ = [&](PickleGraph::Node a, PickleGraph::Node b) {
      const auto one = torch_storage(graph, a), other = torch_storage(graph, b);
      return one->key == other->key &&
             (one->element != other->element || one->elements != other->elements);
    };
    const auto two = std::ranges::adjacent_find(by_key_, differ);
    if (two != by_key_.end()) {
      throw FileError(message(origin, ": storage ", in_quotes(key(*two)),
                              " is named twice, with different sizes or types"));
    }
    const auto same = [&](PickleGraph::Node a, PickleGraph::Node b) { return key(a) == key(b); };
    by_key_.erase(std::unique(by_key_.begin(), by_key_.end(), same), by_key_.end());
  }

  [[nodiscard]] std::size_t size() const { return by_key_.size(); }
  /// The place of a storage in the order of keys; nothing if there is none of that key.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view key) const {
    const auto found = std::ranges::lower_bound(by_key_, key, {}, [&](PickleGraph::Node node) {
      return torch_storage(*graph_, node)->key;
    });
    if (found == by_key_.end() || torch_storage(*graph_, *found)->key != key) return std::nullopt;
    return static_cast<std::size_t>(found - by_key_.begin());
  }
  [[nodiscard]] TorchStorage operator[](std::size_t i) const {
    return *torch_storage(*graph_, by_key_[i]);
  }

 private:
  const PickleGraph* graph_;
  std::vector<PickleGraph::Node> by_key_;
};

/// A file of torch.save since version 1.6: a zip archive with the pickle NAME/data.pkl and each
/// storage in NAME/data/KEY.
class TorchZip {
 public:
  static constexpr std::string_view name = "zip";

  TorchZip(std::istream& stream, const std::string& origin, const TorchLimits& limits)
      : origin_(origin), size_(stream_size(stream, origin)), archive_(stream, origin) {
    const ZipEntry& entry = find_pickle();
    for (const ZipEntry& each : archive_.entries()) {
      if (each.method != 0) (void)archive_.read(each);  // which refuses it
    }
    if (entry.bytes > limits.pickle.bytes) {
      refuse("its pickle of ", entry.bytes, " bytes is larger than the ", limits.pickle.bytes,
             " allowed");
    }
    const ZipEntry* const order = archive_.find(message(folder_, "byteorder"));
    if (order != nullptr && (order->bytes > 16 || archive_.read(*order) != "little"))
      refuse("its numbers are not little-endian; save it again on a machine where they are");
    pickle_ = archive_.read(entry);
    graph_ = read_pickle(pickle_, origin_, limits.pickle);
    if (graph_.bytes() != pickle_.size())
      refuse(pickle_.size() - graph_.bytes(), " bytes follow its pickle");
    (void)TorchStorages(graph_, origin_);
  }
  TorchZip(const TorchZip&) = delete;
  TorchZip& operator=(const TorchZip&) = delete;
  ~TorchZip() = default;

  [[nodiscard]] const PickleGraph& graph() const { return graph_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The bytes of a storage, which `tensor` needs.
  [[nodiscard]] std::string read(const TorchStorage& storage, std::string_view tensor) const {
    const auto refuse_storage = [&](const auto&... parts) {
      refuse("tensor ", in_quotes(tensor), ": its storage ", in_quotes(storage.key), parts...);
    };
    const ZipEntry* const entry = archive_.find(message(folder_, "data/", storage.key));
    if (entry == nullptr) refuse_storage(" is missing from the archive");
    if (storage.bytes() != entry->bytes) {
      refuse_storage(" of ", storage.elements, " elements has ", entry->bytes,
                     " bytes in the archive");
    }
    return archive_.read(*entry);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw FileError(message(origin_, ": ", parts...));
  }
  [[nodiscard]] const ZipEntry& find_pickle() {
    constexpr std::string_view pickle = "data.pkl";
    const ZipEntry* found = nullptr;
    for (const ZipEntry& entry : archive_.entries()) {
      if (entry.name != pickle && !entry.name.ends_with("/data.pkl")) continue;
      if (found != nullptr)
        refuse("has two pickles, ", in_quotes(found->name), " and ", in_quotes(entry.name));
      found = &entry;
    }
    if (found == nullptr) refuse("is a zip archive, but not of torch.save: it has no data.pkl");
    folder_ = found->name.substr(0, found->name.size() - pickle.size());
    for (const ZipEntry& entry : archive_.entries()) {
      if (!entry.name.starts_with(folder_))
        refuse("entry ", in_quotes(entry.name), " lies outside ", in_quotes(folder_));
      const std::string_view rest = std::string_view(entry.name).substr(folder_.size());
      if (rest == "constants.pkl" || rest.starts_with("code/")) {
        refuse("is a TorchScript archive (it has ", in_quotes(rest),
               "); in Python, save torch.jit.load(path).state_dict() instead");
      }
    }
    return *found;
  }

  std::string origin_, folder_, pickle_;
  std::uint64_t size_;
  ZipArchive archive_;
  PickleGraph graph_;
};

/// Whether a file starts as torch.save wrote it before version 1.6: with the pickle of a number.
[[nodiscard]] inline bool is_legacy_torch(std::string_view start) {
  constexpr std::string_view number = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  return start.starts_with('\x80') && start.substr(0, 32).find(number) != start.npos;
}

/// A file of torch.save before version 1.6: the pickles of a number, of a version, of what the
/// machine was, of the object and of the keys of its storages, then per key the number of elements
/// in 8 bytes and the elements.
class TorchLegacy {
 public:
  static constexpr std::string_view name = "legacy";

  TorchLegacy(std::istream& stream, const std::string& origin, const TorchLimits& limits)
      : stream_(&stream), origin_(origin), size_(stream_size(stream, origin)) {
    // The pickles before and after the object's are small.
    const std::uint64_t most = limits.pickle.bytes + std::uint64_t{limits.pickle.bytes} / 4 + 4096;
    pickles_.resize(static_cast<std::size_t>(std::min(size_, most)));
    read_at(stream, origin, 0, pickles_.data(), pickles_.size());
    std::string_view rest = pickles_;
    const auto next = [&] {
      PickleGraph graph = read_pickle(rest, origin_, limits.pickle);
      rest.remove_prefix(graph.bytes());
      return graph;
    };
    (void)next();
    check_version(next());
    check_machine(next());
    graph_ = next();
    const PickleGraph keys = next();
    const TorchStorages storages(graph_, origin_);
    find_storages(keys, storages, pickles_.size() - rest.size());
  }
  TorchLegacy(const TorchLegacy&) = delete;
  TorchLegacy& operator=(const TorchLegacy&) = delete;
  ~TorchLegacy() = default;

  [[nodiscard]] const PickleGraph& graph() const { return graph_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The bytes of a storage, which `tensor` needs.
  [[nodiscard]] std::string read(const TorchStorage& storage, std::string_view tensor) const {
    const auto found = std::ranges::lower_bound(places_, storage.key, {}, &Place::key);
    if (found == places_.end() || found->key != storage.key) {
      refuse("tensor ", in_quotes(tensor), ": its storage ", in_quotes(storage.key),
             " is missing from the file");
    }
    std::string bytes(memory_size(*storage.bytes(), origin_), '\0');
    read_at(*stream_, origin_, found->begin, bytes.data(), bytes.size());
    return bytes;
  }

 private:
  struct Place {
    std::string_view key;
    std::uint64_t begin = 0;
  };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw FileError(message(origin_, ": ", parts...));
  }
  void check_version(const PickleGraph& version) const {
    if (version.kind(version.root()) != PickleKind::integer ||
        version.integer(version.root()) != 1001)
      refuse("is of a version of the older format of torch.save that is not known; 1001 is");
  }
  void check_machine(const PickleGraph& machine) const {
    bool little = true;
    if (machine.kind(machine.root()) != PickleKind::dict) refuse("does not say what wrote it");
    machine.for_each_item(machine.root(), [&](auto key, auto value) {
      if (machine.kind(key) == PickleKind::text && machine.text(key) == "little_endian")
        little = machine.kind(value) == PickleKind::truth && machine.truth(value);
    });
    if (!little)
      refuse("its numbers are not little-endian; save it again on a machine where they are");
  }
  /// Finds where each storage lies, and checks that they end where the file does.
  void find_storages(const PickleGraph& keys, const TorchStorages& storages, std::uint64_t at) {
    if (keys.kind(keys.root()) != PickleKind::list) refuse("has no list of its storages");
    places_.reserve(storages.size());
    keys.for_each_element(keys.root(), [&](PickleGraph::Node node) {
      const bool is_text = keys.kind(node) == PickleKind::text;
      const auto found = is_text ? storages.find(keys.text(node)) : std::nullopt;
      if (!found) refuse("lists a storage that no tensor refers to");
      const TorchStorage storage = storages[*found];
      const auto refuse_storage = [&](const auto&... parts) {
        refuse("storage ", in_quotes(storage.key), parts...);
      };
      if (storage.element == nullptr) refuse_storage(" is of a class that is not known");
      if (places_.size() == storages.size()) refuse_storage(" is listed twice");
      if (size_ - at < 8) refuse_storage(" is cut off");
      std::uint64_t elements = 0;
      read_at(*stream_, origin_, at, &elements, sizeof elements);
      at += sizeof elements;
      if (elements != storage.elements)
        refuse_storage(" has ", elements, " elements, but the pickle says ", storage.elements);
      const std::optional<std::uint64_t> bytes = storage.bytes();
      if (!bytes || *bytes > size_ - at) refuse_storage(" is cut off");
      places_.push_back({storage.key, at});
      at += *bytes;
    });
    if (at != size_) refuse(size_ - at, " bytes follow its storages");
    std::ranges::sort(places_, {}, &Place::key);
    const auto twice = std::ranges::adjacent_find(places_, {}, &Place::key);
    if (twice != places_.end()) refuse("storage ", in_quotes(twice->key), " is listed twice");
  }

  std::istream* stream_;
  std::string origin_, pickles_;
  std::uint64_t size_;
  std::vector<Place> places_;
  PickleGraph graph_;
};

}  // namespace detail

}  // namespace spat
