#pragma once

#include <map>

#include "coord/channel/channel.h"
#include "engine/book.h"
#include "engine/statistics.h"

namespace reeve::engine {

/// Channels: messages between those who do not know each other (coord/channel).
///
/// | verb | body | detail of the reply |
/// |---|---|---|
/// | `set` | `messagesMax bytesMax visibility deliveriesMax retention` | |
/// | `send` | `body`, `key properties delay ttl` | `sequence` |
/// | `receive` | `group consumer count visibility from lifetime` | `messages` |
/// | `ack` | `sequence token`, `group` | |
/// | `nack` | `sequence token`, `group delay giveUp dead` (gives up, and why) | |
/// | `extend` | `sequence token visibility`, `group` | |
/// | `subscribe` | `group`, `from lifetime` | |
/// | `unsubscribe` | `group` | |
/// | `resend`, `discard` | `sequence`, `group` | `sequence` |
/// | `delete` | | |
///
/// What stands after the comma, and all of `set` and `receive`, may be left out.
///
/// Threading: engine loop, or one thread for an audit.
class ChannelBook final : public Book {
 public:
  journal::Kind kind() const override { return journal::Kind::Channel; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;
  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;
  void recover(BookTurn& turn) override;

  /// A channel, or null.
  const coord::Channel* find(const journal::ObjectKey& key) const;

  /// Of the channels that are there.
  std::vector<ChannelStatistics> statistics() const;

 private:
  void explain_absence(const journal::ObjectKey& absent, Error& error) const;

  std::map<journal::ObjectKey, coord::Channel> channels_;
};

}  // namespace reeve::engine
