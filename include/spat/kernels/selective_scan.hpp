// kernels. The selective scan of one sample and its backward: channels lie across the vector lanes,
// states are rows.
#pragma once

#include <spat/kernels/causal_convolution.hpp>
#include <spat/kernels/math.hpp>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// The inputs of a scan of N tokens of I channels with a state of S numbers per channel (Gu and
/// Dao, "Mamba", 2023):
///
///     h_t = exp(delta_t a) h_{t-1} + delta_t u_t b_t,   y_t = c_t h_t + skip u_t
template <std::floating_point Scalar>
struct Scan {
  Strided<const Scalar> u, delta;  // [N x I]
  Strided<const Scalar> b, c;      // [N x S]
  Strided<const Scalar> a;         // [S x I]
  const Scalar* skip = nullptr;    // [I]
  bool reversed = false;           // token 0 is the last row

  [[nodiscard]] std::size_t row(std::size_t t) const { return token_row(t, u.rows, reversed); }
};

/// The destinations of the gradients: du, ddelta [N x I]; da [S x I], summed over the tokens; db,
/// dc [N x S], summed over the scanned channels.
template <std::floating_point Scalar>
struct ScanGradients {
  Strided<Scalar> du, ddelta, da, db, dc;
};

/// The working memory of a scan for one vector of channels: its state and, for backward, every
/// state, every decay and every term of db and dc. `tokens` is 0 if there is no backward.
template <std::floating_point Scalar>
struct ScanRoom {
  Scalar *state = nullptr, *states = nullptr, *decays = nullptr, *db = nullptr, *dc = nullptr;

  [[nodiscard]] static std::size_t size(std::size_t tokens, std::size_t state_size) {
    return (4 * tokens + 1) * state_size * lanes<Scalar>;
  }
  ScanRoom(Scalar* room, std::size_t tokens, std::size_t state_size) {
    const std::size_t one = state_size * lanes<Scalar>, all = tokens * one;
    state = room;
    states = state + one;
    decays = states + all;
    db = decays + all;
    dc = db + all;
  }
};

/// Writes y [N x I] for channels [first, last).
template <std::floating_point Scalar>
inline void selective_scan(const Scan<Scalar>& scan, ScanRoom<Scalar> room, std::size_t first,
                           std::size_t last, Strided<Scalar> y) {
  const std::size_t states = scan.b.cols;
  for_each_pack<Scalar>(last - first, Scalar(0), [&](std::size_t offset, auto load, auto store) {
    const std::size_t i = first + offset;
    const Pack<Scalar> skip = load(scan.skip + i);
    std::fill_n(room.state, states * lanes<Scalar>, Scalar(0));
    for (std::size_t t = 0; t < scan.u.rows; ++t) {
      const std::size_t row = scan.row(t);
      const Scalar *const b = scan.b.row(row), *const c = scan.c.row(row);
      const Pack<Scalar> u = load(scan.u.row(row) + i), delta = load(scan.delta.row(row) + i),
                         input = delta * u;
      Pack<Scalar> sum = skip * u;
      for (std::size_t s = 0; s < states; ++s) {
        Scalar* const state = room.state + s * lanes<Scalar>;
        const Pack<Scalar> decay = kernels::exp<Scalar>(delta * load(scan.a.row(s) + i));
        const Pack<Scalar> h =
            multiply_add<Scalar>(decay, kernels::load(state), input * Pack<Scalar>(b[s]));
        kernels::store(state, h);
        sum = multiply_add<Scalar>(Pack<Scalar>(c[s]), h, sum);
      }
      store(y.row(row) + i, sum);
    }
  });
}

/// The gradients of selective_scan. States and decays are computed again, one vector of channels at
/// a time. Then, from the last token to the first, with g_t = c_t dy_t + exp(delta_{t+1} a)
/// g_{t+1}:
///
///     db_t = sum_i g_t delta_t u_t,  dc_t = sum_i dy_t h_t
///     e_t = g_t h_{t-1} exp(delta_t a),  da = sum_t e_t delta_t
///     du_t = delta_t sum_s g_t b_t + skip dy_t,  ddelta_t = u_t sum_s g_t b_t + sum_s e_t a
template <std::floating_point Scalar>
inline void selective_scan_backward(const Scan<Scalar>& scan, ScanRoom<Scalar> room,
                                    Strided<const Scalar> dy, std::size_t first, std::size_t last,
                                    const ScanGradients<Scalar>& to) {
  const std::size_t tokens = scan.u.rows, states = scan.b.cols, size = states * lanes<Scalar>;
  std::fill_n(room.db, tokens * size, Scalar(0));
  std::fill_n(room.dc, tokens * size, Scalar(0));
  for_each_pack<Scalar>(last - first, Scalar(0), [&](std::size_t offset, auto load, auto store) {
    const std::size_t i = first + offset;
    const Pack<Scalar> zero(Scalar(0));
    for (std::size_t t = 0; t < tokens; ++t) {
      const std::size_t row = scan.row(t);
      const Scalar* const b = scan.b.row(row);
      const Pack<Scalar> delta = load(scan.delta.row(row) + i),
                         input = delta * load(scan.u.row(row) + i);
      for (std::size_t s = 0; s < states; ++s) {
        const std::size_t at = t * size + s * lanes<Scalar>;
        const Pack<Scalar> decay = kernels::exp<Scalar>(delta * load(scan.a.row(s) + i));
        const Pack<Scalar> before = t > 0 ? kernels::load(room.states + at - size) : zero;
        kernels::store(room.decays + at, decay);
        kernels::store(room.states + at,
                       multiply_add<Scalar>(decay, before, input * Pack<Scalar>(b[s])));
      }
    }
    const Pack<Scalar> skip = load(scan.skip + i);
    std::fill_n(room.state, size, Scalar(0));  // g_{t+1}, decayed
    for (std::size_t s = 0; s < states; ++s) store(to.da.row(s) + i, zero);
    for (std::size_t t = tokens; t-- > 0;) {
      const std::size_t row = scan.row(t);
      const Scalar *const b = scan.b.row(row), *const c = scan.c.row(row);
      const Pack<Scalar> u = load(scan.u.row(row) + i), delta = load(scan.delta.row(row) + i),
                         input = delta * u;
      const Pack<Scalar> slope = load(dy.row(row) + i);
      Pack<Scalar> inputs = zero, decays = zero;
      for (std::size_t s = 0; s < states; ++s) {
        const std::size_t here = s * lanes<Scalar>, at = t * size + here;
        const auto add = [&](Scalar* sum, const Pack<Scalar>& x, const Pack<Scalar>& y) {
          kernels::store(sum, multiply_add<Scalar>(x, y, kernels::load(sum)));
        };
        const Pack<Scalar> g =
            multiply_add<Scalar>(Pack<Scalar>(c[s]), slope, kernels::load(room.state + here));
        const Pack<Scalar> passed = g * kernels::load(room.decays + at);
        add(room.db + at, g, input);
        add(room.dc + at, slope, kernels::load(room.states + at));
        inputs = multiply_add<Scalar>(g, Pack<Scalar>(b[s]), inputs);
        kernels::store(room.state + here, passed);
        if (t == 0) continue;  // h_{-1} = 0
        const Pack<Scalar> e = passed * kernels::load(room.states + at - size);
        decays = multiply_add<Scalar>(e, load(scan.a.row(s) + i), decays);
        store(to.da.row(s) + i, multiply_add<Scalar>(e, delta, load(to.da.row(s) + i)));
      }
      store(to.du.row(row) + i, multiply_add<Scalar>(inputs, delta, skip * slope));
      store(to.ddelta.row(row) + i, multiply_add<Scalar>(inputs, u, decays));
    }
  });
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t s = 0; s < states; ++s) {
      to.db.row(scan.row(t))[s] =
          sum_of_lanes(kernels::load(room.db + t * size + s * lanes<Scalar>));
      to.dc.row(scan.row(t))[s] =
          sum_of_lanes(kernels::load(room.dc + t * size + s * lanes<Scalar>));
    }
}

}  // namespace kernels
}  // namespace spat
