#include "workflow/trigger/objects.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/strings.h"

namespace reeve::trigger {

namespace {

bool is_older(const ObjectInfo& a, const ObjectInfo& b) {
  return std::tie(a.modified_at, a.key) < std::tie(b.modified_at, b.key);
}

void advance(ObjectCursor& cursor, const ObjectInfo& object) {
  if (object.modified_at > cursor.modified_at) {
    cursor.modified_at = object.modified_at;
    cursor.keys.clear();
  }
  cursor.keys.insert(object.key);
  if (cursor.keys.size() > kCursorKeysMax) {
    cursor.keys.erase(cursor.keys.begin());
  }
}

}  // namespace

bool object_matches(const workflow::ObjectTrigger& trigger, std::string_view key) {
  return key.starts_with(trigger.prefix) && key.ends_with(trigger.suffix);
}

ObjectPoll poll_objects(
    const workflow::ObjectTrigger& trigger,
    const std::optional<ObjectCursor>& cursor,
    const std::vector<ObjectInfo>& listing
) {
  ObjectPoll poll;
  poll.cursor = cursor.value_or(ObjectCursor{});
  std::vector<ObjectInfo> later;
  for (const ObjectInfo& object : listing) {
    const bool seen =
        object.modified_at < poll.cursor.modified_at ||
        (object.modified_at == poll.cursor.modified_at && poll.cursor.keys.contains(object.key));
    if (!seen && object_matches(trigger, object.key)) {
      later.push_back(object);
    }
  }
  std::sort(later.begin(), later.end(), is_older);
  if (cursor && later.size() > kObjectsPerPollMax) {
    later.resize(kObjectsPerPollMax);
    poll.more = true;
  }
  for (ObjectInfo& object : later) {
    advance(poll.cursor, object);
    if (cursor) {
      poll.fresh.push_back(std::move(object));
    }
  }
  return poll;
}

Occurrence object_occurrence(std::string_view bucket, const ObjectInfo& object, Timestamp now) {
  Json fields = Json::object();
  fields.set("Key", object.key);
  fields.set("Bucket", bucket);
  fields.set("Size", Json(object.size_bytes));
  fields.set("ETag", object.etag);
  fields.set("LastModified", format_timestamp(object.modified_at));
  Occurrence occurrence{
      .data = Json::object(),
      .at = now,
      .key = concat(
          bucket, "\n", object.key, "\n", format_timestamp(object.modified_at), "\n", object.etag
      )};
  occurrence.data.set("Object", std::move(fields));
  return occurrence;
}

Json to_json(const ObjectCursor& cursor) {
  Json keys = Json::array();
  for (const std::string& key : cursor.keys) {
    keys.push(key);
  }
  Json json = Json::object();
  json.set("modifiedAt", format_timestamp(cursor.modified_at));
  json.set("keys", std::move(keys));
  return json;
}

Result<ObjectCursor> object_cursor_from_json(const Json& json) {
  const Error corrupt = make_error(ErrorCode::Corrupt, "this is no cursor of an object trigger");
  const auto modified_at = parse_timestamp(json.get_string("modifiedAt"));
  const Json* const keys = json.find("keys");
  if (!modified_at || keys == nullptr || !keys->is_array()) {
    return corrupt;
  }
  ObjectCursor cursor{.modified_at = *modified_at, .keys = {}};
  for (const Json& key : keys->as_array()) {
    if (!key.is_string()) {
      return corrupt;
    }
    cursor.keys.insert(key.as_string());
  }
  return cursor;
}

}  // namespace reeve::trigger
