#include <spat/io/pickle.hpp>

#include <tests/io/hostile_torch.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 33)
#include <malloc.h>
#define SPAT_TEST_COUNTS_MEMORY
#endif
#endif

#include <cmath>
#include <string>
#include <vector>

namespace pickle_tests {

using namespace spat;
using namespace hostile_torch;

namespace {

using Node = PickleGraph::Node;

/// What a pickle describes, written out: calls as f(...){...}, never done.
std::string written(const PickleGraph& graph, Node node, int depth = 0) {
  if (depth > 8) return "...";
  const auto inside = [&](Node inner) { return written(graph, inner, depth + 1); };
  const auto elements = [&] {
    std::string all;
    graph.for_each_element(node, [&](Node element) { all += inside(element) + ","; });
    graph.for_each_item(
        node, [&](Node key, Node value) { all += inside(key) + ":" + inside(value) + ","; });
    return all;
  };
  switch (graph.kind(node)) {
    case PickleKind::none:
      return "None";
    case PickleKind::truth:
      return graph.truth(node) ? "True" : "False";
    case PickleKind::integer:
      return graph.integer(node) ? message(*graph.integer(node)) : "long";
    case PickleKind::real:
      return graph.real(node) ? message(*graph.real(node)) : "broken";
    case PickleKind::text:
      return message("'", graph.text(node), "'");
    case PickleKind::bytes:
      return "bytes";
    case PickleKind::tuple: {
      std::string all("(");
      for (const Node element : graph.tuple(node)) all += inside(element) + ",";
      return all + ")";
    }
    case PickleKind::list:
      return "[" + elements() + "]";
    case PickleKind::dict:
      return "{" + elements() + "}";
    case PickleKind::set:
      return "set";
    case PickleKind::global:
      return message(graph.global(node).module, ".", graph.global(node).name);
    case PickleKind::call: {
      const auto state = graph.state(node);
      return inside(graph.callee(node)) + inside(graph.arguments(node)) +
             (elements().empty() ? "" : "[" + elements() + "]") +
             (state ? "<-" + inside(*state) : "");
    }
    case PickleKind::persistent:
      return "*" + inside(graph.reference(node));
    case PickleKind::other:
      return "other";
  }
  return "?";
}
std::string written(const std::string& pickle) {
  const PickleGraph graph = read_pickle(pickle, "a.pkl");
  CHECK(graph.bytes() == pickle.size());
  return written(graph, graph.root());
}
std::string refusal(const std::string& pickle, const PickleLimits& limits = {}) {
  return message_of<FileError>([&] { (void)read_pickle(pickle, "a.pkl", limits); });
}

}  // namespace

TEST_CASE("A pickle of any protocol becomes a graph of its values") {
  struct Pair {
    std::string pickle, written;
  };
  const auto [pickle, expected] = GENERATE(values<Pair>({
      {"N.", "None"},
      {"\x80\x05\x88.", "True"},
      {"\x89.", "False"},
      {"I01\n.", "True"},
      {"I00\n.", "False"},
      {"I-12\n.", "-12"},
      {"L123L\n.", "123"},
      {"K\xFF.", "255"},
      {"M\xFF\xFF.", "65535"},
      {"J\xFF\xFF\xFF\xFF.", "-1"},
      {"\x8a\x00."s, "0"},
      {"\x8a\x01\x80.", "-128"},
      {"\x8a\x02\xFF\x00."s, "255"},
      {"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s, "-9223372036854775808"},
      {"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."s, "long"},
      {"\x8b\x01\x00\x00\x00\x07."s, "7"},
      {"L99999999999999999999L\n.", "long"},
      {"F-1.5\n.", "-1.5"},
      {"Fx\n.", "broken"},
      {"G\x3f\xf8\x00\x00\x00\x00\x00\x00."s, "1.5"},
      {"S'a'\n.", "other"},
      {"U\x02hi.", "'hi'"},
      {"T\x02\x00\x00\x00hi."s, "'hi'"},
      {"X\x02\x00\x00\x00hi."s, "'hi'"},
      {"Vhi\n.", "'hi'"},
      {"Vh\\u0041\n.", "other"},
      {"\x8c\x02hi.", "'hi'"},
      {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "'hi'"},
      {"C\x02hi.", "bytes"},
      {"B\x02\x00\x00\x00hi."s, "bytes"},
      {"\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "bytes"},
      {"\x96\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "bytes"},
      {").", "()"},
      {"N\x85.", "(None,)"},
      {"NK\x01\x86.", "(None,1,)"},
      {"NNK\x02\x87.", "(None,None,2,)"},
      {"(NNNNt.", "(None,None,None,None,)"},
      {"(t.", "()"},
      {"].", "[]"},
      {"(NK\x01l.", "[None,1,]"},
      {"]NaK\x01"
       "a(K\x02K\x03"
       "e(e.",
       "[None,1,2,3,]"},
      {"}.", "{}"},
      {"(K\x01Nd.", "{1:None,}"},
      {"}K\x01NsK\x02\x88s(K\x03\x89K\x01Nu.", "{1:None,2:True,3:False,1:None,}"},
      {"\x8f(NN\x90.", "set"},
      {"(NN\x91.", "set"},
      {"cos\nsystem\n.", "os.system"},
      {"\x8c\x02os\x8c\x06system\x93.", "os.system"},
      {"cos\nsystem\n(X\x02\x00\x00\x00lstR."s, "os.system('ls',)"},
      {"(X\x02\x00\x00\x00lsios\nsystem\n."s, "os.system('ls',)"},
      {"(cos\nsystem\nX\x02\x00\x00\x00lso."s, "os.system('ls',)"},
      {"cos\nsystem\n)\x81}b.", "os.system()<-{}"},
      {"cos\nsystem\n)}\x92.", "os.system()"},
      {"ca\nB\n)R(K\x01K\x02"
       "eK\x03K\x04s}bNb.",
       "a.B()[1,2,3:4,]<-None"},
      {"ca\nB\n)R)R.", "a.B()()"},
      {"K\x01Q.", "*1"},
      {"P1\n.", "other"},
      {"\x82\x01)R.", "other()"},
      {"K\x01"
       "2\x86.",
       "(1,1,)"},
      {"NK\x01"
       "0.",
       "None"},
      {"N(0.", "None"},
      {"N(NN1.", "None"},
      {"Nq\x03"
       "0h\x03p1\n0g1\nr\x02\x00\x00\x00"
       "0j\x02\x00\x00\x00."s,
       "None"},
      {"\x80\x04K\x07\x94K\x08\x94h\x00\x87."s, "(7,8,7,)"},
      {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N."s, "None"},
      {"]q\x00h\x00"
       "a."s,
       "[[[[[[[[[...,],],],],],],],],]"},
  }));
  INFO(expected);
  CHECK(written(pickle) == expected);
}

TEST_CASE("A pickle that Python could not read is refused") {
  struct Pair {
    std::string pickle, problem;
  };
  const auto [pickle, problem] = GENERATE(values<Pair>({
      {"", "ends at byte 0 without STOP; the file was cut off"},
      {"N", "ends at byte 1 without STOP; the file was cut off"},
      {"N\xFF.", "has the unknown opcode 255 at byte 1"},
      {"\x80\x06N.", "has PROTO at byte 0 of a protocol that is not known; 0 to 5 are"},
      {"X\xFF\xFF\xFF\xFFhi.", "has BINUNICODE of 4294967295 bytes at byte 0, but ends after 3"},
      {"\x8d\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFhi.",
       "has BINUNICODE8 of 18446744073709551615 bytes at byte 0, but ends after 3"},
      {"X\x01", "is cut off in BINUNICODE at byte 0"},
      {"J\x01", "is cut off in BININT at byte 0"},
      {"cos\nsystem", "is cut off in GLOBAL at byte 0"},
      {"V" + std::string(5000, 'x') + "\n.", "has a line of more than 4096 bytes at byte 0"},
      {".", "has STOP at byte 0, but too few values for it"},
      {"0N.", "has POP at byte 0, but too few values for it"},
      {"2N.", "has DUP at byte 0, but too few values for it"},
      {"N(\x85.", "has TUPLE1 at byte 2, but too few values for it"},
      {"N(.", "has STOP at byte 2, but too few values for it"},
      {"NN.", "leaves values behind that belong to nothing"},
      {"(N.", "leaves values behind that belong to nothing"},
      {"t.", "has TUPLE at byte 0 without a mark"},
      {"N1.", "has POP_MARK at byte 1 without a mark"},
      {"(e.", "has APPENDS at byte 1, but too few values for it"},
      {"h\x01.", "has BINGET at byte 0 with a number beyond the 0 objects that it remembers"},
      {"Nq\x00"
       "0h\x01."s,
       "has BINGET at byte 4 of an object that it does not remember"},
      {"Nr\xFF\xFF\xFF\xFF.",
       "has LONG_BINPUT at byte 1 with a number beyond the 1 objects that it remembers"},
      {"Np-1\n.", "has PUT at byte 1 with a number beyond the 1 objects that it remembers"},
      {"N0gx\n.", "has GET at byte 2 with a number beyond the 0 objects that it remembers"},
      {"}Na.", "has APPEND at byte 2, which puts something into what cannot hold it"},
      {"](NNu.", "has SETITEMS at byte 4, which puts something into what cannot hold it"},
      {"]NNs.", "has SETITEM at byte 3, which puts something into what cannot hold it"},
      {"}(Nu.", "has SETITEMS at byte 3 with a key without a value"},
      {"(Nd.", "has DICT at byte 2 with a key without a value"},
      {"](N\x90.", "has ADDITEMS at byte 3 into what is no set"},
      {"}}b.", "has BUILD at byte 2, which puts something into what cannot hold it"},
      {"N)R.", "has REDUCE at byte 2, which calls what is no function or class"},
      {"cos\nsystem\nNR.", "has REDUCE at byte 12, which gives a function no tuple of arguments"},
      {"cos\nsystem\n]\x81.",
       "has NEWOBJ at byte 12, which gives a function no tuple of arguments"},
      {"(o.", "has OBJ at byte 1 without a class"},
      {"(No.", "has OBJ at byte 2, which calls what is no function or class"},
      {"NN\x93.", "has STACK_GLOBAL at byte 2 of a name that is no text"},
      {"\x97.", "has STOP at byte 1"},
      {"\x97N.", "has NEXT_BUFFER at byte 0, which needs bytes that lie outside the file"},
      {"N\x98.", "has READONLY_BUFFER at byte 1, which needs bytes that lie outside the file"},
      {"\x95\x02\x00\x00\x00\x00\x00\x00\x00."s, "has STOP at byte 9"},
      {"\x95\x03\x00\x00\x00\x00\x00\x00\x00N."s, "has FRAME at byte 0 of a frame beyond its end"},
  }));
  INFO(problem);
  const std::string found = refusal(pickle);
  CHECK(found.starts_with("a.pkl: the pickle " + problem));
}

TEST_CASE("A pickle beyond its limits is refused before memory is taken for it") {
  CHECK(refusal(std::string(1001, '(')) == "a.pkl: the pickle has more than 1000 marks open");
  CHECK(refusal("]]0]0]0.", {.nodes = 3}) == "a.pkl: the pickle makes more than 3 objects");
  CHECK(refusal("Nq\1q\2.", {.memo = 1}) == "a.pkl: the pickle remembers more than 1 objects");
  CHECK(refusal("NNN00.", {.bytes = 5}) == "a.pkl: the pickle is larger than the 5 bytes allowed");
  CHECK(refusal("NNN00.", {.bytes = 6}) == "nothing was thrown");
  // More than numbers of nodes allow, whatever the limit.
  CHECK(contains(refusal(std::string(17'000'000, 'N'), {.bytes = 1'000'000'000}),
                 "is larger than the 16776960 bytes allowed"));
}

TEST_CASE("The memory of a pickle is at most 16 times its bytes") {
#if defined(SPAT_TEST_COUNTS_MEMORY) && !defined(SPAT_SANITIZED)
  const auto repeated = [](const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::size_t n = 200'000;
  std::string memo;
  for (std::uint32_t i = 0; i < 50'000; ++i) memo += "Nr" + little(i) + "0";
  const std::vector<std::string> pickles{"(" + std::string(n, ']') + "t.",
                                         "(" + std::string(n, '}') + "l.",
                                         "]" + repeated("]a", n) + ".",
                                         "}" + repeated("NNs", n) + ".",
                                         "]" + repeated("(Ne", n) + ".",
                                         "N" + std::string(n, '\x85') + ".",
                                         "ca\nb\n" + repeated(")R", n) + ".",
                                         "ca\nb\n" + repeated(")\x81", n) + ".",
                                         "ca\nb\n)R" + repeated("Nb", n) + ".",
                                         "cc\nd\nq\1"
                                         "0(" +
                                             repeated("(h\1o", n) + "t.",
                                         "(" + repeated("(ia\nb\n", n) + "t.",
                                         "N" + std::string(n, 'Q') + ".",
                                         "N" + std::string(n, '\x94') + ".",
                                         "(" + std::string(n, '2').insert(0, "N") + "t.",
                                         memo + "N."};
  for (std::size_t i = 0; i < pickles.size(); ++i) {
    INFO("pickle " << i);
    const std::string& pickle = pickles[i];
    const auto counts = detail::count_pickle(pickle, "a.pkl", {});
    const std::size_t planned = 8 * counts.nodes + 4 * (counts.links + counts.stack + counts.memo);
    const auto used = [] {
      const struct mallinfo2 info = mallinfo2();
      return info.uordblks + info.hblkhd;
    };
    const std::size_t before = used();
    std::size_t peak = 0;
    {
      // All of it is taken at once, and given back after the last opcode.
      detail::PickleMachine machine(pickle, "a.pkl", counts);
      peak = used() - before;
      const PickleGraph graph = machine.run();
      CHECK(used() - before <= peak + 1000);
      CHECK(graph.size() == counts.nodes + 4);
    }
    CHECK(peak + 1000 >= planned);
    CHECK(peak <= 16 * pickle.size() + 20'000);
  }
#else
  WARN("skipped: memory cannot be counted here");
#endif
}

}  // namespace pickle_tests
