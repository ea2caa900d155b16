#include "configuration/configuration.h"

#include <algorithm>

#include "base/assert.h"
#include "base/strings.h"
#include "configuration/values.h"

namespace reeve::configuration {

std::string Origin::text() const {
  if (layer == Layer::Default) {
    return "default";
  }
  return layer == Layer::File ? concat(name, ':', line) : name;
}

Configuration::Configuration() {
  for (const Setting& setting : settings()) {
    auto value = parse_value(setting, setting.fallback);
    REEVE_ASSERT(value.ok());
    entries_.push_back({.value = std::move(value).value(), .origin = {}});
  }
}

const Configuration::Entry& Configuration::entry(std::string_view key) const {
  const Setting* setting = find_setting(key);
  REEVE_ASSERT(setting != nullptr);
  return entries_[index_of(*setting)];
}

const std::string& Configuration::text(std::string_view key) const {
  const auto* value = std::get_if<std::string>(&entry(key).value);
  REEVE_ASSERT(value != nullptr);
  return *value;
}

bool Configuration::flag(std::string_view key) const {
  const auto* value = std::get_if<bool>(&entry(key).value);
  REEVE_ASSERT(value != nullptr);
  return *value;
}

std::int64_t Configuration::number(std::string_view key) const {
  const auto* value = std::get_if<std::int64_t>(&entry(key).value);
  REEVE_ASSERT(value != nullptr && find_setting(key)->type != Type::Duration);
  return *value;
}

double Configuration::ratio(std::string_view key) const {
  const auto* value = std::get_if<double>(&entry(key).value);
  REEVE_ASSERT(value != nullptr);
  return *value;
}

Duration Configuration::duration(std::string_view key) const {
  const auto* value = std::get_if<std::int64_t>(&entry(key).value);
  REEVE_ASSERT(value != nullptr && find_setting(key)->type == Type::Duration);
  return Duration(*value);
}

const std::vector<std::string>& Configuration::list(std::string_view key) const {
  const auto* value = std::get_if<std::vector<std::string>>(&entry(key).value);
  REEVE_ASSERT(value != nullptr);
  return *value;
}

const Value& Configuration::value(const Setting& setting) const {
  return entries_[index_of(setting)].value;
}

const Origin& Configuration::origin(const Setting& setting) const {
  return entries_[index_of(setting)].origin;
}

std::string Configuration::written(const Setting& setting) const {
  return write_value(setting, value(setting));
}

std::string Configuration::shown(const Setting& setting) const {
  std::string text = written(setting);
  return setting.secret && !text.empty() ? std::string(kMasked) : text;
}

std::vector<Change> changes(const Configuration& before, const Configuration& after) {
  std::vector<Change> found;
  for (const Setting& setting : settings()) {
    if (before.value(setting) != after.value(setting)) {
      found.push_back(
          {.setting = &setting, .before = before.shown(setting), .after = after.shown(setting)}
      );
    }
  }
  return found;
}

Configuration reloaded(const Configuration& before, const Configuration& after) {
  Configuration mixed = after;
  for (const Setting& setting : settings()) {
    if (!setting.reloadable) {
      mixed.entries_[index_of(setting)] = before.entries_[index_of(setting)];
    }
  }
  return mixed;
}

std::string show_text(const Configuration& configuration) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  constexpr std::size_t kValueWidthMax = 40;
  for (const Setting& setting : settings()) {
    key_width = std::max(key_width, setting.key.size());
    const std::size_t width = configuration.shown(setting).size();
    value_width = std::max(value_width, std::min(width, kValueWidthMax));
  }
  const auto padded = [](std::string_view text, std::size_t width) {
    return concat(text, std::string(width > text.size() ? width - text.size() : 0, ' '));
  };
  std::string out;
  for (const Setting& setting : settings()) {
    const std::string value = configuration.shown(setting);
    out.append(concat(
        padded(setting.key, key_width),
        "  ",
        padded(value.empty() ? "-" : value, value_width),
        "  ",
        configuration.origin(setting).text(),
        '\n'
    ));
  }
  return out;
}

Json show_json(const Configuration& configuration) {
  const auto layer_name = [](Layer layer) -> std::string_view {
    switch (layer) {
      case Layer::Default:
        return "default";
      case Layer::File:
        return "file";
      case Layer::Environment:
        return "environment";
      case Layer::Flag:
        return "flag";
    }
    return "";
  };
  Json list = Json::array();
  for (const Setting& setting : settings()) {
    const Origin& from = configuration.origin(setting);
    Json origin = Json::object();
    origin.set("layer", layer_name(from.layer));
    if (from.layer != Layer::Default) {
      origin.set("name", from.name);
    }
    if (from.layer == Layer::File) {
      origin.set("line", from.line);
    }
    Json entry = Json::object();
    entry.set("key", setting.key);
    entry.set("value", configuration.shown(setting));
    entry.set("origin", std::move(origin));
    entry.set("default", setting.fallback);
    entry.set("reloadable", setting.reloadable);
    entry.set("env", env_name(setting.key));
    list.push(std::move(entry));
  }
  return list;
}

}  // namespace reeve::configuration
