// Files that attack the reader of PyTorch files: each is refused or stepped over, none is executed.
#include <tests/io/torch_refusals.hpp>
#include <tests/support/temporary.hpp>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace torch_file_hostile_tests {

using namespace spat;
using namespace hostile_torch;
using namespace torch_refusals;

namespace {

/// Ways to have os.system(command) called by whoever does what a pickle says.
std::vector<std::pair<std::string, std::string>> attacks(const std::string& command) {
  const std::string system = global("os", "system"), with = "(" + text(command) + "t";
  const std::string short_system = "\x8c\x02os\x8c\x06system\x93";
  return {
      {"REDUCE", system + with + "R"},
      {"REDUCE of posix", global("posix", "system") + with + "R"},
      {"REDUCE of subprocess", global("subprocess", "getoutput") + with + "R"},
      {"REDUCE of eval", global("__builtin__", "eval") + with + "R"},
      {"REDUCE of builtins.exec", global("builtins", "exec") + with + "R"},
      {"REDUCE of a dotted name", global("os", "path.os.system") + with + "R"},
      {"INST", "(" + text(command) + "ios\nsystem\n"},
      {"INST in protocol 0", "(S'" + command + "'\nios\nsystem\n"},
      {"OBJ", "(" + system + text(command) + "o"},
      {"STACK_GLOBAL", short_system + with + "R"},
      {"NEWOBJ", system + with + "\x81"},
      {"NEWOBJ_EX", system + with + "}\x92"},
      {"BUILD", global("a", "B") + ")R" + dict(item("__setstate__", system)) + "b"},
      {"BUILD of a call", global("a", "B") + ")R" + system + with + "Rb"},
      {"memo", system +
                   "q\x01"
                   "0h\x01" +
                   with + "R"},
      {"memo replaced", global("collections", "OrderedDict") +
                            "q\x01"
                            "0" +
                            system +
                            "q\x01"
                            "0h\x01" +
                            with + "R"},
      {"memo of PUT", system + "p1\n0g1\n" + with + "R"},
      {"call of a call", global("builtins", "getattr") + "(" + global("os", "path") +
                             text("system") + "tR" + with + "R"},
      {"persistent",
       "(" + text("module") + system + text(command) + text("cpu") + number(2) + "tQ"},
      {"persistent of a call", system + with + "RQ"},
      {"storage class",
       "(" + text("storage") + system + text(command) + text("cpu") + number(2) + "tQ"},
      {"extension", "\x82\x01" + with + "R"},
      {"in a key", "}" + system + with + "RNs"},
      {"in a list", "](" + system + with + "Re"},
      {"in a set", "\x8f(" + system + with + "R\x90"},
      {"in hooks", global("torch._utils", "_rebuild_tensor_v2") + "(" + storage("0", 2) +
                       number(0) + tuple({2}) + tuple({1}) + "\x89" + system + with + "RtR"},
      {"thrown away", system + with + "R0N"},
      {"thrown away with a mark", "(" + system + with + "R1N"},
      {"torch.load again", global("torch", "load") + with + "R"},
      {"torch hub", global("torch.hub", "load") + with + "R"},
      {"numpy", global("numpy.core.multiarray", "scalar") + with + "R"},
      {"runpy", global("runpy", "_run_code") + with + "R"},
  };
}

}  // namespace

TEST_CASE("Nothing that a PyTorch file names is executed") {
  const TemporaryFolder folder;
  const std::string marker = folder / "executed", command = "touch '" + marker + "'";
  const auto all = attacks(command);
  CHECK(all.size() == 32);
  for (const auto& [name, attack] : all) {
    INFO(name);
    for (const bool legacy : {false, true}) {
      const std::string beside = with_tensor(attack);
      const SafetensorsFile file = open(legacy ? legacy_file(beside) : zip_file(beside));
      CHECK(file.read<float>("w") == std::vector<float>{1, 2});
      CHECK(file.tensors().size() == (name == "in hooks" ? 2 : 1));
      const std::string alone = refusal(legacy ? legacy_file(attack) : zip_file(attack));
      CHECK((contains(alone, "h.pth: ") || name == "in hooks"));
    }
    CHECK_FALSE(std::filesystem::exists(utf8_path(marker)));
  }
#if !defined(_WIN32)                           // has no touch
  REQUIRE(std::system(command.c_str()) == 0);  // as the attacks would have it
  CHECK(std::filesystem::exists(utf8_path(marker)));
#endif
}

TEST_CASE("Operations on what cannot take them are refused in a PyTorch file") {
  const std::string no = "which puts something into what cannot hold it";
  CHECK(contains(refusal_of(good_tensor() + "(" + item("a", "N") + "u"), no));
  CHECK(contains(refusal_of(good_tensor() + item("a", "N") + "s"), no));
  CHECK(contains(refusal_of(good_tensor() + "Na"), no));
  CHECK(contains(refusal_of(good_tensor() + "}b"), no));
  CHECK(contains(refusal_of(storage("0", 2) + "Na"), no));
  CHECK(contains(refusal_of(dict(item("w", good_tensor())) + "Na"), no));
  CHECK(contains(refusal_of("](" + good_tensor() + "e" + item("a", "N") + "s"), no));
  CHECK(contains(refusal_of(")Na"), no));
  CHECK(contains(refusal_of(good_tensor() + ")R"), "h.pth: "));
  CHECK(contains(refusal_of("0"), "too few values"));
  CHECK(contains(refusal_of("e"), "without a mark"));
  CHECK(contains(refusal_of(std::string(3'000'000, '(')), "more than 1000 marks open"));
  CHECK(contains(refusal_of("h\xFF"), "that it remembers"));
}

TEST_CASE("A tensor of a PyTorch file that views what its storage does not have is refused") {
  const auto of = [](const TensorView& view) { return refusal_of(tensor(storage("0", 2), view)); };
  const std::string start = "h.pth: tensor \"tensor\": ",
                    beyond = " reach beyond the 2 elements of ",
                    broken = message(start, "its offset, shape or strides are broken");
  // With 32 bits an offset, extent or stride has to fit into them.
  constexpr bool narrow = sizeof(std::size_t) < sizeof(std::int64_t);
  const std::string far = narrow ? broken : beyond;
  const std::int64_t most = narrow ? 0xFFFFFFFF : std::numeric_limits<std::int64_t>::max();
  CHECK(of({.shape = {3}}) ==
        message(start, "shape [3], strides [1] and offset 0", beyond, "storage \"0\""));
  CHECK(contains(of({.offset = 1}), beyond));
  CHECK(contains(of({.offset = 1ll << 62}), far));
  CHECK(contains(of({.shape = {2}, .strides = {2}}), beyond));
  CHECK(contains(of({.shape = {2}, .strides = {1ll << 62}}), far));
  CHECK(contains(of({.shape = {1ll << 32, 1ll << 32}, .strides = {0, 0}}), far));
  CHECK(contains(of({.shape = {1ll << 62, 4, 1}, .strides = {1ll << 62, 1, 1}}), far));
  CHECK(contains(of({.offset = most, .shape = {2, 2}, .strides = {most, most}}), beyond));
  CHECK(contains(of({.shape = {3}, .strides = {0}}), "repeat elements of storage \"0\""));
  CHECK(of({.offset = -1}) == broken);
  CHECK(of({.shape = {-2}}) == broken);
  CHECK(of({.strides = {-1}}) == broken);
  CHECK(of({.shape = {2, 1}, .strides = {1}}) == broken);
  CHECK(of({.shape = std::vector<std::int64_t>(65, 1),
            .strides = std::vector<std::int64_t>(65, 1)}) == broken);
  CHECK(zip_refusal_of(global("torch._utils", "_rebuild_tensor_v2") + ")R") ==
        message(start, "expected a storage, offset, shape and strides"));
  CHECK(zip_refusal_of(tensor("N")) ==
        message(start, "does not refer to a storage in the way of torch.save"));
  CHECK(contains(zip_refusal_of(tensor(storage("0", -1))), "does not refer to a storage"));
  CHECK(contains(zip_refusal_of(tensor(storage("0", 2, "FloatStorage", "(t"))),
                 "does not refer to a storage"));
  // What fits is read, however odd.
  CHECK(open(zip_file(tensor(storage("0", 2), {.shape = {0, most, most}, .strides = {1, 1, 1}})))
            .at("tensor")
            .shape == std::vector<std::size_t>{0, static_cast<std::size_t>(most),
                                               static_cast<std::size_t>(most)});
  CHECK(open(zip_file(tensor(storage("0", 2), {.shape = {2}, .strides = {0}})))
            .read<float>("tensor") == std::vector<float>{1, 1});
  CHECK(
      open(zip_file(tensor(storage("0", 2), {.offset = 1, .shape = {1, 1}, .strides = {most, 7}})))
          .read<float>("tensor") == std::vector<float>{2});
  CHECK(open(zip_file(tensor(storage("0", 2), {.more = dict(item("neg", "\x89"))})))
            .contains("tensor"));
  CHECK(contains(refusal_of(tensor(storage("0", 2), {.more = dict(item("neg", "\x88"))})),
                 "the object: it is a conjugate or negative view"));
  CHECK(contains(zip_refusal_of(tensor(storage("0", 2, "OddStorage"))), "class"));
}

TEST_CASE("A storage of a PyTorch file whose size lies is refused") {
  const std::string body = dict(item("w", good_tensor()));
  CHECK(refusal(zip_file(body, two_floats + "1234")) ==
        "h.pth: tensor \"w\": its storage \"0\" of 2 elements has 12 bytes in the archive");
  CHECK(refusal(zip_file(body, "1234")) ==
        "h.pth: tensor \"w\": its storage \"0\" of 2 elements has 4 bytes in the archive");
  CHECK(refusal(zip({{.name = "a/data.pkl", .data = pickle(body)}})) ==
        "h.pth: tensor \"w\": its storage \"0\" is missing from the archive");
  CHECK(contains(refusal(zip_file(tensor(storage("0", 1ll << 62)))), "elements has 8 bytes"));
  const std::string twice = "is named twice, with different sizes or types";
  CHECK(refusal_of(with_tensor(tensor(storage("0", 1), {.shape = {1}}))) ==
        message("h.pth: storage \"0\" ", twice));
  CHECK(contains(refusal_of(with_tensor(tensor(storage("0", 2, "IntStorage")))), twice));
  CHECK(contains(refusal_of(with_tensor(storage("0", 3))), twice));

  CHECK(refusal(legacy_file(body, {})) ==
        "h.pth: tensor \"w\": its storage \"0\" is missing from the file");
  CHECK(refusal(legacy_file(body, {{"0", 3}})) ==
        "h.pth: storage \"0\" has 3 elements, but the pickle says 2");
  CHECK(refusal(legacy_file(body, {{"0", 2, "1234"}})) == "h.pth: storage \"0\" is cut off");
  CHECK(refusal(legacy_file(body, {{"0", 2, two_floats + "1"}})) ==
        "h.pth: 1 bytes follow its storages");
  CHECK(refusal(legacy_file(body, {{"0"}, {"0"}})) == "h.pth: storage \"0\" is listed twice");
  CHECK(refusal(legacy_file(with_tensor(storage("1", 2)), {{"0"}, {"0"}})) ==
        "h.pth: storage \"0\" is listed twice");
  CHECK(refusal(legacy_file(body, {{"0"}, {"1"}})) ==
        "h.pth: lists a storage that no tensor refers to");
  CHECK(refusal(legacy_file(with_tensor(storage("1", 2, "OddStorage")), {{"0"}, {"1"}})) ==
        "h.pth: storage \"1\" is of a class that is not known");
  CHECK(refusal(legacy_file(tensor(storage("0", 1ll << 62), {.shape = {1}}), {{"0", 1ll << 62}})) ==
        "h.pth: storage \"0\" is cut off");
}

}  // namespace torch_file_hostile_tests
