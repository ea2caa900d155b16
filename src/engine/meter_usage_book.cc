#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/meter_book.h"
#include "engine/meter_limits.h"
#include "engine/quota.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kPeriodBegun = "usage.period_begun";
constexpr std::string_view kWarned = "budget.warned";
constexpr std::string_view kExceeded = "budget.exceeded";
constexpr std::string_view kRelieved = "budget.relieved";
constexpr std::string_view kHeld = "budget.held";
constexpr std::string_view kPeriodTimer = "period";

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

}  // namespace

Result<void> UsageBook::load(const journal::ObjectKey& key, const Json& row) {
  REEVE_TRY(UsageRow read, decode_usage(key, row));
  ledger_->put(key, std::move(read));
  return {};
}

bool UsageBook::encode(const journal::ObjectKey& key, std::string& body) const {
  return encode_usage(key, *ledger_->find_any(key), body);
}

Uid UsageBook::uid_of(const journal::ObjectKey& key) const {
  const UsageRow* row = ledger_->find_any(key);
  return row == nullptr ? Uid() : row->uid;
}

Revision UsageBook::revision_of(const journal::ObjectKey& key) const {
  const UsageRow* row = ledger_->find(key);
  return row == nullptr ? Revision() : row->revision;
}

std::vector<journal::ObjectKey> UsageBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [key, row] : ledger_->rows()) {
    keys.push_back(key);
  }
  return keys;
}

void UsageBook::forget(const journal::ObjectKey& key) {
  ledger_->forget(key);
}

Result<void> UsageBook::apply(const journal::Event& event) {
  const UsageLedger::Stamp stamp{.revision = event.revision, .at = event.at, .uid = event.uid};
  REEVE_TRY(const Json data, parse_json(event.data));
  if (event.type == kPeriodBegun && quota_key_of(event.object)) {
    Fields fields(data, event.type);
    const Timestamp start = fields.required_time("start");
    if (const Result<void> whole = fields.finish(); !whole) {
      return corrupt(whole.error().describe(), event.object.name);
    }
    ledger_->begin_period(event.object, start, stamp);
    return {};
  }
  if (event.type == kRelieved) {
    std::vector<std::string> limits;
    for (const Json& limit : data.get_array("limits")) {
      limits.push_back(limit.is_string() ? limit.as_string() : std::string());
    }
    return ledger_->relieve(event.object, limits, stamp);
  }
  if (event.type == kHeld) {
    const std::int64_t missions = data.get_int("missions");
    return ledger_->hold(
        event.object, static_cast<std::uint64_t>(std::max<std::int64_t>(missions, 0)), stamp
    );
  }
  if (event.type != kWarned && event.type != kExceeded) {
    return corrupt(concat("the event ", event.type, " does not fit"), event.object.name);
  }
  // A warning about one run says nothing about the next one.
  if (event.type == kWarned && data.get_bool("eachRun")) {
    return {};
  }
  return ledger_->note(
      event.object,
      event.type == kExceeded,
      data.get_string("limit"),
      data.get_string("level"),
      stamp
  );
}

// --- periods ------------------------------------------------------------------------------------

void UsageBook::begin_period(const Quota& quota, Timestamp start, BookTurn& turn) {
  const journal::ObjectKey key = usage_key_of(quota.key);
  Json data = Json::object();
  data.set("start", format_timestamp(start));
  const Result<void> emitted = ledger_->find(key) == nullptr
                                   ? turn.emit_first(key, kPeriodBegun, data)
                                   : turn.emit(key, kPeriodBegun, data);
  REEVE_ASSERT(emitted.ok());
  watch_period(quota, turn);
}

void UsageBook::watch_period(const Quota& quota, BookTurn& turn) {
  const journal::ObjectKey key = usage_key_of(quota.key);
  const UsageRow* row = ledger_->find(key);
  if (row == nullptr) {
    return;
  }
  const std::optional<PeriodSpan> span = period_at(quota.period, turn.now());
  // What is over already begins anew with the next call, or when the timer is due: at once.
  const bool over = span && row->period_start && *row->period_start < span->start;
  turn.set_timer(
      key,
      std::string(kPeriodTimer),
      !span ? std::nullopt : std::optional(over ? turn.now() : span->end)
  );
}

bool UsageBook::keep_period(const Quota& quota, BookTurn& turn) {
  const UsageRow* row = ledger_->find(usage_key_of(quota.key));
  const std::optional<PeriodSpan> span = period_at(quota.period, turn.now());
  const bool over = row != nullptr && span && *row->period_start < span->start;
  if (row != nullptr && !over) {
    return false;
  }
  begin_period(quota, span ? span->start : turn.now(), turn);
  return true;
}

/// A period is over. The quota may have gone, or count by another one meanwhile.
void UsageBook::on_timer(
    const journal::ObjectKey& key, std::string_view /*timer*/, BookTurn& turn
) {
  if (const Quota* quota = turn.engine().quota_of_usage(key)) {
    if (keep_period(*quota, turn)) {
      turn.engine().quota_has_room(quota->key, turn.scope());
    } else {
      watch_period(*quota, turn);
    }
  }
}

Result<Reply> UsageBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(refuse_runs(turn.actor(), "what was spent"));
  if (command.verb != "reset" || !quota_key_of(command.object)) {
    return make_error(
        ErrorCode::Invalid,
        concat("usage has no command \"", command.verb, "\"; that of a quota can be reset"),
        "verb"
    );
  }
  const Quota* quota = turn.engine().quota_of_usage(command.object);
  if (quota == nullptr) {
    return make_error(ErrorCode::NotFound, "there is no such quota", command.object.name);
  }
  begin_period(*quota, turn.now(), turn);
  turn.engine().quota_has_room(quota->key, turn.scope());
  return turn.reply(command.object);
}

// --- notices ------------------------------------------------------------------------------------

void UsageBook::tell(const Quota& quota, const Notice& notice, BookTurn& turn) {
  const journal::ObjectKey key = usage_key_of(quota.key);
  keep_period(quota, turn);
  const UsageRow& row = *ledger_->find(key);
  const std::string limit(to_string(notice.limit));
  const auto& told = notice.exceeded ? row.exceeded : row.warned;
  const auto before = told.find(limit);
  if (!notice.each_run && before != told.end() && before->second == notice.level) {
    return;
  }
  Json data = Json::object();
  data.set("quota", quota.label()).set("limit", limit);
  data.set("level", notice.level).set("used", notice.used);
  if (notice.each_run) {
    data.set("eachRun", true);
  }
  for (const auto& [name, text] :
       {std::pair("mission", &notice.mission),
        std::pair("run", &notice.run),
        std::pair("action", &notice.action)}) {
    if (!text->empty()) {
      data.set(name, *text);
    }
  }
  const Result<void> emitted = turn.emit(key, notice.exceeded ? kExceeded : kWarned, data);
  REEVE_ASSERT(emitted.ok());
}

void UsageBook::relieve(const journal::ObjectKey& key, const Quota* quota, BookTurn& turn) {
  const journal::ObjectKey usage = usage_key_of(key);
  const UsageRow* row = ledger_->find(usage);
  if (row == nullptr || row->exceeded.empty()) {
    return;
  }
  Json limits = Json::array();
  Json left = Json::array();
  for (const auto& [name, level] : row->exceeded) {
    const std::optional<QuotaLimit> limit = parse_quota_limit(name);
    const bool relieved = quota == nullptr || !limit ||
                          is_relieved(*quota, *limit, level, {.quota = row, .run = nullptr});
    (relieved ? limits : left).push(name);
  }
  if (limits.as_array().empty()) {
    return;
  }
  Json data = Json::object();
  data.set("quota", label_of(key)).set("limits", std::move(limits)).set("left", std::move(left));
  if (quota == nullptr) {
    data.set("deleted", true);
  }
  const Result<void> emitted = turn.emit(usage, kRelieved, data);
  REEVE_ASSERT(emitted.ok());
}

void UsageBook::tell_held(const std::map<journal::ObjectKey, std::uint64_t>& held, BookTurn& turn) {
  std::map<journal::ObjectKey, std::uint64_t> wanted = held;
  for (const journal::ObjectKey& key : ledger_->held()) {
    wanted.try_emplace(key, 0);
  }
  for (const auto& [key, missions] : wanted) {
    const UsageRow* row = ledger_->find(key);
    const std::optional<journal::ObjectKey> quota = quota_key_of(key);
    if (row == nullptr || row->held == missions || !quota) {
      continue;
    }
    Json data = Json::object();
    data.set("quota", label_of(*quota)).set("missions", missions);
    const Result<void> emitted = turn.emit(key, kHeld, data);
    REEVE_ASSERT(emitted.ok());
  }
}

}  // namespace reeve::engine
