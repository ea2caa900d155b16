#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

using workflow::Method;

/// Whether a task of this method has files that could be kept.
bool has_files(const Task& task) {
  return workflow::is_hosted(task.method) && task.method != Method::ExpireArtifacts;
}

/// Files that are asked for where there can be none.
class ArtifactCheck {
 public:
  ArtifactCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const Task& task : facts_.workflow().tasks) {
      check_declared(task);
      for (const TaskIndex dependency : task.dependencies) {
        check_dependency(task, facts_.workflow().tasks[dependency]);
      }
    }
  }

 private:
  void check_declared(const Task& task) {
    if (task.artifacts.paths.empty() || has_files(task)) {
      return;
    }
    findings_.add(
        {.rule = "artifacts-never",
         .position = facts_.source().place(&task, {"artifacts"}, task.position),
         .field = facts_.field(&task, "artifacts", "artifacts"),
         .message = concat("a ", to_string(task.method), " task has no files to keep"),
         .fix = "remove artifacts, or let another task make the files"}
    );
  }

  void check_dependency(const Task& task, const Task& other) {
    const Position place = facts_.source().place(&task, {"dependencies"}, task.position);
    const std::string field = facts_.field(&task, "dependencies", "dependencies");
    // Children and fan-outs hand on what their missions kept.
    const bool unknown = other.method == Method::Mission || other.method == Method::Await ||
                         other.method == Method::WebSocket || other.method == Method::Message;
    if (&task == &other || unknown) {
      return;
    }
    if (other.artifacts.paths.empty()) {
      findings_.add(
          {.rule = "empty-dependency",
           .position = place,
           .field = field,
           .message = concat("\"", other.name.view(), "\" keeps no artifacts: nothing is copied"),
           .fix = concat(
               "add artifacts to \"", other.name.view(), "\", or remove it from dependencies"
           )}
      );
    } else if (other.artifacts.when == model::ArtifactWhen::OnFailure && needs(task, other) &&
               !other.allow_failure) {
      findings_.add(
          {.rule = "artifacts-never",
           .position = place,
           .field = field,
           .message = concat(
               "\"",
               other.name.view(),
               "\" keeps artifacts only when it fails, and this task starts only when it completes"
           ),
           .fix = concat("let \"", other.name.view(), "\" keep them always or on success")}
      );
    }
  }

  bool needs(const Task& task, const Task& other) const {
    const TaskIndex index = facts_.index_of(other);
    for (const TaskIndex need : task.needs) {
      if (need == index) {
        return true;
      }
    }
    return false;
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_artifacts(const Facts& facts, Findings& findings) {
  ArtifactCheck(facts, findings).run();
}

}  // namespace reeve::lint
