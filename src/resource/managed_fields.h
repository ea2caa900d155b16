#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/field_set.h"
#include "resource/status.h"

/// Who wrote what: `metadata.managedFields`, and server-side apply on top of it.
///
/// Simpler than Kubernetes: lists are atomic unless declared, one version of each kind, nothing is
/// converted.
namespace reeve::resource {

/// Updates by more managers than this are merged, oldest first, into `ancient-changes`.
inline constexpr std::size_t kUpdateManagersMax = 10;
inline constexpr std::string_view kAncientChanges = "ancient-changes";
inline constexpr std::size_t kManagedEntriesMax = 64;
inline constexpr std::size_t kManagerBytesMax = 128;

/// One entry of managedFields: a writer and its paths.
struct ManagedEntry {
  std::string manager;
  std::string operation;  ///< Apply or Update
  std::string api_version;
  std::string time;         ///< RFC 3339, may be empty
  std::string subresource;  ///< "", "status", "scale"
  FieldSet fields;
};

/// Reads managedFields strictly; `[]` and `[{}]` are an empty list. The causes have
/// "metadata.managedFields" as field.
Result<std::vector<ManagedEntry>> parse_managed_fields(const Json& json);
Json to_json(const std::vector<ManagedEntry>& entries);

/// Who writes, and when.
struct FieldWriter {
  std::string manager;
  std::string api_version;
  std::string subresource;  ///< "" for the object itself
  std::string time;         ///< RFC 3339, whole seconds
};

/// Kubernetes' default manager: the User-Agent up to the first '/', cut to the limit.
std::string default_manager(std::string_view user_agent);

/// Books a create or update (POST, PUT, other patches): what differs between `before` (null for a
/// create) and `after` becomes the writer's, and nobody else's. Returns `after` with the new
/// managedFields. `after` may bring its own managedFields: they replace the old ones first, `[]` or
/// `[{}]` empties them; absent keeps the old. Through a subresource they are ignored.
///
/// If nothing but times would differ, the old managedFields stay as they are.
///
/// Invalid (422): managedFields that are no such thing, or too many writers.
Outcome<Json> track_update(
    const ResourceName& resource,
    const Json* before,
    Json after,
    const FieldWriter& writer,
    const ListTypes& types
);

struct ApplyRequest {
  FieldWriter writer;
  bool force = false;
};

/// Server-side apply: `applied` is all the writer wants to say about the object; `existing` is null
/// if there is none yet. Returns the object with the new managedFields; server-owned members are
/// the existing ones, or absent.
///
/// On the object itself `status` is left alone; through the subresource "status" everything else
/// is.
///
/// Conflict (409): others own paths with other values, one cause for each; `force` takes them over.
///
/// BadRequest, Invalid: no manager, no apiVersion or kind, managedFields in the request, a list
/// that is not what it is declared to be.
Outcome<Json> apply_object(
    const ResourceName& resource,
    const Json* existing,
    const Json& applied,
    const ApplyRequest& request,
    const ListTypes& types
);

}  // namespace reeve::resource
