#include "sim/catalog_checks.h"

#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::sim {

std::optional<std::string> CatalogChecks::see(
    const journal::Event& event, const WorkflowOf& workflow_of
) {
  const std::string name = model::scoped(event.object.ns, event.object.name);
  const Result<engine::CatalogEvent> decoded = engine::decode_catalog_event(event.type, event.data);
  if (!decoded) {
    return decoded.error().describe();
  }
  if (const auto* applied = std::get_if<engine::WorkflowApplied>(&*decoded)) {
    forget(name);
    schedules_.erase(name);
    const auto workflow = workflow_of(applied->version.digest);
    if (workflow == nullptr) {
      return concat("workflow ", name, " was applied and its text is not stored");
    }
    for (const workflow::Trigger& trigger : workflow->triggers) {
      if (const auto* cron = std::get_if<workflow::CronTrigger>(&trigger.source)) {
        schedules_[name].emplace(trigger.name, *cron::Schedule::parse(cron->expression));
      }
    }
  } else if (std::holds_alternative<engine::WorkflowDisabled>(*decoded) || std::holds_alternative<engine::WorkflowDeleted>(*decoded)) {
    forget(name);
  } else if (const auto* armed_event = std::get_if<engine::TriggerArmed>(&*decoded)) {
    return armed(name, *armed_event);
  } else if (const auto* fired_event = std::get_if<engine::TriggerFired>(&*decoded)) {
    return fired(name, *fired_event);
  } else if (const auto* skipped = std::get_if<engine::TriggerSkipped>(&*decoded)) {
    waiting_[{name, skipped->trigger}].dealt_with += skipped->tick ? 1 : 0;
  } else if (const auto* missed = std::get_if<engine::TriggerMissed>(&*decoded)) {
    waiting_[{name, missed->trigger}].dealt_with += missed->count;
  }
  return std::nullopt;
}

void CatalogChecks::see_mission(const std::string& name, const engine::MissionCreated& created) {
  if (!created.trigger.empty()) {
    unannounced_[name] = created.user_key;
  }
}

std::optional<std::string> CatalogChecks::armed(
    const std::string& workflow, const engine::TriggerArmed& event
) {
  const TriggerId id(workflow, event.trigger);
  const auto before = waiting_.find(id);
  if (before != waiting_.end()) {
    const cron::Schedule& schedule = schedules_.at(workflow).at(event.trigger);
    std::uint64_t passed = 0;
    for (std::optional<Timestamp> tick = before->second.due; tick && *tick < event.due;
         tick = schedule.next(*tick)) {
      ++passed;
    }
    if (passed != before->second.dealt_with) {
      return concat(
          "of trigger ",
          event.trigger,
          " of ",
          workflow,
          " ",
          passed,
          " ticks passed and ",
          before->second.dealt_with,
          " were dealt with"
      );
    }
  }
  waiting_[id] = {.due = event.due, .dealt_with = 0};
  return std::nullopt;
}

std::optional<std::string> CatalogChecks::fired(
    const std::string& workflow, const engine::TriggerFired& event
) {
  const TriggerId id(workflow, event.trigger);
  const model::ScopedName whole = model::split(workflow);
  const auto made = unannounced_.find(model::scoped(whole.ns, event.mission));
  if (made == unannounced_.end()) {
    return concat("trigger ", event.trigger, " names a mission that it did not make");
  }
  if (event.tick) {
    if (!ticks_.emplace(id, *event.tick).second) {
      return concat("two missions were made for the tick ", format_timestamp(*event.tick));
    }
    const std::string key =
        concat(whole.name, "-", event.trigger, "-", format_timestamp(*event.tick));
    if (made->second != key) {
      return concat("the mission of the tick ", key, " has the user key ", made->second);
    }
    ++waiting_[id].dealt_with;
  }
  unannounced_.erase(made);
  return std::nullopt;
}

void CatalogChecks::forget(const std::string& workflow) {
  std::erase_if(waiting_, [&](const auto& item) { return item.first.first == workflow; });
}

std::optional<std::string> CatalogChecks::at_end() const {
  if (unannounced_.empty()) {
    return std::nullopt;
  }
  return concat("no trigger names mission ", unannounced_.begin()->first, ", which one made");
}

}  // namespace reeve::sim
