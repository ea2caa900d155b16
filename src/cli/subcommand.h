#pragma once

#include <map>
#include <string>

#include "cli/arguments.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

/// What all subcommands have in common. Private to cli.
namespace reeve::cli {

/// One subcommand: what it is called, what it is for, an example.
CLI::App* add(
    CLI::App& app, const char* name, const char* purpose, const char* example, Common& common
);

/// `-o`. Checks names, not values: the help and the complaints of CLI11 would print the values.
void add_output(CLI::App* command, Common& common, const std::map<std::string, Output>& choices);

extern const std::map<std::string, Output> kTextOrJson;
extern const std::map<std::string, Output> kTextJsonOrYaml;
extern const std::map<std::string, Output> kAllOutputs;
/// Of objects of the API.
extern const std::map<std::string, Output> kObjectOutputs;

/// Splits "key=value"; a repeated key is refused, because one of the two would be lost. Returns
/// what is wrong, with `option` in it, or nothing.
std::string parse_pairs(
    const std::string& option, const std::vector<std::string>& raw, Params& params
);

/// Says on standard error what is wrong with the arguments of `app`, and whose help says more.
/// Returns the exit code.
int report_usage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace reeve::cli
