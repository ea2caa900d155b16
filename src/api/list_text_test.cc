#include "api/list_text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

using resource::ListPage;
using resource::Shape;

resource::TableColumns columns() {
  return resource::TableColumns::compile(
             {{"Name", "string", "name", "the name", 0, ".metadata.name"},
              {"Lines", "string", "", "", 0, ".spec.lines"}}
  ).value();
}

/// A list of missions, as it is written in pieces and as it would be written at once.
class ListTextTest : public testing::TestWithParam<Shape> {
 protected:
  ListTextTest() : columns_(columns()) {
    for (const int i : {1, 2, 3}) {
      view::Projected object;
      object.name = concat("m", i);
      object.object = Json::object()
                          .set("apiVersion", "reeve.dev/v1")
                          .set("kind", "Mission")
                          .set("metadata", Json::object().set("name", object.name))
                          .set("spec", Json::object().set("lines", "a\nb").set("n", Json(i)));
      objects_.push_back(std::move(object));
    }
  }

  ListText text(bool pretty) const {
    return ListText(
        {.resource = name_,
         .columns = columns_,
         .shape = {.shape = GetParam(), .version = "v1", .content_type = {}},
         .table = {},
         .pretty = pretty}
    );
  }

  Json at_once(const ListPage& page) const {
    Json::Array objects;
    for (const view::Projected& object : objects_) {
      objects.push_back(object.object);
    }
    switch (GetParam()) {
      case Shape::Table:
        return resource::table(columns_, page, objects, {});
      case Shape::PartialMetadata:
        return resource::partial_metadata_list(page, objects, "v1");
      case Shape::Object:
      case Shape::Discovery:
      case Shape::OpenApiProtobuf:
        return resource::object_list(name_, page, objects);
    }
    return {};
  }

  std::string body(const ListText& text) const {
    std::string body;
    for (const view::Projected& object : objects_) {
      body += body.empty() ? std::string_view() : text.separator();
      body += text.object(object);
    }
    return body;
  }

  resource::ResourceName name_{
      .group = "reeve.dev", .version = "v1", .kind = "Mission", .plural = "missions"};
  resource::TableColumns columns_;
  std::vector<view::Projected> objects_;
  ListPage page_{.resource_version = "510", .continue_token = "next", .remaining_item_count = 7};
};

TEST_P(ListTextTest, IsWhatIsWrittenAtOnceIfTheMetadataComeFirst) {
  const ListText compact = text(false);
  EXPECT_EQ(
      compact.opening(&page_) + body(compact) + compact.closing(nullptr, false),
      at_once(page_).dump()
  );
  const ListText pretty = text(true);
  EXPECT_EQ(
      pretty.opening(&page_) + body(pretty) + pretty.closing(nullptr, false),
      at_once(page_).pretty()
  );
}

TEST_P(ListTextTest, SaysTheSameIfTheMetadataComeLast) {
  for (const bool pretty : {false, true}) {
    const ListText list = text(pretty);
    const std::string opening = list.opening(nullptr);
    EXPECT_EQ(opening.find("510"), std::string::npos);
    const auto read = parse_json(opening + body(list) + list.closing(&page_, false));
    ASSERT_TRUE(read) << read.error().describe();
    const Json wanted = at_once(page_);
    ASSERT_EQ(read->as_object().size(), wanted.as_object().size());
    for (const Json::Member& member : wanted.as_object()) {
      ASSERT_NE(read->find(member.first), nullptr) << member.first;
      EXPECT_EQ(*read->find(member.first), member.second) << member.first;
    }
  }
}

TEST_P(ListTextTest, MayHaveNoObjects) {
  objects_.clear();
  for (const bool pretty : {false, true}) {
    const ListText list = text(pretty);
    const Json wanted = at_once(page_);
    EXPECT_EQ(
        list.opening(&page_) + list.closing(nullptr, true), pretty ? wanted.pretty() : wanted.dump()
    );
    EXPECT_TRUE(parse_json(list.opening(nullptr) + list.closing(&page_, true)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllShapes, ListTextTest, testing::Values(Shape::Object, Shape::Table, Shape::PartialMetadata)
);

}  // namespace
}  // namespace reeve::api
