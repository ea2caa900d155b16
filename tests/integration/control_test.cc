// The control socket: real sockets and processes, without a kernel behind them.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "owner/control_client.h"
#include "owner/control_server.h"
#include "platform/posix/unix_socket.h"

namespace reeve::owner {
namespace {

namespace fs = std::filesystem;

constexpr Duration kPatience{30'000};

std::string own_login() {
  const passwd* account = ::getpwuid(::geteuid());
  return account == nullptr ? std::to_string(::geteuid()) : std::string(account->pw_name);
}

class ControlSocket : public testing::Test {
 protected:
  ControlSocket() {
    std::string pattern = (fs::temp_directory_path() / "reeve-control-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }

  ~ControlSocket() override {
    server_.reset();
    fs::remove_all(dir_);
  }

  /// A server that answers "echo" with the arguments and who asked, and keeps the rest.
  void start(std::size_t connections_max = 64, Duration line_timeout = kPatience) {
    ControlOptions options;
    options.data_dir = dir_;
    options.connections_max = connections_max;
    options.line_timeout = line_timeout;
    options.handler = [this](protocol::Request request, const Caller& caller, Respond respond) {
      if (request.verb != "echo") {
        kept_.push_back(std::move(respond));
        return;
      }
      Json json = Json::object();
      json.set("args", std::move(request.args)).set("caller", caller.principal.str());
      respond(std::move(json));
    };
    Result<std::unique_ptr<ControlServer>> server = ControlServer::start(std::move(options));
    ASSERT_TRUE(server.ok()) << server.error().describe();
    server_ = std::move(*server);
  }

  Result<Json> ask(std::string verb, Json args = Json::object(), Duration timeout = kPatience) {
    return ask_owner(
        dir_, {.verb = std::move(verb), .id = InputId("test"), .args = std::move(args)}, timeout
    );
  }

  /// A connection that sends `bytes` as they are.
  platform::FileDescriptor connected(std::string_view bytes = {}) {
    Result<platform::FileDescriptor> fd = platform::connect_to(dir_, kControlSocket, kPatience);
    EXPECT_TRUE(fd.ok());
    EXPECT_TRUE(platform::send_all(fd->get(), bytes, kPatience).ok());
    return std::move(*fd);
  }

  static Result<protocol::Response> answer_on(const platform::FileDescriptor& fd) {
    REEVE_TRY(
        const std::string line, platform::receive_line(fd.get(), protocol::kLineBytesMax, kPatience)
    );
    return protocol::decode_response(line);
  }

  fs::path dir_;
  std::unique_ptr<ControlServer> server_;
  std::vector<Respond> kept_;
};

TEST_F(ControlSocket, AnswersAndKnowsWhoAsked) {
  start();
  Json args = Json::object();
  args.set("text", std::string(100'000, 'x'));
  const Result<Json> answer = ask("echo", args);
  ASSERT_TRUE(answer.ok()) << answer.error().describe();
  EXPECT_EQ(*answer->find("args"), args);
  EXPECT_EQ(answer->get_string("caller"), "user:" + own_login());
}

TEST_F(ControlSocket, IsForItsOwnerAlone) {
  start();

  struct stat info {};

  ASSERT_EQ(::stat((dir_ / kControlSocket).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(ControlSocket, WorksAtPathsLongerThanASocketAddress) {
  const fs::path top = dir_;
  for (int i = 0; i < 8; ++i) {
    dir_ /= std::string(50, 'd');
  }
  fs::create_directories(dir_);
  start();
  EXPECT_TRUE(ask("echo").ok());
  server_.reset();
  dir_ = top;
}

TEST_F(ControlSocket, NobodyListensIsNotFoundAndAStaleSocketIsReplaced) {
  EXPECT_EQ(ask("echo").error().code, ErrorCode::NotFound);
  {
    Result<platform::FileDescriptor> dead = platform::listen_at(dir_, kControlSocket, 1);
    ASSERT_TRUE(dead.ok());
  }
  EXPECT_EQ(ask("echo").error().code, ErrorCode::NotFound);
  EXPECT_EQ(ask("echo").error().subject, "control socket");
  start();
  EXPECT_TRUE(ask("echo").ok());
  server_->stop();
  EXPECT_FALSE(fs::exists(dir_ / kControlSocket));
}

TEST_F(ControlSocket, LeavesAFileOfThatNameAlone) {
  std::ofstream(dir_ / kControlSocket) << "mine";
  ControlOptions options;
  options.data_dir = dir_;
  const Result<std::unique_ptr<ControlServer>> server = ControlServer::start(std::move(options));
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code, ErrorCode::Invalid);
  EXPECT_TRUE(fs::exists(dir_ / kControlSocket));
}

TEST_F(ControlSocket, RequestsOfOneConnectionAreAnsweredInTheirOrder) {
  start();
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    protocol::Request request{.verb = "echo", .id = {}, .args = Json::object()};
    request.args.set("n", i);
    lines += protocol::encode(request);
  }
  const platform::FileDescriptor fd = connected(lines);
  std::string received;
  while (std::count(received.begin(), received.end(), '\n') < 20) {
    pollfd item{.fd = fd.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&item, 1, static_cast<int>(kPatience.count())), 1);
    ASSERT_TRUE(*platform::receive_some(fd.get(), received, protocol::kLineBytesMax));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(received.find("{\"n\":" + std::to_string(i) + "}"), std::string::npos) << i;
  }
}

TEST_F(ControlSocket, RefusesLinesThatAreNoRequestOrTooLong) {
  start();
  const Result<protocol::Response> answer = answer_on(connected("hello\n"));
  ASSERT_TRUE(answer.ok() && !answer->ok());
  EXPECT_EQ(answer->error().code, ErrorCode::Invalid);
  const Result<protocol::Response> long_line =
      answer_on(connected(std::string(protocol::kLineBytesMax + 1, 'x')));
  ASSERT_TRUE(long_line.ok() && !long_line->ok());
  EXPECT_EQ(long_line->error().code, ErrorCode::LimitExceeded);
}

TEST_F(ControlSocket, ClosesConnectionsThatSayNothing) {
  start(64, Duration(1));
  const platform::FileDescriptor fd = connected("{\"v\":1,");
  EXPECT_FALSE(answer_on(fd).ok());
}

TEST_F(ControlSocket, TellsTheOneThatIsTooMany) {
  start(2);
  const platform::FileDescriptor first = connected();
  const platform::FileDescriptor second = connected();
  const Result<Json> third = ask("echo");
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code, ErrorCode::Unavailable);
  EXPECT_NE(third.error().message.find("limit"), std::string::npos);
}

TEST_F(ControlSocket, AnswersOfferedAfterTheClientOrTheServerHasGoneAreDropped) {
  start();
  EXPECT_EQ(ask("keep", Json::object(), Duration(10)).error().code, ErrorCode::Ambiguous);
  {
    const platform::FileDescriptor waiting =
        connected(protocol::encode(protocol::Request{.verb = "keep", .id = {}}));
    ASSERT_TRUE(ask("echo").ok());
    server_->stop();
    EXPECT_FALSE(answer_on(waiting).ok());
  }
  for (Respond& respond : kept_) {
    respond(Json::object());
  }
  EXPECT_FALSE(kept_.empty());
}

/// Runs `work` in a child process and returns its exit code.
template <class Work>
int in_child(Work work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ControlSocket, RefusesAnotherUserEvenIfTheModesWereLoosened) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to be somebody else";
  }
  start();
  fs::permissions(dir_, fs::perms::all);
  fs::permissions(dir_ / kControlSocket, fs::perms::all);
  const int code = in_child([this] {
    const bool changed =
        ::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0;
    const Result<Json> answer = ask("echo");
    return changed && !answer.ok() && answer.error().code == ErrorCode::PermissionDenied ? 7 : 1;
  });
  EXPECT_EQ(code, 7);
}

}  // namespace
}  // namespace reeve::owner
