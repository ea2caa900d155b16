#include <cerrno>
#include <csignal>
#include <fstream>
#include <unistd.h>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "host/process_tree.h"
#include "host_fixture.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "platform/sandbox/groups.h"
#include "platform/sandbox/sandbox.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

using model::RunEnd;
using model::SandboxLevel;

/// Somebody who listens on 127.0.0.1, as other services of the machine do.
class Service {
 public:
  Service() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }

  std::uint16_t port() const { return port_; }

 private:
  platform::FileDescriptor fd_;
  std::uint16_t port_ = 0;
};

/// Runs in a sandbox of a level, where the machine has it.
class HostSandbox : public HostTest, public ::testing::WithParamInterface<SandboxLevel> {
 protected:
  void SetUp() override { need(GetParam()); }

  /// Skips the test, visibly, where there is no such sandbox. Tried by a run: this process has
  /// threads, and the helper program is another one.
  void need(SandboxLevel level) {
    model::RunSpec spec = script("true");
    spec.sandbox.level = level;
    const model::RunResult tried = carry_out("tried", spec);
    if (tried.end == RunEnd::LaunchFailed) {
      GTEST_SKIP() << tried.reason;
    }
    ASSERT_TRUE(tried.succeeded()) << tried.reason;
  }

  static model::RunSpec kept(std::string text, SandboxLevel level = GetParam()) {
    model::RunSpec spec = script(std::move(text));
    spec.sandbox.level = level;
    return spec;
  }

  /// What a script prints that is kept.
  std::string told(std::string run, std::string text) {
    const model::RunResult result = carry_out(run, kept(std::move(text)));
    EXPECT_TRUE(result.succeeded()) << result.reason << content(run, kStderrFile);
    return content(run, kStdoutFile);
  }
};

std::string name_of(const ::testing::TestParamInfo<SandboxLevel>& info) {
  return info.param == SandboxLevel::Isolated ? "Isolated" : "Workspace";
}

INSTANTIATE_TEST_SUITE_P(
    Level, HostSandbox, ::testing::Values(SandboxLevel::Workspace, SandboxLevel::Isolated), name_of
);

TEST_P(HostSandbox, WorksAsOutsideWhereNothingIsKeptFromIt) {
  model::RunSpec spec = kept(
      "echo made > file; mkdir -p d; cp file d/; echo NAME=value >> $REEVE_OUTPUT;"
      "python3 -c 'import os; print(os.getcwd())'; test \"$HOME\" = /tmp/home; touch $HOME/x"
  );
  spec.steps.insert(spec.steps.begin(), before("echo early > /tmp/left; echo early > left"));
  spec.steps.push_back(main("cat /tmp/left left"));
  spec.artifact_paths = {"d/*"};
  const model::RunResult result = carry_out("work", spec);
  ASSERT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(output(result, "NAME"), "value");
  ASSERT_EQ(result.artifacts.size(), 1U);
  EXPECT_EQ(
      content("work", kStdoutFile), concat((dir_of("work") / "work").native(), "\nearly\nearly\n")
  );
}

TEST_P(HostSandbox, EndsWithTheExitCodeOrSignalOfTheStep) {
  EXPECT_EQ(carry_out("code", kept("exit 7")).exit_code, 7);
  const model::RunResult killed = carry_out("signal", kept("kill -SEGV $$"));
  EXPECT_EQ(killed.end, RunEnd::Signalled);
  EXPECT_NE(killed.reason.find("killed by SIGSEGV"), std::string::npos) << killed.reason;
  model::RunSpec missing = kept("#!/no/such/program\n");
  EXPECT_EQ(carry_out("missing", missing).end, RunEnd::LaunchFailed);
}

TEST_P(HostSandbox, SeesNothingOfOtherRunsAndOfTheDataDirectory) {
  carry_out("other", script("echo secret > $REEVE_WORKSPACE/treasure; exit 1"));
  const std::string other = dir_of("other").native();
  ASSERT_TRUE(fs::exists(dir_of("other") / "work" / "treasure"));
  const std::string seen = told(
      "nosy",
      concat(
          "cat ",
          other,
          "/work/treasure ",
          other,
          "/spec.json 2>/dev/null; ls ",
          other,
          "/.. ;",
          "ls ",
          root_.native(),
          "/data; cat ../spec.json ../shim.json 2>/dev/null; find /tmp -name treasure "
          "2>/dev/null; true"
      )
  );
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("treasure"), std::string::npos) << seen;
  EXPECT_EQ(seen, "missions\n");
}

TEST_P(HostSandbox, SeesAndSignalsNoProcessesButItsOwn) {
  Bell bell(root_ / "bell");
  model::RunSpec victim = script(concat("echo $$ > ", bell.path(), "; exec sleep 1000"));
  victim.environment.emplace_back("TREASURE", "secret");
  const auto launch = request("victim", victim);
  submit(launch);
  await_started(launch);
  const int pid = bell.next_pid();
  const std::string seen = told(
      "nosy",
      concat(
          "cat /proc/",
          pid,
          "/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/environ 2>/dev/null | tr "
          "'\\0' '\\n' | grep TREASURE; kill -9 ",
          pid,
          " 2>/dev/null; kill -9 -1 2>/dev/null; echo done"
      )
  );
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
  EXPECT_TRUE(is_alive(pid));
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
}

TEST_P(HostSandbox, ChangesNothingOutside) {
  const std::string outside = (root_ / "outside").native();
  std::ofstream(outside) << "untouched";
  // Some of these places are memory of its own.
  const std::string seen = told(
      "vandal",
      concat(
          "for f in ",
          outside,
          " /usr/bin/reeve-was-here /etc/passwd /proc/sys/kernel/core_pattern "
          "/proc/sysrq-trigger /bin/x ../exit.json ../token; do echo forged 2>/dev/null > $f; done;"
          "rm -rf / 2>/dev/null; cat /etc/passwd > /dev/null && echo still there"
      )
  );
  EXPECT_EQ(seen, "still there\n");
  std::ifstream file(outside);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "untouched");
  EXPECT_FALSE(fs::exists("/usr/bin/reeve-was-here"));
  EXPECT_FALSE(fs::exists(dir_of("vandal") / kTokenFile));
  EXPECT_EQ(content("vandal", kExitFile).find("forged"), std::string::npos);
}

TEST_P(HostSandbox, GetsNoRightsBack) {
  const std::string seen = told(
      "climber",
      "python3 - <<'END'\n"
      "import ctypes, os, socket\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "def tried(name, result):\n"
      "  print(name, 'allowed' if result >= 0 else 'refused')\n"
      "tried('mount', libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None))\n"
      "tried('umount', libc.umount2(b'/proc', 2))\n"
      "tried('unshare', libc.unshare(0x10000000))\n"
      "tried('setns', libc.setns(os.open('/proc/self/ns/mnt', 0), 0))\n"
      "tried('ptrace', libc.ptrace(16, 1, 0, 0))\n"
      "tried('chroot', libc.chroot(b'/tmp'))\n"
      "tried('keyctl', libc.syscall(250, 0, 0, 0))\n"
      "tried('bpf', libc.syscall(321, 0, 0, 0))\n"
      "for family in (17, 38, 40):\n"
      "  try:\n"
      "    socket.socket(family, socket.SOCK_RAW)\n"
      "    print('socket', family)\n"
      "  except OSError: pass\n"
      "for line in open('/proc/self/status'):\n"
      "  if line.startswith(('CapBnd', 'CapEff', 'NoNewPrivs')): print(line.split()[1])\n"
      "END\n"
  );
  EXPECT_EQ(seen.find("allowed"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("socket"), std::string::npos) << seen;
  EXPECT_NE(seen.find("0000000000000000\n0000000000000000\n1\n"), std::string::npos) << seen;
}

TEST_P(HostSandbox, EndsWithEverythingInIt) {
  Bell bell(root_ / "bell");
  const auto launch = request(
      "stubborn",
      kept(concat("trap '' TERM INT HUP; (trap '' TERM; setsid env -i sleep 1000) & setsid sh -c "
                  "'trap \"\" TERM; "
                  "exec sleep 1000' & echo x; sleep 1000"))
  );
  auto quick = launch;
  quick.spec.grace = Duration(100);
  submit(quick);
  await_started(quick);
  const int shim = shim_pid("stubborn");
  submit(cancellation(quick));
  const model::RunResult result = await_finished(quick);
  EXPECT_EQ(result.end, RunEnd::Cancelled);
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_TRUE(ends(shim));
  const auto spec = read_spec(dir_of("stubborn"));
  ASSERT_TRUE(spec.ok());
  EXPECT_TRUE(processes_marked(spec->mark).empty());
}

TEST_P(HostSandbox, IsMadeAnewForWhatComesAfterAKilledStep) {
  model::RunSpec spec = kept("trap '' TERM; sleep 1000");
  spec.timeout = Duration(4'000);
  spec.grace = Duration(50);
  spec.steps.push_back(after("id -u > kept; ls /proc | grep -c '^[0-9]' ; echo cleaned"));
  const model::RunResult result = carry_out("late", spec);
  EXPECT_EQ(result.end, RunEnd::TimedOut);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  EXPECT_NE(content("late", kStdoutFile).find("cleaned"), std::string::npos);
}

TEST_P(HostSandbox, IsLostWithItsShimAndLeavesNothing) {
  const auto launch = request("orphan", kept("sleep 1000 & sleep 1000"));
  submit(launch);
  await_started(launch);
  const auto spec = read_spec(dir_of("orphan"));
  ASSERT_TRUE(spec.ok());
  ::kill(shim_pid("orphan"), SIGKILL);
  await_lost(launch);
  EXPECT_TRUE(processes_marked(spec->mark).empty());
}

TEST_P(HostSandbox, MakesSoManyProcessesAndNoMore) {
  model::RunSpec spec = kept(
      "python3 - <<'END'\n"
      "import os, signal\n"
      "made = 0\n"
      "try:\n"
      "  while made < 2000:\n"
      "    if os.fork() == 0: signal.pause()\n"
      "    made += 1\n"
      "except OSError: pass\n"
      "print('few' if made < 60 else made)\n"
      "END\n"
  );
  spec.sandbox.processes_max = 50;
  const model::RunResult result = carry_out("forks", spec);
  ASSERT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(content("forks", kStdoutFile), "few\n");
}

TEST_P(HostSandbox, WritesNoFileThatIsTooLarge) {
  model::RunSpec spec = kept(
      "trap '' XFSZ; head -c 300000 /dev/zero > large; stat -c %s large;"
      "head -c 9000000 /dev/zero > /tmp/full; df --output=size -B1 /tmp | tail -1 | tr -d ' '"
  );
  spec.sandbox.file_bytes_max = 100'000;
  spec.sandbox.temp_bytes_max = std::uint64_t{1} << 20U;
  const model::RunResult result = carry_out("full", spec);
  EXPECT_EQ(content("full", kStdoutFile), "100000\n1048576\n") << result.reason;
}

TEST_P(HostSandbox, IsEndedWhenItsDirectoryHasGrownTooLarge) {
  model::RunSpec spec = kept("head -c 30000000 /dev/zero > large; sleep 1000");
  spec.sandbox.disk_bytes_max = 10'000'000;
  const model::RunResult result = carry_out("hoarder", spec);
  EXPECT_EQ(result.end, RunEnd::Signalled);
  EXPECT_NE(result.reason.find("diskBytesMax is 10000000"), std::string::npos) << result.reason;
}

TEST_P(HostSandbox, HasNoVariablesOfTheHost) {
  ::setenv("HOST_TREASURE", "secret", 1);
  model::RunSpec spec = kept("env");
  spec.environment.emplace_back("OWN", "mine");
  const model::RunResult result = carry_out("env", spec);
  ::unsetenv("HOST_TREASURE");
  ASSERT_TRUE(result.succeeded()) << result.reason;
  const std::string seen = content("env", kStdoutFile);
  EXPECT_EQ(seen.find("secret"), std::string::npos);
  EXPECT_NE(seen.find("OWN=mine"), std::string::npos);
}

TEST_P(HostSandbox, ReadsWhatTheTaskNamesAndRefusesTheDataDirectory) {
  const fs::path shown = root_ / "shown";
  fs::create_directories(shown);
  std::ofstream(shown / "file") << "for all";
  model::RunSpec spec = kept(concat("cat ", shown.native(), "/file; touch ", shown.native(), "/x"));
  spec.sandbox.readable = {shown.native()};
  const model::RunResult result = carry_out("reader", spec);
  EXPECT_EQ(content("reader", kStdoutFile), "for all");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_FALSE(fs::exists(shown / "x"));
  for (const fs::path& path : {root_ / "data", root_, root_ / "nowhere"}) {
    spec.sandbox.readable = {path.native()};
    const model::RunResult refused = carry_out(concat("r", path.filename().native()), spec);
    EXPECT_EQ(refused.end, RunEnd::LaunchFailed) << path;
    EXPECT_NE(refused.reason.find(path.native()), std::string::npos) << refused.reason;
  }
}

class HostIsolation : public HostSandbox {};

INSTANTIATE_TEST_SUITE_P(Level, HostIsolation, ::testing::Values(SandboxLevel::Isolated), name_of);

TEST_P(HostIsolation, ReachesNoAddressWhatever) {
  const Service service;
  const std::string seen = told(
      "caller",
      concat(
          "python3 - <<'END'\nimport socket\n",
          "for host, port in (('127.0.0.1', ",
          service.port(),
          "), ('::1', ",
          service.port(),
          "), ('169.254.169.254', 80), ('10.0.0.1', 80), ('8.8.8.8', 53)):\n"
          "  s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)\n"
          "  s.settimeout(5)\n"
          "  try:\n"
          "    s.connect((host, port)); print('reached', host)\n"
          "  except OSError: print('refused')\n"
          "END\n"
      )
  );
  EXPECT_EQ(seen, "refused\nrefused\nrefused\nrefused\nrefused\n");
}

TEST_P(HostIsolation, HasNothingButItsLoopback) {
  EXPECT_EQ(told("devices", "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"), "lo\n");
}

/// A machine without user namespaces, as far as runs can tell.
class HostWithoutNamespaces : public HostTest {};

TEST_F(HostWithoutNamespaces, RefusesARunBeforeAnythingHasStarted) {
  const std::string wrapper = (root_ / "without-namespaces").native();
  {
    // The limit of a user namespace in which the shim lives; the machine's own stays as it is.
    std::ofstream file(wrapper);
    file << "#!/bin/bash\nexec unshare -r bash -c 'echo 0 > /proc/sys/user/max_user_namespaces || "
            "exit 9; "
            "exec \"$0\" \"$@\"' "
         << REEVE_SHIM_PROGRAM << " \"$@\"\n";
  }
  ::chmod(wrapper.c_str(), 0755);
  if (std::system("unshare -r true 2>/dev/null") != 0) {
    GTEST_SKIP() << "user namespaces are not allowed here";
  }
  options().program = wrapper;
  start_host();
  model::RunSpec spec = script("echo started; touch started");
  spec.sandbox.level = SandboxLevel::Workspace;
  spec.sandbox.processes_max = 0;
  const model::RunResult result = carry_out("refused", spec);
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_NE(
      result.reason.find(
          "this machine gives no sandbox \"workspace\": the kernel makes no user namespace"
      ),
      std::string::npos
  ) << result.reason;
  EXPECT_FALSE(fs::exists(dir_of("refused") / "work" / "started"));
}

}  // namespace
}  // namespace reeve::host
