// A cell over whole sequences, forward and backward: all that the cells share.
//
// The work of one time step is a matrix product and the gate arithmetic. Both happen in one pass here: a tile of
// pre-activations (all gates of a few units, for a few sequences) is accumulated in registers, turned into gates and
// states there, and stored once. The backward pass has the same shape: a tile of state gradients is accumulated, then
// turned into the gradients of the pre-activations. What is the same for all steps (inputs times W, the gradients of the
// weights) is one product each over many steps (product.h). A cell (cells/) says what one step makes of its
// pre-activations: most need one pass over their units at each step; a reset before the product needs two.
//
// Letters: T steps, B sequences, I inputs, H units, G gate blocks; W lanes of a vector. Weights as in torch.nn.
// Introduced in the chapter performance/cost.

#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <vector>

#include "product.h"
#include "registry.h"
#include "tile.h"

namespace {

using at::Tensor;
using gatedrnn::Factor, gatedrnn::Kernel, gatedrnn::few_rows, gatedrnn::pack_all, gatedrnn::product, gatedrnn::sum_rows;
constexpr int64_t PADDING = 32;  // numbers between two rows of gradients: rows a power of two apart share cache sets
constexpr int64_t FEW = 4;  // steps × sequences up to which packing W and U costs more than it saves,
constexpr int64_t ALONE = 16;  // and, for a single sequence, units for each step below which packing U does
constexpr int64_t CHUNK = 1 << 17;  // numbers projected at a time: half a megabyte, that the steps find in the second cache,
constexpr int64_t ROWS = 128;  // or so many rows of x

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

// ---- what most cells have in common ----------------------------------------------------------------------------------

template <class T>
struct Step {
  static constexpr bool CELL = false;   // whether a cell state c is carried beside h
  static constexpr bool APART = false;  // whether the last block keeps U h + b' apart from W x + b (two biases, four rows of da)
  static constexpr int FIRST = 0;       // gate block that this pass starts with
  static constexpr int BACK = 0, LATER = 1;  // first block of da that the backward pass reads, and how many steps later
  using Second = void;                  // the pass after this one
  using V = Vec<T>;

  static const T* source(const Sequence<T>& s, int64_t t) {  // what is multiplied by U, (B, H)
    return s.h + t * s.B * s.H;
  }

  static V start(const Sequence<T>& s, const T* gates, int gate, int64_t u, int64_t count) {
    return load(gates + gate * s.H + u, count);
  }

  static V passed(const Sequence<T>&, int64_t, int64_t) {  // dh that does not come through the gates
    return V(0);
  }
};

// ---- weights in the order in which the tiles read them -------------------------------------------------------------

// The rows of U (G H, H) that a pass needs, as panels: for each UNITS vectors of units, for each k, for each gate, W
// columns of Uᵀ; zeros fill the end.
template <class P, class T>
std::vector<T> pack_forward(const T* u, int64_t H) {
  constexpr int64_t W = LANES<T>, WIDTH = P::UNITS * W;
  const int64_t panels = (H + WIDTH - 1) / WIDTH;
  std::vector<T> packed(panels * H * P::GATES * WIDTH, T(0));
  for (int64_t unit = 0; unit < H; unit += WIDTH)
    for (int64_t gate = 0; gate < P::GATES; ++gate)
      turn(u + ((P::FIRST + gate) * H + unit) * H, H, packed.data() + unit * H * P::GATES + gate * WIDTH,
          P::GATES * WIDTH, std::min(WIDTH, H - unit), H);
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
#pragma GCC unroll 32
      for (int m = 0; m < ROWS; ++m) {
        const T* gates = s.gates + ((t - t0) * s.B + row + m) * C::ALL * H;
#pragma GCC unroll 8
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
#pragma GCC unroll 32
    for (int m = 0; m < ROWS; ++m) sum[m].fill(Vec<T>(0));
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
  const int64_t steps = x.size(0), B = x.size(1), H = u.size(1), G = C::ALL, last = (G - 1) * H;
  constexpr bool twice = !std::is_void_v<typename C::Second>;
  const Tensor flat = x.reshape({steps * B, x.size(2)}).contiguous(), input = w.contiguous(), recurrent = u.contiguous();
  Tensor bias = at::add(b, b2);
  if (C::APART) bias.slice(0, last).copy_(b.slice(0, last));
  const Tensor inner_bias = C::APART ? b2.slice(0, last).contiguous() : b2;
  Tensor hs = at::empty({steps + 1, B, H}, x.options());
  hs.select(0, 0).copy_(h0);
  Tensor cs = C::CELL ? at::empty({keep ? steps + 1 : 1, B, H}, x.options()) : Tensor();
  if (C::CELL) cs.select(0, 0).copy_(c0);
  Tensor last_c = at::empty({C::CELL ? B : 0, H}, x.options());
  const bool few = steps * B <= FEW;
  const bool unpacked = !twice && (few || (B == 1 && steps * ALONE <= H));  // what a second pass multiplies is not known before the step
  const int64_t chunk = std::clamp<int64_t>(std::max(CHUNK / (B * G * H), ROWS / B), 1, steps);
  Tensor gates = at::empty({(keep ? steps : chunk) * B, G * H}, x.options());
  Tensor inner = twice || (C::APART && keep) ? at::empty({keep ? steps : 1, B, H}, x.options()) : Tensor();
  const T *flat_at = flat.const_data_ptr<T>(), *input_at = input.const_data_ptr<T>(), *recurrent_at = recurrent.const_data_ptr<T>();
  const T* bias_at = bias.const_data_ptr<T>();
  const int64_t I = flat.size(1);
  const Factor<T> wt{input_at, I, true};
  const std::vector<T> projection = few ? std::vector<T>() : pack_all<T>(wt, I, G * H);
  const Packed<T> packed = unpacked ? Packed<T>() : pack<C, T>(recurrent_at, H, false);
  std::vector<T> from_h(unpacked ? B * G * H : 0);
  Sequence<T> s{};
  s.B = B, s.H = H;
  s.h = hs.mutable_data_ptr<T>();
  s.c = C::CELL ? cs.mutable_data_ptr<T>() : nullptr;
  s.next_c = keep ? B * H : 0;
  s.inner = inner.defined() ? inner.mutable_data_ptr<T>() : nullptr;
  s.next_inner = keep ? B * H : 0;
  s.bias = inner_bias.const_data_ptr<T>();
  s.ends = ends.const_data_ptr<int64_t>();
  s.last_c = last_c.mutable_data_ptr<T>();
  const auto run_steps = keep ? &forward_steps<C, T, true> : &forward_steps<C, T, false>;
  for (int64_t t0 = 0; t0 < steps; t0 += chunk) {
    const int64_t t1 = std::min(steps, t0 + chunk);
    const T* part = flat_at + t0 * B * I;
    s.gates = gates.mutable_data_ptr<T>() + (keep ? t0 * B * G * H : 0);
    if (few)
      few_rows<T>(part, input_at, bias_at, 0, s.gates, (t1 - t0) * B, G * H, I);
    else
      product<T>({part, I}, wt, projection.data(), bias_at, s.gates, G * H, (t1 - t0) * B, G * H, I);
    if (unpacked) {
      s.product = from_h.data();
      for (int64_t t = t0; t < t1; ++t) {
        few_rows<T>(s.h + t * B * H, recurrent_at, nullptr, 0, from_h.data(), B, G * H, H);
        Sequence<T> one = s;
        one.gates += (t - t0) * B * G * H;
        run_steps(one, packed, t, t + 1, 0, B);
      }
      continue;
    }
    over_batch(B, (t1 - t0) * G * H * H, [&](int64_t b0, int64_t b1) { run_steps(s, packed, t0, t1, b0, b1); });
  }
  const auto nothing = [&] { return at::empty({0}, x.options()); };  // no two results may be one tensor
  if (!keep) return {hs, last_c, nothing(), nothing(), nothing()};
  return {hs, last_c, C::CELL ? cs : nothing(), gates, inner.defined() ? inner : nothing()};
}

template <class C, class T>
std::vector<Tensor> backward(
    const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs, const Tensor& cs,
    const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx) {
  const int64_t steps = x.size(0), B = x.size(1), H = u.size(1), G = C::ALL, last = (G - 1) * H;
  constexpr bool twice = !std::is_void_v<typename C::Second>;
  const Tensor outer = dhs.contiguous(), recurrent = u.contiguous();
  const int64_t wide = C::BLOCKS * H + PADDING;
  const Tensor rows = at::empty({steps * B, wide}, x.options()), end_dc = dc.contiguous();
  Tensor carried = at::zeros({B, H}, x.options());
  Tensor dh0 = at::empty({B, H}, x.options());
  const Packed<T> packed = pack<C, T>(recurrent.const_data_ptr<T>(), H, true);
  Sequence<T> s{};
  s.B = B, s.H = H;
  s.gates = const_cast<T*>(gates.const_data_ptr<T>());  // read only
  s.h = const_cast<T*>(hs.const_data_ptr<T>());
  s.c = C::CELL ? const_cast<T*>(cs.const_data_ptr<T>()) : nullptr;
  s.inner = C::APART || twice ? const_cast<T*>(inner.const_data_ptr<T>()) : nullptr;
  s.next_inner = B * H;
  s.outer = outer.const_data_ptr<T>();
  s.ends = ends.const_data_ptr<int64_t>();
  s.last_c = const_cast<T*>(end_dc.const_data_ptr<T>());
  s.da = rows.mutable_data_ptr<T>();
  s.wide = wide;
  s.carried = carried.mutable_data_ptr<T>();
  T* to = dh0.mutable_data_ptr<T>();
  over_batch(B, steps * G * H * H, [&](int64_t b0, int64_t b1) { backward_steps<C, T>(s, packed, to, steps, b0, b1); });
  const int64_t I = x.size(2), N = steps * B, first = C::APART ? H : 0;  // rows stand as n of h, r, z, n of x
  const Tensor flat = x.reshape({N, I}).contiguous(), input = w.contiguous();
  const Factor<T> by_x{s.da + first, wide, true}, by_h{s.da, wide, true}, inputs{flat.const_data_ptr<T>(), I}, states{s.h, H};
  const auto empty = [&](at::IntArrayRef shape) { return at::empty(shape, x.options()); };
  const Tensor dw = empty({G * H, I}), du = empty({G * H, H}), db = empty({G * H}), db2 = C::APART ? empty({G * H}) : Tensor();
  product<T>(by_x, inputs, nullptr, nullptr, dw.mutable_data_ptr<T>(), I, G * H, I, N);
  sum_rows(by_x.data, wide, db.mutable_data_ptr<T>(), N, G * H);
  T* to_u = du.mutable_data_ptr<T>();
  if constexpr (C::APART) {
    product<T>({s.da + H, wide, true}, states, nullptr, nullptr, to_u, H, last, H, N);
    product<T>(by_h, states, nullptr, nullptr, to_u + last * H, H, H, H, N);
    db2.slice(0, 0, last).copy_(db.slice(0, 0, last));
    sum_rows(s.da, wide, db2.mutable_data_ptr<T>() + last, N, H);
  } else if constexpr (twice) {  // the last block of U met what the first pass made
    product<T>(by_h, states, nullptr, nullptr, to_u, H, last, H, N);
    product<T>({s.da + last, wide, true}, {s.inner, H}, nullptr, nullptr, to_u + last * H, H, H, H, N);
  } else {
    product<T>(by_h, states, nullptr, nullptr, to_u, H, G * H, H, N);
  }
  const Tensor dx = empty({needs_dx ? steps : 0, B, I});
  if (needs_dx)
    product<T>({by_x.data, wide}, {input.const_data_ptr<T>(), I}, nullptr, nullptr, dx.mutable_data_ptr<T>(), I, N, I, G * H);
  return {dx, dw, du, db, C::APART ? db2 : db.clone(), dh0, C::CELL ? carried : empty({0})};
}

template <template <class> class C>
std::vector<Tensor> forward_as(
    const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& b2, const Tensor& h0, const Tensor& c0,
    const Tensor& ends, bool keep) {
  return x.scalar_type() == at::kDouble ? forward<C<double>, double>(x, w, u, b, b2, h0, c0, ends, keep)
                                        : forward<C<float>, float>(x, w, u, b, b2, h0, c0, ends, keep);
}

template <template <class> class C>
std::vector<Tensor> backward_as(
    const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs, const Tensor& cs,
    const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx) {
  return dhs.scalar_type() == at::kDouble
      ? backward<C<double>, double>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx)
      : backward<C<float>, float>(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
}

template <template <class> class C>
Kernel kernel() {
  return {&forward_as<C>, &backward_as<C>};
}

}  // namespace
