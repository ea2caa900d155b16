#include "model/trace.h"

#include <gtest/gtest.h>

namespace reeve::model {
namespace {

constexpr const char* kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Trace, KnowsWhatATraceparentIs) {
  EXPECT_TRUE(is_traceparent(kCaller));
  for (const char* wrong :
       {"",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"}) {
    EXPECT_FALSE(is_traceparent(wrong)) << wrong;
  }
}

TEST(Trace, ARunIsBelowItsMissionInTheTraceOfTheCaller) {
  const Uid mission("u-1");
  const Trace caller{.parent = kCaller, .state = "vendor=1"};
  const std::string span = run_span(mission, RunName("m.1.build.1"));
  const Trace below = trace_below(caller, mission, span, is_sampled(caller, mission, 0));
  EXPECT_EQ(below.parent, "00-0af7651916cd43dd8448eb211c80319c-" + span + "-01");
  EXPECT_EQ(below.state, "vendor=1");
  EXPECT_TRUE(is_traceparent(below.parent));
}

TEST(Trace, AMissionThatNobodyTracesHasOneTraceOfItsOwn) {
  const Uid mission("u-1");
  const Trace none;
  EXPECT_EQ(trace_id_of(none, mission), trace_id_of(none, mission));
  EXPECT_NE(trace_id_of(none, mission), trace_id_of(none, Uid("u-2")));
  EXPECT_TRUE(is_traceparent(trace_below(none, mission, mission_span(mission), true).parent));
  EXPECT_TRUE(trace_below(none, mission, mission_span(mission), false).parent.ends_with("-00"));
}

TEST(Trace, ACallerDecidesWhatIsRecordedOtherwiseAShareOfTheMissions) {
  const Trace recorded{.parent = kCaller, .state = {}};
  Trace passed_by = recorded;
  passed_by.parent.back() = '2';
  int count = 0;
  for (int i = 0; i < 1000; ++i) {
    const Uid mission("u-" + std::to_string(i));
    EXPECT_TRUE(is_sampled(recorded, mission, 0));
    EXPECT_FALSE(is_sampled(passed_by, mission, 1));
    EXPECT_FALSE(is_sampled({}, mission, 0));
    EXPECT_TRUE(is_sampled({}, mission, 1));
    count += is_sampled({}, mission, 0.25) ? 1 : 0;
  }
  EXPECT_GT(count, 200);
  EXPECT_LT(count, 300);
}

TEST(Trace, EveryPartHasASpanOfItsOwn) {
  const Uid mission("u-1");
  EXPECT_NE(mission_span(mission), task_span(mission, 1, TaskName("a")));
  EXPECT_NE(task_span(mission, 1, TaskName("a")), task_span(mission, 2, TaskName("a")));
  EXPECT_NE(run_span(mission, RunName("m.1.a.1")), run_span(mission, RunName("m.1.a.2")));
}

}  // namespace
}  // namespace reeve::model
