//===- ToolTest.cpp - Parts of attn-run ----------------------------*- C++ -*-===//

#include "attn/attn.h"
#include "test/runtime/Fixture.h"
#include "tools/attn-run/Compare.h"
#include "tools/attn-run/Npy.h"
#include "tools/attn-run/Options.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attn::tool;

namespace {

/// A version 1 file with this header dictionary.
std::string npy(const std::string &header, const std::string &data) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file += char(header.size() & 255);
  file += char(header.size() >> 8);
  return file + header + data;
}

TEST(Npy, RoundTripOfEveryDtype) {
  std::string path = testing::TempDir() + "attn_npy_test.npy";
  for (int32_t dtype : {ATTN_F32, ATTN_F16, ATTN_BF16, ATTN_F64, ATTN_BOOL, ATTN_I8, ATTN_I32, ATTN_I64}) {
    Array array = Array::zeros(dtype, {2, 3}), back;
    for (int64_t i = 0; i < 6; ++i)
      array.set(i, double(i % 2));
    ASSERT_EQ(writeNpy(path, array), "");
    ASSERT_EQ(readNpy(path, false, back), "");
    EXPECT_EQ(back.dtype, dtype);
    EXPECT_EQ(back.shape, array.shape);
    EXPECT_EQ(back.data, array.data);
  }
  std::remove(path.c_str());
}

TEST(Npy, RefusesMalformedFiles) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  const std::string data(24, '\0');
  std::pair<std::string, std::string> cases[] = {
      {"", "not a .npy file"},
      {"hello, I am a text file", "not a .npy file"},
      {npy(good, data).replace(6, 1, "\x04"), "version 4 of the .npy format is not supported"},
      {npy(good, data).replace(8, 1, "\xff"), "the file ends inside its header"},
      {npy("[1]", data), "the header is not a dictionary"},
      {npy("{'descr': '<f4'", data), "the header is not a dictionary"},
      {npy("{'descr': '<f4', 'shape': (2, 3)}", data), "the header lacks descr, fortran_order or shape"},
      {npy("{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", data), "dtype '<c8' is not supported"},
      {npy("{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}", data), "dtype '>f4' is not supported"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", data),
       "the header's 'descr' is not understood"},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", data),
       "the array is in Fortran order; save it with numpy.ascontiguousarray"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}", data),
       "the shape and the size of the file do not agree"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", data),
       "the header's 'shape' is not understood"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", data),
       "the shape and the size of the file do not agree"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 0)}", data),
       "the header's 'shape' is not understood"}};
  Array array;
  for (auto &[bytes, message] : cases)
    EXPECT_EQ(parseNpy(bytes, false, array), message);
  EXPECT_EQ(parseNpy(npy(good, data), false, array), "");
  for (size_t size = 0; size < npy(good, data).size(); ++size)
    EXPECT_NE(parseNpy(npy(good, data).substr(0, size), false, array), "");
}

TEST(Npy, Bf16Files) {
  std::string words("\x80\x3f\x00\xc0", 4); // 1 and -2
  Array array;
  EXPECT_EQ(parseNpy(npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", words), false, array),
            "dtype '<u2' is not supported");
  EXPECT_EQ(parseNpy(npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", words), true, array), "");
  EXPECT_EQ(array.at(0), 1);
  EXPECT_EQ(array.at(1), -2);
}

TEST(Npy, RoundingIsToNearestEven) {
  Array half = Array::zeros(ATTN_F16, {1}), bf16 = Array::zeros(ATTN_BF16, {1});
  auto through = [](Array &cell, double x) {
    cell.set(0, x);
    return cell.at(0);
  };
  EXPECT_EQ(through(half, 1 + 0x1p-11), 1);
  EXPECT_EQ(through(half, 1 + 3 * 0x1p-11), 1 + 0x1p-9);
  EXPECT_EQ(through(half, 65519), 65504);
  EXPECT_EQ(through(half, 65520), HUGE_VAL);
  EXPECT_EQ(through(half, -0x1p-24), -0x1p-24);
  EXPECT_EQ(through(half, 0x1p-26), 0);
  EXPECT_EQ(through(half, 0x1p-14 - 0x1p-26), 0x1p-14);
  EXPECT_TRUE(std::isnan(through(half, NAN)));
  EXPECT_EQ(through(bf16, 1 + 0x1p-8), 1);
  EXPECT_EQ(through(bf16, 1 + 3 * 0x1p-8), 1 + 0x1p-6);
  EXPECT_EQ(through(bf16, -HUGE_VAL), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(through(bf16, NAN)));
}

std::string parse(std::vector<const char *> words, Options &options) {
  words.insert(words.begin(), "attn-run");
  return parseOptions(int(words.size()), const_cast<char **>(words.data()), options);
}

TEST(Options, ReadsWhatTheHelpSays) {
  Options o;
  ASSERT_EQ(parse({"x.attn",
                   "--arg",
                   "q=q.npy",
                   "--arg=k=k=1.npy",
                   "-o",
                   "out.npy",
                   "--out",
                   "lse=l.npy",
                   "--param",
                   "window=3,4",
                   "--lengths",
                   "5,6",
                   "--kv-lens=7,8",
                   "--random",
                   "batch=2,seed=1",
                   "--threads",
                   "2",
                   "--time=9",
                   "--compare=reference",
                   "--bf16"},
                  o),
            "");
  EXPECT_EQ(o.artifact, "x.attn");
  EXPECT_EQ(o.args["k"], "k=1.npy");
  EXPECT_EQ(o.outs["out"], "out.npy");
  EXPECT_EQ(o.params["window"], "3,4");
  EXPECT_EQ(o.qLens, (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(o.kvLens, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(o.random["seed"], "1");
  EXPECT_EQ(o.threads, 2);
  EXPECT_EQ(o.time, 9);
  EXPECT_TRUE(o.uint16IsBf16);
}

TEST(Options, Mistakes) {
  std::pair<std::vector<const char *>, std::string> cases[] = {
      {{}, "no artifact given"},
      {{"a", "b"}, "unexpected argument 'b'"},
      {{"a", "--frobnicate"}, "unknown option '--frobnicate'"},
      {{"a", "--arg"}, "--arg needs a value: NAME=FILE.npy"},
      {{"a", "--arg", "q"}, "--arg: expected NAME=VALUE, got 'q'"},
      {{"a", "--arg", "q=1", "--arg", "q=2"}, "--arg: 'q' is given twice"},
      {{"a", "--q-lens", "3,,4"}, "--q-lens: expected integers such as 3,5, got '3,,4'"},
      {{"a", "--q-lens", "99999999999999999999"},
       "--q-lens: expected integers such as 3,5, got '99999999999999999999'"},
      {{"a", "--threads", "0"}, "--threads: expected an integer from 1 to 1024, got '0'"},
      {{"a", "--bf16=1"}, "--bf16 takes no value"},
      {{"a", "--device", "tpu"}, "--device: expected cpu, cuda, cuda:N or emulator, got 'tpu'"},
      {{"a", "--compare", "torch"}, "--compare: expected reference, got 'torch'"}};
  for (auto &[words, message] : cases) {
    Options options;
    EXPECT_EQ(parse(words, options), message);
  }
}

TEST(Compare, BarsOfEveryDtype) {
  Array reference = Array::zeros(ATTN_F64, {2}), naive = reference, out = Array::zeros(ATTN_F32, {2});
  reference.set(0, 1), reference.set(1, 0.5);
  naive.set(0, 1 + 1e-6), naive.set(1, 0.5);
  out.set(0, 1 + 2e-6), out.set(1, 0.5);
  EXPECT_TRUE(compareOut(out, reference, naive, {0, 1}, 1).within);
  out.set(0, 1 + 4e-6);
  EXPECT_FALSE(compareOut(out, reference, naive, {0, 1}, 1).within);
  EXPECT_TRUE(compareOut(out, reference, naive, {1}, 1).within) << "element 0 is not compared";
  out.set(1, NAN);
  EXPECT_FALSE(compareOut(out, reference, naive, {1}, 1).within);

  Array half = Array::zeros(ATTN_F16, {2});
  half.set(0, 1), half.set(1, 0.5);
  EXPECT_TRUE(compareOut(half, reference, naive, {0, 1}, 1).within);
  half.set(0, 1.004);
  EXPECT_FALSE(compareOut(half, reference, naive, {0, 1}, 1).within);

  Array lse = Array::zeros(ATTN_F32, {2}), exact = Array::zeros(ATTN_F64, {2});
  lse.set(0, -HUGE_VAL), exact.set(0, -HUGE_VAL);
  lse.set(1, 20.0001), exact.set(1, 20);
  EXPECT_TRUE(compareLse(lse, exact, {0, 1}).within);
  lse.set(1, 20.001);
  EXPECT_FALSE(compareLse(lse, exact, {0, 1}).within);
  lse.set(0, 0);
  EXPECT_FALSE(compareLse(lse, exact, {0}).within);
}

} // namespace
