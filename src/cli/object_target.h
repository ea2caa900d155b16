#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "cli/arguments.h"

namespace reeve::resource::schema {
struct ResourceType;
}  // namespace reeve::resource::schema

/// What commands about objects of the API have in common. Private to cli; main thread.
namespace reeve::cli {

/// What the words of a command name.
struct Target {
  const resource::schema::ResourceType* type = nullptr;
  std::vector<std::string> names;
};

/// TYPE, TYPE/NAME, or TYPE NAME…. NotFound: there is no such type.
Result<Target> target_of(const std::vector<std::string>& words);

/// The client, and the namespace that counts: the option's, else that of the connection.
struct Api {
  std::unique_ptr<ApiClient> client;
  std::string ns;
};

/// Errors: those of `find_connection` and `ApiClient::connect`.
Result<Api> open_api(const Common& common, const ConnectionArgs& args);

/// All pages of a list as one: `items`, or `rows` of a table. `path` has a query.
Result<Json> whole_list(ApiClient& client, const std::string& path, std::string_view accept);

/// For people, who own no fields: also in the items of a list.
void hide_managed_fields(Json& object);

/// The exit code, after an error was reported.
int finished(const Result<void>& result);

}  // namespace reeve::cli
