#include <algorithm>

#include "base/strings.h"
#include "cli/object_table.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/server_commands.h"
#include "resource/schema/contract.h"

/// `reeve explain` and `reeve api-resources`: what the contracts say, without a server.
namespace reeve::cli {

namespace {

using resource::schema::Contracts;
using resource::schema::ResourceType;
using resource::schema::Schema;
using resource::schema::Type;

constexpr std::size_t kWidth = 80;

/// `<[]Object>`, `<map[string]string>`, `<integer>`.
std::string type_text(const Schema& schema) {
  if (schema.type == Type::Array) {
    return concat("[]", schema.items == nullptr ? std::string("Object") : type_text(*schema.items));
  }
  if (schema.type == Type::Object && schema.properties.empty() && schema.additional != nullptr) {
    return concat("map[string]", type_text(*schema.additional));
  }
  if (schema.int_or_string) {
    return "IntOrString";
  }
  const std::string_view name = to_string(schema.type);
  return schema.type == Type::Object ? "Object" : name.empty() ? "any" : std::string(name);
}

std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out;
  std::string line = margin;
  for (const std::string_view word : split(text, ' ')) {
    if (line.size() + word.size() + 1 > kWidth && line.size() > indent) {
      out += concat(line, "\n");
      line = margin;
    }
    line += line.size() > indent ? concat(" ", word) : std::string(word);
  }
  return text.empty() ? std::string() : concat(out, line, "\n");
}

/// Where members are looked for: lists are entered.
const Schema& members_of(const Schema& schema) {
  const Schema* at = &schema;
  while (at->type == Type::Array && at->items != nullptr) {
    at = at->items.get();
  }
  return *at;
}

std::string facts_text(const Schema& schema) {
  std::string text;
  if (!schema.enumeration.empty()) {
    std::vector<std::string> values;
    for (const Json& value : schema.enumeration) {
      values.push_back(value.is_string() ? value.as_string() : value.dump());
    }
    text += concat("ENUM: ", join(values, ", "), "\n");
  }
  if (schema.default_value) {
    text += concat("DEFAULT: ", schema.default_value->dump(), "\n");
  }
  if (schema.pattern) {
    text += concat("PATTERN: ", schema.pattern->text(), "\n");
  }
  return text;
}

std::string fields_text(const Schema& schema) {
  const Schema& of = members_of(schema);
  std::vector<std::pair<std::string, const Schema*>> fields;
  for (const auto& [name, member] : of.properties) {
    fields.emplace_back(name, member.get());
  }
  std::sort(fields.begin(), fields.end());
  std::string text;
  for (const auto& [name, member] : fields) {
    const bool required =
        std::find(of.required.begin(), of.required.end(), name) != of.required.end();
    text += concat("  ", name, "\t<", type_text(*member), ">", required ? " -required-" : "", "\n");
    text += concat(wrapped(member->description, 4), "\n");
  }
  return text.empty() ? std::string() : concat("FIELDS:\n", text);
}

Result<std::string> explanation(const std::string& subject) {
  std::vector<std::string_view> parts = split(subject, '.');
  REEVE_TRY(const ResourceType* type, find_type(parts.front()));
  const Schema* schema = type->schema.get();
  std::string path = type->plural;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Schema* member = members_of(*schema).member(parts[i]);
    if (member == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, one] : members_of(*schema).properties) {
        names.push_back(name);
      }
      Error error =
          make_error(ErrorCode::NotFound, concat("there is no field \"", parts[i], "\""), path);
      const std::string near = nearest(parts[i], names);
      error.hint = near.empty() ? concat("reeve explain ", path, " lists them")
                                : concat("did you mean ", near, "?");
      return error;
    }
    schema = member;
    path += concat(".", parts[i]);
  }
  std::string text;
  if (!type->group.empty()) {
    text += concat("GROUP:      ", type->group, "\n");
  }
  text += concat("KIND:       ", type->kind, "\nVERSION:    ", type->version, "\n\n");
  if (parts.size() > 1) {
    text += concat("FIELD: ", parts.back(), " <", type_text(*schema), ">\n\n");
  }
  const std::string& about =
      parts.size() == 1 && !type->description.empty() ? type->description : schema->description;
  text +=
      concat("DESCRIPTION:\n", wrapped(about, 4), facts_text(*schema), "\n", fields_text(*schema));
  return text;
}

Json type_json(const ResourceType& type) {
  Json short_names = Json::array();
  for (const std::string& name : type.short_names) {
    short_names.push(name);
  }
  Json verbs = Json::array();
  for (const std::string& verb : type.verbs) {
    verbs.push(verb);
  }
  Json json = Json::object();
  json.set("name", type.plural).set("shortNames", std::move(short_names));
  json.set("apiVersion", type.api_version()).set("namespaced", type.namespaced);
  json.set("kind", type.kind).set("verbs", std::move(verbs));
  return json;
}

}  // namespace

int explain_type(const Common& /*common*/, const ObjectsArgs& args) {
  const Result<std::string> text = explanation(args.words.front());
  if (!text) {
    return report(text.error());
  }
  print(*text);
  return static_cast<int>(ExitCode::Done);
}

int list_types(const Common& common, const ObjectsArgs& /*args*/) {
  Json columns = Json::array();
  for (const char* name : {"name", "shortnames", "apiversion", "namespaced", "kind", "verbs"}) {
    columns.push(
        Json::object().set("name", name).set("priority", std::string_view(name) == "verbs" ? 1 : 0)
    );
  }
  Json items = Json::array();
  Json::Array rows;
  std::string names;
  for (const ResourceType& type : Contracts::embedded().types()) {
    items.push(type_json(type));
    names += concat(type.plural, type.group.empty() ? "" : ".", type.group, "\n");
    Json cells = Json::array();
    cells.push(type.plural).push(join(type.short_names, ",")).push(type.api_version());
    cells.push(type.namespaced ? "true" : "false").push(type.kind).push(join(type.verbs, ","));
    rows.push_back(Json::object().set("cells", std::move(cells)));
  }
  if (common.output == Output::Json) {
    print(Json::object().set("items", std::move(items)).pretty());
  } else if (common.output == Output::Name) {
    print(names);
  } else {
    print(table_text(columns, rows, {.wide = common.output == Output::Wide}));
  }
  return static_cast<int>(ExitCode::Done);
}

}  // namespace reeve::cli
