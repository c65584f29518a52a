//===- TileDialect.td - The tile dialect ---------------------------*- tablegen -*-===//
#ifndef TILE_DIALECT_TD
#define TILE_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let summary = "The tiled form: one kernel over logical tiles, before instructions are chosen";
  let description = [{
    The contract between `passes/` and `codegen/`; `attn-verify-tiled` checks it. A `tile.kernel` computes one *row tile*
    per task: `rows` consecutive *logical rows* of one request and one KV head. A logical row is a (query, head of the
    group) pair:

    | schedule | logical row r is | tasks range over |
    |---|---|---|
    | `pack = false` | query r of one query head | (request, query head, row tile) |
    | `pack = true` | query `r // G` of head `g * G + r % G`, G heads a group | (request, KV head, row tile) |

    Tiles are values with a static shape and no address: `!tile.tile<RxCxT>` or the row vector `!tile.tile<RxT>`. Where
    a tile lives (registers, scratch, shared memory), how it is laid out and which threads hold it belongs to codegen.
    Memory is reached only through views, whose addressing (strides, ragged rows, rings, pages) is run-time data.
    Rows past the end of the queries repeat the last row and are never stored; keys past the end read as zero.

    `tile.roles`, `tile.open`, `tile.push`, `tile.pop` and `tile.release` express warp specialisation: a producer that
    stages key tiles in channels and consumers that compute. A target without asynchronous copies runs the plain form.
  }];
  let cppNamespace = "::attn::tile";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;
class Tile_Type<string name, string mnem> : TypeDef<Tile_Dialect, name> { let mnemonic = mnem; }

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

def Tile_TileType : Tile_Type<"Tile", "tile"> {
  let summary = "A logical tile: a value with a static shape of rank 1 or 2";
  let description = [{ `!tile.tile<96x64xf32>` has 96 rows of 64 columns; `!tile.tile<96xf32>` has one element per row. }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Tile_ViewType : Tile_Type<"View", "view"> {
  let summary = "Rows in memory, reached by request, head and row";
  let description = [{
    `!tile.view<64xbf16>`: every row has 64 contiguous elements; `!tile.view<f32>`: one element per row. Base address,
    byte strides, ragged row starts and the slot-to-position map are run-time data (runtime/include/attn/KernelABI.h).
  }];
  let parameters = (ins "int64_t":$dim, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
}

def Tile_BufferType : Tile_Type<"Buffer", "buffer"> {
  let summary = "A small run-time tensor that expressions read element by element";
  let description = [{ `!tile.buffer<2 x i32>` has rank 2. Sizes and byte strides are run-time data; indices are clamped. }];
  let parameters = (ins "int64_t":$rank, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $rank `x` $elementType `>`";
}

def Tile_ChannelType : Tile_Type<"Channel", "channel"> {
  let summary = "A ring of staged key tiles between a producer and consumers";
  let description = [{
    `!tile.channel<!tile.tile<128x64xbf16>, 2>`: two stages of 128 keys each, in the element type of memory. Tiles leave
    in the order in which they were pushed.
  }];
  let parameters = (ins "::attn::tile::TileType":$tile, "int64_t":$stages);
  let assemblyFormat = "`<` $tile `,` $stages `>`";
  let genVerifyDecl = 1;
}

def Tile_GridAttr : AttrDef<Tile_Dialect, "Grid"> {
  let mnemonic = "grid";
  let summary = "The order of tokens whose tiles are boxes of a token grid";
  let description = [{
    Positions are a row-major grid (dialect/mask/TokenGrid.h): `inner` has the sizes of all axes but the slowest,
    `dilations`, `rows` and `keys` have one number per axis. Along each axis the coordinates of one residue by the dilation
    are cut into runs of `rows` (of queries) or `keys` (of keys); a row tile and a key tile are the boxes of those. Sizes
    and dilations are integers or names of scalar arguments that are at least 1.

    `row0` is then the number of a box times the rows of the schedule, and `k0` that of a box of keys times its keys;
    rows and keys of a tile are the elements of the box, row-major. Elements past the grid or the sequence are padding,
    like rows past the last one and keys past the end. Coordinates q and k are positions as ever.

    Example: `#tile.grid<inner = [48, "width"], dilations = [1, 1, 1], rows = [4, 4, 6], keys = [4, 4, 4]>`
  }];
  let parameters = (ins "::mlir::ArrayAttr":$inner, "::mlir::ArrayAttr":$dilations, "::mlir::ArrayAttr":$rows,
                        "::mlir::ArrayAttr":$keys);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Tile_ScheduleAttr : AttrDef<Tile_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "How a kernel is tiled";
  let description = [{
    The common part: `rows` and `keys` of a tile, `pack` (see the dialect), `splits` (true: the keys of one row tile may
    be split over tasks, which then store partial states for a merge kernel). `target` is opaque here: a dictionary that
    only the codegen of that target reads (register tile, stages, warp roles). With `grid`, tiles are boxes of a token grid
    instead of intervals.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$keys, "bool":$pack, "bool":$splits,
                        OptionalParameter<"::mlir::DictionaryAttr">:$target,
                        OptionalParameter<"::attn::tile::GridAttr">:$grid);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Tile_ReduceKind : I32EnumAttr<"ReduceKind", "reduction over the columns of a tile", [
  I32EnumAttrCase<"Max", 0, "max">,
  I32EnumAttrCase<"Sum", 1, "sum">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::attn::tile";
}
def Tile_ReduceKindAttr : EnumAttr<Tile_Dialect, Tile_ReduceKind, "kind"> {
  let summary = "Kind of a reduction";
  let description = [{ `max` or `sum`. }];
}

#endif // TILE_DIALECT_TD
