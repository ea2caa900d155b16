#include "executor/agent/cli_result.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "executor/agent/mcp.h"

namespace reeve::executor::agent {

namespace {

constexpr std::size_t kShownBytesMax = 400;

std::string shown(std::string_view text) {
  return cut_text(replace_all(trim(text), "\n", " "), kShownBytesMax);
}

std::uint64_t count_of(const Json* json, std::string_view name) {
  const std::int64_t count = json == nullptr ? 0 : json->get_int(name);
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

/// What somebody says whose budget is used up, in the words that our gateway and providers send.
bool is_about_budget(std::string_view text) {
  constexpr std::array<std::string_view, 5> kWords = {
      "enforced_spend_limit_reached",
      "insufficient_quota",
      "quota exceeded",
      "usage limit",
      "budget"};
  const std::string lower = to_lower(text);
  return std::any_of(kWords.begin(), kWords.end(), [&lower](std::string_view word) {
    return lower.find(word) != std::string::npos;
  });
}

void fail(AgentResult& result, std::string_view exit_text, std::string reason) {
  result.exit_text = exit_text;
  result.reason = std::move(reason);
}

/// A command that has ended without saying how.
void fail_silently(AgentResult& result, int exit_code) {
  fail(result, kAgentFailed, concat("it has ended with code ", exit_code, " and without a result"));
}

std::string decimal(const Json& json, std::string_view name) {
  const Json* const value = json.find(name);
  return value != nullptr && value->is_number() ? value->dump() : std::string();
}

// --- Claude Code --------------------------------------------------------------------------------

class ClaudeReader final : public ResultReader {
 public:
  std::vector<std::string> take(std::string_view line) override {
    const Result<Json> json = parse_json(line);
    if (!json || !json->is_object()) {
      return {shown(line)};
    }
    const std::string type = json->get_string("type");
    if (type == "result") {
      last_ = *json;
      return {};
    }
    if (session_.empty()) {
      session_ = json->get_string("session_id");
    }
    const Json* const message = json->find("message");
    const Json* const content = message == nullptr ? nullptr : message->find("content");
    std::vector<std::string> lines;
    if (content != nullptr && content->is_array()) {
      for (const Json& block : content->as_array()) {
        add_block(block, lines);
      }
    }
    return lines;
  }

  AgentResult finish(int exit_code, std::string_view /*last_message*/) override {
    AgentResult result;
    result.session = session_;
    if (!last_.is_object()) {
      fail_silently(result, exit_code);
      return result;
    }
    read(result);
    judge(result);
    return result;
  }

 private:
  static void add_block(const Json& block, std::vector<std::string>& lines) {
    const std::string type = block.get_string("type");
    if (type == "text") {
      lines.push_back(shown(block.get_string("text")));
    } else if (type == "tool_use") {
      const Json* const input = block.find("input");
      lines.push_back(concat(
          "tool ", block.get_string("name"), " ", input == nullptr ? "" : shown(input->dump())
      ));
    } else if (type == "tool_result") {
      const Json* const said = block.find("content");
      const std::string text =
          said == nullptr ? "" : (said->is_string() ? said->as_string() : said->dump());
      lines.push_back(concat(block.get_bool("is_error") ? "  failed: " : "  ", shown(text)));
    }
  }

  void read(AgentResult& result) const {
    result.text = last_.get_string("result");
    result.session = last_.get_string("session_id", session_);
    result.cost = decimal(last_, "total_cost_usd");
    result.turns = count_of(&last_, "num_turns");
    if (const Json* structured = last_.find("structured_output")) {
      result.structured = *structured;
    }
    const Json* const usage = last_.find("usage");
    result.input_tokens = count_of(usage, "input_tokens") +
                          count_of(usage, "cache_read_input_tokens") +
                          count_of(usage, "cache_creation_input_tokens");
    result.output_tokens = count_of(usage, "output_tokens");
    const Json* const denials = last_.find("permission_denials");
    if (denials != nullptr && denials->is_array()) {
      for (const Json& denial : denials->as_array()) {
        result.denied.push_back(denial.get_string("tool_name", "a tool"));
      }
    }
  }

  void judge(AgentResult& result) const {
    const std::string why = last_.get_string("terminal_reason");
    const bool error = last_.get_bool("is_error");
    const bool asks = std::find(result.denied.begin(), result.denied.end(), "AskUserQuestion") !=
                      result.denied.end();
    const Json* const status = last_.find("api_error_status");
    const bool api = why == "api_error" || (status != nullptr && status->is_int());
    if (why == "budget_exhausted" || (api && is_about_budget(result.text))) {
      fail(result, kBudgetExceeded, said(result, "its budget is used up"));
    } else if (why == "max_turns") {
      fail(result, kMaxTurns, said(result, "no result after the turns that it may take"));
    } else if (api) {
      fail(result, kApiError, said(result, "the model gateway did not answer"));
    } else if (asks) {
      fail(result, kNeedsInput, "it has a question for somebody");
    } else if (error) {
      fail(
          result,
          result.denied.empty() ? kAgentFailed : kDenied,
          said(result, result.denied.empty() ? "it has failed" : "what it needs was refused")
      );
    }
  }

  static std::string said(const AgentResult& result, std::string_view otherwise) {
    return result.text.empty() ? std::string(otherwise) : shown(result.text);
  }

  Json last_;
  std::string session_;
};

// --- Codex --------------------------------------------------------------------------------------

class CodexReader final : public ResultReader {
 public:
  std::vector<std::string> take(std::string_view line) override {
    const Result<Json> json = parse_json(line);
    if (!json || !json->is_object()) {
      return {shown(line)};
    }
    const std::string type = json->get_string("type");
    if (type == "thread.started") {
      result_.session = json->get_string("thread_id");
    } else if (type == "turn.completed") {
      const Json* const usage = json->find("usage");
      ++result_.turns;
      result_.input_tokens += count_of(usage, "input_tokens");
      result_.output_tokens += count_of(usage, "output_tokens");
      complete_ = true;
      error_.clear();
    } else if (type == "turn.failed" || type == "error") {
      const Json* const error = json->find("error");
      error_ = error == nullptr ? json->get_string("message") : error->get_string("message");
      complete_ = false;
    } else if (type == "item.completed") {
      if (const Json* item = json->find("item")) {
        return take_item(*item);
      }
    }
    return {};
  }

  AgentResult finish(int exit_code, std::string_view last_message) override {
    if (!trim(last_message).empty()) {
      result_.text = last_message;
    }
    if (!error_.empty()) {
      fail(result_, is_about_budget(error_) ? kBudgetExceeded : kApiError, shown(error_));
    } else if (!complete_) {
      fail_silently(result_, exit_code);
    } else if (exit_code != 0) {
      fail(result_, kAgentFailed, concat("it has ended with code ", exit_code));
    }
    return std::move(result_);
  }

 private:
  std::vector<std::string> take_item(const Json& item) {
    const std::string type = item.get_string("type");
    if (type == "agent_message") {
      result_.text = item.get_string("text");
      return {shown(result_.text)};
    }
    if (type == "command_execution") {
      return {
          concat("tool shell ", shown(item.get_string("command"))),
          concat(
              "  ended with ",
              item.get_int("exit_code"),
              ": ",
              shown(item.get_string("aggregated_output"))
          )};
    }
    if (type == "mcp_tool_call") {
      return {concat(
          "tool ",
          item.get_string("server"),
          "__",
          item.get_string("tool"),
          " ",
          item.get_string("status")
      )};
    }
    if (type == "file_change") {
      return {"changes files"};
    }
    return {};
  }

  AgentResult result_;
  std::string error_;
  bool complete_ = false;
};

// --- opencode -----------------------------------------------------------------------------------

class OpenCodeReader final : public ResultReader {
 public:
  std::vector<std::string> take(std::string_view line) override {
    const Result<Json> json = parse_json(line);
    if (!json || !json->is_object()) {
      return {shown(line)};
    }
    if (result_.session.empty()) {
      result_.session = json->get_string("sessionID");
    }
    const std::string type = json->get_string("type");
    const Json* const part = json->find("part");
    if (type == "error") {
      const Json* const error = json->find("error");
      const Json* const data = error == nullptr ? nullptr : error->find("data");
      error_ = data == nullptr ? line : data->get_string("message", line);
    } else if (part != nullptr && type == "text") {
      result_.text = part->get_string("text");
      return {shown(result_.text)};
    } else if (part != nullptr && type == "tool_use") {
      return {concat("tool ", part->get_string("tool"))};
    } else if (part != nullptr && type == "step_finish") {
      const Json* const tokens = part->find("tokens");
      ++result_.turns;
      result_.input_tokens += count_of(tokens, "input");
      result_.output_tokens += count_of(tokens, "output");
    }
    return {};
  }

  AgentResult finish(int exit_code, std::string_view /*last_message*/) override {
    if (!error_.empty()) {
      fail(result_, is_about_budget(error_) ? kBudgetExceeded : kApiError, shown(error_));
    } else if (exit_code != 0 || result_.turns == 0) {
      fail_silently(result_, exit_code);
    }
    return std::move(result_);
  }

 private:
  AgentResult result_;
  std::string error_;
};

// --- anything -----------------------------------------------------------------------------------

class TextReader final : public ResultReader {
 public:
  std::vector<std::string> take(std::string_view line) override {
    if (text_.size() + line.size() < kTextBytesMax) {
      text_.append(line).push_back('\n');
    }
    return {std::string(line)};
  }

  AgentResult finish(int exit_code, std::string_view last_message) override {
    AgentResult result;
    result.text =
        std::string(trim(trim(last_message).empty() ? std::string_view(text_) : last_message));
    if (exit_code != 0) {
      const bool budget = is_about_budget(text_);
      fail(
          result,
          budget ? kBudgetExceeded : kAgentFailed,
          concat("it has ended with code ", exit_code)
      );
    }
    return result;
  }

 private:
  std::string text_;
};

}  // namespace

std::unique_ptr<ResultReader> make_reader(Dialect dialect) {
  switch (dialect) {
    case Dialect::Claude:
      return std::make_unique<ClaudeReader>();
    case Dialect::Codex:
      return std::make_unique<CodexReader>();
    case Dialect::OpenCode:
      return std::make_unique<OpenCodeReader>();
    case Dialect::Text:
      break;
  }
  return std::make_unique<TextReader>();
}

}  // namespace reeve::executor::agent
