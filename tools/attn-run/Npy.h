//===- Npy.h - NumPy array files -----------------------------------*- C++ -*-===//
//
// Reads and writes `.npy` files (format versions 1 to 3, C order, little endian) of the dtypes that the runtime takes.
// NumPy has no bf16: it is read from 2-byte void ("V2", what ml_dtypes writes) and written so; files of 16-bit unsigned
// integers are taken as bf16 on request. Files are untrusted: every size is checked.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_RUN_NPY_H
#define ATTN_TOOLS_ATTN_RUN_NPY_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn::tool {

/// A tensor that owns its data, in C order.
struct Array {
  int32_t dtype = 0; ///< attn_dtype
  std::vector<int64_t> shape;
  std::vector<char> data;

  int64_t size() const; ///< number of elements
  double at(int64_t index) const;
  void set(int64_t index, double value); ///< rounds to nearest even
  static Array zeros(int32_t dtype, std::vector<int64_t> shape);
};

/// Parses the bytes of a file. Returns an empty string, or what is wrong.
std::string parseNpy(std::string_view bytes, bool uint16IsBf16, Array &array);
std::string readNpy(const std::string &path, bool uint16IsBf16, Array &array);
std::string writeNpy(const std::string &path, const Array &array);

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_NPY_H
