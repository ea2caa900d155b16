#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// The arguments of each verb. Decoding is strict: what is unknown or wrong is refused with its
/// name.
namespace reeve::protocol {

inline constexpr std::string_view kSubmit = "submit";
inline constexpr std::string_view kRetry = "retry";
inline constexpr std::string_view kAbort = "abort";
inline constexpr std::string_view kRelease = "release";
inline constexpr std::string_view kDecide = "decide";
/// A command about an object that is no mission, in the words of its kind: see `Object`.
inline constexpr std::string_view kObject = "object";
/// No arguments; the owner says who it is.
inline constexpr std::string_view kHello = "hello";
/// No arguments; the owner stops taking inputs, detaches from its runs and ends.
inline constexpr std::string_view kStop = "stop";

/// Make a mission.
struct Submit {
  /// Text of a workflow document; or else
  std::string source;
  /// a deployed workflow, and which version of it (empty: the present one).
  std::string workflow = {};
  std::string version = {};
  std::vector<model::NamedValue> params;
  /// Empty: it is called after its workflow.
  std::string name;
  bool local = false;
  std::optional<std::int32_t> priority = {};
  /// Names the mission among those that are not over: a second one is not made.
  std::string user_key = {};
  std::optional<Timestamp> not_before = {};
  /// Names of missions that must complete first.
  std::vector<std::string> after = {};
};

struct Retry {
  std::string mission;
  std::string name;
  /// The mission is COMPLETE and runs again, for the reason in `message`.
  bool reopen = false;
  std::string message = {};
  /// From this task on; empty: all tasks.
  std::string from = {};
};

struct Abort {
  std::string mission;
  std::string message;
};

struct Release {
  std::string mission;
};

/// About a gate; who decides is who sends it.
struct Decide {
  std::string mission;
  /// Empty: the only open gate.
  std::string task;
  /// "approve", "reject" or "revise".
  std::string decision;
  std::string message;
};

/// `kind` in lower case ("channel"); `verb` and `body` are the kind's own.
struct Object {
  std::string kind;
  std::string name;
  std::string verb;
  Json body = Json::object();
};

Json to_json(const Submit& args);
Json to_json(const Retry& args);
Json to_json(const Abort& args);
Json to_json(const Release& args);
Json to_json(const Decide& args);
Json to_json(const Object& args);

Result<Submit> submit_from_json(const Json& args);
Result<Retry> retry_from_json(const Json& args);
Result<Abort> abort_from_json(const Json& args);
Result<Release> release_from_json(const Json& args);
Result<Decide> decide_from_json(const Json& args);
Result<Object> object_from_json(const Json& args);

/// For verbs without arguments.
Result<void> expect_no_arguments(const Json& args);

}  // namespace reeve::protocol
