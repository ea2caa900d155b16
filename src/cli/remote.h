#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "cli/arguments.h"
#include "cli/object_target.h"
#include "journal/event.h"

/// Commands about missions of a server that is reached over HTTP. Private to cli.
namespace reeve::cli {

/// One server and one namespace in it. One thread.
class Remote {
 public:
  /// The errors of find_connection and ApiClient::connect.
  static Result<Remote> open(const Common& common);

  /// What Link::send does: the same verbs and arguments (protocol/commands.h), the same answers.
  /// Asked again if it is not known whether the server has carried it out; it does so once.
  ///
  /// Unsupported: the API has no such verb. Otherwise the errors of ApiClient.
  Result<Json> send(std::string_view verb, const Json& args);

  /// The mission as the API shows it.
  Result<Json> mission(const std::string& name);

  using OnEvent = std::function<bool(const journal::Event&)>;

  /// What happened to the mission after `after`, and with `follow` what happens from now on, until
  /// the server ends the stream or the callback says no.
  Result<void> events(
      const std::string& name, Revision after, bool follow, const OnEvent& on_event
  );

  /// Lines that the mission's tasks wrote, as the API has them. `query`: "follow=true&…".
  Result<void> log(
      const std::string& name, const std::string& query, const ApiClient::OnLine& on_line
  );

 private:
  std::string path(std::string_view plural, std::string_view name = {}) const;

  Result<ApiRequest> request_of(std::string_view verb, const Json& args) const;
  Result<ApiRequest> submission(const Json& args) const;
  Result<ApiRequest> switching(const Json& args) const;

  Api api_;
};

/// For commands that do not follow a mission.
Result<Json> remote_send(const Common& common, std::string_view verb, const Json& args);

/// Prints what happens to a mission from now on, or from its beginning, and what its tasks write,
/// to its end. Returns the exit code. Ctrl-C only ends the printing.
int remote_follow(const Common& common, const std::string& mission, bool from_beginning);

int show_remote_status(const Common& common, const StatusArgs& args);
int show_remote_logs(const Common& common, const LogsArgs& args);
int show_remote_events(const Common& common, const EventsArgs& args);

/// A list of objects in place of a local one: `reeve get TYPE`.
int show_remote_list(const Common& common, std::string_view type, std::string_view name = {});

}  // namespace reeve::cli
