// PatchTST: gradients whole and pruned, over batch statistics; training; and refused sizes.
#include <spat/models/patchtst.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>
#include <tests/support/errors.hpp>

namespace patchtst_tests {

using namespace spat;

namespace {

/// Three modules. The patch does not divide the lookback, and no size is a multiple of a vector.
constexpr PatchTSTConfig small{.channels = 2,
                               .lookback = 13,
                               .horizon = 5,
                               .width = 6,
                               .ffn_width = 10,
                               .heads = 3,
                               .depth = 3,
                               .patch = 4,
                               .stride = 2,
                               .kept = ModuleMask{0b111}};

}  // namespace

TEST_CASE("PatchTST's gradients agree with central differences in every parameter") {
  const auto check = [](const PatchTSTConfig& config, double dropout) {
    const std::string last = message("encoder.attn_layers.", config.depth - 1, ".norm2.");
    tests::check_model_gradients<PatchTST>(
        config, dropout, tests::key_bias,
        [&](std::string_view name) { return name.starts_with(last); });
  };
  check(small, 0.2);
  check(keeping(small, ModuleMask{0b010}), 0);
  auto plain = small;
  plain.instance_norm = false, plain.depth = 1, plain.kept = {0};
  check(plain, 0.2);
}

TEST_CASE("a PatchTST's configuration counts its learned values") {
  for (const std::uint64_t mask : {0b000u, 0b101u, 0b111u}) {
    const auto config = keeping(small, ModuleMask{mask});
    const PatchTST<float> model({config});
    CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
  }
}

TEST_CASE("a PatchTST refuses sizes that do not fit together") {
  auto config = small;
  config.lookback = 3;
  CHECK_FALSE(is_valid(config));
  CHECK(message_of<ConfigError>([&] { PatchTST<float>({config}); }) ==
        "the lookback must hold a patch: lookback 3, patch 4");
}

TEST_CASE(
    "statistics re-estimated after pruning are those of the pruned model, on any number of "
    "workers") {
  const example::SyntheticWindows<float> windows(small, 4);
  using Model = PatchTST<float>;
  const auto dense = example::made<Model>(Dynamic<PatchTSTConfig>{small});
  auto pruned = converted<Model>(dense, {keeping(small, ModuleMask{0b001})}), shared = pruned;
  const auto before = pruned;
  Team team(3);
  reestimate_statistics(pruned, windows.training, 1, nullptr, 4, 16);
  reestimate_statistics(shared, windows.training, 1, &team, 4, 16);
  CHECK(example::same_parameters(pruned, shared));
  CHECK_FALSE(example::same_bits(pruned.norm.running_mean.flat(), before.norm.running_mean.flat()));
  CHECK(example::same_bits(pruned.norm.gain.flat(), before.norm.gain.flat()));
  CHECK(pruned.norm.batches.data()[0] == 4);
}

TEST_CASE("a step from which LayerDrop removes modules is a step of the PatchTST without them") {
  tests::check_layer_drop<PatchTST>(small);
  tests::check_layer_drop<PatchTST>(keeping(small, ModuleMask{0b110}));
}

TEST_CASE("every criterion that receives events scores every module of a PatchTST") {
  tests::check_scores<PatchTST>(small);
  tests::check_scores<PatchTST>(keeping(small, ModuleMask{0b110}));
}

}  // namespace patchtst_tests
