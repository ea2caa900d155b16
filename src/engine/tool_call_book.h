#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/object_book.h"
#include "engine/tool_call.h"
#include "model/mission.h"

namespace reeve::engine {

/// Who alone records calls and carries them out.
inline constexpr std::string_view kToolsActor = "system:tools";
/// Calls that are kept, and what they take; those that are over and of no live mission go first,
/// the oldest before all.
inline constexpr std::size_t kToolCallsMax = 20'000;
inline constexpr std::size_t kToolCallBytesTotalMax = std::size_t{64} << 20U;
/// The same within one namespace.
inline constexpr std::size_t kToolCallsOfNamespaceMax = 8'000;
inline constexpr std::size_t kToolCallBytesOfNamespaceMax = std::size_t{24} << 20U;
/// Calls of one run, and those of them that are open.
inline constexpr std::size_t kToolCallsOfRunMax = 4'000;
inline constexpr std::size_t kToolCallsOpenOfRunMax = 100;
/// The arguments of a call, and what is kept of its result, as JSON.
inline constexpr std::size_t kToolArgumentsBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kToolResultBytesMax = std::size_t{16} << 10U;
inline constexpr std::size_t kToolUndoBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kToolMessageBytesMax = std::size_t{4} << 10U;
inline constexpr Duration kToolApprovalTimeout{std::chrono::hours(1)};
inline constexpr Duration kToolApprovalTimeoutMax{std::chrono::hours(24 * 7)};
/// How long what was approved may be carried out.
inline constexpr Duration kToolApprovedFor{std::chrono::hours(1)};
/// When a run is taken to go in circles: failures in a row; failures of the same call within a
/// time.
inline constexpr std::size_t kSpiralConsecutive = 3;
inline constexpr std::size_t kSpiralSimilar = 5;
inline constexpr Duration kSpiralWindow{std::chrono::minutes(10)};

/// Calls of tools: their records, decisions about them, and the guard against runs that go in
/// circles.
///
///     record    spec, begin, refused                             system:tools
///     begin     argumentsHash                                    system:tools
///     finish    outcome (completed, failed, unknown), result,
///               message, undo                                    system:tools
///     approve   message, arguments in place of those asked for   a person
///     reject    message                                          a person
///     rollback  message                                          a person
///     delete                                                     callers inside, when the
///               namespace goes; the API has no such verb
///
/// `spec`: `server tool argumentsHash caller`, `arguments` (as they may be shown), `redact`
/// (members of the arguments that may not be), `mission run agent task risk requiresApproval
/// approvalWhenTainted ownerMayApprove approvalTimeout untrusted reversible reason correlation`.
/// Without approval, `begin` makes the call EXECUTING in the same turn; `refused` says why it is
/// REJECTED by policy. Replies: `{state, sequence, tainted}`. A call with
/// `correlation.idempotencyKey` that was recorded before, by any attempt of the run, is not
/// recorded again: the reply is about the first one, with its `name`, `result` and `message`.
///
/// A call is tainted if an untrusted tool has been used before it, by any run of its mission (by
/// its caller, if that is no run, as far back as records are kept).
///
/// While the mission is held for something that its runs stand still for, nothing is recorded and
/// nothing begun. Three failures of a run in a row, or five of the same call in ten minutes, are
/// the event `spiral.detected`: the mission is HELD (kind `spiral`) and its runs call nothing until
/// it is released, after which they are counted anew.
///
/// Threading: engine loop, or one thread for an audit.
class ToolCallBook final : public ObjectBook<ToolCall> {
 public:
  journal::Kind kind() const override { return journal::Kind::ToolCall; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  std::vector<journal::ObjectKey> keys_in(const Namespace& ns) const override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;
  void recover(BookTurn& turn) override;

  /// The newest call about which people decide, of all runs of the task whose run is given;
  /// `mission` is the revision that made its mission: others had the same name.
  std::optional<journal::ObjectKey> pending(
      const Namespace& ns, std::string_view run, Revision mission
  ) const;

  /// Whether it was decided about one of them, or nobody has in time, since then.
  bool decided_since(const Namespace& ns, std::string_view run, Timestamp since) const;

  /// What a run waits for that has made a call, for people.
  std::string waiting_text(const journal::ObjectKey& key) const;

 private:
  /// The calls of one run, or of one caller.
  struct Calls {
    std::map<std::uint64_t, journal::ObjectKey> by_sequence;
    std::size_t open = 0;
  };

  /// What is kept, of all or of one namespace, by first events.
  struct Shelf {
    std::map<Revision, journal::ObjectKey> by_age;
    std::size_t bytes = 0;
    /// Where the last look for old ones ended, and when it helps to look again.
    Revision looked_at;
    Timestamp look_again{};
  };

  using Group = std::pair<Namespace, std::string>;

  /// One too many failures; see SpiralRule in the source.
  struct Spiral {
    std::string_view rule;
    std::size_t failures = 0;
  };

  static Group group_of(const Namespace& ns, const ToolCall& call);
  static Group reader_of(const Namespace& ns, const ToolCall& call);
  void put(const journal::ObjectKey& key, ToolCall call);
  void unindex(const journal::ObjectKey& key, const ToolCall& call);
  Result<ToolCall*> call_named(const journal::ObjectKey& key);

  Result<Reply> record(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> repeated(const journal::ObjectKey& before, const ToolCall& call, BookTurn& turn)
      const;
  Result<Reply> decide(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> begin(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> finish(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> roll_back(const ObjectCommand& command, BookTurn& turn);

  Result<void> check_run(const Group& group) const;
  Result<std::vector<journal::ObjectKey>> room_for(
      const Namespace& ns, std::size_t bytes, BookTurn& turn
  );
  bool find_old(
      Shelf& shelf,
      std::size_t calls_max,
      std::size_t bytes_max,
      std::vector<journal::ObjectKey>& old,
      BookTurn& turn
  ) const;
  bool is_tainted(const Namespace& ns, const ToolCall& call, BookTurn& turn) const;
  Reply reply_about(const journal::ObjectKey& key, const BookTurn& turn) const;
  void compensated(const journal::ObjectKey& key, BookTurn& turn);
  std::optional<Spiral> spiral_of(const journal::ObjectKey& key, Timestamp now) const;
  void guard(const journal::ObjectKey& key, BookTurn& turn);
  void tell_run(const journal::ObjectKey& key, model::Reason reason, BookTurn& turn) const;
  void each_call_of_task(
      const Namespace& ns,
      std::string_view run,
      const std::function<void(const journal::ObjectKey&)>& visit
  ) const;

  std::map<Group, Calls> groups_;
  Shelf all_;
  std::map<Namespace, Shelf> shelves_;
  /// Calls of untrusted tools by what has read their results: a mission, or a caller.
  std::map<Group, std::set<Revision>> taints_;
  /// Those that may be sent again: by namespace, who asks, and idempotency key.
  std::map<std::tuple<Namespace, std::string, std::string>, journal::ObjectKey> by_key_;
};

}  // namespace reeve::engine
