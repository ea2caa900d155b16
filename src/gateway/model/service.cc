#include "gateway/model/service.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/model/budgets.h"
#include "gateway/model/format/cache_key.h"
#include "gateway/model/headers.h"
#include "gateway/model/model_list.h"

namespace reeve::gateway::model {

namespace {

constexpr std::size_t kModelsNamedMax = 20;

std::string_view path_of(const net::Request& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

bool wants_upgrade(const net::Request& request) {
  return request.headers.find("Upgrade") != nullptr;
}

/// The first of a member that repeats itself: what routes a call is one thing.
std::string call_id_of(const net::Request& request) {
  const std::string_view id = request.headers.get(kCallIdHeader);
  return id.size() <= kCallIdBytesMax ? std::string(id) : std::string();
}

std::string named(const std::vector<std::string>& models) {
  std::vector<std::string> some(
      models.begin(),
      models.begin() + static_cast<std::ptrdiff_t>(std::min(models.size(), kModelsNamedMax))
  );
  return concat(join(some, ", "), models.size() > kModelsNamedMax ? ", …" : "");
}

std::vector<std::string> models_in_reach(const AllowedRoutes& allowed, Dialect dialect) {
  return allowed.only.empty() ? models_of(allowed.routes, dialect)
                              : std::vector<std::string>{allowed.only};
}

/// Whom budgets count.
engine::Spender spender_of(const Caller& caller, const SeenObject& mission, const SeenObject& run) {
  engine::Spender who;
  who.ns = caller.ns;
  who.mission = caller.mission;
  who.run = caller.run;
  who.agent = caller.agent;
  const Json* spec = mission.object == nullptr ? nullptr : mission.object->find("spec");
  const Json* workflow = spec == nullptr ? nullptr : spec->find("workflow");
  if (workflow != nullptr && workflow->is_object()) {
    who.workflow = workflow->get_string("name");
  }
  const Json* work = run.object == nullptr ? nullptr : run.object->find("spec");
  who.task = work == nullptr ? std::string() : work->get_string("task");
  return who;
}

GatewayError too_often() {
  constexpr std::uint32_t kPauseSeconds = 5;
  return {
      .kind = GatewayErrorKind::RateLimited,
      .message = concat("at most ", kFreeRequestsMax, " such requests in a minute"),
      .retry_after_seconds = kPauseSeconds};
}

GatewayError scan_error(const Error& error) {
  GatewayError made;
  made.kind = error.code == ErrorCode::LimitExceeded ? GatewayErrorKind::TooLarge
                                                     : GatewayErrorKind::Malformed;
  made.message = error.message;
  made.param = error.subject;
  return made;
}

}  // namespace

ModelService::ModelService(
    ModelPorts ports, telemetry::MetricRegistry& metrics, telemetry::Logger& log
)
    : context_(std::move(ports), metrics, log), catalog_(context_.ports), status_(context_) {
  status_.start();
}

ModelService::~ModelService() {
  status_.stop();
}

void ModelService::refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) {
  const net::Request& request = exchange->request();
  const TargetReply found = find_operation(request.method, path_of(request));
  const Operation operation =
      found.target ? found.target->operation
                   : (found.dialect == Dialect::Anthropic ? Operation::Messages
                                                          : Operation::ChatCompletions);
  respond_with_error(
      exchange,
      operation,
      found.dialect,
      {.kind = error_kind_of_status(refusal.status),
       .message = refusal.message,
       .retry_after_seconds = refusal.retry_after_seconds}
  );
}

void ModelService::fail(
    const std::shared_ptr<net::Exchange>& exchange,
    const OperationTarget& target,
    const GatewayError& error,
    std::string_view route
) {
  respond_with_error(exchange, target.operation, target.dialect, error);
  context_.metrics.request(route, to_string(target.operation), to_string(error.kind));
}

void ModelService::serve(std::shared_ptr<net::Exchange> exchange, Caller caller) {
  const net::Request& request = exchange->request();
  const TargetReply found = find_operation(request.method, path_of(request));
  OperationTarget target;
  target.dialect = found.dialect;
  if (found.target) {
    target = *found.target;
  } else if (found.dialect == Dialect::Anthropic) {
    target.operation = Operation::Messages;
  }
  if (wants_upgrade(request)) {
    fail(
        exchange,
        target,
        {.kind = GatewayErrorKind::UpgradeRequired, .message = "web sockets are not spoken here"}
    );
    return;
  }
  if (!found.target) {
    const bool method = found.problem == TargetProblem::MethodNotAllowed;
    fail(
        exchange,
        target,
        {.kind = method ? GatewayErrorKind::MethodNotAllowed : GatewayErrorKind::NotFound,
         .message = method ? concat("it takes ", found.allow, " only")
                           : std::string("there is no such operation"),
         .allow = std::string(found.allow)}
    );
    return;
  }
  if (!is_metered(target.operation) && !may_ask_for_free(caller)) {
    fail(exchange, target, too_often());
    return;
  }
  Reach reach = reach_of(caller);
  if (!reach.allowed.refusal.empty()) {
    fail(exchange, target, {.kind = GatewayErrorKind::Forbidden, .message = reach.allowed.refusal});
    return;
  }
  if (target.operation == Operation::Models || target.operation == Operation::Model) {
    list(exchange, target, reach);
    return;
  }
  call(std::move(exchange), std::move(caller), std::move(target), std::move(reach));
}

ModelService::Reach ModelService::reach_of(const Caller& caller) {
  Reach reach;
  reach.set = catalog_.routes(caller.ns);
  const SeenObject agent = caller.agent.empty()
                               ? SeenObject()
                               : context_.ports.object("agents", caller.ns, caller.agent);
  reach.allowed = allowed_routes(*reach.set, caller.agent, agent.object.get());
  return reach;
}

/// Those who ask for what costs nothing are counted here; all else a quota counts.
bool ModelService::may_ask_for_free(const Caller& caller) {
  const Duration now = context_.ports.elapsed();
  const std::string who = concat(caller.ns.view(), "/", caller.principal.view());
  if (free_.size() >= kFreeCallersMax && !free_.contains(who)) {
    std::erase_if(free_, [now](const auto& entry) {
      return now - entry.second.since >= kFreeRequestsWindow;
    });
    if (free_.size() >= kFreeCallersMax) {
      return false;
    }
  }
  FreeRequests& requests = free_[who];
  if (requests.count == 0 || now - requests.since >= kFreeRequestsWindow) {
    requests = {.since = now, .count = 0};
  }
  return ++requests.count <= kFreeRequestsMax;
}

void ModelService::list(
    const std::shared_ptr<net::Exchange>& exchange,
    const OperationTarget& target,
    const Reach& reach
) {
  const std::vector<std::string> models = models_in_reach(reach.allowed, target.dialect);
  std::optional<std::string> body;
  if (target.operation == Operation::Models) {
    body = models_body(target.dialect, models);
  } else if (std::find(models.begin(), models.end(), target.id) != models.end()) {
    body = model_body(target.dialect, target.id);
  }
  if (!body) {
    fail(
        exchange,
        target,
        {.kind = GatewayErrorKind::UnknownModel,
         .message = concat("there is no model ", target.id, "; there are: ", named(models))}
    );
    return;
  }
  net::Response response;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = std::move(*body);
  exchange->respond(std::move(response));
  context_.metrics.request("", to_string(target.operation), "completed");
}

void ModelService::call(
    std::shared_ptr<net::Exchange> exchange, Caller caller, OperationTarget target, Reach reach
) {
  CallOrder order;
  Result<RequestScan> scan = scan_request(target.operation, exchange->request().body);
  if (!scan) {
    fail(exchange, target, scan_error(scan.error()));
    return;
  }
  order.scan = std::move(*scan);
  if (order.scan.model.empty() || !reach.allowed.allows(order.scan.model)) {
    const std::string models = named(models_in_reach(reach.allowed, target.dialect));
    const bool missing = order.scan.model.empty();
    fail(
        exchange,
        target,
        {.kind = missing ? GatewayErrorKind::Malformed : GatewayErrorKind::UnknownModel,
         .message = missing ? concat("it names no model; there are: ", models)
                            : concat("agent ", caller.agent, " may ask ", models, " only"),
         .param = "model"}
    );
    return;
  }
  order.exchange = std::move(exchange);
  order.caller = std::move(caller);
  order.target = std::move(target);
  order.set = std::move(reach.set);
  order.routes = std::move(reach.allowed.routes);
  order.seed = context_.ports.random();
  order.stem = call_stem(
      order.caller.ns.view(),
      order.caller.run.empty() ? order.caller.principal.view() : order.caller.run,
      call_id_of(order.exchange->request()),
      order.seed
  );
  if (answer_again(order)) {
    return;
  }
  if (calls_.size() >= kCallsMax) {
    fail(
        order.exchange,
        order.target,
        {.kind = GatewayErrorKind::Busy,
         .message = concat(kCallsMax, " calls are under way"),
         .retry_after_seconds = 1}
    );
    return;
  }
  label(order);
  if (!choose_for(order) || !guard(order) || answer_from_cache(order)) {
    return;
  }
  order.facts.scan = nullptr;
  begin(std::move(order));
}

void ModelService::begin(CallOrder order) {
  const std::optional<ReplyKey> key = order.reply_key;
  auto made = std::make_shared<Call>(context_, std::move(order), [this, key](Call& done) {
    const std::shared_ptr<Call> call = done.shared_from_this();
    calls_.erase(call);
    if (const auto found = key ? named_.find(*key) : named_.end();
        found != named_.end() && found->second == call) {
      named_.erase(found);
    }
  });
  calls_.insert(made);
  if (key) {
    named_[*key] = made;
  }
  made->start();
}

/// Whether the request is over with: its reply is there already, or on its way, or its name stands
/// for another one.
bool ModelService::answer_again(CallOrder& order) {
  const std::string id = call_id_of(order.exchange->request());
  if (id.empty() || !is_metered(order.target.operation)) {
    return false;
  }
  const Caller& who = order.caller;
  order.reply_key = reply_key(who.ns, who.run, who.principal.view(), id);
  order.question = question_digest(order.target.operation, order.exchange->request().body);
  if (!who.mission.empty()) {
    const SeenObject mission = context_.ports.object("missions", who.ns, who.mission);
    order.mission_uid =
        Uid(mission.object == nullptr ? std::string()
                                      : mission.object->get_object("metadata").get_string("uid"));
  }
  const KeptReply* kept = context_.replies.find(*order.reply_key);
  const auto found = named_.find(*order.reply_key);
  if (kept == nullptr && found == named_.end()) {
    return false;
  }
  if ((kept != nullptr ? kept->question : found->second->question()) != order.question) {
    fail(
        order.exchange,
        order.target,
        {.kind = GatewayErrorKind::CallIdReused,
         .message = concat("Reeve-Call-Id ", id, " stands for another request already"),
         .param = "Reeve-Call-Id"}
    );
    return true;
  }
  if (kept == nullptr && !found->second->is_live()) {
    return false;
  }
  if (!may_ask_for_free(who)) {
    fail(order.exchange, order.target, too_often());
    return true;
  }
  if (kept == nullptr && found->second->is_full()) {
    fail(order.exchange, order.target, reply_not_kept());
    return true;
  }
  context_.log.info(
      kept != nullptr ? "a reply was given again" : "a request waits for a reply under way",
      {{"call", kept != nullptr ? kept->call : order.stem}}
  );
  if (kept != nullptr) {
    order.exchange->respond(model::answer_again(kept->answer, kept->call));
    context_.metrics.request("", to_string(order.target.operation), "replayed");
  } else {
    found->second->attach(std::move(order.exchange));
  }
  return true;
}

/// Says whether somebody can answer.
bool ModelService::choose_for(CallOrder& order) {
  order.choice = choose(order.routes, order.facts, context_.states(false), order.seed);
  if (order.choice.refusal && order.choice.refusal->kind == GatewayErrorKind::Busy) {
    // One may wait for a place.
    order.choice = choose(order.routes, order.facts, context_.states(true), order.seed);
  }
  if (order.choice.refusal) {
    GatewayError error = *order.choice.refusal;
    if (error.kind == GatewayErrorKind::UnknownModel) {
      const std::vector<std::string> models = models_of(order.routes, order.target.dialect);
      error.message += concat("; there are: ", models.empty() ? "none" : named(models));
    }
    if (error.kind == GatewayErrorKind::UnknownModel && !order.set->problems.empty()) {
      error.message += concat("; ", join(order.set->problems, "; "));
    }
    fail(order.exchange, order.target, error);
    return false;
  }
  return true;
}

void ModelService::label(CallOrder& order) {
  RouteFacts& facts = order.facts;
  facts.ns = order.caller.ns.str();
  facts.agent = order.caller.agent;
  facts.operation = order.target.operation;
  facts.dialect = order.target.dialect;
  facts.model = order.scan.model;
  facts.scan = &order.scan;
  if (!order.set->uses_labels && !order.set->uses_budgets) {
    return;
  }
  const Caller& caller = order.caller;
  const SeenObject mission = caller.mission.empty()
                                 ? SeenObject()
                                 : context_.ports.object("missions", caller.ns, caller.mission);
  const Json* metadata = mission.object == nullptr ? nullptr : mission.object->find("metadata");
  const Json* labels = metadata == nullptr ? nullptr : metadata->find("labels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [name, value] : labels->as_object()) {
      if (value.is_string()) {
        facts.labels.emplace_back(name, value.as_string());
      }
    }
  }
  if (order.set->uses_budgets) {
    const SeenObject run =
        caller.run.empty() ? SeenObject() : context_.ports.object("runs", caller.ns, caller.run);
    facts.budget_left = budget_left(context_.ports, spender_of(caller, mission, run), labels);
  }
}

/// Says whether it may go on.
bool ModelService::guard(CallOrder& order) {
  const Route& route = *order.choice.candidates.front().route;
  if (route.request_patterns == nullptr) {
    return true;
  }
  const GuardrailSet& patterns = *route.request_patterns;
  const BodyFindings found = search_body(patterns, order.exchange->request().body);
  if (found.findings.empty() && found.action != GuardrailAction::Block) {
    return true;
  }
  std::set<std::string> names;
  for (const Finding& finding : found.findings) {
    names.insert(patterns.name(finding.rule));
    if (finding.action == GuardrailAction::Redact) {
      order.splices.push_back({.at = finding.at, .text = redaction_of(patterns, finding.rule)});
    }
  }
  context_.log.warn(
      "guardrails have found something in a request",
      {{"call", order.stem},
       {"route", route.name},
       {"action", to_string(found.action)},
       {"found", join({names.begin(), names.end()}, ", ")}}
  );
  if (found.action != GuardrailAction::Block) {
    return true;
  }
  fail(
      order.exchange,
      order.target,
      {.kind = GatewayErrorKind::Guardrail,
       .message = concat(
           "something in the request may not pass: ", join({names.begin(), names.end()}, ", ")
       )},
      route.name
  );
  return false;
}

bool ModelService::answer_from_cache(CallOrder& order) {
  const Route& route = *order.choice.candidates.front().route;
  if (route.cache_ttl <= Duration(0) || !is_metered(order.target.operation)) {
    return false;
  }
  const Result<Digest> key = cache_key(
      {.ns = route.ns,
       .route = route.name,
       .route_state = concat(route.uid, "/", route.generation),
       .operation = order.target.operation},
      order.exchange->request().body
  );
  if (!key) {
    return false;
  }
  order.cache_key = *key;
  const WholeAnswer* answer = context_.cache.find(*key, context_.ports.now());
  if (answer == nullptr) {
    return false;
  }
  net::Response response;
  response.headers.push_back({"Content-Type", answer->content_type});
  response.headers.push_back({"Reeve-Cache", "hit"});
  response.body = answer->body;
  order.exchange->respond(std::move(response));
  context_.metrics.request(route.name, to_string(order.target.operation), "cached");
  return true;
}

void ModelService::close() {
  status_.stop();
  const std::set<std::shared_ptr<Call>> calls = std::exchange(calls_, {});
  for (const std::shared_ptr<Call>& each : calls) {
    each->stop();
  }
}

}  // namespace reeve::gateway::model
