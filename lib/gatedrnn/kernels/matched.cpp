// The two operators through which torch reaches the kernels of all cells; each cell enters its own (registry.h).
//
// Introduced in the chapter performance/cost.

#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "registry.h"

namespace gatedrnn {

namespace {

std::map<std::string, Kernel>& kernels() {
  static std::map<std::string, Kernel> all;  // made by the first cell that enters, whatever the order of the files
  return all;
}

const Kernel& kernel_of(c10::string_view cell) {
  const auto found = kernels().find(std::string(cell));
  TORCH_CHECK_VALUE(found != kernels().end(), "cell = '", cell, "' is not allowed: it has no compiled kernel");
  return found->second;
}

std::vector<Tensor> forward(
    c10::string_view cell, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& b2, const Tensor& h0,
    const Tensor& c0, const Tensor& ends, bool keep) {
  const int64_t* end = ends.const_data_ptr<int64_t>();
  TORCH_CHECK_VALUE(
      std::all_of(end, end + ends.numel(), [&](int64_t each) { return 1 <= each && each <= x.size(0); }),
      "lengths is not allowed: whole numbers from 1 to ", x.size(0));
  return kernel_of(cell).forward(x, w, u, b, b2, h0, c0, ends, keep);
}

std::vector<Tensor> backward(
    c10::string_view cell, const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs,
    const Tensor& cs, const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx) {
  return kernel_of(cell).backward(dhs, dc, x, w, u, hs, cs, gates, inner, ends, needs_dx);
}

}  // namespace

Entry::Entry(const std::string& cell, Kernel kernel) {
  kernels()[cell] = kernel;
}

}  // namespace gatedrnn

TORCH_LIBRARY(gatedrnn, library) {
  library.def("forward(str cell, Tensor x, Tensor w, Tensor u, Tensor b, Tensor b2, Tensor h0, Tensor c0, Tensor ends, bool keep) -> Tensor[]");
  library.def(
      "backward(str cell, Tensor dhs, Tensor dc, Tensor x, Tensor w, Tensor u, Tensor hs, Tensor cs, Tensor gates, Tensor inner, "
      "Tensor ends, bool needs_dx) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(gatedrnn, CPU, library) {
  library.impl("forward", &gatedrnn::forward);
  library.impl("backward", &gatedrnn::backward);
}
