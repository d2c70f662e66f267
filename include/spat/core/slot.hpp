// core. A part that is kept, pruned away, or decided at run time; and a walk over a stack of blocks in a tuple or a vector.
#pragma once

#include <spat/core/extent.hpp>

#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace spat::inline SPAT_ABI {

enum class Kept { never, always, at_run_time };

/// Which of a block's own modules it has: bit i of `bits`, or decided when it is constructed.
struct KeptModules {
  bool at_run_time = true;
  std::uint64_t bits = 0;

  [[nodiscard]] constexpr Kept slot(std::size_t i) const {
    return at_run_time ? Kept::at_run_time : bits >> i & 1 ? Kept::always : Kept::never;
  }
};

/// What stands where a module was pruned.
struct Absent {
  using Cache = Absent;
};

/// T itself, nothing at all, or std::optional<T>: an alias, so that a pruned program does not even name T.
template <class T, Kept kept>
using Slot =
    std::conditional_t<kept == Kept::always, T, std::conditional_t<kept == Kept::never, Absent, std::optional<T>>>;

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
struct CacheOf {
  using type = typename T::Cache;
};
template <class T>
struct CacheOf<std::optional<T>> {
  using type = std::optional<typename T::Cache>;
};

template <class T>
inline constexpr std::size_t static_depth = dynamic;
template <class T>
inline constexpr std::size_t static_depth<const T> = static_depth<T>;
template <class... T>
inline constexpr std::size_t static_depth<std::tuple<T...>> = sizeof...(T);

}  // namespace detail

/// The memory of a slot is a slot of memories.
template <class T>
using CacheOf = typename detail::CacheOf<T>::type;

/// T{arguments...} in its slot, if it is kept.
template <class T, Kept kept, class... Arguments>
[[nodiscard]] Slot<T, kept> make_slot(bool keeps, const Arguments&... arguments) {
  if constexpr (kept == Kept::always)
    return T(arguments...);
  else if constexpr (kept == Kept::never)
    return {};
  else
    return keeps ? std::optional<T>(std::in_place, arguments...) : std::nullopt;
}

/// Gives the memory of a slot decided at run time the state of its layer: there or not.
template <class Layer, class Cache>
void match_slot(const Layer& layer, Cache& cache) {
  if constexpr (detail::is_optional<Layer>) {
    if (layer)
      cache.emplace();
    else
      cache.reset();
  }
}

/// What a slot holds that is kept.
template <class T>
[[nodiscard]] constexpr auto& part_of(T& slot) {
  if constexpr (detail::is_optional<std::remove_const_t<T>>)
    return *slot;
  else
    return slot;
}

/// Calls use(parts...) where the parts are kept; its body is compiled only where that can happen.
template <class Use, class First, class... Rest>
constexpr void if_kept(Use&& use, First& first, Rest&... rest) {
  using Part = std::remove_const_t<First>;
  if constexpr (detail::is_optional<Part>) {
    if (first) use(*first, *rest...);
  } else if constexpr (!std::is_same_v<Part, Absent>) {
    use(first, rest...);
  }
}

/// Calls use(index, blocks[index]...) from the first block to the last: unrolled over tuples, where the index is an
/// integral_constant, a loop over vectors.
template <class Use, class First, class... Rest>
constexpr void upward(Use&& use, First& first, Rest&... rest) {
  constexpr std::size_t depth = detail::static_depth<First>;
  if constexpr (depth == dynamic) {
    for (std::size_t i = 0; i < first.size(); ++i) use(i, first[i], rest[i]...);
  } else {
    const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      use(std::integral_constant<std::size_t, I>{}, std::get<I>(first), std::get<I>(rest)...);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) { (one(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<depth>{});
  }
}

/// The same, from the last block to the first.
template <class Use, class First, class... Rest>
constexpr void downward(Use&& use, First& first, Rest&... rest) {
  constexpr std::size_t depth = detail::static_depth<First>;
  if constexpr (depth == dynamic) {
    for (std::size_t i = first.size(); i-- > 0;) use(i, first[i], rest[i]...);
  } else {
    const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      use(I, std::get<I>(first), std::get<I>(rest)...);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (one(std::integral_constant<std::size_t, depth - 1 - I>{}), ...);
    }
    (std::make_index_sequence<depth>{});
  }
}

}  // namespace spat
