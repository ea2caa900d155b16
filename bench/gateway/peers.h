#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "load.h"
#include "machine.h"

/// Those who stand between a client and the provider.
namespace reeve::bench {

namespace fs = std::filesystem;

/// Somebody who is asked.
struct Peer {
  std::string name;
  std::uint16_t port = 0;
  std::string path = "/v1/chat/completions";
  std::vector<std::string> headers = {};
  /// Whose processor time and memory count.
  std::vector<pid_t> pids = {};
  /// What it needs of the disk.
  fs::path directory = {};
};

inline void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path) << text;
}

/// Where scripts/install_gateways puts what it finds.
inline fs::path gateways_directory() {
  if (const char* given = std::getenv("REEVE_GATEWAYS")) {
    return given;
  }
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  return fs::path(
             cache != nullptr ? std::string(cache) : concat(home != nullptr ? home : "", "/.cache")
         ) /
         "reeve" / "gateways";
}

inline std::vector<pid_t> with_children(pid_t parent) {
  std::vector<pid_t> pids = {parent};
  std::ifstream file(concat("/proc/", parent, "/task/", parent, "/children"));
  for (pid_t child = 0; file >> child;) {
    pids.push_back(child);
  }
  return pids;
}

/// nginx as a plain proxy with one worker, which keeps its connections. Nothing: it is not here.
inline std::optional<Peer> start_nginx(const fs::path& directory, std::uint16_t provider) {
  const fs::path own = gateways_directory() / "nginx" / "usr" / "sbin" / "nginx";
  const std::string program = fs::exists(own) ? own.string() : "nginx";
  if (!run({program, "-v"})) {
    return {};
  }
  Peer peer{.name = "nginx", .port = free_port(), .directory = directory / "nginx"};
  fs::create_directories(peer.directory);
  const std::string at = peer.directory.string();
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += concat("  ", kind, "_temp_path ", at, "/", kind, ";\n");
  }
  write_file(
      peer.directory / "nginx.conf",
      concat(
          "daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid ",
          at,
          "/pid;\nerror_log ",
          at,
          "/errors;\nevents { worker_connections 16384; }\nhttp {\n  access_log off;\n",
          temporary,
          "  client_body_buffer_size 256k;\n  keepalive_requests 100000000;\n",
          "  upstream provider { server 127.0.0.1:",
          provider,
          "; keepalive 1024; keepalive_requests 100000000; }\n  server {\n    listen 127.0.0.1:",
          peer.port,
          " backlog=4096;\n    location / {\n      proxy_pass http://provider;\n",
          "      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n",
          "      proxy_buffering off;\n    }\n  }\n}\n"
      )
  );
  const pid_t pid =
      spawn({program, "-p", at, "-e", concat(at, "/errors"), "-c", concat(at, "/nginx.conf")});
  wait_until_it_listens(peer.port, "nginx");
  peer.pids = with_children(pid);
  return peer;
}

/// The gateway of Portkey, an npm package. Nothing: it is not here.
inline std::optional<Peer> start_portkey(std::uint16_t provider) {
  const fs::path program = gateways_directory() / "portkey" / "node_modules" / "@portkey-ai" /
                           "gateway" / "build" / "start-server.js";
  if (!fs::exists(program) || !run({"node", "--version"})) {
    return {};
  }
  Peer peer{
      .name = "portkey",
      .port = free_port(),
      .headers = {
          "Authorization: Bearer sk-standin",
          "x-portkey-provider: openai",
          concat("x-portkey-custom-host: http://127.0.0.1:", provider, "/v1")}};
  ::setenv("NODE_ENV", "production", 1);
  ::setenv("TRUSTED_CUSTOM_HOSTS", "127.0.0.1,localhost", 1);
  peer.pids = {spawn({"node", program.string(), concat("--port=", peer.port), "--headless"})};
  wait_until_it_listens(peer.port, "portkey");
  return peer;
}

/// A running `reeve up` with a route to the provider, a budget, and a run that asks.
class ReevePeer {
 public:
  ReevePeer(std::string program, const fs::path& parent, std::uint16_t provider)
      : program_(std::move(program)), data_(parent / "reeve") {
    fs::create_directories(data_);
    ::setenv("REEVE_MODELS_PRIVATE_ADDRESSES", "true", 1);
    // No setting of the program.
    ::unsetenv("REEVE_GATEWAYS");
    start();
    make_objects(provider);
    peer_.name = "reeve";
    peer_.path = "/llm/openai/v1/chat/completions";
    peer_.headers = {concat("Authorization: Bearer ", token_of_a_run())};
    peer_.pids = {pid_};
  }

  ~ReevePeer() {
    // The run outlives the server: it has to be over before its files go.
    write_file(data_ / "end", "");
    const fs::path over = data_ / "missions" / "asks" / "runs" / "asks.1.a.1" / "exit.json";
    for (int tries = 0; tries < 200 && !fs::exists(over); ++tries) {
      ::poll(nullptr, 0, 50);
    }
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  ReevePeer(const ReevePeer&) = delete;
  ReevePeer& operator=(const ReevePeer&) = delete;

  const Peer& peer() const { return peer_; }

 private:
  void start() {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
      fail("no pipe");
    }
    pid_ = spawn(
        {program_,
         "up",
         "--data",
         data_.string(),
         "--server-tls",
         "off",
         "--server-listen",
         "127.0.0.1:0",
         "--log-level",
         "warn",
         "--limits-requests-per-second",
         "0",
         "--limits-requests-per-second-per-address",
         "0",
         "--limits-connections-per-address-max",
         "10000"},
        pipe[1]
    );
    ::close(pipe[1]);
    std::string line;
    for (char c = 0; ::read(pipe[0], &c, 1) == 1 && c != '\n';) {
      line.push_back(c);
    }
    const std::size_t colon = line.rfind(':');
    std::from_chars(line.data() + colon + 1, line.data() + line.size(), peer_.port);
    std::ifstream token(data_ / "server" / "admin.token");
    std::getline(token, admin_);
    if (peer_.port == 0 || admin_.empty()) {
      fail(concat("reeve did not start: ", line));
    }
  }

  void make(std::string_view plural, std::string_view object) const {
    const std::string path = concat("/apis/reeve.dev/v1/namespaces/default/", plural);
    const int fd = connect_to(peer_.port);
    send_all(fd, post(path, {concat("Authorization: Bearer ", admin_)}, object));
    Answer answer;
    while (!answer.take(fd)) {
    }
    ::close(fd);
  }

  void make_objects(std::uint16_t provider) const {
    write_file(data_ / "key", "sk-standin");
    if (!run(
            {program_,
             "credential",
             "set",
             "provider-key",
             "--from-file",
             (data_ / "key").string(),
             "--data",
             data_.string()}
        )) {
      fail("the credential was not stored");
    }
    make(
        "modelroutes",
        concat(
            R"({"apiVersion":"reeve.dev/v1","kind":"ModelRoute","metadata":{"name":"models"},"spec":{)",
            R"("providers":[{"name":"open","kind":"openai","baseUrl":"http://127.0.0.1:)",
            provider,
            R"(/v1","credential":"provider-key","allowPrivate":true,"concurrency":10000}],)",
            R"("models":[{"name":"gpt","provider":"open","model":"standin",)",
            R"("prices":{"input":"3","output":"15"},"contextWindow":200000,)",
            R"("maxOutputTokens":4000,"reasoning":false}]}})"
        )
    );
    make(
        "budgetquotas",
        R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"bench"},"spec":{)"
        R"("limits":{"maxTotalTokens":1000000000000,"maxTotalCost":"900000000"}}})"
    );
  }

  /// Of a run that lives until the end.
  std::string token_of_a_run() const {
    const std::string at = data_.string();
    make(
        "missions",
        concat(
            R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"asks"},"spec":{"source":)",
            R"("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: asks}\nspec:\n  tasks:\n)",
            R"(  - name: a\n    script: 'cp \"$REEVE_TOKEN_FILE\" )",
            at,
            R"(/part && mv )",
            at,
            R"(/part )",
            at,
            R"(/token; while [ ! -e )",
            at,
            R"(/end ]; do sleep 1; done'\n"}})"
        )
    );
    for (int tries = 0; tries < 200; ++tries) {
      std::ifstream file(data_ / "token");
      std::string token;
      if (std::getline(file, token) && !token.empty()) {
        return token;
      }
      ::poll(nullptr, 0, 50);
    }
    fail("the run did not start");
  }

  const std::string program_;
  const fs::path data_;
  pid_t pid_ = 0;
  std::string admin_;
  Peer peer_;
};

}  // namespace reeve::bench
