#include <algorithm>
#include <map>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/scope.h"
#include "cli/server_commands.h"
#include "cli/session.h"
#include "engine/catalog.h"
#include "engine/object_metadata.h"
#include "protocol/commands.h"
#include "workflow/lint/formats.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr std::uint32_t kRowPage = 1000;

/// A document that may be deployed.
struct Document {
  std::string file;
  std::string workflow;
  std::string source;
  /// What was found in it, as `reeve lint -o json` has it.
  Json warnings = Json::array();
};

/// Reads and checks the documents and tells every problem. The exit code if one of them is bad.
std::variant<std::vector<Document>, int> read_documents(const std::vector<std::string>& files) {
  std::vector<Document> documents;
  int code = 0;
  for (const std::string& file : files) {
    Result<std::string> text = read_document(file);
    if (!text) {
      code = report(text.error());
      continue;
    }
    workflow::LoadOptions options;
    options.file = file;
    const workflow::Loaded loaded = workflow::load(*text, options);
    Json warnings = Json::array();
    for (const workflow::Problem& problem : loaded.problems) {
      print_problem(problem);
      warnings.push(lint::to_json(
          {.severity = problem.severity, .rule = problem.rule, .error = problem.error, .edit = {}}
      ));
    }
    if (!loaded.ok()) {
      code = static_cast<int>(ExitCode::Refused);
      continue;
    }
    documents.push_back(
        {.file = file,
         .workflow = loaded.workflow->name,
         .source = std::move(*text),
         .warnings = std::move(warnings)}
    );
  }
  if (code != 0) {
    return code;
  }
  return documents;
}

Json workflow_command(const std::string& name, std::string verb, Json body) {
  return to_json(protocol::Object{
      .kind = std::string(to_string(journal::Kind::Workflow)),
      .name = name,
      .verb = std::move(verb),
      .body = std::move(body)});
}

std::string said_of(const std::string& name, const Json& detail) {
  if (!detail.get_bool("changed")) {
    return concat("workflow ", name, " unchanged\n");
  }
  return concat(
      "workflow ",
      name,
      " deployed, generation ",
      detail.get_int("generation"),
      detail.get_bool("enabled", true) ? "\n" : " (disabled)\n"
  );
}

/// The rows of deployed workflows, by namespace and name.
using Rows = std::map<std::pair<std::string, std::string>, Json>;

Result<Rows> deployed_rows(store::Reader& reader, const std::optional<Namespace>& ns) {
  Rows found;
  store::RowQuery query;
  query.ns = ns;
  query.kind = journal::Kind::Workflow;
  query.limit = kRowPage;
  while (true) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& listed : rows) {
      // The others are versions.
      if (listed.row.key.name.find('@') == std::string::npos &&
          !engine::is_deleted_row(listed.row.body)) {
        REEVE_TRY(Json row, parse_json(listed.row.body));
        found.emplace(std::pair(listed.row.key.ns.str(), listed.row.key.name), std::move(row));
      }
    }
    if (rows.size() < kRowPage) {
      return found;
    }
    query.before = rows.back().created;
  }
}

std::string pad(std::string_view text, std::size_t width) {
  return text.size() >= width ? concat(text, " ")
                              : concat(text, std::string(width - text.size(), ' '));
}

void append_trigger(std::string& table, const Json& trigger, bool enabled) {
  const std::string due = trigger.get_string("due");
  std::vector<std::string> notes = {concat("fired ", trigger.get_int("fired"))};
  for (const char* count : {"skipped", "missed"}) {
    if (const std::int64_t number = trigger.get_int(count); number > 0) {
      notes.push_back(concat(count, " ", number));
    }
  }
  if (const std::string mission = trigger.get_string("mission"); !mission.empty()) {
    notes.push_back(concat("last ", mission));
  }
  const std::string when = !enabled                               ? "rests"
                           : !due.empty()                         ? concat("next ", due)
                           : trigger.get_string("kind") == "cron" ? "never again"
                                                                  : "waits";
  table += concat(
      "  ",
      pad(trigger.get_string("name"), 22),
      pad(trigger.get_string("kind"), 9),
      pad(when, 32),
      join(notes, ", "),
      "\n"
  );
}

std::string table_of(const Common& common, const Rows& rows) {
  std::string table = concat(
      namespace_column(common, "NAMESPACE"),
      pad("NAME", 24),
      pad("VERSION", 20),
      pad("GENERATION", 12),
      "STATE\n"
  );
  for (const auto& [key, row] : rows) {
    const auto& [ns, name] = key;
    const Json& spec = *row.find("spec");
    const bool enabled = spec.get_bool("enabled");
    const std::string version = spec.get_string("version");
    table += concat(
        namespace_column(common, ns),
        pad(name, 24),
        pad(version.empty() ? spec.get_string("digest").substr(0, 12) : printable(version), 20),
        pad(std::to_string(row.find("metadata")->get_int("generation")), 12),
        enabled ? "enabled" : "disabled",
        "\n"
    );
    for (const Json& trigger : row.find("status")->find("triggers")->as_array()) {
      append_trigger(table, trigger, enabled);
    }
  }
  return table;
}

}  // namespace

int apply_workflows(const Common& common, const ApplyArgs& args) {
  if (common.remote) {
    ObjectsArgs objects;
    objects.connection = common.connection;
    objects.files = args.files;
    return apply_objects(common, objects);
  }
  const auto read = read_documents(args.files);
  if (const int* code = std::get_if<int>(&read)) {
    return *code;
  }
  const Result<std::unique_ptr<Link>> link =
      Link::open(common, {.purpose = "reeve apply", .create = true});
  if (!link) {
    return report(link.error());
  }
  int code = 0;
  for (const Document& document : std::get<std::vector<Document>>(read)) {
    Json body = Json::object();
    body.set("source", document.source);
    Result<Json> answer = (*link)->send(
        protocol::kObject, workflow_command(document.workflow, "apply", std::move(body))
    );
    if (!answer) {
      Error error = answer.error();
      error.file = document.file;
      code = report(error);
      continue;
    }
    if (common.output == Output::Json) {
      answer->set("warnings", document.warnings);
      print(answer->dump() + "\n");
      continue;
    }
    const Json* detail = answer->find("detail");
    const Json none = Json::object();
    print(said_of(document.workflow, detail == nullptr ? none : *detail));
  }
  (*link)->close();
  return code;
}

int list_workflows(const Common& common, const WorkflowsArgs& args) {
  if (common.remote) {
    return show_remote_list(common, "workflows", args.workflow);
  }
  const Result<std::unique_ptr<store::Store>> store =
      open_for_reading(DataDir{.root = common.data_dir});
  Result<Rows> rows =
      store ? deployed_rows(**store, listed_namespace(common)) : Result<Rows>(store.error());
  if (!rows) {
    return report(rows.error());
  }
  if (!args.workflow.empty()) {
    std::vector<std::string> names;
    for (const auto& [key, row] : *rows) {
      names.push_back(key.second);
    }
    std::erase_if(*rows, [&](const auto& item) { return item.first.second != args.workflow; });
    if (rows->empty()) {
      Error error = make_error(
          ErrorCode::NotFound, concat("no workflow \"", args.workflow, "\" is deployed")
      );
      const std::string near = nearest(args.workflow, names);
      error.hint =
          near.empty() ? "reeve workflows lists them" : concat("did you mean \"", near, "\"?");
      return report(error);
    }
  }
  if (common.output == Output::Json) {
    Json items = Json::array();
    for (auto& [key, row] : *rows) {
      items.push(std::move(row));
    }
    Json list = Json::object();
    list.set("apiVersion", "reeve.dev/v1").set("kind", "WorkflowList");
    list.set("items", std::move(items));
    print(list.pretty());
    return 0;
  }
  print(table_of(common, *rows));
  return 0;
}

int switch_workflow(const Common& common, const SwitchArgs& args) {
  const std::string verb = args.enabled ? "enable" : "disable";
  const Json command = workflow_command(args.workflow, verb, Json::object());
  const LinkOptions options{.purpose = concat("reeve ", verb, " ", args.workflow)};
  const Result<Json> answer = common.remote
                                  ? remote_send(common, protocol::kObject, command)
                                  : send_command(common, options, protocol::kObject, command);
  if (!answer) {
    return report(answer.error());
  }
  print(
      common.output == Output::Json ? answer->dump() + "\n"
                                    : concat("workflow ", args.workflow, " ", verb, "d\n")
  );
  return 0;
}

}  // namespace reeve::cli
