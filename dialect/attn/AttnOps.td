//===- AttnOps.td - Operations of the attn dialect ------------------*- tablegen -*-===//
#ifndef ATTN_OPS_TD
#define ATTN_OPS_TD

include "dialect/attn/AttnAttrs.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

def Attn_PatternOp : Attn_Op<"pattern", [IsolatedFromAbove, SymbolTable, Symbol, NoTerminator, SingleBlock,
                                         NoRegionArguments]> {
  let summary = "One attention variant: its declarations and entry points";
  let description = [{
    Holds `attn.param`, `attn.operand`, `attn.grid`, `attn.partition`, `attn.cache` and `func.func` entry points. Arguments
    and results of an entry point have the attributes `attn.name`, `attn.role` (query, key, value; out, lse) and, for keys and values,
    `attn.cache` (the name of their cache).

    `schedule` holds tile sizes that replace the cost model's: `{prefill = {rows, keys}, decode = {rows, keys}}`, each
    part optional.

    Constraints:
    * C1: the body holds only those operations.
    * C2: an entry point's arguments and results have `attn.name`.
    * C3: `schedule` has the members prefill and decode, each with the integers rows and keys from 1 to 1024, and no others.

    Example:
    ```mlir
    attn.pattern @window positions(bottom_right) {
      attn.param @window : i64 = 256
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<Attn_PositionsAttr>:$positions,
                       OptionalAttr<DictionaryAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`positions` `(` custom<PlainPositions>($positions)^ `)`)? (`schedule` $schedule^)? attr-dict-with-keyword
    $body
  }];
  let hasVerifier = 1;
}

def Attn_ParamOp : Attn_Op<"param", [Symbol, HasParent<"PatternOp">]> {
  let summary = "A run-time scalar with a default";
  let description = [{
    An integer (`i64`) or float (`f32`) that may change between runs, also per request of a batch.

    Constraints:
    * C1: the type is i64 or f32 and the default has that type.
    * C2: an integer default is below 2^31 in magnitude.

    Example:
    ```mlir
    attn.pattern @p {
      attn.param @window : i64 = 256
      attn.param @softcap : f32 = 50.0
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, TypedAttrInterface:$value);
  let assemblyFormat = "$sym_name `:` custom<ParamValue>($type, $value) attr-dict";
  let hasVerifier = 1;
}

def Attn_OperandOp : Attn_Op<"operand", [Symbol, HasParent<"PatternOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A run-time tensor that expressions read";
  let description = [{
    The shape is a list of sizes: `batch`, `q_heads`, `kv_heads`, `layers`, `q_len`, `kv_len` (both per request, padded to
    the longest), the name of a parameter, or an integer. `kv_len` and `q_len` dimensions are indexed by position.
    Elements are read as i64 or f32. Every index is clamped to the dimension. `values` is what the operand holds where the
    caller gives no tensor.

    Constraints:
    * C1: there are one to four sizes, each a string or a positive integer.
    * C2: the element type is i1, i8, i32, i64, f32, f16 or bf16.
    * C3: each string is one of the sizes above or names an integer parameter.
    * C4: `values` have that element type, one dimension per size, and the size where it is an integer.

    Example:
    ```mlir
    attn.pattern @documents {
      attn.operand @doc ["batch", "kv_len"] : i32 domain(sorted)
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$shape, TypeAttr:$type,
                       DefaultValuedAttr<Attn_DomainAttr, "::attn::ir::Domain::Any">:$domain,
                       OptionalAttr<ElementsAttr>:$values);
  let assemblyFormat = [{
    $sym_name $shape `:` $type (`domain` `(` custom<PlainDomain>($domain)^ `)`)? (`values` `(` $values^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

def Attn_GridOp : Attn_Op<"grid", [HasParent<"PatternOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The sequence as a row-major grid of tokens";
  let description = [{
    Axes with their sizes, slowest first. It changes no result: expressions compute coordinates from q and k. Where a mask
    does, passes tile the sequence by boxes of the grid. The slowest axis is as long as the sequence needs; its size is
    what `attn-compile --explain` assumes.

    Constraints:
    * C1: there are one to three axes with distinct names, and as many sizes.
    * C2: each size is a positive integer or names an integer parameter.
    * C3: a pattern has at most one grid.

    Example:
    ```mlir
    attn.pattern @p {
      attn.param @rows : i64 = 14
      attn.grid ["y", "x"] sizes ["rows", 14]
    }
    ```
  }];
  let arguments = (ins StrArrayAttr:$axes, ArrayAttr:$sizes);
  let assemblyFormat = "$axes `sizes` $sizes attr-dict";
  let hasVerifier = 1;
}

def Attn_CacheOp : Attn_Op<"cache", [Symbol, HasParent<"PatternOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Where keys and values live";
  let description = [{
    Names a layout. `sink` and `ring` are the names of integer parameters (layout `sink_ring` only).

    Constraints:
    * C1: `sink` and `ring` are given exactly for the layout `sink_ring`.
    * C2: they name integer parameters.

    Example:
    ```mlir
    attn.pattern @p {
      attn.param @sink : i64 = 64
      attn.param @recent : i64 = 256
      attn.cache @whole layout(contiguous)
      attn.cache @ring layout(sink_ring) sink(@sink) ring(@recent)
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Attn_LayoutAttr:$layout,
                       OptionalAttr<FlatSymbolRefAttr>:$sink, OptionalAttr<FlatSymbolRefAttr>:$ring);
  let assemblyFormat = [{
    $sym_name `layout` `(` custom<PlainLayout>($layout) `)` (`sink` `(` $sink^ `)`)? (`ring` `(` $ring^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

def Attn_PartitionOp : Attn_Op<"partition", [Symbol, SymbolTable, HasParent<"PatternOp">, NoTerminator, SingleBlock,
                                             NoRegionArguments]> {
  let summary = "A split of one axis into named classes";
  let description = [{
    Classes are tried in order; the first whose rule holds takes the element. A class without a rule takes the rest.

    Constraints:
    * C1: the body holds `attn.class` only, at least two.
    * C2: exactly the last class has no rule, so that the split is total.
    * C3: a rule reads only `b`, `l` and the coordinates of its axis (`h` and `g` on q_head, `g` on kv_head, `q` on query,
      `k` on key); on layer `l` alone.

    Example:
    ```mlir
    attn.pattern @p {
      attn.operand @is_retrieval ["kv_heads"] : i1
      attn.partition @heads axis(kv_head) {
        attn.class @retrieval when {
        ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
          %0 = attn.element @is_retrieval[%g] : i64
          %c0 = arith.constant 0 : i64
          %1 = arith.cmpi ne, %0, %c0 : i64
          attn.yield %1 : i1
        }
        attn.class @streaming otherwise
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Attn_AxisAttr:$axis);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `axis` `(` custom<PlainAxis>($axis) `)` attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Attn_ClassOp : Attn_Op<"class", [Symbol, HasParent<"PartitionOp">]> {
  let summary = "One class of a partition";
  let description = [{
    Constraints:
    * C1: a rule region has the six coordinates as arguments and yields one i1.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region AnyRegion:$rule);
  let assemblyFormat = "$sym_name custom<Rule>($rule) attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

def Attn_AttendOp : Attn_Op<"attend", [NoTerminator, SingleBlock, NoRegionArguments, AttrSizedOperandSegments,
                                       RecursiveMemoryEffects, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Attention of queries over one or more caches";
  let description = [{
    For every (query head, query) the visible keys are those whose kernel map's mask holds; the kernel map of a
    (head, query, key) is the first one whose classes hold. Results: `out` `[batch, q_heads, q_len, value dim]` and `lse`
    `[batch, q_heads, q_len]`, the natural logarithm of the sum of exponentials of the scores.
    A row with no visible key has out = 0 and lse = -inf.

    `scale` multiplies the dot products; the default is (head dim)^-1/2. A parameter given as `scale_param` replaces it at
    run time.

    Constraints:
    * C1: q, keys and values have rank 4 with a static last dimension of 1 to 576.
    * C2: keys have q's last dimension; there are as many values as keys, and all values have out's last dimension.
    * C3: the body holds `attn.kernel_map` only, at least one, and the last one has no classes.
    * C4: a kernel map's cache index is below the number of caches.
    * C5: element types of q, keys and values are f32, f16 or bf16 and equal; out has that type or f32; lse is f32 of
      rank 3.
    * C6: `scale_param` names a float parameter; `caches`, if given, names one `attn.cache` per keys operand.
    * C7: a cache with the layout `slots` is the only one; `k` is then the slot.

    Example: see `attn.kernel_map`.
  }];
  let arguments = (ins AnyRankedTensor:$query, Variadic<AnyRankedTensor>:$keys, Variadic<AnyRankedTensor>:$values,
                       OptionalAttr<F64Attr>:$scale, OptionalAttr<FlatSymbolRefAttr>:$scale_param,
                       OptionalAttr<SymbolRefArrayAttr>:$caches);
  let results = (outs AnyRankedTensor:$out, AnyRankedTensor:$lse);
  let regions = (region SizedRegion<1>:$maps);
  let assemblyFormat = [{
    $query `keys` `(` $keys `)` `values` `(` $values `)` (`caches` $caches^)? (`scale` `(` $scale^ `)`)?
    (`scale_param` `(` $scale_param^ `)`)? attr-dict
    `:` type($query) `,` `(` type($keys) `)` `,` `(` type($values) `)` `->` type($out) `,` type($lse) $maps
  }];
  let hasVerifier = 1;
}

def Attn_KernelMapOp : Attn_Op<"kernel_map", [HasParent<"AttendOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "What one class of (head, query, key) computes";
  let description = [{
    `classes` names one class per partition; all must hold. With `zero_value` the keys take part in the softmax
    denominator and add nothing to `out`; their values are not read. Regions:
    * `mask` (six coordinates) -> i1: is the key visible to the query;
    * `score` (raw score f32, then six coordinates) -> f32, on the scaled dot product; absent: unchanged;
    * `decay` (six coordinates) -> f32, weight `#attn.linear` only;
    * `which` (six coordinates) -> i64, the index of the cache, instead of the constant `cache` (passes make it when they
      fuse head classes with different caches).

    Constraints:
    * C1: mask has the six coordinates as i64 arguments and yields one i1.
    * C2: score has an f32 and the six coordinates as arguments and yields one f32.
    * C3: decay is present exactly with `#attn.linear`, reads no `q` and no `k`, and yields one f32.
    * C4: `cache` is not negative.
    * C5: which, where present, reads only `b`, `g` and `l`, and yields one i64.
    * C6: weight is `#attn.softmax`, or `#attn.linear` of form "quadratic" or "chunked".
    * C7: `classes` name classes as `@partition::@class`, at most one of each partition.
    * C8: a softmax seed names a float operand `["q_heads"]`; rope tables name float operands of rank 2.
    * C9: `zero_value` only with `#attn.softmax`.

    Example:
    ```mlir
    attn.pattern @causal positions(bottom_right) {
      func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                        %v: tensor<?x?x?x64xf32> {attn.name = "v"})
          -> (tensor<?x?x?x64xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
        %out, %lse = attn.attend %q keys(%k) values(%v)
            : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
            -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
          attn.kernel_map weight(#attn.softmax) mask {
          ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
            %0 = arith.cmpi sle, %k0, %q0 : i64
            attn.yield %0 : i1
          }
        }
        return %out, %lse : tensor<?x?x?x64xf32>, tensor<?x?x?xf32>
      }
    }
    ```
  }];
  let arguments = (ins OptionalAttr<SymbolRefArrayAttr>:$classes, AnyAttr:$weight,
                       DefaultValuedAttr<I64Attr, "0">:$cache, OptionalAttr<Attn_RopeAttr>:$rope,
                       UnitAttr:$zero_value);
  let regions = (region SizedRegion<1>:$mask, AnyRegion:$score, AnyRegion:$decay,
                        AnyRegion:$which);
  let assemblyFormat = [{
    ($classes^)? `weight` `(` $weight `)` (`cache` `(` $cache^ `)`)? (`rope` `(` $rope^ `)`)? (`zero_value` $zero_value^)? attr-dict
    `mask` $mask custom<OptionalRegion>("\"score\"", $score) custom<OptionalRegion>("\"decay\"", $decay)
    custom<OptionalRegion>("\"which\"", $which)
  }];
  let hasVerifier = 1;
}

def Attn_MergeOp : Attn_Op<"merge", [Pure, AttrSizedOperandSegments]> {
  let summary = "Join partial attention results over disjoint key sets";
  let description = [{
    With m = max over i of lse_i: `lse = m + log(sum exp(lse_i - m))`, `out = sum out_i * exp(lse_i - lse)`.
    The outs belong to the first lses; the other lses are those of parts whose values are zero (`zero_value`). A row that is -inf everywhere stays out = 0, lse = -inf. Source: the (O, LSE) merge of FlashDecoding and cascades.

    Constraints:
    * C1: at least one lse and at most as many outs, all outs of one type and all lses of
      one type; the result out has their shape and may have another element type.

    Example:
    ```mlir
    %o, %l = attn.merge outs(%o0, %o1) lses(%l0, %l1)
        : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>), (tensor<?x?x?xf32>, tensor<?x?x?xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$outs, Variadic<AnyRankedTensor>:$lses);
  let results = (outs AnyRankedTensor:$out, AnyRankedTensor:$lse);
  let assemblyFormat = [{
    `outs` `(` $outs `)` `lses` `(` $lses `)` attr-dict
    `:` custom<TypeList>(type($outs)) `,` `(` type($lses) `)` `->` type($out) `,` type($lse)
  }];
  let hasVerifier = 1;
}

def Attn_GatedSumOp : Attn_Op<"gated_sum", [Pure]> {
  let summary = "Sum of attention results, each weighed by a gate";
  let description = [{
    `out = sum gate_i * out_i`, where the gate of a row is what its region yields for the row's coordinates.
    Source: the soft gate of DuoAttention (arXiv 2410.10819).

    Constraints:
    * C1: two or more outs, all of one type, and one gate each; out has their shape and may have another element type.
    * C2: a gate has the six coordinates as arguments, does not read `k`, and yields one f32.

    Example:
    ```mlir
    %o = attn.gated_sum outs(%o0, %o1) : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> gates {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = arith.constant 0.25 : f32
      attn.yield %0 : f32
    }, {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = arith.constant 0.75 : f32
      attn.yield %0 : f32
    }
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$outs);
  let results = (outs AnyRankedTensor:$out);
  let regions = (region VariadicRegion<SizedRegion<1>>:$gates);
  let assemblyFormat = "`outs` `(` $outs `)` attr-dict `:` functional-type($outs, $out) `gates` $gates";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

def Attn_ScalarOp : Attn_Op<"scalar", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a parameter or size";
  let description = [{
    Reads an `attn.param`, or one of the sizes `batch`, `q_heads`, `kv_heads`, `q_len`, `kv_len` (the last two of the
    request `b`).

    Constraints:
    * C1: the symbol is a size (result i64) or an `attn.param` of the enclosing pattern with the result's type.

    Example: `%w = attn.scalar @window : i64`
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyTypeOf<[I64, F32]>:$value);
  let assemblyFormat = "$symbol attr-dict `:` type($value)";
}

def Attn_ElementOp : Attn_Op<"element", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "One element of an operand";
  let description = [{
    Integer and boolean operands give i64, float operands f32. Each index is clamped to its dimension.

    Constraints:
    * C1: the symbol is an `attn.operand` of the enclosing pattern with as many dimensions as there are indices.
    * C2: the result is f32 for a float operand and i64 for any other.

    Example: `%d = attn.element @doc[%b, %q] : i64`
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, Variadic<I64>:$indices);
  let results = (outs AnyTypeOf<[I64, F32]>:$value);
  let assemblyFormat = "$symbol `[` $indices `]` attr-dict `:` type($value)";
}

def Attn_ModOp : Attn_Op<"mod", [Pure]> {
  let summary = "Remainder of a division rounding towards minus infinity";
  let description = [{ `mod(a, b) = a - b * floor(a / b)`, so the result has the sign of b.

    Example: `%r = attn.mod %a, %b` }];
  let arguments = (ins I64:$lhs, I64:$rhs);
  let results = (outs I64:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
}

def Attn_IsPow2Op : Attn_Op<"is_pow2", [Pure]> {
  let summary = "Whether an integer is 1, 2, 4, ...";
  let description = [{ False for zero and negative numbers. Example: `%p = attn.is_pow2 %d` }];
  let arguments = (ins I64:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$value attr-dict";
}

class Attn_SearchOp<string mnemonic> : Attn_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]>;

def Attn_MemberOp : Attn_SearchOp<"member"> {
  let summary = "Whether a list in an operand holds a value";
  let description = [{
    The list is the elements `from <= p < to` of the operand's last dimension; positions outside of the operand hold
    nothing. Indices before the last are clamped to their dimensions.

    Constraints:
    * C1: the symbol is an integer `attn.operand` of the enclosing pattern with one dimension more than there are
      indices.

    Example: `%m = attn.member %block in @columns[] from %first to %end`
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, I64:$value, I64:$from, I64:$to, Variadic<I64>:$indices);
  let results = (outs I1:$result);
  let assemblyFormat = "$value `in` $symbol `[` $indices `]` `from` $from `to` $to attr-dict";
}

def Attn_AncestorOp : Attn_SearchOp<"ancestor"> {
  let summary = "Whether a node of a tree is another one or above it";
  let description = [{
    The operand's last dimension holds the parent of each node. True if `node` is `of` or is met on the way from it to
    its parent, to the parent of that, ...; the way ends at a parent that is not below its child, and outside of the
    operand. Indices before the last are clamped.

    Constraints:
    * C1: the symbol is an integer `attn.operand` of the enclosing pattern with one dimension more than there are
      indices.

    Example: `%a = attn.ancestor %node of %leaf in @parent[%b]`
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, I64:$of, I64:$node, Variadic<I64>:$indices);
  let results = (outs I1:$result);
  let assemblyFormat = "$node `of` $of `in` $symbol `[` $indices `]` attr-dict";
}

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator]> {
  let summary = "The value of an expression region";
  let description = [{ Example: `attn.yield %0 : i1` }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // ATTN_OPS_TD
