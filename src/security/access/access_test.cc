#include <gtest/gtest.h>

#include "security/access/identity.h"
#include "security/access/rate_limit.h"
#include "security/access/rule.h"
#include "security/access/verb.h"

namespace reeve::access {
namespace {

using namespace std::chrono_literals;

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return std::move(parsed).value();
}

std::vector<Rule> rules(std::string_view text) {
  const Json parsed = json(text);
  auto result = parse_rules(&parsed, true);
  EXPECT_TRUE(result.ok()) << text << ": " << (result.ok() ? "" : result.error().describe());
  return result.ok() ? std::move(result).value() : std::vector<Rule>{};
}

Attributes on(
    std::string verb, std::string resource, std::string name = {}, std::string subresource = {}
) {
  Attributes attributes;
  attributes.verb = std::move(verb);
  attributes.group = kApiGroup;
  attributes.resource = std::move(resource);
  attributes.subresource = std::move(subresource);
  attributes.ns = "default";
  attributes.name = std::move(name);
  return attributes;
}

Attributes path(std::string verb, std::string path) {
  Attributes attributes;
  attributes.verb = std::move(verb);
  attributes.non_resource_path = std::move(path);
  return attributes;
}

TEST(Forbidden, SpeaksAsKubernetesDoes) {
  Identity alice;
  alice.user = "alice";
  EXPECT_EQ(
      forbidden_message(alice, on("list", "missions")),
      "missions.reeve.dev is forbidden: User \"alice\" cannot list resource \"missions\" in API "
      "group \"reeve.dev\" in the namespace \"default\""
  );
  EXPECT_EQ(
      forbidden_message(alice, on("get", "missions", "m1", "log")),
      "missions.reeve.dev \"m1\" is forbidden: User \"alice\" cannot get resource \"missions/log\" "
      "in API group \"reeve.dev\" in the namespace \"default\""
  );
  Attributes pods = on("list", "pods");
  pods.group = "";
  pods.ns = "";
  EXPECT_EQ(
      forbidden_message(alice, pods),
      "pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \"\" at the "
      "cluster scope"
  );
  EXPECT_EQ(
      forbidden_message(alice, path("get", "/metrics")),
      "forbidden: User \"alice\" cannot get path \"/metrics\""
  );
  EXPECT_EQ(forbidden(alice, pods).code, ErrorCode::PermissionDenied);
}

TEST(Identity, IsRefusedWithNamesThatAreNone) {
  Identity identity = anonymous();
  EXPECT_TRUE(check_identity(identity).ok());
  for (const std::string& bad :
       {std::string(), std::string("a\nb"), std::string("\xff"), std::string("a\0b", 3)}) {
    Identity other = identity;
    other.user = bad;
    EXPECT_EQ(check_identity(other).error().subject, "user");
    other = identity;
    other.groups.push_back(bad);
    EXPECT_EQ(check_identity(other).error().subject, "groups");
  }
  identity.groups.assign(kGroupsMax + 1, "g");
  EXPECT_EQ(check_identity(identity).error().code, ErrorCode::LimitExceeded);
  identity = anonymous();
  identity.user = std::string(kPrincipalBytesMax + 1, 'x');
  EXPECT_EQ(check_identity(identity).error().code, ErrorCode::LimitExceeded);
  identity = anonymous();
  identity.extra["scopes"] = std::vector<std::string>(kExtraValuesMax + 1);
  EXPECT_EQ(check_identity(identity).error().subject, "extra.scopes");
}

TEST(Rule, AllowsVerbsOnResourcesAndSubresources) {
  struct Row {
    std::string_view rule;
    Attributes asked;
    bool allowed;
  };

  const std::vector<Row> rows = {
      {R"({"verbs":["get"],"apiGroups":["reeve.dev"],"resources":["missions"]})",
       on("get", "missions", "m"),
       true},
      {R"({"verbs":["get"],"apiGroups":["reeve.dev"],"resources":["missions"]})",
       on("list", "missions"),
       false},
      {R"({"verbs":["get"],"apiGroups":["reeve.dev"],"resources":["missions"]})",
       on("get", "missions", "m", "log"),
       false},
      {R"({"verbs":["get"],"apiGroups":["reeve.dev"],"resources":["missions/log"]})",
       on("get", "missions", "m"),
       false},
      {R"({"verbs":["get"],"apiGroups":["*"],"resources":["*/log"]})",
       on("get", "missions", "m", "log"),
       true},
      {R"({"verbs":["get"],"apiGroups":["*"],"resources":["*/log"]})",
       on("get", "missions", "m", "status"),
       false},
      {R"({"verbs":["*"],"apiGroups":["reeve.dev"],"resources":["*"]})",
       on("approve", "toolcalls", "t", "status"),
       true},
      {R"({"verbs":["*"],"apiGroups":[""],"resources":["*"]})", on("get", "missions"), false},
      {R"({"verbs":["get"],"apiGroups":["*"],"resources":["missions"],"resourceNames":["a"]})",
       on("get", "missions", "a"),
       true},
      {R"({"verbs":["get"],"apiGroups":["*"],"resources":["missions"],"resourceNames":["a"]})",
       on("get", "missions", "b"),
       false},
      {R"({"verbs":["list"],"apiGroups":["*"],"resources":["missions"],"resourceNames":["a"]})",
       on("list", "missions"),
       false},
      {R"({"verbs":["list"],"apiGroups":["*"],"resources":["missions"],"resourceNames":[""]})",
       on("list", "missions"),
       false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(rules("[" + std::string(row.rule) + "]")[0].allows(row.asked), row.allowed)
        << row.rule << " " << row.asked.verb << " " << row.asked.full_resource();
  }
}

TEST(Rule, AllowsPathsExactlyOrByTheirBeginning) {
  const auto rule = rules(R"([{"verbs":["get"],"nonResourceURLs":["/version","/apis/*"]}])")[0];
  EXPECT_TRUE(rule.allows(path("get", "/version")));
  EXPECT_TRUE(rule.allows(path("get", "/apis/reeve.dev/v1")));
  EXPECT_FALSE(rule.allows(path("get", "/apis")));
  EXPECT_FALSE(rule.allows(path("get", "/version/x")));
  EXPECT_FALSE(rule.allows(path("post", "/version")));
  EXPECT_FALSE(rule.allows(on("get", "missions")));
  const auto all = rules(R"([{"verbs":["*"],"nonResourceURLs":["*"]}])")[0];
  EXPECT_TRUE(all.allows(path("get", "/metrics")));
  EXPECT_FALSE(all.allows(on("get", "missions")));
}

TEST(Rule, IsRefusedWithThePlaceOfWhatIsWrong) {
  struct Row {
    std::string_view text;
    std::string_view subject;
    bool paths_allowed = true;
  };

  for (const Row& row : std::initializer_list<Row>{
           {R"({})", "rules"},
           {R"([7])", "rules[0]"},
           {R"([{"apiGroups":["a"],"resources":["b"]}])", "rules[0].verbs"},
           {R"([{"verbs":["get"],"resources":["b"]}])", "rules[0].apiGroups"},
           {R"([{"verbs":["get"],"apiGroups":[""]}])", "rules[0].resources"},
           {R"([{"verbs":["get"],"apiGroups":[""],"resources":["b"],"names":[]}])",
            "rules[0].names"},
           {R"([{"verbs":"get","apiGroups":[""],"resources":["b"]}])", "rules[0].verbs"},
           {R"([{"verbs":["get"],"apiGroups":[""],"resources":["b"],"nonResourceURLs":["/a"]}])",
            "rules[0]"},
           {R"([{"verbs":["get"],"nonResourceURLs":["a"]}])", "rules[0].nonResourceURLs"},
           {R"([{"verbs":["get"],"nonResourceURLs":["/*/a"]}])", "rules[0].nonResourceURLs"},
           {R"([{"verbs":["get"],"nonResourceURLs":[""]}])", "rules[0].nonResourceURLs"},
           {R"([{"verbs":["get"],"nonResourceURLs":["/a"]}])", "rules[0].nonResourceURLs", false},
       }) {
    const Json parsed = json(row.text);
    const auto result = parse_rules(&parsed, row.paths_allowed);
    ASSERT_FALSE(result.ok()) << row.text;
    EXPECT_EQ(result.error().code, ErrorCode::Invalid) << row.text;
    EXPECT_EQ(result.error().subject, row.subject) << row.text;
  }
}

TEST(Rule, HasLimits) {
  Json verbs = Json::array();
  for (std::size_t i = 0; i <= kRuleEntriesMax; ++i) {
    verbs.push("get");
  }
  Json rule = Json::object();
  rule.set("verbs", std::move(verbs));
  Json list = Json::array();
  list.push(rule);
  EXPECT_EQ(parse_rules(&list, true).error().code, ErrorCode::LimitExceeded);
  Json many = Json::array();
  for (std::size_t i = 0; i <= kRulesMax; ++i) {
    many.push(json(R"({"verbs":["get"],"apiGroups":[""],"resources":["pods"]})"));
  }
  EXPECT_EQ(parse_rules(&many, true).error().code, ErrorCode::LimitExceeded);
}

TEST(Rules, CoverWhatTheyContain) {
  struct Row {
    std::string_view held;
    std::string_view wanted;
    std::string_view missing;
  };

  const std::string_view two =
      R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a","b"]},
          {"verbs":["list"],"apiGroups":["g"],"resources":["a"]}])";
  for (const Row& row : std::initializer_list<Row>{
           {two, R"([{"verbs":["get","list"],"apiGroups":["g"],"resources":["a"]}])", ""},
           {two,
            R"([{"verbs":["get","list"],"apiGroups":["g"],"resources":["a","b"]}])",
            "list on b.g"},
           {two,
            R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a"],"resourceNames":["x"]}])",
            ""},
           {two, R"([{"verbs":["*"],"apiGroups":["g"],"resources":["a"]}])", "* on a.g"},
           {two, R"([{"verbs":["get"],"apiGroups":["*"],"resources":["a"]}])", "get on a.*"},
           {two,
            R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a/log"]}])",
            "get on a/log.g"},
           {two, R"([{"verbs":["get"],"nonResourceURLs":["/a"]}])", "get on path /a"},
           {R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a"],"resourceNames":["x"]}])",
            R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a"]}])",
            "get on a.g"},
           {R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a"],"resourceNames":["x"]}])",
            R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a"],"resourceNames":["x","y"]}])",
            "get on a.g named y"},
           {R"([{"verbs":["get"],"apiGroups":["g"],"resources":["*/log"]}])",
            R"([{"verbs":["get"],"apiGroups":["g"],"resources":["a/log"]}])",
            ""},
           {R"([{"verbs":["get"],"nonResourceURLs":["/a/*"]}])",
            R"([{"verbs":["get"],"nonResourceURLs":["/a/b","/a/*"]}])",
            ""},
           {R"([{"verbs":["get"],"nonResourceURLs":["/a/*"]}])",
            R"([{"verbs":["get"],"nonResourceURLs":["/*"]}])",
            "get on path /*"},
           {"[]", "[]", ""},
       }) {
    const auto missing = first_uncovered(rules(row.held), rules(row.wanted));
    ASSERT_TRUE(missing.ok());
    EXPECT_EQ(*missing, row.missing) << row.wanted;
  }
}

TEST(Rules, AreNotComparedBeyondALimit) {
  Rule wide;
  wide.verbs.assign(kRuleEntriesMax, "get");
  wide.api_groups.assign(kRuleEntriesMax, "g");
  wide.resources.assign(kRuleEntriesMax, "a");
  Rule held = wide;
  held.verbs = {"get"};
  const auto result = first_uncovered({held}, {wide});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(*first_uncovered({wide}, {wide}), "");
}

TEST(Verb, FollowsFromTheRequest) {
  EXPECT_EQ(verb_of({.method = "GET", .named = true}), "get");
  EXPECT_EQ(verb_of({.method = "HEAD", .named = true}), "get");
  EXPECT_EQ(verb_of({.method = "GET"}), "list");
  EXPECT_EQ(verb_of({.method = "GET", .watch = true}), "watch");
  EXPECT_EQ(verb_of({.method = "GET", .named = true, .watch = true}), "watch");
  EXPECT_EQ(verb_of({.method = "POST"}), "create");
  EXPECT_EQ(verb_of({.method = "POST", .named = true}), "create");
  EXPECT_EQ(verb_of({.method = "PUT", .named = true}), "update");
  EXPECT_EQ(verb_of({.method = "PATCH", .named = true}), "patch");
  EXPECT_EQ(verb_of({.method = "DELETE", .named = true}), "delete");
  EXPECT_EQ(verb_of({.method = "DELETE"}), "deletecollection");
  EXPECT_EQ(verb_of({.method = "TRACE"}), "");
  EXPECT_EQ(path_verb_of("GET"), "get");
  EXPECT_EQ(path_verb_of("POST"), "post");
  EXPECT_EQ(path_verb_of("BREW"), "");
}

TEST(RateLimiter, AllowsABurstAndThenTheRate) {
  RateLimiter limiter({.per_second = 10, .burst = 3, .keys_max = 10});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(limiter.take("alice", 1000ms));
  }
  EXPECT_EQ(limiter.take("alice", 1000ms), 100ms);
  EXPECT_EQ(limiter.take("alice", 1050ms), 50ms);
  EXPECT_FALSE(limiter.take("alice", 1100ms));
  EXPECT_TRUE(limiter.take("alice", 1100ms));
  // What was told is enough.
  EXPECT_FALSE(limiter.take("alice", 1200ms));
}

TEST(RateLimiter, DoesNotLetOneKeyPayForAnother) {
  RateLimiter limiter({.per_second = 1, .burst = 1, .keys_max = 10});
  EXPECT_FALSE(limiter.take("alice", 0ms));
  EXPECT_TRUE(limiter.take("alice", 0ms));
  EXPECT_FALSE(limiter.take("bob", 0ms));
}

TEST(RateLimiter, GainsNothingFromAClockThatGoesBack) {
  RateLimiter limiter({.per_second = 1, .burst = 1, .keys_max = 10});
  EXPECT_FALSE(limiter.take("alice", 5000ms));
  EXPECT_TRUE(limiter.take("alice", 0ms));
  EXPECT_TRUE(limiter.take("alice", 5500ms));
  EXPECT_FALSE(limiter.take("alice", 6000ms));
}

TEST(RateLimiter, ForgetsTheKeyThatWasSilentLongest) {
  RateLimiter limiter({.per_second = 0.001, .burst = 1, .keys_max = 2});
  EXPECT_FALSE(limiter.take("a", 0ms));
  EXPECT_FALSE(limiter.take("b", 0ms));
  EXPECT_TRUE(limiter.take("a", 0ms));
  EXPECT_FALSE(limiter.take("c", 0ms));
  EXPECT_EQ(limiter.keys(), 2U);
  EXPECT_TRUE(limiter.take("a", 0ms));
  EXPECT_FALSE(limiter.take("b", 0ms));
  for (int i = 0; i < 100; ++i) {
    limiter.take(std::string(10'000, 'x') + std::to_string(i), 0ms);
  }
  EXPECT_EQ(limiter.keys(), 2U);
}

TEST(PeerKey, IsTheAddressOrTheNetworkOfAMachine) {
  EXPECT_EQ(peer_key("10.0.0.1:4711"), "10.0.0.1");
  EXPECT_EQ(peer_key("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(peer_key("[::ffff:10.0.0.1]:80"), "10.0.0.1");
  EXPECT_EQ(peer_key("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::/64");
  EXPECT_EQ(peer_key("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(peer_key("[fe80::1%eth0]:80"), "fe80::/64");
  EXPECT_EQ(peer_key("unix"), "unix");
  EXPECT_EQ(peer_key("[oops"), "[oops");
  EXPECT_EQ(peer_key(""), "");
}

}  // namespace
}  // namespace reeve::access
