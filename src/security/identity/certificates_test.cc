#include "security/identity/certificates.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "security/identity/certificate_trust.h"
#include "security/identity/kubeconfig.h"
#include "security/identity/support_test.h"
#include "security/identity/x509.h"
#include "security/sealing/sealing.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

constexpr Duration kDay = 24h;

class CertificateTest : public testing::Test {
 protected:
  CertificateAuthority open(Timestamp now = kNow) {
    auto opened = CertificateAuthority::open_or_create(dir_.path(), random_, now);
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return std::move(opened).value();
  }

  CertifiedKey server(
      const CertificateAuthority& authority,
      const std::vector<std::string>& names = {"localhost", "127.0.0.1"},
      Timestamp now = kNow
  ) {
    auto issued = open_or_issue_server(authority, dir_.path(), names, random_, now);
    EXPECT_TRUE(issued.ok()) << issued.error().describe();
    return std::move(issued).value();
  }

  CertifiedKey client(
      const CertificateAuthority& authority, std::string user, std::vector<std::string> groups = {}
  ) {
    auto issued = authority.issue_client(
        {.user = std::move(user), .groups = std::move(groups)}, random_, kNow
    );
    EXPECT_TRUE(issued.ok()) << issued.error().describe();
    return std::move(issued).value();
  }

  TempDirectory dir_;
  CountingRandom random_;
};

TEST_F(CertificateTest, MakesAnAuthorityOnceInPrivateFiles) {
  const CertificateAuthority first = open();
  EXPECT_EQ(mode_of(dir_.path() / "ca.pem"), 0600U);
  EXPECT_EQ(mode_of(dir_.path() / "ca.crt"), 0644U);
  EXPECT_EQ(open().certificate(), first.certificate());
  EXPECT_EQ(first.expires(), kNow + kAuthorityLifetime);
  std::ifstream published(dir_.path() / "ca.crt");
  const std::string text((std::istreambuf_iterator<char>(published)), {});
  EXPECT_EQ(text, first.certificate());
  EXPECT_EQ(text.find("PRIVATE"), std::string::npos);
}

TEST_F(CertificateTest, RefusesAFileThatIsOpenOrDamaged) {
  open();
  ::chmod((dir_.path() / "ca.pem").c_str(), 0640);
  EXPECT_EQ(
      CertificateAuthority::open_or_create(dir_.path(), random_, kNow).error().code,
      ErrorCode::PermissionDenied
  );
  ::chmod((dir_.path() / "ca.pem").c_str(), 0600);
  std::ofstream(dir_.path() / "ca.pem") << "hello";
  EXPECT_EQ(
      CertificateAuthority::open_or_create(dir_.path(), random_, kNow).error().code,
      ErrorCode::Corrupt
  );
}

TEST_F(CertificateTest, RenewsTheAuthorityWithTheSameKey) {
  const CertificateAuthority first = open();
  const CertifiedKey old_client = client(first, "alice");
  const Timestamp late = kNow + kAuthorityLifetime - 100 * kDay;
  const CertificateAuthority second = open(late);
  EXPECT_NE(second.certificate(), first.certificate());
  EXPECT_EQ(second.expires(), late + kAuthorityLifetime);
  EXPECT_EQ(open(late).certificate(), second.certificate());
  // What the old one signed is still believed.
  const auto trust = CertificateTrust::make({.user_authorities = second.certificate()});
  EXPECT_FALSE(trust->examine(old_client.certificate, "", kNow).ok());
  const auto again = second.issue_client({.user = "bob"}, random_, late);
  EXPECT_TRUE(trust->examine(again->certificate, "", late).ok());
  const x509::CertificatePtr signed_before = x509::read_certificate(old_client.certificate);
  const x509::CertificatePtr signer = x509::read_certificate(second.certificate());
  const x509::KeyPtr key = x509::read_private_key(old_client.key.view());
  EXPECT_TRUE(x509::belongs_together(signed_before.get(), key.get(), signer.get()));
}

TEST_F(CertificateTest, KeepsTheServersCertificateWhileItFits) {
  const CertificateAuthority authority = open();
  const std::vector<std::string> names = {"localhost", "127.0.0.1", "::1", "Build.example.com"};
  const CertifiedKey first = server(authority, names);
  EXPECT_EQ(mode_of(dir_.path() / "server.pem"), 0600U);
  EXPECT_EQ(first.expires, kNow + kServerLifetime);
  const x509::CertificatePtr certificate = x509::read_certificate(first.certificate);
  EXPECT_EQ(
      x509::server_names(certificate.get()),
      (std::vector<std::string>{"localhost", "127.0.0.1", "::1", "build.example.com"})
  );
  const CertifiedKey same =
      server(authority, {"::1", "localhost", "build.example.com", "127.0.0.1"});
  EXPECT_EQ(same.certificate, first.certificate);
  EXPECT_EQ(same.key.view(), first.key.view());
  EXPECT_NE(server(authority, {"localhost"}).certificate, first.certificate);
}

TEST_F(CertificateTest, RenewsTheServersCertificateBeforeItsEnd) {
  const CertificateAuthority authority = open();
  const CertifiedKey first = server(authority);
  const Timestamp fine = first.expires - kRenewBefore;
  EXPECT_EQ(server(authority, {"localhost", "127.0.0.1"}, fine).certificate, first.certificate);
  const CertifiedKey second = server(authority, {"localhost", "127.0.0.1"}, fine + 1s);
  EXPECT_NE(second.certificate, first.certificate);
  EXPECT_GT(second.expires, first.expires);
}

TEST_F(CertificateTest, ReplacesAServersCertificateOfAnotherAuthority) {
  const CertifiedKey first = server(open());
  std::filesystem::remove(dir_.path() / "ca.pem");
  const CertificateAuthority other = open();
  const CertifiedKey second = server(other);
  EXPECT_NE(second.certificate, first.certificate);
  std::ofstream(dir_.path() / "server.pem") << "hello";
  EXPECT_NE(server(other).certificate, second.certificate);
}

TEST_F(CertificateTest, RefusesNamesOfServersThatAreNone) {
  const CertificateAuthority authority = open();
  for (const std::string& bad :
       {std::string(),
        std::string("a b"),
        std::string("a,IP:1.2.3.4"),
        std::string("a\n"),
        std::string(300, 'x')}) {
    EXPECT_EQ(
        open_or_issue_server(authority, dir_.path(), {bad}, random_, kNow).error().code,
        ErrorCode::Invalid
    ) << bad;
  }
  EXPECT_FALSE(authority.issue_server({}, random_, kNow).ok());
  EXPECT_FALSE(
      authority.issue_server(std::vector<std::string>(kAlternativeNamesMax + 1, "a"), random_, kNow)
          .ok()
  );
  EXPECT_EQ(
      server_names("Host.example.com", {"10.0.0.1", "localhost", "::0001"}),
      (std::vector<std::string>{"localhost", "127.0.0.1", "::1", "host.example.com", "10.0.0.1"})
  );
}

TEST_F(CertificateTest, ProvesAUserAndItsGroups) {
  const CertificateAuthority authority = open();
  const CertifiedKey alice = client(authority, "alice", {"devs", "system:masters"});
  EXPECT_NE(alice.key.view().find("PRIVATE KEY"), std::string_view::npos);
  const auto trust = CertificateTrust::make({.user_authorities = authority.certificate()});
  ASSERT_TRUE(trust.ok());
  const auto who = trust->examine(alice.certificate, "", kNow);
  ASSERT_TRUE(who.ok()) << who.error().describe();
  EXPECT_TRUE(who->user);
  EXPECT_FALSE(who->proxy);
  EXPECT_EQ(who->common_name, "alice");
  EXPECT_EQ(who->organizations, (std::vector<std::string>{"devs", "system:masters"}));
  EXPECT_TRUE(trust->examine(alice.certificate, "", kNow - 4min).ok());
  EXPECT_FALSE(trust->examine(alice.certificate, "", kNow - 6min).ok());
  EXPECT_FALSE(trust->examine(alice.certificate, "", alice.expires + 1s).ok());
}

TEST_F(CertificateTest, IsWorthNothingFromAStranger) {
  const CertificateAuthority authority = open();
  TempDirectory elsewhere;
  CountingRandom same_numbers;
  const auto stranger = CertificateAuthority::open_or_create(elsewhere.path(), same_numbers, kNow);
  const CertifiedKey forged = client(*stranger, "alice", {"system:masters"});
  const auto trust = CertificateTrust::make({.user_authorities = authority.certificate()});
  EXPECT_EQ(trust->examine(forged.certificate, "", kNow).error().code, ErrorCode::PermissionDenied);
  // Nor if the stranger's authority comes along.
  EXPECT_FALSE(trust->examine(forged.certificate, stranger->certificate(), kNow).ok());
  // Nor the authority's own certificate, nor that of a server.
  EXPECT_FALSE(trust->examine(server(authority).certificate, "", kNow).ok());
  EXPECT_EQ(trust->examine("hello", "", kNow).error().code, ErrorCode::Invalid);
  EXPECT_EQ(trust->examine("", "", kNow).error().code, ErrorCode::Invalid);
  const auto nobody = CertificateTrust::make({});
  EXPECT_FALSE(nobody->examine(client(authority, "alice").certificate, "", kNow).ok());
}

TEST_F(CertificateTest, TellsUsersFromProxies) {
  const CertificateAuthority users = open();
  TempDirectory elsewhere;
  const auto proxies = CertificateAuthority::open_or_create(elsewhere.path(), random_, kNow);
  const auto trust = CertificateTrust::make(
      {.user_authorities = users.certificate(), .proxy_authorities = proxies->certificate()}
  );
  const auto user = trust->examine(client(users, "front-proxy").certificate, "", kNow);
  EXPECT_TRUE(user->user && !user->proxy);
  const auto proxy = trust->examine(client(*proxies, "front-proxy").certificate, "", kNow);
  EXPECT_TRUE(!proxy->user && proxy->proxy);
  EXPECT_FALSE(CertificateTrust::make({.user_authorities = "hello"}).ok());
  EXPECT_EQ(
      CertificateTrust::make({.proxy_authorities = "x"}).error().subject, "proxy_authorities"
  );
}

TEST_F(CertificateTest, RefusesClientsThatAreNone) {
  const CertificateAuthority authority = open();
  const auto code = [&](ClientSubject subject) {
    const auto issued = authority.issue_client(subject, random_, kNow);
    return issued.ok() ? ErrorCode::Io : issued.error().code;
  };
  EXPECT_EQ(code({.user = ""}), ErrorCode::Invalid);
  EXPECT_EQ(code({.user = std::string("a\0b", 3)}), ErrorCode::Invalid);
  EXPECT_EQ(code({.user = std::string(65, 'x')}), ErrorCode::Invalid);
  EXPECT_EQ(code({.user = "a", .groups = {""}}), ErrorCode::Invalid);
  EXPECT_EQ(code({.user = "a", .groups = {}, .lifetime = 0s}), ErrorCode::Invalid);
}

TEST_F(CertificateTest, GoesIntoAKubeconfig) {
  const CertificateAuthority authority = open();
  const CertifiedKey alice = client(authority, "alice");
  KubeconfigOptions options;
  options.server = "https://127.0.0.1:7433";
  options.authority = authority.certificate();
  options.ns = "alpha";
  options.client_certificate = alice.certificate;
  options.client_key = &alice.key;
  const auto text = make_kubeconfig(options);
  ASSERT_TRUE(text.ok());
  const std::string expected = concat(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: \"reeve\"\n  cluster:\n"
      "    server: \"https://127.0.0.1:7433\"\n    certificate-authority-data: ",
      sealing::to_base64(authority.certificate()),
      "\nusers:\n- name: \"reeve\"\n  user:\n    client-certificate-data: ",
      sealing::to_base64(alice.certificate),
      "\n    client-key-data: ",
      sealing::to_base64(alice.key.view()),
      "\ncontexts:\n- name: \"reeve\"\n  context:\n    cluster: \"reeve\"\n    user: \"reeve\"\n"
      "    namespace: \"alpha\"\ncurrent-context: \"reeve\"\n"
  );
  EXPECT_EQ(text->view(), expected);
}

TEST(Kubeconfig, QuotesWhatItIsGivenAndWantsOneProof) {
  const Secret token("rvt_x");
  KubeconfigOptions options;
  options.server = "https://a\"\nb: c";
  options.token = &token;
  const auto text = make_kubeconfig(options);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->view().find("server: \"https://a\\\"\\nb: c\"\n"), std::string_view::npos);
  EXPECT_NE(text->view().find("token: \"rvt_x\"\n"), std::string_view::npos);
  options.client_certificate = "x";
  EXPECT_FALSE(make_kubeconfig(options).ok());
  options.token = nullptr;
  EXPECT_FALSE(make_kubeconfig(options).ok());
  options.client_certificate.clear();
  EXPECT_FALSE(make_kubeconfig(options).ok());
  options.token = &token;
  options.server = "localhost";
  EXPECT_EQ(make_kubeconfig(options).error().subject, "server");
}

}  // namespace
}  // namespace reeve::identity
