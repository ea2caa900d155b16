#include "cli/namespace_arguments.h"

#include <CLI/CLI.hpp>

#include "cli/subcommand.h"

namespace reeve::cli {

struct NamespaceParser::Options {
  NamespaceArgs args;
  CLI::App* create = nullptr;
  CLI::App* list = nullptr;
  CLI::App* remove = nullptr;
};

NamespaceParser::NamespaceParser() : options_(std::make_unique<Options>()) {}

NamespaceParser::~NamespaceParser() = default;

void NamespaceParser::add_to(CLI::App& app, Common& common) {
  Options& o = *options_;
  CLI::App* group = cli::add(
      app, "namespace", "Cells that keep tenants apart", "reeve namespace create team-a", common
  );
  group->require_subcommand(1);
  o.create =
      cli::add(*group, "create", "Make a namespace", "reeve namespace create team-a", common);
  o.create->add_option("NAME", o.args.name)->required();
  o.list = cli::add(*group, "list", "List namespaces", "reeve namespace list", common);
  add_output(o.list, common, kTextOrJson);
  o.remove = cli::add(
      *group,
      "delete",
      "Abort what runs in a namespace and delete it with all that is in it",
      "reeve namespace delete team-a",
      common
  );
  o.remove->add_option("NAME", o.args.name)->required();
}

std::optional<NamespaceArgs> NamespaceParser::selected() const {
  const Options& o = *options_;
  NamespaceArgs args = o.args;
  if (o.create->parsed()) {
    args.action = NamespaceArgs::Action::Create;
  } else if (o.list->parsed()) {
    args.action = NamespaceArgs::Action::List;
  } else if (o.remove->parsed()) {
    args.action = NamespaceArgs::Action::Delete;
  } else {
    return {};
  }
  return args;
}

}  // namespace reeve::cli
