#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/protocol.h"

namespace reeve::gateway {

/// What one server may send in answer to one request; tools and pages of its list.
inline constexpr std::size_t kUpstreamBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kUpstreamToolsMax = 500;
inline constexpr std::size_t kUpstreamPagesMax = 20;
/// All of its list together.
inline constexpr std::size_t kUpstreamListBytesMax = std::size_t{1} << 20U;
inline constexpr Duration kUpstreamListTimeout{15'000};
/// What a server may tell about one call before its answer; more, and longer ones, are left out.
inline constexpr std::size_t kUpstreamNotesMax = 200;
inline constexpr std::size_t kUpstreamNoteBytesMax = std::size_t{8} << 10U;

/// An MCP server over streamable HTTP, in whatever revision it speaks. It is asked for nothing but
/// its tools; redirects are not followed; a server that asks for input is answered that nobody is
/// there. What it says has the credential nowhere that it is sent. Network thread.
class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  using OnTools = std::function<void(Result<std::vector<Json>>)>;
  using OnResult = std::function<void(Result<Json>)>;
  /// Parameters of `notifications/progress` or `notifications/message`.
  using OnNote = std::function<void(std::string_view method, const Json& params)>;

  /// What is wanted of a call besides its result.
  struct Listener {
    /// Empty: nothing.
    OnNote note;
    /// Of the messages that are wanted; empty: none.
    std::string log_level;
    /// Headers that repeat arguments, for servers without sessions.
    std::vector<net::Header> params = {};
  };

  static std::shared_ptr<Upstream> create(ToolServer server, const ToolPorts& ports);

  /// All its tools, as the protocol has them.
  void list(OnTools done);

  /// The result of one call. Unavailable: nothing was sent. Ambiguous, DeadlineExceeded: it may
  /// have been carried out. Invalid: the server answered with an error.
  void call(
      std::string_view tool,
      const Json& arguments,
      Duration timeout,
      Listener listener,
      OnResult done
  );

  /// The revision that was agreed on; empty: none yet.
  const std::string& protocol() const { return version_; }

 private:
  struct Exchange;
  struct Listing;
  class Sink;
  using OnConnected = std::function<void(Result<void>)>;

  Upstream(ToolServer server, ToolPorts ports)
      : server_(std::move(server)), ports_(std::move(ports)) {}

  void connect(OnConnected done);
  void discover(OnConnected done);
  void initialize(OnConnected done);
  void next_page(const std::string& cursor, std::shared_ptr<Listing> listing);
  void ask(std::string method, Json params, Duration timeout, OnResult done, Listener listener);
  void notify_initialized();
  Result<net::ClientRequest> request_of(
      const std::string& method,
      const Json& body,
      const std::string& name,
      Duration timeout,
      Exchange& exchange
  ) const;

  ToolServer server_;
  ToolPorts ports_;
  Era era_ = Era::Session;
  std::string version_;
  std::string session_;
  std::int64_t next_id_ = 1;
  /// Those who wait until the revision is agreed on, which one of them sees to.
  std::vector<OnConnected> connecting_;
};

}  // namespace reeve::gateway
