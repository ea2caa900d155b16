#include "workflow/trigger/webhook.h"

#include <chrono>

#include <gtest/gtest.h>

#include "base/hmac.h"
#include "workflow/trigger/fixture.h"

namespace reeve::trigger {
namespace {

using workflow::WebhookAuth;
using workflow::WebhookTrigger;

constexpr std::string_view kSecretText = "It's a Secret to Everybody";

struct WebhookFixture : Fixture {
  WebhookRequest request{
      .headers = {{"content-type", "application/json"}},
      .query = {{"q", "1"}, {"q", "2"}},
      .body = R"({"action":"opened","number":7})"};

  explicit WebhookFixture(WebhookAuth auth, std::string header = {}) {
    trigger.source =
        WebhookTrigger{.auth = auth, .secret = "hook", .header = std::move(header), .path = {}};
    param("N", "{{.Body.number}}");
  }

  Outcome receive(const WebhookRequest& given) const {
    const Secret secret(kSecretText);
    return receive_webhook(context(), given, &secret, kNow, {});
  }

  /// The verdict with one more header.
  std::string with(std::string name, std::string value) const {
    WebhookRequest changed = request;
    changed.headers.emplace_back(std::move(name), std::move(value));
    return std::string(to_string(receive(changed).verdict));
  }

  std::string signature() const { return hmac_sha256_hex(kSecretText, request.body); }
};

TEST(Webhook, GivesBodyHeadersAndQueryToTheTexts) {
  WebhookFixture f(WebhookAuth::None);
  f.trigger.params.clear();
  f.param("A", "{{.Body.action}} {{index .Headers \"Content-Type\"}} {{.Query.q}}");
  EXPECT_EQ(shown(f.receive(f.request)), "fired A=opened application/json 1");
  f.trigger.params.clear();
  f.param("A", "{{.Body}}");
  f.request.body.clear();
  EXPECT_EQ(shown(f.receive(f.request)), "fired A=<no value>");
}

TEST(Webhook, SaysWhatHappenedToThoseWhoEvaluateElsewhere) {
  WebhookFixture f(WebhookAuth::GitHub);
  f.trigger.filter = WebhookFixture::text("false");
  const Secret secret(kSecretText);
  EXPECT_FALSE(accept_webhook(f.context(), f.request, &secret, kNow).occurrence.has_value());
  f.request.headers.emplace_back("X-Hub-Signature-256", "sha256=" + f.signature());
  f.request.headers.emplace_back("X-GitHub-Delivery", "d1");
  const Received received = accept_webhook(f.context(), f.request, &secret, kNow);
  ASSERT_TRUE(received.occurrence.has_value()) << "filters are for whoever evaluates";
  EXPECT_EQ(received.occurrence->key, "d1");
  EXPECT_EQ(received.occurrence->data.find("Body")->get_int("number"), 7);
  EXPECT_EQ(received.occurrence->data.find("Headers")->find("X-Hub-Signature-256"), nullptr);
}

TEST(Webhook, ChecksAnHmacOfTheBody) {
  const WebhookFixture f(WebhookAuth::HmacSha256, "X-Signature");
  EXPECT_EQ(f.with("X-Signature", f.signature()), "fired");
  EXPECT_EQ(f.with("x-signature", "sha256=" + f.signature()), "fired");
  EXPECT_EQ(f.with("X-SIGNATURE", to_upper(f.signature())), "fired");
  EXPECT_EQ(f.with("X-Signature", f.signature() + "0"), "unauthorised");
  EXPECT_EQ(f.with("X-Signature", hmac_sha256_hex("other", f.request.body)), "unauthorised");
  EXPECT_EQ(f.with("X-Signature", hmac_sha256_hex(kSecretText, "{}")), "unauthorised");
  EXPECT_EQ(f.with("X-Signature", ""), "unauthorised");
  EXPECT_EQ(f.with("X-Other", f.signature()), "unauthorised");
}

TEST(Webhook, ChecksABearerToken) {
  const WebhookFixture f(WebhookAuth::BearerToken);
  EXPECT_EQ(f.with("Authorization", concat("Bearer ", kSecretText)), "fired");
  EXPECT_EQ(f.with("authorization", concat("bearer ", kSecretText)), "fired");
  EXPECT_EQ(f.with("Authorization", std::string(kSecretText)), "unauthorised");
  EXPECT_EQ(f.with("Authorization", "Bearer "), "unauthorised");
  EXPECT_EQ(f.with("Authorization", "Bearer other"), "unauthorised");
  EXPECT_EQ(f.with("Authorization", concat("Basic ", kSecretText)), "unauthorised");
  EXPECT_EQ(shown(f.receive(f.request)).substr(0, 12), "unauthorised");
}

TEST(Webhook, ChecksAnApiKey) {
  const WebhookFixture f(WebhookAuth::ApiKey, "X-Api-Key");
  EXPECT_EQ(f.with("X-API-Key", std::string(kSecretText)), "fired");
  EXPECT_EQ(f.with("X-API-Key", "other"), "unauthorised");
  EXPECT_EQ(f.with("X-Other", std::string(kSecretText)), "unauthorised");
}

TEST(Webhook, KnowsGitHub) {
  WebhookFixture f(WebhookAuth::GitHub);
  // The example of GitHub's documentation.
  f.request.body = "Hello, World!";
  const std::string known =
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  EXPECT_EQ(f.with("X-Hub-Signature-256", known), "bad_request");  // proven, but no JSON
  EXPECT_EQ(f.with("X-Hub-Signature-256", known.substr(7)), "unauthorised");

  f.request.body = R"({"number":7})";
  f.request.headers.emplace_back("X-Hub-Signature-256", "sha256=" + f.signature());
  f.request.headers.emplace_back("X-GitHub-Event", "issues");
  f.request.headers.emplace_back("X-GitHub-Delivery", "72d3162e-cc78-11e3");
  f.trigger.filter = Fixture::text("{{eq (index .Headers \"X-Github-Event\") \"issues\"}}");
  const Outcome first = f.receive(f.request);
  EXPECT_EQ(shown(first), "fired N=7");
  EXPECT_EQ(f.receive(f.request).submission.input_key, first.submission.input_key);
  f.request.headers.back().second = "another";
  EXPECT_NE(f.receive(f.request).submission.input_key, first.submission.input_key);
}

TEST(Webhook, TakesThePingOfGitHubAsNothing) {
  WebhookFixture f(WebhookAuth::GitHub);
  f.request.headers.emplace_back("X-Hub-Signature-256", "sha256=" + f.signature());
  f.request.headers.emplace_back("X-GitHub-Event", "ping");
  EXPECT_EQ(shown(f.receive(f.request)), "filtered");
}

TEST(Webhook, KnowsGitLab) {
  WebhookFixture f(WebhookAuth::GitLab);
  EXPECT_EQ(f.with("X-Gitlab-Token", "other"), "unauthorised");
  f.request.headers.emplace_back("X-Gitlab-Token", std::string(kSecretText));
  f.request.headers.emplace_back("X-Gitlab-Event-UUID", "13792a34");
  const Outcome outcome = f.receive(f.request);
  EXPECT_EQ(shown(outcome), "fired N=7");
  EXPECT_FALSE(outcome.submission.input_key.empty());
}

TEST(Webhook, KeepsProofsOutOfTheData) {
  WebhookFixture f(WebhookAuth::ApiKey, "X-Api-Key");
  f.trigger.params.clear();
  f.param("H", "{{.Headers}}");
  f.request.headers.emplace_back("x-api-key", std::string(kSecretText));
  f.request.headers.emplace_back("Authorization", "Bearer abc");
  f.request.headers.emplace_back("Cookie", "session=1");
  f.request.headers.emplace_back("X-Gitlab-Token", "t");
  EXPECT_EQ(shown(f.receive(f.request)), "fired H=map[Content-Type:application/json]");
}

TEST(Webhook, FailsClosedWithoutASecretOrAHeader) {
  const WebhookFixture f(WebhookAuth::BearerToken);
  const Secret empty;
  for (const Secret* secret : {static_cast<const Secret*>(nullptr), &empty}) {
    EXPECT_EQ(
        shown(receive_webhook(f.context(), f.request, secret, kNow, {})),
        "failed: triggers.new-order: there is no credential \"hook\" (set the credential that the "
        "trigger's auth names)"
    );
  }
  EXPECT_EQ(WebhookFixture(WebhookAuth::HmacSha256).with("", ""), "failed");
  EXPECT_EQ(WebhookFixture(WebhookAuth::ApiKey).with("", ""), "failed");
}

TEST(Webhook, RefusesWhatItCannotTake) {
  WebhookFixture f(WebhookAuth::None);
  f.request.body = "payload=%7B%7D";
  EXPECT_EQ(
      shown(f.receive(f.request)).substr(0, 54),
      "bad_request: triggers.new-order: the body is not JSON:"
  );
  f.request.body = std::string(kWebhookBodyBytesMax + 1, ' ');
  EXPECT_EQ(f.receive(f.request).verdict, Verdict::TooLarge);
  f.request.body = concat("[", std::string(kWebhookBodyBytesMax - 2, ' '), "]");
  f.trigger.params.clear();
  EXPECT_EQ(f.receive(f.request).verdict, Verdict::Fired);
  f.request.query.assign(kWebhookFieldsMax + 1, {"a", "b"});
  EXPECT_EQ(f.receive(f.request).verdict, Verdict::BadRequest);
  f.request.query.assign(1, {"a", std::string(kWebhookFieldsBytesMax, 'b')});
  EXPECT_EQ(f.receive(f.request).verdict, Verdict::BadRequest);
  f.trigger.source = workflow::InboxTrigger{};
  EXPECT_EQ(f.receive(f.request).verdict, Verdict::BadRequest);
}

TEST(Webhook, NeverTakesABodyForATemplate) {
  WebhookFixture f(WebhookAuth::None);
  f.trigger.params.clear();
  f.param("T", "{{.Body.title}}");
  f.request.body = R"x({"title":"{{.Headers}} ' $(id)"})x";
  EXPECT_EQ(shown(f.receive(f.request)), "fired T={{.Headers}} ' $(id)");
}

TEST(WebhookReply, HasTheStatusAndBodyOfTheReference) {
  const auto reply = [](Verdict verdict) {
    const Outcome outcome{
        .verdict = verdict,
        .submission = {},
        .error = make_error(ErrorCode::Invalid, "secret detail"),
        .window = {}};
    const WebhookReply made = webhook_reply(outcome, "m-1");
    return concat(made.status, " ", made.body.dump());
  };
  EXPECT_EQ(reply(Verdict::Fired), R"(202 {"request_id":"m-1"})");
  EXPECT_EQ(reply(Verdict::Filtered), R"(202 {"filtered":true,"request_id":""})");
  EXPECT_EQ(reply(Verdict::RateLimited), R"(202 {"filtered":true,"request_id":""})");
  EXPECT_EQ(reply(Verdict::Deduplicated), R"(202 {"request_id":""})");
  EXPECT_EQ(reply(Verdict::Unauthorised), R"(401 {"error":"authentication failed"})");
  EXPECT_EQ(reply(Verdict::BadRequest), R"(400 {"error":"secret detail"})");
  EXPECT_EQ(reply(Verdict::TooLarge), R"(413 {"error":"secret detail"})");
  EXPECT_EQ(reply(Verdict::Failed), R"(500 {"error":"the trigger failed"})");
}

TEST(CanonicalHeader, WritesNamesAsGoDoes) {
  EXPECT_EQ(canonical_header("x-github-event"), "X-Github-Event");
  EXPECT_EQ(canonical_header("CONTENT-TYPE"), "Content-Type");
  EXPECT_EQ(canonical_header(""), "");
}

}  // namespace
}  // namespace reeve::trigger
