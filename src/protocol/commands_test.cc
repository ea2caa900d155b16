#include "protocol/commands.h"

#include <gtest/gtest.h>

namespace reeve::protocol {
namespace {

Json json(std::string_view text) {
  return parse_json(text).value();
}

TEST(Commands, ASubmissionComesBackAsItWas) {
  Submit submit;
  submit.source = "kind: Workflow\n";
  submit.params = {{"b", "2"}, {"a", "1"}};
  submit.name = "build-7";
  submit.local = true;
  submit.priority = -7;
  submit.user_key = "nightly-1";
  submit.after = {"first", "second"};
  submit.not_before = from_unix_millis(1'800'000'000'123);
  const Result<Submit> back = submit_from_json(to_json(submit));
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(back->source, submit.source);
  EXPECT_EQ(back->params, submit.params);
  EXPECT_EQ(back->name, submit.name);
  EXPECT_TRUE(back->local);
  EXPECT_EQ(back->priority, submit.priority);
  EXPECT_EQ(back->user_key, submit.user_key);
  EXPECT_EQ(back->after, submit.after);
  EXPECT_EQ(back->not_before, submit.not_before);
}

TEST(Commands, ASubmissionHasEitherATextOrAName) {
  EXPECT_EQ(submit_from_json(json(R"({"workflow":"w","version":"2"})"))->version, "2");
  EXPECT_FALSE(submit_from_json(json(R"({"workflow":"w","source":"x"})")).ok());
  EXPECT_FALSE(submit_from_json(json(R"({"source":"x","version":"2"})")).ok());
  EXPECT_FALSE(submit_from_json(json(R"({"source":"x","priority":3000000000})")).ok());
}

TEST(Commands, OtherArgumentsComeBackAsTheyWere) {
  EXPECT_EQ(retry_from_json(to_json(Retry{.mission = "m", .name = "n"}))->name, "n");
  const Retry reopen{
      .mission = "m", .name = {}, .reopen = true, .message = "late data", .from = "load"};
  const auto reopened = retry_from_json(to_json(reopen));
  ASSERT_TRUE(reopened.ok());
  EXPECT_TRUE(reopened->reopen);
  EXPECT_EQ(reopened->message, "late data");
  EXPECT_EQ(reopened->from, "load");
  EXPECT_EQ(abort_from_json(to_json(Abort{.mission = "m", .message = "why"}))->message, "why");
  EXPECT_EQ(release_from_json(to_json(Release{.mission = "m"}))->mission, "m");
  const Result<Decide> decide = decide_from_json(to_json(Decide{
      .mission = "m", .task = "t", .decision = "reject", .message = "no"}));
  ASSERT_TRUE(decide.ok());
  EXPECT_EQ(decide->mission + decide->task + decide->decision + decide->message, "mtrejectno");
  EXPECT_FALSE(decide_from_json(*parse_json(R"({"mission":"m"})")).ok());
  Object object{.kind = "Channel", .name = "c", .verb = "send", .body = Json::object()};
  object.body.set("text", "hello");
  const Result<Object> back = object_from_json(to_json(object));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->body, object.body);
}

TEST(Commands, NamesWhatIsMissingUnknownOrWrong) {
  EXPECT_EQ(submit_from_json(json("{}")).error().subject, "submit.source");
  EXPECT_EQ(
      submit_from_json(json(R"({"source":"x","params":{"a":1}})")).error().subject, "submit.params"
  );
  EXPECT_EQ(
      abort_from_json(json(R"({"mission":"m","mesage":"x"})")).error().hint,
      "did you mean \"message\"?"
  );
  EXPECT_EQ(retry_from_json(json("[]")).error().message, "must be an object");
  EXPECT_FALSE(expect_no_arguments(json(R"({"a":1})")).ok());
  EXPECT_TRUE(expect_no_arguments(json("{}")).ok());
}

}  // namespace
}  // namespace reeve::protocol
