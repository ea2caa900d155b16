#include "api/compat/formicary.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/time.h"
#include "resource/rfc3339.h"

namespace reeve::api::formicary {

namespace {

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr || found->is_null() ? kNone : *found;
}

const Json::Array& elements(const Json& object, std::string_view name) {
  static const Json::Array kNone;
  const Json* found = object.find(name);
  return found == nullptr || !found->is_array() ? kNone : found->as_array();
}

/// Copies a member under another name, if it is there.
void rename(const Json& from, std::string_view name, Json& to, std::string_view as) {
  if (const Json* found = from.find(name); found != nullptr && !found->is_null()) {
    to.set(std::string(as), *found);
  }
}

bool waits_for_people(const Json& status) {
  for (const Json& hold : elements(status, "holds")) {
    if (hold.get_string("kind") == "approval") {
      return true;
    }
  }
  return false;
}

std::string task_state(const Json& task) {
  if (member(task, "gate").get_string("state") == "pending") {
    return "MANUAL_APPROVAL_REQUIRED";
  }
  const std::string state = task.get_string("state");
  if (state == "PENDING") {
    return "READY";
  }
  if (state == "LAUNCHING" || state == "ACTIVE") {
    return "EXECUTING";
  }
  if (state == "COMPLETE") {
    return "COMPLETED";
  }
  return state == "ABORTED" ? "CANCELLED" : state;
}

/// Exit codes are texts there.
std::string exit_code(const Json& object) {
  const Json* code = object.find("exitCode");
  if (code == nullptr || code->is_null()) {
    return {};
  }
  return code->is_string() ? code->as_string() : code->dump();
}

Json contexts_of(const Json& outputs) {
  Json contexts = Json::array();
  if (outputs.is_object()) {
    for (const auto& [name, value] : outputs.as_object()) {
      Json context = Json::object();
      context.set("name", name).set("type", value.is_string() ? "string" : "json");
      context.set("value", value.is_string() ? value.as_string() : value.dump());
      context.set("secret", false);
      contexts.push(std::move(context));
    }
  }
  return contexts;
}

Json task_execution(const std::string& execution, const Json& task, std::int64_t order) {
  const std::string name = task.get_string("name");
  const Json& run = member(task, "run");
  const std::int64_t attempts = task.get_int("attempts");
  Json made = Json::object();
  made.set("id", concat(execution, ".", name, ".", run.get_int("attempt", 1)));
  made.set("job_execution_id", execution).set("task_type", name);
  made.set("task_state", task_state(task)).set("exit_code", exit_code(task));
  made.set("error_code", task.get_string("errorCode"));
  made.set("error_message", task.get_string("message"));
  made.set("retried", attempts > 0 ? attempts - 1 : 0).set("task_order", order);
  made.set("contexts", contexts_of(member(task, "outputs")));
  made.set(
      "artifacts", task.find("artifacts") == nullptr ? Json::array() : member(task, "artifacts")
  );
  rename(task, "startedAt", made, "started_at");
  rename(task, "endedAt", made, "ended_at");
  return made;
}

std::string current_task(const Json& status) {
  for (const Json& task : elements(status, "tasks")) {
    const std::string state = task_state(task);
    if (state == "EXECUTING" || state == "READY" || state == "MANUAL_APPROVAL_REQUIRED") {
      return task.get_string("name");
    }
  }
  return {};
}

std::string execution_id(const Json& mission) {
  return concat(
      member(mission, "metadata").get_string("name"),
      ".",
      member(mission, "status").get_int("epoch", 1)
  );
}

Json job_execution(const Json& mission) {
  const Json& status = member(mission, "status");
  const std::string id = execution_id(mission);
  Json made = Json::object();
  made.set("id", id).set("job_request_id", member(mission, "metadata").get_string("name"));
  made.set("job_type", member(status, "workflow").get_string("name"));
  made.set("job_version", member(status, "workflow").get_string("version"));
  made.set("job_state", job_state(mission)).set("current_task", current_task(status));
  made.set("error_code", status.get_string("errorCode"));
  made.set("error_message", status.get_string("message"));
  made.set("contexts", Json::array());
  Json tasks = Json::array();
  std::int64_t order = 0;
  for (const Json& task : elements(status, "tasks")) {
    const std::string state = task.get_string("state");
    if (state != "WAITING" && state != "SKIPPED") {
      tasks.push(task_execution(id, task, order));
    }
    ++order;
  }
  made.set("tasks", std::move(tasks));
  rename(status, "startedAt", made, "started_at");
  rename(status, "endedAt", made, "ended_at");
  return made;
}

Error invalid(std::string_view subject, std::string message, std::string hint = {}) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::string(subject));
  error.hint = std::move(hint);
  return error;
}

/// Members of a submission that say nothing of what is wanted: clients send back what they got.
bool means_nothing(std::string_view name, const Json& value) {
  constexpr std::array kIgnored = {
      std::string_view("id"),
      std::string_view("quick_search"),
      std::string_view("organization_id"),
      std::string_view("user_id"),
      std::string_view("permissions")};
  const bool empty = value.is_null() || (value.is_string() && value.as_string().empty()) ||
                     (value.is_int() && value.as_int() == 0) ||
                     (value.is_bool() && !value.as_bool());
  return empty || std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end();
}

/// One member of a submission.
Result<void> take(const std::string& name, const Json& value, Json& spec, Json& workflow) {
  constexpr std::array kTexts = {
      std::pair(std::string_view("description"), std::string_view("description")),
      std::pair(std::string_view("user_key"), std::string_view("userKey"))};
  for (const auto& [theirs, ours] : kTexts) {
    if (name == theirs && value.is_string()) {
      spec.set(std::string(ours), value);
      return {};
    }
  }
  if (name == "scheduled_at" && value.is_string()) {
    // Any offset and precision, as Go writes times; its zero value means nothing.
    const Result<Timestamp> at = resource::parse_time(value.as_string());
    if (!at) {
      return invalid(name, at.error().message, "write it as 2026-11-21T09:30:00Z");
    }
    if (to_unix_millis(*at) > 0) {
      spec.set("notBefore", format_timestamp(*at));
    }
    return {};
  }
  if (name == "job_type" && value.is_string()) {
    workflow.set("name", value);
    return {};
  }
  if (name == "job_version" && value.is_string()) {
    workflow.set("version", value);
    return {};
  }
  if (name == "job_priority" && value.is_int()) {
    spec.set("priority", value);
    return {};
  }
  if (name == "params" && value.is_object()) {
    spec.set("params", value);
    return {};
  }
  return invalid(
      name, "has no counterpart, or is of another type", "leave it out, or submit a Mission"
  );
}

std::size_t number_of(std::string_view text) {
  constexpr std::size_t kDigitsMax = 9;
  if (text.empty() || text.size() > kDigitsMax) {
    return std::string::npos;
  }
  std::size_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::string::npos;
    }
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number;
}

}  // namespace

std::string job_state(const Json& mission) {
  const Json& status = member(mission, "status");
  const std::string state = status.get_string("state");
  if (state == "PREP" || state == "QUEUED" || state.empty()) {
    return member(mission, "spec").get_bool("suspend") ? "PAUSED" : "PENDING";
  }
  if (state == "HELD") {
    return waits_for_people(status) ? "MANUAL_APPROVAL_REQUIRED" : "PAUSED";
  }
  if (state == "LAUNCHING") {
    return "READY";
  }
  if (state == "ACTIVE" || state == "COMPENSATING") {
    return "EXECUTING";
  }
  if (state == "COMPLETE") {
    return "COMPLETED";
  }
  return state == "ABORTED" ? "CANCELLED" : state;
}

bool state_matches(std::string_view state, std::string_view asked) {
  const std::string group = to_upper(asked);
  const bool done = state == "COMPLETED" || state == "FAILED" || state == "CANCELLED";
  if (group == "HISTORY" || group == "DONE") {
    return done;
  }
  if (group == "RUNNING") {
    return state == "EXECUTING";
  }
  if (group == "WAITING") {
    return !done && state != "EXECUTING";
  }
  return state == group;
}

Json job_request(const Json& mission) {
  const Json& metadata = member(mission, "metadata");
  const Json& spec = member(mission, "spec");
  const Json& status = member(mission, "status");
  const std::string type = member(status, "workflow").get_string("name");
  Json made = Json::object();
  made.set("id", metadata.get_string("name")).set("job_type", type);
  made.set("job_definition_id", type);
  made.set("job_version", member(status, "workflow").get_string("version"));
  made.set("job_execution_id", execution_id(mission));
  made.set("job_state", job_state(mission)).set("job_priority", spec.get_int("priority"));
  made.set("user_key", spec.get_string("userKey"));
  made.set("description", spec.get_string("description"));
  made.set("organization_id", metadata.get_string("namespace"));
  made.set("user_id", status.get_string("owner"));
  made.set("parent_id", member(member(status, "origin"), "parent").get_string("mission"));
  made.set("current_task", current_task(status));
  made.set("error_code", status.get_string("errorCode"));
  made.set("error_message", status.get_string("message"));
  made.set("retried", status.get_int("epoch", 1) - 1);
  made.set("paused_count", status.get_int("pauses"));
  made.set("params", member(spec, "params"));
  made.set("created_at", metadata.get_string("creationTimestamp"));
  made.set("scheduled_at", spec.get_string("notBefore", metadata.get_string("creationTimestamp")));
  made.set(
      "updated_at",
      status.get_string(
          "endedAt", status.get_string("startedAt", metadata.get_string("creationTimestamp"))
      )
  );
  made.set("execution", job_execution(mission));
  return made;
}

Json job_definition(const Json& workflow, std::string_view source) {
  const Json& metadata = member(workflow, "metadata");
  const Json& status = member(workflow, "status");
  Json made = Json::object();
  const std::string name = metadata.get_string("name");
  made.set("id", name).set("job_type", name);
  made.set("sem_version", status.get_string("version"));
  made.set("version", metadata.get_int("generation", 1));
  made.set("organization_id", metadata.get_string("namespace"));
  made.set("user_id", status.get_string("owner"));
  made.set("active", true).set("disabled", !status.get_bool("enabled", true));
  made.set("raw_yaml", source);
  made.set("created_at", metadata.get_string("creationTimestamp"));
  made.set("updated_at", status.get_string("appliedAt", metadata.get_string("creationTimestamp")));
  return made;
}

Result<Json> mission_of(const Json& submission) {
  if (!submission.is_object()) {
    return invalid("", "a job request is an object");
  }
  Json spec = Json::object();
  Json workflow = Json::object();
  for (const auto& [name, value] : submission.as_object()) {
    if (!means_nothing(name, value)) {
      REEVE_CHECK(take(name, value, spec, workflow));
    }
  }
  if (workflow.get_string("name").empty()) {
    return invalid("job_type", "is missing", "name a deployed job definition");
  }
  const std::string name = workflow.get_string("name");
  spec.set("workflow", std::move(workflow));
  Json metadata = Json::object();
  metadata.set("generateName", concat(name, "-"));
  Json mission = Json::object();
  mission.set("apiVersion", "reeve.dev/v1").set("kind", "Mission");
  mission.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  return mission;
}

Json pending_approval(const Json& approval) {
  const Json& spec = member(approval, "spec");
  Json made = Json::object();
  made.set("job_request_id", spec.get_string("mission"));
  made.set("task_execution_id", member(approval, "metadata").get_string("name"));
  made.set("task_type", spec.get_string("task"));
  made.set("status", "MANUAL_APPROVAL_REQUIRED");
  made.set("requested_at", member(approval, "status").get_string("openedAt"));
  return made;
}

Json approval_status(const Json& approval) {
  const Json& spec = member(approval, "spec");
  const Json& status = member(approval, "status");
  const std::string state = status.get_string("state");
  Json votes = Json::array();
  std::int64_t rejections = 0;
  for (const Json& vote : elements(status, "votes")) {
    const bool approves = vote.get_string("decision") == "approve";
    rejections += approves ? 0 : 1;
    Json made = Json::object();
    made.set("voter_id", vote.get_string("voter")).set("voter_name", vote.get_string("voter"));
    made.set("decision", approves ? "APPROVED" : "REJECTED");
    made.set("comments", vote.get_string("message")).set("voted_at", vote.get_string("at"));
    votes.push(std::move(made));
  }
  Json made = Json::object();
  made.set("task_execution_id", member(approval, "metadata").get_string("name"));
  made.set("job_request_id", spec.get_string("mission"));
  made.set("approvals_received", status.get_int("approvals"));
  made.set("rejections_received", rejections);
  made.set("min_approvals_required", spec.get_int("approvalsNeeded", 1));
  made.set("quorum_reached", state == "granted");
  made.set("rejected", state == "rejected" || state == "expired");
  made.set("sla_breached", state == "expired").set("votes", std::move(votes));
  rename(spec, "deadline", made, "deadline");
  return made;
}

Result<Vote> vote_of(const Json& body) {
  const std::string decision = to_upper(body.get_string("decision"));
  Vote vote{.decision = {}, .message = body.get_string("comments")};
  if (decision == "APPROVED") {
    vote.decision = "approve";
    return vote;
  }
  if (decision != "REJECTED") {
    return invalid("decision", "must be APPROVED or REJECTED");
  }
  if (vote.message.empty()) {
    return invalid("comments", "a rejection needs a comment");
  }
  vote.decision = "reject";
  return vote;
}

Result<Paging> paging_of(const Query& query) {
  Paging paging;
  for (const auto& [name, value] : query) {
    const std::size_t number = number_of(value);
    if (name == "page") {
      paging.page = number;
    } else if (name == "pageSize" || name == "page_size") {
      paging.size = number;
    }
  }
  if (paging.page == std::string::npos) {
    return invalid("page", "must be a number from 0");
  }
  if (paging.size == 0 || paging.size > kPageSizeMax) {
    return invalid("pageSize", concat("must be a number from 1 to ", kPageSizeMax));
  }
  return paging;
}

Result<bool> wanted(const Json& request, const Query& query) {
  for (const auto& [name, value] : query) {
    if (name == "page" || name == "pageSize" || name == "page_size" || name == "namespace" ||
        value.empty()) {
      continue;
    }
    bool fits = false;
    if (name == "job_state") {
      fits = state_matches(request.get_string("job_state"), value);
    } else if (name == "job_type" || name == "user_key" || name == "id") {
      fits = request.get_string(name) == value;
    } else if (name == "q") {
      fits = request.get_string("job_type").find(value) != std::string::npos ||
             request.get_string("description").find(value) != std::string::npos ||
             request.get_string("id").find(value) != std::string::npos;
    } else {
      return invalid(name, "cannot be filtered by", "id, job_type, job_state, user_key and q can");
    }
    if (!fits) {
      return false;
    }
  }
  return true;
}

Json page_of(const Json::Array& records, const Paging& paging) {
  Json page = Json::array();
  const std::size_t from = std::min(records.size(), paging.page * paging.size);
  const std::size_t to = std::min(records.size(), from + paging.size);
  for (std::size_t i = from; i < to; ++i) {
    page.push(records[i]);
  }
  Json made = Json::object();
  made.set("Records", std::move(page));
  made.set("TotalRecords", static_cast<std::int64_t>(records.size()));
  made.set("Page", static_cast<std::int64_t>(paging.page));
  made.set("PageSize", static_cast<std::int64_t>(paging.size));
  made.set(
      "TotalPages", static_cast<std::int64_t>((records.size() + paging.size - 1) / paging.size)
  );
  return made;
}

}  // namespace reeve::api::formicary
