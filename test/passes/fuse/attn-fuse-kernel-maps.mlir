// RUN: attn-opt %s --attn-fuse-kernel-maps | FileCheck %s

// Head classes with different caches: one map whose mask holds the class condition, and a `which` region for the cache.
// The ring holds only the sink and the last positions, so the mask of its class says so.
// CHECK-LABEL: attn.pattern @head_classes
// CHECK: attn.attend
// CHECK-NEXT: attn.kernel_map weight(#attn.softmax) mask {
// CHECK: attn.element @is_retrieval
// CHECK-DAG: attn.scalar @sink
// CHECK-DAG: attn.scalar @kv_len
// CHECK-DAG: attn.scalar @recent
// CHECK: } which {
// CHECK: attn.element @is_retrieval
// CHECK: arith.select
// CHECK: attn.yield %{{.*}} : i64
// CHECK-NOT: attn.kernel_map
attn.pattern @head_classes positions(bottom_right) {
  attn.param @sink : i64 = 4
  attn.param @recent : i64 = 16
  attn.operand @is_retrieval ["kv_heads"] : i1
  attn.cache @whole layout(contiguous)
  attn.cache @ring layout(sink_ring) sink(@sink) ring(@recent)
  attn.partition @heads axis(kv_head) {
    attn.class @retrieval when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = attn.element @is_retrieval[%g] : i64
      %c0 = arith.constant 0 : i64
      %1 = arith.cmpi ne, %0, %c0 : i64
      attn.yield %1 : i1
    }
    attn.class @streaming otherwise
  }
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k.whole"},
                    %v: tensor<?x?x?x8xf32> {attn.name = "v.whole"}, %k1: tensor<?x?x?x8xf32> {attn.name = "k.ring"},
                    %v1: tensor<?x?x?x8xf32> {attn.name = "v.ring"})
      -> (tensor<?x?x?x8xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k, %k1) values(%v, %v1) caches [@whole, @ring]
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>)
        -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map [@heads::@retrieval] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
      attn.kernel_map weight(#attn.softmax) cache(1) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  }
}
