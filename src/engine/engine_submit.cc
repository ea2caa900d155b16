#include <algorithm>
#include <unordered_map>

#include "base/json.h"
#include "base/strings.h"
#include "engine/engine.h"
#include "engine/metadata_book.h"
#include "engine/mission_names.h"
#include "engine/mission_turn.h"

/// Making missions.
namespace reeve::engine {

using model::Mission;

namespace {

/// Bytes of a workflow's name in the name of a mission that was given none.
constexpr std::size_t kNamePrefixMax = 80;
/// Names that are tried for a mission before it cannot be made, and the bytes that tell them apart.
constexpr int kNameTriesMax = 100;
constexpr std::size_t kNumberSuffixMax = 4;

/// LimitExceeded if the events that make a mission would be refused by the journal. Refusing here
/// is an answer to one command; a refused commit stops everything.
Result<void> check_size(std::string_view data, std::string_view what, std::string_view field) {
  if (data.size() <= journal::kEventDataBytesMax) {
    return {};
  }
  return make_error(
      ErrorCode::LimitExceeded,
      concat(
          what,
          " ",
          data.size(),
          " bytes as JSON, at most ",
          journal::kEventDataBytesMax,
          " are allowed"
      ),
      std::string(field)
  );
}

Result<void> check_size(const MissionCreated& event, const workflow::Workflow& workflow) {
  std::string data;
  encode(event, workflow, data);
  return check_size(data, "the parameters and reused results take", "params");
}

/// Every point is worth some waiting time: without a limit somebody could wait for ever.
Result<void> check_priority(std::int32_t priority) {
  if (priority >= -workflow::kPriorityMax && priority <= workflow::kPriorityMax) {
    return {};
  }
  return make_error(
      ErrorCode::Invalid,
      concat(
          "a priority is from -",
          workflow::kPriorityMax,
          " to ",
          workflow::kPriorityMax,
          ", not ",
          priority
      ),
      "priority"
  );
}

/// What is not UTF-8 cannot be written to the journal as it is.
Result<void> check_text(const std::vector<model::NamedValue>& params) {
  for (const model::NamedValue& param : params) {
    if (!is_utf8(param.first) || !is_utf8(param.second)) {
      Error error = make_error(ErrorCode::Invalid, "the value is not UTF-8 text", param.first);
      error.hint = "pass binary data as a file, or encode it";
      return error;
    }
  }
  return {};
}

}  // namespace

Result<void> check_document_size(const Plan& plan) {
  std::string data;
  encode_workflow(*plan.workflow, plan.ns, data);
  return check_size(data, "the workflow document takes", "workflow");
}

std::vector<model::NamedValue> unique_values(const std::vector<model::NamedValue>& values) {
  std::vector<model::NamedValue> result;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const model::NamedValue& value : values) {
    const auto [place, is_new] = places.emplace(value.first, result.size());
    if (is_new) {
      result.push_back(value);
    } else {
      result[place->second].second = value.second;
    }
  }
  return result;
}

Result<void> check_counts(const SubmitMission& command) {
  if (command.after.size() > kAfterMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("a mission may wait for ", kAfterMax, " missions, not for ", command.after.size()),
        "after"
    );
  }
  if (command.params.size() > kParamsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("a mission has at most ", kParamsMax, " parameters, not ", command.params.size()),
        "params"
    );
  }
  return {};
}

Result<Reply> Engine::submit(const SubmitMission& command, Scope& scope) {
  const workflow::Workflow& workflow = *command.workflow;
  REEVE_CHECK(model::check_namespace(command.ns.view()));
  REEVE_CHECK(check_counts(command));
  REEVE_CHECK(check_priority(command.priority.value_or(0)));
  if (const Mission* live = live_with_key(command.ns, command.user_key)) {
    Reply reply;
    reply.mission = live->name;
    reply.uid = live->uid;
    reply.state = live->state;
    reply.revision = live->revision;
    reply.existing = true;
    return reply;
  }
  const std::vector<model::NamedValue> params = unique_values(command.params);
  REEVE_CHECK(workflow::check_params(workflow, params, configuration(command.ns, workflow.name)));
  REEVE_CHECK(check_text(params));
  const std::shared_ptr<const Plan> plan = plan_for(command.ns, command.workflow);
  MissionCreated event;
  event.ns = command.ns;
  event.owner = command.owner.empty() ? scope.actor : command.owner;
  event.author = person_behind(event.owner);
  event.workflow_name = workflow.name;
  event.workflow = workflow.digest;
  event.task_count = static_cast<std::uint32_t>(workflow.tasks.size());
  event.params = params;
  event.local = command.local;
  event.user_key = command.user_key;
  event.priority = command.priority.value_or(workflow.priority);
  event.not_before = command.not_before;
  event.trigger = command.trigger;
  event.description = command.description;
  REEVE_TRY(event.after, checked_after(command.ns, command.after));
  if (!command.trigger.empty() && workflow.forget_skipped) {
    REEVE_CHECK(refuse_skipped(event, plan, scope));
  }
  // A name that is no plain one is refused, also if it would be a mission's of another namespace.
  MissionName name = model::qualify(command.ns, command.name.view());
  if (command.metadata.is_null()) {
    return reply_after(create(std::move(event), std::move(name), plan, scope), scope);
  }
  REEVE_TRY(Json metadata, given_metadata(command.metadata));
  Result<Mission*> created = create(std::move(event), std::move(name), plan, scope);
  if (created) {
    put_metadata(key_of(**created), (*created)->uid, std::move(metadata), scope);
  }
  return reply_after(std::move(created), scope);
}

/// Whom a run works for: who owns its mission, or is behind that owner. Empty: it is no run, or of
/// no live mission.
Principal Engine::person_behind(const Principal& principal) {
  constexpr std::string_view kRunKind = "run:";
  if (!principal.view().starts_with(kRunKind)) {
    return {};
  }
  const std::string_view run = principal.view().substr(kRunKind.size());
  Scope unused;
  for (std::size_t end = run.rfind('.'); end != std::string_view::npos && end > 0;
       end = run.rfind('.', end - 1)) {
    const auto found = by_name_.find(MissionName(std::string(run.substr(0, end))));
    if (found == by_name_.end()) {
      continue;
    }
    Entry& entry = missions_.at(found->second);
    if (MissionTurn(*this, unused, *entry.mission, *entry.plan)
            .slot_named(RunName(std::string(run)))) {
      return entry.mission->responsible();
    }
  }
  return {};
}

/// Cancelled: the mission of a trigger would be skipped, and its workflow wants nothing to be left
/// of such missions. What cannot be told now is left to the mission.
Result<void> Engine::refuse_skipped(
    const MissionCreated& event, const std::shared_ptr<const Plan>& plan, Scope& scope
) {
  Mission mission;
  mission.name = model::qualify(event.ns, concat(event.workflow_name, "-", scope.next.value()));
  mission.uid = make_uid(scope.next);
  apply(mission, event, scope.next, scope.now);
  const Result<bool> skip = MissionTurn(*this, scope, mission, *plan).is_skipped();
  if (skip && *skip) {
    return make_error(ErrorCode::Cancelled, "skipped by skip_if", event.workflow_name);
  }
  return {};
}

/// `<workflow>-<revision>`, which is free unless somebody has chosen it before.
Result<MissionName> Engine::free_name(
    const Namespace& ns, std::string_view workflow, Revision revision
) const {
  const std::string number = std::to_string(revision.value());
  const std::size_t room = model::name_room(ns) - number.size() - 1 - kNumberSuffixMax;
  return first_free(ns, concat(workflow.substr(0, std::min(kNamePrefixMax, room)), "-", number));
}

/// The name, or the first of `<name>.2`, `<name>.3`, … that nobody has in the namespace.
Result<MissionName> Engine::first_free(const Namespace& ns, const std::string& name) const {
  MissionName candidate = model::qualify(ns, name);
  for (int number = 2; number <= kNameTriesMax; ++number) {
    REEVE_TRY(const bool taken, is_taken(candidate));
    if (!taken) {
      return candidate;
    }
    candidate = model::qualify(ns, concat(name, ".", number));
  }
  return make_error(ErrorCode::AlreadyExists, "no name is free for the mission", name);
}

/// Whether a mission has the name, also one that has ended and is only in the store.
Result<bool> Engine::is_taken(const MissionName& name) const {
  if (by_name_.contains(name)) {
    return true;
  }
  return named_before_ ? named_before_(name) : Result<bool>(false);
}

Error Engine::name_taken(const MissionName& name) const {
  const Mission* mission = find(name);
  const Result<std::optional<Uid>> stored = uid_of_stored(mission_key(name));
  const bool deleted = mission != nullptr ? mission->deleted : stored_.uid_of && stored && !*stored;
  Error error = make_error(
      ErrorCode::AlreadyExists,
      deleted ? concat(
                    "a mission named \"",
                    model::plain(name),
                    "\" was deleted, and its name is not used again: its runs and their "
                    "directories are named after it"
                )
              : concat("a mission named \"", model::plain(name), "\" exists already"),
      "name"
  );
  error.hint = "give another --name, or none for a fresh one";
  return error;
}

/// Nothing if nobody traces the parent: then each mission has a trace of its own.
model::Trace Engine::trace_for_child(const Mission& parent, const TaskName& task) const {
  if (!parent.trace) {
    return {};
  }
  const std::string span = model::task_span(parent.uid, parent.epoch, task);
  return model::trace_below(
      *parent.trace, parent.uid, span, model::is_sampled(*parent.trace, parent.uid, 0)
  );
}

Result<Mission*> Engine::create(
    MissionCreated event, MissionName name, const std::shared_ptr<const Plan>& plan, Scope& scope
) {
  REEVE_CHECK(check_open(event.ns));
  if (name.empty()) {
    REEVE_TRY(name, free_name(event.ns, event.workflow_name, scope.next));
  }
  REEVE_CHECK(model::check_mission_name(event.ns, model::plain(name)));
  REEVE_ASSERT(name == model::qualify(event.ns, model::plain(name)));
  REEVE_TRY(const bool taken, is_taken(name));
  if (taken) {
    return name_taken(name);
  }
  if (missions_.size() >= limits_.live_missions_max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("there are ", missions_.size(), " live missions, which is the limit"),
        "missions"
    );
  }
  REEVE_CHECK(check_size(event, *plan->workflow));
  if (known_plan(plan->ns, plan->workflow->digest) == nullptr) {
    REEVE_CHECK(check_document_size(*plan));
  }
  keep_version(plan, scope);
  auto mission = std::make_unique<Mission>();
  mission->name = name;
  mission->ns = event.ns;
  mission->uid = make_uid(scope.next);
  const Mission* parent = event.parent ? find(event.parent->mission) : nullptr;
  mission->correlation = parent != nullptr ? parent->correlation : scope.correlation;
  event.trace = parent != nullptr ? trace_for_child(*parent, event.parent->task) : scope.trace;
  Mission& ref = *mission;
  const Revision created = scope.next;
  by_name_[name] = created;
  missions_[created] = Entry{.mission = std::move(mission), .plan = plan};
  MissionTurn turn(*this, scope, ref, *plan);
  turn.emit(std::move(event));
  index_mission(ref);
  add_demand(*plan);
  turn.begin();
  return &ref;
}

Result<Reply> Engine::reply_after(Result<Mission*> created, Scope& scope) {
  if (!created) {
    return std::move(created).error();
  }
  settle(scope);
  const Mission& mission = **created;
  Reply reply;
  reply.mission = mission.name;
  reply.uid = mission.uid;
  reply.state = mission.state;
  reply.revision = mission.revision;
  return reply;
}

}  // namespace reeve::engine
