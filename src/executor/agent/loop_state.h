#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "executor/agent/history.h"
#include "executor/agent/model_format.h"
#include "executor/agent/phase.h"

/// What a loop knows, as a function of the records of its journal. Pure.
namespace reeve::executor::agent {

/// One line of a journal.
struct Record {
  enum class Kind : std::uint8_t {
    Begin,   ///< of a new piece of work: `text` is its key, `body` its digest
    Ask,     ///< the model is about to be asked
    Reply,   ///< it has answered: `body`
    Call,    ///< the tool of call `text` is about to be called
    Result,  ///< it has answered call `text`: `body`
    Remark,  ///< `text` is said to the model
    End,     ///< it is over: `text` is the exit
  };

  Kind kind = Kind::Begin;
  std::string text;
  Json body;
};

std::string encode(const Record& record);  ///< one line of JSON, with its end
/// Corrupt: not what `encode` writes.
Result<Record> decode_record(std::string_view line);

Record begin_record(std::string_view key, std::string_view digest);
Record result_record(std::string_view call, std::string_view text, bool failed);

/// The state of a loop. The same records make the same state, whether they were just written or are
/// read again after a crash.
class LoopState {
 public:
  /// `prompt` is the first message.
  explicit LoopState(std::string prompt);

  /// Corrupt: the record does not follow from those before it.
  Result<void> apply(const Record& record);

  /// Idle: it has not begun, or is over. Processing: the model is to be asked; if `is_asking`, it
  /// was already, with that id. ToolExecuting: `pending` are to be carried out; if `is_called`, the
  /// first was already. Responding: the last message is the result.
  Phase phase() const { return machine_.phase(); }

  bool begun() const { return !key_.empty(); }

  bool ended() const { return ended_; }

  bool is_asking() const { return asking_; }

  bool is_called(std::string_view call) const { return called_.contains(call); }

  /// Questions so far, the one that is under way included.
  std::uint32_t asked() const { return asked_; }

  std::uint32_t remarks() const { return remarks_; }

  std::uint64_t input_tokens() const { return input_tokens_; }

  std::uint64_t output_tokens() const { return output_tokens_; }

  const std::deque<Call>& pending() const { return pending_; }

  const std::vector<Message>& messages() const { return messages_; }

  Stop stop() const { return stop_; }

  const std::string& digest() const { return digest_; }

  /// What the question under way, or the next one, is called wherever it is heard of. `question` is
  /// how it is asked: one that has become another (its tools are others now) has another name.
  std::string question_id(std::string_view question) const;
  /// The same of a call.
  std::string call_key(std::string_view call) const;

 private:
  Result<void> take_reply(const Record& record);
  Result<void> take_result(const Record& record);
  Result<void> move(Phase to);

  PhaseMachine machine_;
  std::string key_;
  std::string digest_;
  std::vector<Message> messages_;
  std::deque<Call> pending_;
  std::set<std::string, std::less<>> called_;
  std::uint32_t asked_ = 0;
  std::uint32_t remarks_ = 0;
  std::uint64_t input_tokens_ = 0;
  std::uint64_t output_tokens_ = 0;
  Stop stop_ = Stop::Done;
  bool asking_ = false;
  bool ended_ = false;
};

}  // namespace reeve::executor::agent
