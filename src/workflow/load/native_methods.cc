#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/native_parts.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::uint32_t kApprovalsMax = 100;
constexpr std::uint32_t kRevisionsMax = 1000;

struct MethodName {
  std::string_view name;
  Method method;
};

constexpr MethodName kMethods[] = {
    {"SHELL", Method::Shell},
    {"NOOP", Method::Noop},
    {"DOCKER", Method::Docker},
    {"KUBERNETES", Method::Kubernetes},
};

/// Methods that a block stands for; the names are those of Formicary.
struct BlockName {
  std::string_view block;
  Method method;
};

constexpr BlockName kBlocks[] = {
    {"gate", Method::Gate},
    {"mission", Method::Mission},
    {"await", Method::Await},
    {"http", Method::Http},
    {"webSocket", Method::WebSocket},
    {"message", Method::Message},
    {"expireArtifacts", Method::ExpireArtifacts},
    {"agent", Method::Agent},
};

constexpr std::array<std::string_view, 1> kLaterMethods = {"TOOL"};

/// The block that is written instead of a method of Formicary; empty if there is none.
std::string_view block_for(std::string_view word) {
  const std::string upper = to_upper(word);
  if (upper.starts_with("HTTP")) {
    return "http";
  }
  for (const auto& [block, method] : kBlocks) {
    if (upper == to_string(method) || upper == to_upper(block)) {
      return block;
    }
  }
  return {};
}

std::optional<Method> read_method(const Node& node, Decoder& decoder, const std::string& path) {
  const auto value = decoder.literal(node, path);
  if (!value) {
    return std::nullopt;
  }
  std::vector<std::string> known;
  for (const auto& [name, method] : kMethods) {
    if (*value == name) {
      return method;
    }
    known.emplace_back(name);
  }
  if (std::find(kLaterMethods.begin(), kLaterMethods.end(), *value) != kLaterMethods.end()) {
    decoder.problems().unsupported(concat("method ", *value), node.position, path);
    return std::nullopt;
  }
  const std::string_view block = block_for(*value);
  if (block.empty()) {
    decoder.unknown_method(node, path, *value, known);
  } else {
    decoder.problems().error(
        "unknown-method",
        node.position,
        path,
        concat("\"", *value, "\" is not written as a method here"),
        concat("write a block \"", block, "\" instead")
    );
  }
  return std::nullopt;
}

/// Written as `ours: theirs`.
WordMap renamed(WordMap names) {
  for (auto& [ours, theirs] : names) {
    std::swap(ours, theirs);
  }
  return names;
}

Child decode_mission(const Node& node, Decoder& decoder, std::string path) {
  Child child;
  Fields fields(decoder, node, std::move(path));
  if (const Node* workflow = fields.need("workflow")) {
    child.workflow = decoder.name_text(*workflow, fields.path("workflow"));
  }
  if (const Node* version = fields.get("version")) {
    child.version = decoder.literal(*version, fields.path("version")).value_or("");
  }
  if (const Node* params = fields.get("params")) {
    child.params = decoder.text_map(*params, fields.path("params"));
  }
  if (const Node* key = fields.get("userKey")) {
    child.user_key = decoder.text(*key, fields.path("userKey"));
  }
  if (const Node* wait = fields.get("wait")) {
    child.wait = decoder.flag(*wait, fields.path("wait"), true);
  }
  if (const Node* outputs = fields.get("outputs")) {
    child.outputs = renamed(decoder.word_map(*outputs, fields.path("outputs")));
  }
  fields.finish();
  return child;
}

Await decode_await(const Node& node, Decoder& decoder, std::string path, TaskDraft& draft) {
  Await await;
  Fields fields(decoder, node, std::move(path));
  if (const Node* tasks = fields.need("tasks")) {
    draft.awaits = decoder.refs(*tasks, fields.path("tasks"));
    if (tasks->is_sequence() && tasks->items.empty()) {
      decoder.wrong(*tasks, fields.path("tasks"), "a list of at least one task");
    }
  }
  if (const Node* outputs = fields.get("outputs")) {
    await.outputs = renamed(decoder.word_map(*outputs, fields.path("outputs")));
  }
  fields.finish();
  return await;
}

Message decode_message(const Node& node, Decoder& decoder, std::string path) {
  Message message;
  Fields fields(decoder, node, std::move(path));
  if (const Node* channel = fields.need("channel")) {
    message.channel = decoder.text(*channel, fields.path("channel"));
  }
  if (const Node* reply = fields.get("replyChannel")) {
    message.reply_channel = decoder.text(*reply, fields.path("replyChannel"));
  }
  if (const Node* body = fields.get("body")) {
    message.body = decoder.json_text(*body, fields.path("body"));
  }
  fields.finish();
  return message;
}

AgentTask decode_agent(const Node& node, Decoder& decoder, std::string path, TaskDraft& draft) {
  AgentTask agent;
  Fields fields(decoder, node, std::move(path));
  if (const Node* name = fields.need("name")) {
    agent.name = decoder.name_text(*name, fields.path("name"));
  }
  if (const Node* prompt = fields.need("prompt")) {
    agent.prompt = decoder.text(*prompt, fields.path("prompt"));
  }
  if (const Node* session = fields.get("session")) {
    agent.session = decoder.text(*session, fields.path("session"));
  }
  if (const Node* outputs = fields.get("outputs")) {
    agent.outputs = decoder.word_map(*outputs, fields.path("outputs"));
  }
  if (const Node* validates = fields.get("validates")) {
    draft.validates = decoder.ref(*validates, fields.path("validates"));
  }
  fields.finish();
  return agent;
}

std::vector<Escalation> decode_escalations(
    const Node& node, Decoder& decoder, const std::string& path
) {
  std::vector<Escalation> out;
  if (!node.is_sequence()) {
    decoder.wrong(node, path, "a list of maps");
  }
  for (std::size_t i = 0; i < node.items.size() && i <= kEscalationsMax; ++i) {
    Escalation escalation;
    Fields fields(decoder, node.items[i], concat(path, "[", i, "]"));
    if (const Node* after = fields.need("after")) {
      escalation.after = decoder.positive(*after, fields.path("after"), Duration(1));
    }
    if (const Node* to = fields.need("to")) {
      escalation.to = decoder.words(*to, fields.path("to"));
      if (to->is_sequence() && to->items.empty()) {
        decoder.wrong(*to, fields.path("to"), "a list of at least one name");
      }
    }
    if (const Node* message = fields.get("message")) {
      escalation.message = decoder.literal(*message, fields.path("message")).value_or("");
    }
    fields.finish();
    const auto later = std::upper_bound(
        out.begin(),
        out.end(),
        escalation,
        [](const Escalation& one, const Escalation& other) { return one.after < other.after; }
    );
    out.insert(later, std::move(escalation));
  }
  return out;
}

}  // namespace

Gate decode_gate(const Node& node, Decoder& decoder, std::string path, TaskDraft& draft) {
  Gate gate;
  Fields fields(decoder, node, std::move(path));
  if (const Node* prompt = fields.need("prompt")) {
    gate.prompt = decoder.text(*prompt, fields.path("prompt"));
  }
  if (const Node* approvals = fields.get("approvals")) {
    gate.approvals = static_cast<std::uint32_t>(
        decoder.integer(*approvals, fields.path("approvals"), 1, kApprovalsMax, 1)
    );
  }
  if (const Node* unanimous = fields.get("unanimous")) {
    gate.unanimous = decoder.flag(*unanimous, fields.path("unanimous"), false);
  }
  if (const Node* users = fields.get("users")) {
    gate.users = decoder.words(*users, fields.path("users"));
  }
  if (const Node* groups = fields.get("groups")) {
    gate.groups = decoder.words(*groups, fields.path("groups"));
  }
  if (const Node* owner = fields.get("ownerMayApprove")) {
    gate.owner_may_approve = decoder.flag(*owner, fields.path("ownerMayApprove"), false);
  }
  if (const Node* context = fields.get("context")) {
    gate.context = decoder.text_map(*context, fields.path("context"));
  }
  if (const Node* require = fields.get("require")) {
    gate.required = decoder.words(*require, fields.path("require"));
  }
  if (const Node* deadline = fields.get("deadline")) {
    gate.deadline = decoder.positive(*deadline, fields.path("deadline"), Duration(1));
  }
  if (const Node* remind = fields.get("remindAfter")) {
    gate.remind_after = decoder.positive(*remind, fields.path("remindAfter"), Duration(1));
  }
  if (const Node* escalate = fields.get("escalate")) {
    gate.escalations = decode_escalations(*escalate, decoder, fields.path("escalate"));
  }
  if (const Node* revises = fields.get("revises")) {
    draft.revises = decoder.ref(*revises, fields.path("revises"));
  }
  if (const Node* max = fields.get("revisionsMax")) {
    gate.revisions_max =
        decoder.count(*max, fields.path("revisionsMax"), kRevisionsMax, gate.revisions_max);
  }
  fields.finish();
  return gate;
}

namespace {

/// Reads a block into the task; the method follows from it.
void read_block(
    std::string_view block, const Node& node, Fields& fields, Decoder& decoder, TaskDraft& draft
) {
  Task& task = draft.task;
  const std::string path = fields.path(block);
  if (block == "gate") {
    task.gate = decode_gate(node, decoder, path, draft);
  } else if (block == "mission") {
    task.child = decode_mission(node, decoder, path);
  } else if (block == "await") {
    task.await = decode_await(node, decoder, path, draft);
  } else if (block == "http") {
    task.http = decode_http(node, decoder, path);
  } else if (block == "webSocket") {
    task.http = decode_web_socket(node, decoder, path);
  } else if (block == "message") {
    task.message = decode_message(node, decoder, path);
  } else if (block == "agent") {
    task.agent = decode_agent(node, decoder, path, draft);
  } else if (!decoder.flag(node, path, true)) {
    decoder.wrong(node, path, "true");
  }
}

}  // namespace

bool decode_method(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  Task& task = draft.task;
  bool known = true;
  const Node* method = fields.get("method");
  if (method != nullptr) {
    const auto value = read_method(*method, decoder, fields.path("method"));
    known = value.has_value();
    task.method = value.value_or(Method::Noop);
  }
  std::string_view first = method == nullptr ? std::string_view() : std::string_view("method");
  for (const auto& [block, meaning] : kBlocks) {
    const Node* node = fields.get(block);
    if (node == nullptr) {
      continue;
    }
    if (!first.empty()) {
      decoder.problems().error(
          "two-methods",
          fields.key(block)->position,
          fields.path(block),
          concat("\"", first, "\" has said already how the task is carried out"),
          "remove one of the two, or make two tasks of it"
      );
      known = false;
      continue;
    }
    first = block;
    task.method = meaning;
    read_block(block, *node, fields, decoder, draft);
  }
  return known;
}

namespace {

/// What a field is for.
enum class Use : std::uint8_t {
  Process,    ///< a program on a host
  Kept,       ///< a program or agent that is not in a container already
  Worker,     ///< a program, or an agent, which works in a directory too
  Secret,     ///< anything on a host but agents: they work with capabilities
  Hosted,     ///< anything on a host
  Unlimited,  ///< all but gates, which have a deadline of their own
  Sensor,     ///< what can be asked again and again
  Repeated,   ///< all but gates and awaits
};

bool has_use(Use use, Method method) {
  const bool process = method == Method::Shell || is_container(method);
  switch (use) {
    case Use::Process:
      return process || method == Method::Noop;
    case Use::Kept:
      return method == Method::Shell || method == Method::Agent || method == Method::Noop;
    case Use::Worker:
      return process || method == Method::Agent || method == Method::Noop;
    case Use::Secret:
      return (is_hosted(method) && method != Method::Agent) || method == Method::Noop;
    case Use::Hosted:
      return is_hosted(method) || method == Method::Noop;
    case Use::Unlimited:
      return method != Method::Gate;
    case Use::Sensor:
      return process || method == Method::Http;
    case Use::Repeated:
      return method != Method::Gate && method != Method::Await;
  }
  return true;
}

struct FieldUse {
  std::string_view field;
  Use use;
};

constexpr FieldUse kFieldUses[] = {
    {"beforeScript", Use::Worker}, {"script", Use::Process},     {"afterScript", Use::Worker},
    {"environment", Use::Worker},  {"workingDir", Use::Worker},  {"artifacts", Use::Hosted},
    {"cache", Use::Worker},        {"artifactIds", Use::Worker}, {"dependencies", Use::Worker},
    {"container", Use::Process},   {"sandbox", Use::Kept},       {"permissions", Use::Worker},
    {"credentials", Use::Secret},  {"tags", Use::Hosted},        {"semaphores", Use::Hosted},
    {"timeout", Use::Unlimited},   {"sensor", Use::Sensor},      {"fanOut", Use::Repeated},
    {"foreach", Use::Repeated},
};

std::string_view word_for(Method method) {
  for (const auto& [block, meaning] : kBlocks) {
    if (meaning == method) {
      return block;
    }
  }
  return to_string(method);
}

}  // namespace

void check_method_fields(const Fields& fields, Decoder& decoder, const Task& task) {
  for (const auto& [field, use] : kFieldUses) {
    const Node* key = fields.key(field);
    if (key == nullptr || has_use(use, task.method)) {
      continue;
    }
    decoder.problems().error(
        "field-of-method",
        key->position,
        fields.path(field),
        concat("\"", field, "\" has no use in a task of \"", word_for(task.method), "\""),
        field == "timeout" ? "use \"deadline\" of the gate"
                           : "remove it, or give it to another task"
    );
  }
}

}  // namespace reeve::workflow
