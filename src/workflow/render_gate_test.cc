#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/approval.h"
#include "workflow/render.h"

namespace reeve::workflow {
namespace {

/// A workflow with one gate "review" and a context to render it in.
class GateFixture {
 public:
  explicit GateFixture(Format format = Format::Native) {
    workflow.name = "nightly";
    workflow.format = format;
    workflow.tasks.resize(1);
    workflow.tasks[0].name = TaskName("review");
    workflow.tasks[0].position = {5, 7};
    workflow.tasks[0].method = Method::Gate;
    workflow.tasks[0].gate.emplace();
    context.mission = MissionName("nightly-x7");
    context.run = RunName("nightly-x7.1.review.1");
    context.now = *parse_timestamp("2026-11-21T09:31:30.999Z");
    context.outputs = &outputs;
  }

  Gate& gate() { return *workflow.tasks[0].gate; }

  void field(const std::string& name, const std::string& text, bool required = false) {
    gate().context.emplace_back(name, Text{text, {6, 1}});
    if (required) {
      gate().required.push_back(name);
    }
  }

  Result<GateText> render() const { return render_gate(workflow, 0, context); }

  std::string prompt() const {
    const Result<GateText> text = render();
    return text ? text->prompt : "error: " + text.error().describe();
  }

  std::string problem() const {
    const Result<GateText> text = render();
    return text ? std::string("none") : text.error().message;
  }

  Workflow workflow;
  RenderContext context;
  std::vector<model::NamedValue> outputs;
};

TEST(RenderGate, FillsInWhatIsKnown) {
  GateFixture f;
  f.outputs = {{"plan", "  three steps\n"}};
  f.gate().prompt = {"Go on with {{ .plan }}?", {}};
  f.field("plan", "{{ .plan }}", true);
  f.field("workflow", "{{ .JobType }}");
  f.field("empty", " ");
  const Result<GateText> text = f.render();
  ASSERT_TRUE(text.ok()) << text.error().describe();
  EXPECT_EQ(text->prompt, "Go on with   three steps\n?");
  EXPECT_EQ(
      text->context,
      (std::vector<model::NamedValue>{{"plan", "three steps"}, {"workflow", "nightly"}})
  );
}

TEST(RenderGate, TakesTheDescriptionForAPrompt) {
  GateFixture f;
  EXPECT_EQ(f.prompt(), "Gate review: may the mission go on?");
  f.workflow.tasks[0].description = "Deploy {{ .JobType }} to production?";
  EXPECT_EQ(f.prompt(), "Deploy nightly to production?");
  f.gate().prompt = {"Ship it?", {}};
  EXPECT_EQ(f.prompt(), "Ship it?");
}

TEST(RenderGate, NamesEveryFieldThatIsMissing) {
  GateFixture f;
  f.outputs = {{"blank", " \n"}};
  f.field("plan", "{{ .plan }}", true);
  f.field("blank", "{{ .blank }}", true);
  f.field("good", "yes", true);
  f.gate().required.emplace_back("summary");
  const Result<GateText> text = f.render();
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::Invalid);
  EXPECT_EQ(text.error().position, (Position{5, 7}));
  for (const char* part :
       {"context.plan",
        "context.blank is required and empty",
        "context.summary is required and missing"}) {
    EXPECT_NE(f.problem().find(part), std::string::npos) << part << " in " << f.problem();
  }
  EXPECT_EQ(f.problem().find("good"), std::string::npos);
}

TEST(RenderGate, RefusesAFieldThatCannotBeRenderedEvenIfNobodyRequiresIt) {
  GateFixture f;
  f.field("risks", "{{ .risks }}");
  EXPECT_NE(f.problem().find("context.risks"), std::string::npos) << f.problem();
}

TEST(RenderGate, KnowsWhatFormicaryPrintsForNothing) {
  GateFixture f(Format::Formicary);
  f.field("risks", "{{ .risks }}");
  ASSERT_TRUE(f.render().ok());
  EXPECT_TRUE(f.render()->context.empty());
  f.gate().required.emplace_back("risks");
  EXPECT_NE(f.problem().find("context.risks is required and missing"), std::string::npos)
      << f.problem();
}

TEST(RenderGate, LimitsWhatPeopleAreShown) {
  GateFixture f;
  f.gate().prompt = {std::string(model::kGatePromptBytesMax, 'x'), {}};
  f.field("c", std::string(model::kGateContextBytesMax - 1, 'x'));
  EXPECT_TRUE(f.render().ok());
  f.field("d", "x");
  ASSERT_FALSE(f.render().ok());
  EXPECT_EQ(f.render().error().code, ErrorCode::LimitExceeded);
  f.gate().context.clear();
  f.gate().prompt.text += "x";
  EXPECT_EQ(f.render().error().code, ErrorCode::LimitExceeded);
}

TEST(RenderGate, RefusesWhatIsNoText) {
  GateFixture f;
  f.outputs = {{"raw", "\xFF"}};
  f.field("raw", "{{ .raw }}");
  EXPECT_NE(f.problem().find("context.raw is not UTF-8 text"), std::string::npos) << f.problem();
}

}  // namespace
}  // namespace reeve::workflow
