// The tile of a matrix product in registers, that all kernels share.
//
// Each number of a product is one chain of fused multiplications and additions, k = 0, 1, 2 …, whatever the size of a
// vector, of a cache or of a block, and however many threads share the work. So processors that round alike agree to the
// last bit; the libraries that torch carries choose their blocks, and with them their rounding, by maker and cache.
// Blocking as in Goto and van de Geijn (2008). Introduced in the chapter performance/cost.

#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "vectors.h"

namespace {

constexpr int ACCUMULATORS = sizeof(Vec<float>) >= 64 ? 24 : 12;  // vector registers that a tile may fill

// ---- the tile: ROWS sequences × COLUMNS vectors, accumulated over K ------------------------------------------------

template <class T, int ROWS, int COLUMNS>
using Tile = std::array<std::array<Vec<T>, COLUMNS>, ROWS>;

// sum += a (ROWS, K) · panel (K, COLUMNS · W); a(m, k) is a[m stride + k], or a[m + k stride] where it is turned. The
// sums are copied to a local, unrolled, so that they stay in registers.
template <class T, int ROWS, int COLUMNS, bool TURNED = false>
inline void multiply(Tile<T, ROWS, COLUMNS>& sum, const T* a, int64_t stride, const T* panel, int64_t K) {
  Tile<T, ROWS, COLUMNS> local;
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < COLUMNS; ++v) local[m][v] = sum[m][v];
  for (int64_t k = 0; k < K; ++k, panel += COLUMNS * LANES<T>) {
    std::array<Vec<T>, COLUMNS> b;
#pragma GCC unroll 8
    for (int v = 0; v < COLUMNS; ++v) b[v] = Vec<T>::loadu(panel + v * LANES<T>);
#pragma GCC unroll 32
    for (int m = 0; m < ROWS; ++m) {
      const Vec<T> one(TURNED ? a[k * stride + m] : a[m * stride + k]);
#pragma GCC unroll 8
      for (int v = 0; v < COLUMNS; ++v) local[m][v] = at::vec::fmadd(one, b[v], local[m][v]);
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < COLUMNS; ++v) sum[m][v] = local[m][v];
}

// Calls body.template operator()<ROWS>(first) for blocks of rows that differ by one at most.
template <int MOST, class Body>
inline void over_rows(int64_t begin, int64_t end, const Body& body) {
  const int64_t blocks = (end - begin + MOST - 1) / MOST;
  for (int64_t left = blocks, row = begin; left > 0; --left) {
    const int64_t rows = (end - row + left - 1) / left;
    [&]<int... N>(std::integer_sequence<int, N...>) {
      (void)((rows == N + 1 ? (body.template operator()<N + 1>(row), true) : false) || ...);
    }(std::make_integer_sequence<int, MOST>{});
    row += rows;
  }
}

// to (N, M) = from (M, N), turned: in small squares, so that a line of either is met once.
template <class T>
void turn(const T* from, int64_t next_from, T* to, int64_t next_to, int64_t M, int64_t N) {
  constexpr int64_t SIDE = 16;
  for (int64_t m = 0; m < M; m += SIDE)
    for (int64_t n = 0; n < N; n += SIDE)
      at::vec::transpose_mxn<T>(from + m * next_from + n, next_from, to + n * next_to + m, next_to,
          std::min(SIDE, M - m), std::min(SIDE, N - n));
}

}  // namespace
