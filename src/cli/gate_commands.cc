#include <memory>
#include <string>
#include <vector>

#include "base/strings.h"
#include "cli/call_decisions.h"
#include "cli/commands.h"
#include "cli/gate_view.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/scope.h"
#include "cli/session.h"

namespace reeve::cli {

namespace {

constexpr std::uint32_t kRowsPerRead = 500;

/// The gate with what one must know beside it.
Json listed(const journal::ObjectKey& mission, const Json& task) {
  Json item = Json::object();
  item.set("namespace", mission.ns.str()).set("mission", mission.name);
  item.set("task", task.get_string("name"));
  for (const Json::Member& member : task.find("gate")->as_object()) {
    item.set(member.first, member.second);
  }
  return item;
}

/// Open gates of live missions, oldest mission first.
Result<std::vector<Json>> open_gates(store::Reader& reader, const std::optional<Namespace>& ns) {
  std::vector<Json> gates;
  store::RowQuery query;
  query.ns = ns;
  query.live_only = true;
  query.limit = kRowsPerRead;
  while (true) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& row : rows) {
      REEVE_TRY(const Json mission, parse_json(row.row.body));
      const Json* status = mission.find("status");
      const Json* tasks = status == nullptr ? nullptr : status->find("tasks");
      for (const Json& task : tasks == nullptr ? Json::Array() : tasks->as_array()) {
        if (is_open_gate(task)) {
          gates.push_back(listed(row.row.key, task));
        }
      }
    }
    if (rows.size() < kRowsPerRead) {
      break;
    }
    query.before = rows.back().created;
  }
  return std::vector<Json>(gates.rbegin(), gates.rend());
}

std::string line_of(const Common& common, const Json& gate) {
  const std::string deadline = gate.get_string("deadline");
  return concat(
      namespace_column(common, gate.get_string("namespace")),
      gate.get_string("mission"),
      "/",
      gate.get_string("task"),
      "  ",
      gate_progress(gate),
      "\n  ",
      printable(gate.get_string("prompt")),
      "\n  asked ",
      gate.get_string("openedAt"),
      deadline.empty() ? "" : concat(", expires ", deadline),
      "; ",
      gate.get_string("mayDecide"),
      " may decide\n"
  );
}

/// After the gates: calls that wait, of a server.
int show_remote_approvals(const Common& common) {
  const Result<std::vector<Json>> calls = remote_tool_calls(common);
  const int code = show_remote_list(common, "approvals");
  if (code != 0 || common.output != Output::Text) {
    return code;
  }
  if (!calls) {
    return report(calls.error());
  }
  for (const Json& call : *calls) {
    print(tool_call_text(common, call));
  }
  return code;
}

Json list_of(const std::vector<Json>& gates, const std::vector<Json>& calls) {
  Json items = Json::array();
  for (const Json& gate : gates) {
    items.push(gate);
  }
  Json waiting = Json::array();
  for (const Json& call : calls) {
    waiting.push(call);
  }
  Json list = Json::object();
  list.set("apiVersion", "reeve.dev/v1").set("kind", "ApprovalList");
  list.set("items", std::move(items)).set("toolCalls", std::move(waiting));
  return list;
}

}  // namespace

int show_approvals(const Common& common) {
  if (common.remote) {
    return show_remote_approvals(common);
  }
  const Result<std::unique_ptr<store::Store>> store =
      open_for_reading(DataDir{.root = common.data_dir});
  if (!store) {
    return report(store.error());
  }
  const Result<std::vector<Json>> gates = open_gates(**store, listed_namespace(common));
  if (!gates) {
    return report(gates.error());
  }
  const Result<std::vector<Json>> calls = waiting_tool_calls(**store, listed_namespace(common));
  if (!calls) {
    return report(calls.error());
  }
  if (common.output == Output::Json) {
    print(list_of(*gates, *calls).pretty());
    return 0;
  }
  for (const Json& gate : *gates) {
    print(line_of(common, gate));
  }
  for (const Json& call : *calls) {
    print(tool_call_text(common, call));
  }
  if (!calls->empty()) {
    print("reeve approve toolcall/NAME, or reeve reject toolcall/NAME -m WHY\n");
  }
  print(
      !gates->empty()  ? std::string("reeve status MISSION shows what is asked in full\n")
      : calls->empty() ? std::string("nothing waits for approval\n")
                       : std::string()
  );
  return 0;
}

}  // namespace reeve::cli
