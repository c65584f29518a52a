//===- Passes.td - From patterns to the tiled form -------------------*- tablegen -*-===//
#ifndef ATTN_PASSES_TD
#define ATTN_PASSES_TD

include "mlir/Pass/PassBase.td"

def SimplifyMasks : Pass<"attn-simplify-masks", "::mlir::ModuleOp"> {
  let summary = "Bring masks and class rules to their canonical form";
  let description = [{
    Every mask, rule and `which` region is replaced by the canonical form of its expression (dialect/mask/Simplify.h):
    constants folded, negations pushed inwards, operands of `and` and `or` sorted, comparisons in one form. Patterns that
    say the same in other words get the same IR.
  }];
  let dependentDialects = ["::attn::ir::AttnDialect"];
}

def SplitPartitions : Pass<"attn-split-partitions", "::mlir::ModuleOp"> {
  let summary = "Split an attend over key classes into one attend per class and a merge";
  let description = [{
    An `attn.attend` whose kernel maps name classes of a partition of the key axis becomes one attend per class, its masks
    restricted to the class, joined by `attn.merge`. Where only some maps have `zero_value`, the attend (or the part) is
    split once more: the keys of those maps get an attend of which only the lse is used, so that their values are never
    read. The parts' outputs are f32, and merges of merges become one. Classes of other axes are left to
    `attn-fuse-kernel-maps`.
  }];
  let dependentDialects = ["::attn::ir::AttnDialect"];
}

def FuseKernelMaps : Pass<"attn-fuse-kernel-maps", "::mlir::ModuleOp"> {
  let summary = "Fuse the kernel maps of an attend into one";
  let description = [{
    Class conditions become part of the expressions: the mask is the disjunction of `condition and mask` (first match wins),
    scores and decays are selected by the condition, the cache by the `which` region, and positions that a `sink_ring`
    cache no longer holds are masked. The conditions are uniform for a tile of queries of one KV head, so a range program
    costs a head class only the tiles that its own mask visits. All maps must have one weight and one load transform.
  }];
  let dependentDialects = ["::attn::ir::AttnDialect"];
}

def TileAttention : Pass<"attn-tile", "::mlir::ModuleOp"> {
  let summary = "Lower entry points to kernels over tiles and a launch schedule";
  let description = [{
    Each `func.func` of the pattern becomes a `tile.entry`; each `attn.attend` a launch of tile kernels (one form for
    prefill, one for decode), with the score fused into the loop over key tiles and separate loop bodies for full and
    partial tiles; each `attn.merge` and `attn.gated_sum` a launch of a kernel
    over rows. Declarations stay in the `attn.pattern`.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "fp32 lanes of a vector register of the target">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "1048576", "L2 cache of the target in bytes">,
    Option<"tensorCores", "tensor-cores", "bool", "false", "tiles and scales for the matrix units of a GPU">,
    Option<"rows", "rows", "int64_t", "0", "rows of the prefill tile (0: the cost model chooses)">,
    Option<"keys", "keys", "int64_t", "0", "keys of a tile (0: the cost model chooses)">];
  let dependentDialects = ["::attn::tile::TileDialect", "::attn::ir::AttnDialect"];
}

def VerifyTiled : Pass<"attn-verify-tiled", "::mlir::ModuleOp"> {
  let summary = "Check the contract between passes and codegen";
  let description = [{
    Beyond the verifiers of single operations: V1 no operation of the attn dialect is left outside declarations; V2 every
    launch names kernels with the same argument names; V3 every kernel argument is an input, an output, a temporary, a
    parameter or an operand; V4 a temporary is stored by an earlier launch than the ones that load it; V5 the tiles of a
    `tile.for_keys` body have the schedule's keys; V6 every output of an entry is stored by some launch.
  }];
}

#endif // ATTN_PASSES_TD
