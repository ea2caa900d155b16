#pragma once

#include <memory>
#include <string>

#include "net/hub.h"
#include "net/loop.h"
#include "net/sockets.h"

namespace reeve::net {

/// Takes connections from one listening socket to the hub. Network thread.
class Listener final : public Readiness::Sink, public std::enable_shared_from_this<Listener> {
 public:
  /// `unix_path`: the file to remove at the end; "": none.
  Listener(std::shared_ptr<Hub> hub, ListeningSocket socket, bool tls, std::string unix_path);

  void begin();
  void close();

  void on_readable() override;

  void on_writable() override {}

 private:
  const std::shared_ptr<Hub> hub_;
  const bool tls_;
  const std::string unix_path_;
  Readiness readiness_;
  bool closed_ = false;
};

}  // namespace reeve::net
