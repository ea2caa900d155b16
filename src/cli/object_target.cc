#include "cli/object_target.h"

#include <iterator>
#include <utility>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "model/scoped_name.h"

namespace reeve::cli {

namespace {

Json::Array* rows_of(Json& answer) {
  Json* rows = answer.find("rows");
  rows = rows == nullptr ? answer.find("items") : rows;
  return rows != nullptr && rows->is_array() ? &rows->as_array() : nullptr;
}

}  // namespace

Result<Target> target_of(const std::vector<std::string>& words) {
  Target target;
  const std::string first = words.empty() ? std::string() : words.front();
  const std::size_t slash = first.find('/');
  REEVE_TRY(target.type, find_type(first.substr(0, slash)));
  if (slash != std::string::npos) {
    target.names.push_back(first.substr(slash + 1));
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    target.names.push_back(words[i]);
  }
  return target;
}

Result<Api> open_api(const Common& common, const ConnectionArgs& args) {
  REEVE_TRY(Connection connection, find_connection(common.data_dir, args));
  Api api;
  api.ns = !common.ns.empty()       ? common.ns
           : !connection.ns.empty() ? connection.ns
                                    : std::string(model::kDefaultNamespace);
  REEVE_TRY(api.client, ApiClient::connect(std::move(connection)));
  return api;
}

int finished(const Result<void>& result) {
  return result ? static_cast<int>(ExitCode::Done) : report(result.error());
}

Result<Json> whole_list(ApiClient& client, const std::string& path, std::string_view accept) {
  Json whole;
  std::string token;
  do {
    ApiRequest request;
    request.accept = std::string(accept);
    request.path = token.empty() ? path : concat(path, "&continue=", percent_encoded(token));
    REEVE_TRY(Json page, client.ask(request));
    const Json* metadata = page.find("metadata");
    token = metadata == nullptr ? "" : metadata->get_string("continue");
    if (whole.is_null()) {
      whole = std::move(page);
    } else if (Json::Array* more = rows_of(page); more != nullptr && rows_of(whole) != nullptr) {
      std::move(more->begin(), more->end(), std::back_inserter(*rows_of(whole)));
    }
  } while (!token.empty());
  if (Json* metadata = whole.find("metadata"); metadata != nullptr && metadata->is_object()) {
    std::erase_if(metadata->as_object(), [](const Json::Member& member) {
      return member.first == "continue" || member.first == "remainingItemCount";
    });
  }
  return whole;
}

void hide_managed_fields(Json& object) {
  if (Json* metadata = object.find("metadata"); metadata != nullptr && metadata->is_object()) {
    std::erase_if(metadata->as_object(), [](const Json::Member& member) {
      return member.first == "managedFields";
    });
  }
  if (Json* items = object.find("items"); items != nullptr && items->is_array()) {
    for (Json& item : items->as_array()) {
      hide_managed_fields(item);
    }
  }
}

}  // namespace reeve::cli
