#pragma once

#include <cstddef>
#include <string_view>

#include "base/json.h"
#include "resource/status.h"

namespace reeve::resource {

inline constexpr std::size_t kProtobufBodyBytesMax = std::size_t{1} << 20U;
inline constexpr std::size_t kProtobufFieldsMax = 10'000;

/// Reads a body of `application/vnd.kubernetes.protobuf`: `k8s\0` and a runtime.Unknown. Only what
/// kubectl insists on sending that way: Namespace, SelfSubjectAccessReview, SelfSubjectRulesReview,
/// SelfSubjectReview, SubjectAccessReview, Role, ClusterRole, RoleBinding, ClusterRoleBinding,
/// DeleteOptions. Returns the same object as JSON.
///
/// UnsupportedMediaType: any other kind. BadRequest: bytes that are no such message.
Outcome<Json> decode_protobuf_body(std::string_view body);

}  // namespace reeve::resource
