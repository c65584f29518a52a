/*===- attn.h - C ABI of the attn runtime --------------------------*- C -*-===*\
|*
|* Open an artifact, plan a call (everything is checked here), run it (nothing is allocated here):
|*
|*   attn_artifact *artifact;
|*   attn_artifact_open("causal.attn", &artifact);
|*   attn_plan_create(artifact, "attend", &desc, &plan);
|*   attn_plan_workspace_size(plan, &bytes);            // allocate it once, aligned to ATTN_WORKSPACE_ALIGNMENT
|*   attn_run(plan, workspace, bytes);
|*
|* Conventions
|*  * Functions return ATTN_OK or a positive code; attn_last_error() tells the calling thread what was wrong. Nothing is
|*    thrown, printed or aborted. On an error, output parameters and existing handles are left as they were.
|*  * Every struct begins with struct_size and version: set them to sizeof(the struct) and ATTN_STRUCT_VERSION and the
rest to
|*    zero (ATTN_INIT), then fill in what is needed. Arrays of structs have one struct_size throughout.
|*  * Tensors are [batch, head, row, dim] with any signed byte strides, the last dimension contiguous. Ragged tensors
are
|*    [total rows, head, dim], with the first row of each request in q_rows / kv_rows. `lse` has no dim.
|*  * Strings and arrays of a call are copied; tensor data is borrowed until the plan is destroyed or updated.
|*  * GPUs: a plan for ATTN_DEVICE_CUDA takes addresses of device memory. Loading code, memory for what kernels need
|*    besides tensors, and copies of operands that have a domain (they must be written by then) are the plan's work; a
|*    run only launches. Data and strides of queries, keys, values and out are multiples of 16 bytes.
|*  * Artifacts are trusted code. Tensors, lengths and scalars are not trusted: plan checks them all.
|*  * Threads: artifacts may be shared. A plan may run on several threads at once with one workspace each;
attn_plan_update
|*    and attn_plan_destroy need it to be idle.
|*
\*===----------------------------------------------------------------------===*/
#ifndef ATTN_ATTN_H
#define ATTN_ATTN_H

#include <stddef.h>
#include <stdint.h>

#if defined(ATTN_BUILDING_RUNTIME) && defined(__GNUC__)
#define ATTN_API __attribute__((visibility("default")))
#else
#define ATTN_API
#endif

#ifdef __cplusplus
extern "C" {
#else
/** Initialiser of a struct of this header in C; attn.hpp has attn::init for C++. */
#define ATTN_INIT(type) {.struct_size = sizeof(type), .version = ATTN_STRUCT_VERSION}
#endif

#define ATTN_STRUCT_VERSION 1
#define ATTN_WORKSPACE_ALIGNMENT 64

/** Limits that plan enforces. Lengths, positions and scalars are below 2^31 in magnitude. */
#define ATTN_MAX_LENGTH 2147483647
#define ATTN_MAX_BATCH (1 << 20)
#define ATTN_MAX_HEADS (1 << 20)
#define ATTN_MAX_THREADS 1024

/** Stable codes. attn_code_name gives the names. */
enum attn_code {
  ATTN_OK = 0,
  ATTN_ERR_INVALID_ARGUMENT = 1, /**< null pointer, wrong struct size or version, a call that cannot be meant */
  ATTN_ERR_OUT_OF_MEMORY = 2,
  ATTN_ERR_IO = 3,               /**< a file cannot be read */
  ATTN_ERR_ARTIFACT = 4,         /**< not an artifact, or a damaged one */
  ATTN_ERR_ARTIFACT_VERSION = 5, /**< made for another version of the format or of the kernel ABI */
  ATTN_ERR_NO_ENTRY = 6,         /**< no entry point of that name */
  ATTN_ERR_NO_VARIANT = 7,       /**< no variant for these dtypes, dimensions and this machine */
  ATTN_ERR_UNKNOWN_NAME = 8,     /**< a tensor or scalar that the entry point does not have, or one given twice */
  ATTN_ERR_MISSING = 9,          /**< a tensor or scalar that the entry point needs */
  ATTN_ERR_DTYPE = 10,
  ATTN_ERR_SHAPE = 11,
  ATTN_ERR_STRIDE = 12,
  ATTN_ERR_POINTER = 13,      /**< null or misaligned data */
  ATTN_ERR_RANGE = 14,        /**< a length, scalar, head or row that is out of its limits */
  ATTN_ERR_POSITIONS = 15,    /**< the positions of the queries are not determined */
  ATTN_ERR_DOMAIN = 16,       /**< operand data outside the declared domain (sorted, boolean) */
  ATTN_ERR_WORKSPACE = 17,    /**< workspace too small or misaligned */
  ATTN_ERR_ZERO_DIVISOR = 18, /**< an expression divided by zero; the outputs are not to be used */
  ATTN_ERR_NO_DEVICE = 19,    /**< no such device: no driver, one too old, or no GPU of that index */
  ATTN_ERR_DEVICE = 20,       /**< a call of the driver failed, or the emulator found a fault in a kernel */
  ATTN_ERR_SPEC = 32,         /**< compiler: the spec is wrong */
  ATTN_ERR_UNSUPPORTED = 33,  /**< compiler: the spec is right but not supported */
  ATTN_ERR_COMPILER = 34      /**< compiler: failed, crashed, or ran out of time or memory */
};

enum attn_dtype {
  ATTN_F32 = 1,
  ATTN_F16 = 2,
  ATTN_BF16 = 3,
  ATTN_F64 = 4,  /**< scalars and reference results only */
  ATTN_BOOL = 5, /**< one byte, 0 or 1 */
  ATTN_I8 = 6,
  ATTN_I32 = 7,
  ATTN_I64 = 8
};

enum attn_role {
  ATTN_ROLE_QUERY = 1,
  ATTN_ROLE_KEY = 2,
  ATTN_ROLE_VALUE = 3,
  ATTN_ROLE_OUT = 4,
  ATTN_ROLE_LSE = 5,
  ATTN_ROLE_OPERAND = 6
};

/** What is promised of an operand's values, and checked. */
enum attn_domain {
  ATTN_DOMAIN_ANY = 0,
  ATTN_DOMAIN_SORTED = 1, /**< not decreasing along the last dimension, padding included */
  ATTN_DOMAIN_BOOLEAN = 2 /**< 0 or 1 */
};

enum attn_positions {
  ATTN_POSITIONS_UNSTATED = 0, /**< refused where q_len != kv_len */
  ATTN_POSITIONS_BOTTOM_RIGHT = 1,
  ATTN_POSITIONS_TOP_LEFT = 2,
  ATTN_POSITIONS_TENSOR = 3 /**< q_pos must be given */
};

typedef struct attn_artifact attn_artifact;
typedef struct attn_plan attn_plan;

/** Where a plan runs. The variants of its entry point are those for the CPU or those for GPUs accordingly. */
enum attn_device_kind {
  ATTN_DEVICE_CPU = 0,
  ATTN_DEVICE_CUDA = 1,    /**< an NVIDIA GPU; all tensors and the workspace are in its memory */
  ATTN_DEVICE_EMULATOR = 2 /**< runs GPU code on the CPU, very slowly, and reports what a GPU would not */
};

/** When asynchronous copies of the emulator take effect. */
enum attn_emulator_completion {
  ATTN_COMPLETE_EARLY = 0, /**< at once */
  ATTN_COMPLETE_LATE = 1,  /**< when they are waited for */
  ATTN_COMPLETE_RANDOM = 2 /**< in between, drawn from the seed */
};

/** A named tensor of a call: input, output or operand of the entry point. */
typedef struct attn_tensor {
  uint32_t struct_size, version;
  const char *name;
  void *data; /**< inputs are not written */
  int32_t dtype;
  int32_t ndim;
  const int64_t *shape;
  const int64_t *strides;  /**< bytes; NULL: C order */
  const int32_t *head_map; /**< keys and values only: for each of kv_heads the head of this tensor that holds it, or -1
                              for none; NULL: the identity */
} attn_tensor;

/** A named scalar: one value, or one per request. */
typedef struct attn_scalar {
  uint32_t struct_size, version;
  const char *name;
  const void *data;
  int32_t dtype;    /**< ATTN_I64, ATTN_I32, ATTN_F32 or ATTN_F64; floats only for float parameters */
  int32_t reserved; /**< zero */
  int64_t count;    /**< 1 or batch */
} attn_scalar;

/** Runs body(context, i) for each i in [0, count), in any order, on any threads, and returns when all have returned. */
typedef void (*attn_parallel_for)(void *user, int64_t count, void (*body)(void *context, int64_t index), void *context);

/** A call: sizes, tensors, scalars and how to run it. */
typedef struct attn_plan_desc {
  uint32_t struct_size, version;
  int64_t batch, q_heads, kv_heads; /**< q_heads is a multiple of kv_heads */
  int64_t layer;
  int64_t q_len, kv_len;           /**< of every request, where the arrays below are NULL */
  const int64_t *q_lens, *kv_lens; /**< batch lengths */
  const int64_t *q_rows, *kv_rows; /**< ragged tensors: batch first rows. Rows of queries must not overlap */
  const int64_t *q_pos;       /**< batch positions of query row 0; exactly where positions is ATTN_POSITIONS_TENSOR */
  const attn_tensor *tensors; /**< an output that is not listed is not computed; `out` must be */
  int64_t tensor_count;
  const attn_scalar *scalars; /**< those not listed have their defaults */
  int64_t scalar_count;
  const char *isa; /**< take the variant of this ISA; NULL: the best that the machine has */
  int32_t threads; /**< largest number of threads; 0: those of the machine */
  int32_t reserved;
  attn_parallel_for parallel_for; /**< NULL: the library's own pool */
  void *parallel_user;
  int32_t device;       /**< attn_device_kind */
  int32_t device_index; /**< of ATTN_DEVICE_CUDA: the driver's ordinal */
  int32_t emulator_completion; /**< attn_emulator_completion */
  int32_t reserved2;
  uint64_t emulator_seed; /**< order of warps and of random completion; 0: in turn */
} attn_plan_desc;

typedef struct attn_argument_info {
  uint32_t struct_size, version;
  const char *name; /**< lives as long as the artifact */
  int32_t role;     /**< attn_role */
  int32_t dtype;    /**< attn_dtype of an operand or of lse; 0: that of the variant */
  int32_t required;
  const char *sink_param; /**< keys and values in a sink ring: the params that size it. NULL: slots are positions */
  const char *ring_param;
  int32_t rank;         /**< of an operand */
  int32_t domain;       /**< of an operand: attn_domain */
  const char *shape[4]; /**< of an operand: names of sizes or integers, as in the spec */
  int32_t slots;        /**< keys and values numbered by slot: [batch, kv_heads, slots, dim] with any number of slots */
  int32_t reserved;
} attn_argument_info;

typedef struct attn_param_info {
  uint32_t struct_size, version;
  const char *name;
  int32_t dtype;       /**< ATTN_I64 or ATTN_F32 */
  int32_t has_default; /**< 0: must be given */
  int64_t int_default;
  double float_default;
  int32_t positive; /**< the value must be above zero */
  int32_t reserved;
} attn_param_info;

typedef struct attn_variant_info {
  uint32_t struct_size, version;
  const char *isa;
  int32_t dtype;
  int32_t usable; /**< the CPU of this machine can run it; 0 for GPU code, which needs a device */
  int64_t d, dv;
} attn_variant_info;

/** Version of the library, "0.1.0". */
ATTN_API const char *attn_version(void);
/** Name of a code ("NO_VARIANT"), or "UNKNOWN". */
ATTN_API const char *attn_code_name(int32_t code);
/** What went wrong in the last failed call of this thread; valid until the next one. Never NULL. */
ATTN_API const char *attn_last_error(void);
/** Bytes of an element, 0 for an unknown dtype. */
ATTN_API int64_t attn_dtype_size(int32_t dtype);

ATTN_API int32_t attn_artifact_open(const char *path, attn_artifact **artifact);
/** The bytes are copied. */
ATTN_API int32_t attn_artifact_open_bytes(const void *bytes, size_t size, attn_artifact **artifact);
/** Plans made from the artifact stay valid. NULL is allowed. */
ATTN_API void attn_artifact_close(attn_artifact *artifact);

/** The manifest, JSON text that ends with a zero byte. `size` may be NULL. */
ATTN_API const char *attn_artifact_manifest(const attn_artifact *artifact, size_t *size);
/** The normalised spec inside the manifest, JSON text as above. */
ATTN_API const char *attn_artifact_spec(const attn_artifact *artifact, size_t *size);
ATTN_API int32_t attn_artifact_positions(const attn_artifact *artifact);
ATTN_API int64_t attn_artifact_entry_count(const attn_artifact *artifact);
/** NULL past the end. */
ATTN_API const char *attn_artifact_entry_name(const attn_artifact *artifact, int64_t index);
/** Inputs, then outputs, then the operands that the entry point reads; ATTN_ERR_RANGE past the end. A NULL entry is the
 *  only one. */
ATTN_API int32_t attn_artifact_argument(const attn_artifact *artifact, const char *entry, int64_t index,
                                        attn_argument_info *info);
ATTN_API int32_t attn_artifact_param(const attn_artifact *artifact, int64_t index, attn_param_info *info);
ATTN_API int32_t attn_artifact_variant(const attn_artifact *artifact, const char *entry, int64_t index,
                                       attn_variant_info *info);

/** Checks the call and prepares it. A NULL entry is the only one. */
ATTN_API int32_t attn_plan_create(const attn_artifact *artifact, const char *entry, const attn_plan_desc *desc,
                                  attn_plan **plan);
/** Plans the same entry point for another call (lengths, scalars, tensors), without loading code again. The workspace
 * size may change. On an error the plan is as before. */
ATTN_API int32_t attn_plan_update(attn_plan *plan, const attn_plan_desc *desc);
ATTN_API int32_t attn_plan_workspace_size(const attn_plan *plan, size_t *bytes);
/** One line on what was chosen: variant, tile forms, tasks, threads. Lives as long as the plan is not updated. */
ATTN_API const char *attn_plan_summary(const attn_plan *plan);
/** NULL is allowed. */
ATTN_API void attn_plan_destroy(attn_plan *plan);

/** Runs the plan and returns when the outputs are written. Allocates nothing, except for the emulator. On a GPU: on the
 *  default stream. */
ATTN_API int32_t attn_run(const attn_plan *plan, void *workspace, size_t workspace_size);
/** Starts a plan for ATTN_DEVICE_CUDA on a stream (CUstream or cudaStream_t; NULL: the default stream) and returns; the
 *  stream may be capturing a graph. A division by zero is not reported: the first 8 bytes of the workspace hold
 *  attn_kernel_status (KernelABI.h) once the stream is done. For other plans as attn_run; `stream` must be NULL. */
ATTN_API int32_t attn_run_on(const attn_plan *plan, void *workspace, size_t workspace_size, void *stream);

/** Memory of a device (attn_device_kind, not ATTN_DEVICE_CPU) for callers that have no other way to it, aligned to 256
 *  bytes. `index` is as in
 *  attn_plan_desc. Copies are done when they return; reads come after all work of the default stream. */
ATTN_API int32_t attn_device_allocate(int32_t device, int32_t index, size_t bytes, void **memory);
ATTN_API int32_t attn_device_release(int32_t device, int32_t index, void *memory);
ATTN_API int32_t attn_device_write(int32_t device, int32_t index, void *target, const void *source, size_t bytes);
ATTN_API int32_t attn_device_read(int32_t device, int32_t index, void *target, const void *source, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_ATTN_H */
