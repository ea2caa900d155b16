#include "platform/sandbox/seccomp.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

namespace reeve::sandbox {
namespace {

constexpr std::uint32_t kX86_64 = 0xc000003eU;
constexpr std::uint32_t kAarch64 = 0xc00000b7U;
constexpr std::uint32_t kI386 = 0x40000003U;

struct Call {
  std::uint32_t arch = kX86_64;
  std::uint32_t number = 0;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

std::uint32_t word_at(const Call& call, std::uint32_t offset) {
  constexpr std::uint32_t kHalf = 32;
  switch (offset) {
    case 0:
      return call.number;
    case 4:
      return call.arch;
    case 16:
      return static_cast<std::uint32_t>(call.first);
    case 20:
      return static_cast<std::uint32_t>(call.first >> kHalf);
    case 24:
      return static_cast<std::uint32_t>(call.second);
    default:
      ADD_FAILURE() << "looks at byte " << offset;
      return 0;
  }
}

/// What the kernel would do: carries the program out.
std::uint32_t verdict(const std::vector<Instruction>& program, const Call& call) {
  std::uint32_t loaded = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const Instruction& step = program[at];
    bool holds = false;
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        loaded = word_at(call, step.value);
        continue;
      case BPF_RET | BPF_K:
        return step.value;
      case BPF_JMP | BPF_JEQ | BPF_K:
        holds = loaded == step.value;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        holds = loaded >= step.value;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        holds = (loaded & step.value) != 0;
        break;
      default:
        ADD_FAILURE() << "unknown instruction " << step.code;
        return 0;
    }
    at += holds ? step.if_true : step.if_false;
  }
  ADD_FAILURE() << "runs off its end";
  return 0;
}

std::uint32_t refused(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

TEST(Filter, KillsProgramsOfOtherMachines) {
  const auto x86 = make_filter(Machine::X86_64);
  const auto arm = make_filter(Machine::Aarch64);
  EXPECT_EQ(verdict(x86, {.arch = kI386, .number = 1}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(x86, {.arch = kAarch64, .number = 64}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(arm, {.arch = kX86_64, .number = 1}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(x86, {.number = 0x40000000U + 1}), refused(ENOSYS));
}

TEST(Filter, RefusesWhatLeadsOut) {
  const auto x86 = make_filter(Machine::X86_64);
  for (const std::uint32_t number : {165U, 166U, 155U, 161U, 272U, 308U, 101U, 310U, 311U, 438U}) {
    EXPECT_EQ(verdict(x86, {.number = number}), refused(EPERM)) << number;
  }
  for (const std::uint32_t number : {435U, 425U, 430U, 250U}) {
    EXPECT_EQ(verdict(x86, {.number = number}), refused(ENOSYS)) << number;
  }
  const auto arm = make_filter(Machine::Aarch64);
  for (const std::uint32_t number : {40U, 39U, 41U, 51U, 97U, 268U, 117U, 270U, 271U, 280U}) {
    EXPECT_EQ(verdict(arm, {.arch = kAarch64, .number = number}), refused(EPERM)) << number;
  }
}

TEST(Filter, AllowsOrdinaryWork) {
  const auto x86 = make_filter(Machine::X86_64);
  // read, write, execve, openat, futex, wait4, kill, prctl, memfd_create
  for (const std::uint32_t number : {0U, 1U, 59U, 257U, 202U, 61U, 62U, 157U, 319U}) {
    EXPECT_EQ(verdict(x86, {.number = number}), SECCOMP_RET_ALLOW) << number;
  }
  const auto arm = make_filter(Machine::Aarch64);
  for (const std::uint32_t number : {63U, 64U, 221U, 56U, 98U, 260U}) {
    EXPECT_EQ(verdict(arm, {.arch = kAarch64, .number = number}), SECCOMP_RET_ALLOW) << number;
  }
}

TEST(Filter, AllowsCloneWithoutNamespaces) {
  const auto filter = make_filter(Machine::X86_64);
  constexpr std::uint64_t kThread = 0x003d0f00;
  constexpr std::uint64_t kFork = 0x01200011;
  EXPECT_EQ(verdict(filter, {.number = 56, .first = kThread}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict(filter, {.number = 56, .first = kFork}), SECCOMP_RET_ALLOW);
  for (const std::uint64_t flag :
       {0x00020000U,
        0x02000000U,
        0x04000000U,
        0x08000000U,
        0x10000000U,
        0x20000000U,
        0x40000000U}) {
    EXPECT_EQ(verdict(filter, {.number = 56, .first = kFork | flag}), refused(EPERM)) << flag;
  }
}

TEST(Filter, AllowsTheUsualSocketsOnly) {
  for (const auto& [machine, arch, socket, pair] :
       {std::tuple(Machine::X86_64, kX86_64, 41U, 53U),
        std::tuple(Machine::Aarch64, kAarch64, 198U, 199U)}) {
    const auto filter = make_filter(machine);
    for (const std::uint64_t family : {1U, 2U, 10U, 16U}) {
      EXPECT_EQ(
          verdict(filter, {.arch = arch, .number = socket, .first = family}), SECCOMP_RET_ALLOW
      );
      EXPECT_EQ(
          verdict(filter, {.arch = arch, .number = pair, .first = family}), SECCOMP_RET_ALLOW
      );
    }
    // AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP
    for (const std::uint64_t family : {17U, 38U, 40U, 44U}) {
      EXPECT_EQ(
          verdict(filter, {.arch = arch, .number = socket, .first = family}), refused(EAFNOSUPPORT)
      );
    }
  }
}

TEST(Filter, TypesForNobody) {
  const auto filter = make_filter(Machine::X86_64);
  EXPECT_EQ(verdict(filter, {.number = 16, .second = 0x5412}), refused(EPERM));
  EXPECT_EQ(verdict(filter, {.number = 16, .second = 0x541c}), refused(EPERM));
  EXPECT_EQ(verdict(filter, {.number = 16, .second = 0x5401}), SECCOMP_RET_ALLOW);
  // The kernel looks at the lower half only; so does the filter.
  EXPECT_EQ(verdict(filter, {.number = 16, .second = 0x100005412}), refused(EPERM));
}

TEST(Filter, HasTheNumbersOfThisMachine) {
  const auto filter = make_filter(own_machine());
  const std::uint32_t arch = own_machine() == Machine::X86_64 ? kX86_64 : kAarch64;
  for (const long number :
       {SYS_mount,
        SYS_umount2,
        SYS_unshare,
        SYS_setns,
        SYS_ptrace,
        SYS_bpf,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_process_vm_readv,
        SYS_init_module,
        SYS_kexec_load,
        SYS_reboot,
        SYS_open_by_handle_at}) {
    EXPECT_EQ(
        verdict(filter, {.arch = arch, .number = static_cast<std::uint32_t>(number)}),
        refused(EPERM)
    ) << number;
  }
}

TEST(Filter, FitsIntoTheKernelsLimit) {
  EXPECT_EQ(sizeof(Instruction), sizeof(sock_filter));
  EXPECT_LT(make_filter(Machine::X86_64).size(), std::size_t{BPF_MAXINSNS});
}

}  // namespace
}  // namespace reeve::sandbox
