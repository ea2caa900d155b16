#include "security/identity/kubeconfig.h"

#include "base/json.h"
#include "base/strings.h"
#include "security/sealing/sealing.h"

namespace reeve::identity {

namespace {

/// A JSON string is a YAML one.
std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

std::string cluster_part(const KubeconfigOptions& options) {
  return concat(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: ",
      quoted(options.name),
      "\n  cluster:\n    server: ",
      quoted(options.server),
      "\n",
      options.authority.empty()
          ? ""
          : concat("    certificate-authority-data: ", sealing::to_base64(options.authority), "\n")
  );
}

std::string context_part(const KubeconfigOptions& options, std::string_view user) {
  return concat(
      "contexts:\n- name: ",
      quoted(options.name),
      "\n  context:\n    cluster: ",
      quoted(options.name),
      "\n    user: ",
      quoted(user),
      "\n    namespace: ",
      quoted(options.ns),
      "\ncurrent-context: ",
      quoted(options.name),
      "\n"
  );
}

}  // namespace

Result<Secret> make_kubeconfig(const KubeconfigOptions& options) {
  if (!options.server.starts_with("https://") && !options.server.starts_with("http://")) {
    return invalid("must be an http or https address", "server");
  }
  if (options.name.empty() || options.ns.empty()) {
    return invalid("must not be empty", options.name.empty() ? "name" : "namespace");
  }
  const bool has_certificate = !options.client_certificate.empty();
  if ((options.token != nullptr) == has_certificate ||
      has_certificate != (options.client_key != nullptr)) {
    return invalid("must have either a token, or a certificate with its key", "user");
  }
  const std::string user = options.user.empty() ? options.name : options.user;
  std::string text = cluster_part(options);
  std::string proof;
  if (options.token != nullptr) {
    proof = concat("    token: ", quoted(options.token->view()), "\n");
  } else {
    proof = concat(
        "    client-certificate-data: ",
        sealing::to_base64(options.client_certificate),
        "\n    client-key-data: ",
        sealing::to_base64(options.client_key->view()),
        "\n"
    );
  }
  // In one piece of memory, so that none is left behind.
  const std::string context = context_part(options, user);
  const std::string head = concat("users:\n- name: ", quoted(user), "\n  user:\n");
  std::string whole;
  whole.reserve(text.size() + head.size() + proof.size() + context.size());
  whole.append(text).append(head).append(proof).append(context);
  Secret result(whole);
  wipe(whole);
  wipe(proof);
  return result;
}

}  // namespace reeve::identity
