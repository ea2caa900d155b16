#include "resource/status.h"

#include <gtest/gtest.h>

#include "resource/causes.h"
#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::json;
using test::missions;

std::string text(const Status& status) {
  return to_json(status).dump();
}

// The bodies that a real apiserver answers with, with our names in them.
TEST(Status, IsWordForWordWhatKubernetesSays) {
  EXPECT_EQ(
      text(already_exists(missions(), "g1")),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"missions.reeve.dev \"g1\" already exists","reason":"AlreadyExists","details":{"name":"g1","group":"reeve.dev","kind":"missions"},"code":409})"
  );
  EXPECT_EQ(
      text(not_found(missions(), "nope")),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"missions.reeve.dev \"nope\" not found","reason":"NotFound","details":{"name":"nope","group":"reeve.dev","kind":"missions"},"code":404})"
  );
  EXPECT_EQ(
      text(not_found({"", "v1", "Namespace", "namespaces"}, "missing")),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"namespaces \"missing\" not found","reason":"NotFound","details":{"name":"missing","kind":"namespaces"},"code":404})"
  );
  EXPECT_EQ(
      text(modified(missions(), "g1")),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on missions.reeve.dev \"g1\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"g1","group":"reeve.dev","kind":"missions"},"code":409})"
  );
  EXPECT_EQ(
      text(resource_version_too_large(99999999, 504)),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: Too large resource version: 99999999, current: 504","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504})"
  );
  Status gone = expired("too old");
  gone.continue_token = "abc";
  EXPECT_EQ(
      text(gone),
      R"({"kind":"Status","apiVersion":"v1","metadata":{"continue":"abc"},"status":"Failure","message":"too old","reason":"Expired","code":410})"
  );
  const Status old = resource_version_too_old(1, 503);
  EXPECT_EQ(old.message, "too old resource version: 1 (503)");
  EXPECT_EQ(old.reason, "Expired");
  EXPECT_EQ(old.code, 410);
  EXPECT_EQ(
      text(deleted(missions(), "g1", "12a1")),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"g1","group":"reeve.dev","kind":"missions","uid":"12a1"}})"
  );
  EXPECT_EQ(
      text(patch_failed()),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422})"
  );
  EXPECT_EQ(
      text(unsupported_media_type({"application/json", "application/yaml"})),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml","reason":"UnsupportedMediaType","code":415})"
  );
}

TEST(Status, OfInvalidObjectsListsEveryCauseOnce) {
  const Cause immutable = invalid_value("metadata.uid", "0", "field is immutable");
  const Status one = invalid(missions(), "g1", {immutable, immutable});
  EXPECT_EQ(one.code, 422);
  EXPECT_EQ(
      one.message,
      R"(Mission.reeve.dev "g1" is invalid: metadata.uid: Invalid value: "0": field is immutable)"
  );
  ASSERT_TRUE(one.details);
  EXPECT_EQ(one.details->kind, "Mission");
  EXPECT_EQ(one.details->causes.size(), 2U);

  const Status two = invalid(missions(), "", {required_value("spec.tool"), immutable});
  EXPECT_EQ(
      two.message,
      R"(Mission.reeve.dev "" is invalid: [spec.tool: Required value, metadata.uid: Invalid value: "0": field is immutable])"
  );
}

TEST(Status, KeepsAnAnswerSmallHoweverMuchIsWrong) {
  const Status status = invalid(missions(), "a", std::vector<Cause>(5000, required_value("a")));
  EXPECT_EQ(status.details->causes.size(), 101U);
  EXPECT_EQ(status.details->causes.back().message, "and 4900 more");
}

TEST(Status, OfOptionsNamesTheOptions) {
  const Status status = invalid_options(
      "PatchOptions", {required_value("fieldManager", "is required for apply patch")}
  );
  EXPECT_EQ(
      text(status),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch","reason":"Invalid","details":{"group":"meta.k8s.io","kind":"PatchOptions","causes":[{"reason":"FieldValueRequired","message":"Required value: is required for apply patch","field":"fieldManager"}]},"code":422})"
  );
}

TEST(Status, SaysWhoMayNotDoWhat) {
  const Status status = forbidden(
      missions(), "", R"(User "alice" cannot list resource "missions" in API group "reeve.dev")"
  );
  EXPECT_EQ(status.code, 403);
  EXPECT_EQ(
      status.message,
      R"(missions.reeve.dev is forbidden: User "alice" cannot list resource "missions" in API group "reeve.dev")"
  );
  EXPECT_EQ(forbidden(missions(), "a", "no").message, R"(missions.reeve.dev "a" is forbidden: no)");
  EXPECT_EQ(unauthorized().code, 401);
  EXPECT_EQ(method_not_allowed(missions(), "create").code, 405);
  EXPECT_EQ(not_acceptable({"application/json"}).code, 406);
  EXPECT_EQ(request_entity_too_large(10).code, 413);
  EXPECT_EQ(internal_error("x").message, "Internal error occurred: x");
}

TEST(Status, SaysWhenToComeAgainOnlyWhereThatHelps) {
  EXPECT_EQ(too_many_requests("slow down", 7).retry_after_seconds(), 7);
  EXPECT_EQ(service_unavailable("later", 2).retry_after_seconds(), 2);
  EXPECT_FALSE(service_unavailable("stopping", std::nullopt).retry_after_seconds());
  EXPECT_FALSE(modified(missions(), "a").retry_after_seconds());
}

TEST(FromError, TellsAProgramWhatToDo) {
  const std::pair<ErrorCode, int> codes[] = {
      {ErrorCode::Invalid, 422},
      {ErrorCode::NotFound, 404},
      {ErrorCode::AlreadyExists, 409},
      {ErrorCode::Conflict, 409},
      {ErrorCode::IllegalTransition, 409},
      {ErrorCode::StaleFence, 409},
      {ErrorCode::LimitExceeded, 403},
      {ErrorCode::Unsupported, 422},
      {ErrorCode::PermissionDenied, 403},
      {ErrorCode::Unavailable, 503},
      {ErrorCode::DeadlineExceeded, 504},
      {ErrorCode::Cancelled, 503},
      {ErrorCode::Ambiguous, 504},
      {ErrorCode::Corrupt, 500},
      {ErrorCode::Io, 500}};
  for (const auto& [code, http] : codes) {
    const Status status = from_error(make_error(code, "why", "spec.a"), missions(), "m");
    EXPECT_EQ(status.code, http) << to_string(code);
    const bool retry = code == ErrorCode::Unavailable || code == ErrorCode::DeadlineExceeded;
    EXPECT_EQ(status.retry_after_seconds().has_value(), retry) << to_string(code);
  }
}

TEST(FromError, MakesTheSubjectAFieldAndKeepsTheHint) {
  Error error = make_error(ErrorCode::Invalid, "must be positive", "spec.replicas");
  error.hint = "use 1";
  const Status status = from_error(error, missions(), "m");
  ASSERT_EQ(status.details->causes.size(), 1U);
  EXPECT_EQ(status.details->causes[0].field, "spec.replicas");
  EXPECT_EQ(status.details->causes[0].message, "must be positive (use 1)");
  EXPECT_EQ(
      status.message, R"(Mission.reeve.dev "m" is invalid: spec.replicas: must be positive (use 1))"
  );
}

TEST(Outcome, CarriesAStatusThroughReeveTry) {
  const auto fails = []() -> Outcome<int> {
    return unauthorized();
  };
  const auto outer = [&]() -> Outcome<std::string> {
    REEVE_TRY(const int value, fails());
    return std::to_string(value);
  };
  ASSERT_FALSE(outer());
  EXPECT_EQ(outer().error().code, 401);
}

TEST(Causes, SpeakAsKubernetesDoes) {
  EXPECT_EQ(
      wrong_type("spec.replicas", "integer", json("\"x\"")).message,
      R"(Invalid value: "string": spec.replicas in body must be of type integer: "string")"
  );
  EXPECT_EQ(
      unsupported_value("a", "x", {"b", "c"}).message,
      R"(Unsupported value: "x": supported values: "b", "c")"
  );
  EXPECT_EQ(duplicate_value("a", "x").message, R"(Duplicate value: "x")");
  EXPECT_EQ(forbidden_value("a", "no").message, "Forbidden: no");
  EXPECT_EQ(too_long("a", 5).message, "Too long: must have at most 5 bytes");
  EXPECT_EQ(invalid_json("a", Json(7), "odd").message, "Invalid value: 7: odd");
}

TEST(Causes, DoNotRepeatADocument) {
  const Cause cause = invalid_value("a", std::string(100'000, 'x'), "too much");
  EXPECT_LT(cause.message.size(), 400U);
}

}  // namespace
}  // namespace reeve::resource
