#include <memory>
#include <utility>

#include "base/strings.h"
#include "gateway/tool/calls.h"

/// Arguments that a person writes in place of those that an agent has asked for.
namespace reeve::gateway {

namespace {

Error not_possible(ErrorCode code, std::string message) {
  Error error = make_error(code, std::move(message), "arguments");
  error.hint = "the call still waits";
  return error;
}

/// What is kept out of the record is not there for whoever edits, and may be what the tool asks
/// for.
Error unfit(const Error& found, const Json& spec) {
  Error error = found;
  error.subject = found.subject.empty() || found.subject == "arguments"
                      ? std::string("arguments")
                      : concat("arguments.", found.subject);
  error.hint = spec.get_array("redact").empty()
                   ? "the call still waits: mend them, and approve it again"
                   : "what is kept out of the record cannot be written: approve the call as it is, "
                     "or reject it";
  return error;
}

/// Whether the tool of a call takes the arguments, on the terms of today.
Result<void> fit(const CatalogServer* server, const Json& spec, const Json& arguments) {
  const std::string tool = spec.get_string("tool");
  if (server == nullptr) {
    return not_possible(
        ErrorCode::IllegalTransition,
        concat("the tool server ", spec.get_string("server"), " is not there any more")
    );
  }
  if (!server->problem.empty()) {
    return not_possible(
        ErrorCode::Unavailable,
        concat("the tool server cannot say now what the tool takes: ", server->problem)
    );
  }
  const auto found = server->tools.find(tool);
  if (found == server->tools.end()) {
    // What an agent's own tools take is known to the agent alone.
    return server->server.builtin == "approvals"
               ? Result<void>()
               : not_possible(
                     ErrorCode::IllegalTransition,
                     concat("the tool ", tool, " is not there any more")
                 );
  }
  if (!found->second.refusal.empty()) {
    return not_possible(ErrorCode::IllegalTransition, found->second.refusal);
  }
  if (!found->second.schema) {
    return {};
  }
  const Result<void> checked = found->second.schema->check(arguments);
  return checked ? checked : Result<void>(unfit(checked.error(), spec));
}

}  // namespace

void ToolCalls::check_edit(
    const Json& object, const Json& arguments, std::function<void(Result<void>)> done
) {
  const Json& spec = object.get_object("spec");
  catalog_.server(
      Namespace(object.get_object("metadata").get_string("namespace")),
      spec.get_string("server"),
      [spec, arguments, done = std::move(done)](const CatalogServerPtr& server) {
        done(fit(server.get(), spec, arguments));
      }
  );
}

}  // namespace reeve::gateway
