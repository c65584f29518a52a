//===- ReferenceABI.cpp - attn_reference_run of libattn --------------------===//
#include "attn/compiler.h"
#include "codegen/jit/LastError.h"
#include "codegen/jit/ReferenceCall.h"
#include "dialect/spec/Read.h"
#include "dialect/spec/SpecToIR.h"

#include "mlir/IR/MLIRContext.h"

#include <new>
#include <optional>
#include <stdexcept>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using reference::Precision;
using rt::error;
using rt::Status;

static Status precisionOf(const attn_reference_options *given, Precision &precision) {
  if (!given)
    return {};
  attn_reference_options options;
  if (Status s = rt::readStruct(given, "attn_reference_options", &options, sizeof(options)))
    return s;
  switch (options.precision) {
  case ATTN_F64: precision = Precision::F64; return {};
  case ATTN_F32: precision = Precision::F32; return {};
  case ATTN_F16: precision = Precision::F16; return {};
  case ATTN_BF16: precision = Precision::BF16; return {};
  default: return error(ATTN_ERR_DTYPE, "attn_reference_options: precision must be f64, f32, f16 or bf16");
  }
}

static int32_t positionsOf(const spec::Pattern &pattern) {
  if (!pattern.positions)
    return ATTN_POSITIONS_UNSTATED;
  switch (*pattern.positions) {
  case spec::Positions::BottomRight: return ATTN_POSITIONS_BOTTOM_RIGHT;
  case spec::Positions::TopLeft: return ATTN_POSITIONS_TOP_LEFT;
  case spec::Positions::Tensor: break;
  }
  return ATTN_POSITIONS_TENSOR;
}

/// The variant request that the dimensions of the call's queries and values ask for.
static std::string variantFor(const rt::Call &call) {
  std::string d, dv;
  for (auto &[name, tensor] : call.tensors) {
    if (tensor.shape.empty())
      continue;
    std::string dim = std::to_string(tensor.shape.back());
    if (name == "q")
      d = "d=" + dim;
    else if (name == "v" || llvm::StringRef(name).starts_with("v."))
      dv = "dv=" + dim;
  }
  return d + (d.empty() || dv.empty() ? "" : ",") + dv;
}

static func::FuncOp entryOf(ir::PatternOp pattern, const char *name) {
  auto entries = pattern.getBody().getOps<func::FuncOp>();
  if (!name)
    return llvm::hasSingleElement(entries) ? *entries.begin() : func::FuncOp();
  return dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(pattern, name));
}

/// The interpreter's error as a status.
static Status statusOf(llvm::Error failure) {
  Status status;
  llvm::handleAllErrors(std::move(failure), [&](const llvm::StringError &e) {
    bool arithmetic = e.convertToErrorCode() == std::errc::argument_out_of_domain;
    status = {arithmetic ? ATTN_ERR_ZERO_DIVISOR : ATTN_ERR_INVALID_ARGUMENT, e.getMessage()};
  });
  return status;
}

static Status runReference(llvm::StringRef text, const char *entryName, const attn_plan_desc *desc,
                           const attn_reference_options *options) {
  reference::Arguments arguments;
  if (Status s = precisionOf(options, arguments.precision))
    return s;
  spec::Diagnostics diagnostics;
  auto pattern = spec::read(text, diagnostics);
  if (!pattern)
    return {ATTN_ERR_SPEC, diagnostics.str()};
  rt::Call call;
  if (Status s = rt::readCall(desc, positionsOf(*pattern), call))
    return s;
  auto variant = spec::variantOf(*pattern, variantFor(call), diagnostics);
  if (!variant)
    return {ATTN_ERR_NO_VARIANT, diagnostics.str()};
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = spec::import(*pattern, *variant, context);
  if (!module)
    return error(ATTN_ERR_COMPILER, "the pattern could not be imported");
  auto ir = *module->getOps<ir::PatternOp>().begin();
  func::FuncOp entry = entryOf(ir, entryName);
  if (!entry)
    return error(ATTN_ERR_NO_ENTRY, entryName ? "there is no entry point '%s'" : "name one of the entry points%s",
                 entryName ? entryName : "");
  if (Status s = readArguments(ir, entry, call, arguments))
    return s;
  if (Status s = checkOutputs(entry, call))
    return s;
  auto results = reference::run(*module, entry.getName(), std::move(arguments));
  if (!results)
    return statusOf(results.takeError());
  writeResults(entry, *results, call);
  return {};
}

extern "C" int32_t attn_reference_run(const char *spec, size_t size, const char *entry, const attn_plan_desc *desc,
                                      const attn_reference_options *options) {
  if (!spec)
    return fail(ATTN_ERR_INVALID_ARGUMENT, "attn_reference_run: spec is null");
  try {
    Status status = runReference({spec, size}, entry, desc, options);
    return status ? fail(status.code, status.message) : ATTN_OK;
  } catch (const std::bad_alloc &) {
    return fail(ATTN_ERR_OUT_OF_MEMORY, "attn_reference_run: out of memory");
  } catch (const std::length_error &) {
    return fail(ATTN_ERR_OUT_OF_MEMORY, "attn_reference_run: a tensor is too large");
  }
}
