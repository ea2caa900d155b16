#include "security/sealing/sealing.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "security/sealing/keyring.h"

namespace reeve::sealing {
namespace {

namespace fs = std::filesystem;

constexpr Binding kToken{.ns = "default", .name = "token"};

TEST(Key, OpensWhatItSealed) {
  const auto key = Key::random();
  ASSERT_TRUE(key.ok());
  for (const std::string_view value : {"hunter22", "", "with\nlines\n"}) {
    const auto sealed = key->seal(kToken, value);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->find("hunter22"), std::string::npos);
    const auto opened = key->open(kToken, *sealed);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->view(), value);
  }
}

TEST(Key, SealsTheSameValueDifferentlyEachTime) {
  const auto key = Key::random();
  EXPECT_NE(*key->seal(kToken, "hunter22"), *key->seal(kToken, "hunter22"));
}

TEST(Key, RefusesAnotherNameNamespaceOrChangedText) {
  const auto key = Key::random();
  const std::string sealed = *key->seal(kToken, "hunter22");
  for (const Binding& other :
       {Binding{.ns = "default", .name = "other"},
        Binding{.ns = "prod", .name = "token"},
        Binding{.ns = "defaul", .name = "ttoken"}}) {
    const auto opened = key->open(other, sealed);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::Corrupt);
  }
  for (std::size_t i = sealed.rfind('.') + 1; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(key->open(kToken, changed).ok()) << i;
    EXPECT_FALSE(key->open(kToken, sealed.substr(0, i)).ok()) << i;
  }
}

TEST(Key, SaysThatAValueWasSealedWithAnother) {
  const auto key = Key::random();
  const auto other = Key::random();
  const std::string sealed = *key->seal(kToken, "hunter22");
  const auto opened = other->open(kToken, sealed);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::NotFound);
  EXPECT_EQ(*key_id_of(sealed), key->id());
  EXPECT_FALSE(key_id_of("hunter22").ok());
  EXPECT_FALSE(key_id_of("v1..x").ok());
  // The id alone does not make a key the right one.
  auto forged = Key::from_bytes(key->id(), Secret(std::string(kKeyBytes, 'x')));
  EXPECT_EQ(forged->open(kToken, sealed).error().code, ErrorCode::Corrupt);
}

TEST(Key, RefusesAValueBeyondItsLimit) {
  const auto key = Key::random();
  EXPECT_TRUE(key->seal(kToken, std::string(kSealedValueBytesMax, 'x')).ok());
  const auto sealed = key->seal(kToken, std::string(kSealedValueBytesMax + 1, 'x'));
  ASSERT_FALSE(sealed.ok());
  EXPECT_EQ(sealed.error().code, ErrorCode::LimitExceeded);
}

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() {
    std::string name = (fs::temp_directory_path() / "reeve-keys-XXXXXX").native();
    root_ = ::mkdtemp(name.data());
    dir_ = root_ / "keys";
  }

  ~KeyringTest() override { fs::remove_all(root_); }

  mode_t mode_of(const fs::path& path) const {
    struct stat info {};

    ::stat(path.c_str(), &info);
    return info.st_mode & 0777U;
  }

  fs::path root_;
  fs::path dir_;
};

TEST_F(KeyringTest, MakesAPrivateKeyAtFirstUseAndKeepsIt) {
  EXPECT_EQ(Keyring::open(dir_, nullptr).error().code, ErrorCode::NotFound);
  const auto first = Keyring::open_or_create(dir_, nullptr);
  ASSERT_TRUE(first.ok()) << first.error().describe();
  EXPECT_EQ(mode_of(dir_), 0700U);
  EXPECT_EQ(mode_of(dir_ / "master"), 0600U);
  const auto again = Keyring::open_or_create(dir_, nullptr);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->open_value(kToken, *first->seal(kToken, "hunter22"))->view(), "hunter22");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(KeyringTest, RefusesAKeyThatOthersCanReadAndSaysWhatToDo) {
  ASSERT_TRUE(Keyring::open_or_create(dir_, nullptr).ok());
  ::chmod((dir_ / "master").c_str(), 0640);
  const auto open = Keyring::open_or_create(dir_, nullptr);
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().code, ErrorCode::PermissionDenied);
  EXPECT_TRUE(open.error().hint.starts_with("chmod 600 ")) << open.error().hint;
  ::chmod((dir_ / "master").c_str(), 0600);
  ::chmod(dir_.c_str(), 0755);
  EXPECT_TRUE(Keyring::open(dir_, nullptr).error().hint.starts_with("chmod 700 "));
}

TEST_F(KeyringTest, RefusesAKeyOfAnotherUser) {
  ASSERT_TRUE(Keyring::open_or_create(dir_, nullptr).ok());
  if (::chown((dir_ / "master").c_str(), 12345, static_cast<gid_t>(-1)) != 0) {
    GTEST_SKIP() << "only root can give files away";
  }
  const auto open = Keyring::open(dir_, nullptr);
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().code, ErrorCode::PermissionDenied);
  EXPECT_TRUE(open.error().hint.starts_with("chown ")) << open.error().hint;
}

TEST_F(KeyringTest, RefusesWhatIsNoKeyFile) {
  ASSERT_TRUE(Keyring::open_or_create(dir_, nullptr).ok());
  const fs::path master = dir_ / "master";
  std::ofstream(master) << "reeve key 1\nid abc\nkind file\nkey AAAA\n";
  EXPECT_EQ(Keyring::open(dir_, nullptr).error().code, ErrorCode::Corrupt);
  std::ofstream(master) << "something else\n";
  EXPECT_EQ(Keyring::open(dir_, nullptr).error().code, ErrorCode::Corrupt);
  fs::rename(master, root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", master);
  EXPECT_FALSE(Keyring::open(dir_, nullptr).ok());
}

TEST_F(KeyringTest, TellsAWrongPassphraseFromAMissingOne) {
  const Secret right("correct horse");
  const Secret wrong("battery staple");
  const auto made = Keyring::open_or_create(dir_, &right);
  ASSERT_TRUE(made.ok()) << made.error().describe();
  EXPECT_TRUE(made->needs_passphrase());
  const std::string sealed = *made->seal(kToken, "hunter22");
  EXPECT_EQ(Keyring::open(dir_, &right)->open_value(kToken, sealed)->view(), "hunter22");
  EXPECT_EQ(Keyring::open(dir_, &wrong).error().message, "the passphrase is wrong");
  EXPECT_EQ(Keyring::open(dir_, nullptr).error().message, "needs a passphrase");
}

TEST_F(KeyringTest, RotatesWithoutAMomentInWhichAValueCannotBeOpened) {
  const auto old = Keyring::open_or_create(dir_, nullptr);
  const std::string sealed = *old->seal(kToken, "hunter22");
  const auto rotation = Rotation::begin(dir_, nullptr, nullptr);
  ASSERT_TRUE(rotation.ok());
  const std::string sealed_again = *rotation->ring().seal(kToken, "hunter22");
  // Interrupted here: the old key is still the master, and both open.
  const auto between = Keyring::open(dir_, nullptr);
  EXPECT_EQ(between->master().id(), old->master().id());
  EXPECT_TRUE(between->open_value(kToken, sealed_again).ok());
  const auto resumed = Rotation::begin(dir_, nullptr, nullptr);
  EXPECT_EQ(resumed->ring().master().id(), rotation->ring().master().id());
  const auto retired = resumed->finish();
  ASSERT_TRUE(retired.ok());
  const auto after = Keyring::open(dir_, nullptr);
  EXPECT_EQ(after->master().id(), rotation->ring().master().id());
  EXPECT_TRUE(after->open_value(kToken, sealed).ok());
  fs::remove(dir_ / *retired);
  EXPECT_EQ(
      Keyring::open(dir_, nullptr)->open_value(kToken, sealed).error().code, ErrorCode::NotFound
  );
}

TEST_F(KeyringTest, RotatesFromAKeyFileToAPassphrase) {
  ASSERT_TRUE(Keyring::open_or_create(dir_, nullptr).ok());
  const Secret passphrase("correct horse");
  const auto rotation = Rotation::begin(dir_, nullptr, &passphrase);
  ASSERT_TRUE(rotation.ok());
  const std::string sealed = *rotation->ring().seal(kToken, "hunter22");
  ASSERT_TRUE(rotation->finish().ok());
  EXPECT_FALSE(Keyring::open(dir_, nullptr).ok());
  EXPECT_TRUE(Keyring::open(dir_, &passphrase)->open_value(kToken, sealed).ok());
}

TEST_F(KeyringTest, ReadsThePassphraseFromTheFirstLine) {
  const fs::path file = root_ / "passphrase";
  std::ofstream(file) << "correct horse\r\nsecond line\n";
  EXPECT_EQ(read_passphrase(file)->view(), "correct horse");
  std::ofstream(file) << "\n";
  EXPECT_EQ(read_passphrase(file).error().code, ErrorCode::Invalid);
  std::ofstream(file) << std::string(5000, 'x');
  EXPECT_EQ(read_passphrase(file).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(read_passphrase(root_ / "none").error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace reeve::sealing
