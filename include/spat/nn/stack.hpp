// nn. A stack of blocks with prunable modules: a tuple of types if the mask is in the type, else a
// vector.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/core/slot.hpp>
#include <spat/nn/attention_events.hpp>

#include <tuple>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

template <class T>
inline constexpr std::size_t static_depth = dynamic;
template <class T>
inline constexpr std::size_t static_depth<const T> = static_depth<T>;
template <class... T>
inline constexpr std::size_t static_depth<std::tuple<T...>> = sizeof...(T);

template <class List>
struct CachesOf;
template <class... Block>
struct CachesOf<std::tuple<Block...>> {
  using type = std::tuple<typename Block::Cache...>;
};
template <class Block>
struct CachesOf<std::vector<Block>> {
  using type = std::vector<typename Block::Cache>;
};

/// The value of a stack's argument for block i: the argument's result for i if it is a function of
/// the index, else the argument itself.
template <class Argument>
[[nodiscard]] constexpr decltype(auto) of_block(const Argument& argument,
                                                [[maybe_unused]] std::size_t i) {
  if constexpr (std::is_invocable_v<const Argument&, std::size_t>)
    return argument(i);
  else
    return (argument);
}

}  // namespace detail

/// Calls use(index, blocks[index]...) from the first block to the last. Tuples are unrolled, with
/// an integral_constant as the index; vectors are looped over.
template <class Use, class First, class... Rest>
constexpr void for_each_block(Use&& use, First& first, Rest&... rest) {
  constexpr std::size_t depth = detail::static_depth<First>;
  if constexpr (depth == dynamic) {
    for (std::size_t i = 0; i < first.size(); ++i) use(i, first[i], rest[i]...);
  } else {
    const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      use(std::integral_constant<std::size_t, I>{}, std::get<I>(first), std::get<I>(rest)...);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (one(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<depth>{});
  }
}

/// Calls use(index, blocks[index]...) from the last block to the first.
template <class Use, class First, class... Rest>
constexpr void for_each_block_reversed(Use&& use, First& first, Rest&... rest) {
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

/// What a Stack asks of Block<kept>, beside calls whose arguments are the block's own business:
///
///     modules                                     the number of its prunable modules
///     Value, Cache                                the scalar; Cache::lay_out(arena, block,
///     sizes...) Block(arguments..., mask)                   the mask of its own modules last
///     forward(pass, x, cache, more...)            y of x's type
///     backward_input(pass, dy, cache, more...)    dx of dy's type
///     backward_weights(pass, caches, gradients, share)
///     for_each(self, name, list)
///     set_dropout(rate, first_site) and sites     if the stack's set_dropout() is called
///     multiply_adds(sizes...)                     if the stack's is called
template <class B>
concept StackBlock = requires(const B& block, B& gradients, const Pass& pass,
                              Caches<typename B::Cache> caches, Share& share,
                              ParameterCollector<typename B::Value>& list) {
  { B::modules } -> std::convertible_to<std::size_t>;
  block.backward_weights(pass, caches, gradients, share);
  B::for_each(gradients, std::string{}, list);
};

/// y = block_{depth-1}( ... block_0(x)).
///
/// Shapes:  x, y [samples * N x D], with one width D for all blocks.
///
/// Block<kept> holds `Block<kept>::modules` prunable modules. Those of block i have the numbers
/// first_module + i * modules + j, by the unpruned architecture. Each block receives a pass at the
/// first of its modules (pass.at()). Further arguments of a block's constructor and calls (sizes, a
/// memory) are passed on unchanged; arguments that differ from block to block are functions of the
/// block's index. A scored pass is notified of each block, by the block itself if it has
/// `reports_itself`.
///
/// Block is a class template or an alias of a class's own: g++ 12 gives aliases of one name in the
/// unnamed namespaces of two units one symbol.
///
/// `mask` is the constant mask of this stack's own modules for `depth` blocks, or none. With none,
/// the constructor takes depth and mask.
template <template <BlockMask> class Block, std::size_t depth = dynamic,
          ModuleMask mask = ModuleMask{}>
class Stack {
  static_assert(StackBlock<Block<BlockMask{}>>,
                "spat: a block of a Stack needs modules, Value, Cache, backward_weights() and "
                "for_each() (concept StackBlock)");

 public:
  static constexpr bool is_static = depth != dynamic;
  static constexpr std::size_t modules = Block<BlockMask{}>::modules;
  using Value = typename Block<BlockMask{}>::Value;

  std::size_t first_module = 0;

  /// `arguments` are those of a block's constructor except the last one: the mask of the block's
  /// own modules.
  template <class... Arguments>
  Stack(std::size_t block_count, ModuleMask kept, const Arguments&... arguments)
      : blocks(make(block_count, kept, arguments...)) {}

 private:
  static constexpr BlockMask block_mask(std::size_t i) {
    return {false, mask.slice(i * modules, modules)};
  }

  template <class... Arguments>
  static auto make(std::size_t block_count, ModuleMask kept, const Arguments&... arguments) {
    if constexpr (is_static) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto block = [&]<std::size_t i>(std::integral_constant<std::size_t, i>) {
          return Block<block_mask(i)>(detail::of_block(arguments, i)...,
                                      kept.slice(i * modules, modules));
        };
        return std::tuple{block(std::integral_constant<std::size_t, I>{})...};
      }
      (std::make_index_sequence<depth>{});
    } else {
      std::vector<Block<BlockMask{}>> list;
      list.reserve(block_count);
      for (std::size_t i = 0; i < block_count; ++i)
        list.emplace_back(detail::of_block(arguments, i)..., kept.slice(i * modules, modules));
      return list;
    }
  }

  template <std::size_t... I>
  static auto tuple_of(std::index_sequence<I...>)
      -> std::type_identity<std::tuple<Block<block_mask(I)>...>>;
  static auto blocks_type() {  // only for its return type; never called
    if constexpr (is_static)
      return decltype(tuple_of(std::make_index_sequence<depth>{}))();
    else
      return std::type_identity<std::vector<Block<BlockMask{}>>>();
  }

 public:
  using BlockList = typename decltype(blocks_type())::type;
  BlockList blocks;

  struct Cache {
    typename detail::CachesOf<BlockList>::type blocks;

    /// `sizes` are the arguments of a block's own lay_out() after the block.
    template <class... Sizes>
    void lay_out(Arena& arena, const Stack& stack, Sizes... sizes) {
      if constexpr (!is_static) blocks.resize(stack.blocks.size());
      for_each_block([&](std::size_t i, const auto& block,
                         auto& mine) { mine.lay_out(arena, block, detail::of_block(sizes, i)...); },
                     stack.blocks, blocks);
    }
  };

  template <class PassType, class View, class... More>
  View forward(const PassType& pass, View x, Cache& cache, const More&... more) const {
    for_each_block(
        [&](std::size_t i, const auto& block, auto& mine) {
          const auto of_block = pass.at(first_module + i * modules);
          const auto y = block.forward(of_block, x, mine, detail::of_block(more, i)...);
          if constexpr (!requires { std::remove_cvref_t<decltype(block)>::reports_itself; })
            report_block<Value>(of_block, modules, x, y);
          x = y;
        },
        blocks, cache.blocks);
    return x;
  }

  template <class PassType, class View, class... More>
  View backward_input(const PassType& pass, View dy, Cache& cache, const More&... more) const {
    for_each_block_reversed(
        [&](std::size_t i, const auto& block, auto& mine) {
          dy = block.backward_input(pass.at(first_module + i * modules), dy, mine,
                                    detail::of_block(more, i)...);
        },
        blocks, cache.blocks);
    return dy;
  }

  void backward_weights(const Pass& pass, Caches<Cache> samples, Stack& gradients,
                        Share& share) const {
    for_each_block(
        [&](auto i, const auto& block, auto& gradient) {
          block.backward_weights(pass, caches_of(i, samples), gradient, share);
        },
        blocks, gradients.blocks);
  }

  /// The caches of block i in each micro-batch. `i` is an index as for_each_block() passes it.
  template <class Index>
  [[nodiscard]] static auto caches_of([[maybe_unused]] Index i, Caches<Cache> samples) {
    return samples.of([&](Cache & cache) -> auto& {
      if constexpr (is_static)
        return std::get<Index::value>(cache.blocks);
      else
        return cache.blocks[i];
    });
  }

  /// Numbers the dropouts of block i from first_site + i * sites.
  void set_dropout(double rate, std::size_t first_site) {
    for_each_block(
        [&](std::size_t i, auto& block) {
          block.set_dropout(rate, first_site + i * Block<BlockMask{}>::sites);
        },
        blocks);
  }

  /// `sizes` are the arguments of a block's own multiply_adds().
  template <class... Sizes>
  [[nodiscard]] std::size_t multiply_adds(Sizes... sizes) const {
    std::size_t total = 0;
    for_each_block(
        [&]([[maybe_unused]] std::size_t i, const auto& block) {
          total += block.multiply_adds(detail::of_block(sizes, i)...);
        },
        blocks);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    for_each_block(
        [&](std::size_t i, auto& block) { block.for_each(block, message(name, i, "."), list); },
        self.blocks);
  }
};

}  // namespace spat
