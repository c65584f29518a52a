//===- Forms.h - Which tile form a step runs -----------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_PLAN_FORMS_H
#define ATTN_RUNTIME_PLAN_FORMS_H

#include "runtime/plan/Bind.h"

namespace attn::rt {

/// Heads that tasks are numbered by: KV heads if a tile packs the query heads of one.
int64_t taskHeads(const Form &form, const Call &call);

/// Row tiles of request `b` in a form: runs of its logical rows, or boxes of the grid that the params give.
int64_t rowTiles(const Form &form, const Call &call, size_t b, const std::vector<ParamValues> &params);

/// The form of a step that computes the fewest padded rows for these requests, counting a fixed cost for each tile. A
/// form that scans takes row i and key i at one position, so it is a choice only where q_len = kv_len in every request.
/// Null if there is no form left.
const Form *chooseForm(const std::vector<Form> &forms, const Call &call, const std::vector<ParamValues> &params);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_FORMS_H
