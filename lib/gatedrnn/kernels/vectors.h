// Vectors of numbers as torch cuts them for this machine, σ and tanh of them, and the end of a row.

#pragma once

#include <ATen/cpu/vec/vec.h>

namespace {

template <class T>
using Vec = at::vec::Vectorized<T>;
template <class T>
constexpr int64_t LANES = Vec<T>::size();

// ---- σ and tanh from one exponential ------------------------------------------------------------------------------

// e^x = s (p + 1) with s = 2^n and p = e^r - 1, |r| ≤ ln 2 / 2 (Taylor, degree 7), for |x| ≤ 87; NaN stays NaN.
inline void split(Vec<float> x, Vec<float>& s, Vec<float>& p) {
  const Vec<float> magic(12582912.0f);  // 1.5 · 2^23: adding it rounds to whole numbers
  const Vec<float> shifted = at::vec::fmadd(x, Vec<float>(1.44269504f), magic);
  const Vec<float> n = shifted - magic;
  Vec<float> r = at::vec::fmadd(n, Vec<float>(-0.693145752f), x);
  r = at::vec::fmadd(n, Vec<float>(-1.42860677e-6f), r);
  Vec<float> q(1.0f / 5040);
  for (const float next : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f})
    q = at::vec::fmadd(q, r, Vec<float>(next));
  p = at::vec::fmadd(q * r, r, r);
  const auto bits = at::vec::cast<int32_t>(shifted);
  const at::vec::Vectorized<int32_t> exponent = (bits << at::vec::Vectorized<int32_t>(23)) + at::vec::Vectorized<int32_t>(127 << 23);
  s = at::vec::cast<float>(exponent);
}

inline Vec<float> sigmoid(Vec<float> x) {
  Vec<float> s, p;
  split(at::vec::clamp(x.neg(), Vec<float>(-87.0f), Vec<float>(87.0f)), s, p);
  return Vec<float>(1.0f) / (Vec<float>(1.0f) + at::vec::fmadd(s, p, s));
}

inline Vec<float> tanh(Vec<float> x) {  // (e^2x - 1) / (e^2x + 1): exact to the last bits near 0 too
  Vec<float> s, p;
  split(at::vec::clamp(x + x, Vec<float>(-40.0f), Vec<float>(40.0f)), s, p);
  const Vec<float> less = at::vec::fmadd(s, p, s - Vec<float>(1.0f));
  return less / (less + Vec<float>(2.0f));
}

inline Vec<double> sigmoid(Vec<double> x) {
  return Vec<double>(1.0) / (Vec<double>(1.0) + x.neg().exp());
}

inline Vec<double> tanh(Vec<double> x) {
  return x.tanh();
}

template <class V>
inline V slope_of_sigmoid(V y) {
  return y * (V(1) - y);
}

template <class V>
inline V slope_of_tanh(V y) {
  return at::vec::fnmadd(y, y, V(1));
}

// ---- vectors at the end of a row ----------------------------------------------------------------------------------

template <class T>
inline Vec<T> load(const T* from, int64_t count) {
  return count >= LANES<T> ? Vec<T>::loadu(from) : Vec<T>::loadu(from, count);
}

template <class T>
inline void store(T* to, Vec<T> value, int64_t count) {
  if (count >= LANES<T>)
    value.store(to);
  else
    value.store(to, count);
}

}  // namespace
