#include "model/trace.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::model {

namespace {

// Offsets and lengths within a traceparent.
constexpr std::size_t kLength = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::array<std::size_t, 3> kDashes = {2, 35, 52};

std::string hex(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr int kBits = 64;
  constexpr int kBitsPerDigit = 4;
  std::string text;
  for (int shift = kBits - kBitsPerDigit; shift >= 0; shift -= kBitsPerDigit) {
    text.push_back(kDigits[(number >> static_cast<unsigned>(shift)) & 0xfU]);
  }
  return text;
}

std::string span_named(std::string_view name) {
  return hex(std::max<std::uint64_t>(stable_hash(name), 1));
}

}  // namespace

bool is_traceparent(std::string_view text) {
  if (text.size() != kLength || !text.starts_with("00-")) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = std::find(kDashes.begin(), kDashes.end(), i) != kDashes.end();
    const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !digit) {
      return false;
    }
  }
  return text.substr(kTraceAt, kTraceDigits).find_first_not_of('0') != std::string_view::npos &&
         text.substr(kSpanAt, kFlagsAt - kSpanAt - 1).find_first_not_of('0') !=
             std::string_view::npos;
}

std::string trace_id_of(const Trace& trace, const Uid& mission) {
  if (is_traceparent(trace.parent)) {
    return trace.parent.substr(kTraceAt, kTraceDigits);
  }
  return concat(
      span_named(concat("trace/", mission.view(), "/1")),
      span_named(concat("trace/", mission.view(), "/2"))
  );
}

bool is_sampled(const Trace& trace, const Uid& mission, double ratio) {
  if (!is_traceparent(trace.parent)) {
    constexpr std::uint64_t kParts = 1'000'000;
    const std::uint64_t part = stable_hash(concat("sample/", mission.view())) % kParts;
    return static_cast<double>(part) < ratio * static_cast<double>(kParts);
  }
  // The lowest bit of the flags.
  return std::string_view("13579bdf").find(trace.parent.back()) != std::string_view::npos;
}

std::string mission_span(const Uid& mission) {
  return span_named(concat("mission/", mission.view()));
}

std::string task_span(const Uid& mission, std::uint32_t epoch, const TaskName& task) {
  return span_named(concat("task/", mission.view(), "/", epoch, "/", task.view()));
}

std::string run_span(const Uid& mission, const RunName& run) {
  return span_named(concat("run/", mission.view(), "/", run.view()));
}

Trace trace_below(const Trace& trace, const Uid& mission, std::string_view span, bool sampled) {
  return {
      .parent = concat("00-", trace_id_of(trace, mission), "-", span, sampled ? "-01" : "-00"),
      .state = trace.state};
}

}  // namespace reeve::model
