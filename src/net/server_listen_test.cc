#include <cstring>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "base/strings.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

using testing::start_server;
using testing::TestClient;

/// Answers "METHOD path body".
void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  exchange->respond(Response{.body = concat(request.method, " ", request.path, " ", request.body)});
}

TEST(ServerListen, ListensOnUnixSockets) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / concat("reeve-net-", ::getpid());
  const auto start = [&] {
    ServerOptions options;
    options.listeners.push_back(ListenerOptions{.unix_path = path});
    options.handler = [](const std::shared_ptr<Exchange>& exchange) {
      exchange->respond(Response{.body = exchange->request().peer});
    };
    return Server::start(std::move(options));
  };
  {
    const auto server = std::move(start()).value();
    EXPECT_EQ(server->ports()[0], 0);
    const auto mode = std::filesystem::status(path).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    TestClient client(std::make_unique<testing::PlainPipe>(testing::connect_unix(path)));
    EXPECT_EQ(client.get("/"), "200 unix");
    const auto second = start();
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::AlreadyExists);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ServerListen, ReplacesAUnixSocketThatNobodyListensOn) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / concat("reeve-net-dead-", ::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  {
    const platform::FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ServerOptions options;
  options.listeners.push_back(ListenerOptions{.unix_path = path});
  options.handler = echo;
  EXPECT_TRUE(Server::start(std::move(options)).ok());
}

Error start_error(ListenerOptions listener, Handler handler = echo) {
  ServerOptions options;
  options.listeners.push_back(std::move(listener));
  options.handler = std::move(handler);
  auto server = Server::start(std::move(options));
  return server.ok() ? make_error(ErrorCode::Ambiguous, "it started") : server.error();
}

TEST(ServerListen, SaysWhyItCannotStart) {
  const auto server = start_server(echo);
  const Error used = start_error(ListenerOptions{.port = server->ports()[0]});
  EXPECT_EQ(used.code, ErrorCode::AlreadyExists) << used.describe();
  EXPECT_NE(used.describe().find(concat("127.0.0.1:", server->ports()[0])), std::string::npos)
      << used.describe();
  EXPECT_EQ(start_error(ListenerOptions{.address = "localhost"}).code, ErrorCode::Invalid);
  EXPECT_EQ(start_error(ListenerOptions{.address = "192.0.2.1"}).code, ErrorCode::Invalid);
  EXPECT_EQ(start_error(ListenerOptions{.tls = true}).code, ErrorCode::Invalid);
  EXPECT_EQ(start_error(ListenerOptions{}, nullptr).code, ErrorCode::Invalid);
  EXPECT_EQ(
      start_error(ListenerOptions{.unix_path = std::string(200, 'x')}).code, ErrorCode::Invalid
  );
  EXPECT_EQ(
      start_error(ListenerOptions{.unix_path = "/nonexistent/socket"}).code, ErrorCode::NotFound
  );
  EXPECT_FALSE(Server::start(ServerOptions{}).ok());
}

TEST(ServerListen, ListensOnSeveralAddresses) {
  ServerOptions options;
  options.listeners.resize(2);
  options.handler = echo;
  const auto server = std::move(Server::start(std::move(options))).value();
  ASSERT_EQ(server->ports().size(), 2U);
  EXPECT_NE(server->ports()[0], server->ports()[1]);
  for (const std::uint16_t port : server->ports()) {
    EXPECT_EQ(TestClient::tcp(port).get("/"), "200 GET / ");
  }
}

}  // namespace
}  // namespace reeve::net
