// RUN: attn-opt %s --attn-tile-to-cpu=isa=x86-64-v4-bf16 | FileCheck %s
// RUN: attn-opt %s --attn-tile-to-cpu=isa=x86-64-v4 | FileCheck %s --check-prefix=FP32

// The rows of q become pairs by lanes as they are, the keys are read in the caller's memory, and the scale multiplies
// the finished scores.
// CHECK-LABEL: func.func @attention
// CHECK: call @rows_to_lanes
// CHECK-NOT: call @convert_rows
// CHECK: call @dot.0
// CHECK-NOT: call @convert_rows
// CHECK: call @sweep.0
// CHECK: call @pair_rows
// CHECK: call @dot.1

// CHECK: func.func private @dot.0
// CHECK: %[[K:.*]] = llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> f32
// CHECK-NEXT: %[[B:.*]] = vector.splat %[[K]] : vector<16xf32>
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK: arith.mulf

// CHECK: func.func private @sweep.0
// CHECK: math.absf
// CHECK-NOT: vector<16xf32>, !llvm.ptr
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"

// CHECK: func.func private @dot.1
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK: func.func @unrounded
// CHECK-NOT: dpbf16ps

// FP32-NOT: avx512bf16

tile.kernel @attention schedule(<rows = 48, keys = 16, pack = false, splits = false>) args ["x", "y", "v", "z"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xbf16>, %y: !tile.view<8xbf16>, %v: !tile.view<32xbf16>, %z: !tile.view<32xbf16>):
  %scale = arith.constant 0.25 : f32
  %q = tile.load %x[%row0] scale(%scale) : <8xbf16> -> <48x8xf32>
  %k = tile.load_keys %y[%row0] : <8xbf16> -> <16x8xf32>
  %s = tile.dot %q, %k transpose_b : <48x8xf32>, <16x8xf32> -> <48x16xf32>
  %m0 = tile.fill 0.0 : <48xf32>
  %m = tile.reduce max %s, %m0 : <48x16xf32>, <48xf32> -> <48xf32>
  %p = tile.map %s, %m : !tile.tile<48x16xf32>, !tile.tile<48xf32> -> <48x16xf32> {
  ^bb0(%a: f32, %c: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %0 = arith.subf %a, %c : f32
    %1 = math.absf %0 : f32
    tile.yield %1 : f32
  }
  %vt = tile.load_keys %v[%row0] : <32xbf16> -> <16x32xf32>
  %o = tile.dot %p, %vt round_a : <48x16xf32>, <16x32xf32> -> <48x32xf32>
  tile.store %o, %z[%row0] : <48x32xf32>, <32xbf16>
  tile.return
}

// Without the permission to round, the computed operand stays as it is.
tile.kernel @unrounded schedule(<rows = 48, keys = 16, pack = false, splits = false>) args ["x", "v", "z"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<16xbf16>, %v: !tile.view<32xbf16>, %z: !tile.view<32xbf16>):
  %p = tile.load %x[%row0] : <16xbf16> -> <48x16xf32>
  %vt = tile.load_keys %v[%row0] : <32xbf16> -> <16x32xf32>
  %o = tile.dot %p, %vt : <48x16xf32>, <16x32xf32> -> <48x32xf32>
  tile.store %o, %z[%row0] : <48x32xf32>, <32xbf16>
  tile.return
}
