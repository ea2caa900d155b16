#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "gateway/ports.h"

namespace reeve::gateway::a2a {

/// SendMessage is answered at the latest after that, however far the task is.
inline constexpr Duration kBlockingMax{300'000};
/// CancelTask the same.
inline constexpr Duration kCancelMax{30'000};
/// How often a task that is followed is looked at.
inline constexpr Duration kLookPeriod{100};
inline constexpr Duration kKeepAlive{15'000};
/// Agents that the card of the installation names.
inline constexpr std::size_t kSkillsMax = 100;
/// Tasks that ListTasks finds, and missions of the sender that it looks at for that.
inline constexpr std::size_t kTasksMax = 1'000;
inline constexpr std::size_t kTasksVisitedMax = 5'000;
inline constexpr std::size_t kTasksPerPageMax = 100;

/// Answers `/a2a` and `/.well-known/agent-card.json`: Agent2Agent v1.0 as JSON-RPC and as
/// HTTP+JSON. An agent is a workflow with the label `a2a.reeve.dev/published: "true"`; a message to
/// it is a mission of that workflow, which belongs to whoever has sent the message. Nobody else is
/// told that it is there.
///
/// Threading: the network thread; what the kernel answers comes back to it.
class A2aGateway final : public Gateway {
 public:
  /// `version`: of this program, for cards.
  explicit A2aGateway(std::string version);
  ~A2aGateway() override;
  A2aGateway(const A2aGateway&) = delete;
  A2aGateway& operator=(const A2aGateway&) = delete;

  Result<void> open(const GatewayServices& services) override;
  void serve(GatewayRequest request) override;
  void refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) override;
  void close() override;

 private:
  class Core;

  std::string version_;
  std::shared_ptr<Core> core_;
};

}  // namespace reeve::gateway::a2a
