#pragma once

#include "base/json.h"
#include "resource/schema/contract.h"
#include "resource/status.h"

/// What of a write is secret, and what becomes of it. Pure; any thread.
namespace reeve::api {

/// The spec of the Credential that a Secret stands for: its one value, or an empty object if the
/// Secret brings none (then the value that is there stays).
///
/// Invalid: several keys, which one credential cannot hold; a value that is empty, too long, no
/// base64 or no text. No cause has anything of a value in it.
resource::Outcome<Json> credential_spec(const resource::ResourceName& secret, const Json& object);

/// Takes what is accepted and never shown out of the copy of the object that `kubectl apply` keeps
/// in an annotation; a copy that cannot be read goes as a whole.
void forget_applied_secrets(const resource::schema::Schema& schema, Json& object);

}  // namespace reeve::api
