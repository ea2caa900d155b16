#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/builtin.h"
#include "gateway/tool/call_record.h"
#include "gateway/tool/catalog.h"
#include "gateway/tool/left_calls.h"
#include "gateway/tool/ports.h"

namespace reeve::gateway {

/// How often decisions are looked for.
inline constexpr Duration kDecisionPeriod{200};
/// A result as the caller gets it.
inline constexpr std::size_t kToolResultTextMax = std::size_t{1} << 20U;
/// Calls that this process deals with at one time.
inline constexpr std::size_t kLiveCallsMax = 10'000;
/// After a step that could not be put on record: how long until it is tried again.
inline constexpr Duration kRecordRetry{200};
inline constexpr Duration kRecordRetryMax{10'000};

/// Calls on their way: recorded, approved, begun, carried out, recorded again. What is on record is
/// sent to its tool once at most. Network thread.
class ToolCalls {
 public:
  using OnAnswer = std::function<void(CallAnswer)>;
  /// Says that the call waits for a person.
  using OnHeld = std::function<void(const std::string& why)>;
  /// Of somebody who waits for an answer; 0: nobody.
  using Ticket = std::uint64_t;

  ToolCalls(ToolPorts ports, Catalog& catalog) : ports_(std::move(ports)), catalog_(catalog) {}

  ToolCalls(const ToolCalls&) = delete;
  ToolCalls& operator=(const ToolCalls&) = delete;

  /// `answer` is called once, unless it is left before. What was sent before under the same
  /// idempotency key is answered with what has come of it.
  Ticket call(CallRequest request, OnAnswer answer, OnHeld held);

  /// This one does not wait any more. What has begun is finished. What waits for a decision and for
  /// nobody is not carried out until the same is asked again, also after a restart.
  void leave(Ticket ticket);

  /// Whether people have not decided yet about the call of this one.
  bool is_awaited(Ticket ticket) const;

  /// Whether a call on record could be carried out with other arguments: see Gateway::check_edit.
  void check_edit(
      const Json& object, const Json& arguments, std::function<void(Result<void>)> done
  );

  /// Takes what has become of calls: decisions, and rollbacks that people ask for.
  void changed(const std::vector<ObjectPtr>& calls);

 private:
  struct Client;
  struct Live;
  using LivePtr = std::shared_ptr<Live>;

  std::string new_name();
  bool resume(const LivePtr& call);
  void recorded(const LivePtr& call, const Result<engine::Reply>& reply);
  void wait(const LivePtr& call);
  void put_aside(const LivePtr& call);
  void keep_left(const LeftCalls::Id& id, const LeftCalls::Asked& asked);
  void join(const LivePtr& call, const std::string& name, const Json& known);
  void decided(const LivePtr& call, const Json& object);
  void begin(const LivePtr& call);
  void begin_at(const LivePtr& call, CatalogServerPtr server);
  std::string renew(const LivePtr& call, CatalogServerPtr server);
  void execute(const LivePtr& call);
  void executed(const LivePtr& call, Result<ToolOutcome> outcome);
  void finish(const LivePtr& call, const ToolOutcome& outcome);
  void fail(const LivePtr& call, const std::string& message);
  void end(const LivePtr& call);
  void refuse(const LivePtr& call, const std::string& message);
  void answer(const LivePtr& call, const CallAnswer& answer);
  void tell(const LivePtr& call, const CallAnswer& answer);
  void roll_back(const Json& object);
  void send(const LivePtr& call, std::string verb, Json body, ToolPorts::Reply reply);

  ToolPorts ports_;
  Catalog& catalog_;
  std::map<std::string, LivePtr> calls_;
  std::map<Ticket, LivePtr> tickets_;
  LeftCalls left_;
  Ticket last_ticket_ = 0;
  std::uint64_t last_time_ = 0;
};

}  // namespace reeve::gateway
