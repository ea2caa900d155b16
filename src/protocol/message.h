#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"

/// What is said to the owner of a data directory: one line of JSON with a request, one line with
/// the response. Pure; any bytes may be decoded.
namespace reeve::protocol {

/// Both sides refuse another version and say so.
inline constexpr int kVersion = 1;

/// A workflow and its params, escaped, as large as the journal takes them: a request that the
/// engine would accept always fits.
inline constexpr std::size_t kLineBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kVerbBytesMax = 64;
inline constexpr std::size_t kInputIdBytesMax = 200;

/// `{"v":1,"id":"cli-1-2","verb":"abort","namespace":"team-a","args":{…}}`
struct Request {
  /// What is asked, in lower case: "submit", "gate.approve".
  std::string verb;
  /// Given by the sender; a repeated request has no second effect and gets the first answer.
  InputId id;
  Json args = Json::object();
  /// Whose objects the names in `args` are; empty: what the sender says about it by being who it
  /// is, `default` for a user.
  Namespace ns = {};
};

/// What the owner answers: an object, or why not.
using Response = Result<Json>;

/// The line, with its end.
std::string encode(const Request& request);

/// Invalid: no JSON, another version, unknown or missing members, a verb that is none.
Result<Request> decode_request(std::string_view line);

/// `{"v":1,"ok":{…}}` or `{"v":1,"error":{"code":"not_found","message":…}}`, with the line's end.
std::string encode(const Response& response);

/// The outer error: the line is no response. Invalid, as above.
Result<Response> decode_response(std::string_view line);

}  // namespace reeve::protocol
