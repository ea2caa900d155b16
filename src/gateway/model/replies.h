#pragma once

#include <compare>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "gateway/model/format/answer_cache.h"
#include "gateway/model/format/operation.h"
#include "gateway/model/ports.h"
#include "telemetry/log.h"

namespace reeve::gateway::model {

/// One reply that is kept, and all of them.
inline constexpr std::size_t kReplyBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kRepliesMax = 10'000;
inline constexpr std::size_t kRepliesBytesMax = std::size_t{64} << 20U;
/// How long one is kept whose mission goes on.
inline constexpr Duration kReplyKept = std::chrono::hours(24);
/// How often those are looked for that nobody can ask for any more.
inline constexpr Duration kReplySweep{60'000};

/// A call as whoever asks names it. A task asks, whichever of its attempts carries it out.
struct ReplyKey {
  Namespace ns;
  /// "m.1.build" for every run of that task; of others who they are.
  std::string asker;
  std::string call_id;

  friend auto operator<=>(const ReplyKey&, const ReplyKey&) = default;
};

/// `run` is empty if it is no run that asks.
ReplyKey reply_key(
    const Namespace& ns, std::string_view run, std::string_view principal, std::string_view call_id
);

/// Whether a mission has ended, or is another one of that name.
bool is_mission_over(
    const ModelPorts& ports, const Namespace& ns, std::string_view mission, const Uid& uid
);

/// What was asked. Another request under the same name has another one.
Digest question_digest(Operation operation, std::string_view body);

/// A reply that was paid for, as its client got it.
struct KeptReply {
  Digest question = {};
  /// The name of its record.
  std::string call = {};
  /// Whose it is; empty: no mission's.
  std::string mission = {};
  Uid mission_uid = {};
  WholeAnswer answer = {};
};

/// Replies that may be asked for again under the names that their callers gave them: until their
/// mission ends, a day at most. If they are too many, those go that were kept for the longest time
/// by the namespace that holds the most. What the port has saved is there again after a restart.
///
/// Threading: network thread.
class Replies {
 public:
  /// Reads what was saved. `ports` and `log` outlive it.
  Replies(const ModelPorts& ports, telemetry::Logger& log);
  ~Replies();
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;

  /// Null: there is none. Valid until this is used again.
  const KeptReply* find(const ReplyKey& key);

  void put(const ReplyKey& key, KeptReply reply);

  std::size_t size() const { return places_.size(); }

 private:
  struct Entry {
    ReplyKey key;
    KeptReply reply;
    Timestamp until;
    std::size_t bytes = 0;
  };

  using Place = std::list<Entry>::iterator;

  /// What a namespace holds.
  struct Share {
    /// The oldest first.
    std::list<Entry> entries;
    std::size_t bytes = 0;
  };

  void load();
  void save(const ReplyKey& key, const KeptReply& reply, Timestamp until);
  void insert(Entry entry);
  Place next_to_go(const Entry& coming);
  void remove(Place place);
  bool is_over(const Entry& entry, Timestamp now) const;
  void sweep();
  void sweep_later();

  const ModelPorts& ports_;
  telemetry::Logger& log_;
  /// None of them is empty.
  std::map<Namespace, Share> shares_;
  std::map<ReplyKey, Place> places_;
  std::size_t bytes_ = 0;
  /// Until it is known that nothing can be saved.
  bool saves_ = true;
  ModelPorts::Cancel cancel_sweep_;
};

}  // namespace reeve::gateway::model
