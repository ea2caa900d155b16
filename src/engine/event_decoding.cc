#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "engine/events.h"
#include "model/scoped_name.h"

/// The way back from the journal's text to events. Strict: the hash chain says that the text is
/// what was written, so whatever does not fit is damage or a newer program's.
namespace reeve::engine {

namespace {

using model::NamedValue;
using workflow::Workflow;

Error corrupt(std::string message) {
  return make_error(ErrorCode::Corrupt, std::move(message), "event data");
}

/// The type of every member that events can have; one name means one thing in all of them.
const std::map<std::string_view, Json::Type>& member_types() {
  using enum Json::Type;
  static const std::map<std::string_view, Json::Type> kTypes = {
      {"namespace", String},   {"owner", String},      {"workflow", String},
      {"digest", String},      {"tasks", Int},         {"params", Object},
      {"continues", String},   {"reused", Array},      {"local", Bool},
      {"task", String},        {"exitCode", String},   {"outputs", Object},
      {"artifacts", Array},    {"from", String},       {"to", String},
      {"reason", String},      {"errorCode", String},  {"message", String},
      {"epoch", Int},          {"full", Bool},         {"fresh", Bool},
      {"compensation", Bool},  {"attempt", Int},       {"notBefore", String},
      {"closing", Bool},       {"state", String},      {"outcome", String},
      {"drains", Bool},        {"unknown", Bool},      {"warnings", Array},
      {"kind", String},        {"subject", String},    {"since", String},
      {"deadline", String},    {"onDeadline", String}, {"expired", Bool},
      {"userKey", String},     {"priority", Int},      {"trigger", String},
      {"parent", String},      {"parentTask", String}, {"item", Int},
      {"depth", Int},          {"inside", Bool},       {"fansOut", Bool},
      {"items", Array},        {"mission", String},    {"existing", Bool},
      {"timedOut", Bool},      {"revision", Int},      {"prompt", String},
      {"context", Object},     {"voter", String},      {"decision", String},
      {"rule", String},        {"step", Int},          {"recipients", Array},
      {"description", String}, {"author", String},     {"after", Array},
      {"bundle", Object},      {"reopened", String},   {"detached", Bool},
      {"traceparent", String}, {"tracestate", String}, {"overQuota", Bool}};
  return kTypes;
}

Result<void> check_members(const Json& data) {
  if (!data.is_object()) {
    return corrupt("the data is not an object");
  }
  for (const Json::Member& member : data.as_object()) {
    const auto known = member_types().find(member.first);
    if (known == member_types().end()) {
      return corrupt(concat("unknown member \"", member.first, "\""));
    }
    if (known->second != member.second.type()) {
      return corrupt(concat("member \"", member.first, "\" is of the wrong type"));
    }
  }
  return {};
}

class Decoder {
 public:
  Decoder(const Json& data, const Workflow& workflow, const Namespace& ns)
      : data_(data), workflow_(workflow), ns_(ns) {}

  Result<MissionEvent> created() {
    MissionCreated e;
    e.ns = Namespace(data_.get_string("namespace"));
    if (e.ns != ns_) {
      return corrupt("the mission is one of another namespace");
    }
    e.owner = Principal(data_.get_string("owner"));
    e.workflow_name = data_.get_string("workflow");
    e.workflow = Digest(data_.get_string("digest"));
    REEVE_TRY(e.task_count, number("tasks"));
    e.local = data_.get_bool("local");
    REEVE_TRY(e.params, named_values(data_, "params"));
    if (data_.find("continues") != nullptr) {
      e.continues = mission("continues");
    }
    if (const Json* reused = data_.find("reused"); reused != nullptr && reused->is_array()) {
      for (const Json& item : reused->as_array()) {
        REEVE_CHECK(check_members(item));
        Reused result;
        REEVE_TRY(result.task, task(item));
        result.exit_code = item.get_string("exitCode");
        REEVE_TRY(result.outputs, named_values(item, "outputs"));
        REEVE_TRY(result.artifacts, artifacts(item));
        e.reused.push_back(std::move(result));
      }
    }
    REEVE_CHECK(origin(e));
    e.reopened = data_.get_string("reopened");
    if (const Json* bundle = data_.find("bundle")) {
      e.bundle = *bundle;
    }
    e.trace.parent = data_.get_string("traceparent");
    e.trace.state = data_.get_string("tracestate");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> transitioned() {
    MissionTransitioned e;
    REEVE_TRY(e.from, model::parse_mission_state(data_.get_string("from")));
    REEVE_TRY(e.to, model::parse_mission_state(data_.get_string("to")));
    REEVE_TRY(e.reason, model::parse_reason(data_.get_string("reason")));
    e.error_code = data_.get_string("errorCode");
    e.message = data_.get_string("message");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> epoch() {
    REEVE_TRY(const std::uint32_t epoch, number("epoch"));
    return MissionEvent(EpochStarted{.epoch = epoch, .full = data_.get_bool("full")});
  }

  Result<MissionEvent> abort_requested() {
    return MissionEvent(AbortRequested{.message = data_.get_string("message")});
  }

  Result<MissionEvent> deadline_passed() { return MissionEvent(DeadlinePassed{}); }

  Result<MissionEvent> reached() {
    REEVE_TRY(const TaskIndex index, task(data_));
    return MissionEvent(TaskReached{.task = index, .fresh = data_.get_bool("fresh")});
  }

  Result<MissionEvent> reused() {
    REEVE_TRY(const TaskIndex index, task(data_));
    return MissionEvent(TaskReused{.task = index});
  }

  Result<MissionEvent> skipped() {
    REEVE_TRY(const TaskIndex index, task(data_));
    return MissionEvent(TaskSkipped{.task = index, .message = data_.get_string("message")});
  }

  Result<MissionEvent> run_created() {
    RunCreated e;
    REEVE_TRY(e.slot, slot());
    REEVE_TRY(e.attempt, number("attempt"));
    e.closing = data_.get_bool("closing");
    REEVE_TRY(e.not_before, time("notBefore"));
    return MissionEvent(e);
  }

  Result<MissionEvent> run_launching() {
    REEVE_TRY(const SlotKey key, slot());
    return MissionEvent(RunLaunching{.slot = key, .inside = data_.get_bool("inside")});
  }

  Result<MissionEvent> run_active() {
    REEVE_TRY(const SlotKey key, slot());
    return MissionEvent(RunActive{.slot = key});
  }

  Result<MissionEvent> run_cancel() {
    REEVE_TRY(const SlotKey key, slot());
    return MissionEvent(RunCancelRequested{
        .slot = key,
        .message = data_.get_string("message"),
        .timed_out = data_.get_bool("timedOut"),
        .over_quota = data_.get_bool("overQuota")});
  }

  Result<MissionEvent> run_ended() {
    RunEnded e;
    REEVE_TRY(e.slot, slot());
    REEVE_TRY(e.attempt, number("attempt"));
    REEVE_TRY(e.state, model::parse_run_state(data_.get_string("state")));
    REEVE_TRY(e.outcome, parse_outcome(data_.get_string("outcome")));
    e.exit_code = data_.get_string("exitCode");
    e.error_code = data_.get_string("errorCode");
    e.message = data_.get_string("message");
    e.drains = data_.get_bool("drains");
    e.unknown = data_.get_bool("unknown");
    REEVE_TRY(e.outputs, named_values(data_, "outputs"));
    REEVE_TRY(e.artifacts, artifacts(data_));
    REEVE_TRY(e.warnings, texts("warnings"));
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> hold_raised() {
    model::Hold hold;
    REEVE_TRY(hold.kind, model::parse_hold_kind(data_.get_string("kind")));
    hold.subject = data_.get_string("subject");
    hold.message = data_.get_string("message");
    REEVE_TRY(const std::optional<Timestamp> since, time("since"));
    hold.since = since.value_or(Timestamp{});
    REEVE_TRY(hold.deadline, time("deadline"));
    if (hold.deadline) {
      REEVE_TRY(hold.on_deadline, model::parse_on_deadline(data_.get_string("onDeadline")));
    }
    return MissionEvent(HoldRaised{.hold = std::move(hold)});
  }

  Result<MissionEvent> hold_released() {
    HoldReleased e;
    REEVE_TRY(e.kind, model::parse_hold_kind(data_.get_string("kind")));
    e.subject = data_.get_string("subject");
    e.expired = data_.get_bool("expired");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> admitted() { return MissionEvent(MissionAdmitted{}); }

  Result<MissionEvent> waiting() {
    return MissionEvent(MissionWaiting{.message = data_.get_string("message")});
  }

  Result<MissionEvent> run_waiting() {
    REEVE_TRY(const SlotKey key, slot());
    return MissionEvent(RunWaiting{.slot = key, .message = data_.get_string("message")});
  }

  Result<MissionEvent> submitted() {
    MissionSubmitted e;
    REEVE_TRY(e.task, task(data_));
    e.mission = mission("mission");
    e.own = !data_.get_bool("existing");
    e.message = data_.get_string("message");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> extended() {
    MissionExtended e;
    REEVE_TRY(e.task, task(data_));
    e.workflow = Digest(data_.get_string("digest"));
    REEVE_TRY(e.task_count, number("tasks"));
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> extension_refused() {
    REEVE_TRY(const TaskIndex index, task(data_));
    return MissionEvent(ExtensionRefused{.task = index, .message = data_.get_string("message")});
  }

  Result<MissionEvent> deleted() { return MissionEvent(MissionDeleted{}); }

  Result<MissionEvent> bundle_kept() {
    REEVE_TRY(const TaskIndex index, task(data_));
    const Json* bundle = data_.find("bundle");
    if (bundle == nullptr) {
      return corrupt("member \"bundle\" is missing");
    }
    return MissionEvent(BundleKept{.task = index, .bundle = *bundle});
  }

  Result<MissionEvent> children_planned() {
    ChildrenPlanned e;
    REEVE_TRY(e.task, task(data_));
    e.fans_out = data_.get_bool("fansOut");
    if (const Json* items = data_.find("items")) {
      for (const Json& item : items->as_array()) {
        if (!item.is_string()) {
          return corrupt("an item is not a string");
        }
        e.items.push_back(item.as_string());
      }
    }
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> gate_opened() {
    GateOpened e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.revision, opening());
    e.prompt = data_.get_string("prompt");
    REEVE_TRY(e.context, named_values(data_, "context"));
    REEVE_TRY(e.deadline, time("deadline"));
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> gate_voted() {
    GateVoted e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.revision, opening());
    e.voter = Principal(data_.get_string("voter"));
    REEVE_TRY(e.decision, model::parse_decision(data_.get_string("decision")));
    e.message = data_.get_string("message");
    e.rule = data_.get_string("rule");
    if (e.voter.empty() || e.rule.empty()) {
      return corrupt("a vote without a voter or without a rule that allowed it");
    }
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> child_started() {
    ChildStarted e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.item, number("item"));
    e.mission = mission("mission");
    e.own = !data_.get_bool("existing");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> child_ended() {
    ChildEnded e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.item, number("item"));
    REEVE_TRY(e.state, model::parse_mission_state(data_.get_string("state")));
    e.error_code = data_.get_string("errorCode");
    e.message = data_.get_string("message");
    REEVE_TRY(e.outputs, named_values(data_, "outputs"));
    REEVE_TRY(e.artifacts, artifacts(data_));
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> gate_reminded() {
    GateReminded e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.revision, opening());
    return MissionEvent(e);
  }

  Result<MissionEvent> gate_escalated() {
    GateEscalated e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.revision, opening());
    REEVE_TRY(e.step, number("step"));
    REEVE_TRY(e.recipients, texts("recipients"));
    e.message = data_.get_string("message");
    return MissionEvent(std::move(e));
  }

  Result<MissionEvent> gate_decided() {
    GateDecided e;
    REEVE_TRY(e.task, task(data_));
    REEVE_TRY(e.revision, opening());
    REEVE_TRY(e.outcome, model::parse_approval_state(data_.get_string("outcome")));
    e.message = data_.get_string("message");
    REEVE_TRY(e.outputs, named_values(data_, "outputs"));
    if (e.outcome == model::ApprovalState::Pending) {
      return corrupt("a gate is decided to be pending");
    }
    return MissionEvent(std::move(e));
  }

 private:
  /// Another mission, which is one of the same namespace.
  MissionName mission(std::string_view name) const {
    return model::qualify(ns_, data_.get_string(name));
  }

  /// Where a mission comes from and how it is to be scheduled.
  Result<void> origin(MissionCreated& e) const {
    e.user_key = data_.get_string("userKey");
    e.trigger = data_.get_string("trigger");
    const std::int64_t priority = data_.get_int("priority");
    e.priority = static_cast<std::int32_t>(priority);
    if (e.priority != priority) {
      return corrupt("\"priority\" is out of range");
    }
    REEVE_TRY(e.not_before, time("notBefore"));
    if (data_.find("parent") != nullptr) {
      model::Parent parent;
      parent.mission = mission("parent");
      parent.task = TaskName(data_.get_string("parentTask"));
      REEVE_TRY(parent.item, number("item"));
      parent.detached = data_.get_bool("detached");
      REEVE_TRY(e.depth, number("depth"));
      e.parent = std::move(parent);
    }
    REEVE_TRY(e.inputs, artifacts(data_));
    e.description = data_.get_string("description");
    e.author = Principal(data_.get_string("author"));
    if (const Json* after = data_.find("after")) {
      for (const Json& name : after->as_array()) {
        if (!name.is_string()) {
          return corrupt("the name of a mission is not a string");
        }
        e.after.push_back(model::qualify(ns_, name.as_string()));
      }
    }
    return {};
  }

  Result<std::uint32_t> number(std::string_view name) const {
    const Json* found = data_.find(name);
    if (found == nullptr || found->as_int() < 0 ||
        found->as_int() > std::numeric_limits<std::uint32_t>::max()) {
      return corrupt(concat("\"", name, "\" is missing or out of range"));
    }
    return static_cast<std::uint32_t>(found->as_int());
  }

  /// Openings of gates are counted from 1.
  Result<std::uint32_t> opening() const {
    REEVE_TRY(const std::uint32_t revision, number("revision"));
    return revision == 0 ? Result<std::uint32_t>(corrupt("\"revision\" is out of range"))
                         : Result<std::uint32_t>(revision);
  }

  Result<std::vector<std::string>> texts(std::string_view name) const {
    std::vector<std::string> items;
    if (const Json* array = data_.find(name); array != nullptr && array->is_array()) {
      for (const Json& item : array->as_array()) {
        if (!item.is_string()) {
          return corrupt(concat("\"", name, "\" holds something that is not a string"));
        }
        items.push_back(item.as_string());
      }
    }
    return items;
  }

  Result<TaskIndex> task(const Json& from) const {
    const std::string name = from.get_string("task");
    const std::optional<TaskIndex> index = workflow_.find(name);
    if (!index) {
      return corrupt(concat("the workflow has no task \"", name, "\""));
    }
    return *index;
  }

  Result<SlotKey> slot() const {
    REEVE_TRY(const TaskIndex index, task(data_));
    return SlotKey{.task = index, .leg = data_.get_bool("compensation") ? Leg::Undo : Leg::Forward};
  }

  Result<std::optional<Timestamp>> time(std::string_view name) const {
    if (data_.find(name) == nullptr) {
      return std::optional<Timestamp>();
    }
    REEVE_TRY(const Timestamp at, parse_timestamp(data_.get_string(name)));
    return std::optional<Timestamp>(at);
  }

  static Result<std::vector<NamedValue>> named_values(const Json& from, std::string_view name) {
    std::vector<NamedValue> values;
    if (const Json* object = from.find(name)) {
      if (!object->is_object()) {
        return corrupt(concat(name, " is not an object"));
      }
      for (const Json::Member& member : object->as_object()) {
        if (!member.second.is_string()) {
          return corrupt(concat(name, ".", member.first, " is not a string"));
        }
        values.emplace_back(member.first, member.second.as_string());
      }
    }
    return values;
  }

  static Result<std::vector<model::ArtifactRef>> artifacts(const Json& from) {
    std::vector<model::ArtifactRef> refs;
    if (const Json* items = from.find("artifacts"); items != nullptr && items->is_array()) {
      for (const Json& item : items->as_array()) {
        REEVE_TRY(model::ArtifactRef ref, model::artifact_from_json(item));
        refs.push_back(std::move(ref));
      }
    }
    return refs;
  }

  const Json& data_;
  const Workflow& workflow_;
  const Namespace& ns_;
};

using DecodeMethod = Result<MissionEvent> (Decoder::*)();

const std::map<std::string_view, DecodeMethod>& decoders() {
  static const std::map<std::string_view, DecodeMethod> kTable = {
      {"mission.created", &Decoder::created},
      {"mission.transitioned", &Decoder::transitioned},
      {"mission.epoch_started", &Decoder::epoch},
      {"mission.abort_requested", &Decoder::abort_requested},
      {"mission.deadline_passed", &Decoder::deadline_passed},
      {"task.reached", &Decoder::reached},
      {"task.reused", &Decoder::reused},
      {"task.skipped", &Decoder::skipped},
      {"run.created", &Decoder::run_created},
      {"run.launching", &Decoder::run_launching},
      {"run.active", &Decoder::run_active},
      {"run.cancel_requested", &Decoder::run_cancel},
      {"run.ended", &Decoder::run_ended},
      {"hold.raised", &Decoder::hold_raised},
      {"hold.released", &Decoder::hold_released},
      {"children.planned", &Decoder::children_planned},
      {"child.started", &Decoder::child_started},
      {"child.ended", &Decoder::child_ended},
      {"gate.opened", &Decoder::gate_opened},
      {"gate.voted", &Decoder::gate_voted},
      {"gate.reminded", &Decoder::gate_reminded},
      {"gate.escalated", &Decoder::gate_escalated},
      {"gate.decided", &Decoder::gate_decided},
      {"mission.admitted", &Decoder::admitted},
      {"mission.waiting", &Decoder::waiting},
      {"run.waiting", &Decoder::run_waiting},
      {"mission.submitted", &Decoder::submitted},
      {"mission.extended", &Decoder::extended},
      {"extension.refused", &Decoder::extension_refused},
      {"bundle.kept", &Decoder::bundle_kept},
      {"mission.deleted", &Decoder::deleted},
  };
  return kTable;
}

}  // namespace

Result<MissionEvent> decode(
    std::string_view type, std::string_view data, const Workflow& workflow, const Namespace& ns
) {
  const auto found = decoders().find(type);
  if (found == decoders().end()) {
    return corrupt(concat("unknown type of event \"", type, "\""));
  }
  Result<Json> json = parse_json(data);
  if (!json) {
    return corrupt(json.error().describe());
  }
  REEVE_CHECK(check_members(*json));
  Decoder decoder(*json, workflow, ns);
  Result<MissionEvent> event = (decoder.*found->second)();
  if (!event && event.error().code != ErrorCode::Corrupt) {
    return corrupt(event.error().describe());
  }
  return event;
}

}  // namespace reeve::engine
