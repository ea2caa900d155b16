#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "workflow/validate.h"

namespace reeve::workflow {
namespace {

using Rules = std::vector<std::string>;

/// What a model says that no document can: built without the loader.
class Parts : public ::testing::Test {
 protected:
  Parts() {
    workflow_.tasks.resize(1);
    task().name = TaskName("a");
    task().position = {3, 5};
    workflow_.entries = {0};
  }

  Task& task() { return workflow_.tasks[0]; }

  Rules rules() {
    Rules names;
    problems_ = validate_parts(workflow_);
    for (const GraphProblem& problem : problems_) {
      names.push_back(problem.rule);
    }
    return names;
  }

  Workflow workflow_;
  std::vector<GraphProblem> problems_;
};

TEST_F(Parts, ATaskHasWhatItsMethodNeedsAndNothingElse) {
  EXPECT_EQ(rules(), Rules{});
  for (const Method method :
       {Method::Gate,
        Method::Mission,
        Method::Await,
        Method::Http,
        Method::WebSocket,
        Method::Message}) {
    task().method = method;
    EXPECT_EQ(rules(), Rules{"method"}) << to_string(method);
    EXPECT_EQ(problems_[0].error.position, (Position{3, 5}));
  }
  task().method = Method::Shell;
  task().gate = Gate{};
  EXPECT_EQ(rules(), Rules{"method"});
}

TEST_F(Parts, OnlyScriptsAndRequestsAreSensors) {
  task().sensor = true;
  for (const Method method : {Method::Shell, Method::Docker, Method::Kubernetes}) {
    task().method = method;
    EXPECT_EQ(rules(), Rules{});
  }
  task().method = Method::Noop;
  EXPECT_EQ(rules(), Rules{"sensor"});
}

TEST_F(Parts, SemaphoresTakeUnitsOfDifferentPools) {
  task().semaphores = {{"a", 1, {4, 1}}, {"b", 0, {5, 1}}, {"a", 2, {6, 1}}};
  EXPECT_EQ(rules(), (Rules{"semaphore", "semaphore"}));
  EXPECT_EQ(problems_[0].error.message, "takes no unit of the pool \"b\"");
  EXPECT_EQ(problems_[1].error.message, "takes the pool \"a\" twice");
  EXPECT_EQ(problems_[1].error.position, (Position{6, 1}));
  task().semaphores.clear();
  workflow_.semaphores.assign(kSemaphoresMax + 1, {});
  EXPECT_EQ(rules().back(), "semaphore");
}

TEST_F(Parts, CachesHavePathsAndOneKey) {
  task().cache.key = {"k", {}};
  EXPECT_EQ(rules(), Rules{"cache"});
  task().cache.paths = {{"p", {}}};
  EXPECT_EQ(rules(), Rules{});
  task().cache.key_paths = {{"f", {}}};
  EXPECT_EQ(rules(), Rules{"cache"});
}

TEST_F(Parts, TriggersAreComplete) {
  Trigger trigger;
  trigger.name = "t";
  const TriggerSource incomplete[] = {
      CronTrigger{},
      CronTrigger{.expression = "@daily", .time_zone = "a b"},
      WebhookTrigger{.auth = WebhookAuth::BearerToken, .secret = {}, .header = {}, .path = {}},
      WebhookTrigger{.auth = WebhookAuth::ApiKey, .secret = "s", .header = {}, .path = {}},
      ObjectTrigger{},
      ObjectTrigger{
          .poll = true, .bucket = "b", .prefix = {}, .suffix = {}, .poll_interval = Duration(0)},
      ChannelTrigger{},
      InboxTrigger{.glob = ""},
  };
  for (const TriggerSource& source : incomplete) {
    trigger.source = source;
    workflow_.triggers = {trigger};
    ASSERT_EQ(rules().size(), 1U) << source.index();
    EXPECT_EQ(rules()[0], std::holds_alternative<CronTrigger>(source) ? "cron" : "trigger");
  }
  trigger.source = InboxTrigger{};
  trigger.rate_limit = RateLimit{};
  workflow_.triggers = {trigger};
  EXPECT_EQ(rules(), Rules{"trigger"});
}

TEST_F(Parts, AFormicaryAwaitMayNameAChildThatWasWaitedFor) {
  workflow_.format = Format::Formicary;
  task().method = Method::Mission;
  task().child = Child{};
  task().routes = {{"COMPLETED", TaskIndex{1}, {}}};
  Task later;
  later.name = TaskName("b");
  later.method = Method::Await;
  later.await = Await{.tasks = {0}, .outputs = {}};
  workflow_.tasks.push_back(later);
  EXPECT_EQ(rules(), Rules{});
  workflow_.format = Format::Native;
  EXPECT_EQ(rules(), Rules{"await"});
}

}  // namespace
}  // namespace reeve::workflow
