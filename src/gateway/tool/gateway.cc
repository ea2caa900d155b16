#include "gateway/tool/gateway.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "api/view/view.h"
#include "api/view/watch.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/service.h"
#include "kernel/loop.h"
#include "net/server.h"
#include "platform/ports.h"
#include "security/egress/address_guard.h"
#include "telemetry/log.h"

namespace reeve::gateway {

namespace {

namespace view = api::view;

constexpr std::string_view kNamespaceHeader = "Reeve-Namespace";
constexpr std::string_view kDefaultNamespace = "default";
constexpr Duration kCloseTimeout{5'000};
constexpr std::size_t kChangesMax = 1'000;
constexpr unsigned kByte = 8;
constexpr std::uint64_t kByteMask = 0xFF;

ObjectPtr object_of(const view::ProjectedPtr& projected) {
  return projected == nullptr ? nullptr : ObjectPtr(projected, &projected->object);
}

class ToolGateway final : public Gateway {
 public:
  explicit ToolGateway(ToolGatewayOptions options) : options_(std::move(options)) {}

  Result<void> open(const GatewayServices& services) override {
    services_.emplace(services);
    if (!options_.send) {
      net::ClientOptions limits;
      // Addresses are looked at when they are connected to: a name cannot come to mean another one.
      limits.allowed = [allow_private = options_.private_addresses](
                           const net::Endpoint& /*endpoint*/, std::string_view address
                       ) {
        return may_ask(address, allow_private);
      };
      REEVE_TRY(client_, net::Client::create(services.server, std::move(limits)));
    }
    service_ = std::make_unique<ToolService>(make_ports());
    calls_type_ = services.view.find_type("toolcalls");
    services.server.post([this, alive = alive_] {
      if (*alive) {
        poll();
      }
    });
    return {};
  }

  void serve(GatewayRequest request) override {
    ToolCaller caller;
    caller.principal = request.principal;
    if (request.run) {
      caller.ns = request.run->ns;
      caller.mission = request.run->mission;
      caller.run = request.run->run;
      caller.agent = request.run->agent;
    } else {
      const std::string_view named = request.exchange->request().headers.get(kNamespaceHeader);
      caller.ns = Namespace(std::string(named.empty() ? kDefaultNamespace : named));
      if (!request.may("create", "toolcalls", "", caller.ns.view())) {
        constexpr int kForbidden = 403;
        ToolService::refuse(
            request.exchange, kForbidden, concat("no tools may be called in ", caller.ns.view())
        );
        return;
      }
      caller.may = [may = std::move(request.may), ns = caller.ns](
                       std::string_view verb, std::string_view resource, std::string_view part
                   ) {
        return may(verb, resource, part, ns.view());
      };
    }
    service_->serve(std::move(request.exchange), std::move(caller));
  }

  void refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) override {
    ToolService::refuse(exchange, refusal.status, refusal.message);
  }

  void close() override {
    if (!services_) {
      return;
    }
    // What is under way to tool servers ends while those who wait for it are there. Whatever is on
    // its way back from elsewhere finds nobody.
    (void)services_->server.run(
        [this] {
          *alive_ = false;
          if (client_ != nullptr) {
            client_->close();
          }
          service_.reset();
          watcher_.reset();
        },
        kCloseTimeout
    );
  }

 private:
  ToolPorts make_ports() {
    ToolPorts ports;
    ports.command =
        [this, alive = alive_](engine::Command command, Principal who, ToolPorts::Reply reply) {
          send(std::move(command), std::move(who), std::move(reply));
        };
    ports.after = [this, alive = alive_](Duration delay, std::function<void()> then) {
      net::TimerHandle timer = services_->server.post_after(delay, [alive, then = std::move(then)] {
        if (*alive) {
          then();
        }
      });
      return [timer]() mutable {
        timer.cancel();
      };
    };
    ports.now = services_->now;
    ports.object = [this](std::string_view plural, const Namespace& ns, std::string_view name) {
      const auto type = services_->view.find_type(plural);
      return type ? object_of(services_->view.get(*type, ns.view(), name)) : nullptr;
    };
    ports.objects = [this](std::string_view plural, const Namespace& ns, std::size_t max) {
      return list(plural, ns, max);
    };
    ports.reveal = services_->reveal;
    ports.send = options_.send;
    if (!ports.send) {
      ports.send = [this](net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink) {
        return client_->send(std::move(request), std::move(sink));
      };
    }
    ports.random_hex = [this](std::size_t bytes) {
      std::string random;
      while (random.size() < bytes) {
        std::uint64_t word = services_->random.next();
        for (std::size_t i = 0; i < sizeof(word) && random.size() < bytes; ++i, word >>= kByte) {
          random.push_back(static_cast<char>(word & kByteMask));
        }
      }
      return to_hex(random);
    };
    ports.warn = [this](const std::string& message) {
      services_->log.warn(message);
    };
    ports.workspace = options_.workspace;
    return ports;
  }

  std::vector<ObjectPtr> list(std::string_view plural, const Namespace& ns, std::size_t max) {
    std::vector<ObjectPtr> objects;
    const auto type = services_->view.find_type(plural);
    if (!type) {
      return objects;
    }
    view::ListQuery query;
    query.type = *type;
    query.selector.ns = ns.str();
    query.limit = static_cast<std::uint32_t>(max);
    const Result<view::Page> page = services_->view.list(query);
    for (const view::ProjectedPtr& item : page ? page->items : std::vector<view::ProjectedPtr>()) {
      objects.push_back(object_of(item));
    }
    return objects;
  }

  /// The answer comes on another thread and goes back to this one.
  void send(engine::Command command, Principal who, ToolPorts::Reply reply) {
    kernel::Input input;
    input.principal = std::move(who);
    input.command = std::move(command);
    net::Server& server = services_->server;
    auto back = [&server, alive = alive_, reply](Result<engine::Reply> outcome) {
      server.post([alive, reply, outcome = std::move(outcome)] {
        if (*alive) {
          reply(outcome);
        }
      });
    };
    input.done = back;
    if (const Result<void> posted = services_->kernel.post(std::move(input)); !posted) {
      back(posted.error());
    }
  }

  /// Tells the calls what has become of them, again and again.
  void poll() {
    if (calls_type_ && watcher_ == nullptr) {
      view::WatchQuery query;
      query.type = *calls_type_;
      Result<std::unique_ptr<view::Watcher>> watcher = services_->view.watch(query);
      if (watcher) {
        watcher_ = std::move(*watcher);
      }
    }
    if (watcher_ != nullptr) {
      take_changes();
    }
    services_->server.post_after(kDecisionPeriod, [this, alive = alive_] {
      if (*alive) {
        poll();
      }
    });
  }

  void take_changes() {
    const Result<view::WatchStep> step = watcher_->next(kChangesMax);
    if (!step) {
      // Too far behind: everything is told anew.
      watcher_.reset();
      return;
    }
    std::vector<ObjectPtr> changed;
    for (const view::WatchEvent& event : step->events) {
      if (event.object != nullptr && event.type != view::WatchEventType::Deleted) {
        changed.push_back(object_of(event.object));
      }
    }
    service_->calls().changed(changed);
  }

  ToolGatewayOptions options_;
  std::optional<GatewayServices> services_;
  std::unique_ptr<net::Client> client_;
  std::unique_ptr<ToolService> service_;
  std::optional<view::TypeId> calls_type_;
  std::unique_ptr<view::Watcher> watcher_;
  /// False once nothing of this may be used; network thread.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

bool may_ask(std::string_view address, bool private_addresses) {
  return !egress::refusal(egress::kind_of(address), private_addresses, address);
}

std::shared_ptr<Gateway> make_tool_gateway(ToolGatewayOptions options) {
  return std::make_shared<ToolGateway>(std::move(options));
}

}  // namespace reeve::gateway
