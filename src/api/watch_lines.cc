#include "api/watch_lines.h"

#include <memory>
#include <utility>

#include "api/listing.h"
#include "api/services.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

std::string event_line(std::string_view type, std::string_view object) {
  return concat(R"({"type":")", type, R"(","object":)", object, "}\n");
}

}  // namespace

WatchLines::WatchLines(const Call& call, const resource::ListOptions& options)
    : services_(call.services),
      type_(call.type),
      shape_(call.shape),
      include_(options.include_object),
      representation_(representation_word(call, options)) {}

resource::TableOptions WatchLines::table_options() const {
  return {.version = shape_.version, .include_object = include_, .now = services_->now()};
}

Json WatchLines::shaped(const Json& object, bool with_definitions) const {
  switch (shape_.shape) {
    case resource::Shape::Table:
      return resource::object_table(type_->columns, object, table_options(), with_definitions);
    case resource::Shape::PartialMetadata:
      return resource::partial_metadata(object, shape_.version);
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      return object;
  }
  return object;
}

std::string WatchLines::encode(const view::WatchEvent& event) const {
  if (shape_.shape == resource::Shape::Object) {
    return event_line(view::to_string(event.type), *event.object->text());
  }
  return event_line(view::to_string(event.type), shaped(event.object->object, false).dump());
}

view::Encodings::Bytes WatchLines::line(const view::WatchEvent& event) {
  if (event.type == view::WatchEventType::Bookmark) {
    return std::make_shared<const std::string>(bookmark(event.revision, event.initial_end));
  }
  if (table() && !std::exchange(told_columns_, true)) {
    const Json rows = shaped(event.object->object, true);
    return std::make_shared<const std::string>(event_line(view::to_string(event.type), rows.dump())
    );
  }
  return event.encoded(representation_, [this](const view::WatchEvent& what) {
    return encode(what);
  });
}

std::string WatchLines::bookmark(Revision at, bool initial_end) {
  const std::string version = std::to_string(at.value());
  Json object;
  switch (shape_.shape) {
    case resource::Shape::Table:
      object = resource::table_bookmark(
          type_->columns, version, initial_end, table_options(), !std::exchange(told_columns_, true)
      );
      break;
    case resource::Shape::PartialMetadata:
      object = resource::partial_bookmark(version, initial_end, shape_.version);
      break;
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      object = resource::bookmark(type_->name, version, initial_end);
      break;
  }
  return event_line("BOOKMARK", object.dump());
}

std::string WatchLines::expired(Revision asked) const {
  const std::uint64_t current = services_->view.revision().value();
  const resource::Status status = resource::resource_version_too_old(asked.value(), current);
  return event_line("ERROR", resource::to_json(status).dump());
}

std::string_view WatchLines::shared_form() const {
  return table() ? std::string_view() : std::string_view(representation_);
}

}  // namespace reeve::api
