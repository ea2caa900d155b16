#include <cstdlib>
#include <optional>

#include "base/strings.h"
#include "cli/api_client.h"
#include "platform/posix/files.h"
#include "security/sealing/sealing.h"
#include "workflow/document/yaml.h"

/// Where the server is, and who asks.
namespace reeve::cli {

namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 20U;

Error no_kubeconfig(std::string message, const std::filesystem::path& file) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), file.string());
  error.hint = "reeve kubeconfig makes one";
  return error;
}

/// The value `kind` of the entry called `name` in a list of a kubeconfig.
const Json* entry(const Json& config, const char* list, const std::string& name, const char* kind) {
  const Json* entries = config.find(list);
  if (entries == nullptr || !entries->is_array()) {
    return nullptr;
  }
  for (const Json& one : entries->as_array()) {
    if (one.get_string("name") == name) {
      return one.find(kind);
    }
  }
  return nullptr;
}

/// `<key>-data` in base64, else the file that `<key>` names; neither: empty.
Result<Secret> material(
    const Json& part, const std::string& key, const std::filesystem::path& beside
) {
  if (const std::string data = part.get_string(concat(key, "-data")); !data.empty()) {
    return sealing::from_base64(data);
  }
  const std::string name = part.get_string(key);
  if (name.empty()) {
    return Secret();
  }
  REEVE_TRY(std::string text, platform::read_file(beside.parent_path() / name, kFileBytesMax));
  Secret secret(text);
  wipe(text);
  return secret;
}

Result<void> take_user(const Json& user, const std::filesystem::path& file, Connection& made) {
  if (user.find("exec") != nullptr || user.find("auth-provider") != nullptr) {
    return no_kubeconfig("its user needs a program that makes credentials, which is not run", file);
  }
  made.token = Secret(user.get_string("token"));
  if (const std::string name = user.get_string("tokenFile"); !name.empty()) {
    REEVE_TRY(
        const std::string text, platform::read_file(file.parent_path() / name, kFileBytesMax)
    );
    made.token = Secret(trim(text));
  }
  REEVE_TRY(const Secret certificate, material(user, "client-certificate", file));
  made.client_certificate = std::string(certificate.view());
  REEVE_TRY(made.client_key, material(user, "client-key", file));
  return {};
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Error nobody(const std::filesystem::path& data_dir) {
  Error error = make_error(
      ErrorCode::Unavailable, "no server of this data directory is known", data_dir.string()
  );
  error.hint = "start one with reeve up, or give --server or --kubeconfig";
  return error;
}

/// How the run of which this process is a part reaches the server; nothing: it is part of none, or
/// of one without a server. Whoever works in a run speaks as that run, whatever lies on the disk.
Result<std::optional<Connection>> connection_of_run() {
  Connection made;
  made.server = variable("REEVE_API");
  const std::string token_file = variable("REEVE_TOKEN_FILE");
  if (made.server.empty() || token_file.empty()) {
    return std::optional<Connection>();
  }
  REEVE_TRY(const std::string token, platform::read_file(token_file, kFileBytesMax));
  made.token = Secret(trim(token));
  made.ns = variable("REEVE_NAMESPACE");
  if (const std::string authority = variable("REEVE_CA_FILE"); !authority.empty()) {
    REEVE_TRY(made.authority, platform::read_file(authority, kFileBytesMax));
  }
  return std::optional<Connection>(std::move(made));
}

/// What the options say over what a kubeconfig said.
Result<void> take_options(const ConnectionArgs& args, Connection& made) {
  if (!args.authority_file.empty()) {
    REEVE_TRY(made.authority, platform::read_file(args.authority_file, kFileBytesMax));
  }
  if (!args.token_file.empty()) {
    REEVE_TRY(const std::string text, platform::read_file(args.token_file, kFileBytesMax));
    made.token = Secret(trim(text));
    made.client_certificate.clear();
    made.client_key = Secret();
  }
  while (made.server.ends_with('/')) {
    made.server.pop_back();
  }
  if (!made.server.starts_with("https://") && !made.server.starts_with("http://")) {
    return make_error(ErrorCode::Invalid, "must be an http or https address", "--server");
  }
  if (made.token.view().find_first_of("\r\n") != std::string_view::npos) {
    return make_error(ErrorCode::Invalid, "must hold one line", "--token-file");
  }
  return {};
}

}  // namespace

Result<Connection> read_kubeconfig(std::string_view text, const std::filesystem::path& file) {
  const Result<document::Node> node = document::parse_yaml(text);
  if (!node) {
    Error error = node.error();
    error.file = file.string();
    return error;
  }
  const Json config = document::to_json(*node);
  const Json* context = entry(config, "contexts", config.get_string("current-context"), "context");
  if (config.get_string("kind") != "Config" || context == nullptr) {
    return no_kubeconfig("is no kubeconfig with a current context", file);
  }
  const Json* cluster = entry(config, "clusters", context->get_string("cluster"), "cluster");
  if (cluster == nullptr) {
    return no_kubeconfig("does not have the cluster of its current context", file);
  }
  Connection made;
  made.server = cluster->get_string("server");
  made.ns = context->get_string("namespace");
  REEVE_TRY(const Secret authority, material(*cluster, "certificate-authority", file));
  made.authority = std::string(authority.view());
  if (const Json* user = entry(config, "users", context->get_string("user"), "user")) {
    REEVE_CHECK(take_user(*user, file, made));
  }
  return made;
}

Result<Connection> find_connection(
    const std::filesystem::path& data_dir, const ConnectionArgs& args
) {
  const std::string server = args.server.empty() ? variable("REEVE_SERVER") : args.server;
  const std::string named =
      args.kubeconfig.empty() ? variable("REEVE_KUBECONFIG") : args.kubeconfig;
  const std::filesystem::path file =
      named.empty() ? data_dir / "kubeconfig" : std::filesystem::path(named);
  Connection made;
  if (server.empty() && named.empty()) {
    REEVE_TRY(std::optional<Connection> own, connection_of_run());
    if (own) {
      REEVE_CHECK(take_options(args, *own));
      return std::move(*own);
    }
  }
  // Another server than that of the file never gets the file's token.
  if (server.empty() || !args.kubeconfig.empty()) {
    Result<std::string> text = platform::read_file(file, kFileBytesMax);
    if (!text) {
      return named.empty() && text.error().code == ErrorCode::NotFound ? nobody(data_dir)
                                                                       : std::move(text).error();
    }
    Result<Connection> read = read_kubeconfig(*text, file);
    wipe(*text);
    if (!read) {
      return read;
    }
    made = std::move(*read);
  }
  if (!server.empty()) {
    made.server = server;
  }
  REEVE_CHECK(take_options(args, made));
  return made;
}

}  // namespace reeve::cli
