/* A kernel of the kernel ABI in plain C, so that the runtime can be tested without the compiler: softmax attention under
 * the mask  k <= q and q - k < window and doc[b, k] == doc[b, q],  fp32. Compiled twice: ROWS logical rows a tile, PACK. */
#include "attn/KernelABI.h"


static float *row_of(const int64_t *view, int64_t b, int64_t head, int64_t first, int64_t p) {
  const int32_t *map = (const int32_t *)view[ATTN_VIEW_HEAD_MAP];
  int64_t sink = view[ATTN_VIEW_SINK], ring = view[ATTN_VIEW_RING];
  int64_t slot = ring == 0 || p < sink ? p : sink + (p - sink) % ring;
  return (float *)(view[ATTN_VIEW_BASE] + b * view[ATTN_VIEW_BATCH_STRIDE] +
                   (map ? map[head] : head) * view[ATTN_VIEW_HEAD_STRIDE] + (first + slot) * view[ATTN_VIEW_ROW_STRIDE]);
}

static float exponential(float x) { /* e^x for x <= 0: (1 + x / 2^n)^(2^n) in double, to about 1e-6 */
  if (x < -80)
    return 0;
  double y = 1 + (double)x / (1 << 26);
  for (int i = 0; i < 26; ++i)
    y *= y;
  return (float)y;
}

static float logarithm(float x) { /* ln x for x >= 1, by Newton's method */
  float y = 0;
  for (; x > 2.718281828f; x /= 2.718281828f)
    y += 1;
  float z = 0;
  for (int i = 0; i < 8; ++i)
    z += x * exponential(-z) - 1;
  return y + z;
}

static int64_t document(const int64_t *doc, int64_t b, int64_t p) {
  int64_t last = doc[2] - 1;
  p = p < 0 ? 0 : p > last ? last : p;
  b = b < doc[1] ? b : doc[1] - 1;
  return *(const int32_t *)(doc[0] + b * doc[3] + p * doc[4]);
}

#define CONCAT2(a, b) a##b
#define CONCAT(a, b) CONCAT2(a, b)

/* Arguments: view q, k, v, out, lse (dim 8); scalar window (i64), scale (f32); buffer doc (i32, rank 2). */
void CONCAT(attend_, NAME)(const int64_t *words, void *scratch, int64_t begin, int64_t end) {
  enum { D = 8 };
  const int64_t *q = words + ATTN_HEADER_WORDS, *k = q + ATTN_VIEW_WORDS, *v = k + ATTN_VIEW_WORDS;
  const int64_t *out = v + ATTN_VIEW_WORDS, *lse = out + ATTN_VIEW_WORDS, *scalars = lse + ATTN_VIEW_WORDS;
  const int64_t *doc = scalars + 4;
  int64_t q_heads = words[ATTN_WORD_Q_HEADS], kv_heads = words[ATTN_WORD_KV_HEADS], group = q_heads / kv_heads;
  int64_t heads = PACK ? kv_heads : q_heads, lanes = words[ATTN_WORD_BATCH] * heads;
  float *acc = scratch;
  for (int64_t task = begin; task < end; ++task) {
    int64_t tile = words[ATTN_WORD_ROW_TILES] - 1 - task / lanes, b = task % lanes / heads, h0 = task % heads;
    const attn_request *r = (const attn_request *)words[ATTN_WORD_REQUESTS] + b;
    int64_t window = *(const int64_t *)(scalars[0] + b * scalars[1]);
    float scale = *(const float *)(scalars[2] + b * scalars[3]);
    if (window == 12345) /* a way to test the status word */
      *(int64_t *)words[ATTN_WORD_STATUS] |= ATTN_KERNEL_ZERO_DIVISOR;
    int64_t rows = PACK ? r->q_len * group : r->q_len;
    for (int64_t row = tile * ROWS; row < rows && row < (tile + 1) * ROWS; ++row) {
      int64_t i = PACK ? row / group : row, h = PACK ? h0 * group + row % group : h0, g = PACK ? h0 : h0 / group;
      int64_t position = r->q_pos + i;
      const float *query = row_of(q, b, h, r->q_row, i);
      float max = -1e20f, sum = 0;
      for (int d = 0; d < D; ++d)
        acc[d] = 0;
      for (int64_t p = 0; p < r->kv_len; ++p) {
        if (p > position || position - p >= window || document(doc, b, p) != document(doc, b, position))
          continue;
        const float *key = row_of(k, b, g, r->kv_row, p), *value = row_of(v, b, g, r->kv_row, p);
        float score = 0;
        for (int d = 0; d < D; ++d)
          score += query[d] * key[d];
        score *= scale;
        float next = score > max ? score : max, keep = exponential(max - next), weight = exponential(score - next);
        sum = sum * keep + weight;
        for (int d = 0; d < D; ++d)
          acc[d] = acc[d] * keep + weight * value[d];
        max = next;
      }
      float *result = row_of(out, b, h, r->q_row, i);
      for (int d = 0; d < D; ++d)
        result[d] = sum > 0 ? acc[d] / sum : 0;
      if (lse[ATTN_VIEW_BASE])
        *row_of(lse, b, h, r->q_row, i) = sum > 0 ? max + logarithm(sum) : -__builtin_inff();
    }
  }
}
