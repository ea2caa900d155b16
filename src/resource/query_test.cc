#include "resource/query.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::json;

/// `a=1&b=2`, decoded already.
QueryPairs query(std::string_view text) {
  QueryPairs pairs;
  for (const std::string_view piece : split(text, '&')) {
    const std::size_t at = piece.find('=');
    const bool bare = at == std::string_view::npos;
    pairs.emplace_back(piece.substr(0, at), bare ? std::string_view() : piece.substr(at + 1));
  }
  return pairs;
}

ListOptions list(std::string_view text) {
  return parse_list_options(query(text)).value();
}

/// `code message` of a refused list.
std::string refusal(std::string_view text) {
  const Outcome<ListOptions> result = parse_list_options(query(text));
  EXPECT_FALSE(result) << text;
  return result ? "" : concat(result.error().code, ' ', result.error().message);
}

std::string write_refusal(std::string_view text, WriteVerb verb) {
  const Outcome<WriteOptions> result = parse_write_options(query(text), verb);
  EXPECT_FALSE(result) << text;
  return result ? "" : concat(result.error().code, ' ', result.error().message);
}

TEST(ListOptions, AreReadAndTheRestIsIgnored) {
  const ListOptions options = list(
      "limit=500&continue=abc&labelSelector=a=b&fieldSelector=metadata.name=x&timeout=32s&pretty=1"
  );
  EXPECT_EQ(options.limit, 500);
  EXPECT_EQ(options.continue_token, "abc");
  EXPECT_EQ(options.label_selector, "a=b");
  EXPECT_EQ(options.field_selector, "metadata.name=x");
  EXPECT_TRUE(options.pretty);
  EXPECT_FALSE(options.watch);
  EXPECT_FALSE(options.resource_version);
  EXPECT_FALSE(options.timeout_seconds);
}

TEST(ListOptions, OfAWatchAreReadToo) {
  const ListOptions options = list(
      "watch=true&resourceVersion=504&timeoutSeconds=7&allowWatchBookmarks=true&includeObject="
      "Object"
  );
  EXPECT_TRUE(options.watch);
  EXPECT_EQ(options.resource_version, 504U);
  EXPECT_EQ(options.timeout_seconds, 7);
  EXPECT_TRUE(options.allow_bookmarks);
  EXPECT_FALSE(options.send_initial_events);
  EXPECT_EQ(options.include_object, IncludeObject::Object);
  EXPECT_TRUE(list("watch").watch);
  EXPECT_FALSE(list("watch=F").watch);
}

TEST(ListOptions, AreBounded) {
  EXPECT_EQ(list("limit=99999999").limit, kListLimitMax);
  EXPECT_EQ(list("watch=1&timeoutSeconds=99999999").timeout_seconds, kWatchTimeoutSecondsMax);
  EXPECT_FALSE(list("watch=1&timeoutSeconds=0").timeout_seconds);
  refusal(concat("continue=", std::string(kContinueBytesMax + 1, 'x')));
}

TEST(ListOptions, ThatCannotBeReadAreRefused) {
  for (const std::string_view bad :
       {"limit=x",
        "limit=-1",
        "limit=1.5",
        "limit=99999999999999999999",
        "watch=maybe",
        "timeoutSeconds=-1",
        "resourceVersion=abc",
        "resourceVersion=01",
        "resourceVersion=-1",
        "resourceVersion=18446744073709551616",
        "includeObject=All"}) {
    EXPECT_EQ(refusal(bad).substr(0, 4), "400 ") << bad;
  }
  EXPECT_EQ(
      refusal("resourceVersion=abc"),
      "400 resourceVersion: Invalid value: \"abc\": must be a decimal number without leading zeros"
  );
  EXPECT_EQ(list("resourceVersion=18446744073709551615").resource_version, 18446744073709551615U);
  EXPECT_EQ(list("resourceVersion=0").resource_version, 0U);
}

TEST(ListOptions, CombineAsTheTableOfKubernetesSays) {
  EXPECT_EQ(
      list("resourceVersion=5&resourceVersionMatch=Exact").version_match, VersionMatch::Exact
  );
  EXPECT_EQ(
      list("resourceVersion=0&resourceVersionMatch=NotOlderThan").version_match,
      VersionMatch::NotOlderThan
  );
  EXPECT_TRUE(parse_list_options(query("continue=x&resourceVersion=0")));
  EXPECT_EQ(
      refusal("continue=x&resourceVersion=5"),
      "400 specifying resource version is not allowed when using continue"
  );
  EXPECT_EQ(
      refusal("resourceVersionMatch=Exact"),
      "400 resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
      "resourceVersion is provided"
  );
  EXPECT_EQ(
      refusal("resourceVersion=0&resourceVersionMatch=NotOlderThan&continue=x"),
      "400 resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is "
      "provided"
  );
  EXPECT_EQ(
      refusal("resourceVersion=0&resourceVersionMatch=Exact"),
      "400 resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for "
      "resourceVersion \"0\""
  );
  EXPECT_EQ(
      refusal("resourceVersion=5&resourceVersionMatch=About"),
      "400 resourceVersionMatch: Unsupported value: \"About\": supported values: \"Exact\", "
      "\"NotOlderThan\", \"\""
  );
  EXPECT_EQ(refusal("sendInitialEvents=true").substr(0, 4), "422 ");
}

TEST(ListOptions, OfAStreamingListAreAllOrNothing) {
  const ListOptions options = list(
      "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
  );
  EXPECT_EQ(options.send_initial_events, true);
  for (const std::string_view bad :
       {"watch=1&sendInitialEvents=true&allowWatchBookmarks=true",
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&allowWatchBookmarks=true",
        "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=5"}) {
    EXPECT_EQ(refusal(bad).substr(0, 41), "422 ListOptions.meta.k8s.io \"\" is invalid") << bad;
  }
}

TEST(GetOptions, AreReadAndChecked) {
  EXPECT_EQ(parse_get_options(query("resourceVersion=7")).value().resource_version, 7U);
  EXPECT_FALSE(parse_get_options(query("resourceVersion=x")));
}

TEST(WriteOptions, AreReadAndChecked) {
  const WriteOptions options =
      parse_write_options(
          query("fieldManager=me&dryRun=All&fieldValidation=Strict&force=t"), WriteVerb::Apply
      )
          .value();
  EXPECT_EQ(options.field_manager, "me");
  EXPECT_TRUE(options.dry_run);
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.field_validation, FieldValidation::Strict);
  EXPECT_EQ(
      parse_write_options({}, WriteVerb::Create).value().field_validation, FieldValidation::Warn
  );
  EXPECT_EQ(
      write_refusal("", WriteVerb::Apply),
      "422 PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
      "apply patch"
  );
  EXPECT_EQ(
      write_refusal("dryRun=Some", WriteVerb::Create),
      "422 CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": "
      "supported values: \"All\""
  );
  write_refusal("dryRun=All&dryRun=Some", WriteVerb::Create);
  write_refusal("fieldValidation=Maybe", WriteVerb::Update);
  write_refusal("force=true", WriteVerb::Patch);
  write_refusal("force=x", WriteVerb::Apply);
  write_refusal("fieldManager=a\nb", WriteVerb::Update);
  write_refusal("fieldManager=" + std::string(129, 'a'), WriteVerb::Update);
}

TEST(DeleteOptions, ComeFromTheBodyOrElseFromTheQuery) {
  const Json body = json(
      R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground","gracePeriodSeconds":0,"preconditions":{"uid":"u","resourceVersion":"7"},"dryRun":["All"]})"
  );
  const DeleteOptions options =
      parse_delete_options(query("propagationPolicy=Orphan"), &body).value();
  EXPECT_EQ(options.propagation, Propagation::Foreground);
  EXPECT_EQ(options.grace_period_seconds, 0);
  EXPECT_EQ(options.uid, "u");
  EXPECT_EQ(options.resource_version, "7");
  EXPECT_TRUE(options.dry_run);
  const Json empty = Json::object();
  EXPECT_EQ(
      parse_delete_options(query("propagationPolicy=Orphan"), &empty).value().propagation,
      Propagation::Orphan
  );
  EXPECT_EQ(
      parse_delete_options(query("orphanDependents=false"), nullptr).value().propagation,
      Propagation::Background
  );
  EXPECT_EQ(parse_delete_options({}, nullptr).value().propagation, Propagation::Default);
}

TEST(DeleteOptions, ThatContradictThemselvesAreRefused) {
  const std::pair<std::string_view, int> bodies[] = {
      {R"({"propagationPolicy":"Sometimes"})", 422},
      {R"({"propagationPolicy":"Orphan","orphanDependents":true})", 422},
      {R"({"gracePeriodSeconds":-1})", 422},
      {R"({"dryRun":["Some"]})", 422},
      {R"({"gracePeriodSeconds":"1"})", 400},
      {R"({"preconditions":{"name":"x"}})", 400},
      {R"({"kind":"Mission"})", 400},
      {R"({"propagation":"Orphan"})", 400},
      {R"([])", 400}};
  for (const auto& [text, code] : bodies) {
    const Json body = json(text);
    const Outcome<DeleteOptions> result = parse_delete_options({}, &body);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, code) << text;
  }
}

TEST(ParseBool, IsThatOfGo) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_EQ(parse_bool(yes), true);
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_EQ(parse_bool(no), false);
  }
  for (const std::string_view bad : {"", "yes", "tRUE", "2"}) {
    EXPECT_EQ(parse_bool(bad), std::nullopt);
  }
}

}  // namespace
}  // namespace reeve::resource
