#include "net/pipe.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/test_client.h"

namespace reeve::net {
namespace {

using platform::FileDescriptor;
using testing::Event;
using testing::start_server;

struct Ends {
  FileDescriptor read;
  FileDescriptor write;
};

Ends make_pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  return {.read = FileDescriptor(fds[0]), .write = FileDescriptor(fds[1])};
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    ASSERT_GT(count, 0);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 1; count > 0;) {
    count = ::read(fd, buffer.data(), buffer.size());
    text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return text;
}

class PipeTest : public ::testing::Test {
 protected:
  void run(std::function<void()> function) {
    ASSERT_TRUE(server->run(std::move(function), Duration(60'000)).ok());
  }

  /// Waits until the network thread has done what was due.
  void settle() {
    run([] {});
  }

  std::unique_ptr<Server> server =
      start_server([](const std::shared_ptr<Exchange>& exchange) { exchange->respond({}); });
};

TEST_F(PipeTest, ReadsWhatComesAndItsEnd) {
  Ends ends = make_pipe();
  const std::string sent(1'000'000, 'x');
  std::string got;
  Event over;
  std::unique_ptr<PipeReader> reader;
  run([&] {
    reader = std::make_unique<PipeReader>(
        *server,
        std::move(ends.read),
        PipeReader::Told{
            .data = [&](std::string_view piece) { got += piece; },
            .end =
                [&] {
                  over.happen();
                }}
    );
  });
  write_all(ends.write.get(), sent);
  ends.write.reset();
  ASSERT_TRUE(over.wait());
  run([&] { reader.reset(); });
  EXPECT_EQ(got, sent);
}

TEST_F(PipeTest, AReaderMayGoWhileItIsTold) {
  Ends ends = make_pipe();
  Event went;
  std::unique_ptr<PipeReader> reader;
  int told = 0;
  run([&] {
    reader = std::make_unique<PipeReader>(
        *server,
        std::move(ends.read),
        PipeReader::Told{
            .data =
                [&](std::string_view) {
                  ++told;
                  reader.reset();
                  went.happen();
                },
            .end =
                [&] {
                  told += 100;
                }}
    );
  });
  write_all(ends.write.get(), std::string(60'000, 'x'));
  ASSERT_TRUE(went.wait());
  ends.write.reset();
  settle();
  EXPECT_EQ(told, 1);
}

TEST_F(PipeTest, AWriterKnowsWhetherAnybodyReads) {
  Ends ends = make_pipe();
  std::unique_ptr<PipeWriter> writer;
  run([&] {
    writer = std::make_unique<PipeWriter>(*server, std::move(ends.write));
    writer->write("nobody has read that yet");
    EXPECT_TRUE(writer->is_read());
  });
  ends.read.reset();
  run([&] {
    EXPECT_FALSE(writer->is_read());
    writer->write("and nobody will");
    EXPECT_FALSE(writer->is_read());
    writer.reset();
  });
}

TEST_F(PipeTest, WritesAsFastAsTheOtherSideReads) {
  Ends ends = make_pipe();
  std::unique_ptr<PipeWriter> writer;
  std::string sent;
  run([&] {
    writer = std::make_unique<PipeWriter>(*server, std::move(ends.write));
    for (int i = 0; i < 1000; ++i) {
      const std::string line = std::to_string(i) + std::string(1'000, 'x') + "\n";
      sent += line;
      writer->write(line);
    }
    EXPECT_GT(writer->unsent(), 0U) << "a pipe does not hold all that";
  });
  std::string got(sent.size(), '\0');
  for (std::size_t at = 0; at < got.size();) {
    const ssize_t count = ::read(ends.read.get(), got.data() + at, got.size() - at);
    ASSERT_GT(count, 0);
    at += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(got, sent);
  run([&] {
    EXPECT_EQ(writer->unsent(), 0U);
    writer->close();
    writer->write("nobody hears it");
    EXPECT_EQ(writer->unsent(), 0U);
  });
  EXPECT_EQ(read_all(ends.read.get()), "");
  run([&] { writer.reset(); });
}

TEST_F(PipeTest, DropsWhatNobodyReadsAnyMore) {
  Ends ends = make_pipe();
  std::unique_ptr<PipeWriter> writer;
  run([&] {
    writer = std::make_unique<PipeWriter>(*server, std::move(ends.write));
    writer->write(std::string(1'000'000, 'x'));
    EXPECT_GT(writer->unsent(), 0U);
  });
  ends.read.reset();
  EXPECT_TRUE(testing::eventually(*server, [&] {
    bool empty = false;
    run([&] { empty = writer->unsent() == 0; });
    return empty;
  }));
  run([&] {
    writer->write("more");
    EXPECT_EQ(writer->unsent(), 0U);
    writer.reset();
  });
}

TEST_F(PipeTest, EndsWithItsThread) {
  Ends in = make_pipe();
  Ends out = make_pipe();
  int told = 0;
  std::unique_ptr<PipeReader> reader;
  std::unique_ptr<PipeWriter> writer;
  run([&] {
    reader = std::make_unique<PipeReader>(
        *server,
        std::move(in.read),
        PipeReader::Told{
            .data = [&](std::string_view) { ++told; },
            .end =
                [&] {
                  ++told;
                }}
    );
    writer = std::make_unique<PipeWriter>(*server, std::move(out.write));
    writer->write(std::string(1'000'000, 'x'));
  });
  server->stop();
  EXPECT_LT(read_all(out.read.get()).size(), 1'000'000U) << "the end that is written is closed";
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace reeve::net
