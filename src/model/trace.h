#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"

/// How missions and runs stand in traces (W3C Trace Context). Everything follows from names and
/// uids, so that whoever tells of the same thing, now or after a restart, says the same ids.
namespace reeve::model {

/// Where a mission joins somebody's trace, as the headers have it.
struct Trace {
  /// `traceparent`; empty: a trace of its own begins with the mission.
  std::string parent;
  /// `tracestate`.
  std::string state;

  friend bool operator==(const Trace&, const Trace&) = default;
};

/// What ties a run to the request that caused it; becomes variables of its processes.
struct Origin {
  CorrelationId correlation;
  /// `parent` names the run's own span.
  Trace trace;
};

/// Whether `text` has the form `00-<32 hex>-<16 hex>-<2 hex>` with lower-case digits.
bool is_traceparent(std::string_view text);

/// The trace of a mission as 32 hex digits: the caller's, or one made from the uid.
std::string trace_id_of(const Trace& trace, const Uid& mission);

/// Whether the mission's part of the trace is recorded: as the caller says; of traces that begin
/// with their missions a share of `ratio` (0 to 1).
bool is_sampled(const Trace& trace, const Uid& mission, double ratio);

// The spans of a mission and its parts as 16 hex digits, never all zero.
std::string mission_span(const Uid& mission);
std::string task_span(const Uid& mission, std::uint32_t epoch, const TaskName& task);
std::string run_span(const Uid& mission, const RunName& run);

/// For what a span of the mission causes: its trace, with `span` as the parent.
Trace trace_below(const Trace& trace, const Uid& mission, std::string_view span, bool sampled);

}  // namespace reeve::model
