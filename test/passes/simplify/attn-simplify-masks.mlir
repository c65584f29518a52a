// RUN: attn-opt %s --attn-simplify-masks | FileCheck %s

// not (k > q) and true, and the rule 1 != 0 or g == 2: one form, constants folded.
// CHECK-LABEL: attn.pattern @p
// CHECK: attn.class @a when {
// CHECK-NEXT: ^bb0
// CHECK-NEXT: %[[T:.*]] = arith.constant true
// CHECK-NEXT: attn.yield %[[T]]
// CHECK: attn.kernel_map weight(#attn.softmax) mask {
// CHECK-NEXT: ^bb0(%{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %[[Q:.*]]: i64, %[[K:.*]]: i64):
// CHECK-NEXT: %[[V:.*]] = arith.cmpi sle, %[[K]], %[[Q]] : i64
// CHECK-NEXT: attn.yield %[[V]] : i1
attn.pattern @p positions(bottom_right) {
  attn.partition @heads axis(kv_head) {
    attn.class @a when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %c2 = arith.constant 2 : i64
      %0 = arith.cmpi ne, %c1, %c0 : i64
      %1 = arith.cmpi eq, %g, %c2 : i64
      %2 = arith.ori %1, %0 : i1
      attn.yield %2 : i1
    }
    attn.class @rest otherwise
  }
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x8xf32> {attn.name = "v"})
      -> (tensor<?x?x?x8xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>)
        -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %true = arith.constant true
        %0 = arith.cmpi sgt, %k0, %q0 : i64
        %1 = arith.xori %0, %true : i1
        %2 = arith.andi %1, %true : i1
        attn.yield %2 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  }
}
