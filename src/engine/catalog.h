#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "workflow/trigger/rate_window.h"
#include "workflow/workflow.h"

/// A deployed workflow, its versions and its triggers: what can happen to it, and the state that
/// follows. Pure.
///
///     (absent) ─1─▶ ENABLED ─2─▶ ENABLED      1, 2  workflow.applied: another text, generation + 1
///                    │  ▲                     3     workflow.disabled: its triggers rest
///                    3  4                     4     workflow.enabled
///                    ▼  │                     5     workflow.applied: it stays disabled
///                   DISABLED ─5─▶ DISABLED
///
///     workflow.deleted leads from both to (absent); what is applied afterwards is another
///     workflow.
///
///     A cron trigger of an enabled workflow:
///
///     idle ─a─▶ waits for the tick `due` ─b─▶ idle     a  trigger.armed: `due` is later than every
///                     │  ▲                                tick before
///                     └c─┘                             b  trigger.fired, trigger.skipped: the tick
///                                                         is spent
///                                                      c  trigger.missed: counts ticks that no
///                                                         mission is made for
///
/// A tick is spent once: `trigger.fired` and `trigger.skipped` name a tick that is later than the
/// last one. Together with the mission's event in the same commit that makes one mission for each
/// tick, whatever crashes.
namespace reeve::engine {

/// Workflows that one namespace deploys.
inline constexpr std::size_t kDeployedMax = 10'000;
/// Versions of a workflow that are found by their name; the oldest is forgotten first.
inline constexpr std::size_t kVersionsMax = 100;
/// Missed ticks are counted up to here.
inline constexpr std::uint32_t kMissedTicksMax = 10'000;

enum class TriggerKind : std::uint8_t { Cron, Webhook, Object, Channel, Inbox };

std::string_view to_string(TriggerKind kind);  ///< "cron" …
Result<TriggerKind> parse_trigger_kind(std::string_view text);
TriggerKind kind_of(const workflow::TriggerSource& source);

struct TriggerStatus {
  std::string name;
  TriggerKind kind = TriggerKind::Cron;
  /// The tick that is waited for.
  std::optional<Timestamp> due;
  /// The last tick that was spent.
  std::optional<Timestamp> last_tick;
  /// When it last made a mission, and which (its plain name).
  std::optional<Timestamp> fired_at;
  std::string mission;
  /// How often it made one; how often it did not, and why the last time.
  std::uint64_t fired = 0;
  std::uint64_t skipped = 0;
  std::string reason;
  std::uint64_t missed = 0;
  trigger::RateWindow window;
};

struct WorkflowVersion {
  /// As the document says; may be empty.
  std::string version;
  Digest digest;
};

/// One deployed workflow.
struct Deployed {
  std::string name;
  Namespace ns;
  Uid uid;
  /// Who applied it last: the owner of missions that its triggers make.
  Principal owner;
  std::uint64_t generation = 0;
  bool enabled = true;
  Timestamp created_at;
  Timestamp applied_at;
  Revision revision;
  /// The last one is deployed.
  std::vector<WorkflowVersion> versions;
  /// In the order of the document.
  std::vector<TriggerStatus> triggers;

  const Digest& digest() const { return versions.back().digest; }

  const TriggerStatus* find(std::string_view trigger) const;
  TriggerStatus* find(std::string_view trigger);
};

// --- what can happen ----------------------------------------------------------------------------

struct WorkflowApplied {
  WorkflowVersion version;
  std::vector<std::pair<std::string, TriggerKind>> triggers;
};

struct WorkflowDisabled {};

struct WorkflowEnabled {};

struct TriggerArmed {
  std::string trigger;
  Timestamp due;
};

/// A mission was made.
struct TriggerFired {
  std::string trigger;
  std::string mission;
  /// Of a cron trigger.
  std::optional<Timestamp> tick;
  std::optional<trigger::RateWindow> window;
};

/// Something happened and no mission was made.
struct TriggerSkipped {
  std::string trigger;
  /// "filtered", "deduplicated", "rate_limited", "failed".
  std::string reason;
  std::string message;
  std::optional<Timestamp> tick;
  std::optional<trigger::RateWindow> window;
};

/// Ticks that passed while nobody was there and that no mission is made for.
struct TriggerMissed {
  std::string trigger;
  Timestamp from;
  std::uint32_t count = 1;
};

/// It is deployed no more. Its versions stay for the missions that use them.
struct WorkflowDeleted {};

using CatalogEvent = std::variant<
    WorkflowApplied,
    WorkflowDisabled,
    WorkflowEnabled,
    TriggerArmed,
    TriggerFired,
    TriggerSkipped,
    TriggerMissed,
    WorkflowDeleted>;

/// The journal's name of an event: "workflow.applied", "trigger.fired", …
std::string_view type_of(const CatalogEvent& event);

Json to_json(const CatalogEvent& event);

/// The inverse. Corrupt: unknown type, missing or unknown member.
Result<CatalogEvent> decode_catalog_event(std::string_view type, std::string_view data);

// --- the state after it -------------------------------------------------------------------------

/// Who caused an event, when, and where it stands in the journal.
struct Cause {
  Revision revision;
  Timestamp at;
  Principal actor;
};

/// Changes the workflow; the only code that does. Corrupt: the event does not fit the state, which
/// is left as it was.
Result<void> apply(Deployed& deployed, const CatalogEvent& event, const Cause& cause);

/// What must hold between any two events; the text of the first breach, empty if none.
std::string breach(const Deployed& deployed);

/// The row: the object of the API, complete enough to go on from.
void encode_deployed(const Deployed& deployed, std::string& out);

/// Corrupt: unknown, missing or wrong members.
Result<Deployed> decode_deployed(const Json& row);

}  // namespace reeve::engine
