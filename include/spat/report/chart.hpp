// report. Line and point charts as inline SVG; colours are variables of the page's style sheet.
#pragma once

#include <spat/report/label_places.hpp>
#include <spat/report/svg.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Points (x[i], y[i]), joined in this order. A value that is not finite breaks the line.
struct ChartSeries {
  std::string name = {};
  /// error: half the height of an error bar; no bar if NaN or missing.
  std::vector<double> x = {}, y = {}, error = {};
  std::string colour = "ink";  // a variable of the style sheet
  bool line = true, dashed = false;
  bool points = false, hollow = false;
  double radius = 3.5;
  std::vector<std::string> titles = {};  // of the points, shown on hovering
  std::vector<std::string> labels = {};  // next to the points, if there is room
};

/// A vertical line with a label at its top.
struct Rule {
  double x = 0;
  std::string label;
};

/// A chart. Later series are drawn over earlier ones, and place their labels first.
struct Chart {
  std::string title = {};  // read out by screen readers
  Axis x = {}, y = {};
  std::vector<ChartSeries> series = {};
  std::vector<Rule> rules = {};
  /// Whether names stand at the ends of the lines, if there is room, instead of in a legend.
  bool direct = false;
};

/// The size of a chart in CSS pixels. The height is that of the plot, without titles and legend.
struct ChartSize {
  double width = 760, plot_height = 260;
};

namespace detail {

class ChartPainter {
 public:
  ChartPainter(const Chart& chart, const ChartSize& size) : chart_(chart), size_(size) {
    x_ticks_ = chart.x.ticks(std::max(2.0, size.width / 60));
    y_ticks_ = chart.y.ticks(std::max(2.0, size.plot_height / 32));
    y_labels_ = chart.y.labels(y_ticks_);
    double widest_tick = 0, widest_name = 0;
    for (const std::string& label : y_labels_)
      widest_tick = std::max(widest_tick, text_width(label));
    for (const ChartSeries& series : chart.series)
      widest_name = std::max(widest_name, text_width(series.name));
    direct_ = chart.direct && widest_name <= 0.25 * size.width &&
              line_height * static_cast<double>(chart.series.size()) <= size.plot_height;
    left_ = widest_tick + 10;
    right_ = size.width - (direct_ ? widest_name + 22 : 16);
  }

  std::string paint() {
    paint_heading();
    bottom_ = top_ + size_.plot_height;
    paint_axes();
    for (const ChartSeries& series : chart_.series) paint_series(series);
    paint_point_labels();
    if (direct_) paint_end_labels();
    return message("<svg role='img' viewBox='0 0 ", pixels(size_.width), " ", pixels(bottom_ + 44),
                   "' aria-label='", escaped(chart_.title), "'>", svg_, "</svg>\n");
  }

 private:
  static constexpr double line_height = 15;

  [[nodiscard]] double at_x(double value) const {
    return multiply_add(chart_.x.place(value), right_ - left_, left_);
  }
  [[nodiscard]] double at_y(double value) const {
    return multiply_add(chart_.y.place(value), top_ - bottom_, bottom_);
  }
  /// Whether point i of a series can be drawn.
  [[nodiscard]] static bool has(const ChartSeries& series, std::size_t i) {
    return i < series.x.size() && i < series.y.size() && std::isfinite(series.x[i]) &&
           std::isfinite(series.y[i]);
  }

  void text(double x, double y, std::string_view css, std::string_view content) {
    svg_.append(message("<text class='", css, "' x='", pixels(x), "' y='", pixels(y), "'>",
                        escaped(content), "</text>"));
  }
  void segment(double x1, double y1, double x2, double y2, std::string_view css) {
    svg_.append(message("<line class='", css, "' x1='", pixels(x1), "' y1='", pixels(y1), "' x2='",
                        pixels(x2), "' y2='", pixels(y2), "'/>"));
  }
  void open_group(const ChartSeries& series) {
    svg_.append(message("<g style='--c:var(--", escaped(series.colour), ")'>"));
  }

  /// Paints what is above the plot: the title of y, the legend, the labels of the rules. Sets top_.
  void paint_heading() {
    double y = 12;
    text(0, y, "axis-title", chart_.y.full_title());
    if (!direct_ && chart_.series.size() > 1) {
      double x = 0;
      y += 20;
      for (const ChartSeries& series : chart_.series) {
        const double width = text_width(series.name) + 28;
        if (x > 0 && x + width > size_.width) x = 0, y += line_height + 2;
        open_group(series);
        if (series.line) segment(x, y - 4, x + 20, y - 4, series.dashed ? "line dashed" : "line");
        if (series.points && !series.line) point(x + 10, y - 4, series, {});
        svg_.append("</g>");
        text(x + 26, y, "legend", series.name);
        x += width + 14;
      }
    }
    y += 8;
    std::vector<double> ends;  // right ends of the labels, one per row
    for (const Rule& rule : chart_.rules) {
      const double width = text_width(rule.label), x = word_of(rule);
      const auto row =
          std::ranges::find_if(ends, [&](double end) { return end + 8 <= x; }) - ends.begin();
      if (static_cast<std::size_t>(row) == ends.size()) ends.push_back(0);
      ends[static_cast<std::size_t>(row)] = x + width;
      rule_heights_.push_back(multiply_add(static_cast<double>(row), line_height, y + 12));
    }
    top_ = multiply_add(static_cast<double>(ends.size()), line_height, y + 6);
  }
  /// Where the label of a rule begins: right of the rule, or left of it near the end of the frame.
  [[nodiscard]] double word_of(const Rule& rule) const {
    const double x = at_x(rule.x), width = text_width(rule.label);
    return x + 4 + width > size_.width ? std::max(0.0, x - 4 - width) : x + 4;
  }

  void paint_axes() {
    for (std::size_t i = 0; i < y_ticks_.size(); ++i) {
      const double y = at_y(y_ticks_[i]);
      segment(left_, y, right_, y, "grid");
      text(left_ - 6, y + 4, "tick end", y_labels_[i]);
    }
    segment(left_, bottom_, right_, bottom_, "axis");
    const std::vector<std::string> labels = chart_.x.labels(x_ticks_);
    for (std::size_t i = 0; i < x_ticks_.size(); ++i) {
      const double x = at_x(x_ticks_[i]);
      segment(x, bottom_, x, bottom_ + 4, "axis");
      text(x, bottom_ + 17, "tick middle", labels[i]);
    }
    text((left_ + right_) / 2, bottom_ + 36, "axis-title middle", chart_.x.full_title());
    for (std::size_t i = 0; i < chart_.rules.size(); ++i) {
      const double x = at_x(chart_.rules[i].x), y = rule_heights_[i];
      segment(x, y - 9, x, bottom_, "rule");
      text(word_of(chart_.rules[i]), y, "legend", chart_.rules[i].label);
    }
  }

  void point(double x, double y, const ChartSeries& series, std::string_view title) {
    svg_.append(message("<circle class='", series.hollow ? "hollow" : "point", "' cx='", pixels(x),
                        "' cy='", pixels(y), "' r='", pixels(series.radius),
                        title.empty() ? "'/>" : "'><title>", escaped(title),
                        title.empty() ? "" : "</title></circle>"));
  }

  void paint_series(const ChartSeries& series) {
    open_group(series);
    const std::size_t size = std::max(series.x.size(), series.y.size());
    std::string run;
    std::size_t length = 0;
    std::vector<std::size_t> alone;  // points without a neighbour to join
    for (std::size_t i = 0; series.line && i <= size; ++i) {
      if (i < size && has(series, i)) {
        run.append(message(length++ > 0 ? " " : "", pixels(at_x(series.x[i])), ",",
                           pixels(at_y(series.y[i]))));
        continue;
      }
      if (length > 1)
        svg_.append(message("<polyline class='", series.dashed ? "line dashed" : "line",
                            "' points='", run, "'/>"));
      else if (length == 1)
        alone.push_back(i - 1);
      run.clear(), length = 0;
    }
    for (std::size_t i = 0; i < std::min(size, series.error.size()); ++i)
      if (has(series, i) && std::isfinite(series.error[i]))
        segment(at_x(series.x[i]), at_y(series.y[i] - series.error[i]), at_x(series.x[i]),
                at_y(series.y[i] + series.error[i]), "line");
    for (std::size_t i = 0; i < size; ++i)
      if (has(series, i) && (series.points || std::ranges::find(alone, i) != alone.end()))
        point(at_x(series.x[i]), at_y(series.y[i]), series,
              i < series.titles.size() ? series.titles[i] : "");
    svg_.append("</g>\n");
  }

  void paint_point_labels() {
    if (std::ranges::all_of(chart_.series,
                            [](const ChartSeries& series) { return series.labels.empty(); }))
      return;
    LabelPlaces places({left_, top_, size_.width, bottom_});
    const auto take = [&](double x, double y, double radius) {
      places.take({x - radius, y - radius, x + radius, y + radius});
    };
    for (const ChartSeries& series : chart_.series) {
      for (std::size_t i = 0; i < series.x.size(); ++i) {
        if (!has(series, i)) continue;
        const double x = at_x(series.x[i]), y = at_y(series.y[i]);
        if (series.points) take(x, y, series.radius + 1);
        if (!series.line || i == 0 || !has(series, i - 1)) continue;
        const double from_x = at_x(series.x[i - 1]), from_y = at_y(series.y[i - 1]);
        for (double t = 0; t < 1; t += 0.05)
          take(multiply_add(t, x - from_x, from_x), multiply_add(t, y - from_y, from_y), 1);
      }
    }
    for (std::size_t s = chart_.series.size(); s-- > 0;) {
      const ChartSeries& series = chart_.series[s];
      open_group(series);
      for (std::size_t i = 0; i < series.labels.size(); ++i) {
        if (!has(series, i) || series.labels[i].empty()) continue;
        const auto box = places.beside(at_x(series.x[i]), at_y(series.y[i]),
                                       text_width(series.labels[i]), 12, series.radius + 4);
        if (box)
          text((box->left + box->right) / 2, box->bottom - 2, "label middle", series.labels[i]);
      }
      svg_.append("</g>\n");
    }
  }

  void paint_end_labels() {
    std::vector<const ChartSeries*> named;
    std::vector<double> ends_x, ends_y;
    for (const ChartSeries& series : chart_.series) {
      std::size_t last = series.x.size();
      while (last > 0 && !has(series, last - 1)) --last;
      if (last == 0) continue;
      named.push_back(&series), ends_x.push_back(at_x(series.x[last - 1])),
          ends_y.push_back(at_y(series.y[last - 1]));
    }
    const std::vector<double> places = spread(ends_y, line_height, top_, bottom_);
    for (std::size_t i = 0; i < named.size(); ++i) {
      open_group(*named[i]);
      if (std::abs(places[i] - ends_y[i]) > 4)
        segment(ends_x[i] + 5, ends_y[i], right_ + 12, places[i], "leader");
      text(right_ + 14, places[i] + 4, "label", named[i]->name);
      svg_.append("</g>\n");
    }
  }

  const Chart& chart_;
  ChartSize size_;
  std::vector<double> x_ticks_, y_ticks_, rule_heights_;
  std::vector<std::string> y_labels_;
  bool direct_ = false;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
  std::string svg_;
};

}  // namespace detail

/// The chart as an `<svg>` element without a fixed size: it fills the width available.
[[nodiscard]] inline std::string to_svg(const Chart& chart, const ChartSize& size = {}) {
  return detail::ChartPainter(chart, size).paint();
}

}  // namespace spat
