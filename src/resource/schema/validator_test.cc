#include "resource/schema/validator.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/document/yaml.h"

namespace reeve::resource::schema {
namespace {

Json yaml(std::string_view text) {
  const auto root = document::parse_yaml(text);
  EXPECT_TRUE(root.ok()) << text;
  return root.ok() ? document::to_json(*root) : Json();
}

std::unique_ptr<const Schema> schema_of(std::string_view text) {
  auto schema = read_schema(yaml(text));
  EXPECT_TRUE(schema.ok()) << schema.error().describe();
  return schema.ok() ? std::move(*schema) : nullptr;
}

/// An object with `spec`, whose properties are given.
std::unique_ptr<const Schema> with_spec(std::string_view properties) {
  return schema_of(concat(
      "type: object\nproperties:\n  spec:\n    type: object\n    properties: ", properties, "\n"
  ));
}

/// "REASON FIELD: MESSAGE", one line each.
std::string lines(const std::vector<Cause>& causes) {
  std::vector<std::string> out;
  for (const Cause& cause : causes) {
    out.push_back(concat(cause.reason, " ", cause.field, ": ", cause.message));
  }
  return join(out, "\n");
}

std::string refusal(std::string_view properties, std::string_view spec) {
  const auto schema = with_spec(properties);
  return lines(validate(*schema, Json::object().set("spec", yaml(spec))));
}

TEST(Validator, SaysWhatARealServerSaysAboutTypes) {
  EXPECT_EQ(
      refusal("{replicas: {type: integer}}", "{replicas: 'x'}"),
      "FieldValueInvalid spec.replicas: Invalid value: \"string\": spec.replicas in body must be "
      "of type integer: \"string\""
  );
  EXPECT_EQ(refusal("{replicas: {type: integer}}", "{replicas: 1}"), "");
  EXPECT_NE(refusal("{replicas: {type: integer}}", "{replicas: 1.5}"), "");
  EXPECT_NE(refusal("{a: {type: boolean}}", "{a: 'true'}"), "");
  EXPECT_NE(refusal("{a: {type: string}}", "{a: 1}"), "");
  EXPECT_NE(refusal("{a: {type: object}}", "{a: []}"), "");
  EXPECT_EQ(refusal("{a: {type: number}}", "{a: 1}"), "");
  EXPECT_NE(refusal("{a: {type: string}}", "{a: null}"), "");
  EXPECT_EQ(refusal("{a: {type: string, nullable: true}}", "{a: null}"), "");
}

TEST(Validator, NamesTheFieldThatIsMissing) {
  const auto schema = schema_of(
      "{type: object, required: [spec], properties: {spec: {type: object, required: [tool], "
      "properties: {tool: {type: string}}}}}"
  );
  EXPECT_EQ(
      lines(validate(*schema, yaml("{spec: {}}"))), "FieldValueRequired spec.tool: Required value"
  );
  EXPECT_EQ(lines(validate(*schema, yaml("{}"))), "FieldValueRequired spec: Required value");
  EXPECT_EQ(
      lines(validate(*schema, yaml("{spec: {}}"), "items[3]")),
      "FieldValueRequired items[3].spec.tool: Required value"
  );
}

TEST(Validator, ListsTheChoices) {
  EXPECT_EQ(
      refusal("{a: {type: string, enum: [x, y]}}", "{a: z}"),
      "FieldValueNotSupported spec.a: Unsupported value: \"z\": supported values: \"x\", \"y\""
  );
}

TEST(Validator, ChecksTexts) {
  EXPECT_EQ(
      refusal("{a: {type: string, maxLength: 2}}", "{a: abc}"),
      "FieldValueTooLong spec.a: Too long: may not be more than 2 bytes"
  );
  EXPECT_EQ(refusal("{a: {type: string, maxLength: 2}}", "{a: äö}"), "");
  EXPECT_EQ(
      refusal("{a: {type: string, minLength: 1}}", "{a: ''}"),
      "FieldValueInvalid spec.a: Invalid value: \"\": spec.a in body should be at least 1 chars "
      "long"
  );
  EXPECT_EQ(
      refusal("{a: {type: string, pattern: '^[a-z]+$'}}", "{a: A}"),
      "FieldValueInvalid spec.a: Invalid value: \"A\": spec.a in body should match '^[a-z]+$'"
  );
  EXPECT_EQ(
      refusal("{a: {type: string, format: date-time}}", "{a: soon}"),
      "FieldValueInvalid spec.a: Invalid value: \"soon\": spec.a in body must be of type "
      "date-time: \"soon\""
  );
  EXPECT_EQ(refusal("{a: {type: string, format: date-time}}", "{a: '2026-11-21T09:30:00Z'}"), "");
  EXPECT_EQ(
      refusal("{a: {type: string, format: date-time}}", "{a: '2024-02-29T09:30:00.123+01:30'}"), ""
  );
  for (const char* wrong :
       {"2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00Zx",
        ""}) {
    EXPECT_NE(refusal("{a: {type: string, format: date-time}}", concat("{a: '", wrong, "'}")), "")
        << wrong;
  }
  EXPECT_EQ(refusal("{a: {type: string, format: duration}}", "{a: 1h30m}"), "");
  EXPECT_NE(refusal("{a: {type: string, format: duration}}", "{a: 5 minutes}"), "");
  EXPECT_EQ(refusal("{a: {type: string, format: byte}}", "{a: 'aGk='}"), "");
  EXPECT_NE(refusal("{a: {type: string, format: byte}}", "{a: 'aGk'}"), "");
}

TEST(Validator, ChecksNumbers) {
  const std::string_view range = "{a: {type: integer, minimum: 0, maximum: 10}}";
  EXPECT_EQ(refusal(range, "{a: 0}"), "");
  EXPECT_EQ(refusal(range, "{a: 10}"), "");
  EXPECT_EQ(
      refusal(range, "{a: -1}"),
      "FieldValueInvalid spec.a: Invalid value: -1: spec.a in body should be greater than or "
      "equal to 0"
  );
  EXPECT_EQ(
      refusal(range, "{a: 11}"),
      "FieldValueInvalid spec.a: Invalid value: 11: spec.a in body should be less than or equal "
      "to 10"
  );
  const std::string_view open =
      "{a: {type: number, minimum: 0.5, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: "
      "true}}";
  EXPECT_EQ(refusal(open, "{a: 0.75}"), "");
  EXPECT_NE(refusal(open, "{a: 0.5}").find("should be greater than 0.5"), std::string::npos);
  EXPECT_NE(refusal(open, "{a: 1}").find("should be less than 1"), std::string::npos);
}

TEST(Validator, ChecksTheSizeOfListsAndMaps) {
  const std::string_view list =
      "{a: {type: array, minItems: 1, maxItems: 2, items: {type: string}}}";
  EXPECT_EQ(
      refusal(list, "{a: [x, y, z]}"),
      "FieldValueTooMany spec.a: Too many: 3: must have at most 2 items"
  );
  EXPECT_EQ(
      refusal(list, "{a: []}"),
      "FieldValueInvalid spec.a: Invalid value: 0: spec.a in body should have at least 1 items"
  );
  const std::string_view map =
      "{a: {type: object, minProperties: 1, maxProperties: 1, additionalProperties: {type: "
      "string}}}";
  EXPECT_EQ(refusal(map, "{a: {x: y}}"), "");
  EXPECT_NE(refusal(map, "{a: {}}").find("at least 1 properties"), std::string::npos);
  EXPECT_NE(refusal(map, "{a: {x: y, z: y}}").find("Too many: 2"), std::string::npos);
  EXPECT_NE(refusal(map, "{a: {x: 1}}").find("spec.a.x in body"), std::string::npos);
}

TEST(Validator, NamesItemsOfListsByTheirPlace) {
  EXPECT_EQ(
      refusal(
          "{tasks: {type: array, items: {type: object, required: [name], properties: "
          "{name: {type: string}}}}}",
          "{tasks: [{name: a}, {}]}"
      ),
      "FieldValueRequired spec.tasks[1].name: Required value"
  );
}

TEST(Validator, RefusesDuplicatesInSetsAndMaps) {
  EXPECT_EQ(
      refusal(
          "{a: {type: array, x-kubernetes-list-type: set, items: {type: string}}}", "{a: [x, y, x]}"
      ),
      "FieldValueDuplicate spec.a[2]: Duplicate value: \"x\""
  );
  const std::string_view map =
      "{a: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type, sort], "
      "items: {type: object, required: [type], properties: {type: {type: string}, "
      "sort: {type: string, default: s}}}}}";
  EXPECT_EQ(refusal(map, "{a: [{type: x}, {type: x, sort: t}]}"), "");
  EXPECT_EQ(
      refusal(map, "{a: [{type: x}, {type: x, sort: s}]}"),
      "FieldValueDuplicate spec.a[1]: Duplicate value: {\"type\":\"x\",\"sort\":\"s\"}"
  );
  EXPECT_EQ(refusal("{a: {type: array, items: {type: string}}}", "{a: [x, x]}"), "");
}

TEST(Validator, TakesNumbersAndTextForIntOrString) {
  const std::string_view port = "{a: {x-kubernetes-int-or-string: true}}";
  EXPECT_EQ(refusal(port, "{a: 1}"), "");
  EXPECT_EQ(refusal(port, "{a: x}"), "");
  EXPECT_NE(refusal(port, "{a: true}").find("must be of type integer,string"), std::string::npos);
}

TEST(Validator, ChoosesAmongAlternativesByType) {
  const std::string_view script =
      "{a: {oneOf: [{type: string}, {type: array, items: {type: string}}]}}";
  EXPECT_EQ(refusal(script, "{a: x}"), "");
  EXPECT_EQ(refusal(script, "{a: [x]}"), "");
  EXPECT_NE(
      refusal(script, "{a: [1]}").find("spec.a[0] in body must be of type string"),
      std::string::npos
  );
  EXPECT_NE(refusal(script, "{a: {}}").find("must be of type string,array"), std::string::npos);
}

TEST(Validator, LetsTemplatesStandForNumbersWhereTheyMay) {
  const auto schema = schema_of(
      "{type: object, x-reeve-templated: true, properties: {n: {type: integer, minimum: 1}, "
      "b: {type: boolean}, v: {type: string}, e: {type: string, enum: [x]}, "
      "d: {type: string, format: duration}}}"
  );
  EXPECT_EQ(
      lines(validate(*schema, yaml("{n: '{{ .n }}', b: '{{ .b }}', v: 1.2, e: x, d: '{{ .t }}'}"))),
      ""
  );
  EXPECT_NE(lines(validate(*schema, yaml("{n: many}"))), "");
  EXPECT_NE(lines(validate(*schema, yaml("{e: 1}"))), "");
  EXPECT_NE(lines(validate(*schema, yaml("{d: soon}"))), "");
}

TEST(Validator, ChecksWhatMayStandBesideWhat) {
  const auto schema = schema_of(
      "{type: object, x-reeve-exactly-one-of: [a, b], properties: {a: {type: string}, "
      "b: {type: string, x-reeve-alone: true}, c: {type: string}}}"
  );
  EXPECT_EQ(lines(validate(*schema, yaml("{a: x, c: x}"))), "");
  EXPECT_EQ(
      lines(validate(*schema, yaml("{c: x}"))),
      "FieldValueRequired a: Required value: exactly one of a, b must be given"
  );
  EXPECT_NE(
      lines(validate(*schema, yaml("{a: x, b: x}"))).find("FieldValueForbidden b"),
      std::string::npos
  );
  EXPECT_EQ(
      lines(validate(*schema, yaml("{b: x, c: x}"))),
      "FieldValueForbidden b: Forbidden: no other field may be given beside it"
  );
}

TEST(Validator, StopsAtItsLimits) {
  const auto schema = with_spec("{a: {type: array, items: {type: string}}}");
  Json list = Json::array();
  for (int i = 0; i < 200; ++i) {
    list.push(i);
  }
  const Json object = Json::object().set("spec", Json::object().set("a", list));
  EXPECT_EQ(validate(*schema, object).size(), 50U);
  EXPECT_EQ(validate(*schema, object, "", {.causes_max = 3}).size(), 3U);
  const auto large = validate(*schema, object, "", {.values_max = 2});
  ASSERT_EQ(large.size(), 1U);
  EXPECT_EQ(large[0].reason, "FieldValueForbidden");
  EXPECT_EQ(validate(*schema, object, "", {.depth_max = 1}).size(), 1U);
}

TEST(Validator, QuotesNoMoreThanAPieceOfAValue) {
  const std::string text(100'000, 'x');
  const std::string message = refusal("{a: {type: string, enum: [y]}}", concat("{a: ", text, "}"));
  EXPECT_LT(message.size(), 400U);
}

// --- unknown fields -----------------------------------------------------------------------------

constexpr std::string_view kTools =
    "{tool: {type: string}, tasks: {type: array, items: {type: object, properties: "
    "{name: {type: string}}}}, labels: {type: object, additionalProperties: {type: string}}, "
    "free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: "
    "{known: {type: object, properties: {a: {type: string}}}}}}";

constexpr std::string_view kTooMuch =
    "{spec: {tooool: 1, tasks: [{name: a}, {nam: b}], labels: {x: y}, free: {other: 1, "
    "known: {a: x, b: y}}}, extra: 1}";

TEST(UnknownFields, AreNamedByTheirPaths) {
  const auto schema = with_spec(kTools);
  const std::vector<std::string> expected = {
      "spec.tooool", "spec.tasks[1].nam", "spec.free.known.b", "extra"};
  EXPECT_EQ(unknown_fields(*schema, yaml(kTooMuch)), expected);
  EXPECT_EQ(
      strict_decoding_error({"spec.tooool", "x"}),
      "strict decoding error: unknown field \"spec.tooool\", unknown field \"x\""
  );
  EXPECT_EQ(strict_decoding_error({}), "");
}

TEST(UnknownFields, ArePruned) {
  const auto schema = with_spec(kTools);
  Json object = yaml(kTooMuch);
  EXPECT_EQ(prune(*schema, object).size(), 4U);
  EXPECT_EQ(
      object,
      yaml("{spec: {tasks: [{name: a}, {}], labels: {x: y}, free: {other: 1, known: {a: x}}}}")
  );
  EXPECT_TRUE(unknown_fields(*schema, object).empty());
}

TEST(UnknownFields, AreAllPrunedHoweverManyAreNamed) {
  const auto schema = with_spec(kTools);
  Json object = Json::object();
  for (int i = 0; i < 200; ++i) {
    object.set(concat("f", i), i);
  }
  EXPECT_EQ(unknown_fields(*schema, object).size(), kUnknownFieldsMax);
  EXPECT_EQ(prune(*schema, object).size(), kUnknownFieldsMax);
  EXPECT_TRUE(object.as_object().empty());
}

// --- defaults, secrets, changes -----------------------------------------------------------------

TEST(Defaults, ArePutInWhereMembersAreAbsentOrNull) {
  const auto schema = with_spec(
      "{a: {type: integer, default: 1}, b: {type: string, default: x}, c: {type: object, "
      "properties: {d: {type: integer, default: 2}}}, e: {type: array, items: {type: object, "
      "properties: {f: {type: integer, default: 3}}}}, n: {type: string, nullable: true, default: "
      "y}}"
  );
  Json object = yaml("{spec: {a: null, c: {}, e: [{}, {f: 4}], n: null}}");
  apply_defaults(*schema, object);
  EXPECT_EQ(object, yaml("{spec: {a: 1, c: {d: 2}, e: [{f: 3}, {f: 4}], n: null, b: x}}"))
      << object.dump();
  Json again = object;
  apply_defaults(*schema, again);
  EXPECT_EQ(again, object);
  Json empty = Json::object();
  apply_defaults(*schema, empty);
  EXPECT_EQ(empty, Json::object());
}

TEST(Defaults, ThatAreOnlyDocumentedAreNotPutIn) {
  const auto schema = schema_of(
      "{type: object, x-reeve-documented-defaults: true, properties: {a: {type: integer, default: "
      "1}}}"
  );
  Json object = Json::object();
  apply_defaults(*schema, object);
  EXPECT_EQ(object, Json::object());
}

TEST(WriteOnly, MembersAreHidden) {
  const auto schema = with_spec(
      "{value: {type: string, writeOnly: true}, list: {type: array, items: {type: object, "
      "properties: {key: {type: string, writeOnly: true}, name: {type: string}}}}}"
  );
  Json object = yaml("{spec: {value: s3, list: [{key: s3, name: a}]}}");
  hide_write_only(*schema, object);
  EXPECT_EQ(object, yaml("{spec: {list: [{name: a}]}}"));
}

TEST(Updates, MayNotChangeWhatIsImmutable) {
  const auto schema = with_spec(
      "{fixed: {type: object, x-reeve-immutable: true, properties: {a: {type: string}}}, "
      "free: {type: string}, rows: {type: array, x-kubernetes-list-type: map, "
      "x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: "
      "{k: {type: string}, v: {type: string, x-reeve-immutable: true}}}}}"
  );
  const auto change = [&](std::string_view before, std::string_view after) {
    return lines(validate_update(*schema, yaml(before), yaml(after)));
  };
  EXPECT_EQ(change("{spec: {fixed: {a: x}}}", "{spec: {fixed: {a: x}, free: y}}"), "");
  EXPECT_EQ(
      change("{spec: {fixed: {a: x}}}", "{spec: {fixed: {a: y}}}"),
      "FieldValueInvalid spec.fixed: Invalid value: {\"a\":\"y\"}: field is immutable"
  );
  EXPECT_NE(change("{spec: {fixed: {a: x}}}", "{spec: {}}"), "");
  EXPECT_NE(change("{spec: {fixed: {a: x}}}", "{}"), "");
  EXPECT_NE(change("{spec: {}}", "{spec: {fixed: {a: x}}}"), "");
  EXPECT_EQ(
      change("{spec: {rows: [{k: a, v: x}, {k: b}]}}", "{spec: {rows: [{k: c}, {k: a, v: y}]}}"),
      "FieldValueInvalid spec.rows[1].v: Invalid value: \"y\": field is immutable"
  );
}

// --- what server-side apply asks ----------------------------------------------------------------

TEST(ListTypes, AreFoundByPath) {
  const auto schema = schema_of(
      "{type: object, properties: {status: {type: object, properties: {conditions: {type: array, "
      "x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: {type: object, "
      "required: [type], properties: {type: {type: string}, tags: {type: array, "
      "x-kubernetes-list-type: set, items: {type: string}}}}}}}, spec: {type: object, "
      "x-kubernetes-map-type: atomic}}}"
  );
  const std::vector<std::string> conditions = {"status", "conditions"};
  const Merge map = list_type(*schema, conditions);
  EXPECT_EQ(map.list_type, ListType::Map);
  ASSERT_EQ(map.keys.size(), 1U);
  EXPECT_EQ(map.keys[0], "type");
  const std::vector<std::string> tags = {"status", "conditions", "tags"};
  EXPECT_EQ(list_type(*schema, tags).list_type, ListType::Set);
  const std::vector<std::string> spec = {"spec"};
  EXPECT_TRUE(list_type(*schema, spec).map_atomic);
  const std::vector<std::string> nothing = {"status", "nothing", "at", "all"};
  EXPECT_EQ(list_type(*schema, nothing).list_type, ListType::Atomic);
  EXPECT_EQ(schema_at(*schema, nothing), nullptr);
}

TEST(Schemas, ThatAreNotStructuralAreRefused) {
  for (const char* text :
       {"{type: array, x-kubernetes-list-type: map, items: {type: object}}",
        "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: "
        "{type: object, properties: {a: {type: string}}}}",
        "{type: array, x-kubernetes-list-type: set, items: {type: object}}",
        "{type: array, x-kubernetes-list-map-keys: [a], items: {type: string}}",
        "{oneOf: [{type: string}, {type: string}]}",
        "{type: string, oneOf: [{type: string}]}",
        "{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
        "{type: string, minLength: -1}",
        "{type: string, nullable: 1}",
        "{type: string, enum: []}",
        "{type: string, format: colour}",
        "{type: string, properties: {a: {type: string}}}"}) {
    EXPECT_EQ(read_schema(yaml(text)).error().code, ErrorCode::Invalid) << text;
  }
  Json deep = Json::object().set("type", "string");
  for (int i = 0; i < 100; ++i) {
    deep = Json::object().set("type", "array").set("items", deep);
  }
  EXPECT_EQ(read_schema(deep).error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace reeve::resource::schema
