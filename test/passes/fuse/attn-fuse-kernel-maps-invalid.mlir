// RUN: attn-opt %s --attn-fuse-kernel-maps -verify-diagnostics

attn.pattern @weights positions(bottom_right) {
  attn.operand @sinks ["q_heads"] : f32
  attn.partition @heads axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c0 = arith.constant 0 : i64
      %1 = arith.cmpi eq, %g, %c0 : i64
      attn.yield %1 : i1
    }
    attn.class @rest otherwise
  }
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x8xf32> {attn.name = "v"})
      -> (tensor<?x?x?x8xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>)
        -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map [@heads::@first] weight(#attn.softmax<seed = @sinks>) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
      // expected-error@+1 {{classes with different weights in one attend are not supported: #attn.softmax<seed = @sinks> and #attn.softmax}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.cmpi sle, %k0, %q0 : i64
        attn.yield %0 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  }
}
