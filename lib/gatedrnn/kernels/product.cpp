// Large products, made of tiles; product.h says what each function does.

#include "product.h"

#include <ATen/Parallel.h>

#include "tile.h"

namespace gatedrnn {

namespace {

constexpr int64_t DEEP = 192;  // longest chain of additions, then sums are added: more exact, and a panel stays in the first cache
constexpr int64_t BLOCK = 288;  // rows of a that meet all panels before the next

inline int64_t next_block(int64_t k, int64_t K) {  // chains of one length, or shorter by one
  const int64_t left = std::max<int64_t>(1, (K - k + DEEP - 1) / DEEP);
  return k + (K - k + left - 1) / left;
}

template <class T>
constexpr int64_t in_panels(int64_t columns) {  // columns, with the zeros at the end
  constexpr int64_t WIDTH = 2 * LANES<T>;
  return (columns + WIDTH - 1) / WIDTH * WIDTH;
}

// Rows k0 to k1 of b (K, N) as panels of 2 W columns; zeros fill the end.
template <class T>
void pack_block(const Factor<T>& b, int64_t k0, int64_t k1, int64_t N, T* packed) {
  constexpr int64_t WIDTH = 2 * LANES<T>;
  for (int64_t n = 0; n < N; n += WIDTH) {
    T* to = packed + n * (k1 - k0);
    const int64_t width = std::min(WIDTH, N - n);
    if (width < WIDTH) std::fill_n(to, (k1 - k0) * WIDTH, T(0));
    if (b.turned)
      turn(b.data + n * b.stride + k0, b.stride, to, WIDTH, width, k1 - k0);
    else
      for (int64_t k = k0; k < k1; ++k) std::copy_n(b.data + k * b.stride + n, width, to + (k - k0) * WIDTH);
  }
}

// A tile of c: = start + a · panel in the first block, += a · panel in later ones. FULL: all 2 W columns lie in c.
template <class T, bool TURNED, bool FULL, int ROWS>
inline void product_tile(const T* a, int64_t stride, const T* panel, const T* start, bool later, T* c, int64_t next, int64_t left,
    int64_t K) {
  constexpr int64_t W = LANES<T>;
  Tile<T, ROWS, 2> sum;
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[m][v] = FULL ? Vec<T>::loadu(start + v * W) : left > v * W ? load(start + v * W, left - v * W) : Vec<T>(0);
      __builtin_prefetch(c + m * next + v * W, 1);
    }
  multiply<T, ROWS, 2, TURNED>(sum, a, stride, panel, K);
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      if (!FULL && left <= v * W) continue;
      T* to = c + m * next + v * W;
      const int64_t count = FULL ? W : left - v * W;
      store(to, later ? sum[m][v] + load(to, count) : sum[m][v], count);
    }
}

template <class T, bool TURNED>
void blocked(const Factor<T>& a, const Factor<T>& b, const T* packed, const T* bias, T* c, int64_t next, int64_t M, int64_t N,
    int64_t K) {
  constexpr int64_t WIDTH = 2 * LANES<T>;
  const std::vector<T> zeros(N, T(0));
  std::vector<T> buffer(packed ? 0 : in_panels<T>(N) * std::min(K, DEEP));
  for (int64_t k0 = 0, k1; k0 < std::max<int64_t>(1, K); k0 = std::max<int64_t>(1, k1)) {
    k1 = next_block(k0, K);
    if (!packed) pack_block(b, k0, k1, N, buffer.data());
    const T* panels = packed ? packed + k0 * in_panels<T>(N) : buffer.data();
    const T* start = bias && !k0 ? bias : zeros.data();
    const int64_t grain = std::max<int64_t>(ACCUMULATORS / 2, (1 << 16) / std::max<int64_t>(1, N * (k1 - k0)));
    at::parallel_for(0, M, grain, [&](int64_t m0, int64_t m1) {
      for (int64_t block = m0; block < m1; block += BLOCK)
        for (int64_t n = 0; n < N; n += WIDTH)
          over_rows<ACCUMULATORS / 2>(block, std::min(block + BLOCK, m1), [&]<int ROWS>(int64_t row) {
            const auto tile = N - n >= WIDTH ? &product_tile<T, TURNED, true, ROWS> : &product_tile<T, TURNED, false, ROWS>;
            const T* from = TURNED ? a.data + k0 * a.stride + row : a.data + row * a.stride + k0;
            tile(from, a.stride, panels + n * (k1 - k0), start + n, k0 > 0, c + row * next + n, next, N - n, k1 - k0);
          });
    });
  }
}

}  // namespace

template <class T>
std::vector<T> pack_all(const Factor<T>& b, int64_t K, int64_t N) {
  std::vector<T> packed(K * in_panels<T>(N));
  for (int64_t k = 0; k < K; k = next_block(k, K)) pack_block(b, k, next_block(k, K), N, packed.data() + k * in_panels<T>(N));
  return packed;
}

template <class T>
void product(const Factor<T>& a, const Factor<T>& b, const T* packed, const T* bias, T* c, int64_t next, int64_t M, int64_t N,
    int64_t K) {
  (a.turned ? blocked<T, true> : blocked<T, false>)(a, b, packed, bias, c, next, M, N, K);
}

// ---- a few rows -------------------------------------------------------------------------------------------------------

template <class T>
void few_rows(const T* a, const T* b, const T* start, int64_t next_start, T* c, int64_t M, int64_t N, int64_t K) {
  constexpr int64_t CHAINS = 16, W = LANES<T>, VECTORS = CHAINS / W;
  const int64_t whole = K / CHAINS * CHAINS;
  for (int64_t m = 0; m < M; ++m)
    over_rows<4>(0, N, [&]<int ROWS>(int64_t n) {
      Tile<T, ROWS, VECTORS> sum;
      for (auto& each : sum) each.fill(Vec<T>(0));
      const auto add = [&](const T* left, const T* right, int64_t next) {
        for (int v = 0; v < VECTORS; ++v) {
          const Vec<T> one = Vec<T>::loadu(left + v * W);
          for (int r = 0; r < ROWS; ++r) sum[r][v] = at::vec::fmadd(one, Vec<T>::loadu(right + r * next + v * W), sum[r][v]);
        }
      };
      for (int64_t k = 0; k < whole; k += CHAINS) add(a + m * K + k, b + n * K + k, K);
      if (whole < K) {
        std::array<T, CHAINS * (ROWS + 1)> rest{};
        std::copy(a + m * K + whole, a + (m + 1) * K, rest.begin());
        for (int r = 0; r < ROWS; ++r) std::copy(b + (n + r) * K + whole, b + (n + r + 1) * K, &rest[(r + 1) * CHAINS]);
        add(rest.data(), rest.data() + CHAINS, CHAINS);
      }
      for (int r = 0; r < ROWS; ++r) {
        std::array<T, CHAINS> chains;
        for (int v = 0; v < VECTORS; ++v) sum[r][v].store(&chains[v * W]);
        for (int64_t half = CHAINS / 2; half > 0; half /= 2)
          for (int64_t i = 0; i < half; ++i) chains[i] += chains[i + half];
        c[m * N + n + r] = chains[0] + (start ? start[m * next_start + n + r] : T(0));
      }
    });
}

template <class T>
void sum_rows(const T* a, int64_t stride, T* sums, int64_t M, int64_t N) {
  std::fill_n(sums, N, T(0));
  for (int64_t m = 0; m < M; m = next_block(m, M))
    for (int64_t n = 0; n < N; n += 4 * LANES<T>) {
      std::array<Vec<T>, 4> chain;
      chain.fill(Vec<T>(0));
      const int64_t vectors = std::min<int64_t>(4, (N - n + LANES<T> - 1) / LANES<T>);
      for (int64_t row = m; row < next_block(m, M); ++row)
        for (int v = 0; v < vectors; ++v) chain[v] = chain[v] + load(a + row * stride + n + v * LANES<T>, N - n - v * LANES<T>);
      for (int v = 0; v < vectors; ++v) {
        T* to = sums + n + v * LANES<T>;
        const int64_t count = N - n - v * LANES<T>;
        store(to, load(to, count) + chain[v], count);
      }
    }
}

template std::vector<float> pack_all(const Factor<float>&, int64_t, int64_t);
template std::vector<double> pack_all(const Factor<double>&, int64_t, int64_t);
template void product(const Factor<float>&, const Factor<float>&, const float*, const float*, float*, int64_t, int64_t, int64_t, int64_t);
template void product(const Factor<double>&, const Factor<double>&, const double*, const double*, double*, int64_t, int64_t, int64_t, int64_t);
template void few_rows(const float*, const float*, const float*, int64_t, float*, int64_t, int64_t, int64_t);
template void few_rows(const double*, const double*, const double*, int64_t, double*, int64_t, int64_t, int64_t);
template void sum_rows(const float*, int64_t, float*, int64_t, int64_t);
template void sum_rows(const double*, int64_t, double*, int64_t, int64_t);

}  // namespace gatedrnn
