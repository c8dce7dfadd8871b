// The plain recurrent network, with tanh or a rectifier.

#include "../sequence.h"

namespace {

template <class T, bool RECTIFIED>
struct Plain : Step<T> {  // h' = tanh(·), or max(·, 0)
  static constexpr int ALL = 1, BLOCKS = 1;
  static constexpr int GATES = 1, UNITS = 4;
  static constexpr std::array<int, 1> ORDER{0};
  using First = Plain;
  using V = Vec<T>;

  template <bool KEEP, class Sums>
  static void forward(const Sequence<T>& s, const Sums& a, T*, int64_t t, int64_t b, int64_t u, int64_t count) {
    const V h = RECTIFIED ? at::vec::clamp_min(a[0], V(0)) : tanh(a[0]);
    store(s.h + ((t + 1) * s.B + b) * s.H + u, h, count);
  }

  static void backward(const Sequence<T>& s, V dh, const T*, T* da, int64_t t, int64_t b, int64_t u, int64_t count) {
    const V h = load(s.h + ((t + 1) * s.B + b) * s.H + u, count);
    store(da + u, RECTIFIED ? V::blendv(dh, V(0), h <= V(0)) : dh * slope_of_tanh(h), count);
  }
};

template <class T>
using Rnn = Plain<T, false>;
template <class T>
using Relu = Plain<T, true>;

const gatedrnn::Entry rnn("rnn", kernel<Rnn>());
const gatedrnn::Entry relu("relu", kernel<Relu>());

}  // namespace
