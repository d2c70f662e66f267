// models. The sizes of a model that is imported: what tensors' shapes, the file's own records and
// the user say of them, and what has to be asked for.
#pragma once

#include <spat/core/module_mask.hpp>
#include <spat/models/import/named_tensors.hpp>
#include <spat/models/import/records.hpp>

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A size that the user gives, and the option, for messages.
struct GivenSize {
  std::size_t value = 0;
  std::string option = {};
};

/// A size that nothing says, with what is known of it.
struct AskedSize {
  std::string field, hint;
};

/// The sizes of an imported model by the fields of its configuration. A size comes from the shapes,
/// else from the user, else from the records; a size from the user must not contradict the others.
class ImportSizes {
 public:
  struct Known {
    std::size_t value = 0;
    enum class Source { shape, given, record, derived, assumed } source = Source::shape;
    std::string from = {};  // the tensor, the option, the record, or the reason
  };

  ImportSizes(const NamedTensors& tensors, std::map<std::string, GivenSize> given)
      : tensors_(&tensors), given_(std::move(given)), records_(tensors.file()) {}

  [[nodiscard]] const NamedTensors& tensors() const { return *tensors_; }
  [[nodiscard]] const CheckpointRecords& records() const { return records_; }
  [[nodiscard]] const std::map<std::string, Known>& known() const { return known_; }
  [[nodiscard]] const std::vector<AskedSize>& asked() const { return asked_; }

  /// The value of a field that is known.
  [[nodiscard]] std::optional<std::size_t> value(const std::string& field) const {
    const auto found = known_.find(field);
    return found == known_.end() ? std::nullopt : std::optional(found->second.value);
  }
  /// The extent of a tensor along an axis, if the file has the tensor. Throws ShapeError if it has
  /// another number of dimensions.
  [[nodiscard]] std::optional<std::size_t> extent(std::string_view tensor, std::size_t axis,
                                                  std::size_t dimensions) const {
    const TensorInfo* const found = tensors_->find(tensor);
    if (!found) return {};
    if (found->shape.size() != dimensions)
      throw ShapeError(message(origin(), ": tensor ", in_quotes(found->name), ": expected ",
                               dimensions, " dimensions, found shape ", shape_text(found->shape)));
    return found->shape[axis];
  }

  /// Takes a field from the extent of a tensor. Throws ConfigError if the user says another value.
  void take(const std::string& field, std::string_view tensor, std::size_t axis,
            std::size_t dimensions) {
    if (const auto size = extent(tensor, axis, dimensions))
      find(field, *size,
           message(tensors_->find(tensor)->name, " ", shape_text(tensors_->find(tensor)->shape)));
  }
  /// Takes the number of layers `before`0., `before`1., ...
  void take_count(const std::string& field, const std::string& before) {
    const std::size_t count = tensors_->count(before, most_modules);
    if (count > 0) find(field, count, message(before, count - 1));
  }
  /// Sets a field that the shapes say in `from`. Throws ConfigError if the user says another value.
  void find(const std::string& field, std::size_t size, const std::string& from) {
    const auto given = given_.find(field);
    if (given != given_.end() && given->second.value != size)
      throw ConfigError(
          message(given->second.option, ": ", origin(), " has ", field, " ", size, ", by ", from));
    known_[field] = {size, Known::Source::shape, from};
  }
  /// Sets a field that follows from other fields.
  void derive(const std::string& field, std::size_t size, const std::string& from) {
    known_[field] = {size, Known::Source::derived, from};
  }

  /// Takes a field that no shape says from the user or the records. Throws ConfigError if the two
  /// differ.
  std::optional<std::size_t> hear(const std::string& field) {
    const auto record = records_.size_of(field);
    if (const auto given = given_.find(field); given != given_.end()) {
      if (record && record->value != given->second.value)
        throw ConfigError(message(given->second.option, ": ", origin(), " has ", record->key, " = ",
                                  record->value));
      known_[field] = {given->second.value, Known::Source::given, given->second.option};
    } else if (record) {
      known_[field] = {record->value, Known::Source::record, record->key};
    }
    return value(field);
  }
  /// Takes a field from the user or the records, or asks for it.
  void need(const std::string& field, const std::string& hint) {
    if (!hear(field)) asked_.push_back({field, hint});
  }
  /// Takes a field from the user or the records, or assumes it.
  void assume(const std::string& field, std::size_t size, const std::string& why) {
    if (!hear(field)) known_[field] = {size, Known::Source::assumed, why};
  }

  /// Throws ConfigError if the file records another value of `key`, such as another activation:
  /// the library's model would compute other numbers.
  void expect_record(std::string_view key, std::initializer_list<std::string_view> values) const {
    const auto found = records_.text_of(key);
    if (!found) return;
    for (const std::string_view value : values)
      if (same(found->value, value)) return;
    throw ConfigError(message(origin(), ": ", found->key, " = ", found->value,
                              ": the library's model has ", *values.begin(),
                              ", and would forecast other numbers"));
  }

 private:
  [[nodiscard]] const std::string& origin() const { return tensors_->file().path(); }
  [[nodiscard]] static bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
  }
  [[nodiscard]] static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }

  const NamedTensors* tensors_;
  std::map<std::string, GivenSize> given_;
  CheckpointRecords records_;
  std::map<std::string, Known> known_ = {};
  std::vector<AskedSize> asked_ = {};
};

}  // namespace spat
