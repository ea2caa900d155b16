#include "workflow/schema/schema.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "schema_validator.h"
#include "workflow/document/yaml.h"
#include "workflow/load/load.h"

namespace reeve::workflow {
namespace {

Json schema() {
  Result<Json> made = editor_schema();
  EXPECT_TRUE(made.ok()) << made.error().describe();
  return made.ok() ? *made : Json(false);
}

Json value_of(std::string_view text) {
  const auto root = document::parse_yaml(text);
  EXPECT_TRUE(root.ok()) << text;
  return root.ok() ? document::to_json(*root) : Json();
}

std::string faults(std::string_view text) {
  return join(validate(schema(), value_of(text)), "\n");
}

/// A document around the fields of one task.
std::string with_task(std::string_view fields) {
  return concat(
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  tasks:\n    - ",
      fields,
      "\n"
  );
}

std::string with_spec(std::string_view fields) {
  return concat(
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  ",
      fields,
      "\n  tasks: [{name: a, script: x}]\n"
  );
}

TEST(EditorSchema, IsOfTheDialectItNames) {
  const Json made = schema();
  EXPECT_EQ(made.get_string("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_FALSE(made.get_bool("additionalProperties", true));
  const std::string text = made.dump();
  for (const char* gone : {"x-preserve", "oneOf", "#/definitions/", "\"format\"", "nullable"}) {
    EXPECT_EQ(text.find(gone), std::string::npos) << gone;
  }
  const Json& task = *made.find("$defs")->find("Task");
  const Json& timeout = *task.find("properties")->find("timeout");
  EXPECT_FALSE(timeout.get_string("description").empty());
  EXPECT_FALSE(timeout.get_string("default").empty());
  EXPECT_FALSE(timeout.find("examples")->as_array().empty());
}

TEST(EditorSchema, AcceptsItsOwnExample) {
  const Json made = schema();
  EXPECT_EQ(join(validate(made, made.find("examples")->as_array().at(0)), "\n"), "");
}

TEST(EditorSchema, AcceptsEveryNativeExample) {
  std::size_t native = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(REEVE_EXAMPLES)) {
    if (entry.path().extension() != ".yaml") {
      continue;
    }
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.find("kind: Workflow\n") == std::string::npos) {
      continue;
    }
    ++native;
    EXPECT_EQ(faults(text), "") << entry.path();
  }
  EXPECT_GE(native, 2U);
}

TEST(EditorSchema, AcceptsWhatTheLoaderAccepts) {
  for (const std::string& text :
       {with_task("{name: a, script: x, timeout: 1h30m, retry: {max: '{{ .n }}'}}"),
        with_task("{name: a, script: [x, y], onExitCode: {3: COMPLETED, \"4\": FAILED}}"),
        with_task("{name: a, script: x, environment: {A: 1, B: true, C: text}}"),
        with_task("{name: a, script: x, timeout: '{{ .t }}'}"),
        with_spec("version: 1.2"),
        with_spec("params: {a: 1, b: [x], c: {required: true}, d: {default: {x: y}}}"),
        with_spec("variables: {a: 1, b: {c: [d]}}")}) {
    EXPECT_EQ(faults(text), "") << text;
    if (text.find("{{") == std::string::npos) {
      EXPECT_TRUE(load(text).ok()) << text;
    }
  }
}

TEST(EditorSchema, RefusesBrokenDocumentsThatTheLoaderRefuses) {
  for (const std::string& text :
       {std::string("kind: Workflow\n"),
        std::string("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec: {}\n"),
        std::string("apiVersion: reeve.dev/v2\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
                    "  tasks: [{name: a, script: x}]\n"),
        with_spec("timout: 3m"),
        with_spec("timeout: soon"),
        with_spec("timeout: 30"),
        with_spec("retry: 3"),
        with_spec("params: {a: {requird: true}}"),
        with_spec("params: [a]"),
        with_task("{script: x}"),
        with_task("{name: a b, script: x}"),
        with_task("{name: a, skript: x, method: NOOP}"),
        with_task("{name: a, method: SHEL, script: x}"),
        with_task("{name: a, script: {a: b}}"),
        with_task("{name: a, script: x, needs: b}"),
        with_task("{name: a, script: x, retry: {max: -1}}"),
        with_task("{name: a, script: x, retry: {max: many}}"),
        with_task("{name: a, script: x, alwaysRun: perhaps}"),
        with_task("{name: a, script: x, timeout: 5 minutes}"),
        with_task("{name: a, script: x, artifacts: {when: onSuccess}}"),
        with_task("{name: a, script: x, artifacts: {paths: [b], when: sometimes}}"),
        with_task("{name: a, script: x, onExitCode: [3]}"),
        with_task("{name: a, script: x, compensate: {timeout: 3s}}"),
        with_task("a")}) {
    EXPECT_NE(faults(text), "") << text;
    EXPECT_FALSE(load(text).ok()) << text;
  }
}

TEST(EditorSchema, IsRefusedWhereTheContractIsNone) {
  EXPECT_EQ(editor_schema_of("a: b\n").error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace reeve::workflow
