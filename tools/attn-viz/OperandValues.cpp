//===- OperandValues.cpp - The values of an operand -----------------------===//
#include "tools/attn-viz/OperandValues.h"

#include "attn/attn.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace attn;
using attn::spec::Operand;
using attn::tool::Array;

static int32_t dtypeOf(spec::Dtype dtype) {
  static const int32_t ids[] = {ATTN_BOOL, ATTN_I8, ATTN_I32, ATTN_I64, ATTN_F32, ATTN_F16, ATTN_BF16};
  return ids[int(dtype)];
}

static std::string checkArray(const Operand &declared, const std::vector<int64_t> &shape, const Array &array) {
  if (array.dtype != dtypeOf(declared.dtype))
    return std::string("expected dtype ") + spec::dtypeNames[int(declared.dtype)];
  if (array.shape.size() != shape.size())
    return "expected rank " + std::to_string(shape.size()) + ", got " + std::to_string(array.shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    auto *name = std::get_if<std::string>(&declared.shape[i]);
    bool atLeast = name && (*name == "q_len" || *name == "kv_len" || *name == "layers" || *name == "batch");
    if (atLeast ? array.shape[i] < shape[i] : array.shape[i] != shape[i])
      return "dimension " + std::to_string(i) + " must be " + (atLeast ? "at least " : "") + std::to_string(shape[i]) +
             ", got " + std::to_string(array.shape[i]);
  }
  bool isBoolean = declared.domain == spec::Domain::Boolean || declared.dtype == spec::Dtype::Bool;
  int64_t last = array.shape.empty() ? 1 : array.shape.back();
  for (int64_t i = 0; i < array.size(); ++i) {
    if (isBoolean && array.at(i) != 0 && array.at(i) != 1)
      return "must hold 0 and 1 only";
    if (declared.domain == spec::Domain::Sorted && i % last && array.at(i) < array.at(i - 1))
      return "must not decrease along the last dimension";
  }
  return "";
}

/// Reads a list into an array of that shape.
static std::string readList(const std::string &text, Array &array) {
  int64_t next = 0;
  auto put = [&](double value) {
    if (next < array.size())
      array.set(next, value);
    ++next;
  };
  llvm::SmallVector<llvm::StringRef> items;
  llvm::StringRef(text).split(items, ',');
  for (llvm::StringRef item : items) {
    auto [first, count] = item.trim().split('*');
    auto [low, high] = item.trim().split("..");
    int64_t from, to;
    double value;
    if (high.empty() && llvm::to_float(first, value) && std::abs(value) < 0x1p31) {
      if (!llvm::to_integer(count.empty() ? "1" : count, to, 10) || to < 0)
        return "expected a count after '*', got '" + item.str() + "'";
      for (int64_t i = 0; i < std::min(to, array.size() + 1); ++i)
        put(value);
    } else if (llvm::to_integer(low, from, 10) && llvm::to_integer(high, to, 10) && std::abs(double(to)) < 0x1p31) {
      for (int64_t i = from; i < to && next <= array.size(); ++i)
        put(double(i));
    } else {
      return "expected a file.npy or a list such as 0,1*10,3..8, got '" + item.str() + "'";
    }
  }
  if (next != array.size())
    return "expected " + std::to_string(array.size()) + " values, got " +
           (next > array.size() ? "more" : std::to_string(next));
  return "";
}

std::string viz::operandValues(const Operand &declared, const std::vector<int64_t> &shape, const std::string &given,
                               tool::Random &random, int64_t keys, mask::Environment::Tensor &tensor) {
  Array array;
  std::string problem;
  if (given.empty()) {
    array = random.operand(dtypeOf(declared.dtype), int32_t(declared.domain), shape, keys);
  } else if (llvm::StringRef(given).ends_with(".npy")) {
    if (problem = tool::readNpy(given, /*uint16IsBf16=*/false, array); !problem.empty())
      return problem;
  } else {
    array = Array::zeros(dtypeOf(declared.dtype), shape);
    problem = readList(given, array);
  }
  if (problem.empty())
    problem = checkArray(declared, shape, array);
  if (!problem.empty())
    return "operand '" + declared.name + "': " + problem;
  if (array.size() == 0) // as the runtime has it: indices are clamped, so there must be a first element
    array = Array::zeros(array.dtype, std::vector<int64_t>(shape.size(), 1));
  tensor.sizes = array.shape;
  for (int64_t i = 0; i < array.size(); ++i) {
    if (spec::isFloat(declared.dtype))
      tensor.reals.push_back(array.at(i));
    else
      tensor.data.push_back(int64_t(array.at(i)));
  }
  return "";
}

mask::Environment::Tensor viz::ownValues(const Operand &declared) {
  mask::Environment::Tensor tensor;
  tensor.sizes = declared.sizes;
  if (auto *reals = std::get_if<std::vector<double>>(&declared.values))
    tensor.reals = *reals;
  else
    tensor.data = std::get<std::vector<int64_t>>(declared.values);
  return tensor;
}
