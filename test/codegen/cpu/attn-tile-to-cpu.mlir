// RUN: attn-opt %s --attn-tile-to-cpu=isa=x86-64-v4 | FileCheck %s
// RUN: attn-opt %s --attn-tile-to-cpu=isa=generic | FileCheck %s --check-prefix=GENERIC

// One exported function with the kernel ABI, and one function that is not inlined per phase. The register tile of the
// product is 8 keys by 3 row vectors; one broadcast of k serves three multiply-adds.
// CHECK-LABEL: func.func @scores(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) attributes {attn.scratch =
// CHECK: scf.for
// CHECK: call @query_rows
// CHECK: call @key_rows
// CHECK: call @dot.0
// CHECK: func.func private @dot.0({{.*}}) attributes {llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]}
// CHECK: scf.for
// CHECK: %[[K:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK-NEXT: %[[B:.*]] = vector.splat %[[K]] : vector<16xf32>
// CHECK-NEXT: llvm.intr.fma(%[[B]], %{{.*}}, %{{.*}})
// CHECK-NEXT: llvm.intr.fma(%[[B]], %{{.*}}, %{{.*}})
// CHECK-NEXT: llvm.intr.fma(%[[B]], %{{.*}}, %{{.*}})

// Without FMA instructions there is no fma, which would become a call.
// GENERIC-LABEL: func.func @scores
// GENERIC-NOT: llvm.intr.fma
// GENERIC: vector<4xf32>
tile.kernel @scores schedule(<rows = 48, keys = 16, pack = false, splits = false>) args ["x", "y", "z"] {
^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %x: !tile.view<8xf32>, %y: !tile.view<8xf32>, %z: !tile.view<16xf32>):
  %q = tile.load %x[%row0] : <8xf32> -> <48x8xf32>
  %k = tile.load_keys %y[%row0] : <8xf32> -> <16x8xf32>
  %s = tile.dot %q, %k transpose_b : <48x8xf32>, <16x8xf32> -> <48x16xf32>
  tile.store %s, %z[%row0] : <48x16xf32>, <16xf32>
  tile.return
}
