#include "notify/notification.h"

#include "base/json.h"
#include "base/strings.h"

namespace reeve::notify {

namespace {

using journal::Kind;

constexpr std::string_view kDefaultNamespace = "default";

/// A word of a command line: names need no quotes, and what is no name gets none.
bool is_plain_word(std::string_view text) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || c == '/';
    if (!plain) {
      return false;
    }
  }
  return !text.empty() && text.front() != '-';
}

std::string command_for(std::string_view verb, std::string_view target, const Namespace& ns) {
  if (!is_plain_word(target) || !is_plain_word(ns.view())) {
    return {};
  }
  return concat(
      "reeve ", verb, " ", target, ns.view() == kDefaultNamespace ? "" : concat(" -n ", ns.view())
  );
}

/// Two texts as paragraphs.
std::string paragraphs(std::string_view first, std::string_view second) {
  return first.empty() || second.empty() ? concat(first, second) : concat(first, "\n\n", second);
}

void about_gate(const journal::Event& event, const Json& data, Notification& made) {
  made.mission = event.object.name;
  made.task = data.get_string("task");
  made.subject_kind = "Approval";
  made.subject = concat(made.mission, ".", made.task);
  const std::string target = concat(made.mission, "/", made.task);
  if (event.type == "gate.decided") {
    made.event = "approval.decided";
    made.title = concat("Approval of ", target, ": ", data.get_string("outcome"));
    made.text = data.get_string("message");
    return;
  }
  made.command = command_for("approve", target, event.object.ns);
  if (event.type == "gate.opened") {
    const std::string deadline = data.get_string("deadline");
    made.event = "approval.opened";
    made.title = concat(target, " waits for approval");
    made.text = paragraphs(
        data.get_string("prompt"),
        deadline.empty() ? "" : concat("Without a decision it is rejected at ", deadline, ".")
    );
  } else if (event.type == "gate.reminded") {
    made.event = "approval.reminded";
    made.title = concat(target, " still waits for approval");
  } else {
    made.event = "approval.escalated";
    made.title = concat("nobody has decided about ", target);
    std::string whom;
    if (const Json* recipients = data.find("recipients");
        recipients != nullptr && recipients->is_array()) {
      for (const Json& recipient : recipients->as_array()) {
        whom +=
            recipient.is_string() ? concat(whom.empty() ? "" : ", ", recipient.as_string()) : "";
      }
    }
    made.text = paragraphs(data.get_string("message"), whom.empty() ? "" : concat("For: ", whom));
  }
}

bool about_mission(const journal::Event& event, const Json& data, Notification& made) {
  const std::string state = data.get_string("to");
  made.mission = event.object.name;
  made.subject_kind = "Mission";
  made.subject = event.object.name;
  made.text = data.get_string("message");
  made.command = command_for("status", event.object.name, event.object.ns);
  if (state == "HELD") {
    made.event = "mission.held";
    made.title = concat("mission ", made.mission, " is held");
  } else if (state == "FAILED") {
    made.event = "mission.failed";
    made.title = concat("mission ", made.mission, " has failed");
  } else if (state == "COMPLETE") {
    made.event = "mission.completed";
    made.title = concat("mission ", made.mission, " is complete");
  } else if (state == "ABORTED") {
    made.event = "mission.aborted";
    made.title = concat("mission ", made.mission, " was aborted");
  } else {
    return false;
  }
  return true;
}

/// A call that waits for a person, or has; arguments are not told: they may be anything.
bool about_tool_call(const journal::Event& event, const Json& data, Notification& made) {
  const Json* spec = data.find("spec");
  const Json& call = spec != nullptr && spec->is_object() ? *spec : data;
  const bool waits = data.get_string("state") == "PENDING";
  const bool expired = event.type == "toolcall.expired";
  if (!waits && !expired) {
    return false;
  }
  made.subject_kind = "ToolCall";
  made.subject = event.object.name;
  made.mission = call.get_string("mission");
  made.task = call.get_string("task");
  const std::string agent = call.get_string("agent");
  const std::string who = agent.empty() ? std::string("a call") : agent;
  const std::string tool = call.get_string("tool");
  const std::string risk = call.get_string("risk");
  made.text = paragraphs(call.get_string("reason"), risk.empty() ? "" : concat("Risk: ", risk));
  if (expired) {
    made.event = "toolcall.expired";
    made.title = waits ? concat("nobody has decided whether ", who, " may use ", tool)
                       : concat(who, " was allowed to use ", tool, " and did not in time");
    return true;
  }
  const std::string due = data.get_string("due");
  made.text = paragraphs(
      made.text,
      due.empty() ? "" : concat("Without a decision it is not carried out after ", due, ".")
  );
  made.command = command_for("approve", concat("toolcall/", event.object.name), event.object.ns);
  const bool escalated = event.type == "toolcall.escalated";
  made.event = escalated ? "toolcall.escalated" : "toolcall.pending";
  made.title = escalated ? concat("nobody has decided yet whether ", who, " may use ", tool)
                         : concat(who, " wants to use ", tool);
  return true;
}

/// The event is about the usage of a quota, `quota.NAME`.
void about_budget(const journal::Event& event, const Json& data, Notification& made) {
  constexpr std::string_view kUsage = "quota.";
  const bool over = event.type == "budget.exceeded";
  const std::string& usage = event.object.name;
  made.event = event.type;
  made.subject_kind = event.object.ns.empty() ? "ClusterBudgetQuota" : "BudgetQuota";
  made.subject = usage.starts_with(kUsage) ? usage.substr(kUsage.size()) : usage;
  made.mission = data.get_string("mission");
  const std::string limit = data.get_string("limit");
  const std::string run = data.get_string("run");
  const std::string action = data.get_string("action");
  made.title = concat(
      "budget ",
      made.subject,
      over ? " is used up" : " is nearly used up",
      limit.empty() ? "" : concat(" (", limit, ")")
  );
  made.text = concat(
      data.get_string("used"),
      over ? " are used or promised, of " : " are used or promised; you are told at ",
      data.get_string("level"),
      run.empty() ? "." : concat(", by run ", run, "."),
      action.empty() ? "" : concat(" What follows: ", action, ".")
  );
  made.command =
      command_for("get", concat(to_lower(made.subject_kind), "/", made.subject), event.object.ns);
}

bool about_incident(const journal::Event& event, const Json& data, Notification& made) {
  const Json* spec = data.find("spec");
  if (spec == nullptr || !spec->is_object()) {
    return false;
  }
  const bool over = event.type == "incident.closed";
  const Json* subject = spec->find("subject");
  const bool named = subject != nullptr && subject->is_object();
  made.event = over ? "incident.closed" : "incident.opened";
  made.subject_kind = "Incident";
  made.subject = event.object.name;
  made.title = concat(
      over ? "over: " : concat(spec->get_string("severity"), ": "),
      spec->get_string("reason"),
      named ? concat(" of ", subject->get_string("kind"), " ", subject->get_string("name")) : ""
  );
  made.text = spec->get_string("message");
  if (named && subject->get_string("kind") == "Mission") {
    made.mission = subject->get_string("name");
  }
  made.command = over ? "" : command_for("incidents close", event.object.name, event.object.ns);
  return true;
}

bool fill(const journal::Event& event, const Json& data, Notification& made) {
  if (event.type == "mission.transitioned") {
    return about_mission(event, data, made);
  }
  if (event.object.kind == Kind::ToolCall) {
    return about_tool_call(event, data, made);
  }
  if (event.object.kind == Kind::Incident) {
    return about_incident(event, data, made);
  }
  if (event.object.kind == Kind::Mission) {
    about_gate(event, data, made);
  } else {
    about_budget(event, data, made);
  }
  return true;
}

}  // namespace

std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return std::string(text);
  }
  constexpr std::string_view kMore = "…";
  std::size_t end = bytes_max - kMore.size();
  constexpr unsigned char kKindBits = 0xC0;
  constexpr unsigned char kContinues = 0x80;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & kKindBits) == kContinues) {
    --end;
  }
  return concat(text.substr(0, end), kMore);
}

bool may_tell(const journal::Event& event) {
  const std::string_view type = event.type;
  if (event.object.kind == Kind::Mission) {
    return type == "mission.transitioned" || type == "gate.opened" || type == "gate.reminded" ||
           type == "gate.escalated" || type == "gate.decided";
  }
  return type == "toolcall.recorded" || type == "toolcall.escalated" ||
         type == "toolcall.expired" || type == "incident.opened" || type == "incident.reopened" ||
         type == "incident.closed" || type == "budget.warned" || type == "budget.exceeded";
}

std::optional<Notification> notification_of(const journal::Event& event) {
  if (!may_tell(event) || event.object.ns.empty()) {
    return std::nullopt;
  }
  JsonLimits limits;
  limits.size_bytes_max = journal::kEventDataBytesMax;
  const Result<Json> data = parse_json(event.data, limits);
  if (!data || !data->is_object()) {
    return std::nullopt;
  }
  Notification made;
  made.revision = event.revision;
  made.at = event.at;
  made.ns = event.object.ns;
  if (!fill(event, *data, made)) {
    return std::nullopt;
  }
  made.title = cut(made.title, kTitleBytesMax);
  made.text = cut(made.text, kTextBytesMax);
  return made;
}

}  // namespace reeve::notify
