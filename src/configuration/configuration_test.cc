#include "configuration/configuration.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "configuration/server_settings.h"

namespace reeve::configuration {
namespace {

Sources file(std::string text) {
  return {.file = std::pair<std::string, std::string>("reeve.yaml", std::move(text))};
}

std::vector<std::string> described(const std::vector<Error>& errors) {
  std::vector<std::string> lines;
  for (const Error& error : errors) {
    lines.push_back(error.describe());
  }
  return lines;
}

Configuration loaded(const Sources& sources) {
  Loaded result = load(sources);
  EXPECT_TRUE(result.ok()) << join(described(result.errors), "\n");
  return std::move(result.configuration);
}

std::vector<std::string> errors(const Sources& sources) {
  return described(load(sources).errors);
}

std::string origin_of(const Configuration& configuration, std::string_view key) {
  return configuration.origin(*find_setting(key)).text();
}

TEST(Configuration, LaterLayersWin) {
  Sources sources = file(
      "log:\n  level: debug\n  format: text\nserver:\n  grace: 1m\nlimits: {connections_max: 7}\n"
  );
  sources.environment = {
      {"REEVE_LOG_LEVEL", "warn"}, {"REEVE_SERVER_GRACE", "2m"}, {"PATH", "/bin"}};
  sources.flags = {{"server.grace", "3m"}};
  const Configuration configuration = loaded(sources);
  EXPECT_EQ(configuration.text("log.level"), "warn");
  EXPECT_EQ(configuration.text("log.format"), "text");
  EXPECT_EQ(configuration.duration("server.grace"), Duration{180'000});
  EXPECT_EQ(configuration.number("limits.connections_max"), 7);
  EXPECT_EQ(configuration.number("history.missions_max"), 10'000);
  EXPECT_EQ(origin_of(configuration, "log.level"), "REEVE_LOG_LEVEL");
  EXPECT_EQ(origin_of(configuration, "log.format"), "reeve.yaml:3");
  EXPECT_EQ(origin_of(configuration, "server.grace"), "--server-grace");
  EXPECT_EQ(origin_of(configuration, "limits.connections_max"), "reeve.yaml:6");
  EXPECT_EQ(origin_of(configuration, "history.missions_max"), "default");
}

TEST(Configuration, AFileWithoutSettingsSetsNothing) {
  EXPECT_TRUE(load(file("")).ok());
  EXPECT_TRUE(load(file("# log:\n\n#   level: debug\n")).ok());
  EXPECT_TRUE(load({}).ok());
}

TEST(Configuration, TellsEverythingThatIsWrongAtOnce) {
  Sources sources = file(
      "server:\n"
      "  listen: [127.0.0.1, '[::1]:80']\n"
      "  grace: 30\n"
      "  tsl: off\n"
      "log: loud\n"
      "limits:\n"
      "  body_bytes_max: 1GiB\n"
      "level: debug\n"
  );
  sources.environment = {{"REEVE_RUN_SLOTS", "many"}, {"REEVE_AUTH_ANONYMOUS", "yes"}};
  sources.flags = {{"telemetry.sample_ratio", "1.5"}, {"log.formt", "json"}};
  EXPECT_EQ(
      errors(sources),
      (std::vector<std::string>{
          "reeve.yaml:2:11: server.listen: entry 1: \"127.0.0.1\" has no port from 0 to 65535",
          "reeve.yaml:3:10: server.grace: \"30\" is no duration (write it like 500ms, 30s, 1h30m, "
          "7d)",
          "reeve.yaml:4:3: server.tsl: there is no such setting (did you mean server.tls?)",
          "reeve.yaml:5:6: log: is text, but settings lie below it",
          "reeve.yaml:7:19: limits.body_bytes_max: 1GiB is not within 1KiB and 64MiB",
          "reeve.yaml:8:1: level: there is no such setting (did you mean log.level?)",
          "REEVE_RUN_SLOTS: \"many\" is no whole number",
          "REEVE_AUTH_ANONYMOUS: \"yes\" is neither true nor false",
          "--log-formt: there is no such setting (did you mean log.format?)",
          "--telemetry-sample-ratio: \"1.5\" is no number from 0 to 1"})
  );
}

TEST(Configuration, RefusesAFileThatIsNoMapOfSettings) {
  EXPECT_EQ(errors(file("- a\n")).size(), 1U);
  EXPECT_EQ(
      errors(file("log:\n  level: info\n  level: debug\n")).at(0).substr(0, 17), "reeve.yaml:3:3: t"
  );
  EXPECT_EQ(errors(file("log:\n  level:\n")).size(), 1U);
  EXPECT_EQ(errors(file("run:\n  labels: a=b\n")).size(), 1U);
  EXPECT_EQ(errors(file("run:\n  labels: [{a: b}]\n")).size(), 1U);
  EXPECT_EQ(errors(file("log:\n  level: [info]\n")).size(), 1U);
  EXPECT_EQ(errors(file("log: {}\nfoo: {}\n")).size(), 1U);
}

TEST(Configuration, WarnsOfUnknownVariablesAndNamesTheNearest) {
  Sources sources;
  sources.environment = {
      {"REEVE_LOG_LEVL", "debug"}, {"REEVE_DATA", "/x"}, {"REEVER", "1"}, {"REEVE_ZZZZZZZZ", ""}};
  sources.other_variables = {"REEVE_DATA"};
  const Loaded result = load(sources);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(
      described(result.warnings),
      (std::vector<std::string>{
          "REEVE_LOG_LEVL: no setting has this variable (did you mean REEVE_LOG_LEVEL?)",
          "REEVE_ZZZZZZZZ: no setting has this variable"})
  );
}

TEST(Configuration, ListsAreCommaSeparatedOutsideOfTheFile) {
  Sources sources = file("run:\n  labels:\n  - gpu\n");
  EXPECT_EQ(loaded(sources).list("run.labels"), (std::vector<std::string>{"gpu"}));
  sources.environment = {{"REEVE_RUN_LABELS", "gpu, zone-b"}};
  EXPECT_EQ(loaded(sources).list("run.labels"), (std::vector<std::string>{"gpu", "zone-b"}));
  sources.environment = {{"REEVE_RUN_LABELS", ""}};
  EXPECT_TRUE(loaded(sources).list("run.labels").empty());
  sources.flags = {{"run.labels", "a"}, {"run.labels", "b,c"}};
  EXPECT_EQ(loaded(sources).list("run.labels").size(), 3U);
  sources.flags = {{"run.labels", "a,,b"}};
  EXPECT_EQ(errors(sources).at(0), "--run-labels: entry 2 is empty");
  sources.flags = {{"run.labels", "a,a"}};
  EXPECT_EQ(errors(sources).at(0), "--run-labels: entry 2: \"a\" comes twice");
  sources.flags = {{"log.level", "info"}, {"log.level", "warn"}};
  EXPECT_EQ(errors(sources).at(0), "--log-level: is given twice");
}

TEST(Configuration, ChecksWhatTextsMean) {
  const auto refused = [](std::string key, std::string text) {
    Sources sources;
    sources.flags = {{std::move(key), std::move(text)}};
    return !load(sources).ok();
  };
  EXPECT_TRUE(refused("auth.oidc.issuer", "http://example.org"));
  EXPECT_TRUE(refused("telemetry.otlp_endpoint", "collector:4318"));
  EXPECT_TRUE(refused("telemetry.otlp_endpoint", "http://user@collector"));
  EXPECT_FALSE(refused("telemetry.otlp_endpoint", "http://collector:4318"));
  EXPECT_TRUE(refused("server.advertise", "a b"));
  EXPECT_TRUE(refused("run.labels", "gpu=yes"));
  EXPECT_TRUE(refused("run.labels", "-a"));
  EXPECT_FALSE(refused("tools.commands", "TOKEN=** LOG_*=info npx -y server --mode=x ..."));
  EXPECT_TRUE(refused("tools.commands", "TOKEN=**"));
  EXPECT_TRUE(refused("tools.commands", "npx ... more"));
  EXPECT_TRUE(refused("log.level", ""));
  EXPECT_TRUE(refused("log.level", "info,net"));
  EXPECT_TRUE(refused("log.level", "info,debug"));
  EXPECT_TRUE(refused("log.level", "info,net=info,net=debug"));
  EXPECT_FALSE(refused("log.level", "info, net/tls=trace"));
  EXPECT_TRUE(refused("log.format", "xml"));
  EXPECT_TRUE(refused("server.tls_cert", "a\nb"));
  EXPECT_TRUE(refused("server.tls_cert", std::string(kTextBytesMax + 1, 'x')));
  EXPECT_TRUE(refused("run.slots", "0"));
  EXPECT_TRUE(refused("run.slots", "1e3"));
  EXPECT_TRUE(refused("telemetry.sample_ratio", "nan"));
}

TEST(Configuration, SettingsThatNeedEachOtherAreCheckedTogether) {
  EXPECT_EQ(
      errors(file("server:\n  tls: files\n  tls_cert: a.pem\n")),
      (std::vector<std::string>{
          "reeve.yaml:2: server.tls: is files, but server.tls_key is empty (name both files)"})
  );
  EXPECT_EQ(
      errors(file("server:\n  tls_key: a.pem\n")),
      (std::vector<std::string>{"reeve.yaml:2: server.tls_key: means nothing with server.tls auto "
                                "(set server.tls to files)"})
  );
  EXPECT_EQ(errors(file("server:\n  tls: off\n  tls_client_ca: a.pem\n")).size(), 1U);
  EXPECT_EQ(
      errors(file("auth:\n  oidc:\n    audience: [reeve]\n")),
      (std::vector<std::string>{"reeve.yaml:3: auth.oidc.audience: means nothing without "
                                "auth.oidc.issuer (name the provider)"})
  );
  EXPECT_EQ(errors(file("auth:\n  oidc:\n    issuer: https://id.example.org\n")).size(), 1U);
  EXPECT_TRUE(
      errors(file("auth:\n  oidc: {issuer: 'https://id.example.org', audience: [reeve]}\n")).empty()
  );
  Sources sources;
  sources.environment = {{"REEVE_TELEMETRY_OTLP_HEADERS", "Authorization=Bearer x"}};
  EXPECT_EQ(
      errors(sources),
      (std::vector<std::string>{"REEVE_TELEMETRY_OTLP_HEADERS: means nothing without "
                                "telemetry.otlp_endpoint (name the collector)"})
  );
  // What is wrong by itself is told once.
  EXPECT_EQ(errors(file("server:\n  tls: maybe\n  tls_cert: a.pem\n")).size(), 1U);
}

TEST(Configuration, PlainTextBeyondThisMachineHasToBeWanted) {
  EXPECT_TRUE(load(file("server: {tls: off}\n")).ok());
  EXPECT_TRUE(load(file("server: {tls: off, listen: ['127.0.0.2:1', '[::1]:1']}\n")).ok());
  EXPECT_EQ(
      errors(file("server:\n  listen: ['127.0.0.1:1', ':7070']\n  tls: off\n")),
      (std::vector<std::string>{
          "reeve.yaml:3: server.tls: is off, and :7070 can be reached from other machines (use "
          "TLS, "
          "listen at 127.0.0.1 behind a proxy, or set server.allow_plain_text)"})
  );
  const Loaded wanted =
      load(file("server: {tls: off, listen: [':7070'], allow_plain_text: true}\n"));
  EXPECT_TRUE(wanted.ok());
  EXPECT_EQ(wanted.warnings.size(), 1U);
}

TEST(Configuration, SecretsAreNeverShown) {
  Sources sources;
  sources.environment = {
      {"REEVE_TELEMETRY_OTLP_HEADERS", "Authorization=Bearer hunter22"},
      {"REEVE_TELEMETRY_OTLP_ENDPOINT", "https://collector"}};
  const Configuration configuration = loaded(sources);
  EXPECT_EQ(configuration.list("telemetry.otlp_headers").at(0), "Authorization=Bearer hunter22");
  EXPECT_EQ(show_text(configuration).find("hunter22"), std::string::npos);
  EXPECT_NE(show_text(configuration).find("****"), std::string::npos);
  EXPECT_EQ(show_json(configuration).dump().find("hunter22"), std::string::npos);
  const auto found = changes(Configuration(), configuration);
  for (const Change& change : found) {
    EXPECT_EQ(change.after.find("hunter22"), std::string::npos);
  }
  sources.environment = {{"REEVE_TELEMETRY_OTLP_HEADERS", "hunter22"}};
  EXPECT_EQ(
      errors(sources).at(0),
      "REEVE_TELEMETRY_OTLP_HEADERS: entry 1: the value is not of the form Name=value"
  );
}

TEST(Configuration, ShowsEachValueWithItsOrigin) {
  Sources sources = file("log:\n  level: debug\n");
  const Configuration configuration = loaded(sources);
  const std::string text = show_text(configuration);
  bool found = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("log.level ")) {
      found = true;
      EXPECT_NE(line.find(" debug "), std::string_view::npos);
      EXPECT_TRUE(line.ends_with("  reeve.yaml:2"));
    }
  }
  EXPECT_TRUE(found);
  const Json json = show_json(configuration);
  ASSERT_EQ(json.as_array().size(), settings().size());
  for (const Json& entry : json.as_array()) {
    if (entry.get_string("key") == "log.level") {
      EXPECT_EQ(
          entry.dump(),
          R"({"key":"log.level","value":"debug","origin":{"layer":"file","name":"reeve.yaml",)"
          R"("line":2},"default":"info","reloadable":true,"env":"REEVE_LOG_LEVEL"})"
      );
    }
  }
}

TEST(Configuration, AReloadTellsWhatChangedAndWhatWaits) {
  const Configuration before = loaded({});
  const Configuration after = loaded(file("log: {level: debug}\nrun: {slots: 4}\n"));
  const auto found = changes(before, after);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].setting->key, "log.level");
  EXPECT_EQ(found[0].before, "info");
  EXPECT_EQ(found[0].after, "debug");
  EXPECT_FALSE(found[0].needs_restart());
  EXPECT_TRUE(found[1].needs_restart());
  const Configuration mixed = reloaded(before, after);
  EXPECT_EQ(mixed.text("log.level"), "debug");
  EXPECT_EQ(mixed.number("run.slots"), 16);
  EXPECT_EQ(origin_of(mixed, "run.slots"), "default");
  EXPECT_TRUE(changes(before, before).empty());
}

TEST(Configuration, SurvivesEveryWayToCutAFile) {
  const std::string text =
      "server:\n  listen: [127.0.0.1:7070, ':80']\n  tls: &t off\nlog: {level: \"info\"}\n"
      "run:\n  labels:\n  - a\n";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    for (const Error& error : load(file(text.substr(0, at))).errors) {
      EXPECT_EQ(error.file, "reeve.yaml");
      EXPECT_FALSE(error.message.empty());
    }
  }
}

TEST(Configuration, BoundsTheProblemsItTells) {
  std::string text;
  for (int i = 0; i < 250; ++i) {
    text += concat("zzzzz", i, ": 1\n");
  }
  const auto lines = errors(file(text));
  EXPECT_EQ(lines.size(), kProblemsMax);
  EXPECT_NE(lines.back().find("and 150 further problems"), std::string::npos);
}

TEST(Settings, HaveNamesOfTheirOwnEverywhere) {
  EXPECT_TRUE(name_clashes(settings()).empty());
  constexpr Setting kClash[] = {{.key = "a.b_c"}, {.key = "a.b.c"}};
  EXPECT_EQ(name_clashes(kClash), (std::vector<std::string_view>{"a.b.c"}));
  EXPECT_EQ(env_name("server.tls_cert"), "REEVE_SERVER_TLS_CERT");
  EXPECT_EQ(flag_name("server.tls_cert"), "--server-tls-cert");
}

TEST(Settings, AreDescribedAndNeitherKeyNorSectionIsBoth) {
  for (const Setting& setting : settings()) {
    EXPECT_FALSE(setting.description.empty()) << setting.key;
    EXPECT_FALSE(setting.description.ends_with('.')) << setting.key;
    EXPECT_EQ(setting.type == Type::Choice, !setting.choices.empty()) << setting.key;
    for (const Setting& other : settings()) {
      EXPECT_FALSE(other.key.starts_with(concat(setting.key, '.'))) << other.key;
    }
  }
}

TEST(Settings, WrittenValuesReadBack) {
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    Sources sources;
    sources.environment = {{env_name(setting.key), defaults.written(setting)}};
    const Loaded result = load(sources);
    EXPECT_EQ(result.configuration.value(setting), defaults.value(setting)) << setting.key;
  }
}

TEST(Settings, AddressesAreReadStrictly) {
  const auto host = [](std::string_view text) {
    const auto address = parse_listen_address(text);
    return address ? concat(address->host, ' ', address->port) : "refused";
  };
  EXPECT_EQ(host("127.0.0.1:7070"), "127.0.0.1 7070");
  EXPECT_EQ(host("[::1]:0"), "::1 0");
  EXPECT_EQ(host("localhost:1"), "127.0.0.1 1");
  EXPECT_EQ(host(":7070"), "0.0.0.0 7070");
  for (const std::string_view text :
       {"",
        "7070",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "::1:80",
        "[127.0.0.1]:80",
        "[::1]",
        "example.org:80",
        "127.0.0.1:80x",
        "256.0.0.1:1"}) {
    EXPECT_EQ(host(text), "refused") << text;
  }
}

TEST(Settings, SizesHaveUnits) {
  EXPECT_EQ(*parse_bytes("0"), 0);
  EXPECT_EQ(*parse_bytes("512B"), 512);
  EXPECT_EQ(*parse_bytes("64KiB"), 65'536);
  EXPECT_EQ(*parse_bytes("2GiB"), std::int64_t{2} << 30U);
  EXPECT_EQ(format_bytes(65'536), "64KiB");
  EXPECT_EQ(format_bytes(65'537), "65537");
  EXPECT_EQ(format_bytes(0), "0");
  for (const std::string_view text : {"", "KiB", "-1", "1.5MiB", "1MB", "1 MiB", "9999999999GiB"}) {
    EXPECT_FALSE(parse_bytes(text).ok()) << text;
  }
}

TEST(Settings, ReachTheServer) {
  const ServerSettings defaults = server_settings(Configuration());
  EXPECT_EQ(defaults.server.listen, (std::vector<ListenAddress>{{"127.0.0.1", 7070}}));
  EXPECT_EQ(defaults.server.tls, TlsMode::Auto);
  EXPECT_EQ(defaults.server.grace, Duration{30'000});
  EXPECT_FALSE(defaults.auth.oidc.enabled());
  EXPECT_FALSE(defaults.auth.front_proxy.enabled());
  EXPECT_EQ(defaults.limits.body_bytes_max, 3 << 20);
  const ServerSettings settings = server_settings(
      loaded(file("server: {tls: files, tls_cert: c, tls_key: k, advertise: [reeve.example.org]}\n"
                  "auth:\n"
                  "  anonymous: true\n"
                  "  oidc: {issuer: 'https://id', audience: [a, b], groups_claim: ''}\n"
                  "  front_proxy: {client_ca: p, allowed_names: [aggregator]}\n"
                  "telemetry: {sample_ratio: 1, accept_otlp: false}\n"
                  "history: {age: 30d}\n"))
  );
  EXPECT_EQ(settings.server.tls, TlsMode::Files);
  EXPECT_EQ(settings.server.tls_key, "k");
  EXPECT_TRUE(settings.auth.anonymous);
  EXPECT_EQ(settings.auth.oidc.audience.size(), 2U);
  EXPECT_EQ(settings.auth.oidc.groups_claim, "");
  EXPECT_EQ(settings.auth.oidc.algorithms.size(), 4U);
  EXPECT_EQ(settings.auth.front_proxy.allowed_names.at(0), "aggregator");
  EXPECT_EQ(settings.auth.front_proxy.user_header, "X-Remote-User");
  EXPECT_EQ(settings.telemetry.sample_ratio, 1);
  EXPECT_FALSE(settings.telemetry.accept_otlp);
  EXPECT_EQ(settings.history.age, std::chrono::hours(30 * 24));
}

TEST(ReferencePage, IsTheOneThatIsInTheDocuments) {
  const std::string path = std::string(__FILE__);
  const std::string root = path.substr(0, path.rfind("src/configuration/"));
  std::ifstream stream(root + "docs/reference/configuration.md");
  std::stringstream text;
  text << stream.rdbuf();
  EXPECT_TRUE(text.str() == reference_page()) << "docs/reference/configuration.md shall be:\n"
                                              << reference_page();
}

}  // namespace
}  // namespace reeve::configuration
