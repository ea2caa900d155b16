#include "gateway/model/format/answer_cache.h"

#include <utility>

namespace reeve::gateway::model {

namespace {

/// What an entry costs beside its texts.
constexpr std::size_t kEntryBytes = 512;

}  // namespace

const WholeAnswer* AnswerCache::find(const Digest& key, Timestamp now) {
  const auto found = places_.find(key);
  if (found == places_.end()) {
    return nullptr;
  }
  if (found->second->until <= now) {
    remove(found->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front().answer;
}

bool AnswerCache::put(const Digest& key, WholeAnswer answer, Timestamp now, Duration ttl) {
  if (const auto found = places_.find(key); found != places_.end()) {
    remove(found->second);
  }
  const std::size_t bytes = kEntryBytes + answer.body->size() + answer.content_type.size();
  if (ttl <= Duration(0) || answer.body->size() > limits_.answer_bytes_max ||
      bytes > limits_.bytes_max || limits_.entries_max == 0) {
    return false;
  }
  while (entries_.size() >= limits_.entries_max || bytes_ + bytes > limits_.bytes_max) {
    remove(std::prev(entries_.end()));
  }
  entries_.push_front(Entry{
      .key = key, .answer = std::move(answer), .until = now + ttl, .bytes = bytes});
  places_.emplace(key, entries_.begin());
  bytes_ += bytes;
  return true;
}

void AnswerCache::remove(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  places_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace reeve::gateway::model
