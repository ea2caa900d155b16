#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "net/client.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net::testing {

/// What tests of the client need: a sink that keeps, and a client on a network thread.

/// Keeps what it is told. Any thread.
class KeepingSink final : public ResponseSink {
 public:
  void on_head(int status, Headers headers) override {
    {
      const std::lock_guard lock(mutex_);
      status_ = status;
      headers_ = std::move(headers);
    }
    head.happen();
    if (then_head) {
      then_head();
    }
  }

  void on_data(std::string_view data) override {
    {
      const std::lock_guard lock(mutex_);
      body_.append(data);
    }
    came.happen();
    if (then_data) {
      then_data();
    }
  }

  void on_end() override {
    over.happen();
    if (then_end) {
      then_end();
    }
  }

  void on_error(ClientStage stage, Error error) override {
    {
      const std::lock_guard lock(mutex_);
      stage_ = stage;
      error_ = std::move(error);
      failed_ = true;
    }
    over.happen();
  }

  /// Waits for the end: "200 body", or "connect unavailable", "sent …", "answer …" for an error.
  std::string outcome() {
    if (!over.wait()) {
      return "nothing";
    }
    const std::lock_guard lock(mutex_);
    if (!failed_) {
      return std::to_string(status_) + " " + body_;
    }
    static constexpr std::string_view kStages[] = {"connect ", "sent ", "answer "};
    return std::string(kStages[static_cast<int>(stage_)]) + std::string(to_string(error_.code));
  }

  std::string body() {
    const std::lock_guard lock(mutex_);
    return body_;
  }

  std::string header(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return std::string(headers_.get(name));
  }

  std::string message() {
    const std::lock_guard lock(mutex_);
    return error_.message;
  }

  std::string described() {
    const std::lock_guard lock(mutex_);
    return error_.describe();
  }

  Event head;
  Event came;
  Event over;
  /// On the network thread.
  std::function<void()> then_head;
  std::function<void()> then_data;
  std::function<void()> then_end;

 private:
  std::mutex mutex_;
  int status_ = 0;
  Headers headers_;
  std::string body_;
  ClientStage stage_ = ClientStage::Connect;
  Error error_;
  bool failed_ = false;
};

/// A client, and the server whose network thread it uses.
class ClientFixture {
 public:
  explicit ClientFixture(ClientOptions options = {}, Handler handler = {})
      : server(start_server(
            handler ? std::move(handler)
                    : [](const std::shared_ptr<Exchange>& exchange) { exchange->respond({}); }
        )),
        client(std::move(Client::create(*server, std::move(options))).value()) {}

  ~ClientFixture() {
    // What sinks hold may hold calls: they go where calls may go.
    client.reset();
    server.reset();
  }

  ClientFixture(const ClientFixture&) = delete;
  ClientFixture& operator=(const ClientFixture&) = delete;

  std::shared_ptr<ClientCall> send(ClientRequest request, std::shared_ptr<KeepingSink> sink) {
    std::shared_ptr<ClientCall> call;
    const Result<void> ran = server->run(
        [&] { call = client->send(std::move(request), std::move(sink)); }, Duration(kPatience)
    );
    EXPECT_TRUE(ran.ok());
    return call;
  }

  /// Sends it and waits for what becomes of it.
  std::string ask(ClientRequest request) {
    const auto sink = std::make_shared<KeepingSink>();
    const std::shared_ptr<ClientCall> call = send(std::move(request), sink);
    return sink->outcome();
  }

  /// Runs `function` where calls may be used.
  void run(const std::function<void()>& function) {
    EXPECT_TRUE(server->run(function, Duration(kPatience)).ok());
  }

  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
};

/// A GET to a port of this machine.
inline ClientRequest get_from(std::uint16_t port, std::string target = "/") {
  ClientRequest request;
  request.endpoint = Endpoint{.tls = false, .host = "127.0.0.1", .port = port};
  request.target = std::move(target);
  return request;
}

inline ClientRequest post_to(std::uint16_t port, std::string body, std::string target = "/") {
  ClientRequest request = get_from(port, std::move(target));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

}  // namespace reeve::net::testing
