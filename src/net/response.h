#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/request.h"

/// Heads of responses as text. Pure; any thread.
namespace reeve::net {

/// The customary words for a status; "" for one that has none.
std::string_view reason_phrase(int status);

/// Why this head cannot be sent (see `ResponseHead`); "": it can. `body_bytes`: of the body.
std::string problem_of_head(int status, const std::vector<Header>& headers, std::size_t body_bytes);

/// A response with this status never has a body.
bool is_bodiless(int status);

/// How the end of a body is told.
enum class BodyFraming {
  None,
  Length,
  Chunked,
  /// HTTP/1.0: by the end of the connection.
  Close,
};

struct HeadText {
  int status = 200;
  const std::vector<Header>& headers;
  BodyFraming framing = BodyFraming::Length;
  std::size_t content_length = 0;
  bool close_connection = false;
  /// As `http_date` writes it.
  std::string_view date;
};

/// Appends status line and fields, with the empty line after them.
void append_head(std::string& out, const HeadText& head);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(Timestamp at);

/// The line before a chunk of `size` bytes.
std::string chunk_line(std::size_t size);

}  // namespace reeve::net
