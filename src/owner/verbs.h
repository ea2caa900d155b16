#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"
#include "kernel/loop.h"
#include "owner/control_server.h"
#include "owner/identity.h"
#include "protocol/message.h"

namespace reeve::owner {

/// The arguments of a verb as a command of the engine. Names in them are those of `ns`.
using ToCommand = std::function<Result<engine::Command>(const Json& args, const Namespace& ns)>;

/// What the owner of a data directory can be asked: one entry for each verb. The same entry serves
/// requests that come over the socket and those of the owner itself.
///
/// Threading: fill it before it is used; then `handle` from any thread.
class Verbs {
 public:
  /// A verb that becomes one input of the engine. Its request's id is the input's: a repeated
  /// request gets the first answer.
  void add(std::string verb, ToCommand to_command);

  /// Any other verb. `handler` must not block.
  void add_other(std::string verb, RequestHandler handler);

  /// Carries a request out. Invalid: no such verb.
  void handle(kernel::Loop& loop, protocol::Request request, const Caller& caller, Respond respond)
      const;

 private:
  std::map<std::string, ToCommand, std::less<>> commands_;
  std::map<std::string, RequestHandler, std::less<>> others_;
};

/// The namespace that a request is about: the one that it names, else `default`. A run has its own
/// and no other. PermissionDenied: it names another.
Result<Namespace> namespace_of(const protocol::Request& request, const Caller& caller);

/// The verbs that the engine carries out: submit, retry, abort, release, decide, object.
void add_engine_verbs(Verbs& verbs);

/// The engine's answer as sent: `mission, uid, state, revision`, and `namespace` unless it is
/// `default`; or of other objects `subject, revision, detail`.
Json to_json(const engine::Reply& reply);

}  // namespace reeve::owner
