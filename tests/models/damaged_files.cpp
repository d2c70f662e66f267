// Files of models with one thing wrong: every length, every bit of the length and the metadata, a
// bit of every other byte. A damaged file is an error, or it is the file of the model that is
// loaded.
#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/damage.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/small_models.hpp>

namespace damaged_files_tests {

using namespace spat;

namespace {

template <class Model>
Model load(const std::string& bytes) {
  return load_model<Model>(SafetensorsFile::from_bytes(bytes, "damaged"));
}

/// Whether the file is refused. If not, it must be the file of the model that it gives: the same
/// configuration, dropout and numbers after another writing and reading.
template <class Model>
bool refused(const std::string& bytes) {
  try {
    const Model model = load<Model>(bytes);
    const std::string again = small::file_of(model);
    if (small::file_of(load<Model>(again)) != again) throw std::logic_error("another model");
    return false;
  } catch (const Error&) {
    return true;
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a model's file that is cut off or longer is refused", "", small::Models) {
  const std::string bytes = small::file_of(small::made<TestType>());
  REQUIRE_FALSE(refused<TestType>(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    if (!refused<TestType>(bytes.substr(0, size))) FAIL("only " << size << " bytes were enough");
  CHECK(refused<TestType>(bytes + '\0'));
  CHECK(refused<TestType>(bytes + std::string(8, ' ')));
}

TEMPLATE_LIST_TEST_CASE("a wrong bit in the header of a model's file is refused or honest", "",
                        small::Models) {
  const TestType model = small::made<TestType>();
  const std::string bytes = small::file_of(model);
  std::size_t others = 0;
  damage::each_place_of_header(bytes, [&](const std::string& damaged) {
    try {
      const TestType found = load<TestType>(damaged);
      if (small::file_of(found) != bytes) ++others;  // another configuration, which it then has
      const std::string again = small::file_of(found);
      if (small::file_of(load<TestType>(again)) != again) FAIL("another model");
      if (!tests::same_parameters(found, model)) FAIL("other numbers");
    } catch (const Error&) {
    }
  });
  // The bits of a few digits: channels, dropout, kernel, ...
  CHECK(others > 0);
  CHECK(others < 150);
}

TEMPLATE_LIST_TEST_CASE("a wrong bit in the data of a model's file changes one number", "",
                        small::Models) {
  const TestType model = small::made<TestType>();
  const std::string bytes = small::file_of(model);
  const auto numbers = [](const TestType& of) {
    std::vector<float> all;
    for (const auto& parameter : parameters(of))
      all.insert(all.end(), parameter.values.begin(), parameter.values.end());
    return all;
  };
  const auto expected = numbers(model);
  damage::each_byte(
      bytes, damage::header_end(bytes), bytes.size(), [&](const std::string& damaged) {
        std::vector<float> found;
        try {
          found = numbers(load<TestType>(damaged));
        } catch (const FileError&) {  // not finite, or a count below zero
          return;
        }
        std::size_t different = 0;
        for (std::size_t i = 0; i < found.size(); ++i)
          different +=
              std::bit_cast<std::uint32_t>(found[i]) != std::bit_cast<std::uint32_t>(expected[i]);
        // A count of 64 bits may be rounded to the same float.
        if (found.size() != expected.size() || different > 1) FAIL(different << " numbers changed");
      });
}

TEST_CASE("a model's file may have its tensors in another order, but each name once") {
  using Model = PatchTST<float>;
  const Model model = small::made<Model>();
  const auto file = [&](auto&& order, const std::string& from = "", const std::string& to = "") {
    const auto whole = SafetensorsFile::from_bytes(small::file_of(model), "file");
    SafetensorsWriter writer;
    for (const auto& [key, text] : whole.metadata()) writer.set_metadata(key, text);
    std::vector<TensorInfo> tensors(whole.tensors().begin(), whole.tensors().end());
    order(tensors);
    for (const TensorInfo& tensor : tensors) {
      const auto add = [&]<class T>(const std::vector<T>& values) {
        writer.add(tensor.name, tensor.shape, std::span(values));
      };
      if (tensor.dtype == Dtype::f32)
        add(whole.read<float>(tensor.name));
      else
        add(whole.read<std::int64_t>(tensor.name));
    }
    std::string bytes = writer.to_bytes();
    if (const std::size_t at = bytes.find(from); !from.empty()) {
      REQUIRE(at != bytes.npos);
      REQUIRE(from.size() == to.size());
      bytes.replace(at, from.size(), to);
    }
    return bytes;
  };
  const auto as_it_is = [](auto&) {};
  const auto reversed = [](auto& tensors) { std::ranges::reverse(tensors); };
  CHECK(tests::same_parameters(load<Model>(file(reversed)), model));
  CHECK(file(reversed) != file(as_it_is));
  // The names of two tensors of one shape, of which the first then occurs twice.
  CHECK(message_of<FileError>([&] {
          (void)load<Model>(file(as_it_is, "0.norm2.weight", "0.norm1.weight"));
        }).find("occurs twice") != std::string::npos);
}

TEST_CASE("a negative count of batches is refused") {
  using Model = PatchTST<float>;
  Model model = small::made<Model>();
  model.norm.batches.data()[0] = -1;
  CHECK(message_of<FileError>([&] {
          (void)load<Model>(small::file_of(model));
        }).find("num_batches_tracked: expected a count, found -1") != std::string::npos);
}

}  // namespace damaged_files_tests
