// Matrix products against their scalar twins.
#include "guarded.hpp"

#include <spat/kernels/reference.hpp>

#include <algorithm>
#include <vector>

namespace kernels = spat::kernels;
using kernels::Store;

namespace {

/// A matrix with `gap` foreign numbers behind each row: they must be neither read into the result nor written.
template <class Scalar>
struct Matrix {
  Matrix(std::size_t rows, std::size_t cols, std::uint64_t stream, std::size_t gap = 0, std::size_t offset = 0)
      : numbers(std::max<std::size_t>(1, rows * (cols + gap)), offset, stream),
        view(numbers.data(), rows, cols, cols + gap) {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = cols; c < view.stride; ++c) view.row(r)[c] = foreign;
  }

  [[nodiscard]] bool intact() const {
    for (std::size_t r = 0; r < view.rows; ++r)
      for (std::size_t c = view.cols; c < view.stride; ++c)
        if (!(view.row(r)[c] == foreign)) return false;
    return numbers.intact();
  }

  static constexpr Scalar foreign = Scalar(1e30);
  Guarded<Scalar> numbers;
  kernels::Strided<Scalar> view;
};

enum class Form { nn, tn, nt, packed };

template <class Scalar>
struct Product {
  using In = kernels::Strided<const Scalar>;
  using Out = kernels::Strided<Scalar>;

  /// a and b lie in memory as the form asks; a bias only for packed.
  Product(Form f, std::size_t m, std::size_t n, std::size_t k, std::size_t gap = 0, std::size_t offset = 0)
      : form(f), depth(k), a(f == Form::tn ? k : m, f == Form::tn ? m : k, 1, gap, offset),
        b(f == Form::nn || f == Form::tn ? k : n, f == Form::nn || f == Form::tn ? n : k, 2, gap, offset),
        bias(n, offset, 3) {}

  [[nodiscard]] Scalar left(std::size_t i, std::size_t k) const {
    return form == Form::tn ? a.view.row(k)[i] : a.view.row(i)[k];
  }
  [[nodiscard]] Scalar right(std::size_t k, std::size_t j) const {
    return form == Form::nn || form == Form::tn ? b.view.row(k)[j] : b.view.row(j)[k];
  }

  void compute(Out c, Store mode = Store::overwrite) {
    if (form == Form::nn) kernels::multiply_nn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::tn) kernels::multiply_tn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::nt) kernels::multiply_nt<Scalar>(a.view, b.view, c, mode);
    if (form != Form::packed) return;
    kernels::PackedWeight<Scalar> weight;
    weight.pack(b.view);
    kernels::multiply_packed<Scalar>(a.view, weight, c, bias.data(), 0, c.cols);
  }
  void compute_twin(Out c, Store mode = Store::overwrite) {
    namespace reference = kernels::reference;
    if (form == Form::nn) reference::multiply_nn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::tn) reference::multiply_tn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::nt) reference::multiply_nt<Scalar>(a.view, b.view, c, mode);
    if (form == Form::packed) reference::multiply_packed<Scalar>(a.view, b.view, c, bias.data(), 0, c.cols);
  }

  Form form;
  std::size_t depth;
  Matrix<Scalar> a, b;
  Guarded<Scalar> bias;
};

/// Kernel and twin from the same start; adds to `worst` what differs, allowed (K + 2) eps sum |terms| in each element.
template <class Scalar>
void compare(Product<Scalar>& product, std::size_t m, std::size_t n, Store mode, Worst& worst, std::size_t gap = 0,
             std::size_t offset = 0) {
  Matrix<Scalar> found(m, n, 4, gap, offset), expected(m, n, 4, gap, offset);
  const Matrix<Scalar> before(m, n, 4, gap, offset);
  product.compute(found.view, mode);
  product.compute_twin(expected.view, mode);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double terms = mode == Store::add ? std::abs(static_cast<double>(before.view.row(i)[j])) : 0;
      if (product.form == Form::packed) terms += std::abs(static_cast<double>(product.bias[j]));
      for (std::size_t k = 0; k < product.depth; ++k)
        terms += std::abs(static_cast<double>(product.left(i, k)) * static_cast<double>(product.right(k, j)));
      worst.see(static_cast<double>(found.view.row(i)[j]), static_cast<double>(expected.view.row(i)[j]),
                static_cast<double>(product.depth + 2) * epsilon<Scalar> * terms);
    }
  if (!found.intact() || !product.a.intact() || !product.b.intact()) worst.ratio = 1e301;
}

const Form forms[] = {Form::nn, Form::tn, Form::nt, Form::packed};

}  // namespace

TEMPLATE_TEST_CASE("Every product agrees with its twin for every height up to 19 and width up to 67", "[kernels]",
                   float, double) {
  for (const Form form : forms)
    for (const std::size_t k : Sizes{1, 2, 8, 21})
      for (std::size_t m = 1; m <= 19; ++m) {
        Worst worst;
        for (std::size_t n = 1; n <= largest_size; n += k == 8 ? 1 : 7) {
          Product<TestType> product(form, m, n, k);
          compare(product, m, n, Store::overwrite, worst);
        }
        INFO("form " << static_cast<int>(form) << ", M " << m << ", K " << k);
        CHECK(worst.ratio <= 1);
      }
}

TEMPLATE_TEST_CASE("Every product agrees with its twin for every depth, also across the depth of a panel", "[kernels]",
                   float, double) {
  std::vector<std::size_t> depths{255, 256, 257, 300, 512, 700};
  for (std::size_t k = 0; k <= largest_size; ++k) depths.push_back(k);
  for (const Form form : forms)
    for (const std::size_t k : depths) {
      Worst worst;
      for (const std::size_t n : Sizes{5, 16, 33}) {
        Product<TestType> product(form, 7, n, k);
        compare(product, 7, n, Store::overwrite, worst);
        if (form != Form::packed) compare(product, 7, n, Store::add, worst);
      }
      INFO("form " << static_cast<int>(form) << ", K " << k);
      CHECK(worst.ratio <= 1);
    }
}

TEMPLATE_TEST_CASE("Products take rows with gaps at any place of a cache line and leave the gaps alone", "[kernels]",
                   float, double) {
  for (const Form form : forms)
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Worst worst;
      for (const std::size_t gap : Sizes{1, 3, 16})
        for (const std::size_t n : Sizes{1, 15, 32, 67}) {
          Product<TestType> product(form, 9, n, 270, gap, offset);
          compare(product, 9, n, Store::overwrite, worst, gap, offset);
          if (form != Form::packed) compare(product, 9, n, Store::add, worst, gap, offset);
        }
      INFO("form " << static_cast<int>(form) << ", offset " << offset);
      CHECK(worst.ratio <= 1);
    }
}

TEMPLATE_TEST_CASE("A product is one chain of multiply_add over k in order, to the last bit", "[kernels]", float,
                   double) {
  for (const Form form : forms)
    for (const std::size_t k : Sizes{3, 64, 300}) {
      Product<TestType> product(form, 11, 45, k);
      Matrix<TestType> found(11, 45, 4), expected(11, 45, 4);
      product.compute(found.view);
      product.compute_twin(expected.view);
      INFO("form " << static_cast<int>(form) << ", K " << k);
      CHECK(same_bits(found.numbers, expected.numbers));
    }
}

TEMPLATE_TEST_CASE("Adding a product continues the chain: two halves of k give the bytes of the whole", "[kernels]",
                   float, double) {
  const std::size_t m = 8, n = 37, k = 290;
  for (const std::size_t cut : Sizes{1, 17, 255, 256, 257}) {
    Matrix<TestType> whole(m, n, 4), halves(m, n, 4);
    const auto a = Matrix<TestType>(m, k, 1), at = Matrix<TestType>(k, m, 1);
    const auto b = Matrix<TestType>(k, n, 2), bt = Matrix<TestType>(n, k, 2);
    INFO("cut at " << cut);

    kernels::multiply_nn<TestType>(a.view, b.view, whole.view);
    kernels::multiply_nn<TestType>(a.view.part(0, m, 0, cut), b.view.part(0, cut, 0, n), halves.view);
    kernels::multiply_nn<TestType>(a.view.part(0, m, cut, k - cut), b.view.part(cut, k - cut, 0, n), halves.view,
                                   Store::add);
    CHECK(same_bits(whole.numbers, halves.numbers));

    kernels::multiply_tn<TestType>(at.view, b.view, whole.view);
    kernels::multiply_tn<TestType>(at.view.part(0, cut, 0, m), b.view.part(0, cut, 0, n), halves.view);
    kernels::multiply_tn<TestType>(at.view.part(cut, k - cut, 0, m), b.view.part(cut, k - cut, 0, n), halves.view,
                                   Store::add);
    CHECK(same_bits(whole.numbers, halves.numbers));

    kernels::multiply_nt<TestType>(a.view, bt.view, whole.view);
    kernels::multiply_nt<TestType>(a.view.part(0, m, 0, cut), bt.view.part(0, n, 0, cut), halves.view);
    kernels::multiply_nt<TestType>(a.view.part(0, m, cut, k - cut), bt.view.part(0, n, cut, k - cut), halves.view,
                                   Store::add);
    CHECK(same_bits(whole.numbers, halves.numbers));
  }
}

TEMPLATE_TEST_CASE("The cut of a product into rows and columns changes no bit", "[kernels]", float, double) {
  const std::size_t m = 19, n = 67, k = 300;
  for (const Form form : forms) {
    Product<TestType> product(form, m, n, k);
    Matrix<TestType> whole(m, n, 4);
    product.compute(whole.view);
    kernels::PackedWeight<TestType> packed;
    if (form == Form::packed) packed.pack(product.b.view);
    INFO("form " << static_cast<int>(form));

    Matrix<TestType> rows(m, n, 5), columns(m, n, 6);
    for (std::size_t i = 0; i < m; ++i) {
      const auto c = rows.view.part(i, 1, 0, n);
      if (form == Form::nn) kernels::multiply_nn<TestType>(product.a.view.part(i, 1, 0, k), product.b.view, c);
      if (form == Form::nt) kernels::multiply_nt<TestType>(product.a.view.part(i, 1, 0, k), product.b.view, c);
      if (form == Form::tn) kernels::multiply_tn<TestType>(product.a.view.part(0, k, i, 1), product.b.view, c);
      if (form == Form::packed)
        kernels::multiply_packed<TestType>(product.a.view.part(i, 1, 0, k), packed, c, product.bias.data(), 0, n);
    }
    CHECK(same_bits(whole.numbers, rows.numbers));

    const std::size_t step = form == Form::packed ? kernels::panel_width<TestType> : 5;
    for (std::size_t j = 0; j < n; j += step) {
      const std::size_t count = std::min(step, n - j);
      const auto c = columns.view.part(0, m, j, count);
      if (form == Form::nn) kernels::multiply_nn<TestType>(product.a.view, product.b.view.part(0, k, j, count), c);
      if (form == Form::nt) kernels::multiply_nt<TestType>(product.a.view, product.b.view.part(j, count, 0, k), c);
      if (form == Form::tn) kernels::multiply_tn<TestType>(product.a.view, product.b.view.part(0, k, j, count), c);
      if (form == Form::packed)
        kernels::multiply_packed<TestType>(product.a.view, packed, columns.view, product.bias.data(), j, j + count);
    }
    CHECK(same_bits(whole.numbers, columns.numbers));
  }
}

TEMPLATE_TEST_CASE("A range of panels writes its own columns and no other", "[kernels]", float, double) {
  constexpr std::size_t panel = kernels::panel_width<TestType>;
  const std::size_t n = 2 * panel + 3;
  Product<TestType> product(Form::packed, 5, n, 9);
  kernels::PackedWeight<TestType> packed;
  packed.pack(product.b.view);
  Matrix<TestType> c(5, n, 4), whole(5, n, 4);
  const Matrix<TestType> before(5, n, 4);
  product.compute(whole.view);
  kernels::multiply_packed<TestType>(product.a.view, packed, c.view, product.bias.data(), panel, 2 * panel);
  bool right = c.intact();
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < n; ++j)
      right = right && c.view.row(i)[j] == (j / panel == 1 ? whole.view : before.view).row(i)[j];
  CHECK(right);
}

TEMPLATE_TEST_CASE("A product over nothing is zero, or what was there, or the bias", "[kernels]", float, double) {
  for (const Form form : forms) {
    Product<TestType> product(form, 3, 20, 0);
    Matrix<TestType> c(3, 20, 4);
    const Matrix<TestType> before(3, 20, 4);
    if (form != Form::packed) {
      product.compute(c.view, Store::add);
      CHECK(same_bits(c.numbers, before.numbers));
    }
    product.compute(c.view);
    bool right = true;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 20; ++j)
        right = right && c.view.row(i)[j] == (form == Form::packed ? product.bias[j] : TestType(0));
    CHECK(right);
  }
}

TEMPLATE_TEST_CASE("Packing needs no bias, and a second pack replaces the first", "[kernels]", float, double) {
  Product<TestType> first(Form::packed, 4, 30, 50), second(Form::packed, 4, 21, 13);
  kernels::PackedWeight<TestType> packed;
  CHECK(packed.empty());
  packed.pack(first.b.view);
  packed.pack(second.b.view);
  CHECK(packed.outputs() == 21);
  CHECK(packed.inputs() == 13);
  Matrix<TestType> found(4, 21, 4), expected(4, 21, 4);
  kernels::multiply_packed<TestType>(second.a.view, packed, found.view, nullptr, 0, 21);
  kernels::reference::multiply_packed<TestType>(second.a.view, second.b.view, expected.view, nullptr, 0, 21);
  CHECK(same_bits(found.numbers, expected.numbers));
}
