// RUN: attn-opt %s -split-input-file -verify-diagnostics

// One case per labelled constraint of TileOps.td, in the order of that file.

// -----
// kernel C1, names

// expected-error @+1 {{block arguments: expected four i64, then 2 as of args, got ('i64', 'i64', 'i64', 'i64', 'i64')}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: i64):
  tile.return
}

// -----
// kernel C1, types

// expected-error @+1 {{block arguments: expected four i64, then 0 as of args, got ('i64', 'i64', 'i64', 'i32')}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i32):
  tile.return
}

// -----
// kernel C2

// expected-error @+1 {{type of argument 'x': expected a view, a buffer, i64 or f32, got 'i32'}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: i32):
  tile.return
}

// -----
// kernel C3

// expected-error @+1 {{args: expected distinct names, got 'x' twice}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: i64, %y: i64):
  tile.return
}

// -----
// kernel C5

// expected-error @+1 {{sorted and positive: expected names among args, got 'z'}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x"] sorted ["x"] positive ["z"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>):
  tile.return
}

// -----
// kernel C6, rank

// expected-error @+1 {{grid: expected one to three axes, got #tile.grid<inner = [], dilations = [1, 1], rows = [4, 4], keys = [2, 4]>}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false, grid = <inner = [], dilations = [1, 1], rows = [4, 4], keys = [2, 4]>>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----
// kernel C6, size

// expected-error @+1 {{grid: expected a positive integer or the name of an i64 argument, got "x"}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false, grid = <inner = ["x"], dilations = [1, 1], rows = [4, 4], keys = [2, 4]>>) args ["x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: f32):
  tile.return
}

// -----
// kernel C6, dilation

// expected-error @+1 {{grid: expected a positive integer or the name of an i64 argument, got 0}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false, grid = <inner = [4], dilations = [1, 0], rows = [4, 4], keys = [2, 4]>>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----
// kernel C6, extent

// expected-error @+1 {{grid: expected positive extents}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false, grid = <inner = [4], dilations = [1, 1], rows = [4, 0], keys = [2, 4]>>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----
// kernel C7

// expected-error @+1 {{grid: expected boxes of 16 rows and 8 keys, got 16 and 4}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false, grid = <inner = [4], dilations = [1, 1], rows = [4, 4], keys = [2, 2]>>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----
// kernel C7, pack

// expected-error @+1 {{grid: expected pack = false and no tile.for_rows}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = true, splits = false, grid = <inner = [4], dilations = [1, 1], rows = [4, 4], keys = [2, 4]>>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----
// kernel C4

// expected-error @+1 {{schedule: expected positive rows and keys, got 16 and 0}}
tile.kernel @k schedule(<rows = 16, keys = 0, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  tile.return
}

// -----
// entry C1

tile.entry @e inputs [] outputs [] {
  // expected-error @+1 {{in the body of tile.entry: expected tile.launch, got arith.constant}}
  %0 = arith.constant 1 : i64
}

// -----
// entry C2, inputs

// expected-error @+1 {{tensor: expected a name, and a role of query, key, value, got {name = "x", role = "out"}}}
tile.entry @e inputs [{name = "x", role = "out"}] outputs [] {
}

// -----
// entry C2, outputs

// expected-error @+1 {{tensor: expected a name, and a role of out, lse, got {role = "out"}}}
tile.entry @e inputs [] outputs [{role = "out"}] {
}

// -----
// launch C1, number

tile.entry @e inputs [] outputs [] {
  // expected-error @+1 {{number of forms: expected at least 1, got 0}}
  tile.launch []
}

// -----
// launch C1, kind

tile.entry @e inputs [] outputs [] {
  // expected-error @+1 {{form: expected a tile.kernel, got @e}}
  tile.launch [@e]
}

// -----
// load C1, columns

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{tile: expected 8 columns of 'f32', got '!tile.tile<16x4xf32>'}}
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x4xf32>
  tile.return
}

// -----
// load C1, rank

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<f32>):
  // expected-error @+1 {{tile: expected a row vector of 'f32', got '!tile.tile<16x4xf32>'}}
  %t = tile.load %x[%row0] : !tile.view<f32> -> !tile.tile<16x4xf32>
  tile.return
}

// -----
// load C1, element

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf16>):
  // expected-error @+1 {{tile: expected 8 columns of 'f32', got '!tile.tile<16x8xf16>'}}
  %t = tile.load %x[%row0] : !tile.view<8xf16> -> !tile.tile<16x8xf16>
  tile.return
}

// -----
// load C2, number

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %c: !tile.buffer<2 x f32>):
  // expected-error @+1 {{rope: expected two float buffers of rank 2, got ('!tile.buffer<2 x f32>')}}
  %t = tile.load %x[%row0] rope(%c : !tile.buffer<2 x f32>) : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.return
}

// -----
// load C2, element

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %c: !tile.buffer<2 x i32>):
  // expected-error @+1 {{rope: expected two float buffers of rank 2, got ('!tile.buffer<2 x i32>', '!tile.buffer<2 x i32>')}}
  %t = tile.load %x[%row0] rope(%c, %c : !tile.buffer<2 x i32>, !tile.buffer<2 x i32>) : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.return
}

// -----
// load_keys C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{tile: expected 8 columns of 'f32', got '!tile.tile<8x4xf32>'}}
  %t = tile.load_keys %x[%row0] : !tile.view<8xf32> -> !tile.tile<8x4xf32>
  tile.return
}

// -----
// load_keys C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{seen: expected the partial region of a tile.for_keys around the operation}}
  %t = tile.load_keys %x[%row0] seen : !tile.view<8xf32> -> !tile.tile<8x8xf32>
  tile.return
}

// -----
// load_keys C2, full region

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  tile.for_keys %x : !tile.view<8xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64):
    // expected-error @+1 {{seen: expected the partial region of a tile.for_keys around the operation}}
    %t = tile.load_keys %x[%kk] seen : !tile.view<8xf32> -> !tile.tile<8x8xf32>
    tile.yield
  }
  partial {
  ^bb2(%kk: i64):
    tile.yield
  }
  tile.return
}

// -----
// load_keys C3

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %c: !tile.buffer<1 x f32>):
  // expected-error @+1 {{rope: expected two float buffers of rank 2, got ('!tile.buffer<1 x f32>', '!tile.buffer<1 x f32>')}}
  %t = tile.load_keys %x[%row0] rope(%c, %c : !tile.buffer<1 x f32>, !tile.buffer<1 x f32>) : !tile.view<8xf32> -> !tile.tile<8x8xf32>
  tile.return
}

// -----
// store C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.fill 0.0 : !tile.tile<16x4xf32>
  // expected-error @+1 {{tile: expected 8 columns of 'f32', got '!tile.tile<16x4xf32>'}}
  tile.store %t, %y[%row0] : !tile.tile<16x4xf32>, !tile.view<8xf32>
  tile.return
}

// -----
// convert C1, shape

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.fill 0.0 : !tile.tile<16x4xf32>
  // expected-error @+1 {{result: expected the shape of the tile and float elements on both sides, got '!tile.tile<16x4xf32>' and '!tile.tile<16x8xf16>'}}
  %u = tile.convert %t : !tile.tile<16x4xf32> -> !tile.tile<16x8xf16>
  tile.return
}

// -----
// convert C1, element

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.fill 0.0 : !tile.tile<16x4xf32>
  // expected-error @+1 {{result: expected the shape of the tile and float elements on both sides, got '!tile.tile<16x4xf32>' and '!tile.tile<16x4xi32>'}}
  %u = tile.convert %t : !tile.tile<16x4xf32> -> !tile.tile<16x4xi32>
  tile.return
}

// -----
// dot C1, inner

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{inner sizes: expected 8 as of a, got 4}}
  %d = tile.dot %a, %c : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x8xf32>
  tile.return
}

// -----
// dot C1, result

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{result: expected '!tile.tile<16x4xf32>', got '!tile.tile<16x8xf32>'}}
  %d = tile.dot %a, %c transpose_b : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x8xf32>
  tile.return
}

// -----
// dot C1, transpose_a

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{inner sizes: expected 16 as of a, got 8}}
  %d = tile.dot %a, %c transpose_a transpose_b : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<8x4xf32>
  tile.return
}

// -----
// dot C1, rank

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{rank: expected 2, got '!tile.tile<16xf32>'}}
  %d = tile.dot %v, %c : !tile.tile<16xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x8xf32>
  tile.return
}

// -----
// dot C1, init

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{init: expected '!tile.tile<16x4xf32>', got '!tile.tile<16x8xf32>'}}
  %d = tile.dot %a, %c init(%a : !tile.tile<16x8xf32>) transpose_b : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x4xf32>
  tile.return
}

// -----
// dot C1, elements

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %i = tile.fill 0.0 : !tile.tile<4x8xi32>
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  // expected-error @+1 {{elements of a and b: expected floats, got '!tile.tile<16x8xf32>' and '!tile.tile<4x8xi32>'}}
  %d = tile.dot %a, %i transpose_b : !tile.tile<16x8xf32>, !tile.tile<4x8xi32> -> !tile.tile<16x4xf32>
  tile.return
}

// -----
// dot C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16x4xf32>
  %w = tile.fill 1.0 : !tile.tile<4xf32>
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{rescale: expected a row vector of 16 f32, got '!tile.tile<4xf32>'}}
  %d = tile.dot %a, %c init(%z : !tile.tile<16x4xf32> rescale %w : !tile.tile<4xf32>) transpose_b : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x4xf32>
  tile.return
}

// -----
// map C1, arguments

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{body: expected block arguments ('f32', 'i64', 'i64', 'i64', 'i64', 'i64', 'i64'), got ('f32')}}
  %m = tile.map %a : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
  ^bb1(%s: f32):
    tile.yield %s : f32
  }
  tile.return
}

// -----
// map C1, result

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{body: expected to yield ('f32'), got ('i64')}}
  %m = tile.map %a : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
  ^bb1(%s: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    tile.yield %q1 : i64
  }
  tile.return
}

// -----
// map C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{input: expected the rows or the shape of '!tile.tile<16x8xf32>', got '!tile.tile<4x8xf32>'}}
  %m = tile.map %a, %c : !tile.tile<16x8xf32>, !tile.tile<4x8xf32> -> !tile.tile<16x8xf32> {
  ^bb1(%s: f32, %t: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    tile.yield %s : f32
  }
  tile.return
}

// -----
// map C3

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{keys: expected the position of the first key, since the body reads k}}
  %m = tile.map %a : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
  ^bb1(%s: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %f = arith.sitofp %k1 : i64 to f32
    tile.yield %f : f32
  }
  tile.return
}

// -----
// map C4, q

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load_keys %x[%row0] : !tile.view<8xf32> -> !tile.tile<8x8xf32>
  // expected-error @+1 {{key_rows: expected no use of q, nor of h with pack = true}}
  %m = tile.map %t keys(%row0) key_rows : !tile.tile<8x8xf32> -> !tile.tile<8x8xf32> {
  ^bb1(%s: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %f = arith.sitofp %q1 : i64 to f32
    tile.yield %f : f32
  }
  tile.return
}

// -----
// map C4, h

tile.kernel @k schedule(<rows = 16, keys = 8, pack = true, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load_keys %x[%row0] : !tile.view<8xf32> -> !tile.tile<8x8xf32>
  // expected-error @+1 {{key_rows: expected no use of q, nor of h with pack = true}}
  %m = tile.map %t keys(%row0) key_rows : !tile.tile<8x8xf32> -> !tile.tile<8x8xf32> {
  ^bb1(%s: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %f = arith.sitofp %h1 : i64 to f32
    tile.yield %f : f32
  }
  tile.return
}

// -----
// reduce C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  %w = tile.fill 1.0 : !tile.tile<4xf32>
  // expected-error @+1 {{init and result: expected row vectors of 16 rows, got '!tile.tile<4xf32>'}}
  %r = tile.reduce max %a, %w : !tile.tile<16x8xf32>, !tile.tile<4xf32> -> !tile.tile<16xf32>
  tile.return
}

// -----
// where C1, place

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %c = tile.fill 0.0 : !tile.tile<4x8xf32>
  %v = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{expected the partial region of a tile.for_keys around the operation}}
  %r = tile.where %a else 0.0 : !tile.tile<16x8xf32>
  tile.return
}

// -----
// where C1, columns

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  tile.for_keys %x : !tile.view<8xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64):
    tile.yield
  }
  partial {
  ^bb2(%kk: i64):
    %t = tile.fill 0.0 : !tile.tile<16x4xf32>
    // expected-error @+1 {{columns: expected the 8 keys of the schedule, got '!tile.tile<16x4xf32>'}}
    %r = tile.where %t else 0.0 : !tile.tile<16x4xf32>
    tile.yield
  }
  tile.return
}

// -----
// for_keys C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{visible: expected block arguments ('i64', 'i64', 'i64', 'i64', 'i64', 'i64'), got ('i64')}}
  tile.for_keys %x : !tile.view<8xf32>
  visible {
  ^bb1(%k1: i64):
    %c = arith.constant true
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64):
    tile.yield
  }
  partial {
  ^bb2(%kk: i64):
    tile.yield
  }
  tile.return
}

// -----
// for_keys C1, result

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{visible: expected to yield ('i1'), got ('i64')}}
  tile.for_keys %x : !tile.view<8xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    tile.yield %k1 : i64
  }
  full {
  ^bb2(%kk: i64):
    tile.yield
  }
  partial {
  ^bb2(%kk: i64):
    tile.yield
  }
  tile.return
}

// -----
// for_keys C2, arguments

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{full: expected block arguments ('i64', '!tile.tile<16xf32>'), got ('i64')}}
  %r = tile.for_keys %x init(%z) : !tile.view<8xf32>, !tile.tile<16xf32> -> !tile.tile<16xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64):
    tile.yield
  }
  partial {
  ^bb3(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  tile.return
}

// -----
// for_keys C2, results

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{partial: expected to yield ('!tile.tile<16xf32>'), got ()}}
  %r = tile.for_keys %x init(%z) : !tile.view<8xf32>, !tile.tile<16xf32> -> !tile.tile<16xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  partial {
  ^bb3(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield
  }
  tile.return
}

// -----
// for_keys C3

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{results: expected the types of inits ('!tile.tile<16xf32>'), got ('!tile.tile<8xf32>')}}
  %r = tile.for_keys %x init(%z) : !tile.view<8xf32>, !tile.tile<16xf32> -> !tile.tile<8xf32>
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  full {
  ^bb2(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  partial {
  ^bb3(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  tile.return
}

// -----
// for_rows C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{body: expected block arguments ('i64', '!tile.tile<16xf32>'), got ('!tile.tile<16xf32>')}}
  %r = tile.for_rows init(%z) : !tile.tile<16xf32> -> !tile.tile<16xf32> {
  ^bb1(%s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  tile.return
}

// -----
// for_rows C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %z = tile.fill 0.0 : !tile.tile<16xf32>
  // expected-error @+1 {{results: expected the types of inits ('!tile.tile<16xf32>'), got ('!tile.tile<8xf32>')}}
  %r = tile.for_rows init(%z) : !tile.tile<16xf32> -> !tile.tile<8xf32> {
  ^bb1(%kk: i64, %s: !tile.tile<16xf32>):
    tile.yield %s : !tile.tile<16xf32>
  }
  tile.return
}

// -----
// size C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  // expected-error @+1 {{name: expected batch, q_heads, kv_heads, q_len, kv_len or sequence.kv_len, got 'layers'}}
  %n = tile.size "layers"
  tile.return
}

// -----
// element C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %c: !tile.buffer<2 x f32>):
  // expected-error @+1 {{number of indices: expected 2, got 1}}
  %e = tile.element %c[%b] : !tile.buffer<2 x f32> -> f32
  tile.return
}

// -----
// element C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %c: !tile.buffer<2 x f32>):
  // expected-error @+1 {{result: expected f32 for '!tile.buffer<2 x f32>', got 'i64'}}
  %e = tile.element %c[%b, %g] : !tile.buffer<2 x f32> -> i64
  tile.return
}

// -----
// member C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %c: !tile.buffer<2 x i32>):
  // expected-error @+1 {{buffer: expected integers in 1 dimensions, got '!tile.buffer<2 x i32>'}}
  %e = tile.member %b in %c[] from %b to %g : !tile.buffer<2 x i32>
  tile.return
}

// -----
// ancestor C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["c"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %c: !tile.buffer<2 x f32>):
  // expected-error @+1 {{buffer: expected integers in 2 dimensions, got '!tile.buffer<2 x f32>'}}
  %e = tile.ancestor %b of %g in %c[%b] : !tile.buffer<2 x f32>
  tile.return
}

// -----
// push C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf16>, 2>
  // expected-error @+1 {{tile: expected 8 columns of 'f32', got '!tile.tile<8x8xf16>'}}
  tile.push %ch, %x[%row0] : !tile.channel<!tile.tile<8x8xf16>, 2>, !tile.view<8xf32>
  tile.return
}

// -----
// pop C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{result: expected '!tile.tile<8x8xf32>', got '!tile.tile<8x4xf32>'}}
  %t = tile.pop %ch : !tile.channel<!tile.tile<8x8xf32>, 2> -> !tile.tile<8x4xf32>
  tile.return
}

// -----
// pop C2

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{seen: expected the partial region of a tile.for_keys around the operation}}
  %t = tile.pop %ch seen : !tile.channel<!tile.tile<8x8xf32>, 2> -> !tile.tile<8x8xf32>
  tile.return
}

// -----
// roles C1

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{consumers: expected a positive divisor of the schedule's rows, got 3}}
  tile.roles consumers(3) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// roles C2, producer

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  tile.roles consumers(2) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      // expected-error @+1 {{in the producer of tile.roles: expected only in the other role}}
      tile.release %ch : !tile.channel<!tile.tile<8x8xf32>, 2>
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// roles C2, consumer

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  tile.roles consumers(2) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      // expected-error @+1 {{in the consumer of tile.roles: expected only in the other role}}
      tile.push %ch, %x[%kk] : !tile.channel<!tile.tile<8x8xf32>, 2>, !tile.view<8xf32>
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// roles C3, producer

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{producer: expected block arguments (), got ('i64')}}
  tile.roles consumers(2) producer {
  ^bb1(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// roles C3, consumer

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{consumer: expected block arguments ('i64'), got ()}}
  tile.roles consumers(2) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// roles C4, number

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{expected one tile.for_keys in each role}}
  tile.roles consumers(2) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    %z = tile.fill 0.0 : !tile.tile<8xf32>
    tile.yield
  }
  tile.return
}

// -----
// roles C4, mask

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %ch = tile.open : !tile.channel<!tile.tile<8x8xf32>, 2>
  // expected-error @+1 {{expected the loops of both roles to have the same view and equal visible regions}}
  tile.roles consumers(2) producer {
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  } consumer {
  ^bb4(%row: i64):
    tile.for_keys %x : !tile.view<8xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi slt, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      tile.yield
    }
    partial {
    ^bb2(%kk: i64):
      tile.yield
    }
    tile.yield
  }
  tile.return
}

// -----
// channel: stages

// expected-error @+1 {{a channel's stages are positive, got 0}}
func.func private @f(!tile.channel<!tile.tile<8x8xf32>, 0>)

// -----
// tile: rank

// expected-error @+1 {{a tile has rank 1 or 2, got 3}}
func.func private @f(!tile.tile<8x8x8xf32>)
