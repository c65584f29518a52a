//===- Npy.cpp - NumPy array files ---------------------------------*- C++ -*-===//

#include "tools/attn-run/Npy.h"

#include "attn/attn.h"

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

namespace attn::tool {
namespace {

struct Descr {
  const char *text;
  int32_t dtype;
};
/// The first entry of a dtype is what is written.
constexpr Descr kDescrs[] = {{"<f4", ATTN_F32}, {"<f2", ATTN_F16},  {"|V2", ATTN_BF16}, {"<V2", ATTN_BF16},
                             {"<f8", ATTN_F64}, {"|b1", ATTN_BOOL}, {"|i1", ATTN_I8},   {"<i1", ATTN_I8},
                             {"<i4", ATTN_I32}, {"<i8", ATTN_I64},  {"<b1", ATTN_BOOL}};

/// Reads the header, a Python dictionary literal such as
///   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  std::string run(std::string &descr, bool &fortran, std::vector<int64_t> &shape) {
    if (!take('{'))
      return "the header is not a dictionary";
    bool hasDescr = false, hasOrder = false, hasShape = false;
    while (!take('}')) {
      std::string key;
      if (!quoted(key) || !take(':'))
        return "the header is not a dictionary";
      bool read = false;
      if (key == "descr")
        read = hasDescr = quoted(descr);
      else if (key == "fortran_order")
        read = hasOrder = boolean(fortran);
      else if (key == "shape")
        read = hasShape = tuple(shape);
      if (!read)
        return "the header's '" + key + "' is not understood";
      take(',');
    }
    return hasDescr && hasOrder && hasShape ? "" : "the header lacks descr, fortran_order or shape";
  }

private:
  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n'))
      ++at;
  }
  bool take(char c) {
    skipSpace();
    bool here = at < text.size() && text[at] == c;
    at += here;
    return here;
  }
  bool quoted(std::string &value) {
    skipSpace();
    if (at >= text.size() || (text[at] != '\'' && text[at] != '"'))
      return false;
    size_t end = text.find(text[at], at + 1);
    if (end == std::string_view::npos)
      return false;
    value = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return true;
  }
  bool boolean(bool &value) {
    skipSpace();
    for (bool candidate : {false, true}) {
      std::string_view word = candidate ? "True" : "False";
      if (text.substr(at, word.size()) == word) {
        at += word.size();
        value = candidate;
        return true;
      }
    }
    return false;
  }
  bool tuple(std::vector<int64_t> &values) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skipSpace();
      int64_t value = 0;
      size_t start = at;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[at] - '0', &value))
          return false;
      if (at == start || values.size() == 8)
        return false;
      values.push_back(value);
      take(',');
    }
    return true;
  }

  std::string_view text;
  size_t at = 0;
};

uint64_t littleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | (unsigned char)bytes[i];
  return value;
}

/// Rounds to the nearest value with `fraction` bits of fraction and exponents from `minExponent`, ties to even.
double roundTo(double value, int fraction, int minExponent) {
  int exponent;
  if (value == 0 || !std::isfinite(value))
    return value;
  std::frexp(value, &exponent); // value = m * 2^exponent, 0.5 <= |m| < 1
  int unit = std::max(exponent - 1, minExponent) - fraction;
  return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

uint16_t toHalf(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value))
    return sign | 0x7e00;
  double magnitude = std::fabs(roundTo(value, 10, -14));
  if (magnitude > 65504)
    return sign | 0x7c00;
  int exponent;
  std::frexp(magnitude, &exponent);
  if (magnitude < 0x1p-14)
    return sign | uint16_t(std::ldexp(magnitude, 24));
  return uint16_t(sign | (exponent + 14) << 10 | (int(std::ldexp(magnitude, 11 - exponent)) & 1023));
}

double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 31 ? (fraction ? NAN : HUGE_VAL)
                     : exponent     ? std::ldexp(1024 + fraction, exponent - 25)
                                    : std::ldexp(fraction, -24);
  return bits >> 15 ? -magnitude : magnitude;
}

template <typename T> T load(const char *at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}
template <typename T> void store(char *at, T value) { std::memcpy(at, &value, sizeof(T)); }

/// Number of bytes, or -1 if it does not fit.
int64_t byteCount(const Array &array) {
  int64_t count = attn_dtype_size(array.dtype);
  for (int64_t size : array.shape)
    if (__builtin_mul_overflow(count, size, &count))
      return -1;
  return count;
}

} // namespace

int64_t Array::size() const {
  int64_t count = 1;
  for (int64_t dimension : shape)
    count *= dimension;
  return count;
}

Array Array::zeros(int32_t dtype, std::vector<int64_t> shape) {
  Array array{dtype, std::move(shape), {}};
  array.data.resize(size_t(byteCount(array)));
  return array;
}

double Array::at(int64_t index) const {
  const char *item = data.data() + index * attn_dtype_size(dtype);
  switch (dtype) {
  case ATTN_F32: return load<float>(item);
  case ATTN_F64: return load<double>(item);
  case ATTN_F16: return fromHalf(load<uint16_t>(item));
  case ATTN_BF16: {
    uint32_t bits = uint32_t(load<uint16_t>(item)) << 16;
    return load<float>(reinterpret_cast<const char *>(&bits));
  }
  case ATTN_I32: return load<int32_t>(item);
  case ATTN_I64: return double(load<int64_t>(item));
  default: return load<int8_t>(item);
  }
}

void Array::set(int64_t index, double value) {
  char *item = data.data() + index * attn_dtype_size(dtype);
  switch (dtype) {
  case ATTN_F32: return store(item, float(value));
  case ATTN_F64: return store(item, value);
  case ATTN_F16: return store(item, toHalf(value));
  case ATTN_BF16: {
    auto rounded = float(roundTo(value, 7, -126));
    return store(item, uint16_t(load<uint32_t>(reinterpret_cast<const char *>(&rounded)) >> 16));
  }
  case ATTN_I32: return store(item, int32_t(value));
  case ATTN_I64: return store(item, int64_t(value));
  default: return store(item, int8_t(value));
  }
}

std::string parseNpy(std::string_view bytes, bool uint16IsBf16, Array &array) {
  if (bytes.substr(0, 6) != "\x93NUMPY" || bytes.size() < 10)
    return "not a .npy file";
  int version = bytes[6];
  if (version < 1 || version > 3)
    return "version " + std::to_string(version) + " of the .npy format is not supported";
  size_t lengthSize = version == 1 ? 2 : 4, start = 8 + lengthSize;
  if (bytes.size() < start)
    return "the file ends inside its header";
  uint64_t length = littleEndian(bytes.substr(8, lengthSize));
  if (length > bytes.size() - start)
    return "the file ends inside its header";
  std::string descr;
  bool fortran = false;
  Array result;
  std::string problem = HeaderParser(bytes.substr(start, length)).run(descr, fortran, result.shape);
  if (!problem.empty())
    return problem;
  for (const Descr &known : kDescrs)
    if (descr == known.text)
      result.dtype = known.dtype;
  if (uint16IsBf16 && descr == "<u2")
    result.dtype = ATTN_BF16;
  if (!result.dtype)
    return "dtype '" + descr + "' is not supported";
  if (fortran && result.shape.size() > 1)
    return "the array is in Fortran order; save it with numpy.ascontiguousarray";
  std::string_view data = bytes.substr(start + length);
  int64_t count = byteCount(result);
  if (count < 0 || uint64_t(count) != data.size())
    return "the shape and the size of the file do not agree";
  result.data.assign(data.begin(), data.end());
  array = std::move(result);
  return "";
}

std::string readNpy(const std::string &path, bool uint16IsBf16, Array &array) {
  std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file)
    return path + ": " + std::strerror(errno);
  std::string bytes;
  std::vector<char> chunk(size_t(1) << 20);
  while (size_t n = std::fread(chunk.data(), 1, chunk.size(), file.get()))
    bytes.append(chunk.data(), n);
  if (std::ferror(file.get()))
    return path + ": " + std::strerror(errno);
  std::string problem = parseNpy(bytes, uint16IsBf16, array);
  return problem.empty() ? "" : path + ": " + problem;
}

std::string writeNpy(const std::string &path, const Array &array) {
  std::string header = "{'descr': '";
  for (const Descr &known : kDescrs)
    if (known.dtype == array.dtype) {
      header += known.text;
      break;
    }
  header += "', 'fortran_order': False, 'shape': (";
  for (int64_t size : array.shape)
    header += std::to_string(size) + ",";
  header += "), }";
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  std::string prefix("\x93NUMPY\x01\x00", 8);
  prefix += char(header.size() & 255);
  prefix += char(header.size() >> 8);

  FILE *file = std::fopen(path.c_str(), "wb");
  if (!file)
    return path + ": " + std::strerror(errno);
  bool wrote = std::fwrite(prefix.data(), 1, prefix.size(), file) == prefix.size() &&
               std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
               std::fwrite(array.data.data(), 1, array.data.size(), file) == array.data.size();
  bool closed = std::fclose(file) == 0; // A full disk may show only here.
  return wrote && closed ? "" : path + ": " + std::strerror(errno);
}

} // namespace attn::tool
