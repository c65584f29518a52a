// RUN: attn-compile %S/../../../patterns/causal.json --emit=attn -o %t.mlir
// RUN: attn-opt %t.mlir --attn-to-cpu | FileCheck %s

// The whole way by hand: declarations stay, both forms become functions of the kernel ABI.
// CHECK: attn.pattern @pattern.causal
// CHECK-NOT: tile.
// CHECK: func.func @attend.0.prefill(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) attributes {attn.scratch = {{[0-9]+}} : i64
// CHECK: func.func @attend.0.decode
