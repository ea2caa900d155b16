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
/// Entries of `status.tools`.
inline constexpr std::size_t kPinsMax = 1'000;

/// A tool as it can be called.
struct CatalogTool {
  /// On its server.
  std::string name;
  /// As the protocol describes tools.
  Json definition;
  ToolPolicy policy;
  std::optional<ArgumentSchema> schema;
  /// Why it is neither listed nor called; empty: it is.
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

/// The tools of all servers, as far as they are known, with their pins: a tool is as it was first
/// seen, or as a person has accepted it. Network thread.
class Catalog {
 public:
  using OnServer = std::function<void(CatalogServerPtr)>;
  using OnServers = std::function<void(std::vector<CatalogServerPtr>)>;

  explicit Catalog(ToolPorts ports) : ports_(std::move(ports)) {}

  /// Null: there is no such server.
  void server(const Namespace& ns, const std::string& name, OnServer done) {
    server(ns, name, true, std::move(done));
  }

  /// Those of a namespace, by name. A server that could not be asked before is not waited for.
  void all(const Namespace& ns, OnServers done);

 private:
  struct Known;

  void server(const Namespace& ns, const std::string& name, bool patient, OnServer done);
  void refresh(const std::shared_ptr<Known>& known);
  void deliver(const std::shared_ptr<Known>& known);
  void pin(const std::shared_ptr<Known>& known, Json status);

  ToolPorts ports_;
  std::map<std::pair<Namespace, std::string>, std::shared_ptr<Known>> known_;
};

}  // namespace reeve::gateway
