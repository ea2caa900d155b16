#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/view/view.h"
#include "gateway/a2a/message.h"
#include "gateway/a2a/places.h"
#include "gateway/a2a/task.h"
#include "gateway/a2a/wire.h"
#include "gateway/ports.h"
#include "net/server.h"

/// The operations of the protocol, whatever the form. Private to a2a; network thread.
namespace reeve::gateway::a2a {

/// What all calls share.
struct Shared {
  explicit Shared(const GatewayServices& with) : services(with) {}

  const GatewayServices services;
  api::view::TypeId missions{};
  api::view::TypeId workflows{};
  Places places;
  /// No answer counts any more, and `services` are not used. Set on the network thread; the
  /// kernel's looks at it too.
  std::atomic<bool> closed = false;
};

/// One request of somebody.
struct Call {
  std::shared_ptr<Shared> shared;
  GatewayRequest request;
  Caller caller;
  /// Of the address; empty: the installation's.
  std::string ns;
  std::string agent;
};

using CallPtr = std::shared_ptr<Call>;

/// `https://host:port`, as the request has it.
std::string base_of(const net::Request& request);

/// The workflow of an agent that whoever asks may send messages to; null: there is none.
api::view::ProjectedPtr find_agent(
    const Shared& shared,
    const GatewayRequest& request,
    const std::string& ns,
    const std::string& agent
);

/// All of them, of all namespaces, at most kSkillsMax.
std::vector<Json> find_agents(const Shared& shared, const GatewayRequest& request);

void send_message(const CallPtr& call, const Json& params, bool streaming);
void get_task(const CallPtr& call, const Json& params);
void list_tasks(const CallPtr& call, const Json& params);
void cancel_task(const CallPtr& call, const Json& params);
void subscribe(const CallPtr& call, const Json& params);

/// The caller's mission with that task id; null: there is none that is to be seen here.
api::view::ProjectedPtr find_task(const Call& call, const std::string& task);

/// Whether whoever calls may wait for a task, or be told of one; otherwise that was the answer.
bool may_follow(const Call& call);

/// Answers with the task when it is over, or `limit` has passed; at once if there is no room for
/// one more that waits. `wrapped`: as {task: …}.
void answer_when_over(const CallPtr& call, const std::string& task, Duration limit, bool wrapped);

/// Tells of the task until it is over; if there is no room for one more, only how it is now.
void stream_task(const CallPtr& call, const std::string& task);

}  // namespace reeve::gateway::a2a
