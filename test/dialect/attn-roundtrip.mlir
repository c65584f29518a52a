// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s -emit-bytecode | attn-opt | FileCheck %s

// Every declaration, and an entry point with head classes, scores, rope, a seed and two caches.

// CHECK-LABEL: attn.pattern @everything positions(bottom_right)
attn.pattern @everything positions(bottom_right) {
  // CHECK: attn.param @window : i64 = 256
  attn.param @window : i64 = 256
  attn.param @sink : i64 = 64
  // CHECK: attn.param @cap : f32 = 5.000000e+01
  attn.param @cap : f32 = 50.0
  // CHECK: attn.operand @doc ["batch", "kv_len"] : i32 domain(sorted)
  attn.operand @doc ["batch", "kv_len"] : i32 domain(sorted)
  // CHECK: attn.operand @retrieval ["kv_heads"] : i1
  // CHECK-NOT: domain
  attn.operand @retrieval ["kv_heads"] : i1
  attn.operand @logit ["q_heads"] : f32
  attn.operand @cos [4096, 32] : f32
  attn.operand @sin [4096, "sink"] : f32
  // CHECK: attn.grid ["t", "y", "x"] sizes [30, "window", 80]
  attn.grid ["t", "y", "x"] sizes [30, "window", 80]
  // CHECK: attn.cache @whole layout(contiguous)
  // CHECK: attn.cache @ring layout(sink_ring) sink(@sink) ring(@window)
  attn.cache @whole layout(contiguous)
  attn.cache @ring layout(sink_ring) sink(@sink) ring(@window)
  // CHECK: attn.partition @heads axis(kv_head) {
  attn.partition @heads axis(kv_head) {
    // CHECK: attn.class @retrieval when {
    attn.class @retrieval when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // CHECK: attn.member %{{.*}} in @retrieval[] from %{{.*}} to %{{.*}}
      %m = attn.member %g in @retrieval[] from %g to %g
      // CHECK: attn.ancestor %{{.*}} of %{{.*}} in @retrieval[]
      %a = attn.ancestor %g of %g in @retrieval[]
      // CHECK: attn.element @retrieval[%{{.*}}] : i64
      %0 = attn.element @retrieval[%g] : i64
      %zero = arith.constant 0 : i64
      %1 = arith.cmpi ne, %0, %zero : i64
      attn.yield %1 : i1
    }
    // CHECK: attn.class @streaming otherwise
    attn.class @streaming otherwise
  }
  func.func @attend(%q: tensor<?x?x?x64xf16> {attn.name = "q"},
                    %k0: tensor<?x?x?x64xf16> {attn.name = "k"}, %v0: tensor<?x?x?x32xf16> {attn.name = "v"},
                    %k1: tensor<?x?x?x64xf16> {attn.name = "rk"}, %v1: tensor<?x?x?x32xf16> {attn.name = "rv"})
      -> (tensor<?x?x?x32xf16> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    // CHECK: attn.attend %{{.*}} keys(%{{.*}}, %{{.*}}) values(%{{.*}}, %{{.*}}) caches [@whole, @ring] scale(1.250000e-01) scale_param(@cap) :
    %out, %lse = attn.attend %q keys(%k0, %k1) values(%v0, %v1) caches [@whole, @ring] scale(0.125) scale_param(@cap)
        : tensor<?x?x?x64xf16>, (tensor<?x?x?x64xf16>, tensor<?x?x?x64xf16>),
          (tensor<?x?x?x32xf16>, tensor<?x?x?x32xf16>) -> tensor<?x?x?x32xf16>, tensor<?x?x?xf32> {
      // CHECK: attn.kernel_map [@heads::@retrieval] weight(#attn.softmax<seed = @logit>)
      // CHECK-SAME: rope(<cos = @cos, sin = @sin, interleaved = true>) mask {
      attn.kernel_map [@heads::@retrieval] weight(#attn.softmax<seed = @logit>)
          rope(<cos = @cos, sin = @sin, interleaved = true>) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %0 = arith.cmpi sle, %ki, %qi : i64
        attn.yield %0 : i1
      // CHECK: } score {
      // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64):
      } score {
      ^bb0(%s: f32, %b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        // CHECK: attn.scalar @cap : f32
        %cap = attn.scalar @cap : f32
        %1 = arith.divf %s, %cap : f32
        %2 = math.tanh %1 : f32
        %3 = arith.mulf %2, %cap : f32
        attn.yield %3 : f32
      }
      // CHECK: attn.kernel_map weight(#attn.softmax) cache(1) mask {
      attn.kernel_map weight(#attn.softmax) cache(1) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        // CHECK: attn.scalar @kv_len : i64
        %n = attn.scalar @kv_len : i64
        // CHECK: attn.mod %{{.*}}, %{{.*}}
        %r = attn.mod %ki, %n
        // CHECK: attn.is_pow2 %{{.*}}
        %p = attn.is_pow2 %r
        attn.yield %p : i1
      }
    }
    return %out, %lse : tensor<?x?x?x32xf16>, tensor<?x?x?xf32>
  }
}

// Decayed linear attention.

// CHECK-LABEL: attn.pattern @linear {
attn.pattern @linear {
  attn.operand @slope ["q_heads"] : f32
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x8xf32> {attn.name = "v"})
      -> (tensor<?x?x?x8xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // CHECK: attn.kernel_map weight(#attn.linear<"chunked">) mask {
      attn.kernel_map weight(#attn.linear<"chunked">) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %0 = arith.cmpi sle, %ki, %qi : i64
        attn.yield %0 : i1
      // CHECK: } decay {
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %0 = attn.element @slope[%h] : f32
        %1 = arith.negf %0 : f32
        %2 = math.exp %1 : f32
        attn.yield %2 : f32
      }
    }
    return %out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  }
}

// CHECK-LABEL: func.func @merge
func.func @merge(%o: tensor<?x?x?x8xf32>, %l: tensor<?x?x?xf32>) -> (tensor<?x?x?x8xf32>, tensor<?x?x?xf32>) {
  // CHECK: attn.merge outs(%{{.*}}, %{{.*}}) lses(%{{.*}}, %{{.*}}) :
  %0, %1 = attn.merge outs(%o, %o) lses(%l, %l)
      : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?xf32>, tensor<?x?x?xf32>)
      -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  return %0, %1 : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
}

// Values that are built in, a cache of slots, keys without values, merges without outs, gated sums.

// CHECK-LABEL: attn.pattern @language
attn.pattern @language {
  // CHECK: attn.operand @slope ["q_heads"] : f32 values(dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>)
  attn.operand @slope ["q_heads"] : f32 values(dense<[0.5, 0.25]> : tensor<2xf32>)
  // CHECK: attn.cache @extra layout(slots)
  attn.cache @extra layout(slots)
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k"}, %v: tensor<?x?x?x8xf32> {attn.name = "v"})
      -> (tensor<?x?x?x8xf32> {attn.name = "out"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v) caches [@extra] : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // CHECK: attn.kernel_map weight(#attn.softmax) zero_value mask {
      attn.kernel_map weight(#attn.softmax) zero_value mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
        %true = arith.constant true
        attn.yield %true : i1
      }
    }
    // CHECK: attn.merge outs() lses(%{{.*}}) : (), (tensor<?x?x?xf32>) ->
    %o, %merged = attn.merge outs() lses(%lse) : (), (tensor<?x?x?xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
    // CHECK: attn.gated_sum outs(%{{.*}}, %{{.*}}) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32> gates {
    %sum = attn.gated_sum outs(%o, %out) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32> gates {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
      %0 = attn.element @slope[%h] : f32
      attn.yield %0 : f32
    // CHECK: }, {
    }, {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %qi: i64, %ki: i64):
      %0 = arith.constant 0.5 : f32
      attn.yield %0 : f32
    }
    return %sum : tensor<?x?x?x8xf32>
  }
}
