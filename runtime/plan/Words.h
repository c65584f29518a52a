//===- Words.h - Words of a launch and what they point to ----------*- C++ -*-===//
//
// Kernels read 64-bit words (KernelABI.h), many of which are addresses. While a plan is made, those that lead to data
// of the plan hold offsets; the plan adds the address once the data has its place in the memory of the device.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_PLAN_WORDS_H
#define ATTN_RUNTIME_PLAN_WORDS_H

#include <cstdint>
#include <cstring>
#include <vector>

namespace attn::rt {

/// Everything that words point to and the caller does not own, as one block. Every item lies at a multiple of 16 bytes.
class Constants {
public:
  /// The block begins with zeros, which empty tensors read as.
  explicit Constants(size_t zeros = 0) : bytes(zeros) {}

  /// Appends a copy; returns its offset.
  int64_t add(const void *data, size_t size) {
    size_t offset = (bytes.size() + 15) / 16 * 16;
    bytes.resize(offset + size);
    if (size)
      std::memcpy(bytes.data() + offset, data, size);
    return int64_t(offset);
  }
  template <typename T> int64_t add(const std::vector<T> &items) { return add(items.data(), items.size() * sizeof(T)); }

  const char *data() const { return bytes.data(); }
  size_t size() const { return bytes.size(); }

private:
  std::vector<char> bytes;
};

struct Words {
  std::vector<int64_t> values;
  std::vector<size_t> constants; ///< indices of words that are offsets into the constants
  std::vector<size_t> workspace; ///< of words that are offsets into the workspace

  Words() = default;
  explicit Words(size_t count) : values(count) {}

  void setConstant(size_t index, int64_t offset) {
    values[index] = offset;
    constants.push_back(index);
  }
  void setWorkspace(size_t index, int64_t offset) {
    values[index] = offset;
    workspace.push_back(index);
  }
  void append(const Words &more) {
    for (size_t index : more.constants)
      constants.push_back(values.size() + index);
    for (size_t index : more.workspace)
      workspace.push_back(values.size() + index);
    values.insert(values.end(), more.values.begin(), more.values.end());
  }
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_WORDS_H
