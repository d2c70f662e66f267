#include <spat/export/c/memory_plan.hpp>

#include <tests/export/c_random_graph.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace c_memory_plan_tests {

using namespace c_tests;

namespace {

/// The numbers of a buffer or output by who wrote them last: value and index. Runs a graph without
/// arithmetic, and finds a value that was written over before its last reader came.
class Owners {
 public:
  explicit Owners(const ForecastGraph& graph) : graph_(graph), plan_(plan_memory(graph)) {}

  /// The number of reads that would have found another value's number.
  [[nodiscard]] std::size_t wrong_reads() {
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const GraphNode& node = graph_.nodes[i];
      for (const GraphId id : node.inputs) wrong += count_foreign(id);
      if (node.op == GraphOp::attention) {
        const auto& keys = graph_.at(node.inputs[1]).shape;
        for (std::size_t k = 0; k < keys[keys.size() - 2]; ++k) {
          // The row of scores is written while inputs are read and the output is written.
          const Place at{GraphStorage::buffer, 0, plan_.scores[i] + k};
          for (const GraphId id : node.inputs) wrong += holds(id, at);
          wrong += holds(node.output, at);
          owner_[at] = {none, k};
          extent_ = std::max(extent_, plan_.scores[i] + k + 1);
        }
      }
      if (!plan_.moves_nothing[i])
        write(node);
      else
        alias(node);
    }
    return wrong + count_foreign(graph_.output);
  }
  [[nodiscard]] std::size_t extent() const { return extent_; }
  [[nodiscard]] const MemoryPlan& plan() const { return plan_; }

 private:
  struct Place {
    GraphStorage storage;
    GraphId array;
    std::size_t offset;
    auto operator<=>(const Place&) const = default;
  };
  static constexpr GraphId none = static_cast<GraphId>(-1);

  const ForecastGraph& graph_;
  MemoryPlan plan_;
  std::map<Place, std::pair<GraphId, std::size_t>> owner_;
  std::map<std::pair<GraphId, std::size_t>, std::pair<GraphId, std::size_t>> source_;
  std::size_t extent_ = 0;

  [[nodiscard]] Place place(GraphId id, std::size_t k) const {
    const ValuePlace& at = plan_.at(id);
    const bool shared = at.storage == GraphStorage::buffer;
    return {at.storage, shared ? 0 : at.array, at.offset + k};
  }
  [[nodiscard]] bool holds(GraphId id, const Place& at) const {
    for (std::size_t k = 0; k < graph_.at(id).size(); ++k)
      if (place(id, k) == at) return true;
    return false;
  }
  [[nodiscard]] bool given(GraphId id) const {
    return plan_.at(id).storage == GraphStorage::input ||
           plan_.at(id).storage == GraphStorage::constant;
  }
  [[nodiscard]] std::size_t count_foreign(GraphId id) const {
    std::size_t foreign = 0;
    for (std::size_t k = 0; k < graph_.at(id).size() && !given(id); ++k) {
      const auto found = owner_.find(place(id, k));
      foreign += found == owner_.end() || found->second != root({id, k});
    }
    return foreign;
  }
  /// The number that a part of another value's array is.
  [[nodiscard]] std::pair<GraphId, std::size_t> root(std::pair<GraphId, std::size_t> number) const {
    while (source_.contains(number)) number = source_.at(number);
    return number;
  }
  void write(const GraphNode& node) {
    for (std::size_t k = 0; k < graph_.at(node.output).size(); ++k) {
      const Place at = place(node.output, k);
      owner_[at] = {node.output, k};
      if (at.storage == GraphStorage::buffer) extent_ = std::max(extent_, at.offset + 1);
    }
  }
  /// A reshape or slice that moves nothing has the places of the numbers that it stands for.
  void alias(const GraphNode& node) {
    const GraphId x = node.inputs[0];
    const auto &from = graph_.at(x).shape, &to = graph_.at(node.output).shape;
    std::size_t inner = 1;
    for (std::size_t axis = node.axis + 1; axis < from.size(); ++axis) inner *= from[axis];
    for (std::size_t k = 0; k < graph_.at(node.output).size(); ++k) {
      std::size_t source = k;
      if (node.op == GraphOp::slice) {
        const std::size_t outer = k / (to[node.axis] * inner), rest = k % (to[node.axis] * inner);
        source = (outer * from[node.axis] + node.numbers[0]) * inner + rest;
      }
      source_[{node.output, k}] = {x, source};
    }
  }
};

/// A chain of `make` on a history [4 x 6].
template <class Make>
ForecastGraph chain(Make&& make) {
  GraphBuilder b;
  const GraphId history = b.input("history", {4, 6});
  return std::move(b).finish(make(b, history));
}
GraphId weight(GraphBuilder& b, std::size_t out, std::size_t in, const std::string& name) {
  return b.constant(name, {out, in}, std::span<const float>(std::vector<float>(out * in, 0.5f)));
}

}  // namespace

TEST_CASE("no node reads a number that another one wrote over") {
  std::set<GraphOp> in_place;
  std::size_t parts = 0, buffers = 0;
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    INFO("seed " << seed);
    const ForecastGraph graph = RandomGraph(seed).make(3 + seed % 25);
    Owners owners(graph);
    REQUIRE(owners.wrong_reads() == 0);
    const MemoryPlan& plan = owners.plan();
    // The buffer is as large as what is written to it, and not a number larger.
    REQUIRE(owners.extent() == plan.buffer);
    buffers += plan.buffer > 0;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const GraphNode& node = graph.nodes[i];
      parts += plan.moves_nothing[i] != 0;
      const ValuePlace &y = plan.at(node.output), &x = plan.at(node.inputs[0]);
      if (!plan.moves_nothing[i] && y.storage == x.storage && y.offset == x.offset &&
          y.storage == GraphStorage::buffer)
        in_place.insert(node.op);
    }
  }
  CHECK(buffers > 1000);
  CHECK(parts > 300);
  CHECK(in_place.size() >= 8);
}

TEST_CASE("an input and the output lie in the caller's arrays") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) { return b.relu(b.gelu(h)); });
  const MemoryPlan plan = plan_memory(graph);
  CHECK(plan.buffer == 0);
  CHECK(plan.at(graph.inputs[0]).storage == GraphStorage::input);
  for (const GraphNode& node : graph.nodes) {
    CHECK(plan.at(node.output).storage == GraphStorage::output);
    CHECK(plan.at(node.output).offset == 0);
  }
}

TEST_CASE("a chain takes two neighbours") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId one = b.linear(h, weight(b, 10, 6, "a"));             // 40 numbers
    const GraphId two = b.linear(b.gelu(one), weight(b, 20, 10, "b"));  // 80
    const GraphId three = b.linear(two, weight(b, 3, 20, "c"));         // 12
    return b.linear(three, weight(b, 2, 3, "d"));                       // 8, of the caller
  });
  CHECK(plan_memory(graph).buffer == 40 + 80);
}

TEST_CASE("attention takes a row of scores, and writes over its queries") {
  const auto graph_of = [](std::size_t width_of_v) {
    return chain([&](GraphBuilder& b, GraphId h) {
      const GraphId q = b.linear(h, weight(b, 8, 6, "q")), k = b.linear(h, weight(b, 8, 6, "k")),
                    v = b.linear(h, weight(b, width_of_v, 6, "v"));
      return b.linear(b.attention(q, k, v, 2, 1), weight(b, 5, width_of_v, "o"));
    });
  };
  CHECK(plan_memory(graph_of(8)).buffer == 3 * 32 + 4);
  CHECK(plan_memory(graph_of(6)).buffer == 2 * 32 + 2 * 24 + 4);  // it cannot
}

TEST_CASE("attention of one value does not write over it") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId x = b.gelu(h);
    return b.linear(b.attention(x, x, x, 2, 1), weight(b, 5, 6, "o"));
  });
  CHECK(plan_memory(graph).buffer == 24 + 24 + 4);
}

TEST_CASE("a sum writes over the one of its terms that nobody reads again") {
  const auto graph_of = [](bool first_lives) {
    return chain([&](GraphBuilder& b, GraphId h) {
      const GraphId x = b.linear(h, weight(b, 8, 6, "x")), y = b.linear(h, weight(b, 8, 6, "y"));
      const GraphId sum = b.add(x, y);
      return b.linear(first_lives ? b.multiply(sum, x) : sum, weight(b, 5, 8, "o"));
    });
  };
  CHECK(plan_memory(graph_of(false)).buffer == 2 * 32);
  CHECK(plan_memory(graph_of(true)).buffer == 2 * 32);
}

TEST_CASE("rows of a value are copied where its array need not live as long") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId x = b.gelu(h);
    return b.linear(b.multiply(x, b.slice(x, 0, 1, 1)), weight(b, 5, 6, "o"));
  });
  // The product writes over x, which it could not if it read a part of it.
  CHECK(plan_memory(graph).buffer == 24 + 6);
  CHECK(plan_memory(graph).moves_nothing == std::vector<char>{0, 0, 0, 0});
}

TEST_CASE("a sum of two parts of a value writes over neither") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId x = b.gelu(h);
    const GraphId sum = b.add(b.slice(x, 0, 0, 3), b.slice(x, 0, 1, 3));
    return b.linear(sum, weight(b, 5, 6, "o"));
  });
  CHECK(plan_memory(graph).buffer == 24 + 18);
}

TEST_CASE("a square writes over its root") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId x = b.gelu(h);
    return b.linear(b.multiply(x, x), weight(b, 5, 6, "o"));
  });
  CHECK(plan_memory(graph).buffer == 24);
}

TEST_CASE("a reshape and rows of a value are no copies") {
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId x = b.reshape(b.slice(b.gelu(h), 0, 1, 2), {4, 3});
    return b.linear(x, weight(b, 5, 3, "o"));
  });
  const MemoryPlan plan = plan_memory(graph);
  CHECK(plan.buffer == 24);
  CHECK(plan.at(graph.nodes[2].output).offset == 6);
  CHECK(plan.moves_nothing == std::vector<char>{0, 1, 1, 0});
}

TEST_CASE("an output that is a part of something else is copied") {
  const auto copied = [](const ForecastGraph& graph) {
    const MemoryPlan plan = plan_memory(graph);
    return plan.moves_nothing.back() == 0 && plan.at(graph.output).storage == GraphStorage::output;
  };
  CHECK(copied(chain([](GraphBuilder& b, GraphId h) { return b.reshape(h, {6, 4}); })));
  CHECK(copied(chain([](GraphBuilder& b, GraphId h) { return b.slice(b.gelu(h), 0, 1, 2); })));
  // all of a value in the buffer becomes the output's array
  const ForecastGraph whole = chain([](GraphBuilder& b, GraphId h) {
    return b.reshape(b.gelu(h), {6, 4});
  });
  CHECK(!copied(whole));
  CHECK(plan_memory(whole).buffer == 0);
}

TEST_CASE("an array takes the smallest gap that holds it") {
  using Array = detail::SharedArray;
  Array arrays[] = {{.size = 2, .first = 0, .last = 9}, {.size = 6, .first = 0, .last = 1},
                    {.size = 2, .first = 0, .last = 9}, {.size = 4, .first = 0, .last = 4},
                    {.size = 2, .first = 0, .last = 9}, {.size = 4, .first = 5, .last = 6},
                    {.size = 5, .first = 2, .last = 6}, {.size = 1, .first = 4, .last = 5}};
  std::vector<Array*> order;
  for (Array& one : arrays) order.push_back(&one);
  CHECK(detail::place_arrays(order) == 16);
  std::vector<std::size_t> offsets;
  for (const Array& one : arrays) offsets.push_back(one.offset);
  // The sixth fits exactly where the fourth was, not where the larger second one was.
  CHECK(offsets == std::vector<std::size_t>{0, 2, 8, 10, 14, 10, 2, 7});
}

TEST_CASE("what lives side by side fills gaps") {
  // 32 numbers die between others of 32 and 8; one of 24 and one of 8 go there.
  const ForecastGraph graph = chain([](GraphBuilder& b, GraphId h) {
    const GraphId a = b.linear(h, weight(b, 2, 6, "a")), g = b.linear(h, weight(b, 8, 6, "g")),
                  z = b.linear(h, weight(b, 2, 6, "z"));
    const GraphId small = b.mean(g, 1);
    const GraphId c = b.linear(a, weight(b, 6, 2, "c"));
    const GraphId sum = b.add(c, small);
    return b.linear(b.concat({sum, a, z}, 1), weight(b, 5, 10, "o"));
  });
  // The concat reads 24 + 8 + 8 numbers and writes 40.
  CHECK(plan_memory(graph).buffer == 80);
}

}  // namespace c_memory_plan_tests
