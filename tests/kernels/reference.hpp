// kernels. The readable scalar twin of every kernel: plain loops that state the formula and nothing
// else.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/random.hpp>
#include <spat/kernels/adam.hpp>
#include <spat/kernels/attention.hpp>
#include <spat/kernels/normalize.hpp>
#include <spat/kernels/selective_scan.hpp>

#include <numbers>

namespace spat::inline SPAT_ABI {

/// Arguments as for the kernels, except that multiply_packed takes the weight itself and attention
/// returns its A. Sums are in index order, in Scalar.
namespace kernels::reference {

/// c (+)= a b,  a [M x K], b [K x N].
template <std::floating_point Scalar>
void multiply_nn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                 Store mode = Store::overwrite) {
  for (std::size_t i = 0; i < c.rows; ++i)
    for (std::size_t j = 0; j < c.cols; ++j) {
      Scalar sum = mode == Store::add ? c.row(i)[j] : Scalar(0);
      for (std::size_t k = 0; k < b.rows; ++k)
        sum = spat::multiply_add(a.row(i)[k], b.row(k)[j], sum);
      c.row(i)[j] = sum;
    }
}

/// c (+)= a^T b,  a [K x M], b [K x N].
template <std::floating_point Scalar>
void multiply_tn(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                 Store mode = Store::overwrite) {
  for (std::size_t i = 0; i < c.rows; ++i)
    for (std::size_t j = 0; j < c.cols; ++j) {
      Scalar sum = mode == Store::add ? c.row(i)[j] : Scalar(0);
      for (std::size_t k = 0; k < b.rows; ++k)
        sum = spat::multiply_add(a.row(k)[i], b.row(k)[j], sum);
      c.row(i)[j] = sum;
    }
}

/// c (+)= a b^T,  a [M x K], b [N x K].
template <std::floating_point Scalar>
void multiply_nt(Strided<const Scalar> a, Strided<const Scalar> b, Strided<Scalar> c,
                 Store mode = Store::overwrite) {
  for (std::size_t i = 0; i < c.rows; ++i)
    for (std::size_t j = 0; j < c.cols; ++j) {
      Scalar sum = mode == Store::add ? c.row(i)[j] : Scalar(0);
      for (std::size_t k = 0; k < b.cols; ++k)
        sum = spat::multiply_add(a.row(i)[k], b.row(j)[k], sum);
      c.row(i)[j] = sum;
    }
}

/// c[:, first..last) = a W^T + bias,  bias or none.
template <std::floating_point Scalar>
void multiply_packed(Strided<const Scalar> a, Strided<const Scalar> weight, Strided<Scalar> c,
                     const Scalar* bias, std::size_t first, std::size_t last) {
  const Strided<Scalar> part = c.part(0, c.rows, first, last - first);
  reference::multiply_nt<Scalar>(a, weight.part(first, last - first, 0, weight.cols), part);
  for (std::size_t i = 0; bias && i < part.rows; ++i)
    for (std::size_t j = 0; j < part.cols; ++j) part.row(i)[j] += bias[first + j];
}

/// S = scale q k^T + previous over the keys that are seen, A = softmax(S);  mixed = Drop(A) v.
/// Writes a [Lq x Lk] if it is given.
template <std::floating_point Scalar>
void attention(const Head<Scalar>& head, Strided<Scalar> mixed, Strided<Scalar> a,
               Strided<const Scalar> factors = {}) {
  for (std::size_t i = 0; i < head.q.rows; ++i) {
    const auto sees = [&](std::size_t j) {
      return (!head.causal || j <= i) && (!head.key_mask || head.key_mask[j]);
    };
    Scalar largest = -std::numeric_limits<Scalar>::infinity(), sum = 0;
    Scalar* const row = a.row(i);
    for (std::size_t j = 0; j < head.k.rows; ++j) {
      Scalar score = 0;
      for (std::size_t w = 0; w < head.q.cols; ++w)
        score = spat::multiply_add(head.q.row(i)[w], head.k.row(j)[w], score);
      row[j] = spat::multiply_add(score, head.scale,
                                  head.previous.data ? head.previous.row(i)[j] : Scalar(0));
      if (sees(j) && !(row[j] <= largest)) largest = row[j];  // a NaN stays
    }
    const Scalar shift = largest == -std::numeric_limits<Scalar>::infinity() ? Scalar(0) : largest;
    for (std::size_t j = 0; j < head.k.rows; ++j)
      sum += row[j] = sees(j) ? std::exp(row[j] - shift) : Scalar(0);
    for (std::size_t j = 0; j < head.k.rows && sum != 0; ++j) row[j] /= sum;
    for (std::size_t w = 0; w < mixed.cols; ++w) {
      mixed.row(i)[w] = 0;
      for (std::size_t j = 0; j < head.k.rows; ++j) {
        const Scalar kept = factors.data ? row[j] * factors.row(i)[j] : row[j];
        mixed.row(i)[w] = spat::multiply_add(kept, head.v.row(j)[w], mixed.row(i)[w]);
      }
    }
  }
}

/// dA = dO V^T, dV = Drop(A)^T dO, dS = A (Drop(dA) - sum_j A Drop(dA)), dQ = scale dS K, dK =
/// scale dS^T Q;  a, da [Lq x Lk].
template <std::floating_point Scalar>
void attention_backward(const Head<Scalar>& head, Strided<const Scalar> a,
                        Strided<const Scalar> dmixed, Strided<Scalar> dq, Strided<Scalar> dk,
                        Strided<Scalar> dv, Strided<Scalar> da,
                        Strided<const Scalar> factors = {}) {
  for (std::size_t j = 0; j < head.k.rows; ++j)
    std::fill_n(dk.row(j), dk.cols, Scalar(0)), std::fill_n(dv.row(j), dv.cols, Scalar(0));
  for (std::size_t i = 0; i < head.q.rows; ++i) {
    const auto factor = [&](std::size_t j) { return factors.data ? factors.row(i)[j] : Scalar(1); };
    Scalar mean = 0;
    for (std::size_t j = 0; j < head.k.rows; ++j) {
      da.row(i)[j] = 0;
      for (std::size_t w = 0; w < dv.cols; ++w) {
        da.row(i)[j] = spat::multiply_add(dmixed.row(i)[w], head.v.row(j)[w], da.row(i)[j]);
        dv.row(j)[w] = spat::multiply_add(a.row(i)[j] * factor(j), dmixed.row(i)[w], dv.row(j)[w]);
      }
      mean = spat::multiply_add(a.row(i)[j], da.row(i)[j] * factor(j), mean);
    }
    std::fill_n(dq.row(i), dq.cols, Scalar(0));
    for (std::size_t j = 0; j < head.k.rows; ++j) {
      const Scalar ds = a.row(i)[j] * (da.row(i)[j] * factor(j) - mean) * head.scale;
      for (std::size_t w = 0; w < dq.cols; ++w) {
        dq.row(i)[w] = spat::multiply_add(ds, head.k.row(j)[w], dq.row(i)[w]);
        dk.row(j)[w] = spat::multiply_add(ds, head.q.row(i)[w], dk.row(j)[w]);
      }
    }
  }
}

/// Mean, as center and shift, and biased variance.
template <std::floating_point Scalar>
[[nodiscard]] Moments<Scalar> moments(const Scalar* x, std::size_t size) {
  Scalar sum = 0, squares = 0;
  for (std::size_t i = 0; i < size; ++i) sum += x[i];
  const Scalar mean = sum / static_cast<Scalar>(size);
  Scalar left = 0;
  for (std::size_t i = 0; i < size; ++i) {
    left += x[i] - mean;
    squares = spat::multiply_add(x[i] - mean, x[i] - mean, squares);
  }
  const Scalar shift = left / static_cast<Scalar>(size);
  return {mean, shift, squares / static_cast<Scalar>(size) - shift * shift};
}

/// u = x (+ branch);  n = (u - mean) / sqrt(variance + epsilon);  y = gain n + bias. Returns 1 /
/// sqrt(variance + epsilon).
template <std::floating_point Scalar>
Scalar layer_norm(const Scalar* x, const Scalar* branch, const Scalar* gain, const Scalar* bias,
                  Scalar epsilon, std::size_t size, Scalar* normalized, Scalar* y) {
  for (std::size_t i = 0; i < size; ++i) y[i] = branch ? x[i] + branch[i] : x[i];
  const auto [mean, shift, variance] = reference::moments(y, size);
  const Scalar inverse = 1 / std::sqrt(variance + epsilon);
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar n = (y[i] - mean - shift) * inverse;
    if (normalized) normalized[i] = n;
    y[i] = spat::multiply_add(gain[i], n, bias[i]);
  }
  return inverse;
}

/// dx = inverse (dn - mean(dn) - n mean(dn n)),  dn = gain dy.
template <std::floating_point Scalar>
void layer_norm_backward(const Scalar* normalized, const Scalar* gain, Scalar inverse,
                         const Scalar* dy, std::size_t size, Scalar* dx) {
  Scalar sum = 0, along = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar dn = gain[i] * dy[i];
    sum += dn;
    along = spat::multiply_add(dn, normalized[i], along);
  }
  const Scalar mean = sum / static_cast<Scalar>(size), slope = along / static_cast<Scalar>(size);
  for (std::size_t i = 0; i < size; ++i)
    dx[i] = inverse *
            spat::multiply_add(-slope, normalized[i], spat::multiply_add(gain[i], dy[i], -mean));
}

/// n = (x - mean) inverse;  y = gain n + bias, each element with its own statistics.
template <std::floating_point Scalar>
void batch_norm(const Scalar* x, const Scalar* mean, const Scalar* inverse, const Scalar* gain,
                const Scalar* bias, std::size_t size, Scalar* normalized, Scalar* y) {
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar n = (x[i] - mean[i]) * inverse[i];
    if (normalized) normalized[i] = n;
    y[i] = spat::multiply_add(n, gain[i], bias[i]);
  }
}

/// dx = inverse (gain dy + minus_mean + minus_along n).
template <std::floating_point Scalar>
void batch_norm_backward(const Scalar* normalized, const Scalar* gain, const Scalar* inverse,
                         const Scalar* minus_mean, const Scalar* minus_along, const Scalar* dy,
                         std::size_t size, Scalar* dx) {
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar centered = spat::multiply_add(gain[i], dy[i], minus_mean[i]);
    dx[i] = inverse[i] * spat::multiply_add(normalized[i], minus_along[i], centered);
  }
}

/// y = x Phi(x),  Phi(x) = (1 + erf(x / sqrt(2))) / 2.
template <std::floating_point Scalar>
void gelu(std::span<const Scalar> x, std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = x[i] / 2 * (1 + std::erf(x[i] * static_cast<Scalar>(1 / std::numbers::sqrt2)));
}

/// dx = dy (Phi(x) + x phi(x)),  phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
template <std::floating_point Scalar>
void gelu_backward(std::span<const Scalar> x, std::span<const Scalar> dy, std::span<Scalar> dx) {
  const auto scale = static_cast<Scalar>(1 / std::numbers::sqrt2);
  const auto density = static_cast<Scalar>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  for (std::size_t i = 0; i < dx.size(); ++i) {
    const Scalar distribution = (1 + std::erf(x[i] * scale)) / 2;
    dx[i] = dy[i] * spat::multiply_add(x[i], density * std::exp(x[i] * x[i] / -2), distribution);
  }
}

/// y = max(x, 0);  dx = x > 0 ? dy : 0.
template <std::floating_point Scalar>
void relu(std::span<const Scalar> x, std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i] < 0 ? Scalar(0) : x[i];
}
template <std::floating_point Scalar>
void relu_backward(std::span<const Scalar> x, std::span<const Scalar> dy, std::span<Scalar> dx) {
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = x[i] > 0 ? dy[i] : Scalar(0);
}

/// y = x sigmoid(x);  dx = dy s (1 + x (1 - s)),  s = sigmoid(x).
template <std::floating_point Scalar>
void silu(std::span<const Scalar> x, std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
}
template <std::floating_point Scalar>
void silu_backward(std::span<const Scalar> x, std::span<const Scalar> dy, std::span<Scalar> dx) {
  for (std::size_t i = 0; i < dx.size(); ++i) {
    const Scalar s = 1 / (1 + std::exp(-x[i]));
    dx[i] = dy[i] * s * spat::multiply_add(x[i], 1 - s, Scalar(1));
  }
}

/// out = y SiLU(z);  dy = dout SiLU(z),  dz = dout y SiLU'(z).
template <std::floating_point Scalar>
void gate(std::span<const Scalar> y, std::span<const Scalar> z, std::span<Scalar> out) {
  reference::silu(z, out);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] *= y[i];
}
template <std::floating_point Scalar>
void gate_backward(std::span<const Scalar> y, std::span<const Scalar> z,
                   std::span<const Scalar> dout, std::span<Scalar> dy, std::span<Scalar> dz) {
  reference::gate(dout, z, dy);
  reference::silu_backward(z, dout, dz);
  for (std::size_t i = 0; i < dz.size(); ++i) dz[i] *= y[i];
}

/// y = log(1 + e^x);  dx = dy (1 - e^-y).
template <std::floating_point Scalar>
void softplus(std::span<const Scalar> x, std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = (x[i] > 0 ? x[i] : Scalar(0)) + std::log1p(std::exp(-std::abs(x[i])));
}
template <std::floating_point Scalar>
void softplus_backward(std::span<const Scalar> y, std::span<const Scalar> dy,
                       std::span<Scalar> dx) {
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = dy[i] * -std::expm1(-y[i]);
}

/// y_t = sum_j x_{t + j - h} / window, with the end values repeated;  dx its adjoint.
template <std::floating_point Scalar>
void moving_average(std::span<const Scalar> x, std::size_t window, std::span<Scalar> y) {
  for (std::size_t t = 0; t < y.size(); ++t) {
    y[t] = 0;
    for (std::size_t j = 0; j < window; ++j)
      y[t] += x[std::clamp(t + j, window / 2, window / 2 + x.size() - 1) - window / 2];
    y[t] /= static_cast<Scalar>(window);
  }
}
template <std::floating_point Scalar>
void moving_average_backward(std::span<const Scalar> dy, std::size_t window, std::span<Scalar> dx) {
  std::ranges::fill(dx, Scalar(0));
  for (std::size_t j = 0; j < window; ++j)
    for (std::size_t t = 0; t < dy.size(); ++t)
      dx[std::clamp(t + j, window / 2, window / 2 + dy.size() - 1) - window / 2] += dy[t];
  for (Scalar& value : dx) value /= static_cast<Scalar>(window);
}

/// y_t = bias + sum_j w_j x_{t - (k - 1) + j};  dx_t = sum_j w_j dy_{t + (k - 1) - j};
///
///     dw_j += sum_t dy_t x_{t - (k - 1) + j}.
template <std::floating_point Scalar>
void causal_convolution(Strided<const Scalar> x, Strided<const Scalar> w, const Scalar* bias,
                        bool reversed, Strided<Scalar> y) {
  for (std::size_t t = 0; t < x.rows; ++t)
    for (std::size_t i = 0; i < x.cols; ++i) {
      Scalar sum = bias[i];
      for (std::size_t j = 0; j < w.rows; ++j)
        if (t + j + 1 >= w.rows)
          sum = spat::multiply_add(w.row(j)[i],
                                   x.row(token_row(t + j + 1 - w.rows, x.rows, reversed))[i], sum);
      y.row(token_row(t, x.rows, reversed))[i] = sum;
    }
}
template <std::floating_point Scalar>
void causal_convolution_backward(Strided<const Scalar> dy, Strided<const Scalar> w, bool reversed,
                                 Strided<Scalar> dx) {
  for (std::size_t t = 0; t < dy.rows; ++t)
    for (std::size_t i = 0; i < dy.cols; ++i) {
      Scalar sum = 0;
      for (std::size_t j = 0; j < w.rows; ++j)
        if (t + w.rows - 1 - j < dy.rows)
          sum = spat::multiply_add(
              w.row(j)[i], dy.row(token_row(t + w.rows - 1 - j, dy.rows, reversed))[i], sum);
      dx.row(token_row(t, dy.rows, reversed))[i] = sum;
    }
}
template <std::floating_point Scalar>
void causal_convolution_weights(Strided<const Scalar> x, Strided<const Scalar> dy, bool reversed,
                                Strided<Scalar> dw) {
  for (std::size_t i = 0; i < x.cols; ++i)
    for (std::size_t j = 0; j < dw.cols; ++j)
      for (std::size_t t = 0; t < x.rows; ++t)
        if (t + j + 1 >= dw.cols)
          dw.row(i)[j] = spat::multiply_add(
              dy.row(token_row(t, x.rows, reversed))[i],
              x.row(token_row(t + j + 1 - dw.cols, x.rows, reversed))[i], dw.row(i)[j]);
}

/// h_t = exp(delta_t a) h_{t-1} + delta_t u_t b_t;  y_t = c_t h_t + skip u_t.
///
/// Writes every state: h [N * S x I].
template <std::floating_point Scalar>
void selective_scan(const Scan<Scalar>& scan, Strided<Scalar> h, Strided<Scalar> y) {
  const std::size_t states = scan.b.cols;
  for (std::size_t t = 0; t < scan.u.rows; ++t)
    for (std::size_t i = 0; i < scan.u.cols; ++i) {
      const std::size_t row = scan.row(t);
      const Scalar u = scan.u.row(row)[i], delta = scan.delta.row(row)[i];
      Scalar sum = scan.skip[i] * u;
      for (std::size_t s = 0; s < states; ++s) {
        const Scalar before = t > 0 ? h.row((t - 1) * states + s)[i] : Scalar(0);
        Scalar& now = h.row(t * states + s)[i];
        now = spat::multiply_add(std::exp(delta * scan.a.row(s)[i]), before,
                                 delta * u * scan.b.row(row)[s]);
        sum = spat::multiply_add(scan.c.row(row)[s], now, sum);
      }
      y.row(row)[i] = sum;
    }
}

/// g_t = c_t dy_t + exp(delta_{t+1} a) g_{t+1}, and the gradients that follow from g and the states
/// h.
template <std::floating_point Scalar>
void selective_scan_backward(const Scan<Scalar>& scan, Strided<const Scalar> h,
                             Strided<const Scalar> dy, const ScanGradients<Scalar>& to) {
  const std::size_t tokens = scan.u.rows, states = scan.b.cols;
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t s = 0; s < states; ++s) to.db.row(t)[s] = to.dc.row(t)[s] = 0;
  for (std::size_t i = 0; i < scan.u.cols; ++i) {
    for (std::size_t t = 0; t < tokens; ++t) {
      to.du.row(scan.row(t))[i] = scan.skip[i] * dy.row(scan.row(t))[i];
      to.ddelta.row(scan.row(t))[i] = 0;
    }
    for (std::size_t s = 0; s < states; ++s) {
      const Scalar a = scan.a.row(s)[i];
      Scalar passed = 0;
      to.da.row(s)[i] = 0;
      for (std::size_t t = tokens; t-- > 0;) {
        const std::size_t row = scan.row(t);
        const Scalar u = scan.u.row(row)[i], delta = scan.delta.row(row)[i], b = scan.b.row(row)[s];
        const Scalar g = spat::multiply_add(scan.c.row(row)[s], dy.row(row)[i], passed);
        const Scalar before = t > 0 ? h.row((t - 1) * states + s)[i] : Scalar(0);
        passed = g * std::exp(delta * a);
        const Scalar e = passed * before;
        to.db.row(row)[s] = spat::multiply_add(g, delta * u, to.db.row(row)[s]);
        to.dc.row(row)[s] =
            spat::multiply_add(dy.row(row)[i], h.row(t * states + s)[i], to.dc.row(row)[s]);
        to.da.row(s)[i] = spat::multiply_add(e, delta, to.da.row(s)[i]);
        to.du.row(row)[i] = spat::multiply_add(g * b, delta, to.du.row(row)[i]);
        to.ddelta.row(row)[i] =
            spat::multiply_add(g * b, u, spat::multiply_add(e, a, to.ddelta.row(row)[i]));
      }
    }
  }
}

/// to_i = kept if word (p % 64) / 16 of philox counter 16 (p / 64) + p % 16 is at least rate 2^32,
/// with p = first + i.
template <class T>
void dropout(const DropoutKey& key, std::size_t first, T kept, T dropped, std::span<T> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::size_t p = first + i;
    const auto words = philox(
        {static_cast<std::uint32_t>(p / 64 * 16 + p % 16), static_cast<std::uint32_t>(key.sample),
         static_cast<std::uint32_t>(key.step), static_cast<std::uint32_t>(key.site)},
        key.seed);
    to[i] = words[p % 64 / 16] >= key.threshold() ? kept : dropped;
  }
}

/// y = keep ? x factor : +0.
template <std::floating_point Scalar>
void select_scaled(std::span<const Scalar> x, std::span<const unsigned char> keep, Scalar factor,
                   std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = keep[i] ? x[i] * factor : Scalar(0);
}

/// y = a + b, or (a + b) + c.
template <std::floating_point Scalar>
void add(std::span<const Scalar> a, std::span<const Scalar> b, std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] + b[i];
}
template <std::floating_point Scalar>
void add(std::span<const Scalar> a, std::span<const Scalar> b, std::span<const Scalar> c,
         std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (a[i] + b[i]) + c[i];
}

/// y [cols x rows] = x^T.
template <std::floating_point Scalar>
void transpose(const Scalar* x, std::size_t rows, std::size_t cols, Scalar* y) {
  for (std::size_t i = 0; i < rows * cols; ++i) y[i % cols * rows + i / cols] = x[i];
}

/// sums[c] += sum_r x[r, c].
template <std::floating_point Scalar>
void add_rows(Strided<const Scalar> x, Scalar* sums) {
  for (std::size_t c = 0; c < x.cols; ++c)
    for (std::size_t r = 0; r < x.rows; ++r) sums[c] += x.row(r)[c];
}

/// sums[c] += sum_r x[r, c] y[r, c].
template <std::floating_point Scalar>
void add_products(Strided<const Scalar> x, Strided<const Scalar> y, Scalar* sums) {
  for (std::size_t c = 0; c < x.cols; ++c)
    for (std::size_t r = 0; r < x.rows; ++r)
      sums[c] = spat::multiply_add(x.row(r)[c], y.row(r)[c], sums[c]);
}

/// sums[c] += sum_r (x[r, c] - mean[c]), squares[c] += sum_r (x[r, c] - mean[c])^2.
template <std::floating_point Scalar>
void add_deviations(Strided<const Scalar> x, const Scalar* mean, Scalar* sums, Scalar* squares) {
  for (std::size_t c = 0; c < x.cols; ++c)
    for (std::size_t r = 0; r < x.rows; ++r) {
      const Scalar d = x.row(r)[c] - mean[c];
      sums[c] += d;
      squares[c] = spat::multiply_add(d, d, squares[c]);
    }
}

/// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
///
///     w -= (rate / correction1) m / (sqrt(v) / correction2 + epsilon).
template <std::floating_point Scalar>
void adam(const AdamStep<Scalar>& step, const Scalar* gradient, Scalar* first, Scalar* second,
          Scalar* weight, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar g = step.scale * gradient[i];
    first[i] = spat::multiply_add(step.beta1, first[i], (1 - step.beta1) * g);
    second[i] = spat::multiply_add(step.beta2, second[i], (1 - step.beta2) * (g * g));
    const Scalar divisor =
        spat::multiply_add(std::sqrt(second[i]), 1 / step.correction2, step.epsilon);
    weight[i] = spat::multiply_add(-step.rate / step.correction1, first[i] / divisor, weight[i]);
  }
}

}  // namespace kernels::reference
}  // namespace spat
