// RUN: attn-opt %s --attn-tile="lanes=16 l2-bytes=1048576" | FileCheck %s
// RUN: attn-opt %s --attn-tile="lanes=8 rows=24 keys=32" | FileCheck %s --check-prefix=SMALL

// A softmax attend: two forms, separate loops over full and partial tiles, mask and zeroed values only in the partial one.
// CHECK: tile.entry @attend inputs [{name = "q"}, {name = "k"}, {name = "v"}] outputs [{name = "out"}, {name = "lse"}]
// CHECK-NEXT: tile.launch [@attend.0.prefill, @attend.0.decode]
// CHECK: tile.kernel @attend.0.prefill schedule(<rows = 96, keys = 64, pack = false, splits = false>)
// CHECK: tile.for_keys
// CHECK: visible
// CHECK: arith.cmpi sle
// CHECK: full
// CHECK: tile.dot
// CHECK-NOT: tile.where
// CHECK: tile.load_keys
// CHECK: partial
// CHECK: tile.where {{.*}} else -1.000000e+30
// CHECK: tile.load_keys {{.*}} seen
// CHECK: tile.store {{.*}} : <96x64xf32>, <64xbf16>
// CHECK: tile.store {{.*}} : <96xf32>, <f32>
// CHECK: tile.kernel @attend.0.decode schedule(<rows = 8, keys = 64, pack = true, splits = false>)

// SMALL: tile.kernel @attend.0.prefill schedule(<rows = 24, keys = 32, pack = false, splits = false>)
attn.pattern @causal positions(bottom_right) {
  func.func @attend(%q: tensor<?x?x?x64xbf16> {attn.name = "q"}, %k: tensor<?x?x?x64xbf16> {attn.name = "k"},
                    %v: tensor<?x?x?x64xbf16> {attn.name = "v"})
      -> (tensor<?x?x?x64xbf16> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xbf16>, (tensor<?x?x?x64xbf16>), (tensor<?x?x?x64xbf16>)
        -> tensor<?x?x?x64xbf16>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x64xbf16>, tensor<?x?x?xf32>
  }
}

// Only the LSE is wanted: no accumulator and no load of values.
// CHECK: tile.entry @lse_only
// CHECK: tile.kernel @lse_only.0.prefill {{.*}} args ["q", "k", "v", "lse"]
// CHECK-NOT: tile.load_keys {{.*}} seen
// CHECK: tile.return
attn.pattern @lse_only positions(bottom_right) {
  func.func @lse_only(%q: tensor<?x?x?x64xbf16> {attn.name = "q"}, %k: tensor<?x?x?x64xbf16> {attn.name = "k"},
                      %v: tensor<?x?x?x64xbf16> {attn.name = "v"}) -> (tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xbf16>, (tensor<?x?x?x64xbf16>), (tensor<?x?x?x64xbf16>)
        -> tensor<?x?x?x64xbf16>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
    }
    return %lse : tensor<?x?x?xf32>
  }
}
