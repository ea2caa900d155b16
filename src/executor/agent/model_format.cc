#include "executor/agent/model_format.h"

#include <array>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

Json typed(std::string_view type) {
  Json json = Json::object();
  json.set("type", type);
  return json;
}

std::uint64_t count_of(const Json* usage, std::string_view name) {
  const std::int64_t count = usage == nullptr ? 0 : usage->get_int(name);
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

Error no_reply(std::string_view why) {
  return make_error(ErrorCode::Invalid, concat("the model's reply ", why), "reply");
}

// --- anthropic ----------------------------------------------------------------------------------

Json text_block(std::string_view text) {
  Json block = typed("text");
  block.set("text", text);
  return block;
}

Json anthropic_assistant(const Message& message) {
  if (message.raw.is_array()) {
    return message.raw;
  }
  Json content = Json::array();
  if (!message.text.empty()) {
    content.push(text_block(message.text));
  }
  for (const Call& call : message.calls) {
    Json block = typed("tool_use");
    block.set("id", call.id).set("name", call.name);
    block.set("input", call.arguments.is_object() ? call.arguments : Json::object());
    content.push(std::move(block));
  }
  return content;
}

Json anthropic_result(const Message& message) {
  Json block = typed("tool_result");
  block.set("tool_use_id", message.call_id).set("content", message.text);
  if (message.failed) {
    block.set("is_error", true);
  }
  return block;
}

/// All results of one reply, and what a user says after them, are one message.
Json anthropic_messages(const std::vector<Message>& messages) {
  Json list = Json::array();
  Json open = Json::array();
  const auto close = [&] {
    if (!open.as_array().empty()) {
      Json message = Json::object();
      message.set("role", "user").set("content", std::move(open));
      list.push(std::move(message));
      open = Json::array();
    }
  };
  for (const Message& message : messages) {
    if (message.role == Message::Role::Assistant) {
      close();
      Json said = Json::object();
      said.set("role", "assistant").set("content", anthropic_assistant(message));
      list.push(std::move(said));
    } else if (message.role == Message::Role::Tool) {
      open.push(anthropic_result(message));
    } else {
      open.push(text_block(message.text));
    }
  }
  close();
  return list;
}

std::string anthropic_question(const Question& question) {
  Json body = Json::object();
  body.set("model", question.model);
  body.set("max_tokens", static_cast<std::int64_t>(question.output_tokens_max));
  if (!question.system.empty()) {
    body.set("system", question.system);
  }
  body.set("messages", anthropic_messages(question.messages));
  Json tools = Json::array();
  for (const OfferedTool& tool : question.tools) {
    Json one = Json::object();
    one.set("name", tool.name).set("description", tool.description);
    one.set("input_schema", tool.schema);
    tools.push(std::move(one));
  }
  if (!question.tools.empty()) {
    body.set("tools", std::move(tools));
  }
  return body.dump();
}

Stop anthropic_stop(std::string_view word, bool calls) {
  if (word == "max_tokens" || word == "model_context_window_exceeded") {
    return Stop::Length;
  }
  if (word == "refusal") {
    return Stop::Refused;
  }
  return calls ? Stop::Tools : Stop::Done;
}

Result<Reply> anthropic_reply(const Json& body) {
  const Json* const content = body.find("content");
  if (content == nullptr || !content->is_array()) {
    return no_reply("has no content");
  }
  Reply reply;
  reply.message.role = Message::Role::Assistant;
  reply.message.raw = *content;
  for (const Json& block : content->as_array()) {
    const std::string type = block.get_string("type");
    if (type == "text") {
      reply.message.text += block.get_string("text");
    } else if (type == "tool_use") {
      const Json* const input = block.find("input");
      reply.message.calls.push_back(
          {.id = block.get_string("id"),
           .name = block.get_string("name"),
           .arguments = input == nullptr ? Json() : *input}
      );
    }
  }
  reply.stop = anthropic_stop(body.get_string("stop_reason"), !reply.message.calls.empty());
  const Json* const usage = body.find("usage");
  reply.input_tokens = count_of(usage, "input_tokens") +
                       count_of(usage, "cache_read_input_tokens") +
                       count_of(usage, "cache_creation_input_tokens");
  reply.output_tokens = count_of(usage, "output_tokens");
  return reply;
}

// --- openai -------------------------------------------------------------------------------------

Json openai_assistant(const Message& message) {
  if (message.raw.is_object()) {
    return message.raw;
  }
  Json said = Json::object();
  said.set("role", "assistant").set("content", message.text);
  Json calls = Json::array();
  for (const Call& call : message.calls) {
    Json function = Json::object();
    function.set("name", call.name).set("arguments", call.arguments.dump());
    Json one = typed("function");
    one.set("id", call.id).set("function", std::move(function));
    calls.push(std::move(one));
  }
  if (!message.calls.empty()) {
    said.set("tool_calls", std::move(calls));
  }
  return said;
}

std::string openai_question(const Question& question) {
  Json body = Json::object();
  body.set("model", question.model);
  body.set("max_completion_tokens", static_cast<std::int64_t>(question.output_tokens_max));
  Json list = Json::array();
  if (!question.system.empty()) {
    Json system = Json::object();
    system.set("role", "system").set("content", question.system);
    list.push(std::move(system));
  }
  for (const Message& message : question.messages) {
    Json one = Json::object();
    if (message.role == Message::Role::Assistant) {
      one = openai_assistant(message);
    } else if (message.role == Message::Role::Tool) {
      one.set("role", "tool").set("tool_call_id", message.call_id);
      one.set("content", message.failed ? concat("error: ", message.text) : message.text);
    } else {
      one.set("role", "user").set("content", message.text);
    }
    list.push(std::move(one));
  }
  body.set("messages", std::move(list));
  Json tools = Json::array();
  for (const OfferedTool& tool : question.tools) {
    Json function = Json::object();
    function.set("name", tool.name).set("description", tool.description);
    function.set("parameters", tool.schema);
    Json one = typed("function");
    one.set("function", std::move(function));
    tools.push(std::move(one));
  }
  if (!question.tools.empty()) {
    body.set("tools", std::move(tools));
  }
  return body.dump();
}

Call openai_call(const Json& json) {
  Call call;
  call.id = json.get_string("id");
  if (const Json* function = json.find("function")) {
    call.name = function->get_string("name");
    Result<Json> arguments = parse_json(function->get_string("arguments", "{}"));
    call.arguments = arguments.ok() ? std::move(*arguments) : Json();
  }
  return call;
}

Result<Reply> openai_reply(const Json& body) {
  const Json* const choices = body.find("choices");
  if (choices == nullptr || !choices->is_array() || choices->as_array().empty()) {
    return no_reply("has no choices");
  }
  const Json& choice = choices->as_array().front();
  const Json* const message = choice.find("message");
  if (message == nullptr || !message->is_object()) {
    return no_reply("has no message");
  }
  Reply reply;
  reply.message.role = Message::Role::Assistant;
  reply.message.raw = *message;
  reply.message.text = message->get_string("content");
  const Json* const calls = message->find("tool_calls");
  if (calls != nullptr && calls->is_array()) {
    for (const Json& call : calls->as_array()) {
      reply.message.calls.push_back(openai_call(call));
    }
  }
  const std::string reason = choice.get_string("finish_reason");
  reply.stop = reply.message.calls.empty() ? Stop::Done : Stop::Tools;
  if (reason == "length") {
    reply.stop = Stop::Length;
  } else if (reason == "content_filter") {
    reply.stop = Stop::Refused;
  }
  const Json* const usage = body.find("usage");
  reply.input_tokens = count_of(usage, "prompt_tokens");
  reply.output_tokens = count_of(usage, "completion_tokens");
  return reply;
}

Result<void> check_calls(const Reply& reply) {
  if (reply.message.calls.size() > kCallsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "the model calls ",
            reply.message.calls.size(),
            " tools at once, at most ",
            kCallsMax,
            " are allowed"
        ),
        "reply"
    );
  }
  for (const Call& call : reply.message.calls) {
    if (call.id.empty() || call.name.empty()) {
      return no_reply("calls a tool without a name or without an id");
    }
  }
  return {};
}

constexpr std::array<std::string_view, 4> kStops = {"done", "tools", "length", "refused"};

}  // namespace

std::string_view path_of(Format format) {
  return format == Format::Anthropic ? "/llm/anthropic/v1/messages"
                                     : "/llm/openai/v1/chat/completions";
}

std::string encode_question(Format format, const Question& question) {
  return format == Format::Anthropic ? anthropic_question(question) : openai_question(question);
}

Result<Reply> read_reply(Format format, std::string_view body) {
  const Result<Json> json = parse_json(body);
  if (!json) {
    return no_reply(concat("is no JSON: ", json.error().message));
  }
  REEVE_TRY(
      Reply reply, format == Format::Anthropic ? anthropic_reply(*json) : openai_reply(*json)
  );
  REEVE_CHECK(check_calls(reply));
  return reply;
}

Refused read_refusal(std::string_view body) {
  Refused refused;
  const Result<Json> json = parse_json(body);
  const Json* const error = json ? json->find("error") : nullptr;
  if (error == nullptr) {
    return refused;
  }
  refused.message = error->is_string() ? error->as_string() : error->get_string("message");
  const Json* const details = error->find("details");
  const bool spent =
      details != nullptr && details->get_string("error_code") == "enforced_spend_limit_reached";
  refused.budget = spent || error->get_string("code") == "insufficient_quota" ||
                   error->get_string("type") == "insufficient_quota";
  return refused;
}

Json to_json(const Reply& reply) {
  Json calls = Json::array();
  for (const Call& call : reply.message.calls) {
    Json one = Json::object();
    one.set("id", call.id).set("name", call.name).set("arguments", call.arguments);
    calls.push(std::move(one));
  }
  Json json = Json::object();
  json.set("text", reply.message.text).set("calls", std::move(calls));
  json.set("raw", reply.message.raw);
  json.set("stop", kStops.at(static_cast<std::size_t>(reply.stop)));
  json.set("inputTokens", reply.input_tokens).set("outputTokens", reply.output_tokens);
  return json;
}

Result<Reply> reply_from_json(const Json& json) {
  Reply reply;
  reply.message.role = Message::Role::Assistant;
  reply.message.text = json.get_string("text");
  if (const Json* raw = json.find("raw")) {
    reply.message.raw = *raw;
  }
  const Json* const calls = json.find("calls");
  if (calls == nullptr || !calls->is_array()) {
    return make_error(ErrorCode::Corrupt, "a reply has no calls", "journal");
  }
  for (const Json& call : calls->as_array()) {
    const Json* const arguments = call.find("arguments");
    reply.message.calls.push_back(
        {.id = call.get_string("id"),
         .name = call.get_string("name"),
         .arguments = arguments == nullptr ? Json() : *arguments}
    );
  }
  const std::string stop = json.get_string("stop");
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    if (kStops.at(i) == stop) {
      reply.stop = static_cast<Stop>(i);
    }
  }
  reply.input_tokens = count_of(&json, "inputTokens");
  reply.output_tokens = count_of(&json, "outputTokens");
  return reply;
}

}  // namespace reeve::executor::agent
