#include <algorithm>

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

/// Columns of a line in a box.
constexpr std::size_t kLineColumnsMax = 44;

std::string clipped(std::string_view text) {
  std::string out;
  std::size_t columns = 0;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    if (++columns > kLineColumnsMax) {
      return concat(out, "…");
    }
    const std::string_view piece = text.substr(0, length);
    out += piece == "\n" || piece == "\t" ? std::string_view(" ") : piece;
    text.remove_prefix(length);
  }
  return out;
}

std::string gate_line(const Gate& gate) {
  std::vector<std::string> who = gate.users;
  for (const std::string& group : gate.groups) {
    who.push_back(concat("@", group));
  }
  const std::string number = gate.unanimous ? std::string("all") : std::to_string(gate.approvals);
  return clipped(
      who.empty() ? concat("approval by ", number, gate.approvals == 1 ? " person" : " people")
                  : concat("approval by ", number, " of ", join(who, ", "))
  );
}

std::string await_line(const Workflow& workflow, const Await& await) {
  std::vector<std::string> names;
  for (const TaskIndex task : await.tasks) {
    names.push_back(workflow.tasks[task].name.str());
  }
  return clipped(concat("waits for ", join(names, ", ")));
}

std::string trigger_text(const Trigger& trigger) {
  if (const auto* cron = std::get_if<CronTrigger>(&trigger.source)) {
    return concat(
        "cron ", cron->expression, cron->time_zone.empty() ? "" : concat(" (", cron->time_zone, ")")
    );
  }
  if (std::holds_alternative<WebhookTrigger>(trigger.source)) {
    return concat("webhook ", trigger.name);
  }
  if (const auto* object = std::get_if<ObjectTrigger>(&trigger.source)) {
    return concat("bucket ", object->bucket, "/", object->prefix, "*", object->suffix);
  }
  if (const auto* channel = std::get_if<ChannelTrigger>(&trigger.source)) {
    return concat("channel ", channel->channel);
  }
  return concat("inbox ", std::get<InboxTrigger>(trigger.source).glob);
}

}  // namespace

std::vector<std::string> trigger_texts(const Workflow& workflow) {
  std::vector<std::string> texts;
  for (const Trigger& trigger : workflow.triggers) {
    texts.push_back(clipped(trigger_text(trigger)));
  }
  return texts;
}

NodeKind node_kind(Method method) {
  switch (method) {
    case Method::Shell:
      return NodeKind::Task;
    case Method::Noop:
      return NodeKind::Noop;
    case Method::Docker:
    case Method::Kubernetes:
      return NodeKind::Container;
    case Method::Http:
    case Method::WebSocket:
      return NodeKind::Request;
    case Method::Gate:
      return NodeKind::Gate;
    case Method::Mission:
      return NodeKind::Mission;
    case Method::Await:
      return NodeKind::Await;
    case Method::Message:
      return NodeKind::Message;
    case Method::ExpireArtifacts:
      return NodeKind::Upkeep;
    case Method::Agent:
      return NodeKind::Task;
  }
  return NodeKind::Task;
}

std::vector<std::string> detail_lines(const Workflow& workflow, TaskIndex index) {
  const Task& task = workflow.tasks[index];
  std::vector<std::string> lines;
  if (task.gate) {
    lines.push_back(gate_line(*task.gate));
  }
  if (task.http) {
    const bool socket = task.method == Method::WebSocket;
    lines.push_back(
        clipped(concat(socket ? "socket" : to_string(task.http->verb), " ", task.http->url.text))
    );
  }
  if (task.child) {
    lines.push_back(clipped(concat("mission of ", task.child->workflow.text)));
  }
  if (task.await) {
    lines.push_back(await_line(workflow, *task.await));
  }
  if (task.message) {
    lines.push_back(clipped(concat("message to ", task.message->channel.text)));
  }
  if (task.agent) {
    lines.push_back(clipped(concat("agent ", task.agent->name.text)));
  }
  if (task.fan_out) {
    const FanOut& fan_out = *task.fan_out;
    lines.push_back(clipped(concat(
        "for each ",
        fan_out.item,
        " of ",
        fan_out.over.text,
        fan_out.parallel == 0 ? "" : concat(", ", fan_out.parallel, " at once")
    )));
  }
  if (task.sensor) {
    lines.emplace_back("polls until it succeeds");
  }
  return lines;
}

std::string_view state_symbol(std::string_view state) {
  if (state == "COMPLETE") {
    return "✓";
  }
  if (state == "FAILED") {
    return "✗";
  }
  if (state == "ABORTED") {
    return "■";
  }
  if (state == "SKIPPED") {
    return "–";
  }
  if (state == "ACTIVE" || state == "COMPENSATING") {
    return "●";
  }
  return state == "WAITING" ? "·" : "◌";
}

std::string_view state_class(std::string_view state) {
  if (state == "COMPLETE") {
    return "done";
  }
  if (state == "FAILED" || state == "ABORTED") {
    return "failed";
  }
  if (state == "ACTIVE" || state == "COMPENSATING") {
    return "active";
  }
  return state == "SKIPPED" || state == "WAITING" ? "idle" : "held";
}

}  // namespace reeve::workflow
