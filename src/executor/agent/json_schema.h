#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

/// Whether results have the form that was asked for. Pure.
namespace reeve::executor::agent {

/// The first thing in `value` that does not fit `schema`, with a JSON pointer to it as subject.
///
/// Understood: type, enum, const, properties, required, additionalProperties, items, prefixItems,
/// minItems, maxItems, uniqueItems, minLength, maxLength, minimum, maximum, exclusiveMinimum,
/// exclusiveMaximum, minProperties, maxProperties, allOf, anyOf, oneOf, not, and references within
/// the schema (`#/$defs/…`). What only describes is passed over.
///
/// Invalid: it does not fit. Unsupported: the schema has a restriction that is not understood, such
/// as `pattern`; a result is not called fitting because of that. LimitExceeded: too deep.
Result<void> check_schema(const Json& schema, const Json& value);

}  // namespace reeve::executor::agent
