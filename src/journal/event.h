#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::journal {

/// The kinds of objects that have rows and events. One word each, as in the API.
///
/// Namespaces, cluster roles, their bindings and tokens belong to no namespace: theirs is empty.
/// Metadata is what people add to an object of another kind (engine/metadata_book.h).
enum class Kind {
  Workflow,
  Mission,
  Credential,
  Setting,
  Channel,
  Pool,
  Namespace,
  BudgetQuota,
  BlackboardEntry,
  Role,
  ClusterRole,
  RoleBinding,
  ClusterRoleBinding,
  Token,
  Metadata,
  Denial,
  Agent,
  ModelRoute,
  ToolServer,
  ToolCall,
  ModelCall,
  BudgetUsage,
  ClusterBudgetQuota,
  Endpoint,
  Incident,
  NotificationSink,
};

inline constexpr std::array<Kind, 26> kAllKinds = {
    Kind::Workflow,
    Kind::Mission,
    Kind::Credential,
    Kind::Setting,
    Kind::Channel,
    Kind::Pool,
    Kind::Namespace,
    Kind::BudgetQuota,
    Kind::BlackboardEntry,
    Kind::Role,
    Kind::ClusterRole,
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
    Kind::Token,
    Kind::Metadata,
    Kind::Denial,
    Kind::Agent,
    Kind::ModelRoute,
    Kind::ToolServer,
    Kind::ToolCall,
    Kind::ModelCall,
    Kind::BudgetUsage,
    Kind::ClusterBudgetQuota,
    Kind::Endpoint,
    Kind::Incident,
    Kind::NotificationSink};

std::string_view to_string(Kind kind);
Result<Kind> parse_kind(std::string_view text);

/// Names one object.
struct ObjectKey {
  Kind kind = Kind::Mission;
  Namespace ns;
  std::string name;

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

/// One thing that happened. Written by the kernel only, never changed.
struct Event {
  Revision revision;
  Timestamp at;
  ObjectKey object;
  Uid uid;
  /// Lower-case dotted word: "mission.transitioned", "run.finished".
  std::string type;
  Principal actor;
  CorrelationId correlation;
  /// One JSON object as compact text; at most kEventDataBytesMax.
  std::string data;
  /// Hash of the previous event's chain value and of every field above.
  Sha256Bytes chain{};
};

inline constexpr std::size_t kEventDataBytesMax = std::size_t{1} << 20U;

/// Computes chain values. The chain starts from 32 zero bytes; each link is
/// SHA-256(previous link ‖ canonical bytes of the event without its chain field), where every
/// field is preceded by its length, so that no two different events have the same bytes.
class Chain {
 public:
  Chain() = default;

  explicit Chain(const Sha256Bytes& head) : head_(head) {}

  /// Sets `event.chain` from the current head, which moves on to it.
  void link(Event& event) { event.chain = advance(event); }

  /// The chain value that `event` must have to follow the current head, which moves on to it.
  /// `event.chain` itself plays no part.
  const Sha256Bytes& advance(const Event& event);

  const Sha256Bytes& head() const { return head_; }

 private:
  Sha256Bytes head_{};
  Sha256 hash_;
  std::string buffer_;
};

/// Checks a journal read in order, one event at a time.
///
/// Corrupt: names the first bad event: its revision is not the next one, or its chain value does
/// not follow from its content and the event before.
class ChainVerifier {
 public:
  Result<void> check(const Event& event);

  /// Revision of the last good event, 0 before the first.
  Revision last() const { return last_; }

  const Sha256Bytes& head() const { return chain_.head(); }

 private:
  Revision last_;
  Chain chain_;
};

}  // namespace reeve::journal
