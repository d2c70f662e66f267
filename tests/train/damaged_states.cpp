// States of trainings with one thing wrong, of each model: a damaged state is an error that changes
// nothing, or it is the state that the trainer then has.
#include <spat/train/training_state.hpp>

#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/damage.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/small_models.hpp>

#include <limits>

namespace damaged_states_tests {

using namespace spat;

namespace {

/// An observer with a state of its own, which wants two numbers.
struct Watcher {
  std::vector<double> seen{0, 0};

  [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
    return {{"seen", seen}};
  }
  void restore(const std::map<std::string, std::vector<double>>& all) {
    const auto& found = all.at("seen");
    if (found.size() != 2) throw std::length_error("two numbers");
    seen = found;
  }
};

template <class Model>
struct Training {
  Model model = small::made<Model>();
  Trainer<Model> trainer{model, {.epochs = 3}};
  Watcher watcher;

  [[nodiscard]] std::string state() {
    return detail::training_writer(trainer, watcher, "test").to_bytes();
  }
  /// The numbers of the trainer and the observer: what an error must not change.
  [[nodiscard]] std::vector<double> numbers() {
    const auto parts = trainer.parts();
    std::vector<double> all = watcher.seen;
    for (std::size_t p = 0; p < parts.weights.size(); ++p)
      for (const auto& tensor : detail::training_tensors(parts, p))
        all.insert(all.end(), tensor.second.begin(), tensor.second.end());
    for (const std::uint64_t count : {parts.optimizer.steps(), parts.average.steps()})
      all.push_back(static_cast<double>(count));
    for (const std::size_t count :
         {parts.stopping.worse, parts.stopping.best_epoch, parts.history.size()})
      all.push_back(static_cast<double>(count));
    all.push_back(parts.stopping.best);
    return all;
  }
  void restore(const std::string& bytes) {
    restore_training(SafetensorsFile::from_bytes(bytes, "damaged"), trainer, watcher, "test");
  }
  /// What two epochs of two steps each would leave.
  void go_on() {
    const auto parts = trainer.parts();
    Random random(3);
    for (std::size_t p = 0; p < parts.weights.size(); ++p)
      for (const auto& [name, values] : detail::training_tensors(parts, p))
        for (auto& value : values) value = static_cast<float>(random.uniform(0.5, 1));
    parts.optimizer.set_steps(4);
    parts.stopping.improves(1, 0.5);
    parts.stopping.improves(2, 0.75);
    parts.history = {{1, 1e-3, 0.75, 0.5, 0.5, 0.25, 0, true},
                     {2, 5e-4, 0.7, 0.75, 0.75, 0.25, 0, false}};
    watcher.seen = {1, 2};
  }
};

/// The state of a training of the model.
template <class Model>
std::string state_of() {
  Training<Model> training;
  training.go_on();
  return training.state();
}

/// Restores states into one training, which it puts back each time.
template <class Model>
class Attempts {
 public:
  /// Fails unless `damaged` is an error that changes nothing, or the state that the training then
  /// has. Returns that state, or nothing for an error.
  std::string restored(const std::string& damaged) {
    try {
      training_.restore(damaged);
    } catch (const Error&) {
      if (training_.numbers() != numbers_) FAIL("an error changed the training");
      return {};
    }
    const std::string now = training_.state();
    training_.restore(before_);
    return now;
  }

 private:
  Training<Model> training_;
  std::string before_ = training_.state();
  std::vector<double> numbers_ = training_.numbers();
};

/// The error for a state of an iTransformer after `change(name, values)` saw each tensor and
/// `edit(text)` the position in the metadata.
template <class Change, class Edit>
std::string refusal(Change&& change, Edit&& edit) {
  using Model = ITransformer<float>;
  const auto whole = SafetensorsFile::from_bytes(state_of<Model>(), "whole");
  SafetensorsWriter writer;
  for (const auto& [key, text] : whole.metadata()) writer.set_metadata(key, text);
  writer.set_metadata(detail::training_key, edit(whole.metadata(detail::training_key)));
  const auto add = [&]<class T>(const TensorInfo& tensor, std::vector<T> values) {
    change(tensor.name, values);
    auto shape = tensor.shape;
    if (shape.size() == 1) shape[0] = values.size();
    writer.add(tensor.name, shape, std::span<const T>(values));
  };
  for (const TensorInfo& tensor : whole.tensors())
    if (tensor.dtype == Dtype::f32)
      add(tensor, whole.read<float>(tensor.name));
    else
      add(tensor, whole.read<double>(tensor.name));
  Training<Model> training;
  const std::string before = training.state();
  const std::string text = message_of<FileError>([&] { training.restore(writer.to_bytes()); });
  CHECK(training.state() == before);
  return text;
}
template <class Change>
std::string refusal(Change&& change) {
  return refusal(change, [](const std::string& text) { return text; });
}
/// A state in which tensor `name` has `value` as its number `at`.
std::string refusal_with(std::string_view name, std::size_t at, double value) {
  return refusal([&]<class Values>(const std::string& of, Values& values) {
    if (of == name) values.at(at) = static_cast<typename Values::value_type>(value);
  });
}
/// A state in whose position `from` is `to`.
std::string refusal_of_text(const std::string& from, const std::string& to) {
  return refusal([](const std::string&, auto&) {},
                 [&](std::string text) {
                   const std::size_t at = text.find(from);
                   REQUIRE(at != text.npos);
                   return text.replace(at, from.size(), to);
                 });
}

}  // namespace

// A state has five times the tensors of a model's file. The states of large models are therefore
// damaged only here and there, each at other places.
TEMPLATE_LIST_TEST_CASE("a training's state that is cut off or longer is refused", "",
                        small::Models) {
  const std::string bytes = state_of<TestType>();
  Attempts<TestType> attempts;
  REQUIRE(attempts.restored(bytes) == bytes);
  const std::size_t stride = bytes.size() > 4096 ? 61 : 1;
  for (std::size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : stride)
    if (!attempts.restored(bytes.substr(0, size)).empty())
      FAIL("only " << size << " bytes were enough");
  CHECK(attempts.restored(bytes.substr(0, bytes.size() - 1)).empty());
  CHECK(attempts.restored(bytes + '\0').empty());
}

TEMPLATE_LIST_TEST_CASE("a wrong bit in a training's state is refused or honest", "",
                        small::Models) {
  const std::string bytes = state_of<TestType>();
  const std::size_t end = damage::header_end(bytes), stride = bytes.size() > 4096 ? 31 : 1;
  Attempts<TestType> attempts;
  std::size_t others = 0;
  const auto in_header = [&](const std::string& damaged) {
    const std::string found = attempts.restored(damaged);
    if (found.empty() || found == bytes) return;
    ++others;  // a digit of the position, such as the step: the tensors are the same
    if (found.size() != bytes.size() || found.substr(end) != bytes.substr(end))
      FAIL("other numbers");
  };
  damage::each_bit(bytes, 0, 8, in_header);
  damage::each_byte(bytes, 8, std::min<std::size_t>(end, 1024), in_header);
  damage::each_byte(bytes, std::min<std::size_t>(end, 1024), end, in_header, stride);
  CHECK(others < 40);
  damage::each_byte(
      bytes, end, bytes.size(),
      [&](const std::string& damaged) {
        const std::string found = attempts.restored(damaged);
        // A flag of -0 is one of 0.
        if (!found.empty() && found != damaged && found != bytes) FAIL("another state");
      },
      stride);
}

TEST_CASE("numbers that are not finite, and moments below zero, are refused") {
  const double infinite = std::numeric_limits<double>::infinity();
  const std::string name = "projection.bias";
  for (const std::string prefix : {"weight.", "best.", "first.", "second."})
    for (const double value : {infinite, -infinite, std::nan("")}) {
      const std::string text = refusal_with(prefix + name, 1, value);
      CHECK(contains(text, "damaged: " + prefix + name + ": number 1 is not finite"));
    }
  CHECK(contains(refusal_with("second." + name, 0, -1), "expected means of squares, found -1"));
}

TEST_CASE("a position that contradicts itself is refused") {
  CHECK(contains(refusal_with("best_loss", 0, std::nan("")), "expected a best loss"));
  CHECK(contains(refusal_with("best_loss", 0, -1), "expected a best loss of at least 0, found -1"));
  CHECK(contains(refusal_with("history", 5, 2), "expected 0 or 1 for the best epoch, found 2"));
  CHECK(contains(refusal_of_text("\"step\":4", "\"step\":1"),
                 "expected a step for each of 2 epochs, found 1"));
  CHECK(contains(refusal_of_text("\"average_steps\":0", "\"average_steps\":5"),
                 "expected averages of at most 4 steps, found 5"));
  CHECK(contains(refusal_of_text("\"worse\":1", "\"worse\":3"), "3 worse ones"));
  CHECK(contains(refusal_of_text("\"best_epoch\":1", "\"best_epoch\":7"), "epoch 7 as the best"));
  CHECK(contains(refusal_of_text("\"step\":4", "\"step\":-4"), "not negative"));
}

TEST_CASE("whatever an observer throws at its state becomes an error of the file") {
  const std::string text = refusal([](const std::string& of, auto& values) {
    if (of == "observer.seen") values.resize(3);
  });
  CHECK(contains(text, "is no state of this observer"));
}

TEST_CASE("a tensor of another type changes neither trainer nor observer") {
  using Model = ITransformer<float>;
  std::string bytes = state_of<Model>();
  const std::size_t at = bytes.find("\"F32\"", bytes.find("average."));
  REQUIRE(at != bytes.npos);  // its size is 0, and so is that of doubles
  bytes.replace(at, 5, "\"F64\"");
  Training<Model> training;
  const std::string before = training.state();
  CHECK(contains(message_of<FileError>([&] { training.restore(bytes); }), "cannot be read"));
  CHECK((training.state() == before));
}

}  // namespace damaged_states_tests
