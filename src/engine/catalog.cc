#include "engine/catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/strings.h"

namespace reeve::engine {

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

Error misfit(std::string message, const Deployed& deployed) {
  return make_error(ErrorCode::Corrupt, std::move(message), deployed.name);
}

/// The trigger that an event is about.
Result<TriggerStatus*> trigger_of(Deployed& deployed, const std::string& name) {
  TriggerStatus* status = deployed.find(name);
  if (status == nullptr) {
    return misfit(concat("there is no trigger \"", name, "\""), deployed);
  }
  return status;
}

/// Marks a tick as spent, once.
Result<void> spend(
    const Deployed& deployed, TriggerStatus& status, const std::optional<Timestamp>& tick
) {
  if (tick.has_value() != (status.kind == TriggerKind::Cron)) {
    return misfit(concat("trigger \"", status.name, "\" and a tick do not fit"), deployed);
  }
  if (!tick) {
    return {};
  }
  if (!status.due || *tick < *status.due || (status.last_tick && *tick <= *status.last_tick)) {
    return misfit(
        concat("the tick of trigger \"", status.name, "\" is not the one waited for"), deployed
    );
  }
  status.last_tick = tick;
  status.due.reset();
  return {};
}

Result<void> applied(Deployed& deployed, const WorkflowApplied& event, const Cause& cause) {
  if (!deployed.versions.empty() && deployed.digest() == event.version.digest) {
    return misfit("the same text was applied again", deployed);
  }
  std::vector<TriggerStatus> triggers;
  for (const auto& [name, kind] : event.triggers) {
    TriggerStatus status;
    status.name = name;
    status.kind = kind;
    const TriggerStatus* before = deployed.find(name);
    if (before != nullptr && before->kind == kind) {
      status = *before;
      status.due.reset();
    }
    triggers.push_back(std::move(status));
  }
  if (deployed.versions.empty()) {
    deployed.created_at = cause.at;
  }
  // A version that is deployed again moves to the end.
  std::erase_if(deployed.versions, [&](const WorkflowVersion& known) {
    return known.digest == event.version.digest;
  });
  deployed.versions.push_back(event.version);
  if (deployed.versions.size() > kVersionsMax) {
    deployed.versions.erase(deployed.versions.begin());
  }
  deployed.triggers = std::move(triggers);
  ++deployed.generation;
  deployed.applied_at = cause.at;
  deployed.owner = cause.actor;
  return {};
}

Result<void> armed(Deployed& deployed, const TriggerArmed& event) {
  REEVE_TRY(TriggerStatus * status, trigger_of(deployed, event.trigger));
  const bool later = !status->last_tick || event.due > *status->last_tick;
  if (status->kind != TriggerKind::Cron || !deployed.enabled || !later) {
    return misfit(concat("trigger \"", event.trigger, "\" cannot be armed"), deployed);
  }
  status->due = event.due;
  return {};
}

Result<void> fired(Deployed& deployed, const TriggerFired& event, const Cause& cause) {
  REEVE_TRY(TriggerStatus * status, trigger_of(deployed, event.trigger));
  REEVE_CHECK(spend(deployed, *status, event.tick));
  status->fired_at = cause.at;
  status->mission = event.mission;
  ++status->fired;
  status->window = event.window.value_or(status->window);
  return {};
}

Result<void> skipped(Deployed& deployed, const TriggerSkipped& event) {
  REEVE_TRY(TriggerStatus * status, trigger_of(deployed, event.trigger));
  REEVE_CHECK(spend(deployed, *status, event.tick));
  status->reason = event.reason;
  ++status->skipped;
  status->window = event.window.value_or(status->window);
  return {};
}

Result<void> missed(Deployed& deployed, const TriggerMissed& event) {
  REEVE_TRY(TriggerStatus * status, trigger_of(deployed, event.trigger));
  if (!status->due || event.from != *status->due || event.count == 0) {
    return misfit(concat("trigger \"", event.trigger, "\" did not miss that"), deployed);
  }
  status->missed += event.count;
  return {};
}

Result<void> switched(Deployed& deployed, bool enabled) {
  if (deployed.versions.empty() || deployed.enabled == enabled) {
    return misfit(enabled ? "it was enabled before" : "it was disabled before", deployed);
  }
  deployed.enabled = enabled;
  for (TriggerStatus& status : deployed.triggers) {
    status.due.reset();
  }
  return {};
}

}  // namespace

const TriggerStatus* Deployed::find(std::string_view trigger) const {
  const auto found = std::find_if(triggers.begin(), triggers.end(), [&](const auto& status) {
    return status.name == trigger;
  });
  return found == triggers.end() ? nullptr : &*found;
}

TriggerStatus* Deployed::find(std::string_view trigger) {
  return const_cast<TriggerStatus*>(std::as_const(*this).find(trigger));
}

Result<void> apply(Deployed& deployed, const CatalogEvent& event, const Cause& cause) {
  REEVE_CHECK(std::visit(
      Overloaded{
          [&](const WorkflowApplied& e) { return applied(deployed, e, cause); },
          [&](const WorkflowDisabled&) { return switched(deployed, false); },
          [&](const WorkflowEnabled&) { return switched(deployed, true); },
          [&](const TriggerArmed& e) { return armed(deployed, e); },
          [&](const TriggerFired& e) { return fired(deployed, e, cause); },
          [&](const TriggerSkipped& e) { return skipped(deployed, e); },
          [&](const TriggerMissed& e) { return missed(deployed, e); },
          // Nothing is left of it to change.
          [](const WorkflowDeleted&) {
            return Result<void>();
          }},
      event
  ));
  deployed.revision = cause.revision;
  return {};
}

std::string breach(const Deployed& deployed) {
  if (deployed.versions.empty() || deployed.versions.size() > kVersionsMax) {
    return "it has no version, or too many";
  }
  if (deployed.generation == 0) {
    return "it has no generation";
  }
  std::set<std::string_view> names;
  for (const TriggerStatus& status : deployed.triggers) {
    if (!names.insert(status.name).second) {
      return concat("two triggers are named \"", status.name, "\"");
    }
    if (status.due && (status.kind != TriggerKind::Cron || !deployed.enabled)) {
      return concat("trigger \"", status.name, "\" is armed and should rest");
    }
    if (status.due && status.last_tick && *status.due <= *status.last_tick) {
      return concat("trigger \"", status.name, "\" waits for a tick that is spent");
    }
    if ((status.fired > 0) != status.fired_at.has_value()) {
      return concat("trigger \"", status.name, "\" does not know when it fired");
    }
  }
  return {};
}

}  // namespace reeve::engine
