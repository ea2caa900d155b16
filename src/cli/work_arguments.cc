#include "cli/work_arguments.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "cli/subcommand.h"
#include "engine/pool_book.h"
#include "model/mission.h"

namespace reeve::cli {

struct WorkParser::State {
  Common& common;
  PoolArgs pool;
  TaskAddArgs task;
  std::vector<std::pair<CLI::App*, PoolArgs::Action>> pool_commands;
  CLI::App* task_add = nullptr;

  CLI::App* add(CLI::App& parent, const char* name, const char* purpose, const char* example) {
    return cli::add(parent, name, purpose, example, common);
  }

  void add_pools(CLI::App& app) {
    CLI::App* all =
        add(app, "pool", "Say how much of a shared resource there is", "reeve pool set gpu 4");
    all->require_subcommand(1);
    CLI::App* set =
        add(*all,
            "set",
            "Declare a pool or change its size; what is taken already stays taken",
            "reeve pool set gpu 4");
    set->add_option("NAME", pool.name)->required();
    set->add_option("UNITS", pool.units, "Units that may be in use at the same time")
        ->required()
        ->check(CLI::Range(std::uint32_t{0}, engine::kPoolUnitsMax));
    pool_commands.emplace_back(set, PoolArgs::Action::Set);
    CLI::App* list = add(*all, "list", "List the declared pools", "reeve pool list -o json");
    add_output(list, common, kTextOrJson);
    pool_commands.emplace_back(list, PoolArgs::Action::List);
    CLI::App* remove =
        add(*all,
            "delete",
            "Forget a pool: it is as large as the largest request for it again",
            "reeve pool delete gpu");
    remove->add_option("NAME", pool.name)->required();
    pool_commands.emplace_back(remove, PoolArgs::Action::Delete);
  }

  void add_tasks(CLI::App& app) {
    CLI::App* all =
        add(app, "task", "Change the mission that this run belongs to", "reeve task add more.yaml");
    all->require_subcommand(1);
    task_add =
        add(*all,
            "add",
            "Inside of a run: add tasks to its mission when the run has completed",
            "echo '{name: check-eu, script: ./check eu}' | reeve task add -");
    task_add->add_option("FILE", task.file, "YAML or JSON: a task, or a list of them; - for stdin")
        ->required();
  }
};

WorkParser::WorkParser(CLI::App& app, Common& common)
    : state_(std::make_unique<State>(State{
          .common = common, .pool = {}, .task = {}, .pool_commands = {}})) {
  state_->add_pools(app);
  state_->add_tasks(app);
}

WorkParser::~WorkParser() = default;

std::optional<std::variant<PoolArgs, TaskAddArgs>> WorkParser::selected() const {
  for (const auto& [command, action] : state_->pool_commands) {
    if (command->parsed()) {
      PoolArgs args = state_->pool;
      args.action = action;
      return args;
    }
  }
  if (state_->task_add->parsed()) {
    return state_->task;
  }
  return std::nullopt;
}

void add_labels(CLI::App* command, std::vector<std::string>& labels) {
  command
      ->add_option(
          "--labels", labels, "What this machine offers to tasks with tags, such as gpu,arm64"
      )
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check([](const std::string& label) {
        const Result<void> good = model::check_name(label, "label");
        return good ? std::string() : good.error().describe();
      });
}

}  // namespace reeve::cli
