// core. A slot for a module that is kept, pruned away, or decided at run time.
#pragma once

#include <spat/core/module_mask.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace spat::inline SPAT_ABI {

/// Whether a module is present: known from the type, or decided when its block is constructed.
enum class Presence { never, always, at_run_time };

/// Which of its modules a block keeps: known from the type, or decided when the block is
/// constructed.
struct BlockMask {
  bool at_run_time = true;
  ModuleMask kept = {};  // if known

  [[nodiscard]] constexpr Presence presence(std::size_t i) const {
    return at_run_time ? Presence::at_run_time : kept.keeps(i) ? Presence::always : Presence::never;
  }
  /// The mask of a part of the block that has modules first .. first + count - 1.
  [[nodiscard]] constexpr BlockMask slice(std::size_t first, std::size_t count) const {
    return {at_run_time, kept.slice(first, count)};
  }
};

/// Takes the place of a pruned module.
struct Absent {
  using Cache = Absent;
};

/// T itself, nothing at all, or std::optional<T>. An alias, so that a pruned program does not even
/// name T.
template <class T, Presence presence>
using Slot =
    std::conditional_t<presence == Presence::always, T,
                       std::conditional_t<presence == Presence::never, Absent, std::optional<T>>>;

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

}  // namespace detail

/// The cache of a slot: a slot of the layer's cache.
template <class T>
using CacheOf = typename detail::CacheOf<T>::type;

/// Constructs T{arguments...} in its slot if the module is kept.
template <class T, Presence presence, class... Arguments>
[[nodiscard]] Slot<T, presence> make_slot(bool keeps, const Arguments&... arguments) {
  if constexpr (presence == Presence::always)
    return T(arguments...);
  else if constexpr (presence == Presence::never)
    return {};
  else
    return keeps ? std::optional<T>(std::in_place, arguments...) : std::nullopt;
}

/// Makes the cache of a run-time slot present if its layer is present, and absent otherwise.
template <class Layer, class Cache>
void match_slot(const Layer& layer, Cache& cache) {
  if constexpr (detail::is_optional<Layer>) {
    if (layer)
      cache.emplace();
    else
      cache.reset();
  }
}

/// The layer in a slot that is kept.
template <class T>
[[nodiscard]] constexpr auto& part_of(T& slot) {
  if constexpr (detail::is_optional<std::remove_const_t<T>>)
    return *slot;
  else
    return slot;
}

/// Calls use(parts...) if the parts are kept. The body is compiled only if that can happen.
template <class Use, class First, class... Rest>
constexpr void if_kept(Use&& use, First& first, Rest&... rest) {
  using Part = std::remove_const_t<First>;
  if constexpr (detail::is_optional<Part>) {
    if (first) use(*first, *rest...);
  } else if constexpr (!std::is_same_v<Part, Absent>) {
    use(first, rest...);
  }
}

}  // namespace spat
