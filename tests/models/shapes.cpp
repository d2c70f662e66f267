// Masks, shapes, and how a batch is cut: the small parts that every model stands on.
#include <spat/models/block_plan.hpp>

#include <tests/catch.hpp>
#include <tests/errors.hpp>
#include <tests/models/example.hpp>

using namespace spat;

TEST_CASE("a mask names the modules that are kept") {
  constexpr ModuleMask<3> mask{0b101};
  static_assert(mask.keeps(0) && !mask.keeps(1) && mask.keeps(2));
  static_assert(mask.kept() == 2);
  static_assert(mask.without(2) == ModuleMask<3>{0b001});
  static_assert(mask.without(1) == mask);
  static_assert(mask.is_subset_of(ModuleMask<3>::all()) && !ModuleMask<3>::all().is_subset_of(mask));
  static_assert(mask.is_subset_of(mask) && ModuleMask<3>{0}.is_subset_of(mask));
  static_assert(ModuleMask<3>::all().bits == 0b111);
  static_assert(ModuleMask<>::all().bits == ~std::uint64_t{0});
  static_assert(ModuleMask<>::first(64) == ModuleMask<>::all() && ModuleMask<>::first(0).bits == 0);
  static_assert(ModuleMask<>::all().keeps(63) && !ModuleMask<>::first(63).keeps(63));
  static_assert(ModuleMask<>(mask).bits == 0b101);
  CHECK(to_string(mask, 3) == "101");
  CHECK(to_string(ModuleMask<>{0b01}, 4) == "1000");
  CHECK(to_string(ModuleMask<>{0b01}, 0).empty());
}

TEST_CASE("a static shape has its configuration in the type, a dynamic one in a member") {
  constexpr ITransformerConfig config = example::small;
  using Fixed = Static<config>;
  static_assert(Fixed::is_static && Fixed::count() == 3 && Fixed::kept().bits == 0b111);
  static_assert(extent<Fixed, &ITransformerConfig::width>() == 12);
  static_assert(extent<Fixed, &ITransformerConfig::tokens>() == 5);
  static_assert(extent<Dynamic<ITransformerConfig>, &ITransformerConfig::width>() == dynamic);
  static_assert(Fixed::Pruned<ModuleMask<>{0b010}>::kept().bits == 0b010);
  static_assert(std::is_same_v<Fixed::Pruned<ModuleMask<>{0b111}>, Fixed>);
  CHECK(Fixed::with_kept(ModuleMask<>{0b100}).value == config.with_kept(ModuleMask<>{0b100}));

  const Dynamic<ITransformerConfig> shape{config};
  CHECK(shape.count() == 3);
  CHECK(shape.kept().bits == 0b111);
  CHECK(shape.with_kept(ModuleMask<>{0b001}).kept().bits == 0b001);
  CHECK(shape.kept().bits == 0b111);
}

TEST_CASE("bits beyond the last module mean nothing") {
  constexpr ITransformerConfig config = example::small.with_kept(ModuleMask<>::all());
  static_assert(Static<config>::kept().bits == 0b111);
  const ITransformer<float> model({config});
  CHECK(model.shape.kept().bits == 0b111);
}

TEST_CASE("a block plan covers every sample once, in order, in blocks whose sizes differ by one at most") {
  for (const std::size_t activation : {0u, 1u, 100u, 1408u, 11264u, 40960u, 40961u, 1000000u})
    for (std::size_t batch = 0; batch <= 70; ++batch) {
      const BlockPlan plan(batch, activation);
      INFO("batch " << batch << ", activation " << activation << ", blocks " << plan.blocks);
      std::size_t next = 0, least = batch, most = 0;
      for (std::size_t block = 0; block < plan.blocks; ++block) {
        REQUIRE(plan.first(block) == next);
        next += plan.count(block);
        least = std::min(least, plan.count(block)), most = std::max(most, plan.count(block));
      }
      CHECK(next == batch);
      CHECK((plan.blocks == 0) == (batch == 0));
      if (batch == 0) continue;
      CHECK(least >= 1);
      CHECK(most - least <= 1);
      CHECK((most == 1 || most * activation <= BlockPlan::target || plan.blocks == batch));
      if (plan.blocks < BlockPlan::most_at_once) CHECK((std::has_single_bit(plan.blocks) || plan.blocks == batch));
    }
}

TEST_CASE("the cut of a batch does not know which modules are kept") {
  const ITransformer<float> dense({example::small}), pruned({example::small.with_kept(ModuleMask<>{})});
  CHECK(dense.activation_size(3) == pruned.activation_size(3));
  CHECK(dense.activation_size(3) == 5 * 12);
}

TEST_CASE("sizes that do not fit together are refused with the rule and the values") {
  const auto message = [](const auto& change) {
    ITransformerConfig config = example::small;
    change(config);
    CHECK_FALSE(config.valid());
    return message_of<ConfigError>([&] { ITransformer<float>({config}); });
  };
  CHECK(message([](auto& c) { c.heads = 5; }) == "heads must divide width: heads, width: 5, 12");
  CHECK(message([](auto& c) { c.heads = 0; }).find("heads") != std::string::npos);
  CHECK(message([](auto& c) { c.depth = 0; }).find("layers") != std::string::npos);
  CHECK(message([](auto& c) { c.depth = 65; }).find("65, 64") != std::string::npos);
  CHECK(message([](auto& c) { c.channels = 0; }).find("channel") != std::string::npos);
  CHECK(message([](auto& c) { c.width = 0; }).find("width") != std::string::npos);
  CHECK(message([](auto& c) { c.horizon = 0; }).find("horizon") != std::string::npos);
  CHECK(example::small.valid());
}

TEST_CASE("a configuration knows how many numbers its model learns") {
  for (const std::uint64_t mask : {0b000u, 0b101u, 0b111u}) {
    const auto config = example::small.with_kept(ModuleMask<>{mask});
    const ITransformer<float> model({config});
    CHECK(config.parameters() == static_cast<double>(spat::count(parameters(model))));
  }
}
