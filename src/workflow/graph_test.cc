#include "workflow/graph.h"

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

Task named(const std::string& name) {
  Task task;
  task.name = TaskName(name);
  return task;
}

/// fetch → build → test; test 3 → fix → test; build 2 → PAUSE_JOB; clean always.
Workflow pipeline() {
  Workflow workflow;
  workflow.name = "pipeline";
  for (const char* name : {"fetch", "build", "test", "fix", "clean"}) {
    workflow.tasks.push_back(named(name));
  }
  workflow.tasks[1].needs = {0};
  workflow.tasks[1].routes = {
      {"COMPLETED", TaskIndex{2}, {}}, {"2", Action::PauseJob, {}}, {"9", FailWith{"ERR_X"}, {}}};
  workflow.tasks[2].routes = {{"3", TaskIndex{3}, {}}, {"4", TaskIndex{3}, {}}};
  workflow.tasks[3].routes = {{"COMPLETED", TaskIndex{2}, {}}};
  workflow.tasks[4].always_run = true;
  workflow.entries = {0};
  return workflow;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(DrawText, ShowsLayersRoutesActionsAndLoops) {
  EXPECT_EQ(
      draw(pipeline(), GraphFormat::Text),
      "pipeline\n"
      "\n"
      "┌─────────┐\n"
      "│ ● fetch │\n"
      "└─────────┘\n"
      "  fetch ──▶ build\n"
      "\n"
      "┌───────┐\n"
      "│ build │\n"
      "└───────┘\n"
      "  build ┬─ COMPLETED ─▶ test\n"
      "        ├─ 2 ─▷ PAUSE_JOB\n"
      "        └─ 9 ─▷ ERR_X\n"
      "\n"
      "┌──────┐\n"
      "│ test │\n"
      "└──────┘\n"
      "  test ── 3, 4 ─▶ fix\n"
      "\n"
      "┌─────┐\n"
      "│ fix │\n"
      "└─────┘\n"
      "  fix ── COMPLETED ─↺ test\n"
      "\n"
      "┌────────────────┐\n"
      "│ clean (always) │\n"
      "└────────────────┘\n"
  );
}

TEST(DrawText, PutsParallelTasksSideBySideAndMarksWhatIsSpecial) {
  Workflow workflow;
  workflow.name = "fan";
  workflow.tasks = {named("a"), named("b"), named("c")};
  workflow.tasks[0].allow_failure = true;
  workflow.tasks[1].compensate = Compensation{};
  workflow.tasks[2].needs = {0, 1};
  workflow.entries = {0, 1};
  EXPECT_EQ(
      draw(workflow, GraphFormat::Text),
      "fan\n"
      "\n"
      "┌────────────────┐  ┌────────────────┐\n"
      "│ ● a (may fail) │  │ ● b (undoable) │\n"
      "└────────────────┘  └────────────────┘\n"
      "  a ──▶ c\n"
      "  b ──▶ c\n"
      "\n"
      "┌───┐\n"
      "│ c │\n"
      "└───┘\n"
  );
}

TEST(DrawText, PutsATaskBelowTheLongestWayToIt) {
  Workflow workflow;
  workflow.name = "ways";
  workflow.tasks = {named("a"), named("short"), named("b"), named("c"), named("end")};
  workflow.tasks[1].needs = {0};
  workflow.tasks[2].needs = {0};
  workflow.tasks[3].needs = {2};
  workflow.tasks[4].needs = {1, 3};
  workflow.entries = {0};
  const std::string text = draw(workflow, GraphFormat::Text);
  EXPECT_LT(text.find("│ c │"), text.find("│ end │"));
  EXPECT_FALSE(contains(text, "│ c │  │ end │"));
}

TEST(DrawText, MarksATaskThatLeadsToItselfAsALoop) {
  Workflow workflow;
  workflow.name = "w";
  workflow.tasks = {named("poll")};
  workflow.tasks[0].routes = {{"5", TaskIndex{0}, {}}};
  workflow.entries = {0};
  EXPECT_TRUE(contains(draw(workflow, GraphFormat::Text), "poll ── 5 ─↺ poll\n"));
}

TEST(DrawText, WrapsWideLayers) {
  Workflow workflow;
  workflow.name = "wide";
  for (int i = 0; i < 40; ++i) {
    workflow.tasks.push_back(named("task-number-" + std::to_string(i)));
  }
  const std::string text = draw(workflow, GraphFormat::Text);
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    std::size_t columns = 0;
    for (std::size_t i = from; i < end; ++i) {
      columns += (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U ? 1 : 0;
    }
    EXPECT_LE(columns, 100U);
    from = end + 1;
  }
}

TEST(DrawMermaid, ListsNodesArrowsAndActions) {
  EXPECT_EQ(
      draw(pipeline(), GraphFormat::Mermaid),
      "flowchart TD\n"
      "  t0[\"fetch\"]\n"
      "  t1[\"build\"]\n"
      "  t2[\"test\"]\n"
      "  t3[\"fix\"]\n"
      "  t4([\"clean (always)\"])\n"
      "  t0 --> t1\n"
      "  t1 -->|\"COMPLETED\"| t2\n"
      "  t2 -->|\"3, 4\"| t3\n"
      "  t3 -.->|\"↺ COMPLETED\"| t2\n"
      "  t1 -->|\"2\"| t1a1{{\"PAUSE_JOB\"}}\n"
      "  t1 -->|\"9\"| t1a2{{\"ERR_X\"}}\n"
  );
}

TEST(DrawMermaid, EscapesNames) {
  Workflow workflow;
  workflow.tasks = {named("a\"]; click x")};
  const std::string text = draw(workflow, GraphFormat::Mermaid);
  EXPECT_TRUE(contains(text, "t0[\"a#34;]#59; click x\"]")) << text;
}

TEST(DrawSvg, ContainsEveryTaskAndLabelAndIsSelfContained) {
  const std::string svg = draw(pipeline(), GraphFormat::Svg);
  EXPECT_TRUE(svg.starts_with("<svg xmlns="));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  for (const char* part :
       {">fetch<",
        ">build<",
        ">test<",
        ">fix<",
        ">clean (always)<",
        ">3, 4<",
        "↺ COMPLETED",
        "2 → PAUSE_JOB",
        "9 → ERR_X",
        "prefers-color-scheme:dark"}) {
    EXPECT_TRUE(contains(svg, part)) << part;
  }
  EXPECT_FALSE(contains(svg, "href"));
  EXPECT_FALSE(contains(svg, "<script"));
}

TEST(DrawSvg, EscapesNamesAndDescriptions) {
  Workflow workflow;
  workflow.name = "<w & \"x\">";
  workflow.tasks = {named("a<b")};
  workflow.tasks[0].description = "it's </title>\x01";
  const std::string svg = draw(workflow, GraphFormat::Svg);
  EXPECT_TRUE(contains(svg, "<title>&lt;w &amp; &quot;x&quot;&gt;</title>"));
  EXPECT_TRUE(contains(svg, ">a&lt;b<"));
  EXPECT_TRUE(contains(svg, "<title>it&#39;s &lt;/title&gt;</title>"));
}

TEST(DrawSvg, LeadsLongArrowsThroughTheLayersBetween) {
  Workflow workflow;
  workflow.tasks = {named("a"), named("b"), named("c")};
  workflow.tasks[1].needs = {0};
  workflow.tasks[2].needs = {0, 1};
  workflow.entries = {0};
  const std::string svg = draw(workflow, GraphFormat::Svg);
  // Two curves and the straight piece past task b.
  const std::size_t bend = svg.find('L', svg.find("d=\"M", svg.find("class=\"p\"")));
  EXPECT_NE(bend, std::string::npos);
}

TEST(Draw, GivesTheSameTextEveryTimeAndSurvivesExtremes) {
  Workflow workflow;
  workflow.name = "big";
  for (std::size_t i = 0; i < 1000; ++i) {
    workflow.tasks.push_back(named("t" + std::to_string(i)));
    for (std::size_t j = 0; j < i && j < 8; ++j) {
      workflow.tasks[i].needs.push_back(static_cast<TaskIndex>(j));
    }
    if (i > 0) {
      workflow.tasks[i].needs.push_back(static_cast<TaskIndex>(i - 1));
    }
  }
  workflow.entries = {0};
  for (const GraphFormat format : {GraphFormat::Text, GraphFormat::Svg, GraphFormat::Mermaid}) {
    const std::string first = draw(workflow, format);
    EXPECT_EQ(first, draw(workflow, format));
    EXPECT_EQ(first.back(), '\n');
    EXPECT_FALSE(draw(Workflow{}, format).empty());
  }
}

}  // namespace
}  // namespace reeve::workflow
