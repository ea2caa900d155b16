#pragma once

#include <memory>
#include <string>
#include <utility>

#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/transport.h"

namespace reeve::gateway {

/// A tool server over streamable HTTP. Redirects are not followed.
class HttpTransport final : public UpstreamTransport,
                            public std::enable_shared_from_this<HttpTransport> {
 public:
  HttpTransport(const ToolServer& server, ToolPorts ports, std::weak_ptr<UpstreamUser> user)
      : ns_(server.ns),
        url_(server.url),
        credential_(server.credential),
        ports_(std::move(ports)),
        user_(std::move(user)) {}

  Result<void> prepare() override { return {}; }

  void send(UpstreamMessage message, std::shared_ptr<UpstreamExchange> exchange) override;
  void tell(UpstreamMessage message) override;

  void forget() override { session_.clear(); }

  bool is_one_server() const override { return false; }

  Duration first_timeout() const override;

  void close(Closing /*how*/) override {}

 private:
  struct Flight;
  class Sink;

  Result<net::ClientRequest> request_of(const UpstreamMessage& message, Flight& flight) const;
  void fly(UpstreamMessage message, std::shared_ptr<Flight> flight);

  std::string ns_;
  std::string url_;
  std::string credential_;
  ToolPorts ports_;
  std::weak_ptr<UpstreamUser> user_;
  std::string session_;
};

}  // namespace reeve::gateway
