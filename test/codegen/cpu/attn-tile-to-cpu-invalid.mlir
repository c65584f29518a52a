// RUN: attn-opt %s --attn-tile-to-cpu -split-input-file -verify-diagnostics

// expected-error @+1 {{key splits are not supported by the cpu target}}
tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = true>) args [] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64):
  tile.return
}

// -----

tile.kernel @k schedule(<rows = 16, keys = 8, pack = false, splits = false>) args ["x"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : <8xf32> -> <16x8xf32>
  %u = tile.map %t : !tile.tile<16x8xf32> -> <16x8xf32> {
  ^bb0(%a: f32, %b1: i64, %h: i64, %g1: i64, %l1: i64, %q: i64, %k: i64):
    // expected-error @+1 {{'math.erf' is not supported by the target in expressions}}
    %r = math.erf %a : f32
    tile.yield %r : f32
  }
  tile.store %u, %x[%row0] : <16x8xf32>, <8xf32>
  tile.return
}
