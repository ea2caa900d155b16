#include <gtest/gtest.h>

#include "base/strings.h"
#include "walk.h"
#include "workflow/load/load.h"

namespace reeve::engine {
namespace {

const std::string kOneTask = native_text({"{name: a, script: x}"});

TEST(Submit, QueuesAndLaunchesInOneTurn) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  EXPECT_EQ(w.moves(), "QUEUED/user_request LAUNCHING/scheduler");
  EXPECT_EQ(w.launches(), "m.1.a.1");
  w.started("a");
  w.finished("a");
  EXPECT_EQ(
      w.moves(), "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready COMPLETE/completion"
  );
  EXPECT_EQ(w.timers(), 0U);
}

TEST(Submit, StampsActorAndCorrelationOnEveryEvent) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  ASSERT_FALSE(w.events().empty());
  for (const journal::Event& event : w.events()) {
    EXPECT_EQ(event.actor, Principal("user:test")) << event.type;
    EXPECT_EQ(event.correlation, CorrelationId("c-1")) << event.type;
    EXPECT_EQ(event.at, w.now()) << event.type;
  }
}

TEST(Submit, TellsEveryRunWhichRequestItComesFrom) {
  const std::string caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Walk w;
  w.correlate("c-9", {.parent = caller, .state = "v=1"});
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x}"});
  // Hosts do not say on whose behalf they report.
  w.correlate("", {});
  w.started("a");
  w.finished("a");
  const model::Origin& a = w.launch_of("a").origin;
  const model::Origin& b = w.launch_of("b").origin;
  EXPECT_EQ(a.correlation, CorrelationId("c-9"));
  EXPECT_EQ(b.correlation, CorrelationId("c-9"));
  EXPECT_TRUE(a.trace.parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_TRUE(a.trace.parent.ends_with("-01"));
  EXPECT_EQ(a.trace.state, "v=1");
  EXPECT_TRUE(b.trace.parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_NE(a.trace.parent, b.trace.parent);
}

TEST(Submit, AMissionThatNobodyTracesHasATraceOfItsOwn) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "", "one");
  w.submit({"{name: a, script: x}"}, "", "two");
  const std::string one = w.launch_of("a", "one").origin.trace.parent;
  EXPECT_TRUE(model::is_traceparent(one));
  EXPECT_NE(one.substr(0, 35), w.launch_of("a", "two").origin.trace.parent.substr(0, 35));
  EXPECT_FALSE(w.mission("one").trace);
}

TEST(Submit, MakesANameFromTheWorkflowAndTheRevision) {
  Walk w;
  const Result<Reply> reply = w.submit_text(kOneTask, "");
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->mission.view().starts_with("w-")) << reply->mission.view();
  EXPECT_EQ(reply->state, model::MissionState::Launching);
  EXPECT_FALSE(reply->uid.empty());
}

TEST(Submit, GivesEveryMissionItsOwnUid) {
  Walk w;
  const Result<Reply> one = w.submit_text(kOneTask, "one");
  const Result<Reply> two = w.submit_text(kOneTask, "two");
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->uid, two->uid);
}

TEST(Submit, RegistersAWorkflowOnce) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "", "one");
  w.submit({"{name: a, script: x}"}, "", "two");
  EXPECT_EQ(w.count_events("workflow.registered"), 1U);
  w.submit({"{name: a, script: y}"}, "", "three");
  EXPECT_EQ(w.count_events("workflow.registered"), 2U);
}

TEST(Submit, RefusesABadName) {
  Walk w;
  for (const std::string& name :
       {std::string("../x"), std::string("a b"), std::string("-a"), std::string(101, 'a')}) {
    const Result<Reply> reply = w.submit_text(kOneTask, name);
    ASSERT_FALSE(reply.ok()) << name;
    EXPECT_EQ(reply.error().code, ErrorCode::Invalid) << name;
  }
  EXPECT_TRUE(w.events().empty());
}

TEST(Submit, RefusesATakenName) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const std::size_t before = w.events().size();
  const Result<Reply> reply = w.submit_text(kOneTask);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(w.events().size(), before);
}

TEST(Submit, RefusesAMissingParam) {
  Walk w;
  const std::string text = native_text(
      {"{name: a, script: 'echo {{ .target }}'}"}, "params: {target: {required: true}}"
  );
  const Result<Reply> reply = w.submit_text(text);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::Invalid);
  EXPECT_NE(reply.error().describe().find("target"), std::string::npos);
  EXPECT_TRUE(w.submit_text(text, "m", {{"target", "jq"}}).ok());
  EXPECT_EQ(w.launch_of("a").spec.steps.at(0).script, "echo jq");
}

TEST(Submit, TakesTheLastOfTwoValuesOfAParam) {
  Walk w;
  const std::string text =
      native_text({"{name: a, script: 'echo {{ .target }}'}"}, "params: {target: none}");
  ASSERT_TRUE(w.submit_text(text, "m", {{"target", "one"}, {"target", "two"}}).ok());
  EXPECT_EQ(w.launch_of("a").spec.steps.at(0).script, "echo two");
  EXPECT_EQ(w.mission().params.size(), 1U);
}

TEST(Submit, RefusesAParamThatIsNotText) {
  Walk w;
  const std::string text = native_text({"{name: a, script: x}"}, "params: {target: none}");
  const Result<Reply> reply = w.submit_text(text, "m", {{"target", "a\xFF"}});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::Invalid);
  EXPECT_EQ(reply.error().subject, "target");
}

TEST(Submit, AsksForAContainerUnlessTheMissionIsLocal) {
  const std::string text =
      native_text({"{name: a, method: DOCKER, container: {image: gcc}, script: x}"});
  Walk contained;
  ASSERT_TRUE(contained.submit_text(text).ok());
  const auto& container = contained.launch_of("a").spec.container;
  ASSERT_TRUE(container.has_value());
  EXPECT_EQ(container->image, "gcc");
  Walk local;
  ASSERT_TRUE(local.submit_text(text, "m", {}, true).ok());
  EXPECT_TRUE(local.mission().local);
  EXPECT_FALSE(local.launch_of("a").spec.container.has_value());
}

TEST(Submit, RefusesMoreLiveMissionsThanTheLimit) {
  Walk w(Limits{.live_missions_max = 1});
  w.submit({"{name: a, script: x}"}, "", "one");
  const Result<Reply> reply = w.submit_text(kOneTask, "two");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::LimitExceeded);
}

TEST(Submit, RefusesParamsThatDoNotFitIntoAnEvent) {
  Walk w;
  const std::string text = native_text({"{name: a, script: x}"}, "params: {target: none}");
  const std::string huge(journal::kEventDataBytesMax, 'x');
  const Result<Reply> reply = w.submit_text(text, "m", {{"target", huge}});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::LimitExceeded);
}

TEST(Submit, RefusesMoreThanItLooksAt) {
  Walk w;
  SubmitMission submit;
  submit.ns = Namespace("default");
  submit.workflow = *workflow::load_source(native_text({"{name: a, script: x}"}));
  submit.after.assign(kAfterMax + 1, MissionName("m"));
  EXPECT_EQ(w.command(submit).error().code, ErrorCode::LimitExceeded);
  submit.after.clear();
  submit.params.assign(kParamsMax + 1, {"p", "v"});
  EXPECT_EQ(w.command(submit).error().code, ErrorCode::LimitExceeded);
}

TEST(Submit, SkipsTheWholeOnItsCondition) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: z, alwaysRun: true, script: z}"}, "skipIf: 'true'");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_FILTERED_JOB");
  EXPECT_EQ(w.moves(), "ABORTED/skipped");
  EXPECT_EQ(w.launches(), "");
  EXPECT_EQ(w.tasks(), "a=SKIPPED z=SKIPPED");
}

TEST(Submit, FailsWhenTheConditionCannotBeRendered) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "skipIf: '{{ index 1 2 }}'");
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.moves(), "FAILED/failure");
}

TEST(Commands, AnswerNotFoundForAnUnknownMission) {
  Walk w;
  const MissionName name("none");
  for (const Command& command : std::vector<Command>{
           AbortMission{.mission = name, .message = {}},
           ResumeMission{.mission = name},
           RetryMission{.parent = name, .name = {}},
           Reconcile{.mission = name},
           TimerFired{.owner = mission_key(name), .key = "deadline"},
           model::Report(model::RunLost{
               .mission = name, .run = RunName("none.1.a.1"), .fence = Fence(1), .detail = {}})}) {
    const Result<Reply> reply = w.command(command);
    ASSERT_FALSE(reply.ok()) << command.index();
    EXPECT_EQ(reply.error().code, ErrorCode::NotFound) << command.index();
  }
}

TEST(Commands, AreIllegalOnceTheMissionHasEnded) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.finished("a");
  const std::size_t before = w.events().size();
  for (const Command& command : std::vector<Command>{
           AbortMission{.mission = MissionName("m"), .message = {}},
           ResumeMission{.mission = MissionName("m")},
           RetryMission{.parent = MissionName("m"), .name = {}},
           Reconcile{.mission = MissionName("m")}}) {
    const Result<Reply> reply = w.command(command);
    ASSERT_FALSE(reply.ok()) << command.index();
    EXPECT_EQ(reply.error().code, ErrorCode::IllegalTransition) << command.index();
  }
  EXPECT_EQ(w.events().size(), before);
}

TEST(Commands, ResumeIsIllegalUnlessHeld) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const Result<Reply> reply = w.command(ResumeMission{.mission = MissionName("m")});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::IllegalTransition);
}

}  // namespace
}  // namespace reeve::engine
