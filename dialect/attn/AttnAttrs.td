//===- AttnAttrs.td - Attributes of the attn dialect ---------------*- tablegen -*-===//
#ifndef ATTN_ATTRS_TD
#define ATTN_ATTRS_TD

include "dialect/attn/AttnDialect.td"

def Attn_Positions : Attn_Enum<"Positions", "which position the first query row of a call has", [
  I32EnumAttrCase<"BottomRight", 0, "bottom_right">,
  I32EnumAttrCase<"TopLeft", 1, "top_left">,
  I32EnumAttrCase<"Tensor", 2, "tensor">]>;
def Attn_PositionsAttr : EnumAttr<Attn_Dialect, Attn_Positions, "positions"> {
  let summary = "Position rule of an entry point";
  let description = [{
    Query row i of a request has position `q0 + i`: `bottom_right` is `q0 = kv_len - q_len`, `top_left` is `q0 = 0`,
    `tensor` takes q0 of each request at run time.
  }];
}

def Attn_Axis : Attn_Enum<"Axis", "the axis that a partition splits", [
  I32EnumAttrCase<"Batch", 0, "batch">,
  I32EnumAttrCase<"QHead", 1, "q_head">,
  I32EnumAttrCase<"KVHead", 2, "kv_head">,
  I32EnumAttrCase<"Query", 3, "query">,
  I32EnumAttrCase<"Key", 4, "key">,
  I32EnumAttrCase<"Layer", 5, "layer">]>;
def Attn_AxisAttr : EnumAttr<Attn_Dialect, Attn_Axis, "axis"> {
  let summary = "Axis of a partition";
}

def Attn_Domain : Attn_Enum<"Domain", "what is promised of the values of an operand", [
  I32EnumAttrCase<"Any", 0, "any">,
  I32EnumAttrCase<"Sorted", 1, "sorted">,
  I32EnumAttrCase<"Boolean", 2, "boolean">]>;
def Attn_DomainAttr : EnumAttr<Attn_Dialect, Attn_Domain, "domain"> {
  let summary = "Domain of an operand's values";
  let description = [{
    `sorted`: values do not decrease along the last dimension (document ids). The plan step checks a declared domain.
  }];
}

def Attn_Layout : Attn_Enum<"Layout", "where the rows of a cache lie", [
  I32EnumAttrCase<"Contiguous", 0, "contiguous">,
  I32EnumAttrCase<"SinkRing", 1, "sink_ring">,
  I32EnumAttrCase<"Slots", 2, "slots">]>;
def Attn_LayoutAttr : EnumAttr<Attn_Dialect, Attn_Layout, "layout"> {
  let summary = "Layout of a cache";
  let description = [{
    `contiguous`: position p is at slot p (ragged batches start each request at its own row). `sink_ring`: positions below
    `sink` are at slot p, the others at slot `sink + (p - sink) % ring`; only positions below `sink` and the last `ring`
    positions are resident, the rest is not visible. `slots`: the keys are no positions of the sequence; they are numbered by
    slot, and there are as many as the tensors have rows.
  }];
}

def Attn_SoftmaxAttr : Attn_Attr<"Softmax", "softmax"> {
  let summary = "Weight: softmax over the visible keys";
  let description = [{
    State per query row: running maximum m, sum l, accumulator acc. `seed` names an operand `[q_heads]` with a learned
    sink logit per head, folded in once: it adds exp(seed) to the denominator and nothing to the numerator.
  }];
  let parameters = (ins OptionalParameter<"::mlir::FlatSymbolRefAttr">:$seed);
  let assemblyFormat = "(`<` `seed` `=` $seed^ `>`)?";
}

def Attn_LinearAttr : Attn_Attr<"Linear", "linear"> {
  let summary = "Weight: decayed linear attention, no normalisation";
  let description = [{
    O[q] = sum over visible k of decay(h)^(q - k) * score(q, k) * V[k]. State per head: S = sum of decayed K^T V, ordered
    along the sequence. The decay is the kernel map's `decay` region, a float in (0, 1] per head. `form` chooses how it
    runs: `quadratic` (over key tiles) or `chunked` (a scan over chunks of the sequence carrying S); both give the same
    result. Source: lightning attention / TransNormer, retention (arXiv 2307.08621).
  }];
  let parameters = (ins "::mlir::StringAttr":$form);
  let assemblyFormat = "`<` $form `>`";
}

def Attn_RopeAttr : Attn_Attr<"Rope", "rope"> {
  let summary = "Load transform: rotary position embedding";
  let description = [{
    Rotates pairs of channels by the angle of the row's position: the tables `cos` and `sin` are operands
    `[positions, dim / 2]`. `interleaved` pairs channels (2i, 2i+1); otherwise (i, i + dim/2).
    Source: RoFormer (arXiv 2104.09864).
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$cos, "::mlir::FlatSymbolRefAttr":$sin, "bool":$interleaved);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // ATTN_ATTRS_TD
