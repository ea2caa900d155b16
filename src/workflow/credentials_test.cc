#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/render.h"

namespace reeve::workflow {
namespace {

using Part = model::CredentialPlace::Part;

class CredentialRendering : public testing::Test {
 protected:
  CredentialRendering() {
    workflow_.name = "deploy";
    workflow_.format = Format::Formicary;
    workflow_.tasks.resize(1);
    task().name = TaskName("push");
    credentials_ = {{"GithubToken", {}}, {"ProdKey", {"release"}}};
    context_.configuration = {.shared = &shared_, .own = &own_, .credentials = &credentials_};
  }

  Task& task() { return workflow_.tasks[0]; }

  void script(std::string text) { task().script = {{.text = std::move(text), .position = {3, 5}}}; }

  Result<model::RunSpec> render() const { return render_task(workflow_, 0, context_); }

  /// The value of a variable with the names of credentials in angle brackets; "-" if it is not set.
  static std::string variable(const model::RunSpec& spec, std::string_view name) {
    std::string found = "-";
    for (std::uint32_t i = 0; i < spec.environment.size(); ++i) {
      if (spec.environment[i].first == name) {
        found = shown(spec, Part::Environment, i, spec.environment[i].second);
      }
    }
    return found;
  }

  static std::string shown(
      const model::RunSpec& spec, Part part, std::uint32_t index, std::string text
  ) {
    for (auto place = spec.credentials.rbegin(); place != spec.credentials.rend(); ++place) {
      if (place->part == part && place->index == index) {
        text.insert(place->offset, concat("<", place->credential, ">"));
      }
    }
    return text;
  }

  std::string shown_script() const {
    const auto spec = render();
    return spec.ok() ? shown(*spec, Part::Script, 0, spec->steps[0].script)
                     : spec.error().describe();
  }

  Workflow workflow_;
  RenderContext context_;
  Configuration::Texts shared_;
  Configuration::Texts own_;
  Configuration::Credentials credentials_;
};

TEST_F(CredentialRendering, LeavesAPlaceInScriptsAndEnvironment) {
  script("curl -H 'Authorization: Bearer {{.GithubToken}}' {{.GithubToken}}");
  task().environment = {{"GH_TOKEN", {.text = "{{.GithubToken}}", .position = {}}}};
  context_.ns = Namespace("team");
  const auto spec = render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->steps[0].script, "curl -H 'Authorization: Bearer ' ");
  EXPECT_EQ(shown_script(), "curl -H 'Authorization: Bearer <GithubToken>' <GithubToken>");
  EXPECT_EQ(variable(*spec, "GH_TOKEN"), "<GithubToken>");
  EXPECT_EQ(spec->ns.view(), "team");
}

TEST_F(CredentialRendering, GivesAScriptOnlyTheCredentialsThatItMentions) {
  script("echo $GithubTokens");
  EXPECT_EQ(variable(*render(), "GithubToken"), "-");
  for (const char* text :
       {"echo $GithubToken", "echo ${GithubToken:-none}", "a=\"$GithubToken\""}) {
    script(text);
    EXPECT_EQ(variable(*render(), "GithubToken"), "<GithubToken>") << text;
  }
}

TEST_F(CredentialRendering, RefusesToMentionWhatTheWorkflowMayNotUse) {
  script("echo $ProdKey");
  const auto spec = render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(spec.error().subject, "tasks.push.environment.ProdKey");
}

/// 13.3 #14: only what is referred to, unless an operator wants it as upstream.
TEST_F(CredentialRendering, GivesAllThatIsAllowedIfASettingSaysSo) {
  script("env");
  EXPECT_EQ(variable(*render(), "GithubToken"), "-");
  const std::vector<model::NamedValue> params = {{"REEVE_ALL_CREDENTIALS", "true"}};
  context_.params = &params;
  EXPECT_EQ(variable(*render(), "GithubToken"), "-");
  shared_ = {{"REEVE_ALL_CREDENTIALS", "true"}};
  EXPECT_EQ(variable(*render(), "GithubToken"), "<GithubToken>");
  EXPECT_EQ(variable(*render(), "ProdKey"), "-");
  own_ = {{"REEVE_ALL_CREDENTIALS", "false"}};
  EXPECT_EQ(variable(*render(), "GithubToken"), "-");
}

TEST_F(CredentialRendering, DoesNotTakeOutsideTextForAMention) {
  script("echo {{.Body}}");
  const std::vector<model::NamedValue> params = {{"Body", "$GithubToken {{.GithubToken}}"}};
  context_.params = &params;
  const auto spec = render();
  ASSERT_TRUE(spec.ok());
  EXPECT_TRUE(spec->credentials.empty());
  EXPECT_EQ(spec->steps[0].script, "echo $GithubToken {{.GithubToken}}");
}

TEST_F(CredentialRendering, FollowsACredentialThroughVariables) {
  workflow_.variables = {{"Auth", Json("Bearer {{.GithubToken}}"), {}}};
  task().variables = {{"Header", Json("Authorization: {{.Auth}}"), {}}};
  script("curl -H '{{.Header}}'");
  EXPECT_EQ(shown_script(), "curl -H 'Authorization: Bearer <GithubToken>'");
  EXPECT_EQ(variable(*render(), "Header"), "Authorization: Bearer <GithubToken>");
  // Of the workflow: for the tasks that mention it.
  EXPECT_EQ(variable(*render(), "Auth"), "-");
  script("curl -H \"$Auth\"");
  EXPECT_EQ(variable(*render(), "Auth"), "Bearer <GithubToken>");
}

TEST_F(CredentialRendering, LetsEverythingElseOfTheNameWin) {
  script("echo {{.GithubToken}} $GithubToken");
  workflow_.variables = {{"GithubToken", Json("variable"), {}}};
  EXPECT_EQ(shown_script(), "echo variable $GithubToken");
  EXPECT_EQ(variable(*render(), "GithubToken"), "variable");
  workflow_.variables.clear();
  const std::vector<model::NamedValue> params = {{"GithubToken", "param"}};
  context_.params = &params;
  EXPECT_EQ(shown_script(), "echo param $GithubToken");
  EXPECT_EQ(variable(*render(), "GithubToken"), "param");
}

TEST_F(CredentialRendering, GivesATaskTheCredentialsThatItNames) {
  workflow_.format = Format::Native;
  task().credentials = {{"GH_TOKEN", "GithubToken"}};
  script("gh pr create; curl -H 'X: {{ .GH_TOKEN }}'");
  const auto spec = render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(variable(*spec, "GH_TOKEN"), "<GithubToken>");
  EXPECT_EQ(shown_script(), "gh pr create; curl -H 'X: <GithubToken>'");
  // Not by its own name: that would be any credential of the namespace.
  script("echo {{ .GithubToken }}");
  EXPECT_FALSE(render().ok());
}

TEST_F(CredentialRendering, FailsWithTheNameOfACredentialThatIsMissingOrNotAllowed) {
  task().credentials = {{"KEY", "NoSuchKey"}};
  script("true");
  auto spec = render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::NotFound);
  EXPECT_EQ(spec.error().message, "there is no credential \"NoSuchKey\"");
  EXPECT_EQ(spec.error().subject, "tasks.push.credentials.KEY");
  task().credentials = {};
  script("echo {{.ProdKey}}");
  spec = render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(spec.error().message, "workflow deploy may not use the credential \"ProdKey\"");
  workflow_.name = "release";
  EXPECT_EQ(shown_script(), "echo <ProdKey>");
}

TEST_F(CredentialRendering, RefusesCredentialsWhereTheyWouldBeStored) {
  script("true");
  task().working_dir = {.text = "{{.GithubToken}}", .position = {7, 1}};
  const auto spec = render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().message, "credential \"GithubToken\" cannot be printed here");
  EXPECT_EQ(spec.error().position.line, 7);
  const Text condition{.text = "{{eq .GithubToken \"x\"}}", .position = {}};
  EXPECT_FALSE(render_condition(workflow_, &task(), condition, context_).ok());
}

TEST_F(CredentialRendering, LeavesPlacesInEveryPartOfARequest) {
  task().method = Method::Http;
  HttpRequest& http = task().http.emplace();
  http.url = {.text = " https://api.example.org/{{.GithubToken}}/x ", .position = {}};
  http.query = {{"a b", {.text = "1 {{.GithubToken}} 2", .position = {}}}};
  http.headers = {
      {"Accept", {.text = "*/*", .position = {}}},
      {"Authorization", {.text = "Bearer {{.GithubToken}}", .position = {}}}};
  http.form = HttpBody::Json;
  http.body = {.text = "{\"token\": \"{{.GithubToken}}\"}", .position = {}};
  const auto spec = render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  ASSERT_EQ(spec->steps.size(), 1U);
  const Json& input = spec->steps[0].input;
  const std::string url = "https://api.example.org//x?a%20b=1%20%202";
  EXPECT_EQ(input.get_string("url"), url);
  const auto place = [](std::string pointer, std::size_t offset, bool percent) {
    return model::CredentialPlace{
        .part = Part::Input,
        .pointer = std::move(pointer),
        .offset = offset,
        .percent_encoded = percent,
        .credential = "GithubToken"};
  };
  const std::vector<model::CredentialPlace> expected = {
      place("/url", url.find("/x?"), false),
      place("/url", url.find("%202"), true),
      place("/body", 11, false),
      place("/headers/1/value", 7, false)};
  EXPECT_EQ(spec->credentials, expected);
}

TEST_F(CredentialRendering, UnescapesAroundPlaces) {
  script("a &lt; {{.GithubToken}} &lt; b &l{{.GithubToken}}t; {{.GithubToken}}");
  EXPECT_EQ(shown_script(), "a < <GithubToken> < b &l<GithubToken>t; <GithubToken>");
}

TEST_F(CredentialRendering, PutsSettingsOfTheNamespaceBelowAndOfTheWorkflowAboveItsVariables) {
  workflow_.variables = {
      {"A", Json("variable"), {}}, {"B", Json("variable"), {}}, {"C", Json("{{.Z}}-template"), {}}};
  shared_ = {{"A", "shared"}, {"C", "shared"}, {"Z", "shared"}, {"Own", "shared"}};
  own_ = {{"B", "own"}, {"Own", "own"}};
  script("echo {{.A}} {{.B}} {{.C}} {{.Z}} {{.Own}}");
  EXPECT_EQ(shown_script(), "echo variable own shared-template shared own");
  EXPECT_EQ(variable(*render(), "Z"), "shared");
  const std::vector<model::NamedValue> params = {{"B", "param"}, {"Z", "param"}};
  context_.params = &params;
  EXPECT_EQ(shown_script(), "echo variable param param-template param own");
}

TEST_F(CredentialRendering, GivesSettingsTheTypeOfTheVariableTheyReplace) {
  workflow_.variables = {{"Limit", Json(3), {}}};
  own_ = {{"Limit", "10"}};
  script("{{if gt .Limit 5}}many{{else}}few{{end}}");
  EXPECT_EQ(shown_script(), "many");
}

}  // namespace
}  // namespace reeve::workflow
