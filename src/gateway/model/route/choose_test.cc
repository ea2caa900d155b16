#include "gateway/model/route/choose.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

class ChooseTest : public testing::Test {
 protected:
  ChooseTest() {
    route_.ns = "team";
    route_.name = "models";
    add_provider("a", Dialect::Anthropic);
    add_provider("b", Dialect::Anthropic);
    add_provider("o", Dialect::OpenAi);
    add_model("large", 0);
    add_model("small", 1);
    add_model("other", 0);
    add_model("gpt", 2);
    facts_.ns = "team";
    facts_.operation = Operation::Messages;
    facts_.dialect = Dialect::Anthropic;
    facts_.model = "large";
    facts_.scan = &scan_;
    scan_.size_bytes = 4'000;
  }

  void add_provider(std::string name, Dialect kind) {
    Provider provider;
    provider.name = std::move(name);
    provider.kind = kind;
    route_.providers.push_back(std::move(provider));
  }

  void add_model(std::string name, std::size_t provider) {
    RouteModel model;
    model.name = std::move(name);
    model.provider = provider;
    route_.models.push_back(std::move(model));
  }

  Choice choice(std::uint64_t seed = 1) {
    return choose(
        {&route_},
        facts_,
        [&](const Route&, const Provider& provider) { return states_[provider.name]; },
        seed
    );
  }

  /// Names of the candidates; of fallbacks with "+".
  std::string names(std::uint64_t seed = 1) {
    std::vector<std::string> parts;
    const Choice made = choice(seed);
    for (const Candidate& each : made.candidates) {
      parts.push_back(concat(each.fallback ? "+" : "", each.model->name));
    }
    if (made.refusal) {
      return std::string(to_string(made.refusal->kind));
    }
    return join(parts, " ");
  }

  Route route_;
  RouteFacts facts_;
  RequestScan scan_;
  std::map<std::string, ProviderState> states_;
};

TEST_F(ChooseTest, AsksTheModelThatWasAskedForAndThenTheFallbacks) {
  EXPECT_EQ(names(), "large");
  route_.fallback = {1, 0, 3};
  EXPECT_EQ(names(), "large +small");
  facts_.model = "nobody";
  EXPECT_EQ(names(), "unknown_model");
}

TEST_F(ChooseTest, TakesTheNameOfARouteForItsDefault) {
  facts_.model = "models";
  route_.default_model = 1;
  EXPECT_EQ(names(), "small");
  EXPECT_EQ(choice().candidates[0].upstream_name, "small");
}

TEST_F(ChooseTest, LeavesOutProvidersThatCannotAnswer) {
  route_.fallback = {1};
  states_["a"].closed = false;
  EXPECT_EQ(names(), "+small");
  states_["a"].closed = true;
  states_["a"].in_flight = 64;
  EXPECT_EQ(names(), "+small");
  states_["b"].in_flight = 64;
  EXPECT_EQ(names(), "busy");
  facts_.model = "gpt";
  EXPECT_EQ(names(), "busy");
  route_.fallback.clear();
  EXPECT_EQ(names(), "unknown_model");
}

TEST_F(ChooseTest, DoesNotSendWhatDoesNotFit) {
  route_.models[0].bounds.context_window = 100;
  scan_.size_bytes = 801 + 7;
  EXPECT_EQ(names(), "context_too_long");
  EXPECT_TRUE(choice().refusal->message.starts_with("prompt is too long: at least 101 tokens"));
  route_.fallback = {1};
  EXPECT_EQ(names(), "+small");
  scan_.size_bytes = 800;
  EXPECT_EQ(names(), "large +small");
}

RouteRule rule(RuleMatch match, std::vector<RouteTarget> use) {
  RouteRule made;
  made.match = std::move(match);
  made.use = std::move(use);
  return made;
}

TEST_F(ChooseTest, LetsTheFirstRuleThatMatchesDecide) {
  RuleMatch poor;
  poor.budget_left_below = 0.2;
  RuleMatch reviewers;
  reviewers.agents = {"review*", "check"};
  reviewers.labels = {{"tier", "cheap"}};
  route_.rules = {rule(poor, {{.model = 1}}), rule(reviewers, {{.model = 2}})};
  EXPECT_EQ(names(), "large");
  facts_.budget_left = 0.2;
  EXPECT_EQ(names(), "large");
  facts_.budget_left = 0.19;
  EXPECT_EQ(names(), "small");
  facts_.budget_left.reset();
  facts_.agent = "reviewer";
  EXPECT_EQ(names(), "large");
  facts_.labels = {{"a", "b"}, {"tier", "cheap"}};
  EXPECT_EQ(names(), "other");
}

TEST_F(ChooseTest, KnowsRulesBySizeNamespaceAndModel) {
  RuleMatch match;
  match.min_input_tokens = 1'000;
  match.max_input_tokens = 2'000;
  match.namespaces = {"te*"};
  match.models = {"lar?e"};
  route_.rules = {rule(match, {{.model = 1}})};
  EXPECT_EQ(names(), "small");
  scan_.size_bytes = 3'999;
  EXPECT_EQ(names(), "large");
  scan_.size_bytes = 8'004;
  EXPECT_EQ(names(), "large");
  scan_.size_bytes = 8'000;
  facts_.ns = "other";
  EXPECT_EQ(names(), "large");
}

TEST_F(ChooseTest, SpreadsRequestsByWeight) {
  route_.rules = {
      rule({}, {{.model = 0, .weight = 3}, {.model = 1, .weight = 1}, {.model = 2, .weight = 0}})};
  std::map<std::string, int> first;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    const std::string order = names(seed);
    EXPECT_EQ(order, names(seed));
    EXPECT_TRUE(order.ends_with("other"));
    first[order.substr(0, order.find(' '))] += 1;
  }
  EXPECT_GT(first["large"], 2'800);
  EXPECT_LT(first["large"], 3'200);
  EXPECT_EQ(first["large"] + first["small"], 4'000);
  states_["a"].closed = false;
  EXPECT_EQ(names(), "small");
}

TEST_F(ChooseTest, PutsTheCheaperModelInPlaceOfAllOthers) {
  route_.fallback = {2};
  route_.downgrade = 1;
  route_.rules = {rule({}, {{.model = 2}})};
  facts_.downgrade = true;
  EXPECT_EQ(names(), "small");
  route_.downgrade.reset();
  EXPECT_EQ(names(), "other");
}

TEST_F(ChooseTest, ListsModelsOfADialect) {
  add_model("local-*", 2);
  const auto joined = [&](Dialect dialect) {
    return join(models_of({&route_, &route_}, dialect), " ");
  };
  EXPECT_EQ(joined(Dialect::Anthropic), "large small other models");
  EXPECT_EQ(joined(Dialect::OpenAi), "gpt models");
}

TEST_F(ChooseTest, FindsModelsOfLaterRoutesBeforeNamesOfRoutes) {
  Route second = route_;
  second.name = "second";
  second.models[0].name = "models";
  facts_.model = "models";
  const Choice made = choose(
      {&route_, &second}, facts_, [](const Route&, const Provider&) { return ProviderState{}; }, 1
  );
  ASSERT_EQ(made.candidates.size(), 1U);
  EXPECT_EQ(made.candidates[0].route, &second);
}

}  // namespace
}  // namespace reeve::gateway::model
