#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/transport.h"

namespace reeve::gateway {

/// How long a program is kept that nobody asks anything.
inline constexpr Duration kProgramIdle{std::chrono::minutes(10)};
/// How long it may say nothing at first.
inline constexpr Duration kProgramStartMax{60'000};
/// How long one that did not answer in time may take to show that it lives.
inline constexpr Duration kProgramSignTimeout{5'000};
/// Between two starts of a program that ends by itself: from here, twice as long each time, to
/// here.
inline constexpr Duration kProgramPause{1'000};
inline constexpr Duration kProgramPauseMax{60'000};
/// What waits for a program that does not read.
inline constexpr std::size_t kProgramUnsentMax = std::size_t{4} << 20U;
/// How long an answer to the first question is waited for, which older programs may not know.
inline constexpr Duration kProgramFirstTimeout{5'000};

/// A tool server that is a program: messages are lines of its standard streams. It is started when
/// it is first asked, and again when it has ended; its environment is its own. Network thread.
class StdioTransport final : public UpstreamTransport,
                             public std::enable_shared_from_this<StdioTransport> {
 public:
  StdioTransport(const ToolServer& server, ToolPorts ports, std::weak_ptr<UpstreamUser> user);
  ~StdioTransport() override;

  Result<void> prepare() override;
  void send(UpstreamMessage message, std::shared_ptr<UpstreamExchange> exchange) override;
  void tell(UpstreamMessage message) override;
  void forget() override;

  bool is_one_server() const override { return true; }

  Duration first_timeout() const override { return kProgramFirstTimeout; }

  void close(Closing how) override;

 private:
  struct Running;
  using RunningPtr = std::shared_ptr<Running>;

  /// Values of the environment, and what they are without showing them.
  struct Environment {
    std::vector<Secret> entries;
    UpstreamExchange::Secrets secrets;
    std::size_t secret_bytes_max = 0;
    std::string digest;
  };

  Result<Environment> environment() const;
  Result<void> start(Environment environment);
  void take(const RunningPtr& running, std::string_view piece);
  void take_line(Running& running, std::string_view line);
  static std::string masked(const Running& running, const ToolProgramEnd& end);
  void ended(const RunningPtr& running, const ToolProgramEnd& end);
  void give_up(ErrorCode code, const std::string& why);
  void stop(ErrorCode code, const std::string& why);
  void expired(const RunningPtr& running, std::int64_t id);
  void look_for_signs(const RunningPtr& running);
  void rest(const RunningPtr& running);

  std::string ns_;
  std::string name_;
  ToolCommand command_;
  ToolPorts ports_;
  std::weak_ptr<UpstreamUser> user_;
  bool closed_ = false;
  /// Null: it does not run.
  RunningPtr running_;

  /// Ends in a row that nobody has asked for, why the last one was, and when it may be started
  /// next.
  unsigned failures_ = 0;
  std::string why_;
  Timestamp next_start_;
};

}  // namespace reeve::gateway
