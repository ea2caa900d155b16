#include <algorithm>
#include <filesystem>

#include "base/strings.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/scope.h"
#include "cli/server_commands.h"
#include "cli/session.h"
#include "cli/up_server.h"
#include "cli/yaml.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "resource/schema/contract.h"
#include "security/identity/certificates.h"
#include "security/identity/kubeconfig.h"
#include "security/identity/static_token.h"

/// `reeve kubeconfig`, `token` and `can-i`: who may do what.
namespace reeve::cli {

namespace {

constexpr mode_t kOwnerOnly = 0600;

int finished(const Result<void>& result) {
  return result ? static_cast<int>(ExitCode::Done) : report(result.error());
}

Result<std::unique_ptr<ApiClient>> client_of(const Common& common, const ConnectionArgs& args) {
  REEVE_TRY(Connection connection, find_connection(common.data_dir, args));
  return ApiClient::connect(std::move(connection));
}

/// Signed by the authority of the data directory.
Result<Secret> with_certificate(
    const Common& common, const KubeconfigArgs& args, identity::KubeconfigOptions options
) {
  const std::filesystem::path dir = server_dir({.root = common.data_dir});
  // Asking for a certificate must not make an authority that no server knows.
  if (!std::filesystem::exists(dir / "ca.pem")) {
    Error error =
        make_error(ErrorCode::NotFound, "there is no certificate authority here", dir.string());
    error.hint = "reeve up makes one, with server.tls: auto";
    return error;
  }
  platform::SystemRandom random;
  const Timestamp now = platform::SystemClock().now();
  REEVE_TRY(
      const identity::CertificateAuthority authority,
      identity::CertificateAuthority::open_or_create(dir, random, now)
  );
  identity::ClientSubject subject{.user = args.user, .groups = args.groups};
  if (!args.expires.empty()) {
    REEVE_TRY(subject.lifetime, parse_duration(args.expires));
  }
  REEVE_TRY(const identity::CertifiedKey certified, authority.issue_client(subject, random, now));
  options.user = args.user;
  options.client_certificate = certified.certificate;
  options.client_key = &certified.key;
  return identity::make_kubeconfig(options);
}

Result<Secret> kubeconfig_text(const Common& common, const KubeconfigArgs& args) {
  REEVE_TRY(const Connection known, find_connection(common.data_dir, {}));
  identity::KubeconfigOptions options;
  options.server = args.connection.server.empty() ? known.server : args.connection.server;
  options.authority = known.authority;
  options.ns = namespace_of(common).str();
  if (args.client_certificate) {
    return with_certificate(common, args, std::move(options));
  }
  options.user = "admin";
  options.token = &known.token;
  return identity::make_kubeconfig(options);
}

std::string problem_of(const KubeconfigArgs& args) {
  if (args.client_certificate && args.user.empty()) {
    return "--client-certificate needs --user, for whom it is";
  }
  if (!args.client_certificate &&
      (!args.user.empty() || !args.groups.empty() || !args.expires.empty())) {
    return "--user, --group and --expires need --client-certificate; reeve token create makes a "
           "token for a user";
  }
  return {};
}

/// RFC 3339 with whole seconds.
std::string whole_seconds(Timestamp time) {
  return concat(format_timestamp(time).substr(0, 19), "Z");
}

Result<void> make_token(const Common& common, const TokenArgs& args) {
  REEVE_TRY(const std::unique_ptr<ApiClient> client, client_of(common, args.connection));
  platform::SystemRandom random;
  const identity::NewToken token = identity::make_static_token(random);
  Json groups = Json::array();
  for (const std::string& group : args.groups) {
    groups.push(group);
  }
  Json spec = Json::object();
  spec.set("user", args.user).set("groups", std::move(groups)).set("hash", token.hash);
  if (!args.expires.empty()) {
    REEVE_TRY(const Duration lifetime, parse_duration(args.expires));
    spec.set("expirationTime", whole_seconds(platform::SystemClock().now() + lifetime));
  }
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "Token");
  object.set("metadata", Json::object().set("name", args.name)).set("spec", std::move(spec));
  REEVE_TRY(const auto* type, find_type("tokens"));
  ApiRequest request;
  request.method = "POST";
  request.path = concat(collection_path(*type, ""), "?fieldManager=reeve");
  request.body = object.dump();
  REEVE_TRY(const Json made, client->ask(request));
  if (common.output == Output::Text) {
    print(concat(token.text.view(), "\n"));
    print_error_text("reeve: this is the only time that the token is shown\n");
    return {};
  }
  Json answer = Json::object();
  answer.set("name", args.name).set("token", token.text.view());
  answer.set("spec", *made.find("spec"));
  print(common.output == Output::Json ? answer.pretty() : to_yaml(answer));
  return {};
}

/// The question of `can-i` as `resourceAttributes` or `nonResourceAttributes`.
Result<Json> question_of(const Common& common, const CanIArgs& args) {
  Json attributes = Json::object();
  attributes.set("verb", args.verb);
  if (args.type.starts_with('/')) {
    attributes.set("path", args.type);
    return Json::object().set("nonResourceAttributes", std::move(attributes));
  }
  const std::size_t slash = args.type.find('/');
  const std::string behind = slash == std::string::npos ? "" : args.type.substr(slash + 1);
  std::string name = args.name;
  if (args.type == "*") {
    attributes.set("group", "*").set("resource", "*").set("namespace", namespace_of(common).str());
  } else {
    REEVE_TRY(const auto* type, find_type(args.type.substr(0, slash)));
    attributes.set("group", type->group).set("version", type->version);
    attributes.set("resource", type->plural);
    if (type->subresource(behind) != nullptr) {
      attributes.set("subresource", behind);
    } else if (!behind.empty()) {
      name = behind;
    }
    if (type->namespaced && !common.all_namespaces) {
      attributes.set("namespace", namespace_of(common).str());
    }
  }
  if (!name.empty()) {
    attributes.set("name", name);
  }
  return Json::object().set("resourceAttributes", std::move(attributes));
}

Result<Json> review(const Common& common, const CanIArgs& args) {
  REEVE_TRY(const std::unique_ptr<ApiClient> client, client_of(common, args.connection));
  REEVE_TRY(Json spec, question_of(common, args));
  const bool other = !args.as.empty();
  if (other) {
    Json groups = Json::array();
    for (const std::string& group : args.as_groups) {
      groups.push(group);
    }
    spec.set("user", args.as).set("groups", std::move(groups));
  }
  Json object = Json::object();
  object.set("apiVersion", "authorization.k8s.io/v1");
  object.set("kind", other ? "SubjectAccessReview" : "SelfSubjectAccessReview");
  object.set("spec", std::move(spec));
  ApiRequest request;
  request.method = "POST";
  request.path = concat(
      "/apis/authorization.k8s.io/v1/", other ? "subjectaccessreviews" : "selfsubjectaccessreviews"
  );
  request.body = object.dump();
  return client->ask(request);
}

}  // namespace

int print_kubeconfig(const Common& common, const KubeconfigArgs& args) {
  if (const std::string problem = problem_of(args); !problem.empty()) {
    print_error_text(concat("reeve: ", problem, "\nSee reeve kubeconfig --help.\n"));
    return static_cast<int>(ExitCode::Usage);
  }
  const Result<Secret> text = kubeconfig_text(common, args);
  if (!text) {
    return report(text.error());
  }
  if (!args.to.empty()) {
    return finished(platform::write_file_atomically(args.to, text->view(), kOwnerOnly));
  }
  print(text->view());
  return static_cast<int>(ExitCode::Done);
}

int create_token(const Common& common, const TokenArgs& args) {
  return finished(make_token(common, args));
}

int list_tokens(const Common& common, const TokenArgs& args) {
  ObjectsArgs objects;
  objects.connection = args.connection;
  objects.words = {"tokens"};
  return get_objects(common, objects);
}

int revoke_token(const Common& common, const TokenArgs& args) {
  ObjectsArgs objects;
  objects.connection = args.connection;
  objects.words = {"token", args.name};
  return delete_objects(common, objects);
}

int ask_can_i(const Common& common, const CanIArgs& args) {
  const Result<Json> answer = review(common, args);
  if (!answer) {
    return report(answer.error());
  }
  const Json* status = answer->find("status");
  const bool allowed = status != nullptr && status->get_bool("allowed");
  if (common.output == Output::Text) {
    print(allowed ? "yes\n" : "no\n");
    if (const std::string why = status == nullptr ? "" : status->get_string("reason");
        !allowed && !why.empty()) {
      print_error_text(concat("reeve: ", printable(why), "\n"));
    }
  } else {
    print(common.output == Output::Json ? answer->pretty() : to_yaml(*answer));
  }
  return static_cast<int>(allowed ? ExitCode::Done : ExitCode::WorkFailed);
}

}  // namespace reeve::cli
