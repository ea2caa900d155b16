#include "gateway/tool/gateway.h"

#include <gtest/gtest.h>

namespace reeve::gateway {
namespace {

TEST(ToolGateway, AsksPrivateAddressesOnlyIfThatIsAllowedAndMetadataNever) {
  for (const char* address : {"10.0.0.1", "127.0.0.1", "::1", "fd00::1"}) {
    EXPECT_FALSE(may_ask(address, false)) << address;
    EXPECT_TRUE(may_ask(address, true)) << address;
  }
  for (const char* address :
       {"169.254.169.254", "168.63.129.16", "224.0.0.1", "fe80::1", "nowhere"}) {
    EXPECT_FALSE(may_ask(address, false)) << address;
    EXPECT_FALSE(may_ask(address, true)) << address;
  }
  EXPECT_TRUE(may_ask("93.184.215.14", false));
}

}  // namespace
}  // namespace reeve::gateway
