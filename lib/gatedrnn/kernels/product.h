// Large products, made of tiles (product.cpp): one over all steps, one of a few rows, and sums over rows.

#pragma once

#include <cstdint>
#include <vector>

namespace gatedrnn {

template <class T>
struct Factor {  // element (i, j) at data[i stride + j], or at data[i + j stride] where it is turned
  const T* data;
  int64_t stride;
  bool turned = false;
};

// All rows of b (K, N) as `product` reads them.
template <class T>
std::vector<T> pack_all(const Factor<T>& b, int64_t K, int64_t N);

// c (M, N), rows `next` apart = bias (N,) + a (M, K) · b (K, N). b as it lies, or all of it packed before.
template <class T>
void product(const Factor<T>& a, const Factor<T>& b, const T* packed, const T* bias, T* c, int64_t next, int64_t M, int64_t N,
    int64_t K);

// c (M, N) = start (M, N) + a (M, K) · bᵀ, with b (N, K) read once as it lies: packing it would cost more than the product.
// Each number is the sum of 16 chains, added in pairs, whatever the size of a vector.
template <class T>
void few_rows(const T* a, const T* b, const T* start, int64_t next_start, T* c, int64_t M, int64_t N, int64_t K);

// Sums over the rows of a (M, N), in chains no longer than those of a product.
template <class T>
void sum_rows(const T* a, int64_t stride, T* sums, int64_t M, int64_t N);

}  // namespace gatedrnn
