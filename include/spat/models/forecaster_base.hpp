// models. What the library's forecasters have beside their layers: a shape, a dropout rate, checks of a batch.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/shape.hpp>

#include <utility>

namespace spat::inline SPAT_ABI {

/// Nothing here is asked of a user's own model: it spares the library's models a page each.
template <std::floating_point Scalar, class ModelShape>
class ForecasterBase {
 public:
  using Value = Scalar;
  using Shape = ModelShape;
  using Config = typename ModelShape::Config;

  [[no_unique_address]] Shape shape;

  [[nodiscard]] const Config& config() const { return shape.value; }
  /// The rate that set_dropout() was given.
  [[nodiscard]] double dropout() const { return dropout_; }

 protected:
  /// Throws ConfigError with the rule and the values for sizes that do not fit together.
  explicit ForecasterBase(Shape model_shape) : shape(normalized(model_shape)) {}

  /// Modules [first, first + count) of the mask in the type, from bit 0 on; 0 where the mask is a member.
  static constexpr std::uint64_t static_mask(std::size_t first = 0, std::size_t count = most_modules) {
    if constexpr (Shape::is_static)
      return Shape::value.kept.bits >> first & ModuleMask<>::first(count).bits;
    else
      return 0;
  }
  /// The same of the mask that is in force.
  [[nodiscard]] std::uint64_t mask(std::size_t first = 0, std::size_t count = most_modules) const {
    return config().kept.bits >> first & ModuleMask<>::first(count).bits;
  }

  void keep_dropout(double rate) {
    if (!(rate >= 0 && rate < 1)) throw ConfigError(detail::message("dropout must lie in [0, 1), found ", rate));
    dropout_ = rate;
  }

  /// Throws ShapeError unless what a batch has is what the cache was laid out for.
  static void expect(const char* model, const char* what, std::size_t expected, std::size_t found) {
    if (expected != found)
      throw ShapeError(detail::message(model, ": ", what, ": expected ", expected, ", found ", found));
  }
  /// Samples, channels and rows of the history.
  void expect_history(const char* model, const WindowBatch<Scalar>& batch, std::size_t samples,
                      std::size_t channels) const {
    expect(model, "samples", samples, batch.samples);
    expect(model, "channels", channels, batch.channels());
    expect(model, "lookback rows of history", samples * config().lookback, batch.history.rows());
  }
  /// Time marks of `rows` rows, where a model reads them.
  void expect_marks(const char* model, const char* what, const Batch<const Scalar>& marks, std::size_t rows) const {
    if (config().marks > 0 && marks.rows() == 0)
      throw ConfigError(detail::message(model, " needs ", config().marks, " ", what, " a row, the batch has none"));
    expect(model, what, config().marks, marks.cols());
    expect(model, "rows of marks", rows, marks.rows());
  }

 private:
  static Shape normalized(Shape model_shape) {
    if constexpr (!Shape::is_static) {
      model_shape.value.check();
      model_shape.value.kept.bits &= ModuleMask<>::first(model_shape.value.modules()).bits;
    }
    return model_shape;
  }

  double dropout_ = 0;
};

namespace detail {

/// Throws ConfigError "rule: a, b" unless it holds.
template <class... Values>
void require_rule(bool holds, std::string_view rule, const Values&... values) {
  if (holds) return;
  std::string text(rule);
  const char* before = ": ";
  ((text.append(std::exchange(before, ", ")), append(text, values)), ...);
  throw ConfigError(text);
}

}  // namespace detail

}  // namespace spat
