#include <gtest/gtest.h>

#include "base/strings.h"
#include "notify/message.h"
#include "notify/sink_queue.h"

namespace reeve::notify {
namespace {

journal::Event event_of(journal::Kind kind, std::string type, std::string data) {
  journal::Event event;
  event.revision = Revision(7);
  event.at = from_unix_millis(1'800'000'000'000);
  event.object = {.kind = kind, .ns = Namespace("team"), .name = "build"};
  event.type = std::move(type);
  event.data = std::move(data);
  return event;
}

Notification opened() {
  return *notification_of(event_of(
      journal::Kind::Mission,
      "gate.opened",
      R"({"task":"review","revision":1,"prompt":"Ship it?","deadline":"2027-01-16T08:00:00.000Z"})"
  ));
}

Sink sink_of(std::string_view spec) {
  Json object =
      *parse_json(R"({"metadata":{"namespace":"team","name":"on-call","uid":"u1","generation":1}})"
      );
  object.set("spec", *parse_json(spec));
  Result<Sink> sink = sink_from(object);
  EXPECT_TRUE(sink.ok()) << (sink.ok() ? "" : sink.error().describe());
  return *sink;
}

constexpr std::string_view kWebhook =
    R"({"events":["approval.*"],"webhook":{"url":"https://h/","secretCredential":"k"}})";

TEST(Notification, SaysWhatHappenedAndWhatCanBeDone) {
  const Notification made = opened();
  EXPECT_EQ(made.event, "approval.opened");
  EXPECT_EQ(made.subject_kind, "Approval");
  EXPECT_EQ(made.subject, "build.review");
  EXPECT_EQ(made.title, "build/review waits for approval");
  EXPECT_NE(made.text.find("Ship it?"), std::string::npos);
  EXPECT_EQ(made.command, "reeve approve build/review -n team");
  const auto failed = notification_of(event_of(
      journal::Kind::Mission,
      "mission.transitioned",
      R"({"from":"ACTIVE","to":"FAILED","reason":"failure","message":"exit 1"})"
  ));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->event, "mission.failed");
  EXPECT_EQ(failed->text, "exit 1");
  EXPECT_FALSE(notification_of(event_of(
                                   journal::Kind::Mission,
                                   "mission.transitioned",
                                   R"({"from":"QUEUED","to":"LAUNCHING"})"
                               ))
                   .has_value());
  EXPECT_FALSE(notification_of(event_of(journal::Kind::Mission, "run.ended", "{}")).has_value());
}

TEST(Notification, TellsNothingOfArguments) {
  const auto pending = notification_of(event_of(
      journal::Kind::ToolCall,
      "toolcall.recorded",
      R"({"state":"PENDING","spec":{"tool":"git.push","mission":"m","task":"t","agent":"coder",)"
      R"("reason":"to publish","risk":"high","arguments":{"token":"hunter2"}}})"
  ));
  ASSERT_TRUE(pending.has_value());
  EXPECT_EQ(pending->event, "toolcall.pending");
  EXPECT_EQ(pending->title, "coder wants to use git.push");
  EXPECT_EQ(pending->text.find("hunter2"), std::string::npos);
  EXPECT_EQ(pending->command, "reeve approve toolcall/build -n team");
  EXPECT_FALSE(notification_of(event_of(
                                   journal::Kind::ToolCall,
                                   "toolcall.recorded",
                                   R"({"state":"EXECUTING","spec":{"tool":"ls"}})"
                               ))
                   .has_value());
}

TEST(Notification, TellsOfBudgetsByTheirNamesAndAmounts) {
  journal::Event event = event_of(
      journal::Kind::BudgetUsage,
      "budget.exceeded",
      R"({"quota":"team/q","limit":"maxTotalTokens","level":"1000","used":"1200",)"
      R"("mission":"m","run":"m.1.a.1","action":"pause"})"
  );
  event.object.name = "quota.q";
  const auto exceeded = notification_of(event);
  ASSERT_TRUE(exceeded.has_value());
  EXPECT_EQ(exceeded->subject, "q");
  EXPECT_EQ(exceeded->title, "budget q is used up (maxTotalTokens)");
  EXPECT_EQ(
      exceeded->text, "1200 are used or promised, of 1000, by run m.1.a.1. What follows: pause."
  );
  EXPECT_EQ(exceeded->command, "reeve get budgetquota/q -n team");
  event.type = "budget.warned";
  EXPECT_EQ(
      notification_of(event)->text.substr(0, 51),
      "1200 are used or promised; you are told at 1000, by"
  );
}

TEST(Notification, TellsThatNobodyDecides) {
  const std::string waits =
      R"({"state":"PENDING","tool":"git.push","mission":"m","agent":"coder","due":"2026-11-21T10:30:00Z"})";
  const auto escalated =
      notification_of(event_of(journal::Kind::ToolCall, "toolcall.escalated", waits));
  ASSERT_TRUE(escalated.has_value());
  EXPECT_EQ(escalated->event, "toolcall.escalated");
  EXPECT_EQ(escalated->title, "nobody has decided yet whether coder may use git.push");
  EXPECT_NE(escalated->text.find("after 2026-11-21T10:30:00Z"), std::string::npos);
  EXPECT_EQ(escalated->command, "reeve approve toolcall/build -n team");
  const auto expired =
      notification_of(event_of(journal::Kind::ToolCall, "toolcall.expired", waits));
  ASSERT_TRUE(expired.has_value());
  EXPECT_EQ(expired->event, "toolcall.expired");
  EXPECT_EQ(expired->title, "nobody has decided whether coder may use git.push");
  EXPECT_EQ(expired->command, "");
}

TEST(Notification, CutsBetweenCharacters) {
  EXPECT_EQ(cut("short", 10), "short");
  const std::string text = cut("äöüäöüäöü", 10);
  EXPECT_LE(text.size(), 10U);
  EXPECT_TRUE(is_utf8(text));
}

TEST(Sink, ChoosesByEventWorkflowAndLabels) {
  Notification made = opened();
  made.facts = {.workflow = "deploy", .labels = {{"team", "core"}}};
  EXPECT_TRUE(wants(sink_of(kWebhook), made));
  const auto with = [&](std::string_view more) {
    return sink_of(concat(R"({"webhook":{"url":"https://h/","secretCredential":"k"},)", more, "}"));
  };
  EXPECT_TRUE(wants(with(R"("events":["*"])"), made));
  EXPECT_FALSE(wants(with(R"("events":["mission.*"])"), made));
  EXPECT_TRUE(wants(with(R"("events":["*"],"workflows":["deploy"])"), made));
  EXPECT_FALSE(wants(with(R"("events":["*"],"workflows":["other"])"), made));
  EXPECT_TRUE(wants(with(R"("events":["*"],"matchLabels":{"team":"core"})"), made));
  EXPECT_FALSE(wants(with(R"("events":["*"],"matchLabels":{"team":"x"})"), made));
  EXPECT_FALSE(wants(with(R"("events":["*"],"suspended":true)"), made));
  made.ns = Namespace("other");
  EXPECT_FALSE(wants(sink_of(kWebhook), made));
}

TEST(Sink, IsNotToldOfItsOwnTrouble) {
  const auto incident = notification_of(event_of(
      journal::Kind::Incident,
      "incident.opened",
      R"({"spec":{"reason":"NotificationsFailing","severity":"warning","message":"x",)"
      R"("subject":{"kind":"NotificationSink","name":"on-call"}}})"
  ));
  ASSERT_TRUE(incident.has_value());
  Sink sink = sink_of(R"({"events":["*"],"webhook":{"url":"https://h/","secretCredential":"k"}})");
  EXPECT_FALSE(wants(sink, *incident));
  sink.name = "other";
  EXPECT_TRUE(wants(sink, *incident));
}

TEST(Sink, RefusesWhatCannotWork) {
  for (const std::string_view wrong :
       {R"({"events":["*"]})",
        R"({"webhook":{"url":"u","secretCredential":"k"},"slack":{"urlCredential":"k"}})",
        R"({"webhook":{"url":"u","secretCredential":"k"},"text":"{{.a"})",
        R"({"email":{"host":"h","from":"a@b","to":["c@d"],"username":"u"}})",
        R"({"email":{"host":"h","from":"a@b","to":["c@d"],"username":"u",)"
        R"("passwordCredential":"p","security":"none"}})"}) {
    Json object = Json::object();
    object.set("metadata", Json::object()).set("spec", *parse_json(wrong));
    EXPECT_FALSE(sink_from(object).ok()) << wrong;
  }
}

TEST(Words, ComeFromTemplatesOrAsTheyAre) {
  const Notification made = opened();
  EXPECT_EQ(words_for(sink_of(kWebhook), made).title, made.title);
  const Sink own = sink_of(
      R"({"events":["*"],"title":"{{.event}} {{.mission}}","text":"{{index .nothing \"x\" 1}}",)"
      R"("webhook":{"url":"https://h/","secretCredential":"k"}})"
  );
  EXPECT_EQ(words_for(own, made).title, "approval.opened build");
  EXPECT_EQ(words_for(own, made).text, made.text);
}

TEST(Message, IsSignedAsStandardWebhooksAre) {
  // The example of the specification.
  const Result<std::string> signature = webhook_signature(
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1614265330,
      R"({"test": 2432232314})"
  );
  ASSERT_TRUE(signature.ok());
  EXPECT_EQ(*signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_FALSE(webhook_signature("whsec_!", "a", 1, "b").ok());
}

TEST(Message, HasTheSameIdEachTime) {
  const Sink sink = sink_of(kWebhook);
  const Notification made = opened();
  const auto first = webhook_message(
      sink, made, words_for(sink, made), "key", from_unix_millis(1'800'000'000'000)
  );
  const auto second = webhook_message(
      sink, made, words_for(sink, made), "key", from_unix_millis(1'800'000'005'000)
  );
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->body, second->body);
  EXPECT_EQ(first->headers[2], second->headers[2]);
  EXPECT_NE(first->headers[4], second->headers[4]);
  const Json body = *parse_json(first->body);
  EXPECT_EQ(body.get_string("type"), "approval.opened");
  EXPECT_EQ(body.find("data")->get_string("command"), "reeve approve build/review -n team");
}

TEST(Message, GivesSlackNoLinksOfOthers) {
  Notification made = opened();
  made.text = "<!channel> & <http://evil|ok>";
  const Sink sink = sink_of(R"({"events":["*"],"slack":{"urlCredential":"k"}})");
  const Json body = *parse_json(slack_message(made, words_for(sink, made)).body);
  EXPECT_EQ(
      body.get_string("text"),
      "*build/review waits for approval*\n&lt;!channel&gt; &amp; &lt;http://evil|ok&gt;\n"
      "`reeve approve build/review -n team`"
  );
}

TEST(Message, IsAMailWithSafeHeaders) {
  Notification made = opened();
  made.title = "übel\r\nBcc: x@y";
  const Sink sink = sink_of(
      R"({"events":["*"],"email":{"host":"h","from":"reeve@example.com","to":["a@b.c","d@e.f"]}})"
  );
  EXPECT_EQ(sink.mail.port, 587);
  const std::string mail =
      mail_message(sink, made, words_for(sink, made), from_unix_millis(1'800'000'000'000));
  EXPECT_EQ(mail.find("Bcc"), std::string::npos);
  EXPECT_NE(mail.find("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"), std::string::npos) << mail;
  EXPECT_NE(mail.find("To: a@b.c,\r\n d@e.f\r\n"), std::string::npos);
  EXPECT_NE(mail.find("Subject: =?utf-8?B?"), std::string::npos);
  EXPECT_EQ(*from_base64(to_base64("any text")), "any text");
  EXPECT_EQ(to_base64("a"), "YQ==");
}

class SinkQueueTest : public ::testing::Test {
 protected:
  SinkQueueTest() : queue_(Revision(6), {}, [] { return 1.0; }) {}

  Fate fail(bool final = false) {
    now_ = std::max(now_, *queue_.due());
    queue_.begin();
    return queue_.ended(
        {.taken = false, .final = final, .retry_after = Duration(0), .problem = "no"}, now_
    );
  }

  Fate take() {
    now_ = std::max(now_, *queue_.due());
    queue_.begin();
    return queue_.ended(
        {.taken = true, .final = false, .retry_after = Duration(0), .problem = {}}, now_
    );
  }

  void push(std::uint64_t revision) {
    Notification made = opened();
    made.revision = Revision(revision);
    made.at = now_;
    queue_.push(std::move(made));
  }

  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  SinkQueue queue_;
};

TEST_F(SinkQueueTest, KeepsThePlaceOfWhatWaits) {
  EXPECT_EQ(queue_.cursor(), Revision(6));
  push(7);
  push(9);
  queue_.advance(Revision(20));
  EXPECT_EQ(queue_.cursor(), Revision(6));
  EXPECT_EQ(take(), Fate::Taken);
  EXPECT_EQ(queue_.cursor(), Revision(8));
  EXPECT_EQ(take(), Fate::Taken);
  EXPECT_EQ(queue_.cursor(), Revision(20));
  EXPECT_FALSE(queue_.due().has_value());
}

TEST_F(SinkQueueTest, WaitsLongerEachTimeAndGivesUp) {
  push(7);
  Duration last{0};
  for (int i = 1; i < 8; ++i) {
    ASSERT_EQ(fail(), Fate::Again);
    const Duration pause = *queue_.due() - now_;
    EXPECT_GT(pause, last);
    last = pause;
  }
  EXPECT_EQ(fail(), Fate::Dead);
  EXPECT_EQ(queue_.cursor(), Revision(7));
}

TEST_F(SinkQueueTest, RestsWhenNothingWorksAndComesBack) {
  for (std::uint64_t i = 7; i < 12; ++i) {
    push(i);
  }
  for (int dead = 0; dead < 3;) {
    dead += fail() == Fate::Dead ? 1 : 0;
  }
  EXPECT_TRUE(queue_.resting());
  // From here on nothing is given up for the number of its attempts.
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(fail(), Fate::Again);
    EXPECT_EQ(*queue_.due() - now_, Duration(300'000));
  }
  EXPECT_EQ(take(), Fate::Taken);
  EXPECT_FALSE(queue_.resting());
  EXPECT_EQ(*queue_.due(), now_);
}

TEST_F(SinkQueueTest, GivesUpWhatIsRefusedAndWhatIsTooOld) {
  push(7);
  push(8);
  EXPECT_EQ(fail(true), Fate::Dead);
  EXPECT_EQ(*queue_.due(), now_);
  EXPECT_FALSE(queue_.drop_old(now_).has_value());
  now_ += Duration(Duration::rep{24} * 3'600'000);
  ASSERT_TRUE(queue_.drop_old(now_).has_value());
  EXPECT_EQ(queue_.waiting(), 0U);
}

TEST_F(SinkQueueTest, TriesAtOnceWhatWasMended) {
  push(7);
  fail();
  queue_.changed();
  EXPECT_LE(*queue_.due(), now_);
}

}  // namespace
}  // namespace reeve::notify
