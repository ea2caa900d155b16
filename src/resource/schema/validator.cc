#include "resource/schema/validator.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/strings.h"
#include "base/time.h"
#include "resource/schema/date_time.h"
#include "resource/schema/quoted.h"

namespace reeve::resource::schema {

namespace {

constexpr std::string_view kTemplate = "{{";

std::string_view type_of(const Json& value) {
  switch (value.type()) {
    case Json::Type::Null:
      return "null";
    case Json::Type::Bool:
      return "boolean";
    case Json::Type::Int:
      return "integer";
    case Json::Type::Double:
      return "number";
    case Json::Type::String:
      return "string";
    case Json::Type::Array:
      return "array";
    case Json::Type::Object:
      return "object";
  }
  return "";
}

/// A limit as Go prints it: whole numbers without a fraction.
std::string number_text(double number) {
  if (std::abs(number) < 1e15 && number == std::floor(number)) {
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return Json(number).dump();
}

bool has_template(const Json& value) {
  return value.is_string() && value.as_string().find(kTemplate) != std::string::npos;
}

/// Whether `value` may stand where `schema` is, as far as its type goes.
bool has_type(const Schema& schema, const Json& value) {
  switch (schema.type) {
    case Type::Any:
      return !schema.int_or_string || value.is_int() || value.is_string();
    case Type::Object:
      return value.is_object();
    case Type::Array:
      return value.is_array();
    case Type::String:
      return value.is_string() ||
             (schema.templated && schema.enumeration.empty() && !schema.pattern &&
              schema.format == Format::None && (value.is_number() || value.is_bool()));
    case Type::Integer:
      return value.is_int() || (schema.templated && has_template(value));
    case Type::Number:
      return value.is_number() || (schema.templated && has_template(value));
    case Type::Boolean:
      return value.is_bool() || (schema.templated && has_template(value));
  }
  return false;
}

/// The alternative for `value`, or the schema itself; null: there is none.
const Schema* choice_for(const Schema& schema, const Json& value) {
  if (schema.one_of.empty()) {
    return &schema;
  }
  const Schema* loose = nullptr;
  for (const auto& choice : schema.one_of) {
    if (to_string(choice->type) == type_of(value)) {
      return choice.get();
    }
    if (loose == nullptr && has_type(*choice, value)) {
      loose = choice.get();
    }
  }
  return loose;
}

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return false;
  }
  const std::size_t end = text.ends_with("==")  ? text.size() - 2
                          : text.ends_with("=") ? text.size() - 1
                                                : text.size();
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

std::string_view to_string(Format format) {
  switch (format) {
    case Format::None:
      return "";
    case Format::DateTime:
      return "date-time";
    case Format::Duration:
      return "duration";
    case Format::Byte:
      return "byte";
  }
  return "";
}

bool has_format(const Schema& schema, const std::string& text) {
  switch (schema.format) {
    case Format::None:
      return true;
    case Format::DateTime:
      return is_date_time(text);
    case Format::Duration:
      return parse_duration(text).ok() ||
             (schema.templated && text.find(kTemplate) != std::string::npos);
    case Format::Byte:
      return is_base64(text);
  }
  return false;
}

/// Characters of UTF-8 text.
std::uint64_t length_of(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string below(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : concat(path, ".", name);
}

class Validation {
 public:
  explicit Validation(const ValidationLimits& limits) : limits_(limits) {}

  void check(const Schema& declared, const Json& value, const std::string& path, int depth) {
    if (full()) {
      return;
    }
    if (depth > limits_.depth_max || ++values_ > limits_.values_max) {
      add("FieldValueForbidden", path, "Forbidden: the object is too large or too deeply nested");
      exhausted_ = true;
      return;
    }
    if (value.is_null() && declared.nullable) {
      return;
    }
    const Schema* schema = choice_for(declared, value);
    if (schema == nullptr || !has_type(*schema, value)) {
      add_type(declared, value, path);
      return;
    }
    check_enumeration(*schema, value, path);
    if (value.is_object()) {
      check_object(*schema, value, path, depth);
    } else if (value.is_array()) {
      check_array(*schema, value, path, depth);
    } else if (value.is_string()) {
      check_text(*schema, value, path);
    } else if (value.is_number()) {
      check_number(*schema, value, path);
    }
  }

  std::vector<Cause> take() { return std::move(causes_); }

 private:
  bool full() const { return exhausted_ || causes_.size() >= limits_.causes_max; }

  void add(std::string_view reason, const std::string& path, std::string message) {
    if (!full()) {
      causes_.push_back({std::string(reason), std::move(message), path});
    }
  }

  /// `should`: "should be at least 1 chars long".
  void add_invalid(const std::string& path, const std::string& value, std::string_view should) {
    add("FieldValueInvalid", path, concat("Invalid value: ", value, ": ", path, " in body ", should)
    );
  }

  void add_type(const Schema& schema, const Json& value, const std::string& path) {
    std::string wanted(to_string(schema.type));
    if (schema.int_or_string) {
      wanted = "integer,string";
    }
    for (const auto& choice : schema.one_of) {
      wanted += concat(wanted.empty() ? "" : ",", to_string(choice->type));
    }
    const std::string found = concat("\"", type_of(value), "\"");
    add_invalid(path, found, concat("must be of type ", wanted, ": ", found));
  }

  void check_enumeration(const Schema& schema, const Json& value, const std::string& path) {
    const std::vector<Json>& choices = schema.enumeration;
    if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) {
      return;
    }
    std::vector<std::string> known;
    known.reserve(choices.size());
    for (const Json& choice : choices) {
      known.push_back(choice.is_string() ? concat("\"", choice.as_string(), "\"") : choice.dump());
    }
    add("FieldValueNotSupported",
        path,
        concat("Unsupported value: ", quoted(value), ": supported values: ", join(known, ", ")));
  }

  void check_text(const Schema& schema, const Json& value, const std::string& path) {
    const std::string& text = value.as_string();
    if (schema.type != Type::String && schema.type != Type::Any) {
      return;
    }
    const std::uint64_t length = length_of(text);
    if (schema.max_length && length > *schema.max_length) {
      add("FieldValueTooLong",
          path,
          concat("Too long: may not be more than ", *schema.max_length, " bytes"));
      return;
    }
    if (schema.min_length && length < *schema.min_length) {
      add_invalid(
          path, quoted(value), concat("should be at least ", *schema.min_length, " chars long")
      );
    } else if (schema.pattern && !schema.pattern->matches(text)) {
      add_invalid(path, quoted(value), concat("should match '", schema.pattern->text(), "'"));
    } else if (!has_format(schema, text)) {
      add_invalid(
          path,
          quoted(value),
          concat("must be of type ", to_string(schema.format), ": ", quoted(value))
      );
    }
  }

  void check_number(const Schema& schema, const Json& value, const std::string& path) {
    const double number = value.as_double();
    if (schema.minimum &&
        (schema.exclusive_minimum ? number <= *schema.minimum : number < *schema.minimum)) {
      add_invalid(
          path,
          quoted(value),
          concat(
              "should be greater than ",
              schema.exclusive_minimum ? "" : "or equal to ",
              number_text(*schema.minimum)
          )
      );
    }
    if (schema.maximum &&
        (schema.exclusive_maximum ? number >= *schema.maximum : number > *schema.maximum)) {
      add_invalid(
          path,
          quoted(value),
          concat(
              "should be less than ",
              schema.exclusive_maximum ? "" : "or equal to ",
              number_text(*schema.maximum)
          )
      );
    }
  }

  void check_object(const Schema& schema, const Json& value, const std::string& path, int depth) {
    const std::uint64_t count = value.as_object().size();
    if (schema.max_properties && count > *schema.max_properties) {
      add("FieldValueTooMany",
          path,
          concat("Too many: ", count, ": must have at most ", *schema.max_properties, " items"));
      return;
    }
    if (schema.min_properties && count < *schema.min_properties) {
      add_invalid(
          path,
          std::to_string(count),
          concat("should have at least ", *schema.min_properties, " properties")
      );
    }
    for (const std::string& name : schema.required) {
      if (value.find(name) == nullptr) {
        add("FieldValueRequired", below(path, name), "Required value");
      }
    }
    check_company(schema, value, path);
    for (const auto& [name, member] : value.as_object()) {
      if (const Schema* declared = schema.member(name)) {
        check(*declared, member, below(path, name), depth + 1);
      }
    }
  }

  /// What may stand beside what.
  void check_company(const Schema& schema, const Json& value, const std::string& path) {
    if (!schema.exactly_one_of.empty()) {
      std::vector<std::string> found;
      for (const std::string& name : schema.exactly_one_of) {
        if (value.find(name) != nullptr) {
          found.push_back(name);
        }
      }
      const std::string names = join(schema.exactly_one_of, ", ");
      if (found.empty()) {
        add("FieldValueRequired",
            below(path, schema.exactly_one_of.front()),
            concat("Required value: exactly one of ", names, " must be given"));
      }
      for (std::size_t i = 1; i < found.size(); ++i) {
        add("FieldValueForbidden",
            below(path, found[i]),
            concat("Forbidden: exactly one of ", names, " may be given"));
      }
    }
    for (const auto& [name, property] : schema.properties) {
      if (property->alone && value.as_object().size() > 1 && value.find(name) != nullptr) {
        add("FieldValueForbidden",
            below(path, name),
            "Forbidden: no other field may be given beside it");
      }
    }
  }

  void check_array(const Schema& schema, const Json& value, const std::string& path, int depth) {
    const Json::Array& items = value.as_array();
    const std::uint64_t count = items.size();
    if (schema.max_items && count > *schema.max_items) {
      add("FieldValueTooMany",
          path,
          concat("Too many: ", count, ": must have at most ", *schema.max_items, " items"));
      return;
    }
    if (schema.min_items && count < *schema.min_items) {
      add_invalid(
          path, std::to_string(count), concat("should have at least ", *schema.min_items, " items")
      );
    }
    if (!schema.items) {
      return;
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < items.size() && !full(); ++i) {
      const std::string inner = concat(path, "[", i, "]");
      check(*schema.items, items[i], inner, depth + 1);
      const Json identity = identity_of(schema, items[i]);
      if (!identity.is_null() && !seen.insert(identity.dump()).second) {
        add("FieldValueDuplicate", inner, concat("Duplicate value: ", quoted(identity)));
      }
    }
  }

  /// What an item of a set or a map may not have in common with another one; null: nothing.
  static Json identity_of(const Schema& schema, const Json& item) {
    if (schema.list_type == ListType::Set) {
      return item;
    }
    if (schema.list_type != ListType::Map || !item.is_object()) {
      return {};
    }
    Json keys = Json::object();
    for (const std::string& key : schema.list_map_keys) {
      const Json* value = item.find(key);
      const Schema* declared = schema.items->member(key);
      if (value == nullptr && declared != nullptr && declared->default_value) {
        value = &*declared->default_value;
      }
      if (value == nullptr) {
        return {};
      }
      keys.set(key, *value);
    }
    return keys;
  }

  ValidationLimits limits_;
  std::vector<Cause> causes_;
  std::size_t values_ = 0;
  bool exhausted_ = false;
};

}  // namespace

std::vector<Cause> validate(
    const Schema& schema, const Json& value, std::string_view path, const ValidationLimits& limits
) {
  Validation validation(limits);
  validation.check(schema, value, std::string(path), 0);
  return validation.take();
}

}  // namespace reeve::resource::schema
