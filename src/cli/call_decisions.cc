#include "cli/call_decisions.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "cli/api_client.h"
#include "cli/document.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "notify/notification.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kPrefix = "toolcall/";
constexpr std::string_view kPending = "PENDING";
constexpr std::uint32_t kRowsPerRead = 500;
/// Of the arguments, in a list.
constexpr std::size_t kArgumentsShownMax = 200;

bool is_waiting(const Json& call) {
  return call.get_object("status").get_string("state") == kPending;
}

std::string calls_path(std::string_view ns) {
  return ns.empty() ? std::string("/apis/reeve.dev/v1/toolcalls")
                    : concat("/apis/reeve.dev/v1/namespaces/", percent_encoded(ns), "/toolcalls");
}

/// `- ` and the value, unless there is none.
std::string line(std::string_view what, std::string_view value) {
  return value.empty() ? std::string() : concat("\n  ", what, ": ", printable(std::string(value)));
}

}  // namespace

bool names_tool_call(const std::string& gate) {
  return gate.starts_with(kPrefix) && gate.size() > kPrefix.size();
}

int decide_tool_call(const Common& common, const DecideArgs& args) {
  if (args.decision == "revise") {
    Error error = make_error(ErrorCode::Invalid, "a call is approved or rejected", args.gate);
    error.hint = "reeve approve --edit FILE changes its arguments";
    return report(error);
  }
  Json body = Json::object();
  if (!args.message.empty()) {
    body.set("message", args.message);
  }
  if (!args.edit.empty()) {
    Result<std::string> text = read_input(args.edit);
    if (!text) {
      return report(text.error());
    }
    Result<Json> arguments = parse_json(*text);
    if (!arguments || !arguments->is_object()) {
      return report(
          arguments ? make_error(ErrorCode::Invalid, "is no JSON object", args.edit)
                    : arguments.error()
      );
    }
    body.set("arguments", std::move(*arguments));
  }
  Result<Api> api = open_api(common, common.connection);
  if (!api) {
    return report(api.error());
  }
  const std::string name = args.gate.substr(kPrefix.size());
  ApiRequest request;
  request.method = "POST";
  request.path = concat(calls_path(api->ns), "/", percent_encoded(name), "/", args.decision);
  request.body = body.dump();
  const Result<Json> answer = api->client->ask(request);
  if (!answer) {
    return report(answer.error());
  }
  print(
      common.output == Output::Json
          ? answer->dump() + "\n"
          : printable(concat(
                "call ", name, " is ", to_lower(answer->get_object("status").get_string("state"))
            )) + "\n"
  );
  return static_cast<int>(ExitCode::Done);
}

Result<std::vector<Json>> waiting_tool_calls(
    store::Reader& reader, const std::optional<Namespace>& ns
) {
  std::vector<Json> calls;
  store::RowQuery query;
  query.kind = journal::Kind::ToolCall;
  query.ns = ns;
  query.live_only = true;
  query.limit = kRowsPerRead;
  while (true) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& row : rows) {
      REEVE_TRY(Json call, parse_json(row.row.body));
      if (is_waiting(call)) {
        calls.push_back(std::move(call));
      }
    }
    if (rows.size() < kRowsPerRead) {
      break;
    }
    query.before = rows.back().created;
  }
  std::reverse(calls.begin(), calls.end());
  return calls;
}

Result<std::vector<Json>> remote_tool_calls(const Common& common) {
  REEVE_TRY(Api api, open_api(common, common.connection));
  const std::string path = concat(
      calls_path(common.all_namespaces ? std::string() : api.ns),
      "?fieldSelector=status.state%3D",
      kPending,
      "&limit=",
      kRowsPerRead
  );
  const Result<Json> list = whole_list(*api.client, path, "application/json");
  std::vector<Json> calls;
  if (!list) {
    return list.error().code == ErrorCode::NotFound ? Result<std::vector<Json>>(calls)
                                                    : list.error();
  }
  const Json* items = list->find("items");
  for (const Json& call :
       items != nullptr && items->is_array() ? items->as_array() : Json::Array()) {
    if (is_waiting(call)) {
      calls.push_back(call);
    }
  }
  return calls;
}

std::string tool_call_text(const Common& common, const Json& call) {
  const Json& metadata = call.get_object("metadata");
  const Json& spec = call.get_object("spec");
  const Json& status = call.get_object("status");
  const std::string agent = spec.get_string("agent");
  const std::string caller = agent.empty() ? spec.get_string("caller") : agent;
  std::string arguments = spec.get_object("arguments").dump();
  if (arguments.size() > kArgumentsShownMax) {
    arguments = notify::cut(arguments, kArgumentsShownMax);
  }
  std::string tool = spec.get_string("tool");
  if (const std::string server = spec.get_string("server"); !server.empty()) {
    tool = concat(server, "/", tool);
  }
  return concat(
      namespace_column(common, metadata.get_string("namespace")),
      "toolcall/",
      metadata.get_string("name"),
      "  ",
      printable(caller.empty() ? std::string("somebody") : caller),
      " wants to use ",
      printable(tool),
      line("why", spec.get_string("reason")),
      line("risk", spec.get_string("risk")),
      line("with", arguments == "{}" ? std::string() : arguments),
      line("for", spec.get_string("mission")),
      line("expires", status.get_string("due")),
      "\n"
  );
}

}  // namespace reeve::cli
