#include "api/compat/formicary_files.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace reeve::api::formicary {

namespace {

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kNone : *found;
}

const Json::Array& elements(const Json& object, std::string_view name) {
  static const Json::Array kNone;
  const Json* found = object.find(name);
  return found == nullptr || !found->is_array() ? kNone : found->as_array();
}

/// Without what says how the digest was made.
std::string sha256_of(const Json& file) {
  const std::string digest = file.get_string("digest");
  constexpr std::string_view kPrefix = "sha256:";
  return digest.starts_with(kPrefix) ? digest.substr(kPrefix.size()) : digest;
}

Json artifact(const Json& mission, const Json& task, const Json& file, std::int64_t order) {
  const Json& metadata = member(mission, "metadata");
  const std::string request = metadata.get_string("name");
  const std::string execution = concat(request, ".", member(mission, "status").get_int("epoch", 1));
  const std::string name = task.get_string("name");
  const std::string sha256 = sha256_of(file);
  Json made = Json::object();
  made.set("id", sha256).set("sha256", sha256).set("name", file.get_string("path"));
  made.set("kind", "TASK_ARTIFACTS").set("artifact_group", name);
  made.set("artifact_order", order).set("job_request_id", request);
  made.set("job_execution_id", execution).set("task_type", name);
  made.set(
      "task_execution_id",
      concat(execution, ".", name, ".", member(task, "run").get_int("attempt", 1))
  );
  made.set("content_type", content_type_of(file.get_string("path")));
  made.set("content_length", file.get_int("sizeBytes"));
  made.set("organization_id", metadata.get_string("namespace"));
  made.set("user_id", member(mission, "status").get_string("owner"));
  made.set("created_at", task.get_string("endedAt"));
  if (const Json* until = file.find("expiresAt")) {
    made.set("expires_at", *until);
  }
  made.set("url", concat("/api/artifacts/", sha256, "/download"));
  return made;
}

}  // namespace

Json::Array artifacts_of(const Json& mission) {
  Json::Array list;
  for (const Json& task : elements(member(mission, "status"), "tasks")) {
    std::int64_t order = 0;
    for (const Json& file : elements(task, "artifacts")) {
      list.push_back(artifact(mission, task, file, order++));
    }
  }
  return list;
}

Result<bool> artifact_wanted(
    const Json& artifact, const std::vector<std::pair<std::string, std::string>>& query
) {
  constexpr std::array kColumns = {
      std::string_view("id"),
      std::string_view("sha256"),
      std::string_view("name"),
      std::string_view("kind"),
      std::string_view("task_type"),
      std::string_view("job_request_id")};
  for (const auto& [name, value] : query) {
    if (name == "page" || name == "pageSize" || name == "page_size" || name == "namespace" ||
        value.empty()) {
      continue;
    }
    if (std::find(kColumns.begin(), kColumns.end(), name) == kColumns.end()) {
      return make_error(ErrorCode::Invalid, "is no column that artifacts are found by", name);
    }
    if (artifact.get_string(name) != value) {
      return false;
    }
  }
  return true;
}

std::string content_type_of(std::string_view name) {
  constexpr std::array kTypes = {
      std::pair(std::string_view(".txt"), std::string_view("text/plain; charset=utf-8")),
      std::pair(std::string_view(".log"), std::string_view("text/plain; charset=utf-8")),
      std::pair(std::string_view(".csv"), std::string_view("text/csv; charset=utf-8")),
      std::pair(std::string_view(".json"), std::string_view("application/json")),
      std::pair(std::string_view(".zip"), std::string_view("application/zip"))};
  for (const auto& [end, type] : kTypes) {
    if (name.ends_with(end)) {
      return std::string(type);
    }
  }
  // Never text/html: what a task has made would run as a page of this server.
  return "application/octet-stream";
}

}  // namespace reeve::api::formicary
