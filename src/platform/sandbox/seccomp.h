#pragma once

#include <cstdint>
#include <vector>

/// Which system calls processes in a sandbox may make, as a program for the kernel. Pure.
namespace reeve::sandbox {

/// One instruction of classic BPF, laid out like `sock_filter` of the kernel.
struct Instruction {
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;
  std::uint8_t if_false = 0;
  std::uint32_t value = 0;
};

enum class Machine : std::uint8_t { X86_64, Aarch64 };

/// The machine that this program was built for; it runs on no other.
Machine own_machine();

/// Refuses what would lead out of the sandbox or to parts of the kernel that no work needs:
/// mounts, namespaces, looking into other processes, modules, keys, BPF, other kinds of sockets
/// than unix, IP and netlink, typing for others on a terminal. Programs of another machine are
/// killed. Everything else is allowed: what may be reached is decided by namespaces.
std::vector<Instruction> make_filter(Machine machine);

}  // namespace reeve::sandbox
