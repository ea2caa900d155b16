#include "api/list_text.h"

#include <utility>

#include "base/strings.h"

namespace reeve::api {

namespace {

constexpr std::string_view kMetadata = "metadata";
/// Of members of the list, and of its objects.
constexpr std::size_t kMemberIndent = 2;
constexpr std::size_t kObjectIndent = 4;

/// Text for people as it is further in. Texts of JSON have no line ends of their own.
std::string indented(const Json& json, std::size_t depth) {
  const std::string pretty = json.pretty();
  std::string_view text = pretty;
  text.remove_suffix(1);
  std::string out;
  for (const char c : text) {
    out.push_back(c);
    if (c == '\n') {
      out.append(depth, ' ');
    }
  }
  return out;
}

Json without_metadata(const Json& list) {
  Json left = Json::object();
  for (const Json::Member& member : list.as_object()) {
    if (member.first != kMetadata) {
      left.set(member.first, member.second);
    }
  }
  return left;
}

}  // namespace

/// The list without objects; its last member is the empty list of them.
Json ListText::head(const resource::ListPage& page) const {
  switch (form_.shape.shape) {
    case resource::Shape::Table:
      return resource::table(form_.columns, page, {}, form_.table);
    case resource::Shape::PartialMetadata:
      return resource::partial_metadata_list(page, {}, form_.shape.version);
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      return resource::object_list(form_.resource, page, {});
  }
  return resource::object_list(form_.resource, page, {});
}

std::string ListText::opening(const resource::ListPage* page) const {
  const Json list = page != nullptr ? head(*page) : without_metadata(head({}));
  std::string text = form_.pretty ? list.pretty() : list.dump();
  text.resize(text.rfind(']'));
  return text;
}

std::string ListText::object(const view::Projected& object) const {
  Json shaped;
  switch (form_.shape.shape) {
    case resource::Shape::Table:
      shaped = resource::table_row(form_.columns, object.object, form_.table);
      break;
    case resource::Shape::PartialMetadata:
      shaped = resource::partial_metadata(object.object, form_.shape.version);
      break;
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      if (!form_.pretty) {
        return *object.text();
      }
      shaped = object.object;
      break;
  }
  if (!form_.pretty) {
    return shaped.dump();
  }
  return concat("\n", std::string(kObjectIndent, ' '), indented(shaped, kObjectIndent));
}

std::string ListText::closing(const resource::ListPage* page, bool empty) const {
  std::string text = form_.pretty && !empty ? concat("\n", std::string(kMemberIndent, ' '), "]")
                                            : std::string("]");
  if (page != nullptr) {
    const Json list = head(*page);
    const Json& metadata = *list.find(kMetadata);
    text += form_.pretty ? concat(",\n  \"", kMetadata, "\": ", indented(metadata, kMemberIndent))
                         : concat(",\"", kMetadata, "\":", metadata.dump());
  }
  return concat(text, form_.pretty ? "\n}\n" : "}");
}

}  // namespace reeve::api
