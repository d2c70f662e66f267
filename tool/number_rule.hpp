// What an option's number must be, checked when the command line is read.
#pragma once

#include <functional>
#include <string>

namespace tool {

/// What an option's number must be: returns what is wrong with the text, or nothing. The command
/// line puts the option before it. "nan" is no number here.
using NumberRule = std::function<std::string(const std::string&)>;
[[nodiscard]] NumberRule positive();               // and finite
[[nodiscard]] NumberRule not_negative();           // and finite
[[nodiscard]] NumberRule at_least(double lowest);  // and finite
[[nodiscard]] NumberRule share(bool with_one);     // from 0 to 1

}  // namespace tool
