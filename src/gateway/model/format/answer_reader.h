#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/model/format/json_stream.h"
#include "gateway/model/format/operation.h"

/// What one event, or a whole answer, says. Private to src/gateway/model/format.
namespace reeve::gateway::model {

/// Numbers as they were written, before it is known what they mean.
struct RawUsage {
  std::optional<std::uint64_t> input;
  std::optional<std::uint64_t> output;
  /// OpenAI: parts of the input.
  std::optional<std::uint64_t> cached;
  std::optional<std::uint64_t> cache_written;
  /// Anthropic: beside the input.
  std::optional<std::uint64_t> cache_read;
  std::optional<std::uint64_t> cache_creation;
  std::optional<std::uint64_t> cache_creation_long;
  std::optional<std::uint64_t> hosted_calls;
  /// UsageFault.
  std::uint8_t faults = 0;

  /// All numbers.
  std::vector<std::optional<std::uint64_t>*> parts();
};

/// Keeps the larger ones. Says whether one became smaller.
bool keep_largest(RawUsage& kept, RawUsage& next);

struct AnswerEvent {
  std::string type;
  bool has_usage = false;
  RawUsage usage;
  std::string model;
  /// `finish_reason`, `stop_reason`, or of Responses the reason why it is incomplete.
  std::string stop_reason;
  std::string status;
  bool failed = false;
  std::string error;
  /// Hashes of the ids of calls of chat completions; they may be said again with each piece.
  std::vector<std::uint64_t> call_ids;
  std::uint32_t calls = 0;
  std::uint32_t hosted_calls = 0;
  bool hidden = false;
  bool has_choices = false;
  bool choices_empty = false;
};

/// Calls of one answer; more are not counted.
inline constexpr std::size_t kCallsSeenMax = 1'024;

class AnswerReader final : public JsonSink {
 public:
  /// `on_text`: output, as it comes.
  AnswerReader(Operation operation, std::function<void(std::string_view)> on_text)
      : operation_(operation), on_text_(std::move(on_text)) {}

  /// Forgets everything but the operation.
  void reset();

  AnswerEvent& event() { return event_; }

  void on_begin(bool object, std::size_t at) override;
  void on_end(bool object, std::size_t end) override;
  void on_key(std::string_view name, ByteRange at) override;
  void on_text(std::string_view piece) override;
  void on_string(std::string_view kept, std::size_t size, ByteRange at) override;
  void on_literal(std::string_view text, ByteRange at) override;

 private:
  enum class Role : std::uint8_t {
    Other,
    Root,
    Message,
    Response,
    Error,
    Incomplete,
    Choices,
    Choice,
    Delta,
    ToolCalls,
    ToolCall,
    Items,
    Item,
    Usage,
    Iterations,
    Iteration,
    Details,
    CacheCreation,
    ServerTools,
  };

  struct Frame {
    Role role = Role::Other;
    /// Its strings are output.
    bool text = false;
    /// But not this one.
    bool plain_key = false;
    std::string key;
    std::string type;
  };

  Frame child(const Frame& parent, bool object) const;
  Role root_child(std::string_view key, bool object) const;
  static Role usage_child(std::string_view key, bool object);
  std::optional<std::uint64_t>* number_of(const Frame& frame);
  void text_of_role(const Frame& frame, std::string_view kept);
  void end_item(const Frame& item);
  void end_usage();

  Operation operation_;
  std::function<void(std::string_view)> on_text_;
  std::vector<Frame> frames_;
  AnswerEvent event_;
  RawUsage iteration_;
  RawUsage iterations_;
  bool has_iterations_ = false;
  bool in_iteration_ = false;
};

}  // namespace reeve::gateway::model
