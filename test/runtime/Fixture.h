//===- Fixture.h - A small artifact made of a C kernel -------------*- C++ -*-===//
#ifndef ATTN_TEST_RUNTIME_FIXTURE_H
#define ATTN_TEST_RUNTIME_FIXTURE_H

#include "attn/attn.hpp"

#include <map>
#include <string>
#include <vector>

namespace attn::test {

constexpr int64_t kDim = 8; ///< head dimension of TestKernel.c

std::string readFile(const std::string &path);
/// The object file of TestKernel.c.
std::string kernelObject();
/// The manifest of the artifact, with a placeholder per code blob filled in. `edit` replaces texts (exactly one
/// occurrence).
std::string manifestText(const std::string &object, const std::map<std::string, std::string> &edit = {});
/// The artifact's file.
std::string artifactBytes(const std::map<std::string, std::string> &edit = {});
/// The same with other code.
std::string artifactOf(const std::map<std::string, std::string> &edit, const std::string &code);
Artifact openArtifact(const std::map<std::string, std::string> &edit = {});

/// Inputs of one call, filled with reproducible noise, padded [batch, heads, rows, kDim] in C order.
struct Problem {
  int64_t batch, qHeads, kvHeads;
  std::vector<int64_t> qLens, kvLens;
  std::vector<float> q, k, v, out, lse;
  std::vector<int32_t> doc;
  int64_t qRows, kvRows;

  Problem(int64_t batch, int64_t qHeads, int64_t kvHeads, std::vector<int64_t> qLens, std::vector<int64_t> kvLens);
  /// The call with every argument.
  void fill(Call &call);
  /// fp64 attention with the mask of TestKernel.c, bottom_right positions. Rows past q_lens keep `out` and `lse`.
  void expected(int64_t window, float scale, std::vector<float> &out, std::vector<float> &lse) const;
};

/// Plans and runs; returns the code.
int32_t planAndRun(const attn_artifact *artifact, Call &call);

} // namespace attn::test

#endif // ATTN_TEST_RUNTIME_FIXTURE_H
