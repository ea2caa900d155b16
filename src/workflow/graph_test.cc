#include "workflow/graph.h"

#include <algorithm>
#include <map>

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
      "  t1 -->|\"2\"| t1a1(\"PAUSE_JOB\")\n"
      "  t1 -->|\"9\"| t1a2(\"ERR_X\")\n"
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
  EXPECT_TRUE(contains(svg, ">&lt;w &amp; &quot;x&quot;&gt;</title>"));
  EXPECT_TRUE(contains(svg, ">a&lt;b<"));
  EXPECT_TRUE(contains(svg, "<title>it&#39;s &lt;/title&gt;</title>"));
}

TEST(DrawSvg, LeadsLongArrowsThroughTheLayersBetween) {
  Workflow workflow;
  workflow.tasks = {named("a"), named("b"), named("c")};
  workflow.tasks[1].needs = {0};
  workflow.tasks[2].needs = {0, 1};
  workflow.entries = {0};
  const Scene scene = make_scene(workflow);
  const SceneEdge& past = scene.edges.at(1);
  EXPECT_EQ(past.from, "t0");
  EXPECT_EQ(past.to, "t2");
  ASSERT_EQ(past.points.size(), 4U);
  // The straight piece past task b.
  EXPECT_EQ(past.points[1].x, past.points[2].x);
  const SceneNode& b = scene.nodes.at(1);
  EXPECT_TRUE(past.points[1].x < b.at.x || past.points[1].x > b.at.x + b.width);
}

/// One of each kind, with triggers above and a gate that sends back.
Workflow of_all_kinds() {
  Workflow workflow;
  workflow.name = "kinds";
  for (const char* name : {"plan", "ask", "call", "wait", "each", "done"}) {
    workflow.tasks.push_back(named(name));
  }
  auto& tasks = workflow.tasks;
  for (TaskIndex i = 1; i < tasks.size(); ++i) {
    tasks[i].needs = {i - 1};
  }
  tasks[1].method = Method::Gate;
  tasks[1].gate = Gate{};
  tasks[1].gate->approvals = 2;
  tasks[1].gate->users = {"ann"};
  tasks[1].gate->groups = {"ops"};
  tasks[1].gate->revises = 0;
  tasks[2].method = Method::Http;
  tasks[2].http = HttpRequest{};
  tasks[2].http->url = {"https://example.org/<x>", {}};
  tasks[3].method = Method::Mission;
  tasks[3].child = Child{};
  tasks[3].child->workflow = {"other", {}};
  tasks[4].fan_out = FanOut{};
  tasks[4].fan_out->over = {"1..9", {}};
  tasks[4].fan_out->parallel = 3;
  tasks[5].sensor = true;
  Trigger cron;
  cron.name = "nightly";
  cron.source = CronTrigger{"0 9 * * 1", "Europe/Berlin", MissedTicks::Skip};
  Trigger hook;
  hook.name = "push";
  hook.source = WebhookTrigger{};
  workflow.triggers = {cron, hook};
  workflow.entries = {0};
  return workflow;
}

TEST(Scene, SaysWhatEachTaskDoes) {
  const Scene scene = make_scene(of_all_kinds());
  std::map<std::string, const SceneNode*> nodes;
  for (const SceneNode& node : scene.nodes) {
    nodes[node.id] = &node;
  }
  EXPECT_EQ(nodes.at("g0")->title, "cron 0 9 * * 1 (Europe/Berlin)");
  EXPECT_EQ(nodes.at("g1")->title, "webhook push");
  EXPECT_EQ(nodes.at("t1")->kind, NodeKind::Gate);
  EXPECT_EQ(nodes.at("t1")->lines, std::vector<std::string>{"approval by 2 of ann, @ops"});
  EXPECT_EQ(nodes.at("t2")->lines, std::vector<std::string>{"GET https://example.org/<x>"});
  EXPECT_EQ(nodes.at("t3")->lines, std::vector<std::string>{"mission of other"});
  EXPECT_TRUE(nodes.at("t4")->fan_out);
  EXPECT_EQ(nodes.at("t4")->lines, std::vector<std::string>{"for each item of 1..9, 3 at once"});
  EXPECT_EQ(nodes.at("t5")->lines, std::vector<std::string>{"polls until it succeeds"});
  EXPECT_LT(nodes.at("g0")->at.y, nodes.at("start")->at.y);
  EXPECT_LT(nodes.at("start")->at.y, nodes.at("t0")->at.y);
  const auto revise =
      std::find_if(scene.edges.begin(), scene.edges.end(), [](const SceneEdge& edge) {
        return edge.kind == EdgeKind::Revise;
      });
  ASSERT_NE(revise, scene.edges.end());
  EXPECT_EQ(revise->from, "t1");
  EXPECT_EQ(revise->to, "t0");
}

TEST(Scene, KeepsBoxesApartAndEverythingInside) {
  for (const Workflow& workflow : {pipeline(), of_all_kinds()}) {
    const Scene scene = make_scene(workflow);
    for (std::size_t i = 0; i < scene.nodes.size(); ++i) {
      const SceneNode& a = scene.nodes[i];
      EXPECT_GE(a.at.x, 0);
      EXPECT_LE(a.at.x + a.width, scene.width);
      EXPECT_LE(a.at.y + a.height, scene.height);
      for (std::size_t j = 0; j < i; ++j) {
        const SceneNode& b = scene.nodes[j];
        const bool apart = a.at.x + a.width <= b.at.x || b.at.x + b.width <= a.at.x ||
                           a.at.y + a.height <= b.at.y || b.at.y + b.height <= a.at.y;
        EXPECT_TRUE(apart) << a.title << " and " << b.title;
      }
    }
    for (const SceneEdge& edge : scene.edges) {
      for (const ScenePoint& point : edge.points) {
        EXPECT_GE(point.x, 0) << edge.from << " " << edge.to;
        EXPECT_LE(point.x, scene.width) << edge.from << " " << edge.to;
      }
    }
  }
}

TEST(DrawJson, GivesPlacesAndBends) {
  const Result<Json> json = parse_json(draw(pipeline(), GraphFormat::Json, {{"build", "FAILED"}}));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->get_string("name"), "pipeline");
  const auto& nodes = json->find("nodes")->as_array();
  ASSERT_EQ(nodes.size(), 5U);
  EXPECT_EQ(nodes[1].get_string("id"), "t1");
  EXPECT_EQ(nodes[1].get_string("state"), "FAILED");
  EXPECT_EQ(nodes[1].find("lines")->as_array().size(), 2U);
  EXPECT_GT(nodes[1].get_int("width"), 0);
  const auto& edges = json->find("edges")->as_array();
  ASSERT_EQ(edges.size(), 4U);
  EXPECT_EQ(edges[0].get_string("kind"), "need");
  EXPECT_EQ(edges[3].get_string("kind"), "back");
  EXPECT_EQ(edges[3].find("points")->as_array().size(), 6U);
}

TEST(Draw, ShowsTheStatesOfAMission) {
  const TaskStates states = {{"fetch", "COMPLETE"}, {"build", "ACTIVE"}, {"test", "WAITING"}};
  const std::string text = draw(pipeline(), GraphFormat::Text, states);
  EXPECT_TRUE(contains(text, "│ ✓ fetch │"));
  EXPECT_TRUE(contains(text, "  build: ACTIVE\n"));
  EXPECT_FALSE(contains(text, "test: WAITING"));
  const std::string svg = draw(pipeline(), GraphFormat::Svg, states);
  EXPECT_TRUE(contains(svg, "box entry done"));
  EXPECT_TRUE(contains(svg, ">● build<"));
  const std::string mermaid = draw(pipeline(), GraphFormat::Mermaid, states);
  EXPECT_TRUE(contains(mermaid, "t1[\"● build\"]:::active\n"));
  EXPECT_TRUE(contains(mermaid, "classDef active "));
}

TEST(Draw, ShowsTriggersGatesAndChildrenInEveryForm) {
  const Workflow workflow = of_all_kinds();
  const std::string text = draw(workflow, GraphFormat::Text);
  EXPECT_TRUE(contains(text, "  ◇ cron 0 9 * * 1 (Europe/Berlin)\n"));
  EXPECT_TRUE(contains(text, "  ask: approval by 2 of ann, @ops\n"));
  EXPECT_TRUE(contains(text, "─ revise ─↺ plan\n"));
  const std::string mermaid = draw(workflow, GraphFormat::Mermaid);
  EXPECT_TRUE(contains(mermaid, "t1{{\"ask<br/>approval by 2 of ann, @ops\"}}"));
  EXPECT_TRUE(contains(mermaid, "t1 -.->|\"↺ revise\"| t0\n"));
  EXPECT_TRUE(contains(mermaid, "t2[/\"call<br/>GET https://example.org/#60;x#62;\"/]"));
  const std::string svg = draw(workflow, GraphFormat::Svg);
  EXPECT_TRUE(contains(svg, "role=\"img\" aria-labelledby=\"title desc\""));
  EXPECT_TRUE(contains(svg, "6 tasks: plan, ask, call, wait, each, done"));
  EXPECT_TRUE(contains(svg, "GET https://example.org/&lt;x&gt;"));
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
  for (const GraphFormat format :
       {GraphFormat::Text, GraphFormat::Svg, GraphFormat::Mermaid, GraphFormat::Json}) {
    const std::string first = draw(workflow, format);
    EXPECT_EQ(first, draw(workflow, format));
    EXPECT_EQ(first.back(), '\n');
    EXPECT_FALSE(draw(Workflow{}, format).empty());
  }
}

}  // namespace
}  // namespace reeve::workflow
