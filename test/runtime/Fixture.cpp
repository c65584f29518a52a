//===- Fixture.cpp - A small artifact made of a C kernel -----------*- C++ -*-===//

#include "test/runtime/Fixture.h"

#include "runtime/artifact/Format.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>

namespace attn::test {

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string kernelObject() {
  // Two compilations of one source; the linker option -r joined them into one object.
  return readFile(ATTN_TEST_KERNEL);
}

std::string manifestText(const std::string &object, const std::map<std::string, std::string> &edit) {
  std::string arguments = R"([
    {"name":"q","kind":"view","dtype":"f32","dim":8}, {"name":"k","kind":"view","dtype":"f32","dim":8},
    {"name":"v","kind":"view","dtype":"f32","dim":8}, {"name":"out","kind":"view","dtype":"f32","dim":8},
    {"name":"lse","kind":"view","dtype":"f32"}, {"name":"window","kind":"scalar","dtype":"i64"},
    {"name":"scale","kind":"scalar","dtype":"f32"}, {"name":"doc","kind":"buffer","dtype":"i32","rank":2}])";
  std::string text = R"({ "attn_artifact": 1, "kernel_abi": 3, "name": "documents", "spec": {"attn": 1},
  "positions": "bottom_right",
  "params": [ {"name":"window","type":"i64","default":1000000,"positive":true},
              {"name":"scale","type":"f32","default":0.35355339,"positive":false},
              {"name":"sink","type":"i64","default":2}, {"name":"recent","type":"i64","default":1000} ],
  "operands": [ {"name":"doc","shape":["batch","kv_len"],"dtype":"i32","domain":"sorted"} ],
  "caches": [ {"name":"kv","layout":"contiguous"} ],
  "entries": [ {"name":"attend",
    "inputs": [ {"name":"q","role":"query"}, {"name":"k","role":"key","cache":"kv"}, {"name":"v","role":"value","cache":"kv"} ],
    "outputs": [ {"name":"out","role":"out"}, {"name":"lse","role":"lse"} ],
    "variants": [ {"dtype":"f32","d":8,"dv":8,"isa":"generic", "steps":[ {"forms":[
      {"symbol":"attend_prefill","rows":96,"keys":1,"pack":false,"splits":false,"scan":false,"code":0,"scratch":32,"arguments":)" +
                     arguments + R"(},
      {"symbol":"attend_decode","rows":8,"keys":1,"pack":true,"splits":false,"scan":false,"code":0,"scratch":40,"arguments":)" +
                     arguments + R"(} ]} ]} ]} ],
  "code": [ {"offset":0,"size":SIZE,"sha256":"SHA","isa":"generic"} ] })";
  auto replace = [&](const std::string &from, const std::string &to) {
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  };
  for (auto &[from, to] : edit)
    replace(from, to);
  replace("SIZE", std::to_string(object.size()));
  replace("SHA", rt::sha256Hex(object));
  return text;
}

std::string artifactBytes(const std::map<std::string, std::string> &edit) {
  return artifactOf(edit, kernelObject());
}

std::string artifactOf(const std::map<std::string, std::string> &edit, const std::string &code) {
  return rt::assembleArtifact(manifestText(code, edit), {code});
}

Artifact openArtifact(const std::map<std::string, std::string> &edit) {
  std::string bytes = artifactBytes(edit);
  Artifact artifact;
  EXPECT_EQ(attn_artifact_open_bytes(bytes.data(), bytes.size(), out(artifact)), ATTN_OK) << attn_last_error();
  return artifact;
}

static int64_t longest(const std::vector<int64_t> &lens) {
  int64_t most = 0;
  for (int64_t len : lens)
    most = std::max(most, len);
  return most;
}

Problem::Problem(int64_t batch, int64_t qHeads, int64_t kvHeads, std::vector<int64_t> qLens,
                 std::vector<int64_t> kvLens)
    : batch(batch), qHeads(qHeads), kvHeads(kvHeads), qLens(qLens), kvLens(kvLens) {
  std::mt19937 random(7);
  auto noise = [&](std::vector<float> &data, int64_t size) {
    data.resize(size_t(size));
    for (float &x : data)
      x = float(int(random() % 2001) - 1000) / 500;
  };
  qRows = longest(qLens);
  kvRows = longest(kvLens);
  noise(q, batch * qHeads * qRows * kDim);
  noise(k, batch * kvHeads * kvRows * kDim);
  noise(v, batch * kvHeads * kvRows * kDim);
  out.assign(q.size(), -7);
  lse.assign(size_t(batch * qHeads * qRows), -7);
  doc.resize(size_t(batch * kvRows));
  for (int64_t i = 0; i < batch * kvRows; ++i)
    doc[size_t(i)] = int32_t(i % kvRows / 5);
}

void Problem::fill(Call &call) {
  call.lengths(qLens, kvLens)
      .tensor("q", q.data(), ATTN_F32, {batch, qHeads, qRows, kDim})
      .tensor("k", k.data(), ATTN_F32, {batch, kvHeads, kvRows, kDim})
      .tensor("v", v.data(), ATTN_F32, {batch, kvHeads, kvRows, kDim})
      .tensor("out", out.data(), ATTN_F32, {batch, qHeads, qRows, kDim})
      .tensor("lse", lse.data(), ATTN_F32, {batch, qHeads, qRows})
      .tensor("doc", doc.data(), ATTN_I32, {batch, kvRows});
}

void Problem::expected(int64_t window, float scale, std::vector<float> &resultOut,
                       std::vector<float> &resultLse) const {
  resultOut.assign(out.size(), -7);
  resultLse.assign(lse.size(), -7);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < qHeads; ++h)
      for (int64_t i = 0; i < qLens[size_t(b)]; ++i) {
        int64_t g = h / (qHeads / kvHeads), p = kvLens[size_t(b)] - qLens[size_t(b)] + i;
        const float *query = &q[size_t(((b * qHeads + h) * qRows + i) * kDim)];
        double sum = 0, acc[kDim] = {};
        for (int64_t j = std::max<int64_t>(0, p - window + 1); j <= p; ++j) {
          if (doc[size_t(b * kvRows + j)] != doc[size_t(b * kvRows + p)])
            continue;
          size_t at = size_t(((b * kvHeads + g) * kvRows + j) * kDim);
          double score = 0;
          for (int64_t d = 0; d < kDim; ++d)
            score += double(query[d]) * k[at + size_t(d)];
          double weight = std::exp(score * scale);
          sum += weight;
          for (int64_t d = 0; d < kDim; ++d)
            acc[d] += weight * v[at + size_t(d)];
        }
        size_t row = size_t((b * qHeads + h) * qRows + i);
        resultLse[row] = float(std::log(sum));
        for (int64_t d = 0; d < kDim; ++d)
          resultOut[row * kDim + size_t(d)] = sum > 0 ? float(acc[d] / sum) : 0;
      }
}

int32_t planAndRun(const attn_artifact *artifact, Call &call) {
  Plan plan;
  if (int32_t code = attn_plan_create(artifact, nullptr, call.desc(), attn::out(plan)))
    return code;
  Workspace workspace(plan.get());
  return attn_run(plan.get(), workspace.data(), workspace.size());
}

} // namespace attn::test
