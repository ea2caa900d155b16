#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "gateway/model/format/usage.h"

namespace reeve::gateway::model {

/// A whole answer, as it was sent to a client.
struct CachedAnswer {
  std::string content_type;
  std::string body;
  std::string model;
  std::string stop_reason;
  std::uint32_t tool_calls = 0;
  Usage usage;
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

  /// Null: there is none, or it is too old.
  std::shared_ptr<const CachedAnswer> find(const Digest& key, Timestamp now);

  /// Says whether it is kept.
  bool put(const Digest& key, CachedAnswer answer, Timestamp now, Duration ttl);

  std::size_t size() const { return entries_.size(); }

  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Digest key;
    std::shared_ptr<const CachedAnswer> answer;
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
