#include "base/hmac.h"

#include <string>

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(HmacSha256, GivesTheSumsOfRfc4231) {
  EXPECT_EQ(
      hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
  );
  EXPECT_EQ(
      hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
  );
  EXPECT_EQ(
      hmac_sha256_hex(std::string(20, '\xaa'), std::string(50, '\xdd')),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
  );
  // A key that is longer than a block.
  EXPECT_EQ(
      hmac_sha256_hex(
          std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"
      ),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
  );
}

TEST(HmacSha256, TakesEmptyKeysAndTexts) {
  EXPECT_EQ(
      hmac_sha256_hex("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
  );
}

TEST(EqualSecrets, TellsEqualFromDifferent) {
  EXPECT_TRUE(equal_secrets("", ""));
  EXPECT_TRUE(equal_secrets("s3cret", "s3cret"));
  EXPECT_FALSE(equal_secrets("s3cret", "s3cret "));
  EXPECT_FALSE(equal_secrets("s3cret", "S3cret"));
  EXPECT_FALSE(equal_secrets("s3cret", ""));
  EXPECT_FALSE(equal_secrets(std::string("a\0b", 3), std::string("a\0c", 3)));
}

}  // namespace
}  // namespace reeve
