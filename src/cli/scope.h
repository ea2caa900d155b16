#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

/// Which namespace a command is about. Private to cli.
namespace reeve::cli {

/// Adds `-n` to every command about things in namespaces, and `-A` to those that list some.
void add_namespace_options(CLI::App& app, Common& common);

/// Where no namespace is given, $REEVE_NAMESPACE counts. Returns what is wrong with it, or nothing.
std::string complete_namespace(Common& common);

/// The namespace that names on the command line belong to.
Namespace namespace_of(const Common& common);

/// Of a command that lists: nothing means all of them.
std::optional<Namespace> listed_namespace(const Common& common);

/// Begins a line of a list that may be about all namespaces: nothing, or a column.
std::string namespace_column(const Common& common, std::string_view ns);

/// What a command has to be given for this namespace: " -n team-a", or nothing for `default`.
std::string namespace_option(const Namespace& ns);

}  // namespace reeve::cli
