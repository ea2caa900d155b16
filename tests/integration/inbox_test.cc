// The inbox on a real directory, with a kernel that answers from a list.

#include "owner/inbox.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/strings.h"

namespace reeve::owner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDocument = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: w}
spec:
  params: {what: {default: none}}
  tasks: [{name: a, script: 'true'}]
)";

/// From now on this thread makes no links: as if each file were another user's.
void forbid_links() {
#ifdef SYS_link
  constexpr std::uint32_t kLink = SYS_link;
#else
  constexpr std::uint32_t kLink = SYS_linkat;
#endif
  std::array<sock_filter, 5> filter = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kLink, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program = {.len = filter.size(), .filter = filter.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

void without_links(const std::function<void()>& body) {
  std::thread([&body] {
    forbid_links();
    body();
  }).join();
}

class InboxFolder : public testing::Test {
 protected:
  InboxFolder() {
    std::string pattern = (fs::temp_directory_path() / "reeve-inbox-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    workflow_->name = "load";
    workflow::Trigger trigger;
    trigger.name = "files";
    trigger.source = workflow::InboxTrigger{.glob = "*.csv"};
    workflow_->triggers.push_back(std::move(trigger));
    open();
  }

  ~InboxFolder() override { fs::remove_all(dir_); }

  void open() {
    InboxPorts ports;
    ports.call = [this](kernel::Input input) {
      return answer(std::move(input));
    };
    ports.triggers = [this]() -> Result<std::vector<DeployedTrigger>> {
      if (no_triggers_) {
        return *no_triggers_;
      }
      return std::vector<DeployedTrigger>{
          {.ns = triggers_ns_, .workflow = workflow_, .trigger = &workflow_->triggers[0]}};
    };
    ports.room = [this](const DeployedTrigger&) -> Result<Room> {
      return room_;
    };
    ports.now = [this] {
      return now_;
    };
    Result<Inbox> inbox = Inbox::open(dir_, std::move(ports), ns_);
    ASSERT_TRUE(inbox.ok()) << inbox.error().describe();
    inbox_.emplace(std::move(*inbox));
  }

  Result<engine::Reply> answer(kernel::Input input) {
    inputs_.push_back(input);
    if (meanwhile_) {
      meanwhile_();
    }
    return refusal_ ? Result<engine::Reply>(*refusal_) : Result<engine::Reply>(engine::Reply());
  }

  fs::path inbox() const { return inbox_home(dir_, ns_) / "inbox"; }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(inbox() / name) << text;
  }

  /// Puts a complete file in the place of whatever is there.
  void drop(const std::string& name, std::string_view text) const {
    std::ofstream(dir_ / "part") << text;
    fs::rename(dir_ / "part", inbox() / name);
  }

  std::string read(const fs::path& path) const {
    std::stringstream text;
    text << std::ifstream(inbox() / path).rdbuf();
    return text.str();
  }

  std::size_t count(const char* folder) const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(inbox() / folder), fs::directory_iterator())
    );
  }

  std::vector<std::string> scan(const std::set<std::string>& closed = {}) {
    return inbox_->scan(closed);
  }

  /// The files that are there are seen, at rest, and taken.
  std::vector<std::string> settle() {
    scan();
    now_ = now_ + kInboxQuiet;
    return scan();
  }

  fs::path dir_;
  std::shared_ptr<workflow::Workflow> workflow_ = std::make_shared<workflow::Workflow>();
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  std::vector<kernel::Input> inputs_;
  std::function<void()> meanwhile_;
  std::optional<Error> refusal_;
  std::optional<Error> no_triggers_;
  Namespace ns_{"default"};
  Namespace triggers_ns_{"default"};
  Room room_;
  std::optional<Inbox> inbox_;
};

TEST_F(InboxFolder, AFileThatComesWhileItsPredecessorIsTakenIsNotLost) {
  drop("a.csv", "first");
  meanwhile_ = [this] {
    meanwhile_ = nullptr;
    drop("a.csv", "second");
  };
  scan({"a.csv"});
  EXPECT_EQ(read("a.csv"), "second");
  EXPECT_EQ(read("done/a.csv"), "first");
  scan({"a.csv"});
  EXPECT_EQ(inputs_.size(), 2U);
  EXPECT_NE(inputs_[0].id, inputs_[1].id);
  EXPECT_EQ(count("done"), 2U);
  EXPECT_EQ(count("taken"), 0U);
}

TEST_F(InboxFolder, WritingOverANameDoesNotChangeWhatWasTaken) {
  write("a.csv", "first");
  meanwhile_ = [this] {
    meanwhile_ = nullptr;
    write("a.csv", "second");
  };
  scan({"a.csv"});
  EXPECT_EQ(read("done/a.csv"), "first");
  EXPECT_EQ(read("a.csv"), "second");
}

TEST_F(InboxFolder, OfANamespaceConcernsNobodyElse) {
  ns_ = Namespace("team");
  open();
  EXPECT_EQ(inbox(), dir_ / "namespaces" / "team" / "inbox");
  drop("a.csv", "1");
  EXPECT_EQ(scan({"a.csv"}).size(), 1U) << "the trigger is of another namespace";
  EXPECT_TRUE(inputs_.empty());
  EXPECT_EQ(count("failed"), 2U);
  triggers_ns_ = Namespace("team");
  drop("b.csv", "1");
  drop("w.yaml", kDocument);
  EXPECT_TRUE(scan({"b.csv", "w.yaml"}).empty());
  ASSERT_EQ(inputs_.size(), 2U);
  EXPECT_EQ(std::get<engine::ObjectCommand>(inputs_[0].command).object.ns, ns_);
  EXPECT_EQ(std::get<engine::SubmitMission>(inputs_[1].command).ns, ns_);
  EXPECT_EQ(*namespaces_with_inbox(dir_), std::vector{ns_});
  const Timestamp present = from_unix_millis(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 std::chrono::system_clock::now().time_since_epoch()
  )
                                                 .count());
  EXPECT_EQ(*expire_inbox(dir_, present), 0U);
  EXPECT_EQ(*expire_inbox(dir_, present + kInboxKept + Duration(60'000)), 4U);
}

TEST_F(InboxFolder, OfANamespaceIsNoLinkAndHasAGoodName) {
  fs::create_directories(dir_ / "namespaces" / "No" / "inbox");
  fs::create_directories(dir_ / "namespaces" / "default" / "inbox");
  fs::create_directories(dir_ / "namespaces" / "none");
  fs::create_directories(dir_ / "elsewhere" / "inbox");
  fs::create_directory_symlink(dir_ / "elsewhere", dir_ / "namespaces" / "linked");
  EXPECT_TRUE(namespaces_with_inbox(dir_)->empty());
  fs::create_directories(dir_ / "namespaces" / "good" / "inbox");
  EXPECT_EQ(*namespaces_with_inbox(dir_), std::vector{Namespace("good")});
}

TEST_F(InboxFolder, WhatIsFoundAfterACrashIsTheSameInput) {
  drop("a.csv", "1");
  refusal_ = make_error(ErrorCode::Ambiguous, "the process has gone");
  scan({"a.csv"});
  refusal_.reset();
  open();
  scan();
  ASSERT_EQ(inputs_.size(), 2U);
  EXPECT_EQ(inputs_[0].id, inputs_[1].id);
  EXPECT_EQ(read("done/a.csv"), "1");
  EXPECT_EQ(count("taken"), 0U);
}

TEST_F(InboxFolder, ADocumentNeverGetsTheParamsOfAnother) {
  write("w.params.json", R"({"what": "first"})");
  drop("w.yaml", kDocument);
  // Killed after the mission was made, before anything was cleared away.
  refusal_ = make_error(ErrorCode::Ambiguous, "the process has gone");
  scan({"w.yaml"});
  refusal_.reset();
  fs::remove(inbox() / "taken" / "w.yaml");
  drop("w.yaml", kDocument);
  open();
  scan({"w.yaml"});
  ASSERT_EQ(inputs_.size(), 2U);
  const auto params = [this](std::size_t i) {
    return std::get<engine::SubmitMission>(inputs_[i].command).params;
  };
  EXPECT_EQ(params(0).at(0).second, "first");
  EXPECT_TRUE(params(1).empty());
  EXPECT_EQ(count("taken"), 0U);
}

TEST_F(InboxFolder, ADocumentKeepsItsParamsAcrossACrash) {
  write("w.params.json", R"({"what": "mine"})");
  drop("w.yaml", kDocument);
  refusal_ = make_error(ErrorCode::Unavailable, "closing");
  scan({"w.yaml"});
  refusal_.reset();
  open();
  scan();
  EXPECT_EQ(std::get<engine::SubmitMission>(inputs_.back().command).params.at(0).second, "mine");
  EXPECT_EQ(read("done/w.params.json"), R"({"what": "mine"})");
}

TEST_F(InboxFolder, ADocumentToWhichSomebodyStillWritesKeepsItsParams) {
  write("w.params.json", R"({"what": "mine"})");
  drop("w.yaml", kDocument);
  refusal_ = make_error(ErrorCode::Unavailable, "closing");
  scan({"w.yaml"});
  refusal_.reset();
  std::ofstream(inbox() / "taken/w.yaml", std::ios::app) << "# more\n";
  fs::last_write_time(
      inbox() / "taken/w.yaml",
      fs::last_write_time(inbox() / "taken/w.yaml") + std::chrono::seconds(1)
  );
  open();
  EXPECT_TRUE(scan().empty());
  ASSERT_EQ(inputs_.size(), 2U);
  const auto& params = std::get<engine::SubmitMission>(inputs_.back().command).params;
  ASSERT_EQ(params.size(), 1U);
  EXPECT_EQ(params[0].second, "mine");
  EXPECT_EQ(read("done/w.params.json"), R"({"what": "mine"})");
}

TEST_F(InboxFolder, WhatIsNoFaultOfTheFileLeavesItAlone) {
  drop("a.csv", "1");
  no_triggers_ = make_error(ErrorCode::Corrupt, "the store cannot be read");
  EXPECT_EQ(settle().size(), 0U) << "told by the first scan";
  EXPECT_EQ(read("a.csv"), "1");
  no_triggers_.reset();
  refusal_ = make_error(ErrorCode::LimitExceeded, "there are too many live missions", "missions");
  EXPECT_EQ(settle().size(), 1U);
  now_ = now_ + kInboxRetry;
  EXPECT_EQ(scan().size(), 0U) << "told once";
  EXPECT_EQ(inputs_.size(), 2U);
  EXPECT_EQ(count("failed"), 0U);
  refusal_.reset();
  now_ = now_ + kInboxRetry;
  scan();
  EXPECT_EQ(inputs_.size(), 3U);
  EXPECT_EQ(count("taken"), 0U);
}

TEST_F(InboxFolder, AFileIsRefusedForWhatItIs) {
  drop("big.yaml", std::string(workflow::kSourceBytesMax + 1, ' '));
  drop("notes.txt", "hello");
  EXPECT_EQ(settle().size(), 2U);
  EXPECT_NE(read("failed/notes.txt.error.txt").find("no trigger"), std::string::npos);
  EXPECT_TRUE(fs::exists(inbox() / "failed/big.yaml"));
  EXPECT_EQ(count("done"), 0U);
  EXPECT_EQ(count("taken"), 0U);
}

TEST_F(InboxFolder, ALimitThatFollowsFromTheFileRefusesIt) {
  for (const char* subject : {"params", "triggers.files.params", "workflow", ""}) {
    refusal_ = make_error(ErrorCode::LimitExceeded, "is too much", subject);
    drop("a.csv", "1");
    EXPECT_EQ(scan({"a.csv"}).size(), 1U);
    EXPECT_EQ(count("taken"), 0U) << subject;
  }
  EXPECT_EQ(count("failed"), 8U) << "each with its reason";
  EXPECT_EQ(count("done"), 0U);
  refusal_ = make_error(ErrorCode::LimitExceeded, "fired already", "triggers.files.rate_limit");
  drop("a.csv", "1");
  scan({"a.csv"});
  EXPECT_EQ(count("taken"), 1U) << "there is room later";
}

TEST_F(InboxFolder, WaitsWhereARateLimitLeavesNoRoom) {
  room_ = {.missions = 0, .rests_until = now_ + Duration(3'600'000)};
  drop("a.csv", "1");
  settle();
  EXPECT_TRUE(inputs_.empty());
  room_ = {};
  scan();
  EXPECT_TRUE(inputs_.empty()) << "it is not looked at before";
  now_ = now_ + Duration(3'600'000);
  scan();
  EXPECT_EQ(inputs_.size(), 1U);
}

TEST_F(InboxFolder, AFileDoesNotWaitForTheRoomThatItUsedItself) {
  const Room full = {.missions = 0, .rests_until = now_ + Duration(3'600'000)};
  const auto killed_in_the_middle = [&] {
    room_ = {};
    drop("a.csv", "1");
    refusal_ = make_error(ErrorCode::Ambiguous, "the process has gone");
    scan({"a.csv"});
    refusal_.reset();
    room_ = full;
    open();
    EXPECT_TRUE(scan().empty());
    EXPECT_EQ(count("taken"), 0U);
  };
  killed_in_the_middle();
  killed_in_the_middle();
  without_links(killed_in_the_middle);
  EXPECT_EQ(count("done"), 3U);
}

TEST_F(InboxFolder, ARefusalLeavesThePlaceThatMissionsMayKnow) {
  const auto refused_after_a_crash = [&] {
    drop("a.csv", "1");
    refusal_ = make_error(ErrorCode::Ambiguous, "the process has gone");
    scan({"a.csv"});
    refusal_ = make_error(ErrorCode::Invalid, "does not fit any more");
    open();
    EXPECT_EQ(scan().size(), 1U);
    drop("a.csv", "1");
    EXPECT_EQ(scan({"a.csv"}).size(), 1U) << "refused at once: it leaves nothing in done";
  };
  refused_after_a_crash();
  without_links(refused_after_a_crash);
  EXPECT_EQ(count("done"), 2U);
  EXPECT_EQ(count("failed"), 8U) << "each with its reason";
}

TEST_F(InboxFolder, AnyNumberOfFilesMayHaveOneName) {
  for (int i = 0; i < 5; ++i) {
    drop("a.csv", "same");
    scan({"a.csv"});
    drop("b.txt", "same");
    scan({"b.txt"});
  }
  EXPECT_EQ(inputs_.size(), 5U);
  EXPECT_EQ(count("done"), 5U);
  EXPECT_EQ(count("failed"), 10U) << "each with its reason";
}

TEST_F(InboxFolder, TheLongestNamesHavePlacesToo) {
  const std::string name = std::string(251, 'x') + ".csv";
  for (int i = 0; i < 2; ++i) {
    drop(name, "1");
    EXPECT_TRUE(scan({name}).empty());
  }
  EXPECT_EQ(count("done"), 2U);
}

TEST_F(InboxFolder, AFileThatCannotBeLinkedHasACopyUntilItIsFinished) {
  without_links([this] {
    drop("a.csv", "1");
    refusal_ = make_error(ErrorCode::Ambiguous, "the process has gone");
    scan({"a.csv"});
    EXPECT_EQ(count("done"), 1U);
    refusal_.reset();
    open();
    EXPECT_TRUE(scan().empty());
    ASSERT_EQ(inputs_.size(), 2U);
    EXPECT_EQ(inputs_[0].id, inputs_[1].id);
    const auto path = [this](std::size_t i) {
      return std::get<engine::ObjectCommand>(inputs_[i].command).body.find("data")->dump();
    };
    EXPECT_EQ(path(0), path(1)) << "the same place";
    for (int i = 0; i < 2; ++i) {
      drop("a.csv", "1");
      EXPECT_TRUE(scan({"a.csv"}).empty());
    }
  });
  EXPECT_EQ(inputs_.size(), 4U);
  EXPECT_EQ(count("done"), 3U) << "each has its place";
  EXPECT_EQ(count("taken"), 0U);
  for (const fs::directory_entry& each : fs::directory_iterator(inbox() / "done")) {
    EXPECT_EQ(read(each.path()), "1");
  }
}

TEST_F(InboxFolder, GoesOnWhenSomebodyHasClearedItAway) {
  for (const fs::path& cleared : {inbox() / "taken", inbox() / "done", inbox()}) {
    fs::remove_all(cleared);
    EXPECT_TRUE(scan().empty());
    drop("a.csv", "1");
    EXPECT_TRUE(scan({"a.csv"}).empty());
  }
  EXPECT_EQ(inputs_.size(), 3U);
  EXPECT_EQ(count("done"), 1U);
}

TEST_F(InboxFolder, WhatLiesInDoneAndFailedExpires) {
  drop("a.csv", "1");
  drop("b.txt", "1");
  settle();
  const Timestamp present = from_unix_millis(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 std::chrono::system_clock::now().time_since_epoch()
  )
                                                 .count());
  EXPECT_EQ(*expire_inbox(dir_, present), 0U);
  EXPECT_EQ(*expire_inbox(dir_, present + kInboxKept + Duration(60'000)), 3U);
  EXPECT_EQ(count("done") + count("failed"), 0U);
}

TEST_F(InboxFolder, NobodySpeaksForAFileButTheInbox) {
  drop("w.yaml", kDocument);
  settle();
  ASSERT_EQ(inputs_.size(), 1U);
  EXPECT_TRUE(inputs_[0].principal.view().starts_with("inbox:")) << inputs_[0].principal.view();
  EXPECT_TRUE(inputs_[0].groups.empty());
}

}  // namespace
}  // namespace reeve::owner
