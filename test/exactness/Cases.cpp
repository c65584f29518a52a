//===- Cases.cpp - Masks whose loops must be exact -------------------------===//
#include "test/exactness/Cases.h"

#include <random>

using attn::mask::Environment;

namespace attn::exactness {

static std::string spec(const std::string &name, const std::string &body) {
  return R"({ "attn": 1, "name": ")" + name + R"(", "positions": "bottom_right", )" + body + " }";
}
static Case mask(const char *name, const std::string &text, const std::string &more = "") {
  return {name, spec(name, R"("mask": ")" + text + "\"" + (more.empty() ? "" : ", " + more)), 1, 1, {}};
}
static Case perHead(int64_t heads, int64_t group, Case test) {
  test.heads = heads, test.group = group;
  return test;
}

static int64_t random(int64_t low, int64_t high, std::mt19937_64 &source) {
  return std::uniform_int_distribution<int64_t>(low, high)(source);
}

/// Documents of 1 to `longest` tokens, one after the other.
static std::vector<int64_t> documents(int64_t count, int64_t longest, std::mt19937_64 &source) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; int64_t(ids.size()) < count; ++id)
    ids.resize(std::min(count, int64_t(ids.size()) + random(1, longest, source)), id);
  return ids;
}

static Case operand(Case test, const char *name, std::vector<int64_t> (*make)(int64_t, std::mt19937_64 &)) {
  test.fill = [name = std::string(name), make](Environment &operands, int64_t keys) {
    std::mt19937_64 source(keys);
    operands.tensors[name] = {{1, keys}, make(keys, source), {}};
  };
  return test;
}
/// Documents of all lengths in any order, with ids that come again.
static std::vector<int64_t> scattered(int64_t count, std::mt19937_64 &source) {
  std::vector<int64_t> ids = documents(count, 300, source);
  for (int64_t &id : ids)
    id = id * 7 % 5;
  return ids;
}
/// Images of 16 to 576 tokens between text of -1.
static std::vector<int64_t> images(int64_t count, std::mt19937_64 &source) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; int64_t(ids.size()) < count; ++id) {
    ids.resize(std::min(count, int64_t(ids.size()) + random(1, 400, source)), -1);
    ids.resize(std::min(count, int64_t(ids.size()) + random(16, 576, source)), id);
  }
  return ids;
}

static Case blockCase(Case test, void (*fill)(Environment &, int64_t)) {
  test.fill = fill;
  return test;
}
/// Blocks of 128 in compressed rows: a tenth of the blocks, and those of the diagonal.
static void compressed(Environment &env, int64_t keys) {
  std::mt19937_64 source(keys);
  int64_t blocks = (keys + 127) / 128;
  std::vector<int64_t> rows = {0}, columns;
  for (int64_t row = 0; row < blocks; ++row) {
    for (int64_t column = 0; column < blocks; ++column)
      if (column == row || random(0, std::max<int64_t>(9, blocks / 16), source) == 0)
        columns.push_back(column);
    rows.push_back(columns.size());
  }
  env.tensors["rows"] = {{int64_t(rows.size())}, rows, {}};
  env.tensors["columns"] = {{int64_t(columns.size())}, columns, {}};
}
/// The same per head, rows padded by their last index.
static void padded(Environment &env, int64_t keys) {
  std::mt19937_64 source(keys);
  int64_t heads = 4, rows = (keys + 127) / 128, columns = (keys + 63) / 64, most = std::min<int64_t>(columns, 24);
  std::vector<int64_t> num, indices;
  for (int64_t row = 0; row < heads * rows; ++row) {
    std::vector<int64_t> list;
    for (int64_t column = 0; column < columns && int64_t(list.size()) < most; ++column)
      if (random(0, std::max<int64_t>(9, columns / 16), source) == 0)
        list.push_back(column);
    num.push_back(list.size());
    list.resize(most, columns);
    indices.insert(indices.end(), list.begin(), list.end());
  }
  env.tensors["num"] = {{1, heads, rows}, num, {}};
  env.tensors["indices"] = {{1, heads, rows, most}, indices, {}};
}
/// A draft tree of 200 nodes behind the prefix.
static void tree(Environment &env, int64_t keys) {
  std::mt19937_64 source(keys);
  std::vector<int64_t> parent = {-1};
  for (int64_t node = 1; node < 200; ++node)
    parent.push_back(random(std::max<int64_t>(node - 9, -1), node - 1, source));
  env.tensors["parent"] = {{1, 200}, parent, {}};
  env.values["prefix"] = std::max<int64_t>(keys - 200, 0);
}

const std::vector<Case> &cases() {
  const std::string ids = R"("operands": { "doc_id": { "shape": ["batch", "kv_len"], "dtype": "i32" } })";
  const std::string sortedIds =
      R"("operands": { "doc_id": { "shape": ["batch", "kv_len"], "dtype": "i32", "domain": "sorted" } })";
  const std::string s2 = R"("params": { "block": 64, "local": 4, "vert": 8, "step": 3, "offset": 1 })";
  static const std::vector<Case> table = {
      mask("dense", "full"),
      mask("causal", "causal"),
      mask("window", "window(256)"),
      mask("sliding", "sliding(200, 56)"),
      mask("sink_window", "causal and (sink(sink) or q - k < size)", R"("params": { "sink": 4, "size": 256 })"),
      mask("a_shape", "causal and (k < 128 or q - k < 512)"),
      mask("tri_shape", "causal and (k < 128 or q - k < 512 or kv_len - q <= n_last)",
           R"("params": { "n_last": 100 })"),
      mask("dilated", "causal and dilated(step)", R"("params": { "step": 96 })"),
      mask("dilated_window", "causal and q - k < 1024 and dilated(70)"),
      mask("strided", "strided(128)"),
      mask("fixed", "fixed(128, 8)"),
      mask("chunked", "chunked(chunk)", R"("params": { "chunk": 200 })"),
      mask("block_diagonal", "block_diagonal(256)"),
      mask("global", "causal and (global(16) or window(128))"),
      mask("prefix", "causal or prefix(prefix)", R"("params": { "prefix": 300 })"),
      mask("document", "causal and document(doc_id)", sortedIds),
      mask("document_window", "window(256) and document(doc_id)", sortedIds),
      operand(mask("document_unsorted", "causal and document(doc_id)", ids), "doc_id", scattered),
      operand(mask("multimodal_prefix", "causal or (image[q] == image[k] and image[q] >= 0)",
                   R"("operands": { "image": { "shape": ["batch", "kv_len"], "dtype": "i32" } })"),
              "image", images),
      perHead(4, 2,
              mask("s2_stripes",
                   "causal and (q // block - k // block < local or (k // block + h * step + offset) % vert == 0)", s2)),
      mask("powerattention",
           "causal and (q // block - k // block < window or k // block == 0 or is_pow2(q // block - k // block))",
           R"("params": { "block": 256, "window": 2 })"),
      perHead(4, 1,
              mask("moa", "causal and (k // 64 == 0 or q // 64 - k // 64 < max(blocks, 1))",
                   R"json("operands": { "alpha": { "shape": ["q_heads"], "dtype": "f32" },
                                        "beta": { "shape": ["q_heads"], "dtype": "f32" } },
                          "let": { "blocks": "floor(alpha[h] / 64.0 + beta[h] * float(kv_len) / 64.0)" })json")),
      mask("duoattention", "causal and (sink(64) or k >= chunk - 256)", R"("params": { "chunk": 900 })"),
      mask("yopo",
           "k <= q and (k < sys or q >= sys + 576 or (abs((q - sys) // 24 - (k - sys) // 24) <= 3 and "
           "abs((q - sys) % 24 - (k - sys) % 24) <= 3)) or (sys <= q and q < sys + 576 and sys <= k and k < sys + 576 "
           "and abs((q - sys) // 24 - (k - sys) // 24) <= 3 and abs((q - sys) % 24 - (k - sys) % 24) <= 3)",
           R"("params": { "sys": 35 })"),
      mask("block_diffusion",
           "cleanQ and cleanK and q // block >= k // block or not cleanQ and cleanK and q // block > (k - n) // block "
           "or "
           "not cleanQ and not cleanK and q // block == k // block",
           R"("params": { "n": 512, "block": 32 }, "let": { "cleanQ": "q >= n", "cleanK": "k >= n" })"),
      mask("shared_prefix", "k < shared or causal and (q - shared) // 200 == (k - shared) // 200",
           R"("params": { "shared": 150 })"),
      blockCase(mask("block_list", "causal and block_list(rows, columns, 128, 128)",
                     R"("params": { "bounds": 9, "count": 99 },
                        "operands": { "rows": { "shape": ["bounds"], "dtype": "i32", "domain": "sorted" },
                                      "columns": { "shape": ["count"], "dtype": "i32" } })"),
                compressed),
      perHead(4, 2,
              blockCase(mask("block_mask", "causal and block_mask(num, indices, 128, 64)",
                             R"("params": { "blocks": 9, "most": 9 },
                                      "operands": { "num": { "shape": [1, "q_heads", "blocks"], "dtype": "i32" },
                                                    "indices": { "shape": [1, "q_heads", "blocks", "most"],
                                                                 "dtype": "i32", "domain": "sorted" } })"),
                        padded)),
      blockCase(mask("tree", "tree(parent, prefix)",
                     R"("params": { "prefix": 9 },
                        "operands": { "parent": { "shape": ["batch", 200], "dtype": "i32" } })"),
                tree),
      mask("neighborhood", "neighborhood(window, stride)", R"("params": { "window": 129, "stride": 16 })"),
      mask("neighborhood_dilated", "neighborhood(33, 1, 4)"),
      mask("neighborhood_causal", "neighborhood(129, 32, 2, true)"),
  };
  return table;
}

Call makeCall(const Case &test, const Compiled &pattern, int64_t queries, int64_t keys) {
  Call call{queries, keys, test.heads, test.group, pattern.defaults, pattern.topLeft};
  std::mt19937_64 source(keys);
  std::map<std::string, int64_t> sizes = {{"batch", 1},
                                          {"q_heads", test.heads},
                                          {"kv_heads", test.heads / test.group},
                                          {"layers", 1},
                                          {"q_len", queries},
                                          {"kv_len", keys},
                                          {"d", 64},
                                          {"dv", 64},
                                          {"d/2", 32}};
  for (const spec::Operand &operand : pattern.operands) {
    Environment::Tensor tensor;
    int64_t count = 1;
    for (const auto &size : operand.shape) {
      const std::string *name = std::get_if<std::string>(&size);
      int64_t value = !name                ? std::get<int64_t>(size)
                      : sizes.count(*name) ? sizes[*name]
                                           : call.environment.values.at(*name);
      tensor.sizes.push_back(value);
      count *= value;
    }
    while (int64_t(tensor.data.size()) < count) {
      auto row = documents(tensor.sizes.back(), 700, source);
      if (operand.domain != spec::Domain::Sorted)
        for (int64_t &x : row)
          x = random(0, 1, source);
      tensor.data.insert(tensor.data.end(), row.begin(), row.end());
    }
    for (int64_t i = 0; i < count; ++i)
      tensor.reals.push_back(double(random(0, 1000, source)) / 1000);
    call.environment.tensors[operand.name] = std::move(tensor);
  }
  if (test.fill)
    test.fill(call.environment, keys);
  return call;
}

} // namespace attn::exactness
