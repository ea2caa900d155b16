#include "workflow/workflow.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace reeve::workflow {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Shell:
      return "SHELL";
    case Method::Noop:
      return "NOOP";
    case Method::Docker:
      return "DOCKER";
    case Method::Kubernetes:
      return "KUBERNETES";
    case Method::Http:
      return "HTTP";
    case Method::WebSocket:
      return "WEBSOCKET";
    case Method::Gate:
      return "MANUAL";
    case Method::Mission:
      return "FORK_JOB";
    case Method::Await:
      return "AWAIT_FORKED_JOB";
    case Method::Message:
      return "MESSAGING";
    case Method::ExpireArtifacts:
      return "EXPIRE_ARTIFACTS";
    case Method::Agent:
      return "AGENT";
  }
  return "UNKNOWN";
}

std::string_view to_string(HttpVerb verb) {
  switch (verb) {
    case HttpVerb::Get:
      return "GET";
    case HttpVerb::Head:
      return "HEAD";
    case HttpVerb::Post:
      return "POST";
    case HttpVerb::Put:
      return "PUT";
    case HttpVerb::Patch:
      return "PATCH";
    case HttpVerb::Delete:
      return "DELETE";
  }
  return "UNKNOWN";
}

std::string_view to_string(Format format) {
  switch (format) {
    case Format::Native:
      return "native";
    case Format::Formicary:
      return "formicary";
  }
  return "unknown";
}

namespace {

/// A number in [0, 1) that depends on both arguments only (SplitMix64's finaliser).
double unit_interval(std::uint64_t seed, std::uint64_t salt) {
  std::uint64_t bits = seed + (salt + 1) * 0x9e3779b97f4a7c15U;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  bits ^= bits >> 31U;
  constexpr double kTwoToMinus53 = 0x1.0p-53;
  return static_cast<double>(bits >> 11U) * kTwoToMinus53;
}

/// min·factorⁿ, at most max. Parts of a millisecond are rounded up: never sooner than asked.
Duration grown(const Backoff& backoff, std::uint32_t retry) {
  constexpr double kFactorDefault = 2;
  const double factor = backoff.factor > 0 ? backoff.factor : kFactorDefault;
  const auto limit = static_cast<double>(backoff.max.count());
  auto millis = static_cast<double>(backoff.min.count());
  for (std::uint32_t i = 0; i < retry && i < kRetriesMax && millis < limit; ++i) {
    millis *= factor;
  }
  return Duration(static_cast<std::int64_t>(std::ceil(std::min(millis, limit))));
}

}  // namespace

Duration retry_delay(const RetryPolicy& policy, std::uint32_t retry, std::uint64_t seed) {
  if (!policy.backoff || policy.backoff->min <= Duration(0)) {
    return policy.delay;
  }
  const Duration delay = grown(*policy.backoff, retry);
  if (!policy.backoff->jitter || delay <= policy.backoff->min) {
    return delay;
  }
  const auto span = static_cast<double>((delay - policy.backoff->min).count() + 1);
  const double part = unit_interval(seed, retry) * span;
  return policy.backoff->min + Duration(static_cast<std::int64_t>(part));
}

std::optional<TaskIndex> Workflow::find(std::string_view task_name) const {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].name.view() == task_name) {
      return static_cast<TaskIndex>(i);
    }
  }
  return std::nullopt;
}

}  // namespace reeve::workflow
