#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

/// The contract of workflow documents as a JSON Schema, for editors.
namespace reeve::workflow {

/// The text of api/v1/workflow.yaml, which this program was built with.
std::string_view workflow_contract();

/// The contract as JSON Schema, draft 2020-12. It accepts every native document that loads, but for
/// unusual ways to write names and choices (numbers, templates), and refuses unknown fields, wrong
/// types, values that are none of the choices and text that is no duration. Names of tasks, cycles
/// and templates are beyond it: that is what lint is for.
///
/// Corrupt: the contract is not what it should be, which a test rules out.
Result<Json> editor_schema();

/// As `editor_schema`, from the text of a contract.
Result<Json> editor_schema_of(std::string_view contract);

}  // namespace reeve::workflow
