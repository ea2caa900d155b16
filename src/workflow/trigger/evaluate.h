#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/run.h"
#include "workflow/template/template.h"
#include "workflow/trigger/occurrence.h"
#include "workflow/trigger/rate_window.h"
#include "workflow/workflow.h"

namespace reeve::trigger {

inline constexpr std::size_t kUserKeyBytesMax = 500;
/// Names and values of the params of one mission together, so that they fit into an event.
inline constexpr std::size_t kParamsBytesMax = std::size_t{512} << 10U;

/// What came of an occurrence.
enum class Verdict : std::uint8_t {
  Fired,         ///< a mission is to be made, or was
  Filtered,      ///< not wanted: the trigger's filter said no
  Deduplicated,  ///< there is a live mission of the same user key already
  RateLimited,   ///< the trigger's rate limit is reached
  Unauthorised,  ///< the sender did not prove who it is
  BadRequest,    ///< the sender's mistake
  TooLarge,      ///< more bytes than are taken
  Failed,        ///< ours: a template, a secret, or the submission
};

std::string_view to_string(Verdict verdict);  ///< "fired" …

/// What is needed to make the mission.
struct Submission {
  std::vector<model::NamedValue> params;
  /// Unique among the live missions of a namespace; empty: none.
  std::string user_key;
  /// Id of the input that makes it, within a namespace: the same occurrence, told again, has no
  /// second effect. Empty: the occurrence has no name.
  std::string input_key;
};

struct Outcome {
  Verdict verdict = Verdict::Failed;
  /// If it fired.
  Submission submission;
  /// If it was refused or failed; for people.
  Error error;
  /// The trigger's rate window from now on; to be kept whatever the verdict.
  RateWindow window;

  bool fired() const { return verdict == Verdict::Fired; }
};

/// One trigger of a workflow and what its texts may call.
struct Context {
  const workflow::Workflow& workflow;
  const workflow::Trigger& trigger;
  /// Beyond the built-in functions; see workflow::make_functions.
  const templates::FunctionTable& functions;
};

/// Decides what comes of `occurrence`, in this order: filter, params, user key, rate limit. What
/// the first of them stops, the later ones do not see.
///
/// A text that cannot be rendered is Failed and never Filtered, so that nothing gets lost without a
/// word. Texts that come from outside are never templates themselves. In native workflows a field
/// that is not there is an error except in the filter; in Formicary ones it is `<no value>`.
Outcome evaluate(const Context& context, const Occurrence& occurrence, const RateWindow& window);

/// The outcome after the mission was submitted: AlreadyExists means that the user key is taken,
/// Cancelled that the workflow skips such missions.
Outcome after_submission(Outcome fired, const Result<void>& submitted);

}  // namespace reeve::trigger
