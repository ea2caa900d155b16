#pragma once

#include <cstddef>
#include <string>

#include "net/server.h"

namespace reeve::net {

/// Where connections come from, as a listener shares it with them. Network thread.
struct Origin {
  /// 0: one of those the server started with.
  ListenerId listener = 0;
  std::string tag = {};
  /// 0: no limit of its own.
  std::size_t connections_max = 0;
  /// Now.
  std::size_t connections = 0;
};

}  // namespace reeve::net
