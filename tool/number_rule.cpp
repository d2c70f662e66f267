// What an option's number must be.
#include "number_rule.hpp"

#include "tool.hpp"

#include <spat/core/text.hpp>

#include <cmath>

namespace tool {

namespace {

/// A rule whose text says what a number must be.
NumberRule number_rule(std::string what, std::function<bool(double)> holds) {
  return [what = std::move(what), holds = std::move(holds)](const std::string& text) {
    const auto value = spat::parse_number<double>(text);
    return value && std::isfinite(*value) && holds(*value)
               ? std::string()
               : message("must be ", what, ", found ", spat::in_quotes(text));
  };
}

}  // namespace

NumberRule positive() {
  return number_rule("a positive, finite number", [](double value) { return value > 0; });
}
NumberRule not_negative() {
  return number_rule("a finite number and not negative", [](double value) { return value >= 0; });
}
NumberRule at_least(double lowest) {
  return number_rule(message("a number of at least ", lowest),
                     [lowest](double value) { return value >= lowest; });
}
NumberRule share(bool with_one) {
  return number_rule(
      with_one ? "a number in [0, 1]" : "a number in [0, 1)",
      [with_one](double value) { return value >= 0 && (value < 1 || (with_one && value == 1)); });
}

}  // namespace tool
