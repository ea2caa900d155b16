#include "kernel/core.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "engine/metadata_book.h"

namespace reeve::kernel {

namespace {

/// Begins the record of an input that came with a fingerprint; no name begins like that.
constexpr std::string_view kFingerprintMark = "#";
/// Handled inputs that are remembered in memory; older ones are looked up in the store.
constexpr std::size_t kRecentInputsMax = 100'000;

/// What the record of a handled input refers to; behind a space, which no name of a mission has,
/// what came of a decision about it.
std::string subject_of(const engine::Reply& reply) {
  if (reply.mission.empty()) {
    return reply.subject;
  }
  return reply.detail.is_null() ? reply.mission.str()
                                : concat(reply.mission.view(), " ", reply.detail.dump());
}

}  // namespace

Core::Core(store::Reader& reader, CoreOptions options)
    : reader_(reader),
      options_(std::move(options)),
      engine_(options_.limits, options_.instance, options_.loader, options_.zones) {
  if (options_.artifact_address) {
    engine_.set_artifact_address(options_.artifact_address);
  }
}

Result<std::unique_ptr<Core>> Core::recover(
    store::Reader& reader, CoreOptions options, Timestamp now
) {
  std::unique_ptr<Core> core(new Core(reader, std::move(options)));
  REEVE_TRY(const store::Head head, reader.head());
  core->next_ = head.revision.next();
  core->engine_.use_extender(core->options_.extend);
  core->engine_.use_history([&reader, start = head.revision](std::string_view tally) {
    return reader.count_ended(tally, start);
  });
  core->engine_.use_names([&reader](const MissionName& name) -> Result<bool> {
    REEVE_TRY(const std::optional<store::Row> row, reader.get(engine::mission_key(name)));
    return row.has_value();
  });
  core->engine_.use_stored(core->stored_objects());
  core->last_now_ = now;
  if (head.revision != Revision()) {
    // The clock may have been set back while we were away; event times never go back.
    store::EventQuery last;
    last.after = Revision(head.revision.value() - 1);
    last.limit = 1;
    REEVE_TRY(const std::vector<journal::Event> events, reader.events(last));
    if (!events.empty()) {
      core->last_now_ = std::max(now, events.back().at);
    }
  }
  // In order of creation: a workflow comes before the missions that refer to it, unless it is a
  // version that a mission was extended to.
  std::vector<store::Row> extended;
  REEVE_CHECK(reader.each_live_row([&](store::Row row) -> Result<void> {
    Result<void> loaded = core->engine_.load_row(row.key, row.body, row.revision);
    if (!loaded && loaded.error().code == ErrorCode::NotFound) {
      extended.push_back(std::move(row));
      return {};
    }
    return loaded;
  }));
  for (const store::Row& row : extended) {
    if (Result<void> loaded = core->engine_.load_row(row.key, row.body, row.revision); !loaded) {
      return make_error(ErrorCode::Corrupt, loaded.error().message, row.key.name);
    }
  }
  REEVE_CHECK(core->refold_missions());
  REEVE_CHECK(reader.each_timer([&](store::Timer timer) -> Result<void> {
    Timestamp due = timer.due;
    const bool of_mission = timer.owner.kind == journal::Kind::Mission;
    if (of_mission && timer.key == "deadline" && due <= core->last_now_) {
      // The time we were away does not count against the mission: its limit starts again.
      const model::Mission* live = core->engine_.find(engine::mission_of(timer.owner));
      const workflow::Workflow* workflow =
          live == nullptr ? nullptr : core->engine_.workflow_of(*live);
      due = workflow == nullptr ? due : core->last_now_ + workflow->timeout;
    }
    core->arm({.owner = timer.owner, .key = timer.key}, due);
    return {};
  }));
  Input self;
  engine::Scope scope = core->begin(self, core->last_now_);
  core->engine_.recover(scope);
  core->finish(std::move(scope));
  return core;
}

/// Missions of an earlier version: their rows do not say everything that is said of others.
Result<void> Core::refold_missions() {
  for (const journal::ObjectKey& key : engine_.to_refold()) {
    REEVE_CHECK(engine_.refold(key, [&](Revision after) {
      store::EventQuery query;
      query.object = key;
      query.after = after;
      return reader_.events(query);
    }));
  }
  return {};
}

// --- turns --------------------------------------------------------------------------------------

engine::Scope Core::begin(const Input& input, Timestamp now) {
  last_now_ = std::max(last_now_, now);
  engine::Scope scope;
  scope.now = last_now_;
  scope.next = next_;
  scope.actor = input.principal;
  scope.groups = input.groups;
  scope.correlation = input.correlation;
  scope.trace = input.trace;
  return scope;
}

void Core::finish(engine::Scope scope) {
  next_ = scope.next;
  for (const journal::Event& event : scope.events) {
    touched_[event.object] = event.revision;
  }
  for (const auto& [key, revision] : scope.also_changed) {
    Revision& last = touched_[key];
    last = std::max(last, revision);
  }
  std::move(scope.events.begin(), scope.events.end(), std::back_inserter(open_.commit.events));
  std::move(scope.effects.begin(), scope.effects.end(), std::back_inserter(open_.effects));
  for (const engine::TimerChange& change : scope.timers) {
    const TimerId id{.owner = change.owner, .key = change.key};
    const auto armed = timers_.find(id);
    const std::optional<Timestamp> before =
        armed == timers_.end() ? std::nullopt : std::optional(armed->second);
    if (before != change.due) {
      stage_timer(id, change.due);
      arm(id, change.due);
    }
  }
}

void Core::handle(Input input, Timestamp now) {
  if (answer_repeat(input)) {
    return;
  }
  if (Result<void> ready = prepare(input.command); !ready) {
    open_.completions.push_back({std::move(input.done), std::move(ready).error()});
    return;
  }
  engine::Scope scope = begin(input, now);
  Result<engine::Reply> reply = engine_.turn(input.command, scope);
  if (reply) {
    const Revision last(scope.next.value() - 1);
    finish(std::move(scope));
    remember(input, last, *reply);
  } else {
    REEVE_ASSERT(scope.events.empty());
  }
  if (input.done) {
    open_.completions.push_back({std::move(input.done), std::move(reply)});
  }
}

void Core::remember(const Input& input, Revision last, const engine::Reply& reply) {
  if (input.id.empty()) {
    return;
  }
  std::string subject = subject_of(reply);
  if (!input.fingerprint.empty()) {
    subject = concat(kFingerprintMark, input.fingerprint, " ", subject);
  }
  open_.commit.inputs.push_back(
      {.id = input.id,
       .revision = last,
       .expires_at = last_now_ + options_.input_memory,
       .subject = subject}
  );
  recent_inputs_.emplace(input.id, std::move(subject));
  recent_order_.push_back(input.id);
  if (recent_order_.size() > kRecentInputsMax) {
    recent_inputs_.erase(recent_order_.front());
    recent_order_.pop_front();
  }
}

/// What is remembered of an input that was handled before.
Result<std::optional<std::string>> Core::find_repeat(const InputId& id) {
  const auto recent = recent_inputs_.find(id);
  if (recent != recent_inputs_.end()) {
    return std::optional(recent->second);
  }
  REEVE_TRY(std::optional<store::InputRecord> record, reader_.find_input(id));
  if (!record || record->expires_at <= last_now_) {
    return std::optional<std::string>();
  }
  return std::optional(std::move(record->subject));
}

/// Answers an input that was handled before. The answer waits for the open batch, which is
/// committed after the one that handled it.
bool Core::answer_repeat(Input& input) {
  if (input.id.empty()) {
    return false;
  }
  Result<std::optional<std::string>> subject = find_repeat(input.id);
  if (subject && !*subject) {
    return false;
  }
  Result<engine::Reply> reply = subject ? first_answer(input, std::move(**subject))
                                        : Result<engine::Reply>(std::move(subject).error());
  if (input.done) {
    open_.completions.push_back({std::move(input.done), std::move(reply)});
  }
  return true;
}

/// Invalid: the id was used for something else.
Result<engine::Reply> Core::first_answer(const Input& input, std::string subject) {
  std::string fingerprint;
  if (subject.starts_with(kFingerprintMark)) {
    const std::size_t end = subject.find(' ');
    fingerprint = subject.substr(kFingerprintMark.size(), end - kFingerprintMark.size());
    subject.erase(0, end + 1);
  }
  if (!input.fingerprint.empty() && !fingerprint.empty() && fingerprint != input.fingerprint) {
    Error error = make_error(
        ErrorCode::Invalid, "this id was used for another request before", input.id.str()
    );
    error.hint = "use a new one for each request; repeat a request with the same content only";
    return error;
  }
  engine::Reply reply;
  reply.repeated = true;
  if (std::holds_alternative<engine::ObjectCommand>(input.command)) {
    reply.subject = std::move(subject);
    return reply;
  }
  const std::size_t end = subject.find(' ');
  reply.mission = MissionName(subject.substr(0, end));
  if (end != std::string::npos) {
    REEVE_TRY(reply.detail, parse_json(std::string_view(subject).substr(end + 1)));
  }
  // The mission may have ended long ago: then only the store still has it.
  REEVE_CHECK(fetch(reply.mission));
  if (const model::Mission* mission = engine_.find(reply.mission)) {
    reply.uid = mission->uid;
    reply.state = mission->state;
    reply.revision = mission->revision;
  }
  return reply;
}

/// Loads what the command refers to and only the store still has.
Result<void> Core::prepare(engine::Command& command) {
  if (auto* submit = std::get_if<engine::SubmitMission>(&command)) {
    if (submit->workflow == nullptr) {
      REEVE_TRY(
          submit->workflow,
          engine_.workflow_to_submit(submit->ns, submit->deployed, submit->version)
      );
    }
    REEVE_CHECK(engine::check_counts(*submit));
    for (const MissionName& before : submit->after) {
      REEVE_CHECK(fetch(before));
    }
    return {};
  }
  if (auto* retry = std::get_if<engine::RetryMission>(&command)) {
    return fetch(retry->parent);
  }
  if (const auto* abort = std::get_if<engine::AbortMission>(&command)) {
    return fetch(abort->mission);
  }
  if (const auto* resume = std::get_if<engine::ResumeMission>(&command)) {
    return fetch(resume->mission);
  }
  if (const auto* decision = std::get_if<engine::DecideGate>(&command)) {
    return fetch(decision->mission);
  }
  if (const auto* about = std::get_if<engine::ObjectCommand>(&command);
      about != nullptr && about->object.kind == journal::Kind::Metadata) {
    const Result<journal::ObjectKey> object = engine::object_of_metadata(about->object);
    return object ? fetch_described(*object) : Result<void>();
  }
  return {};
}

/// Brings an ended mission back into memory until the open batch is durable.
Result<void> Core::fetch(const MissionName& name) {
  return engine_.find(name) != nullptr ? Result<void>() : fetch_row(engine::mission_key(name));
}

Result<void> Core::fetch_row(const journal::ObjectKey& key) {
  if (!engine_.uid_of(key).empty()) {
    return {};
  }
  REEVE_TRY(const std::optional<store::Row> row, reader_.get(key));
  if (row && !engine::is_deleted_row(row->body)) {
    REEVE_CHECK(engine_.load_row(row->key, row->body, row->revision));
    open_.ended.push_back(row->key);
  }
  return {};
}

/// An ended mission with what people have said about it.
Result<void> Core::fetch_described(const journal::ObjectKey& object) {
  if (object.kind == journal::Kind::Mission) {
    REEVE_CHECK(fetch_row(object));
    REEVE_CHECK(fetch_row(engine::metadata_key(object)));
  }
  return {};
}

engine::StoredObjects Core::stored_objects() {
  engine::StoredObjects stored;
  stored.uid_of = [this](const journal::ObjectKey& key) -> Result<std::optional<Uid>> {
    REEVE_TRY(const std::optional<store::Row> row, reader_.get(key));
    const bool there = row && !engine::is_deleted_row(row->body);
    return there ? std::optional(row->uid) : std::nullopt;
  };
  stored.fetch = [this](const journal::ObjectKey& object) {
    return fetch_described(object);
  };
  stored.ended = [this](
                     const Namespace& ns, Revision& cursor, std::uint32_t limit
                 ) -> Result<std::vector<journal::ObjectKey>> {
    store::RowQuery query;
    query.ns = ns;
    query.limit = limit;
    query.before = cursor;
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader_.list(query));
    std::vector<journal::ObjectKey> ended;
    for (const store::ListedRow& listed : rows) {
      if (!listed.row.live && !engine::is_deleted_row(listed.row.body)) {
        ended.push_back(listed.row.key);
      }
    }
    cursor = rows.size() < limit ? Revision() : rows.back().created;
    return ended;
  };
  return stored;
}

// --- timers -------------------------------------------------------------------------------------

void Core::arm(const TimerId& id, std::optional<Timestamp> due) {
  const auto armed = timers_.find(id);
  if (armed != timers_.end()) {
    due_.erase({armed->second, id});
    timers_.erase(armed);
  }
  if (due) {
    timers_.emplace(id, *due);
    due_.emplace(*due, id);
  }
}

/// One that is set and reset within a batch is never stored.
void Core::stage_timer(const TimerId& id, std::optional<Timestamp> due) {
  if (due && !timers_.contains(id) && !timer_writes_.contains(id)) {
    unstored_timers_.insert(id);
  }
  if (!due && unstored_timers_.erase(id) > 0) {
    timer_writes_.erase(id);
    return;
  }
  timer_writes_[id] = due;
}

void Core::disarm_all(const journal::ObjectKey& owner) {
  auto timer = timers_.lower_bound({.owner = owner, .key = {}});
  while (timer != timers_.end() && timer->first.owner == owner) {
    const TimerId id = timer->first;
    ++timer;
    stage_timer(id, std::nullopt);
    arm(id, std::nullopt);
  }
}

std::optional<Timestamp> Core::next_timer() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

std::uint32_t Core::fire_timers(Timestamp now, std::uint32_t limit) {
  std::uint32_t fired = 0;
  for (; fired < limit && !due_.empty() && due_.begin()->first <= std::max(now, last_now_);
       ++fired) {
    const TimerId id = due_.begin()->second;
    stage_timer(id, std::nullopt);
    arm(id, std::nullopt);
    Input input;
    input.principal = Principal("system:timer");
    input.command = engine::TimerFired{.owner = id.owner, .key = id.key};
    handle(std::move(input), now);
  }
  return fired;
}

std::uint32_t Core::reconcile(Timestamp now, std::uint32_t limit) {
  if (to_reconcile_.empty()) {
    for (MissionName& name : engine_.live_missions()) {
      to_reconcile_.push_back(std::move(name));
    }
    to_reconcile_.emplace_back();
  }
  std::uint32_t done = 0;
  for (; done < limit; ++done) {
    const MissionName name = std::move(to_reconcile_.front());
    to_reconcile_.pop_front();
    if (name.empty()) {
      return 0;
    }
    Input input;
    input.principal = Principal("system:reconciler");
    input.command = engine::Reconcile{.mission = name};
    handle(std::move(input), now);
  }
  return done;
}

// --- batches ------------------------------------------------------------------------------------

bool Core::staged() const {
  return !open_.commit.events.empty() || !open_.completions.empty() || !open_.effects.empty() ||
         !timer_writes_.empty() || !open_.commit.inputs.empty();
}

Batch Core::seal() {
  for (const auto& [key, revision] : touched_) {
    store::Row row;
    row.key = key;
    row.uid = engine_.uid_of(key);
    row.revision = revision;
    row.live = engine_.encode_row(key, row.body);
    row.tally = row.live ? std::string() : engine_.tally_of(key);
    if (!row.live) {
      disarm_all(key);
      open_.ended.push_back(key);
    }
    open_.commit.rows.push_back(std::move(row));
  }
  touched_.clear();
  for (const auto& [id, due] : timer_writes_) {
    open_.commit.timers.push_back({.owner = id.owner, .key = id.key, .due = due});
  }
  timer_writes_.clear();
  unstored_timers_.clear();
  Batch batch = std::move(open_);
  open_ = Batch();
  return batch;
}

void Core::released(const std::vector<journal::ObjectKey>& ended) {
  for (const journal::ObjectKey& key : ended) {
    // What has changed again since then is encoded with the open batch, and released after it.
    if (!touched_.contains(key)) {
      engine_.forget(key);
    }
  }
}

}  // namespace reeve::kernel
