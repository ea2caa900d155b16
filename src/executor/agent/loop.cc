#include "executor/agent/loop.h"

#include <algorithm>

#include "base/strings.h"
#include "executor/agent/cli_plan.h"
#include "executor/agent/history.h"
#include "executor/agent/json_schema.h"
#include "executor/agent/mcp.h"
#include "executor/agent/model_format.h"

namespace reeve::executor::agent {

namespace {

constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kTooManyRequests = 429;
constexpr int kServerFailed = 500;
constexpr std::uint32_t kRetryAfterSecondsMax = 60;
constexpr std::size_t kNoteBytesMax = 500;
constexpr std::string_view kCallIdHeader = "Reeve-Call-Id";

std::string one_line(std::string_view text) {
  return cut_text(replace_all(trim(text), "\n", " "), kNoteBytesMax);
}

/// Letters, digits, '_' and '-': what models take for the name of a tool.
bool is_tool_name(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 128;
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

/// Why an answer is none, and whether it helps to ask again: now, or (not `over`) in another run,
/// which then goes on where this one has stopped.
struct Trouble {
  std::string exit_text;
  std::string reason;
  bool again = false;
  bool over = false;
  Duration pause = kRetryPause;
};

Trouble trouble_of(const ServerAnswer& answer) {
  const Refused refused = read_refusal(answer.body);
  Trouble trouble;
  trouble.reason = concat(
      "the model gateway has answered ",
      answer.status,
      refused.message.empty() ? "" : concat(": ", one_line(refused.message))
  );
  trouble.exit_text = kApiError;
  if (refused.budget) {
    trouble.exit_text = kBudgetExceeded;
  } else if (answer.status == kUnauthorized || answer.status == kForbidden) {
    trouble.exit_text = kDenied;
  } else {
    trouble.again = answer.status == kTooManyRequests || answer.status >= kServerFailed;
  }
  if (answer.retry_after_seconds > 0) {
    trouble.pause =
        std::chrono::seconds(std::min(answer.retry_after_seconds, kRetryAfterSecondsMax));
  }
  return trouble;
}

class Loop {
 public:
  Loop(const Work& work, LoopState& state, LoopServices& services)
      : work_(work), state_(state), services_(services), began_(services.elapsed()) {}

  Result<AgentResult> run() {
    Result<AgentResult> result = go_on();
    if (!result && result.error().code == ErrorCode::LimitExceeded) {
      // Another attempt could write nothing either.
      return ended(kAgentFailed, result.error().describe());
    }
    return result;
  }

 private:
  Result<AgentResult> go_on() {
    if (Result<void> listed = list_own_tools(); !listed) {
      return stopped(kApiError, concat("the tools cannot be listed: ", listed.error().describe()));
    }
    while (true) {
      switch (state_.phase()) {
        case Phase::Idle:
          return ended(kAgentFailed, "the loop has nothing to do");
        case Phase::Processing: {
          REEVE_TRY(const std::optional<Trouble> trouble, think());
          if (trouble) {
            return trouble->over ? ended(trouble->exit_text, trouble->reason)
                                 : stopped(trouble->exit_text, trouble->reason);
          }
          break;
        }
        case Phase::ToolExecuting: {
          const Result<void> done = carry_out_next();
          if (!done && done.error().code == ErrorCode::Cancelled) {
            return stopped(model::kWaitsForDecision, done.error().message);
          }
          REEVE_CHECK(done);
          break;
        }
        case Phase::Responding: {
          REEVE_TRY(const bool done, respond());
          if (done) {
            return ended(exit_text_, reason_);
          }
          break;
        }
      }
    }
  }

  Result<void> record(const Record& record) {
    REEVE_CHECK(services_.journal.append(record));
    return state_.apply(record);
  }

  Result<AgentResult> ended(std::string_view exit_text, std::string reason) {
    REEVE_CHECK(record({.kind = Record::Kind::End, .text = std::string(exit_text), .body = {}}));
    return stopped(exit_text, std::move(reason));
  }

  AgentResult stopped(std::string_view exit_text, std::string reason) {
    AgentResult result;
    result.exit_text = exit_text;
    result.reason = std::move(reason);
    result.structured = std::move(structured_);
    result.turns = state_.asked();
    result.input_tokens = state_.input_tokens();
    result.output_tokens = state_.output_tokens();
    for (const Message& message : state_.messages()) {
      if (message.role == Message::Role::Assistant && !message.text.empty()) {
        result.text = message.text;
      }
    }
    return result;
  }

  // --- tools ------------------------------------------------------------------------------------

  Result<void> list_own_tools() {
    if (work_.tools.empty()) {
      return {};
    }
    REEVE_TRY(
        std::vector<OfferedTool> tools, list_tools(services_.server, last_id_, services_.warn)
    );
    for (OfferedTool& tool : tools) {
      offer(std::move(tool));
    }
    return {};
  }

  void offer(OfferedTool tool) {
    // What command lines ask about tools of their own is nothing for a model.
    if (tool.name == kApprovalTool || !may_call(work_.tools, tool.name)) {
      return;
    }
    if (!is_tool_name(tool.name)) {
      services_.warn(concat("tool \"", one_line(tool.name), "\" is not offered to the model"));
      return;
    }
    offered_.push_back(std::move(tool));
  }

  /// Cancelled: people have to decide first.
  Result<void> carry_out_next() {
    const Call call = state_.pending().front();
    const bool known =
        std::any_of(offered_.begin(), offered_.end(), [&call](const OfferedTool& tool) {
          return tool.name == call.name;
        });
    ToolResult result{.text = {}, .failed = true};
    if (!known) {
      result.text = concat("there is no tool ", call.name);
    } else if (!call.arguments.is_object()) {
      result.text = "the arguments are not a JSON object";
    } else {
      if (!state_.is_called(call.id)) {
        REEVE_CHECK(record({.kind = Record::Kind::Call, .text = call.id, .body = {}}));
      }
      services_.note(concat("tool ", call.name, " ", one_line(call.arguments.dump())));
      REEVE_TRY(result, call_tool(call));
    }
    services_.note(concat(result.failed ? "  failed: " : "  ", one_line(result.text)));
    return record(result_record(call.id, result.text, result.failed));
  }

  /// What keeps a tool from answering is told to the model like an answer. Cancelled: people
  /// decide.
  Result<ToolResult> call_tool(const Call& call) {
    for (std::uint32_t attempt = 1;; ++attempt) {
      const std::int64_t id = ++last_id_;
      const Result<Json> answer = ask_tools(
          services_.server,
          id,
          call_request(
              id, call.name, call.arguments, state_.call_key(call.id), work_.loop->decision_wait
          ),
          time_left(kCallTimeout)
      );
      if (answer) {
        return read_result(*answer);
      }
      if (answer.error().code == ErrorCode::Cancelled) {
        return answer.error();
      }
      if (!answer.error().retryable() || attempt >= kTriesMax) {
        return ToolResult{.text = answer.error().message, .failed = true};
      }
      services_.wait(kRetryPause * attempt);
    }
  }

  // --- the model --------------------------------------------------------------------------------

  Duration time_left(Duration most) const {
    if (work_.limits.duration <= Duration(0)) {
      return most;
    }
    const Duration left = work_.limits.duration - (services_.elapsed() - began_);
    return std::clamp(left, Duration(1), most);
  }

  /// Nothing: it may be asked.
  std::optional<Trouble> limit_reached() const {
    const std::uint32_t iterations =
        work_.limits.iterations > 0 ? work_.limits.iterations : kIterationsDefault;
    const std::uint64_t tokens = state_.input_tokens() + state_.output_tokens();
    Trouble trouble;
    if (!state_.is_asking() && state_.asked() >= iterations) {
      trouble.exit_text = kMaxTurns;
      trouble.over = true;
      trouble.reason = concat("no result after ", iterations, " questions");
    } else if (work_.limits.tokens > 0 && tokens >= work_.limits.tokens) {
      trouble.exit_text = kBudgetExceeded;
      trouble.reason = concat(tokens, " of ", work_.limits.tokens, " tokens are used");
    } else if (work_.limits.duration > Duration(0) && services_.elapsed() - began_ >= work_.limits.duration) {
      trouble.exit_text = kTimedOut;
      trouble.reason = concat("not done within ", format_duration(work_.limits.duration));
    } else {
      return std::nullopt;
    }
    return trouble;
  }

  std::string question() const {
    const std::vector<Message> messages =
        compacted(state_.messages(), work_.loop->history_max, kHistoryBytesMax);
    return encode_question(
        work_.loop->format,
        {.model = work_.model,
         .system = work_.system,
         .messages = messages,
         .tools = offered_,
         .output_tokens_max = work_.loop->output_tokens_max}
    );
  }

  /// Asks the model once; nothing: it has answered.
  Result<std::optional<Trouble>> think() {
    if (std::optional<Trouble> reached = limit_reached()) {
      return reached;
    }
    const std::string body = question();
    const std::string id = state_.question_id(body);
    if (!state_.is_asking()) {
      REEVE_CHECK(record({.kind = Record::Kind::Ask, .text = {}, .body = {}}));
    }
    for (std::uint32_t attempt = 1;; ++attempt) {
      std::optional<Trouble> trouble;
      REEVE_TRY(const std::optional<Reply> reply, ask_model(id, body, trouble));
      if (reply) {
        if (!reply->message.text.empty()) {
          services_.note(one_line(reply->message.text));
        }
        REEVE_CHECK(record({.kind = Record::Kind::Reply, .text = {}, .body = to_json(*reply)}));
        return std::optional<Trouble>();
      }
      if (!trouble->again || attempt >= kTriesMax) {
        return trouble;
      }
      services_.note(concat(trouble->reason, "; it is asked again"));
      services_.wait(trouble->pause * attempt);
    }
  }

  Result<std::optional<Reply>> ask_model(
      const std::string& id, const std::string& body, std::optional<Trouble>& trouble
  ) {
    std::vector<model::NamedValue> headers = {
        {"Content-Type", "application/json"}, {std::string(kCallIdHeader), id}};
    if (work_.loop->format == Format::Anthropic) {
      headers.emplace_back("anthropic-version", "2023-06-01");
    }
    const Result<ServerAnswer> answer = services_.server.post(
        {.path = path_of(work_.loop->format),
         .headers = std::move(headers),
         .body = body,
         .timeout = time_left(kReplyTimeout)}
    );
    if (!answer) {
      trouble = Trouble{
          .exit_text = std::string(kApiError),
          .reason = concat("the model gateway does not answer: ", answer.error().describe()),
          .again = answer.error().retryable()};
      return std::optional<Reply>();
    }
    if (answer->status != kOk) {
      trouble = trouble_of(*answer);
      return std::optional<Reply>();
    }
    Result<Reply> reply = read_reply(work_.loop->format, answer->body);
    if (!reply) {
      trouble = Trouble{
          .exit_text = std::string(kApiError),
          .reason = reply.error().describe(),
          // The same answer would come again.
          .over = true};
      return std::optional<Reply>();
    }
    return std::optional<Reply>(std::move(*reply));
  }

  // --- the result -------------------------------------------------------------------------------

  /// Whether the last reply is the end; otherwise the model was told what is wrong with it.
  Result<bool> respond() {
    exit_text_.clear();
    if (state_.stop() == Stop::Refused) {
      exit_text_ = kDenied;
      reason_ = "the model has refused to go on";
      return true;
    }
    if (state_.stop() == Stop::Length) {
      exit_text_ = kAgentFailed;
      reason_ = "the last reply was cut at its greatest length";
      return true;
    }
    if (work_.schema.is_null()) {
      return true;
    }
    const std::optional<Json> found = json_in(state_.messages().back().text);
    const Result<void> fits =
        found ? check_schema(work_.schema, *found)
              : Result<void>(make_error(ErrorCode::Invalid, "is no JSON", "the reply"));
    if (fits) {
      structured_ = *found;
      return true;
    }
    reason_ = concat("the result does not fit its schema: ", fits.error().describe());
    if (fits.error().code != ErrorCode::Invalid || state_.remarks() >= work_.loop->schema_retries) {
      exit_text_ = kInvalidOutput;
      return true;
    }
    services_.note(reason_);
    REEVE_CHECK(record(
        {.kind = Record::Kind::Remark,
         .text = concat(
             "Your answer is not accepted. It has to be JSON that fits this schema, and nothing "
             "else:\n",
             work_.schema.dump(),
             "\nWhat is wrong: ",
             fits.error().describe()
         ),
         .body = {}}
    ));
    return false;
  }

  const Work& work_;
  LoopState& state_;
  LoopServices& services_;
  Duration began_;
  std::vector<OfferedTool> offered_;
  std::int64_t last_id_ = 0;
  Json structured_;
  std::string exit_text_;
  std::string reason_;
};

}  // namespace

Result<AgentResult> run_loop(const Work& work, LoopState& state, LoopServices services) {
  return Loop(work, state, services).run();
}

}  // namespace reeve::executor::agent
