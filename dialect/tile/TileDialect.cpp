//===- TileDialect.cpp - Registration and assembly of the tile dialect ----===//
#include "dialect/tile/TileDialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace attn::tile;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type TileType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type element;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(parser.getNameLoc()); }, parser.getContext(), shape, element);
}
void TileType::print(AsmPrinter &printer) const {
  printer << '<';
  for (int64_t size : getShape())
    printer << size << 'x';
  printer << getElementType() << '>';
}
LogicalResult TileType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                               Type) {
  if (shape.empty() || shape.size() > 2)
    return emitError() << "a tile has rank 1 or 2, got " << shape.size();
  for (int64_t size : shape)
    if (size < 1)
      return emitError() << "a tile's sizes are positive, got " << size;
  return success();
}

LogicalResult ChannelType::verify(function_ref<InFlightDiagnostic()> emitError, TileType,
                                  int64_t stages) {
  if (stages < 1)
    return emitError() << "a channel's stages are positive, got " << stages;
  return success();
}

Type ViewType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type element;
  auto loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseGreater())
    return {};
  if (shape.size() > 1 || (!shape.empty() && shape[0] < 1)) {
    parser.emitError(loc, "a view has no dimension or one positive dimension");
    return {};
  }
  return get(parser.getContext(), shape.empty() ? 0 : shape[0], element);
}
void ViewType::print(AsmPrinter &printer) const {
  printer << '<';
  if (getDim())
    printer << getDim() << 'x';
  printer << getElementType() << '>';
}

//===----------------------------------------------------------------------===//
// Custom directives of the assembly format
//===----------------------------------------------------------------------===//

static ParseResult parsePlainF32(OpAsmParser &parser, FloatAttr &value) {
  return parser.parseAttribute(value, parser.getBuilder().getF32Type());
}
static void printPlainF32(OpAsmPrinter &printer, Operation *, FloatAttr value) {
  printer.printAttributeWithoutType(value);
}
static ParseResult parsePlainReduceKind(OpAsmParser &parser, ReduceKindAttr &attr) {
  llvm::StringRef word;
  auto loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  auto kind = symbolizeReduceKind(word);
  if (!kind)
    return parser.emitError(loc, "expected max or sum, got '") << word << "'";
  attr = ReduceKindAttr::get(parser.getContext(), *kind);
  return success();
}
static void printPlainReduceKind(OpAsmPrinter &printer, Operation *, ReduceKindAttr attr) {
  printer << stringifyReduceKind(attr.getValue());
}

#include "dialect/tile/TileEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/tile/TileOps.cpp.inc"

#include "dialect/tile/TileDialect.cpp.inc"

void TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialect/tile/TileOps.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/tile/TileTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/tile/TileAttrs.cpp.inc"
      >();
}
