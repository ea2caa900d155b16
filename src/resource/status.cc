#include "resource/status.h"

#include "base/strings.h"
#include "resource/causes.h"

namespace reeve::resource {

namespace {

// An answer stays readable, and small, however much is wrong.
constexpr std::size_t kCausesMax = 100;
constexpr int kRetrySeconds = 1;

Status failure(int code, std::string reason, std::string message) {
  return {
      .success = false,
      .code = code,
      .reason = std::move(reason),
      .message = std::move(message),
      .details = {},
      .continue_token = {}};
}

StatusDetails plural_details(const ResourceName& resource, std::string_view name) {
  StatusDetails details;
  details.name = name;
  details.group = resource.group;
  details.kind = resource.plural;
  return details;
}

Status retrying(Status status, std::optional<int> seconds) {
  if (seconds) {
    status.details.emplace().retry_after_seconds = seconds;
  }
  return status;
}

void set_text(Json& json, std::string name, const std::string& text) {
  if (!text.empty()) {
    json.set(std::move(name), text);
  }
}

Json to_json(const StatusDetails& details) {
  Json json = Json::object();
  set_text(json, "name", details.name);
  set_text(json, "group", details.group);
  set_text(json, "kind", details.kind);
  set_text(json, "uid", details.uid);
  if (!details.causes.empty()) {
    Json causes = Json::array();
    for (const Cause& cause : details.causes) {
      Json one = Json::object();
      set_text(one, "reason", cause.reason);
      set_text(one, "message", cause.message);
      set_text(one, "field", cause.field);
      causes.push(std::move(one));
    }
    json.set("causes", std::move(causes));
  }
  if (details.retry_after_seconds) {
    json.set("retryAfterSeconds", *details.retry_after_seconds);
  }
  return json;
}

std::string with_group(const std::string& name, const std::string& group) {
  return group.empty() ? name : concat(name, '.', group);
}

std::string full_message(const Error& error) {
  return error.hint.empty() ? error.message : concat(error.message, " (", error.hint, ")");
}

std::string subject_message(const Error& error) {
  std::string message = full_message(error);
  return error.subject.empty() ? message : concat(error.subject, ": ", message);
}

}  // namespace

std::string ResourceName::api_version() const {
  return group.empty() ? version : concat(group, '/', version);
}

std::string ResourceName::qualified_plural() const {
  return with_group(plural, group);
}

std::string ResourceName::qualified_kind() const {
  return with_group(kind, group);
}

std::optional<int> Status::retry_after_seconds() const {
  return details ? details->retry_after_seconds : std::nullopt;
}

Json to_json(const Status& status) {
  Json json = Json::object();
  json.set("kind", "Status");
  json.set("apiVersion", "v1");
  Json metadata = Json::object();
  set_text(metadata, "continue", status.continue_token);
  json.set("metadata", std::move(metadata));
  json.set("status", status.success ? "Success" : "Failure");
  set_text(json, "message", status.message);
  set_text(json, "reason", status.reason);
  if (status.details) {
    json.set("details", to_json(*status.details));
  }
  if (!status.success) {
    json.set("code", status.code);
  }
  return json;
}

Status not_found(const ResourceName& resource, std::string_view name) {
  Status status = failure(
      404, "NotFound", concat(resource.qualified_plural(), ' ', quoted(name), " not found")
  );
  status.details = plural_details(resource, name);
  return status;
}

Status path_not_found() {
  Status status = failure(404, "NotFound", "the server could not find the requested resource");
  status.details.emplace();
  return status;
}

Status already_exists(const ResourceName& resource, std::string_view name) {
  Status status = failure(
      409,
      "AlreadyExists",
      concat(resource.qualified_plural(), ' ', quoted(name), " already exists")
  );
  status.details = plural_details(resource, name);
  return status;
}

Status conflict(const ResourceName& resource, std::string_view name, std::string_view why) {
  Status status = failure(
      409,
      "Conflict",
      concat(
          "Operation cannot be fulfilled on ",
          resource.qualified_plural(),
          ' ',
          quoted(name),
          ": ",
          why
      )
  );
  status.details = plural_details(resource, name);
  return status;
}

Status modified(const ResourceName& resource, std::string_view name) {
  return conflict(
      resource,
      name,
      "the object has been modified; please apply your changes to the latest version and try again"
  );
}

Status apply_conflict(std::string message, std::vector<Cause> causes) {
  Status status = failure(409, "Conflict", std::move(message));
  if (causes.size() > kCausesMax) {
    causes.resize(kCausesMax);
  }
  status.details.emplace().causes = std::move(causes);
  return status;
}

Status invalid(const ResourceName& resource, std::string_view name, std::vector<Cause> causes) {
  if (causes.size() > kCausesMax) {
    const std::size_t left_out = causes.size() - kCausesMax;
    causes.resize(kCausesMax);
    causes.push_back({"FieldValueInvalid", concat("and ", left_out, " more"), ""});
  }
  Status status = failure(
      422,
      "Invalid",
      concat(resource.qualified_kind(), ' ', quoted(name), " is invalid: ", describe(causes))
  );
  StatusDetails details = plural_details(resource, name);
  details.kind = resource.kind;
  details.causes = std::move(causes);
  status.details = std::move(details);
  return status;
}

Status invalid_options(std::string_view options_kind, std::vector<Cause> causes) {
  ResourceName options;
  options.group = "meta.k8s.io";
  options.kind = options_kind;
  return invalid(options, "", std::move(causes));
}

Status patch_failed(std::vector<Cause> causes) {
  Status status =
      failure(422, "Invalid", "the server rejected our request due to an error in our request");
  status.details.emplace().causes = std::move(causes);
  return status;
}

Status bad_request(std::string message) {
  return failure(400, "BadRequest", std::move(message));
}

Status unauthorized() {
  return failure(401, "Unauthorized", "Unauthorized");
}

Status forbidden(const ResourceName& resource, std::string_view name, std::string_view why) {
  const std::string object = name.empty() ? resource.qualified_plural()
                                          : concat(resource.qualified_plural(), ' ', quoted(name));
  Status status = failure(403, "Forbidden", concat(object, " is forbidden: ", why));
  status.details = plural_details(resource, name);
  return status;
}

Status method_not_allowed(const ResourceName& resource, std::string_view verb) {
  Status status = failure(
      405,
      "MethodNotAllowed",
      concat(verb, " is not supported on resources of kind ", quoted(resource.qualified_plural()))
  );
  status.details = plural_details(resource, "");
  return status;
}

Status not_acceptable(const std::vector<std::string>& media_types) {
  return failure(
      406,
      "NotAcceptable",
      concat("only the following media types are accepted: ", join(media_types, ", "))
  );
}

Status unsupported_media_type(const std::vector<std::string>& media_types) {
  return failure(
      415,
      "UnsupportedMediaType",
      concat(
          "the body of the request was in an unknown format - accepted media types include: ",
          join(media_types, ", ")
      )
  );
}

Status expired(std::string message) {
  return failure(410, "Expired", std::move(message));
}

Status resource_version_too_old(std::uint64_t asked, std::uint64_t oldest) {
  return expired(concat("too old resource version: ", asked, " (", oldest, ")"));
}

Status resource_version_too_large(std::uint64_t asked, std::uint64_t current) {
  Status status =
      timeout(concat("Too large resource version: ", asked, ", current: ", current), kRetrySeconds);
  status.details->causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  return status;
}

Status timeout(std::string_view message, std::optional<int> retry_after_seconds) {
  return retrying(failure(504, "Timeout", concat("Timeout: ", message)), retry_after_seconds);
}

Status too_many_requests(std::string message, int retry_after_seconds) {
  return retrying(failure(429, "TooManyRequests", std::move(message)), retry_after_seconds);
}

Status service_unavailable(std::string message, std::optional<int> retry_after_seconds) {
  return retrying(failure(503, "ServiceUnavailable", std::move(message)), retry_after_seconds);
}

Status request_entity_too_large(std::size_t limit_bytes) {
  return failure(
      413, "RequestEntityTooLarge", concat("Request entity is too large: limit is ", limit_bytes)
  );
}

Status internal_error(std::string_view message) {
  Status status = failure(500, "InternalError", concat("Internal error occurred: ", message));
  status.details.emplace().causes.push_back({"", std::string(message), ""});
  return status;
}

Status deleted(const ResourceName& resource, std::string_view name, std::string_view uid) {
  Status status;
  status.success = true;
  status.code = 200;
  status.details = plural_details(resource, name);
  status.details->uid = uid;
  return status;
}

Status from_error(const Error& error, const ResourceName& resource, std::string_view name) {
  switch (error.code) {
    case ErrorCode::Invalid:
      return invalid(resource, name, {{"FieldValueInvalid", full_message(error), error.subject}});
    case ErrorCode::Unsupported:
      return invalid(
          resource, name, {{"FieldValueNotSupported", full_message(error), error.subject}}
      );
    case ErrorCode::NotFound: {
      Status status = not_found(resource, name);
      if (name.empty()) {
        status.message = subject_message(error);
      }
      return status;
    }
    case ErrorCode::AlreadyExists:
      return already_exists(resource, name);
    case ErrorCode::Conflict:
    case ErrorCode::IllegalTransition:
    case ErrorCode::StaleFence:
      return conflict(resource, name, subject_message(error));
    case ErrorCode::LimitExceeded:
    case ErrorCode::PermissionDenied:
      return forbidden(resource, name, subject_message(error));
    case ErrorCode::Unavailable:
      return service_unavailable(subject_message(error), kRetrySeconds);
    case ErrorCode::Cancelled:
      return service_unavailable(subject_message(error), std::nullopt);
    case ErrorCode::DeadlineExceeded:
      return timeout(subject_message(error), kRetrySeconds);
    case ErrorCode::Ambiguous:
      return timeout(subject_message(error), std::nullopt);
    case ErrorCode::Corrupt:
    case ErrorCode::Io:
      return internal_error(full_message(error));
  }
  return internal_error(full_message(error));
}

}  // namespace reeve::resource
