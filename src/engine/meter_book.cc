#include "engine/meter_book.h"

#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/meter_limits.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kReserved = "model_call.reserved";
constexpr std::string_view kSettled = "model_call.settled";
constexpr std::string_view kRefunded = "model_call.refunded";
/// Of a call that nobody knows anything about any more.
constexpr std::string_view kUnknown = "unknown";
constexpr std::size_t kReasonBytesMax = 512;

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

UsageLedger::Stamp stamp_of(const journal::Event& event) {
  return {.revision = event.revision, .at = event.at, .uid = event.uid};
}

Json granted_detail() {
  Json detail = Json::object();
  detail.set("granted", true);
  return detail;
}

/// Metering is the business of those who carry the calls, whoever they carry them for.
Result<void> check_actor(const Principal& actor) {
  if (actor.view().starts_with("system:")) {
    return {};
  }
  return make_error(
      ErrorCode::PermissionDenied, "calls of models are metered by the gateway alone", actor.str()
  );
}

}  // namespace

// --- rows and events ----------------------------------------------------------------------------

Result<void> MeterBook::load(const journal::ObjectKey& key, const Json& row) {
  REEVE_TRY(ModelCall call, decode_call(key, row));
  if (call.phase == CallPhase::Open) {
    ++open_;
  } else {
    ended_.emplace(call.revision, key);
  }
  calls_.insert_or_assign(key, std::move(call));
  return {};
}

bool MeterBook::encode(const journal::ObjectKey& key, std::string& body) const {
  return encode_call(key, calls_.at(key), body);
}

Uid MeterBook::uid_of(const journal::ObjectKey& key) const {
  const auto found = calls_.find(key);
  return found == calls_.end() ? Uid() : found->second.uid;
}

const ModelCall* MeterBook::find(const journal::ObjectKey& key) const {
  const auto found = calls_.find(key);
  return found == calls_.end() || found->second.deleted ? nullptr : &found->second;
}

Revision MeterBook::revision_of(const journal::ObjectKey& key) const {
  const ModelCall* call = find(key);
  return call == nullptr ? Revision() : call->revision;
}

std::vector<journal::ObjectKey> MeterBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [key, call] : calls_) {
    keys.push_back(key);
  }
  return keys;
}

void MeterBook::forget(const journal::ObjectKey& key) {
  const auto found = calls_.find(key);
  if (found != calls_.end() && found->second.deleted) {
    calls_.erase(found);
  }
}

std::vector<journal::ObjectKey> MeterBook::take_also_changed() {
  std::vector<journal::ObjectKey> changed = ledger_->take_changed();
  std::move(changed_.begin(), changed_.end(), std::back_inserter(changed));
  changed_.clear();
  return changed;
}

Result<void> MeterBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  if (event.type != kReserved) {
    return apply_end(event, data);
  }
  if (find(event.object) != nullptr) {
    return corrupt("the call was reserved before", event.object.name);
  }
  Result<ReservedData> read = reserved_from(event.object, data);
  if (!read) {
    return corrupt(read.error().describe(), event.object.name);
  }
  ModelCall& call = read->call;
  call.uid = event.uid;
  call.created_at = event.at;
  call.revision = event.revision;
  if (!read->dropped.empty()) {
    ledger_->drop_run(event.object.ns, read->dropped, stamp_of(event));
  }
  REEVE_CHECK(ledger_->promise(call.charged_to(), call.request.worst, stamp_of(event)));
  calls_.insert_or_assign(event.object, std::move(call));
  ++open_;
  return {};
}

Result<void> MeterBook::apply_end(const journal::Event& event, const Json& data) {
  const auto found = calls_.find(event.object);
  const bool settles = event.type == kSettled;
  if ((!settles && event.type != kRefunded) || found == calls_.end() ||
      found->second.phase != CallPhase::Open) {
    return corrupt(concat("the event ", event.type, " does not fit"), event.object.name);
  }
  ModelCall& call = found->second;
  REEVE_CHECK(ledger_->take_back(call.charged_to(), call.request.worst, stamp_of(event)));
  if (settles) {
    Result<CallEnd> end = settled_from(data, call.request.worst.currency);
    if (!end) {
      return corrupt(end.error().describe(), event.object.name);
    }
    call.end = std::move(*end);
    REEVE_CHECK(ledger_->spend(call.charged_to(), call.end->spent, stamp_of(event)));
  } else {
    call.reason = data.get_string("reason");
  }
  call.phase = settles ? CallPhase::Settled : CallPhase::Refunded;
  call.ended_at = event.at;
  call.revision = event.revision;
  --open_;
  ended_.emplace(event.revision, event.object);
  trim(event);
  return {};
}

/// The oldest of too many goes.
void MeterBook::trim(const journal::Event& event) {
  while (ended_.size() > kEndedCallsMax) {
    const journal::ObjectKey oldest = ended_.begin()->second;
    ended_.erase(ended_.begin());
    ModelCall& call = calls_.at(oldest);
    call.deleted = true;
    call.revision = event.revision;
    changed_.push_back(oldest);
  }
}

// --- commands -----------------------------------------------------------------------------------

Result<Reply> MeterBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(check_actor(turn.actor()));
  if (command.verb == "reserve") {
    return reserve(command, turn);
  }
  if (command.verb == "settle") {
    return settle(command, turn);
  }
  if (command.verb == "refund") {
    return refund(command, turn);
  }
  return make_error(
      ErrorCode::Invalid, concat("calls of models have no command \"", command.verb, "\""), "verb"
  );
}

Result<Reply> MeterBook::reserve(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(model::check_name(command.object.name, "name of a call"));
  Engine& engine = turn.engine();
  ModelCall call;
  REEVE_TRY(call.request, call_request_from(command.object.ns, command.body));
  if (const auto before = calls_.find(command.object); before != calls_.end()) {
    if (before->second.phase != CallPhase::Open) {
      return make_error(
          ErrorCode::AlreadyExists,
          concat("the call \"", command.object.name, "\" is over; another one has another id"),
          command.object.name
      );
    }
    return turn.reply(command.object, granted_detail());
  }
  if (open_ >= kOpenCallsMax || !ledger_->knows_currency(call.request.worst.currency)) {
    return make_error(
        ErrorCode::LimitExceeded,
        open_ >= kOpenCallsMax
            ? concat(kOpenCallsMax, " calls of models are under way")
            : concat("prices are in ", kUsageCurrenciesMax, " currencies already"),
        command.object.name
    );
  }
  Spender& who = call.request.who;
  REEVE_TRY(const std::optional<QuotaRefusal> held, engine.look_at_spender(who, turn.scope()));
  if (held) {
    return turn.reply(command.object, refusal_detail(*held));
  }
  const std::vector<const Quota*> quotas = engine.quotas_of(who);
  const std::optional<QuotaRefusal> refusal =
      engine.check_quotas(quotas, who, call.request.worst, rates_, turn.scope());
  if (refusal) {
    return turn.reply(command.object, refusal_detail(*refusal));
  }
  for (const Quota* quota : quotas) {
    call.quotas.push_back(usage_key_of(quota->key));
    rates_.add(call.quotas.back(), turn.now(), call.request.worst.tokens());
  }
  std::optional<std::string> dropped;
  if (!who.run.empty() && ledger_->find(usage_key(who.ns, UsageOf::Run, who.run)) == nullptr) {
    dropped = ledger_->run_to_drop(who.ns, [&](const std::string& run) {
      return !engine.is_run_on_host(who.ns, run);
    });
  }
  REEVE_CHECK(turn.emit_first(command.object, kReserved, reserved_data(call, dropped.value_or("")))
  );
  return turn.reply(command.object, granted_detail());
}

Result<ModelCall*> MeterBook::open_call(const journal::ObjectKey& key) {
  const auto found = calls_.find(key);
  if (found == calls_.end() || found->second.deleted) {
    return make_error(ErrorCode::NotFound, concat("there is no call \"", key.name, "\""), key.name);
  }
  return &found->second;
}

Result<Reply> MeterBook::settle(const ObjectCommand& command, BookTurn& turn) {
  REEVE_TRY(const ModelCall* call, open_call(command.object));
  REEVE_TRY(CallEnd end, call_end_from(command.body, call->request.worst.currency));
  if (call->phase == CallPhase::Open) {
    if (end.outcome == kUnknown) {
      end.spent = call->request.worst;
    }
    REEVE_CHECK(this->end(command.object, std::move(end), turn));
  }
  return turn.reply(command.object);
}

/// What was promised beyond what was used is free again.
Result<void> MeterBook::end(const journal::ObjectKey& key, CallEnd end, BookTurn& turn) {
  const ModelCall& call = calls_.at(key);
  const std::uint64_t promised = call.request.worst.tokens();
  const std::uint64_t spent = end.spent.tokens();
  REEVE_CHECK(turn.emit(key, kSettled, settled_data(end)));
  for (const journal::ObjectKey& row : call.quotas) {
    if (spent < promised) {
      rates_.give_back(row, call.created_at, promised - spent);
    }
  }
  turn.engine().quotas_used(call.quotas, call.request.who, turn.scope());
  return {};
}

Result<Reply> MeterBook::refund(const ObjectCommand& command, BookTurn& turn) {
  REEVE_TRY(const ModelCall* call, open_call(command.object));
  Fields fields(command.body, "refund");
  const std::string reason = fields.text("reason");
  REEVE_CHECK(fields.finish());
  if (reason.size() > kReasonBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kReasonBytesMax, " bytes"), "reason"
    );
  }
  if (call->phase == CallPhase::Open) {
    Json data = Json::object();
    data.set("reason", reason);
    REEVE_CHECK(turn.emit(command.object, kRefunded, data));
    for (const journal::ObjectKey& row : call->quotas) {
      rates_.give_back(row, call->created_at, call->request.worst.tokens());
    }
    turn.engine().quotas_used(call->quotas, call->request.who, turn.scope());
  }
  return turn.reply(command.object);
}

/// Nobody knows how far the calls got that were under way: all that they may have used is spent.
/// What was asked for in the last minute counts on.
void MeterBook::recover(BookTurn& turn) {
  std::vector<journal::ObjectKey> open;
  for (const auto& [key, call] : calls_) {
    if (call.created_at + MeterRates::kWindow + MeterRates::kStep > turn.now()) {
      const bool less = call.end && call.end->spent.tokens() < call.request.worst.tokens();
      const bool none = call.phase == CallPhase::Refunded;
      const std::uint64_t tokens = less ? call.end->spent.tokens() : call.request.worst.tokens();
      for (const journal::ObjectKey& row : call.quotas) {
        rates_.add(row, call.created_at, none ? 0 : tokens);
      }
    }
    if (call.phase == CallPhase::Open) {
      open.push_back(key);
    }
  }
  for (const journal::ObjectKey& key : open) {
    CallEnd end;
    end.outcome = kUnknown;
    end.spent = calls_.at(key).request.worst;
    const Result<void> settled = this->end(key, std::move(end), turn);
    REEVE_ASSERT(settled.ok());
  }
}

}  // namespace reeve::engine
