// kernels. exp, expm1, log1p and erf of whole vectors. The value of a lane depends on that lane
// alone.
#pragma once

#include <spat/kernels/simd.hpp>

#include <numbers>
#include <utility>

namespace spat::inline SPAT_ABI {
namespace kernels {
namespace detail {

/// Minimax polynomials by the Remez exchange in 60 digits, rounded; lowest power first. Error
/// bounds are for float, double.
///
///     exp:   (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2, relative to e^r - 1 within 2^-26, 2^-55
///     inner: erf(x) / x - 1 in x^2 on |x| <= 1, relative to erf(x) / x within 2^-29, 2^-56
///     outer: erfc(x) e^(x^2) in x - middle on 1 <= x <= end, times e^(-x^2) within 2^-28,
///            2^-56; erf(end) rounds to 1
///
/// artanh: the power series of artanh(x) / x in x^2 without its first term 1, truncated to what
/// matters for |x| <= 1/3 within 2^-29, 2^-58.
template <std::floating_point Scalar>
struct MathTerms;

template <>
struct MathTerms<float> {
  static constexpr float ln2_high = 0.693145751953125f,
                         ln2_low = 1.42860677e-6f;     // n ln2_high is exact
  static constexpr float lowest = -104, highest = 89;  // exp is 0 and infinity there
  static constexpr float exp[] = {0.49999997f, 0.166665435f, 0.0416672006f, 0.00836653169f,
                                  0.00138826086f};
  static constexpr float inner[] = {0.128379166f,   -0.37612626f,   0.112835854f,
                                    -0.0268538147f, 0.00518833054f, -0.000801020244f,
                                    7.85384982e-05f};
  static constexpr float middle = 2.5f, end = 4;
  static constexpr float outer[] = {0.210807607f,    -0.0743421763f,  0.024914654f,
                                    -0.00813221559f, 0.00230248016f,  -0.00066122209f,
                                    0.000543220143f, 0.000225020412f, 0.000106836451f};
  static constexpr float artanh[] = {1 / 3.f,  1 / 5.f,  1 / 7.f, 1 / 9.f,
                                     1 / 11.f, 1 / 13.f, 1 / 15.f};
};

template <>
struct MathTerms<double> {
  static constexpr double ln2_high = 0.6931471805601177, ln2_low = -1.7239444525614835e-13;
  static constexpr double lowest = -746, highest = 710;
  static constexpr double exp[] = {0.50000000000000056,    0.16666666666666591,
                                   0.041666666666576618,   0.0083333333333892607,
                                   0.0013888888931614335,  0.00019841269719989951,
                                   2.4801505210446166e-05, 2.7557406346378064e-06,
                                   2.7626064285186645e-07, 2.5054255360383749e-08};
  static constexpr double inner[] = {
      0.12837916709551256,     -0.37612638903183521,   0.11283791670944185,
      -0.026866170643111458,   0.0052239776061184769,  -0.00085483259293168219,
      0.0001205529357701371,   -1.492471230472503e-05, 1.6447131608964984e-06,
      -1.6206314065739878e-07, 1.371098176719146e-08,  -7.7794710671071416e-10};
  static constexpr double middle = 3.5, end = 6;
  static constexpr double outer[] = {
      0.15529365560721997,     -0.041323577831826816,   0.010661133338740848,
      -0.0026730738176988247,  0.00065268657874846634,  -0.00015547267272111523,
      3.6172530234876139e-05,  -8.2431533714254999e-06, 1.8488107278909298e-06,
      -3.7799397084551804e-07, 1.0101424876947248e-07,  -2.334381062321534e-08,
      -1.1084804873514071e-08, -1.0847880351995227e-08, -1.7868250238645095e-09,
      1.6677451048694769e-09,  1.5546558330535845e-09,  6.2339339627432724e-10,
      1.4624006718883768e-10,  1.936079581631066e-11,   1.1725120220361309e-12};
  static constexpr double artanh[] = {1 / 3.,  1 / 5.,  1 / 7.,  1 / 9.,  1 / 11., 1 / 13.,
                                      1 / 15., 1 / 17., 1 / 19., 1 / 21., 1 / 23., 1 / 25.,
                                      1 / 27., 1 / 29., 1 / 31., 1 / 33.};
};

/// terms[0] + terms[1] x + terms[2] x^2 + ... (Horner), unrolled.
template <std::floating_point Scalar, std::size_t Count>
[[nodiscard]] inline Pack<Scalar> polynomial(const Scalar (&terms)[Count], const Pack<Scalar>& x) {
  Pack<Scalar> sum(terms[Count - 1]);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((sum = multiply_add<Scalar>(sum, x, Pack<Scalar>(terms[Count - 2 - I]))), ...);
  }
  (std::make_index_sequence<Count - 1>{});
  return sum;
}

/// The parts of x = n ln(2) + r with whole n and |r| <= ln(2) / 2 (Cody and Waite, 1980): n, and
/// e^r - 1.
template <std::floating_point Scalar>
struct Reduced {
  Pack<Scalar> n, exp_minus_1;
};
template <std::floating_point Scalar>
[[nodiscard]] inline Reduced<Scalar> reduce(const Pack<Scalar>& x) {
  using Terms = MathTerms<Scalar>;
  const Pack<Scalar> rounder(
      Scalar(3 * (Bits<Scalar>{1} << (std::numeric_limits<Scalar>::digits - 2))));
  const Pack<Scalar> n =
      multiply_add<Scalar>(x, Pack<Scalar>(std::numbers::log2e_v<Scalar>), rounder) - rounder;
  const Pack<Scalar> coarse = multiply_add<Scalar>(n, Pack<Scalar>(-Terms::ln2_high), x);
  const Pack<Scalar> r = multiply_add<Scalar>(n, Pack<Scalar>(-Terms::ln2_low), coarse);
  return {n, multiply_add<Scalar>(r * r, detail::polynomial(Terms::exp, r), r)};
}

}  // namespace detail

/// e^x within 2 ulp: 2^n e^r. Results below the smallest normal number are subnormal, not flushed
/// to zero.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> exp(const Pack<Scalar>& x) {
  using Terms = detail::MathTerms<Scalar>;
  const Pack<Scalar> inside =
      kernels::min(Pack<Scalar>(Terms::highest), x);  // a NaN in the second argument stays
  const auto [n, exp_minus_1] =
      detail::reduce<Scalar>(kernels::max(Pack<Scalar>(Terms::lowest), inside));
  return times_power_of_two<Scalar>(exp_minus_1 + Pack<Scalar>(Scalar(1)), n);
}

/// e^x - 1 within 3 ulp: 2 (2^(n-1) (e^r - 1) + 2^(n-1) - 1/2), because 2^(n-1) does not overflow.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> expm1(const Pack<Scalar>& x) {
  const Pack<Scalar> half(Scalar(0.5)), lowest(Scalar(-40));  // the result is -1 there
  const Pack<Scalar> inside = kernels::min(Pack<Scalar>(detail::MathTerms<Scalar>::highest), x);
  const auto [n, exp_minus_1] = detail::reduce<Scalar>(kernels::max(lowest, inside));
  const Pack<Scalar> power = times_power_of_two<Scalar>(half, n);
  const Pack<Scalar> result =
      multiply_add<Scalar>(power, exp_minus_1, power - half) * Pack<Scalar>(Scalar(2));
  const Pack<Scalar> tiny(std::numeric_limits<Scalar>::epsilon() / 4);
  return kernels::select<Scalar>(kernels::abs(x) < tiny, x, result);  // keeps -0 and subnormals
}

/// log(1 + x) within 4 ulp, only for 0 <= x <= 1: 2 artanh(s), s = x / (2 + x) <= 1/3.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> log1p_of_unit(const Pack<Scalar>& x) {
  const Pack<Scalar> two(Scalar(2)), s = kernels::divide<Scalar>(x, two + x), square = s * s,
                                     twice = two * s;
  return multiply_add<Scalar>(twice * square,
                              detail::polynomial(detail::MathTerms<Scalar>::artanh, square), twice);
}

/// erf(x) within 2 ulp, and e^(-x^2) within (1 + x^2 / 2) eps relative.
template <std::floating_point Scalar>
struct ErfAndExp {
  Pack<Scalar> erf, exp;
};
/// Computes erf(x) and e^(-x^2) for the price of erf(x).
template <std::floating_point Scalar>
[[nodiscard]] inline ErfAndExp<Scalar> erf_and_exp(const Pack<Scalar>& x) {
  using Terms = detail::MathTerms<Scalar>;
  const Pack<Scalar> zero(Scalar(0)), one(Scalar(1)), size = kernels::abs(x), square = x * x;
  const Pack<Scalar> inner = multiply_add<Scalar>(x, detail::polynomial(Terms::inner, square), x);
  const Pack<Scalar> bell = kernels::exp<Scalar>(-square);
  const Pack<Scalar> place =
      kernels::min(Pack<Scalar>(Terms::end), size) - Pack<Scalar>(Terms::middle);
  const Pack<Scalar> outer =
      multiply_add<Scalar>(-bell, detail::polynomial(Terms::outer, place), one);
  return {
      kernels::select<Scalar>(size < one, inner, kernels::select<Scalar>(x < zero, -outer, outer)),
      bell};
}

/// erf(x) within 2 ulp.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> erf(const Pack<Scalar>& x) {
  return erf_and_exp<Scalar>(x).erf;
}

}  // namespace kernels
}  // namespace spat
