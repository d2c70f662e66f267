// models. Common base of the library's forecasters: a form, a dropout rate, checks of a batch, and
// defaults.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/core/life.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/form.hpp>

#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The members that all models of the library share. A user's own model does not need this base.
///
/// Every model of the library follows these rules, and says what differs. set_dropout() sets one
/// rate everywhere, as in the reference; sites are numbered by the unpruned architecture.
/// activation_size() is that of the unpruned architecture. multiply_adds() counts matrix products
/// only, without dead parts. module_name() is the name in the reference's state_dict.
template <class Scalar, class ModelForm>
class ForecasterBase {
  static_assert(std::floating_point<Scalar>, "spat: a model computes in float or double");

 public:
  using Value = Scalar;
  using Form = ModelForm;
  using Config = typename ModelForm::Config;

  [[no_unique_address]] Form form;

  [[nodiscard]] const Config& config() const { return form.value; }
  /// Lets a Pruner or a Trainer notice that its model is gone.
  [[nodiscard]] const Life& life() const { return life_; }
  /// The dropout rate that set_dropout() received.
  [[nodiscard]] double dropout() const { return dropout_; }

  /// Number of columns of a forecast from windows of `channels` channels: all of them.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }
  /// The parts that no longer reach the forecast: none by default.
  [[nodiscard]] std::vector<std::string> dead_parts() const { return {}; }
  /// The name of module i: empty by default.
  [[nodiscard]] std::string module_name(std::size_t) const { return {}; }

 protected:
  /// Throws ConfigError with the rule and its values for sizes that do not fit together.
  explicit ForecasterBase(Form model_form) : form(normalized(model_form)) {}

  /// Modules [first, first + count) of the mask in the type, shifted to bit 0. Returns 0 if the
  /// mask is a member.
  static constexpr ModuleMask static_mask(std::size_t first = 0, std::size_t count = most_modules) {
    if constexpr (Form::is_static)
      return Form::value.kept.slice(first, count);
    else
      return {};
  }
  /// The same modules of the mask in force, static or dynamic.
  [[nodiscard]] ModuleMask mask(std::size_t first = 0, std::size_t count = most_modules) const {
    return config().kept.slice(first, count);
  }

  void keep_dropout(double rate) {
    if (!(rate >= 0 && rate < 1))
      throw ConfigError(message("dropout must lie in [0, 1), found ", rate));
    dropout_ = rate;
  }

  /// Throws ShapeError unless the batch's size equals the size that the cache was laid out for.
  static void expect(const char* what, std::size_t expected, std::size_t found) {
    if (expected != found)
      throw ShapeError(
          message(Config::title, ": ", what, ": expected ", expected, ", found ", found));
  }
  /// Throws ShapeError unless a batch has the configuration's channels. For models that learn
  /// something per channel.
  void expect_channels(std::size_t found) const { expect("channels", config().channels, found); }
  /// Checks samples, channels and rows of the history. Throws ShapeError if one differs.
  void expect_history(const WindowBatch<Scalar>& batch, std::size_t samples,
                      std::size_t channels) const {
    expect("lookback", config().lookback, batch.lookback);
    expect("samples", samples, batch.samples);
    expect("channels", channels, batch.channels());
    expect("rows of history", samples * config().lookback, batch.history.rows());
  }
  /// Checks the time marks of `rows` rows, for a model that reads them. Throws ConfigError if there
  /// are none, ShapeError if their sizes differ.
  void expect_marks(const char* what, const Rows<const Scalar>& marks, std::size_t rows) const {
    if (config().marks > 0 && marks.rows() == 0)
      throw ConfigError(message(Config::title, " needs ", config().marks, " ", what,
                                " a row, the batch has none"));
    expect(what, config().marks, marks.cols());
    expect("rows of marks", rows, marks.rows());
  }

 private:
  // Sizes of a model below it do not overflow.
  static constexpr double most_parameters = sizeof(std::size_t) < 8 ? 1e8 : 1e12;

  static Form normalized(Form model_form) {
    if constexpr (!Form::is_static) {
      check_rules(model_form.value);
      if constexpr (requires { model_form.value.parameters(); })
        if (const double count = model_form.value.parameters(); !(count < most_parameters))
          throw ConfigError(message(Config::title, ": no memory holds its parameters: about ",
                                    count, ", most ", most_parameters));
      model_form.value.kept = kept_modules(model_form.value);
    }
    return model_form;
  }

  double dropout_ = 0;
  Life life_;
};

}  // namespace spat
