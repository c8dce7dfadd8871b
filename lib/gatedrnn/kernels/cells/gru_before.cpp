// Gated recurrent unit, reset before the matrix product.

#include "../sequence.h"

namespace {

template <class T>
struct GruBefore : Step<T> {  // r, z = σ(·); n = tanh(W_n x + U_n (r h) + b); h' = (1 - z) n + z h
  static constexpr int ALL = 3, BLOCKS = 3;  // da: r, z, n
  using V = Vec<T>;

  struct First : Step<T> {  // r and z from h; backwards: dh from the r and z of the later step, then n and z
    static constexpr int GATES = 2, UNITS = 2;
    static constexpr std::array<int, 2> ORDER{0, 1};

    template <bool KEEP, class Sums>
    static void forward(const Sequence<T>& s, const Sums& a, T* gates, int64_t t, int64_t b, int64_t u, int64_t count) {
      const int64_t at = b * s.H + u;
      const V r = sigmoid(a[0]);
      store(s.inner + t * s.next_inner + at, r * load(s.h + t * s.B * s.H + at, count), count);
      store(gates + u, r, count);
      store(gates + s.H + u, sigmoid(a[1]), count);
    }

    static void backward(const Sequence<T>& s, V dh, const T* gates, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
      const int64_t at = b * s.H + u;
      const V z = load(gates + s.H + u, count), n = load(gates + 2 * s.H + u, count);
      store(da + s.H + u, dh * (load(s.h + t * s.B * s.H + at, count) - n) * slope_of_sigmoid(z), count);
      store(da + 2 * s.H + u, dh * (V(1) - z) * slope_of_tanh(n), count);
      store(s.carried + at, dh * z, count);
    }

    static V passed(const Sequence<T>& s, int64_t at, int64_t count) {
      return load(s.carried + at, count);
    }
  };

  struct Second : Step<T> {  // n from r h; backwards: the gradient of r h from n, then r and the rest of dh
    static constexpr int GATES = 1, FIRST = 2, UNITS = 4;
    static constexpr std::array<int, 1> ORDER{2};
    static constexpr int BACK = 2, LATER = 0;

    static const T* source(const Sequence<T>& s, int64_t t) {
      return s.inner + t * s.next_inner;
    }

    static V start(const Sequence<T>& s, const T* gates, int, int64_t u, int64_t count) {
      return load(gates + 2 * s.H + u, count);
    }

    template <bool KEEP, class Sums>
    static void forward(const Sequence<T>& s, const Sums& a, T* gates, int64_t t, int64_t b, int64_t u, int64_t count) {
      const int64_t at = b * s.H + u, step = s.B * s.H;
      const V z = load(gates + s.H + u, count), n = tanh(a[0]);
      store(s.h + (t + 1) * step + at, at::vec::fmadd(z, load(s.h + t * step + at, count) - n, n), count);
      if constexpr (KEEP) store(gates + 2 * s.H + u, n, count);
    }

    static void backward(const Sequence<T>& s, V drh, const T* gates, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
      const int64_t at = b * s.H + u;
      const V r = load(gates + u, count);
      store(da + u, drh * load(s.h + t * s.B * s.H + at, count) * slope_of_sigmoid(r), count);
      store(s.carried + at, at::vec::fmadd(drh, r, load(s.carried + at, count)), count);
    }
  };
};

const gatedrnn::Entry gru_before("gru_before", kernel<GruBefore>());

}  // namespace
