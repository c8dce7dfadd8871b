// The cells: what one time step makes of its pre-activations, forward and backward. Nothing else differs between them.
//
// Letters as in matched.cpp. Introduced in the chapters architecture/anatomy (equations) and performance/cost.

#pragma once

#include <array>
#include <limits>

#include "product.h"

namespace {

// ---- memory of one call ---------------------------------------------------------------------------------------------

template <class T>
struct Sequence {
  int64_t B, H;
  T* gates;      // (T, B, G H): W x + b on entry, the gates where they are kept
  T* h;          // (T + 1, B, H), the initial state first
  T* c;          // LSTM: (T + 1, B, H), or (1, B, H) where nothing is kept
  int64_t next_c;  // distance of two steps in c
  T* inner;      // GRU: U_n h + b'_n, (T, B, H), or nothing; reset before: r h, (T, B, H), or (1, B, H)
  int64_t next_inner;  // distance of two steps in inner
  const T* bias;  // GRU: b'_n
  const T* product;  // U h of this step, (B, G H), where a few steps are not worth packing U; else nothing
  const int64_t* ends;  // (B,): true length of each sequence
  T* last_c;     // LSTM: c at the true end, (B, H), or its gradient
  const T* outer;  // gradient of h from outside, (T, B, H)
  T* da;         // gradients of the pre-activations, (T, B, wide)
  int64_t wide;  // distance of two rows of da
  T* carried;    // (B, H): LSTM dc, GRU the part of dh that passes by the gates
};

// ---- the cells: nothing else differs -------------------------------------------------------------------------------

template <class T>
struct Lstm {  // i, f, o = σ(·); g = tanh(·); c' = f c + i g; h' = o tanh(c')
  static constexpr int ALL = 4, BLOCKS = 4;  // gate blocks of the weights, and of da
  static constexpr int GATES = 4, FIRST = 0, UNITS = 1;  // of this pass
  static constexpr std::array<int, 4> ORDER{0, 1, 2, 3};  // gate blocks as they stand in da
  static constexpr int BACK = 0, LATER = 1;  // first block of da that the backward pass reads, and how many steps later
  using First = Lstm;
  using Second = void;
  using V = Vec<T>;

  static const T* source(const Sequence<T>& s, int64_t t) {  // what is multiplied by U, (B, H)
    return s.h + t * s.B * s.H;
  }

  static V start(const Sequence<T>& s, const T* gates, int gate, int64_t u, int64_t count) {
    return load(gates + gate * s.H + u, count);
  }

  template <bool KEEP, class Sums>
  static void forward(const Sequence<T>& s, const Sums& a, T* gates, int64_t t, int64_t b, int64_t u, int64_t count) {
    const int64_t at = b * s.H + u;
    const V i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
    const V c = at::vec::fmadd(f, load(s.c + t * s.next_c + at, count), i * g);
    store(s.c + (t + 1) * s.next_c + at, c, count);
    if (t + 1 == s.ends[b]) store(s.last_c + at, c, count);
    store(s.h + (t + 1) * s.B * s.H + at, o * tanh(c), count);
    if constexpr (KEEP) {
      store(gates + u, i, count);
      store(gates + s.H + u, f, count);
      store(gates + 2 * s.H + u, g, count);
      store(gates + 3 * s.H + u, o, count);
    }
  }

  static void backward(const Sequence<T>& s, V dh, const T* gates, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
    const int64_t at = b * s.H + u, step = s.B * s.H;
    const V i = load(gates + u, count), f = load(gates + s.H + u, count);
    const V g = load(gates + 2 * s.H + u, count), o = load(gates + 3 * s.H + u, count);
    const V least(std::numeric_limits<T>::min());
    const V tanh_c = load(s.h + (t + 1) * step + at, count) / at::vec::clamp_min(o, least);  // from h' = o tanh(c')
    const V before = load(s.c + t * step + at, count);
    const V later = load((t + 1 == s.ends[b] ? s.last_c : s.carried) + at, count);
    const V dc = at::vec::fmadd(dh * o, slope_of_tanh(tanh_c), later);
    store(da + u, dc * g * slope_of_sigmoid(i), count);
    store(da + s.H + u, dc * before * slope_of_sigmoid(f), count);
    store(da + 2 * s.H + u, dc * i * slope_of_tanh(g), count);
    store(da + 3 * s.H + u, dh * tanh_c * slope_of_sigmoid(o), count);
    store(s.carried + at, dc * f, count);
  }

  static V passed(const Sequence<T>&, int64_t, int64_t) {  // dh that does not come through the gates
    return V(0);
  }
};

template <class T>
struct Gru {  // r, z = σ(·); n = tanh(W_n x + b_n + r (U_n h + b'_n)); h' = (1 - z) n + z h
  static constexpr int ALL = 3, BLOCKS = 4;  // da: U_n h + b'_n, r, z, W_n x + b_n
  static constexpr int GATES = 3, FIRST = 0, UNITS = 1;
  static constexpr std::array<int, 3> ORDER{2, 0, 1};
  static constexpr int BACK = 0, LATER = 1;
  using First = Gru;
  using Second = void;
  using V = Vec<T>;

  static const T* source(const Sequence<T>& s, int64_t t) {
    return s.h + t * s.B * s.H;
  }

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

template <class T>
struct GruBefore {  // r, z = σ(·); n = tanh(W_n x + U_n (r h) + b); h' = (1 - z) n + z h
  static constexpr int ALL = 3, BLOCKS = 3;  // da: r, z, n
  using V = Vec<T>;

  struct First {  // r and z from h; backwards: dh from the r and z of the later step, then n and z
    static constexpr int GATES = 2, FIRST = 0, UNITS = 2;
    static constexpr std::array<int, 2> ORDER{0, 1};
    static constexpr int BACK = 0, LATER = 1;

    static const T* source(const Sequence<T>& s, int64_t t) {
      return s.h + t * s.B * s.H;
    }

    static V start(const Sequence<T>& s, const T* gates, int gate, int64_t u, int64_t count) {
      return load(gates + gate * s.H + u, count);
    }

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

  struct Second {  // n from r h; backwards: the gradient of r h from n, then r and the rest of dh
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

template <class T, bool RECTIFIED>
struct Plain {  // h' = tanh(·), or max(·, 0)
  static constexpr int ALL = 1, BLOCKS = 1;
  static constexpr int GATES = 1, FIRST = 0, UNITS = 4;
  static constexpr std::array<int, 1> ORDER{0};
  static constexpr int BACK = 0, LATER = 1;
  using First = Plain;
  using Second = void;
  using V = Vec<T>;

  static const T* source(const Sequence<T>& s, int64_t t) {
    return s.h + t * s.B * s.H;
  }

  static V start(const Sequence<T>&, const T* gates, int, int64_t u, int64_t count) {
    return load(gates + u, count);
  }

  template <bool KEEP, class Sums>
  static void forward(const Sequence<T>& s, const Sums& a, T*, int64_t t, int64_t b, int64_t u, int64_t count) {
    const V h = RECTIFIED ? at::vec::clamp_min(a[0], V(0)) : tanh(a[0]);
    store(s.h + ((t + 1) * s.B + b) * s.H + u, h, count);
  }

  static void backward(const Sequence<T>& s, V dh, const T*, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
    const V h = load(s.h + ((t + 1) * s.B + b) * s.H + u, count);
    store(da + u, RECTIFIED ? V::blendv(dh, V(0), h <= V(0)) : dh * slope_of_tanh(h), count);
  }

  static V passed(const Sequence<T>&, int64_t, int64_t) {
    return V(0);
  }
};

template <class T>
using Rnn = Plain<T, false>;
template <class T>
using Relu = Plain<T, true>;

}  // namespace
