#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/functions.h"

namespace reeve::workflow {
namespace {

/// Other missions as a test wants them.
class FakeMissions final : public Missions {
 public:
  std::int64_t count(std::string_view workflow, const std::vector<std::string>& states) override {
    asked.push_back(concat(workflow, ":", join(states, ",")));
    return 7;
  }

  Result<std::string> submit(const Submission& submission) override {
    if (submission.workflow == "unknown") {
      return make_error(ErrorCode::NotFound, "no such workflow");
    }
    submissions.push_back(submission);
    return concat("m", submissions.size());
  }

  std::vector<std::string> asked;
  std::vector<Submission> submissions;
};

class MissionFunctions : public ::testing::Test {
 protected:
  std::string render(std::string_view text, const Json& data = Json::object()) {
    const templates::FunctionTable functions = make_functions(1, Timestamp{}, &missions_);
    const auto parsed = templates::Template::parse(text, functions);
    EXPECT_TRUE(parsed.ok()) << parsed.error().describe();
    const Result<std::string> out = parsed->render(data);
    return out ? *out : concat("error: ", out.error().describe());
  }

  FakeMissions missions_;
};

TEST_F(MissionFunctions, CountSeveralStatesInLists) {
  EXPECT_EQ(
      render(R"({{if ge (CountByJobTypeAndState "a" "pending, READY" "EXECUTING") 7}}y{{end}})"),
      "y"
  );
  EXPECT_EQ(missions_.asked, (std::vector<std::string>{"a:PENDING,READY,EXECUTING"}));
}

TEST_F(MissionFunctions, SubmitOneWithParamsAndAKey) {
  EXPECT_EQ(
      render(
          R"({{SubmitJob "fix" "issue 7" "Issue=7" "_user_key=i-7" (printf "_parent_id=%s" "x")}})"
      ),
      "m1"
  );
  ASSERT_EQ(missions_.submissions.size(), 1U);
  const Submission& made = missions_.submissions[0];
  EXPECT_EQ(made.workflow, "fix");
  EXPECT_EQ(made.description, "issue 7");
  EXPECT_EQ(made.user_key, "i-7");
  EXPECT_EQ(made.params, (std::vector<model::NamedValue>{{"Issue", "7"}}));
}

TEST_F(MissionFunctions, GiveNothingIfOneCannotBeMade) {
  EXPECT_EQ(render(R"([{{SubmitJob "unknown" "d"}}])"), "[]");
}

// Defects 30 and 31 of upstream: nested values are JSON, whole numbers stay exact.
TEST_F(MissionFunctions, SubmitAListWithExactValues) {
  Json data = Json::object();
  data.set(
      "Items",
      R"x([{"n": 12345678, "who": {"a": [1]}, "_description": "[x](y)", "_user_key": "k"}, {"n": 2}])x"
  );
  EXPECT_EQ(render(R"({{SubmitJobsFromJSON "fix" .Items "n=9" "_parent_id=p"}})", data), "m1\nm2");
  ASSERT_EQ(missions_.submissions.size(), 2U);
  const Submission& first = missions_.submissions[0];
  EXPECT_EQ(first.description, "[x](y)");
  EXPECT_EQ(first.user_key, "k");
  EXPECT_EQ(
      first.params,
      (std::vector<model::NamedValue>{{"n", "12345678"}, {"who", R"({"a":[1]})"}, {"n", "9"}})
  );
  EXPECT_EQ(missions_.submissions[1].description, "fix item 1");
}

TEST_F(MissionFunctions, SubmitNothingFromWhatIsNoList) {
  EXPECT_EQ(
      render(R"([{{SubmitJobsFromJSON "fix" "nonsense"}}{{SubmitJobsFromJSON "fix" ""}}])"), "[]"
  );
  EXPECT_TRUE(missions_.submissions.empty());
}

TEST_F(MissionFunctions, EndAListAtTheFirstThatCannotBeMade) {
  EXPECT_TRUE(render(R"({{SubmitJobsFromJSON "unknown" "[{}]"}})")
                  .starts_with("ERROR:SubmitJob failed for unknown item 0"));
}

TEST_F(MissionFunctions, RefuseWhatIsNoAssignment) {
  EXPECT_NE(
      render(R"({{SubmitJob "fix" "d" "oops"}})").find("is not KEY=VALUE"), std::string::npos
  );
}

}  // namespace
}  // namespace reeve::workflow
