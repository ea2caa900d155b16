#pragma once

#include <string>
#include <string_view>

namespace reeve::executor::http {

/// The 20 bytes of SHA-1. Only for the handshake of web sockets, which asks for it and where
/// nothing depends on its strength.
std::string sha1(std::string_view bytes);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace reeve::executor::http
