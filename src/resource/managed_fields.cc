#include "resource/managed_fields.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/strings.h"
#include "resource/apply_merge.h"
#include "resource/causes.h"
#include "resource/json_compare.h"
#include "resource/managed_entries.h"

namespace reeve::resource {

namespace {

using Entries = std::vector<ManagedEntry>;

// An answer stays readable; the count is told all the same.
constexpr std::size_t kConflictsShownMax = 100;

/// What a write touched: all of it, and what is there afterwards.
struct Touched {
  FieldSet all;
  FieldSet present;
};

Touched touched_fields(const Json* before, const Json& after, const ListTypes& types) {
  FieldChanges changes = compare_fields(before == nullptr ? Json::object() : *before, after, types);
  Touched touched;
  touched.present = std::move(changes.added);
  touched.present.unite(changes.changed);
  strip_unowned(touched.present);
  touched.all = touched.present;
  touched.all.unite(changes.removed);
  strip_unowned(touched.all);
  return touched;
}

/// Merges the oldest updates until there are few enough, as Kubernetes' "capmanagers" does.
void cap_updates(Entries& entries) {
  std::vector<std::size_t> updates;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].operation == kUpdateOperation) {
      updates.push_back(i);
    }
  }
  if (updates.size() <= kUpdateManagersMax) {
    return;
  }
  std::sort(updates.begin(), updates.end(), [&](std::size_t left, std::size_t right) {
    return std::tie(entries[left].time, entries[left].manager) <
           std::tie(entries[right].time, entries[right].manager);
  });
  Entries ancient;
  std::size_t count = updates.size();
  for (const std::size_t index : updates) {
    if (count + ancient.size() <= kUpdateManagersMax) {
      break;
    }
    ManagedEntry& old = entries[index];
    --count;
    ManagedEntry* bucket = find_entry(
        ancient,
        kUpdateOperation,
        {std::string(kAncientChanges), old.api_version, old.subresource, ""}
    );
    if (bucket == nullptr) {
      ancient.push_back(std::move(old));
      ancient.back().manager = kAncientChanges;
    } else {
      bucket->fields.unite(old.fields);
      bucket->time = std::max(bucket->time, old.time);
    }
    old.fields = FieldSet();
  }
  remove_empty(entries);
  std::move(ancient.begin(), ancient.end(), std::back_inserter(entries));
}

/// The entries an update starts from: those of the request, if it has any, else the stored ones.
Outcome<Entries> entries_before(
    const ResourceName& resource, const Json* before, const Json& after, const FieldWriter& writer
) {
  const Json* given = writer.subresource.empty() ? managed_of(&after) : nullptr;
  if (given == nullptr) {
    return stored_entries(before);
  }
  Result<Entries> parsed = parse_managed_fields(*given);
  if (!parsed) {
    const Error& error = parsed.error();
    return invalid(
        resource,
        after.find("metadata")->get_string("name"),
        {{"FieldValueInvalid", concat("Invalid value: ", error.message), error.subject}}
    );
  }
  return std::move(parsed).value();
}

/// `"x"`, `"x" with subresource "status"`; updates say which version they used.
std::string manager_text(const ManagedEntry& entry) {
  std::string text = quoted(entry.manager);
  if (!entry.subresource.empty()) {
    text += concat(" with subresource ", quoted(entry.subresource));
  }
  return entry.operation == kUpdateOperation ? concat(text, " using ", entry.api_version) : text;
}

/// What others own of `changes`, as Kubernetes tells it; nullopt if that is nothing.
std::optional<Status> find_conflicts(const Entries& others, const FieldSet& changes) {
  std::size_t count = 0;
  std::vector<Cause> causes;
  std::map<std::string, std::vector<std::string>> by_manager;
  for (const ManagedEntry& entry : others) {
    const std::string manager = manager_text(entry);
    for (const std::string& path : entry.fields.intersection(changes).texts()) {
      if (++count <= kConflictsShownMax) {
        causes.push_back({"FieldManagerConflict", concat("conflict with ", manager), path});
        by_manager[manager].push_back(path);
      }
    }
  }
  if (count == 0) {
    return std::nullopt;
  }
  if (count == 1) {
    std::string message = concat(
        "Apply failed with 1 conflict: ", causes.front().message, ": ", causes.front().field
    );
    return apply_conflict(std::move(message), std::move(causes));
  }
  std::vector<std::string> texts;
  for (const auto& [manager, paths] : by_manager) {
    texts.push_back(concat("conflicts with ", manager, ":\n- ", join(paths, "\n- ")));
  }
  if (count > kConflictsShownMax) {
    texts.push_back(concat("and ", count - kConflictsShownMax, " more"));
  }
  std::string message = concat("Apply failed with ", count, " conflicts: ", join(texts, "\n"));
  return apply_conflict(std::move(message), std::move(causes));
}

/// What of the request counts: identity, and the part that the endpoint is for. What the server
/// owns is left out.
Json effective_request(const Json& applied, std::string_view subresource) {
  constexpr std::string_view kServerOwned[] = {
      "selfLink",
      "generation",
      "creationTimestamp",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
      "managedFields"};
  constexpr std::string_view kIdentity[] = {"name", "namespace", "uid", "resourceVersion"};
  const bool status_only = subresource == "status";
  Json request = Json::object();
  for (const Json::Member& member : applied.as_object()) {
    const bool identity = member.first == "apiVersion" || member.first == "kind";
    if (identity || (member.first == "status") == status_only) {
      request.as_object().push_back(member);
    }
  }
  const Json* metadata = applied.find("metadata");
  if (metadata == nullptr) {
    return request;
  }
  Json kept = Json::object();
  for (const Json::Member& member : metadata->as_object()) {
    const auto among = [&](const auto& names) {
      return std::find(std::begin(names), std::end(names), member.first) != std::end(names);
    };
    if (status_only ? among(kIdentity) : !among(kServerOwned)) {
      kept.as_object().push_back(member);
    }
  }
  request.set("metadata", std::move(kept));
  return request;
}

/// An entry may claim more than its endpoint can write: that is not for it to remove.
void keep_scope(FieldSet& fields, std::string_view subresource) {
  const bool status_only = subresource == "status";
  for (auto at = fields.children.begin(); at != fields.children.end();) {
    at = (at->first == "f:status") == status_only ? std::next(at) : fields.children.erase(at);
  }
}

Outcome<void> check_request(
    const ResourceName& resource,
    const Json& applied,
    const ApplyRequest& request,
    const ListTypes& types
) {
  if (request.writer.manager.empty()) {
    return invalid_options(
        "PatchOptions", {required_value("fieldManager", "is required for apply patch")}
    );
  }
  if (!applied.is_object()) {
    return bad_request("an apply patch is an object");
  }
  for (const std::string_view name : {"apiVersion", "kind"}) {
    if (applied.get_string(name).empty()) {
      return bad_request(concat("an apply patch needs ", name));
    }
  }
  const Json* metadata = applied.find("metadata");
  if (metadata != nullptr && !metadata->is_object()) {
    return invalid(resource, "", {wrong_type("metadata", "object", *metadata)});
  }
  const Json* managed = managed_of(&applied);
  if (managed != nullptr && !(managed->is_array() && managed->as_array().empty())) {
    return bad_request("metadata.managedFields must be nil");
  }
  const Result<void> lists = check_lists(applied, types);
  if (!lists) {
    const std::string name = metadata == nullptr ? "" : metadata->get_string("name");
    return from_error(lists.error(), resource, name);
  }
  return {};
}

}  // namespace

std::string default_manager(std::string_view user_agent) {
  std::string manager;
  for (const char c : user_agent.substr(0, user_agent.find('/'))) {
    if (manager.size() < kManagerBytesMax && c >= ' ' && c < '\x7f') {
      manager.push_back(c);
    }
  }
  return manager.empty() ? "unknown" : manager;
}

Outcome<Json> track_update(
    const ResourceName& resource,
    const Json* before,
    Json after,
    const FieldWriter& writer,
    const ListTypes& types
) {
  REEVE_TRY(Entries entries, entries_before(resource, before, after, writer));
  const Touched touched = touched_fields(before, after, types);
  if (!touched.all.empty()) {
    for (ManagedEntry& entry : entries) {
      entry.fields.subtract(touched.all);
    }
    ManagedEntry* own = find_entry(entries, kUpdateOperation, writer);
    if (own == nullptr) {
      entries.push_back(
          {writer.manager,
           std::string(kUpdateOperation),
           writer.api_version,
           "",
           writer.subresource,
           {}}
      );
      own = &entries.back();
    }
    own->fields.unite(touched.present);
    own->time = writer.time;
    remove_empty(entries);
    cap_updates(entries);
    REEVE_CHECK(check_entry_count(resource, after, entries));
  }
  set_managed(after, entries);
  return after;
}

Outcome<Json> apply_object(
    const ResourceName& resource,
    const Json* existing,
    const Json& applied,
    const ApplyRequest& request,
    const ListTypes& types
) {
  REEVE_CHECK(check_request(resource, applied, request, types));
  const FieldWriter& writer = request.writer;
  const Json said = effective_request(applied, writer.subresource);
  FieldSet fields = leaf_fields(said, types);
  strip_unowned(fields);

  Json object = merge_applied(existing == nullptr ? Json::object() : *existing, said, types);
  Entries entries = stored_entries(existing);
  ManagedEntry mine{
      writer.manager, std::string(kApplyOperation), writer.api_version, "", writer.subresource, {}};
  if (ManagedEntry* own = find_entry(entries, kApplyOperation, writer)) {
    mine = *own;
    entries.erase(entries.begin() + (own - entries.data()));
  }
  const Touched touched = touched_fields(existing, object, types);
  if (existing != nullptr && !touched.all.empty()) {
    std::optional<Status> conflicts = find_conflicts(entries, touched.all);
    if (conflicts && !request.force) {
      return std::move(*conflicts);
    }
  }
  FieldSet others;
  for (ManagedEntry& entry : entries) {
    entry.fields.subtract(touched.all);
    others.unite(entry.fields);
  }
  FieldSet dropped = mine.fields;
  dropped.subtract(fields);
  keep_scope(dropped, writer.subresource);
  const bool pruned = prune_dropped(object, dropped, others, fields, types);
  if (pruned || !touched.all.empty() || !(mine.fields == fields)) {
    mine.time = writer.time;
  }
  mine.fields = std::move(fields);
  entries.push_back(std::move(mine));
  remove_empty(entries);
  REEVE_CHECK(check_entry_count(resource, object, entries));
  set_managed(object, entries);
  return object;
}

}  // namespace reeve::resource
