// Gated recurrent unit, reset after the matrix product.

#include "../sequence.h"

namespace {

template <class T>
struct Gru : Step<T> {  // r, z = σ(·); n = tanh(W_n x + b_n + r (U_n h + b'_n)); h' = (1 - z) n + z h
  static constexpr bool APART = true;
  static constexpr int ALL = 3, BLOCKS = 4;  // da: U_n h + b'_n, r, z, W_n x + b_n
  static constexpr int GATES = 3, UNITS = 1;
  static constexpr std::array<int, 3> ORDER{2, 0, 1};
  using First = Gru;
  using V = Vec<T>;

  static V start(const Sequence<T>& s, const T* gates, int gate, int64_t u, int64_t count) {
    return gate < 2 ? load(gates + gate * s.H + u, count) : load(s.bias + u, count);
  }

  template <bool KEEP, class Sums>
  static void forward(const Sequence<T>& s, const Sums& a, T* gates, int64_t t, int64_t b, int64_t u, int64_t count) {
    const int64_t at = b * s.H + u, step = s.B * s.H;
    const V r = sigmoid(a[0]), z = sigmoid(a[1]);
    const V n = tanh(at::vec::fmadd(r, a[2], load(gates + 2 * s.H + u, count)));
    store(s.h + (t + 1) * step + at, at::vec::fmadd(z, load(s.h + t * step + at, count) - n, n), count);
    if constexpr (KEEP) {
      store(gates + u, r, count);
      store(gates + s.H + u, z, count);
      store(gates + 2 * s.H + u, n, count);
      store(s.inner + t * step + at, a[2], count);
    }
  }

  static void backward(const Sequence<T>& s, V dh, const T* gates, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
    const int64_t at = b * s.H + u, step = s.B * s.H;
    const V r = load(gates + u, count), z = load(gates + s.H + u, count), n = load(gates + 2 * s.H + u, count);
    const V outer = dh * (V(1) - z) * slope_of_tanh(n);
    store(da + u, outer * r, count);
    store(da + s.H + u, outer * load(s.inner + t * step + at, count) * slope_of_sigmoid(r), count);
    store(da + 2 * s.H + u, dh * (load(s.h + t * step + at, count) - n) * slope_of_sigmoid(z), count);
    store(da + 3 * s.H + u, outer, count);
    store(s.carried + at, dh * z, count);
  }

  static V passed(const Sequence<T>& s, int64_t at, int64_t count) {
    return load(s.carried + at, count);
  }
};

const gatedrnn::Entry gru("gru", kernel<Gru>());

}  // namespace
