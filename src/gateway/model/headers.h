#pragma once

#include <string_view>
#include <vector>

#include "net/request.h"

/// Which header fields pass the gateway. Pure.
namespace reeve::gateway::model {

/// The call of a caller, as it names it itself: a repetition is told from a new one by it.
inline constexpr std::string_view kCallIdHeader = "Reeve-Call-Id";
inline constexpr std::size_t kCallIdBytesMax = 200;

/// What of a client's fields goes to the provider: all that the gateway does not know, in its
/// order. Not those about the connection, about who asks (keys, organisations, cookies, addresses),
/// and `Reeve-…`. The answer is asked for without encoding, since it is read on its way.
std::vector<net::Header> headers_to_provider(const net::Headers& headers);

/// What of a provider's fields goes to the client: not those about the connection, and not those
/// that tell whose account it is.
std::vector<net::Header> headers_to_client(const net::Headers& headers);

}  // namespace reeve::gateway::model
