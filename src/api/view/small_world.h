#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/view/types.h"
#include "base/json.h"
#include "base/strings.h"
#include "store/ports.h"

namespace reeve::api::view {

/// A journal with its rows, small enough for tests. Workflows and missions are plain objects, runs
/// come out of missions, settings called `<Kind>/<name>` are metadata.
///
/// Threading: one thread.
class SmallWorld final : public store::Reader {
 public:
  static constexpr TypeId kWorkflows{0};
  static constexpr TypeId kMissions{1};
  static constexpr TypeId kRuns{2};

  Revision head_revision() const { return head_; }

  /// The revision that the next write gets.
  Revision coming() const { return head_.next(); }

  /// Stages one event and the row it leaves.
  void put(journal::Kind kind, std::string_view ns, std::string_view name, Json body) {
    write(kind, ns, name, std::move(body), false);
  }

  void put(journal::Kind kind, std::string_view ns, std::string_view name) {
    put(kind, ns, name, Json::object());
  }

  void remove(journal::Kind kind, std::string_view ns, std::string_view name) {
    write(kind, ns, name, Json::object().set("deleted", true), true);
  }

  /// The metadata of a workflow or mission.
  void put_labels(journal::Kind kind, std::string_view ns, std::string_view name, Json labels) {
    put(journal::Kind::Setting,
        ns,
        concat(to_string(kind), "/", name),
        Json::object().set("labels", std::move(labels)));
  }

  void remove_labels(journal::Kind kind, std::string_view ns, std::string_view name) {
    remove(journal::Kind::Setting, ns, concat(to_string(kind), "/", name));
  }

  /// What has been staged, as one commit; the rows are stored.
  store::Commit commit() {
    store::Commit commit;
    commit.events = std::exchange(events_, {});
    for (auto& [key, row] : std::exchange(staged_, {})) {
      commit.rows.push_back(row);
    }
    committed_ = head_;
    return commit;
  }

  /// The body of the current row; null if there is none.
  Json body(journal::Kind kind, std::string_view ns, std::string_view name) const {
    const auto found = rows_.find(key_of(kind, ns, name));
    if (found == rows_.end() || is_deleted(found->second)) {
      return nullptr;
    }
    auto parsed = parse_json(found->second.body);
    return parsed ? std::move(parsed).value() : Json();
  }

  /// Reading the rows fails at their end from now on.
  void fail(Error error) { failure_ = std::move(error); }

  static bool is_deleted(const store::Row& row) {
    return row.body.find("\"deleted\":true") != std::string::npos;
  }

  static std::optional<journal::ObjectKey> sidecar_of(const journal::ObjectKey& row) {
    const std::size_t slash = row.name.find('/');
    if (row.kind != journal::Kind::Setting || slash == std::string::npos) {
      return std::nullopt;
    }
    const auto kind = journal::parse_kind(row.name.substr(0, slash));
    if (!kind) {
      return std::nullopt;
    }
    return journal::ObjectKey{.kind = *kind, .ns = row.ns, .name = row.name.substr(slash + 1)};
  }

  /// Everything but `now`, `notify` and limits of one's own.
  static ViewOptions options() {
    ViewOptions options;
    options.types = {
        {.name = "workflows", .kind = journal::Kind::Workflow, .project = project_plain},
        {.name = "missions", .kind = journal::Kind::Mission, .project = project_plain},
        {.name = "runs",
         .kind = journal::Kind::Mission,
         .project = project_runs,
         .stems_of = [](std::string_view name, std::vector<std::string>& stems) {
           stems.emplace_back(name.substr(0, name.find('.')));
         }}};
    options.sidecar_of = sidecar_of;
    options.is_deleted = is_deleted;
    options.now = [] {
      return from_unix_millis(0);
    };
    return options;
  }

  Result<store::Head> head() override { return store::Head{.revision = committed_}; }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& visit) override {
    for (const auto& [key, row] : rows_) {
      REEVE_CHECK(visit(row));
    }
    if (failure_) {
      return *failure_;
    }
    return {};
  }

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery&) override {
    return std::vector<store::ListedRow>{};
  }

  Result<std::vector<journal::Event>> events(const store::EventQuery&) override {
    return std::vector<journal::Event>{};
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>&) override { return {}; }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>&) override { return {}; }

  Result<std::optional<store::InputRecord>> find_input(const InputId&) override {
    return std::optional<store::InputRecord>();
  }

  Result<std::uint64_t> count_ended(std::string_view, Revision) override {
    return std::uint64_t{0};
  }

 private:
  static journal::ObjectKey key_of(journal::Kind kind, std::string_view ns, std::string_view name) {
    return {.kind = kind, .ns = Namespace(std::string(ns)), .name = std::string(name)};
  }

  void write(
      journal::Kind kind, std::string_view ns, std::string_view name, Json body, bool deleted
  ) {
    const journal::ObjectKey key = key_of(kind, ns, name);
    head_ = head_.next();
    store::Row& row = rows_[key];
    if (row.uid.empty() || is_deleted(row)) {
      row.uid = Uid(concat("uid-", head_.value()));
    }
    row.key = key;
    row.revision = head_;
    row.live = !deleted;
    row.body = body.dump();
    staged_[key] = row;
    journal::Event event;
    event.revision = head_;
    event.object = key;
    event.uid = row.uid;
    event.type = deleted ? "deleted" : "written";
    event.data = row.body;
    events_.push_back(std::move(event));
  }

  static Pairs pairs_of(const Json* object) {
    Pairs pairs;
    if (object != nullptr && object->is_object()) {
      for (const auto& [name, value] : object->as_object()) {
        pairs.emplace_back(name, value.is_string() ? value.as_string() : value.dump());
      }
    }
    return pairs;
  }

  static Projected projected(
      const Stem& stem, std::string name, std::string uid, Revision revision, Json spec
  ) {
    Projected object;
    object.ns = std::string(stem.ns());
    object.name = std::move(name);
    object.uid = Uid(uid);
    object.revision = revision;
    object.fields.emplace_back("phase", spec.get_string("phase"));
    Json metadata = Json::object();
    metadata.set("name", object.name).set("namespace", object.ns).set("uid", std::move(uid));
    metadata.set("resourceVersion", std::to_string(revision.value()));
    object.object =
        Json::object().set("metadata", std::move(metadata)).set("spec", std::move(spec));
    return object;
  }

  static void project_plain(const Stem& stem, std::vector<Projected>& objects) {
    const RowView row = *stem.row();
    auto spec = parse_json(row.body);
    Projected object = projected(
        stem,
        std::string(stem.name()),
        std::string(row.uid),
        stem.revision(),
        spec ? std::move(spec).value() : Json()
    );
    if (const auto sidecar = stem.sidecar()) {
      const auto metadata = parse_json(sidecar->body);
      object.labels = pairs_of(metadata ? metadata->find("labels") : nullptr);
    }
    objects.push_back(std::move(object));
  }

  /// Runs are members of "runs": {"uid", "revision", "labels", "phase"} by name.
  static void project_runs(const Stem& stem, std::vector<Projected>& objects) {
    const auto spec = parse_json(stem.row()->body);
    const Json* runs = spec ? spec->find("runs") : nullptr;
    if (runs == nullptr || !runs->is_object()) {
      return;
    }
    for (const auto& [name, run] : runs->as_object()) {
      const Revision revision(static_cast<std::uint64_t>(run.get_int("revision")));
      Projected object = projected(stem, name, run.get_string("uid"), revision, run);
      object.labels = pairs_of(run.find("labels"));
      objects.push_back(std::move(object));
    }
  }

  std::map<journal::ObjectKey, store::Row> rows_;
  std::map<journal::ObjectKey, store::Row> staged_;
  std::vector<journal::Event> events_;
  Revision head_;
  Revision committed_;
  std::optional<Error> failure_;
};

/// Selects by one label.
inline std::function<bool(const Pairs&)> has_label(std::string name, std::string value) {
  return [name = std::move(name), value = std::move(value)](const Pairs& labels) {
    const std::string* found = find_value(labels, name);
    return found != nullptr && *found == value;
  };
}

/// Selects by one field.
inline std::function<bool(const Projected&)> has_field(std::string name, std::string value) {
  return [name = std::move(name), value = std::move(value)](const Projected& object) {
    const std::string* found = find_value(object.fields, name);
    return found != nullptr && *found == value;
  };
}

}  // namespace reeve::api::view
