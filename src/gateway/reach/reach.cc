#include "gateway/reach/reach.h"

#include <utility>

#include "kernel/loop.h"
#include "net/server.h"
#include "security/egress/address_guard.h"

namespace reeve::gateway {

namespace view = api::view;

namespace {

constexpr std::string_view kNamespaceHeader = "Reeve-Namespace";
constexpr std::string_view kDefaultNamespace = "default";

}  // namespace

Namespace namespace_of(const GatewayRequest& request) {
  if (request.run) {
    return request.run->ns;
  }
  const std::string_view named = request.exchange->request().headers.get(kNamespaceHeader);
  return Namespace(std::string(named.empty() ? kDefaultNamespace : named));
}

void Reach::command(kernel::Input input, Reply reply) {
  // The answer comes on another thread and goes back to this one.
  net::Server& server = services_.server;
  auto back = [&server, open = open_, reply = std::move(reply)](Result<engine::Reply> outcome) {
    server.post([open, reply, outcome = std::move(outcome)] {
      if (*open) {
        reply(outcome);
      }
    });
  };
  input.done = back;
  if (const Result<void> posted = services_.kernel.post(std::move(input)); !posted) {
    back(posted.error());
  }
}

Reach::Cancel Reach::after(Duration delay, std::function<void()> then) {
  net::TimerHandle timer =
      services_.server.post_after(delay, [open = open_, then = std::move(then)] {
        if (*open) {
          then();
        }
      });
  return [timer]() mutable {
    timer.cancel();
  };
}

view::ProjectedPtr Reach::object(
    std::string_view plural, const Namespace& ns, std::string_view name
) {
  const auto type = type_of(plural);
  return type ? services_.view.get(*type, ns.view(), name) : nullptr;
}

std::vector<view::ProjectedPtr> Reach::objects(
    std::string_view plural, const std::optional<Namespace>& ns, std::size_t max
) {
  const auto type = type_of(plural);
  if (!type) {
    return {};
  }
  view::ListQuery query;
  query.type = *type;
  if (ns) {
    query.selector.ns = ns->str();
  }
  Result<view::Lister> lister = services_.view.begin_list(query);
  std::vector<view::ProjectedPtr> found;
  while (lister && !lister->at_end() && found.size() < max) {
    for (view::ProjectedPtr& each : lister->next({.objects_max = max - found.size()})) {
      found.push_back(std::move(each));
    }
  }
  return found;
}

Result<std::unique_ptr<net::Client>> Reach::make_client(
    bool allow_private, std::size_t connections_max
) const {
  net::ClientOptions limits;
  limits.connections_max = connections_max;
  limits.allowed = [allow_private](const net::Endpoint& /*endpoint*/, std::string_view address) {
    return egress::may_ask(address, allow_private);
  };
  return net::Client::create(services_.server, std::move(limits));
}

std::optional<view::TypeId> Reach::type_of(std::string_view plural) {
  const auto known = types_.find(plural);
  if (known != types_.end()) {
    return known->second;
  }
  const std::optional<view::TypeId> type = services_.view.find_type(plural);
  types_.emplace(std::string(plural), type);
  return type;
}

}  // namespace reeve::gateway
