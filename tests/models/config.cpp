// The lists of fields and rules behind every configuration.
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>

namespace config_tests {

using namespace spat;

namespace {

template <class Config>
std::string names() {
  std::string text;
  for (const auto& field : Config::fields()) text += std::string(field.name) + " ";
  return text;
}

/// A configuration of its own, with a size, a flag and two rules.
struct Drifting {
  std::size_t channels = 1, lookback = 8, horizon = 4, order = 2;
  bool instance_norm = false;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return 3; }
  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(order > 0, "the order must be positive", "order", order) &&
           rule(lookback % order == 0, "the order must divide the lookback", "lookback", lookback,
                "order", order);
  }
  static constexpr auto fields() { return all_fields<Drifting>({{"order", &Drifting::order}}); }
};

}  // namespace

TEST_CASE("the fields of a configuration are its members, in the order of a file") {
  CHECK(names<RLinearConfig>() == "channels lookback horizon instance_norm ");
  CHECK(names<DLinearConfig>() == "channels lookback horizon kernel ");
  CHECK(names<TSMixerConfig>() == "channels lookback horizon width depth ");
  CHECK(names<ITransformerConfig>() ==
        "channels marks lookback horizon width ffn_width heads depth instance_norm ");
  CHECK(names<SMambaConfig>() ==
        "channels marks lookback horizon width ffn_width depth state convolution expand "
        "instance_norm ");
  CHECK(names<PatchTSTConfig>() ==
        "channels lookback horizon width ffn_width heads depth patch stride instance_norm ");
  CHECK(names<TimeXerConfig>() ==
        "channels marks targets lookback horizon width ffn_width heads depth patch instance_norm ");
  CHECK(names<TransformerConfig>() ==
        "channels marks lookback horizon label width ffn_width heads depth decoder_depth ");
  CHECK(names<CrossformerConfig>() ==
        "channels lookback horizon width ffn_width heads depth segment window routers ");
  CHECK(names<Drifting>() == "channels lookback horizon order instance_norm ");
}

TEST_CASE("for_each_field visits members, not copies, and flags apart from sizes") {
  Drifting config;
  for_each_field(config, [](std::string_view name, auto& value) {
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, bool>) {
      CHECK(name == "instance_norm");
      value = true;
    } else {
      value += 10;
    }
  });
  CHECK(config.channels == 11);
  CHECK(config.order == 12);
  CHECK(config.instance_norm);
}

TEST_CASE("the first rule that does not hold names its values; none hides a division by zero") {
  Drifting config;
  CHECK(is_valid(config));
  CHECK_NOTHROW(check_rules(config));
  config.order = 3;
  CHECK_FALSE(is_valid(config));
  CHECK(message_of<ConfigError>([&] { check_rules(config); }) ==
        "the order must divide the lookback: lookback 8, order 3");
  config.order = 0;
  CHECK(message_of<ConfigError>([&] { check_rules(config); }) ==
        "the order must be positive: order 0");
  config.channels = 0;
  CHECK(message_of<ConfigError>([&] { check_rules(config); }) ==
        "there must be at least one channel: channels 0");
}

TEST_CASE("a model whose parameters no memory holds is an error, not an overflow") {
  constexpr int bits = std::numeric_limits<std::size_t>::digits;
  for (const std::size_t width : {std::size_t{1} << (bits / 2 + 8), std::size_t{1} << (bits - 2)})
    CHECK(message_of<ConfigError>([&] {
            ITransformer<float>({{.channels = 3, .width = width, .ffn_width = 8, .heads = 2}});
          }).find("no memory holds its parameters") != std::string::npos);
  CHECK(message_of<ConfigError>([] {
          ITransformer<float>(
              {{.channels = 3, .lookback = std::size_t{1} << (bits - 2), .width = 8}});
        }).find("no memory holds its parameters") != std::string::npos);
}

TEST_CASE("kept modules have no bits beyond the last module, and keeping() changes nothing else") {
  constexpr Drifting all;
  static_assert(kept_modules(all) == ModuleMask{0b111});
  constexpr Drifting two = keeping(all, ModuleMask{0b1'0101});
  static_assert(kept_modules(two) == ModuleMask{0b101} && two.order == all.order);
}

}  // namespace config_tests
