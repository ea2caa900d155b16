#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "resource/status.h"

/// Options of requests, from the decoded pairs of the query. Unknown parameters are ignored, as
/// Kubernetes does; of a repeated one the first counts.
namespace reeve::resource {

using QueryPairs = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::int64_t kListLimitMax = 5000;
inline constexpr std::int64_t kWatchTimeoutSecondsMax = 3600;
inline constexpr std::size_t kContinueBytesMax = 4096;

/// Go's ParseBool (1 t T TRUE true True, 0 f F FALSE false False); nullopt for anything else.
std::optional<bool> parse_bool(std::string_view text);

/// A resourceVersion: a decimal number without leading zeros. BadRequest: anything else.
Outcome<std::uint64_t> parse_resource_version(std::string_view text);

enum class VersionMatch { Unset, Exact, NotOlderThan };

enum class IncludeObject { None, Metadata, Object };

/// GET of one object.
struct GetOptions {
  std::optional<std::uint64_t> resource_version;  ///< not older than this; 0: any
  IncludeObject include_object = IncludeObject::Metadata;
  bool pretty = false;
};

/// GET and DELETE of a collection.
struct ListOptions {
  bool watch = false;
  std::int64_t limit = 0;  ///< 0: none given; larger ones become kListLimitMax
  std::string continue_token;
  std::optional<std::uint64_t> resource_version;
  VersionMatch version_match = VersionMatch::Unset;
  std::string label_selector;  ///< see LabelSelector::parse
  std::string field_selector;  ///< see FieldSelector::parse
  bool allow_bookmarks = false;
  std::optional<bool> send_initial_events;
  /// Larger ones become kWatchTimeoutSecondsMax; 0 is none.
  std::optional<std::int64_t> timeout_seconds;
  IncludeObject include_object = IncludeObject::Metadata;
  bool pretty = false;
};

enum class FieldValidation { Ignore, Warn, Strict };

enum class WriteVerb { Create, Update, Patch, Apply };

/// POST, PUT, PATCH.
struct WriteOptions {
  std::string field_manager;  ///< empty: none given; never for Apply
  FieldValidation field_validation = FieldValidation::Warn;
  bool dry_run = false;
  bool force = false;  ///< of Apply only
  bool pretty = false;
};

enum class Propagation { Default, Background, Foreground, Orphan };

/// DELETE of one object or of a collection.
struct DeleteOptions {
  Propagation propagation = Propagation::Default;
  std::optional<std::int64_t> grace_period_seconds;
  std::string uid;               ///< precondition; empty: none
  std::string resource_version;  ///< precondition; empty: none
  bool dry_run = false;
};

/// BadRequest: a number, boolean or version that is none.
Outcome<GetOptions> parse_get_options(const QueryPairs& query);

/// BadRequest: what cannot be read, and combinations of continue, resourceVersion and
/// resourceVersionMatch that mean nothing. Invalid (422): sendInitialEvents without
/// resourceVersionMatch=NotOlderThan and bookmarks, or without watch.
Outcome<ListOptions> parse_list_options(const QueryPairs& query);

/// Invalid (422), in Kubernetes' words: manager, dryRun, fieldValidation, force.
Outcome<WriteOptions> parse_write_options(const QueryPairs& query, WriteVerb verb);

/// From the query and the body (DeleteOptions, may be null); the body wins. Invalid (422): unknown
/// policies, contradictions. BadRequest: members of other types, unknown members.
Outcome<DeleteOptions> parse_delete_options(const QueryPairs& query, const Json* body);

}  // namespace reeve::resource
