// What stands between a client and a provider of models costs, with everything on: the model
// gateway of a whole `reeve up` next to nginx as a plain proxy and a gateway of others.
//
//   gateway PROGRAM [SECONDS] [STREAMS] [DIR] [WHO]
//
// 3 seconds for each measurement and 1,000 streams by default; DIR, by default the directory for
// temporary files, is on the disk to be measured; with WHO only peers with this word in their names
// are measured.
//
// The provider is a stand-in on the same machine that answers at once. The gateway checks the token
// of a run, reserves in a budget, records the call durably before it asks and after it was
// answered, and puts in the real key. The others forward. What is not installed is left out, and
// said so: scripts/install_gateways installs it.

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "gateway/load.h"
#include "gateway/machine.h"
#include "gateway/peers.h"
#include "gateway/provider.h"

namespace {

using namespace reeve::bench;
using reeve::concat;

constexpr int kAtOnce = 64;
constexpr std::size_t kLargeBytes = std::size_t{48} << 10U;
constexpr int kChunkEveryMillis = 200;

struct Options {
  int seconds = 3;
  int streams = 1'000;
  std::string who;
};

std::string question(std::string_view text, bool stream) {
  return concat(
      R"({"model":"gpt","messages":[{"role":"user","content":")",
      text,
      R"("}],"max_completion_tokens":100)",
      stream ? R"(,"stream":true})" : "}"
  );
}

/// What was measured of one peer.
struct Figures {
  std::string name;
  Times alone;
  Load small;
  Load large;
  Times first_chunk;
  Streams streams;
};

Figures measure(const Peer& peer, const Options& options) {
  const auto request = [&](std::string_view text, bool stream) {
    return post(peer.path, peer.headers, question(text, stream));
  };
  Figures figures;
  figures.name = peer.name;
  const std::string small = request("What is to be done?", false);
  // Programs that compile themselves while they run are as fast as they get.
  (void)ask_at_once(peer.port, small, kAtOnce, options.seconds, peer.pids);
  figures.alone = ask_in_turn(peer.port, small, options.seconds);
  figures.small = ask_at_once(peer.port, small, kAtOnce, options.seconds, peer.pids);
  const std::string large = request(std::string(kLargeBytes, 'x'), false);
  figures.large = ask_at_once(peer.port, large, kAtOnce, options.seconds, peer.pids);
  figures.first_chunk = first_chunks(peer.port, request("every=0 chunks=1", true), options.seconds);
  const std::string endless = concat("every=", kChunkEveryMillis, " chunks=1000000");
  figures.streams =
      read_streams(peer.port, request(endless, true), options.streams, options.seconds, peer.pids);
  return figures;
}

void print(Figures& of, Figures& direct) {
  std::printf(
      "%-8s  one at a time       p50 %7.0f us  p99 %7.0f us   added %+.0f / %+.0f us\n",
      of.name.c_str(),
      of.alone.at(0.5),
      of.alone.at(0.99),
      of.alone.at(0.5) - direct.alone.at(0.5),
      of.alone.at(0.99) - direct.alone.at(0.99)
  );
  for (auto& [what, load] :
       {std::pair<const char*, Load&>{"small", of.small}, {"48 KiB", of.large}}) {
    std::printf(
        "%-8s  %d at once, %-6s   p50 %7.0f us  p99 %7.0f us   %7.0f /s  %6.1f us CPU each = %.0f "
        "/s "
        "per core\n",
        "",
        kAtOnce,
        what,
        load.times.at(0.5),
        load.times.at(0.99),
        load.per_second,
        load.cpu_micros_each,
        load.cpu_micros_each > 0 ? 1e6 / load.cpu_micros_each : 0
    );
  }
  std::printf(
      "%-8s  first chunk         p50 %7.0f us  p99 %7.0f us   added %+.0f / %+.0f us\n",
      "",
      of.first_chunk.at(0.5),
      of.first_chunk.at(0.99),
      of.first_chunk.at(0.5) - direct.first_chunk.at(0.5),
      of.first_chunk.at(0.99) - direct.first_chunk.at(0.99)
  );
  std::printf(
      "%-8s  each chunk          p50 %7.0f us  p99 %7.0f us   added %+.0f / %+.0f us  %6.1f us CPU "
      "each, %.1f KiB a stream (%zu chunks)\n",
      "",
      of.streams.chunks.at(0.5),
      of.streams.chunks.at(0.99),
      of.streams.chunks.at(0.5) - direct.streams.chunks.at(0.5),
      of.streams.chunks.at(0.99) - direct.streams.chunks.at(0.99),
      of.streams.cpu_micros_a_chunk,
      of.streams.bytes_a_stream / 1024,
      of.streams.chunks.count()
  );
  std::fflush(stdout);
}

/// What the disk charges for one step that has to be on it.
void print_disk(const fs::path& directory) {
  constexpr int kSyncs = 200;
  const std::string block(4096, 'x');
  const int fd = ::open((directory / "sync").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  Times times;
  for (int at = 0; at < kSyncs; ++at) {
    const std::uint64_t begin = now_nanos();
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) {
      fail("the disk refuses to write");
    }
    times.add(now_nanos() - begin);
  }
  ::close(fd);
  std::printf(
      "disk      one fdatasync       p50 %7.0f us  p99 %7.0f us\n", times.at(0.5), times.at(0.99)
  );
}

void raise_limits() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void measure_all(const std::string& program, const fs::path& directory, const Options& options) {
  print_disk(directory);
  std::uint16_t port = 0;
  const pid_t provider = start_provider(port);
  Figures direct = measure(Peer{.name = "direct", .port = port, .pids = {provider}}, options);
  print(direct, direct);
  const auto wanted = [&](std::string_view name) {
    return options.who.empty() || name.find(options.who) != std::string_view::npos;
  };
  std::vector<std::pair<std::string, std::function<std::optional<Peer>()>>> others;
  others.emplace_back("nginx", [&] { return start_nginx(directory, port); });
  others.emplace_back("portkey", [&] { return start_portkey(port); });
  for (const auto& [name, start] : others) {
    const std::optional<Peer> peer = wanted(name) ? start() : std::nullopt;
    if (!peer) {
      std::printf("%-8s  left out: %s\n", name.c_str(), wanted(name) ? "it is not installed" : "");
      continue;
    }
    Figures figures = measure(*peer, options);
    print(figures, direct);
    ::kill(peer->pids.front(), SIGTERM);
    ::waitpid(peer->pids.front(), nullptr, 0);
  }
  if (wanted("reeve")) {
    const ReevePeer reeve(program, directory, port);
    Figures figures = measure(reeve.peer(), options);
    print(figures, direct);
  }
  ::kill(provider, SIGTERM);
  ::waitpid(provider, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fail("usage: gateway PROGRAM [SECONDS] [STREAMS] [DIR] [WHO]");
  }
  ::signal(SIGPIPE, SIG_IGN);
  raise_limits();
  Options options;
  const auto number = [&](int at, int fallback) {
    return argc > at ? std::max(1, std::atoi(argv[at])) : fallback;
  };
  options.seconds = number(2, options.seconds);
  options.streams = number(3, options.streams);
  options.who = argc > 5 ? argv[5] : "";
  std::string scratch =
      concat(argc > 4 ? argv[4] : fs::temp_directory_path().string(), "/reeve-bench-XXXXXX");
  if (::mkdtemp(scratch.data()) == nullptr) {
    fail("no directory");
  }
  measure_all(fs::absolute(argv[1]).string(), scratch, options);
  fs::remove_all(scratch);
  return 0;
}
