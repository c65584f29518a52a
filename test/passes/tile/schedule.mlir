// RUN: attn-opt %s --attn-tile | FileCheck %s
// RUN: attn-opt %s --attn-tile="rows=24 keys=16" | FileCheck %s --check-prefix=OPTION

// A pattern's schedule replaces the cost model's sizes where it states them; options of the pass come before both.
// CHECK: tile.kernel @attend.0.prefill schedule(<rows = 48, keys = 64, pack = false, splits = false>)
// CHECK: tile.kernel @attend.0.decode schedule(<rows = 4, keys = 32, pack = true, splits = false>)
// OPTION: tile.kernel @attend.0.prefill schedule(<rows = 24, keys = 16, pack = false, splits = false>)
// OPTION: tile.kernel @attend.0.decode schedule(<rows = 4, keys = 16, pack = true, splits = false>)
attn.pattern @dense schedule {decode = {keys = 32, rows = 4}, prefill = {rows = 48}} {
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x64xf32> {attn.name = "v"})
      -> (tensor<?x?x?x64xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x64xf32>)
        -> tensor<?x?x?x64xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %0 = arith.constant true
        attn.yield %0 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x64xf32>, tensor<?x?x?xf32>
  }
}
