//===- AttnDialect.td - The attn dialect --------------------------*- tablegen -*-===//
#ifndef ATTN_DIALECT_TD
#define ATTN_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let summary = "Attention patterns: what is computed, before any tile or target is chosen";
  let description = [{
    A pattern is an `attn.pattern`: declarations (parameters, operands, partitions, caches) and entry points (`func.func`)
    whose bodies compose operations on whole tensors. Logical tensors are `[batch, head, row, dim]`; the last dimension is
    static, the others are run-time sizes. Masks, scores, class rules and decays are regions of integer and float
    arithmetic over the coordinates

    | argument | meaning |
    |---|---|
    | `b` | request of the batch |
    | `h` | query head |
    | `g` | KV head, `h // (q_heads / kv_heads)` |
    | `l` | layer |
    | `q` | position of the query |
    | `k` | position of the key |

    all `i64`, in this order. Regions use `arith` and `math` operations besides the ones here; integer division and
    remainder are `arith.floordivsi` and `attn.mod`, both rounding towards minus infinity.

    Operations that change caches or select keys (`attn.select`, `attn.scan`, `attn.stencil`, `attn.pointwise`,
    `attn.cache.*`) take and return tensors like `attn.attend` does, so they compose with it by SSA values in an entry
    point and need no change to the operations below.
  }];
  let cppNamespace = "::attn::ir";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::func::FuncDialect"];
}

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;
class Attn_Attr<string name, string mnem, list<Trait> traits = []> : AttrDef<Attn_Dialect, name, traits> {
  let mnemonic = mnem;
}
class Attn_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::attn::ir";
}

#endif // ATTN_DIALECT_TD
