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

// Maps with and without values become two attends; the out of the second is not used. The merge of that part and the merge
// around it become one.
// CHECK-LABEL: attn.pattern @some_values
// CHECK: %[[O1:.*]], %[[L1:.*]] = attn.attend
// CHECK: attn.kernel_map [@heads::@pruned] weight(#attn.softmax<seed = @sink>) mask
// CHECK: arith.constant false
// CHECK: attn.kernel_map weight(#attn.softmax<seed = @sink>) mask
// CHECK: arith.constant true
// CHECK: %{{.*}}, %[[L2:.*]] = attn.attend
// CHECK: attn.kernel_map [@heads::@pruned] weight(#attn.softmax) zero_value mask
// CHECK: arith.constant true
// CHECK: attn.kernel_map weight(#attn.softmax) zero_value mask
// CHECK: arith.constant false
// CHECK: %[[O:.*]], %{{.*}} = attn.merge outs(%[[O1]], %{{.*}}) lses(%[[L1]], %{{.*}}, %[[L2]])
// CHECK-NOT: attn.merge
// CHECK: return %[[O]]
attn.pattern @some_values positions(bottom_right) {
  attn.operand @sink ["q_heads"] : f32
  attn.partition @heads axis(q_head) {
    attn.class @pruned when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %h, %c : i64
      attn.yield %0 : i1
    }
    attn.class @kept otherwise
  }
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k"}, %v: tensor<?x?x?x8xf32> {attn.name = "v"}, %o2: tensor<?x?x?x8xf32> {attn.name = "o2"},
                    %l2: tensor<?x?x?xf32> {attn.name = "l2"}) -> (tensor<?x?x?x8xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v) : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map [@heads::@pruned] weight(#attn.softmax<seed = @sink>) zero_value mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %true = arith.constant true
        attn.yield %true : i1
      }
      attn.kernel_map weight(#attn.softmax<seed = @sink>) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %true = arith.constant true
        attn.yield %true : i1
      }
    }
    %o, %l = attn.merge outs(%out, %o2) lses(%lse, %l2) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
    return %o : tensor<?x?x?x8xf32>
  }
}
