#include "cli/quota_arguments.h"

#include <CLI/CLI.hpp>

#include "cli/connection_arguments.h"
#include "cli/quota_commands.h"
#include "cli/subcommand.h"

namespace reeve::cli {

struct QuotaParser::Options {
  QuotaArgs quota;
  CostArgs cost;
  std::optional<BoundCommand> chosen;

  template <class Args>
  void bind(CLI::App* command, const Args& args, int (*carry_out)(const Common&, const Args&)) {
    command->callback([this, &args, carry_out] {
      chosen = BoundCommand{.carry_out = [carry_out, args = args](const Common& common) {
        return carry_out(common, args);
      }};
    });
  }

  void add_quota(CLI::App& app, Common& common);
  void add_set(CLI::App* set);
  void add_raise(CLI::App* raise);
  void add_cost(CLI::App& app, Common& common);
};

void QuotaParser::Options::add_set(CLI::App* set) {
  struct Flag {
    const char* name;
    std::map<std::string, std::string>& into;
    const char* field;
    const char* help;
  };

  for (const Flag& flag : std::initializer_list<Flag>{
           {"--tokens", quota.limits, "maxTotalTokens", "Tokens of all runs in a period"},
           {"--cost", quota.limits, "maxTotalCost", "Cost of all runs in a period: 25.00"},
           {"--tokens-per-run", quota.limits, "maxTokensPerRun", "Tokens of one run"},
           {"--cost-per-run", quota.limits, "maxCostPerRun", "Cost of one run"},
           {"--tokens-per-minute", quota.limits, "maxTokensPerMinute", "Tokens in any minute"},
           {"--requests-per-minute", quota.limits, "maxRequestsPerMinute", "Calls in any minute"},
           {"--runs", quota.limits, "maxConcurrentRuns", "Runs at the same time"},
           {"--duration", quota.limits, "maxDuration", "Time of one run: 1h"},
           {"--retries", quota.limits, "maxRetries", "Retries of one task"},
           {"--workflow", quota.selector, "workflow", "Missions of this workflow only"},
           {"--agent", quota.selector, "agent", "What this agent does only"},
           {"--mission", quota.selector, "mission", "This mission only"},
           {"--task", quota.selector, "task", "Tasks of this name only"},
           {"--tenant", quota.selector, "tenant", "With --cluster: namespaces of this tenant"},
           {"--on-tokens", quota.enforcement, "onTokenLimit", "What happens at a limit of tokens"},
           {"--on-cost", quota.enforcement, "onCostLimit", "What happens at a limit of cost"},
           {"--on-duration", quota.enforcement, "onDurationLimit", "What happens after the time"},
           {"--on-runs", quota.enforcement, "onConcurrencyLimit", "What happens to further runs"},
           {"--scope", quota.enforcement, "scope", "Whom it happens to: offender, highest, all"},
           {"--period", quota.others, "period", "day, week or month; without: for ever"},
           {"--currency", quota.others, "currency", "Of all amounts (default: USD)"}}) {
    set->add_option(flag.name, flag.into[flag.field], flag.help);
  }
  set->footer(
      "What happens at a limit is one of terminate, pause, queue, downgrade, alert.\n"
      "The value none takes a member away; what is not named stays as it is."
  );
}

void QuotaParser::Options::add_raise(CLI::App* raise) {
  raise->add_option("--tokens", quota.limits["maxTotalTokens"], "New limit, or more: +100000");
  raise->add_option("--cost", quota.limits["maxTotalCost"], "New limit, or more: +5.00");
  raise->add_option("--tokens-per-run", quota.limits["maxTokensPerRun"], "The same for one run");
  raise->add_option("--cost-per-run", quota.limits["maxCostPerRun"], "The same for one run");
  raise->add_option("--duration", quota.limits["maxDuration"], "New limit: 2h");
  raise->add_option("-m,--message", quota.reason, "Why");
}

void QuotaParser::Options::add_quota(CLI::App& app, Common& common) {
  CLI::App* group =
      cli::add(app, "quota", "What may be used, and what is", "reeve quota list", common);
  group->require_subcommand(1);
  CLI::App* list = cli::add(*group, "list", "List quotas", "reeve quota list -A", common);
  CLI::App* show = cli::add(
      *group, "show", "Show a quota and who is held for it", "reeve quota show team", common
  );
  CLI::App* set = cli::add(
      *group,
      "set",
      "Make a quota, or change it",
      "reeve quota set team --cost 25.00 --period day --on-cost pause",
      common
  );
  CLI::App* raise = cli::add(
      *group,
      "raise",
      "Raise limits; missions that are held for them go on",
      "reeve quota raise team --cost +5.00 -m 'release week'",
      common
  );
  CLI::App* reset =
      cli::add(*group, "reset", "Begin a new period now", "reeve quota reset team", common);
  CLI::App* remove =
      cli::add(*group, "delete", "Delete a quota", "reeve quota delete team", common);
  add_set(set);
  add_raise(raise);
  for (CLI::App* command : {show, set, raise, reset, remove}) {
    command->add_option("NAME", quota.name)->required();
    command->add_flag("--cluster", quota.cluster, "One of the whole installation");
  }
  for (CLI::App* command : {list, show, set, raise, reset, remove}) {
    add_connection_options(command, quota.connection);
  }
  add_output(list, common, kTextOrJson);
  add_output(show, common, kTextOrJson);
  bind(list, quota, list_quotas);
  bind(show, quota, show_quota);
  bind(set, quota, set_quota);
  bind(raise, quota, raise_quota);
  bind(reset, quota, reset_quota);
  bind(remove, quota, delete_quota);
}

void QuotaParser::Options::add_cost(CLI::App& app, Common& common) {
  CLI::App* command = cli::add(
      app, "cost", "What calls of models have cost", "reeve cost --by agent -o json", common
  );
  command
      ->add_option(
          "--by",
          cost.by,
          "mission, agent, model, workflow, run, day, namespace or tenant (default: mission)"
      )
      ->check(CLI::IsMember(
          {"mission", "agent", "model", "workflow", "run", "day", "namespace", "tenant"}
      ));
  command->add_option("--limit", cost.limit, "The dearest so many (default: all)");
  add_output(command, common, kTextOrJson);
  add_connection_options(command, cost.connection);
  bind(command, cost, show_cost);
}

QuotaParser::QuotaParser() : options_(std::make_unique<Options>()) {}

QuotaParser::~QuotaParser() = default;

void QuotaParser::add_to(CLI::App& app, Common& common) {
  options_->add_quota(app, common);
  options_->add_cost(app, common);
}

std::optional<BoundCommand> QuotaParser::selected() const {
  return options_->chosen;
}

}  // namespace reeve::cli
