// Whole-sequence kernels for LSTM, GRU (reset after and before the product) and plain RNN (tanh, ReLU) on a CPU: one source.
//
// The work of one time step is a matrix product and the gate arithmetic. Both happen in one pass here: a tile of
// pre-activations (all gates of a few units, for a few sequences) is accumulated in registers, turned into gates and
// states there, and stored once. The backward pass has the same shape: a tile of state gradients is accumulated, then
// turned into the gradients of the pre-activations. What is the same for all steps (inputs times W, the gradients of the
// weights) is one product each over all steps, by the BLAS of torch. The cells share all but `Lstm`, `Gru`, `GruBefore`
// and `Plain`: most need one pass over their units at each step; a reset before the product needs two, one after another.
//
// Letters: T steps, B sequences, I inputs, H units, G gate blocks; W lanes of a vector. Weights as in torch.nn.
// Introduced in the chapter performance/cost.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/cpu/vec/vec.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace {

using at::Tensor;
template <class T>
using Vec = at::vec::Vectorized<T>;
template <class T>
constexpr int64_t LANES = Vec<T>::size();
constexpr int ACCUMULATORS = sizeof(Vec<float>) >= 64 ? 24 : 12;  // vector registers that a tile may fill
constexpr int64_t PADDING = 32;  // numbers between two rows of gradients: rows a power of two apart share cache sets
constexpr int64_t FEW = 4;  // steps × sequences up to which packing U costs more than it saves
constexpr int64_t CHUNK = 1 << 17;  // numbers projected at a time when nothing is kept: half a megabyte,
constexpr int64_t ROWS = 512;  // or so many rows of x: W is read once for all of them

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

// ---- the tile: ROWS sequences × COLUMNS vectors, accumulated over K ------------------------------------------------

template <class T, int ROWS, int COLUMNS>
using Tile = std::array<std::array<Vec<T>, COLUMNS>, ROWS>;

// sum += a (ROWS, K) · panel (K, COLUMNS · W). The sums are copied to a local, unrolled, so that they stay in registers.
template <class T, int ROWS, int COLUMNS>
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
      const Vec<T> one(a[m * stride + k]);
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

// ---- weights in the order in which the tiles read them -------------------------------------------------------------

// The rows of U (G H, H) that a pass needs, as panels: for each UNITS vectors of units, for each k, for each gate, W
// columns of Uᵀ; zeros fill the end.
template <class P, class T>
std::vector<T> pack_forward(const T* u, int64_t H) {
  constexpr int64_t W = LANES<T>, WIDTH = P::UNITS * W;
  const int64_t panels = (H + WIDTH - 1) / WIDTH;
  std::vector<T> packed(panels * H * P::GATES * WIDTH, T(0));
  for (int64_t unit = 0; unit < H; ++unit) {
    T* panel = packed.data() + unit / WIDTH * H * P::GATES * WIDTH + unit % WIDTH;
    for (int64_t gate = 0; gate < P::GATES; ++gate)
      for (int64_t k = 0; k < H; ++k) panel[(k * P::GATES + gate) * WIDTH] = u[((P::FIRST + gate) * H + unit) * H + k];
  }
  return packed;
}

// The same rows as panels of two vectors of columns, or one at the end where that is enough; rows in the order of da.
template <class P, class T>
std::vector<T> pack_backward(const T* u, int64_t H) {
  constexpr int64_t W = LANES<T>;
  std::vector<T> packed(P::GATES * H * ((H + W - 1) / W * W), T(0));
  T* to = packed.data();
  for (int64_t column = 0; column < H; column += 2 * W) {
    const int64_t width = H - column > W ? 2 * W : W;
    for (int64_t block : P::ORDER)
      for (int64_t row = 0; row < H; ++row, to += width)
        std::copy_n(u + (block * H + row) * H + column, std::min(width, H - column), to);
  }
  return packed;
}

template <class T>
using Packed = std::array<std::vector<T>, 2>;  // for each pass

template <class C, class T>
Packed<T> pack(const T* u, int64_t H, bool backward) {
  using Second = typename C::Second;
  const auto one = [&]<class P>(P*) { return backward ? pack_backward<P, T>(u, H) : pack_forward<P, T>(u, H); };
  Packed<T> packed{one(static_cast<typename C::First*>(nullptr)), {}};
  if constexpr (!std::is_void_v<Second>) packed[1] = one(static_cast<Second*>(nullptr));
  return packed;
}

// ---- all steps of some sequences -------------------------------------------------------------------------------------

// One pass of step t; t0 is the step that the gates of s start with.
template <class C, class P, class T, bool KEEP>
void forward_pass(const Sequence<T>& s, const std::vector<T>& packed, int64_t t, int64_t t0, int64_t b0, int64_t b1) {
  constexpr int64_t W = LANES<T>, WIDTH = P::UNITS * W;
  constexpr int COLUMNS = P::GATES * P::UNITS;
  const int64_t H = s.H;
  const T* from = P::source(s, t);
  for (int64_t u = 0; u < H; u += WIDTH) {
    const T* panel = packed.data() + u * H * P::GATES;
    over_rows<ACCUMULATORS / COLUMNS>(b0, b1, [&]<int ROWS>(int64_t row) {
      Tile<T, ROWS, COLUMNS> sum;
      for (int m = 0; m < ROWS; ++m) {
        const T* gates = s.gates + ((t - t0) * s.B + row + m) * C::ALL * H;
        for (int v = 0; v < COLUMNS; ++v) {
          const int64_t unit = u + v % P::UNITS * W, gate = v / P::UNITS;
          sum[m][v] = unit < H ? P::start(s, gates, gate, unit, H - unit) : Vec<T>(0);
          if (s.product && unit < H)
            sum[m][v] = sum[m][v] + load(s.product + ((row + m) * P::GATES + gate) * H + unit, H - unit);
        }
      }
      if (!s.product) multiply<T, ROWS, COLUMNS>(sum, from + row * H, H, panel, H);
      for (int m = 0; m < ROWS; ++m) {
        T* gates = s.gates + ((t - t0) * s.B + row + m) * C::ALL * H;
        for (int n = 0; n < P::UNITS && u + n * W < H; ++n) {
          std::array<Vec<T>, P::GATES> a;
          for (int g = 0; g < P::GATES; ++g) a[g] = sum[m][g * P::UNITS + n];
          P::template forward<KEEP>(s, a, gates, t, row + m, u + n * W, H - u - n * W);
        }
      }
    });
  }
}

template <class C, class T, bool KEEP>
void forward_steps(const Sequence<T>& s, const Packed<T>& packed, int64_t t0, int64_t t1, int64_t b0, int64_t b1) {
  for (int64_t t = t0; t < t1; ++t) {
    forward_pass<C, typename C::First, T, KEEP>(s, packed[0], t, t0, b0, b1);
    if constexpr (!std::is_void_v<typename C::Second>)
      forward_pass<C, typename C::Second, T, KEEP>(s, packed[1], t, t0, b0, b1);
  }
}

// Units u to u + COLUMNS · W of one pass of step t. The first pass of a step adds up dh; at t = -1 that is all.
template <class C, class P, class T, int COLUMNS>
void backward_panel(
    const Sequence<T>& s, const T* panel, T* dh0, int64_t t, int64_t steps, int64_t u, int64_t b0, int64_t b1) {
  constexpr int64_t W = LANES<T>;
  constexpr bool ADDS_UP = std::is_same_v<P, typename C::First>;
  const int64_t H = s.H, wide = s.wide;
  const bool follows = t + P::LATER < steps;
  const T* from = s.da + (t + P::LATER) * s.B * wide + P::BACK * H;
  over_rows<ACCUMULATORS / COLUMNS>(b0, b1, [&]<int ROWS>(int64_t row) {
    Tile<T, ROWS, COLUMNS> sum;
    for (auto& each : sum) each.fill(Vec<T>(0));
    if (follows) multiply<T, ROWS, COLUMNS>(sum, from + row * wide, wide, panel, P::GATES * H);
    for (int m = 0; m < ROWS; ++m)
      for (int n = 0; n < COLUMNS && u + n * W < H; ++n) {
        const int64_t b = row + m, unit = u + n * W, count = H - unit, at = b * H + unit;
        Vec<T> d = sum[m][n];
        if constexpr (ADDS_UP) {
          if (follows) d = d + P::passed(s, at, count);
          if (t < 0) {
            store(dh0 + at, d, count);
            continue;
          }
          d = d + load(s.outer + t * s.B * H + at, count);
        }
        P::backward(s, d, s.gates + (t * s.B + b) * C::ALL * H, s.da + (t * s.B + b) * wide, t, b, unit, count);
      }
  });
}

template <class C, class P, class T>
void backward_pass(
    const Sequence<T>& s, const std::vector<T>& packed, T* dh0, int64_t t, int64_t steps, int64_t b0, int64_t b1) {
  constexpr int64_t W = LANES<T>;
  for (int64_t u = 0; u < s.H; u += 2 * W) {
    const T* panel = packed.data() + u * P::GATES * s.H;
    if (s.H - u > W)
      backward_panel<C, P, T, 2>(s, panel, dh0, t, steps, u, b0, b1);
    else
      backward_panel<C, P, T, 1>(s, panel, dh0, t, steps, u, b0, b1);
  }
}

template <class C, class T>
void backward_steps(const Sequence<T>& s, const Packed<T>& packed, T* dh0, int64_t steps, int64_t b0, int64_t b1) {
  for (int64_t t = steps - 1; t >= -1; --t) {
    backward_pass<C, typename C::First, T>(s, packed[0], dh0, t, steps, b0, b1);
    if constexpr (!std::is_void_v<typename C::Second>)
      if (t >= 0) backward_pass<C, typename C::Second, T>(s, packed[1], dh0, t, steps, b0, b1);
  }
}

// ---- one call ----------------------------------------------------------------------------------------------------------

template <class Body>
void over_batch(int64_t B, int64_t work, const Body& body) {
  const int64_t enough = 1 << 15;  // multiplications worth a thread of their own
  const int64_t grain = std::max<int64_t>(1, std::min<int64_t>(B, (enough + work - 1) / std::max<int64_t>(1, work)));
  at::parallel_for(0, B, grain, body);
}

template <class C, class T>
std::vector<Tensor> forward(
    const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& b2, const Tensor& h0, const Tensor& c0,
    const Tensor& ends, bool keep) {
  const int64_t steps = x.size(0), B = x.size(1), H = u.size(1), G = C::ALL;
  const bool lstm = std::is_same_v<C, Lstm<T>>, gru = std::is_same_v<C, Gru<T>>, before = std::is_same_v<C, GruBefore<T>>;
  const Tensor flat = x.reshape({steps * B, x.size(2)}), wt = w.t();
  Tensor bias = b + b2;
  if (gru) bias.slice(0, 2 * H).copy_(b.slice(0, 2 * H));
  const Tensor inner_bias = gru ? b2.slice(0, 2 * H).contiguous() : b2;
  Tensor hs = at::empty({steps + 1, B, H}, x.options());
  hs.select(0, 0).copy_(h0);
  Tensor cs = lstm ? at::empty({keep ? steps + 1 : 1, B, H}, x.options()) : Tensor();
  if (lstm) cs.select(0, 0).copy_(c0);
  Tensor last_c = at::empty({lstm ? B : 0, H}, x.options());
  const int64_t least = std::max(CHUNK / (B * G * H), ROWS / B);
  const int64_t chunk = keep ? steps : std::clamp<int64_t>(least, 1, steps);
  Tensor gates = at::empty({chunk * B, G * H}, x.options());
  Tensor inner = before || (gru && keep) ? at::empty({keep ? steps : 1, B, H}, x.options()) : Tensor();
  const bool few = steps * B <= FEW && !before;  // r h is not known before the step
  const Tensor recurrent = u.contiguous();
  const Packed<T> packed = few ? Packed<T>() : pack<C, T>(recurrent.const_data_ptr<T>(), H, false);
  Tensor product = few ? at::empty({B, G * H}, x.options()) : Tensor();
  Sequence<T> s{};
  s.B = B, s.H = H;
  s.gates = gates.mutable_data_ptr<T>();
  s.h = hs.mutable_data_ptr<T>();
  s.c = lstm ? cs.mutable_data_ptr<T>() : nullptr;
  s.next_c = keep ? B * H : 0;
  s.inner = inner.defined() ? inner.mutable_data_ptr<T>() : nullptr;
  s.next_inner = keep ? B * H : 0;
  s.bias = inner_bias.const_data_ptr<T>();
  s.ends = ends.const_data_ptr<int64_t>();
  s.last_c = last_c.mutable_data_ptr<T>();
  const auto run_steps = keep ? &forward_steps<C, T, true> : &forward_steps<C, T, false>;
  for (int64_t t0 = 0; t0 < steps; t0 += chunk) {
    const int64_t t1 = std::min(steps, t0 + chunk);
    Tensor part = gates.narrow(0, 0, (t1 - t0) * B);
    at::addmm_out(part, bias, flat.narrow(0, t0 * B, (t1 - t0) * B), wt);
    if (few) {
      s.product = product.const_data_ptr<T>();
      for (int64_t t = t0; t < t1; ++t) {
        at::mm_out(product, hs.select(0, t), u.t());
        Sequence<T> one = s;
        one.gates += (t - t0) * B * G * H;
        run_steps(one, packed, t, t + 1, 0, B);
      }
      continue;
    }
    over_batch(B, (t1 - t0) * G * H * H, [&](int64_t b0, int64_t b1) {
      run_steps(s, packed, t0, t1, b0, b1);
    });
  }
  const Tensor nothing = x.new_empty({0});
  if (!keep) return {hs, last_c, nothing, nothing, nothing};
  return {hs, last_c, lstm ? cs : nothing, gates, inner.defined() ? inner : nothing};
}

template <class C, class T>
std::vector<Tensor> backward(
    const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs, const Tensor& cs,
    const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx) {
  const int64_t steps = x.size(0), B = x.size(1), H = u.size(1), G = C::ALL;
  const bool lstm = std::is_same_v<C, Lstm<T>>, gru = std::is_same_v<C, Gru<T>>, early = std::is_same_v<C, GruBefore<T>>;
  const Tensor outer = dhs.contiguous(), recurrent = u.contiguous();
  const int64_t wide = C::BLOCKS * H + PADDING;
  const Tensor rows = at::empty({steps * B, wide}, x.options()), last = dc.contiguous();
  Tensor carried = at::zeros({B, H}, x.options());
  Tensor dh0 = at::empty({B, H}, x.options());
  const Packed<T> packed = pack<C, T>(recurrent.const_data_ptr<T>(), H, true);
  Sequence<T> s{};
  s.B = B, s.H = H;
  s.gates = const_cast<T*>(gates.const_data_ptr<T>());  // read only
  s.h = const_cast<T*>(hs.const_data_ptr<T>());
  s.c = lstm ? const_cast<T*>(cs.const_data_ptr<T>()) : nullptr;
  s.inner = gru || early ? const_cast<T*>(inner.const_data_ptr<T>()) : nullptr;
  s.next_inner = B * H;
  s.outer = outer.const_data_ptr<T>();
  s.ends = ends.const_data_ptr<int64_t>();
  s.last_c = const_cast<T*>(last.const_data_ptr<T>());
  s.da = rows.mutable_data_ptr<T>();
  s.wide = wide;
  s.carried = carried.mutable_data_ptr<T>();
  T* to = dh0.mutable_data_ptr<T>();
  over_batch(B, steps * G * H * H, [&](int64_t b0, int64_t b1) { backward_steps<C, T>(s, packed, to, steps, b0, b1); });
  const Tensor before = hs.narrow(0, 0, steps).view({steps * B, H}), flat = x.reshape({steps * B, x.size(2)});
  const Tensor by_x = rows.narrow(1, gru ? H : 0, G * H), by_h = rows.narrow(1, 0, G * H);
  Tensor du = at::mm(by_h.t(), before), db = by_x.sum(0), db2 = gru ? by_h.sum(0) : db.clone();
  if (gru) {  // the rows stand as n, r, z
    du = at::cat({du.slice(0, H), du.slice(0, 0, H)});
    db2 = at::cat({db2.slice(0, H), db2.slice(0, 0, H)});
  }
  if (early) {  // U_n met r h
    const Tensor met = inner.view({steps * B, H});
    du.slice(0, 2 * H).copy_(at::mm(rows.narrow(1, 2 * H, H).t(), met));
  }
  const Tensor dx = needs_dx ? at::mm(by_x, w).view_as(x) : x.new_empty({0});
  return {dx, at::mm(by_x.t(), flat), du, db, db2, dh0, lstm ? carried : x.new_empty({0})};
}

template <template <class> class C, class... A>
std::vector<Tensor> forward_as(const Tensor& x, const A&... rest) {
  return x.scalar_type() == at::kDouble ? forward<C<double>, double>(x, rest...) : forward<C<float>, float>(x, rest...);
}

template <template <class> class C, class... A>
std::vector<Tensor> backward_as(const Tensor& dhs, const A&... rest) {
  return dhs.scalar_type() == at::kDouble ? backward<C<double>, double>(dhs, rest...) : backward<C<float>, float>(dhs, rest...);
}

std::vector<Tensor> run_forward(
    c10::string_view cell, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& b2, const Tensor& h0,
    const Tensor& c0, const Tensor& ends, bool keep) {
  if (cell == "lstm") return forward_as<Lstm>(x, w, u, b, b2, h0, c0, ends, keep);
  if (cell == "gru") return forward_as<Gru>(x, w, u, b, b2, h0, c0, ends, keep);
  if (cell == "gru_before") return forward_as<GruBefore>(x, w, u, b, b2, h0, c0, ends, keep);
  if (cell == "relu") return forward_as<Relu>(x, w, u, b, b2, h0, c0, ends, keep);
  return forward_as<Rnn>(x, w, u, b, b2, h0, c0, ends, keep);
}

std::vector<Tensor> run_backward(
    c10::string_view cell, const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs,
    const Tensor& cs, const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx) {
  if (cell == "lstm") return backward_as<Lstm>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
  if (cell == "gru") return backward_as<Gru>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
  if (cell == "gru_before") return backward_as<GruBefore>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
  if (cell == "relu") return backward_as<Relu>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
  return backward_as<Rnn>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
}

}  // namespace

TORCH_LIBRARY(gatedrnn, library) {
  library.def("forward(str cell, Tensor x, Tensor w, Tensor u, Tensor b, Tensor b2, Tensor h0, Tensor c0, Tensor ends, bool keep) -> Tensor[]");
  library.def(
      "backward(str cell, Tensor dhs, Tensor dc, Tensor x, Tensor w, Tensor u, Tensor hs, Tensor cs, Tensor gates, Tensor inner, "
      "Tensor ends, bool needs_dx) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(gatedrnn, CPU, library) {
  library.impl("forward", &run_forward);
  library.impl("backward", &run_backward);
}
