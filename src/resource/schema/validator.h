#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/cause.h"
#include "resource/schema/schema.h"

namespace reeve::resource::schema {

/// How much of an object is looked at. What is beyond is refused with a cause.
struct ValidationLimits {
  std::size_t causes_max = 50;
  int depth_max = 64;
  /// Values of all kinds.
  std::size_t values_max = 100'000;
};

/// Why `value` does not fit `schema`, in the order of the fields; empty: it fits. Members that are
/// not declared are no reason here, see `unknown_fields`. Fields are named below `path` ("" for a
/// whole object). Messages are those of kube-apiserver. Any thread.
std::vector<Cause> validate(
    const Schema& schema,
    const Json& value,
    std::string_view path = {},
    const ValidationLimits& limits = {}
);

/// Paths that are reported by `unknown_fields` and `prune`; more are counted by nobody.
inline constexpr std::size_t kUnknownFieldsMax = 50;

/// Paths of members that the schema does not declare ("spec.tooool"), in the order of the object.
std::vector<std::string> unknown_fields(const Schema& schema, const Json& value);

/// The text of a strict refusal: `strict decoding error: unknown field "spec.tooool"`; "" for none.
std::string strict_decoding_error(const std::vector<std::string>& paths);

/// Removes what `unknown_fields` finds, all of it, and returns its paths.
std::vector<std::string> prune(const Schema& schema, Json& value);

/// Puts defaults in where members are absent, or null where null is not allowed.
void apply_defaults(const Schema& schema, Json& value);

/// Removes members that are accepted, but never shown (`writeOnly`).
void hide_write_only(const Schema& schema, Json& value);

/// Causes for members that have changed, come or gone although they may not (`x-reeve-immutable`),
/// as "field is immutable". Both objects have their defaults. Lists are looked into only if they
/// are maps.
std::vector<Cause> validate_update(const Schema& schema, const Json& before, const Json& after);

}  // namespace reeve::resource::schema
