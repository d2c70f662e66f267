// export. The functions that the code of a C file calls, one per operation.
#pragma once

#include <spat/core/abi.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A function of a C file: its text, and the headers that it needs.
struct CFunction {
  std::string_view name, text;
  bool math = false, string = false;
  std::string_view calls = {};  // another of these functions
};

/// All functions, each after those that it calls. y is the output, x and the others are the inputs;
/// y may be x where memory_plan.hpp says so.
inline constexpr std::array c_functions{CFunction{"add", R"(
/* y = a + b; the numbers of b lie along the middle one of three axes. */
static void add(float *y, const float *a, const float *b, size_t outer, size_t count,
                size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < count; ++c)
      for (size_t i = 0; i < inner; ++i) *y++ = *a++ + b[c];
}
)"},
                                        CFunction{"subtract", R"(
/* y = a - b; the numbers of b lie along the middle one of three axes. */
static void subtract(float *y, const float *a, const float *b, size_t outer, size_t count,
                     size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < count; ++c)
      for (size_t i = 0; i < inner; ++i) *y++ = *a++ - b[c];
}
)"},
                                        CFunction{"multiply", R"(
/* y = a b; the numbers of b lie along the middle one of three axes. */
static void multiply(float *y, const float *a, const float *b, size_t outer, size_t count,
                     size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < count; ++c)
      for (size_t i = 0; i < inner; ++i) *y++ = *a++ * b[c];
}
)"},
                                        CFunction{"divide", R"(
/* y = a / b; the numbers of b lie along the middle one of three axes. */
static void divide(float *y, const float *a, const float *b, size_t outer, size_t count,
                   size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < count; ++c)
      for (size_t i = 0; i < inner; ++i) *y++ = *a++ / b[c];
}
)"},
                                        CFunction{"square_root", R"(
/* y = sqrt(x) */
static void square_root(float *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = sqrtf(x[i]);
}
)",
                                                  true},
                                        CFunction{"relu", R"(
/* y = max(x, 0) */
static void relu(float *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = x[i] < 0.f ? 0.f : x[i];
}
)"},
                                        CFunction{"gelu", R"(
/* y = x (1 + erf(x / sqrt(2))) / 2 */
static void gelu(float *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = 0.5f * x[i] * (1.f + erff(x[i] * 0.70710678f));
}
)",
                                                  true},
                                        CFunction{"mean", R"(
/* The means over the middle one of three axes. */
static void mean(float *y, const float *x, size_t outer, size_t count, size_t inner) {
  for (size_t o = 0; o < outer; ++o, x += count * inner)
    for (size_t i = 0; i < inner; ++i) {
      float sum = 0.f;
      for (size_t c = 0; c < count; ++c) sum += x[c * inner + i];
      *y++ = sum / (float)count;
    }
}
)"},
                                        CFunction{"mean_square", R"(
/* The means of the squares over the middle one of three axes. */
static void mean_square(float *y, const float *x, size_t outer, size_t count, size_t inner) {
  for (size_t o = 0; o < outer; ++o, x += count * inner)
    for (size_t i = 0; i < inner; ++i) {
      float sum = 0.f;
      for (size_t c = 0; c < count; ++c) sum += x[c * inner + i] * x[c * inner + i];
      *y++ = sum / (float)count;
    }
}
)"},
                                        CFunction{"linear", R"(
/* y = x W^T + b; b may be NULL. */
static void linear(float *y, const float *x, const float *w, const float *b, size_t rows,
                   size_t in, size_t out) {
  for (size_t r = 0; r < rows; ++r, x += in)
    for (size_t o = 0; o < out; ++o) {
      const float *row = w + o * in;
      float sum = 0.f;
      for (size_t i = 0; i < in; ++i) sum += row[i] * x[i];
      *y++ = b ? sum + b[o] : sum;
    }
}
)"},
                                        CFunction{"linear_int8", R"(
/* y = x W^T + b with W = scale q, one scale per row; b may be NULL. */
static void linear_int8(float *y, const float *x, const int8_t *q, const float *scale,
                        const float *b, size_t rows, size_t in, size_t out) {
  for (size_t r = 0; r < rows; ++r, x += in)
    for (size_t o = 0; o < out; ++o) {
      const int8_t *row = q + o * in;
      float sum = 0.f;
      for (size_t i = 0; i < in; ++i) sum += (float)row[i] * x[i];
      sum *= scale[o];
      *y++ = b ? sum + b[o] : sum;
    }
}
)"},
                                        CFunction{"widened", R"(
/* The float of which these are the upper 16 bits. */
static float widened(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}
)",
                                                  false, true},
                                        CFunction{"linear_bf16", R"(
/* y = x W^T + b; b may be NULL. */
static void linear_bf16(float *y, const float *x, const uint16_t *w, const float *b, size_t rows,
                        size_t in, size_t out) {
  for (size_t r = 0; r < rows; ++r, x += in)
    for (size_t o = 0; o < out; ++o) {
      const uint16_t *row = w + o * in;
      float sum = 0.f;
      for (size_t i = 0; i < in; ++i) sum += widened(row[i]) * x[i];
      *y++ = b ? sum + b[o] : sum;
    }
}
)",
                                                  false, false, "widened"},
                                        CFunction{"layer_norm", R"(
/* y = (x - mean) / sqrt(variance + epsilon) gain + bias of each row */
static void layer_norm(float *y, const float *x, const float *gain, const float *bias,
                       size_t rows, size_t width, float epsilon) {
  for (size_t r = 0; r < rows; ++r, x += width, y += width) {
    float mean_of_row = 0.f, variance = 0.f;
    for (size_t i = 0; i < width; ++i) mean_of_row += x[i];
    mean_of_row /= (float)width;
    for (size_t i = 0; i < width; ++i)
      variance += (x[i] - mean_of_row) * (x[i] - mean_of_row);
    const float scale = 1.f / sqrtf(variance / (float)width + epsilon);
    for (size_t i = 0; i < width; ++i) y[i] = (x[i] - mean_of_row) * scale * gain[i] + bias[i];
  }
}
)",
                                                  true},
                                        CFunction{"attention", R"(
/* y = softmax(Q K^T scale) V of each head; Q [batch x N x heads E], K [batch x M x heads E],
   V [batch x M x heads D]. Query i sees the first `seen` keys, and `more` keys more than the one
   before it. */
static void attention(float *y, const float *q, const float *k, const float *v, float *score,
                      size_t batch, size_t n, size_t m, size_t heads, size_t e, size_t d,
                      float scale, size_t first, size_t more) {
  for (size_t s = 0; s < batch; ++s, k += m * heads * e, v += m * heads * d)
    for (size_t i = 0; i < n; ++i)
      for (size_t h = 0; h < heads; ++h, q += e, y += d) {
        const size_t seen = first + i * more;
        float largest = 0.f, sum = 0.f;
        for (size_t j = 0; j < seen; ++j) {
          const float *key = k + (j * heads + h) * e;
          float product = 0.f;
          for (size_t c = 0; c < e; ++c) product += q[c] * key[c];
          score[j] = product * scale;
          if (j == 0 || score[j] > largest) largest = score[j];
        }
        for (size_t j = 0; j < seen; ++j) {
          score[j] = expf(score[j] - largest);
          sum += score[j];
        }
        for (size_t c = 0; c < d; ++c) {
          float mixed = 0.f;
          for (size_t j = 0; j < seen; ++j) mixed += score[j] * v[(j * heads + h) * d + c];
          y[c] = mixed / sum;
        }
      }
}
)",
                                                  true},
                                        CFunction{"transpose", R"(
/* y of three axes, whose neighbours lie s0, s1 and s2 numbers apart in x. */
static void transpose(float *y, const float *x, size_t n0, size_t n1, size_t n2, size_t s0,
                      size_t s1, size_t s2) {
  for (size_t i = 0; i < n0; ++i)
    for (size_t j = 0; j < n1; ++j)
      for (size_t k = 0; k < n2; ++k) *y++ = x[i * s0 + j * s1 + k * s2];
}
)"},
                                        CFunction{"copy", R"(
/* Copies rows of `count` numbers, whose starts lie `to` and `from` numbers apart. */
static void copy(float *y, size_t to, const float *x, size_t from, size_t rows, size_t count) {
  for (size_t r = 0; r < rows; ++r) memcpy(y + r * to, x + r * from, count * sizeof(float));
}
)",
                                                  false, true},
                                        CFunction{"gather", R"(
/* Takes `count` numbers of the middle one of three axes, whose extent is `extent`. */
static void gather(float *y, const float *x, const INDEX *index, size_t outer, size_t extent,
                   size_t count, size_t inner) {
  for (size_t o = 0; o < outer; ++o, x += extent * inner)
    for (size_t c = 0; c < count; ++c)
      for (size_t i = 0; i < inner; ++i) *y++ = x[index[c] * inner + i];
}
)"}};

}  // namespace detail

}  // namespace spat
