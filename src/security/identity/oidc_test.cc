#include "security/identity/oidc.h"

#include <map>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "security/identity/support_test.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

constexpr std::string_view kIssuer = "https://id.example.com";
constexpr std::string_view kDiscovery = "https://id.example.com/.well-known/openid-configuration";
constexpr std::string_view kKeys = "https://id.example.com/keys";

OidcOptions options() {
  OidcOptions options;
  options.issuer = kIssuer;
  options.policy.audiences = {"reeve"};
  return options;
}

/// An identity provider that answers from a table.
class Provider {
 public:
  Provider() {
    documents_[std::string(kDiscovery)] =
        Json::object().set("issuer", kIssuer).set("jwks_uri", kKeys).dump();
    documents_[std::string(kKeys)] = ec_signer().key_set("k1");
  }

  void answer(std::string_view url, std::string body) {
    documents_[std::string(url)] = std::move(body);
  }

  void fail(std::string_view url) { documents_.erase(std::string(url)); }

  Fetcher fetcher() {
    return [this](const std::string& url) -> Result<Fetched> {
      asked.push_back(url);
      const auto found = documents_.find(url);
      if (found == documents_.end()) {
        return make_error(ErrorCode::Unavailable, "no answer", url);
      }
      return Fetched{.body = found->second, .max_age = max_age};
    };
  }

  std::vector<std::string> asked;
  std::optional<Duration> max_age;

 private:
  std::map<std::string, std::string> documents_;
};

class OidcTest : public testing::Test {
 protected:
  OidcTest() : issuer_(std::move(OidcIssuer::make(options())).value()) {}

  static Jwt jwt(
      std::string_view key_id, Timestamp now = kNow, const Signer& signer = ec_signer()
  ) {
    Json claims = Json::object();
    claims.set("iss", kIssuer).set("sub", "alice").set("aud", "reeve");
    claims.set("exp", to_unix_millis(now) / 1000 + 600);
    auto parsed =
        parse_jwt(signer.token(JwtAlgorithm::ES256, Json::object().set("kid", key_id), claims));
    EXPECT_TRUE(parsed.ok());
    return std::move(parsed).value();
  }

  /// What whoever owns an issuer does. False: there was nothing to do.
  bool refresh(Timestamp now) {
    if (!issuer_.begin_refresh(now)) {
      return false;
    }
    issuer_.finish_refresh(fetch_keys(issuer_.options(), provider_.fetcher()), now);
    return true;
  }

  ErrorCode code_of(const Jwt& token, Timestamp now) {
    const auto who = issuer_.verify(token, now);
    return who.ok() ? ErrorCode::Invalid : who.error().code;
  }

  Provider provider_;
  OidcIssuer issuer_;
};

TEST_F(OidcTest, BelievesTokensOnceItHasTheKeys) {
  EXPECT_EQ(code_of(jwt("k1"), kNow), ErrorCode::Unavailable);
  EXPECT_TRUE(refresh(kNow));
  EXPECT_EQ(
      provider_.asked, (std::vector<std::string>{std::string(kDiscovery), std::string(kKeys)})
  );
  const auto who = issuer_.verify(jwt("k1"), kNow);
  ASSERT_TRUE(who.ok()) << who.error().describe();
  EXPECT_EQ(who->user, "alice");
  EXPECT_FALSE(refresh(kNow));
}

TEST_F(OidcTest, AsksOnceAtATime) {
  EXPECT_TRUE(issuer_.begin_refresh(kNow));
  EXPECT_FALSE(issuer_.begin_refresh(kNow + 1h));
  EXPECT_TRUE(issuer_.refreshing());
  issuer_.finish_refresh(fetch_keys(issuer_.options(), provider_.fetcher()), kNow);
  EXPECT_FALSE(issuer_.refreshing());
}

TEST_F(OidcTest, AsksAgainWhenTheKeysAreOld) {
  ASSERT_TRUE(refresh(kNow));
  EXPECT_FALSE(refresh(kNow + 5min - 1ms));
  EXPECT_TRUE(refresh(kNow + 5min));
  provider_.max_age = 1h;
  ASSERT_TRUE(refresh(kNow + 10min));
  EXPECT_FALSE(refresh(kNow + 69min));
  provider_.max_age = 1000h;
  ASSERT_TRUE(refresh(kNow + 70min));
  EXPECT_TRUE(refresh(kNow + 70min + 12h));
}

TEST_F(OidcTest, FindsANewKeyAtOnceButDoesNotAskForEveryUnknownOne) {
  ASSERT_TRUE(refresh(kNow));
  const Signer fresh(JwtAlgorithm::ES256);
  provider_.answer(kKeys, fresh.key_set("k2"));
  const Timestamp later = kNow + 1min;
  EXPECT_EQ(code_of(jwt("k2", later, fresh), later), ErrorCode::Unavailable);
  EXPECT_TRUE(refresh(later));
  EXPECT_TRUE(issuer_.verify(jwt("k2", later, fresh), later).ok());
  // Whoever makes keys up makes us ask once in a while, and is refused in between.
  const std::size_t asked = provider_.asked.size();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(code_of(jwt(concat("forged", i), later), later), ErrorCode::PermissionDenied);
    EXPECT_FALSE(refresh(later));
  }
  EXPECT_EQ(provider_.asked.size(), asked);
  // The old key counts no more.
  EXPECT_NE(code_of(jwt("k1", later), later), ErrorCode::Invalid);
}

TEST_F(OidcTest, UsesOldKeysForAWhileIfNobodyAnswers) {
  ASSERT_TRUE(refresh(kNow));
  provider_.fail(kKeys);
  const Timestamp later = kNow + 10min;
  EXPECT_TRUE(refresh(later));
  EXPECT_NE(issuer_.last_error(), "");
  EXPECT_TRUE(issuer_.verify(jwt("k1", later), later).ok());
  EXPECT_FALSE(refresh(later + 29s));
  EXPECT_TRUE(refresh(later + 30s));
  const Timestamp end = kNow + 5min + 24h;
  EXPECT_TRUE(issuer_.verify(jwt("k1", end), end - 1ms).ok());
  EXPECT_EQ(code_of(jwt("k1", end), end), ErrorCode::Unavailable);
  provider_.answer(kKeys, ec_signer().key_set("k1"));
  EXPECT_TRUE(refresh(end));
  EXPECT_EQ(issuer_.last_error(), "");
  EXPECT_TRUE(issuer_.verify(jwt("k1", end), end).ok());
}

TEST_F(OidcTest, RefusesWhatItDoesNotBelieve) {
  ASSERT_TRUE(refresh(kNow));
  EXPECT_EQ(code_of(jwt("k1", kNow - 1h), kNow), ErrorCode::PermissionDenied);
  const Signer stranger(JwtAlgorithm::ES256);
  EXPECT_EQ(code_of(jwt("k1", kNow, stranger), kNow), ErrorCode::PermissionDenied);
}

TEST_F(OidcTest, TakesNoKeysFromAnswersForAnotherIssuer) {
  struct Row {
    std::string body;
    ErrorCode code;
  };

  const std::vector<Row> rows = {
      {Json::object().set("issuer", "https://evil.example.com").set("jwks_uri", kKeys).dump(),
       ErrorCode::Invalid},
      {Json::object().set("issuer", concat(kIssuer, "/")).set("jwks_uri", kKeys).dump(),
       ErrorCode::Invalid},
      {Json::object().set("issuer", kIssuer).set("jwks_uri", "http://id.example.com/keys").dump(),
       ErrorCode::Invalid},
      {Json::object().set("issuer", kIssuer).dump(), ErrorCode::Invalid},
      {"<html>", ErrorCode::Invalid},
      {"[]", ErrorCode::Invalid},
  };
  for (const Row& row : rows) {
    provider_.answer(kDiscovery, row.body);
    const auto fetched = fetch_keys(options(), provider_.fetcher());
    ASSERT_FALSE(fetched.ok()) << row.body;
    EXPECT_EQ(fetched.error().code, row.code) << row.body;
  }
  provider_.fail(kDiscovery);
  EXPECT_EQ(fetch_keys(options(), provider_.fetcher()).error().code, ErrorCode::Unavailable);
}

TEST_F(OidcTest, CanBeToldWhereTheKeysAre) {
  OidcOptions direct = options();
  direct.jwks_uri = kKeys;
  EXPECT_TRUE(fetch_keys(direct, provider_.fetcher()).ok());
  EXPECT_EQ(provider_.asked, (std::vector<std::string>{std::string(kKeys)}));
  provider_.answer(kKeys, R"({"keys":[]})");
  EXPECT_EQ(fetch_keys(direct, provider_.fetcher()).error().code, ErrorCode::Invalid);
}

TEST_F(OidcTest, RefusesOptionsThatAreNotSafe) {
  const auto subject = [](auto change) {
    OidcOptions changed = options();
    change(changed);
    const auto made = OidcIssuer::make(std::move(changed));
    return made.ok() ? std::string("none") : made.error().subject;
  };
  EXPECT_EQ(subject([](OidcOptions&) {}), "none");
  EXPECT_EQ(subject([](OidcOptions& o) { o.issuer = "http://id.example.com"; }), "issuer");
  EXPECT_EQ(subject([](OidcOptions& o) { o.issuer = "https://id.example.com?x"; }), "issuer");
  EXPECT_EQ(subject([](OidcOptions& o) { o.issuer = "https://id.example.com/\n"; }), "issuer");
  EXPECT_EQ(subject([](OidcOptions& o) { o.jwks_uri = "file:///etc/keys"; }), "jwks_uri");
  EXPECT_EQ(subject([](OidcOptions& o) { o.policy.audiences.clear(); }), "audiences");
  EXPECT_EQ(subject([](OidcOptions& o) { o.policy.audiences = {""}; }), "audiences");
  EXPECT_EQ(
      subject([](OidcOptions& o) { o.policy.algorithms.push_back(JwtAlgorithm::HS256); }),
      "algorithms"
  );
  EXPECT_EQ(subject([](OidcOptions& o) { o.retry_interval = 0ms; }), "refresh");
}

}  // namespace
}  // namespace reeve::identity
