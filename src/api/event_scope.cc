#include "api/event_scope.h"

#include <algorithm>
#include <utility>

#include "api/objects/objects.h"
#include "api/services.h"
#include "base/strings.h"
#include "store/ports.h"

namespace reeve::api {

namespace {

/// Events of a mission among which those of one of its parts are looked for.
constexpr std::uint32_t kSearchedEventsMax = 1000;

bool names_run(std::string_view kind) {
  return kind == "Run" || kind == "Pod";
}

/// As an event about something else than the journal has it under.
void rename(Json& event, std::string_view kind, const std::string& name, const std::string& uid) {
  Json& involved = *event.find("involvedObject");
  involved.set("apiVersion", kind == "Pod" ? std::string_view("v1") : kGroupVersion);
  involved.set("kind", kind).set("name", name).set("uid", uid);
}

}  // namespace

bool is_told(journal::Kind kind) {
  switch (kind) {
    case journal::Kind::Mission:
    case journal::Kind::Workflow:
    case journal::Kind::Channel:
    case journal::Kind::BudgetQuota:
    case journal::Kind::BlackboardEntry:
    case journal::Kind::Denial:
    case journal::Kind::Agent:
    case journal::Kind::ModelRoute:
    case journal::Kind::ToolServer:
    case journal::Kind::ToolCall:
    case journal::Kind::ModelCall:
    case journal::Kind::ClusterBudgetQuota:
    case journal::Kind::Endpoint:
    case journal::Kind::Incident:
      return true;
    case journal::Kind::Namespace:
    case journal::Kind::Credential:
    case journal::Kind::Setting:
    case journal::Kind::Pool:
    case journal::Kind::Role:
    case journal::Kind::ClusterRole:
    case journal::Kind::RoleBinding:
    case journal::Kind::ClusterRoleBinding:
    case journal::Kind::Token:
    case journal::Kind::Metadata:
    case journal::Kind::BudgetUsage:
    case journal::Kind::NotificationSink:
      return false;
  }
  return false;
}

resource::Outcome<EventScope> EventScope::of(
    const Call& call, const resource::ListOptions& options
) {
  EventScope scope;
  REEVE_TRY(scope.labels_, resource::LabelSelector::parse(options.label_selector));
  REEVE_TRY(
      scope.fields_,
      resource::FieldSelector::parse(options.field_selector, call.type->contract->selectable_fields)
  );
  if (call.route.in_namespace) {
    scope.ns_ = call.route.ns;
  } else if (const std::string* ns = scope.fields_.required_value("involvedObject.namespace")) {
    scope.ns_ = *ns;
  }
  scope.find_object(call);
  return scope;
}

void EventScope::find_object(const Call& call) {
  const std::string* kind = fields_.required_value("involvedObject.kind");
  const std::string* name = fields_.required_value("involvedObject.name");
  if (name == nullptr || !ns_) {
    return;
  }
  if (kind == nullptr) {
    // `kubectl describe pod` names the object without its kind, and all others with it.
    const ApiType& runs = call.services->types.of(Storage::Run);
    const std::string* uid = fields_.required_value("involvedObject.uid");
    const view::ProjectedPtr run = call.services->view.get(*runs.view, *ns_, *name);
    if (uid != nullptr && run != nullptr && run->uid.view() == *uid) {
      find_part(call, "Pod", *name);
    }
    return;
  }
  if (names_run(*kind) || *kind == "Approval") {
    find_part(call, *kind, *name);
    return;
  }
  // The journal has the names of kinds in lower case.
  const Result<journal::Kind> known = journal::parse_kind(to_lower(*kind));
  if (!known || !is_told(*known)) {
    nothing_ = true;
    return;
  }
  object_ = journal::ObjectKey{.kind = *known, .ns = Namespace(*ns_), .name = *name};
}

void EventScope::find_part(const Call& call, const std::string& kind, const std::string& name) {
  const Services& services = *call.services;
  const ApiType& type = services.types.of(names_run(kind) ? Storage::Run : Storage::Approval);
  const view::ProjectedPtr found = services.view.get(*type.view, *ns_, name);
  if (found == nullptr) {
    nothing_ = true;
    return;
  }
  const Json& spec = *found->object.find("spec");
  Part part{
      .kind = kind,
      .name = name,
      .uid = found->uid.str(),
      .task = spec.get_string("task"),
      .undo = spec.get_bool("undo"),
      .gate = kind == "Approval",
      .from = {}};
  // The fence of a run is the revision of the event that began it.
  part.from = Revision(static_cast<std::uint64_t>(spec.get_int("fence")));
  part_ = std::move(part);
  object_ = journal::ObjectKey{
      .kind = journal::Kind::Mission, .ns = Namespace(*ns_), .name = spec.get_string("mission")};
}

bool EventScope::is_about_part(const journal::Event& event) {
  Part& part = *part_;
  if (event.object != *object_ || event.revision < part.from ||
      (part.until && event.revision >= *part.until)) {
    return false;
  }
  const Result<Json> data = parse_json(event.data);
  if (!data || data->get_string("task") != part.task) {
    return false;
  }
  if (part.gate) {
    return event.type.starts_with("gate.");
  }
  if (data->get_bool("compensation") != part.undo) {
    return false;
  }
  if (event.type == "run.created") {
    // The next attempt: what follows is about that one.
    part.until = event.revision;
    return false;
  }
  return event.type.starts_with("run.") || event.type == "bundle.kept";
}

Json EventScope::show(const journal::Event& event) {
  if (nothing_ || !is_told(event.object.kind)) {
    return {};
  }
  if (ns_ && event.object.ns.view() != *ns_) {
    return {};
  }
  if (object_ && !part_ && event.object != *object_) {
    return {};
  }
  if (part_ && !is_about_part(event)) {
    return {};
  }
  Json made = core_event(event);
  if (part_) {
    rename(made, part_->kind, part_->name, part_->uid);
  }
  if (!labels_.matches_object(made) || !fields_.matches(made)) {
    return {};
  }
  return made;
}

Result<std::optional<Json::Array>> EventScope::of_object(const Services& services, Revision head) {
  if (nothing_) {
    return std::optional(Json::Array());
  }
  if (!object_) {
    return std::optional<Json::Array>();
  }
  store::EventQuery query;
  query.object = *object_;
  query.limit = kSearchedEventsMax;
  query.newest = true;
  if (part_ && part_->from > Revision(0)) {
    // A run's own events follow its beginning.
    query.after = Revision(part_->from.value() - 1);
    query.newest = false;
  }
  REEVE_TRY(const std::vector<journal::Event> events, services.reader.events(query));
  Json::Array shown;
  for (const journal::Event& event : events) {
    if (event.revision > head) {
      break;
    }
    if (Json made = show(event); !made.is_null()) {
      shown.push_back(std::move(made));
    }
  }
  if (shown.size() > kDescribedEventsMax) {
    shown.erase(shown.begin(), shown.end() - static_cast<std::ptrdiff_t>(kDescribedEventsMax));
  }
  return std::optional(std::move(shown));
}

std::string EventScope::text() const {
  return concat(ns_.value_or(""), "\n", labels_.text(), "\n", fields_.text());
}

}  // namespace reeve::api
