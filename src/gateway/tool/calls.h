#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/builtin.h"
#include "gateway/tool/catalog.h"
#include "gateway/tool/ports.h"

namespace reeve::gateway {

/// How often decisions are looked for.
inline constexpr Duration kDecisionPeriod{200};
/// A result as the caller gets it.
inline constexpr std::size_t kToolResultTextMax = std::size_t{1} << 20U;
/// Calls that this process deals with at one time.
inline constexpr std::size_t kLiveCallsMax = 10'000;
/// What is kept of a result as text.
inline constexpr std::size_t kExcerptBytesMax = 2'048;
/// The same of a call that may be sent again, and is answered with it then.
inline constexpr std::size_t kRepeatedExcerptBytesMax = 12'288;
/// Calls whose clients have gone, and who may come back for them.
inline constexpr std::size_t kLeftCallsMax = 10'000;

/// What somebody asks to be called.
struct CallRequest {
  CatalogServerPtr server;
  CatalogTool tool;
  Json arguments = Json::object();
  ToolCaller caller;
  /// Names that the client has for it.
  Json correlation = Json::object();
  std::string agent;
  /// Not empty: it is not carried out, for this reason, which is put on record.
  std::string refused;
  /// A built-in tool of the agent itself: approved here, carried out there.
  bool elsewhere = false;
  /// Who is told what a tool server tells before its answer.
  Upstream::Listener listener = {};
};

/// What came of it, for whoever asked.
struct CallAnswer {
  bool allowed = false;
  /// As the protocol has it.
  Json result;
  /// The arguments that were approved.
  Json arguments;
};

/// Calls on their way: recorded, approved, begun, carried out, recorded again. Network thread.
class ToolCalls {
 public:
  using OnAnswer = std::function<void(CallAnswer)>;
  /// Says that the call waits for a person.
  using OnHeld = std::function<void(const std::string& why)>;

  ToolCalls(ToolPorts ports, Catalog& catalog) : ports_(std::move(ports)), catalog_(catalog) {}

  ToolCalls(const ToolCalls&) = delete;
  ToolCalls& operator=(const ToolCalls&) = delete;

  /// Returns the name of the call. `answer` is called once, unless it is left before. What was sent
  /// before under the same idempotency key is answered with what has come of it.
  std::string call(CallRequest request, OnAnswer answer, OnHeld held);

  /// Nobody waits for the answer any more. What has begun is finished; what waits for a decision
  /// stays, so that the same call may find it.
  void leave(const std::string& name);

  /// Takes what has become of calls: decisions, and rollbacks that people ask for.
  void changed(const std::vector<ObjectPtr>& calls);

  std::size_t live() const { return calls_.size(); }

 private:
  struct Live;
  using LivePtr = std::shared_ptr<Live>;

  std::string new_name();
  void record(const LivePtr& call);
  void recorded(const LivePtr& call, const Result<engine::Reply>& reply);
  void wait(const LivePtr& call);
  void join(const LivePtr& call, const std::string& name, const Json& known);
  void decided(const LivePtr& call, const Json& object);
  void begin(const LivePtr& call);
  void execute(const LivePtr& call);
  void executed(const LivePtr& call, Result<ToolOutcome> outcome);
  void finish(const LivePtr& call, const ToolOutcome& outcome);
  void fail(const LivePtr& call, const std::string& message);
  void refuse(const LivePtr& call, const std::string& message);
  void answer(const LivePtr& call, CallAnswer answer);
  void roll_back(const Json& object);
  void send(const LivePtr& call, std::string verb, Json body, ToolPorts::Reply reply);

  ToolPorts ports_;
  Catalog& catalog_;
  std::map<std::string, LivePtr> calls_;
  /// Open calls that nobody waits for, by what they ask; see key_of in the source.
  std::map<std::string, std::string> left_;
  std::uint64_t last_time_ = 0;
};

}  // namespace reeve::gateway
