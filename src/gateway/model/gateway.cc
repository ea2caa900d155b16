#include "gateway/model/gateway.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/view/view.h"
#include "base/strings.h"
#include "gateway/model/capture_files.h"
#include "gateway/model/service.h"
#include "kernel/loop.h"
#include "net/server.h"
#include "platform/ports.h"
#include "platform/posix/system.h"
#include "security/egress/address_guard.h"
#include "telemetry/log.h"

namespace reeve::gateway {

namespace {

namespace view = api::view;

constexpr std::string_view kNamespaceHeader = "Reeve-Namespace";
constexpr std::string_view kDefaultNamespace = "default";
constexpr Duration kCloseTimeout{5'000};
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;

model::SeenObject seen(const view::ProjectedPtr& projected) {
  if (projected == nullptr) {
    return {};
  }
  return {
      .object = std::shared_ptr<const Json>(projected, &projected->object),
      .revision = projected->revision.value()};
}

class ModelGateway final : public Gateway {
 public:
  explicit ModelGateway(ModelGatewayOptions options) : options_(std::move(options)) {}

  Result<void> open(const GatewayServices& services) override {
    services_.emplace(services);
    if (!options_.send) {
      REEVE_TRY(public_, make_client(false));
      REEVE_TRY(private_, make_client(options_.private_addresses));
    }
    service_ = std::make_unique<model::ModelService>(make_ports(), services.metrics, services.log);
    return {};
  }

  void serve(GatewayRequest request) override {
    model::Caller caller;
    caller.principal = request.principal;
    caller.correlation = request.correlation;
    if (request.run) {
      caller.ns = request.run->ns;
      caller.mission = request.run->mission;
      caller.run = request.run->run;
      caller.agent = request.run->agent;
    } else {
      const std::string_view named = request.exchange->request().headers.get(kNamespaceHeader);
      caller.ns = Namespace(std::string(named.empty() ? kDefaultNamespace : named));
      if (request.identity.in_group(access::kUnauthenticated)) {
        service_->refuse(
            request.exchange, {.status = kUnauthorized, .message = "the token of a run is missing"}
        );
        return;
      }
      if (!request.may("create", "modelroutes", "use", caller.ns.view())) {
        service_->refuse(
            request.exchange,
            {.status = kForbidden,
             .message = concat("no models may be asked in ", caller.ns.view())}
        );
        return;
      }
    }
    service_->serve(std::move(request.exchange), std::move(caller));
  }

  void refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) override {
    service_->refuse(exchange, refusal);
  }

  void close() override {
    if (!services_) {
      return;
    }
    // Whatever is on its way back finds nobody.
    (void)services_->server.run(
        [this] {
          if (service_ != nullptr) {
            service_->close();
          }
          *alive_ = false;
          service_.reset();
        },
        kCloseTimeout
    );
    for (const auto& client : {public_.get(), private_.get()}) {
      if (client != nullptr) {
        client->close();
      }
    }
  }

 private:
  /// Addresses are looked at when they are connected to: a name cannot come to mean another one.
  Result<std::unique_ptr<net::Client>> make_client(bool allow_private) {
    net::ClientOptions limits;
    limits.allowed = [allow_private](const net::Endpoint& /*endpoint*/, std::string_view address) {
      return !egress::refusal(egress::kind_of(address), allow_private, address);
    };
    return net::Client::create(services_->server, std::move(limits));
  }

  model::ModelPorts make_ports() {
    model::ModelPorts ports;
    ports.command = [this](
                        engine::Command command,
                        const telemetry::Correlation& correlation,
                        model::ModelPorts::Reply reply
                    ) {
      send(std::move(command), correlation, std::move(reply));
    };
    ports.after = [this](Duration delay, std::function<void()> then) {
      net::TimerHandle timer =
          services_->server.post_after(delay, [alive = alive_, then = std::move(then)] {
            if (*alive) {
              then();
            }
          });
      return [timer]() mutable {
        timer.cancel();
      };
    };
    ports.now = services_->now;
    ports.elapsed = [] {
      return platform::monotonic_now();
    };
    ports.object = [this](std::string_view plural, const Namespace& ns, std::string_view name) {
      const auto type = type_of(plural);
      return type ? seen(services_->view.get(*type, ns.view(), name)) : model::SeenObject();
    };
    ports.objects = [this](std::string_view plural, const Namespace& ns, std::size_t max) {
      return list(plural, ns, max);
    };
    ports.reveal = services_->reveal;
    ports.send = options_.send;
    if (!ports.send) {
      ports.send = [this](
                       net::ClientRequest request,
                       std::shared_ptr<net::ResponseSink> sink,
                       bool allow_private
                   ) {
        return (allow_private ? private_ : public_)->send(std::move(request), std::move(sink));
      };
    }
    ports.random = [this] {
      return services_->random.next();
    };
    if (!options_.captures.empty()) {
      ports.keep = [this, files = std::make_shared<model::CaptureFiles>(options_.captures)](
                       const Namespace& ns, std::string_view line
                   ) {
        return files->append(ns, services_->now(), line);
      };
    }
    return ports;
  }

  std::optional<view::TypeId> type_of(std::string_view plural) {
    const auto known = types_.find(plural);
    if (known != types_.end()) {
      return known->second;
    }
    const std::optional<view::TypeId> type = services_->view.find_type(plural);
    types_.emplace(std::string(plural), type);
    return type;
  }

  std::vector<model::SeenObject> list(
      std::string_view plural, const Namespace& ns, std::size_t max
  ) {
    std::vector<model::SeenObject> objects;
    const auto type = type_of(plural);
    if (!type) {
      return objects;
    }
    view::ListQuery query;
    query.type = *type;
    query.selector.ns = ns.str();
    query.limit = static_cast<std::uint32_t>(max);
    const Result<view::Page> page = services_->view.list(query);
    for (const view::ProjectedPtr& item : page ? page->items : std::vector<view::ProjectedPtr>()) {
      objects.push_back(seen(item));
    }
    return objects;
  }

  /// The answer comes on another thread and goes back to this one.
  void send(
      engine::Command command,
      const telemetry::Correlation& correlation,
      model::ModelPorts::Reply reply
  ) {
    kernel::Input input;
    input.principal = Principal(std::string(model::kModelsActor));
    input.correlation = correlation.id;
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

  ModelGatewayOptions options_;
  std::optional<GatewayServices> services_;
  /// Types of the view, by the names of their kinds.
  std::map<std::string, std::optional<view::TypeId>, std::less<>> types_;
  std::unique_ptr<net::Client> public_;
  std::unique_ptr<net::Client> private_;
  std::unique_ptr<model::ModelService> service_;
  /// False once nothing of this may be used; network thread.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::shared_ptr<Gateway> make_model_gateway(ModelGatewayOptions options) {
  return std::make_shared<ModelGateway>(std::move(options));
}

}  // namespace reeve::gateway
