#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/credential_book.h"
#include "engine/setting_book.h"

namespace reeve::engine {
namespace {

using Object = Json::Object;

const Namespace kDefault("default");

/// An engine without missions, and books that only hear of its events.
class ConfigurationBooks : public testing::Test {
 protected:
  ConfigurationBooks() : engine_(Limits{}, "test", {}), folds_(make_books()) {}

  Result<Reply> send(
      journal::Kind kind,
      std::string name,
      std::string verb,
      Json body,
      std::string actor = "user:ann"
  ) {
    Scope scope;
    scope.now = from_unix_millis(1'800'000'000'000 + static_cast<std::int64_t>(next_.value()));
    scope.next = next_;
    scope.actor = Principal(std::move(actor));
    const ObjectCommand command{
        .object = {.kind = kind, .ns = kDefault, .name = std::move(name)},
        .verb = std::move(verb),
        .body = std::move(body)};
    auto reply = engine_.turn(command, scope);
    EXPECT_TRUE(reply.ok() || scope.events.empty());
    for (const journal::Event& event : scope.events) {
      follow(event);
    }
    next_ = scope.next;
    return reply;
  }

  Result<Reply> credential(std::string name, std::string verb, Json body) {
    return send(journal::Kind::Credential, std::move(name), std::move(verb), std::move(body));
  }

  Result<Reply> setting(std::string name, std::string verb, Json body) {
    return send(journal::Kind::Setting, std::move(name), std::move(verb), std::move(body));
  }

  /// The fold of the events, the state of the engine and what a row gives back are the same.
  void follow(const journal::Event& event) {
    for (const std::unique_ptr<Book>& book : folds_) {
      if (book->kind() != event.object.kind) {
        continue;
      }
      ASSERT_TRUE(book->apply(event).ok());
      std::string expected;
      const bool live = book->encode(event.object, expected);
      std::string row;
      EXPECT_EQ(engine_.encode_row(event.object, row), live);
      EXPECT_EQ(row, expected);
      EXPECT_EQ(engine_.uid_of(event.object), book->uid_of(event.object));
      Engine restored(Limits{}, "test", {});
      ASSERT_TRUE(restored.load_row(event.object, row).ok());
      std::string again;
      restored.encode_row(event.object, again);
      EXPECT_EQ(again, row);
    }
  }

  std::string row(journal::Kind kind, std::string name) const {
    std::string body;
    engine_.encode_row({.kind = kind, .ns = kDefault, .name = std::move(name)}, body);
    return body;
  }

  static Json sealed(std::string_view text) {
    return Json(Object{{"sealed", concat("v1.k1.", text)}, {"keyId", "k1"}});
  }

  Engine engine_;
  std::vector<std::unique_ptr<Book>> folds_;
  Revision next_{1};
};

TEST_F(ConfigurationBooks, ACredentialIsSetReplacedAndDeleted) {
  const auto made = credential("token", "set", sealed("AAAA"));
  ASSERT_TRUE(made.ok()) << made.error().describe();
  EXPECT_TRUE(made->detail.get_bool("created"));
  const auto replaced = credential("token", "set", sealed("BBBB"));
  EXPECT_FALSE(replaced->detail.get_bool("created"));
  EXPECT_EQ(replaced->uid, made->uid);
  EXPECT_NE(row(journal::Kind::Credential, "token").find("v1.k1.BBBB"), std::string::npos);
  const auto configuration = engine_.configuration(kDefault, "any");
  ASSERT_NE(configuration.credentials, nullptr);
  EXPECT_TRUE(configuration.credentials->contains("token"));
  EXPECT_TRUE(credential("token", "delete", Json::object()).ok());
  EXPECT_EQ(row(journal::Kind::Credential, "token").find("BBBB"), std::string::npos);
  EXPECT_TRUE(engine_.configuration(kDefault, "any").credentials->empty());
  EXPECT_EQ(credential("token", "delete", Json::object()).error().code, ErrorCode::NotFound);
  EXPECT_TRUE(credential("token", "set", sealed("CCCC"))->detail.get_bool("created"));
}

TEST_F(ConfigurationBooks, AnAgentIsThereForRunsOfItsNamespaceUntilItIsDeleted) {
  const auto agent = [this](const Namespace& ns) {
    const workflow::Configuration configuration = engine_.configuration(ns, "any");
    return configuration.agents->agent(ns, "coder");
  };
  EXPECT_EQ(agent(kDefault), nullptr);
  Json body = Json::object();
  body.set(
      "object",
      *parse_json(R"({"apiVersion":"reeve.dev/v1","kind":"Agent","metadata":{"name":"coder"},)"
                  R"("spec":{"loop":{},"model":"m"}})")
  );
  EXPECT_EQ(
      send(journal::Kind::Agent, "coder", "create", body, "run:m.1.a.1").error().code,
      ErrorCode::PermissionDenied
  );
  ASSERT_TRUE(send(journal::Kind::Agent, "coder", "create", body).ok());
  ASSERT_NE(agent(kDefault), nullptr);
  EXPECT_NE(agent(kDefault)->find(R"("spec":{"loop":{},"model":"m"})"), std::string::npos);
  EXPECT_EQ(agent(Namespace("other")), nullptr);
  ASSERT_TRUE(send(journal::Kind::Agent, "coder", "delete", Json::object()).ok());
  EXPECT_EQ(agent(kDefault), nullptr);
}

TEST_F(ConfigurationBooks, ACredentialKeepsWhoMayUseItWhenItsValueChanges) {
  Json body = sealed("AAAA");
  body.set("workflows", Json(Json::Array{Json("deploy")})).set("description", "of the forge");
  ASSERT_TRUE(credential("token", "set", std::move(body)).ok());
  ASSERT_TRUE(credential("token", "set", sealed("BBBB")).ok());
  const auto configuration = engine_.configuration(kDefault, "deploy");
  EXPECT_TRUE(workflow::check_credential(configuration, "token", "deploy").ok());
  EXPECT_EQ(
      workflow::check_credential(configuration, "token", "other").error().code,
      ErrorCode::PermissionDenied
  );
  EXPECT_EQ(credential("token", "allow", Json::object()).error().code, ErrorCode::Invalid);
  EXPECT_FALSE(workflow::check_credential(configuration, "token", "other").ok());
  ASSERT_TRUE(credential("token", "allow", Json(Object{{"workflows", Json::array()}})).ok());
  EXPECT_TRUE(workflow::check_credential(configuration, "token", "other").ok());
  EXPECT_NE(row(journal::Kind::Credential, "token").find("of the forge"), std::string::npos);
}

TEST_F(ConfigurationBooks, ACredentialIsResealedOnlyIfNobodySetItMeanwhile) {
  ASSERT_TRUE(credential("token", "set", sealed("AAAA")).ok());
  const Json fresh(Object{{"from", "v1.k1.AAAA"}, {"sealed", "v1.k2.DDDD"}, {"keyId", "k2"}});
  ASSERT_TRUE(credential("token", "reseal", fresh).ok());
  EXPECT_EQ(credential("token", "reseal", fresh).error().code, ErrorCode::Conflict);
}

TEST_F(ConfigurationBooks, WhatIsNotSealedIsNeverStored) {
  for (const Json& body :
       {Json(Object{{"sealed", "hunter22"}, {"keyId", "k1"}}),
        Json(Object{{"sealed", "v1.k2.AAAA"}, {"keyId", "k1"}}),
        Json(Object{{"keyId", "k1"}}),
        Json(Object{{"value", "hunter22"}, {"sealed", "v1.k1.A"}, {"keyId", "k1"}})}) {
    const auto reply = credential("token", "set", body);
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().describe().find("hunter22"), std::string::npos);
  }
  EXPECT_FALSE(credential("../x", "set", sealed("AAAA")).ok());
  EXPECT_FALSE(credential("token", "show", Json::object()).ok());
}

TEST_F(ConfigurationBooks, RunsMayChangeNeitherCredentialsNorSettings) {
  ASSERT_TRUE(credential("token", "set", sealed("AAAA")).ok());
  for (const journal::Kind kind : {journal::Kind::Credential, journal::Kind::Setting}) {
    for (const char* verb : {"set", "allow", "reseal", "delete", "unset"}) {
      const auto reply = send(kind, "token", verb, Json::object(), "run:m.1.t.1");
      ASSERT_FALSE(reply.ok()) << verb;
      EXPECT_EQ(reply.error().code, ErrorCode::PermissionDenied) << verb;
    }
  }
}

TEST_F(ConfigurationBooks, SettingsBelongToTheNamespaceOrToAWorkflow) {
  ASSERT_TRUE(setting("Region", "set", Json(Object{{"value", "eu"}})).ok());
  ASSERT_TRUE(setting("deploy:Region", "set", Json(Object{{"value", "us"}})).ok());
  ASSERT_TRUE(setting("Empty", "set", Json(Object{{"value", ""}})).ok());
  auto configuration = engine_.configuration(kDefault, "deploy");
  EXPECT_EQ(configuration.shared->at("Region"), "eu");
  EXPECT_EQ(configuration.own->at("Region"), "us");
  EXPECT_EQ(configuration.shared->at("Empty"), "");
  EXPECT_EQ(engine_.configuration(kDefault, "other").own, nullptr);
  ASSERT_TRUE(setting("deploy:Region", "unset", Json::object()).ok());
  configuration = engine_.configuration(kDefault, "deploy");
  EXPECT_FALSE(configuration.own->contains("Region"));
  EXPECT_EQ(setting("deploy:Region", "unset", Json::object()).error().code, ErrorCode::NotFound);
}

TEST_F(ConfigurationBooks, SettingTheSameValueAgainRecordsNothing) {
  ASSERT_TRUE(setting("Region", "set", Json(Object{{"value", "eu"}})).ok());
  const Revision before = next_;
  ASSERT_TRUE(setting("Region", "set", Json(Object{{"value", "eu"}})).ok());
  EXPECT_EQ(next_, before);
}

TEST_F(ConfigurationBooks, ImpossibleSettingsAreRefused) {
  EXPECT_FALSE(setting("1x", "set", Json(Object{{"value", "v"}})).ok());
  EXPECT_FALSE(setting("a-b", "set", Json(Object{{"value", "v"}})).ok());
  EXPECT_FALSE(setting("A", "set", Json::object()).ok());
  EXPECT_FALSE(setting("A", "set", Json(Object{{"value", 1}})).ok());
  EXPECT_EQ(
      setting("A", "set", Json(Object{{"value", std::string(kSettingValueBytesMax + 1, 'x')}}))
          .error()
          .code,
      ErrorCode::LimitExceeded
  );
}

}  // namespace
}  // namespace reeve::engine
