#include "resource/schema/contract.h"

#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "resource/schema/validator.h"

namespace reeve::resource::schema {
namespace {

const Contracts& contracts() {
  return Contracts::embedded();
}

const ResourceType& type(std::string_view kind) {
  for (const ResourceType& each : contracts().types()) {
    if (each.kind == kind) {
      return each;
    }
  }
  ADD_FAILURE() << kind;
  return contracts().types().front();
}

std::string faults(const ResourceType& type, const Json& object) {
  std::vector<std::string> lines;
  for (const Cause& cause : validate(*type.schema, object)) {
    lines.push_back(concat(cause.field, ": ", cause.message));
  }
  for (const std::string& path : unknown_fields(*type.schema, object)) {
    lines.push_back(concat(path, ": unknown"));
  }
  return join(lines, "\n");
}

TEST(Contracts, OfTheProgramAreValid) {
  const Result<Contracts> loaded = Contracts::load(embedded_contracts());
  ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  EXPECT_GE(loaded->types().size(), 20U);
}

TEST(Contracts, DescribeEveryFieldOfEveryKind) {
  const std::function<void(const Schema&, const std::string&)> visit =
      [&](const Schema& schema, const std::string& path) {
        for (const auto& [name, property] : schema.properties) {
          EXPECT_FALSE(property->description.empty()) << path << "." << name;
          visit(*property, concat(path, ".", name));
        }
        if (schema.items) {
          visit(*schema.items, concat(path, "[]"));
        }
        if (schema.additional) {
          visit(*schema.additional, concat(path, ".*"));
        }
        for (const auto& choice : schema.one_of) {
          visit(*choice, path);
        }
      };
  for (const ResourceType& each : contracts().types()) {
    EXPECT_FALSE(each.description.empty()) << each.kind;
    visit(*each.schema, each.kind);
    for (const Subresource& sub : each.subresources) {
      EXPECT_FALSE(sub.description.empty()) << each.kind << "/" << sub.name;
      if (sub.body) {
        visit(*sub.body, concat(each.kind, "/", sub.name));
      }
    }
    for (const Column& column : each.columns) {
      EXPECT_FALSE(column.description.empty()) << each.kind << "/" << column.name;
    }
  }
}

TEST(Contracts, HaveExamplesThatFit) {
  for (const ResourceType& each : contracts().types()) {
    EXPECT_FALSE(each.examples.empty()) << each.kind;
    for (const Json& example : each.examples) {
      EXPECT_EQ(faults(each, example), "") << each.kind;
      EXPECT_EQ(example.get_string("apiVersion"), each.api_version());
      EXPECT_EQ(example.get_string("kind"), each.kind);
      Json defaulted = example;
      apply_defaults(*each.schema, defaulted);
      EXPECT_EQ(faults(each, defaulted), "") << each.kind;
    }
  }
}

TEST(Contracts, HaveDefaultsThatFit) {
  const std::function<void(const Schema&, const std::string&)> visit =
      [&](const Schema& schema, const std::string& path) {
        if (schema.default_value) {
          EXPECT_TRUE(validate(schema, *schema.default_value).empty()) << path;
        }
        for (const auto& [name, property] : schema.properties) {
          visit(*property, concat(path, ".", name));
        }
        if (schema.items) {
          visit(*schema.items, concat(path, "[]"));
        }
      };
  for (const ResourceType& each : contracts().types()) {
    visit(*each.schema, each.kind);
  }
}

TEST(Contracts, UseNoNameOfAnotherKind) {
  // What kubectl already knows means the core kinds.
  const std::set<std::string, std::less<>> core = {
      "po",    "ns",     "ev",  "no",  "svc", "cm",  "sa",     "rc", "rs",
      "ds",    "deploy", "sts", "job", "cj",  "ep",  "ing",    "pv", "pvc",
      "quota", "limits", "hpa", "pdb", "crd", "csr", "netpol", "all"};
  for (const ResourceType& each : contracts().types("reeve.dev", "v1")) {
    for (const std::string& name : each.short_names) {
      EXPECT_FALSE(core.contains(name)) << each.kind << " " << name;
    }
    EXPECT_EQ(each.categories, std::vector<std::string>{"reeve"}) << each.kind;
  }
}

TEST(Contracts, EndTheirTablesWithTheAge) {
  for (const ResourceType& each : contracts().types("reeve.dev", "v1")) {
    ASSERT_FALSE(each.columns.empty()) << each.kind;
    EXPECT_EQ(each.columns.back().name, "Age") << each.kind;
    EXPECT_EQ(each.columns.back().type, "date") << each.kind;
  }
}

TEST(Contracts, KeepOneConditionOfEachType) {
  std::size_t found = 0;
  for (const ResourceType& each : contracts().types("reeve.dev", "v1")) {
    const std::vector<std::string> path = {"status", "conditions"};
    if (schema_at(*each.schema, path) != nullptr) {
      const Merge merge = list_type(*each.schema, path);
      EXPECT_EQ(merge.list_type, ListType::Map) << each.kind;
      ASSERT_EQ(merge.keys.size(), 1U) << each.kind;
      EXPECT_EQ(merge.keys[0], "type");
      ++found;
    }
  }
  EXPECT_GE(found, 8U);
}

TEST(Contracts, FindKinds) {
  const ResourceType* missions = contracts().find("reeve.dev", "v1", "missions");
  ASSERT_NE(missions, nullptr);
  EXPECT_EQ(missions->kind, "Mission");
  EXPECT_EQ(missions->list_kind, "MissionList");
  EXPECT_EQ(missions->api_version(), "reeve.dev/v1");
  EXPECT_EQ(missions->name_rule, NameRule::Free);
  EXPECT_TRUE(missions->namespaced);
  EXPECT_TRUE(missions->has_verb("deletecollection"));
  ASSERT_NE(missions->subresource("approve"), nullptr);
  EXPECT_TRUE(missions->subresource("approve")->has_verb("create"));
  EXPECT_NE(missions->subresource("approve")->body, nullptr);
  EXPECT_EQ(missions->subresource("scale"), nullptr);
  EXPECT_EQ(contracts().find_kind("reeve.dev", "v1", "Mission"), missions);
  EXPECT_EQ(contracts().find("reeve.dev", "v2", "missions"), nullptr);
  EXPECT_EQ(contracts().find("", "v1", "missions"), nullptr);
  EXPECT_EQ(contracts().find("", "v1", "namespaces")->api_version(), "v1");
  EXPECT_FALSE(contracts().find("reeve.dev", "v1", "runs")->has_verb("create"));
  EXPECT_EQ(contracts().versions("reeve.dev"), std::vector<std::string>{"v1"});
  EXPECT_TRUE(contracts().versions("nothing.dev").empty());
  const std::vector<std::string> groups = contracts().groups();
  EXPECT_EQ(groups.front(), "reeve.dev") << "kubectl takes the first group that has a kind";
  EXPECT_TRUE(std::is_sorted(groups.begin() + 1, groups.end()));
  EXPECT_EQ(std::count(groups.begin(), groups.end(), "reeve.dev"), 1);
}

TEST(Contracts, AcceptAWorkflowAsTasksOrAsText) {
  Json object = type("Workflow").examples.front();
  EXPECT_EQ(faults(type("Workflow"), object), "");
  object.find("spec")->set("source", "job_type: x");
  EXPECT_NE(
      faults(type("Workflow"), object).find("exactly one of tasks, source"), std::string::npos
  );
  object.set("spec", Json::object().set("source", "job_type: x"));
  EXPECT_EQ(faults(type("Workflow"), object), "");
  object.set("spec", Json::object().set("source", "job_type: x").set("timeout", "1h"));
  EXPECT_EQ(
      faults(type("Workflow"), object),
      "spec.source: Forbidden: no other field may be given beside it"
  );
}

TEST(Contracts, KeepDocumentsOfWorkflowsAsTheyAre) {
  const Json object = type("Workflow").examples.front();
  Json copy = object;
  apply_defaults(*type("Workflow").schema, copy);
  EXPECT_EQ(copy, object);
}

// --- what is refused
// --------------------------------------------------------------------------------

constexpr std::string_view kMeta =
    "schema:\n  type: object\n  properties:\n"
    "    apiVersion: {type: string}\n    kind: {type: string}\n"
    "    metadata: {type: object, properties: {name: {type: string}}}\n"
    "definitions: {Shared: {type: string, maxLength: 3}}\n";

constexpr std::string_view kHead =
    "group: g.dev\nversion: v1\nkind: Thing\nplural: things\nsingular: thing\nscope: Cluster\n";

Result<Contracts> load(std::string_view rest, std::string_view head = kHead) {
  const std::string text = concat(head, rest);
  const ContractText texts[] = {{"api/meta/object_meta.yaml", kMeta}, {"api/thing.yaml", text}};
  return Contracts::load(texts);
}

constexpr std::string_view kPlain = "schema: {type: object, properties: {a: {type: string}}}\n";

TEST(Contracts, MayReferToDefinitions) {
  const auto loaded = load(
      "schema: {type: object, properties: {a: {$ref: '#/definitions/Mine', description: here}, "
      "b: {$ref: '#/definitions/Shared'}}}\n"
      "definitions: {Mine: {type: integer, description: there}}\n"
  );
  ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  const Schema& schema = *loaded->types().front().schema;
  EXPECT_EQ(schema.member("a")->type, Type::Integer);
  EXPECT_EQ(schema.member("a")->description, "here");
  EXPECT_EQ(schema.member("b")->max_length, 3U);
  EXPECT_EQ(schema.member("metadata")->member("name")->type, Type::String);
}

TEST(Contracts, RefuseWhatIsNone) {
  ASSERT_TRUE(load(kPlain).ok());
  const std::pair<std::string, std::string> broken[] = {
      {concat(kPlain, "colour: red\n"), "colour"},
      {"schema: {type: object}\n", "schema"},
      {"schema: {type: object, properties: {a: {type: text}}}\n", "a"},
      {"schema: {type: object, properties: {a: {}}}\n", "a"},
      {"schema: {type: object, properties: {a: {type: string, pattern: '('}}}\n", "a"},
      {"schema: {type: object, properties: {a: {type: string, colour: red}}}\n", "a"},
      {"schema: {type: object, properties: {a: {type: array}}}\n", "a"},
      {"schema: {type: object, required: [b], properties: {a: {type: string}}}\n", ""},
      {"schema: {type: object, properties: {a: {$ref: '#/definitions/B'}}}\n", "#/definitions/B"},
      {"schema: {type: object, properties: {a: {$ref: '#/definitions/B'}}}\n"
       "definitions: {B: {type: object, properties: {b: {$ref: '#/definitions/B'}}}}\n",
       "definitions"},
      {concat(kPlain, "verbs: [get, buy]\n"), "verbs"},
      {concat(kPlain, "nameRule: any\n"), "nameRule"},
      {concat(kPlain, "selectableFields: [spec.b]\n"), "spec.b"},
      {concat(kPlain, "printerColumns: [{name: B, type: string, jsonPath: .b}]\n"), ".b"},
      {concat(kPlain, "printerColumns: [{name: B, type: text, jsonPath: .a}]\n"), "B"},
      {concat(kPlain, "subresources: [{name: log}]\n"), "log"},
      {concat(kPlain, "subresources: [{name: log, verbs: [read]}]\n"), "log"}};
  for (const auto& [text, subject] : broken) {
    const auto loaded = load(text);
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_EQ(loaded.error().subject, subject) << text << loaded.error().describe();
    EXPECT_EQ(loaded.error().file, "api/thing.yaml") << text;
  }
  EXPECT_FALSE(load(kPlain, "group: g.dev\nversion: v1\n").ok());
  EXPECT_FALSE(load("a: [", "").ok());
  EXPECT_FALSE(Contracts::load({}).ok());
}

TEST(Contracts, RefuseTwoKindsOfAGroupWithOneName) {
  constexpr std::string_view kOther =
      "version: v1\nkind: Other\nplural: others\nsingular: thing\nscope: Cluster\n";
  const std::string one = concat(kHead, kPlain);
  const std::string same = concat("group: g.dev\n", kOther, kPlain);
  const std::string apart = concat("group: h.dev\n", kOther, kPlain);
  const auto load_both = [&](std::string_view two) {
    const ContractText texts[] = {
        {"api/meta/object_meta.yaml", kMeta}, {"api/one.yaml", one}, {"api/two.yaml", two}};
    return Contracts::load(texts);
  };
  EXPECT_NE(load_both(same).error().message.find("\"thing\" names two kinds"), std::string::npos);
  EXPECT_TRUE(load_both(apart).ok());
}

}  // namespace
}  // namespace reeve::resource::schema
