#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "workflow/cron/zone.h"

/// What comes of it when something happens that a workflow waits for.
namespace reeve::trigger {

/// One thing that happened: a tick, a request, a file, an object, a message.
struct Occurrence {
  /// What the trigger's texts are rendered over: `.Tick`, `.Body .Headers .Query`, `.File`,
  /// `.Object`, `.Message .Properties`.
  Json data = Json::object();
  Timestamp at;
  /// Names it for ever: told twice, it makes one mission. Empty: whoever tells has no name for it.
  std::string key;
};

/// `.Tick.Time` (RFC 3339, UTC), `.Tick.Local` (what the clocks show, without zone), `.Tick.Zone`,
/// `.Tick.Unix` (seconds).
Occurrence tick_occurrence(Timestamp tick, const cron::Zone& zone);

/// A file of the inbox.
struct InboxFile {
  std::string name;
  std::string path;
  std::uint64_t size_bytes = 0;
  Timestamp modified_at;
  /// SHA-256 of its content: the same file again is the same occurrence.
  std::string digest;
};

/// `.File.Name`, `.Path`, `.Size`, `.Modified`, `.Digest`.
Occurrence file_occurrence(const InboxFile& file, Timestamp now);

/// A message of a channel.
struct ChannelMessage {
  std::string channel;
  std::string id;
  std::string body;
  std::vector<std::pair<std::string, std::string>> properties;
};

/// `.Message`: the body as JSON, or as text if it is none; `.Properties`. Whole numbers of the body
/// stay exact.
Occurrence message_occurrence(const ChannelMessage& message, Timestamp now);

}  // namespace reeve::trigger
