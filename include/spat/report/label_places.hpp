// report. Places the labels of a chart so that none covers another.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/order.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The heights nearest to the desired ones that are at least `gap` apart and within [low, high], in
/// the same order. They overlap only if the range is too small.
[[nodiscard]] inline std::vector<double> spread(const std::vector<double>& wished, double gap,
                                                double low, double high) {
  const auto order = order_by(wished.size(), [&](std::size_t i) { return wished[i]; });
  // A group of touching labels lies around the mean of its desired places, and merges with the
  // group above if they touch.
  struct Group {
    // wish_of_first: the sum over the members of where each wants the group to begin.
    double first, wish_of_first;
    std::size_t members;
  };
  std::vector<Group> groups;
  const auto settle = [&](Group& group) {
    const double members = static_cast<double>(group.members);
    group.first = std::clamp(group.wish_of_first / members, low,
                             std::max(low, multiply_add(1 - members, gap, high)));
  };
  for (const std::size_t i : order) {
    groups.push_back({wished[i], wished[i], 1});
    settle(groups.back());
    while (groups.size() > 1) {
      Group &above = groups[groups.size() - 2], &below = groups.back();
      const double height = static_cast<double>(above.members) * gap;
      if (above.first + height <= below.first) break;
      above.wish_of_first +=
          multiply_add(-static_cast<double>(below.members), height, below.wish_of_first);
      above.members += below.members;
      groups.pop_back();
      settle(groups.back());
    }
  }
  std::vector<double> places(wished.size());
  std::size_t next = 0;
  for (const Group& group : groups)
    for (std::size_t k = 0; k < group.members; ++k)
      places[order[next++]] = multiply_add(static_cast<double>(k), gap, group.first);
  return places;
}

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  [[nodiscard]] bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  [[nodiscard]] bool within(const Box& other) const {
    return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
  }
};

/// The occupied boxes inside a frame.
class LabelPlaces {
 public:
  explicit LabelPlaces(const Box& frame) : frame_(frame) {}

  void take(const Box& box) { taken_.push_back(box); }

  /// A free box of this size next to the point: right, left, above, below, then the corners.
  /// Returns nothing if all are occupied.
  std::optional<Box> beside(double x, double y, double width, double height, double distance) {
    const double middle_x = x - width / 2, middle_y = y - height / 2, diagonal = distance * 0.7;
    const std::array<std::array<double, 2>, 8> corners{
        {{x + distance, middle_y},
         {x - distance - width, middle_y},
         {middle_x, y - distance - height},
         {middle_x, y + distance},
         {x + diagonal, y - diagonal - height},
         {x - diagonal - width, y + diagonal},
         {x - diagonal - width, y - diagonal - height},
         {x + diagonal, y + diagonal}}};
    for (const auto& corner : corners) {
      const Box box{corner[0], corner[1], corner[0] + width, corner[1] + height};
      if (!box.within(frame_) ||
          std::ranges::any_of(taken_, [&](const Box& other) { return other.meets(box); }))
        continue;
      take(box);
      return box;
    }
    return std::nullopt;
  }

 private:
  Box frame_;
  std::vector<Box> taken_;
};

}  // namespace detail

}  // namespace spat
