#include "cli/server_arguments.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "cli/connection_arguments.h"
#include "cli/quota_arguments.h"
#include "cli/server_commands.h"
#include "cli/subcommand.h"

namespace reeve::cli {

struct ServerParser::Options {
  SettingsArgs settings;
  KubeconfigArgs kubeconfig;
  TokenArgs token;
  CanIArgs can_i;
  ObjectsArgs objects;
  DoctorArgs doctor;
  TopArgs top;
  EndpointsArgs endpoints;
  IncidentsArgs incidents;
  BulkArgs bulk;
  ToolCallArgs tool_call;
  BackupArgs backup;
  QuotaParser quota;
  std::optional<BoundCommand> chosen;

  /// Makes `command` choose `carry_out`, which gets the arguments as they are after the parsing.
  template <class Args>
  void bind(CLI::App* command, const Args& args, int (*carry_out)(const Common&, const Args&)) {
    command->callback([this, &args, carry_out] {
      chosen = BoundCommand{.carry_out = [carry_out, args = args](const Common& common) {
        return carry_out(common, args);
      }};
    });
  }

  void add_settings(CLI::App& app, Common& common);
  void add_kubeconfig(CLI::App& app, Common& common);
  void add_tokens(CLI::App& app, Common& common);
  void add_can_i(CLI::App& app, Common& common);
  void add_get(CLI::App& app, Common& common);
  void add_edit(CLI::App& app, Common& common);
  void add_writes(CLI::App& app, Common& common);
  void add_types(CLI::App& app, Common& common);
  void add_apply(CLI::App& app);
  void add_doctor(CLI::App& app, Common& common);
  void add_top(CLI::App& app, Common& common);
  void add_endpoints(CLI::App& app, Common& common);
  void add_incidents(CLI::App& app, Common& common);
  void add_bulk(CLI::App& app);
  void add_backup(CLI::App& app, Common& common);
  void add_tool_calls(CLI::App& app, Common& common);
};

void ServerParser::Options::add_settings(CLI::App& app, Common& common) {
  CLI::App& group = *app.get_subcommand("config");
  CLI::App* show = cli::add(
      group, "show", "Show the settings of reeve up", "reeve config show --origin", common
  );
  show->add_flag("--origin", settings.origin, "Also where each of them comes from");
  CLI::App* check =
      cli::add(group, "check", "Check them without starting", "reeve config check", common);
  for (CLI::App* command : {show, check}) {
    command->add_option("--config", settings.file, "File with settings (default: reeve.yaml there)")
        ->type_name("FILE");
    add_output(command, common, kTextJsonOrYaml);
  }
  bind(show, settings, show_settings);
  bind(check, settings, check_settings);
  CLI::App* docs =
      cli::add(group, "docs", "Print the reference of them", "reeve config docs", common);
  bind(docs, settings, print_settings_reference);
}

void ServerParser::Options::add_kubeconfig(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "kubeconfig",
      "Print how kubectl and others reach reeve up, with what proves who asks",
      "reeve kubeconfig > ~/.kube/reeve; kubectl --kubeconfig ~/.kube/reeve get missions",
      common
  );
  command->add_option("--server", kubeconfig.connection.server, "Another address of the server")
      ->type_name("URL");
  command->add_flag(
      "--client-certificate",
      kubeconfig.client_certificate,
      "With a new certificate of a user in place of the administrator's token"
  );
  command->add_option("--user", kubeconfig.user, "Whom the certificate is for");
  command->add_option("--group", kubeconfig.groups, "A group of the user; repeat for more")
      ->allow_extra_args(false);
  command->add_option("--expires", kubeconfig.expires, "How long it is valid (default: 365d)");
  command->add_option("--to", kubeconfig.to, "Write it to this file (0600)")->type_name("FILE");
  bind(command, kubeconfig, print_kubeconfig);
}

void ServerParser::Options::add_tokens(CLI::App& app, Common& common) {
  CLI::App* group = cli::add(app, "token", "Tokens to log in with", "reeve token list", common);
  group->require_subcommand(1);
  CLI::App* create = cli::add(
      *group,
      "create",
      "Make a token and print it, this once",
      "reeve token create laptop --user alice --group developers --expires 30d",
      common
  );
  create->add_option("NAME", token.name)->required();
  create->add_option("--user", token.user, "Who it stands for")->required();
  create->add_option("--group", token.groups, "A group of the user; repeat for more")
      ->allow_extra_args(false);
  create->add_option("--expires", token.expires, "How long it is accepted (default: for ever)");
  add_output(create, common, kTextJsonOrYaml);
  bind(create, token, create_token);
  CLI::App* list =
      cli::add(*group, "list", "List tokens, never their text", "reeve token list -o wide", common);
  add_output(list, common, kObjectOutputs);
  bind(list, token, list_tokens);
  CLI::App* revoke =
      cli::add(*group, "revoke", "Refuse a token from now on", "reeve token revoke laptop", common);
  revoke->add_option("NAME", token.name)->required();
  bind(revoke, token, revoke_token);
  for (CLI::App* command : {create, list, revoke}) {
    add_connection_options(command, token.connection);
  }
}

void ServerParser::Options::add_can_i(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "can-i",
      "Ask whether something is allowed",
      "reeve can-i create missions -n team-a --as alice",
      common
  );
  command->add_option("VERB", can_i.verb, "get, list, watch, create, update, patch, delete, …")
      ->required();
  command->add_option("TYPE", can_i.type, "TYPE, TYPE/NAME, TYPE/SUBRESOURCE, /PATH, or *")
      ->required();
  command->add_option("NAME", can_i.name);
  CLI::Option* as = command->add_option("--as", can_i.as, "Ask about this user");
  command->add_option("--as-group", can_i.as_groups, "in this group; repeat for more")
      ->allow_extra_args(false)
      ->needs(as);
  add_output(command, common, kTextJsonOrYaml);
  add_connection_options(command, can_i.connection);
  bind(command, can_i, ask_can_i);
}

void ServerParser::Options::add_get(CLI::App& app, Common& common) {
  CLI::App* get = cli::add(
      app, "get", "List objects, or show some", "reeve get missions -A -l team=a -w", common
  );
  get->add_option("TYPE", objects.words, "TYPE, TYPE/NAME, or TYPE NAME…")->required();
  get->add_option("-l,--selector", objects.labels, "Only those with these labels");
  get->add_option("--field-selector", objects.fields, "Only those with these fields");
  get->add_flag("-w,--watch", objects.watch, "Go on with what changes");
  add_output(get, common, kObjectOutputs);
  CLI::App* describe = cli::add(
      app,
      "describe",
      "Show all of an object, and what happened to it",
      "reeve describe mission build-12",
      common
  );
  describe->add_option("TYPE", objects.words, "TYPE/NAME, or TYPE NAME…")->required();
  add_connection_options(get, objects.connection);
  add_connection_options(describe, objects.connection);
  bind(get, objects, get_objects);
  bind(describe, objects, describe_object);
}

void ServerParser::Options::add_edit(CLI::App& app, Common& common) {
  CLI::App* edit = cli::add(
      app,
      "edit",
      "Change an object in $VISUAL or $EDITOR",
      "EDITOR=nano reeve edit budgetquota team",
      common
  );
  edit->add_option("TYPE", objects.words, "TYPE/NAME, or TYPE NAME")->required();
  add_connection_options(edit, objects.connection);
  bind(edit, objects, edit_object);
}

void ServerParser::Options::add_writes(CLI::App& app, Common& common) {
  CLI::App* remove = cli::add(
      app,
      "delete",
      "Delete objects",
      "reeve delete workflow nightly; reeve delete -f team.yaml",
      common
  );
  CLI::Option* words = remove->add_option("TYPE", objects.words, "TYPE/NAME, or TYPE NAME…");
  remove->add_option("-f,--filename", objects.files, "Those that are in this file, directory, or -")
      ->allow_extra_args(false)
      ->excludes(words);
  add_connection_options(remove, objects.connection);
  bind(remove, objects, delete_objects);
}

void ServerParser::Options::add_types(CLI::App& app, Common& common) {
  CLI::App* explain = cli::add(
      app,
      "explain",
      "Say what a type or a field of it means; needs no server",
      "reeve explain mission.spec.params",
      common
  );
  explain->add_option("TYPE", objects.words, "TYPE, or TYPE.FIELD.FIELD…")->required()->expected(1);
  bind(explain, objects, explain_type);
  CLI::App* types = cli::add(
      app,
      "api-resources",
      "List the types of objects; needs no server",
      "reeve api-resources -o wide",
      common
  );
  add_output(types, common, kAllOutputs);
  bind(types, objects, list_types);
}

void ServerParser::Options::add_apply(CLI::App& app) {
  CLI::App* apply = app.get_subcommand("apply");
  CLI::Option* files = apply->add_option(
      "-f,--filename",
      objects.files,
      "Objects of any kind in a file, a directory, or -: by server-side apply; repeat for more"
  );
  files->allow_extra_args(false)->excludes(apply->get_option("FILE"));
  apply->add_flag("--force-conflicts", objects.force, "Take over fields that others have applied")
      ->needs(files);
  apply->callback([this] {
    if (!objects.files.empty()) {
      chosen = BoundCommand{.carry_out = [args = objects](const Common& common) {
        ObjectsArgs with_connection = args;
        with_connection.connection = common.connection;
        return apply_objects(common, with_connection);
      }};
    }
  });
}

void ServerParser::Options::add_doctor(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "doctor",
      "Say what works on this machine and its server and what does not, and why",
      "reeve doctor",
      common
  );
  add_output(command, common, kTextOrJson);
  add_connection_options(command, doctor.connection);
  bind(command, doctor, run_doctor);
}

void ServerParser::Options::add_top(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "top",
      "Show what uses the server and this machine: missions and runs that are not over",
      "reeve top runs -A --watch",
      common
  );
  command->add_option("SUBJECT", top.subject, "hosts, missions or runs (default: everything)")
      ->check(CLI::IsMember({"hosts", "missions", "runs"}));
  command->add_flag("-w,--watch", top.watch, "Again and again, until Ctrl-C");
  command->add_option(
      "--interval", top.interval, "How long rates are measured, 100ms to 1h (default: 1s)"
  );
  command->add_option("--rows", top.rows_max, "At most so many of each (default: 20)");
  add_output(command, common, kTextOrJson);
  add_connection_options(command, top.connection);
  bind(command, top, show_top);
}

void ServerParser::Options::add_endpoints(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "endpoints",
      "List where agents can be reached, what they can do, and how they are",
      "reeve endpoints --capability code-review --healthy",
      common
  );
  command
      ->add_option("--capability", endpoints.capabilities, "Those that can do this; all of several")
      ->allow_extra_args(false);
  command->add_option("--version", endpoints.version, "Those of this version");
  command->add_option("--agent", endpoints.agent, "Those of this agent");
  command->add_flag("--healthy", endpoints.healthy, "Only healthy ones");
  command->add_flag("--all", endpoints.all, "Also those that have expired");
  add_output(command, common, kTextOrJson);
  add_connection_options(command, endpoints.connection);
  bind(command, endpoints, show_endpoints);
}

void ServerParser::Options::add_incidents(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app,
      "incidents",
      "List what somebody has to look at; acknowledge or close one",
      "reeve incidents close inc-0123456789abcdef -m 'the receiver is back'",
      common
  );
  command->add_option("ACTION", incidents.action, "acknowledge or close (default: list them)")
      ->check(CLI::IsMember({"acknowledge", "close"}));
  command->add_option("NAME", incidents.name, "Of the incident");
  command->add_option("-m,--message", incidents.message, "What others should know");
  command->add_flag("--all", incidents.all, "Also those that are closed");
  add_output(command, common, kTextOrJson);
  add_connection_options(command, incidents.connection);
  bind(command, incidents, use_incidents);
}

void ServerParser::Options::add_bulk(CLI::App& app) {
  CLI::App* submit = app.get_subcommand("submit");
  CLI::Option* file = submit->add_option(
      "--bulk",
      bulk.file,
      "Submit many missions at once, YAML documents or JSON lines in a file, or -; each is made or "
      "refused by itself"
  );
  file->excludes(submit->get_option("WORKFLOW"));
  submit->callback([this] {
    if (!bulk.file.empty()) {
      chosen = BoundCommand{.carry_out = [args = bulk](const Common& common) {
        BulkArgs with_connection = args;
        with_connection.connection = common.connection;
        return submit_bulk(common, with_connection);
      }};
    }
  });
}

void ServerParser::Options::add_backup(CLI::App& app, Common& common) {
  CLI::App* make = cli::add(
      app,
      "backup",
      "Copy the data directory, also of a running server, and verify the copy",
      "reeve backup /backups/monday --with-keys",
      common
  );
  make->add_option("DIRECTORY", backup.directory, "A new or empty directory")->required();
  make->add_flag("--with-keys", backup.with_keys, "Also what opens credentials and proves users");
  bind(make, backup, back_up);
  CLI::App* restore = cli::add(
      app,
      "restore",
      "Make a new data directory from a backup, verified",
      "reeve restore /backups/monday --data ~/restored",
      common
  );
  restore->add_option("DIRECTORY", backup.directory, "What reeve backup has made")->required();
  bind(restore, backup, restore_backup);
  CLI::App* all = cli::add(
      app,
      "export",
      "Write every object as YAML and every event as JSON, without secrets",
      "reeve export snapshot && git -C snapshot diff",
      common
  );
  all->add_option("DIRECTORY", backup.directory, "A new or empty directory")->required();
  bind(all, backup, export_objects);
  for (CLI::App* command : {make, restore, all}) {
    add_output(command, common, kTextJsonOrYaml);
  }
}

void ServerParser::Options::add_tool_calls(CLI::App& app, Common& common) {
  CLI::App* group = cli::add(
      app,
      "toolcalls",
      "Calls of tools by agents",
      "reeve toolcalls list --run build.1.edit.1",
      common
  );
  group->require_subcommand(1);
  CLI::App* list = cli::add(
      *group,
      "list",
      "List calls in their order",
      "reeve toolcalls list -l reeve.dev/mission=build",
      common
  );
  list->add_option("--run", tool_call.run, "Only those of this run");
  list->add_option("-l,--selector", tool_call.labels, "Only those with these labels");
  add_output(list, common, kObjectOutputs);
  CLI::App* approve = cli::add(
      *group,
      "approve",
      "Let a call be carried out",
      "reeve toolcalls approve tc-0190f7e64a",
      common
  );
  approve
      ->add_option(
          "--arguments", tool_call.arguments, "File with JSON, or -, in place of what was asked for"
      )
      ->type_name("FILE");
  CLI::App* reject = cli::add(
      *group,
      "reject",
      "Refuse a call",
      "reeve toolcalls reject tc-0190f7e64a -m 'not there'",
      common
  );
  CLI::App* rollback = cli::add(
      *group,
      "rollback",
      "Undo a call by another one",
      "reeve toolcalls rollback tc-0190f7e64a",
      common
  );
  CLI::App* accept = cli::add(
      *group,
      "accept",
      "Accept tools of a server that have changed",
      "reeve toolcalls accept tickets search",
      common
  );
  accept->add_option("SERVER", tool_call.name)->required();
  accept->add_option("TOOL", tool_call.tools, "Default: all that are held");
  for (CLI::App* command : {approve, reject, rollback}) {
    command->add_option("CALL", tool_call.name)->required();
    command->add_option("-m,--message", tool_call.message, "Why");
  }
  for (CLI::App* command : {list, approve, reject, rollback, accept}) {
    add_connection_options(command, tool_call.connection);
  }
  bind(list, tool_call, list_tool_calls);
  bind(approve, tool_call, approve_tool_call);
  bind(reject, tool_call, reject_tool_call);
  bind(rollback, tool_call, roll_back_tool_call);
  bind(accept, tool_call, accept_tools);
}

ServerParser::ServerParser() : options_(std::make_unique<Options>()) {}

ServerParser::~ServerParser() = default;

void ServerParser::add_to(CLI::App& app, Common& common) {
  options_->add_settings(app, common);
  options_->add_kubeconfig(app, common);
  options_->add_tokens(app, common);
  options_->add_can_i(app, common);
  options_->add_get(app, common);
  options_->add_edit(app, common);
  options_->add_writes(app, common);
  options_->add_types(app, common);
  options_->add_apply(app);
  options_->add_doctor(app, common);
  options_->add_top(app, common);
  options_->add_endpoints(app, common);
  options_->add_incidents(app, common);
  options_->add_bulk(app);
  options_->add_backup(app, common);
  options_->add_tool_calls(app, common);
  options_->quota.add_to(app, common);
}

std::optional<BoundCommand> ServerParser::selected() const {
  return options_->chosen ? options_->chosen : options_->quota.selected();
}

}  // namespace reeve::cli
