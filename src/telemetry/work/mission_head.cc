#include "telemetry/work/mission_head.h"

#include <string>
#include <utility>

#include "base/json.h"

namespace reeve::telemetry {

namespace {

/// The metadata stands within so many bytes; a longer one is none of the engine's.
constexpr std::size_t kHeadBytesMax = std::size_t{8} << 10U;

/// The object that begins at `text`, with its braces; empty: it does not end.
std::string_view first_object(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      i += c == '\\' ? 1 : 0;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    depth += c == '{' ? 1 : 0;
    depth -= c == '}' ? 1 : 0;
    if (depth == 0) {
      return text.substr(0, i + 1);
    }
  }
  return {};
}

}  // namespace

std::optional<MissionHead> mission_head(std::string_view row) {
  constexpr std::string_view kMember = "\"metadata\":";
  const std::string_view beginning = row.substr(0, kHeadBytesMax);
  const std::size_t at = beginning.find(kMember);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view object = first_object(beginning.substr(at + kMember.size()));
  if (object.empty() || object.front() != '{') {
    return {};
  }
  const Result<Json> metadata = parse_json(object);
  if (!metadata) {
    return {};
  }
  MissionHead head;
  head.uid = Uid(metadata->get_string("uid"));
  head.correlation = CorrelationId(metadata->get_string("correlation"));
  head.trace.parent = metadata->get_string("traceparent");
  head.trace.state = metadata->get_string("tracestate");
  const Result<Timestamp> created = parse_timestamp(metadata->get_string("creationTimestamp"));
  if (!created) {
    return {};
  }
  head.created_at = *created;
  return head;
}

Correlation correlation_of(
    const MissionHead& head, std::string_view span, bool sampled, const Principal& principal
) {
  Correlation correlation;
  correlation.id = head.correlation;
  correlation.principal = principal;
  const model::Trace trace = model::trace_below(head.trace, head.uid, span, sampled);
  if (Result<TraceContext> context = parse_traceparent(trace.parent)) {
    correlation.trace = *std::move(context);
  }
  return correlation;
}

}  // namespace reeve::telemetry
