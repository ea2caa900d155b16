#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

/// Info is for `reeve lint` only: fine as it is, and worth a thought.
enum class Severity : std::uint8_t { Error, Warning, Info };

std::string_view to_string(Severity severity);  ///< "error", "warning", "info"

/// One finding about a document, with file position and the fix in `error.hint`.
struct Problem {
  Severity severity = Severity::Error;
  /// Stable id of the rule, kebab-case: "unknown-field", "duplicate-key", "cycle".
  std::string rule;
  Error error;
};

/// What loading a document gives: a workflow if there is no Error among the problems.
struct Loaded {
  std::shared_ptr<const Workflow> workflow;
  std::vector<Problem> problems;

  bool ok() const { return workflow != nullptr; }

  /// The first error; only if !ok().
  const Error& first_error() const;
};

/// Where a text comes from.
enum class Origin : std::uint8_t {
  Submitted,  ///< written by a user: one document
  Stored,     ///< a `Workflow::source`: may have been extended, may be a part (part.h)
};

struct LoadOptions {
  /// Named in every problem.
  std::string file = "workflow";
  Origin origin = Origin::Submitted;
  /// Values for templates that decide the structure of a Formicary document (`{{range}}` lines);
  /// an object. Laid over the document's own `job_variables`.
  Json params = Json::object();
};

/// Reads a workflow document: native (`kind: Workflow`) or Formicary's (`job_type:`), told apart by
/// those keys. Reports every problem it can find, not only the first. Never throws; bounded in
/// size (kSourceBytesMax), depth and node count.
Loaded load(std::string_view text, const LoadOptions& options = {});

/// The workflow of a `Workflow::source`: `load` with Origin Stored.
Result<std::shared_ptr<const Workflow>> load_source(std::string_view source);

/// `base` extended by the tasks of `extension`: a source whose digest differs and whose first tasks
/// are those of `base`, unchanged and in the same place. `base` is the source of a workflow, which
/// may have been extended before. `extension` is a document
///
///     apiVersion: reeve.dev/v1
///     kind: WorkflowExtension
///     spec: {tasks: [...]}
///
/// with tasks in the native form, whatever the form of `base`. They may need, depend on and wait
/// for tasks that are there, and route among themselves. A task that an earlier extension has added
/// word for word is left out; if that leaves nothing, the result is `base` itself.
///
/// Returns the first problem, with its place in `extension`: of its tasks, or LimitExceeded
/// (kTasksMax, kExtensionsMax, kSourceBytesMax). Invalid: `base` is a part.
Result<std::string> extend_source(std::string_view base, std::string_view extension);

}  // namespace reeve::workflow
