#include "cli/scope.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::cli {

namespace {

constexpr std::size_t kColumn = 20;

/// Commands about what lies in no namespace.
constexpr std::array<std::string_view, 21> kWithout = {
    "explain", "api-resources", "backup", "restore", "export", "show",   "check",  "docs",
    "up",      "down",          "lint",   "schema",  "lock",   "doctor", "verify", "version",
    "add",     "put",           "expire", "rekey",   "help"};

/// Commands that list what there is.
constexpr std::array<std::string_view, 12> kLists = {
    "status",
    "workflows",
    "approvals",
    "ready",
    "list",
    "clear",
    "get",
    "can-i",
    "top",
    "endpoints",
    "incidents",
    "cost"};

template <std::size_t kSize>
bool has(const std::array<std::string_view, kSize>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void add_namespace_options(CLI::App& app, Common& common) {
  for (CLI::App* command : app.get_subcommands(nullptr)) {
    const std::string& name = command->get_name();
    // Tokens are of no namespace.
    if (name == "token") {
      continue;
    }
    if (!command->get_subcommands(nullptr).empty()) {
      add_namespace_options(*command, common);
      continue;
    }
    // What a quota shows is of a namespace, what settings show is not.
    if (has(kWithout, name) && app.get_name() != "quota") {
      continue;
    }
    CLI::Option* one = command->add_option(
        "-n,--namespace", common.ns, "Namespace (default: $REEVE_NAMESPACE, else default)"
    );
    // The files of one mission are of its namespace.
    if (has(kLists, name) && app.get_name() != "artifacts") {
      command->add_flag("-A,--all-namespaces", common.all_namespaces, "Those of all namespaces")
          ->excludes(one);
    }
  }
}

std::string complete_namespace(Common& common) {
  const bool given = !common.ns.empty();
  if (!given) {
    const char* value = std::getenv("REEVE_NAMESPACE");
    common.ns = value == nullptr ? "" : value;
  }
  if (common.ns.empty()) {
    return {};
  }
  const Result<void> good = model::check_namespace(common.ns);
  return good ? std::string()
              : concat(given ? "--namespace: " : "$REEVE_NAMESPACE: ", good.error().describe());
}

Namespace namespace_of(const Common& common) {
  return Namespace(common.ns.empty() ? std::string(model::kDefaultNamespace) : common.ns);
}

std::optional<Namespace> listed_namespace(const Common& common) {
  return common.all_namespaces ? std::nullopt : std::optional(namespace_of(common));
}

std::string namespace_column(const Common& common, std::string_view ns) {
  if (!common.all_namespaces) {
    return {};
  }
  return concat(ns, std::string(ns.size() < kColumn ? kColumn - ns.size() : 1, ' '));
}

std::string namespace_option(const Namespace& ns) {
  return ns.view() == model::kDefaultNamespace ? std::string() : concat(" -n ", ns.view());
}

}  // namespace reeve::cli
