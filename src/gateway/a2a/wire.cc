#include "gateway/a2a/wire.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace reeve::gateway::a2a {

namespace {

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kTooLarge = 413;
constexpr int kTooMany = 429;
constexpr int kInternal = 500;
constexpr int kUnavailable = 503;

/// For people and programs: what the reason of a fault is.
Json details_of(const Fault& fault) {
  Json details = Json::array();
  if (!fault.reason.empty()) {
    Json info = Json::object();
    info.set("@type", "type.googleapis.com/google.rpc.ErrorInfo");
    info.set("reason", fault.reason).set("domain", "a2a-protocol.org");
    details.push(std::move(info));
  }
  return details;
}

Json rpc_error(const Fault& fault, const Json& id) {
  Json error = Json::object();
  error.set("code", fault.code).set("message", fault.message);
  if (Json details = details_of(fault); !details.as_array().empty()) {
    error.set("data", std::move(details));
  }
  Json body = Json::object();
  body.set("jsonrpc", "2.0").set("id", id).set("error", std::move(error));
  return body;
}

Json http_error(const Fault& fault) {
  Json error = Json::object();
  error.set("code", fault.http).set("status", fault.status).set("message", fault.message);
  error.set("details", details_of(fault));
  return Json::object().set("error", std::move(error));
}

std::vector<net::Header> json_headers() {
  return {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
}

std::string_view status_word(int http) {
  switch (http) {
    case kUnauthorized:
      return "UNAUTHENTICATED";
    case kForbidden:
      return "PERMISSION_DENIED";
    case kTooMany:
      return "RESOURCE_EXHAUSTED";
    case kUnavailable:
      return "UNAVAILABLE";
    default:
      return "INVALID_ARGUMENT";
  }
}

Fault fault(
    int code, int http, std::string_view status, std::string_view reason, std::string message
) {
  return {
      .code = code,
      .http = http,
      .status = status,
      .reason = reason,
      .message = std::move(message)};
}

}  // namespace

Fault task_not_found(std::string_view task) {
  return fault(
      -32001, kNotFound, "NOT_FOUND", "TASK_NOT_FOUND", concat("there is no task \"", task, "\"")
  );
}

Fault agent_not_found() {
  return fault(-32001, kNotFound, "NOT_FOUND", "", "there is no such agent");
}

Fault not_cancelable(std::string_view why) {
  return fault(-32002, kConflict, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE", std::string(why));
}

Fault unsupported(std::string message) {
  return fault(
      -32004, kBadRequest, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION", std::move(message)
  );
}

Fault invalid_params(std::string message) {
  return fault(-32602, kBadRequest, "INVALID_ARGUMENT", "INVALID_PARAMS", std::move(message));
}

Fault version_not_supported(std::string_view given) {
  return fault(
      -32009,
      kBadRequest,
      "FAILED_PRECONDITION",
      "VERSION_NOT_SUPPORTED",
      concat(
          given.empty() ? std::string("without A2A-Version this would be version 0.3")
                        : concat("version ", given),
          ", which is not spoken here; send A2A-Version: ",
          kVersion
      )
  );
}

Fault method_not_found(std::string_view method) {
  return fault(
      -32601, kNotFound, "UNIMPLEMENTED", "", concat("there is no method \"", method, "\"")
  );
}

Fault push_not_supported() {
  return fault(
      -32003,
      kBadRequest,
      "FAILED_PRECONDITION",
      "PUSH_NOTIFICATION_NOT_SUPPORTED",
      "tasks are followed with SubscribeToTask; notifications are configured by NotificationSinks"
  );
}

Fault fault_of(const Error& error) {
  const auto is = [&error](std::initializer_list<ErrorCode> codes) {
    return std::find(codes.begin(), codes.end(), error.code) != codes.end();
  };
  if (is({ErrorCode::Invalid})) {
    return invalid_params(error.describe());
  }
  if (is({ErrorCode::NotFound, ErrorCode::PermissionDenied})) {
    return agent_not_found();
  }
  if (is({ErrorCode::Conflict, ErrorCode::AlreadyExists, ErrorCode::IllegalTransition})) {
    return unsupported(error.describe());
  }
  if (is({ErrorCode::LimitExceeded})) {
    return fault(-32603, kTooMany, "RESOURCE_EXHAUSTED", "", error.describe());
  }
  if (error.retryable() || is({ErrorCode::Cancelled, ErrorCode::DeadlineExceeded})) {
    return fault(-32603, kUnavailable, "UNAVAILABLE", "", "try again later");
  }
  return fault(-32603, kInternal, "INTERNAL", "", "something went wrong here");
}

void respond(net::Exchange& exchange, int status, const Json& body) {
  net::Response response;
  response.status = status;
  response.headers = json_headers();
  response.body = body.dump();
  exchange.respond(std::move(response));
}

void Caller::answer(Json result) const {
  if (binding_ == Binding::Http) {
    respond(*exchange_, kOk, result);
    return;
  }
  Json body = Json::object();
  body.set("jsonrpc", "2.0").set("id", id_).set("result", std::move(result));
  respond(*exchange_, kOk, body);
}

void Caller::fail(const Fault& fault) const {
  if (binding_ == Binding::Http) {
    respond(*exchange_, fault.http, http_error(fault));
  } else {
    respond(*exchange_, kOk, rpc_error(fault, id_));
  }
}

std::shared_ptr<net::Stream> Caller::stream() const {
  net::ResponseHead head;
  head.headers = {
      {"Content-Type", "text/event-stream"},
      {"Cache-Control", "no-store"},
      {"X-Accel-Buffering", "no"}};
  return exchange_->start(std::move(head));
}

std::string Caller::event(const Json& result) const {
  if (binding_ == Binding::Http) {
    return concat("data: ", result.dump(), "\n\n");
  }
  Json body = Json::object();
  body.set("jsonrpc", "2.0").set("id", id_).set("result", result);
  return concat("data: ", body.dump(), "\n\n");
}

void refuse(net::Exchange& exchange, Binding binding, const Refusal& refusal) {
  const Fault why = fault(
      refusal.status == kTooLarge ? -32600 : -32603,
      refusal.status,
      status_word(refusal.status),
      "",
      refusal.message
  );
  net::Response response;
  response.status = refusal.status;
  response.headers = json_headers();
  if (refusal.status == kUnauthorized) {
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  if (refusal.retry_after_seconds > 0) {
    response.headers.push_back({"Retry-After", std::to_string(refusal.retry_after_seconds)});
  }
  response.body = binding == Binding::Http ? http_error(why).dump() : rpc_error(why, Json()).dump();
  exchange.respond(std::move(response));
}

}  // namespace reeve::gateway::a2a
