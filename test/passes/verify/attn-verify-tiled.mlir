// RUN: attn-opt %s --attn-verify-tiled -split-input-file -verify-diagnostics

attn.pattern @v1 {
  // expected-error@+1 {{V1: is left in the tiled form; expected declarations only}}
  func.func @attend() {
    return
  }
}

// -----

tile.entry @v2 inputs [{name = "x"}, {name = "w"} ] outputs [{name = "y"} ] {
  // expected-error@+1 {{V2: the forms take different arguments: ["x", "y"] and ["w", "y"]}}
  tile.launch [@copy, @other]
}
tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}
tile.kernel @other schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["w", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}

// -----

tile.entry @v3 inputs [] outputs [{name = "y"} ] {
  // expected-error@+1 {{V3: 'x' is no input, output, parameter or operand}}
  tile.launch [@copy]
}
tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}

// -----

tile.entry @v4 inputs [] outputs [{name = "y"} ] {
  // expected-error@+1 {{V4: temporary '%0' is loaded before it is stored}}
  tile.launch [@copy]
}
tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["%0", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}

// -----

// expected-error@+1 {{V6: output 'z' is never stored}}
tile.entry @v6 inputs [{name = "x"} ] outputs [{name = "y"}, {name = "z"} ] {
  tile.launch [@copy]
}
tile.kernel @copy schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %t = tile.load %x[%row0] : !tile.view<8xf32> -> !tile.tile<16x8xf32>
  tile.store %t, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}

// -----

tile.kernel @v5 schedule(<rows = 16, keys = 16, pack = false, splits = false>) args ["x", "y"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>):
  %a = tile.fill 0.0 : !tile.tile<16x8xf32>
  %r = tile.for_keys %x init(%a) : !tile.view<8xf32>, !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> visible {
  ^bb0(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %0 = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %0 : i1
  } full {
  ^bb0(%k0: i64, %acc: !tile.tile<16x8xf32>):
    // expected-error@+1 {{V5: keys of the tile: expected 16 as in the schedule, got 8}}
    %t = tile.load_keys %x[%k0] : !tile.view<8xf32> -> !tile.tile<8x8xf32>
    tile.yield %acc : !tile.tile<16x8xf32>
  } partial {
  ^bb0(%k0: i64, %acc: !tile.tile<16x8xf32>):
    tile.yield %acc : !tile.tile<16x8xf32>
  }
  tile.store %r, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf32>
  tile.return
}
