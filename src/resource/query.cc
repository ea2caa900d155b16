#include "resource/query.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/fields.h"
#include "base/strings.h"
#include "resource/causes.h"
#include "resource/managed_fields.h"

namespace reeve::resource {

namespace {

const std::string* find(const QueryPairs& query, std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

std::string text(const QueryPairs& query, std::string_view name) {
  const std::string* value = find(query, name);
  return value == nullptr ? std::string() : *value;
}

Status bad_option(std::string_view name, const Cause& cause) {
  return bad_request(concat(name, ": ", cause.message));
}

/// Nothing behind the name means yes, as in `?watch`.
Outcome<std::optional<bool>> optional_flag(const QueryPairs& query, std::string_view name) {
  const std::string* value = find(query, name);
  if (value == nullptr) {
    return std::optional<bool>();
  }
  if (value->empty()) {
    return std::optional<bool>(true);
  }
  const std::optional<bool> flag = parse_bool(*value);
  if (!flag) {
    return bad_option(name, invalid_value("", *value, "must be a boolean: true or false"));
  }
  return flag;
}

Outcome<bool> flag(const QueryPairs& query, std::string_view name) {
  REEVE_TRY(const std::optional<bool> value, optional_flag(query, name));
  return value.value_or(false);
}

/// A whole number that is not negative; larger than `max` becomes `max`.
Outcome<std::optional<std::int64_t>> number(
    const QueryPairs& query, std::string_view name, std::int64_t max
) {
  const std::string value = text(query, name);
  if (value.empty()) {
    return std::optional<std::int64_t>();
  }
  std::int64_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size() || result < 0) {
    return bad_option(name, invalid_value("", value, "must be a whole number from 0 on"));
  }
  return std::optional(std::min(result, max));
}

Outcome<std::optional<std::uint64_t>> version(const QueryPairs& query) {
  const std::string value = text(query, "resourceVersion");
  if (value.empty()) {
    return std::optional<std::uint64_t>();
  }
  REEVE_TRY(const std::uint64_t number, parse_resource_version(value));
  return std::optional(number);
}

Outcome<IncludeObject> include_object(const QueryPairs& query) {
  const std::string value = text(query, "includeObject");
  if (value.empty() || value == "Metadata") {
    return IncludeObject::Metadata;
  }
  if (value == "None" || value == "Object") {
    return value == "None" ? IncludeObject::None : IncludeObject::Object;
  }
  return bad_option("includeObject", unsupported_value("", value, {"None", "Metadata", "Object"}));
}

constexpr std::string_view kMatch = "resourceVersionMatch";

Status forbidden_list_option(std::string_view name, std::string_view why) {
  return bad_option(name, forbidden_value("", why));
}

Outcome<void> check_list(const ListOptions& options, const std::string& match) {
  if (!options.continue_token.empty() && options.resource_version.value_or(0) != 0) {
    return bad_request("specifying resource version is not allowed when using continue");
  }
  if (options.send_initial_events) {
    return invalid_options(
        "ListOptions",
        {forbidden_value("sendInitialEvents", "sendInitialEvents is forbidden for list")}
    );
  }
  if (match.empty()) {
    return {};
  }
  if (!options.resource_version) {
    return forbidden_list_option(
        kMatch, "resourceVersionMatch is forbidden unless resourceVersion is provided"
    );
  }
  if (!options.continue_token.empty()) {
    return forbidden_list_option(
        kMatch, "resourceVersionMatch is forbidden when continue is provided"
    );
  }
  if (options.version_match == VersionMatch::Unset) {
    return bad_option(kMatch, unsupported_value("", match, {"Exact", "NotOlderThan", ""}));
  }
  if (options.version_match == VersionMatch::Exact && *options.resource_version == 0) {
    return forbidden_list_option(
        kMatch, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
    );
  }
  return {};
}

Outcome<void> check_watch(const ListOptions& options, const std::string& match) {
  const std::string field(kMatch);
  std::vector<Cause> causes;
  if (options.send_initial_events) {
    if (options.version_match != VersionMatch::NotOlderThan) {
      causes.push_back(forbidden_value(
          field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
      ));
    }
    if (*options.send_initial_events && !options.allow_bookmarks) {
      causes.push_back(forbidden_value(
          "sendInitialEvents", "sendInitialEvents requires setting allowWatchBookmarks to true"
      ));
    }
  } else if (!match.empty()) {
    causes.push_back(forbidden_value(
        field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    ));
  }
  if (!match.empty() && options.version_match != VersionMatch::NotOlderThan) {
    causes.push_back(unsupported_value(field, match, {"NotOlderThan"}));
  }
  if (!match.empty() && !options.continue_token.empty()) {
    causes.push_back(
        forbidden_value(field, "resourceVersionMatch is forbidden when continue is provided")
    );
  }
  return causes.empty() ? Outcome<void>() : invalid_options("ListOptions", std::move(causes));
}

std::string_view options_kind(WriteVerb verb) {
  switch (verb) {
    case WriteVerb::Create:
      return "CreateOptions";
    case WriteVerb::Update:
      return "UpdateOptions";
    case WriteVerb::Patch:
    case WriteVerb::Apply:
      break;
  }
  return "PatchOptions";
}

/// The only dry run there is is "All"; true if it is asked for.
bool dry_run(const QueryPairs& query, std::vector<Cause>& causes) {
  bool asked = false;
  for (const auto& [key, value] : query) {
    if (key == "dryRun" && !value.empty()) {
      asked = true;
      if (value != "All") {
        causes.push_back(unsupported_value("dryRun", value, {"All"}));
      }
    }
  }
  return asked;
}

void check_manager(const std::string& manager, std::vector<Cause>& causes) {
  if (manager.size() > kManagerBytesMax) {
    causes.push_back(too_long("fieldManager", kManagerBytesMax));
  }
  const bool printable =
      is_utf8(manager) && std::all_of(manager.begin(), manager.end(), [](char c) {
        return static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
      });
  if (!printable) {
    causes.push_back(
        invalid_value("fieldManager", manager, "should only contain printable characters")
    );
  }
}

void set_validation(const std::string& text, WriteOptions& options, std::vector<Cause>& causes) {
  if (text == "Ignore") {
    options.field_validation = FieldValidation::Ignore;
  } else if (text == "Strict") {
    options.field_validation = FieldValidation::Strict;
  } else if (!text.empty() && text != "Warn") {
    causes.push_back(unsupported_value("fieldValidation", text, {"Ignore", "Strict", "Warn"}));
  }
}

void set_propagation(
    const std::string& text,
    std::optional<bool> orphan,
    DeleteOptions& options,
    std::vector<Cause>& causes
) {
  if (orphan && !text.empty()) {
    causes.push_back(invalid_value(
        "propagationPolicy", text, "orphanDependents and deletionPropagation cannot be both set"
    ));
    return;
  }
  if (orphan) {
    options.propagation = *orphan ? Propagation::Orphan : Propagation::Background;
  } else if (text == "Background") {
    options.propagation = Propagation::Background;
  } else if (text == "Foreground") {
    options.propagation = Propagation::Foreground;
  } else if (text == "Orphan") {
    options.propagation = Propagation::Orphan;
  } else if (!text.empty()) {
    causes.push_back(
        unsupported_value("propagationPolicy", text, {"Background", "Foreground", "Orphan"})
    );
  }
}

/// What a body of DeleteOptions says, before it is weighed.
struct DeleteBody {
  std::string policy;
  std::optional<bool> orphan;
  std::optional<std::int64_t> grace;
  std::vector<std::string> dry_run;
  std::string uid;
  std::string resource_version;
};

Result<DeleteBody> parse_delete_body(const Json& json) {
  DeleteBody body;
  Fields fields(json, "DeleteOptions");
  fields.skip("apiVersion");
  const std::string kind = fields.text("kind");
  body.policy = fields.text("propagationPolicy");
  body.grace = fields.optional_number(
      "gracePeriodSeconds", -kWatchTimeoutSecondsMax, std::numeric_limits<std::int32_t>::max()
  );
  const bool orphan = fields.flag("orphanDependents");
  body.dry_run = fields.text_list("dryRun");
  const Json* preconditions = fields.object("preconditions");
  REEVE_CHECK(fields.finish());
  if (!kind.empty() && kind != "DeleteOptions") {
    return make_error(ErrorCode::Invalid, concat("kind ", kind, " is not DeleteOptions"));
  }
  if (const Json* given = json.find("orphanDependents"); given != nullptr && !given->is_null()) {
    body.orphan = orphan;
  }
  if (preconditions != nullptr) {
    Fields inner(*preconditions, "preconditions");
    body.uid = inner.text("uid");
    body.resource_version = inner.text("resourceVersion");
    REEVE_CHECK(inner.finish());
  }
  return body;
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) {
      return true;
    }
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) {
      return false;
    }
  }
  return std::nullopt;
}

Outcome<std::uint64_t> parse_resource_version(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || padded) {
    return bad_option(
        "resourceVersion", invalid_value("", text, "must be a decimal number without leading zeros")
    );
  }
  return number;
}

Outcome<GetOptions> parse_get_options(const QueryPairs& query) {
  GetOptions options;
  REEVE_TRY(options.resource_version, version(query));
  REEVE_TRY(options.include_object, include_object(query));
  REEVE_TRY(options.pretty, flag(query, "pretty"));
  return options;
}

Outcome<ListOptions> parse_list_options(const QueryPairs& query) {
  ListOptions options;
  REEVE_TRY(options.watch, flag(query, "watch"));
  REEVE_TRY(const std::optional<std::int64_t> limit, number(query, "limit", kListLimitMax));
  options.limit = limit.value_or(0);
  options.continue_token = text(query, "continue");
  if (options.continue_token.size() > kContinueBytesMax) {
    return bad_request("continue: Too long");
  }
  REEVE_TRY(options.resource_version, version(query));
  const std::string match = text(query, kMatch);
  if (match == "Exact") {
    options.version_match = VersionMatch::Exact;
  } else if (match == "NotOlderThan") {
    options.version_match = VersionMatch::NotOlderThan;
  }
  options.label_selector = text(query, "labelSelector");
  options.field_selector = text(query, "fieldSelector");
  REEVE_TRY(options.allow_bookmarks, flag(query, "allowWatchBookmarks"));
  REEVE_TRY(options.send_initial_events, optional_flag(query, "sendInitialEvents"));
  REEVE_TRY(options.timeout_seconds, number(query, "timeoutSeconds", kWatchTimeoutSecondsMax));
  if (options.timeout_seconds == 0) {
    options.timeout_seconds.reset();
  }
  REEVE_TRY(options.include_object, include_object(query));
  REEVE_TRY(options.pretty, flag(query, "pretty"));
  REEVE_CHECK(options.watch ? check_watch(options, match) : check_list(options, match));
  return options;
}

Outcome<WriteOptions> parse_write_options(const QueryPairs& query, WriteVerb verb) {
  WriteOptions options;
  std::vector<Cause> causes;
  options.field_manager = text(query, "fieldManager");
  check_manager(options.field_manager, causes);
  set_validation(text(query, "fieldValidation"), options, causes);
  options.dry_run = dry_run(query, causes);
  REEVE_TRY(const std::optional<bool> force, optional_flag(query, "force"));
  options.force = force.value_or(false);
  if (verb == WriteVerb::Apply && options.field_manager.empty()) {
    causes.push_back(required_value("fieldManager", "is required for apply patch"));
  }
  if (verb == WriteVerb::Patch && force) {
    causes.push_back(forbidden_value("force", "may not be specified for non-apply patch"));
  }
  if (!causes.empty()) {
    return invalid_options(options_kind(verb), std::move(causes));
  }
  REEVE_TRY(options.pretty, flag(query, "pretty"));
  return options;
}

Outcome<DeleteOptions> parse_delete_options(const QueryPairs& query, const Json* body) {
  DeleteOptions options;
  std::vector<Cause> causes;
  DeleteBody said;
  options.dry_run = dry_run(query, causes);
  said.policy = text(query, "propagationPolicy");
  REEVE_TRY(said.orphan, optional_flag(query, "orphanDependents"));
  constexpr std::int64_t kGraceSecondsMax = std::numeric_limits<std::int32_t>::max();
  REEVE_TRY(said.grace, number(query, "gracePeriodSeconds", kGraceSecondsMax));
  if (body != nullptr && !body->is_null()) {
    Result<DeleteBody> parsed = parse_delete_body(*body);
    if (!parsed) {
      return bad_request(concat("the body is no DeleteOptions: ", parsed.error().describe()));
    }
    DeleteBody& given = *parsed;
    const bool policy_given = !given.policy.empty() || given.orphan;
    if (!policy_given) {
      given.policy = said.policy;
      given.orphan = said.orphan;
    }
    given.grace = given.grace ? given.grace : said.grace;
    said = std::move(given);
  }
  set_propagation(said.policy, said.orphan, options, causes);
  for (const std::string& run : said.dry_run) {
    options.dry_run = true;
    if (run != "All") {
      causes.push_back(unsupported_value("dryRun", run, {"All"}));
    }
  }
  if (said.grace.value_or(0) < 0) {
    causes.push_back(
        invalid_json("gracePeriodSeconds", Json(*said.grace), "must be greater than or equal to 0")
    );
  }
  if (!causes.empty()) {
    return invalid_options("DeleteOptions", std::move(causes));
  }
  options.grace_period_seconds = said.grace;
  options.uid = said.uid;
  options.resource_version = said.resource_version;
  return options;
}

}  // namespace reeve::resource
