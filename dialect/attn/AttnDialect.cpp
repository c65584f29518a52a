//===- AttnDialect.cpp - Registration and assembly of the attn dialect ----===//
#include "dialect/attn/AttnDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn::ir;

//===----------------------------------------------------------------------===//
// Custom directives of the assembly format
//===----------------------------------------------------------------------===//

/// An enum attribute as its bare keyword.
template <typename EnumT, typename AttrT>
static ParseResult parseKeyword(OpAsmParser &parser, AttrT &attr, std::optional<EnumT> (*symbolize)(llvm::StringRef)) {
  llvm::StringRef word;
  auto loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  std::optional<EnumT> value = symbolize(word);
  if (!value)
    return parser.emitError(loc, "unknown keyword '") << word << "'";
  attr = AttrT::get(parser.getContext(), *value);
  return success();
}
#define ATTN_PLAIN_ENUM(NAME)                                                                                          \
  static ParseResult parsePlain##NAME(OpAsmParser &parser, NAME##Attr &attr) {                                         \
    return parseKeyword<NAME>(parser, attr, symbolize##NAME);                                                          \
  }                                                                                                                    \
  static void printPlain##NAME(OpAsmPrinter &printer, Operation *, NAME##Attr attr) {                                  \
    printer << stringify##NAME(attr.getValue());                                                                       \
  }
ATTN_PLAIN_ENUM(Positions)
ATTN_PLAIN_ENUM(Axis)
ATTN_PLAIN_ENUM(Domain)
ATTN_PLAIN_ENUM(Layout)
#undef ATTN_PLAIN_ENUM

static ParseResult parseParamValue(OpAsmParser &parser, TypeAttr &type, TypedAttr &value) {
  Type t;
  if (parser.parseType(t) || parser.parseEqual())
    return failure();
  type = TypeAttr::get(t);
  Attribute attr;
  if (parser.parseAttribute(attr, t))
    return failure();
  value = dyn_cast<TypedAttr>(attr);
  return value ? success() : parser.emitError(parser.getNameLoc(), "the default must be a number");
}
static void printParamValue(OpAsmPrinter &printer, Operation *, TypeAttr type, TypedAttr value) {
  printer << type.getValue() << " = ";
  printer.printAttributeWithoutType(value);
}

static ParseResult parseRule(OpAsmParser &parser, Region &rule) {
  if (succeeded(parser.parseOptionalKeyword("otherwise")))
    return success();
  return failure(parser.parseKeyword("when") || parser.parseRegion(rule));
}
static void printRule(OpAsmPrinter &printer, Operation *, Region &rule) {
  if (rule.empty()) {
    printer << "otherwise";
    return;
  }
  printer << "when ";
  printer.printRegion(rule);
}

static ParseResult parseOptionalRegion(OpAsmParser &parser, llvm::StringRef keyword, Region &region) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return parser.parseRegion(region);
}
static void printOptionalRegion(OpAsmPrinter &printer, Operation *, llvm::StringRef keyword, Region &region) {
  if (region.empty())
    return;
  printer << keyword << ' ';
  printer.printRegion(region);
}

/// Types in parentheses, maybe none.
static ParseResult parseTypeList(OpAsmParser &parser, SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                        [&] { return parser.parseType(types.emplace_back()); });
}
static void printTypeList(OpAsmPrinter &printer, Operation *, TypeRange types) { printer << '(' << types << ')'; }

#include "dialect/attn/AttnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/attn/AttnAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/attn/AttnOps.cpp.inc"

#include "dialect/attn/AttnDialect.cpp.inc"

void AttnDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialect/attn/AttnOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/attn/AttnAttrs.cpp.inc"
      >();
}
