#include "security/identity/authenticator.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "security/identity/secret_file.h"
#include "security/identity/support_test.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

constexpr std::string_view kIssuer = "https://id.example.com";

RunTokens run_tokens() {
  return std::move(RunTokens::from_key(Secret(std::string(kServerKeyBytes, 'k')))).value();
}

ClientCertificate certificate(std::string name, bool user, bool proxy) {
  return {.common_name = std::move(name), .organizations = {"devs"}, .user = user, .proxy = proxy};
}

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() : authenticator_(run_tokens(), {.allowed_names = {"front-proxy"}}) {
    const NewToken token = make_static_token(random_);
    StaticToken stored;
    stored.user = "alice";
    stored.hash = token.hash;
    EXPECT_TRUE(authenticator_.static_tokens().upsert("laptop", stored).ok());
    static_text_ = std::string(token.text.view());
    const auto run = authenticator_.run_tokens().issue(
        {.ns = Namespace("alpha"),
         .mission = "m",
         .run = RunName("r"),
         .fence = Fence(3),
         .expires = kNow + 1h}
    );
    run_text_ = std::string(run->view());
    OidcOptions options;
    options.issuer = kIssuer;
    options.policy.audiences = {"reeve"};
    EXPECT_TRUE(authenticator_.add_issuer(std::move(OidcIssuer::make(options)).value()).ok());
  }

  static std::string jwt(std::string_view issuer = kIssuer) {
    Json claims = Json::object();
    claims.set("iss", issuer).set("sub", "carol").set("aud", "reeve");
    claims.set("exp", to_unix_millis(kNow) / 1000 + 600);
    return ec_signer().token(JwtAlgorithm::ES256, Json::object().set("kid", "k1"), claims);
  }

  /// Asks with headers of `name: value`.
  Result<Authenticated> ask(
      const std::vector<std::string>& headers, std::optional<ClientCertificate> with = std::nullopt
  ) {
    Presented presented;
    presented.certificate = std::move(with);
    for (const std::string_view header : headers) {
      const std::size_t colon = header.find(": ");
      presented.headers.push_back(
          {.name = header.substr(0, colon), .value = header.substr(colon + 2)}
      );
    }
    return authenticator_.authenticate(presented, kNow);
  }

  Result<Authenticated> bear(const std::string& token) {
    return ask({concat("Authorization: Bearer ", token)});
  }

  void expect_refused(const Result<Authenticated>& who) {
    ASSERT_FALSE(who.ok()) << who->identity.user;
    EXPECT_EQ(who.error().code, ErrorCode::PermissionDenied);
  }

  CountingRandom random_;
  Authenticator authenticator_;
  std::string static_text_;
  std::string run_text_;
};

TEST_F(AuthenticatorTest, KnowsNobodyWhoPresentsNothing) {
  const auto who = ask({"Accept: */*"});
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who->identity, access::anonymous());
  EXPECT_EQ(who->method, Method::Anonymous);
}

TEST_F(AuthenticatorTest, KnowsBearersOfTokens) {
  const auto alice = bear(static_text_);
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->identity.user, "alice");
  EXPECT_EQ(alice->method, Method::StaticToken);
  EXPECT_TRUE(alice->identity.in_group(access::kAuthenticated));
  EXPECT_FALSE(alice->run);
  EXPECT_TRUE(ask({concat("authorization: bearer  ", static_text_)}).ok());
  const auto run = bear(run_text_);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->identity.user, "run:r");
  EXPECT_EQ(run->method, Method::RunToken);
  ASSERT_TRUE(run->run);
  EXPECT_EQ(run->run->fence, Fence(3));
}

TEST_F(AuthenticatorTest, KnowsBearersOfAnIdentityProvidersTokensOnceItHasItsKeys) {
  const auto early = bear(jwt());
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, ErrorCode::Unavailable);
  OidcIssuer& issuer = authenticator_.issuers().front();
  ASSERT_TRUE(issuer.begin_refresh(kNow));
  FetchedKeys keys;
  keys.keys = std::move(KeySet::parse(ec_signer().key_set("k1"))).value();
  issuer.finish_refresh(std::move(keys), kNow);
  const auto carol = bear(jwt());
  ASSERT_TRUE(carol.ok()) << carol.error().describe();
  EXPECT_EQ(carol->identity.user, "carol");
  EXPECT_EQ(carol->method, Method::Jwt);
  expect_refused(bear(jwt("https://evil.example.com")));
}

TEST_F(AuthenticatorTest, NeverTakesAWrongProofForNone) {
  for (const std::string& token :
       {std::string("x"),
        std::string("rvt_"),
        std::string("rvr_"),
        std::string("a.b.c"),
        std::string("=="),
        concat(static_text_, "0"),
        concat(run_text_, "0"),
        concat(static_text_, " ", static_text_),
        std::string(kBearerBytesMax + 1, 'a')}) {
    expect_refused(bear(token));
  }
  for (const std::string& header :
       {std::string("Authorization: "),
        std::string("Authorization: Bearer"),
        std::string("Authorization: Bearer "),
        std::string("Authorization: Basic YWRtaW46YWRtaW4="),
        concat("Authorization: ", static_text_)}) {
    expect_refused(ask({header}));
  }
  expect_refused(ask(
      {concat("Authorization: Bearer ", static_text_),
       concat("Authorization: Bearer ", static_text_)}
  ));
}

TEST_F(AuthenticatorTest, KnowsUsersByTheirCertificates) {
  const auto bob = ask({}, certificate("bob", true, false));
  ASSERT_TRUE(bob.ok());
  EXPECT_EQ(bob->identity.user, "bob");
  EXPECT_EQ(bob->identity.groups, (std::vector<std::string>{"devs", "system:authenticated"}));
  EXPECT_EQ(bob->method, Method::Certificate);
  EXPECT_EQ(
      ask({concat("Authorization: Bearer ", static_text_)}, certificate("bob", true, false))
          ->identity.user,
      "bob"
  );
  expect_refused(ask({}, certificate("", true, false)));
  expect_refused(ask({}, certificate(std::string("bob\0", 4), true, false)));
  // Nobody stands behind this one.
  EXPECT_EQ(ask({}, certificate("bob", false, false))->method, Method::Anonymous);
}

TEST_F(AuthenticatorTest, BelievesAFrontProxy) {
  const auto dave =
      ask({"X-Remote-User: dave",
           "X-Remote-Group: devs",
           "x-remote-group: ops",
           "X-Remote-Uid: 7",
           "X-Remote-Extra-Scopes: read",
           "X-Remote-Extra-Scopes: write",
           "X-Remote-Extra-Example.Com%2fTeam: a"},
          certificate("front-proxy", false, true));
  ASSERT_TRUE(dave.ok()) << dave.error().describe();
  EXPECT_EQ(dave->identity.user, "dave");
  EXPECT_EQ(
      dave->identity.groups, (std::vector<std::string>{"devs", "ops", "system:authenticated"})
  );
  EXPECT_EQ(dave->identity.uid, "7");
  EXPECT_EQ(dave->identity.extra.at("scopes"), (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(dave->identity.extra.at("example.com/team"), std::vector<std::string>{"a"});
  EXPECT_EQ(dave->method, Method::FrontProxy);
  const auto nobody =
      ask({"X-Remote-User: system:anonymous", "X-Remote-Group: system:unauthenticated"},
          certificate("front-proxy", false, true));
  EXPECT_EQ(nobody->identity, access::anonymous());
}

TEST_F(AuthenticatorTest, RefusesHeadersOfAFrontProxyFromAnybodyElse) {
  for (const std::string& header :
       {std::string("X-Remote-User: root"),
        std::string("x-remote-group: system:masters"),
        std::string("X-REMOTE-UID: 0"),
        std::string("X-Remote-Extra-Scopes: all")}) {
    expect_refused(ask({header}));
    expect_refused(ask({header}, certificate("front-proxy", true, false)));
    expect_refused(ask({header}, certificate("front-proxy", false, false)));
    expect_refused(ask({header}, certificate("other", true, true)));
    expect_refused(ask({header, concat("Authorization: Bearer ", static_text_)}));
  }
}

TEST_F(AuthenticatorTest, RefusesAFrontProxyThatDoesNotSayForWhom) {
  const ClientCertificate proxy = certificate("front-proxy", false, true);
  expect_refused(ask({"X-Remote-Group: devs"}, proxy));
  expect_refused(ask({"X-Remote-User: "}, proxy));
  expect_refused(ask({"X-Remote-User: a", "X-Remote-User: b"}, proxy));
  expect_refused(ask({"X-Remote-User: a", "X-Remote-Extra-a%zz: b"}, proxy));
  EXPECT_EQ(ask({}, proxy)->method, Method::Anonymous);
}

TEST_F(AuthenticatorTest, ReadsAsWhomARequestWantsToBeTreated) {
  const auto none = impersonated({{.name = "Accept", .value = "*/*"}});
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none.value());
  const auto bob = impersonated(
      {{.name = "impersonate-user", .value = "bob"}, {.name = "Impersonate-Group", .value = "devs"}}
  );
  ASSERT_TRUE(bob.ok() && bob.value());
  EXPECT_EQ(bob.value()->user, "bob");
  EXPECT_EQ(bob.value()->groups.front(), "devs");
  EXPECT_FALSE(impersonated({{.name = "Impersonate-Group", .value = "devs"}}).ok());
  EXPECT_FALSE(impersonated({{.name = "Impersonate-User", .value = ""}}).ok());
}

TEST_F(AuthenticatorTest, ProvidersAreReplacedAndThoseThatStayKeepTheirKeys) {
  authenticator_.issuers()[0].finish_refresh(
      FetchedKeys{.keys = std::move(KeySet::parse(ec_signer().key_set("k1"))).value()}, kNow
  );
  const std::string bearer = concat("Authorization: Bearer ", jwt());
  ASSERT_TRUE(ask({bearer}).ok());
  OidcOptions same = authenticator_.issuers()[0].options();
  OidcOptions other = same;
  other.issuer = "https://other.example.com";
  const auto replace = [this](const std::vector<OidcOptions>& wanted) {
    std::vector<OidcIssuer> issuers;
    for (const OidcOptions& options : wanted) {
      issuers.push_back(std::move(OidcIssuer::make(options)).value());
    }
    return authenticator_.replace_issuers(std::move(issuers));
  };
  ASSERT_TRUE(replace({other, same}).ok());
  EXPECT_EQ(authenticator_.issuers().size(), 2U);
  EXPECT_TRUE(ask({bearer}).ok());
  // Twice the same: nothing has changed.
  EXPECT_EQ(replace({same, same}).error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(authenticator_.issuers().size(), 2U);
  // Other rules: keys are asked for again.
  same.policy.audiences = {"reeve", "more"};
  ASSERT_TRUE(replace({same}).ok());
  EXPECT_EQ(ask({bearer}).error().code, ErrorCode::Unavailable);
  ASSERT_TRUE(replace({}).ok());
  expect_refused(ask({bearer}));
}

TEST_F(AuthenticatorTest, OtherProxiesMayCountLater) {
  const ClientCertificate edge = certificate("edge", false, true);
  expect_refused(ask({"X-Remote-User: dave"}, edge));
  authenticator_.replace_proxy({.allowed_names = {"edge"}, .user_header = "X-User"});
  EXPECT_EQ(ask({"X-User: dave"}, edge)->identity.user, "dave");
  expect_refused(ask({"X-User: dave"}, certificate("front-proxy", false, true)));
}

TEST_F(AuthenticatorTest, HasOneProviderForAnIssuer) {
  OidcOptions options;
  options.issuer = kIssuer;
  options.policy.audiences = {"other"};
  EXPECT_EQ(
      authenticator_.add_issuer(std::move(OidcIssuer::make(options)).value()).error().code,
      ErrorCode::AlreadyExists
  );
  for (std::size_t i = 1; i < kIssuersMax; ++i) {
    options.issuer = concat("https://id", i, ".example.com");
    EXPECT_TRUE(authenticator_.add_issuer(std::move(OidcIssuer::make(options)).value()).ok());
  }
  options.issuer = "https://more.example.com";
  EXPECT_EQ(
      authenticator_.add_issuer(std::move(OidcIssuer::make(options)).value()).error().code,
      ErrorCode::LimitExceeded
  );
}

}  // namespace
}  // namespace reeve::identity
