#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/formicary_parts.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::uint32_t kApprovalsMax = 100;

struct MethodRow {
  std::string_view name;
  Method method = Method::Kubernetes;
  HttpVerb verb = HttpVerb::Get;
  HttpBody body = HttpBody::None;
};

constexpr MethodRow kMethods[] = {
    {"SHELL", Method::Shell},
    {"DOCKER", Method::Docker},
    {"KUBERNETES", Method::Kubernetes},
    {"HTTP_GET", Method::Http},
    {"HTTP_POST_FORM", Method::Http, HttpVerb::Post, HttpBody::FormData},
    {"HTTP_POST_JSON", Method::Http, HttpVerb::Post, HttpBody::Json},
    {"HTTP_PUT_FORM", Method::Http, HttpVerb::Put, HttpBody::FormData},
    {"HTTP_PUT_JSON", Method::Http, HttpVerb::Put, HttpBody::Json},
    {"HTTP_DELETE", Method::Http, HttpVerb::Delete, HttpBody::Json},
    {"WEBSOCKET", Method::WebSocket, HttpVerb::Get, HttpBody::Json},
    {"MANUAL", Method::Gate},
    {"FORK_JOB", Method::Mission},
    {"AWAIT_FORKED_JOB", Method::Await},
    {"MESSAGING", Method::Message},
    {"EXPIRE_ARTIFACTS", Method::ExpireArtifacts},
    {"AGENT", Method::Agent},
};
constexpr std::string_view kSensor = "SENSOR";
constexpr std::string_view kFanOut = "FAN_OUT_JOB";

bool is_url(std::string_view text, std::string_view scheme) {
  text = trim(text);
  return text.starts_with(concat(scheme, "://")) || text.starts_with(concat(scheme, "s://"));
}

// --- gates --------------------------------------------------------------------------------------

enum class AtDeadline : std::uint8_t { Approve, Reject, Escalate };

AtDeadline decode_action(Fields& policy, Decoder& decoder) {
  constexpr std::array<std::string_view, 3> kWords = {"AUTO_APPROVE", "AUTO_REJECT", "ESCALATE"};
  const Node* node = policy.get("timeout_action");
  if (node == nullptr || node->text.empty()) {
    return AtDeadline::Escalate;
  }
  const auto chosen = decoder.choice(*node, policy.path("timeout_action"), kWords);
  const auto action = static_cast<AtDeadline>(chosen.value_or(2));
  if (action == AtDeadline::Approve) {
    decoder.problems().warning(
        "auto-approve",
        node->position,
        policy.path("timeout_action"),
        "nothing is ever approved by default; AUTO_APPROVE is read as ESCALATE",
        "use AUTO_REJECT, or approve it yourself"
    );
  }
  return action;
}

void decode_deadline(Fields& policy, Decoder& decoder, Gate& gate) {
  const AtDeadline action = decode_action(policy, decoder);
  Escalation escalation;
  if (const Node* to = policy.get("escalation_recipients")) {
    escalation.to =
        decoder.words(*to, policy.path("escalation_recipients"), Decoder::Unknown::LeaveOut);
  }
  const Node* message = policy.get("escalation_message");
  if (message != nullptr && decoder.known_now(*message, policy.path("escalation_message"))) {
    escalation.message = policy.word("escalation_message");
  }
  const Node* sla = policy.get("sla_deadline");
  if (sla == nullptr) {
    return;
  }
  escalation.after = decoder.duration(*sla, policy.path("sla_deadline"), Duration(0));
  if (escalation.after.count() <= 0) {
    return;  // no limit, as there
  }
  if (action == AtDeadline::Reject) {
    gate.deadline = escalation.after;
  } else {
    gate.escalations.push_back(std::move(escalation));
  }
}

Gate decode_policy(Fields& task, Decoder& decoder) {
  Gate gate;
  // There, whoever has submitted a job may vote.
  gate.owner_may_approve = true;
  const Node* node = task.get("approval_policy");
  if (node == nullptr) {
    return gate;
  }
  Fields policy(decoder, *node, task.path("approval_policy"));
  if (const Node* min = policy.get("min_approvals")) {
    gate.approvals =
        std::max(decoder.count(*min, policy.path("min_approvals"), kApprovalsMax, 1), 1U);
  }
  if (const Node* unanimous = policy.get("require_unanimous")) {
    gate.unanimous = decoder.flag(*unanimous, policy.path("require_unanimous"), false);
  }
  if (const Node* users = policy.get("allowed_users")) {
    gate.users = decoder.words(*users, policy.path("allowed_users"));
  }
  if (const Node* roles = policy.get("allowed_roles")) {
    gate.groups = decoder.words(*roles, policy.path("allowed_roles"));
  }
  decode_deadline(policy, decoder, gate);
  policy.finish();
  return gate;
}

// --- children -----------------------------------------------------------------------------------

using Pair = std::pair<std::string, const Node*>;

/// A list of {name, value}, or a map.
std::vector<Pair> named_values(const Node& node, Decoder& decoder, const std::string& path) {
  std::vector<Pair> out;
  for (const document::Member& member : node.members) {
    out.emplace_back(member.key.text, &member.value);
  }
  if (!node.is_map() && !node.is_sequence()) {
    decoder.wrong(node, path, "a list of maps with \"name\" and \"value\"");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node* name = node.items[i].find("name");
    const Node* value = node.items[i].find("value");
    if (name == nullptr || value == nullptr || !name->is_scalar() || name->text.empty()) {
      decoder.wrong(node.items[i], concat(path, "[", i, "]"), "a map with \"name\" and \"value\"");
    } else {
      out.emplace_back(name->text, value);
    }
  }
  if (out.size() > kWordsMax) {
    decoder.wrong(node, path, concat("a list of at most ", kWordsMax, " values"));
    out.clear();
  }
  return out;
}

struct SubWorkflow {
  bool has_params = false;
  TextMap params;
  WordMap outputs;
  std::optional<bool> wait;
};

SubWorkflow decode_sub_workflow(Fields& task, Decoder& decoder) {
  SubWorkflow sub;
  const Node* node = task.get("sub_workflow");
  if (node == nullptr) {
    return sub;
  }
  Fields fields(decoder, *node, task.path("sub_workflow"));
  if (const Node* params = fields.get("input_params")) {
    sub.has_params = true;
    const std::string path = fields.path("input_params");
    for (const auto& [name, value] : named_values(*params, decoder, path)) {
      sub.params.emplace_back(name, decoder.text(*value, concat(path, ".", name)));
    }
  }
  if (const Node* outputs = fields.get("output_variables")) {
    const std::string path = fields.path("output_variables");
    for (const auto& [name, value] : named_values(*outputs, decoder, path)) {
      sub.outputs.emplace_back(
          name, decoder.literal(*value, concat(path, ".", name)).value_or(name)
      );
    }
  }
  if (const Node* wait = fields.get("wait_for_completion")) {
    sub.wait = decoder.flag(*wait, fields.path("wait_for_completion"), false);
  }
  fields.finish();
  return sub;
}

struct Forked {
  Text job_type;
  std::string version;
};

Forked decode_forked(Fields& fields, Decoder& decoder) {
  Forked forked;
  if (const Node* type = fields.get("fork_job_type")) {
    forked.job_type = decoder.name_text(*type, fields.path("fork_job_type"));
  }
  forked.version = fields.word("fork_job_version");
  const std::string other = fields.word("job_version");
  forked.version = forked.version.empty() ? other : forked.version;
  return forked;
}

/// The items of a task, and the child of each if the task makes missions of them.
Forked decode_fan_out(Fields& task, Decoder& decoder, std::optional<FanOut>& fan_out) {
  const Node* node = task.get("fan_out");
  if (node == nullptr) {
    return {};
  }
  FanOut made;
  Fields fields(decoder, *node, task.path("fan_out"));
  if (const Node* source = fields.need("source")) {
    made.over = decoder.json_text(*source, fields.path("source"));
  }
  const std::string item = fields.word("item_var");
  made.item = item.empty() ? made.item : item;
  if (const Node* parallel = fields.get("max_parallel")) {
    made.parallel = decoder.count(*parallel, fields.path("max_parallel"), kFanOutMax, 0);
  }
  if (const Node* fast = fields.get("fail_fast")) {
    made.policy = decoder.flag(*fast, fields.path("fail_fast"), false) ? FanOut::Policy::FailFast
                                                                       : FanOut::Policy::All;
  }
  Forked forked = decode_forked(fields, decoder);
  fields.finish();
  fan_out = std::move(made);
  return forked;
}

/// Variables of the task as params of the child, as the documentation there has it.
TextMap as_params(const std::vector<Variable>& variables) {
  TextMap params;
  for (const Variable& variable : variables) {
    const Json& value = variable.value;
    params.emplace_back(
        variable.name, Text{value.is_string() ? value.as_string() : value.dump(), variable.position}
    );
  }
  return params;
}

void decode_fork(Fields& fields, Decoder& decoder, Task& task, Forked forked) {
  Forked own = decode_forked(fields, decoder);
  if (forked.job_type.empty()) {
    forked = std::move(own);
  }
  if (forked.job_type.empty()) {
    decoder.problems().error(
        "missing-field",
        task.position,
        fields.path(""),
        "\"fork_job_type\" is missing",
        "name the job that is forked"
    );
  }
  SubWorkflow sub = decode_sub_workflow(fields, decoder);
  Child child;
  child.workflow = std::move(forked.job_type);
  child.version = std::move(forked.version);
  child.params = std::move(sub.params);
  child.outputs = std::move(sub.outputs);
  child.wait = sub.wait.value_or(task.fan_out.has_value());
  if (task.fan_out && !sub.has_params) {
    child.params.emplace_back(
        task.fan_out->item,
        Text{concat("{{.", task.fan_out->item, "}}"), task.fan_out->over.position}
    );
  }
  if (!task.fan_out && !sub.has_params) {
    child.params = as_params(task.variables);
  }
  task.child = std::move(child);
}

void decode_await(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  draft.task.await = Await{};
  if (const Node* tasks = fields.need("await_forked_tasks")) {
    draft.awaits = decoder.refs(*tasks, fields.path("await_forked_tasks"));
  }
  draft.task.await->outputs = decode_sub_workflow(fields, decoder).outputs;
}

// --- requests and messages ----------------------------------------------------------------------

/// The items of a script are addresses. Conditions around them were laid over each: then all but
/// one are empty when they are rendered.
Text address_of(const Node* script, Decoder& decoder, const Fields& fields, const Task& task) {
  Text url;
  bool conditions = true;
  for (const Text& item : task.script) {
    conditions = conditions && item.text.starts_with("{{");
    url.position = url.empty() ? item.position : url.position;
    url.text += item.text;
  }
  if (task.script.size() > 1 && !conditions) {
    decoder.problems().unsupported(
        "several requests in one task", script->position, fields.path("script")
    );
  }
  url.text = std::string(trim(url.text));
  return url;
}

void decode_request(Fields& fields, Decoder& decoder, Task& task, const MethodRow& row) {
  HttpRequest request;
  request.verb = row.verb;
  request.form = row.body;
  if (const Node* url = fields.get("url")) {
    request.url = decoder.text(*url, fields.path("url"));
  }
  if (!task.script.empty()) {
    request.url = address_of(fields.get("script"), decoder, fields, task);
    task.script.clear();
  }
  if (const Node* headers = fields.get("headers")) {
    request.headers = decoder.text_map(*headers, fields.path("headers"));
  }
  if (const Node* query = fields.get("query")) {
    request.query = decoder.text_map(*query, fields.path("query"));
  }
  if (request.url.empty() && row.method == Method::WebSocket) {
    decoder.problems().unsupported(
        "workers that connect by WEBSOCKET; give a url", task.position, fields.path("method")
    );
  } else if (request.url.empty()) {
    decoder.problems().warning(
        "no-script",
        task.position,
        fields.path("url"),
        concat("task \"", task.name.view(), "\" has no url and will fail when it runs"),
        "add one"
    );
  }
  task.http = std::move(request);
}

void decode_message(Fields& fields, Decoder& decoder, Task& task) {
  Message message;
  const auto channel = [&](std::string_view key) {
    const Node* node = fields.get(key);
    return node == nullptr ? Text{} : decoder.text(*node, fields.path(key));
  };
  message.channel = channel("messaging_request_queue");
  message.reply_channel = channel("messaging_reply_queue");
  const Text old = channel("messaging_queue");
  if (message.channel.empty() && !old.empty()) {
    decoder.problems().warning(
        "ignored-field",
        old.position,
        fields.path("messaging_queue"),
        "\"messaging_queue\" is read as \"messaging_request_queue\""
    );
    message.channel = old;
  }
  if (message.channel.empty()) {
    decoder.problems().error(
        "missing-field",
        task.position,
        fields.path(""),
        "\"messaging_request_queue\" is missing",
        "name the channel that gets the message"
    );
  }
  task.message = std::move(message);
}

void decode_agent(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  AgentTask agent;
  if (const Node* name = fields.need("agent", "agent: coder")) {
    agent.name = decoder.name_text(*name, fields.path("agent"));
  }
  if (const Node* prompt = fields.need("agent_prompt", "agent_prompt: fix the build")) {
    agent.prompt = decoder.text(*prompt, fields.path("agent_prompt"));
  }
  if (const Node* session = fields.get("agent_session")) {
    agent.session = decoder.text(*session, fields.path("agent_session"));
  }
  if (const Node* validates = fields.get("validates")) {
    draft.validates = decoder.ref(*validates, fields.path("validates"));
  }
  draft.task.agent = std::move(agent);
}

std::optional<MethodRow> find_row(const Node* node, Fields& fields, Decoder& decoder, Task& task) {
  if (node == nullptr) {
    return MethodRow{"KUBERNETES"};  // upstream's default
  }
  const auto value = decoder.literal(*node, fields.path("method"));
  if (!value) {
    return std::nullopt;
  }
  const std::string upper = to_upper(*value);
  if (upper == kSensor) {
    task.sensor = true;
    const bool http = fields.get("url") != nullptr ||
                      (!task.script.empty() && is_url(task.script[0].text, "http"));
    return http ? MethodRow{"HTTP_GET", Method::Http} : MethodRow{"SHELL", Method::Shell};
  }
  if (upper == kFanOut) {
    fields.need("fan_out");
    return MethodRow{"KUBERNETES"};
  }
  std::vector<std::string> known;
  for (const MethodRow& row : kMethods) {
    if (upper == row.name) {
      return row;
    }
    known.emplace_back(row.name);
  }
  known.emplace_back(kSensor);
  decoder.unknown_method(*node, fields.path("method"), *value, known);
  return std::nullopt;
}

}  // namespace

bool decode_formicary_method(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  Task& task = draft.task;
  const auto row = find_row(fields.get("method"), fields, decoder, task);
  Forked forked = decode_fan_out(fields, decoder, task.fan_out);
  if (!row) {
    task.method = Method::Kubernetes;
    return false;
  }
  task.method = forked.job_type.empty() ? row->method : Method::Mission;
  switch (task.method) {
    case Method::Gate:
      task.gate = decode_policy(fields, decoder);
      task.gate->prompt = {task.description, task.position};
      break;
    case Method::Mission:
      decode_fork(fields, decoder, task, std::move(forked));
      break;
    case Method::Await:
      decode_await(fields, decoder, draft);
      break;
    case Method::Http:
    case Method::WebSocket:
      decode_request(fields, decoder, task, *row);
      break;
    case Method::Message:
      decode_message(fields, decoder, task);
      break;
    case Method::Agent:
      decode_agent(fields, decoder, draft);
      break;
    case Method::Shell:
    case Method::Noop:
    case Method::Docker:
    case Method::Kubernetes:
    case Method::ExpireArtifacts:
      break;
  }
  return true;
}

std::vector<Semaphore> decode_resources(Fields& fields, Decoder& decoder) {
  const Node* node = fields.get("resources");
  if (node == nullptr) {
    return {};
  }
  Fields inner(decoder, *node, fields.path("resources"));
  Semaphore semaphore;
  semaphore.position = node->position;
  if (const Node* type = inner.need("resource_type")) {
    semaphore.pool = decoder.name(*type, inner.path("resource_type"));
  }
  if (const Node* value = inner.get("value")) {
    semaphore.units =
        std::max(decoder.count(*value, inner.path("value"), kSemaphoreUnitsMax, 1), 1U);
  }
  inner.get("description");
  for (const std::string_view key : {"platform", "category", "tags", "extract_config"}) {
    if (inner.get(key) != nullptr) {
      decoder.problems().warning(
          "ignored-field",
          inner.key(key)->position,
          inner.path(key),
          concat("\"", key, "\" does not choose among resources; the pool is \"resource_type\"")
      );
    }
  }
  inner.finish();
  return {std::move(semaphore)};
}

Cache decode_formicary_cache(
    const Node& node, Decoder& decoder, std::string path, Position position
) {
  Cache cache;
  Fields fields(decoder, node, std::move(path));
  if (const Node* paths = fields.get("paths")) {
    cache.paths = decoder.artifact_paths(*paths, fields.path("paths"));
  }
  if (const Node* key = fields.get("key")) {
    cache.key = decoder.text(*key, fields.path("key"));
  }
  for (const std::string_view name : {"key_paths", "keys"}) {
    if (const Node* files = fields.get(name)) {
      cache.key_paths = decoder.artifact_paths(*files, fields.path(name));
    }
  }
  if (const Node* expires = fields.get("expires_after")) {
    const Duration after =
        decoder.duration(*expires, fields.path("expires_after"), cache.expires_after);
    cache.expires_after = after.count() > 0 ? after : cache.expires_after;
  }
  fields.finish();
  if (!cache.key.empty()) {
    cache.key_paths.clear();  // as there: the key counts
  }
  if (cache.paths.empty() || (cache.key.empty() && cache.key_paths.empty())) {
    decoder.problems().warning(
        "cache",
        position,
        fields.path(""),
        "a cache without paths, or without a key, keeps nothing",
        "add \"paths\", and \"key\" or \"key_paths\""
    );
    return {};
  }
  return cache;
}

}  // namespace reeve::workflow
