// Kernels that walk along a sequence against their scalar twins: moving average, causal
// convolution, selective scan; forwards and from the end.
#include "guarded.hpp"

#include <spat/kernels/moving_average.hpp>
#include <tests/kernels/reference.hpp>

namespace scan_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;

namespace {

/// Rows inside a wider matrix.
template <class Scalar>
kernels::Strided<Scalar> rows_of(Guarded<Scalar>& x, std::size_t rows, std::size_t cols,
                                 std::size_t stride) {
  return {x.data(), rows, cols, stride};
}

template <class Scalar>
void see_all(Worst& worst, const Guarded<Scalar>& found, const Guarded<Scalar>& twin, double eps) {
  double largest = 1;
  for (const Scalar value : twin.read())
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < found.read().size(); ++i)
    worst.see(static_cast<double>(found[i]), static_cast<double>(twin[i]),
              eps * epsilon<Scalar> * largest);
  if (!found.intact()) worst.ratio = 1e301;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "the moving average and its adjoint agree with their twins at every size, with windows beyond "
    "it",
    "[kernels]", float, double) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    Worst worst;
    for (const std::size_t window : Sizes{1, 3, 25, 71}) {
      Guarded<TestType> x(size, window % offsets, 1), y(size, 3, 2), twin(size, 0, 2);
      kernels::moving_average<TestType>(x.read(), window, y.span());
      reference::moving_average<TestType>(x.read(), window, twin.span());
      see_all(worst, y, twin, 0);
      kernels::moving_average_backward<TestType>(x.read(), window, y.span());
      reference::moving_average_backward<TestType>(x.read(), window, twin.span());
      see_all(worst, y, twin, 0);
    }
    INFO("size " << size);
    CHECK(worst.ratio <= 1);
  }
}

TEMPLATE_TEST_CASE(
    "the causal convolution and its backwards agree with their twins for every number of channels",
    "[kernels]", float, double) {
  for (std::size_t channels = 1; channels <= largest_size; ++channels) {
    Worst worst;
    for (const std::size_t tokens : Sizes{1, 2, 7})
      for (const std::size_t size : Sizes{1, 2, 4})
        for (const bool reversed : {false, true}) {
          const std::size_t stride = channels + 5;
          Guarded<TestType> x(tokens * stride, 1, 1), dy(tokens * channels, 2, 2),
              w(size * channels, 3, 3), bias(channels, 4, 4), y(tokens * channels, 5, 5),
              twin_y(tokens * channels, 0, 5), dx(tokens * stride, 6, 6),
              twin_dx(tokens * stride, 0, 6), dw(size * channels, 7, 7),
              twin_dw(size * channels, 0, 7);
          const auto in = rows_of(x, tokens, channels, stride),
                     slope = rows_of(dy, tokens, channels, channels);
          const auto weight = rows_of(w, size, channels, channels);
          kernels::causal_convolution<TestType>(in, weight, bias.data(), reversed,
                                                rows_of(y, tokens, channels, channels));
          reference::causal_convolution<TestType>(in, weight, bias.data(), reversed,
                                                  rows_of(twin_y, tokens, channels, channels));
          kernels::causal_convolution_backward<TestType>(slope, weight, reversed,
                                                         rows_of(dx, tokens, channels, stride));
          reference::causal_convolution_backward<TestType>(
              slope, weight, reversed, rows_of(twin_dx, tokens, channels, stride));
          kernels::causal_convolution_weights<TestType>(in, slope, reversed,
                                                        rows_of(dw, channels, size, size));
          reference::causal_convolution_weights<TestType>(in, slope, reversed,
                                                          rows_of(twin_dw, channels, size, size));
          see_all(worst, y, twin_y, 8), see_all(worst, dx, twin_dx, 8),
              see_all(worst, dw, twin_dw, 8);
        }
    INFO(channels << " channels");
    CHECK(worst.ratio <= 1);
  }
}

TEMPLATE_TEST_CASE(
    "the selective scan and its backward agree with their twins for every number of channels",
    "[kernels]", float, double) {
  using kernels::ScanRoom;
  for (std::size_t channels = 1; channels <= largest_size; ++channels) {
    Worst worst;
    std::size_t wrong = 0;
    for (const std::size_t tokens : Sizes{1, 6})
      for (const std::size_t states : Sizes{1, 5})
        for (const bool reversed : {false, true}) {
          const std::size_t size = tokens * channels, wide = states + 3;
          Guarded<TestType> u(size, 1, 1), delta(size, 2, 2), b(tokens * wide, 3, 3),
              c(tokens * wide, 4, 4), a(states * channels, 5, 5), skip(channels, 6, 6),
              dy(size, 7, 7);
          for (TestType& value : delta.span()) value = std::abs(value) / 2;
          for (TestType& value : a.span()) value = -std::abs(value);
          const kernels::Scan<TestType> scan{.u = rows_of(u, tokens, channels, channels),
                                             .delta = rows_of(delta, tokens, channels, channels),
                                             .b = rows_of(b, tokens, states, wide),
                                             .c = rows_of(c, tokens, states, wide),
                                             .a = rows_of(a, states, channels, channels),
                                             .skip = skip.data(),
                                             .reversed = reversed};
          Guarded<TestType> y(size, 8, 8), twin_y(size, 0, 8), h(tokens * states * channels, 0, 9);
          Guarded<TestType> room(ScanRoom<TestType>::size(tokens, states), 0, 10),
              small_room(ScanRoom<TestType>::size(0, states), 0, 10);
          const auto states_of = rows_of(h, tokens * states, channels, channels);
          kernels::selective_scan<TestType>(scan, {small_room.data(), 0, states}, 0, channels,
                                            rows_of(y, tokens, channels, channels));
          reference::selective_scan<TestType>(scan, states_of,
                                              rows_of(twin_y, tokens, channels, channels));
          see_all(worst, y, twin_y, 64);

          Guarded<TestType> du(size, 1, 11), ddelta(size, 2, 12), da(states * channels, 3, 13),
              db(tokens * wide, 4, 14), dc(tokens * wide, 5, 15);
          Guarded<TestType> twin_du(size, 0, 11), twin_ddelta(size, 0, 12),
              twin_da(states * channels, 0, 13), twin_db(tokens * wide, 0, 14),
              twin_dc(tokens * wide, 0, 15);
          const auto slope = rows_of(dy, tokens, channels, channels);
          kernels::selective_scan_backward<TestType>(
              scan, {room.data(), tokens, states}, slope, 0, channels,
              {rows_of(du, tokens, channels, channels), rows_of(ddelta, tokens, channels, channels),
               rows_of(da, states, channels, channels), rows_of(db, tokens, states, wide),
               rows_of(dc, tokens, states, wide)});
          reference::selective_scan_backward<TestType>(
              scan, states_of, slope,
              {rows_of(twin_du, tokens, channels, channels),
               rows_of(twin_ddelta, tokens, channels, channels),
               rows_of(twin_da, states, channels, channels), rows_of(twin_db, tokens, states, wide),
               rows_of(twin_dc, tokens, states, wide)});
          see_all(worst, du, twin_du, 64), see_all(worst, ddelta, twin_ddelta, 64),
              see_all(worst, da, twin_da, 64);
          see_all(worst, db, twin_db, 64), see_all(worst, dc, twin_dc, 64);
          wrong += !room.intact() || !small_room.intact();

          // Dividing the channels at whole vectors changes no bit of a channel's results.
          const std::size_t cut =
              channels / 2 / kernels::lanes<TestType> * kernels::lanes<TestType>;
          Guarded<TestType> again(size, 8, 16);
          for (const auto& [first, last] :
               {std::pair{std::size_t{0}, cut}, std::pair{cut, channels}})
            kernels::selective_scan<TestType>(scan, {small_room.data(), 0, states}, first, last,
                                              rows_of(again, tokens, channels, channels));
          wrong += !same_bits(again, y);
        }
    INFO(channels << " channels");
    CHECK(worst.ratio <= 1);
    CHECK(wrong == 0);
  }
}

}  // namespace scan_tests
