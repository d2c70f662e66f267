// models. The tensors of a foreign checkpoint by the names of a model: the prefix that wrappers
// added, other names for the same tensor, and a map for what remains.
#pragma once

#include <spat/io/safetensors_file.hpp>
#include <spat/models/import/name_map.hpp>
#include <spat/models/import/nearest_name.hpp>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Two prefixes of one tensor's names: {ours, theirs}.
using NameAlias = std::array<std::string_view, 2>;

/// The tensors of a file by the names of a model. A tensor is looked for by the lines of the map,
/// under the prefix, and under the prefix by the model's other names.
class NamedTensors {
 public:
  /// Finds the prefix under which most of `names`, the model's, have a tensor in the file, unless
  /// it is given. The file must outlive the object. Throws FileError if no name is found, and
  /// ConfigError if two prefixes have as many tensors each, for a prefix that no tensor has, and
  /// for a line of the map whose left side no tensor has.
  NamedTensors(const SafetensorsFile& file, std::string model,
               const std::vector<std::string>& names, std::vector<NameAlias> aliases, NameMap map,
               const std::optional<std::string>& prefix)
      : file_(&file), model_(std::move(model)), aliases_(std::move(aliases)), map_(std::move(map)) {
    check_map();
    find_prefix(names, prefix);
  }

  [[nodiscard]] const SafetensorsFile& file() const { return *file_; }
  [[nodiscard]] const NameMap& map() const { return map_; }
  /// What stands before the names of the model: "module.", or nothing.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// Whether a tensor of the file has the prefix.
  [[nodiscard]] bool is_inside(std::string_view theirs) const {
    return theirs.starts_with(prefix_);
  }

  /// The tensor that the file has for our name; null if it has none.
  [[nodiscard]] const TensorInfo* find(std::string_view ours) const {
    for (const std::string& theirs : spellings(ours))
      if (const TensorInfo* const tensor = file_->find(theirs)) return tensor;
    return nullptr;
  }
  /// Whether the file has a tensor whose name begins with `ours`.
  [[nodiscard]] bool has_under(std::string_view ours) const {
    for (const std::string& theirs : spellings(ours))
      if (const auto next = sorted_.lower_bound(theirs);
          next != sorted_.end() && next->starts_with(theirs))
        return true;
    return false;
  }
  /// One more than the largest number N, up to `most`, for which a name begins with `ours`N. ; 0 if
  /// there is none.
  [[nodiscard]] std::size_t count(const std::string& ours, std::size_t most) const {
    std::size_t count = 0;
    for (std::size_t n = 0; n <= most; ++n)
      if (has_under(message(ours, n, "."))) count = n + 1;
    return count;
  }

 private:
  /// The names that the map has for a tensor, or a prefix of tensors.
  [[nodiscard]] std::vector<std::string> mapped(std::string_view ours) const {
    std::vector<std::string> all;
    for (const NameMap::Line& line : map_.lines)
      if (line.is_prefix() ? ours.starts_with(line.ours) : ours == line.ours)
        all.push_back(message(line.theirs, ours.substr(line.ours.size())));
    return all;
  }
  /// The names that it has under a prefix.
  [[nodiscard]] std::vector<std::string> under(std::string_view prefix,
                                               std::string_view ours) const {
    std::vector<std::string> all{message(prefix, ours)};
    for (const auto& [mine, theirs] : aliases_)
      if (ours.starts_with(mine)) all.push_back(message(prefix, theirs, ours.substr(mine.size())));
    return all;
  }
  [[nodiscard]] std::vector<std::string> spellings(std::string_view ours) const {
    std::vector<std::string> all = mapped(ours);
    for (std::string& name : under(prefix_, ours)) all.push_back(std::move(name));
    return all;
  }

  void check_map() {
    for (const TensorInfo& tensor : file_->tensors()) sorted_.insert(tensor.name);
    for (const NameMap::Line& line : map_.lines) {
      const auto next = sorted_.lower_bound(line.theirs);
      if (next != sorted_.end() &&
          (line.is_prefix() ? next->starts_with(line.theirs) : *next == line.theirs))
        continue;
      const auto* const closest =
          nearest(line.theirs, sorted_, [](std::string_view name) { return name; });
      throw ConfigError(
          message(map_.place(line), file_->path(), " has no tensor ",
                  line.is_prefix() ? "under " : "", in_quotes(line.theirs),
                  closest ? message("; nearest: ", in_quotes(*closest)) : std::string()));
    }
  }

  void find_prefix(const std::vector<std::string>& names, const std::optional<std::string>& given) {
    std::map<std::string, std::size_t, std::less<>> places;  // of spellings, without a prefix
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::ranges::none_of(mapped(names[i]),
                               [&](const std::string& name) { return file_->contains(name); }))
        for (const std::string& name : under("", names[i])) places.emplace(name, i);
    std::map<std::string_view, std::map<std::size_t, std::string_view>> found;
    for (const std::string_view theirs : sorted_)
      for (std::size_t at = 0;;) {
        const auto place = places.find(theirs.substr(at));
        if (place != places.end()) found[theirs.substr(0, at)].emplace(place->second, theirs);
        const std::size_t point = theirs.find('.', at);
        if (point == std::string_view::npos) break;
        at = point + 1;
      }
    if (given) return take(*given, found);
    const std::pair<const std::string_view, std::map<std::size_t, std::string_view>>*best = nullptr,
                                                                  *rival = nullptr;
    for (const auto& one : found)  // a prefix comes before the longer ones that begin with it
      if (!best || one.second.size() > best->second.size())
        best = &one, rival = nullptr;
      else if (one.second.size() == best->second.size() && !share(best->second, one.second))
        rival = &one;
    if (rival)
      throw ConfigError(message(file_->path(), ": two prefixes have as many tensors of ", model_,
                                ": ", in_quotes(best->first), " and ", in_quotes(rival->first),
                                "; --prefix chooses one of them"));
    if (best) {
      prefix_ = best->first;
      return;
    }
    if (map_.lines.empty())
      throw FileError(message(file_->path(), ": no tensor has a name of ", model_,
                              "; the file has ", examples(), "; the model has ",
                              in_quotes(names.front()), " and others; --map joins names"));
  }

  template <class Found>
  void take(const std::string& given, const Found& found) {
    for (const std::string& one : {given, message(given, ".")})
      if (found.contains(one)) {
        prefix_ = one;
        return;
      }
    std::string known;
    for (const auto& [prefix, tensors] : found)
      known.append(known.empty() ? "" : ", ").append(in_quotes(prefix));
    throw ConfigError(message(file_->path(), ": no tensor of ", model_, " is under the prefix ",
                              in_quotes(given), known.empty() ? "" : "; there are some under ",
                              known));
  }
  template <class Tensors>
  [[nodiscard]] static bool share(const Tensors& a, const Tensors& b) {
    std::set<std::string_view> names;
    for (const auto& [place, name] : a) names.insert(name);
    return std::ranges::any_of(b, [&](const auto& one) { return names.contains(one.second); });
  }
  [[nodiscard]] std::string examples() const {
    if (sorted_.empty()) return "none at all";
    std::string text;
    std::size_t shown = 0;
    for (const std::string_view name : sorted_) {
      if (++shown > 3) break;
      text.append(text.empty() ? "" : ", ").append(in_quotes(name));
    }
    return sorted_.size() > 3 ? message(text, " and ", sorted_.size() - 3, " more") : text;
  }

  const SafetensorsFile* file_;
  std::string model_;
  std::vector<NameAlias> aliases_;
  NameMap map_;
  std::set<std::string_view> sorted_ = {};
  std::string prefix_ = {};
};

}  // namespace spat
