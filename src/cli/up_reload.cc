#include "cli/up_reload.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/print.h"
#include "configuration/server_settings.h"

namespace reeve::cli {

namespace {

std::string shown(const std::string& value) {
  return value.empty() ? "empty" : printable(value);
}

/// Tells of each change; returns how many need a restart.
std::size_t tell(const std::vector<configuration::Change>& changes) {
  std::size_t waiting = 0;
  for (const configuration::Change& change : changes) {
    waiting += change.needs_restart() ? 1 : 0;
    print_error_text(
        change.needs_restart() ? concat(
                                     "reeve: ",
                                     change.setting->key,
                                     " needs a restart: it stays ",
                                     shown(change.before),
                                     ", not ",
                                     shown(change.after),
                                     "\n"
                                 )
                               : concat(
                                     "reeve: ",
                                     change.setting->key,
                                     " is ",
                                     shown(change.after),
                                     " now, it was ",
                                     shown(change.before),
                                     "\n"
                                 )
    );
  }
  return waiting;
}

void keep(const std::vector<Error>& errors) {
  for (const Error& error : errors) {
    print_error_text(concat("reeve: error: ", printable(error.describe()), "\n"));
  }
  print_error_text("reeve: going on with the settings as they were\n");
}

}  // namespace

void reload_settings(
    configuration::Configuration& in_effect,
    const ReadSettings& read,
    UpServer& server,
    telemetry::LogHub& log
) {
  const std::optional<configuration::Configuration> wanted = read();
  if (!wanted) {
    keep({});
    return;
  }
  configuration::Configuration next = configuration::reloaded(in_effect, *wanted);
  if (const std::vector<Error> errors = server.change(configuration::server_settings(next));
      !errors.empty()) {
    keep(errors);
    return;
  }
  if (const Result<void> set = log.set_levels(next.text("log.level")); !set) {
    keep({set.error()});
    return;
  }
  const std::vector<configuration::Change> changes = configuration::changes(in_effect, *wanted);
  const std::size_t waiting = tell(changes);
  in_effect = std::move(next);
  print_error_text(concat(
      "reeve: settings and certificates read again: ",
      changes.size() - waiting,
      " changed, ",
      waiting,
      waiting == 1 ? " needs" : " need",
      " a restart\n"
  ));
}

}  // namespace reeve::cli
