#include "api/references.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

using journal::Kind;

std::string of(Kind kind, std::string_view spec) {
  std::string text;
  const Json object = *parse_json(concat(R"({"metadata":{"name":"own"},"spec":)", spec, "}"));
  for (const Reference& one : references_of(kind, object)) {
    text += concat(one.field, "=", one.plural, "/", one.name, ";");
  }
  return text;
}

TEST(References, OfAgentsAreModelsToolsAndValidators) {
  EXPECT_EQ(
      of(Kind::Agent, R"({"model":"m","validators":["v"],"tools":["files__*","*","a*__b","x"]})"),
      "spec.model=modelroutes/m;spec.validators[0]=agents/v;spec.tools[0]=toolservers/files;"
  );
}

TEST(References, OfWhatAsksOthersAreCredentials) {
  EXPECT_EQ(of(Kind::ToolServer, R"({"credential":"k"})"), "spec.credential=credentials/k;");
  EXPECT_EQ(
      of(Kind::ModelRoute, R"({"providers":[{"name":"free"},{"credential":"k"}]})"),
      "spec.providers[1].credential=credentials/k;"
  );
  EXPECT_EQ(
      of(Kind::NotificationSink, R"({"webhook":{"secretCredential":"k"},"workflows":["w"]})"),
      "spec.webhook.secretCredential=credentials/k;spec.workflows[0]=workflows/w;"
  );
}

TEST(References, OfQuotasAreThoseWhomTheyCount) {
  EXPECT_EQ(
      of(Kind::BudgetQuota,
         R"({"selector":{"workflow":"w","agent":"a"},"notifications":{"channel":"c"}})"),
      "spec.selector.workflow=workflows/w;spec.selector.agent=agents/a;"
      "spec.notifications.channel=channels/c;"
  );
}

TEST(References, OfWorkflowsAreThoseOfTheirTasks) {
  EXPECT_EQ(
      of(Kind::Workflow,
         R"({"tasks":[{"agent":{"name":"a"}},{"agent":{"name":"{{.x}}"},"credentials":["k"]},
             {"credentials":{"V":"l"},"mission":{"workflow":"w"}},{"mission":{"workflow":"own"}}],
             "triggers":[{"webhook":{"secret":"s"}}]})"),
      "spec.tasks[0].agent.name=agents/a;spec.tasks[1].credentials[0]=credentials/k;"
      "spec.tasks[2].mission.workflow=workflows/w;spec.tasks[2].credentials.V=credentials/l;"
      "spec.triggers[0].webhook.secret=credentials/s;"
  );
}

TEST(References, OfWhatIsNoObjectAreNone) {
  EXPECT_EQ(of(Kind::Agent, "[]"), "");
  EXPECT_EQ(of(Kind::Workflow, R"({"tasks":[7,{"agent":"a"}],"triggers":{}})"), "");
}

}  // namespace
}  // namespace reeve::api
