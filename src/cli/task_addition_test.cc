#include "cli/task_addition.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/run.h"

namespace reeve::cli {
namespace {

std::string merged(std::string_view present, std::string_view added) {
  const Result<std::string> text = merged_tasks(present, added);
  return text ? *text : concat(to_string(text.error().code), ": ", text.error().describe());
}

TEST(TaskAddition, TakesATaskAListOrADocumentInYamlOrJson) {
  const std::string one = R"([{"name":"a","script":"x"}])";
  EXPECT_EQ(merged("", "name: a\nscript: x\n"), one);
  EXPECT_EQ(merged("", R"({"name": "a", "script": "x"})"), one);
  EXPECT_EQ(merged("", "- {name: a, script: x}\n"), one);
  EXPECT_EQ(
      merged(
          "",
          "apiVersion: reeve.dev/v1\nkind: WorkflowExtension\nspec: {tasks: [{name: a, script: x}]}"
      ),
      one
  );
}

TEST(TaskAddition, KeepsTemplatesAndTextThatLooksLikeNumbers) {
  EXPECT_EQ(
      merged("", "name: a\nscript: {{ .x }}\nenvironment: {N: '012'}\n"),
      R"([{"name":"a","script":"{{ .x }}","environment":{"N":"012"}}])"
  );
}

TEST(TaskAddition, SeveralCallsAddUp) {
  const std::string first = merged("", "{name: a, script: x}");
  EXPECT_EQ(
      merged(first, "[{name: b, script: y}, {name: a, script: x}]"),
      R"([{"name":"a","script":"x"},{"name":"b","script":"y"}])"
  );
}

TEST(TaskAddition, RefusesAnotherTaskOfTheSameName) {
  const Result<std::string> text = merged_tasks(R"([{"name":"a","script":"x"}])", "{name: a}");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::Conflict);
}

TEST(TaskAddition, RefusesWhatIsNoTask) {
  for (const char* text :
       {"hello", "7", "[a]", "{script: x}", "[{name: ''}]", "kind: WorkflowExtension"}) {
    const Result<std::string> result = merged_tasks("", text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::Invalid) << text;
    EXPECT_FALSE(result.error().hint.empty()) << text;
  }
}

TEST(TaskAddition, RefusesMoreThanARunMayHandOver) {
  const std::string name(model::kExtensionBytesMax, 'n');
  const Result<std::string> result = merged_tasks("", concat("{name: ", name, "}"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace reeve::cli
