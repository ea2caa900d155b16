#include "api/hooks.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "api/handlers.h"
#include "api/services.h"
#include "api/write.h"
#include "base/hash.h"
#include "base/strings.h"
#include "engine/engine.h"
#include "net/server.h"
#include "workflow/functions.h"
#include "workflow/load/load.h"
#include "workflow/trigger/rate_window.h"
#include "workflow/trigger/webhook.h"

/// Requests that start missions (docs/guides/webhooks.md). The trigger says how a sender proves who
/// it is; whoever does not is told nothing, not even whether there is such a trigger.
namespace reeve::api {

Result<std::shared_ptr<const workflow::Workflow>> HookWorkflows::find(
    const Namespace& ns, std::string_view name, const Json& shown
) {
  const Json* status = shown.find("status");
  const Digest digest(status == nullptr ? std::string() : status->get_string("digest"));
  if (const auto known = parsed_.find(digest); known != parsed_.end()) {
    return known->second;
  }
  REEVE_TRY(
      const std::optional<store::Row> row,
      reader_.get(
          {.kind = journal::Kind::Workflow,
           .ns = ns,
           .name = engine::workflow_row_name(name, digest)}
      )
  );
  if (!row) {
    return make_error(
        ErrorCode::Corrupt, "the text of the deployed version is not stored", std::string(name)
    );
  }
  REEVE_TRY(const Json json, parse_json(row->body));
  const Json* spec = json.find("spec");
  REEVE_TRY(
      std::shared_ptr<const workflow::Workflow> workflow,
      workflow::load_source(spec == nullptr ? std::string() : spec->get_string("source"))
  );
  if (order_.size() == kWorkflowsMax) {
    parsed_.erase(order_.front());
    order_.pop_front();
  }
  parsed_.emplace(digest, workflow);
  order_.push_back(digest);
  return workflow;
}

namespace {

using workflow::Trigger;
using workflow::WebhookTrigger;
using workflow::Workflow;

constexpr int kOk = 200;
constexpr int kAccepted = 202;
constexpr int kConflict = 409;
constexpr std::string_view kFormicary = "formicary";
/// Who fires triggers, in the journal.
constexpr std::string_view kPrincipal = "system:trigger";
/// With this, senders that give deliveries no name of their own can.
constexpr std::string_view kKeyHeader = "Idempotency-Key";
constexpr std::int64_t kMillis = 1000;
/// Whoever proves nothing is answered so long after the request came, whatever it was for, so that
/// the time says nothing either: neither whether there is such a trigger nor where its proof was
/// wrong. Longer than it takes to find that out, reading the workflow for the first time included.
constexpr Duration kUnprovenAfter{200};

/// What a request is for.
struct Hook {
  Namespace ns;
  std::string workflow;
  std::string trigger;
  /// Answers in the words of Formicary.
  bool formicary = false;
  view::ProjectedPtr object;
  std::shared_ptr<const Workflow> parsed;
  const Trigger* found = nullptr;
};

/// The same for a wrong proof and for a trigger that is not there.
void answer_unproven(const CallPtr& call, bool formicary) {
  if (formicary) {
    const trigger::Outcome outcome{
        .verdict = trigger::Verdict::Unauthorised, .submission = {}, .error = {}, .window = {}};
    const trigger::WebhookReply reply = trigger::webhook_reply(outcome, {});
    answer(call, reply.status, reply.body);
    return;
  }
  resource::Status status = resource::unauthorized();
  status.message = "there is no such trigger, or the request does not prove who sends it";
  answer(call, status);
}

/// What the owner of the workflow should know; the sender cannot mend it.
void log_failure(const CallPtr& call, const Hook& hook, const Error& error) {
  call->services->log.with(call->correlation)
      .error(
          "a webhook made no mission",
          {{"namespace", hook.ns.view()},
           {"workflow", hook.workflow},
           {"trigger", hook.trigger},
           {"problem", error}}
      );
}

Hook hook_of(const CallPtr& call) {
  Hook hook;
  hook.formicary = call->route.group == kFormicary;
  hook.ns = Namespace(call->route.ns);
  if (const std::string_view asked = query_value(call, "namespace");
      hook.formicary && !asked.empty()) {
    hook.ns = Namespace(std::string(asked));
  }
  hook.workflow = call->route.resource;
  hook.trigger = call->route.name;
  return hook;
}

/// Finds the trigger; false: there is none that waits for requests.
bool find_trigger(const CallPtr& call, Hook& hook) {
  Services& services = *call->services;
  hook.object =
      services.view.get(*services.types.of(Storage::Workflow).view, hook.ns.view(), hook.workflow);
  if (hook.object == nullptr) {
    return false;
  }
  if (services.hooks == nullptr) {
    services.hooks = std::make_shared<HookWorkflows>(services.reader);
  }
  Result<std::shared_ptr<const Workflow>> parsed =
      services.hooks->find(hook.ns, hook.workflow, hook.object->object);
  if (!parsed) {
    log_failure(call, hook, parsed.error());
    return false;
  }
  hook.parsed = std::move(*parsed);
  for (const Trigger& trigger : hook.parsed->triggers) {
    if (trigger.name == hook.trigger && std::holds_alternative<WebhookTrigger>(trigger.source)) {
      hook.found = &trigger;
    }
  }
  return hook.found != nullptr;
}

trigger::WebhookRequest request_of(const net::Request& request) {
  trigger::WebhookRequest made;
  for (const net::Header& header : request.headers) {
    made.headers.emplace_back(header.name, header.value);
  }
  made.query = request.query;
  made.body = request.body;
  return made;
}

/// What is done for a trigger that is not there: what would be done if it were.
void pretend(const CallPtr& call, const Hook& hook) {
  if (const Environment::Reveal& reveal = call->services->environment.reveal) {
    static_cast<void>(reveal(hook.ns.view(), hook.workflow));
  }
  trigger::check_no_proof(request_of(call->request()));
}

/// Null: there is none, which is for the trigger to judge.
std::optional<Secret> secret_of(const CallPtr& call, const Hook& hook) {
  const std::string& name = std::get<WebhookTrigger>(hook.found->source).secret;
  const Environment::Reveal& reveal = call->services->environment.reveal;
  if (name.empty() || reveal == nullptr) {
    return {};
  }
  Result<Secret> value = reveal(hook.ns.view(), name);
  if (!value) {
    log_failure(call, hook, value.error());
    return {};
  }
  return std::move(*value);
}

// --- answers ------------------------------------------------------------------------------------

/// Seconds until the trigger's rate limit leaves room again.
int seconds_until_room(const CallPtr& call, const Hook& hook) {
  constexpr int kFallback = 60;
  const Json* status = hook.object->object.find("status");
  const Json* triggers = status == nullptr ? nullptr : status->find("triggers");
  if (triggers == nullptr || !triggers->is_array() || !hook.found->rate_limit) {
    return kFallback;
  }
  for (const Json& each : triggers->as_array()) {
    const Json* window = each.find("window");
    if (each.get_string("name") != hook.trigger || window == nullptr) {
      continue;
    }
    if (const Result<trigger::RateWindow> read = trigger::rate_window_from_json(*window)) {
      const auto left = std::chrono::duration_cast<Duration>(
          read->started_at + hook.found->rate_limit->window - call->services->now()
      );
      return static_cast<int>(std::max<std::int64_t>(1, (left.count() + kMillis - 1) / kMillis));
    }
  }
  return kFallback;
}

void answer_formicary(
    const CallPtr& call, trigger::Verdict verdict, Error error, std::string_view mission
) {
  const trigger::Outcome outcome{
      .verdict = verdict, .submission = {}, .error = std::move(error), .window = {}};
  const trigger::WebhookReply reply = trigger::webhook_reply(outcome, mission);
  answer(call, reply.status, reply.body);
}

void answer_made(const CallPtr& call, const Hook& hook, const std::string& mission) {
  call->headers.push_back(
      {"Location", concat("/apis/reeve.dev/v1/namespaces/", hook.ns.view(), "/missions/", mission)}
  );
  if (hook.formicary) {
    answer_formicary(call, trigger::Verdict::Fired, {}, mission);
    return;
  }
  Json body = Json::object();
  body.set("verdict", "fired").set("mission", mission);
  answer(call, kAccepted, body);
}

/// Nothing was made, and that is as it should be.
void answer_nothing(
    const CallPtr& call, const Hook& hook, const std::string& verdict, const std::string& why
) {
  if (hook.formicary) {
    const bool filtered = verdict == trigger::to_string(trigger::Verdict::Filtered);
    answer_formicary(
        call,
        filtered ? trigger::Verdict::Filtered : trigger::Verdict::Deduplicated,
        {},
        std::string_view()
    );
    return;
  }
  Json body = Json::object();
  body.set("verdict", verdict).set("mission", "").set("reason", why);
  answer(call, kOk, body);
}

void answer_failure(const CallPtr& call, const Hook& hook, const Error& error) {
  if (error.code == ErrorCode::LimitExceeded && error.subject.ends_with(".rate_limit")) {
    if (hook.formicary) {
      answer_formicary(call, trigger::Verdict::RateLimited, error, {});
    } else {
      answer(call, resource::too_many_requests(error.message, seconds_until_room(call, hook)));
    }
    return;
  }
  if (error.code == ErrorCode::IllegalTransition) {
    resource::Status status;
    status.code = kConflict;
    status.reason = "Conflict";
    status.message = error.message;
    answer(call, status);
    return;
  }
  if (error.retryable()) {
    answer(call, resource::service_unavailable(error.message, 1));
    return;
  }
  log_failure(call, hook, error);
  if (hook.formicary) {
    answer_formicary(call, trigger::Verdict::Failed, error, {});
  } else {
    answer(call, resource::internal_error("the trigger failed; the log of the server says why"));
  }
}

void answer_reply(const CallPtr& call, const Hook& hook, const Result<engine::Reply>& reply) {
  if (!reply) {
    answer_failure(call, hook, reply.error());
    return;
  }
  if (reply->repeated) {
    answer_nothing(call, hook, "repeated", "this delivery was received before");
    return;
  }
  if (const std::string mission = reply->detail.get_string("mission"); !mission.empty()) {
    answer_made(call, hook, mission);
    return;
  }
  const std::string verdict = reply->detail.get_string("verdict");
  const std::string why = reply->detail.get_string("message");
  answer_nothing(
      call, hook, verdict, !why.empty() ? why : std::string("the trigger's filter says no")
  );
}

/// Proven, and still nothing to do.
void answer_refusal(const CallPtr& call, const Hook& hook, const trigger::Outcome& refusal) {
  switch (refusal.verdict) {
    case trigger::Verdict::Filtered:
      answer_nothing(call, hook, "filtered", "a ping: nothing has happened");
      return;
    case trigger::Verdict::TooLarge:
      answer(call, resource::request_entity_too_large(trigger::kWebhookBodyBytesMax));
      return;
    case trigger::Verdict::BadRequest:
    case trigger::Verdict::Failed:
    case trigger::Verdict::Unauthorised:
    case trigger::Verdict::Fired:
    case trigger::Verdict::Deduplicated:
    case trigger::Verdict::RateLimited:
      answer(call, resource::bad_request(refusal.error.message));
      return;
  }
}

// --- firing -------------------------------------------------------------------------------------

/// The workflow decides, in the turn that makes the mission.
void fire(const CallPtr& call, Hook hook, const trigger::Occurrence& occurrence) {
  std::string key = occurrence.key;
  if (const std::string_view given = call->request().headers.get(kKeyHeader);
      key.empty() && given.size() <= trigger::kReplayKeyBytesMax && is_utf8(given)) {
    key = given;
  }
  Json body = Json::object();
  body.set("trigger", hook.trigger).set("data", occurrence.data);
  body.set("key", key).set("at", format_timestamp(occurrence.at));
  kernel::Input input;
  if (!key.empty()) {
    const std::string place = concat(hook.ns.view(), "\n", hook.workflow, "\n", hook.trigger);
    input.id = InputId(concat("hook-", sha256(concat(place, "\n", key)).view()));
  }
  input.principal = Principal(std::string(kPrincipal));
  input.correlation = call->correlation.id;
  input.trace = trace_of(*call);
  input.command = engine::ObjectCommand{
      .object = {.kind = journal::Kind::Workflow, .ns = hook.ns, .name = hook.workflow},
      .verb = "fire",
      .body = std::move(body)};
  // What has happened elsewhere has happened, also if its sender is impatient: it is not withdrawn.
  begin_waiting(call);
  net::Server* server = call->services->server;
  input.done = [server, call, hook](Result<engine::Reply> reply) {
    server->post([call, hook, reply = std::move(reply)] { answer_reply(call, hook, reply); });
  };
  if (const Result<void> posted = call->services->kernel.post(std::move(input)); !posted) {
    answer(call, resource::service_unavailable(posted.error().message, 1));
  }
}

}  // namespace

void receive_hook(const CallPtr& call) {
  Hook hook = hook_of(call);
  if (call->request().method != "POST") {
    call->headers.push_back({"Allow", "POST"});
    answer(call, resource::method_not_allowed({}, call->request().method));
    return;
  }
  // Before anything is looked up, so that the answer says nothing about what there is.
  if (call->request().body.size() > trigger::kWebhookBodyBytesMax) {
    answer(call, resource::request_entity_too_large(trigger::kWebhookBodyBytesMax));
    return;
  }
  // Set before anything is looked up, and called off once the sender has proven who it is.
  net::TimerHandle unproven = call->services->server->post_after(
      kUnprovenAfter, [call, formicary = hook.formicary] { answer_unproven(call, formicary); }
  );
  if (!find_trigger(call, hook)) {
    pretend(call, hook);
    return;
  }
  const std::optional<Secret> secret = secret_of(call, hook);
  const Timestamp now = call->services->now();
  const templates::FunctionTable functions =
      workflow::make_functions(stable_hash(hook.workflow), now);
  const trigger::Received received = trigger::accept_webhook(
      {.workflow = *hook.parsed, .trigger = *hook.found, .functions = functions},
      request_of(call->request()),
      secret ? &*secret : nullptr,
      now
  );
  const trigger::Verdict verdict = received.refusal.verdict;
  if (!received.occurrence && verdict == trigger::Verdict::Failed) {
    // There is no secret to compare with: the same as a wrong one, for whoever sends.
    log_failure(call, hook, received.refusal.error);
    return;
  }
  if (!received.occurrence && verdict == trigger::Verdict::Unauthorised) {
    return;
  }
  unproven.cancel();
  if (!received.occurrence) {
    answer_refusal(call, hook, received.refusal);
    return;
  }
  fire(call, std::move(hook), *received.occurrence);
}

}  // namespace reeve::api
