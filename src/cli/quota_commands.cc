#include "cli/quota_commands.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/strings.h"
#include "base/time.h"
#include "cli/object_table.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/resource_path.h"

/// `reeve quota`: what may be used, what is, and who waits for more.
namespace reeve::cli {

namespace {

constexpr int kPageItems = 500;
/// How often it is tried again when others change the same quota.
constexpr int kTriesMax = 20;
/// The annotation that says why it was raised, as a part of a JSON pointer.
constexpr std::string_view kReason = "reeve.dev~1raise-reason";
constexpr std::string_view kNotLimited = "-";
constexpr std::string_view kTakenAway = "none";

std::string text_of(const Json& object, std::string_view name, std::string_view fallback) {
  const Json* found = object.find(name);
  return found == nullptr ? std::string(fallback)
                          : (found->is_string() ? found->as_string() : found->dump());
}

/// Where a quota is; requests about it.
struct Place {
  Api api;
  const resource::schema::ResourceType* type = nullptr;
  std::string path;
  std::string collection;

  Result<Json> ask(std::string method, std::string_view suffix = {}, std::string body = {}) {
    return ask_at(concat(path, suffix), std::move(method), std::move(body));
  }

  Result<Json> make(std::string body) { return ask_at(collection, "POST", std::move(body)); }

  Result<Json> ask_at(std::string at, std::string method, std::string body) {
    ApiRequest request;
    request.path = std::move(at);
    if (method == "PATCH") {
      request.content_type =
          body.starts_with('[') ? "application/json-patch+json" : "application/merge-patch+json";
    }
    if (!body.empty()) {
      request.path += "?fieldValidation=Strict";
    }
    request.method = std::move(method);
    request.body = std::move(body);
    return api.client->ask(request);
  }
};

std::string_view type_name(bool cluster) {
  return cluster ? "clusterbudgetquotas" : "budgetquotas";
}

Result<Place> place_of(const Common& common, const QuotaArgs& args) {
  Place place;
  REEVE_TRY(place.type, find_type(type_name(args.cluster)));
  REEVE_TRY(place.api, open_api(common, args.connection));
  const std::string ns = args.cluster ? std::string() : place.api.ns;
  place.path = object_path(*place.type, ns, args.name);
  place.collection = collection_path(*place.type, ns);
  return place;
}

// --- lists --------------------------------------------------------------------------------------

std::string used_of(const Json& quota, std::string_view used, std::string_view limit) {
  const Json& usage = quota.get_object("status").get_object("currentUsage");
  return concat(
      text_of(usage, used, "0"),
      " of ",
      text_of(quota.get_object("spec").get_object("limits"), limit, kNotLimited)
  );
}

/// "ok", or what is used up and how many wait for more.
std::string state_of(const Json& quota) {
  const Json& status = quota.get_object("status");
  std::vector<std::string> parts;
  for (const Json& one : status.get_array("conditions")) {
    if (one.get_string("type") == "WithinLimits" && one.get_string("status") != "True") {
      parts.push_back(one.get_string("message"));
    }
  }
  if (const std::int64_t held = status.get_int("heldMissions"); held > 0) {
    parts.push_back(concat(held, held == 1 ? " mission is held" : " missions are held"));
  }
  return parts.empty() ? std::string("ok") : join(parts, "; ");
}

Json row_of(const Json& quota) {
  const Json& metadata = quota.get_object("metadata");
  const bool cluster = quota.get_string("kind") == "ClusterBudgetQuota";
  const Json& spec = quota.get_object("spec");
  Json cells = Json::array();
  for (const std::string& cell :
       {metadata.get_string("name"),
        cluster ? std::string("(cluster)") : metadata.get_string("namespace"),
        used_of(quota, "tokens", "maxTotalTokens"),
        concat(used_of(quota, "cost", "maxTotalCost"), " ", text_of(spec, "currency", "USD")),
        text_of(quota.get_object("status").get_object("currentUsage"), "reservedTokens", "0"),
        text_of(spec, "period", "ever"),
        state_of(quota)}) {
    cells.push(cell);
  }
  Json row = Json::object();
  row.set("cells", std::move(cells));
  return row;
}

/// Those of the cluster are left out where somebody may not see them.
Result<Json::Array> all_quotas(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Api api, open_api(common, args.connection));
  Json::Array quotas;
  for (const bool cluster : {true, false}) {
    REEVE_TRY(const auto* type, find_type(type_name(cluster)));
    const std::string ns = cluster || common.all_namespaces ? std::string() : api.ns;
    Result<Json> list = whole_list(
        *api.client, concat(collection_path(*type, ns), "?limit=", kPageItems), "application/json"
    );
    if (!list && cluster && list.error().code == ErrorCode::PermissionDenied) {
      continue;
    }
    REEVE_CHECK(list);
    hide_managed_fields(*list);
    for (const Json& item : list->get_array("items")) {
      Json quota = item;
      if (quota.find("kind") == nullptr) {
        quota.set("kind", cluster ? "ClusterBudgetQuota" : "BudgetQuota");
      }
      quotas.push_back(std::move(quota));
    }
  }
  return quotas;
}

// --- one quota ----------------------------------------------------------------------------------

/// How holds name the limits of a quota.
std::string label_of(const Json& quota) {
  const Json& metadata = quota.get_object("metadata");
  const std::string ns = metadata.get_string("namespace");
  return ns.empty() ? metadata.get_string("name") : concat(ns, "/", metadata.get_string("name"));
}

/// The missions that wait for a quota: name and why.
Result<std::vector<std::pair<std::string, std::string>>> held_for(Place& place, const Json& quota) {
  REEVE_TRY(const auto* type, find_type("missions"));
  const std::string ns = quota.get_object("metadata").get_string("namespace");
  const std::string path = concat(
      collection_path(*type, ns),
      "?limit=",
      kPageItems,
      "&fieldSelector=",
      percent_encoded("status.state=HELD")
  );
  REEVE_TRY(const Json list, whole_list(*place.api.client, path, "application/json"));
  const std::string mark = concat(label_of(quota), ":");
  std::vector<std::pair<std::string, std::string>> held;
  for (const Json& mission : list.get_array("items")) {
    const Json* holds = mission.get_object("status").find("holds");
    const Json& metadata = mission.get_object("metadata");
    for (const Json& hold : holds == nullptr ? Json::Array() : holds->as_array()) {
      if (hold.get_string("kind") == "quota" && hold.get_string("subject").starts_with(mark)) {
        const std::string name = metadata.get_string("name");
        held.emplace_back(
            ns.empty() ? concat(metadata.get_string("namespace"), "/", name) : name,
            hold.get_string("message")
        );
      }
    }
  }
  return held;
}

void add_members(std::string& text, std::string_view title, const Json& members) {
  for (const auto& [name, value] : members.as_object()) {
    text += concat(
        title,
        " ",
        name,
        ": ",
        printable(value.is_string() ? value.as_string() : value.dump()),
        "\n"
    );
  }
}

Result<void> show(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Place place, place_of(common, args));
  REEVE_TRY(Json quota, place.ask("GET"));
  hide_managed_fields(quota);
  REEVE_TRY(const auto held, held_for(place, quota));
  if (common.output == Output::Json) {
    Json missions = Json::array();
    for (const auto& [name, why] : held) {
      missions.push(Json::object().set("mission", name).set("message", why));
    }
    print(quota.set("heldMissions", std::move(missions)).pretty());
    return {};
  }
  const Json& spec = quota.get_object("spec");
  const Json& status = quota.get_object("status");
  std::string text =
      concat("quota ", printable(label_of(quota)), ": ", printable(state_of(quota)), "\n");
  add_members(text, "limit", spec.get_object("limits"));
  add_members(text, "counts only", spec.get_object("selector"));
  add_members(text, "at a limit", spec.get_object("enforcement"));
  add_members(text, "used", status.get_object("currentUsage"));
  for (const std::string_view name : {"periodStart", "periodEnd"}) {
    if (const std::string at = status.get_string(name); !at.empty()) {
      text += concat(name == "periodStart" ? "since " : "until ", at, "\n");
    }
  }
  for (const auto& [name, why] : held) {
    text += concat("held: ", printable(name), ": ", printable(why), "\n");
  }
  print(text);
  return {};
}

// --- changes -------------------------------------------------------------------------------------

bool is_number(std::string_view field) {
  return field.ends_with("Tokens") || field.ends_with("PerMinute") || field == "maxTokensPerRun" ||
         field == "maxConcurrentRuns" || field == "maxRetries";
}

Result<std::int64_t> whole_number(const std::string& field, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size() || value < 0) {
    return make_error(ErrorCode::Invalid, concat("\"", text, "\" is no whole number"), field);
  }
  return value;
}

/// As the API has it; null: it is taken away.
Result<Json> value_of(const std::string& field, const std::string& text) {
  if (text == kTakenAway) {
    return Json();
  }
  if (is_number(field)) {
    REEVE_TRY(const std::int64_t number, whole_number(field, text));
    return Json(number);
  }
  return Json(text.starts_with('$') ? text.substr(1) : text);
}

/// Sets those that were given.
Result<void> add_given(
    const std::map<std::string, std::string>& given, std::string_view section, Json& spec
) {
  Json members = Json::object();
  for (const auto& [field, text] : given) {
    if (!text.empty()) {
      REEVE_TRY(Json value, value_of(field, text));
      members.set(field, std::move(value));
    }
  }
  if (section.empty()) {
    for (auto& [field, value] : members.as_object()) {
      spec.set(field, std::move(value));
    }
  } else if (!members.as_object().empty()) {
    spec.set(std::string(section), std::move(members));
  }
  return {};
}

/// Without the members that say that something is taken away.
Json without_nulls(const Json& json) {
  Json rest = Json::object();
  for (const auto& [name, value] : json.as_object()) {
    if (value.is_object()) {
      rest.set(name, without_nulls(value));
    } else if (!value.is_null()) {
      rest.set(name, value);
    }
  }
  return rest;
}

Json new_quota(const QuotaArgs& args, const Json& spec) {
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1");
  object.set("kind", args.cluster ? "ClusterBudgetQuota" : "BudgetQuota");
  object.set("metadata", Json::object().set("name", args.name));
  return object.set("spec", without_nulls(spec));
}

Result<void> set(const Common& common, const QuotaArgs& args) {
  Json spec = Json::object();
  REEVE_CHECK(add_given(args.limits, "limits", spec));
  REEVE_CHECK(add_given(args.selector, "selector", spec));
  REEVE_CHECK(add_given(args.enforcement, "enforcement", spec));
  REEVE_CHECK(add_given(args.others, {}, spec));
  REEVE_TRY(Place place, place_of(common, args));
  const std::string change = Json::object().set("spec", spec).dump();
  const std::string whole = new_quota(args, spec).dump();
  // Others may make, change or delete it meanwhile: whoever comes last has their way.
  for (int tries = 1;; ++tries) {
    const Result<Json> changed = place.ask("PATCH", {}, change);
    if (changed) {
      print(concat("quota ", printable(args.name), " changed\n"));
      return {};
    }
    const bool missing = changed.error().code == ErrorCode::NotFound;
    if (tries == kTriesMax || (!missing && changed.error().code != ErrorCode::Conflict)) {
      return changed.error();
    }
    if (!missing) {
      continue;
    }
    const Result<Json> made = place.make(whole);
    if (made) {
      print(concat("quota ", printable(args.name), " created\n"));
      return {};
    }
    if (made.error().code != ErrorCode::AlreadyExists) {
      return made.error();
    }
  }
}

/// A limit after it was raised to, or with `+` by, so much.
Result<Json> raised(const std::string& field, const Json& now, const std::string& text) {
  const bool more = text.starts_with('+');
  const std::string amount = more ? text.substr(1) : text;
  if (field == "maxDuration") {
    REEVE_TRY(const Duration wanted, parse_duration(amount));
    REEVE_TRY(const Duration before, parse_duration(now.is_string() ? now.as_string() : ""));
    const Duration after = more ? before + wanted : wanted;
    if (after <= before) {
      return make_error(ErrorCode::Invalid, concat("is ", format_duration(before), " now"), field);
    }
    return Json(format_duration(after));
  }
  if (is_number(field)) {
    REEVE_TRY(const std::int64_t wanted, whole_number(field, amount));
    const std::int64_t before = now.as_int();
    if (more ? wanted == 0 || before > INT64_MAX - wanted : wanted <= before) {
      return make_error(ErrorCode::Invalid, concat("is ", before, " now"), field);
    }
    return Json(more ? before + wanted : wanted);
  }
  REEVE_TRY(const Money wanted, Money::parse(amount));
  REEVE_TRY(const Money before, Money::parse(now.as_string()));
  const Money after = more ? before + wanted : wanted;
  if (after <= before) {
    return make_error(ErrorCode::Invalid, concat("is ", before.text(), " now"), field);
  }
  return Json(after.text());
}

Json step(std::string_view op, const std::string& path, Json value) {
  Json made = Json::object();
  made.set("op", op).set("path", path).set("value", std::move(value));
  return made;
}

/// JSON Patch: only if the limits are what they were, so that nothing is raised twice; the object
/// itself changes with every call of a model.
Json raise_patch(const Json& quota, const Json& changed, const std::string& reason) {
  const Json& limits = quota.get_object("spec").get_object("limits");
  Json patch = Json::array();
  for (const auto& [field, value] : changed.as_object()) {
    const std::string path = concat("/spec/limits/", field);
    patch.push(step("test", path, *limits.find(field)));
    patch.push(step("replace", path, value));
  }
  if (!reason.empty()) {
    if (quota.get_object("metadata").find("annotations") == nullptr) {
      patch.push(step("add", "/metadata/annotations", Json::object()));
    }
    patch.push(step("add", concat("/metadata/annotations/", kReason), reason));
  }
  return patch;
}

/// The limits as they are to be.
Result<Json> raised_limits(const QuotaArgs& args, const Json& quota) {
  const Json& limits = quota.get_object("spec").get_object("limits");
  Json changed = Json::object();
  for (const auto& [field, text] : args.limits) {
    if (text.empty()) {
      continue;
    }
    const Json* now = limits.find(field);
    if (now == nullptr) {
      return make_error(ErrorCode::Invalid, "is not limited; reeve quota set limits it", field);
    }
    REEVE_TRY(Json value, raised(field, *now, text));
    changed.set(field, std::move(value));
  }
  if (changed.as_object().empty()) {
    return make_error(ErrorCode::Invalid, "says which limit is raised, and to what", "--tokens");
  }
  return changed;
}

Result<void> raise(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Place place, place_of(common, args));
  REEVE_TRY(Json quota, place.ask("GET"));
  Json changed;
  for (int tries = 1;; ++tries) {
    REEVE_TRY(changed, raised_limits(args, quota));
    const auto patched = place.ask("PATCH", {}, raise_patch(quota, changed, args.reason).dump());
    if (patched) {
      break;
    }
    // Somebody else has raised it meanwhile: what was to be added is added to that.
    const Json before = quota.get_object("spec").get_object("limits");
    REEVE_TRY(quota, place.ask("GET"));
    if (tries == kTriesMax || quota.get_object("spec").get_object("limits") == before) {
      return patched.error();
    }
  }
  std::string text;
  add_members(text, concat("quota ", printable(args.name)), changed);
  print(text);
  return {};
}

Result<void> reset(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Place place, place_of(common, args));
  REEVE_CHECK(place.ask("POST", "/reset", "{}"));
  print(concat("quota ", printable(args.name), " counts from now on\n"));
  return {};
}

Result<void> remove(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Place place, place_of(common, args));
  REEVE_CHECK(place.ask("DELETE"));
  print(concat("quota ", printable(args.name), " deleted\n"));
  return {};
}

Result<void> list(const Common& common, const QuotaArgs& args) {
  REEVE_TRY(Json::Array quotas, all_quotas(common, args));
  if (common.output == Output::Json) {
    Json all = Json::object();
    all.set("apiVersion", "v1").set("kind", "List").set("items", Json(std::move(quotas)));
    print(all.pretty());
    return {};
  }
  Json columns = Json::array();
  for (const std::string_view name :
       {"Name", "Namespace", "Tokens", "Cost", "Reserved", "Period", "State"}) {
    columns.push(table_column(name));
  }
  Json::Array rows;
  for (const Json& quota : quotas) {
    rows.push_back(row_of(quota));
  }
  print(rows.empty() ? "no quotas: nothing is limited\n" : table_text(columns, rows, {}));
  return {};
}

}  // namespace

int list_quotas(const Common& common, const QuotaArgs& args) {
  return finished(list(common, args));
}

int show_quota(const Common& common, const QuotaArgs& args) {
  return finished(show(common, args));
}

int set_quota(const Common& common, const QuotaArgs& args) {
  return finished(set(common, args));
}

int raise_quota(const Common& common, const QuotaArgs& args) {
  return finished(raise(common, args));
}

int reset_quota(const Common& common, const QuotaArgs& args) {
  return finished(reset(common, args));
}

int delete_quota(const Common& common, const QuotaArgs& args) {
  return finished(remove(common, args));
}

}  // namespace reeve::cli
