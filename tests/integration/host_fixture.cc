#include "host_fixture.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {

namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr int kPatienceMillis = 30'000;

std::filesystem::path make_temp_dir() {
  std::string path = (std::filesystem::temp_directory_path() / "reeve-host-XXXXXX").string();
  return ::mkdtemp(path.data()) != nullptr ? std::filesystem::path(path) : std::filesystem::path();
}

}  // namespace

Bell::Bell(std::filesystem::path path) : path_(path.string()) {
  ::mkfifo(path_.c_str(), 0600);
  // Opened for both, so that there is no end of file between two writers.
  fd_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

Bell::~Bell() {
  ::close(fd_);
}

bool Bell::rings() const {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  return !buffer_.empty() || ::poll(&waiting, 1, 0) > 0;
}

void Bell::ring() const {
  EXPECT_EQ(::write(fd_, "\n", 1), 1);
}

std::string Bell::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatienceMillis) <= 0) {
      ADD_FAILURE() << "the script did not report in time";
      return "0";
    }
    char bytes[4096];
    const ssize_t count = ::read(fd_, bytes, sizeof bytes);
    if (count > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
  }
}

HostTest::HostTest() : root_(std::filesystem::canonical(make_temp_dir())) {
  blobs_ = std::make_unique<blob::BlobStore>(root_ / "blobs");
  options_.data_dir = root_ / "data";
  options_.program = REEVE_SHIM_PROGRAM;
  start_host();
}

HostTest::~HostTest() {
  stop_host();
  const auto removed = platform::remove_tree(root_);
  EXPECT_TRUE(removed.ok());
}

void HostTest::start_host() {
  stop_host();
  auto host = Host::create(options_, *blobs_, [this](model::Report report) {
    const std::lock_guard lock(mutex_);
    reports_.push_back(std::move(report));
    arrived_.notify_all();
  });
  ASSERT_TRUE(host.ok()) << host.error().describe();
  host_ = std::move(host).value();
}

void HostTest::hide_cgroups() {
  // A mount namespace in which none is mounted.
  const std::string wrapper = (root_ / "without-cgroup").string();
  std::ofstream file(wrapper);
  file << "#!/bin/bash\nexec unshare -m bash -c '\n"
          "for at in $(awk '\"'\"'$3 == \"cgroup2\" {print $2}'\"'\"' /proc/mounts); do\n"
          "  umount -l $at || exit 9\ndone\nexec \"$0\" \"$@\"' "
       << REEVE_SHIM_PROGRAM << " \"$@\"\n";
  file.close();
  ::chmod(wrapper.c_str(), 0755);
  if (std::system("unshare -m true 2>/dev/null") != 0) {
    GTEST_SKIP() << "mount namespaces are not allowed here";
  }
  options().program = wrapper;
  start_host();
}

void HostTest::stop_host() {
  if (host_) {
    host_->stop();
    host_.reset();
  }
}

model::Step HostTest::before(std::string text) {
  return {.phase = model::Phase::Before, .script = std::move(text)};
}

model::Step HostTest::main(std::string text) {
  return {.phase = model::Phase::Main, .script = std::move(text)};
}

model::Step HostTest::after(std::string text) {
  return {.phase = model::Phase::After, .script = std::move(text)};
}

model::RunSpec HostTest::script(std::string text) {
  model::RunSpec spec;
  spec.steps.push_back(main(std::move(text)));
  return spec;
}

model::LaunchRun HostTest::request(std::string run, model::RunSpec spec, std::uint64_t fence) {
  return {
      .mission = MissionName("m"),
      .task = TaskName("t"),
      .run = RunName(std::move(run)),
      .fence = Fence(fence),
      .spec = std::move(spec)};
}

model::CancelRun HostTest::cancellation(const model::LaunchRun& launch, std::string reason) {
  return {
      .mission = launch.mission,
      .run = launch.run,
      .fence = launch.fence,
      .reason = std::move(reason)};
}

void HostTest::submit(model::Effect effect) {
  ASSERT_TRUE(host_->submit(std::move(effect)));
}

/// Waits for the first report of this kind about (run, fence) and takes it out of the list.
template <class Kind>
Kind HostTest::await(const model::LaunchRun& launch) {
  const auto is_it = [&](const model::Report& report) {
    const auto* kind = std::get_if<Kind>(&report);
    return kind != nullptr && kind->run == launch.run && kind->fence == launch.fence;
  };
  std::unique_lock lock(mutex_);
  const auto found = [&] {
    return std::find_if(reports_.begin(), reports_.end(), is_it);
  };
  if (!arrived_.wait_for(lock, kPatience, [&] { return found() != reports_.end(); })) {
    ADD_FAILURE() << "no such report about " << launch.run.str() << "; " << reports_.size()
                  << " others";
    return {};
  }
  const auto at = found();
  Kind report = std::get<Kind>(std::move(*at));
  reports_.erase(at);
  return report;
}

void HostTest::await_started(const model::LaunchRun& launch) {
  await<model::RunStarted>(launch);
}

model::RunResult HostTest::await_finished(const model::LaunchRun& launch) {
  return await<model::RunFinished>(launch).result;
}

std::string HostTest::await_lost(const model::LaunchRun& launch) {
  return await<model::RunLost>(launch).detail;
}

model::RunResult HostTest::carry_out(const model::LaunchRun& launch) {
  submit(launch);
  return await_finished(launch);
}

model::RunResult HostTest::carry_out(std::string run, model::RunSpec spec) {
  return carry_out(request(std::move(run), std::move(spec)));
}

std::filesystem::path HostTest::dir_of(std::string_view run) const {
  return options_.data_dir / "missions" / "m" / "runs" / run;
}

std::string HostTest::content(std::string_view run, std::string_view file) const {
  constexpr std::uint64_t kBytesMax = std::uint64_t{64} << 20U;
  const auto text = platform::read_file(dir_of(run) / file, kBytesMax);
  return text.ok() ? *text : concat("<", text.error().describe(), ">");
}

int HostTest::shim_pid(std::string_view run) const {
  const auto shim = read_shim(dir_of(run));
  return shim.ok() ? shim->pid : 0;
}

std::optional<std::string> HostTest::output(const model::RunResult& result, std::string_view name) {
  for (const auto& [key, value] : result.outputs) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

bool HostTest::ends(int process) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (fd < 0) {
    return true;
  }
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  const bool ended = ::poll(&waiting, 1, kPatienceMillis) == 1;
  ::close(fd);
  return ended;
}

bool HostTest::is_alive(int process) {
  return process > 0 && platform::process_start_time(process) != 0;
}

}  // namespace reeve::host
