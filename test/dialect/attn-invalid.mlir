// RUN: attn-opt %s -split-input-file -verify-diagnostics

// One case per labelled constraint of AttnOps.td, in the order of that file.

// -----
// pattern C1

attn.pattern @p {
  // expected-error @+1 {{in the body of attn.pattern: expected a declaration or func.func, got arith.constant}}
  %0 = arith.constant 1 : i64
}

// -----
// pattern C2, argument

attn.pattern @p {
  // expected-error @+1 {{argument 1 of an entry point: expected the attribute attn.name}}
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}, %k: tensor<?x?x?x8xf32>) {
    return
  }
}

// -----
// pattern C2, result

attn.pattern @p {
  // expected-error @+1 {{result 0 of an entry point: expected the attribute attn.name}}
  func.func @attend(%q: tensor<?x?x?x8xf32> {attn.name = "q"}) -> tensor<?x?x?x8xf32> {
    return %q : tensor<?x?x?x8xf32>
  }
}

// -----
// pattern C3, form

// expected-error @+1 {{schedule: expected a dictionary prefill or decode, got "scan"}}
attn.pattern @p schedule {scan = {rows = 8}} {
}

// -----
// pattern C3, size

// expected-error @+1 {{schedule: expected an integer rows or keys, got "columns"}}
attn.pattern @p schedule {decode = {columns = 8}} {
}

// -----
// pattern C3, range

// expected-error @+1 {{schedule: expected "rows" from 1 to 1024, got 2000}}
attn.pattern @p schedule {prefill = {rows = 2000}} {
}

// -----
// param C1

attn.pattern @p {
  // expected-error @+1 {{type: expected i64 or f32, got 'f16'}}
  attn.param @x : f16 = 1.0
}

// -----
// param C1, default

attn.pattern @p {
  // expected-error @+1 {{type of the default: expected 'i64', got 'f32'}}
  "attn.param"() <{sym_name = "x", type = i64, value = 1.0 : f32}> : () -> ()
}

// -----
// param C2

attn.pattern @p {
  // expected-error @+1 {{default: expected a magnitude below 2^31, got 2147483648}}
  attn.param @x : i64 = 2147483648
}

// -----
// param C2

attn.pattern @p {
  // expected-error @+1 {{default: expected a magnitude below 2^31, got -2147483648}}
  attn.param @x : i64 = -2147483648
}

// -----
// operand C1, number

attn.pattern @p {
  // expected-error @+1 {{number of sizes: expected 1 to 4, got 0}}
  attn.operand @x [] : i32
}

// -----
// operand C1, number

attn.pattern @p {
  // expected-error @+1 {{number of sizes: expected 1 to 4, got 5}}
  attn.operand @x [1, 2, 3, 4, 5] : i32
}

// -----
// operand C1, value

attn.pattern @p {
  // expected-error @+1 {{size: expected a string or a positive integer, got 0}}
  attn.operand @x ["batch", 0] : i32
}

// -----
// operand C2

attn.pattern @p {
  // expected-error @+1 {{element type: expected i1, i8, i32, i64, f32, f16 or bf16, got 'i16'}}
  attn.operand @x ["batch"] : i16
}

// -----
// operand C3

attn.pattern @p {
  // expected-error @+1 {{size: expected an attn.param of type 'i64', got 'kv_length', which is none}}
  attn.operand @x ["kv_length"] : i32
}

// -----
// operand C3, type

attn.pattern @p {
  attn.param @n : f32 = 1.0
  // expected-error @+1 {{size: expected an attn.param of type 'i64', got 'n' of another type}}
  attn.operand @x ["n"] : i32
}

// -----
// grid C1

attn.pattern @p {
  // expected-error @+1 {{axes and sizes: expected one to three, as many of both, got 2 and 1}}
  attn.grid ["y", "x"] sizes [4]
}

// -----
// grid C1, number

attn.pattern @p {
  // expected-error @+1 {{axes and sizes: expected one to three, as many of both, got 4 and 4}}
  attn.grid ["a", "b", "c", "d"] sizes [1, 1, 1, 1]
}

// -----
// grid C1, names

attn.pattern @p {
  // expected-error @+1 {{axes: expected distinct names, got "y" twice}}
  attn.grid ["y", "y"] sizes [4, 4]
}

// -----
// grid C2

attn.pattern @p {
  // expected-error @+1 {{size: expected a string or a positive integer, got 0}}
  attn.grid ["y", "x"] sizes [4, 0]
}

// -----
// grid C2, parameter

attn.pattern @p {
  // expected-error @+1 {{size: expected an attn.param of type 'i64', got 'rows', which is none}}
  attn.grid ["y", "x"] sizes [4, "rows"]
}

// -----
// grid C3

attn.pattern @p {
  attn.grid ["x"] sizes [4]
  // expected-error @+1 {{expected one grid in a pattern, got another}}
  attn.grid ["x"] sizes [4]
}

// -----
// cache C1

attn.pattern @p {
  attn.param @n : i64 = 4
  // expected-error @+1 {{layout contiguous: expected neither of sink and ring}}
  attn.cache @c layout(contiguous) sink(@n)
}

// -----
// cache C1, sink_ring

attn.pattern @p {
  attn.param @n : i64 = 4
  // expected-error @+1 {{layout sink_ring: expected both of sink and ring}}
  attn.cache @c layout(sink_ring) ring(@n)
}

// -----
// cache C2, sink

attn.pattern @p {
  attn.param @n : i64 = 4
  // expected-error @+1 {{sink: expected an attn.param of type 'i64', got 'm', which is none}}
  attn.cache @c layout(sink_ring) sink(@m) ring(@n)
}

// -----
// cache C2, ring

attn.pattern @p {
  attn.param @n : i64 = 4
  attn.param @f : f32 = 4.0
  // expected-error @+1 {{ring: expected an attn.param of type 'i64', got 'f' of another type}}
  attn.cache @c layout(sink_ring) sink(@n) ring(@f)
}

// -----
// partition C1, kind

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    // expected-error @+1 {{in the body of attn.partition: expected attn.class, got arith.constant}}
    %0 = arith.constant 1 : i64
  }
}

// -----
// partition C1, number

attn.pattern @p {
  // expected-error @+1 {{number of classes: expected at least 2, got 1}}
  attn.partition @x axis(kv_head) {
    attn.class @all otherwise
  }
}

// -----
// partition C2, the last has a rule

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    // expected-error @+1 {{last class: expected 'otherwise', got a rule}}
    attn.class @second when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
  }
}

// -----
// partition C2, another has none

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    // expected-error @+1 {{class before the last: expected a rule, got 'otherwise'}}
    attn.class @first otherwise
    attn.class @second otherwise
  }
}

// -----
// partition C3, kv_head

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    // expected-error @+1 {{rule on axis kv_head: expected no use of 'h'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %h, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// partition C3, q_head

attn.pattern @p {
  attn.partition @x axis(q_head) {
    // expected-error @+1 {{rule on axis q_head: expected no use of 'q'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %q, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// partition C3, batch

attn.pattern @p {
  attn.partition @x axis(batch) {
    // expected-error @+1 {{rule on axis batch: expected no use of 'g'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %g, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// partition C3, query

attn.pattern @p {
  attn.partition @x axis(query) {
    // expected-error @+1 {{rule on axis query: expected no use of 'k'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %k, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// partition C3, key

attn.pattern @p {
  attn.partition @x axis(key) {
    // expected-error @+1 {{rule on axis key: expected no use of 'q'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %q, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// partition C3, layer

attn.pattern @p {
  attn.partition @x axis(layer) {
    // expected-error @+1 {{rule on axis layer: expected no use of 'b'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c = arith.constant 1 : i64
      %0 = arith.cmpi eq, %b, %c : i64
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// class C1, arguments

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    // expected-error @+1 {{rule: expected block arguments ('i64', 'i64', 'i64', 'i64', 'i64', 'i64'), got ('i64')}}
    attn.class @first when {
    ^bb0(%g: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// class C1, result

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    // expected-error @+1 {{rule: expected to yield 'i1', got 'i64'}}
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      attn.yield %g : i64
    }
    attn.class @second otherwise
  }
}

// -----
// attend C1, rank

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{q: expected rank 4 with a static last dimension of 1 to 576, got 'tensor<?x?x8xf32>'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x8xf32>, (tensor<?x?x8xf32>), (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C1, dynamic

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x?xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{keys: expected rank 4 with a static last dimension of 1 to 576, got 'tensor<?x?x?x?xf32>'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x?xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C1, limit

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x577xf32> {attn.name = "v"}) {
    // expected-error @+1 {{values: expected rank 4 with a static last dimension of 1 to 576, got 'tensor<?x?x?x577xf32>'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x577xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C2, keys

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x16xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{last dimension of keys: expected 8 as of q, got 16}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x16xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C2, values

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x16xf32> {attn.name = "v"}) {
    // expected-error @+1 {{last dimension of values: expected 8 as of out, got 16}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x16xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C2, number

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{number of values: expected that of keys, at least 1, got 2 keys and 1 values}}
    %out, %lse = attn.attend %qt keys(%kt, %kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C3, kind

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{in the body of attn.attend: expected attn.kernel_map, got arith.constant}}
      %0 = arith.constant 1 : i64
    }
    return
  }
}

// -----
// attend C3, number

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{number of kernel maps: expected at least 1, got 0}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
  
    }
    return
  }
}

// -----
// attend C3, last

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{last kernel map: expected no classes, got [@x::@first]}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map [@x::@first] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C4

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{cache: expected an index below 1, got 1}}
      attn.kernel_map weight(#attn.softmax) cache(1) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C5, type

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf64> {attn.name = "q"}, %kt: tensor<?x?x?x8xf64> {attn.name = "k"}, %vt: tensor<?x?x?x8xf64> {attn.name = "v"}) {
    // expected-error @+1 {{element type of q: expected f32, f16 or bf16, got 'f64'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf64>, (tensor<?x?x?x8xf64>), (tensor<?x?x?x8xf64>) -> tensor<?x?x?x8xf64>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C5, equal

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf16> {attn.name = "v"}) {
    // expected-error @+1 {{element type of values: expected 'f32' as of q, got 'f16'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf16>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C5, out

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf16> {attn.name = "q"}, %kt: tensor<?x?x?x8xf16> {attn.name = "k"}, %vt: tensor<?x?x?x8xf16> {attn.name = "v"}) {
    // expected-error @+1 {{element type of out: expected 'f16' as of q, or 'f32', got 'bf16'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf16>, (tensor<?x?x?x8xf16>), (tensor<?x?x?x8xf16>) -> tensor<?x?x?x8xbf16>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C5, lse

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{lse: expected f32 of rank 3, got 'tensor<?x?x?xf16>'}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf16> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C6, scale_param

attn.pattern @p {
  attn.param @s : i64 = 1
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{scale_param: expected an attn.param of type 'f32', got 's' of another type}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt) scale_param(@s)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C6, caches

attn.pattern @p {
  attn.param @s : i64 = 1
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{caches: expected an attn.cache, got @s, which is none}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt) caches [@s]
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// attend C6, number of caches

attn.pattern @p {
  attn.cache @c layout(contiguous)
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{number of caches: expected 1 as of keys, got 2}}
    %out, %lse = attn.attend %qt keys(%kt) values(%vt) caches [@c, @c]
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C1, arguments

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{mask: expected block arguments ('i64', 'i64', 'i64', 'i64', 'i64', 'i64'), got ('i64', 'i64')}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C1, result

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{mask: expected to yield 'i1', got 'i64'}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        attn.yield %q : i64
      }
    }
    return
  }
}

// -----
// kernel_map C1, terminator

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{mask: expected attn.yield at the end}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        func.return
      }
    }
    return
  }
}

// -----
// kernel_map C2

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{score: expected block arguments ('f32', 'i64', 'i64', 'i64', 'i64', 'i64', 'i64'), got ('i64', 'i64', 'i64', 'i64', 'i64', 'i64')}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } score {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %s = arith.constant 1.0 : f32
        attn.yield %s : f32
      }
    }
    return
  }
}

// -----
// kernel_map C3, absent

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{decay: expected a region with #attn.linear}}
      attn.kernel_map weight(#attn.linear<"chunked">) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C3, present

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{decay: expected none without #attn.linear}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %s = arith.constant 1.0 : f32
        attn.yield %s : f32
      }
    }
    return
  }
}

// -----
// kernel_map C3, reads q

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{decay: expected no use of 'q'}}
      attn.kernel_map weight(#attn.linear<"chunked">) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %s = arith.sitofp %q : i64 to f32
        attn.yield %s : f32
      }
    }
    return
  }
}

// -----
// kernel_map C3, result

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{decay: expected to yield 'f32', got 'i64'}}
      attn.kernel_map weight(#attn.linear<"chunked">) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        attn.yield %h : i64
      }
    }
    return
  }
}

// -----
// kernel_map C4

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{cache: expected a number not below 0, got -1}}
      attn.kernel_map weight(#attn.softmax) cache(-1) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C5, coordinate

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{which: expected no use of 'h'}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } which {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        attn.yield %h : i64
      }
    }
    return
  }
}

// -----
// kernel_map C5, result

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{which: expected to yield 'i64', got 'i1'}}
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } which {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C6, kind

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{weight: expected #attn.softmax or #attn.linear, got "cubic"}}
      attn.kernel_map weight("cubic") mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C6, form

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{form of #attn.linear: expected "quadratic" or "chunked", got "fast"}}
      attn.kernel_map weight(#attn.linear<"fast">) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %s = arith.constant 1.0 : f32
        attn.yield %s : f32
      }
    }
    return
  }
}

// -----
// kernel_map C7, name

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{classes: expected @partition::@class, got @x::@third}}
      attn.kernel_map [@x::@third] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C7, nesting

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{classes: expected @partition::@class, got @x}}
      attn.kernel_map [@x] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C7, twice

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{classes: expected one class of a partition, got a second one, @x::@second}}
      attn.kernel_map [@x::@first, @x::@second] weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C8, seed

attn.pattern @p {
  attn.operand @s ["kv_heads"] : f32
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{seed: expected a float attn.operand ["q_heads"], got @s}}
      attn.kernel_map weight(#attn.softmax<seed = @s>) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C8, rope

attn.pattern @p {
  attn.operand @cos [16, 4] : f32
  attn.operand @sin [16, 4] : i32
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt)
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{rope: expected a float attn.operand of rank 2, got @sin}}
      attn.kernel_map weight(#attn.softmax) rope(<cos = @cos, sin = @sin, interleaved = false>) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// merge C1, number

func.func @merge(%o: tensor<?x?x?x8xf32>, %l: tensor<?x?x?xf32>) {
  // expected-error @+1 {{number of inputs: expected as many lses as outs or more, at least 1, got 2 outs and 1 lses}}
  %0, %1 = attn.merge outs(%o, %o) lses(%l) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  return
}

// -----
// merge C1, outs

func.func @merge(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>, %l: tensor<?x?x?xf32>) {
  // expected-error @+1 {{type of outs: expected 'tensor<?x?x?x8xf32>', got 'tensor<?x?x?x4xf32>'}}
  %0, %1 = attn.merge outs(%o, %p) lses(%l, %l) : (tensor<?x?x?x8xf32>, tensor<?x?x?x4xf32>), (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  return
}

// -----
// merge C1, lses

func.func @merge(%o: tensor<?x?x?x8xf32>, %l: tensor<?x?x?xf32>, %m: tensor<?x?xf32>) {
  // expected-error @+1 {{type of lses: expected 'tensor<?x?x?xf32>', got 'tensor<?x?xf32>'}}
  %0, %1 = attn.merge outs(%o, %o) lses(%l, %m) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?xf32>, tensor<?x?xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
  return
}

// -----
// scalar C1, name

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{symbol: expected an attn.param of type 'i64', got 'window', which is none}}
      %0 = attn.scalar @window : i64
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// scalar C1, type

attn.pattern @p {
  attn.param @window : i64 = 4
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{symbol: expected an attn.param of type 'f32', got 'window' of another type}}
      %0 = attn.scalar @window : f32
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// scalar C1, size

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{type of the size 'kv_len': expected i64, got 'f32'}}
      %0 = attn.scalar @kv_len : f32
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// element C1, name

attn.pattern @p {
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{symbol: expected an attn.operand of the pattern, got 'doc', which is none}}
      %0 = attn.element @doc[%g] : i64
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// element C1, indices

attn.pattern @p {
  attn.operand @doc ["batch", "kv_len"] : i32
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{number of indices: expected 2 as of 'doc', got 1}}
      %0 = attn.element @doc[%g] : i64
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// element C2

attn.pattern @p {
  attn.operand @doc ["kv_heads"] : i32
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{type: expected i64 for an operand of 'i32', got 'f32'}}
      %0 = attn.element @doc[%g] : f32
      %t = arith.constant true
      attn.yield %t : i1
    }
    attn.class @second otherwise
  }
}

// -----
// member C1

attn.pattern @p {
  attn.operand @list ["batch", "kv_len"] : i32
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{number of indices: expected 1, all dimensions but the last of 'list', got 2}}
      %0 = attn.member %g in @list[%g, %g] from %g to %g
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// ancestor C1

attn.pattern @p {
  attn.operand @list ["kv_len"] : f32
  attn.partition @x axis(kv_head) {
    attn.class @first when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      // expected-error @+1 {{symbol: expected an attn.operand of integers, got 'list'}}
      %0 = attn.ancestor %g of %g in @list[]
      attn.yield %0 : i1
    }
    attn.class @second otherwise
  }
}

// -----
// operand C4, rank

attn.pattern @p {
  // expected-error @+1 {{values: expected rank 1 of 'f32', got 'tensor<1x2xf32>'}}
  attn.operand @t ["q_heads"] : f32 values(dense<1.0> : tensor<1x2xf32>)
}

// -----
// operand C4, type

attn.pattern @p {
  // expected-error @+1 {{values: expected rank 1 of 'f32', got 'tensor<2xi32>'}}
  attn.operand @t ["q_heads"] : f32 values(dense<1> : tensor<2xi32>)
}

// -----
// operand C4, size

attn.pattern @p {
  // expected-error @+1 {{values: expected the size 3, got 'tensor<2xi32>'}}
  attn.operand @t [3] : i32 values(dense<1> : tensor<2xi32>)
}

// -----
// attend C7

attn.pattern @p {
  attn.cache @kv layout(contiguous)
  attn.cache @extra layout(slots)
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    // expected-error @+1 {{caches: expected @extra of the layout slots alone, got [@kv, @extra]}}
    %out, %lse = attn.attend %qt keys(%kt, %kt) values(%vt, %vt) caches [@kv, @extra]
        : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      }
    }
    return
  }
}

// -----
// kernel_map C9

attn.pattern @p {
  func.func @attend(%qt: tensor<?x?x?x8xf32> {attn.name = "q"}, %kt: tensor<?x?x?x8xf32> {attn.name = "k"}, %vt: tensor<?x?x?x8xf32> {attn.name = "v"}) {
    %out, %lse = attn.attend %qt keys(%kt) values(%vt) : tensor<?x?x?x8xf32>, (tensor<?x?x?x8xf32>), (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32>, tensor<?x?x?xf32> {
      // expected-error @+1 {{zero_value: expected none with #attn.linear}}
      attn.kernel_map weight(#attn.linear<"quadratic">) zero_value mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant true
        attn.yield %t : i1
      } decay {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
        %t = arith.constant 1.0 : f32
        attn.yield %t : f32
      }
    }
    return
  }
}

// -----
// gated_sum C1, number

func.func @sum(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>) {
  // expected-error @+1 {{number of outs: expected at least 2 and one gate each, got 1 outs and 1 gates}}
  %0 = attn.gated_sum outs(%o) : (tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32> gates {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
  }
  return
}

// -----
// gated_sum C1, type

func.func @sum(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>) {
  // expected-error @+1 {{type of outs: expected 'tensor<?x?x?x8xf32>', got 'tensor<?x?x?x4xf32>'}}
  %0 = attn.gated_sum outs(%o, %p) : (tensor<?x?x?x8xf32>, tensor<?x?x?x4xf32>) -> tensor<?x?x?x8xf32> gates {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
}, {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
  }
  return
}

// -----
// gated_sum C1, shape

func.func @sum(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>) {
  // expected-error @+1 {{shape of out: expected that of 'tensor<?x?x?x8xf32>', got 'tensor<?x?x?x4xf32>'}}
  %0 = attn.gated_sum outs(%o, %o) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x4xf32> gates {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
}, {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
  }
  return
}

// -----
// gated_sum C2, key

func.func @sum(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>) {
  // expected-error @+1 {{gate: expected no use of 'k'}}
  %0 = attn.gated_sum outs(%o, %o) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32> gates {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
}, {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.sitofp %k : i64 to f32
    attn.yield %c : f32
  }
  return
}

// -----
// gated_sum C2, type

func.func @sum(%o: tensor<?x?x?x8xf32>, %p: tensor<?x?x?x4xf32>) {
  // expected-error @+1 {{gate: expected to yield 'f32', got 'i64'}}
  %0 = attn.gated_sum outs(%o, %o) : (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) -> tensor<?x?x?x8xf32> gates {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    attn.yield %q : i64
}, {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %c = arith.constant 0.5 : f32
    attn.yield %c : f32
  }
  return
}
