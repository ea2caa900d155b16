#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "blob/blob_store.h"
#include "host/host.h"
#include "host/run_dir.h"
#include "model/effect.h"

namespace reeve::host {

/// A named pipe through which scripts tell the test how far they are.
class Bell {
 public:
  explicit Bell(std::filesystem::path path);
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  const std::string& path() const { return path_; }

  /// The next line; a failure of the test after 30 s.
  std::string next();

  /// Whether there is a line, now.
  bool rings() const;

  /// Lets a script that reads a line go on.
  void ring() const;

  int next_pid() { return std::stoi(next()); }

 private:
  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

/// A data directory, a host that can be stopped and replaced, and what it reported.
class HostTest : public ::testing::Test {
 protected:
  HostTest();
  ~HostTest() override;

  void start_host();
  void stop_host();

  /// Starts a host whose shims see no version 2 hierarchy of control groups; skips the test where
  /// nothing can be hidden.
  void hide_cgroups();

  /// Changes what hosts started from here on are like.
  HostOptions& options() { return options_; }

  static model::Step before(std::string script);
  static model::Step main(std::string script);
  static model::Step after(std::string script);
  static model::RunSpec script(std::string text);
  static model::LaunchRun request(std::string run, model::RunSpec spec, std::uint64_t fence = 1);
  static model::CancelRun cancellation(
      const model::LaunchRun& launch, std::string reason = "no longer needed"
  );

  void submit(model::Effect effect);
  void await_started(const model::LaunchRun& launch);
  model::RunResult await_finished(const model::LaunchRun& launch);
  std::string await_lost(const model::LaunchRun& launch);

  /// Submits and waits for the result.
  model::RunResult carry_out(const model::LaunchRun& launch);
  model::RunResult carry_out(std::string run, model::RunSpec spec);

  std::filesystem::path dir_of(std::string_view run) const;
  std::string content(std::string_view run, std::string_view file) const;
  int shim_pid(std::string_view run) const;

  static std::optional<std::string> output(const model::RunResult& result, std::string_view name);
  /// Whether `process` ends within 30 s.
  static bool ends(int process);
  static bool is_alive(int process);

  std::filesystem::path root_;
  std::unique_ptr<blob::BlobStore> blobs_;

 private:
  template <class Kind>
  Kind await(const model::LaunchRun& launch);

  HostOptions options_;
  std::unique_ptr<Host> host_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<model::Report> reports_;
};

}  // namespace reeve::host
