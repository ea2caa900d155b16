#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "resource/names.h"
#include "resource/query.h"
#include "resource/status.h"

/// What the API server does to an object before it is stored, whatever its kind.
namespace reeve::resource {

/// The place a request names, and the rules there.
struct ObjectPlace {
  ResourceName resource;
  NameRule name_rule = NameRule::Subdomain;
  std::string namespace_name;  ///< of the URL; empty for kinds without namespace
  std::string name;            ///< of the URL; empty for a create
};

/// Parts of generated names.
inline constexpr std::size_t kGeneratedSuffixBytes = 5;
inline constexpr std::size_t kGeneratedPrefixBytesMax = 58;

/// What a new object gets.
struct CreateSeeds {
  std::string uid;
  std::string time;  ///< RFC 3339, whole seconds
  /// kGeneratedSuffixBytes characters of [a-z0-9], different each time.
  std::function<std::string()> suffix;
};

/// Checks apiVersion and kind of a body, and that name and namespace, where given, are those of the
/// URL. BadRequest, or Invalid for another kind.
Outcome<void> check_identity(const ObjectPlace& place, const Json& object);

/// A body to create: checks identity and metadata, makes the name from generateName, sets what the
/// server owns (uid, generation 1, creationTimestamp, namespace), drops status and whatever else a
/// client must not set. No resourceVersion yet. managedFields are left alone.
///
/// BadRequest, Invalid (422).
Outcome<Json> prepare_create(const ObjectPlace& place, Json body, const CreateSeeds& seeds);

/// Which request makes an update.
enum class UpdateVerb {
  Put,    ///< must name the resourceVersion
  Patch,  ///< `after` is the patched object; may name none
};

/// An update of the object: checks identity, metadata, resourceVersion and what is immutable, puts
/// back what the server owns and `status`, counts the generation up if anything outside metadata
/// and status changed.
///
/// Conflict (409): another resourceVersion or, for Put, uid. BadRequest, Invalid (422): anything
/// else, new finalizers of an object that is being deleted included.
Outcome<Json> prepare_update(
    const ObjectPlace& place, const Json& existing, Json after, UpdateVerb verb
);

/// An update through the subresource "status": only `status` of `after` counts; managedFields are
/// those of the existing object.
Outcome<Json> prepare_status_update(
    const ObjectPlace& place, const Json& existing, const Json& after, UpdateVerb verb
);

/// Whether a write changes nothing: equal apart from resourceVersion and the times of
/// managedFields. Such a write answers 200 with the object as it is, and nobody hears of it.
bool same_object(const Json& before, const Json& after);

/// The object is being deleted and nobody holds it: this write removes it.
bool ready_to_remove(const Json& object);

/// What becomes of a DELETE.
struct Deletion {
  enum class Action {
    Remove,  ///< now; the answer is Status deleted(…)
    Mark,    ///< store `object`: finalizers hold it; it is the answer
    Wait,    ///< it was marked before, nothing changes; `object` is the answer
  };

  Action action = Action::Remove;
  Json object;
};

/// Marks the object (deletionTimestamp, generation + 1) if finalizers hold it, those that the
/// propagation policy adds included. Conflict (409): a precondition fails.
Outcome<Deletion> prepare_delete(
    const ObjectPlace& place,
    const Json& existing,
    const DeleteOptions& options,
    std::string_view time
);

}  // namespace reeve::resource
