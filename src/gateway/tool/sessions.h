#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"
#include "gateway/tool/builtin.h"

namespace reeve::gateway {

/// Sessions of clients that speak a revision with sessions, those of one caller, and how long one
/// lasts unused.
inline constexpr std::size_t kSessionsMax = 10'000;
inline constexpr std::size_t kSessionsOfCallerMax = 20;
inline constexpr Duration kSessionIdle{std::chrono::hours(1)};

struct Session {
  ToolCaller caller;
  Timestamp used;
  /// Of the messages of tool servers that the client is told.
  std::string log_level = "info";
};

/// The sessions of all clients. Network thread.
class Sessions {
 public:
  /// Whether somebody can still ask: runs end.
  using Lives = std::function<bool(const ToolCaller&)>;

  /// The session of the caller, which is used now; null: there is none, or it is over.
  Session* find(const std::string& id, const ToolCaller& caller, Timestamp now);

  /// A new one. The one that its caller has used least goes if it has too many. False: there are
  /// too many, of callers that live.
  bool add(const std::string& id, const ToolCaller& caller, Timestamp now, const Lives& lives);

  void end(const std::string& id);

  std::size_t size() const { return sessions_.size(); }

 private:
  using Owner = std::pair<Namespace, Principal>;

  std::map<std::string, Session> sessions_;
  std::map<Owner, std::set<std::string>> by_owner_;
};

}  // namespace reeve::gateway
