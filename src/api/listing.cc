#include "api/listing.h"

#include <memory>
#include <utility>

#include "api/services.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

/// Who may use a continue token, and for what.
std::string context_of(const Call& call, const Selection& selection) {
  return concat(
      "continue\n",
      call.identity.user,
      "\n",
      call.resource().qualified_plural(),
      "\n",
      selection.text
  );
}

constexpr std::string_view kBadToken =
    "continue key is not valid: it must come from the list that it continues, unchanged";

}  // namespace

resource::Outcome<Selection> select(const Call& call, const resource::ListOptions& options) {
  REEVE_TRY(resource::LabelSelector labels, resource::LabelSelector::parse(options.label_selector));
  REEVE_TRY(
      resource::FieldSelector fields,
      resource::FieldSelector::parse(options.field_selector, call.type->contract->selectable_fields)
  );
  Selection selection;
  if (call.type->namespaced() && call.route.in_namespace) {
    selection.selector.ns = call.route.ns;
  }
  if (const std::string* name = fields.required_value("metadata.name")) {
    selection.selector.name = *name;
  }
  if (const std::string* ns = fields.required_value("metadata.namespace");
      ns != nullptr && !selection.selector.ns) {
    selection.selector.ns = *ns;
  }
  selection.text =
      concat(selection.selector.ns.value_or(""), "\n", labels.text(), "\n", fields.text());
  const auto only_name = fields.requirements().size() == 1 && selection.selector.name;
  if (!labels.empty() || (!fields.empty() && !only_name)) {
    selection.selector.fields = [labels = std::move(labels),
                                 fields = std::move(fields)](const view::Projected& object) {
      return labels.matches_object(object.object) && fields.matches(object.object);
    };
  }
  return selection;
}

std::optional<resource::Status> check_version(
    const Call& call, std::optional<std::uint64_t> asked
) {
  const std::uint64_t current = call.services->view.revision().value();
  if (asked && *asked > current) {
    return resource::resource_version_too_large(*asked, current);
  }
  return {};
}

std::string representation_word(const Call& call, const resource::ListOptions& options) {
  switch (call.shape.shape) {
    case resource::Shape::Table:
      return concat("table/", call.shape.version, "/", static_cast<int>(options.include_object));
    case resource::Shape::PartialMetadata:
      return concat("metadata/", call.shape.version);
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      return "object";
  }
  return "object";
}

Result<std::string> seal_position(
    const Call& call, const Selection& selection, const view::Position& position
) {
  Json plain = Json::object();
  plain.set("rv", position.revision.value()).set("ns", position.ns).set("stem", position.stem);
  plain.set("index", static_cast<std::int64_t>(position.index));
  return call.services->sealer.seal(context_of(call, selection), plain.dump());
}

resource::Outcome<view::Position> open_position(
    const Call& call, const Selection& selection, std::string_view token
) {
  const Result<std::string> plain = call.services->sealer.open(context_of(call, selection), token);
  const Result<Json> parsed = plain ? parse_json(*plain) : Result<Json>(plain.error());
  if (!parsed) {
    return resource::bad_request(std::string(kBadToken));
  }
  view::Position position;
  position.revision = Revision(static_cast<std::uint64_t>(parsed->get_int("rv")));
  position.ns = parsed->get_string("ns");
  position.stem = parsed->get_string("stem");
  position.index = static_cast<std::uint32_t>(parsed->get_int("index"));
  return position;
}

}  // namespace reeve::api
