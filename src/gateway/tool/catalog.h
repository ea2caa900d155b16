#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/schema.h"
#include "gateway/tool/upstream.h"

namespace reeve::gateway {

/// Tool servers of one namespace that are looked at; how long a list of tools is used.
inline constexpr std::size_t kToolServersMax = 50;
inline constexpr Duration kToolsFresh{60'000};
/// After a list that could not be had.
inline constexpr Duration kToolsRetry{5'000};
/// How long a list of the tools of all servers waits for one of them.
inline constexpr Duration kToolsWait{5'000};
/// Between two reports in the status of why a list could not be had.
inline constexpr Duration kProblemPause{60'000};
/// How long a server is remembered that nobody uses.
inline constexpr Duration kServerIdle{std::chrono::hours(1)};
/// Entries of `status.tools`, those of tools that have gone included. One more tool cannot be
/// pinned, and so not be called.
inline constexpr std::size_t kPinsMax = 1'000;

/// A tool as it can be called.
struct CatalogTool {
  /// On its server.
  std::string name;
  /// As the protocol describes tools.
  Json definition;
  ToolPolicy policy;
  std::optional<ArgumentSchema> schema;
  /// Why nobody may call it, not even to undo another call: it is not what was accepted, or its
  /// arguments cannot be checked. Empty: it can be called.
  std::string unfit;
  /// Why it is neither listed nor called for agents: `unfit`, or policy. Empty: it is.
  std::string refusal;
};

struct CatalogServer {
  ToolServer server;
  /// Null: its tools are our own.
  std::shared_ptr<Upstream> upstream;
  std::map<std::string, CatalogTool, std::less<>> tools;
  /// Why its tools are not known; empty: they are.
  std::string problem;
};

using CatalogServerPtr = std::shared_ptr<const CatalogServer>;

/// What a tool says about itself, as a digest: name, description, schemas, annotations.
std::string tool_digest(const Json& definition);

/// The tools of all servers, as far as they are known, with their pins: what may be called is as it
/// was first seen, or as a person has accepted it. A name that a server lists twice is no tool of
/// its. Network thread.
class Catalog {
 public:
  using OnServer = std::function<void(CatalogServerPtr)>;
  using OnServers = std::function<void(std::vector<CatalogServerPtr>)>;

  explicit Catalog(ToolPorts ports) : ports_(std::move(ports)) {}

  /// What is under way at tool servers ends without a word.
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// Null: there is no such server.
  void server(const Namespace& ns, const std::string& name, OnServer done) {
    server(ns, name, true, std::move(done));
  }

  /// Those of a namespace, by name. A server that could not be asked before is not waited for, any
  /// other for kToolsWait: it is missing then.
  void all(const Namespace& ns, OnServers done);

  /// Ends programs of tool servers that are not there any more, or are others now.
  void drop_changed();

 private:
  struct Known;
  struct Gathering;
  using KnownPtr = std::shared_ptr<Known>;

  void server(const Namespace& ns, const std::string& name, bool patient, OnServer done);
  Result<KnownPtr> known_server(
      const Namespace& ns, const std::string& name, const ObjectPtr& object
  );
  void forget_unused();
  void refresh(const KnownPtr& known);
  void listed(const KnownPtr& known, Result<std::vector<Json>> tools);
  void deliver(const KnownPtr& known);
  void pin(const KnownPtr& known);
  void report(const KnownPtr& known);
  void write_status(
      const KnownPtr& known, Json status, std::function<void(const Result<engine::Reply>&)> done
  );
  static CatalogServerPtr make(const Known& known);

  ToolPorts ports_;
  std::map<std::pair<Namespace, std::string>, KnownPtr> known_;
  /// When those that nobody uses are looked for again.
  Timestamp next_look_;
};

}  // namespace reeve::gateway
