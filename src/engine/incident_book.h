#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "engine/resource_book.h"

namespace reeve::engine {

/// An open incident that happens again is written about this often.
inline constexpr Duration kIncidentSeenPeriod{60'000};
/// How long one that was closed is kept.
inline constexpr Duration kIncidentKept{Duration::rep{30} * 86'400'000};
inline constexpr std::size_t kIncidentTextBytesMax = 4'096;

/// What somebody has to look at.
struct IncidentReport {
  /// One word: "BudgetExceeded".
  std::string reason;
  /// `warning` or `critical`.
  std::string severity = "warning";
  /// The object that it is about, or something like one.
  std::string subject_kind;
  std::string subject;
  std::string message;
};

/// The command that opens an incident, or says that it has happened again: there is one for a
/// reason and a subject. For senders whose name begins with `system:`.
ObjectCommand open_incident(const Namespace& ns, const IncidentReport& report);
/// The same for its end, if there is one and it is open: what was wrong is right again.
ObjectCommand resolve_incident(const Namespace& ns, const IncidentReport& report);

/// What somebody has to look at, written by the system alone. Commands:
///
///     open         {reason, severity, subject: {kind, name}, message}
///                  `incident.opened`, or `incident.reopened` if it was closed; while it is open
///                  `incident.seen`, at most once in a minute. Of the system.
///     acknowledge  {message?}  somebody looks at it; of people
///     close        {message?}  it is over
///     delete       as in resource_book.h
///
/// Whoever closes or acknowledges what is closed changes nothing. `status`: {state: open |
/// acknowledged | closed, occurrences, openedAt, lastSeenAt, acknowledgedBy, acknowledgedAt,
/// closedBy, closedAt, note}. 30 days after it was closed it is removed.
///
/// Threading: as Book.
class IncidentBook final : public ResourceBook {
 public:
  IncidentBook();

  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;

 protected:
  EventUse use_of(std::string_view type) const override;

 private:
  Result<void> open(const ObjectCommand& command, BookTurn& turn);
  Result<void> happened_again(
      const journal::ObjectKey& key, const std::string& message, BookTurn& turn
  );
  Result<void> settle(const ObjectCommand& command, BookTurn& turn);
};

}  // namespace reeve::engine
