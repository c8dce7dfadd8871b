// The light cells, forward alone: minGRU and minLSTM, whose gates hear the input alone, and FastGRNN, whose gate and
// candidate share their product. For timing on equal terms with the other cells; training goes through `gatedrnn.scan` and
// `gatedrnn.kernels.shared`. Lengths are not looked at.
//
// Introduced in the chapter outlook/lightweight.

#include "../sequence.h"

namespace {

// What a forward pass gives that keeps nothing: the states, and four results of other cells that these have not.
std::vector<Tensor> alone(const Tensor& hs) {
  const auto nothing = [&] { return at::empty({0}, hs.options()); };
  return {hs, nothing(), nothing(), nothing(), nothing()};
}

// ---- cells whose gates hear the input alone: nothing but a line a unit is left for the steps -----------------------------

template <class T>
Vec<T> positive(Vec<T> v) {  // x + 1/2 from 0 on, σ(x) below
  return Vec<T>::blendv(sigmoid(v), v + Vec<T>(T(0.5)), v >= Vec<T>(0));
}

template <class T>
struct MinGru {  // z = σ(·); n = g(·); h' = (1 - z) n + z h
  static constexpr int64_t ALL = 2;
  static Vec<T> next(const T* a, int64_t H, Vec<T> h, int64_t count) {
    const Vec<T> z = sigmoid(load(a, count)), n = positive<T>(load(a + H, count));
    return at::vec::fmadd(z, h - n, n);
  }
};

template <class T>
struct MinLstm {  // i, f = σ(·); c = g(·); h' = (f h + i c) / (f + i), for pre-activations within ± 87
  static constexpr int64_t ALL = 3;
  static Vec<T> next(const T* a, int64_t H, Vec<T> h, int64_t count) {
    const Vec<T> i = sigmoid(load(a, count)), f = sigmoid(load(a + H, count)), c = positive<T>(load(a + 2 * H, count));
    return at::vec::fmadd(f, h, i * c) / (f + i);
  }
};

template <class C, class T>
std::vector<Tensor> minimal(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& h0) {
  const int64_t steps = x.size(0), B = x.size(1), I = x.size(2), H = h0.size(1), wide = C::ALL * H;
  const Tensor flat = x.reshape({steps * B, I}).contiguous(), input = w.contiguous(), bias = b.contiguous();
  const Tensor hs = at::empty({steps + 1, B, H}, x.options());
  hs.select(0, 0).copy_(h0);
  const bool few = steps * B <= FEW;
  const int64_t chunk = std::clamp<int64_t>(std::max(CHUNK / (B * wide), ROWS / B), 1, steps);
  const Tensor gates = at::empty({chunk * B, wide}, x.options());
  const Factor<T> wt{input.const_data_ptr<T>(), I, true};
  const std::vector<T> packed = few ? std::vector<T>() : pack_all<T>(wt, I, wide);
  T *a = gates.mutable_data_ptr<T>(), *h = hs.mutable_data_ptr<T>();
  for (int64_t t0 = 0; t0 < steps; t0 += chunk) {
    const int64_t t1 = std::min(steps, t0 + chunk), rows = (t1 - t0) * B;
    const T* part = flat.const_data_ptr<T>() + t0 * B * I;
    if (few)
      few_rows<T>(part, wt.data, bias.const_data_ptr<T>(), 0, a, rows, wide, I);
    else
      product<T>({part, I}, wt, packed.data(), bias.const_data_ptr<T>(), a, wide, rows, wide, I);
    for (int64_t row = 0; row < rows; ++row) {  // of step t0 + row / B
      T* old = h + (t0 * B + row) * H;
      for (int64_t u = 0; u < H; u += LANES<T>)
        store(old + B * H + u, C::next(a + row * wide + u, H, load(old + u, H - u), H - u), H - u);
    }
  }
  return alone(hs);
}

// ---- FastGRNN ---------------------------------------------------------------------------------------------------------

template <class T>
struct Shared : Step<T> {  // z = σ(a + b_z); n = tanh(a + b_n); h' = (ζ (1 - z) + ν) n + z h, where a = W x + U h
  static constexpr int ALL = 1, BLOCKS = 1;
  static constexpr int GATES = 1, UNITS = 4;
  static constexpr std::array<int, 1> ORDER{0};
  using First = Shared;
  using V = Vec<T>;

  template <bool KEEP, class Sums>
  static void forward(const Sequence<T>& s, const Sums& a, T*, int64_t t, int64_t b, int64_t u, int64_t count) {
    const int64_t at = (t * s.B + b) * s.H + u;
    const V z = sigmoid(a[0] + load(s.bias + u, count)), n = tanh(a[0] + load(s.bias + s.H + u, count));
    const V share(s.carried[0]), rest(s.carried[0] + s.carried[1]);  // ζ and ζ + ν
    const V written = (rest - share * z) * n;
    store(s.h + at + s.B * s.H, at::vec::fmadd(z, load(s.h + at, count), written), count);
  }
};

template <class T>
std::vector<Tensor> shared(const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& numbers, const Tensor& h0) {
  using C = Shared<T>;
  const int64_t steps = x.size(0), B = x.size(1), I = x.size(2), H = h0.size(1);
  const Tensor flat = x.reshape({steps * B, I}).contiguous(), input = w.contiguous(), recurrent = u.contiguous();
  const Tensor bias = b.contiguous(), both = numbers.contiguous(), gates = at::empty({steps * B, H}, x.options());
  const Tensor hs = at::empty({steps + 1, B, H}, x.options());
  hs.select(0, 0).copy_(h0);
  const Factor<T> wt{input.const_data_ptr<T>(), I, true};
  const bool few = steps * B <= FEW, unpacked = few || (B == 1 && steps * ALONE <= H);
  const Packed<T> packed = unpacked ? Packed<T>() : pack<C, T>(recurrent.const_data_ptr<T>(), H, false);
  std::vector<T> from_h(unpacked ? B * H : 0);
  Sequence<T> s{};
  s.B = B, s.H = H;
  s.h = hs.mutable_data_ptr<T>();
  s.gates = gates.mutable_data_ptr<T>();
  s.bias = bias.const_data_ptr<T>();
  s.carried = const_cast<T*>(both.const_data_ptr<T>());  // read only
  if (few)
    few_rows<T>(flat.const_data_ptr<T>(), wt.data, nullptr, 0, s.gates, steps * B, H, I);
  else
    product<T>({flat.const_data_ptr<T>(), I}, wt, pack_all<T>(wt, I, H).data(), nullptr, s.gates, H, steps * B, H, I);
  if (!unpacked) {
    over_batch(B, steps * H * H, [&](int64_t b0, int64_t b1) { forward_steps<C, T, false>(s, packed, 0, steps, b0, b1); });
    return alone(hs);
  }
  s.product = from_h.data();
  for (int64_t t = 0; t < steps; ++t) {  // packing U would cost more than it saves
    few_rows<T>(s.h + t * B * H, recurrent.const_data_ptr<T>(), nullptr, 0, from_h.data(), B, H, H);
    Sequence<T> one = s;
    one.gates += t * B * H;
    forward_steps<C, T, false>(one, packed, t, t + 1, 0, B);
  }
  return alone(hs);
}

// ---- as the other kernels are called: c0 holds σ(ζ) and σ(ν) of a FastGRNN -----------------------------------------------

template <template <class> class C>
std::vector<Tensor> forward_minimal(
    const Tensor& x, const Tensor& w, const Tensor&, const Tensor& b, const Tensor&, const Tensor& h0, const Tensor&,
    const Tensor&, bool) {
  return x.scalar_type() == at::kDouble ? minimal<C<double>, double>(x, w, b, h0) : minimal<C<float>, float>(x, w, b, h0);
}

std::vector<Tensor> forward_shared(
    const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor&, const Tensor& h0, const Tensor& c0,
    const Tensor&, bool) {
  return x.scalar_type() == at::kDouble ? shared<double>(x, w, u, b, c0, h0) : shared<float>(x, w, u, b, c0, h0);
}

std::vector<Tensor> no_backward(
    const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
    const Tensor&, const Tensor&, bool) {
  TORCH_CHECK_NOT_IMPLEMENTED(false, "a light cell has no compiled backward pass");
}

const gatedrnn::Entry mingru("mingru", {&forward_minimal<MinGru>, &no_backward});
const gatedrnn::Entry minlstm("minlstm", {&forward_minimal<MinLstm>, &no_backward});
const gatedrnn::Entry fastgrnn("fastgrnn", {&forward_shared, &no_backward});

}  // namespace
