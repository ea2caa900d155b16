#include "engine/statistics.h"

#include <algorithm>

#include "engine/channel_book.h"
#include "engine/engine.h"

namespace reeve::engine {

namespace {

/// Adds to the last entry what does not get one of its own.
void add(const ChannelStatistics& channel, ChannelStatistics& to) {
  to.messages += channel.messages;
  to.dead += channel.dead;
  to.bytes += channel.bytes;
  if (channel.messages > 0 &&
      (to.oldest_sent_at == Timestamp{} || channel.oldest_sent_at < to.oldest_sent_at)) {
    to.oldest_sent_at = channel.oldest_sent_at;
  }
}

}  // namespace

std::vector<ChannelStatistics> ChannelBook::statistics() const {
  std::vector<ChannelStatistics> told;
  for (const auto& [key, channel] : channels_) {
    if (channel.deleted) {
      continue;
    }
    ChannelStatistics one;
    one.messages = channel.messages.size();
    one.dead = channel.dead.size();
    one.bytes = channel.bytes;
    if (!channel.messages.empty()) {
      one.oldest_sent_at = channel.messages.begin()->second.sent_at;
    }
    if (told.size() >= kChannelsTold) {
      told.resize(kChannelsTold + 1);
      add(one, told.back());
      continue;
    }
    one.ns = channel.ns;
    one.name = channel.name;
    told.push_back(std::move(one));
  }
  return told;
}

Statistics Engine::statistics() const {
  Statistics statistics;
  statistics.missions = live_by_state_;
  statistics.runs_on_hosts = on_hosts_.size();
  statistics.runs_waiting = runs_.size();
  statistics.run_slots = limits_.run_slots;
  const Book* channels = book_by_kind_.at(static_cast<std::size_t>(journal::Kind::Channel));
  statistics.channels = static_cast<const ChannelBook*>(channels)->statistics();
  return statistics;
}

}  // namespace reeve::engine
