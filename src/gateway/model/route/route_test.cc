#include "gateway/model/route/route.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

constexpr std::string_view kFull = R"({
  "metadata":{"namespace":"team","name":"models","uid":"u1","generation":7},
  "spec":{
    "currency":"EUR",
    "providers":[
      {"name":"a","kind":"anthropic","baseUrl":"https://api.anthropic.com/","credential":"key",
       "headers":{"anthropic-beta":"x"},"timeouts":{"connect":"1s","firstByte":"2s","idle":"3s",
       "total":"4s"},"concurrency":5,"breaker":{"failures":3,"openFor":"10s","probes":2}},
      {"name":"o","kind":"openai","baseUrl":"http://127.0.0.1:8080/v1","allowPrivate":true,
       "operations":["chat.completions"]}],
    "models":[
      {"name":"large","provider":"a","model":"claude-sonnet-4-5","contextWindow":200000,
       "maxOutputTokens":64000,"prices":{"input":"3","output":"15","cacheRead":"0.30",
       "cacheWrite":"3.75","longContext":{"above":200000,"input":"6","output":"22.50"}},
       "tier":"large","reasoning":false,"unbounded":"allow"},
      {"name":"local/*","provider":"o","free":true,"outputLimit":100,
       "outputLimitField":"max_tokens","imageTokens":5,"fileTokens":6},
      {"name":"small","provider":"a","prices":{"input":"1","output":"5"}}],
    "rules":[{"match":{"agents":["review*"],"namespaces":["team"],"models":["large"],
      "labels":{"tier":"cheap"},"minInputTokens":10,"maxInputTokens":1000,"budgetLeftBelow":0.2},
      "use":[{"model":"small","weight":3},{"model":"large","weight":0}],"fallback":["large"]}],
    "fallback":["small"],"default":"small","downgrade":"small",
    "retries":{"max":1,"backoff":"10ms","maxBackoff":"1s","jitter":0.1},
    "guardrails":[{"name":"keys","secrets":true,"action":"redact"},
      {"name":"project","pattern":"internal-\\d+","action":"block","direction":"response"}],
    "cache":{"ttl":"10m"},
    "capture":{"request":"body","response":"none","maxBytes":1000}}})";

Result<Route> route_from(std::string_view text) {
  return read_route(parse_json(text).value());
}

TEST(Route, IsReadWhole) {
  const Result<Route> read = route_from(kFull);
  ASSERT_TRUE(read.ok()) << read.error().describe();
  const Route& route = *read;
  EXPECT_EQ(
      concat(route.ns, '/', route.name, '/', route.uid, '/', route.generation), "team/models/u1/7"
  );
  EXPECT_EQ(route.currency, "EUR");
  const Provider& anthropic = route.providers[0];
  EXPECT_EQ(anthropic.base_url, "https://api.anthropic.com");
  EXPECT_EQ(anthropic.kind, Dialect::Anthropic);
  EXPECT_EQ(anthropic.timeouts.first_byte, Duration(2'000));
  EXPECT_EQ(anthropic.concurrency, 5U);
  EXPECT_EQ(anthropic.breaker.probes, 2U);
  EXPECT_TRUE(anthropic.offers(Operation::CountTokens));
  EXPECT_FALSE(anthropic.offers(Operation::Responses));
  EXPECT_FALSE(route.providers[1].offers(Operation::Responses));
  const RouteModel& large = route.models[0];
  EXPECT_EQ(large.bounds.context_window, 200'000U);
  EXPECT_TRUE(large.bounds.allow_unbounded);
  EXPECT_FALSE(large.reasoning);
  EXPECT_EQ(large.prices.long_above, 200'000U);
  EXPECT_EQ(large.prices.usual.cache_write_long.text(), "6.00");
  EXPECT_EQ(route.models[1].output_limit, 100U);
  EXPECT_EQ(route.models[1].output_limit_member, "max_tokens");
  EXPECT_TRUE(route.models[1].free);
  EXPECT_EQ(route.rules[0].use[0].model, 2U);
  EXPECT_EQ(route.rules[0].use[0].weight, 3U);
  EXPECT_EQ(route.rules[0].match.budget_left_below, 0.2);
  EXPECT_EQ(route.fallback, (std::vector<std::size_t>{2}));
  EXPECT_EQ(route.default_model, 2U);
  EXPECT_EQ(route.downgrade, 2U);
  EXPECT_EQ(route.retries.max_backoff, Duration(1'000));
  ASSERT_NE(route.request_patterns, nullptr);
  EXPECT_TRUE(route.request_patterns->find("internal-12").empty());
  EXPECT_EQ(route.response_patterns->find("internal-12").size(), 1U);
  EXPECT_EQ(route.cache_ttl, Duration(600'000));
  EXPECT_EQ(route.capture.request, CaptureKind::Body);
  EXPECT_EQ(route.capture.response, CaptureKind::None);
}

TEST(Route, TakesPricesThatAreNotSaidAsTheDearest) {
  const Route route = route_from(kFull).value();
  const PriceSet& small = route.models[2].prices.usual;
  EXPECT_EQ(small.cache_read.text(), "1.00");
  EXPECT_EQ(small.cache_write.text(), "2.00");
  EXPECT_EQ(small.cache_write_long.text(), "2.00");
}

TEST(Route, FindsModelsByNameBeforeGlobs) {
  const Route route = route_from(kFull).value();
  EXPECT_EQ(find_model(route, "large"), 0U);
  EXPECT_EQ(find_model(route, "local/qwen"), 1U);
  EXPECT_EQ(find_model(route, "local/*"), 1U);
  EXPECT_FALSE(find_model(route, "other").has_value());
  EXPECT_EQ(upstream_name(route.models[0], "large"), "claude-sonnet-4-5");
  EXPECT_EQ(upstream_name(route.models[1], "local/qwen"), "local/qwen");
  EXPECT_EQ(upstream_name(route.models[2], "asked"), "small");
}

/// Replaces a part of the whole route and says what is wrong then.
std::string wrong(std::string_view part, std::string_view by) {
  const std::string text = replace_all(kFull, part, by);
  EXPECT_NE(text, kFull) << part;
  const Result<Route> route = route_from(text);
  return route.ok() ? "" : concat(route.error().subject, ": ", route.error().message);
}

TEST(Route, TellsWhereItIsWrongAndHowToRepairIt) {
  EXPECT_EQ(
      wrong(R"("fallback":["small"],)", R"("fallbak":["small"],)"), "spec.fallbak: is not known"
  );
  EXPECT_EQ(
      wrong(R"("provider":"o")", R"("provider":"x")"),
      "spec.models[1].provider: there is no provider \"x\""
  );
  EXPECT_EQ(
      wrong(R"("prices":{"input":"1","output":"5"})", R"("tier":"x")"),
      "spec.models[2].prices: what the model costs is not known"
  );
  EXPECT_EQ(
      wrong(R"("free":true)", R"("free":true,"prices":{"input":"1","output":"1"})"),
      "spec.models[1].prices: a model that is free has no prices"
  );
  EXPECT_EQ(
      wrong(R"({"input":"1","output":"5"})", R"({"input":"1"})"),
      "spec.models[2].prices.output: is missing"
  );
  EXPECT_EQ(
      wrong(R"("fallback":["large"])", R"("fallback":["local/*"])"),
      "spec.rules[0].fallback[0]: is a glob, which does not say what to ask for"
  );
  EXPECT_EQ(
      wrong(R"("downgrade":"small")", R"("downgrade":"smal")"),
      "spec.downgrade: there is no model \"smal\""
  );
  EXPECT_EQ(
      wrong(R"("allowPrivate":true,)", ""), "spec.providers[1].baseUrl: must begin with https://"
  );
  EXPECT_EQ(
      wrong(R"("anthropic-beta")", R"("X-Api-Key")"),
      "spec.providers[0].headers.X-Api-Key: is set by the gateway"
  );
  EXPECT_EQ(
      wrong("chat.completions", "messages"),
      "spec.providers[1].operations: \"messages\" is nothing that a provider of this kind can "
      "be asked"
  );
  EXPECT_EQ(
      wrong(R"("budgetLeftBelow":0.2)", R"("budgetLeftBelow":20)"),
      "spec.rules[0].match.budgetLeftBelow: must be a number from 0 to 1"
  );
  EXPECT_EQ(
      wrong(R"("secrets":true,)", ""),
      "spec.guardrails[0]: needs either `secrets: true` or a pattern"
  );
  EXPECT_EQ(
      wrong(R"(internal-\\d+)", "(x)"),
      "spec.guardrails[project]: \"(\" has no meaning (write \\( for the byte) at character 1 "
      "of the pattern"
  );
  EXPECT_EQ(
      wrong(R"("name":"small","provider")", R"("name":"large","provider")"),
      "spec.models[2].name: another model has the same name"
  );
}

TEST(Route, RefusesMore) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"https://api.anthropic.com/", "ftp://x"},
      {"https://api.anthropic.com/", "https://user:pw@x"},
      {"https://api.anthropic.com/", "https:///v1"},
      {"https://api.anthropic.com/", "https://x/?a"},
      {R"("total":"4s")", R"("total":"48h")"},
      {R"("total":"4s")", R"("total":"0s")"},
      {R"("total":"4s")", R"("totl":"4s")"},
      {R"("probes":2)", R"("probes":0)"},
      {R"("input":"3")", R"("input":"-3")"},
      {R"("input":"3")", R"("input":3)"},
      {R"("above":200000,)", ""},
      {R"("jitter":0.1)", R"("jitter":2)"},
      {R"("ttl":"10m")", R"("ttl":"")"},
      {R"("request":"body")", R"("request":"all")"},
      {R"("action":"block")", R"("action":"stop")"},
      {R"("direction":"response")", R"("direction":"in")"},
      {R"("currency":"EUR")", R"("currency":"euro")"},
      {R"("unbounded":"allow")", R"("unbounded":"yes")"},
      {R"({"model":"large","weight":0})", R"({"model":"small"})"},
      {R"("minInputTokens":10)", R"("minInputTokens":2000)"},
      {R"("kind":"openai")", R"("kind":"azure")"}};
  for (const auto& [part, by] : cases) {
    EXPECT_NE(wrong(part, by), "") << by;
  }
  EXPECT_FALSE(route_from("{}").ok());
  EXPECT_FALSE(route_from(R"({"spec":{"providers":[],"models":[]}})").ok());
}

}  // namespace
}  // namespace reeve::gateway::model
