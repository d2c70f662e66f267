// nn. A stack of blocks with prunable modules: a tuple of types where the kept modules are in the type, else a vector.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/autograd/scoring.hpp>
#include <spat/core/slot.hpp>

namespace spat::inline SPAT_ABI {

namespace detail {

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

/// A block's own bits of a mask over the whole stack.
[[nodiscard]] constexpr KeptModules kept_of_block(std::uint64_t mask, std::size_t block, std::size_t modules) {
  return {false, mask >> block * modules & ((std::uint64_t{1} << modules) - 1)};
}

/// What an argument of a stack is to block i: what it returns for i if it is a function of that, else itself.
template <class Argument>
[[nodiscard]] constexpr decltype(auto) of_block(const Argument& argument, [[maybe_unused]] std::size_t i) {
  if constexpr (std::is_invocable_v<const Argument&, std::size_t>)
    return argument(i);
  else
    return (argument);
}

}  // namespace detail

/// y = block_{depth-1}( ... block_0(x)).  Block<kept> holds `Block<kept>::modules` prunable modules; those of block i are
/// numbered first_module + i * modules + j by the unpruned architecture, and a run is told of the first of them with run.at().
/// Blocks keep their width: x, y [samples * N x D]. What else a block's constructor and calls take (sizes, a memory) is handed on
/// as it is, or, where it differs from block to block, is a function of the block's index. A scored run is told of each block, by the
/// block itself where that has `reports_itself`.
///
/// Block is a class template or an alias of a class's own: g++ 12 gives aliases of one name in the unnamed namespaces of two units
/// one symbol.
///
/// `mask` is the mask of this stack's own modules as a constant with `depth` blocks, or none: then both are the constructor's.
template <template <KeptModules> class Block, std::size_t depth = dynamic, std::uint64_t mask = 0>
class Stack {
 public:
  static constexpr bool is_static = depth != dynamic;
  static constexpr std::size_t modules = Block<KeptModules{}>::modules;
  using Value = typename Block<KeptModules{}>::Value;

  std::size_t first_module = 0;

  /// arguments are those of a block but the last: which of its own modules it keeps, a bit each.
  template <class... Arguments>
  Stack(std::size_t block_count, std::uint64_t kept, const Arguments&... arguments)
      : blocks(make(block_count, kept, arguments...)) {}

 private:
  template <class... Arguments>
  static auto make(std::size_t block_count, std::uint64_t kept, const Arguments&... arguments) {
    if constexpr (is_static) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto block = [&]<std::size_t i>(std::integral_constant<std::size_t, i>) {
          return Block<detail::kept_of_block(mask, i, modules)>(detail::of_block(arguments, i)...,
                                                                detail::kept_of_block(kept, i, modules).bits);
        };
        return std::tuple{block(std::integral_constant<std::size_t, I>{})...};
      }
      (std::make_index_sequence<depth>{});
    } else {
      std::vector<Block<KeptModules{}>> list;
      list.reserve(block_count);
      for (std::size_t i = 0; i < block_count; ++i)
        list.emplace_back(detail::of_block(arguments, i)..., detail::kept_of_block(kept, i, modules).bits);
      return list;
    }
  }

  template <std::size_t... I>
  static auto tuple_of(std::index_sequence<I...>)
      -> std::type_identity<std::tuple<Block<detail::kept_of_block(mask, I, modules)>...>>;
  static auto blocks_type() {  // its result is named, never called for
    if constexpr (is_static)
      return decltype(tuple_of(std::make_index_sequence<depth>{}))();
    else
      return std::type_identity<std::vector<Block<KeptModules{}>>>();
  }

 public:
  using BlockList = typename decltype(blocks_type())::type;
  BlockList blocks;

  struct Cache {
    typename detail::CachesOf<BlockList>::type blocks;

    /// sizes are what a block's own lay_out takes after the block.
    template <class... Sizes>
    void lay_out(Arena& arena, const Stack& stack, Sizes... sizes) {
      if constexpr (!is_static) blocks.resize(stack.blocks.size());
      upward([&](std::size_t i, const auto& block,
                 auto& mine) { mine.lay_out(arena, block, detail::of_block(sizes, i)...); },
             stack.blocks, blocks);
    }
  };

  template <class RunType, class View, class... More>
  View forward(const RunType& run, View x, Cache& cache, const More&... more) const {
    upward(
        [&](std::size_t i, const auto& block, auto& mine) {
          const auto of_block = run.at(first_module + i * modules);
          const auto y = block.forward(of_block, x, mine, detail::of_block(more, i)...);
          if constexpr (!requires { std::remove_cvref_t<decltype(block)>::reports_itself; })
            report_block<Value>(of_block, modules, x, y);
          x = y;
        },
        blocks, cache.blocks);
    return x;
  }

  template <class RunType, class View, class... More>
  View backward_input(const RunType& run, View dy, Cache& cache, const More&... more) const {
    downward(
        [&](std::size_t i, const auto& block, auto& mine) {
          dy = block.backward_input(run.at(first_module + i * modules), dy, mine, detail::of_block(more, i)...);
        },
        blocks, cache.blocks);
    return dy;
  }

  void backward_weights(const Run& run, Blocks<Cache> samples, Stack& gradients, Share& share) const {
    upward([&](auto i, const auto& block,
               auto& gradient) { block.backward_weights(run, caches_of(i, samples), gradient, share); },
           blocks, gradients.blocks);
  }

  /// What block i keeps of each of the samples' blocks; i as upward() gives it.
  template <class Index>
  [[nodiscard]] static auto caches_of([[maybe_unused]] Index i, Blocks<Cache> samples) {
    return samples.of([&](Cache & cache) -> auto& {
      if constexpr (is_static)
        return std::get<Index::value>(cache.blocks);
      else
        return cache.blocks[i];
    });
  }

  /// Numbers the dropouts of block i from first_site + i * sites.
  void set_dropout(double rate, std::size_t first_site) {
    upward([&](std::size_t i, auto& block) { block.set_dropout(rate, first_site + i * Block<KeptModules{}>::sites); },
           blocks);
  }

  void pack(Purpose purpose = Purpose::inference) {
    upward([&](std::size_t, auto& block) { block.pack(purpose); }, blocks);
  }

  /// sizes are what a block's own multiply_adds takes.
  template <class... Sizes>
  [[nodiscard]] std::size_t multiply_adds(Sizes... sizes) const {
    std::size_t total = 0;
    upward([&]([[maybe_unused]] std::size_t i,
               const auto& block) { total += block.multiply_adds(detail::of_block(sizes, i)...); },
           blocks);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    upward([&](std::size_t i, auto& block) { block.for_each(block, detail::message(name, i, "."), list); },
           self.blocks);
  }
};

}  // namespace spat
