// models. What the library's forecasters have beside their layers: a form, a dropout rate, checks
// of a batch, and defaults.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/form.hpp>

#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Nothing here is asked of a user's own model: it spares the library's models a page each.
template <class Scalar, class ModelForm>
class ForecasterBase {
  static_assert(std::floating_point<Scalar>, "spat: a model computes in float or double");

 public:
  using Value = Scalar;
  using Form = ModelForm;
  using Config = typename ModelForm::Config;

  [[no_unique_address]] Form form;

  [[nodiscard]] const Config& config() const { return form.value; }
  /// The rate that set_dropout() was given.
  [[nodiscard]] double dropout() const { return dropout_; }

  /// Columns of a forecast from windows of `channels` channels: all of them.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }
  /// What no longer reaches the forecast, and inference leaves out: nothing.
  [[nodiscard]] std::vector<std::string> dead_parts() const { return {}; }
  /// The name of module i: there is none.
  [[nodiscard]] std::string module_name(std::size_t) const { return {}; }

 protected:
  /// Throws ConfigError with the rule and the values for sizes that do not fit together.
  explicit ForecasterBase(Form model_form) : form(normalized(model_form)) {}

  /// Modules [first, first + count) of the mask in the type, from bit 0 on; 0 where the mask is a
  /// member.
  static constexpr ModuleMask static_mask(std::size_t first = 0, std::size_t count = most_modules) {
    if constexpr (Form::is_static)
      return Form::value.kept.slice(first, count);
    else
      return {};
  }
  /// The same of the mask that is in force.
  [[nodiscard]] ModuleMask mask(std::size_t first = 0, std::size_t count = most_modules) const {
    return config().kept.slice(first, count);
  }

  void keep_dropout(double rate) {
    if (!(rate >= 0 && rate < 1))
      throw ConfigError(message("dropout must lie in [0, 1), found ", rate));
    dropout_ = rate;
  }

  /// Throws ShapeError unless what a batch has is what the cache was laid out for.
  static void expect(const char* what, std::size_t expected, std::size_t found) {
    if (expected != found)
      throw ShapeError(
          message(Config::title, ": ", what, ": expected ", expected, ", found ", found));
  }
  /// Throws ShapeError unless a batch has the configuration's channels. For models that learn
  /// something for each of them.
  void expect_channels(std::size_t found) const { expect("channels", config().channels, found); }
  /// Samples, channels and rows of the history.
  void expect_history(const WindowBatch<Scalar>& batch, std::size_t samples,
                      std::size_t channels) const {
    expect("samples", samples, batch.samples);
    expect("channels", channels, batch.channels());
    expect("lookback rows of history", samples * config().lookback, batch.history.rows());
  }
  /// Time marks of `rows` rows, for a model that reads them. Throws ConfigError if there are none,
  /// ShapeError if there are others.
  void expect_marks(const char* what, const Rows<const Scalar>& marks, std::size_t rows) const {
    if (config().marks > 0 && marks.rows() == 0)
      throw ConfigError(message(Config::title, " needs ", config().marks, " ", what,
                                " a row, the batch has none"));
    expect(what, config().marks, marks.cols());
    expect("rows of marks", rows, marks.rows());
  }

 private:
  static Form normalized(Form model_form) {
    if constexpr (!Form::is_static) {
      model_form.value.check();
      model_form.value.kept = kept_modules(model_form.value);
    }
    return model_form;
  }

  double dropout_ = 0;
};

}  // namespace spat
