#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "engine/events.h"
#include "model/mission.h"

/// A mission's life.
///
///   PREP ──1──▶ QUEUED ──3──▶ LAUNCHING ──4──▶ ACTIVE ──7──▶ COMPLETE
///     │          ▲ │ ▲ ▲           │             │ │ │
///     2          6 5 │ └─────8─────┘             │ │ └──10──▶ COMPENSATING
///     ▼          │ ▼ └────────────8──────────────┘ │            │  ▲ │
///  FAILED       HELD ◀────────────9────────────────┘           11  │ 12
///  ABORTED       ▲ └────────────────────12─────────────────────┼───┘ ▼
///                └──────────────────────11─────────────────────┘  FAILED · ABORTED
///
///  1 accepted                          7 all tasks done
///  2 refused, skipped or aborted       8 worker lost, or the whole is tried again
///  3 the scheduler starts a first run  9 a hold (pause, delay before the next try)
///  4 the host confirms it             10 failed or aborted, and something has to be undone
///  5 a hold before the start          11 an undo failed for good
///  6 the last hold is gone            12 someone resumes; the undo is done or given up
///
/// From everywhere but the terminal states someone may abort.
namespace reeve::engine {

bool is_legal(model::MissionState from, model::MissionState to);

/// IllegalTransition unless `is_legal`.
Result<void> check_transition(model::MissionState from, model::MissionState to);

/// The state after `event`. The only code that changes a mission: turns and replay both use it.
/// `event` must be legal in this state (turns check before they emit; replay trusts the journal's
/// hash chain).
void apply(model::Mission& mission, const MissionEvent& event, Revision revision, Timestamp at);

/// What must be true of a mission after every turn; the first rule that is broken, in words.
std::optional<std::string> broken_invariant(
    const model::Mission& mission, const workflow::Workflow& workflow
);

/// The run slot that `key` names; it must exist.
model::RunSlot& slot_of(model::Mission& mission, SlotKey key);
const model::RunSlot& slot_of(const model::Mission& mission, SlotKey key);

/// Whether a run of this slot waits, starts or runs.
bool in_progress(const model::RunSlot& slot);

/// Whether a host is (or may be) busy with it.
bool on_host(const model::RunSlot& slot);

/// Whether the engine itself carries it out: it waits for children.
bool is_inside(const model::RunSlot& slot);

}  // namespace reeve::engine
