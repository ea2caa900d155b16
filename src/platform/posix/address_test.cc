#include "platform/posix/address.h"

#include <gtest/gtest.h>

namespace reeve::platform {
namespace {

TEST(PublicAddress, IsNoneOfThisMachineOrItsNetwork) {
  for (const char* address :
       {"127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "",
        "example.com"}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
  for (const char* address : {"93.184.216.34", "172.32.0.1", "2606:4700::1111"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
}

}  // namespace
}  // namespace reeve::platform
