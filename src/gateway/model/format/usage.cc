#include "gateway/model/format/usage.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/model/format/answer_reader.h"
#include "gateway/model/format/event_reader.h"
#include "gateway/model/format/json_stream.h"

namespace reeve::gateway::model {

namespace {

constexpr std::string_view kDone = "[DONE]";
constexpr std::uint8_t kUnusable = kUsageNotNumbers | kUsageAbsurd;

/// What numbers mean. OpenAI counts what was in a cache as a part of the input, Anthropic beside
/// it.
Usage meaning_of(Operation operation, const RawUsage& raw, std::uint8_t& faults) {
  Usage usage;
  usage.input = raw.input.value_or(0);
  usage.output = raw.output.value_or(0);
  if (operation == Operation::Messages) {
    usage.cache_read = raw.cache_read.value_or(0);
    usage.cache_write = raw.cache_creation.value_or(0);
    usage.cache_write_long = raw.cache_creation_long.value_or(0);
    if (usage.cache_write_long > usage.cache_write) {
      faults |= kUsageInconsistent;
      usage.cache_write = 0;
    } else {
      usage.cache_write -= usage.cache_write_long;
    }
    return usage;
  }
  const std::uint64_t read = raw.cached.value_or(0);
  const std::uint64_t written = raw.cache_written.value_or(0);
  if (read + written > usage.input) {
    faults |= kUsageInconsistent;
    return usage;
  }
  usage.cache_read = read;
  usage.cache_write = written;
  usage.input -= read + written;
  return usage;
}

bool ends_response(std::string_view type) {
  return type == "response.completed" || type == "response.incomplete" || type == "response.failed";
}

}  // namespace

std::string describe_usage_faults(std::uint8_t faults) {
  std::vector<std::string> names;
  const auto add = [&](UsageFault fault, const char* name) {
    if ((faults & fault) != 0) {
      names.emplace_back(name);
    }
  };
  add(kUsageNotNumbers, "not numbers");
  add(kUsageAbsurd, "absurd");
  add(kUsageAboveReserved, "above what was reserved");
  add(kUsageDecreased, "decreased");
  add(kUsageInconsistent, "inconsistent");
  return join(names, ", ");
}

AnswerForm answer_form(std::string_view content_type) {
  return to_lower(content_type.substr(0, content_type.find(';'))).starts_with("text/event-stream")
             ? AnswerForm::Events
             : AnswerForm::Json;
}

struct AnswerWatch::Watcher final : EventReader::Sink {
  Watcher(Operation asked, WatchOptions wanted)
      : operation(asked),
        options(std::move(wanted)),
        withholds(
            options.withhold_usage && options.form == AnswerForm::Events &&
            operation == Operation::ChatCompletions
        ),
        reader(
            asked,
            [this](std::string_view text) {
              facts.text_bytes += text.size();
              if (options.on_text) {
                options.on_text(text);
              }
            }
        ),
        json(reader, kAnswerDepthMax) {}

  void on_data(std::string_view part) override {
    if (start.size() < kDone.size() + 1) {
      start += part.substr(0, kDone.size() + 1 - start.size());
    }
    // No event is an array; what begins like one is the end of the stream.
    if (!start.starts_with('[')) {
      (void)json.feed(part);
    }
  }

  std::string_view feed(std::string_view piece) {
    if (options.form == AnswerForm::Json) {
      (void)json.feed(piece);
      return piece;
    }
    out.clear();
    std::string_view rest = piece;
    while (!rest.empty()) {
      const bool ending = event_over && events.after_return() && rest.front() == '\n';
      const EventReader::Step step = events.read(rest, *this);
      std::string_view taken = rest.substr(0, step.read);
      rest.remove_prefix(step.read);
      event_over = step.over;
      bool wanted = true;
      if (step.data) {
        wanted = !over();
      }
      if (!withholds) {
        continue;
      }
      if (ending) {
        // It belongs to the event before, and goes where that went.
        taken.remove_prefix(1);
        out += dropped_last ? "" : "\n";
      }
      hold(taken, step.over, wanted);
    }
    return withholds ? std::string_view(out) : piece;
  }

  void hold(std::string_view taken, bool over_now, bool wanted) {
    if (!released && held.size() + taken.size() <= kWithheldBytesMax) {
      held += taken;
    } else {
      released = true;
      out += held;
      out += taken;
      held.clear();
    }
    if (over_now) {
      dropped_last = !released && !wanted;
      if (wanted) {
        out += held;
      }
      held.clear();
      released = false;
    }
  }

  /// The data of an event is complete. Says whether it has nothing but the usage.
  bool over() {
    facts.events += 1;
    bool only_usage = false;
    if (start == kDone) {
      complete_chat();
    } else if (!start.starts_with('[') && json.finish()) {
      AnswerEvent& event = reader.event();
      only_usage = event.has_choices && event.choices_empty && event.has_usage;
      merge(event);
    }
    start.clear();
    json.reset();
    reader.reset();
    return only_usage;
  }

  void merge(AnswerEvent& event) {
    if (!event.model.empty()) {
      facts.model = event.model;
    }
    if (event.failed || event.type == "error" || event.type == "response.failed") {
      facts.failed = true;
      facts.error = event.error.empty() ? facts.error : event.error;
    }
    facts.hidden_output = facts.hidden_output || event.hidden;
    facts.tool_calls += event.calls;
    facts.hosted_calls += event.hosted_calls;
    for (const std::uint64_t id : event.call_ids) {
      if (call_ids.size() < kCallsSeenMax &&
          std::find(call_ids.begin(), call_ids.end(), id) == call_ids.end()) {
        call_ids.push_back(id);
        facts.tool_calls += 1;
      }
    }
    if (!event.stop_reason.empty()) {
      facts.stop_reason = event.stop_reason;
    }
    const bool whole = options.form == AnswerForm::Json;
    if (operation == Operation::Responses && (whole || ends_response(event.type))) {
      facts.stop_reason = event.stop_reason.empty() ? event.status : event.stop_reason;
    }
    if (event.has_usage) {
      merge_usage(event, whole);
    }
    if (operation == Operation::Messages && event.type == "message_stop") {
      facts.complete = true;
    } else if (operation == Operation::Responses && !whole && ends_response(event.type)) {
      facts.complete = true;
    }
  }

  void merge_usage(AnswerEvent& event, bool whole) {
    if (keep_largest(raw, event.usage)) {
      facts.usage_faults |= kUsageDecreased;
    }
    facts.usage_faults |= raw.faults;
    facts.hosted_calls =
        std::max(facts.hosted_calls, static_cast<std::uint32_t>(raw.hosted_calls.value_or(0)));
    if (!raw.input && !raw.output) {
      return;
    }
    facts.usage = meaning_of(operation, raw, facts.usage_faults);
    const bool at_end = whole || (operation == Operation::Messages
                                      ? event.type == "message_delta" && !facts.stop_reason.empty()
                                  : operation == Operation::Responses ? ends_response(event.type)
                                                                      : event.choices_empty);
    facts.usage_final = at_end && usable();
    const WorstCase& most = options.reserved;
    if ((most.input_tokens > 0 || most.output_tokens > 0) &&
        (facts.usage->all_input() > most.input_tokens || facts.usage->output > most.output_tokens
        )) {
      facts.usage_faults |= kUsageAboveReserved;
    }
  }

  bool usable() const {
    return raw.input && (raw.output || operation == Operation::Embeddings) &&
           (facts.usage_faults & kUnusable) == 0;
  }

  /// What chat completions have said of their usage before is all.
  void complete_chat() {
    facts.complete = true;
    facts.usage_final = facts.usage && usable();
  }

  std::string_view finish(bool clean) {
    out.clear();
    if (options.form == AnswerForm::Json) {
      if (clean && json.finish()) {
        merge(reader.event());
        facts.complete = !facts.failed;
      }
      return out;
    }
    bool wanted = true;
    if (clean && events.has_data()) {
      wanted = !over();
    }
    if (clean && operation == Operation::ChatCompletions && !facts.stop_reason.empty()) {
      complete_chat();
    }
    if (wanted) {
      out += held;
    }
    held.clear();
    return out;
  }

  Operation operation;
  WatchOptions options;
  bool withholds;
  AnswerFacts facts;
  AnswerReader reader;
  JsonStream json;
  EventReader events;
  RawUsage raw;
  std::vector<std::uint64_t> call_ids;
  /// How the data of this event begins.
  std::string start;
  std::string held;
  std::string out;
  /// This event is passed on, whatever comes.
  bool released = false;
  bool dropped_last = false;
  /// Nothing has come since the end of an event.
  bool event_over = false;
};

AnswerWatch::AnswerWatch(Operation operation, WatchOptions options)
    : watcher_(std::make_unique<Watcher>(operation, std::move(options))) {}

AnswerWatch::~AnswerWatch() = default;
AnswerWatch::AnswerWatch(AnswerWatch&&) noexcept = default;
AnswerWatch& AnswerWatch::operator=(AnswerWatch&&) noexcept = default;

std::string_view AnswerWatch::feed(std::string_view piece) {
  return watcher_->feed(piece);
}

std::string_view AnswerWatch::finish(bool clean) {
  return watcher_->finish(clean);
}

const AnswerFacts& AnswerWatch::facts() const {
  return watcher_->facts;
}

bool AnswerWatch::between_events() const {
  return watcher_->options.form == AnswerForm::Events &&
         (watcher_->withholds ? !watcher_->released : watcher_->events.between_events());
}

}  // namespace reeve::gateway::model
