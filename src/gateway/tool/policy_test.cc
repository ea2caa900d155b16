#include "gateway/tool/policy.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway {
namespace {

ToolServer server_of(std::string_view spec) {
  Json object = Json::object();
  object.set("metadata", *parse_json(R"({"name":"s","namespace":"default","uid":"u"})"));
  object.set("spec", *parse_json(spec));
  const auto server = read_tool_server(object);
  EXPECT_TRUE(server.ok()) << (server ? "" : server.error().describe());
  return server ? *server : ToolServer{};
}

TEST(ToolPolicy, IsThatOfTheFirstEntryThatFits) {
  const ToolServer server = server_of(
      R"({"url":"https://x.example/mcp","timeout":"5s","tools":[
          {"name":"delete_all","allow":false},
          {"name":"delete_*","risk":"high","timeout":"2s","approval":{"required":true,"timeout":"2h"}},
          {"name":"fetch","untrusted":true,"redact":["token"]}]})"
  );
  EXPECT_FALSE(policy_of(server, "delete_all").allowed);
  const ToolPolicy removing = policy_of(server, "delete_one");
  EXPECT_TRUE(removing.allowed && removing.requires_approval);
  EXPECT_EQ(removing.approval_timeout, "2h");
  EXPECT_EQ(removing.timeout, Duration(2000));
  EXPECT_TRUE(policy_of(server, "fetch").untrusted);
  EXPECT_EQ(policy_of(server, "fetch").timeout, Duration(5000));
  EXPECT_FALSE(policy_of(server, "unknown").allowed) << "what is not listed is denied";
}

TEST(ToolPolicy, OfWhatIsNotListedCanBeToAsk) {
  const ToolServer server = server_of(R"({"url":"https://x.example/mcp","unlisted":"approval"})");
  EXPECT_TRUE(policy_of(server, "any").allowed);
  EXPECT_TRUE(policy_of(server, "any").requires_approval);
}

TEST(ToolPolicy, NeedsOnePlaceForTheTools) {
  for (const std::string_view spec :
       {R"({})",
        R"({"url":"https://x.example","builtin":"http"})",
        R"({"builtin":"http","timeout":"2h"})"}) {
    Json object = Json::object();
    object.set("spec", *parse_json(spec));
    EXPECT_FALSE(read_tool_server(object).ok()) << spec;
  }
}

TEST(Redaction, KeepsNothingThatPolicyNamesOrThatLooksLikeACredential) {
  ToolPolicy policy;
  policy.redact = {"token"};
  const Json arguments = *parse_json(
      R"({"token":"plain","text":"use sk-abcdefghijklmnopqrst now","deep":[{"u":"key=ghp_0123456789abcdefghij"}]})"
  );
  EXPECT_EQ(
      redact_arguments(arguments, policy).dump(),
      R"({"token":"[redacted]","text":"use [redacted] now","deep":[{"u":"key=[redacted]"}]})"
  );
  const Json long_text = Json::object().set("text", std::string(kShownTextBytesMax + 1, 'x'));
  const std::string kept = redact_arguments(long_text, {}).get_string("text");
  EXPECT_TRUE(kept.ends_with("x [cut, 8193 bytes]")) << kept.substr(kShownTextBytesMax - 9);
  EXPECT_EQ(redact_text("sk-short", 100), "sk-short");
  EXPECT_EQ(redact_text("ääää", 5), "ää");
}

TEST(Redaction, TakesAsLongAsThereIsToRead) {
  Json many = Json::object();
  for (int i = 0; i < 150'000; ++i) {
    many.as_object().emplace_back(concat("a", i), i);
  }
  // Looking for each name among all of them would take minutes.
  EXPECT_EQ(redact_arguments(many, {}), many);
  EXPECT_FALSE(fits_record(many, 64'000));
  EXPECT_TRUE(fits_record(Json::object().set("content", std::string(1'000'000, 'x')), 64'000))
      << "of a long text only the beginning is kept";
  EXPECT_FALSE(fits_record(Json::object().set(std::string(70'000, 'n'), 1), 64'000));
}

}  // namespace
}  // namespace reeve::gateway
