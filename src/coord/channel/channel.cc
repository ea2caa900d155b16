#include "coord/channel/channel.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::coord {

namespace {

/// Of the other fields and of the names of all members.
constexpr std::uint64_t kMessageOverhead = 400;

std::uint64_t json_bytes(std::string_view text) {
  std::string encoded;
  append_json_string(encoded, text);
  return encoded.size();
}

Error out_of_range(std::string_view field, const std::string& range) {
  Error error = make_error(ErrorCode::Invalid, "the value is out of range", std::string(field));
  error.hint = concat("write ", range);
  return error;
}

}  // namespace

std::uint64_t message_bytes(const Message& message) {
  std::uint64_t bytes = kMessageOverhead + json_bytes(message.key) + json_bytes(message.body) +
                        json_bytes(message.only_group);
  for (const auto& [name, value] : message.properties) {
    bytes += json_bytes(name) + json_bytes(value);
  }
  return bytes;
}

Timestamp end_of(const Message& message, const ChannelConfig& config) {
  const Timestamp end = message.sent_at + config.retention;
  return message.expires_at ? std::min(end, *message.expires_at) : end;
}

Result<void> check_channel_name(std::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= kChannelNameBytesMax && name.front() != '.' &&
      name.front() != '-' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
          std::string_view::npos;
  if (fits) {
    return {};
  }
  Error error =
      make_error(ErrorCode::Invalid, concat("\"", name, "\" is no name of a channel"), "channel");
  error.hint = concat(
      "use letters, digits and . _ -, at most ",
      kChannelNameBytesMax,
      " of them, beginning with a letter, a digit or _"
  );
  return error;
}

Result<void> check_config(const ChannelConfig& config) {
  if (config.messages_max < 1 || config.messages_max > kMessagesMax) {
    return out_of_range("messagesMax", concat("1 to ", kMessagesMax));
  }
  if (config.bytes_max < 1 || config.bytes_max > kChannelBytesMax) {
    return out_of_range("bytesMax", concat("1 to ", kChannelBytesMax));
  }
  if (config.visibility <= Duration(0) || config.visibility > kVisibilityMax) {
    return out_of_range("visibility", concat("1ms to ", format_duration(kVisibilityMax)));
  }
  if (config.deliveries_max < 1 || config.deliveries_max > kDeliveriesMax) {
    return out_of_range("deliveriesMax", concat("1 to ", kDeliveriesMax));
  }
  if (config.retention <= Duration(0) || config.retention > kRetentionMax) {
    return out_of_range("retention", concat("1ms to ", format_duration(kRetentionMax)));
  }
  return {};
}

}  // namespace reeve::coord
