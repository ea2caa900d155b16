#include <utility>

#include "api/access.h"
#include "api/compat/formicary_files.h"
#include "api/compatible_formicary.h"
#include "api/services.h"
#include "base/strings.h"

/// Formicary's artifacts: the files that tasks have kept.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;
/// A longer file is for `reeve artifacts get`: the network thread reads and proves it at once.
constexpr std::uint64_t kDownloadBytesMax = std::uint64_t{16} << 20U;

const ApiType& missions(const CallPtr& call) {
  return call->services->types.of(Storage::Mission);
}

/// The newest mission's file with that digest; nothing: it was answered.
std::optional<Json> artifact_of(const CallPtr& call, const std::string& id) {
  const auto all = listed(call, missions(call));
  if (!all) {
    return {};
  }
  for (const Json& mission : *all) {
    for (Json& artifact : artifacts_of(mission)) {
      if (artifact.get_string("id") == id) {
        return std::move(artifact);
      }
    }
  }
  resource::Status status = resource::path_not_found();
  status.message = concat("artifact \"", id, "\" not found");
  answer(call, status);
  return {};
}

/// Who may read what a mission has written may read its files. False: it was answered.
bool may_read(const CallPtr& call, const std::string& mission) {
  call->verb = "get";
  call->route.name = mission;
  call->route.subresource = "log";
  if (const auto refused = call->services->access.authorize(*call, attributes_of(*call))) {
    answer(call, *refused);
    return false;
  }
  return true;
}

/// The last part of a path, as a file name that a header can hold.
std::string file_name(const std::string& path) {
  std::string name;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    const bool plain = c > ' ' && c < '\x7f' && c != '"' && c != '\\';
    name += plain ? c : '_';
  }
  return name;
}

}  // namespace

void list_artifacts(const CallPtr& call, const Words& /*words*/) {
  answer_page(call, missions(call), [call](const Json& mission) -> Result<Json::Array> {
    Json::Array wanted_ones;
    for (Json& artifact : artifacts_of(mission)) {
      REEVE_TRY(const bool fits, artifact_wanted(artifact, call->request().query));
      if (fits) {
        wanted_ones.push_back(std::move(artifact));
      }
    }
    return wanted_ones;
  });
}

void get_artifact(const CallPtr& call, const Words& words) {
  if (const auto artifact = artifact_of(call, words[0])) {
    answer(call, kOk, *artifact);
  }
}

void download_artifact(const CallPtr& call, const Words& words) {
  const auto artifact = artifact_of(call, words[0]);
  if (!artifact || !may_read(call, artifact->get_string("job_request_id"))) {
    return;
  }
  const Result<std::string> bytes =
      call->services->environment.artifact(words[0], kDownloadBytesMax);
  if (!bytes) {
    answer(call, bytes.error());
    return;
  }
  const std::string path = artifact->get_string("name");
  // Never shown as a page of this server, whatever a task has made.
  call->headers.push_back({"X-Content-Type-Options", "nosniff"});
  call->headers.push_back(
      {"Content-Disposition", concat("attachment; filename=\"", file_name(path), "\"")}
  );
  answer(call, kOk, content_type_of(path), *bytes);
}

}  // namespace reeve::api::formicary
