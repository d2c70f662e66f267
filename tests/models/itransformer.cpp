// iTransformer's gradients, whole and pruned.
#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>

namespace itransformer_tests {

using namespace spat;

TEST_CASE("iTransformer's gradients agree with central differences in every parameter") {
  const auto check = [](const ITransformerConfig& config, double dropout) {
    tests::check_model_gradients<ITransformer>(config, dropout);
  };
  check(keeping(example::small, ModuleMask{0b101}), 0.2);
  check(example::small, 0);
  auto plain = example::small;
  plain.marks = 0, plain.instance_norm = false, plain.depth = 1, plain.kept = {1};
  check(plain, 0);
  check(keeping(example::small, ModuleMask{}), 0.2);
}

TEST_CASE(
    "a step from which LayerDrop removes modules is a step of the iTransformer without them") {
  tests::check_layer_drop<ITransformer>(example::small);
  tests::check_layer_drop<ITransformer>(keeping(example::small, ModuleMask{0b101}));
}

TEST_CASE("every criterion that receives events scores every module of an iTransformer") {
  tests::check_scores<ITransformer>(example::small);
  tests::check_scores<ITransformer>(keeping(example::small, ModuleMask{0b101}));
}

}  // namespace itransformer_tests
