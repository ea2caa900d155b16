#include "engine/setting_book.h"

#include <tuple>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

}  // namespace

std::string setting_object(std::string_view workflow, std::string_view name) {
  return workflow.empty() ? std::string(name) : concat(workflow, ":", name);
}

std::pair<std::string, std::string> split_setting_object(std::string_view object) {
  const std::size_t colon = object.rfind(':');
  if (colon == std::string_view::npos) {
    return {std::string(), std::string(object)};
  }
  return {std::string(object.substr(0, colon)), std::string(object.substr(colon + 1))};
}

Result<void> check_setting_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  bool legal = !name.empty() && name.size() <= kSettingNameBytesMax && letter(name.front());
  for (const char c : name) {
    legal = legal && (letter(c) || (c >= '0' && c <= '9'));
  }
  if (!legal) {
    Error error =
        make_error(ErrorCode::Invalid, concat("\"", name, "\" is no name for a setting"), "name");
    error.hint = concat(
        "letters, digits and _ up to ", kSettingNameBytesMax, ", not beginning with a digit"
    );
    return error;
  }
  return {};
}

// --- rows and events ----------------------------------------------------------------------------

void SettingBook::put(Setting setting) {
  const journal::ObjectKey key{
      .kind = journal::Kind::Setting,
      .ns = setting.ns,
      .name = setting_object(setting.workflow, setting.name)};
  workflow::Configuration::Texts& texts = texts_[{setting.ns, setting.workflow}];
  std::size_t& count = counts_[setting.ns];
  count -= texts.erase(setting.name);
  if (!setting.deleted) {
    texts.emplace(setting.name, setting.value);
    ++count;
  }
  objects_.insert_or_assign(key, std::move(setting));
}

Result<void> SettingBook::load(const journal::ObjectKey& key, const Json& row) {
  Fields fields(row, "the row of a setting");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* spec_json = fields.object("spec");
  if (const auto whole = fields.finish();
      !whole || metadata_json == nullptr || spec_json == nullptr) {
    return corrupt("its row is not one of a setting", key.name);
  }
  Setting setting;
  Fields metadata(*metadata_json, "metadata");
  const std::string object = metadata.required_text("name");
  setting.ns = Namespace(metadata.required_text("namespace"));
  setting.uid = Uid(metadata.required_text("uid"));
  setting.created_at = metadata.required_time("creationTimestamp");
  Fields spec(*spec_json, "spec");
  setting.value = spec.text("value");
  setting.updated_at = spec.required_time("updatedAt");
  setting.revision = Revision(static_cast<std::uint64_t>(spec.number("revision", 0, INT64_MAX)));
  setting.deleted = spec.flag("deleted");
  for (const Fields* part : {&metadata, &spec}) {
    if (Result<void> whole = part->finish(); !whole) {
      return corrupt(whole.error().describe(), key.name);
    }
  }
  if (object != key.name || !(setting.ns == key.ns)) {
    return corrupt("its row belongs to another setting", key.name);
  }
  std::tie(setting.workflow, setting.name) = split_setting_object(object);
  put(std::move(setting));
  return {};
}

bool SettingBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Setting& s = objects_.at(key);
  Json metadata = Json::object();
  metadata.set("name", key.name).set("namespace", s.ns.str()).set("uid", s.uid.str());
  metadata.set("creationTimestamp", format_timestamp(s.created_at));
  Json spec = Json::object();
  if (s.deleted) {
    spec.set("deleted", true);
  } else {
    spec.set("value", s.value);
  }
  spec.set("updatedAt", format_timestamp(s.updated_at)).set("revision", s.revision.value());
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "Setting");
  row.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  body += row.dump();
  return !s.deleted;
}

Result<void> SettingBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  const auto found = objects_.find(event.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  Setting next;
  if (exists) {
    next = found->second;
  }
  Fields fields(data, event.type);
  if (event.type == "setting.set") {
    next.value = fields.text("value");
    if (!exists) {
      std::tie(next.workflow, next.name) = split_setting_object(event.object.name);
      next.ns = event.object.ns;
      next.uid = event.uid;
      next.created_at = event.at;
    }
  } else if (event.type == "setting.unset" && exists) {
    next.deleted = true;
    next.value.clear();
  } else {
    return corrupt(concat("the event ", event.type, " does not fit"), event.object.name);
  }
  if (Result<void> whole = fields.finish(); !whole) {
    return corrupt(whole.error().describe(), event.object.name);
  }
  next.updated_at = event.at;
  next.revision = event.revision;
  put(std::move(next));
  return {};
}

void SettingBook::configure(
    const Namespace& ns, std::string_view workflow, workflow::Configuration& configuration
) const {
  const auto shared = texts_.find({ns, std::string()});
  configuration.shared = shared == texts_.end() ? nullptr : &shared->second;
  const auto own = texts_.find({ns, std::string(workflow)});
  configuration.own = own == texts_.end() || workflow.empty() ? nullptr : &own->second;
}

// --- commands -----------------------------------------------------------------------------------

Result<Reply> SettingBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(refuse_runs(turn.actor(), "settings"));
  const auto [workflow, name] = split_setting_object(command.object.name);
  REEVE_CHECK(check_setting_name(name));
  const auto found = objects_.find(command.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  Fields fields(command.body, command.verb);
  if (command.verb == "unset") {
    REEVE_CHECK(fields.finish());
    if (!exists) {
      Error error =
          make_error(ErrorCode::NotFound, concat("\"", name, "\" is not set"), command.object.name);
      error.hint = "reeve config list shows what is";
      return error;
    }
    REEVE_CHECK(turn.emit(command.object, "setting.unset", Json::object()));
    return turn.reply(command.object);
  }
  if (command.verb != "set") {
    return make_error(
        ErrorCode::Invalid, concat("settings have no command \"", command.verb, "\""), "verb"
    );
  }
  const std::string value = fields.text("value");
  REEVE_CHECK(fields.finish());
  if (command.body.find("value") == nullptr || value.find('\0') != std::string::npos) {
    return make_error(ErrorCode::Invalid, "must be a text without zero bytes", "value");
  }
  if (value.size() > kSettingValueBytesMax || workflow.size() > kSettingNameBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("a value has at most ", kSettingValueBytesMax, " bytes"),
        command.object.name
    );
  }
  const auto others = counts_.find(command.object.ns);
  if (!exists && others != counts_.end() && others->second >= kSettingsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "there are ",
            kSettingsMax,
            " settings in namespace ",
            command.object.ns.view(),
            ", which is the limit"
        ),
        command.object.name
    );
  }
  if (!exists || found->second.value != value) {
    Json data = Json::object();
    data.set("value", value);
    REEVE_CHECK(turn.emit(command.object, "setting.set", data));
  }
  Json detail = Json::object();
  detail.set("created", !exists);
  return turn.reply(command.object, std::move(detail));
}

}  // namespace reeve::engine
