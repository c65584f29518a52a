//===- TileOps.td - Operations of the tile dialect -------------------*- tablegen -*-===//
#ifndef TILE_OPS_TD
#define TILE_OPS_TD

include "dialect/tile/TileDialect.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_KernelOp : Tile_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "One kernel: the body computes the row tile of one task";
  let description = [{
    Entry block arguments: `b, g, l, row0` (i64: request, KV head, layer, first logical row of the tile), then one
    argument per name in `args`: a view, a buffer, or a scalar (i64, f32). Scalars may differ per request.
    The order of `args` is the order of the argument words of the kernel ABI. `sorted` names buffers whose values do not
    decrease along the last dimension, `positive` integer scalars that are at least 1: the plan step checks both, and
    range programs use them.

    Constraints:
    * C1: the entry block has four i64 arguments followed by as many arguments as names.
    * C2: those are `!tile.view`, `!tile.buffer`, i64 or f32.
    * C3: the names are distinct.
    * C4: schedule rows and keys are positive.
    * C5: the names in `sorted` and `positive` are among `args`.
    * C6: a grid of the schedule has one to three axes: as many dilations, extents of rows and extents of keys, and one size
      less. Sizes and dilations are positive integers or names of i64 arguments; extents are positive integers.
    * C7: the extents of a grid multiply to the rows and keys of the schedule; pack is false and there is no `tile.for_rows`.

    Example:
    ```mlir
    tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
    ^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
      %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
      tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Tile_ScheduleAttr:$schedule, StrArrayAttr:$args,
                       OptionalAttr<StrArrayAttr>:$sorted, OptionalAttr<StrArrayAttr>:$positive);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `schedule` `(` $schedule `)` `args` $args (`sorted` $sorted^)? (`positive` $positive^)?
    attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}

def Tile_ReturnOp : Tile_Op<"return", [Terminator, HasParent<"KernelOp">]> {
  let summary = "End of a kernel";
  let description = [{ Example: `tile.return` }];
  let assemblyFormat = "attr-dict";
}

def Tile_EntryOp : Tile_Op<"entry", [Symbol, NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "Launch schedule of an entry point";
  let description = [{
    The launches of one call, in order. Arguments bind by name: a kernel argument named like an input or output of the
    entry is that tensor; a name starting with `%` is a temporary `[batch, q_heads, q_len (, dim)]` in the workspace; other
    names are parameters and operands of the pattern. `inputs` and `outputs` are dictionaries
    `{name, role, cache}` with the roles query, key, value, out, lse.

    Constraints:
    * C1: the body holds `tile.launch` only.
    * C2: inputs and outputs have a `name`; the role of an input is query, key or value, that of an output out or lse.

    Example: see `tile.launch`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$inputs, ArrayAttr:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `inputs` $inputs `outputs` $outputs attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Tile_LaunchOp : Tile_Op<"launch", [HasParent<"EntryOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run one kernel over all its tasks";
  let description = [{
    `forms` are kernels that compute the same thing with different tiles; the plan picks one from the lengths.

    Constraints:
    * C1: there is at least one form, each a `tile.kernel`.

    Example:
    ```mlir
    tile.entry @attend inputs [{name = "x", role = "query"} ] outputs [{name = "y", role = "out"} ] {
      tile.launch [@copy]
    }
    tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
    ^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
      %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
      tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolRefArrayAttr:$forms);
  let assemblyFormat = "$forms attr-dict";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "Load the logical rows of a row tile";
  let description = [{
    Loads logical rows `row0 ..` of the task through a view and converts them to f32. Rows past the last one repeat it.
    `scale` multiplies every element; `rope(cos, sin)` rotates pairs of channels by the row's position first (tables
    `[positions, dim / 2]`).

    Constraints:
    * C1: the result has the view's dimension as columns (rank 1 for a scalar view) and element type f32.
    * C2: `rope` is two float buffers of rank 2.

    Example: `%t = tile.load %q[%row0] scale(%s) : !tile.view<64xbf16> -> !tile.tile<96x64xf32>`
  }];
  let arguments = (ins Tile_ViewType:$view, I64:$row0, Optional<F32>:$scale, Variadic<Tile_BufferType>:$rope,
                       UnitAttr:$interleaved);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = [{
    $view `[` $row0 `]` (`scale` `(` $scale^ `)`)? (`rope` `(` $rope^ `:` type($rope) `)`)? (`interleaved` $interleaved^)?
    attr-dict `:` type($view) `->` type($tile)
  }];
  let hasVerifier = 1;
}
def Tile_LoadKeysOp : Tile_Op<"load_keys", []> {
  let summary = "Load a tile of key positions";
  let description = [{
    Loads positions `k0 ..` of the request's KV head through a view (which maps positions to slots) as f32. Positions
    past the end read as zero. With `seen`, rows that no query of the row tile sees under the mask of the enclosing
    `tile.for_keys` also read as zero, whatever the memory holds (for values: 0 * NaN).

    Constraints:
    * C1: the result has the view's dimension as columns and element type f32.
    * C2: `seen` only inside the partial region of a `tile.for_keys`.
    * C3: `rope` as in `tile.load`.

    Example: `%t = tile.load_keys %k[%k0] : !tile.view<64xbf16> -> !tile.tile<64x64xf32>`
  }];
  let arguments = (ins Tile_ViewType:$view, I64:$k0, Variadic<Tile_BufferType>:$rope, UnitAttr:$interleaved,
                       UnitAttr:$seen);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = [{
    $view `[` $k0 `]` (`rope` `(` $rope^ `:` type($rope) `)`)? (`interleaved` $interleaved^)? (`seen` $seen^)?
    attr-dict `:` type($view) `->` type($tile)
  }];
  let hasVerifier = 1;
}
def Tile_StoreOp : Tile_Op<"store", []> {
  let summary = "Store the logical rows of a row tile";
  let description = [{
    Converts from f32 to the view's element type (round to nearest even). Rows past the last logical row are dropped.

    Constraints:
    * C1: the tile has the view's dimension as columns (rank 1 for a scalar view) and element type f32.

    Example: `tile.store %t, %o[%row0] : !tile.tile<96x64xf32>, !tile.view<64xbf16>`
  }];
  let arguments = (ins Tile_TileType:$tile, Tile_ViewType:$view, I64:$row0);
  let assemblyFormat = "$tile `,` $view `[` $row0 `]` attr-dict `:` type($tile) `,` type($view)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Compute
//===----------------------------------------------------------------------===//

def Tile_FillOp : Tile_Op<"fill", [Pure]> {
  let summary = "A tile with one value everywhere";
  let description = [{ Example: `%z = tile.fill 0.0 : !tile.tile<96x64xf32>` }];
  let arguments = (ins F32Attr:$value);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = "custom<PlainF32>($value) attr-dict `:` type($tile)";
}

def Tile_ConvertOp : Tile_Op<"convert", [Pure]> {
  let summary = "Change the element type of a tile";
  let description = [{
    Rounds to nearest even where the result is narrower. For targets whose matrix units take narrow inputs: probabilities
    are rounded before the product with narrow values.

    Constraints:
    * C1: tile and result have one shape and float elements.

    Example: `%p16 = tile.convert %p : !tile.tile<64x128xf32> -> !tile.tile<64x128xbf16>`
  }];
  let arguments = (ins Tile_TileType:$tile);
  let results = (outs Tile_TileType:$result);
  let assemblyFormat = "$tile attr-dict `:` type($tile) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AttrSizedOperandSegments]> {
  let summary = "Matrix product of two tiles, added to `init`";
  let description = [{
    `init + op(a) * op(b)` with fp32 accumulation, where op transposes if asked. `init` may be absent (zero).
    With `rescale` (a row vector), `init` is first multiplied by it row by row. `round_a` permits rounding the elements
    of `a` to the element type of the view that `b` was loaded from, where the target multiplies that type faster.

    Constraints:
    * C1: op(a) is MxK and op(b) is KxN with float elements; the result and init are MxN f32.
    * C2: rescale is a row vector of M f32 elements.

    Example:
    ```mlir
    tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
    ^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
      %a = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
      %c = tile.load_keys %x[%row0] : !tile.view<8xf32> -> !tile.tile<8x8xf32>
      %d = tile.dot %a, %c transpose_b : !tile.tile<16x8xf32>, !tile.tile<8x8xf32> -> !tile.tile<16x8xf32>
      tile.store %d, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_TileType:$a, Tile_TileType:$b, Optional<Tile_TileType>:$init,
                       Optional<Tile_TileType>:$rescale, UnitAttr:$transpose_a, UnitAttr:$transpose_b,
                       UnitAttr:$round_a);
  let results = (outs Tile_TileType:$result);
  let assemblyFormat = [{
    $a `,` $b (`init` `(` $init^ `:` type($init) (`rescale` $rescale^ `:` type($rescale))? `)`)?
    (`transpose_a` $transpose_a^)? (`transpose_b` $transpose_b^)? (`round_a` $round_a^)? attr-dict
    `:` type($a) `,` type($b) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_MapOp : Tile_Op<"map", [SingleBlock, AttrSizedOperandSegments, RecursiveMemoryEffects]> {
  let summary = "Elementwise computation over tiles";
  let description = [{
    The region computes one element from the elements of the inputs and the coordinates `b, h, g, l, q, k` (i64;
    positions). k is the position of the column's key on tiles whose columns are keys; with `key_rows` the tile's rows are
    keys (a tile from `tile.load_keys`). A row vector among the inputs is repeated over the columns. The region may use
    values of the kernel around it (scalars, buffers) and `arith`, `math`, `tile.element`, `tile.mod`, `tile.is_pow2`.

    Constraints:
    * C1: the region has one f32 argument per input, then six i64, and yields one f32.
    * C2: every input has the result's rows; inputs of rank 2 have the result's shape.
    * C3: a region that reads k has `k0`, the position of the key of column 0 (of row 0 with `key_rows`).
    * C4: a region of a map with `key_rows` reads no q, and h only in a kernel with pack = false (one head a task).

    Example:
    ```mlir
    tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
    ^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
      %a = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
      %e = tile.map %a : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
      ^bb0(%s: f32, %b0: i64, %h0: i64, %g0: i64, %l0: i64, %q0: i64, %k0: i64):
        %1 = math.exp2 %s : f32
        tile.yield %1 : f32
      }
      tile.store %e, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
      tile.return
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_TileType>:$inputs, Optional<I64>:$k0, UnitAttr:$key_rows);
  let results = (outs Tile_TileType:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $inputs (`keys` `(` $k0^ `)`)? (`key_rows` $key_rows^)? attr-dict `:` type($inputs) `->` type($result) $body
  }];
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "Reduce the columns of a tile into a row vector";
  let description = [{
    `max`: NaN elements are ignored. `sum`: in fp32.

    Constraints:
    * C1: init and result are row vectors with the tile's rows.

    Example: `%m1 = tile.reduce max %s, %m : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32>`
  }];
  let arguments = (ins Tile_ReduceKindAttr:$kind, Tile_TileType:$tile, Tile_TileType:$init);
  let results = (outs Tile_TileType:$result);
  let assemblyFormat = [{
    custom<PlainReduceKind>($kind) $tile `,` $init attr-dict `:` type($tile) `,` type($init) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_WhereOp : Tile_Op<"where", [Pure, AllTypesMatch<["tile", "result"]>]> {
  let summary = "Replace the elements that the loop's mask hides";
  let description = [{
    Elements whose (query, key) the enclosing `tile.for_keys` does not see, or whose key is past the end, become `other`.

    Constraints:
    * C1: only inside the partial region of a `tile.for_keys`, on a tile whose columns are the loop's keys.

    Example: `%s1 = tile.where %s else -1.0e30 : !tile.tile<96x64xf32>`
  }];
  let arguments = (ins Tile_TileType:$tile, F32Attr:$other);
  let results = (outs Tile_TileType:$result);
  let assemblyFormat = "$tile `else` custom<PlainF32>($other) attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

def Tile_ForKeysOp : Tile_Op<"for_keys", []> {
  let summary = "Loop over the key tiles that some query of the row tile sees";
  let description = [{
    Visits key tiles `[k0, k0 + keys)`, k0 a multiple of `schedule.keys`, in increasing order, skipping those in which the
    mask hides every pair of the task's row tile. A tile with no hidden pair and no key past the end runs `full`, any other `partial`. Which is
    which is decided at run time by the range program that codegen derives from `visible` (dialect/mask). Both regions
    take `k0` and the carried tiles and yield the next ones. The view gives kv_len and the resident positions.

    Constraints:
    * C1: visible takes the six coordinates as i64 and yields i1.
    * C2: full and partial take an i64 and the carried types, and yield the carried types.
    * C3: results have the types of inits.

    Example: see test/dialect/tile-roundtrip.mlir.
  }];
  let arguments = (ins Tile_ViewType:$keys, Variadic<Tile_TileType>:$inits);
  let results = (outs Variadic<Tile_TileType>:$results);
  let regions = (region SizedRegion<1>:$visible, SizedRegion<1>:$full, SizedRegion<1>:$partial);
  let assemblyFormat = [{
    $keys (`init` `(` $inits^ `)`)? attr-dict `:` type($keys) (`,` type($inits)^ `->` type($results))?
    `visible` $visible `full` $full `partial` $partial
  }];
  let hasVerifier = 1;
}

def Tile_ForRowsOp : Tile_Op<"for_rows", [SingleBlock]> {
  let summary = "Loop over the row tiles of one sequence, in order";
  let description = [{
    For ordered weights (a state scanned along the sequence): the task is a whole (request, head), and the region runs
    once per row tile with its `row0` and the carried tiles. Only in kernels whose name is not split over row tiles
    (the kernel's own `row0` is then 0).

    Constraints:
    * C1: the region takes an i64 and the carried types, and yields the carried types.
    * C2: results have the types of inits.

    Example:
    ```mlir
    tile.kernel @running_sum schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
    ^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
      %zero = tile.fill 0.0 : !tile.tile<16x8xf32>
      %sum = tile.for_rows init(%zero) : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
      ^bb1(%row: i64, %state: !tile.tile<16x8xf32>):
        %t = tile.load %x[%row] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
        %next = tile.map %t, %state : !tile.tile<16x8xf32>, !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
        ^bb2(%a: f32, %s: f32, %b0: i64, %h0: i64, %g0: i64, %l0: i64, %q0: i64, %k0: i64):
          %1 = arith.addf %a, %s : f32
          tile.yield %1 : f32
        }
        tile.store %next, %y[%row] : !tile.tile<16x8xf32>, !tile.view<8xf32>
        tile.yield %next : !tile.tile<16x8xf32>
      }
      tile.return
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_TileType>:$inits);
  let results = (outs Variadic<Tile_TileType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`init` `(` $inits `)` attr-dict `:` type($inits) `->` type($results) $body";
  let hasVerifier = 1;
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator]> {
  let summary = "Values of a region";
  let description = [{ Example: `tile.yield %next : !tile.tile<16x8xf32>` }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

def Tile_SizeOp : Tile_Op<"size", [Pure]> {
  let summary = "A run-time size";
  let description = [{
    `kv_len` is how many keys a loop visits. Where those are slots of a cache of their own, `sequence.kv_len` is the
    length of the sequence.

    Constraints:
    * C1: the name is `batch`, `q_heads`, `kv_heads`, `q_len`, `kv_len` or `sequence.kv_len` (the last three of the
      task's request).

    Example: `%n = tile.size "kv_len"`
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs I64:$value);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}
def Tile_ElementOp : Tile_Op<"element", [Pure]> {
  let summary = "One element of a buffer; indices are clamped";
  let description = [{
    Integers give i64, floats f32.

    Constraints:
    * C1: as many indices as the buffer has dimensions.
    * C2: the result is f32 for a float buffer and i64 for any other.

    Example: `%d = tile.element %doc[%b, %q] : !tile.buffer<2 x i32> -> i64`
  }];
  let arguments = (ins Tile_BufferType:$buffer, Variadic<I64>:$indices);
  let results = (outs AnyTypeOf<[I64, F32]>:$value);
  let assemblyFormat = "$buffer `[` $indices `]` attr-dict `:` type($buffer) `->` type($value)";
  let hasVerifier = 1;
}
def Tile_ModOp : Tile_Op<"mod", [Pure]> {
  let summary = "Remainder of a division rounding towards minus infinity";
  let description = [{ As `attn.mod`. Example: `%r = tile.mod %a, %b` }];
  let arguments = (ins I64:$lhs, I64:$rhs);
  let results = (outs I64:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
}
def Tile_IsPow2Op : Tile_Op<"is_pow2", [Pure]> {
  let summary = "Whether an integer is 1, 2, 4, ...";
  let description = [{ As `attn.is_pow2`. Example: `%p = tile.is_pow2 %d` }];
  let arguments = (ins I64:$value);
  let results = (outs I1:$result);
  let assemblyFormat = "$value attr-dict";
}

def Tile_MemberOp : Tile_Op<"member", [Pure]> {
  let summary = "Whether a list in a buffer holds a value";
  let description = [{ As `attn.member`.

    Constraints:
    * C1: a buffer of integers with one dimension more than there are indices.

    Example: `%m = tile.member %block in %columns[] from %first to %end : !tile.buffer<1 x i32>` }];
  let arguments = (ins Tile_BufferType:$buffer, I64:$value, I64:$from, I64:$to, Variadic<I64>:$indices);
  let results = (outs I1:$result);
  let assemblyFormat = "$value `in` $buffer `[` $indices `]` `from` $from `to` $to attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}
def Tile_AncestorOp : Tile_Op<"ancestor", [Pure]> {
  let summary = "Whether a node of a tree is another one or above it";
  let description = [{ As `attn.ancestor`.

    Constraints:
    * C1: a buffer of integers with one dimension more than there are indices.

    Example: `%a = tile.ancestor %node of %leaf in %parent[%b] : !tile.buffer<2 x i32>` }];
  let arguments = (ins Tile_BufferType:$buffer, I64:$of, I64:$node, Variadic<I64>:$indices);
  let results = (outs I1:$result);
  let assemblyFormat = "$node `of` $of `in` $buffer `[` $indices `]` attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Asynchronous stages
//===----------------------------------------------------------------------===//

def Tile_OpenOp : Tile_Op<"open", []> {
  let summary = "A channel: a ring of staged tiles, empty";
  let description = [{ Example: `%c = tile.open : !tile.channel<!tile.tile<128x128xbf16>, 2>` }];
  let results = (outs Tile_ChannelType:$channel);
  let assemblyFormat = "attr-dict `:` type($channel)";
}
def Tile_PushOp : Tile_Op<"push", []> {
  let summary = "Start an asynchronous copy of a key tile into the channel's next free stage";
  let description = [{
    Waits until every consumer has released the stage. Positions past the end are staged as zero.

    Constraints:
    * C1: the channel's tile has the view's dimension as columns and its element type.

    Example: `tile.push %kc, %k[%k0] : !tile.channel<!tile.tile<128x64xbf16>, 2>, !tile.view<64xbf16>`
  }];
  let arguments = (ins Tile_ChannelType:$channel, Tile_ViewType:$view, I64:$k0);
  let assemblyFormat = "$channel `,` $view `[` $k0 `]` attr-dict `:` type($channel) `,` type($view)";
  let hasVerifier = 1;
}
def Tile_PopOp : Tile_Op<"pop", []> {
  let summary = "Wait for the oldest staged tile not yet popped and read it";
  let description = [{
    Every consumer pops every tile. The tile is valid until this consumer's release of its stage. `seen` as in
    `tile.load_keys`: rows that no query of the task's row tile sees read as zero.

    Constraints:
    * C1: the result is the channel's tile.
    * C2: `seen` only inside the partial region of a `tile.for_keys`.

    Example: `%t = tile.pop %kc : !tile.channel<!tile.tile<128x64xbf16>, 2> -> !tile.tile<128x64xbf16>`
  }];
  let arguments = (ins Tile_ChannelType:$channel, UnitAttr:$seen);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = "$channel (`seen` $seen^)? attr-dict `:` type($channel) `->` type($tile)";
  let hasVerifier = 1;
}
def Tile_ReleaseOp : Tile_Op<"release", []> {
  let summary = "Give the oldest popped stage back to the producer";
  let description = [{ Example: `tile.release %kc : !tile.channel<!tile.tile<128x64xbf16>, 2>` }];
  let arguments = (ins Tile_ChannelType:$channel);
  let assemblyFormat = "$channel attr-dict `:` type($channel)";
}
def Tile_RolesOp : Tile_Op<"roles", [RecursiveMemoryEffects]> {
  let summary = "Concurrent roles of one kernel: a producer and `consumers` copies of the consumer";
  let description = [{
    The consumers split the rows of the task evenly: the consumer region takes the first row of its share, and its row
    tiles have `schedule.rows / consumers` rows. Both regions walk the same key tiles: which tiles are visited, and which
    of them are full, is decided for all rows of the task.

    Constraints:
    * C1: `consumers` is positive and divides the schedule's rows.
    * C2: `tile.push` only in the producer, `tile.pop` and `tile.release` only in the consumer.
    * C3: the producer takes no argument, the consumer one i64.
    * C4: each region holds one `tile.for_keys`, and the two have the same view and equal `visible` regions.

    Example: see `@softmax_warp_specialised` in test/dialect/tile-roundtrip.mlir.
  }];
  let arguments = (ins I64Attr:$consumers);
  let regions = (region SizedRegion<1>:$producer, SizedRegion<1>:$consumer);
  let assemblyFormat = "`consumers` `(` $consumers `)` attr-dict-with-keyword `producer` $producer `consumer` $consumer";
  let hasVerifier = 1;
}

#endif // TILE_OPS_TD
