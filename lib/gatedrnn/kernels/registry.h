// Where the kernel of each cell is found by its name: a cell's own file enters it, and no other file knows of it.

#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace gatedrnn {

using at::Tensor;

struct Kernel {
  std::vector<Tensor> (*forward)(
      const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& b, const Tensor& b2, const Tensor& h0, const Tensor& c0,
      const Tensor& ends, bool keep);
  std::vector<Tensor> (*backward)(
      const Tensor& dhs, const Tensor& dc, const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& hs, const Tensor& cs,
      const Tensor& gates, const Tensor& inner, const Tensor& ends, bool needs_dx);
};

struct Entry {
  Entry(const std::string& cell, Kernel kernel);
};

}  // namespace gatedrnn
