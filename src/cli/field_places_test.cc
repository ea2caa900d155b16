#include "cli/field_places.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kDocument = R"(apiVersion: reeve.dev/v1
kind: ToolServer
metadata:
  name: files
  labels: {a/b.c: x, a: y}
spec:
  builtin: workspace
  tools:
    - name: one
    - name: two
      approval:
        required: true
)";

int line_of(std::string_view path) {
  return place_of_field(*document::parse_yaml(kDocument), path).line;
}

TEST(FieldPlaces, AreThoseOfTheNamesOfMembers) {
  EXPECT_EQ(line_of("spec"), 6);
  EXPECT_EQ(line_of("spec.builtin"), 7);
  EXPECT_EQ(line_of(".spec.builtin"), 7);
  EXPECT_EQ(line_of("spec.tools[1]"), 10);
  EXPECT_EQ(line_of("spec.tools[1].approval.required"), 12);
  EXPECT_EQ(line_of("metadata.labels.a/b.c"), 5);
  EXPECT_EQ(line_of("metadata.labels[a/b.c]"), 5);
  EXPECT_EQ(place_of_field(*document::parse_yaml(kDocument), "metadata.labels.a/b.c").column, 12);
}

TEST(FieldPlaces, OfWhatIsNotThereAreWhereItWouldBe) {
  EXPECT_EQ(line_of(""), 1);
  EXPECT_EQ(line_of("spec.url"), 6);
  EXPECT_EQ(line_of("spec.tools[1].approval.timeout"), 11);
  EXPECT_EQ(line_of("spec.tools[7].name"), 8);
  EXPECT_EQ(line_of("spec.tools[x"), 8);
  EXPECT_EQ(line_of("spec.builtin.deeper"), 7);
  EXPECT_EQ(line_of("[["), 1);
  EXPECT_EQ(line_of("nothing"), 1);
}

TEST(FieldPlaces, AllFaultsOfAnAnswerAreToldWithTheirMembers) {
  const Error invalid = make_error(ErrorCode::Invalid, "all of it");
  const auto told = [&](std::string_view body, const Error& whole) {
    std::string text;
    for (const FieldNote& fault : faults_in(body, whole)) {
      text += concat(fault.field, "|", fault.message, ";");
    }
    return text;
  };
  EXPECT_EQ(
      told(
          R"({"details":{"causes":[{"field":"spec.a","message":"x"},{"field":"b","message":"y"}]}})",
          invalid
      ),
      "spec.a|x;b|y;"
  );
  EXPECT_EQ(told("no json", invalid), "|all of it;");
  EXPECT_EQ(
      told(
          "{}",
          make_error(
              ErrorCode::Invalid,
              R"(strict decoding error: unknown field "spec.x", unknown field "y")"
          )
      ),
      R"(spec.x|unknown field "spec.x";y|unknown field "y";)"
  );
  EXPECT_EQ(told("{}", make_error(ErrorCode::Invalid, "unknown field \"x")), "|unknown field \"x;");
  EXPECT_EQ(
      told(
          R"({"details":{"causes":[{"field":".spec.a","message":"x"}]}})",
          make_error(ErrorCode::Conflict, "somebody else has it")
      ),
      "|somebody else has it;"
  );
}

TEST(FieldPlaces, WarningsSayWhichMemberTheyAreAbout) {
  EXPECT_EQ(note_of_warning("spec.model: there is none").field, "spec.model");
  EXPECT_EQ(note_of_warning("spec.model: there is none").message, "there is none");
  EXPECT_EQ(note_of_warning("spec.prompt has: much").field, "");
  EXPECT_EQ(note_of_warning("specific: x").message, "specific: x");
}

}  // namespace
}  // namespace reeve::cli
