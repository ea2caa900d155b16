#include "gateway/tool/gateway.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "api/view/view.h"
#include "api/view/watch.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/reach/reach.h"
#include "gateway/tool/service.h"
#include "net/server.h"
#include "platform/ports.h"
#include "telemetry/log.h"

namespace reeve::gateway {

namespace {

namespace view = api::view;

constexpr Duration kCloseTimeout{5'000};
constexpr std::size_t kChangesMax = 1'000;
/// Of the name of a program's directory.
constexpr std::size_t kNameBytes = 8;
constexpr unsigned kByte = 8;
constexpr std::uint64_t kByteMask = 0xFF;

ObjectPtr object_of(const view::ProjectedPtr& projected) {
  return projected == nullptr ? nullptr : ObjectPtr(projected, &projected->object);
}

class ToolGateway final : public Gateway {
 public:
  explicit ToolGateway(ToolGatewayOptions options) : options_(std::move(options)) {}

  Result<void> open(const GatewayServices& services) override {
    reach_.emplace(services);
    if (!options_.send) {
      REEVE_TRY(client_, reach_->make_client(options_.private_addresses));
    }
    if (options_.start) {
      programs_ = std::make_unique<Programs>(
          services.server,
          options_.start,
          [this](Duration delay, std::function<void()> then) {
            return reach_->after(delay, std::move(then));
          },
          options_.programs
      );
    }
    service_ = std::make_unique<ToolService>(make_ports());
    calls_type_ = services.view.find_type("toolcalls");
    reach_->after(Duration(0), [this] { poll(); });
    return {};
  }

  void serve(GatewayRequest request) override {
    ToolCaller caller;
    caller.principal = request.principal;
    caller.ns = namespace_of(request);
    if (request.run) {
      caller.mission = request.run->mission;
      caller.run = request.run->run;
      caller.agent = request.run->agent;
    } else {
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

  void check_edit(const Json& call, const Json& arguments, Checked done) override {
    service_->calls().check_edit(call, arguments, std::move(done));
  }

  void close() override {
    if (!reach_) {
      return;
    }
    // What is under way to tool servers ends while those who wait for it are there. Whatever is on
    // its way back from elsewhere finds nobody.
    (void)reach_->services().server.run(
        [this] {
          reach_->close();
          if (client_ != nullptr) {
            client_->close();
          }
          service_.reset();
          programs_.reset();
          watcher_.reset();
        },
        kCloseTimeout
    );
  }

 private:
  ToolPorts make_ports() {
    ToolPorts ports;
    ports.command = [this](engine::Command command, Principal who, ToolPorts::Reply reply) {
      kernel::Input input;
      input.principal = std::move(who);
      input.command = std::move(command);
      reach_->command(std::move(input), std::move(reply));
    };
    ports.after = [this](Duration delay, std::function<void()> then) {
      return reach_->after(delay, std::move(then));
    };
    ports.now = reach_->services().now;
    ports.object = [this](std::string_view plural, const Namespace& ns, std::string_view name) {
      return object_of(reach_->object(plural, ns, name));
    };
    ports.objects = [this](std::string_view plural, const Namespace& ns, std::size_t max) {
      std::vector<ObjectPtr> objects;
      for (const view::ProjectedPtr& item : reach_->objects(plural, ns, max)) {
        objects.push_back(object_of(item));
      }
      return objects;
    };
    ports.reveal = reach_->services().reveal;
    ports.send = options_.send;
    if (!ports.send) {
      ports.send = [this](net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink) {
        return client_->send(std::move(request), std::move(sink));
      };
    }
    ports.random_hex = [this](std::size_t bytes) {
      std::string random;
      while (random.size() < bytes) {
        std::uint64_t word = reach_->services().random.next();
        for (std::size_t i = 0; i < sizeof(word) && random.size() < bytes; ++i, word >>= kByte) {
          random.push_back(static_cast<char>(word & kByteMask));
        }
      }
      return to_hex(random);
    };
    if (programs_ != nullptr) {
      ports.start = [this,
                     random = ports.random_hex](ToolProgramOrder order, ToolProgramEvents events) {
        return programs_->start(std::move(order), std::move(events), random(kNameBytes));
      };
    }
    ports.commands = options_.commands;
    ports.warn = [this](const std::string& message) {
      reach_->services().log.warn(message);
    };
    ports.workspace = options_.workspace;
    return ports;
  }

  /// Tells the calls what has become of them, again and again.
  void poll() {
    if (calls_type_ && watcher_ == nullptr) {
      view::WatchQuery query;
      query.type = *calls_type_;
      Result<std::unique_ptr<view::Watcher>> watcher = reach_->services().view.watch(query);
      if (watcher) {
        watcher_ = std::move(*watcher);
      }
    }
    if (watcher_ != nullptr) {
      take_changes();
    }
    service_->drop_changed();
    reach_->after(kDecisionPeriod, [this] { poll(); });
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
  std::optional<Reach> reach_;
  std::unique_ptr<net::Client> client_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<ToolService> service_;
  std::optional<view::TypeId> calls_type_;
  std::unique_ptr<view::Watcher> watcher_;
};

}  // namespace

std::shared_ptr<Gateway> make_tool_gateway(ToolGatewayOptions options) {
  return std::make_shared<ToolGateway>(std::move(options));
}

}  // namespace reeve::gateway
