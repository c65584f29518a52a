"""lit configuration: .mlir tests (IR in, IR or diagnostics out) and .test files (RUN lines over tools and Inputs/)."""

import os
import sys

import lit.formats
from lit.llvm import llvm_config

config.name = "attn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "e2e", "systems"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.attn_obj_root, "test")

# A FileCheck variable must not leak over a CHECK-LABEL.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"

llvm_config.with_system_environment(["ASAN_OPTIONS", "UBSAN_OPTIONS"])
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.add_tool_substitutions(["FileCheck", "not", "count", "split-file"], config.llvm_tools_dir)
bin_dir = os.path.join(config.attn_obj_root, "bin")
tools = ["attn-opt", "attn-compile", "attn-run", "attn-viz", "attn-lsp-server"]
llvm_config.add_tool_substitutions([t for t in tools if os.path.exists(os.path.join(bin_dir, t))], bin_dir)
config.substitutions.append(("%python", '"%s"' % sys.executable))
config.substitutions.append(("%src", config.attn_src_root))
config.substitutions.append(("%llvm-tools", config.llvm_tools_dir))
