#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "coord/channel/channel.h"

/// The row of a channel: the Channel object of the API, complete enough to go on from.
namespace reeve::coord {

/// Members in a fixed order: equal channels give equal text.
Json to_json(const Channel& channel);

/// The inverse. Corrupt: a member is missing, of the wrong type, or breaks an invariant.
Result<Channel> channel_from_json(const Json& row);

// Parts that events share with the row.

Json to_json(const ChannelConfig& config);
Result<ChannelConfig> config_from_json(const Json& json);

Json to_json(const Message& message);
Result<Message> message_from_json(const Json& json);

}  // namespace reeve::coord
