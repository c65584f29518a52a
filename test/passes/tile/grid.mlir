// RUN: attn-opt %s -split-input-file --attn-to-tile | FileCheck %s

// A mask over a grid: tiles are boxes, sizes are arguments, decode stays in the order of the sequence.

// CHECK-LABEL: tile.kernel @attend.0.prefill
// CHECK-SAME: rows = [[ROWS:[0-9]+]], keys = [[KEYS:[0-9]+]], pack = false
// CHECK-SAME: grid = <inner = ["cols"], dilations = [1, 1], rows = [{{[0-9]+}}, {{[0-9]+}}], keys = [{{[0-9]+}}, {{[0-9]+}}]>
// CHECK-SAME: args ["q", "k", "v", "cols", "out"] positive ["cols"]
// CHECK-LABEL: tile.kernel @attend.0.decode
// CHECK-NOT: grid = <
attn.pattern @near positions(bottom_right) {
  attn.param @cols : i64 = 32
  attn.grid ["y", "x"] sizes [24, "cols"]
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x64xf32> {attn.name = "v"}) -> (tensor<?x?x?x64xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %cols = attn.scalar @cols : i64
        %c3 = arith.constant 3 : i64
        %qy = arith.floordivsi %qi, %cols : i64
        %ky = arith.floordivsi %ki, %cols : i64
        %qx = attn.mod %qi, %cols
        %kx = attn.mod %ki, %cols
        %dy = arith.subi %qy, %ky : i64
        %dx = arith.subi %qx, %kx : i64
        %ay = math.absi %dy : i64
        %ax = math.absi %dx : i64
        %0 = arith.cmpi sle, %ay, %c3 : i64
        %1 = arith.cmpi sle, %ax, %c3 : i64
        %2 = arith.andi %0, %1 : i1
        attn.yield %2 : i1
      }
    }
    return %out : tensor<?x?x?x64xf32>
  }
}

// -----

// The same grid, but the mask does not read it.

// CHECK-LABEL: tile.kernel @attend.0.prefill
// CHECK-NOT: grid = <
// CHECK: tile.return
attn.pattern @causal positions(bottom_right) {
  attn.grid ["y", "x"] sizes [24, 32]
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x64xf32> {attn.name = "v"}) -> (tensor<?x?x?x64xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %0 = arith.cmpi sle, %ki, %qi : i64
        attn.yield %0 : i1
      }
    }
    return %out : tensor<?x?x?x64xf32>
  }
}

// -----

// A dilated sequence without a grid: boxes of one residue.

// CHECK-LABEL: tile.kernel @attend.0.prefill
// CHECK-SAME: grid = <inner = [], dilations = [4], rows = [{{[0-9]+}}], keys = [{{[0-9]+}}]>
attn.pattern @dilated positions(bottom_right) {
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x64xf32> {attn.name = "v"}) -> (tensor<?x?x?x64xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %c4 = arith.constant 4 : i64
        %c0 = arith.constant 0 : i64
        %d = arith.subi %qi, %ki : i64
        %r = attn.mod %d, %c4
        %0 = arith.cmpi eq, %r, %c0 : i64
        %1 = arith.cmpi sle, %ki, %qi : i64
        %2 = arith.andi %0, %1 : i1
        attn.yield %2 : i1
      }
    }
    return %out : tensor<?x?x?x64xf32>
  }
}

// -----

// The same beside a window (strided attention): boxes would scatter the window's keys, so tiles stay intervals.

// CHECK-LABEL: tile.kernel @attend.0.prefill
// CHECK-NOT: grid =
attn.pattern @strided positions(bottom_right) {
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x64xf32> {attn.name = "v"}) -> (tensor<?x?x?x64xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %c4 = arith.constant 4 : i64
        %c0 = arith.constant 0 : i64
        %d = arith.subi %qi, %ki : i64
        %r = attn.mod %d, %c4
        %0 = arith.cmpi eq, %r, %c0 : i64
        %near = arith.cmpi slt, %d, %c4 : i64
        %1 = arith.cmpi sle, %ki, %qi : i64
        %2 = arith.ori %0, %near : i1
        %3 = arith.andi %1, %2 : i1
        attn.yield %3 : i1
      }
    }
    return %out : tensor<?x?x?x64xf32>
  }
}
