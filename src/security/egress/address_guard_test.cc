#include "security/egress/address_guard.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace reeve::egress {
namespace {

TEST(AddressGuard, ReadsAddressesInDigits) {
  EXPECT_EQ(kind_of("1.1.1.1"), AddressKind::Public);
  EXPECT_EQ(kind_of("127.0.0.1"), AddressKind::Private);
  EXPECT_EQ(kind_of("::1"), AddressKind::Private);
  EXPECT_EQ(kind_of("fe80::1%eth0"), AddressKind::Forbidden);
  EXPECT_EQ(kind_of("::ffff:169.254.169.254"), AddressKind::Forbidden);
  for (const std::string_view other : {"", "localhost", "127.1", "1.1.1.1 ", "0x7f.0.0.1"}) {
    EXPECT_EQ(kind_of(other), AddressKind::Forbidden) << other;
  }
}

AddressKind kind(const char* text) {
  Ipv4 four{};
  if (::inet_pton(AF_INET, text, four.data()) == 1) {
    return kind_of(four);
  }
  Ipv6 six{};
  EXPECT_EQ(::inet_pton(AF_INET6, text, six.data()), 1) << text;
  return kind_of(six);
}

TEST(AddressGuard, LetsPublicAddressesPass) {
  for (const char* text :
       {"1.1.1.1",        "9.255.255.255",  "11.0.0.0",         "100.63.255.255",
        "100.128.0.0",    "128.0.0.1",      "169.253.255.255",  "169.255.0.0",
        "172.15.255.255", "172.32.0.0",     "192.167.255.255",  "192.169.0.0",
        "198.17.255.255", "198.20.0.0",     "223.255.255.255",  "2606:4700::1111",
        "2a00:1450::1",   "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1",
        "2001:200::1"}) {
    EXPECT_EQ(kind(text), AddressKind::Public) << text;
  }
}

TEST(AddressGuard, KnowsThisMachineAndPrivateNetworksInEveryWriting) {
  for (const char* text :
       {"127.0.0.1",
        "127.255.255.255",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "198.18.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "64:ff9b::192.168.0.1",
        "2002:7f00:1::1"}) {
    EXPECT_EQ(kind(text), AddressKind::Private) << text;
  }
}

TEST(AddressGuard, NeverAllowsMetadataServicesMulticastAndReservedAddresses) {
  for (const char* text :
       {"169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "::ffff:168.63.129.16",
        "169.254.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "::",
        "::127.0.0.1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "2001:db8::1",
        "100::1",
        "4000::1"}) {
    EXPECT_EQ(kind(text), AddressKind::Forbidden) << text;
  }
}

TEST(AddressGuard, SaysWhyAndWhatHelps) {
  EXPECT_EQ(refusal(AddressKind::Public, false, "1.1.1.1"), std::nullopt);
  EXPECT_EQ(refusal(AddressKind::Private, true, "::1"), std::nullopt);
  EXPECT_NE(refusal(AddressKind::Private, false, "::1")->find("allowPrivate"), std::string::npos);
  EXPECT_NE(refusal(AddressKind::Forbidden, true, "fe80::1")->find("never"), std::string::npos);
}

TEST(AddressGuard, AsksPrivateAddressesOnlyIfThatIsAllowedAndMetadataNever) {
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
}  // namespace reeve::egress
