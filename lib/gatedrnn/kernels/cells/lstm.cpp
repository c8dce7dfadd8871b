// Long short-term memory.

#include <limits>

#include "../sequence.h"

namespace {

template <class T>
struct Lstm : Step<T> {  // i, f, o = σ(·); g = tanh(·); c' = f c + i g; h' = o tanh(c')
  static constexpr bool CELL = true;
  static constexpr int ALL = 4, BLOCKS = 4;  // gate blocks of the weights, and of da
  static constexpr int GATES = 4, UNITS = 1;  // of this pass, and vectors of units in a tile
  static constexpr std::array<int, 4> ORDER{0, 1, 2, 3};  // gate blocks as they stand in da
  using First = Lstm;
  using V = Vec<T>;

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
};

const gatedrnn::Entry lstm("lstm", kernel<Lstm>());

}  // namespace
