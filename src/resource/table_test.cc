#include "resource/table.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"
#include "resource/rfc3339.h"

namespace reeve::resource {
namespace {

using test::json;
using test::missions;

Json at(std::string_view path, std::string_view object) {
  return JsonPath::parse(path).value().evaluate(json(object));
}

TableColumns columns() {
  return TableColumns::compile(
             {{"Name", "string", "name", "the name", 0, ".metadata.name"},
              {"Tool", "string", "", "", 0, ".spec.tool"},
              {"Attempts", "integer", "", "", 0, ".status.attempts"},
              {"Ready", "string", "", "", 1, R"(.status.conditions[?(@.type=="Ready")].status)"},
              {"Age", "date", "", "", 0, ".metadata.creationTimestamp"}}
  ).value();
}

Json mission() {
  return json(
      R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1","resourceVersion":"504","creationTimestamp":"2026-11-21T08:54:30Z"},"spec":{"tool":"bash"}})"
  );
}

TableOptions options(IncludeObject include = IncludeObject::Metadata) {
  return {
      .version = "v1",
      .include_object = include,
      .now = parse_time("2026-11-21T08:54:34.5Z").value()};
}

TEST(JsonPath, FindsWhatColumnsShow) {
  const std::string_view object =
      R"({"a":{"b":"x","c.d":1,"list":[{"type":"A","n":1},{"type":"B","n":2}],"e/f":3}})";
  EXPECT_EQ(at(".a.b", object), Json("x"));
  EXPECT_EQ(at("{.a.b}", object), Json("x"));
  EXPECT_EQ(at(R"(.a.c\.d)", object), Json(1));
  EXPECT_EQ(at(".a['e/f']", object), Json(3));
  EXPECT_EQ(at(".a.list[1].n", object), Json(2));
  EXPECT_EQ(at(R"(.a.list[?(@.type=="B")].n)", object), Json(2));
  EXPECT_EQ(at(".a.list[?(@.type == 'A')].n", object), Json(1));
  EXPECT_EQ(at(".a.list[?(@.n==2)].type", object), Json("B"));
  EXPECT_EQ(at(".a.list.length()", object), Json(2));
  for (const std::string_view none :
       {".x",
        ".a.b.c",
        ".a.list[2]",
        ".a.list.n",
        R"(.a.list[?(@.type=="C")].n)",
        ".a.b.length()",
        ".a[0]"}) {
    EXPECT_EQ(at(none, object), Json()) << none;
  }
}

TEST(JsonPath, RefusesWhatItDoesNotKnow) {
  for (const std::string_view bad :
       {"",
        "a",
        ".",
        ".a.",
        "..a",
        ".a[",
        ".a[]",
        ".a[*]",
        ".a[-1]",
        ".a[1234567]",
        ".a['b",
        ".a[?(@.b)]",
        ".a[?(@.b>1)]",
        ".a[?(@.b==[])]",
        ".a[?(@.b==1]",
        ".a.length().b",
        ".a b"}) {
    EXPECT_FALSE(JsonPath::parse(bad)) << bad;
  }
  std::string deep;
  for (std::size_t i = 0; i <= kJsonPathStepsMax; ++i) {
    deep += ".a";
  }
  EXPECT_FALSE(JsonPath::parse(deep));
}

TEST(HumanDuration, IsWhatKubectlPrints) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  const std::pair<Duration, std::string_view> cases[] = {
      {seconds(-5), "<invalid>"},
      {seconds(-1), "0s"},
      {Duration(-500), "0s"},
      {seconds(0), "0s"},
      {seconds(4), "4s"},
      {seconds(119), "119s"},
      {seconds(120), "2m"},
      {seconds(150), "2m30s"},
      {minutes(10), "10m"},
      {minutes(179), "179m"},
      {hours(3), "3h"},
      {hours(5) + minutes(7), "5h7m"},
      {hours(8) + minutes(7), "8h"},
      {hours(47), "47h"},
      {hours(48), "2d"},
      {hours(75), "3d3h"},
      {hours(24 * 8 + 5), "8d"},
      {hours(24 * 729), "729d"},
      {hours(24 * 770), "2y40d"},
      {hours(24 * 730), "2y"},
      {hours(24 * 365 * 9), "9y"}};
  for (const auto& [duration, text] : cases) {
    EXPECT_EQ(human_duration(duration), text);
  }
}

TEST(Rfc3339, ReadsWhatClientsWrite) {
  const Timestamp whole = parse_time("2026-11-21T08:54:30Z").value();
  EXPECT_EQ(format_time(whole), "2026-11-21T08:54:30Z");
  EXPECT_EQ(parse_time("2026-11-21t08:54:30z").value(), whole);
  EXPECT_EQ(parse_time("2026-11-21T10:54:30+02:00").value(), whole);
  EXPECT_EQ(parse_time("2026-11-21T08:54:30.123456Z").value(), whole + Duration(123));
  EXPECT_EQ(parse_time("2024-02-29T23:59:60Z").value(), parse_time("2024-03-01T00:00:00Z").value());
  for (const std::string_view bad :
       {"",
        "2026-11-21",
        "2026-11-21 08:54:30Z",
        "2026-11-21T08:54:30",
        "2026-13-21T08:54:30Z",
        "2026-02-30T08:54:30Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T08:54:30.Z",
        "2026-11-21T08:54:30+2:00",
        "2026-11-21T08:54:30Zx"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
  }
}

// The table of a real apiserver, with our columns.
TEST(Table, OfOneObjectHasItsVersion) {
  EXPECT_EQ(
      object_table(columns(), mission(), options()).dump(),
      R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"504"},"columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"the name","priority":0},{"name":"Tool","type":"string","format":"","description":"","priority":0},{"name":"Attempts","type":"integer","format":"","description":"","priority":0},{"name":"Ready","type":"string","format":"","description":"","priority":1},{"name":"Age","type":"date","format":"","description":"","priority":0}],"rows":[{"cells":["g1","bash",null,null,"4s"],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"g1","resourceVersion":"504","creationTimestamp":"2026-11-21T08:54:30Z"}}}]})"
  );
  EXPECT_TRUE(
      object_table(columns(), mission(), options(), false).find("columnDefinitions")->is_null()
  );
}

TEST(Table, CellsHaveTheTypeOfTheirColumn) {
  const auto cells = [](std::string_view rest) {
    return columns().cells(json(rest), options().now).dump();
  };
  EXPECT_EQ(
      cells(
          R"({"metadata":{"name":"a","creationTimestamp":"never"},"spec":{"tool":["x",1]},"status":{"attempts":2.0,"conditions":[{"type":"Ready","status":"True"}]}})"
      ),
      R"(["a","[\"x\",1]",2,"True","<invalid>"])"
  );
  EXPECT_EQ(
      cells(
          R"({"metadata":{"name":1,"creationTimestamp":5},"spec":{"tool":true},"status":{"attempts":"2"}})"
      ),
      R"(["1","true",null,null,null])"
  );
  EXPECT_EQ(cells(R"({"status":{"attempts":1e300}})"), "[null,null,null,null,null]");
}

TEST(Table, RowsCarryTheObjectAsAsked) {
  const auto row = [](IncludeObject include) {
    return object_table(columns(), mission(), options(include)).find("rows")->as_array()[0];
  };
  EXPECT_TRUE(row(IncludeObject::None).find("object")->is_null());
  EXPECT_EQ(*row(IncludeObject::Object).find("object"), mission());
  TableOptions beta = options();
  beta.version = "v1beta1";
  EXPECT_EQ(
      object_table(columns(), mission(), beta).get_string("apiVersion"), "meta.k8s.io/v1beta1"
  );
}

TEST(Table, ColumnsAreChecked) {
  EXPECT_FALSE(TableColumns::compile({}));
  EXPECT_FALSE(TableColumns::compile({{"A", "text", "", "", 0, ".a"}}));
  EXPECT_FALSE(TableColumns::compile({{"", "string", "", "", 0, ".a"}}));
  EXPECT_FALSE(TableColumns::compile({{"A", "string", "", "", -1, ".a"}}));
  const auto bad = TableColumns::compile({{"A", "string", "", "", 0, "a"}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().subject, "A");
}

TEST(Lists, SayWhereTheyGoOn) {
  const ListPage page{"510", "token", 1};
  EXPECT_EQ(
      object_list(missions(), page, {}).dump(),
      R"({"kind":"MissionList","apiVersion":"reeve.dev/v1","metadata":{"resourceVersion":"510","continue":"token","remainingItemCount":1},"items":[]})"
  );
  EXPECT_EQ(
      partial_metadata_list({"510", "", 7}, {mission()}, "v1").dump(),
      R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"510"},"items":[{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"g1","resourceVersion":"504","creationTimestamp":"2026-11-21T08:54:30Z"}}]})"
  );
  const Json rows = table(columns(), page, {mission(), mission()}, options());
  EXPECT_EQ(
      rows.find("metadata")->dump(),
      R"({"resourceVersion":"510","continue":"token","remainingItemCount":1})"
  );
  EXPECT_EQ(rows.find("rows")->as_array().size(), 2U);
}

TEST(Bookmarks, SayHowFarAWatchIs) {
  EXPECT_EQ(
      bookmark(missions(), "524", false).dump(),
      R"({"kind":"Mission","apiVersion":"reeve.dev/v1","metadata":{"resourceVersion":"524"}})"
  );
  EXPECT_EQ(
      bookmark(missions(), "524", true).find("metadata")->dump(),
      R"({"resourceVersion":"524","annotations":{"k8s.io/initial-events-end":"true"}})"
  );
  EXPECT_EQ(partial_bookmark("524", true, "v1").get_string("kind"), "PartialObjectMetadata");
  EXPECT_EQ(
      table_bookmark(columns(), "524", true, options(), false).dump(),
      R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"524"},"columnDefinitions":null,"rows":[{"cells":[null,null,null,null,null],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"524","annotations":{"k8s.io/initial-events-end":"true"}}}}]})"
  );
}

}  // namespace
}  // namespace reeve::resource
