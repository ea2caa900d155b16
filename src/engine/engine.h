#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/capacity.h"
#include "engine/commands.h"
#include "engine/events.h"
#include "engine/fwd.h"
#include "engine/meter_ledger.h"
#include "engine/object_metadata.h"
#include "engine/quota.h"
#include "engine/run_queue.h"
#include "engine/statistics.h"
#include "journal/event.h"
#include "model/effect.h"
#include "model/mission.h"
#include "model/scoped_name.h"
#include "workflow/cron/ports.h"
#include "workflow/render.h"
#include "workflow/workflow.h"

namespace reeve::engine {

/// What live missions are counted by.
struct MissionSituation {
  model::MissionState state = model::MissionState::Prep;
  /// HELD for approval.
  bool approval = false;

  friend auto operator<=>(const MissionSituation&, const MissionSituation&) = default;
};

/// Of a live mission.
std::optional<MissionSituation> situation_of(const model::Mission& mission);

// --- what a turn gives --------------------------------------------------------------------------

/// Arms (or, without `due`, disarms) a timer of an object.
struct TimerChange {
  journal::ObjectKey owner;
  std::string key;
  std::optional<Timestamp> due;
};

/// One turn: where it starts and, afterwards, everything it did. Either the reply is an error and
/// nothing was done, or everything in it has been applied to the engine's state.
struct Scope {
  // in
  Timestamp now;
  Revision next;
  Principal actor;
  /// The groups that the actor belongs to.
  std::vector<std::string> groups = {};
  CorrelationId correlation;
  model::Trace trace = {};
  // out
  std::vector<journal::Event> events;
  /// Rows that events about other objects have changed, with the revisions of those.
  std::vector<std::pair<journal::ObjectKey, Revision>> also_changed = {};
  std::vector<TimerChange> timers;
  std::vector<model::Effect> effects;
};

struct Limits {
  /// Runs that hosts carry out at the same time.
  std::uint32_t run_slots = 16;
  /// Starts of tasks in one epoch of a mission; bounds loops of routes.
  std::uint32_t starts_max = 10'000;
  std::uint32_t epochs_max = 100;
  /// Losses by infrastructure of one task; with retries configured, at most that many.
  std::uint32_t lost_max = 3;
  Duration launch_timeout{30'000};
  std::uint32_t live_missions_max = 1'000'000;
  /// Waiting for so long is worth as much as one point of priority.
  Duration ageing{60'000};
  /// What the host of this process offers to tasks with `tags`.
  std::set<std::string> labels = {};
  /// Share of the missions that nobody else traces whose runs are told that they are recorded.
  double sample_ratio = 0;
};

/// Turns the stored text of a workflow back into a workflow.
using WorkflowLoader =
    std::function<Result<std::shared_ptr<const workflow::Workflow>>(std::string_view source)>;

/// Where the file of an artifact can be had, as an address. The same artifact always gets the same.
using ArtifactAddress = std::function<std::string(
    const MissionName& mission, const TaskName& task, const model::ArtifactRef& artifact
)>;

/// `reeve://<mission>/<task>/<path>`, as `reeve artifacts get` takes it.
std::string artifact_address(
    const MissionName& mission, const TaskName& task, const model::ArtifactRef& artifact
);

/// The source of a workflow with further tasks: `workflow::extend_source`.
using WorkflowExtender =
    std::function<Result<std::string>(std::string_view source, std::string_view extension)>;

/// Some events of one object after a revision, oldest first; none: there are no more.
using EventSource = std::function<Result<std::vector<journal::Event>>(Revision after)>;

/// A workflow in a namespace, with what the walk asks of it again and again.
struct Plan {
  std::shared_ptr<const workflow::Workflow> workflow;
  Namespace ns;
  /// The installation-wide name of the workflow, by which missions are counted, queued and given
  /// places: two namespaces may each have a workflow of one name.
  std::string key;
  /// For each task, whether some route leads to it.
  std::vector<bool> routed_to;
  /// For each task, whether its templates may ask for missions.
  std::vector<bool> submits;
  /// What a mission, and a run of each task, takes; pools have installation-wide names here.
  std::vector<workflow::Semaphore> semaphores;
  std::vector<std::vector<workflow::Semaphore>> task_semaphores;
  /// The most units of each pool that the workflow or one of its tasks asks for at a time.
  std::vector<workflow::Semaphore> demand;

  Plan(std::shared_ptr<const workflow::Workflow> source, Namespace scope);
};

/// A mission that a task of another one makes.
struct ChildPlan {
  std::shared_ptr<const Plan> plan;
  std::vector<model::NamedValue> params;
  std::string user_key;
  model::Parent parent;
  std::vector<model::ArtifactRef> inputs;
  std::string description;
  /// It goes on by itself: nothing waits for it or stops it.
  bool detached = false;
};

/// What the API needs to know of an object to change it.
struct ObjectState {
  Uid uid;
  /// The later one of its own row and of its metadata.
  Revision revision;
};

/// Where the engine finds what only the store has; each may be empty.
struct StoredObjects {
  /// The uid of an object that was not deleted.
  std::function<Result<std::optional<Uid>>(const journal::ObjectKey&)> uid_of;
  /// See Engine::fetch.
  std::function<Result<void>(const journal::ObjectKey&)> fetch;
  /// See Engine::ended_missions.
  std::function<Result<std::vector<journal::ObjectKey>>(const Namespace&, Revision&, std::uint32_t)>
      ended;
};

/// All live missions of one partition and the rules that move them. Pure: no I/O, no clock.
///
/// Threading: engine loop.
class Engine {
 public:
  /// `zones` knows the time zones of the world and outlives the engine; without it only UTC is
  /// known.
  Engine(
      Limits limits, std::string instance, WorkflowLoader loader, cron::ZoneSource* zones = nullptr
  );
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// What templates get as `<task>_ArtifactURL_<n>`; without this call artifact_address.
  void set_artifact_address(ArtifactAddress address) { artifact_address_ = std::move(address); }

  // --- recovery ---------------------------------------------------------------------------------

  /// Takes a stored workflow or a live mission. Corrupt: the row contradicts itself. NotFound: the
  /// mission's workflow has not been loaded yet.
  /// `revision` is the row's.
  Result<void> load_row(
      const journal::ObjectKey& key, std::string_view body, Revision revision = {}
  );

  /// The live missions whose rows were written by an earlier version (`lacks_past`).
  std::vector<journal::ObjectKey> to_refold() const;

  /// Makes such a mission out of its events. One that they do not give stays as its row says; the
  /// audit will tell. Errors are those of `events`.
  Result<void> refold(const journal::ObjectKey& key, const EventSource& events);

  /// After all rows are loaded: asks hosts again for everything that should be going on, and gives
  /// launches a new deadline.
  void recover(Scope& scope);

  // --- turns ------------------------------------------------------------------------------------

  /// Carries out one command. See Scope for what an error means.
  Result<Reply> turn(const Command& command, Scope& scope);

  // --- views ------------------------------------------------------------------------------------

  /// A live (or just ended) mission.
  const model::Mission* find(const MissionName& name) const;

  const workflow::Workflow* workflow_of(const model::Mission& mission) const;

  /// Appends the row of a touched object and says whether it is still live.
  bool encode_row(const journal::ObjectKey& key, std::string& body) const;

  /// Its uid, for the row.
  Uid uid_of(const journal::ObjectKey& key) const;

  /// Drops an ended mission from memory; the store has it.
  void forget(const MissionName& name);

  /// The same for any object that has no life ahead.
  void forget(const journal::ObjectKey& key);

  /// How many missions of a namespace's workflow are in one of the states; see workflow::Missions.
  std::int64_t count_missions(
      const Namespace& ns, std::string_view workflow, const std::vector<std::string>& states
  );

  /// How the engine learns about missions that had ended before it was loaded: by their tally
  /// (`ended_tally`). Without it there were none.
  void use_history(std::function<Result<std::uint64_t>(std::string_view tally)> history) {
    history_ = std::move(history);
  }

  /// How the engine learns whether a mission that had ended before it was loaded has a name.
  /// Without it none has.
  void use_names(std::function<Result<bool>(const MissionName& name)> named_before) {
    named_before_ = std::move(named_before);
  }

  /// How runs add tasks to their missions. Without it they cannot.
  void use_extender(WorkflowExtender extender) { extender_ = std::move(extender); }

  /// What the row of an ended mission is counted under; nothing for other objects.
  std::string tally_of(const journal::ObjectKey& key) const;

  /// The book of a kind, or null.
  Book* book_of(const journal::ObjectKey& key) const;

  // --- objects as the API sees them (object_commands.cc) ----------------------------------------

  /// How the engine learns about objects that are in the store alone. Without it there are none.
  void use_stored(StoredObjects stored) { stored_ = std::move(stored); }

  /// NotFound: there is no such namespace. PermissionDenied: it is being deleted.
  Result<void> check_open(const Namespace& ns) const;

  /// An object that is there and that memory knows.
  std::optional<ObjectState> state_of(const journal::ObjectKey& object) const;

  /// Finalizers and owners of an object, or null: it has none.
  const ObjectLinks* links_of(const journal::ObjectKey& object) const;

  /// As state_of, or what the store has of a mission that has ended. An error: the store failed.
  Result<std::optional<Uid>> uid_of_stored(const journal::ObjectKey& object) const;

  /// Brings an ended mission and its metadata into memory until the batch is stored.
  Result<void> fetch(const journal::ObjectKey& object);

  /// At most `limit` ended missions of a namespace that are stored, newest first, below the cursor
  /// (0: from the newest), which moves on; it is 0 after the last.
  Result<std::vector<journal::ObjectKey>> ended_missions(
      const Namespace& ns, Revision& cursor, std::uint32_t limit
  ) const;

  /// The commands `update` and `delete` of metadata_book.h.
  Result<Reply> describe_object(const journal::ObjectKey& object, const Json& body, Scope& scope);
  Result<Reply> delete_object(const journal::ObjectKey& object, const Json& body, Scope& scope);

  /// Deletes an object that is there, as its finalizers allow. Nothing happens if that was asked
  /// for before, or it is not there.
  void request_deletion(const journal::ObjectKey& object, Propagation propagation, Scope& scope);

  /// Takes finalizers, or references to owners, away; `key` as Collector::changed got it.
  void drop_finalizers(
      const journal::ObjectKey& key, const std::vector<std::string>& names, Scope& scope
  );
  void drop_owners(const journal::ObjectKey& key, const std::vector<Uid>& owners, Scope& scope);

  /// Removes an object of a namespace that is deleted, whatever kind it is.
  void clear_away(const journal::ObjectKey& object, Scope& scope);

  /// A namespace is empty.
  void namespace_empty(const Namespace& ns, Scope& scope);

  /// For books: the links of an object have changed (null: it has none any more); it is no more.
  void object_changed(const journal::ObjectKey& key, const ObjectLinks* links);
  void object_removed(const journal::ObjectKey& key, const Uid& uid);

  /// Whether garbage collection has something to do.
  bool collects() const;

  void on_collector_timer(std::string_view timer, Scope& scope);

  /// Missions in memory after a revision, ended ones too.
  const model::Mission* next_mission(Revision after) const;

  /// What is set for runs of a workflow apart from missions.
  workflow::Configuration configuration(const Namespace& ns, std::string_view workflow) const;
  /// A pool has been declared, changed, or (without units) forgotten.
  void pool_changed(const Namespace& ns, std::string_view pool, std::optional<std::uint32_t> units);

  /// Holds a live mission until a person releases it. False: it has ended, is being undone or
  /// stopped, or has such a hold already.
  bool hold_mission(const MissionName& name, model::Hold hold, Scope& scope);

  /// For the book of tool calls: people decide about one of a run, or have, or nobody did in time.
  void look_at_decisions(
      const MissionName& name, std::string_view run, model::Reason reason, Scope& scope
  );

  /// By their installation-wide names.
  const Pools& pools() const { return pools_; }

  /// The uid of an object that an event with this revision makes.
  Uid make_uid(Revision revision) const;

  // --- quotas (engine_quota.cc) ----------------------------------------------------------------

  /// What people have said about an object of a kind with a book or machine; never null.
  Json metadata_of(const journal::ObjectKey& object) const;

  /// The quota whose usage a row is; null: it is no more.
  const Quota* quota_of_usage(const journal::ObjectKey& usage) const;

  /// The quotas that count somebody; valid for this turn.
  std::vector<const Quota*> quotas_of(const Spender& who) const;

  /// Completes whose run it is. A refusal: the mission is held for a quota. NotFound: no such
  /// mission. IllegalTransition: the run is over.
  Result<std::optional<QuotaRefusal>> look_at_spender(Spender& who, Scope& scope);

  /// What is in the way of a call, after it was told and carried out; nothing: it may be sent.
  std::optional<QuotaRefusal> check_quotas(
      const std::vector<const Quota*>& quotas,
      const Spender& who,
      const Spent& worst,
      MeterRates& rates,
      Scope& scope
  );

  /// Whether a host is busy with a run, by its plain name.
  bool is_run_on_host(const Namespace& ns, std::string_view run);

  /// A call is over that counted in these rows: warns, and lets those go on for whom there is room.
  void quotas_used(const std::vector<journal::ObjectKey>& rows, const Spender& who, Scope& scope);

  /// Lets missions go on that are held for a quota which is not in their way any more.
  void quota_has_room(const journal::ObjectKey& quota, Scope& scope);

  // --- workflows, for books ---------------------------------------------------------------------

  Result<cron::Zone> zone(std::string_view name) const;

  /// A text as a workflow that would fit into the journal. Changes nothing.
  Result<std::shared_ptr<const Plan>> plan_from(const Namespace& ns, std::string_view source) const;

  /// Keeps a version of a workflow for ever, with an event if it is new in its namespace.
  void keep_version(const std::shared_ptr<const Plan>& plan, Scope& scope);

  /// A deployed workflow for a mission that somebody asks for by name. IllegalTransition: it is
  /// disabled.
  Result<std::shared_ptr<const workflow::Workflow>> workflow_to_submit(
      const Namespace& ns, std::string_view name, std::string_view version
  );

  /// A version that the namespace keeps.
  Result<std::shared_ptr<const Plan>> plan_of(const Namespace& ns, const Digest& digest);

  /// Names of the live missions in the order of their creation.
  std::vector<MissionName> live_missions() const;

  std::size_t runs_on_hosts() const { return on_hosts_.size(); }

  std::size_t runs_waiting_for_slot() const { return runs_.size(); }

  /// Takes time for each channel.
  Statistics statistics() const;

  /// Missions of a namespace's workflow that have one of its places.
  std::size_t places_taken(const Namespace& ns, std::string_view workflow) const;

  /// No live mission, and nothing kept for one: no slot, place, unit, key or place in a line.
  bool at_rest() const;

  const Limits& limits() const { return limits_; }

 private:
  friend class MissionTurn;

  /// What a mission that is held for a quota wanted, as far as it is known.
  struct OverQuota {
    Spent wanted;
    std::string run;
  };

  /// What a mission has of what others wait for.
  struct Claim {
    bool place = false;
    std::vector<workflow::Semaphore> units;
  };

  struct Entry {
    std::unique_ptr<model::Mission> mission;
    std::shared_ptr<const Plan> plan;
    Claim claim = {};
  };

  /// Whom a mission waits for, and why.
  struct Wait {
    Revision mission;
    std::string why;
  };

  struct Waits {
    /// It goes on by itself, or with the help of a host, a person or the time.
    bool moves = false;
    std::vector<Wait> on;
  };

  /// A mission that was made, or was there.
  struct Made {
    MissionName name;
    bool existing = false;
  };

  /// What is known of the workflows of one namespace: parsed ones, the text of those not needed
  /// yet, and one task of a workflow as a workflow, by the digest of the whole.
  struct Library {
    std::map<Digest, std::shared_ptr<const Plan>> plans;
    std::map<Digest, std::string> unparsed;
    std::map<std::pair<Digest, TaskIndex>, std::shared_ptr<const Plan>> parts;

    bool has(const Digest& digest) const {
      return plans.contains(digest) || unparsed.contains(digest);
    }
  };

  Result<void> abort_mission(
      const AbortMission& command, MissionTurn& turn, const model::Mission& mission, Scope& scope
  );
  Result<Reply> object_turn(const ObjectCommand& command, Scope& scope);
  Result<Reply> book_turn(Book& book, const ObjectCommand& command, Scope& scope);
  Result<Reply> described_turn(Book& book, const ObjectCommand& command, Scope& scope);
  void put_metadata(const journal::ObjectKey& object, const Uid& uid, Json metadata, Scope& scope);
  Result<void> check_metadata(const journal::ObjectKey& object, const Json& metadata) const;
  Reply reply_about(const journal::ObjectKey& object, const Uid& uid, const Scope& scope) const;
  void remove_object(const journal::ObjectKey& object, Scope& scope);
  void settle_deletion(const model::Mission& ended, Scope& scope);
  ResourceBook* resources_of(const journal::ObjectKey& key) const;
  Entry* find_entry(const journal::ObjectKey& object);
  Result<Reply> object_timer(const TimerFired& fired, Scope& scope);
  Result<Reply> submit(const SubmitMission& command, Scope& scope);
  Principal person_behind(const Principal& principal);
  Result<void> refuse_skipped(
      const MissionCreated& event, const std::shared_ptr<const Plan>& plan, Scope& scope
  );
  Result<Reply> retry(const RetryMission& command, Scope& scope);
  Result<model::Mission*> create(
      MissionCreated event, MissionName name, const std::shared_ptr<const Plan>& plan, Scope& scope
  );
  model::Trace trace_for_child(const model::Mission& parent, const TaskName& task) const;
  Result<Reply> reply_after(Result<model::Mission*> created, Scope& scope);
  Result<Made> make_child(const model::Mission& parent, ChildPlan child, Scope& scope);
  Result<void> check_ancestors(const model::Mission& parent, const ChildPlan& child) const;
  const model::Mission* waiting_parent(const model::Mission& mission) const;
  const Library* library_of(const Namespace& ns) const;
  std::shared_ptr<const Plan> known_plan(const Namespace& ns, const Digest& digest) const;
  std::shared_ptr<const Plan> plan_for(
      const Namespace& ns, std::shared_ptr<const workflow::Workflow> workflow
  ) const;
  Result<MissionName> child_name(const model::Parent& parent, Revision revision) const;
  Result<MissionName> free_name(const Namespace& ns, std::string_view workflow, Revision revision)
      const;
  Result<MissionName> first_free(const Namespace& ns, const std::string& name) const;
  Result<bool> is_taken(const MissionName& name) const;
  Error name_taken(const MissionName& name) const;
  const model::Mission* live_with_key(const Namespace& ns, std::string_view user_key) const;
  void wait_for(const MissionName& child, const model::Mission& parent, TaskIndex task);
  void stop_mission(const MissionName& name, const std::string& message, Scope& scope);
  Result<std::shared_ptr<const Plan>> extended_plan(const Plan& plan, std::string_view extension);
  void change_plan(
      const model::Mission& mission, const std::shared_ptr<const Plan>& plan, Scope& scope
  );
  Result<std::shared_ptr<const Plan>> part_plan(const Plan& whole, TaskIndex task);
  Result<std::shared_ptr<const Plan>> deployed(
      const Namespace& ns, std::string_view workflow, std::string_view version
  );
  static std::string tally_of(const Entry& entry);
  void index_mission(const model::Mission& mission);
  void recount(
      const Plan& plan, std::optional<MissionSituation> was, std::optional<MissionSituation> is
  );
  void mission_over(const model::Mission& mission);
  void settle(Scope& scope);
  void tell_waiting(const MissionName& name, Scope& scope);
  // mission_dependencies.cc: missions after missions
  Result<std::vector<MissionName>> checked_after(
      const Namespace& ns, const std::vector<MissionName>& names
  ) const;
  void index_dependencies(const model::Mission& mission);
  void tell_successors(const model::Mission& ended, Scope& scope);
  Result<Entry*> entry_of(const MissionName& name);
  void dispatch(Scope& scope);
  // deadlock.cc: missions that wait for each other
  void wait_on(Waits& waits, const model::Mission* mission, const std::string& why) const;
  void wait_on_pool(Waits& waits, const std::string& pool, std::uint32_t units) const;
  void wait_on_admission(Waits& waits, const Entry& entry) const;
  void wait_on_task(Waits& waits, const Entry& entry, TaskIndex index) const;
  Waits waits_of(const Entry& entry) const;
  std::vector<Wait> circle_of(const model::Mission& mission) const;
  std::string describe(const std::vector<Wait>& circle) const;
  std::string explained(std::string_view reason, const std::vector<Wait>& circle) const;
  std::string explain(std::string_view reason, const model::Mission& mission);
  void tell(Revision mission, Scope& scope);
  void tell_again(Scope& scope);
  void index_deadlock(const model::Mission& mission);
  void suspect(const model::Mission& mission);
  void report_deadlocks(Scope& scope);
  bool waits_for(const model::Mission& mission, const model::Mission& other) const;
  // engine_quota.cc
  static bool is_quota_pool(std::string_view pool);
  std::vector<const Quota*> quotas_of_task(
      const model::Mission& mission, const Plan& plan, TaskIndex task
  ) const;
  void enforce(const QuotaRefusal& refusal, const Spender& who, const Spent& wanted, Scope& scope);
  bool hold_mission(
      MissionTurn& turn, const Quota& quota, QuotaLimit limit, const std::string& message
  );
  std::vector<RunRef> runs_to_stop(
      const Quota& quota, QuotaLimit limit, const Spender& who, Scope& scope
  );
  void tell_duration(
      const Quota& quota,
      const model::Mission& mission,
      const std::string& run,
      Duration used,
      Duration level,
      bool exceeded,
      Scope& scope
  );
  bool has_room(const MissionTurn& turn, const model::Hold& hold, const OverQuota& over) const;
  bool release_quota_holds(MissionTurn& turn);
  void quota_hold_gone(const model::Mission& mission, const std::string& subject);
  void follow_quotas(Scope& scope);
  void tell_held(Scope& scope);
  void recount_runs();
  std::vector<workflow::Semaphore> quota_units(
      const model::Mission& mission, const Plan& plan, TaskIndex task
  ) const;
  std::optional<std::string> refused_by_quota(
      const model::Mission& mission, const Plan& plan, SlotKey slot, Scope& scope
  );
  std::uint32_t retries_max(
      const model::Mission& mission, const Plan& plan, TaskIndex task, std::uint32_t retries
  ) const;
  void recover_quota_holds(Scope& scope);
  // admission.cc: who may start
  bool is_full(const Plan& plan) const;
  void give_back_units(
      Revision mission, const std::vector<workflow::Semaphore>& units, Pools::Holder holder
  );
  void consider(MissionTurn& turn);
  void admit_waiting(Scope& scope);
  std::optional<std::string> admission_refusal(const model::Mission& mission, const Plan& plan)
      const;
  void update_claims(const model::Mission& mission, const Plan& plan);
  void add_demand(const Plan& plan);
  void add_to_queue(const std::string& workflow, AdmissionQueue::Place place);
  void leave_queue(const model::Mission& mission);
  void enqueue(const model::Mission& mission, SlotKey slot);
  bool must_wait(const model::Mission& mission, SlotKey slot) const;

  /// Why a run may not be handed to a host now.
  struct Refusal {
    std::string reason;
    /// What it waits for.
    std::string pool;
    /// The units are there, but others come first.
    bool behind = false;
  };

  std::optional<Refusal> launch_refusal(
      const RunRef& run, const Entry& entry, std::optional<RunPlace> place
  ) const;
  std::optional<std::string> behind_others(
      const std::vector<workflow::Semaphore>& wanted, RunPlace place
  ) const;
  std::vector<workflow::Semaphore> units_of_run(
      const model::Mission& mission, const Plan& plan, TaskIndex task
  ) const;
  std::int64_t score_of(const model::Mission& mission) const;
  void unblock(const std::string& pool);
  std::uint32_t wanted_of(const RunRef& run, const std::string& pool) const;
  void host_taken(const model::Mission& mission, SlotKey slot, const Plan& plan);
  void host_left(const RunRef& run);
  void forget_runs(const model::Mission& mission);
  void forget_run(const RunRef& run);

  Limits limits_;
  std::string instance_;
  WorkflowLoader loader_;
  cron::ZoneSource* zones_ = nullptr;
  ArtifactAddress artifact_address_ = artifact_address;
  std::map<Revision, Entry> missions_;
  std::unordered_map<MissionName, Revision> by_name_;
  std::map<Namespace, Library> libraries_;
  RunQueue runs_;
  std::set<RunRef> on_hosts_;
  /// Units that runs on hosts have taken.
  std::map<RunRef, std::vector<workflow::Semaphore>> run_units_;
  Pools pools_;
  AdmissionQueue queue_;
  std::map<Revision, std::pair<std::string, AdmissionQueue::Place>> queued_;
  /// The missions of a workflow (by Plan::key) that have a place.
  std::map<std::string, std::set<Revision>> active_;
  /// Missions that were left in this turn with nothing but waiting, and those whose text names a
  /// circle that they are in.
  std::set<Revision> suspects_;
  std::set<Revision> told_;
  WorkflowExtender extender_;
  std::function<Result<std::uint64_t>(std::string_view tally)> history_;
  std::function<Result<bool>(const MissionName& name)> named_before_;
  /// Ended missions by tally: those of the history that were asked for, and those of this engine.
  std::map<std::string, std::uint64_t> history_counts_;
  std::map<std::string, std::uint64_t> ended_counts_;
  /// Live missions by workflow (Plan::key).
  std::map<std::string, std::map<MissionSituation, std::uint64_t>, std::less<>> live_counts_;
  /// All live missions, also those that workflows do not count.
  std::array<std::uint64_t, model::kMissionStates> live_by_state_{};
  /// A place or units became free in this turn.
  bool freed_ = false;
  /// So that circles may be broken.
  bool tell_again_ = false;
  /// Missions are put into their queues and not started yet.
  bool recovering_ = false;
  std::vector<std::unique_ptr<Book>> books_;
  /// The same by kind; null: none.
  std::array<Book*, journal::kAllKinds.size()> book_by_kind_{};
  MetadataBook* metadata_ = nullptr;
  ToolCallBook* tool_calls_ = nullptr;
  MeterBook* meter_ = nullptr;
  UsageBook* usage_ = nullptr;
  std::unique_ptr<QuotaRegistry> quotas_;
  /// Missions that are held for quotas, by the subjects of their holds.
  std::map<Revision, std::map<std::string, OverQuota>> over_quota_;
  /// Whether rows of usage say how many those are.
  bool held_told_ = true;
  std::unique_ptr<Collector> collector_;
  StoredObjects stored_;
  /// Live missions by namespace and user key.
  std::map<std::pair<Namespace, std::string>, MissionName> by_user_key_;
  /// Who waits for the end of a mission: tasks of missions, by creation.
  std::map<MissionName, std::set<std::pair<Revision, TaskIndex>>> waiting_for_;
  /// Missions that are held until another one has ended, by creation; rebuilt from their holds.
  std::map<MissionName, std::set<Revision>> successors_;
  /// Missions that have ended in this turn, for those who wait for them.
  std::deque<MissionName> over_;
};

/// LimitExceeded: more missions to wait for, or more parameters, than may be looked at.
Result<void> check_counts(const SubmitMission& command);

/// Later values of a name replace earlier ones, so that objects have unique members.
std::vector<model::NamedValue> unique_values(const std::vector<model::NamedValue>& values);

/// The object of a mission: its namespace and its plain name.
journal::ObjectKey mission_key(const MissionName& name);

/// The installation-wide name of the mission that an object is.
MissionName mission_of(const journal::ObjectKey& key);

/// The row name of a workflow version: `<name>@<first 32 hex digits of its digest>`.
std::string workflow_row_name(std::string_view name, const Digest& digest);

/// LimitExceeded: the journal could not hold the document.
Result<void> check_document_size(const Plan& plan);

/// The row of a workflow version.
void encode_workflow(const workflow::Workflow& workflow, const Namespace& ns, std::string& out);

}  // namespace reeve::engine
