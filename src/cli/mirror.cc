#include "cli/mirror.h"

#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "cli/children_view.h"
#include "coord/bundle/bundle.h"
#include "engine/engine.h"
#include "engine/object_metadata.h"
#include "model/run.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace {

constexpr std::uint32_t kCatchUpMissions = 500;
constexpr std::size_t kFailedChildrenListed = 20;
constexpr std::uint64_t kStateBytesMax = std::uint64_t{64} << 20U;

std::string inline_code(std::string_view text) {
  std::string code("`");
  for (const char c : text.substr(0, 400)) {
    code.push_back(c == '`' || c == '\n' ? ' ' : c);
  }
  return code + "`";
}

/// Those of a task's missions that have failed: where to look.
void add_failed_children(std::string& lines, const Json& task) {
  const Json* children = task.find("children");
  if (children == nullptr) {
    return;
  }
  std::size_t listed = 0;
  for (const Json& child : children->find("missions")->as_array()) {
    const std::string state = child.get_string("state");
    if (!state.empty() && state != "COMPLETE" && ++listed <= kFailedChildrenListed) {
      lines += concat(
          "  - mission ",
          child.get_string("mission"),
          ": ",
          state,
          " (",
          inline_code(child.get_string("message")),
          ")\n"
      );
    }
  }
}

void add_tasks(std::string& text, const Json& status, std::string_view title, bool ended) {
  std::string lines;
  for (const Json& task : status.find("tasks")->as_array()) {
    const std::string state = task.get_string("state");
    const bool over =
        state == "COMPLETE" || state == "FAILED" || state == "ABORTED" || state == "SKIPPED";
    if (over != ended) {
      continue;
    }
    lines += concat("- ", task.get_string("name"), ": ", state);
    if (const Json* code = task.find("exitCode")) {
      lines += concat(
          ", exit code ", code->is_int() ? std::to_string(code->as_int()) : code->as_string()
      );
    }
    if (const std::string progress = children_progress(task); !progress.empty()) {
      lines += concat(", ", progress);
    }
    if (const std::string message = task.get_string("message"); !message.empty()) {
      lines += concat(" (", inline_code(message), ")");
    }
    lines += "\n";
    add_failed_children(lines, task);
    for (const Json::Member& output : task.find("outputs")->as_object()) {
      lines += concat("  - ", output.first, " = ", inline_code(output.second.as_string()), "\n");
    }
    for (const Json& artifact : task.find("artifacts")->as_array()) {
      lines += concat(
          "  - file results/", task.get_string("name"), "/", artifact.get_string("path"), "\n"
      );
    }
  }
  if (!lines.empty()) {
    text += concat("\n## ", title, "\n\n", lines);
  }
}

}  // namespace

std::string context_document(const Json& mission) {
  const Json& metadata = *mission.find("metadata");
  const Json& spec = *mission.find("spec");
  const Json& status = *mission.find("status");
  std::string text = concat("# Mission ", metadata.get_string("name"), "\n\n");
  text += concat(
      "Workflow ",
      spec.find("workflow")->get_string("name"),
      ", created ",
      metadata.get_string("creationTimestamp"),
      ".\n"
  );
  text += concat("State: **", status.get_string("state"), "** (", status.get_string("reason"), ")");
  if (const std::string message = status.get_string("message"); !message.empty()) {
    text += concat(": ", inline_code(message));
  }
  text += ".\n";
  if (const std::string waits = status.get_string("waitsFor"); !waits.empty()) {
    text += concat("It ", inline_code(waits), ".\n");
  }
  if (const Json* parent = spec.find("parent")) {
    text += concat(
        "Made by task ",
        parent->get_string("task"),
        " of mission ",
        parent->get_string("mission"),
        ".\n"
    );
  }
  if (const Json* params = spec.find("params"); params != nullptr && !params->as_object().empty()) {
    text += "\n## Parameters\n\n";
    for (const Json::Member& param : params->as_object()) {
      text += concat("- ", param.first, " = ", inline_code(param.second.as_string()), "\n");
    }
  }
  if (const Json* holds = status.find("holds"); holds != nullptr && !holds->as_array().empty()) {
    text += "\n## Waits for\n\n";
    for (const Json& hold : holds->as_array()) {
      text += concat("- ", hold.get_string("kind"), ": ", hold.get_string("message"), "\n");
    }
  }
  add_tasks(text, status, "Done", true);
  add_tasks(text, status, "Not done", false);
  if (const Json* left = status.find("bundle")) {
    std::vector<bundle::Fault> faults;
    if (const auto parsed = bundle::Bundle::parse(left->dump(), faults)) {
      text += concat("\n# What the last run left\n\n", parsed->render());
    }
  }
  return text;
}

Mirror::Mirror(std::filesystem::path missions, store::Reader& reader, blob::BlobStore& blobs)
    : missions_(std::move(missions)), reader_(reader), blobs_(blobs), thread_([this] { run(); }) {}

Mirror::~Mirror() {
  close();
}

void Mirror::changed(std::span<const journal::Event> events) {
  const std::scoped_lock lock(mutex_);
  for (const journal::Event& event : events) {
    if (event.object.kind == journal::Kind::Mission) {
      dirty_.insert(event.object);
    }
  }
  wake_.notify_one();
}

void Mirror::catch_up() {
  store::RowQuery query;
  query.limit = kCatchUpMissions;
  const Result<std::vector<store::ListedRow>> rows = reader_.list(query);
  if (!rows) {
    return;
  }
  for (const store::ListedRow& listed : *rows) {
    const Result<std::string> file = platform::read_file(
        missions_ / engine::mission_of(listed.row.key).str() / "state.json", kStateBytesMax
    );
    const Result<Json> state = file ? parse_json(*file) : Result<Json>(file.error());
    const Json* metadata = state ? state->find("metadata") : nullptr;
    const std::string revision =
        metadata == nullptr ? std::string() : metadata->get_string("resourceVersion");
    if (revision != std::to_string(listed.row.revision.value())) {
      const std::scoped_lock lock(mutex_);
      dirty_.insert(listed.row.key);
    }
  }
  wake_.notify_one();
}

void Mirror::close() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Mirror::run() {
  while (true) {
    std::set<journal::ObjectKey> todo;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !dirty_.empty() || closing_; });
      if (dirty_.empty()) {
        return;
      }
      todo.swap(dirty_);
    }
    for (const journal::ObjectKey& mission : todo) {
      write(mission);
    }
  }
}

/// Errors are not reported: the next change or the next start tries again, and nothing depends on
/// the mirror.
void Mirror::write(const journal::ObjectKey& key) {
  const Result<std::optional<store::Row>> row = reader_.get(key);
  if (!row || !row->has_value()) {
    return;
  }
  const std::filesystem::path dir = missions_ / engine::mission_of(key).str();
  if (engine::is_deleted_row((*row)->body)) {
    std::error_code ignored;
    for (const char* written : {"state.json", "context.md", "results"}) {
      std::filesystem::remove_all(dir / written, ignored);
    }
    return;
  }
  const Result<Json> mission = parse_json((*row)->body);
  if (!mission || !platform::make_directories(dir, 0700).ok()) {
    return;
  }
  write_results(dir / "results", *mission);
  (void)platform::replace_file(dir / "context.md", context_document(*mission)).ok();
  // Last: who sees the new state finds the rest in place.
  (void)platform::replace_file(dir / "state.json", mission->pretty()).ok();
}

void Mirror::write_results(const std::filesystem::path& dir, const Json& mission) {
  for (const Json& task : mission.find("status")->find("tasks")->as_array()) {
    const std::filesystem::path task_dir = dir / task.get_string("name");
    for (const Json& item : task.find("artifacts")->as_array()) {
      const Result<model::ArtifactRef> artifact = model::artifact_from_json(item);
      if (!artifact) {
        continue;
      }
      const std::filesystem::path target = task_dir / artifact->path;
      // The digest beside a file tells whether it is this version already.
      const std::filesystem::path stamp =
          dir / ".digests" / task.get_string("name") / artifact->path;
      const Result<std::string> have = platform::read_file(stamp, 128);
      if (have && *have == artifact->digest.view()) {
        continue;
      }
      if (platform::make_directories(target.parent_path(), 0700).ok() &&
          platform::make_directories(stamp.parent_path(), 0700).ok() &&
          platform::remove_tree(target).ok() &&
          blobs_.fetch(artifact->digest, target, artifact->mode).ok()) {
        (void)platform::replace_file(stamp, artifact->digest.view()).ok();
      }
    }
  }
}

}  // namespace reeve::cli
