#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/session.h"
#include "engine/object_metadata.h"

/// Where a mission comes from and what waits for what.
namespace reeve::cli {

namespace {

/// Missions of one lineage that are shown.
constexpr std::size_t kLineageMax = 1000;
/// Missions that are searched for those that continue one.
constexpr std::size_t kSuccessorsSearchedMax = 5000;
constexpr std::uint32_t kPage = 500;

const Json& member(const Json& json, std::string_view name) {
  static const Json kNone;
  const Json* found = json.find(name);
  return found == nullptr ? kNone : *found;
}

const Json::Array& items(const Json& json, std::string_view name) {
  static const Json::Array kNone;
  const Json& list = member(json, name);
  return list.is_array() ? list.as_array() : kNone;
}

Json artifacts_of(const Json& mission) {
  Json all = Json::array();
  for (const Json& task : items(member(mission, "status"), "tasks")) {
    for (const Json& artifact : items(task, "artifacts")) {
      Json one = Json::object();
      one.set("task", task.get_string("name"));
      one.set("path", artifact.get_string("path")).set("digest", artifact.get_string("digest"));
      all.push(std::move(one));
    }
  }
  return all;
}

/// One mission of a lineage; `relation` is what it is to the mission `to`.
Json describe(const Json& mission, const std::string& relation, const std::string& to) {
  Json one = Json::object();
  const Json& status = member(mission, "status");
  one.set("mission", member(mission, "metadata").get_string("name"));
  one.set("relation", relation);
  if (!to.empty()) {
    one.set("of", to);
  }
  one.set("state", status.get_string("state"));
  if (const std::string why = member(mission, "spec").get_string("reopened"); !why.empty()) {
    one.set("reopened", why);
  }
  const Json& decisions = member(member(status, "bundle"), "decisions");
  one.set("decisions", decisions.is_array() ? decisions : Json::array());
  one.set("artifacts", artifacts_of(mission));
  return one;
}

/// Names that come after a mission: what its tasks have started, and what continues it.
Result<Json> later_than(store::Reader& reader, const Json& mission) {
  Json later = Json::array();
  const auto add = [&](const std::string& name, std::string_view relation) {
    if (!name.empty()) {
      later.push(Json(Json::Object{{"mission", name}, {"relation", relation}}));
    }
  };
  for (const Json& task : items(member(mission, "status"), "tasks")) {
    for (const Json& child : items(member(task, "children"), "missions")) {
      add(child.get_string("mission"), "child");
    }
    for (const Json& submitted : items(task, "submitted")) {
      add(submitted.is_string() ? submitted.as_string() : std::string(), "submitted");
    }
  }
  const std::string name = member(mission, "metadata").get_string("name");
  store::RowQuery query;
  query.ns = namespace_in(mission);
  query.limit = kPage;
  for (std::size_t searched = 0; searched < kSuccessorsSearchedMax; searched += kPage) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& listed : rows) {
      REEVE_TRY(const Json row, parse_json(listed.row.body));
      if (!engine::is_deleted_row(listed.row.body) &&
          member(row, "spec").get_string("continues") == name) {
        add(listed.row.key.name, "continued_by");
      }
    }
    if (rows.size() < kPage) {
      break;
    }
    query.before = rows.back().created;
  }
  return later;
}

/// The mission and its ancestors, the nearest first.
Result<Json> lineage_of(store::Reader& reader, const Namespace& ns, const std::string& name) {
  struct Step {
    std::string mission;
    std::string relation;
    std::string of;
  };

  std::deque<Step> open = {{name, "self", {}}};
  std::set<std::string> seen = {name};
  Json missions = Json::array();
  Json result = Json::object();
  while (!open.empty() && missions.as_array().size() < kLineageMax) {
    const Step step = std::move(open.front());
    open.pop_front();
    REEVE_TRY(const Json row, read_mission(reader, ns, step.mission));
    missions.push(describe(row, step.relation, step.of));
    if (step.of.empty()) {
      REEVE_TRY(Json later, later_than(reader, row));
      result.set("later", std::move(later));
    }
    const Json& spec = member(row, "spec");
    const std::pair<std::string, std::string> origins[] = {
        {spec.get_string("continues"), "continued"},
        {member(spec, "parent").get_string("mission"), "parent"}};
    for (const auto& [origin, relation] : origins) {
      if (!origin.empty() && seen.insert(origin).second) {
        open.push_back({origin, relation, step.mission});
      }
    }
  }
  Json whole = Json::object();
  whole.set("missions", std::move(missions)).set("later", member(result, "later"));
  whole.set("complete", open.empty());
  return whole;
}

std::string lineage_text(const Json& lineage) {
  std::string text;
  for (const Json& one : items(lineage, "missions")) {
    const std::string relation = one.get_string("relation");
    text += concat(printable(one.get_string("mission")), "  ", one.get_string("state"));
    if (relation != "self") {
      text +=
          concat("  ", relation == "parent" ? "parent of " : "continued by ", one.get_string("of"));
    }
    text += "\n";
    if (const std::string why = one.get_string("reopened"); !why.empty()) {
      text += concat("  reopened: ", printable(why), "\n");
    }
    for (const Json& decision : items(one, "decisions")) {
      const std::string rationale = decision.get_string("rationale");
      text += concat("  decided: ", printable(decision.get_string("decision")));
      text += concat(
          rationale.empty() ? "" : " (", printable(rationale), rationale.empty() ? "" : ")", "\n"
      );
    }
    for (const Json& artifact : items(one, "artifacts")) {
      text += concat(
          "  artifact: ",
          artifact.get_string("task"),
          " ",
          printable(artifact.get_string("path")),
          " ",
          artifact.get_string("digest"),
          "\n"
      );
    }
  }
  for (const Json& one : items(lineage, "later")) {
    text += concat(
        "later: ",
        one.get_string("mission"),
        "  ",
        replace_all(one.get_string("relation"), "_", " "),
        "\n"
    );
  }
  return lineage.get_bool("complete")
             ? text
             : concat(text, "(more: only ", kLineageMax, " missions are shown)\n");
}

/// What keeps a mission that has not started from running; empty: nothing.
Json reasons_of(const Json& status) {
  Json reasons = Json::array();
  for (const Json& hold : items(status, "holds")) {
    reasons.push(concat(hold.get_string("kind"), ": ", hold.get_string("message")));
  }
  if (const std::string waits = status.get_string("waitsFor"); !waits.empty()) {
    reasons.push(waits);
  }
  return reasons;
}

Result<Json> waiting_missions(store::Reader& reader, const Common& common) {
  Json ready = Json::array();
  Json waiting = Json::array();
  store::RowQuery query;
  query.ns = listed_namespace(common);
  query.live_only = true;
  query.limit = kPage;
  for (;;) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& listed : rows) {
      REEVE_TRY(const Json row, parse_json(listed.row.body));
      const Json& status = member(row, "status");
      const std::string state = status.get_string("state");
      if (state != "PREP" && state != "QUEUED" && state != "HELD") {
        continue;
      }
      Json one(Json::Object{{"mission", listed.row.key.name}, {"state", state}});
      if (common.all_namespaces) {
        one.set("namespace", listed.row.key.ns.str());
      }
      Json reasons = reasons_of(status);
      if (reasons.as_array().empty()) {
        ready.push(std::move(one));
      } else {
        one.set("reasons", std::move(reasons));
        waiting.push(std::move(one));
      }
    }
    if (rows.size() < kPage) {
      break;
    }
    query.before = rows.back().created;
  }
  return Json(Json::Object{{"ready", std::move(ready)}, {"waiting", std::move(waiting)}});
}

/// The mission, with its namespace where all are listed.
std::string shown(const Json& one) {
  const std::string ns = one.get_string("namespace");
  return concat(ns, ns.empty() ? "" : "/", one.get_string("mission"));
}

std::string waiting_text(const Json& found) {
  std::string text;
  for (const Json& one : items(found, "ready")) {
    text += concat("ready    ", shown(one), "\n");
  }
  for (const Json& one : items(found, "waiting")) {
    for (const Json& reason : items(one, "reasons")) {
      text += concat("waiting  ", shown(one), "  ", printable(reason.as_string()), "\n");
    }
  }
  return text.empty() ? "no mission waits\n" : text;
}

int shown(const Common& common, const Result<Json>& found, std::string (*text)(const Json&)) {
  if (!found.ok()) {
    return report(found.error());
  }
  print(common.output == Output::Json ? found->pretty() : text(*found));
  return static_cast<int>(ExitCode::Done);
}

}  // namespace

int show_lineage(const Common& common, const LineageArgs& args) {
  const auto store = open_for_reading(DataDir{.root = common.data_dir});
  return store
             ? shown(common, lineage_of(**store, namespace_of(common), args.mission), lineage_text)
             : report(store.error());
}

int show_ready(const Common& common) {
  const auto store = open_for_reading(DataDir{.root = common.data_dir});
  return store ? shown(common, waiting_missions(**store, common), waiting_text)
               : report(store.error());
}

}  // namespace reeve::cli
