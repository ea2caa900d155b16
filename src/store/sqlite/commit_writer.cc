#include "store/sqlite/commit_writer.h"

#include <utility>

#include "base/strings.h"
#include "store/commit_check.h"

namespace reeve::store::sqlite {

namespace {

std::int64_t number(Revision revision) {
  return static_cast<std::int64_t>(revision.value());
}

Revision revision_of(std::int64_t stored) {
  return Revision(static_cast<std::uint64_t>(stored));
}

}  // namespace

std::size_t CommitWriter::KeyHash::operator()(const journal::ObjectKey* key) const {
  const std::hash<std::string_view> hash;
  // Names alone tell nearly all objects of a batch apart.
  return hash(key->name) ^ (hash(key->ns.view()) << 1U) ^ static_cast<std::size_t>(key->kind);
}

Result<CommitWriter> CommitWriter::create(Connection connection) {
  struct Entry {
    Statement CommitWriter::*statement;
    std::string_view sql;
  };

  const Entry entries[] = {
      {&CommitWriter::begin_, "BEGIN IMMEDIATE"},
      {&CommitWriter::commit_, "COMMIT"},
      {&CommitWriter::rollback_, "ROLLBACK"},
      {&CommitWriter::read_head_, "SELECT head_revision, head_chain FROM meta WHERE id = 1"},
      {&CommitWriter::write_head_,
       "UPDATE meta SET head_revision = ?1, head_chain = ?2 "
       "WHERE id = 1 AND head_revision = ?3 AND head_chain = ?4"},
      {&CommitWriter::find_object_,
       "SELECT id, created, live, last_event FROM object "
       "WHERE kind = ?1 AND namespace = ?2 AND name = ?3"},
      {&CommitWriter::insert_object_,
       "INSERT INTO object(kind, namespace, name, uid, created, revision, live, last_event, body, "
       "tally) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
      {&CommitWriter::update_object_,
       "UPDATE object SET uid = ?2, revision = ?3, last_event = ?4, body = ?5 WHERE id = ?1"},
      // Naming `live` makes the database rewrite the object's entry in the index of live ones, so
      // this form is for changes of it only.
      {&CommitWriter::update_object_and_live_,
       "UPDATE object SET uid = ?2, revision = ?3, last_event = ?4, body = ?5, live = ?6, "
       "tally = ?7 WHERE id = ?1"},
      {&CommitWriter::update_last_event_, "UPDATE object SET last_event = ?2 WHERE id = ?1"},
      {&CommitWriter::insert_event_,
       "INSERT INTO event(revision, previous, at, kind, namespace, name, uid, type, actor, "
       "correlation, chain, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
      {&CommitWriter::arm_timer_,
       "INSERT INTO timer(kind, namespace, name, key, due) VALUES (?1, ?2, ?3, ?4, ?5) "
       "ON CONFLICT DO UPDATE SET due = excluded.due"},
      {&CommitWriter::disarm_timer_,
       "DELETE FROM timer WHERE kind = ?1 AND namespace = ?2 AND name = ?3 AND key = ?4"},
      {&CommitWriter::upsert_input_,
       "INSERT INTO input(id, revision, expires_at, subject) VALUES (?1, ?2, ?3, ?4) "
       "ON CONFLICT DO UPDATE SET revision = excluded.revision, "
       "expires_at = excluded.expires_at, subject = excluded.subject"},
      {&CommitWriter::forget_inputs_,
       "DELETE FROM input WHERE id IN (SELECT id FROM input INDEXED BY input_by_expiry "
       "WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)"},
  };
  CommitWriter writer;
  writer.connection_ = std::move(connection);
  for (const Entry& entry : entries) {
    REEVE_TRY(writer.*entry.statement, writer.connection_.prepare(entry.sql));
  }
  return writer;
}

Result<void> CommitWriter::commit(const Commit& commit) {
  REEVE_CHECK(begin_.run());
  Result<void> written = write(commit);
  if (written.ok()) {
    written = commit_.run();
  }
  if (!written.ok()) {
    return abandon(std::move(written).error());
  }
  return {};
}

Result<void> CommitWriter::forget_inputs(Timestamp now, std::uint32_t limit) {
  forget_inputs_.bind(1, to_unix_millis(now));
  forget_inputs_.bind(2, static_cast<std::int64_t>(limit));
  return forget_inputs_.run();
}

Error CommitWriter::abandon(Error error) {
  // The database itself ends the transaction after some errors.
  if (connection_.in_transaction()) {
    const Result<void> ended = rollback_.run();
    if (!ended.ok()) {
      error.message.append(concat("; then ", ended.error().message));
    }
  }
  return error;
}

Result<void> CommitWriter::write(const Commit& commit) {
  REEVE_TRY(const Head head, read_head());
  REEVE_CHECK(check_commit(head, commit));
  touched_.clear();
  index_.clear();
  for (const journal::Event& event : commit.events) {
    REEVE_TRY(const std::size_t at, touch(event.object));
    Touched& touched = touched_[at];
    REEVE_CHECK(write_event(event, touched.last_event));
    if (touched.created == Revision(0)) {
      touched.created = event.revision;
    }
    touched.last_event = event.revision;
    touched.uid = &event.uid;
  }
  for (const Row& row : commit.rows) {
    REEVE_TRY(const std::size_t at, touch(row.key));
    touched_[at].row = &row;
    if (touched_[at].created == Revision(0)) {
      touched_[at].created = row.revision;
    }
  }
  for (const Touched& touched : touched_) {
    REEVE_CHECK(write_object(touched));
  }
  for (const TimerWrite& timer : commit.timers) {
    REEVE_CHECK(write_timer(timer));
  }
  for (const InputRecord& input : commit.inputs) {
    REEVE_CHECK(write_input(input));
  }
  if (!commit.events.empty()) {
    REEVE_CHECK(write_head(head, commit.events.back()));
  }
  return {};
}

Result<Head> CommitWriter::read_head() {
  const StatementScope scope(read_head_);
  REEVE_TRY(const bool found, read_head_.step());
  if (!found) {
    return make_error(ErrorCode::Corrupt, "the table meta is empty", "store");
  }
  REEVE_TRY(const Sha256Bytes chain, read_head_.sha256(1));
  return Head{.revision = revision_of(read_head_.integer(0)), .chain = chain};
}

Result<void> CommitWriter::write_head(const Head& before, const journal::Event& last) {
  write_head_.bind(1, number(last.revision));
  write_head_.bind(2, last.chain);
  write_head_.bind(3, number(before.revision));
  write_head_.bind(4, before.chain);
  REEVE_CHECK(write_head_.run());
  if (write_head_.changes() != 1) {
    return make_error(ErrorCode::Conflict, "the head of the journal has moved", "journal");
  }
  return {};
}

Result<std::size_t> CommitWriter::touch(const journal::ObjectKey& key) {
  // Events of one object come in runs.
  if (!touched_.empty() && *touched_.back().key == key) {
    return touched_.size() - 1;
  }
  const auto [entry, is_new] = index_.try_emplace(&key, touched_.size());
  if (!is_new) {
    return entry->second;
  }
  Touched touched;
  touched.key = &key;
  find_object_.bind(1, journal::to_string(key.kind));
  find_object_.bind(2, key.ns.view());
  find_object_.bind(3, key.name);
  const StatementScope scope(find_object_);
  REEVE_TRY(const bool found, find_object_.step());
  if (found) {
    touched.id = find_object_.integer(0);
    touched.created = revision_of(find_object_.integer(1));
    touched.was_live = find_object_.integer(2) != 0;
    touched.last_event = revision_of(find_object_.integer(3));
  }
  touched_.push_back(touched);
  return touched_.size() - 1;
}

Result<void> CommitWriter::write_event(const journal::Event& event, Revision previous) {
  insert_event_.bind(1, number(event.revision));
  insert_event_.bind(2, number(previous));
  insert_event_.bind(3, to_unix_millis(event.at));
  insert_event_.bind(4, journal::to_string(event.object.kind));
  insert_event_.bind(5, event.object.ns.view());
  insert_event_.bind(6, event.object.name);
  insert_event_.bind(7, event.uid.view());
  insert_event_.bind(8, event.type);
  insert_event_.bind(9, event.actor.view());
  insert_event_.bind(10, event.correlation.view());
  insert_event_.bind(11, event.chain);
  insert_event_.bind(12, event.data);
  return insert_event_.run();
}

Result<void> CommitWriter::write_object(const Touched& touched) {
  if (touched.id == 0) {
    return insert_object(touched);
  }
  if (touched.row != nullptr) {
    return update_object(touched);
  }
  update_last_event_.bind(1, touched.id);
  update_last_event_.bind(2, number(touched.last_event));
  return update_last_event_.run();
}

namespace {

void bind_tally(Statement& statement, int index, const Row* row) {
  if (row != nullptr && !row->live && !row->tally.empty()) {
    statement.bind(index, row->tally);
  } else {
    statement.bind_null(index);
  }
}

}  // namespace

Result<void> CommitWriter::insert_object(const Touched& touched) {
  const Row* row = touched.row;
  insert_object_.bind(1, journal::to_string(touched.key->kind));
  insert_object_.bind(2, touched.key->ns.view());
  insert_object_.bind(3, touched.key->name);
  insert_object_.bind(4, row != nullptr ? row->uid.view() : touched.uid->view());
  insert_object_.bind(5, number(touched.created));
  insert_object_.bind(6, number(row != nullptr ? row->revision : touched.last_event));
  insert_object_.bind(7, static_cast<std::int64_t>(row != nullptr && row->live));
  insert_object_.bind(8, number(touched.last_event));
  if (row != nullptr) {
    insert_object_.bind(9, row->body);
  } else {
    insert_object_.bind_null(9);
  }
  bind_tally(insert_object_, 10, row);
  return insert_object_.run();
}

Result<void> CommitWriter::update_object(const Touched& touched) {
  const Row& row = *touched.row;
  const bool live_changes = row.live != touched.was_live;
  Statement& update = live_changes ? update_object_and_live_ : update_object_;
  update.bind(1, touched.id);
  update.bind(2, row.uid.view());
  update.bind(3, number(row.revision));
  update.bind(4, number(touched.last_event));
  update.bind(5, row.body);
  if (live_changes) {
    update.bind(6, static_cast<std::int64_t>(row.live));
    bind_tally(update, 7, &row);
  }
  return update.run();
}

Result<void> CommitWriter::write_timer(const TimerWrite& timer) {
  Statement& statement = timer.due.has_value() ? arm_timer_ : disarm_timer_;
  statement.bind(1, journal::to_string(timer.owner.kind));
  statement.bind(2, timer.owner.ns.view());
  statement.bind(3, timer.owner.name);
  statement.bind(4, timer.key);
  if (timer.due.has_value()) {
    statement.bind(5, to_unix_millis(*timer.due));
  }
  return statement.run();
}

Result<void> CommitWriter::write_input(const InputRecord& input) {
  upsert_input_.bind(1, input.id.view());
  upsert_input_.bind(2, number(input.revision));
  upsert_input_.bind(3, to_unix_millis(input.expires_at));
  upsert_input_.bind(4, input.subject);
  return upsert_input_.run();
}

}  // namespace reeve::store::sqlite
