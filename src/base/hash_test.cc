#include "base/hash.h"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve {
namespace {

std::string hex(const Sha256Bytes& bytes) {
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

TEST(Sha256, GivesTheStandardsValues) {
  EXPECT_EQ(sha256("").str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(
      sha256("abc").str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
  );
  EXPECT_EQ(
      sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").str(),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
  );
  EXPECT_EQ(
      sha256(std::string(1'000'000, 'a')).str(),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
  );
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1U, 7U, 63U, 64U, 65U, 999U}) {
    Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      hash.update(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(hex(hash.finish()), sha256(text).str()) << piece;
  }
}

TEST(Sha256, StartsAnewAfterFinish) {
  Sha256 hash;
  hash.update("abc");
  const Sha256Bytes first = hash.finish();
  hash.update("abc");
  EXPECT_EQ(hash.finish(), first);
  EXPECT_EQ(hex(hash.finish()), sha256("").str());
}

TEST(Sha256, GoesOnAfterAMove) {
  Sha256 hash;
  hash.update("a");
  Sha256 moved = std::move(hash);
  moved.update("bc");
  EXPECT_EQ(hex(moved.finish()), sha256("abc").str());
}

TEST(StableHash, NeverChanges) {
  // Written into stored data: a change here would break replay.
  EXPECT_EQ(stable_hash(""), 0xecba3df2c3383c52U);
  EXPECT_EQ(stable_hash("a"), 0xed8170de1919a24dU);
  EXPECT_EQ(stable_hash("reeve"), 0xcc004c8236e15346U);
}

TEST(StableHash, SpreadsSimilarTexts) {
  std::set<std::uint64_t> seen;
  std::uint64_t low_bits = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t hash = stable_hash(concat("key-", i));
    seen.insert(hash);
    low_bits += hash & 1U;
  }
  EXPECT_EQ(seen.size(), 10'000U);
  EXPECT_GT(low_bits, 4700U);
  EXPECT_LT(low_bits, 5300U);
}

}  // namespace
}  // namespace reeve
