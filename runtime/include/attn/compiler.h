/*===- compiler.h - C ABI of the attn compiler ---------------------*- C -*-===*\
|*
|* The two functions of libattn: a pattern to an artifact, and the reference, an fp64 interpreter of the pattern that
says
|* what the right result is. Conventions are those of attn.h; the error message is attn_compiler_last_error(), since
|* libattn does not need the runtime. A pattern is untrusted text.
|*
\*===----------------------------------------------------------------------===*/
#ifndef ATTN_COMPILER_H
#define ATTN_COMPILER_H

#include "attn/attn.h"

#if defined(ATTN_BUILDING_COMPILER) && defined(__GNUC__)
#define ATTN_COMPILER_API __attribute__((visibility("default")))
#else
#define ATTN_COMPILER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attn_compile_options {
  uint32_t struct_size, version;
  const char *targets; /**< comma-separated: "cpu" (this machine), "x86-64-v4-bf16", "x86-64-v4", "x86-64-v3",
                            "generic"; GPUs: "sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120"; NULL: "cpu" */
  const char *const *variants; /**< each "d=128,dv=128,dtype=bf16"; none: those of the spec's `types`, else f32 d=64 */
  int64_t variant_count;
  int32_t assemble; /**< 1: machine code for the GPUs too, by ptxas of the CUDA toolkit; else its driver makes it */
  int32_t reserved; /**< zero */
} attn_compile_options;

typedef struct attn_reference_options {
  uint32_t struct_size, version;
  int32_t precision; /**< ATTN_F64: the arbiter. ATTN_F32, ATTN_F16, ATTN_BF16: the naive algorithm with every
                        intermediate rounded to that type, which is the yardstick for errors */
  int32_t reserved;
} attn_reference_options;

/** Compiles a pattern (JSON) to the bytes of an artifact, to be freed with attn_free. NULL options: all defaults. */
ATTN_COMPILER_API int32_t attn_compile(const char *spec, size_t spec_size, const attn_compile_options *options,
                                       void **artifact, size_t *artifact_size);
ATTN_COMPILER_API void attn_free(void *memory);

/** Computes a call of entry point `entry` (NULL: the only one) from the definition of the pattern. `desc` is as for
 *  attn_plan_create; outputs may be of any float type, ATTN_F64 included. NULL options: ATTN_F64. */
ATTN_COMPILER_API int32_t attn_reference_run(const char *spec, size_t spec_size, const char *entry,
                                             const attn_plan_desc *desc, const attn_reference_options *options);

/** What went wrong in the last failed call of this thread: code-specific text, for a wrong spec with its JSON pointer.
 */
ATTN_COMPILER_API const char *attn_compiler_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_COMPILER_H */
