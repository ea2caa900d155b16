// Holds api/v1/workflow.yaml and the decoder of native documents together, both ways: the same
// keys, the same required ones, the same words and the same ranges.

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/document/yaml.h"
#include "workflow/load/load.h"

namespace reeve::workflow {
namespace {

/// Every key of the schema is in here at least once.
constexpr std::string_view kComplete = R"(
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: w, labels: {a: b}, annotations: {a: b}}
spec:
  description: d
  version: "1"
  params: {p: {default: 1, description: d, required: false}}
  variables: {v: [1]}
  timeout: 1h
  retry: {max: 1, delay: 1s, backoff: {min: 1s, max: 2s, factor: 2, jitter: true}}
  pauseTime: 1s
  skipIf: x
  schedule: "@daily"
  triggers:
    - name: a
      cron: {schedule: "* * * * *", timeZone: Europe/Berlin, missed: skip}
      filter: x
      dedupKey: x
      params: {p: x}
      rateLimit: {max: 1, window: 1m}
    - {name: b, webhook: {auth: hmacSha256, secret: s, header: h, path: p}}
    - {name: c, objects: {bucket: b, prefix: p, suffix: s, poll: true, pollInterval: 1m}}
    - {name: d, channel: {channel: c, group: g, shared: true}}
    - {name: e, inbox: {glob: "*.json"}}
  maxConcurrency: 1
  priority: 1
  semaphores: [{pool: p, units: 1}]
  sandbox: workspace
  tasks:
    - name: a
      description: d
      method: SHELL
      beforeScript: x
      script: x
      afterScript: x
      environment: {A: b}
      variables: {a: b}
      workingDir: d
      retry: {max: 1}
      timeout: 1h
      onCompleted: b
      onFailed: c
      onExitCode: {"3": FATAL}
      alwaysRun: false
      allowFailure: true
      skipIf: x
      artifacts: {paths: [a], when: always, expiresAfter: 1h}
      compensate: {script: x, retry: {max: 1}, timeout: 1h}
      container: {image: i}
      cache: {paths: [a], key: k, expiresAfter: 1h}
      artifactIds: [x]
      credentials: [A]
      tags: [t]
      semaphores: [{pool: p}]
      permissions: [mission.extend]
      sensor: false
      fanOut: {over: [1], as: item, parallel: 1, policy: all, failuresAllowed: 0}
    - {name: b, script: x, sandbox: isolated, dependencies: [a], cache: {paths: [a], keyPaths: [k]}, foreach: {over: 1..2}}
    - {name: c, script: x}
    - name: g
      needs: [b]
      gate:
        prompt: p
        approvals: 1
        unanimous: true
        users: [u]
        groups: [g]
        ownerMayApprove: true
        context: {c: x}
        require: [c]
        deadline: 3h
        remindAfter: 1h
        escalate: [{after: 1h, to: [a], message: m}]
        revises: b
        revisionsMax: 1
    - {name: m, needs: [b], mission: {workflow: w, version: "1", params: {a: b}, userKey: k, wait: false, outputs: {a: b}}}
    - {name: n, needs: [m], await: {tasks: [m], outputs: {a: b}}}
    - name: h
      http:
        method: GET
        url: http://h
        headers: {a: b}
        query: {a: b}
        body: x
        redirects: {max: 1, crossHost: true}
        verifyTls: true
        caFile: f
        allowPrivate: true
        responseBytesMax: 1
        outputs: {a: /b}
    - {name: i, http: {url: http://h, json: true}}
    - {name: j, http: {url: http://h, form: true}}
    - name: s
      webSocket:
        url: ws://h
        headers: {a: b}
        query: {a: b}
        body: x
        verifyTls: true
        caFile: f
        allowPrivate: true
        responseBytesMax: 1
        outputs: {a: /b}
    - {name: t, webSocket: {url: ws://h, json: true}}
    - {name: k, message: {channel: c, replyChannel: r, body: x}}
    - {name: ag, needs: [k], agent: {name: n, prompt: p, session: s, outputs: {a: /b}, validates: k}}
    - {name: x, expireArtifacts: true}
)";

constexpr std::string_view kNonsense = "qqqqqqqq";

using Step = std::variant<std::string, std::size_t>;
using Path = std::vector<Step>;
using Words = std::set<std::string>;

Json* find(Json& root, const Path& path) {
  Json* at = &root;
  for (const Step& step : path) {
    if (const auto* key = std::get_if<std::string>(&step)) {
      at = at->find(*key);
    } else {
      at = &at->as_array().at(std::get<std::size_t>(step));
    }
  }
  return at;
}

/// As the decoder names the field.
std::string spelled(const Path& path) {
  std::string out;
  for (const Step& step : path) {
    if (const auto* key = std::get_if<std::string>(&step)) {
      out += concat(out.empty() ? "" : ".", *key);
    } else {
      out += concat("[", std::get<std::size_t>(step), "]");
    }
  }
  return out;
}

Path child(Path path, Step step) {
  path.push_back(std::move(step));
  return path;
}

void remove_member(Json& object, std::string_view key) {
  std::erase_if(object.as_object(), [key](const auto& member) { return member.first == key; });
}

class Schema : public ::testing::Test {
 protected:
  Schema() {
    std::ifstream file(REEVE_WORKFLOW_SCHEMA);
    std::stringstream text;
    text << file.rdbuf();
    auto schema = document::parse_yaml(text.str());
    EXPECT_TRUE(schema.ok()) << schema.error().describe();
    schema_ = document::to_json(*schema);
    document_ = document::to_json(document::parse_yaml(kComplete).value());
  }

  const Json& resolved(const Json& schema) const {
    const Json* ref = schema.find("$ref");
    if (ref == nullptr) {
      return schema;
    }
    constexpr std::string_view kPrefix = "#/definitions/";
    return *schema_.find("definitions")->find(ref->as_string().substr(kPrefix.size()));
  }

  using Visit = std::function<void(const Json& schema, const Path& path)>;

  /// Visits every value of the complete document with its schema.
  void walk(const Visit& visit) { walk(*schema_.find("schema"), {}, visit); }

  void walk(const Json& declared, const Path& path, const Visit& visit) {
    const Json& schema = resolved(declared);
    visit(schema, path);
    const Json value = *find(document_, path);
    const Json* properties = schema.find("properties");
    if (value.is_object() && properties != nullptr) {
      for (const auto& [key, member] : value.as_object()) {
        const Json* property = properties->find(key);
        ASSERT_NE(property, nullptr) << spelled(path) << "." << key;
        walk(*property, child(path, key), visit);
      }
    }
    const Json* members = schema.find("additionalProperties");
    if (value.is_object() && members != nullptr && members->is_object()) {
      for (const auto& [key, member] : value.as_object()) {
        const Json* forms = members->find("oneOf");
        walk(forms == nullptr ? *members : forms->as_array().at(0), child(path, key), visit);
      }
    }
    const Json* items = schema.find("items");
    if (value.is_array() && items != nullptr) {
      for (std::size_t i = 0; i < value.as_array().size(); ++i) {
        walk(*items, child(path, i), visit);
      }
    }
  }

  /// The findings of the document with one change.
  std::vector<Problem> changed(const std::function<void(Json&)>& change) {
    Json copy = document_;
    change(copy);
    return load(copy.dump()).problems;
  }

  std::vector<Problem> with(const Path& path, const Json& value) {
    return changed([&](Json& document) { *find(document, path) = value; });
  }

  static const Problem* at(
      const std::vector<Problem>& problems, std::string_view subject, std::string_view rule
  ) {
    for (const Problem& problem : problems) {
      if (problem.error.subject == subject && (rule.empty() || problem.rule == rule)) {
        return &problem;
      }
    }
    return nullptr;
  }

  Json schema_;
  Json document_;
};

Words words_of(std::string_view text) {
  Words words;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t last = part.find(" or ");
    words.emplace(trim(part.substr(0, last)));
    if (last != std::string_view::npos) {
      words.emplace(trim(part.substr(last + 4)));
    }
  }
  return words;
}

TEST_F(Schema, TheCompleteDocumentLoads) {
  const Loaded loaded = load(kComplete);
  ASSERT_TRUE(loaded.ok()) << loaded.first_error().describe();
  EXPECT_TRUE(loaded.problems.empty());
}

TEST_F(Schema, TheCompleteDocumentHasEveryKey) {
  std::set<const Json*> seen;
  std::set<const Json*> known;
  walk([&](const Json& schema, const Path& path) {
    const Json* properties = schema.find("properties");
    const Json* value = find(document_, path);
    if (properties == nullptr || !value->is_object()) {
      return;
    }
    for (const auto& [key, property] : properties->as_object()) {
      known.insert(&property);
      if (value->find(key) != nullptr) {
        seen.insert(&property);
      }
    }
  });
  EXPECT_EQ(seen.size(), known.size());
  for (const Json* property : known) {
    EXPECT_TRUE(seen.contains(property)) << property->dump();
  }
}

TEST_F(Schema, TheDecoderKnowsTheSameKeys) {
  std::size_t objects = 0;
  walk([&](const Json& schema, const Path& path) {
    const Json* properties = schema.find("properties");
    if (properties == nullptr || !find(document_, path)->is_object()) {
      return;
    }
    ++objects;
    const auto problems =
        changed([&](Json& document) { find(document, path)->set(std::string(kNonsense), 1); });
    const Problem* problem =
        at(problems, spelled(child(path, std::string(kNonsense))), "unknown-field");
    ASSERT_NE(problem, nullptr) << spelled(path);
    Words declared;
    for (const auto& [key, property] : properties->as_object()) {
      declared.insert(key);
    }
    constexpr std::string_view kKnown = "known here: ";
    ASSERT_TRUE(problem->error.hint.starts_with(kKnown)) << problem->error.hint;
    EXPECT_EQ(words_of(problem->error.hint.substr(kKnown.size())), declared) << spelled(path);
  });
  EXPECT_GT(objects, 40U);
}

TEST_F(Schema, TheDecoderRequiresTheSameKeys) {
  walk([&](const Json& schema, const Path& path) {
    const Json* properties = schema.find("properties");
    const Json* value = find(document_, path);
    if (properties == nullptr || !value->is_object()) {
      return;
    }
    Words required;
    if (const Json* list = schema.find("required")) {
      for (const Json& key : list->as_array()) {
        required.insert(key.as_string());
      }
    }
    const Json members = *value;
    for (const auto& [key, member] : members.as_object()) {
      const auto problems =
          changed([&, name = key](Json& document) { remove_member(*find(document, path), name); });
      const Problem* problem = at(problems, spelled(path), "missing-field");
      EXPECT_EQ(problem != nullptr, required.contains(key)) << spelled(path) << "." << key;
    }
  });
}

TEST_F(Schema, TheDecoderKnowsTheSameWords) {
  std::size_t checked = 0;
  walk([&](const Json& schema, const Path& path) {
    const Json* list = schema.find("enum");
    const Json* value = find(document_, path);
    if (list == nullptr || !value->is_string()) {
      return;
    }
    ++checked;
    Words declared;
    for (const Json& word : list->as_array()) {
      declared.insert(word.as_string());
      const auto problems = with(path, word);
      EXPECT_EQ(at(problems, spelled(path), "wrong-type"), nullptr) << word.dump();
      EXPECT_EQ(at(problems, spelled(path), "unknown-method"), nullptr) << word.dump();
    }
    const auto problems = with(path, kNonsense);
    const Problem* problem = at(problems, spelled(path), "");
    ASSERT_NE(problem, nullptr) << spelled(path);
    const std::string& message = problem->error.message;
    if (problem->rule == "wrong-type") {
      constexpr std::string_view kMust = "must be ";
      EXPECT_EQ(
          words_of(message.substr(kMust.size(), message.find(", not \"") - kMust.size())), declared
      ) << message;
    } else if (problem->rule == "unknown-method") {
      EXPECT_EQ(words_of(problem->error.hint.substr(4)), declared) << problem->error.hint;
    } else {
      EXPECT_NE(problem->error.hint.find(*declared.begin()), std::string::npos) << message;
    }
  });
  EXPECT_GE(checked, 8U);
}

TEST_F(Schema, TheDecoderHasTheSameRanges) {
  std::size_t checked = 0;
  walk([&](const Json& schema, const Path& path) {
    const Json* min = schema.find("minimum");
    const Json* max = schema.find("maximum");
    if (min == nullptr || max == nullptr || !max->is_int()) {
      return;
    }
    ++checked;
    const std::string field = spelled(path);
    EXPECT_EQ(at(with(path, *min), field, "wrong-type"), nullptr) << field;
    EXPECT_EQ(at(with(path, *max), field, "wrong-type"), nullptr) << field;
    EXPECT_NE(at(with(path, min->as_int() - 1), field, "wrong-type"), nullptr) << field;
    EXPECT_NE(at(with(path, max->as_int() + 1), field, "wrong-type"), nullptr) << field;
  });
  EXPECT_GE(checked, 10U);
}

TEST_F(Schema, ItsExampleLoads) {
  const Loaded loaded = load(schema_.find("example")->dump());
  EXPECT_TRUE(loaded.ok()) << loaded.first_error().describe();
}

}  // namespace
}  // namespace reeve::workflow
