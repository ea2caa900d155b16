#pragma once

#include "base/json.h"
#include "base/result.h"
#include "resource/schema/contract.h"

namespace reeve::resource::schema {

/// Verbs of the API, in alphabetical order.
inline constexpr std::string_view kVerbs[] = {
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};

/// One kind from its contract; `metadata` is api/meta/object_meta.yaml: what every kind has, and
/// definitions that every contract may refer to.
///
/// A contract has `group version kind plural singular scope schema` and may have `shortNames
/// categories verbs subresources printerColumns selectableFields nameRule definitions overlay
/// example examples limits formats`. `overlay` is merged into `schema` (RFC 7386): what the API
/// knows beyond documents in files.
///
/// Invalid, with the place in the contract as subject.
Result<ResourceType> read_contract(const Json& contract, const Json& metadata);

/// The schema at a path as columns and field selectors write it (".status.state",
/// `.status.conditions[?(@.type=="Ready")].status`), or null.
const Schema* schema_at_path(const Schema& root, std::string_view json_path);

}  // namespace reeve::resource::schema
