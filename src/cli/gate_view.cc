#include "cli/gate_view.h"

#include "base/strings.h"

namespace reeve::cli {

namespace {

/// Text of several lines under a name, each indented.
std::string indented(std::string_view name, std::string_view text) {
  std::string out = concat("  ", name, ":");
  if (text.find('\n') == std::string_view::npos) {
    return concat(out, " ", text, "\n");
  }
  out += "\n";
  for (const std::string_view line : split(text, '\n')) {
    out += concat("    ", line, "\n");
  }
  return out;
}

std::string vote_line(const Json& vote) {
  const std::string message = vote.get_string("message");
  return concat(
      vote.get_string("voter"),
      " ",
      vote.get_string("decision"),
      " at ",
      vote.get_string("at"),
      " (revision ",
      vote.get_int("revision"),
      ", as ",
      vote.get_string("rule"),
      ")",
      message.empty() ? "" : concat(": ", message)
  );
}

}  // namespace

bool is_open_gate(const Json& task) {
  const Json* gate = task.find("gate");
  return gate != nullptr && gate->get_string("state") == "pending";
}

std::string gate_progress(const Json& gate) {
  return concat(
      "waiting for approval, ",
      gate.get_int("approvals"),
      " of ",
      gate.get_int("approvalsNeeded"),
      gate.get_int("revision") > 1 ? concat(", revision ", gate.get_int("revision")) : ""
  );
}

std::string gate_text(std::string_view mission, const Json& task, std::string_view in_namespace) {
  const Json& gate = *task.find("gate");
  const std::string name = concat(mission, "/", task.get_string("name"));
  const std::string at = concat(name, in_namespace);
  std::string text = concat("\ngate ", name, " is ", gate_progress(gate), "\n");
  text += indented("question", gate.get_string("prompt"));
  for (const Json::Member& field : gate.find("context")->as_object()) {
    text += indented(field.first, field.second.as_string());
  }
  text += indented("asked", gate.get_string("openedAt"));
  if (const std::string deadline = gate.get_string("deadline"); !deadline.empty()) {
    text += indented("expires", concat(deadline, " (that rejects)"));
  }
  for (const Json& vote : gate.find("votes")->as_array()) {
    text += indented("vote", vote_line(vote));
  }
  text += indented("may decide", gate.get_string("mayDecide"));
  text += concat("  reeve approve ", at, "  ·  reeve reject ", at, " -m WHY");
  text += gate.get_bool("revisable") ? concat("  ·  reeve revise ", at, " -m FEEDBACK\n") : "\n";
  return text;
}

std::string decision_text(const Json& reply) {
  const Json* detail = reply.find("detail");
  if (detail == nullptr) {
    return concat("mission ", reply.get_string("mission"));
  }
  const std::string gate =
      concat("gate ", reply.get_string("mission"), "/", detail->get_string("task"));
  const std::string state = detail->get_string("state");
  const std::string count = concat(
      detail->get_int("approvals"), " of ", detail->get_int("approvalsNeeded"), " approvals"
  );
  if (!detail->get_bool("counted", true)) {
    return concat(gate, ": you had decided before (", detail->get_string("decision"), "); ", count);
  }
  if (state == "granted") {
    return concat(gate, " is approved, ", count);
  }
  if (state == "rejected") {
    return concat(gate, " is rejected");
  }
  if (state == "revise") {
    return concat(gate, " is sent back with your feedback");
  }
  return concat(gate, ": your decision counts; ", count);
}

std::string describe_gate_event(std::string_view type, const Json& data) {
  const std::string gate = concat("gate ", data.get_string("task"));
  const std::string message = data.get_string("message");
  const std::string tail = message.empty() ? std::string() : concat(": ", message);
  if (type == "gate.opened") {
    return concat(gate, " waits for approval: ", data.get_string("prompt"));
  }
  if (type == "gate.voted") {
    return concat(gate, ": ", data.get_string("voter"), " ", data.get_string("decision"), tail);
  }
  if (type == "gate.reminded") {
    return concat(gate, " still waits for approval");
  }
  if (type == "gate.escalated") {
    std::vector<std::string> recipients;
    if (const Json* list = data.find("recipients")) {
      for (const Json& recipient : list->as_array()) {
        recipients.push_back(recipient.as_string());
      }
    }
    return concat(gate, " still waits for approval; for ", join(recipients, ", "), tail);
  }
  // An ended gate is told by the end of its task.
  const bool ends = type == "gate.decided" && data.get_string("outcome") != "revise";
  return ends ? std::string() : concat(gate, tail);
}

}  // namespace reeve::cli
