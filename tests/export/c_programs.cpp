#include <spat/export/c/c_source.hpp>
#include <spat/export/evaluate_graph.hpp>

#include <tests/export/c_random_graph.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/temporary.hpp>

#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

namespace c_programs_tests {

using namespace c_tests;

namespace {

/// One graph, the numbers that it is given, and what the scalar twin makes of them.
struct Case {
  ForecastGraph graph = {};
  std::vector<std::vector<float>> inputs = {};
  std::vector<float> right = {};
};

/// The graph with its weights as a C file of this type holds them.
ForecastGraph rounded(ForecastGraph graph, WeightType type) {
  const std::vector<WeightType> types = detail::c_types(graph, type);
  for (GraphId id = 0; id < graph.values.size(); ++id) {
    std::vector<float>& numbers = graph.values[id].numbers;
    if (types[id] == WeightType::bf16)
      for (float& one : numbers) one = to_float(to_half<BFloat16>(static_cast<double>(one)));
    if (types[id] == WeightType::int8) {
      const std::size_t rows = graph.values[id].shape[0], cols = numbers.size() / rows;
      const Int8Rows stored = to_int8_rows(std::span<const float>(numbers), rows);
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = from_int8(stored.values[i], stored.scales[i / cols]);
    }
  }
  return graph;
}

Case case_of(std::uint32_t seed, WeightType type) {
  Case made{.graph = RandomGraph(seed).make(4 + seed % 14)};
  RandomGraph random(seed + 1);
  std::vector<std::span<const float>> spans;
  for (const GraphId id : made.graph.inputs) {
    std::vector<float>& numbers = made.inputs.emplace_back(made.graph.at(id).size());
    for (float& one : numbers) one = random.number();
  }
  spans.assign(made.inputs.begin(), made.inputs.end());
  made.right = evaluate_graph(rounded(made.graph, type), spans);
  return made;
}

std::string list(const std::vector<float>& numbers) {
  std::string text;
  for (const float one : numbers) text.append(c_number(one)).append(",");
  return text;
}

/// Writes the C files of the cases and a program that prints all forecasts, and runs it. Arrays
/// around each forecast are checked for numbers that do not belong there.
std::vector<std::vector<float>> run(const std::vector<Case>& cases, WeightType type,
                                    const std::string& compiler, const TemporaryFolder& folder) {
  std::string program = "#include <stdio.h>\n", body, files;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = message("graph", i);
    const CSource source = c_source(
        cases[i].graph, {.name = name, .header_file = message(name, ".h"), .weights = type});
    (void)folder.put(message(name, ".h"), source.header);
    files.append(" ").append(folder.put(message(name, ".c"), source.code));
    program.append(message("#include \"", name, ".h\"\n"));
    const std::size_t count = cases[i].right.size();
    body.append("  {\n");
    std::string arguments;
    for (std::size_t k = 0; k < cases[i].inputs.size(); ++k) {
      body.append(
          message("    static const float x", k, "[] = {", list(cases[i].inputs[k]), "};\n"));
      arguments.append(message("x", k, ", "));
    }
    body.append(message("    static float y[", count + 2, "];\n    y[0] = y[", count + 1,
                        "] = 12345.f;\n    ", name, "_forecast(", arguments, "y + 1);\n    ", name,
                        "_forecast(", arguments, "y + 1);\n    for (int i = 0; i < ", count + 2,
                        "; ++i) printf(\"%.9g \", (double)y[i]);\n    printf(\"\\n\");\n  }\n"));
  }
  program.append("int main(void) {\n").append(body).append("  return 0;\n}\n");
  files.append(" ").append(folder.put("main.c", program));
  const std::string output = folder / "output";
  const std::string command =
      message(compiler, " -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror", files,
              " -lm -o ", folder / "program", " && ", folder / "program", " > ", output);
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
  std::vector<std::vector<float>> all;
  std::istringstream lines(content_of(output));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    all.emplace_back();
    for (float one = 0; numbers >> one;) all.back().push_back(one);
  }
  return all;
}

bool has(const std::string& compiler) {
  return std::system(message(compiler, " --version > /dev/null 2>&1").c_str()) ==  // NOLINT
         0;
}

void compare(WeightType type, const std::string& compiler, std::uint32_t first, std::size_t count) {
  if (!has(compiler)) {
    WARN(compiler << " is not installed: no C file was compiled");
    return;
  }
  std::vector<Case> cases;
  for (std::uint32_t seed = first; cases.size() < count; ++seed) {
    Case one = case_of(seed, type);
    // A square root of almost nothing, and the like, tells nothing of the code.
    if (std::ranges::all_of(one.right, [](float y) { return std::abs(y) < 1e4f; }))
      cases.push_back(std::move(one));
  }
  const TemporaryFolder folder;
  const auto found = run(cases, type, compiler, folder);
  REQUIRE(found.size() == cases.size());
  std::set<GraphOp> operations;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::vector<float>& right = cases[i].right;
    REQUIRE(found[i].size() == right.size() + 2);
    CHECK(found[i].front() == 12345.f);
    CHECK(found[i].back() == 12345.f);
    float largest = 1;
    for (const float y : right) largest = std::max(largest, std::abs(y));
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < right.size(); ++k)
      wrong += !(std::abs(found[i][k + 1] - right[k]) <= 1e-4f * largest);
    INFO("graph " << i << " of " << right.size() << " numbers, the largest " << largest);
    CHECK(wrong == 0);
    for (const GraphNode& node : cases[i].graph.nodes) operations.insert(node.op);
  }
  CHECK(operations.size() == 17);
}

}  // namespace

TEST_CASE("the C code of random graphs computes what their scalar twin does") {
  compare(WeightType::f32, "gcc -O2", 100, 60);
}

TEST_CASE("so it does compiled by clang") { compare(WeightType::f32, "clang -O1", 400, 60); }

TEST_CASE("the C code widens bf16 weights") { compare(WeightType::bf16, "gcc -O1", 700, 40); }

TEST_CASE("the C code scales int8 weights") { compare(WeightType::int8, "gcc -Os", 900, 40); }

}  // namespace c_programs_tests
