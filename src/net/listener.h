#pragma once

#include <memory>

#include "net/hub.h"
#include "net/loop.h"
#include "net/origin.h"
#include "net/sockets.h"

namespace reeve::net {

/// Takes connections from one listening socket to the hub. Network thread.
class Listener final : public Readiness::Sink, public std::enable_shared_from_this<Listener> {
 public:
  Listener(
      std::shared_ptr<Hub> hub, ListeningSocket socket, bool tls, std::shared_ptr<Origin> origin
  );

  void begin();
  void close();

  void on_readable() override;

  void on_writable() override {}

 private:
  const std::shared_ptr<Hub> hub_;
  const bool tls_;
  const std::shared_ptr<SocketFile> file_;
  const std::shared_ptr<Origin> origin_;
  Readiness readiness_;
  bool closed_ = false;
};

}  // namespace reeve::net
