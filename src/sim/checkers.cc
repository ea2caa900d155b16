#include "sim/checkers.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "coord/channel/channel_machine.h"
#include "engine/book.h"
#include "engine/channel_book.h"
#include "engine/mission_codec.h"
#include "engine/mission_machine.h"
#include "engine/run_machine.h"
#include "model/scoped_name.h"
#include "sim/host_sim.h"
#include "sim/namespace_checks.h"

namespace reeve::sim {

namespace {

using engine::Leg;
using engine::SlotKey;
using model::MissionState;
using model::RunState;
using model::TaskState;

constexpr std::uint32_t kEventsPerRead = 1000;

std::string at(Revision revision) {
  return concat(" (event ", revision.value(), ")");
}

}  // namespace

Checkers::Checkers(store::MemoryStore& disk, engine::WorkflowLoader loader)
    : disk_(disk), loader_(std::move(loader)), books_(engine::make_books()) {}

Checkers::~Checkers() = default;

void Checkers::fail(std::string violation) {
  if (!violation_) {
    violation_ = std::move(violation);
  }
}

// --- the journal --------------------------------------------------------------------------------

void Checkers::disk_changed() {
  std::set<journal::ObjectKey> touched;
  while (!violation_) {
    store::EventQuery query;
    query.after = chain_.last();
    query.limit = kEventsPerRead;
    const Result<std::vector<journal::Event>> events = disk_.events(query);
    if (!events || events->empty()) {
      break;
    }
    for (const journal::Event& event : *events) {
      if (const Result<void> linked = chain_.check(event); !linked) {
        fail(linked.error().describe());
        return;
      }
      fold(event);
      touched.insert(event.object);
      if (violation_) {
        return;
      }
    }
  }
  for (const journal::ObjectKey& key : touched) {
    compare_row(key);
  }
  if (const auto wrong = touched.empty() ? std::nullopt : families_.settled()) {
    fail(*wrong);
  }
  if (const auto wrong = touched.empty() ? std::nullopt : parkings_.settled()) {
    fail(*wrong);
  }
}

engine::Book* Checkers::book_of(const journal::ObjectKey& key) const {
  for (const std::unique_ptr<engine::Book>& book : books_) {
    if (book->kind() == key.kind && !engine::is_workflow_version(key)) {
      return book.get();
    }
  }
  return nullptr;
}

void Checkers::fold(const journal::Event& event) {
  if (const std::optional<std::string> wrong = objects_.see(event)) {
    fail(concat(*wrong, at(event.revision)));
  }
  if (engine::Book* book = book_of(event.object)) {
    if (const Result<void> applied = book->apply(event); !applied) {
      fail(concat(applied.error().describe(), at(event.revision)));
    } else if (event.object.kind == journal::Kind::Workflow) {
      see_catalog(event);
    } else if (event.object.kind == journal::Kind::Channel) {
      see_channel(*book, event);
    } else if (event.object.kind == journal::Kind::Pool) {
      families_.see_pool(event);
    } else if (event.object.kind == journal::Kind::ToolCall) {
      parkings_.see_call(event);
    }
  } else if (event.object.kind == journal::Kind::Workflow) {
    fold_workflow(event);
  } else if (event.object.kind == journal::Kind::Mission) {
    fold_mission(event);
  } else {
    fail(concat("an event about a ", to_string(event.object.kind), at(event.revision)));
  }
}

void Checkers::see_catalog(const journal::Event& event) {
  const std::optional<std::string> violation =
      catalog_.see(event, [&](const Digest& digest) -> std::shared_ptr<const workflow::Workflow> {
        const auto found = workflows_.find({event.object.ns, digest});
        return found == workflows_.end() ? nullptr : found->second;
      });
  if (violation) {
    fail(concat(*violation, at(event.revision)));
  }
}

void Checkers::see_channel(const engine::Book& book, const journal::Event& event) {
  std::optional<std::string> violation = channels_.see(event);
  if (!violation) {
    // A book of this kind is of this type.
    const auto& channels = static_cast<const engine::ChannelBook&>(book);
    violation = coord::broken_invariant(*channels.find(event.object));
  }
  if (violation) {
    fail(concat(event.object.name, ": ", *violation, at(event.revision)));
  }
}

std::vector<journal::ObjectKey> Checkers::enabled_workflows() const {
  std::vector<journal::ObjectKey> enabled;
  for (const std::unique_ptr<engine::Book>& book : books_) {
    for (journal::ObjectKey& key : book->keys()) {
      if (key.kind == journal::Kind::Workflow && !book->is_disabled(key.ns, key.name)) {
        enabled.push_back(std::move(key));
      }
    }
  }
  return enabled;
}

void Checkers::fold_workflow(const journal::Event& event) {
  const Result<Json> row = parse_json(event.data);
  const Json* spec = row ? row->find("spec") : nullptr;
  if (spec == nullptr) {
    fail(concat("a workflow without spec", at(event.revision)));
    return;
  }
  Result<std::shared_ptr<const workflow::Workflow>> loaded = loader_(spec->get_string("source"));
  if (!loaded) {
    fail(concat("a stored workflow cannot be loaded: ", loaded.error().describe()));
    return;
  }
  workflows_[{event.object.ns, Digest(spec->get_string("digest"))}] = *loaded;
  workflow_rows_[event.object] = event.data;
}

std::shared_ptr<const workflow::Workflow> Checkers::workflow_for(const journal::Event& event) {
  const auto known = missions_.find(engine::mission_of(event.object).str());
  if (known != missions_.end()) {
    return known->second.workflow;
  }
  const Result<Json> data = parse_json(event.data);
  const auto found = data ? workflows_.find({event.object.ns, Digest(data->get_string("digest"))})
                          : workflows_.end();
  return found == workflows_.end() ? nullptr : found->second;
}

void Checkers::fold_mission(const journal::Event& event) {
  const std::shared_ptr<const workflow::Workflow> workflow = workflow_for(event);
  const std::string name = engine::mission_of(event.object).str();
  if (workflow == nullptr) {
    fail(concat("mission ", name, " has no stored workflow", at(event.revision)));
    return;
  }
  const Result<engine::MissionEvent> decoded =
      engine::decode(event.type, event.data, *workflow, event.object.ns);
  if (!decoded) {
    fail(concat(decoded.error().describe(), at(event.revision)));
    return;
  }
  const bool creates = std::holds_alternative<engine::MissionCreated>(*decoded);
  if (creates == missions_.contains(name)) {
    fail(concat("mission ", name, " was created twice or not", at(event.revision)));
    return;
  }
  Folded& folded = missions_[name];
  if (creates) {
    folded.workflow = workflow;
    folded.mission.name = MissionName(name);
    folded.mission.uid = event.uid;
    folded.mission.correlation = event.correlation;
    const bool asked_for = !std::get<engine::MissionCreated>(*decoded).parent;
    if (asked_for && !event.correlation.empty() &&
        !made_by_.emplace(event.correlation.str(), name).second) {
      fail(concat("input ", event.correlation.view(), " made two missions"));
    }
  }
  check_event(folded, *decoded, event.revision);
  check_gate(folded, *decoded, event.at);
  if (const auto wrong = families_.before(folded.mission, *folded.workflow, *decoded)) {
    fail(concat(*wrong, at(event.revision)));
  }
  const auto* ended = std::get_if<engine::RunEnded>(&*decoded);
  const RunRecord* ran = ended == nullptr ? nullptr : run_ended_by(folded, *ended);
  if (const auto wrong = parkings_.before(folded.mission, *folded.workflow, *decoded, ran)) {
    fail(concat(*wrong, at(event.revision)));
  }
  if (violation_) {
    return;
  }
  engine::apply(folded.mission, *decoded, event.revision, event.at);
  note_run(folded, *decoded, event.revision);
  if (const auto* extended = std::get_if<engine::MissionExtended>(&*decoded)) {
    folded.workflow = workflows_[{event.object.ns, extended->workflow}];
  }
  if (const auto wrong = families_.after(folded.mission, *folded.workflow, *decoded)) {
    fail(concat(*wrong, at(event.revision)));
  }
  if (const auto wrong = parkings_.after(folded.mission, *folded.workflow, *decoded)) {
    fail(concat(*wrong, at(event.revision)));
  }
}

void Checkers::check_event(Folded& folded, const engine::MissionEvent& event, Revision revision) {
  const model::Mission& mission = folded.mission;
  const bool deletes = std::holds_alternative<engine::MissionDeleted>(event);
  if (deletes != is_terminal(mission.state) || mission.deleted) {
    fail(concat(
        "mission ",
        mission.name.view(),
        deletes ? " was deleted twice or before its end" : " changed after its end",
        at(revision)
    ));
    return;
  }
  if (const auto* move = std::get_if<engine::MissionTransitioned>(&event)) {
    ++transitions_;
    if (move->from != mission.state || !engine::is_legal(move->from, move->to)) {
      fail(concat(
          "mission ",
          mission.name.view(),
          " is ",
          to_string(mission.state),
          " and went from ",
          to_string(move->from),
          " to ",
          to_string(move->to),
          at(revision)
      ));
    }
  } else if (std::holds_alternative<engine::EpochStarted>(event)) {
    check_epoch(folded, std::get<engine::EpochStarted>(event));
  } else if (const auto* begun = std::get_if<engine::MissionCreated>(&event)) {
    catalog_.see_mission(mission.name.str(), *begun);
    for (const engine::Reused& reused : begun->reused) {
      folded.kept.insert(reused.task);
    }
  } else if (const auto* reached = std::get_if<engine::TaskReached>(&event)) {
    if (reached->fresh) {
      folded.kept.erase(reached->task);
    }
  } else if (const auto* reused = std::get_if<engine::TaskReused>(&event)) {
    if (folded.kept.erase(reused->task) == 0) {
      fail(concat("mission ", mission.name.view(), " reuses a result that it does not have"));
    }
  } else if (const auto* created = std::get_if<engine::RunCreated>(&event)) {
    check_run_created(folded, *created);
  } else if (const auto* launching = std::get_if<engine::RunLaunching>(&event)) {
    check_slot(folded, launching->slot, RunState::Launching);
    if (!launching->inside) {
      launched_[Fence(revision.value())] = mission.name.str();
      ++launches_;
    }
  } else if (const auto* active = std::get_if<engine::RunActive>(&event)) {
    check_slot(folded, active->slot, RunState::Active);
  } else if (const auto* ended = std::get_if<engine::RunEnded>(&event)) {
    check_run_ended(folded, *ended);
  }
}

void Checkers::check_epoch(Folded& folded, const engine::EpochStarted& event) {
  folded.closing_completions.clear();
  if (!folded.undone.empty()) {
    fail(concat("mission ", folded.mission.name.view(), " starts over although it was undone"));
  }
  for (engine::TaskIndex i = 0; i < folded.mission.tasks.size(); ++i) {
    if (folded.mission.tasks[i].state == TaskState::Complete) {
      folded.kept.insert(i);
    }
  }
  if (event.full) {
    folded.kept.clear();
  }
}

/// A task that completed before the mission started over must not run again, unless something that
/// did run again leads to it, or it is clean-up.
void Checkers::check_kept(Folded& folded, engine::TaskIndex index) {
  const workflow::Task& def = folded.workflow->tasks.at(index);
  const bool fresh = std::any_of(def.needs.begin(), def.needs.end(), [&](engine::TaskIndex need) {
    return folded.mission.tasks.at(need).run.attempt > 0;
  });
  if (folded.kept.erase(index) > 0 && !def.always_run && !fresh) {
    fail(concat(
        "task ",
        def.name.view(),
        " of mission ",
        folded.mission.name.view(),
        " had completed and runs again"
    ));
  }
}

void Checkers::check_slot(const Folded& folded, SlotKey key, RunState to) {
  const model::TaskStatus& task = folded.mission.tasks.at(key.task);
  const model::RunSlot* slot = key.leg == Leg::Forward ? &task.run
                               : task.undo             ? &*task.undo
                                                       : nullptr;
  if (slot == nullptr || !engine::is_legal(slot->state, to)) {
    fail(concat(
        "a run of task ",
        folded.workflow->tasks.at(key.task).name.view(),
        " of mission ",
        folded.mission.name.view(),
        " went from ",
        slot == nullptr ? "nothing" : to_string(slot->state),
        " to ",
        to_string(to)
    ));
  }
}

void Checkers::check_run_created(Folded& folded, const engine::RunCreated& event) {
  const model::TaskStatus& task = folded.mission.tasks.at(event.slot.task);
  const std::string name = concat(
      "task ",
      folded.workflow->tasks.at(event.slot.task).name.view(),
      " of mission ",
      folded.mission.name.view()
  );
  const bool forward = event.slot.leg == Leg::Forward;
  const model::RunSlot* slot = forward ? &task.run : task.undo ? &*task.undo : nullptr;
  if (slot != nullptr && engine::in_progress(*slot)) {
    fail(concat(name, " was started while a run of it is in progress"));
  }
  if (event.attempt != (slot == nullptr ? 0 : slot->attempt) + 1) {
    fail(concat(name, " got run number ", event.attempt, " out of turn"));
  }
  if (forward && task.state != TaskState::Waiting) {
    fail(concat(name, " is ", to_string(task.state), " and was started again without a route"));
  }
  const workflow::Task& def = folded.workflow->tasks.at(event.slot.task);
  if (forward) {
    check_kept(folded, event.slot.task);
  }
  if (forward && !folded.undone.empty() && !def.always_run) {
    fail(concat(name, " goes forward although the mission is being undone"));
  }
  if (forward) {
    return;
  }
  if (!task.undoable || !def.compensate) {
    fail(concat(name, " was undone although there is nothing to undo"));
  }
  if (folded.undo_completions[event.slot.task] > 0) {
    fail(concat(name, " was undone twice"));
  }
  if (slot == nullptr) {
    folded.undone.emplace_back(event.slot.task, task.ended);
  }
}

/// What its host knows of the run that an event ends; null: it ends none that was on a host.
const RunRecord* Checkers::run_ended_by(const Folded& folded, const engine::RunEnded& event) const {
  const model::TaskStatus& task = folded.mission.tasks.at(event.slot.task);
  const bool forward = event.slot.leg == Leg::Forward;
  const model::RunSlot* slot = forward ? &task.run : task.undo ? &*task.undo : nullptr;
  const bool ran = slot != nullptr && engine::on_host(*slot);
  return ran && ledger_ ? ledger_(slot->fence) : nullptr;
}

void Checkers::check_run_ended(Folded& folded, const engine::RunEnded& event) {
  const model::TaskStatus& task = folded.mission.tasks.at(event.slot.task);
  const bool forward = event.slot.leg == Leg::Forward;
  const model::RunSlot* slot = forward ? &task.run : task.undo ? &*task.undo : nullptr;
  const std::string name = folded.workflow->tasks.at(event.slot.task).name.str();
  if (slot != nullptr && slot->attempt == event.attempt) {
    check_slot(folded, event.slot, event.state);
  }
  const bool ran = slot != nullptr && engine::on_host(*slot);
  const RunRecord* record = run_ended_by(folded, event);
  const bool routed = event.exit_code != "0";
  if (ran && event.state == RunState::Complete && !routed && (record == nullptr || !record->done)) {
    fail(concat("task ", name, " counts as completed, but its work was never done"));
  }
  if (event.outcome != engine::Outcome::Completed) {
    return;
  }
  if (!forward && ++folded.undo_completions[event.slot.task] > 1) {
    fail(concat("task ", name, " of mission ", folded.mission.name.view(), " was undone twice"));
  }
  if (forward && slot != nullptr && slot->closing &&
      ++folded.closing_completions[event.slot.task] > 1) {
    fail(concat("task ", name, " cleaned up twice"));
  }
}

void Checkers::compare_row(const journal::ObjectKey& key) {
  if (violation_) {
    return;
  }
  const Result<std::optional<store::Row>> row = disk_.get(key);
  if (!row || !row->has_value()) {
    fail(concat("there is no row for ", key.name));
    return;
  }
  if (const engine::Book* book = book_of(key)) {
    std::string expected;
    const bool live = book->encode(key, expected);
    if ((*row)->body != expected || (*row)->live != live || (*row)->uid != book->uid_of(key)) {
      fail(concat(
          "the row of ",
          to_string(key.kind),
          " ",
          key.name,
          " is not what the journal says:\n",
          (*row)->body,
          "\n",
          expected
      ));
    }
    return;
  }
  if (key.kind == journal::Kind::Workflow) {
    if ((*row)->body != workflow_rows_[key]) {
      fail(concat("the row of workflow ", key.name, " is not what the journal says"));
    }
    return;
  }
  const Folded& folded = missions_.at(engine::mission_of(key).str());
  std::string body;
  if (folded.mission.deleted) {
    engine::encode_deleted("reeve.dev/v1", "Mission", key, folded.mission.uid, body);
  } else {
    engine::encode_mission(folded.mission, *folded.workflow, body);
  }
  if ((*row)->body != body || (*row)->revision != folded.mission.revision ||
      (*row)->live == is_terminal(folded.mission.state) || (*row)->uid != folded.mission.uid) {
    fail(concat(
        "the row of mission ",
        key.name,
        " is not what the journal says:\n",
        (*row)->body,
        "\n",
        body
    ));
  }
  if (const auto broken = engine::broken_invariant(folded.mission, *folded.workflow)) {
    fail(concat("mission ", key.name, ": ", *broken));
  }
}

// --- the core -----------------------------------------------------------------------------------

bool Checkers::is_on_host(const model::Mission* mission, Fence fence) {
  if (mission == nullptr) {
    return false;
  }
  return std::any_of(mission->tasks.begin(), mission->tasks.end(), [&](const auto& task) {
    return (engine::on_host(task.run) && task.run.fence == fence) ||
           (task.undo && engine::on_host(*task.undo) && task.undo->fence == fence);
  });
}

namespace {

/// What live missions have, told by what they are.
class Capacity {
 public:
  void add(const model::Mission& mission, const workflow::Workflow& workflow) {
    places_[{mission.ns, workflow.name}] += mission.admitted && !workflow.part ? 1U : 0U;
    if (mission.claims) {
      take(mission.ns, workflow.semaphores);
    }
    for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
      const model::TaskStatus& task = mission.tasks[i];
      if (engine::on_host(task.run)) {
        take(mission.ns, workflow.tasks[i].semaphores);
      }
      if (task.undo && engine::on_host(*task.undo)) {
        take(mission.ns, workflow.tasks[i].semaphores);
      }
    }
  }

  std::optional<std::string> compare(const engine::Engine& engine) const {
    if (engine.pools().used() != units_) {
      return "the units that are in use are not those that missions and runs have";
    }
    for (const auto& [workflow, places] : places_) {
      const std::size_t taken = engine.places_taken(workflow.first, workflow.second);
      if (taken != places) {
        return concat(
            places,
            " missions of ",
            model::scoped(workflow.first, workflow.second),
            " run, but ",
            taken,
            " places are taken"
        );
      }
    }
    return std::nullopt;
  }

 private:
  void take(const Namespace& ns, const std::vector<workflow::Semaphore>& units) {
    for (const workflow::Semaphore& unit : units) {
      units_[model::scoped(ns, unit.pool)] += unit.units;
    }
  }

  std::map<std::pair<Namespace, std::string>, std::size_t> places_;
  std::map<std::string, std::uint32_t> units_;
};

}  // namespace

void Checkers::core_changed(const kernel::Core& core) {
  const engine::Engine& engine = core.engine();
  std::size_t on_hosts = 0;
  Capacity capacity;
  const std::vector<MissionName> live = engine.live_missions();
  for (const MissionName& name : live) {
    const model::Mission* mission = engine.find(name);
    capacity.add(*mission, *engine.workflow_of(*mission));
    if (const auto crossing = crossing_of(*mission)) {
      fail(*crossing);
    }
    if (const auto broken = engine::broken_invariant(*mission, *engine.workflow_of(*mission))) {
      fail(concat("mission ", name.view(), " in memory: ", *broken));
    }
    for (const model::TaskStatus& task : mission->tasks) {
      on_hosts += engine::on_host(task.run) ? 1 : 0;
      on_hosts += task.undo && engine::on_host(*task.undo) ? 1 : 0;
    }
  }
  if (on_hosts != engine.runs_on_hosts()) {
    fail(concat(on_hosts, " runs are on hosts, but ", engine.runs_on_hosts(), " slots are taken"));
  }
  if (const auto wrong = capacity.compare(engine)) {
    fail(*wrong);
  }
  if (live.empty() && !engine.at_rest()) {
    fail("no mission is live, and something is kept for one");
  }
  if (on_hosts > engine.limits().run_slots) {
    fail(concat(on_hosts, " runs are on hosts, ", engine.limits().run_slots, " are allowed"));
  }
}

void Checkers::effect_released(const model::Effect& effect) {
  const auto [mission, fence] =
      std::visit([](const auto& e) { return std::pair(e.mission, e.fence); }, effect);
  const auto launched = launched_.find(fence);
  if (launched == launched_.end() || launched->second != mission.view()) {
    fail(concat(
        "a host is asked for something of mission ",
        mission.view(),
        " with fence ",
        fence.value(),
        ", which is not in the journal"
    ));
  }
  if (const auto crossing = crossing_of(effect)) {
    fail(*crossing);
  }
}

// --- clients ------------------------------------------------------------------------------------

void Checkers::acknowledged(const InputId& input, const engine::Reply& reply) {
  const auto [known, first] = acknowledged_.emplace(input, reply);
  const model::Mission* mission = find(reply.mission);
  // Of one that was deleted nothing but the name is known; a repeated input looks in "default".
  const bool unknown = reply.uid.empty() && mission != nullptr &&
                       (mission->deleted || mission->ns.view() != "default");
  const bool same = unknown || known->second.uid == reply.uid || known->second.uid.empty();
  if (!first && (known->second.mission != reply.mission || !same)) {
    fail(concat(
        "input ",
        input.view(),
        " was answered with mission ",
        known->second.mission.view(),
        " and then with ",
        reply.mission.view()
    ));
  }
  check_acknowledged();
}

void Checkers::abort_acknowledged(const MissionName& mission) {
  aborts_.insert(mission.str());
}

void Checkers::recovered() {
  check_acknowledged();
  check_decisions();
  if (const std::optional<std::string> lost = channels_.recovered()) {
    fail(*lost);
  }
  check_stored_missions();
}

void Checkers::check_acknowledged() {
  for (const auto& [input, reply] : acknowledged_) {
    const auto found = missions_.find(reply.mission.str());
    if (found == missions_.end() ||
        (!reply.uid.empty() && found->second.mission.uid != reply.uid)) {
      fail(concat("mission ", reply.mission.view(), " was acknowledged and is gone"));
    }
  }
  for (const std::string& name : aborts_) {
    const auto found = missions_.find(name);
    if (found == missions_.end() || !found->second.mission.aborting) {
      fail(concat("the abort of mission ", name, " was acknowledged and is gone"));
    }
  }
}

const model::Mission* Checkers::find(const MissionName& name) const {
  const auto found = missions_.find(name.str());
  return found == missions_.end() ? nullptr : &found->second.mission;
}

std::vector<const model::Mission*> Checkers::missions() const {
  std::vector<const model::Mission*> all;
  for (const auto& [name, folded] : missions_) {
    all.push_back(&folded.mission);
  }
  return all;
}

std::vector<std::string> Checkers::compensation_order(const MissionName& name) const {
  std::vector<std::string> order;
  const Folded& folded = missions_.at(name.str());
  for (const auto& [task, ended] : folded.undone) {
    order.push_back(folded.workflow->tasks.at(task).name.str());
  }
  return order;
}

}  // namespace reeve::sim
