#include "engine/engine.h"
#include "engine/mission_codec.h"
#include "engine/mission_machine.h"

/// Missions whose rows were written by an earlier version.
namespace reeve::engine {

using model::Mission;

namespace {

/// A mission that is made out of its events.
struct Refolded {
  Mission mission;
  std::shared_ptr<const Plan> plan;
};

std::string earlier_row(const Mission& mission, const Plan& plan) {
  std::string row;
  encode_mission(mission, *plan.workflow, row, RowForm::WithoutPast);
  return row;
}

}  // namespace

std::vector<journal::ObjectKey> Engine::to_refold() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [created, entry] : missions_) {
    if (!is_terminal(entry.mission->state) && lacks_past(*entry.mission)) {
      keys.push_back(mission_key(entry.mission->name));
    }
  }
  return keys;
}

Result<void> Engine::refold(const journal::ObjectKey& key, const EventSource& events) {
  REEVE_TRY(Entry * entry, entry_of(mission_of(key)));
  Refolded folded;
  folded.mission.name = entry->mission->name;
  folded.mission.uid = entry->mission->uid;
  folded.mission.correlation = entry->mission->correlation;
  const auto fold = [&](const journal::Event& event) -> Result<void> {
    if (folded.plan == nullptr) {
      REEVE_TRY(const Json data, parse_json(event.data));
      REEVE_TRY(folded.plan, plan_of(key.ns, Digest(data.get_string("digest"))));
    }
    REEVE_TRY(
        const MissionEvent decoded, decode(event.type, event.data, *folded.plan->workflow, key.ns)
    );
    apply(folded.mission, decoded, event.revision, event.at);
    if (const auto* extended = std::get_if<MissionExtended>(&decoded)) {
      REEVE_TRY(folded.plan, plan_of(key.ns, extended->workflow));
    }
    return {};
  };
  for (Revision last; last < entry->mission->revision;) {
    REEVE_TRY(const std::vector<journal::Event> page, events(last));
    for (const journal::Event& event : page) {
      if (!fold(event)) {
        return {};
      }
      last = event.revision;
    }
    if (page.empty()) {
      return {};
    }
  }
  // The row says everything else: they have to agree.
  if (folded.plan == entry->plan &&
      earlier_row(folded.mission, *folded.plan) == earlier_row(*entry->mission, *entry->plan)) {
    *entry->mission = std::move(folded.mission);
  }
  return {};
}

}  // namespace reeve::engine
