#include "platform/sandbox/seccomp.h"

#include <cerrno>

namespace reeve::sandbox {

namespace {

// Of linux/bpf_common.h, linux/seccomp.h and linux/audit.h, for any machine.
constexpr std::uint16_t kLoad = 0x20;         // BPF_LD | BPF_W | BPF_ABS
constexpr std::uint16_t kJumpEqual = 0x15;    // BPF_JMP | BPF_JEQ | BPF_K
constexpr std::uint16_t kJumpGreater = 0x35;  // BPF_JMP | BPF_JGE | BPF_K
constexpr std::uint16_t kJumpSet = 0x45;      // BPF_JMP | BPF_JSET | BPF_K
constexpr std::uint16_t kReturn = 0x06;       // BPF_RET | BPF_K
constexpr std::uint32_t kKillProcess = 0x80000000U;
constexpr std::uint32_t kErrno = 0x00050000U;
constexpr std::uint32_t kAllow = 0x7fff0000U;
constexpr std::uint32_t kArchX86_64 = 0xc000003eU;
constexpr std::uint32_t kArchAarch64 = 0xc00000b7U;
/// Numbers from here on are those of x32.
constexpr std::uint32_t kX32 = 0x40000000U;

// Of struct seccomp_data; both machines are little-endian.
constexpr std::uint32_t kNumberAt = 0;
constexpr std::uint32_t kArchAt = 4;
constexpr std::uint32_t kFirstArgumentAt = 16;
constexpr std::uint32_t kSecondArgumentAt = 24;

/// Not a call of that machine.
constexpr int kNone = -1;

struct Refused {
  int x86_64;
  int aarch64;
  int error;
};

/// Calls that programs try before they fall back to another are unknown (ENOSYS), the others are
/// forbidden.
constexpr Refused kRefused[] = {
    // The file tree.
    {165, 40, EPERM},      // mount
    {166, 39, EPERM},      // umount2
    {155, 41, EPERM},      // pivot_root
    {161, 51, EPERM},      // chroot
    {428, 428, ENOSYS},    // open_tree
    {429, 429, ENOSYS},    // move_mount
    {430, 430, ENOSYS},    // fsopen
    {431, 431, ENOSYS},    // fsconfig
    {432, 432, ENOSYS},    // fsmount
    {433, 433, ENOSYS},    // fspick
    {442, 442, ENOSYS},    // mount_setattr
    {467, 467, ENOSYS},    // open_tree_attr
    {303, 264, EPERM},     // name_to_handle_at
    {304, 265, EPERM},     // open_by_handle_at
    {167, 224, EPERM},     // swapon
    {168, 225, EPERM},     // swapoff
    {179, 60, EPERM},      // quotactl
    {443, 443, EPERM},     // quotactl_fd
    {180, 42, ENOSYS},     // nfsservctl
    {139, kNone, ENOSYS},  // sysfs
    {134, kNone, ENOSYS},  // uselib
    {300, 262, EPERM},     // fanotify_init
    // Namespaces. What clone may do is looked at below.
    {272, 97, EPERM},    // unshare
    {308, 268, EPERM},   // setns
    {435, 435, ENOSYS},  // clone3: its flags are in memory, where no filter can look
    // Other processes.
    {101, 117, EPERM},  // ptrace
    {310, 270, EPERM},  // process_vm_readv
    {311, 271, EPERM},  // process_vm_writev
    {438, 438, EPERM},  // pidfd_getfd
    {440, 440, EPERM},  // process_madvise
    {312, 272, EPERM},  // kcmp
    {279, 239, EPERM},  // move_pages
    {256, 238, EPERM},  // migrate_pages
    // The kernel.
    {175, 105, EPERM},     // init_module
    {313, 273, EPERM},     // finit_module
    {176, 106, EPERM},     // delete_module
    {174, kNone, ENOSYS},  // create_module
    {177, kNone, ENOSYS},  // get_kernel_syms
    {178, kNone, ENOSYS},  // query_module
    {246, 104, EPERM},     // kexec_load
    {320, 294, EPERM},     // kexec_file_load
    {321, 280, EPERM},     // bpf
    {298, 241, EPERM},     // perf_event_open
    {323, 282, EPERM},     // userfaultfd
    {425, 425, ENOSYS},    // io_uring_setup
    {426, 426, ENOSYS},    // io_uring_enter
    {427, 427, ENOSYS},    // io_uring_register
    {212, 18, ENOSYS},     // lookup_dcookie
    {103, 116, EPERM},     // syslog
    {156, kNone, ENOSYS},  // _sysctl
    {163, 89, EPERM},      // acct
    {153, 58, EPERM},      // vhangup
    {154, kNone, ENOSYS},  // modify_ldt
    {172, kNone, EPERM},   // iopl
    {173, kNone, EPERM},   // ioperm
    {169, 142, EPERM},     // reboot
    {170, 161, EPERM},     // sethostname
    {171, 162, EPERM},     // setdomainname
    {164, 170, EPERM},     // settimeofday
    {227, 112, EPERM},     // clock_settime
    // Keys belong to accounts, not to namespaces.
    {248, 217, ENOSYS},  // add_key
    {249, 218, ENOSYS},  // request_key
    {250, 219, ENOSYS},  // keyctl
};

struct Looked {
  std::uint32_t clone;
  std::uint32_t socket;
  std::uint32_t socketpair;
  std::uint32_t ioctl;
};

constexpr Looked kX86_64Looked{.clone = 56, .socket = 41, .socketpair = 53, .ioctl = 16};
constexpr Looked kAarch64Looked{.clone = 220, .socket = 198, .socketpair = 199, .ioctl = 29};

/// CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr std::uint32_t kNewNamespaces = 0x7e020080U;

// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK.
constexpr std::uint32_t kFamilies[] = {1, 2, 10, 16};

// TIOCSTI, TIOCLINUX, TIOCSETD: they type for others.
constexpr std::uint32_t kTerminalRequests[] = {0x5412, 0x541c, 0x5423};

class Writer {
 public:
  void load(std::uint32_t at) { add(kLoad, 0, 0, at); }

  void leave(std::uint32_t verdict) { add(kReturn, 0, 0, verdict); }

  void refuse(int error) { leave(kErrno | static_cast<std::uint32_t>(error)); }

  /// What follows up to `skipped` instructions holds only if the value is the one loaded.
  void only_if_equal(std::uint32_t value, std::uint8_t skipped) {
    add(kJumpEqual, 0, skipped, value);
  }

  void only_if_at_least(std::uint32_t value, std::uint8_t skipped) {
    add(kJumpGreater, 0, skipped, value);
  }

  void only_if_any(std::uint32_t bits, std::uint8_t skipped) { add(kJumpSet, 0, skipped, bits); }

  void skip_if_equal(std::uint32_t value, std::uint8_t skipped) {
    add(kJumpEqual, skipped, 0, value);
  }

  std::vector<Instruction> take() { return std::move(program_); }

 private:
  void add(std::uint16_t code, std::uint8_t if_true, std::uint8_t if_false, std::uint32_t value) {
    program_.push_back({.code = code, .if_true = if_true, .if_false = if_false, .value = value});
  }

  std::vector<Instruction> program_;
};

/// Sockets of other families reach drivers, other machines' memory or virtual machines' hosts.
void write_families(Writer& writer, std::uint32_t call) {
  constexpr std::uint8_t kCount = sizeof kFamilies / sizeof kFamilies[0];
  writer.only_if_equal(call, kCount + 3);
  writer.load(kFirstArgumentAt);
  std::uint8_t left = kCount;
  for (const std::uint32_t family : kFamilies) {
    // Over the other families and the refusal.
    writer.skip_if_equal(family, left--);
  }
  writer.refuse(EAFNOSUPPORT);
  writer.leave(kAllow);
}

void write_terminal(Writer& writer, std::uint32_t call) {
  constexpr std::uint8_t kCount = sizeof kTerminalRequests / sizeof kTerminalRequests[0];
  writer.only_if_equal(call, kCount * 2 + 2);
  writer.load(kSecondArgumentAt);
  for (const std::uint32_t request : kTerminalRequests) {
    writer.only_if_equal(request, 1);
    writer.refuse(EPERM);
  }
  writer.leave(kAllow);
}

void write_clone(Writer& writer, std::uint32_t call) {
  constexpr std::uint8_t kLength = 4;
  writer.only_if_equal(call, kLength);
  writer.load(kFirstArgumentAt);
  writer.only_if_any(kNewNamespaces, 1);
  writer.refuse(EPERM);
  writer.leave(kAllow);
}

}  // namespace

Machine own_machine() {
#if defined(__aarch64__)
  return Machine::Aarch64;
#else
  return Machine::X86_64;
#endif
}

std::vector<Instruction> make_filter(Machine machine) {
  const bool x86 = machine == Machine::X86_64;
  const Looked& looked = x86 ? kX86_64Looked : kAarch64Looked;
  Writer writer;
  writer.load(kArchAt);
  writer.skip_if_equal(x86 ? kArchX86_64 : kArchAarch64, 1);
  writer.leave(kKillProcess);
  writer.load(kNumberAt);
  if (x86) {
    writer.only_if_at_least(kX32, 1);
    writer.refuse(ENOSYS);
  }
  for (const Refused& refused : kRefused) {
    const int number = x86 ? refused.x86_64 : refused.aarch64;
    if (number != kNone) {
      writer.only_if_equal(static_cast<std::uint32_t>(number), 1);
      writer.refuse(refused.error);
    }
  }
  write_clone(writer, looked.clone);
  write_families(writer, looked.socket);
  write_families(writer, looked.socketpair);
  write_terminal(writer, looked.ioctl);
  writer.leave(kAllow);
  return writer.take();
}

}  // namespace reeve::sandbox
