#include "net/client.h"

#include <future>
#include <utility>

#include "net/client_call.h"
#include "net/client_hub.h"
#include "net/tls_session.h"

namespace reeve::net {

Client::Client(std::shared_ptr<ClientHub> hub) : hub_(std::move(hub)) {}

Result<std::unique_ptr<Client>> Client::create(Server& server, ClientOptions options) {
  REEVE_TRY(
      std::shared_ptr<const TlsContext> tls, TlsContext::create_for_client(options.authorities_pem)
  );
  const std::shared_ptr<Loop> loop = server.loop();
  auto hub = std::make_shared<ClientHub>(loop, std::move(options), std::move(tls));
  loop->post([loop, user = std::weak_ptr<Loop::User>(hub)] { loop->add_user(user); });
  return std::unique_ptr<Client>(new Client(std::move(hub)));
}

Client::~Client() {
  close();
}

std::shared_ptr<ClientCall> Client::send(
    ClientRequest request, std::shared_ptr<ResponseSink> sink
) {
  REEVE_ASSERT(hub_->loop()->on_thread());
  const auto call = std::make_shared<LiveCall>(hub_, std::move(request), std::move(sink));
  hub_->send(call);
  return std::make_shared<CallHandle>(call);
}

ClientStats Client::stats() const {
  return hub_->stats();
}

void Client::close() {
  if (hub_->loop()->on_thread()) {
    hub_->close();
    return;
  }
  const auto done = std::make_shared<std::promise<void>>();
  const bool posted = hub_->loop()->post([hub = hub_, done] {
    hub->close();
    done->set_value();
  });
  if (posted) {
    done->get_future().wait();
  }
  // Otherwise the loop has stopped, which has closed it.
}

}  // namespace reeve::net
