#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

struct SecretShape {
  std::string_view prefix;
  std::string_view what;
};

constexpr SecretShape kSecretShapes[] = {
    {"ghp_", "a GitHub token"},
    {"gho_", "a GitHub token"},
    {"ghs_", "a GitHub token"},
    {"ghu_", "a GitHub token"},
    {"github_pat_", "a GitHub token"},
    {"glpat-", "a GitLab token"},
    {"sk-", "an API key"},
    {"sk_live_", "a payment key"},
    {"rk_live_", "a payment key"},
    {"AKIA", "an AWS access key"},
    {"ASIA", "an AWS access key"},
    {"xoxb-", "a Slack token"},
    {"xoxp-", "a Slack token"},
    {"xapp-", "a Slack token"},
    {"AIza", "a Google API key"},
    {"ya29.", "a Google access token"},
    {"npm_", "an npm token"},
    {"pypi-", "a PyPI token"},
    {"hf_", "a Hugging Face token"},
    {"dop_v1_", "a DigitalOcean token"},
    {"eyJhbGciOi", "a signed token"},
    {"-----BEGIN ", "a private key"},
};
constexpr std::size_t kSecretTailMin = 16;
constexpr std::size_t kSecretValueMin = 8;
constexpr std::size_t kRandomMin = 24;
constexpr std::size_t kRandomMax = 200;
/// Bits per character; English text has about 4 only with spaces, which random values lack.
constexpr double kRandomBits = 4.0;

constexpr std::string_view kSecretWords[] = {
    "PASSWORD", "PASSWD", "SECRET", "API_KEY", "APIKEY", "_TOKEN", "ACCESS_KEY", "PRIVATE_KEY"};
/// Names of values that look random and are no secrets.
constexpr std::string_view kPublicWords[] = {
    "SHA",
    "DIGEST",
    "CHECKSUM",
    "HASH",
    "COMMIT",
    "REVISION",
    "PUBLIC",
    "FINGERPRINT",
    "URL",
    "PATH"};

bool mentions(std::string_view name, const auto& words) {
  return std::any_of(std::begin(words), std::end(words), [name](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  });
}

bool names_a_secret(std::string_view name) {
  const std::string upper = to_upper(name);
  for (const std::string_view word : kSecretWords) {
    if (upper.ends_with(word) || upper == word.substr(word.find_first_not_of('_'))) {
      return true;
    }
  }
  return false;
}

/// Letters of both cases and digits, as random as a generator's.
bool looks_random(std::string_view value) {
  if (value.size() < kRandomMin || value.size() > kRandomMax) {
    return false;
  }
  std::array<int, 128> counts{};
  bool upper = false;
  bool lower = false;
  bool digit = false;
  for (const char c : value) {
    const bool known = is_word(c) || c == '+' || c == '/' || c == '=' || c == '-';
    if (!known) {
      return false;
    }
    upper = upper || (c >= 'A' && c <= 'Z');
    lower = lower || (c >= 'a' && c <= 'z');
    digit = digit || (c >= '0' && c <= '9');
    ++counts[static_cast<std::size_t>(c)];
  }
  double bits = 0;
  for (const int count : counts) {
    if (count > 0) {
      const double share = static_cast<double>(count) / static_cast<double>(value.size());
      bits -= share * std::log2(share);
    }
  }
  return upper && lower && digit && bits >= kRandomBits;
}

/// Secrets that stand in the document, where everybody who may read it can use them. A finding
/// never repeats the value.
class SecretCheck {
 public:
  SecretCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    const Workflow& workflow = facts_.workflow();
    for (const workflow::Param& param : workflow.params) {
      if (param.fallback && param.fallback->is_string()) {
        check_named(
            param.name,
            {param.fallback->as_string(), param.position},
            facts_.field(nullptr, concat("params.", param.name), "params")
        );
      }
    }
    for (const Use& use : facts_.uses()) {
      if (findings_.full()) {
        return;
      }
      if (use.role == Role::Script) {
        if (!check_shapes(use.text, use.field)) {
          check_assignments(use);
        }
      } else if (use.role == Role::Url) {
        check_url(use);
      } else {
        check_named(use.field.substr(use.field.rfind('.') + 1), use.text, use.field);
      }
    }
  }

 private:
  void report(std::string_view what, Position position, const std::string& field) {
    findings_.add(
        {.rule = "hard-coded-secret",
         .position = position,
         .field = field,
         .message = concat("looks like ", what, " in the document"),
         .fix = facts_.native()
                    ? std::string("store it as a credential and name it in credentials, which puts "
                                  "it into the environment")
                    : std::string("store it as a secret configuration, or as a credential that the "
                                  "task names in credentials")}
    );
  }

  bool check_shapes(const Text& text, const std::string& field) {
    const std::string_view body = text.text;
    bool found = false;
    for (const auto& [prefix, what] : kSecretShapes) {
      for (std::size_t at = body.find(prefix); at != std::string_view::npos && !findings_.full();
           at = body.find(prefix, at + 1)) {
        if (is_secret_at(body, at, prefix)) {
          report(what, place_of(text, at), field);
          found = true;
        }
      }
    }
    return found;
  }

  static bool is_secret_at(std::string_view body, std::size_t at, std::string_view prefix) {
    const bool key = prefix.front() == '-';
    std::size_t end = at + prefix.size();
    while (end < body.size() &&
           (is_word(body[end]) || body[end] == '-' || (key && body[end] == ' '))) {
      ++end;
    }
    if (at > 0 && (is_word(body[at - 1]) || body[at - 1] == '-')) {
      return false;
    }
    return key ? body.substr(at, end - at).find("PRIVATE KEY") != std::string_view::npos
               : end - at - prefix.size() >= kSecretTailMin;
  }

  static bool is_constant(std::string_view value) {
    return value.size() >= kSecretValueMin && value.find("{{") == std::string_view::npos &&
           value.find('$') == std::string_view::npos &&
           value.find_first_of(" /\n") == std::string_view::npos;
  }

  void check_named(const std::string& name, const Text& text, const std::string& field) {
    if (check_shapes(text, field)) {
      return;
    }
    const std::string_view value = text.text;
    if (names_a_secret(name) && is_constant(value)) {
      report("a secret", text.position, field);
    } else if (!mentions(to_upper(name), kPublicWords) && looks_random(value)) {
      report("a random value, such as a key,", text.position, field);
    } else {
      constexpr std::string_view kBearer = "Bearer ";
      if (value.starts_with(kBearer) && is_constant(value.substr(kBearer.size()))) {
        report("a token", text.position, field);
      }
    }
  }

  /// `API_TOKEN=abc…` in a script.
  void check_assignments(const Use& use) {
    const std::string_view script = use.text.text;
    for (std::size_t at = script.find('='); at != std::string_view::npos;
         at = script.find('=', at + 1)) {
      std::size_t begin = at;
      while (begin > 0 && is_word(script[begin - 1])) {
        --begin;
      }
      std::size_t from = at + 1;
      const bool quoted = from < script.size() && (script[from] == '"' || script[from] == '\'');
      from += quoted ? 1 : 0;
      const std::size_t end = std::min(
          script.size(), script.find_first_of(quoted ? "\"'\n" : " \t\n;|&<>()\"'`", from)
      );
      const std::string_view name = script.substr(begin, at - begin);
      if (is_environment_name(name) && names_a_secret(name) &&
          is_constant(script.substr(from, end - from))) {
        report("a secret", place_of(use.text, begin), use.field);
      }
    }
  }

  /// `https://user:password@host/`.
  void check_url(const Use& use) {
    if (check_shapes(use.text, use.field)) {
      return;
    }
    const std::string_view url = use.text.text;
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
      return;
    }
    const std::string_view rest = url.substr(scheme + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const std::size_t at = authority.rfind('@');
    const std::size_t colon = authority.find(':');
    if (at != std::string_view::npos && colon < at &&
        authority.substr(colon, at - colon).find("{{") == std::string_view::npos) {
      report("a password", place_of(use.text, scheme + 3), use.field);
    }
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_secrets(const Facts& facts, Findings& findings) {
  SecretCheck(facts, findings).run();
}

}  // namespace reeve::lint
