#include "telemetry/correlation.h"

#include <string>

#include <gtest/gtest.h>

#include "telemetry/fakes.h"

namespace reeve::telemetry {
namespace {

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsAndWritesATraceParent) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->trace_id.hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->span_id.hex(), "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(format_traceparent(*context), kParent);
}

TEST(TraceContext, KeepsOnlyTheSampledFlag) {
  auto context = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe");
  ASSERT_TRUE(context.ok());
  EXPECT_FALSE(context->sampled);
  EXPECT_EQ(format_traceparent(*context).substr(52), "-00");
}

TEST(TraceContext, ReadsLaterVersionsByTheirBeginning) {
  EXPECT_TRUE(parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").ok());
  EXPECT_TRUE(parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").ok()
  );
  EXPECT_FALSE(
      parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more").ok()
  );
}

TEST(TraceContext, RefusesWhatTheRecommendationCallsInvalid) {
  for (const std::string_view text :
       {"",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"}) {
    EXPECT_FALSE(parse_traceparent(text).ok()) << text;
  }
}

TEST(TraceContext, TellsWellFormedTraceStates) {
  EXPECT_TRUE(is_trace_state("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
  EXPECT_TRUE(is_trace_state("a=1 , ,\tb=2"));
  EXPECT_TRUE(is_trace_state("0tenant@vendor=some value"));
  for (const std::string_view text :
       {"", ",", "a", "a=", "=1", "A=1", "a=1,a=2", "a=b=c", "a=\x01", "a@b@c=1", "@b=1", "a@=1"}) {
    EXPECT_FALSE(is_trace_state(text)) << text;
  }
  std::string many;
  for (int i = 0; i < 33; ++i) {
    many += "k" + std::to_string(i) + "=1,";
  }
  EXPECT_FALSE(is_trace_state(many));
  EXPECT_FALSE(is_trace_state("a=" + std::string(257, 'x')));
}

TEST(TraceContext, StaysInTheCallersTraceAndReplacesAWrongOne) {
  FakeRandom random;
  const TraceContext adopted = adopt_trace(kParent, "a=1", random, false);
  EXPECT_EQ(format_traceparent(adopted), kParent);
  EXPECT_EQ(adopted.state, "a=1");
  EXPECT_EQ(adopt_trace(kParent, "a", random, false).state, "");

  const TraceContext fresh = adopt_trace("00-nonsense", "a=1", random, true);
  EXPECT_TRUE(fresh.valid());
  EXPECT_TRUE(fresh.sampled);
  EXPECT_EQ(fresh.state, "");
}

TEST(TraceContext, AChildIsAnotherSpanOfTheSameTrace) {
  FakeRandom random;
  const TraceContext parent = adopt_trace(kParent, "a=1", random, false);
  const TraceContext child = child_of(parent, random);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_EQ(child.state, "a=1");
  EXPECT_TRUE(child.sampled);
}

class ZeroRandom final : public platform::Random {
 public:
  std::uint64_t next() override { return 0; }
};

TEST(TraceContext, NeverMakesIdsOfZeros) {
  ZeroRandom random;
  EXPECT_TRUE(new_trace(random, false).valid());
}

TEST(TraceContext, ReadsIdsOfEitherCase) {
  EXPECT_EQ(
      parse_trace_id("4BF92F3577B34DA6A3CE929D0E0E4736")->hex(), "4bf92f3577b34da6a3ce929d0e0e4736"
  );
  EXPECT_EQ(parse_span_id("00F067AA0BA902B7")->hex(), "00f067aa0ba902b7");
  EXPECT_FALSE(parse_trace_id("").ok());
  EXPECT_FALSE(parse_trace_id(std::string(32, '0')).ok());
  EXPECT_FALSE(parse_span_id("00f067aa0ba902b").ok());
  EXPECT_FALSE(parse_span_id("00f067aa0ba902bx").ok());
}

TEST(CorrelationIds, TakesOverWhatIsSafeToWriteAnywhere) {
  FakeRandom random;
  EXPECT_EQ(adopt_correlation_id("req-1", "other", random).str(), "req-1");
  EXPECT_EQ(adopt_correlation_id("", "6f1e:/+=@~._-Z", random).str(), "6f1e:/+=@~._-Z");
}

TEST(CorrelationIds, ReplacesWhatIsNot) {
  FakeRandom random;
  const std::string fresh = adopt_correlation_id("a\nb", "", random).str();
  EXPECT_EQ(fresh.size(), 32U);
  EXPECT_TRUE(is_correlation_id(fresh));
  EXPECT_NE(adopt_correlation_id("", "", random).str(), fresh);
  EXPECT_FALSE(is_correlation_id(std::string(10'240, 'a')));
  EXPECT_TRUE(is_correlation_id(std::string(kCorrelationIdBytesMax, 'a')));
  for (const std::string_view text : {"", "a b", "\"", "a\r", "é", "$(x)", "a,b", "<b>"}) {
    EXPECT_FALSE(is_correlation_id(text)) << text;
  }
}

TEST(CorrelationIds, AreHandedToChildProcesses) {
  FakeRandom random;
  const Correlation correlation{
      .id = CorrelationId("req-1"),
      .trace = adopt_trace(kParent, "a=1", random, false),
      .principal = Principal("user:alice")};
  const auto variables = correlation_environment(correlation);
  ASSERT_EQ(variables.size(), 3U);
  EXPECT_EQ(variables[0].first, "REEVE_CORRELATION_ID");
  EXPECT_EQ(variables[0].second, "req-1");
  EXPECT_EQ(variables[1].second, kParent);
  EXPECT_EQ(variables[2].first, "TRACESTATE");
  EXPECT_TRUE(correlation_environment({}).empty());
}

}  // namespace
}  // namespace reeve::telemetry
