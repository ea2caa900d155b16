#include "cli/trigger_arguments.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "cli/subcommand.h"
#include "cli/time_argument.h"

namespace reeve::cli {

struct TriggerParser::Options {
  TriggerTestArgs args;
  std::vector<std::string> headers;
  std::vector<std::string> query;
  std::string at;
  CLI::App* test = nullptr;
};

TriggerParser::TriggerParser() : options_(std::make_unique<Options>()) {}

TriggerParser::~TriggerParser() = default;

void TriggerParser::add_to(CLI::App& app, Common& common) {
  Options& o = *options_;
  CLI::App* trigger = cli::add(
      app, "trigger", "Try triggers", "reeve trigger test hook.yaml push --body body.json", common
  );
  trigger->require_subcommand(1);
  o.test = cli::add(
      *trigger,
      "test",
      "Say what would come of it; nothing is done",
      "reeve trigger test hook.yaml push --body body.json --header X-GitHub-Event=push",
      common
  );
  o.test->add_option("WORKFLOW", o.args.workflow, "A workflow file, or a deployed workflow")
      ->required();
  o.test->add_option("TRIGGER", o.args.trigger)->required();
  o.test->add_option(
      "--body", o.args.body, "File with the body of the request or message; -: standard input"
  );
  o.test
      ->add_option(
          "--header", o.headers, "key=value: of a request a header, of a message a property"
      )
      ->allow_extra_args(false);
  o.test->add_option("--query", o.query, "key=value, of a request")->allow_extra_args(false);
  o.test->add_option("--file", o.args.file, "File of the inbox");
  o.test->add_option("--key", o.args.key, "Key of the object in the bucket");
  o.test->add_option("--at", o.at, "Time, such as 2026-12-24T18:00:00.000Z (default: now)");
  add_output(o.test, common, kTextOrJson);
}

std::variant<TriggerTestArgs, std::string> TriggerParser::selected() const {
  const Options& o = *options_;
  if (!o.test->parsed()) {
    return std::string();
  }
  TriggerTestArgs args = o.args;
  for (const auto& [option, raw, pairs] :
       {std::tuple("--header", &o.headers, &args.headers),
        std::tuple("--query", &o.query, &args.query)}) {
    if (std::string problem = parse_pairs(option, *raw, *pairs); !problem.empty()) {
      return problem;
    }
  }
  if (!o.at.empty()) {
    const Result<Timestamp> at = parse_time_argument(o.at);
    if (!at) {
      return "--at: " + at.error().describe();
    }
    args.at = *at;
  }
  return args;
}

}  // namespace reeve::cli
