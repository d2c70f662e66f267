// A and dA of one attention call, row after row, put together from the tiles a criterion hears; and
// cut into tiles again.
#pragma once

#include <spat/kernels/tile.hpp>
#include <spat/nn/attention_events.hpp>

#include <vector>

namespace tests {

/// Rows are (sample, head, query): [samples * H * Lq x Lk]. Keys hidden from a whole tile stay 0.
template <class Scalar>
struct AttentionMaps {
  std::vector<spat::ForwardEvent<Scalar>> forward;
  std::vector<spat::BackwardEvent<Scalar>> backward;
  std::vector<Scalar> a, da;
  std::size_t module = 0, tiles = 0;

  void hear(const spat::ForwardEvent<Scalar>& event) { forward.push_back(event); }
  void hear(const spat::BackwardEvent<Scalar>& event) {
    backward.push_back(event);
    a.assign(event.samples * event.heads * event.query_tokens * event.memory_tokens, Scalar(0));
    da = a;
  }
  void hear(const spat::TileEvent<Scalar>& tile) {
    module = tile.module, ++tiles;
    const auto& call = backward.back();
    for (std::size_t j = 0; j < tile.a.rows; ++j)
      for (std::size_t i = 0; i < tile.a.cols; ++i) {
        const std::size_t row =
            (tile.sample * call.heads + tile.head) * call.query_tokens + tile.first_query + i;
        a[row * call.memory_tokens + j] = tile.a.row(j)[i];
        da[row * call.memory_tokens + j] = tile.da.row(j)[i];
      }
  }

  [[nodiscard]] spat::Rows<const Scalar> rows(const std::vector<Scalar>& map) const {
    const std::size_t cols = backward.back().memory_tokens;
    return {map.data(), map.size() / cols, cols};
  }
};

/// Tells a criterion of A and dA [samples * H * Lq x Lk], as attention's backward would.
template <class Criterion, class Scalar>
void tell(Criterion& criterion, const spat::AttentionCall& call, const Scalar* a,
          const Scalar* da) {
  spat::BackwardEvent<Scalar> event;
  static_cast<spat::AttentionCall&>(event) = call;
  criterion.hear(event);
  constexpr std::size_t width = spat::kernels::panel_width<Scalar>;
  const std::size_t lq = call.query_tokens, lk = call.memory_tokens;
  std::vector<Scalar> a_tile(lk * width), da_tile(lk * width);
  for (std::size_t s = 0; s < call.samples; ++s)
    for (std::size_t h = 0; h < call.heads; ++h)
      for (std::size_t first = 0; first < lq; first += width) {
        const std::size_t count = std::min(width, lq - first);
        for (std::size_t i = 0; i < count; ++i)
          for (std::size_t j = 0; j < lk; ++j) {
            const std::size_t at = ((s * call.heads + h) * lq + first + i) * lk + j;
            a_tile[j * width + i] = a[at], da_tile[j * width + i] = da[at];
          }
        criterion.hear(spat::TileEvent<Scalar>{call.module,
                                               call.part,
                                               s,
                                               h,
                                               first,
                                               {a_tile.data(), lk, count, width},
                                               {da_tile.data(), lk, count, width}});
      }
}

}  // namespace tests
