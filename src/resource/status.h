#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "resource/cause.h"

namespace reeve::resource {

/// What a kind is called in the API.
struct ResourceName {
  std::string group;    ///< "reeve.dev"; empty for core
  std::string version;  ///< "v1"
  std::string kind;     ///< "Mission"
  std::string plural;   ///< "missions"

  /// `reeve.dev/v1`, or `v1` for core.
  std::string api_version() const;
  /// `missions.reeve.dev`, or `namespaces` for core.
  std::string qualified_plural() const;
  /// `Mission.reeve.dev`.
  std::string qualified_kind() const;
};

/// Which object, and what exactly was wrong with it. Empty members are left out of the JSON.
struct StatusDetails {
  std::string name;
  std::string group;
  std::string kind;  ///< the plural for errors of storage, the kind for errors of validation
  std::string uid;
  std::vector<Cause> causes;
  std::optional<int> retry_after_seconds;
};

/// An answer that is no object (metav1.Status): every error of the API, and some successes.
struct Status {
  bool success = false;
  int code = 0;  ///< HTTP status
  std::string reason;
  std::string message;
  std::optional<StatusDetails> details;
  /// With which a list can go on all the same; empty: it cannot.
  std::string continue_token = {};

  /// For the Retry-After header: set only where the same request may succeed later.
  std::optional<int> retry_after_seconds() const;
};

Json to_json(const Status& status);

/// 404: `missions.reeve.dev "a" not found`.
Status not_found(const ResourceName& resource, std::string_view name);
/// 404: a path that nothing serves.
Status path_not_found();
/// 409: `missions.reeve.dev "a" already exists`.
Status already_exists(const ResourceName& resource, std::string_view name);
/// 409 Conflict: `Operation cannot be fulfilled on missions.reeve.dev "a": why`.
Status conflict(const ResourceName& resource, std::string_view name, std::string_view why);
/// 409 Conflict: the object has another resourceVersion than the request names.
Status modified(const ResourceName& resource, std::string_view name);
/// 409 Conflict for server-side apply; one cause for each path that others own.
Status apply_conflict(std::string message, std::vector<Cause> causes);
/// 422: `Mission.reeve.dev "a" is invalid: causes`.
Status invalid(const ResourceName& resource, std::string_view name, std::vector<Cause> causes);
/// 422 of options in the query: `PatchOptions.meta.k8s.io "" is invalid: causes`.
Status invalid_options(std::string_view options_kind, std::vector<Cause> causes);
/// 422: a JSON patch that cannot be applied to this object; the cause says which operation.
Status patch_failed(std::vector<Cause> causes = {});
Status bad_request(std::string message);
Status unauthorized();
/// 403: `missions.reeve.dev "a" is forbidden: why`; the name may be empty.
Status forbidden(const ResourceName& resource, std::string_view name, std::string_view why);
/// 405: `create is not supported on resources of kind "missions.reeve.dev"`.
Status method_not_allowed(const ResourceName& resource, std::string_view verb);
Status not_acceptable(const std::vector<std::string>& media_types);
Status unsupported_media_type(const std::vector<std::string>& media_types);
/// 410 Expired: what was asked for is no longer kept.
Status expired(std::string message);
/// 410 Expired with the text of a watch: `too old resource version: 1 (503)`.
Status resource_version_too_old(std::uint64_t asked, std::uint64_t oldest);
/// 504 Timeout, cause ResourceVersionTooLarge, retry after one second.
Status resource_version_too_large(std::uint64_t asked, std::uint64_t current);
Status timeout(std::string_view message, std::optional<int> retry_after_seconds);
Status too_many_requests(std::string message, int retry_after_seconds);
Status service_unavailable(std::string message, std::optional<int> retry_after_seconds);
Status request_entity_too_large(std::size_t limit_bytes);
Status internal_error(std::string_view message);
/// 200 Success of a deletion that removed the object.
Status deleted(const ResourceName& resource, std::string_view name, std::string_view uid);

/// The answer for an error of the inside: code → HTTP status and reason, subject → field of the
/// cause, hint behind the message; Unavailable and DeadlineExceeded say when to retry. A Conflict
/// does not: the client must read the object again first. Corrupt and Io stay unexplained except
/// for the message.
Status from_error(const Error& error, const ResourceName& resource, std::string_view name);

/// Either a value or a Status that says why not: Result for the API's own errors.
template <class T>
using Outcome = Expected<T, Status>;

}  // namespace reeve::resource
