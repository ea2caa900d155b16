#include "gateway/run_identity.h"

#include <gtest/gtest.h>

namespace reeve::gateway {
namespace {

access::Identity run() {
  access::Identity identity;
  identity.user = "run:alpha/build.1.test.1";
  identity.groups = {"system:runs", "system:runs:alpha", "system:authenticated"};
  identity.extra["reeve.dev/run"] = {"build.1.test.1"};
  identity.extra["reeve.dev/mission"] = {"build"};
  return identity;
}

TEST(RunIdentity, IsReadFromWhatTheTokenHasProven) {
  const std::optional<RunIdentity> found = run_of(run());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->ns.view(), "alpha");
  EXPECT_EQ(found->mission, "build");
  EXPECT_EQ(found->run, "build.1.test.1");
}

TEST(RunIdentity, SaysWhichAgentTheRunCarriesOut) {
  EXPECT_EQ(run_of(run())->agent, "");
  access::Identity identity = run();
  identity.extra["reeve.dev/agent"] = {"coder"};
  EXPECT_EQ(run_of(identity)->agent, "coder");
}

TEST(RunIdentity, IsNobodyElses) {
  access::Identity person = run();
  person.user = "alice";
  EXPECT_FALSE(run_of(person).has_value());
  access::Identity homeless = run();
  homeless.groups = {"system:runs"};
  EXPECT_FALSE(run_of(homeless).has_value());
  for (const char* part : {"reeve.dev/run", "reeve.dev/mission"}) {
    access::Identity nameless = run();
    nameless.extra.erase(part);
    EXPECT_FALSE(run_of(nameless).has_value()) << part;
    nameless.extra[part] = {};
    EXPECT_FALSE(run_of(nameless).has_value()) << part;
  }
}

}  // namespace
}  // namespace reeve::gateway
