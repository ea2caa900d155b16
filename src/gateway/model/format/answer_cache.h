#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace reeve::gateway::model {

/// A whole answer, as it was sent to a client.
struct WholeAnswer {
  std::string content_type = {};
  /// Shared with whoever still sends it; never null.
  std::shared_ptr<const std::string> body = std::make_shared<const std::string>();
};

struct AnswerCacheLimits {
  std::size_t entries_max = 1'000;
  std::size_t bytes_max = std::size_t{32} << 20U;
  /// Larger answers are not kept.
  std::size_t answer_bytes_max = std::size_t{1} << 20U;
};

/// Answers that may be given again for a while; those that were not asked for the longest time go
/// first. One thread.
class AnswerCache {
 public:
  explicit AnswerCache(AnswerCacheLimits limits = {}) : limits_(limits) {}

  /// Null: there is none, or it is too old. Valid until the cache is used again.
  const WholeAnswer* find(const Digest& key, Timestamp now);

  /// Says whether it is kept.
  bool put(const Digest& key, WholeAnswer answer, Timestamp now, Duration ttl);

  std::size_t size() const { return entries_.size(); }

  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Digest key;
    WholeAnswer answer;
    Timestamp until;
    std::size_t bytes = 0;
  };

  void remove(std::list<Entry>::iterator entry);

  AnswerCacheLimits limits_;
  /// The one that was asked for last is the first.
  std::list<Entry> entries_;
  std::map<Digest, std::list<Entry>::iterator> places_;
  std::size_t bytes_ = 0;
};

}  // namespace reeve::gateway::model
