#include <algorithm>
#include <set>

#include "base/strings.h"
#include "configuration/configuration.h"
#include "configuration/values.h"
#include "workflow/document/yaml.h"

namespace reeve::configuration {

/// Puts the layers over each other and collects what is wrong.
class Loader {
 public:
  Loaded load(const Sources& sources);

 private:
  void file(const std::string& name, const std::string& text);
  void map(const document::Node& node, const std::string& prefix);
  void member(const document::Member& member, const std::string& path);
  void list(const Setting& setting, const document::Node& node);
  void environment(const Sources& sources);
  void flags(const Sources& sources);

  // Rules that span settings.
  void tls_rules();
  void auth_rules();
  void telemetry_rules();
  void needs(std::string_view key, std::string_view other, std::string_view hint);
  bool is_set(std::string_view key) const;
  bool judged(std::string_view key) const;

  void set(const Setting& setting, Result<Value> value, Origin origin, Position position = {});
  void error_in_file(std::string message, std::string subject, Position at, std::string hint = {});
  void rule_error(std::string message, std::string_view key, std::string hint);
  void add(Error error);

  Loaded loaded_;
  std::string file_name_;
  /// Settings with a wrong value: rules have nothing to say about them.
  std::set<std::string_view> wrong_;
  std::size_t further_ = 0;
};

namespace {

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
    keys.emplace_back(setting.key);
  }
  return keys;
}

/// Whether settings lie below `path`.
bool is_section(std::string_view path) {
  const std::string beginning = concat(path, '.');
  const auto table = settings();
  return std::any_of(table.begin(), table.end(), [&](const Setting& setting) {
    return setting.key.starts_with(beginning);
  });
}

/// The key most like an unknown one: by its whole path, else by its last part alone, for keys that
/// are in the wrong section.
std::string nearest_key(const std::string& path) {
  std::string found = nearest(path, all_keys());
  if (!found.empty()) {
    return found;
  }
  const std::string last = path.substr(path.rfind('.') + 1);
  for (const std::string& key : all_keys()) {
    if (key.substr(key.rfind('.') + 1) == last) {
      return key;
    }
  }
  return "";
}

std::string did_you_mean(std::string_view name) {
  return name.empty() ? std::string() : concat("did you mean ", name, "?");
}

}  // namespace

void Loader::add(Error error) {
  if (loaded_.errors.size() < kProblemsMax) {
    loaded_.errors.push_back(std::move(error));
  } else {
    ++further_;
  }
}

void Loader::error_in_file(
    std::string message, std::string subject, Position at, std::string hint
) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  error.file = file_name_;
  error.position = at;
  error.hint = std::move(hint);
  add(std::move(error));
}

void Loader::set(const Setting& setting, Result<Value> value, Origin origin, Position position) {
  if (!value) {
    wrong_.insert(setting.key);
    Error error = std::move(value).error();
    if (origin.layer == Layer::File) {
      error.file = origin.name;
      error.position = position;
      error.subject = std::string(setting.key);
    } else {
      error.subject = origin.name;
    }
    return add(std::move(error));
  }
  Configuration::Entry& entry = loaded_.configuration.entries_[index_of(setting)];
  entry.value = std::move(value).value();
  entry.origin = std::move(origin);
}

void Loader::list(const Setting& setting, const document::Node& node) {
  std::vector<std::string> entries;
  for (const document::Node& item : node.items) {
    if (!item.is_scalar()) {
      wrong_.insert(setting.key);
      return error_in_file(
          concat("entry ", entries.size() + 1, " is ", to_string(item.kind), ", not a text"),
          std::string(setting.key),
          item.position
      );
    }
    entries.push_back(item.text);
  }
  Origin origin{.layer = Layer::File, .name = file_name_, .line = node.position.line};
  set(setting, parse_entries(setting, std::move(entries)), std::move(origin), node.position);
}

void Loader::member(const document::Member& member, const std::string& path) {
  const Setting* setting = find_setting(path);
  if (setting == nullptr) {
    if (!is_section(path)) {
      return error_in_file(
          "there is no such setting", path, member.key.position, did_you_mean(nearest_key(path))
      );
    }
    if (member.value.is_map()) {
      return map(member.value, path + '.');
    }
    return error_in_file(
        concat("is ", to_string(member.value.kind), ", but settings lie below it"),
        path,
        member.value.position
    );
  }
  if (setting->type == Type::List && member.value.is_sequence()) {
    return list(*setting, member.value);
  }
  if (setting->type == Type::List || !member.value.is_scalar()) {
    wrong_.insert(setting->key);
    return error_in_file(
        concat(
            "is ",
            to_string(member.value.kind),
            ", not ",
            setting->type == Type::List ? "a list" : "a text or number"
        ),
        path,
        member.value.is_null() ? member.key.position : member.value.position
    );
  }
  Origin origin{.layer = Layer::File, .name = file_name_, .line = member.key.position.line};
  set(*setting, parse_value(*setting, member.value.text), std::move(origin), member.value.position);
}

void Loader::map(const document::Node& node, const std::string& prefix) {
  for (const document::Member& entry : node.members) {
    member(entry, prefix + entry.key.text);
  }
}

void Loader::file(const std::string& name, const std::string& text) {
  file_name_ = name;
  // A file in which everything is commented out sets nothing.
  const auto blank = [](std::string_view line) {
    const std::string_view trimmed = trim(line);
    return trimmed.empty() || trimmed.starts_with('#');
  };
  const auto lines = split(text, '\n');
  if (std::all_of(lines.begin(), lines.end(), blank)) {
    return;
  }
  auto root = document::parse_yaml(text);
  if (!root) {
    Error error = std::move(root).error();
    error.file = name;
    return add(std::move(error));
  }
  if (!root->is_map()) {
    return error_in_file(
        concat("is ", to_string(root->kind), ", not a map of settings"), "", root->position
    );
  }
  map(*root, "");
}

void Loader::environment(const Sources& sources) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    names.push_back(env_name(setting.key));
  }
  for (const auto& [name, text] : sources.environment) {
    const auto& others = sources.other_variables;
    if (!name.starts_with("REEVE_") ||
        std::find(others.begin(), others.end(), name) != others.end()) {
      continue;
    }
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      const Setting& setting = settings()[static_cast<std::size_t>(found - names.begin())];
      set(setting, parse_value(setting, text), {.layer = Layer::Environment, .name = name});
      continue;
    }
    if (loaded_.warnings.size() < kProblemsMax) {
      Error warning = make_error(ErrorCode::NotFound, "no setting has this variable", name);
      warning.hint = did_you_mean(nearest(name, names));
      loaded_.warnings.push_back(std::move(warning));
    }
  }
}

void Loader::flags(const Sources& sources) {
  std::vector<std::pair<const Setting*, std::string>> merged;
  for (const auto& [key, text] : sources.flags) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) {
      Error error = make_error(ErrorCode::Invalid, "there is no such setting", flag_name(key));
      error.hint = did_you_mean(nearest_key(key));
      add(std::move(error));
      continue;
    }
    const auto known = std::find_if(merged.begin(), merged.end(), [&](const auto& entry) {
      return entry.first == setting;
    });
    if (known == merged.end()) {
      merged.emplace_back(setting, text);
    } else if (setting->type == Type::List) {
      known->second.append(concat(',', text));
    } else {
      wrong_.insert(setting->key);
      add(make_error(ErrorCode::Invalid, "is given twice", flag_name(key)));
    }
  }
  for (const auto& [setting, text] : merged) {
    set(*setting,
        parse_value(*setting, text),
        {.layer = Layer::Flag, .name = flag_name(setting->key)});
  }
}

bool Loader::judged(std::string_view key) const {
  return !wrong_.contains(key);
}

bool Loader::is_set(std::string_view key) const {
  const Setting& setting = *find_setting(key);
  return loaded_.configuration.origin(setting).layer != Layer::Default &&
         !loaded_.configuration.written(setting).empty();
}

void Loader::rule_error(std::string message, std::string_view key, std::string hint) {
  const Origin& origin = loaded_.configuration.origin(*find_setting(key));
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::string(key));
  error.hint = std::move(hint);
  if (origin.layer == Layer::File) {
    error.file = origin.name;
    error.position = {.line = origin.line, .column = 0};
  } else if (origin.layer != Layer::Default) {
    error.subject = origin.name;
  }
  add(std::move(error));
}

/// `key` is set although `other`, without which it means nothing, is empty.
void Loader::needs(std::string_view key, std::string_view other, std::string_view hint) {
  const Setting& needed = *find_setting(other);
  if (judged(key) && judged(other) && is_set(key) &&
      loaded_.configuration.written(needed).empty()) {
    rule_error(concat("means nothing without ", other), key, std::string(hint));
  }
}

void Loader::tls_rules() {
  const Configuration& values = loaded_.configuration;
  if (!judged("server.tls")) {
    return;
  }
  const std::string& mode = values.text("server.tls");
  for (const std::string_view key : {"server.tls_cert", "server.tls_key"}) {
    if (mode == "files" && judged(key) && values.text(key).empty()) {
      rule_error(concat("is files, but ", key, " is empty"), "server.tls", "name both files");
    } else if (mode != "files" && judged(key) && is_set(key)) {
      rule_error(concat("means nothing with server.tls ", mode), key, "set server.tls to files");
    }
  }
  if (mode != "off") {
    return;
  }
  for (const std::string_view key : {"server.tls_client_ca", "auth.front_proxy.client_ca"}) {
    if (judged(key) && is_set(key)) {
      rule_error("means nothing with server.tls off", key, "clients prove who they are by TLS");
    }
  }
  for (const std::string& text : values.list("server.listen")) {
    const auto address = parse_listen_address(text);
    const bool here = address && (address->host.starts_with("127.") || address->host == "::1");
    if (here || !address || !judged("server.listen")) {
      continue;
    }
    if (values.flag("server.allow_plain_text")) {
      Error warning = make_error(
          ErrorCode::PermissionDenied, "credentials cross the network in plain text", "server.tls"
      );
      warning.hint = concat("listen at 127.0.0.1 only instead of ", text, ", or use TLS");
      loaded_.warnings.push_back(std::move(warning));
    } else {
      rule_error(
          concat("is off, and ", text, " can be reached from other machines"),
          "server.tls",
          "use TLS, listen at 127.0.0.1 behind a proxy, or set server.allow_plain_text"
      );
    }
    return;
  }
}

void Loader::auth_rules() {
  const Configuration& values = loaded_.configuration;
  for (const Setting& setting : settings()) {
    if (setting.key.starts_with("auth.oidc.") && setting.key != "auth.oidc.issuer") {
      needs(setting.key, "auth.oidc.issuer", "name the provider");
    }
    if (setting.key.starts_with("auth.front_proxy.") &&
        setting.key != "auth.front_proxy.client_ca") {
      needs(setting.key, "auth.front_proxy.client_ca", "name the authorities of the proxies");
    }
  }
  if (!judged("auth.oidc.issuer") || !is_set("auth.oidc.issuer")) {
    return;
  }
  for (const std::string_view key : {"auth.oidc.audience", "auth.oidc.algorithms"}) {
    if (judged(key) && values.list(key).empty()) {
      rule_error(
          concat("needs ", key, ", which is empty"),
          "auth.oidc.issuer",
          "otherwise tokens for other services would count here"
      );
    }
  }
}

void Loader::telemetry_rules() {
  needs("telemetry.otlp_headers", "telemetry.otlp_endpoint", "name the collector");
}

Loaded Loader::load(const Sources& sources) {
  if (sources.file) {
    file(sources.file->first, sources.file->second);
  }
  environment(sources);
  flags(sources);
  tls_rules();
  auth_rules();
  telemetry_rules();
  if (further_ > 0) {
    loaded_.errors.back().message.append(concat(" (and ", further_, " further problems)"));
  }
  return std::move(loaded_);
}

Loaded load(const Sources& sources) {
  return Loader().load(sources);
}

}  // namespace reeve::configuration
