#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "gateway/model/call.h"
#include "gateway/model/catalog.h"
#include "gateway/model/context.h"
#include "gateway/model/replies.h"
#include "gateway/model/route_status.h"
#include "gateway/ports.h"
#include "net/exchange.h"

namespace reeve::gateway::model {

/// Calls at the same time; one more is refused.
inline constexpr std::size_t kCallsMax = 20'000;
/// Requests of one caller that cost nothing (counting, listing), in a minute; and callers that are
/// counted.
inline constexpr std::uint32_t kFreeRequestsMax = 600;
inline constexpr Duration kFreeRequestsWindow{60'000};
inline constexpr std::size_t kFreeCallersMax = 20'000;

/// The endpoint `/llm`: finds out what is asked, whether it may be, and where it goes. Network
/// thread.
class ModelService {
 public:
  ModelService(ModelPorts ports, telemetry::MetricRegistry& metrics, telemetry::Logger& log);

  /// Answers a request of somebody who is known and may ask models.
  void serve(std::shared_ptr<net::Exchange> exchange, Caller caller);

  /// Answers in the words of the dialect that the path speaks.
  static void refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal);

  ~ModelService();
  ModelService(const ModelService&) = delete;
  ModelService& operator=(const ModelService&) = delete;

  /// Ends what is under way.
  void close();

  std::size_t calls() const { return calls_.size(); }

  /// Calls that are not known to be settled.
  std::size_t unsettled() const { return context_.meter.open(); }

 private:
  struct FreeRequests {
    Duration since{0};
    std::uint32_t count = 0;
  };

  /// What of the routes a caller may ask.
  struct Reach {
    RouteSetPtr set;
    AllowedRoutes allowed;
  };

  Reach reach_of(const Caller& caller);
  bool may_ask_for_free(const Caller& caller);
  void list(
      const std::shared_ptr<net::Exchange>& exchange,
      const OperationTarget& target,
      const Reach& reach
  );
  void call(
      std::shared_ptr<net::Exchange> exchange, Caller caller, OperationTarget target, Reach reach
  );
  void fail(
      const std::shared_ptr<net::Exchange>& exchange,
      const OperationTarget& target,
      const GatewayError& error,
      std::string_view route = {}
  );
  bool choose_for(CallOrder& order);
  bool guard(CallOrder& order);
  bool answer_from_cache(CallOrder& order);
  bool answer_again(CallOrder& order);
  void begin(CallOrder order);
  void label(CallOrder& order);

  Context context_;
  RouteCatalog catalog_;
  RouteStatusController status_;
  std::set<std::shared_ptr<Call>> calls_;
  /// Those under way whose replies can be asked for again.
  std::map<ReplyKey, std::shared_ptr<Call>> named_;
  std::map<std::string, FreeRequests> free_;
};

}  // namespace reeve::gateway::model
