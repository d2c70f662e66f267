// Import of state dicts: every file of the fixtures folder, under several prefixes.
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/import/open_checkpoint.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/predictor.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>

#include <tests/models/import_checkpoint.hpp>
#include <tests/models/parity.hpp>
#include <tests/support/temporary.hpp>

#include <iostream>

namespace import_tests {

using namespace import_example;

namespace {

/// Imports a fixture and compares its forecast with PyTorch's; prints the difference.
template <class Model>
void check(const SafetensorsFile& fixture, const Given& given) {
  INFO(fixtures::name_of(fixture.path()));
  const Checkpoint dict(fixture);
  const parity::FixtureBatch<float> data(fixture);
  const auto right = fixture.read<float>("fixture.out");
  const auto [low, high] = std::ranges::minmax(right);
  for (const std::string prefix :
       {"", "module.", "model.", "_orig_mod.module.", "state_dict.", "state_dict.model.net."}) {
    INFO("prefix " << prefix);
    const auto file = dict.under(prefix).file();
    CHECK(plan_import<Model>(file, options_of(given)).prefix == prefix);
    Predictor<Model> predictor(imported<Model>(
        file, options_of(given), data.batch.channels(), data.batch.history_marks.cols(),
        fixture.metadata().contains("features") && fixture.metadata("features") == "MS" ? 1 : 0));
    const auto found = predictor.forecast(data.batch).flat();
    REQUIRE(found.size() == right.size());
    double worst = 0;
    for (std::size_t i = 0; i < right.size(); ++i)
      worst = fixtures::larger(worst, std::abs(double(found[i]) - double(right[i])));
    CHECK(worst <= 1e-5 * (double(high) - double(low)));
    if (prefix.empty())
      std::cout << "import " << fixtures::name_of(fixture.path()) << ": largest difference "
                << worst / (double(high) - double(low)) << " of the range\n";
  }
}

}  // namespace

TEST_CASE("an imported state dict forecasts what PyTorch does, under every prefix", "[parity]") {
  for (const std::string& path : fixtures::files()) {
    const SafetensorsFile file(path);
    const auto holds = [&](auto... names) { return parity::holds(file, {names...}); };
    const auto given = [&](std::initializer_list<std::pair<const char*, const char*>> names) {
      Given sizes;
      for (const auto& [field, key] : names) sizes[field] = fixtures::number(file, key);
      return sizes;
    };
    if (holds("itr", "iTransformer")) check<ITransformer<float>>(file, given({{"heads", "heads"}}));
    if (holds("ptst"))
      check<PatchTST<float>>(file,
                             given({{"heads", "heads"}, {"lookback", "L"}, {"stride", "stride"}}));
    if (holds("TimeXer")) check<TimeXer<float>>(file, given({{"heads", "heads"}}));
    if (holds("Crossformer"))
      check<Crossformer<float>>(file,
                                given({{"heads", "heads"}, {"lookback", "L"}, {"horizon", "T"}}));
    if (holds("Transformer"))
      check<Transformer<float>>(
          file,
          given({{"heads", "heads"}, {"lookback", "L"}, {"horizon", "T"}, {"label", "label_len"}}));
    if (holds("DLinear")) check<DLinear<float>>(file, {});
    if (holds("TSMixer")) check<TSMixer<float>>(file, {});
    if (holds("S_Mamba")) check<SMamba<float>>(file, {});
  }
}

TEST_CASE("checkpoints are told apart by their content") {
  const TemporaryFolder folder;
  const auto bytes = [&] {
    SafetensorsWriter writer;
    const std::vector<float> one{1};
    writer.add("x", {1}, std::span<const float>(one));
    return writer.to_bytes();
  }();
  CHECK(open_checkpoint(folder.put("model.pth", bytes)).contains("x"));
  const auto refused = [&](std::string_view content) {
    return message_of<FileError>([&] { (void)open_checkpoint(folder.put("f", content)); });
  };
  CHECK(contains(refused(""), "is empty"));
  CHECK(contains(refused("text"), "is neither a checkpoint of PyTorch"));
  CHECK(contains(refused("no checkpoint at all"), "is neither a checkpoint of PyTorch"));
  CHECK(contains(message_of<FileError>([&] { (void)open_checkpoint(folder / "none"); }), "none"));
}

}  // namespace import_tests
