#include "executor/agent/mcp.h"

#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

constexpr std::string_view kMetaPrefix = "io.modelcontextprotocol/";

McpRequest request(std::int64_t id, std::string_view method, Json params, Json meta) {
  Json client = Json::object();
  client.set("name", "reeve").set("version", "1");
  meta.set(concat(kMetaPrefix, "protocolVersion"), kMcpRevision);
  meta.set(concat(kMetaPrefix, "clientInfo"), std::move(client));
  meta.set(concat(kMetaPrefix, "clientCapabilities"), Json::object());
  params.set("_meta", std::move(meta));
  Json json = Json::object();
  json.set("jsonrpc", "2.0").set("id", id).set("method", method);
  json.set("params", std::move(params));
  return {
      .headers =
          {{"Content-Type", "application/json"},
           {"Accept", "application/json, text/event-stream"},
           {"MCP-Protocol-Version", std::string(kMcpRevision)},
           {"Mcp-Method", std::string(method)}},
      .body = json.dump()};
}

bool answers(const Json& message, std::int64_t id) {
  const Json* const own = message.find("id");
  return own != nullptr && own->is_int() && own->as_int() == id &&
         message.find("method") == nullptr;
}

/// The data of all events of a stream, each event's lines joined.
std::vector<std::string> events_of(std::string_view stream) {
  std::vector<std::string> events(1);
  for (std::string_view line : split(stream, '\n')) {
    line = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    if (line.empty()) {
      events.emplace_back();
    } else if (line.starts_with("data:")) {
      line.remove_prefix(std::string_view("data:").size());
      line = line.starts_with(' ') ? line.substr(1) : line;
      events.back() += events.back().empty() ? std::string(line) : concat("\n", line);
    }
  }
  return events;
}

Result<Json> result_in(const Json& message) {
  if (const Json* error = message.find("error")) {
    if (error->get_int("code") == kWaitsForDecision) {
      return make_error(ErrorCode::Cancelled, error->get_string("message", "people decide"));
    }
    return make_error(
        ErrorCode::PermissionDenied,
        concat("the tool gateway says: ", error->get_string("message", "no reason"))
    );
  }
  const Json* const result = message.find("result");
  if (result == nullptr || !result->is_object()) {
    return make_error(ErrorCode::Unavailable, "the tool gateway has answered without a result");
  }
  return *result;
}

/// One piece of content as text.
std::string content_text(const Json& block) {
  const std::string type = block.get_string("type");
  if (type == "text") {
    return block.get_string("text");
  }
  if (type == "resource") {
    const Json* const resource = block.find("resource");
    return resource == nullptr ? std::string() : resource->get_string("text");
  }
  return concat("[", type.empty() ? "content" : type, " that cannot be shown as text]");
}

}  // namespace

McpRequest list_request(std::int64_t id, std::string_view cursor) {
  Json params = Json::object();
  if (!cursor.empty()) {
    params.set("cursor", cursor);
  }
  return request(id, "tools/list", std::move(params), Json::object());
}

McpRequest call_request(
    std::int64_t id,
    std::string_view tool,
    const Json& arguments,
    std::string_view idempotency_key,
    Duration decision_wait
) {
  Json params = Json::object();
  params.set("name", tool).set("arguments", arguments);
  Json meta = Json::object();
  meta.set(std::string(kIdempotencyMeta), idempotency_key);
  meta.set(std::string(kDecisionWaitMeta), format_duration(decision_wait));
  McpRequest made = request(id, "tools/call", std::move(params), std::move(meta));
  made.headers.emplace_back("Mcp-Name", std::string(tool));
  return made;
}

Result<Json> read_answer(std::int64_t id, std::string_view content_type, std::string_view body) {
  const bool stream = to_lower(content_type).starts_with("text/event-stream");
  const std::vector<std::string> texts =
      stream ? events_of(body) : std::vector<std::string>{std::string(body)};
  for (const std::string& text : texts) {
    const Result<Json> message = parse_json(text);
    if (message && (answers(*message, id) || (!stream && message->find("error") != nullptr))) {
      return result_in(*message);
    }
  }
  return make_error(ErrorCode::Unavailable, "the tool gateway has given no answer");
}

Result<ToolPage> read_tools(const Json& result) {
  const Json* const tools = result.find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return make_error(ErrorCode::Unavailable, "the tool gateway has listed no tools");
  }
  ToolPage page;
  for (const Json& tool : tools->as_array()) {
    const Json* const schema = tool.find("inputSchema");
    OfferedTool offered{
        .name = tool.get_string("name"),
        .description = tool.get_string("description"),
        .schema = schema != nullptr && schema->is_object() ? *schema : Json::object()};
    if (schema == nullptr) {
      offered.schema.set("type", "object");
    }
    page.tools.push_back(std::move(offered));
  }
  page.next = result.get_string("nextCursor");
  return page;
}

ToolResult read_result(const Json& result) {
  ToolResult read;
  read.failed = result.get_bool("isError");
  const Json* const content = result.find("content");
  if (content != nullptr && content->is_array()) {
    for (const Json& block : content->as_array()) {
      read.text += concat(read.text.empty() ? "" : "\n", content_text(block));
    }
  }
  const Json* const structured = result.find("structuredContent");
  if (read.text.empty() && structured != nullptr) {
    read.text = structured->dump();
  }
  read.text = cut_text(read.text, kResultBytesMax);
  return read;
}

std::string cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return std::string(text);
  }
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return concat(text.substr(0, end), "\n[", text.size() - end, " more bytes are left out]");
}

}  // namespace reeve::executor::agent
