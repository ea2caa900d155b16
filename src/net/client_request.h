#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "net/client.h"

/// Requests of a client as text. Pure; any thread.
namespace reeve::net {

/// Whether it can be sent. Invalid: what is wrong with it.
Result<void> check(const ClientRequest& request);

/// Request line and fields, with the empty line after them.
std::string request_head(const ClientRequest& request, std::size_t body_bytes);

/// "https://api.example.com", or the path of the socket: for messages.
std::string describe(const Endpoint& endpoint);

}  // namespace reeve::net
