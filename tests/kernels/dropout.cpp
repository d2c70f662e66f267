// Dropout: the published vectors of Philox, the share that is kept, and what decides about a
// position.
#include "guarded.hpp"

#include <tests/kernels/reference.hpp>

#include <algorithm>
#include <vector>

namespace dropout_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;
using kernels::DropoutKey;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes kept(const DropoutKey& key, std::size_t first, std::size_t size) {
  Bytes keep(size, 77);
  kernels::dropout<unsigned char>(key, first, 1, 0, keep);
  return keep;
}

double share(const Bytes& keep) {
  return static_cast<double>(std::ranges::count(keep, 1)) / static_cast<double>(keep.size());
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published vectors", "[kernels]") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(spat::philox({0, 0, 0, 0}, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(spat::philox({~0u, ~0u, ~0u, ~0u}, ~std::uint64_t{0}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(spat::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEMPLATE_TEST_CASE(
    "Dropout equals its twin at every first position and size, and writes nothing else",
    "[kernels]", float, double) {
  const DropoutKey key{0.4, 0x123456789abcdef0, 5, 6, 7};
  const TestType factor = TestType(1 / 0.6);
  for (std::size_t size = 0; size <= 2 * kernels::dropout_block + 3; ++size) {
    std::size_t wrong = 0;
    for (std::size_t first = 0; first <= kernels::dropout_block + 1; ++first)
      for (const std::size_t far : {std::size_t{0}, std::size_t{1000 * 1000 * 64},
                                    static_cast<std::size_t>((std::uint64_t{1} << 34) - 64)}) {
        Guarded<TestType> found(size, first % offsets, 1), expected(size, first % offsets, 2);
        kernels::dropout<TestType>(key, far + first, factor, TestType(0), found.span());
        reference::dropout<TestType>(key, far + first, factor, TestType(0), expected.span());
        wrong += !same_bits(found, expected) || !found.intact();

        Bytes bytes(size + 1, 77), twin(size);
        kernels::dropout<unsigned char>(key, far + first, 3, 9, std::span(bytes).first(size));
        reference::dropout<unsigned char>(key, far + first, 3, 9, twin);
        wrong += bytes.back() != 77 || !std::equal(twin.begin(), twin.end(), bytes.begin());
        for (std::size_t i = 0; i < size; ++i)
          wrong += (bytes[i] == 3) != (found[i] == factor);  // all types keep the same positions
      }
    INFO("size " << size);
    CHECK(wrong == 0);
  }
}

TEST_CASE("Dropout keeps the share it should, within five standard deviations", "[kernels]") {
  const std::size_t size = 1'000'003;
  const auto n = static_cast<double>(size);
  for (const double rate : {0.01, 0.1, 0.5, 0.9}) {
    const double deviation = std::sqrt(rate * (1 - rate) / n),
                 found = share(kept({rate, 3, 1, 4, 1}, 0, size));
    INFO("rate " << rate << ", kept " << found);
    CHECK(std::abs(found - (1 - rate)) <= 5 * deviation);
  }
  CHECK(share(kept({0, 3, 1, 4, 1}, 0, size)) == 1);

  // No word or counter of Philox is preferred: every place of a block has its share.
  const Bytes keep = kept({0.5, 3, 1, 4, 1}, 0, 64 * 20'000);
  for (std::size_t place = 0; place < 64; ++place) {
    double sum = 0;
    for (std::size_t i = place; i < keep.size(); i += 64) sum += keep[i];
    CHECK(std::abs(sum / 20'000 - 0.5) <= 5 * std::sqrt(0.25 / 20'000));
  }
}

TEST_CASE("What is dropped depends on seed, step, site, sample and position, and on nothing else",
          "[kernels]") {
  const DropoutKey key{0.5, 1, 2, 3, 4};
  const Bytes one = kept(key, 0, 400);
  CHECK(one == kept(key, 0, 400));
  for (const DropoutKey& other :
       {DropoutKey{0.5, 2, 2, 3, 4}, DropoutKey{0.5, 1ull << 32 | 1, 2, 3, 4},
        DropoutKey{0.5, 1, 3, 3, 4}, DropoutKey{0.5, 1, 2, 4, 4}, DropoutKey{0.5, 1, 2, 3, 5}}) {
    const Bytes two = kept(other, 0, 400);
    std::size_t same = 0;
    for (std::size_t i = 0; i < 400; ++i) same += one[i] == two[i];
    CHECK(same > 140);  // independent: 200 +- 6 standard deviations
    CHECK(same < 260);
  }
  for (std::size_t first = 0; first < 140; ++first)  // any piece equals that piece of the whole
    for (const std::size_t size : Sizes{0, 1, 15, 16, 63, 64, 65, 130, 260})
      CHECK(std::ranges::equal(kept(key, first, size), std::span(one).subspan(first, size)));
  const Bytes rarer =
      kept({0.3, 1, 2, 3, 4}, 0, 400);  // a smaller rate keeps what a larger one keeps
  for (std::size_t i = 0; i < 400; ++i) CHECK(rarer[i] >= one[i]);
}

}  // namespace dropout_tests
