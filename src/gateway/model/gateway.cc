#include "gateway/model/gateway.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/view/view.h"
#include "base/strings.h"
#include "gateway/model/capture_files.h"
#include "gateway/model/service.h"
#include "gateway/reach/reach.h"
#include "net/server.h"
#include "platform/ports.h"
#include "platform/posix/system.h"
#include "telemetry/log.h"

namespace reeve::gateway {

namespace {

namespace view = api::view;

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
    reach_.emplace(services);
    if (!options_.send) {
      // Each call has a connection: how many a provider has is for its `concurrency` to say.
      REEVE_TRY(public_, reach_->make_client(false, model::kCallsMax));
      REEVE_TRY(private_, reach_->make_client(options_.private_addresses, model::kCallsMax));
    }
    service_ = std::make_unique<model::ModelService>(make_ports(), services.metrics, services.log);
    return {};
  }

  void serve(GatewayRequest request) override {
    model::Caller caller;
    caller.principal = request.principal;
    caller.correlation = request.correlation;
    caller.ns = namespace_of(request);
    if (request.run) {
      caller.mission = request.run->mission;
      caller.run = request.run->run;
      caller.agent = request.run->agent;
    } else {
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
    if (!reach_) {
      return;
    }
    // Whatever is on its way back finds nobody.
    (void)reach_->services().server.run(
        [this] {
          if (service_ != nullptr) {
            service_->close();
          }
          reach_->close();
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
  model::ModelPorts make_ports() {
    model::ModelPorts ports;
    ports.command = [this](
                        engine::Command command,
                        const telemetry::Correlation& correlation,
                        model::ModelPorts::Reply reply
                    ) {
      kernel::Input input;
      input.principal = Principal(std::string(model::kModelsActor));
      input.correlation = correlation.id;
      input.command = std::move(command);
      reach_->command(std::move(input), std::move(reply));
    };
    ports.after = [this](Duration delay, std::function<void()> then) {
      return reach_->after(delay, std::move(then));
    };
    ports.now = reach_->services().now;
    ports.elapsed = [] {
      return platform::monotonic_now();
    };
    ports.object = [this](std::string_view plural, const Namespace& ns, std::string_view name) {
      return seen(reach_->object(plural, ns, name));
    };
    ports.objects =
        [this](std::string_view plural, const std::optional<Namespace>& ns, std::size_t max) {
          std::vector<model::SeenObject> objects;
          for (const view::ProjectedPtr& item : reach_->objects(plural, ns, max)) {
            objects.push_back(seen(item));
          }
          return objects;
        };
    ports.reveal = reach_->services().reveal;
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
      return reach_->services().random.next();
    };
    if (!options_.captures.empty()) {
      ports.keep = [this, files = std::make_shared<model::CaptureFiles>(options_.captures)](
                       const Namespace& ns, std::string_view line
                   ) {
        return files->append(ns, reach_->services().now(), line);
      };
    }
    if (!options_.replies.empty()) {
      const auto files = std::make_shared<model::ReplyFiles>(options_.replies, options_.sealer);
      ports.save_reply = [files](std::string_view name, std::string_view text) {
        return files->save(name, text);
      };
      ports.drop_reply = [files](std::string_view name) {
        files->drop(name);
      };
      ports.saved_replies = [files] {
        return files->all();
      };
    }
    return ports;
  }

  ModelGatewayOptions options_;
  std::optional<Reach> reach_;
  std::unique_ptr<net::Client> public_;
  std::unique_ptr<net::Client> private_;
  std::unique_ptr<model::ModelService> service_;
};

}  // namespace

std::shared_ptr<Gateway> make_model_gateway(ModelGatewayOptions options) {
  return std::make_shared<ModelGateway>(std::move(options));
}

}  // namespace reeve::gateway
