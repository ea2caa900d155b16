#include "engine/meter_ledger.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::array<std::pair<UsageOf, std::string_view>, kUsageKinds> kNames = {{
    {UsageOf::Quota, "quota"},
    {UsageOf::Run, "run"},
    {UsageOf::Mission, "mission"},
    {UsageOf::Agent, "agent"},
    {UsageOf::Model, "model"},
    {UsageOf::Workflow, "workflow"},
    {UsageOf::Day, "day"},
}};

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > kTokensMax - std::min(b, kTokensMax) ? kTokensMax : a + b;
}

void add_cost(Costs& costs, const std::string& currency, Money amount) {
  if (!currency.empty()) {
    Money& there = costs[currency];
    there = there + amount;
  }
}

Money cost_in(const Costs& costs, const std::string& currency) {
  const auto found = costs.find(currency);
  return found == costs.end() ? Money() : found->second;
}

std::string hex(std::uint64_t bits) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xFFU));
  }
  return to_hex(bytes);
}

/// Unique, as that of the event is.
Uid uid_for(const Uid& event, const journal::ObjectKey& key) {
  const std::string text = concat(event.view(), "/", key.ns.view(), "/", key.name);
  return Uid(concat(hex(stable_hash(text)), hex(stable_hash(concat(text, "#")))));
}

bool can_go(UsageOf of) {
  return of != UsageOf::Quota;
}

}  // namespace

std::string_view to_string(UsageOf of) {
  return kNames[static_cast<std::size_t>(of)].second;
}

Result<UsageOf> parse_usage_of(std::string_view text) {
  for (const auto& [of, name] : kNames) {
    if (name == text) {
      return of;
    }
  }
  return make_error(ErrorCode::Invalid, concat("no usage is kept by \"", text, "\""), "of");
}

std::uint64_t Spent::tokens() const {
  return sum(sum(input_tokens, output_tokens), sum(cache_read_tokens, cache_write_tokens));
}

std::uint64_t UsageSum::tokens() const {
  return sum(sum(input_tokens, output_tokens), sum(cache_read_tokens, cache_write_tokens));
}

Money UsageSum::cost(const std::string& currency) const {
  return cost_in(costs, currency);
}

Money Promised::cost(const std::string& currency) const {
  return cost_in(costs, currency);
}

void UsageSum::add(const Spent& spent) {
  ++calls;
  input_tokens = sum(input_tokens, spent.input_tokens);
  output_tokens = sum(output_tokens, spent.output_tokens);
  cache_read_tokens = sum(cache_read_tokens, spent.cache_read_tokens);
  cache_write_tokens = sum(cache_write_tokens, spent.cache_write_tokens);
  add_cost(costs, spent.currency, spent.cost);
}

void UsageSum::add(const UsageSum& other) {
  calls = sum(calls, other.calls);
  input_tokens = sum(input_tokens, other.input_tokens);
  output_tokens = sum(output_tokens, other.output_tokens);
  cache_read_tokens = sum(cache_read_tokens, other.cache_read_tokens);
  cache_write_tokens = sum(cache_write_tokens, other.cache_write_tokens);
  for (const auto& [currency, amount] : other.costs) {
    add_cost(costs, currency, amount);
  }
}

std::string day_of(Timestamp at) {
  constexpr std::size_t kDateBytes = 10;
  return format_timestamp(at).substr(0, kDateBytes);
}

journal::ObjectKey usage_key(const Namespace& ns, UsageOf of, std::string_view subject) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '~';
  };
  std::string name(subject);
  if (of == UsageOf::Model) {
    std::replace(name.begin(), name.end(), '/', '.');
  }
  if (name.empty() || name.size() > kMeterTextBytesMax ||
      !std::all_of(name.begin(), name.end(), plain)) {
    name = concat("x-", hex(stable_hash(subject)));
  }
  return {.kind = journal::Kind::BudgetUsage, .ns = ns, .name = concat(to_string(of), ".", name)};
}

// --- rows ---------------------------------------------------------------------------------------

const UsageRow* UsageLedger::find_any(const journal::ObjectKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

const UsageRow* UsageLedger::find(const journal::ObjectKey& key) const {
  const UsageRow* row = find_any(key);
  return row == nullptr || row->deleted ? nullptr : row;
}

UsageRow* UsageLedger::live(const journal::ObjectKey& key) {
  const auto found = rows_.find(key);
  return found == rows_.end() || found->second.deleted ? nullptr : &found->second;
}

void UsageLedger::put(const journal::ObjectKey& key, UsageRow row) {
  for (const auto& [currency, amount] : row.total.costs) {
    currencies_.insert(currency);
  }
  if (!row.deleted && can_go(row.of) && row.subject != kUsageEarlier) {
    order_[{key.ns, row.of}].emplace(row.revision, key);
  }
  if (row.held > 0) {
    held_.insert(key);
  } else {
    held_.erase(key);
  }
  rows_.insert_or_assign(key, std::move(row));
}

void UsageLedger::forget(const journal::ObjectKey& key) {
  const auto found = rows_.find(key);
  if (found != rows_.end() && found->second.deleted) {
    rows_.erase(found);
  }
}

std::vector<journal::ObjectKey> UsageLedger::take_changed() {
  std::vector<journal::ObjectKey> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

void UsageLedger::touch(const journal::ObjectKey& key, UsageRow& row, const Stamp& stamp) {
  if (can_go(row.of) && row.subject != kUsageEarlier) {
    Order& order = order_[{key.ns, row.of}];
    order.erase({row.revision, key});
    order.emplace(stamp.revision, key);
  }
  row.revision = stamp.revision;
  row.used_at = stamp.at;
  changed_.insert(key);
}

void UsageLedger::remove(const journal::ObjectKey& key, UsageRow& row, const Stamp& stamp) {
  order_[{key.ns, row.of}].erase({row.revision, key});
  row.deleted = true;
  row.revision = stamp.revision;
  changed_.insert(key);
}

/// What goes is added to the row of all that went before.
void UsageLedger::make_room(const Namespace& ns, UsageOf of, const Stamp& stamp) {
  const auto order = order_.find({ns, of});
  if (of == UsageOf::Run || order == order_.end() ||
      order->second.size() < kUsageRowsMax[static_cast<std::size_t>(of)]) {
    return;
  }
  const journal::ObjectKey oldest = order->second.begin()->second;
  UsageRow& row = rows_.at(oldest);
  used(ns, of, std::string(kUsageEarlier), stamp).total.add(row.total);
  remove(oldest, row, stamp);
}

/// The row about something, which is made if there is none.
UsageRow& UsageLedger::used(
    const Namespace& ns, UsageOf of, const std::string& subject, const Stamp& stamp
) {
  const journal::ObjectKey key = usage_key(ns, of, subject);
  UsageRow* row = live(key);
  if (row == nullptr) {
    if (subject != kUsageEarlier) {
      make_room(ns, of, stamp);
    }
    UsageRow made;
    made.uid = uid_for(stamp.uid, key);
    made.of = of;
    made.subject = subject;
    made.created_at = stamp.at;
    row = &rows_.insert_or_assign(key, std::move(made)).first->second;
  }
  touch(key, *row, stamp);
  return *row;
}

void UsageLedger::drop_run(const Namespace& ns, const std::string& run, const Stamp& stamp) {
  const journal::ObjectKey key = usage_key(ns, UsageOf::Run, run);
  if (UsageRow* row = live(key)) {
    remove(key, *row, stamp);
  }
}

// --- periods and what was told ------------------------------------------------------------------

void UsageLedger::begin_period(const journal::ObjectKey& key, Timestamp start, const Stamp& stamp) {
  UsageRow* row = live(key);
  if (row == nullptr) {
    UsageRow made;
    made.uid = stamp.uid;
    made.of = UsageOf::Quota;
    made.subject = key.name.substr(to_string(UsageOf::Quota).size() + 1);
    made.created_at = stamp.at;
    row = &rows_.insert_or_assign(key, std::move(made)).first->second;
  }
  row->period = UsageSum();
  row->period_start = start;
  row->warned.clear();
  row->exceeded.clear();
  touch(key, *row, stamp);
}

Result<void> UsageLedger::note(
    const journal::ObjectKey& key,
    bool exceeded,
    const std::string& limit,
    const std::string& level,
    const Stamp& stamp
) {
  UsageRow* row = live(key);
  if (row == nullptr) {
    return corrupt("there is no usage of that quota", key.name);
  }
  (exceeded ? row->exceeded : row->warned)[limit] = level;
  touch(key, *row, stamp);
  return {};
}

Result<void> UsageLedger::relieve(
    const journal::ObjectKey& key, const std::vector<std::string>& limits, const Stamp& stamp
) {
  UsageRow* row = live(key);
  if (row == nullptr) {
    return corrupt("there is no usage of that quota", key.name);
  }
  for (const std::string& limit : limits) {
    row->exceeded.erase(limit);
  }
  touch(key, *row, stamp);
  return {};
}

Result<void> UsageLedger::hold(
    const journal::ObjectKey& key, std::uint64_t missions, const Stamp& stamp
) {
  UsageRow* row = live(key);
  if (row == nullptr) {
    return corrupt("there is no usage of that quota", key.name);
  }
  row->held = missions;
  if (missions > 0) {
    held_.insert(key);
  } else {
    held_.erase(key);
  }
  touch(key, *row, stamp);
  return {};
}

// --- calls --------------------------------------------------------------------------------------

/// The rows that promises are kept in: those of the quotas and of the run.
Result<std::vector<UsageRow*>> UsageLedger::promised_rows(const ChargedTo& to, const Stamp& stamp) {
  std::vector<UsageRow*> rows;
  for (const journal::ObjectKey& quota : to.quotas) {
    UsageRow* row = live(quota);
    if (row == nullptr) {
      return corrupt("there is no usage of that quota", quota.name);
    }
    touch(quota, *row, stamp);
    rows.push_back(row);
  }
  if (!to.run.empty()) {
    rows.push_back(&used(to.ns, UsageOf::Run, to.run, stamp));
  }
  return rows;
}

Result<void> UsageLedger::promise(const ChargedTo& to, const Spent& worst, const Stamp& stamp) {
  REEVE_TRY(const std::vector<UsageRow*> rows, promised_rows(to, stamp));
  currencies_.insert(worst.currency);
  for (UsageRow* row : rows) {
    ++row->promised.calls;
    row->promised.tokens = sum(row->promised.tokens, worst.tokens());
    add_cost(row->promised.costs, worst.currency, worst.cost);
  }
  return {};
}

Result<void> UsageLedger::take_back(const ChargedTo& to, const Spent& worst, const Stamp& stamp) {
  REEVE_TRY(const std::vector<UsageRow*> rows, promised_rows(to, stamp));
  for (UsageRow* row : rows) {
    Promised& promised = row->promised;
    if (promised.calls == 0 || promised.tokens < worst.tokens() ||
        promised.cost(worst.currency) < worst.cost) {
      return corrupt("more is taken back than was promised", row->subject);
    }
    --promised.calls;
    promised.tokens -= worst.tokens();
    if (const auto cost = promised.costs.find(worst.currency); cost != promised.costs.end()) {
      cost->second = cost->second - worst.cost;
      if (cost->second.zero()) {
        promised.costs.erase(cost);
      }
    }
  }
  return {};
}

Result<void> UsageLedger::spend(const ChargedTo& to, const Spent& spent, const Stamp& stamp) {
  REEVE_TRY(const std::vector<UsageRow*> rows, promised_rows(to, stamp));
  for (UsageRow* row : rows) {
    row->total.add(spent);
    if (row->of == UsageOf::Quota) {
      row->period.add(spent);
    }
  }
  const auto add = [&](UsageOf of, const std::string& subject) {
    if (!subject.empty()) {
      used(to.ns, of, subject, stamp).total.add(spent);
    }
  };
  add(UsageOf::Mission, to.mission);
  add(UsageOf::Agent, to.agent);
  add(UsageOf::Model, to.model);
  add(UsageOf::Workflow, to.workflow);
  add(UsageOf::Day, day_of(stamp.at));
  return {};
}

}  // namespace reeve::engine
