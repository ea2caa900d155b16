#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/protocol.h"
#include "gateway/tool/transport.h"
#include "gateway/tool/upstream_exchange.h"

namespace reeve::gateway {

/// What one server may send in answer to one request; tools and pages of its list.
inline constexpr std::size_t kUpstreamBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kUpstreamToolsMax = 500;
inline constexpr std::size_t kUpstreamPagesMax = 20;
/// All of its list together.
inline constexpr std::size_t kUpstreamListBytesMax = std::size_t{1} << 20U;
inline constexpr Duration kUpstreamListTimeout{15'000};
/// Questions of a server that are answered between two of ours; more are passed over.
inline constexpr std::size_t kUpstreamAsksMax = 20;

/// An MCP server as its client, in whatever revision it speaks, over whichever transport. It is
/// asked for nothing but its tools; one that asks for input is answered that nobody is there. What
/// it says has its credentials nowhere. Network thread.
class Upstream : public UpstreamUser, public std::enable_shared_from_this<Upstream> {
 public:
  using OnTools = std::function<void(Result<std::vector<Json>>)>;
  using OnResult = UpstreamExchange::OnResult;
  using Listener = UpstreamListener;

  static std::shared_ptr<Upstream> create(const ToolServer& server, const ToolPorts& ports);

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

  /// Nothing is asked any more.
  void close(Closing how);

  void on_lost() override { version_.clear(); }

  void on_asked(const Json& request) override;

 private:
  struct Listing;
  using OnConnected = std::function<void(Result<void>)>;

  explicit Upstream(const ToolServer& server) : protocol_(server.protocol) {}

  void connect(OnConnected done);
  void discover(OnConnected done);
  void initialize(OnConnected done);
  void next_page(const std::string& cursor, std::shared_ptr<Listing> listing);
  void ask(std::string method, Json params, Duration timeout, OnResult done, Listener listener);
  void tell(std::string method, Json body);

  /// "auto", or the revision that is wanted.
  std::string protocol_;
  std::shared_ptr<UpstreamTransport> transport_;
  Era era_ = Era::Session;
  std::string version_;
  /// The era of the last agreement.
  std::optional<Era> known_era_;
  /// The next one begins as programs of the other era want it, so that one that ends of the first
  /// question gets to the second.
  bool died_of_discover_ = false;
  std::int64_t next_id_ = 1;
  std::size_t asks_ = 0;
  /// Those who wait until the revision is agreed on, which one of them sees to.
  std::vector<OnConnected> connecting_;
};

}  // namespace reeve::gateway
