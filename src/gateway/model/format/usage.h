#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/model/format/estimate.h"
#include "gateway/model/format/operation.h"

namespace reeve::gateway::model {

/// What an answer says it has used. The parts add up: none is within another.
struct Usage {
  /// Neither read from nor written to a cache.
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  std::uint64_t cache_read = 0;
  /// Written to a cache: for five minutes, or as long as the provider likes; for an hour.
  std::uint64_t cache_write = 0;
  std::uint64_t cache_write_long = 0;

  std::uint64_t all_input() const { return input + cache_read + cache_write + cache_write_long; }

  std::uint64_t tokens() const { return all_input() + output; }

  friend bool operator==(const Usage&, const Usage&) = default;
};

/// What is wrong with what an answer says of its usage; bits.
enum UsageFault : std::uint8_t {
  kUsageNotNumbers = 1,     ///< negative, a fraction, a text
  kUsageAbsurd = 2,         ///< more than kRequestTokensMax
  kUsageAboveReserved = 4,  ///< more than the worst case
  kUsageDecreased = 8,      ///< a later number was smaller; the larger one counts
  kUsageInconsistent = 16,  ///< parts larger than their whole
};

/// Names of the bits: "absurd, decreased"; empty: none.
std::string describe_usage_faults(std::uint8_t faults);

/// What was seen of an answer.
struct AnswerFacts {
  /// What it has said last of its usage.
  std::optional<Usage> usage;
  /// That is all: nothing follows that would change it.
  bool usage_final = false;
  std::uint8_t usage_faults = 0;
  /// As the provider calls it; at most kModelNameBytesMax.
  std::string model;
  /// "stop", "end_turn", "max_output_tokens", …
  std::string stop_reason;
  /// That the client is asked to carry out.
  std::uint32_t tool_calls = 0;
  /// That the provider has carried out.
  std::uint32_t hosted_calls = 0;
  /// It has come to the end that its protocol has.
  bool complete = false;
  /// It says that it has failed, and how: "overloaded_error".
  bool failed = false;
  std::string error;
  /// Output that was seen: text, thoughts, arguments.
  std::uint64_t text_bytes = 0;
  /// Parts of the output that are not shown, or not whole: thoughts.
  bool hidden_output = false;
  std::uint64_t events = 0;
};

/// How an answer comes.
enum class AnswerForm : std::uint8_t { Events, Json };

/// Of the `Content-Type` of an answer.
AnswerForm answer_form(std::string_view content_type);

struct WatchOptions {
  AnswerForm form = AnswerForm::Events;
  /// Hold back the chunk of a streamed chat completion that has nothing but the usage.
  bool withhold_usage = false;
  /// What was reserved; 0 and 0: unknown.
  WorstCase reserved = {};
  /// Given the output as text, piece by piece, without its JSON: for guardrails. May be empty.
  std::function<void(std::string_view)> on_text = {};
};

/// Bytes of one event that are held back at most, to see whether the client wants it.
inline constexpr std::size_t kWithheldBytesMax = 16'384;
inline constexpr int kAnswerDepthMax = 128;

/// Reads an answer as it passes, in constant memory: events in chunks of any size with lines that
/// end in LF, CR LF or CR, comments, `data:` with or without a blank, lines of any length; or one
/// JSON text. What is wrong with it never stops it; it is flagged.
///
/// Threading: one thread.
class AnswerWatch {
 public:
  AnswerWatch(Operation operation, WatchOptions options);
  ~AnswerWatch();
  AnswerWatch(AnswerWatch&&) noexcept;
  AnswerWatch& operator=(AnswerWatch&&) noexcept;

  /// What may be passed on now: the piece itself unless something is held back. Valid until the
  /// next call.
  std::string_view feed(std::string_view piece);

  /// No more comes; `clean`: the connection did not break. What was held back.
  std::string_view finish(bool clean);

  const AnswerFacts& facts() const;

  /// Whether what was passed on ends between two events, so that another one may follow.
  bool between_events() const;

 private:
  struct Watcher;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace reeve::gateway::model
