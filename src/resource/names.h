#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/cause.h"

namespace reeve::resource {

inline constexpr std::size_t kDnsLabelBytesMax = 63;
inline constexpr std::size_t kDnsSubdomainBytesMax = 253;
inline constexpr std::size_t kLabelNameBytesMax = 63;
inline constexpr std::size_t kLabelValueBytesMax = 63;
inline constexpr std::size_t kAnnotationsBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kLabelsMax = 256;
inline constexpr std::size_t kFinalizersMax = 64;
inline constexpr std::size_t kOwnerReferencesMax = 64;

/// Kubernetes' own finalizers, which need no domain.
inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";

/// How the names of a kind look.
enum class NameRule {
  Label,      ///< DNS-1123 label: namespaces
  Subdomain,  ///< DNS-1123 subdomain: most kinds
  Free,       ///< letters, digits, '.', '_', '-', at most 100, first a letter or digit, no ".."
  Segment,    ///< whatever can stand in a path: roles
};

/// What is wrong with a name, in Kubernetes' words; empty if nothing is.
using Problems = std::vector<std::string>;

Problems dns_label_problems(std::string_view text);
Problems dns_subdomain_problems(std::string_view text);
Problems name_problems(NameRule rule, std::string_view name);
/// `generateName`: a beginning, so it may end in '-'.
Problems name_prefix_problems(NameRule rule, std::string_view prefix);
/// A label key: `[prefix/]name`.
Problems qualified_name_problems(std::string_view text);
Problems label_value_problems(std::string_view text);
/// A qualified name with a domain, or one of Kubernetes' own.
Problems finalizer_problems(std::string_view text);

/// Checks `metadata` of an object as a client may write it: the type of every known member, names,
/// labels, annotations, finalizers, owner references, times. Appends what is wrong to `causes`.
/// Members that are unknown are not its business, see `unknown_metadata_fields`; neither is whether
/// the managed fields make sense.
void validate_metadata(const Json& metadata, NameRule rule, std::vector<Cause>& causes);

/// Paths of members of metadata (and its owner references) that do not exist: `metadata.lables`.
std::vector<std::string> unknown_metadata_fields(const Json& metadata);

}  // namespace reeve::resource
