#include "workflow/load/fields.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "workflow/load/examples.h"

namespace reeve::workflow {

using document::Node;

namespace {

/// However it is written.
bool is_auto_approval(std::string_view key) {
  std::string word = to_lower(key);
  std::erase_if(word, [](char c) { return c == '_' || c == '-'; });
  return word == "autoapprove" || word == "autoapproval";
}

}  // namespace

Fields::Fields(Decoder& decoder, const Node& node, std::string path)
    : decoder_(decoder), path_(std::move(path)), position_(node.position) {
  if (node.is_map()) {
    map_ = &node;
  } else {
    decoder_.wrong(node, path_, "a map");
  }
}

const Node* Fields::get(std::string_view key) {
  const bool again = std::find(asked_.begin(), asked_.end(), key) != asked_.end();
  if (!again) {
    asked_.emplace_back(key);
  }
  const Node* value = map_ == nullptr ? nullptr : map_->find(key);
  if (value != nullptr && value->is_null() && decoder_.native() && !again) {
    decoder_.problems().error(
        "missing-value",
        value->position,
        path(key),
        concat("\"", key, "\" has no value"),
        "give it one or remove the line"
    );
  }
  return value == nullptr || value->is_null() ? nullptr : value;
}

const document::Member* Fields::meant_as(std::string_view key) const {
  for (const document::Member* member : rest()) {
    const bool renamed =
        decoder_.native() && native_name(member->key.text, {std::string(key)}) == key;
    if (renamed || nearest(member->key.text, {std::string(key)}) == key) {
      return member;
    }
  }
  return nullptr;
}

const Node* Fields::need(std::string_view key, std::string_view example) {
  const Node* value = get(key);
  if (value != nullptr || map_ == nullptr) {
    return value;
  }
  if (example.empty()) {
    example = example_of(path(key), decoder_.native() ? Format::Native : Format::Formicary);
  }
  Missing missing{
      std::string(key),
      example.empty() ? concat("add \"", key, ": …\"") : concat("add \"", example, "\"")};
  const document::Member* written = meant_as(key);
  if (!decoder_.native() && written != nullptr) {
    missing.hint = concat("is \"", written->key.text, "\" meant to be \"", key, "\"?");
  }
  if (!decoder_.native() || (written == nullptr && this->key(key) == nullptr)) {
    report(missing);
  } else if (written != nullptr) {
    // One message for one mistake: the unknown field is an error, and says what is meant.
    excused_.push_back({std::move(missing), &written->key});
  }
  return nullptr;
}

void Fields::report(const Missing& missing) {
  decoder_.problems().error(
      "missing-field", position_, path_, concat("\"", missing.key, "\" is missing"), missing.hint
  );
}

std::string Fields::word(std::string_view key) {
  const Node* node = get(key);
  return node == nullptr ? std::string() : decoder_.literal(*node, path(key)).value_or("");
}

std::string Fields::needed_word(std::string_view key) {
  const Node* node = need(key);
  return node == nullptr ? std::string() : decoder_.literal(*node, path(key)).value_or("");
}

const Node* Fields::key(std::string_view key) const {
  if (map_ != nullptr) {
    for (const document::Member& member : map_->members) {
      if (member.key.text == key) {
        return &member.key;
      }
    }
  }
  return nullptr;
}

std::string Fields::path(std::string_view key) const {
  if (path_.empty() || key.empty()) {
    return path_.empty() ? std::string(key) : path_;
  }
  return concat(path_, ".", key);
}

std::vector<const document::Member*> Fields::rest() const {
  std::vector<const document::Member*> out;
  if (map_ != nullptr) {
    for (const document::Member& member : map_->members) {
      if (std::find(asked_.begin(), asked_.end(), member.key.text) == asked_.end()) {
        out.push_back(&member);
      }
    }
  }
  return out;
}

std::string Fields::nearest_key(std::string_view word) const {
  const std::string_view ours = decoder_.native() ? native_name(word, asked_) : std::string_view();
  return ours.empty() ? nearest(word, asked_) : std::string(ours);
}

void Fields::finish_except(std::span<const std::string_view> handled) {
  for (const auto& [missing, written] : excused_) {
    if (std::find(asked_.begin(), asked_.end(), written->text) != asked_.end()) {
      report(missing);  // it is a field of its own
    }
  }
  for (const document::Member* member : rest()) {
    const std::string& key = member->key.text;
    if (std::find(handled.begin(), handled.end(), key) != handled.end()) {
      continue;
    }
    if (decoder_.native() && is_auto_approval(key)) {
      decoder_.problems().error(
          "auto-approve",
          member->key.position,
          path(key),
          "nothing is ever approved by default: silence is no decision",
          "remove it; \"deadline\" of a gate rejects, \"escalate\" tells somebody"
      );
      continue;
    }
    const std::string near = decoder_.problems().full() ? std::string() : nearest_key(key);
    const std::string hint = unknown_hint(key, near, asked_);
    if (decoder_.native()) {
      decoder_.problems().error(
          "unknown-field",
          member->key.position,
          path(key),
          concat("unknown field \"", key, "\""),
          hint
      );
    } else {
      decoder_.problems().warning(
          "unknown-field",
          member->key.position,
          path(key),
          concat("unknown field \"", key, "\" is ignored"),
          near.empty() ? std::string() : hint
      );
    }
  }
}

}  // namespace reeve::workflow
