#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/strings.h"
#include "net/client_fixture.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

namespace fs = std::filesystem;
using testing::Event;
using testing::eventually;
using testing::TestClient;

/// A server whose answers say through which socket they were asked for, and a directory.
struct Adding {
  explicit Adding(ServerLimits limits = {}) {
    fs::create_directories(directory);
    server = testing::start_server(
        [this](const std::shared_ptr<Exchange>& exchange) {
          const Request& request = exchange->request();
          if (request.path == "/hold") {
            held = exchange->start(ResponseHead{});
            held->on_close([this] { ended.happen(); });
            return;
          }
          const bool process = request.peer_process.has_value();
          exchange->respond(Response{
              .body = concat(
                  request.listener_tag,
                  " ",
                  process ? concat(request.peer_process->pid, " ", request.peer_process->uid)
                          : "nobody"
              )});
        },
        limits
    );
  }

  ~Adding() {
    server.reset();
    fs::remove_all(directory);
  }

  std::string path(std::string_view name) const { return directory / name; }

  ListenerId add(std::string_view name, std::size_t connections_max = 0) {
    auto added = server->add_listener(ListenerOptions{
        .unix_path = path(name), .tag = concat("tag of ", name), .connections_max = connections_max}
    );
    EXPECT_TRUE(added.ok()) << added.error().describe();
    return added.ok() ? added.value() : 0;
  }

  TestClient connect(std::string_view name) const {
    return TestClient(std::make_unique<testing::PlainPipe>(testing::connect_unix(path(name))));
  }

  const fs::path directory = fs::temp_directory_path() / concat("reeve-net-added-", ::getpid());
  std::shared_ptr<Stream> held;
  Event ended;
  std::unique_ptr<Server> server;
};

TEST(ServerAdded, SaysWhichSocketWasUsedAndByWhom) {
  Adding adding;
  adding.add("a");
  adding.add("b");
  const std::string me = concat(::getpid(), " ", ::getuid());
  EXPECT_EQ(adding.connect("a").get("/"), concat("200 tag of a ", me));
  EXPECT_EQ(adding.connect("b").get("/"), concat("200 tag of b ", me));
  EXPECT_EQ(TestClient::tcp(adding.server->ports()[0]).get("/"), "200  nobody");
  EXPECT_EQ(adding.server->stats().added_listeners, 2U);
}

TEST(ServerAdded, GivesTheFileTheModeThatWasAsked) {
  Adding adding;
  ASSERT_TRUE(adding.server
                  ->add_listener(ListenerOptions{
                      .unix_path = adding.path("group"), .unix_mode = 0660})
                  .ok());
  adding.add("own");
  EXPECT_EQ(fs::status(adding.path("group")).permissions(), fs::perms(0660));
  EXPECT_EQ(fs::status(adding.path("own")).permissions(), fs::perms(0600));
}

TEST(ServerAdded, EndsWithItsFileAndItsConnectionsAndNoOthers) {
  Adding adding;
  const ListenerId gone = adding.add("gone");
  adding.add("stays");
  TestClient idle = adding.connect("gone");
  EXPECT_EQ(idle.get("/").substr(0, 15), "200 tag of gone");
  TestClient streaming = adding.connect("gone");
  streaming.send("GET /hold HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_NE(streaming.read_head(), "");
  TestClient other = adding.connect("stays");
  EXPECT_EQ(other.get("/").substr(0, 16), "200 tag of stays");

  adding.server->remove_listener(gone);
  EXPECT_FALSE(fs::exists(adding.path("gone")));
  EXPECT_EQ(idle.read_rest(), "");
  EXPECT_EQ(streaming.read_rest(), "");
  EXPECT_TRUE(adding.ended.wait());
  EXPECT_EQ(other.get("/").substr(0, 16), "200 tag of stays");
  adding.server->remove_listener(gone);
  EXPECT_EQ(adding.server->stats().added_listeners, 1U);
}

TEST(ServerAdded, CanBeAddedAgainAtOnce) {
  Adding adding;
  for (int at = 0; at < 100; ++at) {
    const ListenerId id = adding.add("again");
    if (at % 2 == 0) {
      EXPECT_EQ(adding.connect("again").get("/").substr(0, 16), "200 tag of again");
    }
    adding.server->remove_listener(id);
  }
  EXPECT_FALSE(fs::exists(adding.path("again")));
}

TEST(ServerAdded, LeavesAFileThatTookItsPlace) {
  Adding adding;
  const ListenerId id = adding.add("replaced");
  fs::remove(adding.path("replaced"));
  std::ofstream(adding.path("replaced")) << "somebody else's";
  adding.server->remove_listener(id);
  ASSERT_TRUE(adding.server->run([] {}, Duration(10'000)).ok());
  EXPECT_TRUE(fs::exists(adding.path("replaced")));
}

TEST(ServerAdded, IsAddedAndRemovedByManyThreads) {
  Adding adding;
  std::vector<std::thread> threads;
  for (const char letter : {'p', 'q', 'r', 's'}) {
    threads.emplace_back([&adding, letter] {
      const std::string name(1, letter);
      for (int at = 0; at < 50; ++at) {
        const ListenerId id = adding.add(name);
        EXPECT_EQ(adding.connect(name).get("/").substr(0, 12), concat("200 tag of ", name));
        adding.server->remove_listener(id);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(adding.server->stats().added_listeners, 0U);
  EXPECT_TRUE(fs::is_empty(adding.directory));
}

TEST(ServerAdded, RefusesWhatItCannotAdd) {
  ServerLimits limits;
  limits.added_listeners_max = 1;
  Adding adding(limits);
  const auto code = [&](ListenerOptions options) {
    auto added = adding.server->add_listener(std::move(options));
    return added.ok() ? ErrorCode::Ambiguous : added.error().code;
  };
  EXPECT_EQ(code(ListenerOptions{}), ErrorCode::Invalid);
  EXPECT_EQ(code(ListenerOptions{.unix_path = adding.path("x"), .tls = true}), ErrorCode::Invalid);
  EXPECT_EQ(code(ListenerOptions{.unix_path = "/nonexistent/x"}), ErrorCode::NotFound);
  std::ofstream(adding.path("file")) << "no socket";
  EXPECT_EQ(code(ListenerOptions{.unix_path = adding.path("file")}), ErrorCode::AlreadyExists);
  const ListenerId only = adding.add("one");
  EXPECT_EQ(code(ListenerOptions{.unix_path = adding.path("two")}), ErrorCode::LimitExceeded);
  adding.server->remove_listener(only);
  adding.add("two");
  adding.server->stop_accepting();
  EXPECT_TRUE(eventually(*adding.server, [&] { return !fs::exists(adding.path("two")); }));
  EXPECT_EQ(code(ListenerOptions{.unix_path = adding.path("three")}), ErrorCode::Unavailable);
}

TEST(ServerAdded, HasALimitOfConnectionsOfItsOwn) {
  Adding adding;
  adding.add("few", 2);
  TestClient first = adding.connect("few");
  TestClient second = adding.connect("few");
  EXPECT_EQ(first.get("/").substr(0, 14), "200 tag of few");
  EXPECT_EQ(second.get("/").substr(0, 14), "200 tag of few");
  EXPECT_EQ(adding.connect("few").read_rest(), "");
  EXPECT_EQ(adding.server->stats().connections_over, 1U);
  EXPECT_EQ(TestClient::tcp(adding.server->ports()[0]).get("/"), "200  nobody");
  { const TestClient gone = std::move(first); }
  EXPECT_TRUE(eventually(*adding.server, [&] {
    return adding.connect("few").get("/").starts_with("200 tag of few");
  }));
}

TEST(ServerAdded, HasAPathLongerThanASocketsAddress) {
  Adding adding;
  const fs::path deep = adding.directory / std::string(100, 'd') / std::string(100, 'e');
  fs::create_directories(deep);
  const auto id =
      adding.server->add_listener(ListenerOptions{.unix_path = deep / "socket", .tag = "deep"});
  ASSERT_TRUE(id.ok()) << id.error().describe();
  EXPECT_EQ(fs::status(deep / "socket").permissions(), fs::perms(0600));
  fs::create_symlink(deep, adding.path("short"));
  EXPECT_EQ(adding.connect("short/socket").get("/").substr(0, 8), "200 deep");
  // The client goes the same way as the listener.
  testing::ClientFixture asking;
  ClientRequest request;
  request.endpoint = Endpoint{.tls = false, .host = "test", .unix_path = deep / "socket"};
  EXPECT_EQ(asking.ask(std::move(request)).substr(0, 8), "200 deep");
  adding.server->remove_listener(id.value());
  EXPECT_FALSE(fs::exists(deep / "socket"));
}

TEST(ServerAdded, IsRemovedWithTheServer) {
  Adding adding;
  adding.add("left");
  adding.server->stop();
  EXPECT_FALSE(fs::exists(adding.path("left")));
  EXPECT_FALSE(adding.server->add_listener(ListenerOptions{.unix_path = adding.path("x")}).ok());
  EXPECT_FALSE(fs::exists(adding.path("x")));
}

}  // namespace
}  // namespace reeve::net
