#include "engine/events.h"

#include <array>
#include <limits>
#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::engine {

namespace {

using model::NamedValue;
using workflow::Workflow;

constexpr std::array<std::string_view, 8> kOutcomeNames = {
    "completed", "failed", "retry", "poll", "pause", "again", "aborted", "parked"};

/// Members that are empty or false are left out: the journal stays small and readable.
class Encoder {
 public:
  Encoder(const Workflow& workflow, std::string& out) : workflow_(workflow), json_(out) {}

  void operator()(const MissionCreated& e) {
    json_.member("namespace", e.ns.view());
    json_.member("owner", e.owner.view());
    json_.member("workflow", std::string_view(e.workflow_name));
    json_.member("digest", e.workflow.view());
    json_.member("tasks", static_cast<std::uint64_t>(e.task_count));
    named_values("params", e.params);
    if (e.continues) {
      json_.member("continues", model::plain(*e.continues));
    }
    if (!e.reused.empty()) {
      json_.key("reused");
      json_.begin_array();
      for (const Reused& reused : e.reused) {
        json_.begin_object();
        task(reused.task);
        text("exitCode", reused.exit_code);
        named_values("outputs", reused.outputs);
        artifacts(reused.artifacts);
        json_.end_object();
      }
      json_.end_array();
    }
    flag("local", e.local);
    text("userKey", e.user_key);
    if (e.priority != 0) {
      json_.member("priority", static_cast<std::int64_t>(e.priority));
    }
    if (e.not_before) {
      json_.member("notBefore", std::string_view(format_timestamp(*e.not_before)));
    }
    text("trigger", e.trigger);
    if (e.parent) {
      json_.member("parent", model::plain(e.parent->mission));
      json_.member("parentTask", e.parent->task.view());
      json_.member("item", static_cast<std::uint64_t>(e.parent->item));
      json_.member("depth", static_cast<std::uint64_t>(e.depth));
      flag("detached", e.parent->detached);
    }
    artifacts(e.inputs);
    text("description", e.description);
    text("author", e.author.str());
    if (!e.after.empty()) {
      json_.key("after");
      json_.begin_array();
      for (const MissionName& mission : e.after) {
        json_.value(model::plain(mission));
      }
      json_.end_array();
    }
    text("reopened", e.reopened);
    if (!e.bundle.is_null()) {
      json_.member("bundle", e.bundle);
    }
    text("traceparent", e.trace.parent);
    text("tracestate", e.trace.state);
  }

  void operator()(const MissionTransitioned& e) {
    json_.member("from", to_string(e.from));
    json_.member("to", to_string(e.to));
    json_.member("reason", to_string(e.reason));
    text("errorCode", e.error_code);
    text("message", e.message);
  }

  void operator()(const EpochStarted& e) {
    json_.member("epoch", static_cast<std::uint64_t>(e.epoch));
    flag("full", e.full);
  }

  void operator()(const AbortRequested& e) { text("message", e.message); }

  void operator()(const DeadlinePassed& /*unused*/) {}

  void operator()(const TaskReached& e) {
    task(e.task);
    flag("fresh", e.fresh);
  }

  void operator()(const TaskReused& e) { task(e.task); }

  void operator()(const TaskSkipped& e) {
    task(e.task);
    text("message", e.message);
  }

  void operator()(const RunCreated& e) {
    slot(e.slot);
    json_.member("attempt", static_cast<std::uint64_t>(e.attempt));
    if (e.not_before) {
      json_.member("notBefore", std::string_view(format_timestamp(*e.not_before)));
    }
    flag("closing", e.closing);
  }

  void operator()(const RunLaunching& e) {
    slot(e.slot);
    flag("inside", e.inside);
  }

  void operator()(const RunActive& e) { slot(e.slot); }

  void operator()(const RunCancelRequested& e) {
    slot(e.slot);
    text("message", e.message);
    flag("timedOut", e.timed_out);
    flag("overQuota", e.over_quota);
  }

  void operator()(const RunEnded& e) {
    slot(e.slot);
    json_.member("attempt", static_cast<std::uint64_t>(e.attempt));
    json_.member("state", model::to_string(e.state));
    json_.member("outcome", to_string(e.outcome));
    text("exitCode", e.exit_code);
    text("errorCode", e.error_code);
    text("message", e.message);
    flag("drains", e.drains);
    flag("unknown", e.unknown);
    named_values("outputs", e.outputs);
    artifacts(e.artifacts);
    texts("warnings", e.warnings);
  }

  void operator()(const HoldRaised& e) {
    json_.member("kind", to_string(e.hold.kind));
    text("subject", e.hold.subject);
    json_.member("since", std::string_view(format_timestamp(e.hold.since)));
    if (e.hold.deadline) {
      json_.member("deadline", std::string_view(format_timestamp(*e.hold.deadline)));
      json_.member("onDeadline", to_string(e.hold.on_deadline));
    }
    text("message", e.hold.message);
  }

  void operator()(const HoldReleased& e) {
    json_.member("kind", to_string(e.kind));
    text("subject", e.subject);
    flag("expired", e.expired);
  }

  void operator()(const ChildrenPlanned& e) {
    task(e.task);
    flag("fansOut", e.fans_out);
    if (e.fans_out) {
      json_.key("items");
      json_.begin_array();
      for (const std::string& item : e.items) {
        json_.value(std::string_view(item));
      }
      json_.end_array();
    }
  }

  void operator()(const ChildStarted& e) {
    task(e.task);
    json_.member("item", static_cast<std::uint64_t>(e.item));
    json_.member("mission", model::plain(e.mission));
    flag("existing", !e.own);
  }

  void operator()(const ChildEnded& e) {
    task(e.task);
    json_.member("item", static_cast<std::uint64_t>(e.item));
    json_.member("state", to_string(e.state));
    text("errorCode", e.error_code);
    text("message", e.message);
    named_values("outputs", e.outputs);
    artifacts(e.artifacts);
  }

  void operator()(const GateOpened& e) {
    opening(e.task, e.revision);
    text("prompt", e.prompt);
    named_values("context", e.context);
    if (e.deadline) {
      json_.member("deadline", std::string_view(format_timestamp(*e.deadline)));
    }
  }

  void operator()(const GateVoted& e) {
    opening(e.task, e.revision);
    json_.member("voter", e.voter.view());
    json_.member("decision", to_string(e.decision));
    text("message", e.message);
    json_.member("rule", std::string_view(e.rule));
  }

  void operator()(const GateReminded& e) { opening(e.task, e.revision); }

  void operator()(const GateEscalated& e) {
    opening(e.task, e.revision);
    json_.member("step", static_cast<std::uint64_t>(e.step));
    texts("recipients", e.recipients);
    text("message", e.message);
  }

  void operator()(const GateDecided& e) {
    opening(e.task, e.revision);
    json_.member("outcome", to_string(e.outcome));
    text("message", e.message);
    named_values("outputs", e.outputs);
  }

  void operator()(const MissionAdmitted& /*unused*/) {}

  void operator()(const MissionWaiting& e) { text("message", e.message); }

  void operator()(const RunWaiting& e) {
    slot(e.slot);
    text("message", e.message);
  }

  void operator()(const MissionSubmitted& e) {
    task(e.task);
    text("mission", model::plain(e.mission));
    flag("existing", !e.own);
    text("message", e.message);
  }

  void operator()(const MissionExtended& e) {
    task(e.task);
    json_.member("digest", e.workflow.view());
    json_.member("tasks", static_cast<std::uint64_t>(e.task_count));
  }

  void operator()(const ExtensionRefused& e) {
    task(e.task);
    text("message", e.message);
  }

  void operator()(const BundleKept& e) {
    task(e.task);
    json_.member("bundle", e.bundle);
  }

  void operator()(const MissionDeleted& /*unused*/) {}

  JsonWriter& json() { return json_; }

 private:
  void task(TaskIndex index) { json_.member("task", workflow_.tasks.at(index).name.view()); }

  void slot(const SlotKey& key) {
    task(key.task);
    if (key.leg == Leg::Undo) {
      json_.member("compensation", true);
    }
  }

  void opening(TaskIndex index, std::uint32_t revision) {
    task(index);
    json_.member("revision", static_cast<std::uint64_t>(revision));
  }

  void texts(std::string_view name, const std::vector<std::string>& items) {
    if (items.empty()) {
      return;
    }
    json_.key(name);
    json_.begin_array();
    for (const std::string& item : items) {
      json_.value(std::string_view(item));
    }
    json_.end_array();
  }

  void text(std::string_view name, std::string_view content) {
    if (!content.empty()) {
      json_.member(name, content);
    }
  }

  void flag(std::string_view name, bool set) {
    if (set) {
      json_.member(name, true);
    }
  }

  void named_values(std::string_view name, const std::vector<NamedValue>& values) {
    if (values.empty()) {
      return;
    }
    json_.key(name);
    json_.begin_object();
    for (const NamedValue& value : values) {
      json_.member(value.first, std::string_view(value.second));
    }
    json_.end_object();
  }

  void artifacts(const std::vector<model::ArtifactRef>& refs) {
    if (refs.empty()) {
      return;
    }
    json_.key("artifacts");
    json_.begin_array();
    for (const model::ArtifactRef& ref : refs) {
      json_.value(model::to_json(ref));
    }
    json_.end_array();
  }

  const Workflow& workflow_;
  JsonWriter json_;
};

}  // namespace

std::string_view to_string(Outcome outcome) {
  return kOutcomeNames.at(static_cast<std::size_t>(outcome));
}

Result<Outcome> parse_outcome(std::string_view text) {
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    if (kOutcomeNames[i] == text) {
      return static_cast<Outcome>(i);
    }
  }
  return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not an outcome"));
}

const std::vector<std::string_view>& mission_event_types() {
  static const std::vector<std::string_view> kNames = {
      "mission.created",
      "mission.transitioned",
      "mission.epoch_started",
      "mission.abort_requested",
      "mission.deadline_passed",
      "task.reached",
      "task.reused",
      "task.skipped",
      "run.created",
      "run.launching",
      "run.active",
      "run.cancel_requested",
      "run.ended",
      "hold.raised",
      "hold.released",
      "children.planned",
      "child.started",
      "child.ended",
      "gate.opened",
      "gate.voted",
      "gate.reminded",
      "gate.escalated",
      "gate.decided",
      "mission.admitted",
      "mission.waiting",
      "run.waiting",
      "mission.submitted",
      "mission.extended",
      "extension.refused",
      "bundle.kept",
      "mission.deleted"};
  return kNames;
}

std::string_view type_of(const MissionEvent& event) {
  return mission_event_types()[event.index()];
}

void encode(const MissionEvent& event, const Workflow& workflow, std::string& out) {
  Encoder encoder(workflow, out);
  encoder.json().begin_object();
  std::visit(encoder, event);
  encoder.json().end_object();
}

}  // namespace reeve::engine
