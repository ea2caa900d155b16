#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "api/view/projected.h"
#include "engine/engine.h"
#include "resource/query.h"
#include "resource/status.h"

/// How writes become commands of the engine.
namespace reeve::api {

/// What a write has in mind once everything about the request has been checked.
struct Write {
  /// The object as it is; null: it is made.
  const Json* before = nullptr;
  Json after;
  /// "", "status".
  std::string subresource;
  /// The write is for the object at this revision only; 0: as long as it is not there.
  Revision expected{};
};

/// The command for a write to an object of any storage.
resource::Outcome<engine::Command> command_for(const Call& call, const Write& write);

/// The command for a deletion.
resource::Outcome<engine::Command> deletion_command(
    const Call& call, std::string_view name, const resource::DeleteOptions& options
);

/// What a mission that the request makes takes on of its trace.
model::Trace trace_of(const Call& call);

/// Takes the reply of a command on the network thread.
using Replied = std::function<void(Result<engine::Reply> reply)>;

/// Makes one object of the route's kind, as POST of it would.
void create_from(const CallPtr& call, const resource::WriteOptions& options, Json body);

/// Hands a command to the kernel for whoever calls, under the idempotency key of the request if it
/// has one (`suffix` tells several commands of one request apart). The request waits from then on:
/// if nobody wants its answer any more, what was not begun is not begun.
void send(
    const CallPtr& call, engine::Command command, Replied replied, std::string_view suffix = {}
);

/// The object of the route as it is now.
view::ProjectedPtr current(const Call& call, std::string_view name);

/// The body as a value, from JSON, YAML or protobuf. BadRequest, UnsupportedMediaType.
resource::Outcome<Json> read_body(const Call& call, resource::BodyFormat format);

/// Of a workflow or mission that was given as text and is shown as what the text means: the same
/// text again takes the place of that, or changes nothing. Invalid: another text for a mission.
resource::Outcome<void> settle_source(const Call& call, const Json& before, Json& after);

/// Puts in what is never shown, and so is not in an object that somebody changes.
void keep_hidden(const Call& call, Json& object);

/// Takes out what is never shown and is as it was stored: saying it again changes nothing.
void forget_same_hidden(const Call& call, Json& object);

/// Removes fields that the contract does not know, or refuses them, as the client asked. Other
/// systems' fields have a meaning there: one without a counterpart here is never taken out.
resource::Outcome<void> check_fields(
    Call& call, Json& object, resource::FieldValidation validation
);

/// Checks the object against its contract, removes what is unknown or refuses it (as the client
/// asked), and puts defaults in.
resource::Outcome<void> check_contract(
    Call& call, Json& object, resource::FieldValidation validation, const Json* before
);

/// The stored row of an object, with what is never shown; null: there is none.
Json stored_row(const Services& services, const journal::ObjectKey& key);

/// Roles, bindings and tokens give permissions: who writes them must hold them.
std::optional<resource::Status> check_escalation(const Call& call, const Json& object);

/// A program that a tool server is has the permissions of this machine's account: who has one
/// started needs a right of its own, and the program a setting that names it; runs have none
/// started. `before` is null for what is made.
std::optional<resource::Status> check_command(
    const Call& call, const Json* before, const Json& object
);

}  // namespace reeve::api
