#include <string>
#include <string_view>
#include <utility>

#include "api/access.h"
#include "api/handlers.h"
#include "api/services.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/status.h"

/// What agents tell by OTLP/HTTP, on its way to who reads it.
namespace reeve::api {

namespace {

constexpr std::string_view kJson = "application/json";

/// The namespace of a run, which is in its groups; empty: whoever asks is no run.
std::string namespace_of_run(const access::Identity& identity) {
  if (!identity.user.starts_with(access::kRunUserPrefix)) {
    return {};
  }
  for (const std::string& group : identity.groups) {
    if (group.starts_with(access::kRunsPrefix)) {
      return group.substr(access::kRunsPrefix.size());
    }
  }
  return {};
}

/// Runs may speak of themselves, users where they may create `missions/telemetry`.
std::optional<resource::Status> check_sender(const Call& call, OtlpPost& post) {
  post.ns = namespace_of_run(call.identity);
  if (!post.ns.empty()) {
    post.run = call.identity.user.substr(access::kRunUserPrefix.size());
    return {};
  }
  const std::string* asked = call.request().find_query("namespace");
  post.ns = asked == nullptr ? std::string("default") : *asked;
  access::Attributes attributes;
  attributes.verb = "create";
  attributes.group = access::kApiGroup;
  attributes.resource = "missions";
  attributes.subresource = "telemetry";
  attributes.ns = post.ns;
  return call.services->access.authorize(call, attributes);
}

}  // namespace

void take_telemetry(const CallPtr& call) {
  constexpr int kRetrySeconds = 5;
  OtlpPost post;
  // Who may not ask is not told what there is.
  if (const std::optional<resource::Status> refused = check_sender(*call, post)) {
    answer(call, *refused);
    return;
  }
  const net::Request& request = call->request();
  const Result<telemetry::Signal> signal = telemetry::signal_of_path(request.path);
  if (!call->services->environment.take_otlp || !signal) {
    answer(call, resource::path_not_found());
    return;
  }
  if (request.method != "POST") {
    answer(call, resource::method_not_allowed({}, request.method));
    return;
  }
  post.signal = *signal;
  post.content_type = request.headers.get("Content-Type");
  post.encoding = request.headers.get("Content-Encoding");
  post.body = request.body;
  post.correlation = call->correlation;
  net::Server* server = call->services->server;
  post.answered = [server, call](int status, std::string body) {
    server->post([call, status, body = std::move(body)]() mutable {
      answer(call, status, kJson, std::move(body));
    });
  };
  if (!call->services->environment.take_otlp(std::move(post))) {
    answer(call, resource::too_many_requests("too much telemetry waits to be read", kRetrySeconds));
  }
}

}  // namespace reeve::api
