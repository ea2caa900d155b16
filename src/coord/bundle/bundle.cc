#include "coord/bundle/bundle.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "coord/bundle/shape.h"

namespace reeve::bundle {

namespace {

/// Deeper than any valid bundle, so that depth alone is never the fault that is reported.
constexpr int kDepthMax = 16;
/// Of a name that nobody knows, in a message.
constexpr std::size_t kShownBytesMax = 60;

std::string shown(std::string_view name) {
  return std::string(name.substr(0, kShownBytesMax));
}

std::string names_of(std::span<const Part> parts) {
  std::string names;
  for (const Part& part : parts) {
    names += names.empty() ? "" : ", ";
    names += part.name;
  }
  return names;
}

/// Looks at a whole bundle and notes everything that is wrong with it.
class Check {
 public:
  explicit Check(std::vector<Fault>& faults) : faults_(faults) {}

  void record(const Json& json, std::span<const Part> parts, const std::string& path) {
    if (!json.is_object()) {
      fault(path, "must be an object");
      return;
    }
    const std::string prefix = path.empty() ? std::string() : path + ".";
    for (const auto& [name, value] : json.as_object()) {
      const auto* part = std::find_if(
          parts.data(), parts.data() + parts.size(), [&](const Part& p) { return p.name == name; }
      );
      if (part == parts.data() + parts.size()) {
        fault(
            prefix + shown(name),
            concat(
                path.empty() ? "no such section; there are " : "no such member; there are ",
                names_of(parts)
            )
        );
        continue;
      }
      member(value, *part, prefix + name);
    }
    for (const Part& part : parts) {
      if (part.required && json.find(part.name) == nullptr) {
        fault(prefix + std::string(part.name), "is missing");
      }
    }
  }

 private:
  void member(const Json& value, const Part& part, const std::string& path) {
    switch (part.form) {
      case Form::Text:
        text(value, part.required, path);
        return;
      case Form::Record:
        record(value, part.members, path);
        return;
      case Form::Texts:
      case Form::Records:
        list(value, part, path);
        return;
    }
  }

  void list(const Json& value, const Part& part, const std::string& path) {
    if (!value.is_array()) {
      fault(path, "must be a list");
      return;
    }
    if (part.required && value.as_array().empty()) {
      fault(path, "must not be empty");
    }
    for (std::size_t i = 0; i < value.as_array().size(); ++i) {
      const Json& item = value.as_array()[i];
      const std::string place = concat(path, "[", i, "]");
      if (part.form == Form::Texts) {
        text(item, true, place);
      } else {
        record(item, part.members, place);
      }
    }
  }

  void text(const Json& value, bool filled, const std::string& path) {
    if (!value.is_string()) {
      fault(path, "must be a text");
    } else if (filled && trim(value.as_string()).empty()) {
      fault(path, "must not be empty");
    }
  }

  void fault(std::string field, std::string message) {
    if (faults_.size() < kFaultsMax) {
      faults_.push_back({std::move(field), std::move(message)});
    }
  }

  std::vector<Fault>& faults_;
};

/// "key_files" as words.
std::string words(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string heading(std::string_view name) {
  std::string text = words(name);
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return concat("## ", text, "\n");
}

std::string joined(const Json::Array& texts) {
  std::string line;
  for (const Json& text : texts) {
    line += line.empty() ? "" : "; ";
    line += text.as_string();
  }
  return line;
}

/// An object of a list: its first member is the item, the others stand below it.
void render_item(const Json& item, std::span<const Part> parts, std::string& out) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Json* value = item.find(parts[i].name);
    const std::string text = value == nullptr    ? std::string()
                             : value->is_array() ? joined(value->as_array())
                                                 : value->as_string();
    if (i == 0) {
      out += concat("- ", text, "\n");
    } else if (!text.empty()) {
      out += concat("  ", words(parts[i].name), ": ", text, "\n");
    }
  }
}

void render_list(const Json& list, const Part& part, std::string& out) {
  for (const Json& item : list.as_array()) {
    if (part.form == Form::Records) {
      render_item(item, part.members, out);
    } else {
      out += concat("- ", item.as_string(), "\n");
    }
  }
}

void render_record(const Json& record, std::span<const Part> parts, std::string& out) {
  for (const Part& part : parts) {
    const Json* value = record.find(part.name);
    if (value == nullptr) {
      continue;
    }
    if (value->is_string()) {
      out += concat(words(part.name), ": ", value->as_string(), "\n");
    } else if (!value->as_array().empty()) {
      out += concat(words(part.name), ":\n");
      render_list(*value, part, out);
    }
  }
}

}  // namespace

std::string Fault::describe() const {
  return field.empty() ? message : concat(field, ": ", message);
}

std::size_t estimated_tokens(std::string_view text) {
  return (text.size() + kBytesPerToken - 1) / kBytesPerToken;
}

Result<Bundle> Bundle::parse(std::string_view text, std::vector<Fault>& faults) {
  faults.clear();
  auto json = parse_json(text, {.depth_max = kDepthMax, .size_bytes_max = kSourceBytesMax});
  if (!json.ok()) {
    faults.push_back({{}, concat("is no JSON object: ", json.error().message)});
  } else {
    Check(faults).record(*json, sections(), {});
    const std::size_t tokens = estimated_tokens(json->dump());
    if (tokens > kTokensMax && faults.size() < kFaultsMax) {
      faults.push_back(
          {{}, concat("is estimated at ", tokens, " tokens; at most ", kTokensMax, " are allowed")}
      );
    }
  }
  if (!faults.empty()) {
    return make_error(
        ErrorCode::Invalid,
        concat("the bundle is refused: ", faults.front().describe()),
        faults.front().field
    );
  }
  return Bundle(std::move(*json));
}

std::size_t Bundle::tokens() const {
  return estimated_tokens(text());
}

std::string Bundle::render() const {
  std::string out;
  for (const Part& section : sections()) {
    const Json* value = json_.find(section.name);
    if (value == nullptr) {
      continue;
    }
    std::string body;
    if (section.form == Form::Record) {
      render_record(*value, section.members, body);
    } else {
      render_list(*value, section, body);
    }
    if (!body.empty()) {
      out += concat(out.empty() ? "" : "\n", heading(section.name), body);
    }
  }
  return out;
}

}  // namespace reeve::bundle
