#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "api/access.h"
#include "api/compat/formicary_files.h"
#include "api/compatible_formicary.h"
#include "api/file_work.h"
#include "api/services.h"
#include "base/strings.h"

/// Formicary's artifacts: the files that tasks have kept, and those that somebody has sent. Files
/// are read and written away from the network thread.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;
constexpr int kNotImplemented = 501;
/// A longer file is for `reeve artifacts get`: it is held in memory as a whole.
constexpr std::uint64_t kDownloadBytesMax = std::uint64_t{16} << 20U;
/// How long a file that was sent is kept.
constexpr Duration kSentFileAge = std::chrono::hours(30 * 24);
constexpr std::string_view kSent = "USER_UPLOADED";

const ApiType& missions(const CallPtr& call) {
  return call->services->types.of(Storage::Mission);
}

/// The uid of the namespace that the call is about; nothing: there is none, and it was answered.
std::optional<std::string> namespace_uid(const CallPtr& call) {
  const ApiType& namespaces = call->services->types.of(journal::Kind::Namespace);
  const std::string ns = namespace_of(call);
  const view::ProjectedPtr found = call->services->view.get(*namespaces.view, {}, ns);
  if (found == nullptr) {
    answer(call, resource::not_found(namespaces.name, ns));
    return {};
  }
  return found->uid.str();
}

Json artifact_of(const SentFile& file, std::string_view ns) {
  Json made = Json::object();
  made.set("id", file.digest).set("sha256", file.digest).set("name", file.name);
  made.set("kind", kSent).set("content_type", content_type_of(file.name));
  made.set("content_length", file.size_bytes).set("organization_id", ns);
  made.set("user_id", file.owner).set("created_at", format_timestamp(file.sent_at));
  if (file.expires_at) {
    made.set("expires_at", format_timestamp(*file.expires_at));
  }
  made.set("url", concat("/api/artifacts/", file.digest, "/download"));
  return made;
}

/// Goes on, on the network thread, with what was sent for the tasks of the namespace.
void with_sent_files(const CallPtr& call, std::function<void(Json::Array)> next) {
  const std::optional<std::string> uid = namespace_uid(call);
  if (!uid) {
    return;
  }
  using Files = Result<std::vector<SentFile>>;
  const std::string ns = namespace_of(call);
  const auto files = std::make_shared<Files>(std::vector<SentFile>{});
  call->services->files->add(
      [files, ns, &list = call->services->environment.sent_files.list] { *files = list(ns); },
      [call, files, ns, uid = *uid, next = std::move(next)] {
        if (!*files) {
          answer(call, files->error());
          return;
        }
        Json::Array artifacts;
        for (const SentFile& file : **files) {
          // What was sent to another namespace of that name is none of this one.
          if (file.namespace_uid == uid) {
            artifacts.push_back(artifact_of(file, ns));
          }
        }
        next(std::move(artifacts));
      }
  );
}

void answer_not_found(const CallPtr& call, std::string_view id) {
  resource::Status status = resource::path_not_found();
  status.message = concat("artifact \"", id, "\" not found");
  answer(call, status);
}

/// The file of the newest mission that has that digest.
std::optional<Json> kept_artifact(const Json::Array& missions, const std::string& id) {
  for (const Json& mission : missions) {
    for (const Json& artifact : artifacts_of(mission)) {
      if (artifact.get_string("id") == id) {
        return artifact;
      }
    }
  }
  return {};
}

/// Goes on with the file of that digest that was sent; null: there is none.
void with_sent_file(
    const CallPtr& call, const std::string& id, std::function<void(const Json*)> next
) {
  with_sent_files(call, [id, next = std::move(next)](const Json::Array& sent) {
    const auto found = std::find_if(sent.begin(), sent.end(), [&](const Json& artifact) {
      return artifact.get_string("id") == id;
    });
    next(found == sent.end() ? nullptr : &*found);
  });
}

/// Goes on with one that a task has kept, or with one that was sent.
void with_artifact(
    const CallPtr& call, const std::string& id, const std::function<void(const Json&)>& next
) {
  const auto all = listed(call, missions(call));
  if (!all) {
    return;
  }
  if (const std::optional<Json> kept = kept_artifact(*all, id)) {
    next(*kept);
    return;
  }
  with_sent_file(call, id, [call, id, next](const Json* sent) {
    if (sent != nullptr) {
      next(*sent);
    } else {
      answer_not_found(call, id);
    }
  });
}

void answer_kept(const CallPtr& call) {
  resource::Status status;
  status.code = kNotImplemented;
  status.reason = "NotImplemented";
  status.message =
      "files of tasks end with their time (artifacts: expiresAfter), or with their mission";
  answer(call, status);
}

void remove_sent_file(const CallPtr& call, const std::string& id) {
  const auto removed = std::make_shared<Result<void>>();
  call->services->files->add(
      [removed,
       ns = namespace_of(call),
       id,
       &remove = call->services->environment.sent_files.remove] { *removed = remove(ns, id); },
      [call, removed] {
        if (*removed) {
          answer(call, kOk, Json::object());
        } else {
          answer(call, removed->error());
        }
      }
  );
}

/// Who may read what a mission has written may read its files, and who may read what all of them
/// have written may read what was sent to them. False: it was answered.
bool may_read(const CallPtr& call, const Json& artifact) {
  return may(
      call, missions(call), "get", namespace_of(call), artifact.get_string("job_request_id"), "log"
  );
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

void send_file(const CallPtr& call, const std::string& path, const Result<std::string>& bytes) {
  if (!bytes) {
    answer(call, bytes.error());
    return;
  }
  // Never shown as a page of this server, whatever is in it.
  call->headers.push_back(
      {"Content-Disposition", concat("attachment; filename=\"", file_name(path), "\"")}
  );
  answer(call, kOk, content_type_of(path), *bytes);
}

}  // namespace

void list_artifacts(const CallPtr& call, const Words& /*words*/) {
  const auto objects = listed(call, missions(call));
  if (!objects) {
    return;
  }
  const Result<Paging> paging = paging_of(call->request().query);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  Json::Array all;
  for (const Json& mission : *objects) {
    for (Json& artifact : artifacts_of(mission)) {
      all.push_back(std::move(artifact));
    }
  }
  with_sent_files(call, [call, all = std::move(all), page = *paging](const Json::Array& sent) {
    Json::Array wanted_ones;
    for (const Json::Array& some : {all, sent}) {
      for (const Json& artifact : some) {
        const Result<bool> fits = artifact_wanted(artifact, call->request().query);
        if (!fits) {
          answer_invalid(call, fits.error());
          return;
        }
        if (*fits) {
          wanted_ones.push_back(artifact);
        }
      }
    }
    answer(call, kOk, page_of(wanted_ones, page));
  });
}

void get_artifact(const CallPtr& call, const Words& words) {
  with_artifact(call, words[0], [call](const Json& artifact) { answer(call, kOk, artifact); });
}

void download_artifact(const CallPtr& call, const Words& words) {
  with_artifact(call, words[0], [call](const Json& artifact) {
    if (!may_read(call, artifact)) {
      return;
    }
    const auto bytes = std::make_shared<Result<std::string>>(std::string());
    call->services->files->add(
        [bytes, id = artifact.get_string("id"), &read = call->services->environment.artifact] {
          *bytes = read(id, kDownloadBytesMax);
        },
        [call, bytes, path = artifact.get_string("name")] { send_file(call, path, *bytes); }
    );
  });
}

/// Who may start missions may send files for them.
void send_artifact(const CallPtr& call, const Words& /*words*/) {
  const std::string ns = namespace_of(call);
  if (!may(call, missions(call), "create", ns)) {
    return;
  }
  const std::optional<std::string> uid = namespace_uid(call);
  if (!uid) {
    return;
  }
  if (call->request().body.empty()) {
    answer(call, resource::bad_request("the body is empty: it is the file"));
    return;
  }
  SentFile file;
  file.name = query_value(call, "name");
  file.sent_at = call->services->now();
  file.expires_at = file.sent_at + kSentFileAge;
  file.owner = call->identity.user;
  file.namespace_uid = *uid;
  const auto kept = std::make_shared<Result<SentFile>>(std::move(file));
  call->services->files->add(
      [kept, call, ns, &keep = call->services->environment.sent_files.keep] {
        *kept = keep(ns, std::move(**kept), call->request().body);
      },
      [call, kept, ns] {
        if (*kept) {
          answer(call, kOk, artifact_of(**kept, ns));
        } else if (kept->error().code == ErrorCode::Invalid) {
          answer_invalid(call, kept->error());
        } else {
          answer(call, kept->error());
        }
      }
  );
}

/// What was sent can be removed although a task has kept the same content.
void delete_artifact(const CallPtr& call, const Words& words) {
  if (!may(call, missions(call), "create", namespace_of(call))) {
    return;
  }
  const auto all = listed(call, missions(call));
  if (!all) {
    return;
  }
  const std::string id = words[0];
  const bool is_kept = kept_artifact(*all, id).has_value();
  with_sent_file(call, id, [call, id, is_kept](const Json* sent) {
    if (sent != nullptr) {
      remove_sent_file(call, id);
    } else if (is_kept) {
      answer_kept(call);
    } else {
      answer_not_found(call, id);
    }
  });
}

}  // namespace reeve::api::formicary
