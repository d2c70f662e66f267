// Files that the reader of PyTorch files refuses because of what they say, and what it goes into.
#include <tests/io/torch_refusals.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace torch_file_refusals_tests {

using namespace spat;
using namespace hostile_torch;
using namespace torch_refusals;

TEST_CASE("A PyTorch file that is not what it says is refused") {
  const std::string body = dict(item("w", good_tensor()));
  const Entry good{.name = "a/data.pkl", .data = pickle(body)},
      data{.name = "a/data/0", .data = two_floats};
  CHECK(open(zip({good, data})).contains("w"));
  CHECK(refusal(zip({good, data, {.name = "a/b/data.pkl", .data = ""}})) ==
        R"(h.pth: has two pickles, "a/data.pkl" and "a/b/data.pkl")");
  CHECK(refusal(zip({good, data, {.name = "data.pkl", .data = ""}})) ==
        R"(h.pth: has two pickles, "a/data.pkl" and "data.pkl")");
  CHECK(refusal(zip({good, data, good})) == R"(h.pth: entry "a/data.pkl": occurs twice)");
  CHECK(refusal(zip({good, data, {.name = "b/x", .data = ""}})) ==
        R"(h.pth: entry "b/x" lies outside "a/")");
  CHECK(refusal(zip({data})) ==
        "h.pth: is a zip archive, but not of torch.save: it has no data.pkl");
  CHECK(contains(refusal(zip({good, data, {.name = "a/constants.pkl", .data = ""}})),
                 R"(is a TorchScript archive (it has "constants.pkl"))"));
  CHECK(contains(
      refusal(zip({good, data, {.name = "a/x", .data = "", .method = 8, .local_method = 8}})),
      R"(entry "a/x": is compressed (method 8))"));
  CHECK(refusal(zip({good, data, {.name = "a/byteorder", .data = "big"}})) ==
        "h.pth: its numbers are not little-endian; save it again on a machine where they are");
  CHECK(open(zip({good, data, {.name = "a/byteorder", .data = "little"}})).contains("w"));
  CHECK(refusal(zip({{.name = "a/data.pkl", .data = pickle(body) + "more"}, data})) ==
        "h.pth: 4 bytes follow its pickle");
  CHECK(contains(
      refusal(zip({{.name = "a/data.pkl", .data = pickle(body), .wrong_checksum = 9}, data})),
      "its checksum is wrong"));
  CHECK(
      contains(refusal(zip({good, {.name = "a/data/0", .data = two_floats, .wrong_checksum = 9}})),
               R"(entry "a/data/0": its checksum is wrong)"));
  CHECK(contains(refusal("x" + zip({good, data})), "is no file of torch.save"));
  CHECK(contains(refusal(zip({good, data}) + "x"), "bytes were added"));
  CHECK(contains(refusal(""), "is no file of torch.save"));

  CHECK(contains(refusal(legacy_file(body, {{"0"}}, dict(item("little_endian", "\x89")))),
                 "are not little-endian"));
  CHECK(contains(refusal(legacy_file(body, {{"0"}}, "N")), "does not say what wrote it"));
  CHECK(contains(refusal(legacy_file(body, {{"0"}}, "}", "K\x01")), "version"));
  CHECK(contains(refusal(pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s)), "cut off"));
}

TEST_CASE("Names in a PyTorch file are texts that occur once") {
  const std::string w = good_tensor();
  CHECK(refusal_of("}(" + item("a", w) + item("a", w) + "u") ==
        "h.pth: holds two values named \"a\"");
  CHECK(refusal_of(dict(item("a.b", w) + item("a", dict(item("b", w))))) ==
        "h.pth: holds two values named \"a.b\"");
  CHECK(refusal_of(dict(item("1", w) + "K\x01" + w)) == "h.pth: holds two values named \"1\"");
  CHECK(refusal_of(dict(item("a", w) + item("a", "K\x01"))) ==
        "h.pth: holds two values named \"a\"");
  CHECK(zip_refusal_of(dict(item("n", "K\x01") + item("n", "K\x01"))) ==
        "h.pth: holds two values named \"n\"");
  CHECK(refusal_of(dict(item("a\xFF", w))) ==
        "h.pth: holds a value in \"\" whose name is not UTF-8");
  CHECK(refusal_of(dict(item("__metadata__", w))) ==
        "h.pth: a tensor cannot be named \"__metadata__\"");
  const SafetensorsFile odd =
      open(zip_file(dict(item("w", w) + item("", w) + "N" + w + item(std::string(1000, 'n'), w) +
                         item("b", text("\xFF")) + item("long", text(std::string(1001, 'x'))) +
                         item("torch", dict(item("format", "K\x01"))) + item("q\"\n", w))));
  CHECK(odd.tensors().size() == 2);
  CHECK(odd.contains("q\"\n"));
  CHECK(odd.metadata("torch.format") == "zip");
  CHECK(odd.metadata("torch.skipped") ==
        "the object: a value in it has a key that is no name\n"
        "the object: a value in it has a key that is no name\n"
        "the object: a value in it has a name of more than 1000 bytes\n"
        "b: it is a text that is not UTF-8\n"
        "long: it is a text of more than 1000 bytes\n");
}

TEST_CASE("The object of a PyTorch file does not expand without limit") {
  const std::string w = good_tensor();
  // Each level holds the one below ten times: 10^9 paths.
  std::string laughs = with_tensor("N") +
                       "q\x01"
                       "0";
  for (char level = 1; level < 10; ++level) {
    laughs += "](";
    for (int i = 0; i < 10; ++i) laughs += "h"s + level;
    laughs += "eq"s + static_cast<char>(level + 1) + "0";
  }
  CHECK(refusal_of(laughs + "h\x0a") ==
        "h.pth: holds more tensors under more names than its pickle of " +
            std::to_string(pickle(laughs + "h\x0a").size()) + " bytes can describe");
  std::string numbers =
      "]K\x01"
      "aq\x01"
      "0";
  for (char level = 1; level < 10; ++level) {
    numbers += "](";
    for (int i = 0; i < 10; ++i) numbers += "h"s + level;
    numbers += "eq"s + static_cast<char>(level + 1) + "0";
  }
  CHECK(zip_refusal_of(numbers + "h\x0a") ==
        "h.pth: holds more than 1000000 values, counted once per path");
  // One object with many states, seen many times.
  std::string states = global("a", "B") + ")R";
  for (int i = 0; i < 30'000; ++i) states += "Nb";
  states +=
      "q\x01"
      "0(";
  for (int i = 0; i < 30'000; ++i) states += "h\x01";
  CHECK(contains(zip_refusal_of(states + "t"), "counted once per path"));

  std::string deep = w;
  for (int i = 0; i < 64; ++i) deep += "\x85";
  CHECK(contains(refusal_of(deep), "is nested deeper than the 64 levels allowed"));
  CHECK(contains(refusal_of(w + std::string(2'000'000, '\x85')), "is nested deeper"));
  CHECK(open(zip_file(dict(item("w", w)) + std::string(60, '\x85'))).tensors().size() == 1);
  // What is in itself is gone into once.
  CHECK(open(zip_file("]q\x01(" + w +
                      "h\x01"
                      "e"))
            .tensors()
            .size() == 1);

  // A tensor under many names.
  std::string many = tensor(storage("0", 1000), {.shape = {1000}}) +
                     "q\x01"
                     "0(";
  for (int i = 0; i < 200; ++i) many += "h\x01";
  many = zip_file(many + "t", std::string(4000, '\0'));
  CHECK(contains(refusal(many), "save tensor.clone() of each"));
  CHECK(open(many, {.sharing = 1000}).tensors().size() == 200);
  CHECK(contains(refusal(zip_file(with_tensor("N")), {.pickle = {.bytes = 100}}),
                 "is larger than the 100 allowed"));
  CHECK(contains(refusal(zip_file(with_tensor("N")), {.pickle = {.nodes = 10}}),
                 "makes more than 10 objects"));

  std::string scalars;
  for (int i = 0; i < 3000; ++i) scalars += item(message("n", i), "K\x01");
  const SafetensorsFile full = open(zip_file(dict(item("w", w) + scalars)));
  CHECK(full.metadata().size() == 2002);
  CHECK(full.metadata("torch.skipped") ==
        "n2000: this and further numbers and texts are more than 2000\n");
  std::string skipped;
  for (int i = 0; i < 100; ++i) skipped += "N" + w;
  const std::string lines = open(zip_file(dict(item("w", w) + skipped))).metadata("torch.skipped");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 50);
  CHECK(lines.ends_with("\nand more\n"));
}

TEST_CASE("Objects of Python that hold values as dicts do are gone into") {
  const std::string w = good_tensor(), ordered = global("collections", "OrderedDict");
  const auto names = [](const std::string& body) {
    std::string all;
    const SafetensorsFile file = open(zip_file(body));
    for (const TensorInfo& tensor : file.tensors()) all += tensor.name + " ";
    return all;
  };
  CHECK(names(ordered + ")R(" + item("a", w) + "u") == "a ");
  CHECK(names(ordered + "(]((" + text("a") + w + "t](" + text("b") + w + "eetR") == "a b ");
  CHECK(names(global("my", "Dict") + ")\x81" + item("a", w) + "s") == "a ");
  CHECK(names(global("my", "List") + ")\x81(" + w + w + "e") == "0 1 ");
  CHECK(names(global("argparse", "Namespace") + ")\x81" + dict(item("a", w)) + "b") == "a ");
  CHECK(names(global("types", "SimpleNamespace") + ")R" + dict(item("a", w)) + "b") == "a ");
  CHECK(contains(refusal_of(global("my", "Class") + ")\x81" + dict(item("a", w)) + "b"),
                 "h.pth: holds no tensors"));
}

}  // namespace torch_file_refusals_tests
