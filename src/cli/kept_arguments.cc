#include "cli/kept_arguments.h"

#include <CLI/CLI.hpp>

#include "cli/subcommand.h"

namespace reeve::cli {

struct KeptParser::Options {
  using Verb = ArtifactsArgs::Verb;

  ArtifactsArgs artifacts;
  CacheArgs cache;
  CLI::App* artifacts_command = nullptr;
  CLI::App* cache_command = nullptr;

  /// One verb of `reeve artifacts`.
  CLI::App* add_verb(
      Common& common, const char* name, Verb verb, const char* purpose, const char* example
  ) {
    CLI::App* command = cli::add(*artifacts_command, name, purpose, example, common);
    command->callback([this, verb] { artifacts.verb = verb; });
    return command;
  }

  void add_artifacts(CLI::App& app, Common& common);
  void add_cache(CLI::App& app, Common& common);
};

void KeptParser::Options::add_artifacts(CLI::App& app, Common& common) {
  artifacts_command =
      cli::add(app, "artifacts", "Files that tasks kept", "reeve artifacts list build-12", common);
  artifacts_command->require_subcommand(1);
  CLI::App* list = add_verb(
      common, "list", Verb::List, "List the files of a mission", "reeve artifacts list build-12"
  );
  list->add_option("MISSION", artifacts.mission)->required();
  add_output(list, common, kTextOrJson);
  CLI::App* get = add_verb(
      common,
      "get",
      Verb::Get,
      "Print or copy files of a task, verified",
      "reeve artifacts get build-12 package dist/app.tar -o app.tar"
  );
  get->add_option("MISSION", artifacts.mission, "A mission, or reeve://MISSION/TASK/PATH")
      ->required();
  get->add_option("TASK", artifacts.task);
  get->add_option("PATH", artifacts.path, "Without it: all files of the task");
  get->add_option(
      "-o,--to", artifacts.target, "File; without PATH a directory (default: standard output)"
  );
  CLI::App* put = add_verb(
      common,
      "put",
      Verb::Put,
      "Upload a file for artifactIds of tasks and print its digest",
      "reeve artifacts put data.csv --expires 30d"
  );
  put->add_option("FILE", artifacts.file)->required();
  put->add_option("--expires", artifacts.expires, "Forget it after this time (default: never)");
  add_verb(
      common,
      "expire",
      Verb::Expire,
      "Remove what has expired or belongs to nothing",
      "reeve artifacts expire"
  );
}

void KeptParser::Options::add_cache(CLI::App& app, Common& common) {
  cache_command = cli::add(app, "cache", "Caches of tasks", "reeve cache list", common);
  cache_command->require_subcommand(1);
  for (const bool clear : {false, true}) {
    CLI::App* verb =
        clear ? cli::add(
                    *cache_command, "clear", "Forget caches", "reeve cache clear nightly", common
                )
              : cli::add(*cache_command, "list", "List caches", "reeve cache list -o json", common);
    verb->add_option("WORKFLOW", cache.workflow, "Only those of this workflow");
    verb->callback([this, clear] { cache.clear = clear; });
    add_output(verb, common, kTextOrJson);
  }
}

KeptParser::KeptParser() : options_(std::make_unique<Options>()) {}

KeptParser::~KeptParser() = default;

void KeptParser::add_to(CLI::App& app, Common& common) {
  options_->add_artifacts(app, common);
  options_->add_cache(app, common);
}

std::optional<std::variant<ArtifactsArgs, CacheArgs>> KeptParser::selected() const {
  if (options_->artifacts_command->parsed()) {
    return options_->artifacts;
  }
  if (options_->cache_command->parsed()) {
    return options_->cache;
  }
  return std::nullopt;
}

}  // namespace reeve::cli
