#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "workflow/trigger/occurrence.h"
#include "workflow/workflow.h"

namespace reeve::trigger {

/// Objects that one poll hands on; the others come with the next one.
inline constexpr std::size_t kObjectsPerPollMax = 1000;
/// Keys of one instant that a cursor remembers.
inline constexpr std::size_t kCursorKeysMax = 10'000;

/// One object of a bucket, as a listing tells.
struct ObjectInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;
  Timestamp modified_at;
};

/// How far a trigger has come in its bucket. Stores tell the time of an object in whole seconds, so
/// that the same instant may get further objects, of any key, after it was seen: the keys that were
/// seen then are remembered.
struct ObjectCursor {
  Timestamp modified_at;
  /// Seen with exactly that time. At most kCursorKeysMax: of more at the same instant, those that
  /// sort first are forgotten and may be handed on twice.
  std::set<std::string, std::less<>> keys;

  friend bool operator==(const ObjectCursor&, const ObjectCursor&) = default;
};

struct ObjectPoll {
  /// Oldest first.
  std::vector<ObjectInfo> fresh;
  ObjectCursor cursor;
  /// There is more than one poll hands on.
  bool more = false;
};

/// What is new in a complete listing, in any order, for a trigger. The first poll of a trigger (no
/// cursor) hands on nothing: it records where the bucket is.
ObjectPoll poll_objects(
    const workflow::ObjectTrigger& trigger,
    const std::optional<ObjectCursor>& cursor,
    const std::vector<ObjectInfo>& listing
);

/// Whether prefix and suffix of the trigger fit.
bool object_matches(const workflow::ObjectTrigger& trigger, std::string_view key);

/// `.Object.Key`, `.Bucket`, `.Size`, `.ETag`, `.LastModified`.
Occurrence object_occurrence(std::string_view bucket, const ObjectInfo& object, Timestamp now);

Json to_json(const ObjectCursor& cursor);

/// Corrupt: it is none.
Result<ObjectCursor> object_cursor_from_json(const Json& json);

}  // namespace reeve::trigger
