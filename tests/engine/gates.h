#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "walk.h"
#include "workflow/load/load.h"

namespace reeve::engine {

using Gates = std::vector<std::pair<std::string, workflow::Gate>>;

/// A workflow in which the tasks named in `gates`, written as NOOP, are gates.
inline std::shared_ptr<const workflow::Workflow> gated_text(
    const std::string& text, const Gates& gates
) {
  static int number = 0;
  auto made = std::make_shared<workflow::Workflow>(**workflow::load_source(text));
  for (const auto& [name, gate] : gates) {
    workflow::Task& task = made->tasks.at(made->find(name).value());
    task.method = workflow::Method::Gate;
    task.gate = gate;
  }
  made->source += concat("# ", ++number, "\n");
  made->digest = sha256(made->source);
  return made;
}

inline std::shared_ptr<const workflow::Workflow> gated(
    const std::vector<std::string>& tasks, const Gates& gates, std::string_view head = {}
) {
  return gated_text(native_text(tasks, head), gates);
}

/// A gate that anybody but the author may pass.
inline workflow::Gate plain_gate() {
  workflow::Gate gate;
  gate.prompt = {"Ship it?", {}};
  return gate;
}

/// build, the gate "review", deploy; routed by completion.
inline const std::vector<std::string> kReviewed = {
    "{name: build, script: x}",
    "{name: review, method: NOOP, needs: [build]}",
    "{name: deploy, script: x, needs: [review]}"};

/// A walk that waits at the gate "review" of build → review → deploy.
class AtReview : public Walk {
 public:
  explicit AtReview(const workflow::Gate& gate = plain_gate(), std::string_view head = {}) {
    submit_workflow(gated(kReviewed, {{"review", gate}}, head));
    finished("build");
  }

  const model::GateStatus& gate() const { return *task("review").gate; }
};

inline std::string output_of(const Walk& w, std::string_view task, std::string_view name) {
  for (const auto& [key, value] : w.task(task).outputs) {
    if (key == name) {
      return value;
    }
  }
  return "<none>";
}

inline std::string environment_of(const model::LaunchRun& launch, std::string_view name) {
  for (const auto& [key, value] : launch.spec.environment) {
    if (key == name) {
      return value;
    }
  }
  return "<unset>";
}

/// The code of an answer that must be an error.
inline ErrorCode code_of(const Result<Reply>& reply) {
  EXPECT_FALSE(reply.ok());
  return reply.ok() ? ErrorCode::Ambiguous : reply.error().code;
}

inline std::string text_of(const Result<Reply>& reply) {
  return reply.ok() ? std::string("accepted") : reply.error().describe();
}

}  // namespace reeve::engine
