// report. Building blocks of inline SVG: escaped text, coordinates, axes with round ticks.
#pragma once

#include <spat/core/text.hpp>
#include <spat/io/encoding.hpp>
#include <spat/report/number_text.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Escapes text for the content or an attribute of HTML or SVG. Bytes that are not UTF-8 are read
/// as Latin-1. Control characters, which no document may contain, become U+FFFD.
[[nodiscard]] inline std::string escaped(std::string_view text) {
  if (!is_utf8(text)) return escaped(latin1_to_utf8(text));
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&')
      safe.append("&amp;");
    else if (c == '<')
      safe.append("&lt;");
    else if (c == '>')
      safe.append("&gt;");
    else if (c == '"')
      safe.append("&quot;");
    else if (c == '\'')
      safe.append("&#39;");
    else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F)
      safe.append("\xEF\xBF\xBD");
    else
      safe.push_back(c);
  }
  return safe;
}

/// A coordinate rounded to a tenth of a pixel: "12.5", "12".
[[nodiscard]] inline std::string pixels(double value) {
  std::string text = fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}
/// The number with a typographic minus instead of a hyphen.
[[nodiscard]] inline std::string with_minus(std::string_view number) {
  std::string text;
  for (const char c : number) c == '-' ? text.append("−") : text.append(1, c);
  return text;
}
/// The approximate width of text of 12 pixels. System fonts differ; this is the widest of them.
[[nodiscard]] inline double text_width(std::string_view text) {
  return 7.4 * static_cast<double>(characters(text));
}
/// The smallest of 1, 2 and 5 times a power of ten that is at least `rough`.
[[nodiscard]] inline double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  return 10 * power;
}
/// The multiples of a round step in [low, high], `most` of them or a few fewer.
[[nodiscard]] inline std::vector<double> linear_ticks(double low, double high, double most) {
  if (!(high > low)) return {low};
  std::vector<double> ticks;
  const double step = round_step((high - low) / most), slack = 1e-9;
  for (double i = std::ceil(low / step - slack); i <= std::floor(high / step + slack); ++i)
    ticks.push_back(i == 0 ? 0 : i * step);
  return ticks;
}

}  // namespace detail

/// An axis from low to high in data units.
struct Axis {
  std::string title = {};
  double low = 0, high = 1;
  bool logarithmic = false;
  bool whole = false;  // ticks at integers only

  /// The axis widened to cover each finite value (on a logarithmic axis: each positive one), and to
  /// have a positive length.
  [[nodiscard]] Axis over(const std::vector<double>& values, double margin = 0) const {
    Axis axis = *this;
    bool empty = true;
    for (const double value : values) {
      if (!std::isfinite(value) || (logarithmic && value <= 0)) continue;
      axis.low = empty ? value : std::min(axis.low, value);
      axis.high = empty ? value : std::max(axis.high, value);
      empty = false;
    }
    if (empty) {
      axis.low = logarithmic ? 1 : 0;
      axis.high = logarithmic ? 10 : 1;
    }
    const double size = std::max(std::abs(axis.low), std::abs(axis.high));
    if (logarithmic) {
      const double factor =
          axis.high / axis.low < 1 + 1e-9 ? 2 : std::pow(axis.high / axis.low, margin);
      axis.low /= factor;
      axis.high *= factor;
    } else {
      const double span = axis.high - axis.low;
      const double room = span > 1e-9 * size ? margin * span : size > 0 ? size / 10 : 1;
      axis.low -= room;
      axis.high += room;
    }
    return axis;
  }

  /// Round numbers in [low, high]. A logarithmic axis has powers of ten, and their double and
  /// fivefold if there are few.
  [[nodiscard]] std::vector<double> ticks(double most) const {
    if (!logarithmic) {
      const double step = detail::round_step((high - low) / most);
      return detail::linear_ticks(low, high, whole && step < 1 ? high - low : most);
    }
    std::vector<double> tens, all;
    for (double power = std::ceil(std::log10(low) - 1e-9) - 1; power <= std::log10(high) + 1e-9;
         ++power)
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10.0, power);
        if (tick < low * (1 - 1e-9) || tick > high * (1 + 1e-9)) continue;
        all.push_back(tick);
        if (factor == 1) tens.push_back(tick);
      }
    if (static_cast<double>(all.size()) <= most && all.size() > 1) return all;
    return tens.size() > 1 ? tens : detail::linear_ticks(low, high, most);
  }

  /// The position of a value: 0 at low, 1 at high.
  [[nodiscard]] double place(double value) const {
    return logarithmic ? std::log(value / low) / std::log(high / low)
                       : (value - low) / (high - low);
  }
  /// The power of ten that all numbers of the axis share; it appears in the title.
  [[nodiscard]] int exponent() const {
    return logarithmic ? 0 : detail::shared_exponent(std::max(std::abs(low), std::abs(high)));
  }
  [[nodiscard]] std::string full_title() const {
    return message(title, detail::in_powers_of_ten(exponent()));
  }

  /// One text per tick, all with the same number of decimals (on a logarithmic axis each with its
  /// own).
  [[nodiscard]] std::vector<std::string> labels(const std::vector<double>& ticks) const {
    const double unit = std::pow(10.0, exponent());
    const auto decimals = [](double step) {
      return step > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 12)
                      : 0;
    };
    std::vector<std::string> texts;
    for (const double tick : ticks) {
      const double step = whole              ? 1
                          : logarithmic      ? tick
                          : ticks.size() > 1 ? (ticks[1] - ticks[0]) / unit
                                             : tick / unit / 10;
      const bool wide = logarithmic && (tick >= 1e5 || tick < 1e-3);
      texts.push_back(detail::with_minus(wide ? scientific(tick, 0)
                                              : fixed(tick / unit, decimals(std::abs(step)))));
    }
    return texts;
  }
};

}  // namespace spat
