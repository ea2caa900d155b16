#include <string>
#include <utility>

#include "api/access.h"
#include "api/handlers.h"
#include "api/services.h"
#include "gateway/run_identity.h"
#include "platform/posix/system.h"

/// Requests to gateways: who asks is found out here, everything else there.
namespace reeve::api {

namespace {

/// Where clients of models put their key.
constexpr std::string_view kKeyHeader = "x-api-key";
constexpr std::string_view kBearer = "Bearer ";

/// With the key where everybody else has it.
net::Request with_authorization(const net::Request& request) {
  net::Request made;
  made.method = request.method;
  made.target = request.target;
  made.path = request.path;
  made.host = request.host;
  made.headers = request.headers;
  made.peer = request.peer;
  made.peer_process = request.peer_process;
  made.listener_tag = request.listener_tag;
  made.tls = request.tls;
  made.client_certificate = request.client_certificate;
  const std::string* key = request.headers.find(kKeyHeader);
  if (key != nullptr && request.headers.find("Authorization") == nullptr) {
    made.headers.add("Authorization", std::string(kBearer) + *key);
  }
  return made;
}

gateway::Refusal refusal_of(const resource::Status& status) {
  gateway::Refusal refusal;
  refusal.status = status.code;
  refusal.message = status.message;
  refusal.retry_after_seconds =
      static_cast<std::uint32_t>(status.retry_after_seconds().value_or(0));
  return refusal;
}

}  // namespace

void serve_gateway(const CallPtr& call) {
  Services& services = *call->services;
  const auto found = services.gateways.find(call->route.name);
  if (found == services.gateways.end()) {
    answer(call, resource::path_not_found());
    return;
  }
  Admission admission = services.access.admit(
      with_authorization(call->request()), services.now(), platform::monotonic_now()
  );
  call->identity = std::move(admission.identity);
  call->impersonator = std::move(admission.impersonator);
  call->correlation.principal = call->principal();
  if (admission.refusal) {
    call->refused = true;
    found->second->refuse(call->exchange, refusal_of(*admission.refusal));
    return;
  }
  gateway::GatewayRequest request;
  request.exchange = call->exchange;
  request.identity = call->identity;
  request.run = gateway::run_of(call->identity);
  request.correlation = call->correlation;
  request.principal = call->principal();
  request.may = [call](
                    std::string_view verb,
                    std::string_view resource,
                    std::string_view part,
                    std::string_view ns
                ) {
    access::Attributes attributes;
    attributes.verb = verb;
    attributes.group = access::kApiGroup;
    attributes.resource = resource;
    attributes.subresource = part;
    attributes.ns = ns;
    return !call->services->access.authorize(*call, attributes).has_value();
  };
  found->second->serve(std::move(request));
}

}  // namespace reeve::api
