#include "engine/engine.h"

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/collector.h"
#include "engine/metadata_book.h"
#include "engine/meter_book.h"
#include "engine/mission_codec.h"
#include "engine/mission_names.h"
#include "engine/mission_queries.h"
#include "engine/mission_turn.h"
#include "engine/quota_registry.h"
#include "engine/tool_call_book.h"

namespace reeve::engine {

using model::Mission;
using model::MissionState;

namespace {

Error unknown_mission(const MissionName& name) {
  Error error = make_error(
      ErrorCode::NotFound, concat("there is no mission \"", model::plain(name), "\""), "mission"
  );
  error.hint = "reeve status lists them";
  return error;
}

/// What may be read back of one object. Larger than anything that is written: a row that cannot be
/// read keeps the owner from starting.
constexpr std::size_t kRowBytesMax = std::size_t{1} << 30U;

}  // namespace

Engine::Engine(Limits limits, std::string instance, WorkflowLoader loader, cron::ZoneSource* zones)
    : limits_(limits),
      instance_(std::move(instance)),
      loader_(std::move(loader)),
      zones_(zones),
      books_(make_books()),
      quotas_(std::make_unique<QuotaRegistry>()),
      collector_(std::make_unique<Collector>()) {
  for (const std::unique_ptr<Book>& book : books_) {
    book_by_kind_[static_cast<std::size_t>(book->kind())] = book.get();
  }
  metadata_ = static_cast<MetadataBook*>(book_of(Collector::timer_key()));
  const auto book = [&](journal::Kind kind) {
    return book_by_kind_[static_cast<std::size_t>(kind)];
  };
  tool_calls_ = static_cast<ToolCallBook*>(book(journal::Kind::ToolCall));
  meter_ = static_cast<MeterBook*>(book(journal::Kind::ModelCall));
  usage_ = static_cast<UsageBook*>(book(journal::Kind::BudgetUsage));
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

journal::ObjectKey mission_key(const MissionName& name) {
  model::ScopedName parts = model::split(name.view());
  return {.kind = journal::Kind::Mission, .ns = std::move(parts.ns), .name = std::move(parts.name)};
}

MissionName mission_of(const journal::ObjectKey& key) {
  return model::qualify(key.ns, key.name);
}

// --- recovery -----------------------------------------------------------------------------------

Result<void> Engine::load_row(
    const journal::ObjectKey& key, std::string_view body, Revision revision
) {
  JsonLimits limits;
  limits.size_bytes_max = kRowBytesMax;
  REEVE_TRY(const Json row, parse_json(body, limits));
  if (Book* book = book_of(key)) {
    REEVE_CHECK(book->load_at(key, row, revision));
    if (book->has_links()) {
      object_changed(key, book->links_of(key));
    }
    return {};
  }
  if (key.kind == journal::Kind::Workflow) {
    const Json* spec = row.find("spec");
    const std::string source = spec == nullptr ? std::string() : spec->get_string("source");
    const std::string digest = spec == nullptr ? std::string() : spec->get_string("digest");
    if (source.empty() || digest.empty()) {
      return make_error(ErrorCode::Corrupt, "the workflow row has no source", key.name);
    }
    const Digest id(digest);
    Library& library = libraries_[key.ns];
    if (!library.plans.contains(id)) {
      library.unparsed.emplace(id, source);
    }
    return {};
  }
  const Digest digest = engine::workflow_of(row);
  const Library* library = library_of(key.ns);
  if (library == nullptr || !library->has(digest)) {
    return make_error(
        ErrorCode::NotFound, concat("workflow ", digest.view(), " is not stored"), key.name
    );
  }
  REEVE_TRY(std::shared_ptr<const Plan> plan, plan_of(key.ns, digest));
  REEVE_TRY(Mission mission, decode_mission(row, *plan->workflow));
  if (mission.name != mission_of(key)) {
    return make_error(
        ErrorCode::Corrupt,
        concat("the row of mission \"", key.name, "\" is named \"", mission.name.view(), "\""),
        key.name
    );
  }
  const Revision created = mission.created;
  by_name_[mission.name] = created;
  Entry& entry = missions_[created];
  entry = Entry{.mission = std::make_unique<Mission>(std::move(mission)), .plan = std::move(plan)};
  index_mission(*entry.mission);
  if (!is_terminal(entry.mission->state)) {
    add_demand(*entry.plan);
  }
  update_claims(*entry.mission, *entry.plan);
  return {};
}

void Engine::recover(Scope& scope) {
  recovering_ = true;
  follow_quotas(scope);
  recovering_ = false;
  for (const std::unique_ptr<Book>& book : books_) {
    BookTurn turn(*this, *book, scope);
    book->recover(turn);
  }
  recovering_ = true;
  for (auto& [created, entry] : missions_) {
    if (is_terminal(entry.mission->state)) {
      continue;
    }
    MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    turn.recover();
    turn.reconcile();
  }
  recover_quota_holds(scope);
  dispatch(scope);
  recovering_ = false;
  collector_->sweep();
  settle(scope);
}

Book* Engine::book_of(const journal::ObjectKey& key) const {
  if (is_workflow_version(key)) {
    return nullptr;
  }
  return book_by_kind_[static_cast<std::size_t>(key.kind)];
}

workflow::Configuration Engine::configuration(const Namespace& ns, std::string_view workflow)
    const {
  workflow::Configuration configuration;
  for (const std::unique_ptr<Book>& book : books_) {
    book->configure(ns, workflow, configuration);
  }
  return configuration;
}

const Engine::Library* Engine::library_of(const Namespace& ns) const {
  const auto found = libraries_.find(ns);
  return found == libraries_.end() ? nullptr : &found->second;
}

/// A parsed version; null: it is not kept, or not needed so far.
std::shared_ptr<const Plan> Engine::known_plan(const Namespace& ns, const Digest& digest) const {
  const Library* library = library_of(ns);
  if (library == nullptr) {
    return nullptr;
  }
  const auto found = library->plans.find(digest);
  return found == library->plans.end() ? nullptr : found->second;
}

std::shared_ptr<const Plan> Engine::plan_for(
    const Namespace& ns, std::shared_ptr<const workflow::Workflow> workflow
) const {
  std::shared_ptr<const Plan> known = known_plan(ns, workflow->digest);
  return known != nullptr ? known : std::make_shared<const Plan>(std::move(workflow), ns);
}

Result<std::shared_ptr<const Plan>> Engine::plan_of(const Namespace& ns, const Digest& digest) {
  if (std::shared_ptr<const Plan> known = known_plan(ns, digest)) {
    return known;
  }
  const Library* there = library_of(ns);
  if (there == nullptr || !there->unparsed.contains(digest)) {
    return make_error(
        ErrorCode::Corrupt, concat("workflow ", digest.view(), " is not stored"), "workflow"
    );
  }
  Library& library = libraries_.at(ns);
  const auto text = library.unparsed.find(digest);
  REEVE_TRY(std::shared_ptr<const workflow::Workflow> workflow, loader_(text->second));
  auto plan = std::make_shared<const Plan>(std::move(workflow), ns);
  library.plans.emplace(digest, plan);
  library.unparsed.erase(text);
  return std::shared_ptr<const Plan>(plan);
}

Result<std::shared_ptr<const Plan>> Engine::plan_from(const Namespace& ns, std::string_view source)
    const {
  REEVE_TRY(std::shared_ptr<const workflow::Workflow> workflow, loader_(source));
  std::shared_ptr<const Plan> plan = plan_for(ns, std::move(workflow));
  REEVE_CHECK(check_document_size(*plan));
  return plan;
}

Result<cron::Zone> Engine::zone(std::string_view name) const {
  if (zones_ != nullptr) {
    return zones_->find(name);
  }
  if (name.empty() || name == "UTC") {
    return cron::Zone();
  }
  Error error = make_error(
      ErrorCode::NotFound, concat("the time zone \"", name, "\" is not known"), "time_zone"
  );
  error.hint = "leave it out for UTC";
  return error;
}

// --- turns --------------------------------------------------------------------------------------

Result<Engine::Entry*> Engine::entry_of(const MissionName& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || missions_.at(found->second).mission->deleted) {
    return unknown_mission(name);
  }
  return &missions_.at(found->second);
}

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

const MissionName& reported_mission(const model::Report& report) {
  return std::visit([](const auto& r) -> const MissionName& { return r.mission; }, report);
}

Result<void> apply_report(MissionTurn& turn, const model::Report& report) {
  const RunName& run = std::visit([](const auto& r) -> const RunName& { return r.run; }, report);
  const std::optional<SlotKey> slot = turn.slot_named(run);
  if (!slot) {
    return make_error(ErrorCode::StaleFence, "the report belongs to a run that is over", run.str());
  }
  return std::visit(
      Overloaded{
          [&](const model::RunStarted& r) { return turn.on_started(*slot, r.fence); },
          [&](const model::RunFinished& r) { return turn.on_finished(*slot, r.fence, r.result); },
          [&](const model::RunLost& r) {
            return turn.on_lost(*slot, r.fence, r.detail);
          }},
      report
  );
}

/// It is repeated in an event for each run and each child that it stops.
Result<void> check_reason(std::string_view reason) {
  if (reason.size() <= kAbortReasonBytesMax && is_utf8(reason)) {
    return {};
  }
  return make_error(
      is_utf8(reason) ? ErrorCode::LimitExceeded : ErrorCode::Invalid,
      is_utf8(reason) ? concat("the reason is longer than ", kAbortReasonBytesMax, " bytes")
                      : std::string("the reason is not UTF-8 text"),
      "message"
  );
}

Error already_ended(const Mission& mission) {
  Error error = make_error(
      ErrorCode::IllegalTransition,
      concat(
          "mission \"",
          model::plain(mission.name),
          "\" has already ended: ",
          to_string(mission.state)
      ),
      "state"
  );
  error.hint = concat("reeve status ", model::plain(mission.name), " shows how it ended");
  return error;
}

}  // namespace

Result<Reply> Engine::turn(const Command& command, Scope& scope) {
  if (const auto* c = std::get_if<SubmitMission>(&command)) {
    return submit(*c, scope);
  }
  if (const auto* c = std::get_if<RetryMission>(&command)) {
    return retry(*c, scope);
  }
  if (const auto* c = std::get_if<ObjectCommand>(&command)) {
    return object_turn(*c, scope);
  }
  if (const auto* c = std::get_if<TimerFired>(&command);
      c != nullptr && c->owner.kind != journal::Kind::Mission) {
    return object_timer(*c, scope);
  }
  const MissionName name = std::visit(
      Overloaded{
          [](const SubmitMission& c) { return c.name; },
          [](const RetryMission& c) { return c.name; },
          [](const model::Report& c) { return reported_mission(c); },
          [](const TimerFired& c) { return mission_of(c.owner); },
          [](const ObjectCommand& c) { return mission_of(c.object); },
          [](const auto& c) {
            return c.mission;
          }},
      command
  );
  REEVE_TRY(Entry * entry, entry_of(name));
  Mission& mission = *entry->mission;
  MissionTurn turn(*this, scope, mission, *entry->plan);
  Json detail;
  if (const auto* c = std::get_if<model::Report>(&command)) {
    REEVE_CHECK(apply_report(turn, *c));
  } else if (const auto* decision = std::get_if<DecideGate>(&command)) {
    REEVE_TRY(const GateReply gate, turn.decide_gate(*decision));
    detail = to_json(gate);
  } else if (const auto* fired = std::get_if<TimerFired>(&command)) {
    turn.on_timer(fired->key);
  } else if (is_terminal(mission.state)) {
    return already_ended(mission);
  } else if (const auto* abort = std::get_if<AbortMission>(&command)) {
    REEVE_CHECK(abort_mission(*abort, turn, mission, scope));
  } else if (std::holds_alternative<ResumeMission>(command)) {
    if (mission.state != MissionState::Held) {
      return make_error(
          ErrorCode::IllegalTransition,
          concat("mission \"", model::plain(name), "\" is not HELD but ", to_string(mission.state)),
          "state"
      );
    }
    REEVE_CHECK(turn.resume_by_hand());
  } else {
    turn.ask_again();
    turn.reconcile();
  }
  settle(scope);
  Reply reply;
  reply.mission = mission.name;
  reply.uid = mission.uid;
  reply.state = mission.state;
  reply.revision = mission.revision;
  reply.detail = std::move(detail);
  return reply;
}

Result<void> Engine::abort_mission(
    const AbortMission& command, MissionTurn& turn, const Mission& mission, Scope& scope
) {
  REEVE_CHECK(check_reason(command.message));
  Json metadata;
  if (!command.metadata.is_null()) {
    REEVE_TRY(metadata, given_metadata(command.metadata));
    REEVE_CHECK(check_metadata(key_of(mission), metadata));
  }
  turn.request_abort(command.message);
  if (!metadata.is_null()) {
    put_metadata(key_of(mission), mission.uid, std::move(metadata), scope);
  }
  return {};
}

Result<Reply> Engine::object_turn(const ObjectCommand& command, Scope& scope) {
  Book* book = book_of(command.object);
  if (book == nullptr) {
    return make_error(
        ErrorCode::Unsupported,
        concat("no commands about objects of the kind ", to_string(command.object.kind)),
        command.object.name
    );
  }
  if (book->has_namespaces()) {
    REEVE_CHECK(model::check_namespace(command.object.ns.view()));
  }
  REEVE_TRY(Reply reply, book_turn(*book, command, scope));
  settle(scope);
  if (command.object.kind == journal::Kind::Metadata) {
    // A mission may have ended, and gone, in the same turn.
    const std::optional<ObjectState> state = state_of(*object_of_metadata(command.object));
    reply.gone = !state;
    reply.revision = state ? state->revision : reply.revision;
  }
  return reply;
}

Result<Reply> Engine::object_timer(const TimerFired& fired, Scope& scope) {
  Book* book = book_of(fired.owner);
  if (book == nullptr) {
    return make_error(ErrorCode::NotFound, "nothing has this timer", fired.owner.name);
  }
  BookTurn turn(*this, *book, scope);
  book->on_timer(fired.owner, fired.key, turn);
  settle(scope);
  return turn.reply(fired.owner);
}

/// Carries on until nothing follows from what has been done.
void Engine::settle(Scope& scope) {
  while (true) {
    follow_quotas(scope);
    // Runs first: missions come after those that wait for the same pools.
    dispatch(scope);
    admit_waiting(scope);
    dispatch(scope);
    if (!over_.empty()) {
      const MissionName name = std::move(over_.front());
      over_.pop_front();
      tell_waiting(name, scope);
      if (const Mission* ended = find(name)) {
        tell_successors(*ended, scope);
        settle_deletion(*ended, scope);
      }
    } else if (!suspects_.empty()) {
      report_deadlocks(scope);
    } else if (std::exchange(tell_again_, false)) {
      tell_again(scope);
    } else if (!freed_) {
      tell_held(scope);
      collector_->arm(scope);
      return;
    }
  }
}

// --- rows ---------------------------------------------------------------------------------------

void Engine::keep_version(const std::shared_ptr<const Plan>& plan, Scope& scope) {
  const workflow::Workflow& workflow = *plan->workflow;
  const Namespace& ns = plan->ns;
  Library& library = libraries_[ns];
  const bool is_new = library.plans.emplace(workflow.digest, plan).second;
  if (!is_new || library.unparsed.erase(workflow.digest) > 0) {
    return;
  }
  journal::Event event;
  event.revision = scope.next;
  event.at = scope.now;
  event.object = {
      .kind = journal::Kind::Workflow,
      .ns = ns,
      .name = workflow_row_name(workflow.name, workflow.digest)};
  event.uid = make_uid(scope.next);
  event.type = "workflow.registered";
  event.actor = scope.actor;
  event.correlation = scope.correlation;
  encode_workflow(workflow, ns, event.data);
  scope.events.push_back(std::move(event));
  scope.next = scope.next.next();
}

/// 128 bits: nobody finds two texts whose digests begin alike.
constexpr std::size_t kRowDigestDigits = 32;

std::string workflow_row_name(std::string_view name, const Digest& digest) {
  return concat(name, "@", digest.view().substr(0, kRowDigestDigits));
}

void encode_workflow(const workflow::Workflow& workflow, const Namespace& ns, std::string& out) {
  JsonWriter json(out);
  json.begin_object();
  json.member("apiVersion", "reeve.dev/v1");
  json.member("kind", "Workflow");
  json.key("metadata");
  json.begin_object();
  json.member("name", std::string_view(workflow_row_name(workflow.name, workflow.digest)));
  json.member("namespace", ns.view());
  json.end_object();
  json.key("spec");
  json.begin_object();
  json.member("name", std::string_view(workflow.name));
  json.member("format", to_string(workflow.format));
  json.member("digest", workflow.digest.view());
  json.member("source", std::string_view(workflow.source));
  json.end_object();
  json.end_object();
}

bool Engine::encode_row(const journal::ObjectKey& key, std::string& body) const {
  if (const Book* book = book_of(key)) {
    return book->encode(key, body);
  }
  if (key.kind == journal::Kind::Workflow) {
    for (const auto& [digest, plan] : libraries_.at(key.ns).plans) {
      if (workflow_row_name(plan->workflow->name, digest) == key.name) {
        encode_workflow(*plan->workflow, key.ns, body);
        break;
      }
    }
    return true;
  }
  const Entry& entry = missions_.at(by_name_.at(mission_of(key)));
  if (entry.mission->deleted) {
    encode_deleted("reeve.dev/v1", "Mission", key, entry.mission->uid, body);
    return false;
  }
  encode_mission(*entry.mission, *entry.plan->workflow, body);
  return !is_terminal(entry.mission->state);
}

Uid Engine::uid_of(const journal::ObjectKey& key) const {
  if (const Book* book = book_of(key)) {
    return book->uid_of(key);
  }
  const auto found = by_name_.find(mission_of(key));
  return key.kind == journal::Kind::Mission && found != by_name_.end()
             ? missions_.at(found->second).mission->uid
             : Uid();
}

Uid Engine::make_uid(Revision revision) const {
  const auto hex = [](std::uint64_t bits) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xFFU));
    }
    return to_hex(bytes);
  };
  const std::string number = std::to_string(revision.value());
  return Uid(concat(
      hex(stable_hash(concat(instance_, "/", number))),
      hex(stable_hash(concat(number, "/", instance_)))
  ));
}

// --- views --------------------------------------------------------------------------------------

const Mission* Engine::find(const MissionName& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : missions_.at(found->second).mission.get();
}

const workflow::Workflow* Engine::workflow_of(const Mission& mission) const {
  const auto found = missions_.find(mission.created);
  return found == missions_.end() ? nullptr : found->second.plan->workflow.get();
}

void Engine::forget(const MissionName& name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    missions_.erase(found->second);
    by_name_.erase(found);
  }
}

void Engine::forget(const journal::ObjectKey& key) {
  if (Book* book = book_of(key)) {
    book->forget(key);
  } else if (key.kind == journal::Kind::Mission) {
    const MissionName name = mission_of(key);
    const Mission* mission = find(name);
    if (mission != nullptr && is_terminal(mission->state)) {
      forget(name);
    }
  }
}

std::size_t Engine::places_taken(const Namespace& ns, std::string_view workflow) const {
  const auto found = active_.find(model::scoped(ns, workflow));
  return found == active_.end() ? 0 : found->second.size();
}

bool Engine::at_rest() const {
  const bool none_live =
      std::all_of(live_counts_.begin(), live_counts_.end(), [](const auto& counts) {
        return counts.second.empty();
      });
  return none_live && runs_.size() == 0 && on_hosts_.empty() && run_units_.empty() &&
         queued_.empty() && active_.empty() && over_quota_.empty() && pools_.at_rest() &&
         by_user_key_.empty() && waiting_for_.empty() && successors_.empty() && suspects_.empty() &&
         told_.empty() && over_.empty() && live_missions().empty();
}

std::vector<MissionName> Engine::live_missions() const {
  std::vector<MissionName> names;
  for (const auto& [created, entry] : missions_) {
    if (!is_terminal(entry.mission->state)) {
      names.push_back(entry.mission->name);
    }
  }
  return names;
}

}  // namespace reeve::engine
