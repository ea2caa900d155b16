#include "gateway/model/meter.h"

#include <algorithm>
#include <memory>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

constexpr std::size_t kStemHexBytes = 24;

journal::ObjectKey key_of(const Namespace& ns, const std::string& call) {
  return {.kind = journal::Kind::ModelCall, .ns = ns, .name = call};
}

engine::Command command_of(
    const Namespace& ns, const std::string& call, std::string_view verb, Json body
) {
  return engine::ObjectCommand{
      .object = key_of(ns, call), .verb = std::string(verb), .body = std::move(body)};
}

Json body_of(const MeterRequest& request) {
  Json body = Json::object();
  const auto set = [&body](std::string_view name, const std::string& text) {
    if (!text.empty()) {
      body.set(std::string(name), text);
    }
  };
  set("mission", request.mission);
  set("run", request.run);
  set("agent", request.agent);
  set("principal", request.principal);
  set("route", request.route);
  set("provider", request.provider);
  set("model", request.model);
  body.set("inputTokens", request.input_tokens).set("outputTokens", request.output_tokens);
  body.set("cost", request.cost.text()).set("currency", request.currency);
  return body;
}

/// Whether the meter has certainly kept nothing.
bool is_definite(ErrorCode code) {
  return code == ErrorCode::NotFound || code == ErrorCode::IllegalTransition ||
         code == ErrorCode::LimitExceeded || code == ErrorCode::Invalid ||
         code == ErrorCode::PermissionDenied || code == ErrorCode::AlreadyExists;
}

}  // namespace

struct Meter::Reserving {
  MeterRequest request;
  std::string stem;
  telemetry::Correlation correlation;
  OnReply done;
  std::uint32_t tries = 0;
  std::string name;
};

struct Meter::Ending {
  Namespace ns;
  std::string call;
  std::string verb;
  Json body;
  telemetry::Correlation correlation;
  Duration pause = kSettleRetry;
};

void Meter::reserve(
    MeterRequest request,
    const std::string& stem,
    const telemetry::Correlation& correlation,
    OnReply done
) {
  auto reserving = std::make_shared<Reserving>();
  reserving->request = std::move(request);
  reserving->stem = stem;
  reserving->correlation = correlation;
  reserving->done = std::move(done);
  try_reserve(reserving);
}

void Meter::try_reserve(const std::shared_ptr<Reserving>& reserving) {
  const Namespace& ns = reserving->request.ns;
  do {
    ++reserving->tries;
    reserving->name = concat(
        reserving->stem,
        "-",
        reserving->tries <= kCallsNumbered ? reserving->tries : ports_.random()
    );
  } while (active_.contains({ns, reserving->name}));
  active_.emplace(ns, reserving->name);
  ports_.command(
      command_of(ns, reserving->name, "reserve", body_of(reserving->request)),
      reserving->correlation,
      [this, reserving](Result<engine::Reply> reply) { take_reply(reserving, std::move(reply)); }
  );
}

void Meter::take_reply(const std::shared_ptr<Reserving>& reserving, Result<engine::Reply> reply) {
  const Namespace& ns = reserving->request.ns;
  MeterReply made;
  if (!reply) {
    if (is_definite(reply.error().code)) {
      active_.erase({ns, reserving->name});
    } else {
      // It may have been reserved all the same.
      refund(ns, reserving->name, "the reservation was not confirmed", reserving->correlation);
    }
    if (reply.error().code == ErrorCode::AlreadyExists && reserving->tries < kCallNamesMax) {
      try_reserve(reserving);
      return;
    }
    made.error = reply.error();
    reserving->done(std::move(made));
    return;
  }
  const Json& detail = reply->detail;
  if (detail.get_bool("granted")) {
    made.call = reserving->name;
  } else {
    active_.erase({ns, reserving->name});
    made.action = detail.get_string("action");
    made.message = detail.get_string("message");
    made.retry_after = Duration(std::max<std::int64_t>(0, detail.get_int("retryAfterMs")));
  }
  reserving->done(std::move(made));
}

void Meter::settle(
    const Namespace& ns,
    const std::string& call,
    Json end,
    const telemetry::Correlation& correlation
) {
  auto ending = std::make_shared<Ending>();
  ending->ns = ns;
  ending->call = call;
  ending->verb = "settle";
  ending->body = std::move(end);
  ending->correlation = correlation;
  try_end(ending);
}

void Meter::refund(
    const Namespace& ns,
    const std::string& call,
    std::string_view reason,
    const telemetry::Correlation& correlation
) {
  auto ending = std::make_shared<Ending>();
  ending->ns = ns;
  ending->call = call;
  ending->verb = "refund";
  ending->body = Json::object().set("reason", reason);
  ending->correlation = correlation;
  try_end(ending);
}

void Meter::try_end(const std::shared_ptr<Ending>& ending) {
  ports_.command(
      command_of(ending->ns, ending->call, ending->verb, ending->body),
      ending->correlation,
      [this, ending](const Result<engine::Reply>& reply) {
        const bool settles = ending->verb == "settle";
        if (!reply && reply.error().code == ErrorCode::Invalid && settles &&
            ending->body.get_string("outcome") != "unknown") {
          // What we have read cannot be: then all of it counts.
          ending->body =
              Json::object().set("outcome", "unknown").set("inputTokens", 0).set("outputTokens", 0);
          ending->body.set("cost", "0");
          try_end(ending);
          return;
        }
        if (reply || is_definite(reply.error().code)) {
          active_.erase({ending->ns, ending->call});
          return;
        }
        ports_.after(ending->pause, [this, ending] { try_end(ending); });
        ending->pause = std::min(ending->pause * 2, kSettleRetryMax);
      }
  );
}

std::string call_stem(
    std::string_view ns, std::string_view run, std::string_view call_id, std::uint64_t random
) {
  const std::string source =
      call_id.empty() ? concat(ns, "/", run, "/", random) : concat(ns, "/", run, "/", call_id, "/");
  return concat("c-", std::string(sha256(source).view().substr(0, kStemHexBytes)));
}

}  // namespace reeve::gateway::model
