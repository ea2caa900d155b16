#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/run.h"
#include "workflow/template/template.h"

namespace reeve::workflow {

/// A mission that a template asks for.
struct Submission {
  /// Name of a deployed workflow.
  std::string workflow;
  std::string description;
  std::string user_key;
  std::vector<model::NamedValue> params;
};

/// What templates may ask about other missions, and ask for.
class Missions {
 public:
  virtual ~Missions() = default;

  /// How many missions of a workflow are in one of the states, in the words of Reeve or of
  /// Formicary, upper case. An unknown word counts nothing.
  virtual std::int64_t count(std::string_view workflow, const std::vector<std::string>& states) = 0;

  /// Makes a mission, or finds the live one with the same user key; gives its name. A rendering
  /// that is repeated gets the same answers in the same order and makes nothing.
  virtual Result<std::string> submit(const Submission& submission) = 0;
};

/// The functions that templates of workflows have beyond the built-in ones: Random, now,
/// formatTime (FormatTime), fromJson, yamlq, and with `missions` CountByJobTypeAndState, SubmitJob
/// and SubmitJobsFromJSON; without, these are refused when they are called (Unsupported).
///
/// `seed` decides what Random gives; every table draws a sequence of its own from it, so that
/// rendering the same texts in the same order gives the same result. `missions` outlives the
/// table. Not for several threads.
templates::FunctionTable make_functions(
    std::uint64_t seed, Timestamp now, Missions* missions = nullptr
);

}  // namespace reeve::workflow
