// Static and dynamic forms of a configuration, and the division of a batch into micro-batches.
#include <spat/autograd/microbatch_plan.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace form_tests {

using namespace spat;

TEST_CASE("a static form has its configuration in the type, a dynamic one in a member") {
  constexpr ITransformerConfig config = example::small;
  using Fixed = Static<config>;
  static_assert(Fixed::is_static && Fixed::modules() == 3 && Fixed::kept().bits == 0b111);
  static_assert(extent<Fixed, &ITransformerConfig::width>() == 12);
  static_assert(extent<Fixed, &ITransformerConfig::tokens>() == 5);
  static_assert(extent<Dynamic<ITransformerConfig>, &ITransformerConfig::width>() == dynamic);
  static_assert(Fixed::Pruned<ModuleMask{0b010}>::kept().bits == 0b010);
  static_assert(std::is_same_v<Fixed::Pruned<ModuleMask{0b111}>, Fixed>);
  CHECK(Fixed::with_kept(ModuleMask{0b100}).value == keeping(config, ModuleMask{0b100}));

  const Dynamic<ITransformerConfig> form{config};
  CHECK(form.modules() == 3);
  CHECK(form.kept().bits == 0b111);
  CHECK(form.with_kept(ModuleMask{0b001}).kept().bits == 0b001);
  CHECK(form.kept().bits == 0b111);
}

TEST_CASE("bits beyond the last module mean nothing") {
  constexpr ITransformerConfig config = keeping(example::small, ModuleMask::all());
  static_assert(Static<config>::kept().bits == 0b111);
  const ITransformer<float> model({config});
  CHECK(model.form.kept().bits == 0b111);
}

TEST_CASE(
    "a micro-batch plan covers every sample once, in order, in pieces whose sizes differ by one at "
    "most") {
  for (const std::size_t activation : {0u, 1u, 100u, 1408u, 11264u, 40960u, 40961u, 1000000u})
    for (std::size_t batch = 0; batch <= 70; ++batch) {
      const MicrobatchPlan plan(batch, activation);
      INFO("batch " << batch << ", activation " << activation << ", blocks " << plan.microbatches);
      std::size_t next = 0, least = batch, most = 0;
      for (std::size_t block = 0; block < plan.microbatches; ++block) {
        REQUIRE(plan.first(block) == next);
        next += plan.size(block);
        least = std::min(least, plan.size(block)), most = std::max(most, plan.size(block));
      }
      CHECK(next == batch);
      CHECK((plan.microbatches == 0) == (batch == 0));
      if (batch == 0) continue;
      CHECK(least >= 1);
      CHECK(most - least <= 1);
      CHECK(
          (most == 1 || most * activation <= MicrobatchPlan::target || plan.microbatches == batch));
      if (plan.microbatches < MicrobatchPlan::most_at_once)
        CHECK((std::has_single_bit(plan.microbatches) || plan.microbatches == batch));
    }
}

TEST_CASE("the division of a batch does not depend on the kept modules") {
  const ITransformer<float> dense({example::small}),
      pruned({keeping(example::small, ModuleMask{})});
  CHECK(dense.activation_size(3) == pruned.activation_size(3));
  CHECK(dense.activation_size(3) == 5 * 12);
}

TEST_CASE("sizes that do not fit together are refused with the rule and the values") {
  const auto message = [](const auto& change) {
    ITransformerConfig config = example::small;
    change(config);
    CHECK_FALSE(is_valid(config));
    return message_of<ConfigError>([&] { ITransformer<float>({config}); });
  };
  CHECK(message([](auto& c) { c.heads = 5; }) == "heads must divide width: heads 5, width 12");
  CHECK(message([](auto& c) { c.heads = 0; }).find("heads") != std::string::npos);
  CHECK(message([](auto& c) { c.depth = 0; }).find("layers") != std::string::npos);
  CHECK(message([](auto& c) { c.depth = 65; }).find("layers 65, least 1, most 64") !=
        std::string::npos);
  CHECK(message([](auto& c) { c.channels = 0; }).find("channel") != std::string::npos);
  CHECK(message([](auto& c) { c.width = 0; }).find("width") != std::string::npos);
  CHECK(message([](auto& c) { c.horizon = 0; }).find("horizon") != std::string::npos);
  CHECK(is_valid(example::small));
}

TEST_CASE("a configuration counts its learned values") {
  for (const std::uint64_t mask : {0b000u, 0b101u, 0b111u}) {
    const auto config = keeping(example::small, ModuleMask{mask});
    const ITransformer<float> model({config});
    CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
  }
}

}  // namespace form_tests
