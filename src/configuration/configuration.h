#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "configuration/setting.h"

namespace reeve::configuration {

/// What stands in place of a secret.
inline constexpr std::string_view kMasked = "****";
/// Problems that are told at once; further ones are counted in the last of them.
inline constexpr std::size_t kProblemsMax = 100;

/// The layers, weakest first.
enum class Layer : std::uint8_t { Default, File, Environment, Flag };

/// Where a value comes from.
struct Origin {
  Layer layer = Layer::Default;
  /// The file, variable or flag.
  std::string name;
  /// In the file.
  int line = 0;

  /// `default`, `reeve.yaml:12`, `REEVE_LOG_LEVEL`, `--log-level`
  std::string text() const;
};

/// The value of one setting. Durations are milliseconds, bytes bytes.
using Value = std::variant<std::string, bool, std::int64_t, double, std::vector<std::string>>;

/// All layers but the defaults, as the caller read them.
struct Sources {
  /// Name of the file for messages, and its text; no file: nullopt.
  std::optional<std::pair<std::string, std::string>> file = {};
  /// The environment; only what begins with REEVE_ is looked at.
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// Key (`log.level`) and text of each flag that was given; one of a list may come repeatedly.
  std::vector<std::pair<std::string, std::string>> flags = {};
  /// Variables that begin with REEVE_ and belong to something else.
  std::vector<std::string> other_variables = {};
};

/// The effective settings: each with its origin. Immutable once loaded; any thread.
class Configuration {
 public:
  /// The defaults.
  Configuration();

  // The value of the setting `key`, which must be in the table with that type.
  const std::string& text(std::string_view key) const;  ///< Text, Choice
  bool flag(std::string_view key) const;
  std::int64_t number(std::string_view key) const;  ///< Int, Bytes
  double ratio(std::string_view key) const;
  Duration duration(std::string_view key) const;
  const std::vector<std::string>& list(std::string_view key) const;

  const Value& value(const Setting& setting) const;
  const Origin& origin(const Setting& setting) const;
  /// As it would be written in the environment, also if it is secret.
  std::string written(const Setting& setting) const;
  /// The same for people to see.
  std::string shown(const Setting& setting) const;

 private:
  friend class Loader;
  friend Configuration reloaded(const Configuration& before, const Configuration& after);

  struct Entry {
    Value value;
    Origin origin;
  };

  const Entry& entry(std::string_view key) const;

  /// By the order of `settings`.
  std::vector<Entry> entries_;
};

struct Loaded {
  /// Complete only if there are no errors.
  Configuration configuration;
  /// Every problem, with file and position, variable or flag. Not empty: do not start.
  std::vector<Error> errors;
  /// What does not prevent a start: unknown variables.
  std::vector<Error> warnings;

  bool ok() const { return errors.empty(); }
};

/// Applies file, environment and flags over the defaults, then the rules that span settings. Never
/// stops at the first problem. Pure.
Loaded load(const Sources& sources);

/// What a reload would change.
struct Change {
  const Setting* setting = nullptr;
  /// Secrets are masked.
  std::string before;
  std::string after;

  bool needs_restart() const { return !setting->reloadable; }
};

std::vector<Change> changes(const Configuration& before, const Configuration& after);

/// `after` as far as it can be applied without a restart: what cannot keeps its value in `before`.
Configuration reloaded(const Configuration& before, const Configuration& after);

/// A table of key, value and origin for people.
std::string show_text(const Configuration& configuration);
/// A list of `{"key","value","origin":{…},"default","reloadable","env"}`.
Json show_json(const Configuration& configuration);

/// docs/reference/configuration.md.
std::string reference_page();

}  // namespace reeve::configuration
