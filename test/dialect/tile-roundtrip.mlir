// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s -emit-bytecode | attn-opt | FileCheck %s

// Causal softmax attention, plain form: what CPU kernels (query lanes) are made from. Scores are in base 2, hidden
// scores and the first maximum are finite, and a row that sees nothing ends with sum = 0.

// CHECK-LABEL: tile.kernel @softmax_plain
// CHECK-SAME: schedule(<rows = 96, keys = 64, pack = false, splits = false>) args ["q", "k", "v", "out", "lse", "scale"]
tile.kernel @softmax_plain schedule(<rows = 96, keys = 64, pack = false, splits = false>)
    args ["q", "k", "v", "out", "lse", "scale"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %q: !tile.view<64xf32>, %k: !tile.view<64xf32>, %v: !tile.view<64xf32>,
     %out: !tile.view<64xf32>, %lse: !tile.view<f32>, %scale: f32):
  %log2e = arith.constant 1.44269502 : f32
  %scale2 = arith.mulf %scale, %log2e : f32
  // CHECK: tile.load %{{.*}}[%{{.*}}] scale(%{{.*}}) : <64xf32> -> <96x64xf32>
  %qt = tile.load %q[%row0] scale(%scale2) : !tile.view<64xf32> -> !tile.tile<96x64xf32>
  %m0 = tile.fill -1.0e20 : !tile.tile<96xf32>
  %l0 = tile.fill 0.0 : !tile.tile<96xf32>
  %a0 = tile.fill 0.0 : !tile.tile<96x64xf32>
  // CHECK: tile.for_keys %{{.*}} init(%{{.*}}, %{{.*}}, %{{.*}}) : <64xf32>,
  %m, %sum, %acc = tile.for_keys %k init(%m0, %l0, %a0)
      : !tile.view<64xf32>, !tile.tile<96xf32>, !tile.tile<96xf32>, !tile.tile<96x64xf32>
      -> !tile.tile<96xf32>, !tile.tile<96xf32>, !tile.tile<96x64xf32>
  // CHECK: visible {
  visible {
  ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    %c = arith.cmpi sle, %k1, %q1 : i64
    tile.yield %c : i1
  }
  // CHECK: full {
  full {
  ^bb2(%kk: i64, %m1: !tile.tile<96xf32>, %l1: !tile.tile<96xf32>, %a1: !tile.tile<96x64xf32>):
    %kt = tile.load_keys %k[%kk] : !tile.view<64xf32> -> !tile.tile<64x64xf32>
    // CHECK: tile.dot %{{.*}}, %{{.*}} transpose_b :
    %s = tile.dot %qt, %kt transpose_b : !tile.tile<96x64xf32>, !tile.tile<64x64xf32> -> !tile.tile<96x64xf32>
    // CHECK: tile.reduce max %{{.*}}, %{{.*}} :
    %m2 = tile.reduce max %s, %m1 : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32>
    %p = tile.map %s, %m2 : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96x64xf32> {
    ^bb4(%x: f32, %y: f32, %b4: i64, %h4: i64, %g4: i64, %l4: i64, %q4: i64, %k4: i64):
      %d = arith.subf %x, %y : f32
      %e = math.exp2 %d : f32
      tile.yield %e : f32
    }
    %r = tile.map %m1, %m2 : !tile.tile<96xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32> {
    ^bb5(%x: f32, %y: f32, %b5: i64, %h5: i64, %g5: i64, %l5: i64, %q5: i64, %k5: i64):
      %d = arith.subf %x, %y : f32
      %e = math.exp2 %d : f32
      tile.yield %e : f32
    }
    %lr = tile.map %l1, %r : !tile.tile<96xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32> {
    ^bb6(%x: f32, %y: f32, %b6: i64, %h6: i64, %g6: i64, %l6: i64, %q6: i64, %k6: i64):
      %d = arith.mulf %x, %y : f32
      tile.yield %d : f32
    }
    %l2 = tile.reduce sum %p, %lr : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32>
    %vt = tile.load_keys %v[%kk] : !tile.view<64xf32> -> !tile.tile<64x64xf32>
    // CHECK: tile.dot %{{.*}}, %{{.*}} init(%{{.*}} : !tile.tile<96x64xf32> rescale %{{.*}} : !tile.tile<96xf32>) :
    %a2 = tile.dot %p, %vt init(%a1 : !tile.tile<96x64xf32> rescale %r : !tile.tile<96xf32>)
        : !tile.tile<96x64xf32>, !tile.tile<64x64xf32> -> !tile.tile<96x64xf32>
    tile.yield %m2, %l2, %a2 : !tile.tile<96xf32>, !tile.tile<96xf32>, !tile.tile<96x64xf32>
  }
  // CHECK: partial {
  partial {
  ^bb3(%kk: i64, %m1: !tile.tile<96xf32>, %l1: !tile.tile<96xf32>, %a1: !tile.tile<96x64xf32>):
    %kt = tile.load_keys %k[%kk] : !tile.view<64xf32> -> !tile.tile<64x64xf32>
    %s0 = tile.dot %qt, %kt transpose_b : !tile.tile<96x64xf32>, !tile.tile<64x64xf32> -> !tile.tile<96x64xf32>
    // CHECK: tile.where %{{.*}} else -1.000000e+30 : <96x64xf32>
    %s = tile.where %s0 else -1.0e30 : !tile.tile<96x64xf32>
    %m2 = tile.reduce max %s, %m1 : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32>
    %p = tile.map %s, %m2 : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96x64xf32> {
    ^bb4(%x: f32, %y: f32, %b4: i64, %h4: i64, %g4: i64, %l4: i64, %q4: i64, %k4: i64):
      %d = arith.subf %x, %y : f32
      %e = math.exp2 %d : f32
      tile.yield %e : f32
    }
    %r = tile.map %m1, %m2 : !tile.tile<96xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32> {
    ^bb5(%x: f32, %y: f32, %b5: i64, %h5: i64, %g5: i64, %l5: i64, %q5: i64, %k5: i64):
      %d = arith.subf %x, %y : f32
      %e = math.exp2 %d : f32
      tile.yield %e : f32
    }
    %lr = tile.map %l1, %r : !tile.tile<96xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32> {
    ^bb6(%x: f32, %y: f32, %b6: i64, %h6: i64, %g6: i64, %l6: i64, %q6: i64, %k6: i64):
      %d = arith.mulf %x, %y : f32
      tile.yield %d : f32
    }
    %l2 = tile.reduce sum %p, %lr : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32>
    // CHECK: tile.load_keys %{{.*}}[%{{.*}}] seen :
    %vt = tile.load_keys %v[%kk] seen : !tile.view<64xf32> -> !tile.tile<64x64xf32>
    %a2 = tile.dot %p, %vt init(%a1 : !tile.tile<96x64xf32> rescale %r : !tile.tile<96xf32>)
        : !tile.tile<96x64xf32>, !tile.tile<64x64xf32> -> !tile.tile<96x64xf32>
    tile.yield %m2, %l2, %a2 : !tile.tile<96xf32>, !tile.tile<96xf32>, !tile.tile<96x64xf32>
  }
  %o = tile.map %acc, %sum : !tile.tile<96x64xf32>, !tile.tile<96xf32> -> !tile.tile<96x64xf32> {
  ^bb7(%x: f32, %y: f32, %b7: i64, %h7: i64, %g7: i64, %l7: i64, %q7: i64, %k7: i64):
    %zero = arith.constant 0.0 : f32
    %none = arith.cmpf oeq, %y, %zero : f32
    %d = arith.divf %x, %y : f32
    %n = arith.select %none, %zero, %d : f32
    tile.yield %n : f32
  }
  %e = tile.map %m, %sum : !tile.tile<96xf32>, !tile.tile<96xf32> -> !tile.tile<96xf32> {
  ^bb8(%x: f32, %y: f32, %b8: i64, %h8: i64, %g8: i64, %l8: i64, %q8: i64, %k8: i64):
    %ln2 = arith.constant 0.693147182 : f32
    %lg = math.log2 %y : f32
    %s = arith.addf %x, %lg : f32
    %n = arith.mulf %s, %ln2 : f32
    tile.yield %n : f32
  }
  // CHECK: tile.store %{{.*}}, %{{.*}}[%{{.*}}] : <96x64xf32>, <64xf32>
  tile.store %o, %out[%row0] : !tile.tile<96x64xf32>, !tile.view<64xf32>
  tile.store %e, %lse[%row0] : !tile.tile<96xf32>, !tile.view<f32>
  tile.return
}

// The same computation, warp-specialised: one producer stages K and V tiles of 128 keys in two channels of two stages;
// two consumers hold 64 of the 128 rows each with their own m, sum and acc. Tiles stay bf16 up to the matrix unit.

// CHECK-LABEL: tile.kernel @softmax_warp_specialised
tile.kernel @softmax_warp_specialised
    schedule(<rows = 128, keys = 128, pack = true, splits = false, target = {producer_registers = 40 : i64}>)
    args ["q", "k", "v", "out", "lse", "scale"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %q: !tile.view<64xbf16>, %k: !tile.view<64xbf16>, %v: !tile.view<64xbf16>,
     %out: !tile.view<64xbf16>, %lse: !tile.view<f32>, %scale: f32):
  // CHECK: %[[KC:.*]] = tile.open : <<128x64xbf16>, 2>
  // CHECK: %[[VC:.*]] = tile.open
  %kc = tile.open : !tile.channel<!tile.tile<128x64xbf16>, 2>
  %vc = tile.open : !tile.channel<!tile.tile<128x64xbf16>, 2>
  // CHECK: tile.roles consumers(2) producer {
  tile.roles consumers(2) producer {
    // CHECK: tile.for_keys %{{.*}} : <64xbf16> visible {
    tile.for_keys %k : !tile.view<64xbf16>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64):
      // CHECK: tile.push %[[KC]], %{{.*}}[%{{.*}}] : <<128x64xbf16>, 2>, <64xbf16>
      // CHECK: tile.push %[[VC]]
      tile.push %kc, %k[%kk] : !tile.channel<!tile.tile<128x64xbf16>, 2>, !tile.view<64xbf16>
      tile.push %vc, %v[%kk] : !tile.channel<!tile.tile<128x64xbf16>, 2>, !tile.view<64xbf16>
      tile.yield
    }
    partial {
    ^bb3(%kk: i64):
      tile.push %kc, %k[%kk] : !tile.channel<!tile.tile<128x64xbf16>, 2>, !tile.view<64xbf16>
      tile.push %vc, %v[%kk] : !tile.channel<!tile.tile<128x64xbf16>, 2>, !tile.view<64xbf16>
      tile.yield
    }
    tile.yield
  // CHECK: consumer {
  // CHECK-NEXT: ^bb0(%[[ROW:.*]]: i64):
  } consumer {
  ^bb4(%row: i64):
    %log2e = arith.constant 1.44269502 : f32
    %scale2 = arith.mulf %scale, %log2e : f32
    // CHECK: tile.load %{{.*}}[%[[ROW]]] : <64xbf16> -> <64x64xf32>
    // CHECK-NEXT: tile.convert %{{.*}} : <64x64xf32> -> <64x64xbf16>
    %qt = tile.load %q[%row] : !tile.view<64xbf16> -> !tile.tile<64x64xf32>
    %q16 = tile.convert %qt : !tile.tile<64x64xf32> -> !tile.tile<64x64xbf16>
    %m0 = tile.fill -1.0e20 : !tile.tile<64xf32>
    %l0 = tile.fill 0.0 : !tile.tile<64xf32>
    %a0 = tile.fill 0.0 : !tile.tile<64x64xf32>
    %m, %sum, %acc = tile.for_keys %k init(%m0, %l0, %a0)
        : !tile.view<64xbf16>, !tile.tile<64xf32>, !tile.tile<64xf32>, !tile.tile<64x64xf32>
        -> !tile.tile<64xf32>, !tile.tile<64xf32>, !tile.tile<64x64xf32>
    visible {
    ^bb1(%b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
      %c = arith.cmpi sle, %k1, %q1 : i64
      tile.yield %c : i1
    }
    full {
    ^bb2(%kk: i64, %m1: !tile.tile<64xf32>, %l1: !tile.tile<64xf32>, %a1: !tile.tile<64x64xf32>):
      // CHECK: tile.pop %[[KC]] :
      %kt = tile.pop %kc : !tile.channel<!tile.tile<128x64xbf16>, 2> -> !tile.tile<128x64xbf16>
      %s0 = tile.dot %q16, %kt transpose_b : !tile.tile<64x64xbf16>, !tile.tile<128x64xbf16> -> !tile.tile<64x128xf32>
      // CHECK: tile.release %[[KC]] :
      tile.release %kc : !tile.channel<!tile.tile<128x64xbf16>, 2>
      %s = tile.map %s0 : !tile.tile<64x128xf32> -> !tile.tile<64x128xf32> {
      ^bb5(%x: f32, %b5: i64, %h5: i64, %g5: i64, %l5: i64, %q5: i64, %k5: i64):
        %d = arith.mulf %x, %scale2 : f32
        tile.yield %d : f32
      }
      %m2 = tile.reduce max %s, %m1 : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32>
      %p = tile.map %s, %m2 : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64x128xf32> {
      ^bb6(%x: f32, %y: f32, %b6: i64, %h6: i64, %g6: i64, %l6: i64, %q6: i64, %k6: i64):
        %d = arith.subf %x, %y : f32
        %e = math.exp2 %d : f32
        tile.yield %e : f32
      }
      %r = tile.map %m1, %m2 : !tile.tile<64xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32> {
      ^bb7(%x: f32, %y: f32, %b7: i64, %h7: i64, %g7: i64, %l7: i64, %q7: i64, %k7: i64):
        %d = arith.subf %x, %y : f32
        %e = math.exp2 %d : f32
        tile.yield %e : f32
      }
      %lr = tile.map %l1, %r : !tile.tile<64xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32> {
      ^bb8(%x: f32, %y: f32, %b8: i64, %h8: i64, %g8: i64, %l8: i64, %q8: i64, %k8: i64):
        %d = arith.mulf %x, %y : f32
        tile.yield %d : f32
      }
      %l2 = tile.reduce sum %p, %lr : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32>
      %p16 = tile.convert %p : !tile.tile<64x128xf32> -> !tile.tile<64x128xbf16>
      // CHECK: tile.pop %[[VC]] :
      %vt = tile.pop %vc : !tile.channel<!tile.tile<128x64xbf16>, 2> -> !tile.tile<128x64xbf16>
      %a2 = tile.dot %p16, %vt init(%a1 : !tile.tile<64x64xf32> rescale %r : !tile.tile<64xf32>)
          : !tile.tile<64x128xbf16>, !tile.tile<128x64xbf16> -> !tile.tile<64x64xf32>
      tile.release %vc : !tile.channel<!tile.tile<128x64xbf16>, 2>
      tile.yield %m2, %l2, %a2 : !tile.tile<64xf32>, !tile.tile<64xf32>, !tile.tile<64x64xf32>
    }
    partial {
    ^bb3(%kk: i64, %m1: !tile.tile<64xf32>, %l1: !tile.tile<64xf32>, %a1: !tile.tile<64x64xf32>):
      %kt = tile.pop %kc : !tile.channel<!tile.tile<128x64xbf16>, 2> -> !tile.tile<128x64xbf16>
      %s0 = tile.dot %q16, %kt transpose_b : !tile.tile<64x64xbf16>, !tile.tile<128x64xbf16> -> !tile.tile<64x128xf32>
      tile.release %kc : !tile.channel<!tile.tile<128x64xbf16>, 2>
      %s1 = tile.map %s0 : !tile.tile<64x128xf32> -> !tile.tile<64x128xf32> {
      ^bb5(%x: f32, %b5: i64, %h5: i64, %g5: i64, %l5: i64, %q5: i64, %k5: i64):
        %d = arith.mulf %x, %scale2 : f32
        tile.yield %d : f32
      }
      %s = tile.where %s1 else -1.0e30 : !tile.tile<64x128xf32>
      %m2 = tile.reduce max %s, %m1 : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32>
      %p = tile.map %s, %m2 : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64x128xf32> {
      ^bb6(%x: f32, %y: f32, %b6: i64, %h6: i64, %g6: i64, %l6: i64, %q6: i64, %k6: i64):
        %d = arith.subf %x, %y : f32
        %e = math.exp2 %d : f32
        tile.yield %e : f32
      }
      %r = tile.map %m1, %m2 : !tile.tile<64xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32> {
      ^bb7(%x: f32, %y: f32, %b7: i64, %h7: i64, %g7: i64, %l7: i64, %q7: i64, %k7: i64):
        %d = arith.subf %x, %y : f32
        %e = math.exp2 %d : f32
        tile.yield %e : f32
      }
      %lr = tile.map %l1, %r : !tile.tile<64xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32> {
      ^bb8(%x: f32, %y: f32, %b8: i64, %h8: i64, %g8: i64, %l8: i64, %q8: i64, %k8: i64):
        %d = arith.mulf %x, %y : f32
        tile.yield %d : f32
      }
      %l2 = tile.reduce sum %p, %lr : !tile.tile<64x128xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32>
      %p16 = tile.convert %p : !tile.tile<64x128xf32> -> !tile.tile<64x128xbf16>
      // CHECK: tile.pop %[[VC]] seen :
      %vt = tile.pop %vc seen : !tile.channel<!tile.tile<128x64xbf16>, 2> -> !tile.tile<128x64xbf16>
      %a2 = tile.dot %p16, %vt init(%a1 : !tile.tile<64x64xf32> rescale %r : !tile.tile<64xf32>)
          : !tile.tile<64x128xbf16>, !tile.tile<128x64xbf16> -> !tile.tile<64x64xf32>
      tile.release %vc : !tile.channel<!tile.tile<128x64xbf16>, 2>
      tile.yield %m2, %l2, %a2 : !tile.tile<64xf32>, !tile.tile<64xf32>, !tile.tile<64x64xf32>
    }
    %o = tile.map %acc, %sum : !tile.tile<64x64xf32>, !tile.tile<64xf32> -> !tile.tile<64x64xf32> {
    ^bb9(%x: f32, %y: f32, %b9: i64, %h9: i64, %g9: i64, %l9: i64, %q9: i64, %k9: i64):
      %zero = arith.constant 0.0 : f32
      %none = arith.cmpf oeq, %y, %zero : f32
      %d = arith.divf %x, %y : f32
      %n = arith.select %none, %zero, %d : f32
      tile.yield %n : f32
    }
    %e = tile.map %m, %sum : !tile.tile<64xf32>, !tile.tile<64xf32> -> !tile.tile<64xf32> {
    ^bb10(%x: f32, %y: f32, %b10: i64, %h10: i64, %g10: i64, %l10: i64, %q10: i64, %k10: i64):
      %ln2 = arith.constant 0.693147182 : f32
      %lg = math.log2 %y : f32
      %s = arith.addf %x, %lg : f32
      %n = arith.mulf %s, %ln2 : f32
      tile.yield %n : f32
    }
    // CHECK: tile.store %{{.*}}, %{{.*}}[%[[ROW]]] : <64x64xf32>, <64xbf16>
    tile.store %o, %out[%row] : !tile.tile<64x64xf32>, !tile.view<64xbf16>
    tile.store %e, %lse[%row] : !tile.tile<64xf32>, !tile.view<f32>
    tile.yield
  }
  tile.return
}

// Expressions over buffers and sizes, rope tables, a tile whose map reads the key position.

// CHECK-LABEL: tile.kernel @expressions
tile.kernel @expressions schedule(<rows = 16, keys = 8, pack = true, splits = true>) args ["x", "y", "cos", "sin", "doc"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf16>, %y: !tile.view<8xf16>,
     %cos: !tile.buffer<2 x f32>, %sin: !tile.buffer<2 x f32>, %doc: !tile.buffer<2 x i32>):
  // CHECK: tile.load %{{.*}}[%{{.*}}] rope(%{{.*}}, %{{.*}} : !tile.buffer<2 x f32>, !tile.buffer<2 x f32>) interleaved
  %t = tile.load %x[%row0] rope(%cos, %sin : !tile.buffer<2 x f32>, !tile.buffer<2 x f32>) interleaved
      : !tile.view<8xf16> -> !tile.tile<16x8xf32>
  // CHECK: tile.size "kv_len"
  %n = tile.size "kv_len"
  // CHECK: tile.map %{{.*}} keys(%{{.*}}) : !tile.tile<16x8xf32> -> <16x8xf32> {
  %u = tile.map %t keys(%row0) : !tile.tile<16x8xf32> -> !tile.tile<16x8xf32> {
  ^bb1(%s: f32, %b1: i64, %h1: i64, %g1: i64, %l1: i64, %q1: i64, %k1: i64):
    // CHECK: tile.element %{{.*}}[%{{.*}}, %{{.*}}] : <2 x i32> -> i64
    %d = tile.element %doc[%b1, %k1] : !tile.buffer<2 x i32> -> i64
    // CHECK: tile.member %{{.*}} in %{{.*}}[%{{.*}}] from %{{.*}} to %{{.*}} : <2 x i32>
    %m = tile.member %k1 in %doc[%b1] from %b1 to %n : !tile.buffer<2 x i32>
    // CHECK: tile.ancestor %{{.*}} of %{{.*}} in %{{.*}}[%{{.*}}] : <2 x i32>
    %a = tile.ancestor %k1 of %q1 in %doc[%b1] : !tile.buffer<2 x i32>
    // CHECK: tile.mod
    %r = tile.mod %d, %n
    // CHECK: tile.is_pow2
    %p = tile.is_pow2 %r
    %z = arith.constant 0.0 : f32
    %w = arith.select %p, %s, %z : f32
    tile.yield %w : f32
  }
  tile.store %u, %y[%row0] : !tile.tile<16x8xf32>, !tile.view<8xf16>
  tile.return
}

// A launch schedule with two forms of one computation.

// CHECK-LABEL: tile.entry @attend inputs [{name = "x", role = "query"}] outputs [{name = "y", role = "out"}] {
tile.entry @attend inputs [{name = "x", role = "query"}] outputs [{name = "y", role = "out"}] {
  // CHECK: tile.launch [@expressions, @expressions]
  tile.launch [@expressions, @expressions]
}
