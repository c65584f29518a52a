// RUN: attn-opt %s --attn-split-partitions | FileCheck %s

// Two key classes become two attends, each with the mask restricted to its class, and a merge.
// CHECK-LABEL: attn.pattern @two_key_classes
// CHECK: %[[O1:.*]], %[[L1:.*]] = attn.attend {{.*}} -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
// CHECK-NEXT: attn.kernel_map weight(#attn.softmax) mask
// CHECK: arith.cmpi {{.*}} %{{.*}}, %{{.*}} : i64
// CHECK: %[[O2:.*]], %[[L2:.*]] = attn.attend {{.*}} -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
// CHECK: attn.merge outs(%[[O1]], %[[O2]]) lses(%[[L1]], %[[L2]])
// CHECK-SAME: -> tensor<?x?x?x8xf16>, tensor<?x?x?xf32>
attn.pattern @two_key_classes positions(bottom_right) {
  attn.partition @keys axis(key) {
    attn.class @early when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 10 : i64
      %0 = arith.cmpi slt, %k, %c : i64
      attn.yield %0 : i1
    }
    attn.class @late otherwise
  }
  func.func @attend(%q: tensor<?x?x?x8xf16> {attn.name = "q"}, %k: tensor<?x?x?x8xf16> {attn.name = "k"},
                    %v: tensor<?x?x?x8xf16> {attn.name = "v"})
      -> (tensor<?x?x?x8xf16> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x8xf16>, (tensor<?x?x?x8xf16>), (tensor<?x?x?x8xf16>)
        -> tensor<?x?x?x8xf16>, tensor<?x?x?xf32> {
      attn.kernel_map [@keys::@early] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %true = arith.constant true
        attn.yield %true : i1
      }
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x8xf16>, tensor<?x?x?xf32>
  }
}
