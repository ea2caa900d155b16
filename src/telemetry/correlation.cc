#include "telemetry/correlation.h"

#include <optional>
#include <set>

#include "base/strings.h"

namespace reeve::telemetry {
namespace {

constexpr std::size_t kTraceParentBytes = 55;

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// The number that lower-case hex digits stand for; nothing if there is another character.
std::optional<std::uint64_t> read_hex(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) {
    if (!is_lower_hex(c)) {
      return std::nullopt;
    }
    number = (number << 4U) | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return number;
}

std::string hex_of(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[out.size() - 1 - i] = kDigits[(number >> (4 * i)) & 0xFU];
  }
  return out;
}

Error bad(std::string message, std::string_view subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(subject));
}

SpanId new_span_id(platform::Random& random) {
  const std::uint64_t number = random.next();
  return SpanId{number == 0 ? 1 : number};
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// One part of a key, `[a-z0-9][a-z0-9_*/-]*` of at most `bytes_max`.
bool is_key_part(std::string_view part, std::size_t bytes_max) {
  if (part.empty() || part.size() > bytes_max || !is_lower_or_digit(part.front())) {
    return false;
  }
  for (const char c : part) {
    if (!is_lower_or_digit(c) && c != '_' && c != '-' && c != '*' && c != '/') {
      return false;
    }
  }
  return true;
}

bool is_state_key(std::string_view key) {
  constexpr std::size_t kKeyBytesMax = 256;
  constexpr std::size_t kTenantBytesMax = 241;
  constexpr std::size_t kSystemBytesMax = 14;
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) {
    return is_key_part(key, kKeyBytesMax);
  }
  return is_key_part(key.substr(0, at), kTenantBytesMax) &&
         is_key_part(key.substr(at + 1), kSystemBytesMax);
}

bool is_state_value(std::string_view value) {
  constexpr std::size_t kValueBytesMax = 256;
  if (value.empty() || value.size() > kValueBytesMax || value.back() == ' ') {
    return false;
  }
  for (const char c : value) {
    if (c < ' ' || c > '~' || c == ',' || c == '=') {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string TraceId::hex() const {
  return hex_of(high) + hex_of(low);
}

std::string SpanId::hex() const {
  return hex_of(number);
}

Result<TraceId> parse_trace_id(std::string_view hex) {
  const std::string digits = hex.size() == 32 ? to_lower(hex) : std::string();
  const auto high = read_hex(std::string_view(digits).substr(0, digits.size() / 2));
  const auto low = read_hex(std::string_view(digits).substr(digits.size() / 2));
  const TraceId id{high.value_or(0), low.value_or(0)};
  if (!high || !low || !id.valid()) {
    return bad("not a trace id: 32 hex digits that are not all zero", "trace id");
  }
  return id;
}

Result<SpanId> parse_span_id(std::string_view hex) {
  const std::string digits = hex.size() == 16 ? to_lower(hex) : std::string();
  const SpanId id{read_hex(digits).value_or(0)};
  if (!id.valid()) {
    return bad("not a span id: 16 hex digits that are not all zero", "span id");
  }
  return id;
}

Result<TraceContext> parse_traceparent(std::string_view header) {
  constexpr std::string_view kSubject = "traceparent";
  if (header.size() < kTraceParentBytes || header[2] != '-' || header[35] != '-' ||
      header[52] != '-') {
    return bad("not of the form version-traceid-parentid-flags", kSubject);
  }
  const auto version = read_hex(header.substr(0, 2));
  const auto high = read_hex(header.substr(3, 16));
  const auto low = read_hex(header.substr(19, 16));
  const auto span = read_hex(header.substr(36, 16));
  const auto flags = read_hex(header.substr(53, 2));
  if (!version || !high || !low || !span || !flags) {
    return bad("has something else than lower-case hex digits", kSubject);
  }
  if (*version == 0xFFU) {
    return bad("version ff is not allowed", kSubject);
  }
  const bool longer = header.size() > kTraceParentBytes;
  if (longer && (*version == 0 || header[kTraceParentBytes] != '-')) {
    return bad("is longer than its version allows", kSubject);
  }
  TraceContext context{
      .trace_id = {*high, *low}, .span_id = {*span}, .sampled = (*flags & 1U) != 0, .state = {}};
  if (!context.valid()) {
    return bad("an id is all zero", kSubject);
  }
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return concat(
      "00-", context.trace_id.hex(), '-', context.span_id.hex(), context.sampled ? "-01" : "-00"
  );
}

bool is_trace_state(std::string_view header) {
  if (header.empty() || header.size() > kTraceStateBytesMax) {
    return false;
  }
  std::set<std::string_view> keys;
  std::size_t members = 0;
  for (const std::string_view piece : split(header, ',')) {
    std::size_t begin = piece.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
      continue;
    }
    const std::string_view member = piece.substr(begin, piece.find_last_not_of(" \t") + 1 - begin);
    const std::size_t equals = member.find('=');
    if (++members > kTraceStateMembersMax || equals == std::string_view::npos) {
      return false;
    }
    if (!is_state_key(member.substr(0, equals)) || !is_state_value(member.substr(equals + 1)) ||
        !keys.insert(member.substr(0, equals)).second) {
      return false;
    }
  }
  return members > 0;
}

TraceContext new_trace(platform::Random& random, bool sampled) {
  TraceContext context;
  context.trace_id = {random.next(), random.next()};
  if (!context.trace_id.valid()) {
    context.trace_id.low = 1;
  }
  context.span_id = new_span_id(random);
  context.sampled = sampled;
  return context;
}

TraceContext child_of(const TraceContext& parent, platform::Random& random) {
  TraceContext context = parent;
  context.span_id = new_span_id(random);
  return context;
}

TraceContext adopt_trace(
    std::string_view traceparent,
    std::string_view tracestate,
    platform::Random& random,
    bool sampled_if_new
) {
  auto parsed = parse_traceparent(traceparent);
  if (!parsed) {
    return new_trace(random, sampled_if_new);
  }
  if (is_trace_state(tracestate)) {
    parsed->state = std::string(tracestate);
  }
  return std::move(parsed).value();
}

bool is_correlation_id(std::string_view text) {
  constexpr std::string_view kOthers = "-_.:/+=@~";
  if (text.empty() || text.size() > kCorrelationIdBytesMax) {
    return false;
  }
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit && kOthers.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

CorrelationId new_correlation_id(platform::Random& random) {
  const std::uint64_t high = random.next();
  return CorrelationId(hex_of(high) + hex_of(random.next()));
}

CorrelationId adopt_correlation_id(
    std::string_view request_id, std::string_view correlation_id, platform::Random& random
) {
  for (const std::string_view candidate : {request_id, correlation_id}) {
    if (is_correlation_id(candidate)) {
      return CorrelationId(std::string(candidate));
    }
  }
  return new_correlation_id(random);
}

std::vector<std::pair<std::string, std::string>> correlation_environment(
    const Correlation& correlation
) {
  std::vector<std::pair<std::string, std::string>> variables;
  if (!correlation.id.empty()) {
    variables.emplace_back("REEVE_CORRELATION_ID", correlation.id.str());
  }
  if (correlation.trace.valid()) {
    variables.emplace_back("TRACEPARENT", format_traceparent(correlation.trace));
    if (!correlation.trace.state.empty()) {
      variables.emplace_back("TRACESTATE", correlation.trace.state);
    }
  }
  return variables;
}

}  // namespace reeve::telemetry
