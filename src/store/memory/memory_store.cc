#include "store/memory/memory_store.h"

#include <algorithm>
#include <tuple>

#include "store/commit_check.h"

namespace reeve::store {

Head MemoryStore::Data::head() const {
  return events.empty() ? Head{} : Head{events.back().revision, events.back().chain};
}

void MemoryStore::Data::put_row(const Row& row) {
  Object& object = objects[row.key];
  if (object.created == Revision(0)) {
    object.created = row.revision;
  }
  const Age age(object.created, row.key);
  rows.insert(age);
  if (row.live) {
    live_rows.insert(age);
  } else {
    live_rows.erase(age);
  }
  object.row = row;
}

void MemoryStore::Data::put_timer(const TimerWrite& timer) {
  if (timer.due.has_value()) {
    timers.insert_or_assign({timer.owner, timer.key}, *timer.due);
  } else {
    timers.erase({timer.owner, timer.key});
  }
}

void MemoryStore::Data::put_input(const InputRecord& input) {
  const auto known = inputs.find(input.id);
  if (known != inputs.end()) {
    input_expiry.erase({known->second.expires_at, input.id});
  }
  input_expiry.insert({input.expires_at, input.id});
  inputs.insert_or_assign(input.id, input);
}

std::unique_ptr<MemoryStore> MemoryStore::clone() const {
  auto copy = std::make_unique<MemoryStore>();
  const std::lock_guard lock(mutex_);
  copy->data_ = data_;
  return copy;
}

Result<Head> MemoryStore::head() {
  const std::lock_guard lock(mutex_);
  return data_.head();
}

Result<std::optional<Row>> MemoryStore::get(const journal::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto object = data_.objects.find(key);
  return object == data_.objects.end() ? std::optional<Row>() : object->second.row;
}

Result<std::vector<ListedRow>> MemoryStore::list(const RowQuery& query) {
  const std::lock_guard lock(mutex_);
  const std::set<Age>& ages = query.live_only ? data_.live_rows : data_.rows;
  auto at = query.before == Revision(0)
                ? ages.end()
                : ages.lower_bound(Age(query.before, {journal::Kind::Workflow, {}, {}}));
  std::vector<ListedRow> listed;
  while (at != ages.begin() && listed.size() < query.limit) {
    --at;
    const journal::ObjectKey& key = at->second;
    if (key.kind == query.kind && (!query.ns.has_value() || key.ns == *query.ns)) {
      listed.push_back({.row = *data_.objects.at(key).row, .created = at->first});
    }
  }
  return listed;
}

Result<std::vector<journal::Event>> MemoryStore::events(const EventQuery& query) {
  const std::lock_guard lock(mutex_);
  std::vector<journal::Event> found;
  if (!query.object.has_value()) {
    const std::size_t size = data_.events.size();
    const std::size_t begin = std::min<std::size_t>(query.after.value(), size);
    const std::size_t end = begin + std::min<std::size_t>(query.limit, size - begin);
    found.assign(
        data_.events.begin() + static_cast<std::ptrdiff_t>(begin),
        data_.events.begin() + static_cast<std::ptrdiff_t>(end)
    );
    return found;
  }
  const auto object = data_.objects.find(*query.object);
  if (object == data_.objects.end()) {
    return found;
  }
  const std::vector<Revision>& history = object->second.history;
  auto at = std::upper_bound(history.begin(), history.end(), query.after);
  if (query.newest && history.end() - at > static_cast<std::ptrdiff_t>(query.limit)) {
    at = history.end() - static_cast<std::ptrdiff_t>(query.limit);
  }
  for (; at != history.end() && found.size() < query.limit; ++at) {
    found.push_back(data_.events[at->value() - 1]);
  }
  return found;
}

Result<void> MemoryStore::each_live_row(const std::function<Result<void>(Row)>& visit) {
  std::vector<Row> rows;
  {
    const std::lock_guard lock(mutex_);
    rows.reserve(data_.live_rows.size());
    for (const Age& age : data_.live_rows) {
      rows.push_back(*data_.objects.at(age.second).row);
    }
  }
  for (Row& row : rows) {
    REEVE_CHECK(visit(std::move(row)));
  }
  return {};
}

Result<void> MemoryStore::each_row(const std::function<Result<void>(Row)>& visit) {
  std::vector<Row> rows;
  {
    const std::lock_guard lock(mutex_);
    rows.reserve(data_.rows.size());
    for (const auto& [key, object] : data_.objects) {
      if (object.row.has_value()) {
        rows.push_back(*object.row);
      }
    }
  }
  for (Row& row : rows) {
    REEVE_CHECK(visit(std::move(row)));
  }
  return {};
}

Result<void> MemoryStore::each_timer(const std::function<Result<void>(Timer)>& visit) {
  std::vector<Timer> timers;
  {
    const std::lock_guard lock(mutex_);
    timers.reserve(data_.timers.size());
    for (const auto& [key, due] : data_.timers) {
      timers.push_back({.owner = key.first, .key = key.second, .due = due});
    }
  }
  // Ties in the order of the database's text columns, so that both stores agree.
  std::sort(timers.begin(), timers.end(), [](const Timer& left, const Timer& right) {
    return std::make_tuple(
               left.due,
               journal::to_string(left.owner.kind),
               left.owner.ns.view(),
               std::string_view(left.owner.name),
               std::string_view(left.key)
           ) <
           std::make_tuple(
               right.due,
               journal::to_string(right.owner.kind),
               right.owner.ns.view(),
               std::string_view(right.owner.name),
               std::string_view(right.key)
           );
  });
  for (Timer& timer : timers) {
    REEVE_CHECK(visit(std::move(timer)));
  }
  return {};
}

Result<std::optional<InputRecord>> MemoryStore::find_input(const InputId& id) {
  const std::lock_guard lock(mutex_);
  const auto input = data_.inputs.find(id);
  return input == data_.inputs.end() ? std::optional<InputRecord>() : input->second;
}

Result<std::uint64_t> MemoryStore::count_ended(std::string_view tally, Revision up_to) {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [key, object] : data_.objects) {
    const bool ended = object.row && !object.row->live && object.row->tally == tally;
    count += ended && object.row->revision <= up_to ? 1U : 0U;
  }
  return count;
}

Result<void> MemoryStore::commit(const Commit& commit) {
  const std::lock_guard lock(mutex_);
  REEVE_CHECK(check_commit(data_.head(), commit));
  for (const journal::Event& event : commit.events) {
    Object& object = data_.objects[event.object];
    if (object.created == Revision(0)) {
      object.created = event.revision;
    }
    object.history.push_back(event.revision);
    data_.events.push_back(event);
  }
  for (const Row& row : commit.rows) {
    data_.put_row(row);
  }
  for (const TimerWrite& timer : commit.timers) {
    data_.put_timer(timer);
  }
  for (const InputRecord& input : commit.inputs) {
    data_.put_input(input);
  }
  return {};
}

Result<void> MemoryStore::forget_inputs(Timestamp now, std::uint32_t limit) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t forgotten = 0; forgotten < limit && !data_.input_expiry.empty(); ++forgotten) {
    const auto oldest = data_.input_expiry.begin();
    if (oldest->first >= now) {
      break;
    }
    data_.inputs.erase(oldest->second);
    data_.input_expiry.erase(oldest);
  }
  return {};
}

}  // namespace reeve::store
