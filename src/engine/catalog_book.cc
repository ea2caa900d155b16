#include "engine/catalog_book.h"

#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/hash.h"
#include "base/strings.h"
#include "model/mission.h"
#include "model/scoped_name.h"
#include "workflow/cron/schedule.h"
#include "workflow/functions.h"
#include "workflow/trigger/ticks.h"

namespace reeve::engine {

namespace {

using workflow::CronTrigger;
using workflow::Trigger;
using workflow::Workflow;

constexpr std::string_view kTickTimer = "tick/";
/// After the time zone of a tick could not be read: when to try again.
constexpr Duration kZoneRetry{60'000};
/// Of what is recorded about a trigger that made no mission.
constexpr std::size_t kMessageBytesMax = 1000;
/// A digest may be given by so many of its first digits.
constexpr std::size_t kDigestDigitsMin = 8;

Error nothing_deployed(std::string_view name) {
  Error error = make_error(
      ErrorCode::NotFound, concat("no workflow \"", name, "\" is deployed"), std::string(name)
  );
  error.hint = "reeve apply deploys a workflow, reeve workflows lists them";
  return error;
}

Error at_trigger(Error error, const Trigger& trigger) {
  error.subject =
      concat("triggers.", trigger.name, error.subject.empty() ? "" : ".", error.subject);
  error.position = trigger.position;
  return error;
}

/// A cron trigger with everything that its ticks follow from.
struct Clockwork {
  cron::Schedule schedule;
  cron::Zone zone;
  workflow::MissedTicks missed = workflow::MissedTicks::Skip;
};

Result<Clockwork> clockwork_of(const CronTrigger& cron, const Engine& engine) {
  REEVE_TRY(cron::Schedule schedule, cron::Schedule::parse(cron.expression));
  REEVE_TRY(cron::Zone zone, engine.zone(cron.time_zone));
  return Clockwork{.schedule = std::move(schedule), .zone = std::move(zone), .missed = cron.missed};
}

/// Everything that would fail when a trigger fires and can be known now.
Result<void> check_triggers(const Workflow& workflow, const Engine& engine, Timestamp now) {
  for (const Trigger& trigger : workflow.triggers) {
    const auto* cron = std::get_if<CronTrigger>(&trigger.source);
    if (cron == nullptr) {
      continue;
    }
    Result<Clockwork> clockwork = clockwork_of(*cron, engine);
    if (!clockwork) {
      return at_trigger(std::move(clockwork).error(), trigger);
    }
    if (Result<void> fires = cron::check_fires(clockwork->schedule, now, clockwork->zone); !fires) {
      return at_trigger(std::move(fires).error(), trigger);
    }
  }
  return {};
}

/// How many ticks there are from `due` on up to `now`; counted up to kMissedTicksMax.
std::uint32_t ticks_between(const Clockwork& clockwork, Timestamp due, Timestamp now) {
  std::uint32_t count = 0;
  std::optional<Timestamp> tick = due;
  while (tick && *tick <= now && count < kMissedTicksMax) {
    ++count;
    tick = clockwork.schedule.next(*tick, clockwork.zone);
  }
  return count;
}

const Trigger* find_trigger(const Workflow& workflow, std::string_view name) {
  const auto found =
      std::find_if(workflow.triggers.begin(), workflow.triggers.end(), [&](const Trigger& trigger) {
        return trigger.name == name;
      });
  return found == workflow.triggers.end() ? nullptr : &*found;
}

std::string message_of(const trigger::Outcome& outcome) {
  return outcome.error.message.empty() ? std::string()
                                       : outcome.error.describe().substr(0, kMessageBytesMax);
}

Result<void> submitted(const Result<Reply>& made, const std::string& user_key) {
  if (!made) {
    return made.error();
  }
  if (made->existing) {
    return make_error(
        ErrorCode::AlreadyExists,
        concat(
            "mission \"", model::plain(made->mission), "\" has the same user key and is not over"
        ),
        user_key
    );
  }
  return {};
}

Result<void> expect_nothing(const Json& body, std::string_view verb) {
  return body.type() == Json::Type::Null ? Result<void>() : Fields(body, verb).finish();
}

/// In the commit of the mission that the message has made, so that neither is stored alone. False:
/// it was not ours to acknowledge any more.
bool acknowledge(const Json& message, const Namespace& ns, BookTurn& turn) {
  Json held = Json::object();
  held.set("group", message.get_string("group"));
  held.set("sequence", message.get_int("sequence")).set("token", message.get_int("token"));
  ObjectCommand ack;
  ack.object = {.kind = journal::Kind::Channel, .ns = ns, .name = message.get_string("channel")};
  ack.verb = "ack";
  ack.body = std::move(held);
  return turn.engine().turn(ack, turn.scope()).ok();
}

}  // namespace

// --- rows and events ----------------------------------------------------------------------------

Result<void> CatalogBook::load(const journal::ObjectKey& key, const Json& row) {
  REEVE_TRY(Deployed deployed, decode_deployed(row));
  if (deployed.name != key.name || deployed.ns != key.ns) {
    return make_error(
        ErrorCode::Corrupt,
        concat("the row of workflow \"", key.name, "\" is named \"", deployed.name, "\""),
        key.name
    );
  }
  deployed_[key.ns][key.name] = std::move(deployed);
  return {};
}

Result<void> CatalogBook::apply(const journal::Event& event) {
  REEVE_TRY(const CatalogEvent decoded, decode_catalog_event(event.type, event.data));
  const Deployed* known = find(event.object);
  Deployed next;
  if (known != nullptr) {
    next = *known;
  } else if (std::holds_alternative<WorkflowApplied>(decoded)) {
    next.name = event.object.name;
    next.ns = event.object.ns;
    next.uid = event.uid;
  } else {
    return make_error(ErrorCode::Corrupt, "the workflow was not applied before", event.object.name);
  }
  const Cause cause{.revision = event.revision, .at = event.at, .actor = event.actor};
  REEVE_CHECK(engine::apply(next, decoded, cause));
  if (std::holds_alternative<WorkflowDeleted>(decoded)) {
    drop(event.object);
    deleted_[event.object] = event.uid;
    return {};
  }
  deleted_.erase(event.object);
  deployed_[event.object.ns][event.object.name] = std::move(next);
  return {};
}

bool CatalogBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Deployed* deployed = find(key);
  if (deployed == nullptr) {
    encode_deleted("reeve.dev/v1", "Workflow", key, deleted_.at(key), body);
    return false;
  }
  encode_deployed(*deployed, body);
  return true;
}

Uid CatalogBook::uid_of(const journal::ObjectKey& key) const {
  if (const Deployed* deployed = find(key)) {
    return deployed->uid;
  }
  const auto deleted = deleted_.find(key);
  return deleted == deleted_.end() ? Uid() : deleted->second;
}

Revision CatalogBook::revision_of(const journal::ObjectKey& key) const {
  const Deployed* deployed = find(key);
  return deployed == nullptr ? Revision() : deployed->revision;
}

std::vector<journal::ObjectKey> CatalogBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [ns, of_namespace] : deployed_) {
    for (const auto& [name, deployed] : of_namespace) {
      keys.push_back({.kind = journal::Kind::Workflow, .ns = ns, .name = name});
    }
  }
  for (const auto& [key, uid] : deleted_) {
    keys.push_back(key);
  }
  return keys;
}

void CatalogBook::forget(const journal::ObjectKey& key) {
  deleted_.erase(key);
}

void CatalogBook::drop(const journal::ObjectKey& key) {
  const auto found = deployed_.find(key.ns);
  if (found != deployed_.end() && found->second.erase(key.name) > 0 && found->second.empty()) {
    deployed_.erase(found);
  }
}

const Deployed* CatalogBook::find(const Namespace& ns, std::string_view workflow) const {
  const auto of_namespace = deployed_.find(ns);
  if (of_namespace == deployed_.end()) {
    return nullptr;
  }
  const auto found = of_namespace->second.find(workflow);
  return found == of_namespace->second.end() ? nullptr : &found->second;
}

std::optional<Digest> CatalogBook::deployed(
    const Namespace& ns, std::string_view workflow, std::string_view version
) const {
  const Deployed* deployed = find(ns, workflow);
  if (deployed == nullptr) {
    return std::nullopt;
  }
  if (version.empty()) {
    return deployed->digest();
  }
  // The latest of them, should a version have been changed without a new number.
  for (auto known = deployed->versions.rbegin(); known != deployed->versions.rend(); ++known) {
    const bool by_digest =
        version.size() >= kDigestDigitsMin && known->digest.view().starts_with(version);
    if (known->version == version || by_digest) {
      return known->digest;
    }
  }
  return std::nullopt;
}

bool CatalogBook::is_disabled(const Namespace& ns, std::string_view workflow) const {
  const Deployed* deployed = find(ns, workflow);
  return deployed != nullptr && !deployed->enabled;
}

// --- commands -----------------------------------------------------------------------------------

Result<Reply> CatalogBook::turn(const ObjectCommand& command, BookTurn& turn) {
  if (command.verb == "apply") {
    REEVE_CHECK(refuse_runs(turn.actor(), "deployed workflows"));
    return apply_text(command, turn);
  }
  if (command.verb == "enable" || command.verb == "disable") {
    REEVE_CHECK(refuse_runs(turn.actor(), "deployed workflows"));
    return set_enabled(command, command.verb == "enable", turn);
  }
  if (command.verb == "delete") {
    REEVE_CHECK(refuse_runs(turn.actor(), "deployed workflows"));
    return remove(command, turn);
  }
  if (command.verb == "fire") {
    return fire(command, turn);
  }
  return make_error(
      ErrorCode::Invalid, concat("workflows have no command \"", command.verb, "\""), "verb"
  );
}

Result<const Deployed*> CatalogBook::deployed_by(const journal::ObjectKey& key) const {
  const Deployed* found = find(key);
  if (found == nullptr) {
    return nothing_deployed(key.name);
  }
  return found;
}

Result<Reply> CatalogBook::apply_text(const ObjectCommand& command, BookTurn& turn) {
  Fields fields(command.body, "apply");
  const std::string source = fields.required_text("source");
  REEVE_CHECK(fields.finish());
  Engine& engine = turn.engine();
  REEVE_TRY(const std::shared_ptr<const Plan> plan, engine.plan_from(command.object.ns, source));
  const Workflow& workflow = *plan->workflow;
  const journal::ObjectKey& key = command.object;
  if (workflow.name != key.name) {
    return make_error(
        ErrorCode::Invalid,
        concat("the document is of workflow \"", workflow.name, "\", not of \"", key.name, "\""),
        "name"
    );
  }
  REEVE_CHECK(check_triggers(workflow, engine, turn.now()));
  const Deployed* known = find(key);
  const bool changes = known == nullptr || known->digest() != workflow.digest;
  const auto others = deployed_.find(key.ns);
  if (known == nullptr && others != deployed_.end() && others->second.size() >= kDeployedMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            others->second.size(),
            " workflows are deployed in namespace ",
            key.ns.view(),
            ", which is the limit"
        ),
        "workflows"
    );
  }
  if (changes) {
    engine.keep_version(plan, turn.scope());
    WorkflowApplied applied{
        .version = {.version = workflow.version, .digest = workflow.digest}, .triggers = {}};
    for (const Trigger& trigger : workflow.triggers) {
      applied.triggers.emplace_back(trigger.name, kind_of(trigger.source));
    }
    disarm_all(key, turn);
    emit(key, applied, turn);
    arm_all(key, turn);
  }
  const Deployed& now = at(key);
  Json detail = Json::object();
  detail.set("changed", changes).set("generation", now.generation);
  detail.set("digest", now.digest().str()).set("enabled", now.enabled);
  return turn.reply(key, std::move(detail));
}

Result<Reply> CatalogBook::set_enabled(const ObjectCommand& command, bool enabled, BookTurn& turn) {
  REEVE_CHECK(expect_nothing(command.body, command.verb));
  REEVE_TRY(const Deployed* deployed, deployed_by(command.object));
  const bool changes = deployed->enabled != enabled;
  if (changes && enabled) {
    emit(command.object, WorkflowEnabled{}, turn);
    arm_all(command.object, turn);
  } else if (changes) {
    disarm_all(command.object, turn);
    emit(command.object, WorkflowDisabled{}, turn);
  }
  Json detail = Json::object();
  detail.set("changed", changes).set("enabled", enabled);
  return turn.reply(command.object, std::move(detail));
}

Result<Reply> CatalogBook::remove(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(expect_nothing(command.body, command.verb));
  REEVE_CHECK(deployed_by(command.object));
  disarm_all(command.object, turn);
  emit(command.object, WorkflowDeleted{}, turn);
  return turn.reply(command.object);
}

Result<Reply> CatalogBook::fire(const ObjectCommand& command, BookTurn& turn) {
  Fields fields(command.body, "fire");
  const std::string name = fields.required_text("trigger");
  trigger::Occurrence occurrence;
  if (const Json* data = fields.object("data")) {
    occurrence.data = *data;
  }
  occurrence.at = fields.time("at").value_or(turn.now());
  occurrence.key = fields.text("key");
  const Json* message = fields.object("message");
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const Deployed* deployed, deployed_by(command.object));
  if (!deployed->enabled) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat("workflow \"", deployed->name, "\" is disabled"),
        deployed->name
    );
    error.hint = concat("reeve enable ", deployed->name);
    return error;
  }
  REEVE_TRY(
      const std::shared_ptr<const Plan> plan,
      turn.engine().plan_of(deployed->ns, deployed->digest())
  );
  const Trigger* trigger = find_trigger(*plan->workflow, name);
  if (trigger == nullptr) {
    return make_error(
        ErrorCode::NotFound,
        concat("workflow \"", deployed->name, "\" has no trigger \"", name, "\""),
        "trigger"
    );
  }
  if (std::holds_alternative<CronTrigger>(trigger->source)) {
    return make_error(
        ErrorCode::Invalid, concat("trigger \"", name, "\" is fired by the clock alone"), "trigger"
    );
  }
  std::string mission;
  const trigger::Outcome outcome = make_mission(
      command.object, plan->workflow, *trigger, occurrence, std::nullopt, turn, &mission
  );
  // What comes too early may come again: nothing is remembered of it.
  if (outcome.verdict == trigger::Verdict::Failed ||
      outcome.verdict == trigger::Verdict::RateLimited) {
    return outcome.error;
  }
  Json detail = Json::object();
  detail.set("verdict", to_string(outcome.verdict));
  if (!mission.empty()) {
    detail.set("mission", mission);
  }
  if (const std::string why = message_of(outcome); !why.empty()) {
    detail.set("message", why);
  }
  if (message != nullptr) {
    detail.set("acked", acknowledge(*message, command.object.ns, turn));
  }
  return turn.reply(command.object, std::move(detail));
}

void CatalogBook::emit(const journal::ObjectKey& key, const CatalogEvent& event, BookTurn& turn) {
  // Every member of these events is bounded far below what an event may be.
  const bool makes = find(key) == nullptr;
  const Result<void> emitted = makes ? turn.emit_first(key, type_of(event), to_json(event))
                                     : turn.emit(key, type_of(event), to_json(event));
  REEVE_ASSERT(emitted.ok());
}

// --- time ---------------------------------------------------------------------------------------

void CatalogBook::arm_all(const journal::ObjectKey& key, BookTurn& turn) {
  const Deployed& deployed = at(key);
  const Result<std::shared_ptr<const Plan>> plan = turn.engine().plan_of(key.ns, deployed.digest());
  if (!deployed.enabled || !plan) {
    return;
  }
  for (const Trigger& trigger : (*plan)->workflow->triggers) {
    if (const auto* cron = std::get_if<CronTrigger>(&trigger.source)) {
      const Result<Clockwork> clockwork = clockwork_of(*cron, turn.engine());
      if (clockwork) {
        arm(key, trigger.name, clockwork->schedule.next(turn.now(), clockwork->zone), turn);
      } else {
        turn.set_timer(key, concat(kTickTimer, trigger.name), turn.now() + kZoneRetry);
      }
    }
  }
}

/// Without `due` it never fires again.
void CatalogBook::arm(
    const journal::ObjectKey& key,
    const std::string& trigger,
    std::optional<Timestamp> due,
    BookTurn& turn
) {
  if (due) {
    emit(key, TriggerArmed{.trigger = trigger, .due = *due}, turn);
    turn.set_timer(key, concat(kTickTimer, trigger), due);
  }
}

void CatalogBook::disarm_all(const journal::ObjectKey& key, BookTurn& turn) {
  const Deployed* deployed = find(key);
  if (deployed == nullptr) {
    return;
  }
  for (const TriggerStatus& status : deployed->triggers) {
    if (status.kind == TriggerKind::Cron) {
      turn.set_timer(key, concat(kTickTimer, status.name), std::nullopt);
    }
  }
}

void CatalogBook::on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) {
  const Deployed* deployed = find(key);
  if (deployed == nullptr || !deployed->enabled || !timer.starts_with(kTickTimer)) {
    return;
  }
  const std::string name(timer.substr(kTickTimer.size()));
  const TriggerStatus* status = deployed->find(name);
  const Result<std::shared_ptr<const Plan>> plan =
      turn.engine().plan_of(key.ns, deployed->digest());
  const Trigger* trigger = plan ? find_trigger(*(*plan)->workflow, name) : nullptr;
  const auto* cron = trigger == nullptr ? nullptr : std::get_if<CronTrigger>(&trigger->source);
  if (status == nullptr || cron == nullptr) {
    return;
  }
  const Result<Clockwork> clockwork = clockwork_of(*cron, turn.engine());
  if (!clockwork) {
    // The zones of this machine have gone; the tick still waits for them.
    turn.set_timer(key, std::string(timer), turn.now() + kZoneRetry);
    return;
  }
  if (!status->due) {
    arm(key, name, clockwork->schedule.next(turn.now(), clockwork->zone), turn);
    return;
  }
  const Timestamp due = *status->due;
  if (due > turn.now()) {
    turn.set_timer(key, std::string(timer), due);
    return;
  }
  const trigger::TickDecision decision = trigger::decide_tick(
      clockwork->schedule, clockwork->zone, clockwork->missed, due, turn.now()
  );
  const std::uint32_t passed = decision.skipped ? ticks_between(*clockwork, due, turn.now()) : 0;
  if (const std::uint32_t made = decision.fire ? 1 : 0; passed > made) {
    emit(key, TriggerMissed{.trigger = name, .from = due, .count = passed - made}, turn);
  }
  if (decision.fire) {
    std::string mission;
    make_mission(
        key,
        (*plan)->workflow,
        *trigger,
        trigger::tick_occurrence(*decision.fire, clockwork->zone),
        decision.fire,
        turn,
        &mission
    );
  }
  arm(key, name, decision.next, turn);
}

// --- missions -----------------------------------------------------------------------------------

/// Decides what comes of the occurrence, makes the mission, and records either. What failed or came
/// too early is recorded of a tick only: whoever tells of anything else is told so and may come
/// again.
trigger::Outcome CatalogBook::make_mission(
    const journal::ObjectKey& key,
    const std::shared_ptr<const Workflow>& workflow,
    const Trigger& trigger,
    const trigger::Occurrence& occurrence,
    std::optional<Timestamp> tick,
    BookTurn& turn,
    std::string* mission
) {
  const TriggerStatus before = *at(key).find(trigger.name);
  const templates::FunctionTable functions = workflow::make_functions(
      stable_hash(concat(key.name, "/", trigger.name, "/", turn.next().value())), turn.now()
  );
  trigger::Outcome outcome = trigger::evaluate(
      {.workflow = *workflow, .trigger = trigger, .functions = functions}, occurrence, before.window
  );
  if (outcome.fired()) {
    SubmitMission submit;
    submit.ns = key.ns;
    submit.workflow = workflow;
    submit.params = outcome.submission.params;
    submit.user_key = outcome.submission.user_key;
    if (submit.user_key.empty() && tick) {
      submit.user_key = concat(key.name, "-", trigger.name, "-", format_timestamp(*tick));
    }
    submit.trigger = trigger.name;
    submit.owner = at(key).owner;
    const Result<Reply> made = turn.engine().turn(submit, turn.scope());
    outcome = trigger::after_submission(std::move(outcome), submitted(made, submit.user_key));
    *mission = outcome.fired() ? model::plain(made->mission) : std::string_view();
  }
  std::optional<trigger::RateWindow> window;
  if (!(outcome.window == before.window)) {
    window = outcome.window;
  }
  if (outcome.fired()) {
    emit(
        key,
        TriggerFired{.trigger = trigger.name, .mission = *mission, .tick = tick, .window = window},
        turn
    );
  } else if (tick || (outcome.verdict != trigger::Verdict::Failed && outcome.verdict != trigger::Verdict::RateLimited)) {
    emit(
        key,
        TriggerSkipped{
            .trigger = trigger.name,
            .reason = std::string(to_string(outcome.verdict)),
            .message = message_of(outcome),
            .tick = tick,
            .window = window},
        turn
    );
  }
  return outcome;
}

}  // namespace reeve::engine
