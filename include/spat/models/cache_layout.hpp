// models. What a cache was laid out for, to notice that its model has changed since.
#pragma once

#include <spat/models/concepts.hpp>

#include <optional>

namespace spat::inline SPAT_ABI {

/// Everything that the layout of a model's cache depends on: the batch's sizes, the model's form
/// (sizes and kept modules), and whether it has dropout. Comparing two layouts costs nothing beside
/// a forward pass, so it is compared before each one: a model that was assigned another one, or
/// whose dropout was switched on, has its caches laid out again.
///
/// A form without operator== and a model without dropout() are taken to stay as they are.
template <class Model>
class CacheLayout {
 public:
  CacheLayout() = default;
  CacheLayout(const Model& model, std::size_t samples, std::size_t channels)
      : samples_(samples), channels_(channels) {
    if constexpr (has_form) form_ = model.form;
    if constexpr (requires { model.dropout(); }) drops_ = model.dropout() > 0;
  }
  friend bool operator==(const CacheLayout&, const CacheLayout&) = default;

 private:
  static constexpr bool has_form = requires(const Model& m) {
    { m.form == m.form } -> std::convertible_to<bool>;
  };
  static auto form_type() {  // only for its return type; never called
    if constexpr (has_form)
      return std::optional<decltype(Model::form)>();
    else
      return std::optional<bool>();
  }

  std::size_t samples_ = 0, channels_ = 0;
  decltype(form_type()) form_;
  bool drops_ = false;
};

}  // namespace spat
