/*===- KernelABI.h - What a generated kernel is called with --------*- C -*-===*\
|*
|* Shared by codegen (which emits the loads) and the runtime (which fills the words). A CPU kernel is
|*
|*   void kernel(const int64_t *words, void *scratch, int64_t task_begin, int64_t task_end);
|*
|* It computes tasks [task_begin, task_end) and has no threads, no allocation and no external symbol. `scratch` is
|* 64-byte aligned, of the size that the manifest states, one per concurrent call, contents undefined.
|*
|* Words 0.. are the header below, then come the words of each argument in the order of the manifest's `arguments`:
|*   view    ATTN_VIEW_WORDS words
|*   scalar  2 words: address of the value of request 0 (int64_t or float), byte stride between requests (0: shared)
|*   buffer  1 + 2 * rank words: base address, then sizes, then byte strides
|* Addresses are host addresses, strides are signed bytes. An absent optional output view has base 0 and is not stored.
|*
|* A GPU kernel has the words as its one parameter, by value; addresses are device addresses, multiples of the size of
|* what they point to, as are strides. One thread block runs one task, and word ATTN_WORD_ZEROS is set.
|*
|* Task numbering (row tiles vary slowest and run from the last to the first, which starts the longest tiles of causal
|* masks early):
|*   lanes = batch * heads,  heads = pack ? kv_heads : q_heads
|*   task  = ((row_tiles - 1 - tile) * splits + split) * lanes + request * heads + head
|* A tile past the end of its request's rows is skipped by the kernel. Kernels with a scan (ordered weights) have
|* row_tiles = 1 and loop over the row tiles themselves.
|*
\*===----------------------------------------------------------------------===*/
#ifndef ATTN_KERNELABI_H
#define ATTN_KERNELABI_H

#include <stdint.h>

#define ATTN_KERNEL_ABI 3

/** On a GPU, bases and strides of views with a dim (q, k, v, out) are multiples of this many bytes. */
#define ATTN_GPU_ROW_ALIGNMENT 16

/** Header words. */
enum attn_header_word {
  ATTN_WORD_REQUESTS = 0, /**< address of attn_request[batch] */
  ATTN_WORD_BATCH,
  ATTN_WORD_Q_HEADS,
  ATTN_WORD_KV_HEADS,
  ATTN_WORD_LAYER,
  ATTN_WORD_ROW_TILES, /**< row tiles of the longest request */
  ATTN_WORD_SPLITS,    /**< key splits per row tile, 1 unless the schedule has splits */
  ATTN_WORD_STATUS,    /**< address of an int64_t; bits of attn_kernel_status are or-ed in */
  ATTN_WORD_ZEROS,     /**< GPU only: address of 16 bytes of zeros */
  ATTN_HEADER_WORDS
};

/** One request (sequence) of the batch. */
typedef struct attn_request {
  int64_t q_len;  /**< query rows */
  int64_t kv_len; /**< keys */
  int64_t q_row;  /**< first row of this request in row-major (ragged) query-side views, added to every row index */
  int64_t kv_row; /**< the same for key-side views */
  int64_t q_pos;  /**< position of query row 0 */
  int64_t sequence_kv_len; /**< keys of the sequence: kv_len, unless the keys of this launch are slots of a cache of
                                their own */
} attn_request;

/** Words of a view. Element (b, head, row, d) lies at
 *    base + b * batch_stride + head_of(head) * head_stride + (first_row(b) + slot(row)) * row_stride + d * size
 *  with slot(p) = (ring == 0 || p < sink) ? p : sink + (p - sink) % ring, first_row from the request, and head_of the
 *  identity where head_map is 0. Query-side views (q, out, lse) are indexed by query head and query row, key-side views
 *  by KV head and key position. The last dimension is contiguous. */
enum attn_view_word {
  ATTN_VIEW_BASE = 0,
  ATTN_VIEW_BATCH_STRIDE,
  ATTN_VIEW_HEAD_STRIDE,
  ATTN_VIEW_ROW_STRIDE,
  ATTN_VIEW_SINK,
  ATTN_VIEW_RING,
  ATTN_VIEW_HEAD_MAP, /**< address of int32_t[heads] or 0 */
  ATTN_VIEW_WORDS
};

enum attn_kernel_status {
  ATTN_KERNEL_ZERO_DIVISOR = 1, /**< an expression divided by zero; the result is not to be used */
};

#endif /* ATTN_KERNELABI_H */
