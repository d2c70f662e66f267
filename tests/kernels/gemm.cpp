// Matrix products against their scalar twins, and packed weights.
#include "guarded.hpp"

#include <tests/kernels/reference.hpp>

#include <algorithm>
#include <ostream>
#include <vector>

namespace gemm_tests {

namespace kernels = spat::kernels;
using kernels::Store;

namespace {

/// A matrix with `gap` foreign numbers after each row. They must neither influence the result nor
/// be written.
template <class Scalar>
struct Matrix {
  Matrix(std::size_t rows, std::size_t cols, std::uint64_t stream, std::size_t gap = 0,
         std::size_t offset = 0)
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

/// backward is dx = dy W by the packed W.
enum class Form { nn, tn, nt, packed, backward };
constexpr Form forms[] = {Form::nn, Form::tn, Form::nt, Form::packed, Form::backward};

std::ostream& operator<<(std::ostream& out, Form form) {
  constexpr const char* names[] = {"nn", "tn", "nt", "packed", "backward"};
  return out << names[static_cast<std::size_t>(form)];
}

/// a and b are laid out as the form requires; only `packed` has a bias.
template <class Scalar>
struct Product {
  using In = kernels::Strided<const Scalar>;
  using Out = kernels::Strided<Scalar>;

  Product(Form f, std::size_t m, std::size_t n, std::size_t k, std::size_t gap = 0,
          std::size_t offset = 0)
      : form(f), depth(k), a(f == Form::tn ? k : m, f == Form::tn ? m : k, 1, gap, offset),
        b(rows_are_outputs() ? n : k, rows_are_outputs() ? k : n, 2, gap, offset),
        bias(n, offset, 3) {}

  [[nodiscard]] bool rows_are_outputs() const { return form == Form::nt || form == Form::packed; }
  /// Rows [i, i + rows) and terms [k, k + count) of the left factor, and terms and columns of the
  /// right one.
  [[nodiscard]] In left(std::size_t i, std::size_t rows, std::size_t k, std::size_t count) const {
    return form == Form::tn ? a.view.part(k, count, i, rows) : a.view.part(i, rows, k, count);
  }
  [[nodiscard]] In right(std::size_t k, std::size_t count, std::size_t j, std::size_t cols) const {
    return rows_are_outputs() ? b.view.part(j, cols, k, count) : b.view.part(k, count, j, cols);
  }

  void multiply(In x, In y, Out c, Store mode, const Scalar* added) const {
    if (form == Form::nn) return kernels::multiply_nn<Scalar>(x, y, c, mode);
    if (form == Form::tn) return kernels::multiply_tn<Scalar>(x, y, c, mode);
    if (form == Form::nt) return kernels::multiply_nt<Scalar>(x, y, c, mode);
    kernels::PackedWeight<Scalar> weight;
    weight.pack(y, form == Form::backward);
    const auto& panels = form == Form::packed ? weight.forward : weight.backward;
    if (form == Form::packed && mode == Store::overwrite)
      return kernels::multiply_packed<Scalar>(x, weight, c, added, 0, c.cols);
    kernels::multiply_panels<spat::dynamic, Scalar>(x, panels, c, mode, added, 0, c.cols);
  }
  [[nodiscard]] const Scalar* added() const {
    return form == Form::packed ? bias.read().data() : nullptr;
  }
  void compute(Out c, Store mode = Store::overwrite) const {
    multiply(a.view, b.view, c, mode, added());
  }
  void compute_twin(Out c, Store mode = Store::overwrite) const {
    if (form == Form::nn || form == Form::backward)
      kernels::reference::multiply_nn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::tn) kernels::reference::multiply_tn<Scalar>(a.view, b.view, c, mode);
    if (form == Form::nt || form == Form::packed)
      kernels::reference::multiply_nt<Scalar>(a.view, b.view, c, mode);
    for (std::size_t i = 0; added() && i < c.rows; ++i)
      for (std::size_t j = 0; j < c.cols; ++j) c.row(i)[j] += bias[j];
  }

  Form form;
  std::size_t depth;
  Matrix<Scalar> a, b;
  Guarded<Scalar> bias;
};

/// Compares kernel and twin from the same start, in both modes. Returns the worst difference
/// relative to the allowed (K + 2) eps sum |terms|.
template <class Scalar>
void compare(const Product<Scalar>& product, std::size_t m, std::size_t n, Worst& worst,
             std::size_t gap = 0, std::size_t offset = 0) {
  const Matrix<Scalar> before(m, n, 4, gap, offset);
  for (const Store mode : {Store::overwrite, Store::add}) {
    Matrix<Scalar> found(m, n, 4, gap, offset), expected(m, n, 4, gap, offset);
    product.compute(found.view, mode);
    product.compute_twin(expected.view, mode);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double terms =
            mode == Store::add ? std::abs(static_cast<double>(before.view.row(i)[j])) : 0;
        if (product.added()) terms += std::abs(static_cast<double>(product.bias[j]));
        for (std::size_t k = 0; k < product.depth; ++k)
          terms += std::abs(static_cast<double>(*product.left(i, 1, k, 1).data) *
                            static_cast<double>(*product.right(k, 1, j, 1).data));
        worst.see(static_cast<double>(found.view.row(i)[j]),
                  static_cast<double>(expected.view.row(i)[j]),
                  static_cast<double>(product.depth + 2) * epsilon<Scalar> * terms);
      }
    if (!found.intact() || !product.a.intact() || !product.b.intact()) worst.ratio = 1e301;
  }
}

template <class Scalar>
bool same_panels(const kernels::Panels<Scalar>& a, const kernels::Panels<Scalar>& b) {
  const std::size_t size = spat::divide_up(a.cols(), kernels::panel_width<Scalar>) *
                           kernels::panel_width<Scalar> * a.depth();
  return a.cols() == b.cols() && a.depth() == b.depth() &&
         same_bits(std::span(a.panel(0), size), std::span(b.panel(0), size));
}

}  // namespace

TEMPLATE_TEST_CASE(
    "Every product agrees with its twin for every height up to 19 and width up to 67", "[kernels]",
    float, double) {
  for (const Form form : forms)
    for (const std::size_t k : Sizes{1, 2, 8, 21})
      for (std::size_t m = 1; m <= 19; ++m) {
        Worst worst;
        for (std::size_t n = 1; n <= largest_size; n += k == 8 ? 1 : 7)
          compare(Product<TestType>(form, m, n, k), m, n, worst);
        INFO(form << ", M " << m << ", K " << k);
        CHECK(worst.ratio <= 1);
      }
}

TEMPLATE_TEST_CASE(
    "Every product agrees with its twin for every height and depth up to 67, and beyond a panel's",
    "[kernels]", float, double) {
  std::vector<std::size_t> sizes{127, 128, 129, 255, 256, 257, 300, 512, 513, 700};
  for (std::size_t size = 0; size <= largest_size; ++size) sizes.push_back(size);
  for (const Form form : forms)
    for (const std::size_t size : sizes) {
      Worst worst;
      for (const std::size_t n : Sizes{5, 16, 33})
        compare(Product<TestType>(form, 7, n, size), 7, n, worst);
      if (size > 0) compare(Product<TestType>(form, size, 9, 11), size, 9, worst);
      if (size > 0) compare(Product<TestType>(form, 3, size, 11), 3, size, worst);
      INFO(form << ", M, N or K " << size);
      CHECK(worst.ratio <= 1);
    }
}

TEMPLATE_TEST_CASE(
    "Products take rows with gaps at any place of a cache line and leave the gaps alone",
    "[kernels]", float, double) {
  for (const Form form : forms)
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Worst worst;
      for (const std::size_t gap : Sizes{1, 3, 16})
        for (const std::size_t n : Sizes{1, 15, 32, 67})
          compare(Product<TestType>(form, 9, n, 140, gap, offset), 9, n, worst, gap, offset);
      INFO(form << ", offset " << offset);
      CHECK(worst.ratio <= 1);
    }
}

TEMPLATE_TEST_CASE(
    "A product is one chain of multiply_add over k in order, to the last bit; also over nothing",
    "[kernels]", float, double) {
  for (const Form form : forms)
    for (const std::size_t k : Sizes{0, 3, 64, 128, 129, 300, 513})
      for (const Store mode : {Store::overwrite, Store::add}) {
        const Product<TestType> product(form, 11, 45, k);
        Matrix<TestType> found(11, 45, 4), expected(11, 45, 4);
        product.compute(found.view, mode);
        product.compute_twin(expected.view, mode);
        INFO(form << ", K " << k);
        CHECK(same_bits(found.numbers, expected.numbers));
      }
}

TEMPLATE_TEST_CASE("dx = dy W has the same bytes by packed panels and by the weight itself",
                   "[kernels]", float, double) {
  for (std::size_t size = 1; size <= largest_size + 3; ++size)
    for (const std::size_t outputs : {size, size * 37 % 71, size + 128, std::size_t{513}}) {
      if (outputs == 513 && size % 16 > 1) continue;
      const std::size_t rows = size % 23 + 1, inputs = size > largest_size ? 64 * size : size;
      const Matrix<TestType> dy(rows, outputs, 1, size % 3), w(outputs, inputs, 2, size % 5);
      Matrix<TestType> found(rows, inputs, 3), expected(rows, inputs, 3);
      kernels::PackedWeight<TestType> packed;
      packed.pack(w.view, true);
      INFO(rows << " x " << outputs << " x " << inputs);
      for (const Store mode : {Store::overwrite, Store::add}) {
        kernels::multiply_panels<spat::dynamic, TestType>(dy.view, packed.backward, found.view,
                                                          mode, nullptr, 0, inputs);
        kernels::multiply_nn<TestType>(dy.view, w.view, expected.view, mode);
        CHECK((same_bits(found.numbers, expected.numbers) && found.intact()));
      }
    }
}

TEMPLATE_TEST_CASE(
    "Adding a product continues the chain: two halves of k give the bytes of the whole",
    "[kernels]", float, double) {
  const std::size_t m = 8, n = 37, k = 290;
  for (const Form form : forms)
    for (const std::size_t cut : Sizes{1, 17, 127, 128, 129, 257}) {
      const Product<TestType> p(form, m, n, k);
      Matrix<TestType> whole(m, n, 4), halves(m, n, 4);
      p.compute(whole.view);
      p.multiply(p.left(0, m, 0, cut), p.right(0, cut, 0, n), halves.view, Store::overwrite,
                 nullptr);
      p.multiply(p.left(0, m, cut, k - cut), p.right(cut, k - cut, 0, n), halves.view, Store::add,
                 p.added());
      INFO(form << ", cut at " << cut);
      CHECK(same_bits(whole.numbers, halves.numbers));
    }
}

TEMPLATE_TEST_CASE("Dividing a product into rows and columns changes no bit", "[kernels]", float,
                   double) {
  const std::size_t m = 67, n = 67, k = 300;
  for (const Form form : forms) {
    const Product<TestType> p(form, m, n, k);
    Matrix<TestType> whole(m, n, 4);
    p.compute(whole.view);
    for (const std::size_t step : Sizes{1, 5, 16, 50}) {
      Matrix<TestType> rows(m, n, 5), columns(m, n, 6);
      for (std::size_t i = 0; i < m; i += step) {
        const std::size_t count = std::min(step, m - i);
        p.multiply(p.left(i, count, 0, k), p.right(0, k, 0, n), rows.view.part(i, count, 0, n),
                   Store::overwrite, p.added());
      }
      for (std::size_t j = 0; j < n; j += step) {
        const std::size_t count = std::min(step, n - j);
        p.multiply(p.left(0, m, 0, k), p.right(0, k, j, count), columns.view.part(0, m, j, count),
                   Store::overwrite, p.added() ? p.added() + j : nullptr);
      }
      INFO(form << ", step " << step);
      CHECK(same_bits(whole.numbers, rows.numbers));
      CHECK(same_bits(whole.numbers, columns.numbers));
    }
  }
}

TEMPLATE_TEST_CASE(
    "A range of panels is written and finished once, after it was written, and no other column",
    "[kernels]", float, double) {
  constexpr std::size_t panel = kernels::panel_width<TestType>, depth = 21;
  for (const Form form : {Form::packed, Form::backward})
    for (const std::size_t m : Sizes{1, 5, 7, 20, 67})
      for (const std::size_t n : Sizes{1, 16, 33, 67, 130})
        for (const Store mode : {Store::overwrite, Store::add}) {
          const Product<TestType> p(form, m, n, depth);
          Matrix<TestType> c(m, n, 4), whole(m, n, 4);
          p.compute(whole.view, mode);
          kernels::PackedWeight<TestType> packed;
          packed.pack(p.b.view, true);
          const auto& panels = form == Form::packed ? packed.forward : packed.backward;
          const std::size_t first = n / 3 / panel * panel,
                            last = std::min(first + (n / 3 / panel + 1) * panel, n);
          std::vector<int> finished(m * n, 0);
          const auto finish = [&](std::size_t row, std::size_t rows, std::size_t column,
                                  std::size_t cols) {
            for (std::size_t i = row; i < row + rows; ++i)
              for (std::size_t j = column; j < column + cols; ++j)
                ++finished.at(i * n + j), c.view.row(i)[j] *= 2;
          };
          const auto multiply =
              m % 2 == 0 ? &kernels::multiply_panels<depth, TestType, decltype(finish)>
                         : &kernels::multiply_panels<spat::dynamic, TestType, decltype(finish)>;
          multiply(p.a.view, panels, c.view, mode, p.added(), first, last, finish);
          const Matrix<TestType> before(m, n, 4);
          std::size_t wrong = !c.intact();
          for (std::size_t at = 0; at < m * n; ++at) {
            const bool inside = at % n >= first && at % n < last;
            wrong += finished[at] != inside ||
                     c.numbers[at] != (inside ? 2 * whole.numbers[at] : before.numbers[at]);
          }
          INFO(form << ", " << m << " x " << n << ", columns " << first << " .. " << last);
          CHECK(wrong == 0);
        }
}

TEMPLATE_TEST_CASE(
    "Taking the rows that changed is packing anew, and a second pack replaces the first",
    "[kernels]", float, double) {
  constexpr std::size_t panel = kernels::panel_width<TestType>;
  kernels::PackedWeight<TestType> packed;
  CHECK(!packed.in_force());
  for (const std::size_t outputs : Sizes{1, 7, 16, 33, 67, 131, 513})
    for (const std::size_t inputs : Sizes{1, 2, 3, 15, 32, 67, 130}) {
      Matrix<TestType> w(outputs, inputs, 2, 3);
      for (std::size_t first = 0; first < outputs; first += (outputs > 200 ? 5 : 1) * panel)
        for (const std::size_t last : {std::min(first + panel, outputs), outputs}) {
          packed.pack(w.view, true);
          for (std::size_t o = first; o < last; ++o)
            for (std::size_t i = 0; i < inputs; ++i)
              w.view.row(o)[i] += static_cast<TestType>(o + 7 * i + 1);
          packed.take(w.view, first, last);
          kernels::PackedWeight<TestType> anew;
          anew.pack(w.view, true);
          INFO(outputs << " x " << inputs << ", rows " << first << " .. " << last);
          CHECK((same_panels(packed.forward, anew.forward) &&
                 same_panels(packed.backward, anew.backward)));
        }
      packed.pack(w.view);  // for inference alone
      CHECK((packed.in_force() && packed.backward.empty() && w.intact()));

      const Matrix<TestType> x(3, inputs, 1);  // without a bias
      Matrix<TestType> found(3, outputs, 4), expected(3, outputs, 4);
      kernels::multiply_packed<TestType>(x.view, packed, found.view, nullptr, 0, outputs);
      kernels::reference::multiply_packed<TestType>(x.view, w.view, expected.view, nullptr, 0,
                                                    outputs);
      CHECK(same_bits(found.numbers, expected.numbers));
    }
}

}  // namespace gemm_tests
