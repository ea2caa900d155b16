#include "resource/schema/gnostic.h"

#include <bit>
#include <cstdint>
#include <string_view>

namespace reeve::resource::schema {

namespace {

/// Writes fields of a protobuf message (protobuf.dev/programming-guides/encoding).
class Message {
 public:
  void text(unsigned field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    bytes_.append(value);
  }

  void message(unsigned field, const Message& value) { text(field, value.bytes_); }

  void whole(unsigned field, std::int64_t value) {
    tag(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }

  void flag(unsigned field, bool value) {
    if (value) {
      whole(field, 1);
    }
  }

  void real(unsigned field, double value) {
    tag(field, 1);
    auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i) {
      bytes_.push_back(static_cast<char>(bits & 0xFFU));
      bits >>= 8U;
    }
  }

  /// A text member of `json`, if it is there.
  void member(unsigned field, const Json& json, std::string_view name) {
    if (const Json* value = json.find(name); value != nullptr && value->is_string()) {
      text(field, value->as_string());
    }
  }

  void flag_member(unsigned field, const Json& json, std::string_view name) {
    flag(field, json.get_bool(name));
  }

  void whole_member(unsigned field, const Json& json, std::string_view name) {
    if (const Json* value = json.find(name); value != nullptr && value->is_int()) {
      whole(field, value->as_int());
    }
  }

  void real_member(unsigned field, const Json& json, std::string_view name) {
    if (const Json* value = json.find(name); value != nullptr && value->is_number()) {
      real(field, value->as_double());
    }
  }

  void texts_member(unsigned field, const Json& json, std::string_view name) {
    if (const Json* value = json.find(name); value != nullptr && value->is_array()) {
      for (const Json& item : value->as_array()) {
        text(field, item.as_string());
      }
    }
  }

  /// Repeated `Named…{name = 1, value = 2}`.
  void named(unsigned field, std::string_view name, const Message& value) {
    Message entry;
    entry.text(1, name);
    entry.message(2, value);
    message(field, entry);
  }

  std::string take() { return std::move(bytes_); }

 private:
  void tag(unsigned field, unsigned wire_type) { varint((std::uint64_t{field} << 3U) | wire_type); }

  void varint(std::uint64_t value) {
    while (value >= 0x80U) {
      bytes_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
      value >>= 7U;
    }
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

/// Any{yaml = 2}: JSON is YAML.
Message any(const Json& value) {
  Message out;
  out.text(2, value.dump());
  return out;
}

void add_extensions(Message& out, unsigned field, const Json& json) {
  for (const auto& [name, value] : json.as_object()) {
    if (name.starts_with("x-")) {
      out.named(field, name, any(value));
    }
  }
}

Message encode_schema(const Json& json);

void add_limits(Message& out, const Json& json) {
  out.real_member(7, json, "maximum");
  out.flag_member(8, json, "exclusiveMaximum");
  out.real_member(9, json, "minimum");
  out.flag_member(10, json, "exclusiveMinimum");
  out.whole_member(11, json, "maxLength");
  out.whole_member(12, json, "minLength");
  out.member(13, json, "pattern");
  out.whole_member(14, json, "maxItems");
  out.whole_member(15, json, "minItems");
  out.whole_member(17, json, "maxProperties");
  out.whole_member(18, json, "minProperties");
}

void add_members(Message& out, const Json& json) {
  if (const Json* additional = json.find("additionalProperties")) {
    Message item;
    item.message(1, encode_schema(*additional));
    out.message(21, item);
  }
  if (const Json* type = json.find("type")) {
    Message item;
    item.text(1, type->as_string());
    out.message(22, item);
  }
  if (const Json* items = json.find("items")) {
    Message item;
    item.message(1, encode_schema(*items));
    out.message(23, item);
  }
  if (const Json* properties = json.find("properties")) {
    Message members;
    for (const auto& [name, property] : properties->as_object()) {
      members.named(1, name, encode_schema(property));
    }
    out.message(25, members);
  }
}

Message encode_schema(const Json& json) {
  Message out;
  out.member(1, json, "$ref");
  out.member(2, json, "format");
  out.member(3, json, "title");
  out.member(4, json, "description");
  if (const Json* value = json.find("default")) {
    out.message(5, any(*value));
  }
  add_limits(out, json);
  out.texts_member(19, json, "required");
  if (const Json* choices = json.find("enum")) {
    for (const Json& choice : choices->as_array()) {
      out.message(20, any(choice));
    }
  }
  add_members(out, json);
  add_extensions(out, 31, json);
  return out;
}

/// ParametersItem{parameter = 1{body_parameter = 1, non_body_parameter = 2{query = 3, path = 4}}}
Message encode_parameter(const Json& json) {
  const std::string in = json.get_string("in");
  Message parameter;
  if (in == "body") {
    Message body;
    body.member(1, json, "description");
    body.member(2, json, "name");
    body.text(3, in);
    body.flag_member(4, json, "required");
    body.message(5, encode_schema(*json.find("schema")));
    parameter.message(1, body);
  } else {
    const bool query = in == "query";
    Message inner;
    inner.flag_member(1, json, "required");
    inner.text(2, in);
    inner.member(3, json, "description");
    inner.member(4, json, "name");
    inner.member(query ? 6 : 5, json, "type");
    inner.flag_member(query ? 20 : 19, json, "uniqueItems");
    Message plain;
    plain.message(query ? 3 : 4, inner);
    parameter.message(2, plain);
  }
  Message item;
  item.message(1, parameter);
  return item;
}

/// Responses{response_code = 1 {name = 1, value = 2: ResponseValue{response = 1}}}
Message encode_responses(const Json& json) {
  Message out;
  for (const auto& [code, response] : json.as_object()) {
    Message inner;
    inner.member(1, response, "description");
    if (const Json* schema = response.find("schema")) {
      Message item;
      item.message(1, encode_schema(*schema));
      inner.message(2, item);
    }
    Message value;
    value.message(1, inner);
    out.named(1, code, value);
  }
  return out;
}

void add_parameters(Message& out, unsigned field, const Json& json) {
  if (const Json* parameters = json.find("parameters")) {
    for (const Json& parameter : parameters->as_array()) {
      out.message(field, encode_parameter(parameter));
    }
  }
}

Message encode_operation(const Json& json) {
  Message out;
  out.member(3, json, "description");
  out.member(5, json, "operationId");
  out.texts_member(6, json, "produces");
  out.texts_member(7, json, "consumes");
  add_parameters(out, 8, json);
  out.message(9, encode_responses(*json.find("responses")));
  add_extensions(out, 13, json);
  return out;
}

Message encode_path(const Json& json) {
  constexpr std::pair<std::string_view, unsigned> kMethods[] = {
      {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
  Message out;
  for (const auto& [method, field] : kMethods) {
    if (const Json* operation = json.find(method)) {
      out.message(field, encode_operation(*operation));
    }
  }
  add_parameters(out, 9, json);
  return out;
}

}  // namespace

std::string encode_gnostic(const Json& document) {
  Message out;
  out.member(1, document, "swagger");
  Message info;
  info.member(1, *document.find("info"), "title");
  info.member(2, *document.find("info"), "version");
  out.message(2, info);
  Message paths;
  for (const auto& [path, item] : document.find("paths")->as_object()) {
    paths.named(2, path, encode_path(item));
  }
  out.message(8, paths);
  Message definitions;
  for (const auto& [name, schema] : document.find("definitions")->as_object()) {
    definitions.named(1, name, encode_schema(schema));
  }
  out.message(9, definitions);
  return out.take();
}

}  // namespace reeve::resource::schema
